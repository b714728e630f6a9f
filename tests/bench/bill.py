"""gensweep plan's estimates beside what the runs really take: seconds of one core, and bytes of the file.

Usage: bill.py (make bill-check). Time is the processor time of the whole program, which other work on the machine
disturbs less than the time on the clock. Bytes are estimated twice: before anything has run, and when half of the runs are in the file. What samples
deflate to depends on what the model has learned, which nobody knows before. Ends with exit status 1 if an estimate of time, or the second of bytes,
is off by more than 25 % or 10 %.
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = ROOT / "build" / "release" / "gensweep"
SWEEP = "name: bill\nseeds: 0-1\nparameters: {{model: {model}, steps: {steps}}}\nevaluation: {{samples: {samples}}}\nstorage: {storage}\n"
CASES = [  # model, steps, samples, storage
    ("gan", 500, 12800, "{}"),
    ("vae", 5000, 12800, "{}"),
    ("diffusion", 1000, 640, "{}"),
    ("oracle", 5000, 12800, "{compression: 1}"),
    ("vae", 500, 2560, "{samples: none}"),
    ("gan", 100, 2560, "{samples: none, checkpoints: none}"),
    ("autoregressive", 10000, 640, "{checkpoints: none}"),
    ("oracle", 100, 2560, "{compression: 0}"),
]


def processor_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def run(*arguments: str) -> str:
    environment = dict(os.environ, OPENBLAS_NUM_THREADS="1")
    return subprocess.run([PROGRAM, *arguments], env=environment, capture_output=True, text=True, check=True).stdout


def main() -> int:
    wrong = 0
    print(f"{'sweep':60s} {'estimate':>9s} {'real':>9s} {'ratio':>6s}   {'first':>9s} {'second':>9s} {'real':>9s} {'ratios':>13s}")
    with tempfile.TemporaryDirectory() as folder:
        for number, (model, steps, samples, storage) in enumerate(CASES):
            sweep, results = Path(folder) / f"{number}.yaml", Path(folder) / f"{number}.h5"
            sweep.write_text(SWEEP.format(model=model, steps=steps, samples=samples, storage=storage))
            plan = json.loads(run("plan", str(sweep), "--json", "--ranks", "1", "-o", str(results)))
            start = processor_seconds()
            run(str(sweep), "seeds=0", "-o", str(results), "--progress", "none")
            real = processor_seconds() - start
            refined = json.loads(run("plan", str(sweep), "--json", "--no-measure", "-o", str(results)))
            start = processor_seconds()
            run(str(sweep), "-o", str(results), "--progress", "none")
            real += processor_seconds() - start
            time = plan["makespan_seconds"] / real
            bytes_ = results.stat().st_size
            first, second = plan["hdf5_bytes"] / bytes_, refined["hdf5_bytes"] / bytes_
            wrong += not 1 / 1.25 <= time <= 1.25 or not 1 / 1.1 <= second <= 1.1
            name = f"{model}, {steps} steps, {samples} samples, storage: {storage}"
            print(f"{name:60s} {plan['makespan_seconds']:7.1f} s {real:7.1f} s {time:6.2f}   "
                  f"{plan['hdf5_bytes'] / 1e6:6.2f} MB {refined['hdf5_bytes'] / 1e6:6.2f} MB {bytes_ / 1e6:6.2f} MB {first:6.2f} {second:6.2f}", flush=True)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
