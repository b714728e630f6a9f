"""gensweep plan's estimates beside what the runs really take: seconds of one core, and bytes of the file.

Usage: bill.py (make bill-check). Time is the processor time of the whole program, without that of a launch that finds nothing to do; other work on
the machine disturbs it less than the time on the clock. Bytes are estimated twice: before anything has run, and when the first of the two runs is in
the file. What samples deflate to depends on what the model learns, which nobody knows before, and differs between seeds. Ends with exit status 1 if an
estimate is off by more than 25 %.
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


def seconds_of(*arguments: str) -> float:
    start = processor_seconds()
    run(*arguments, "--progress", "none")
    return processor_seconds() - start


def main() -> int:
    wrong = 0
    print(f"{'sweep':60s} {'estimate':>9s} {'real':>9s} {'ratio':>6s}   {'first':>9s} {'second':>9s} {'real':>9s} {'ratios':>13s}")
    with tempfile.TemporaryDirectory() as folder:
        for number, (model, steps, samples, storage) in enumerate(CASES):
            sweep, whole, half = (str(Path(folder) / f"{number}{end}") for end in (".yaml", ".h5", "-half.h5"))
            Path(sweep).write_text(SWEEP.format(model=model, steps=steps, samples=samples, storage=storage))
            plan = json.loads(run("plan", sweep, "--json", "--ranks", "1", "-o", whole))
            estimate, first = plan["makespan_seconds"], plan["hdf5_bytes"]
            seconds = seconds_of(sweep, "-o", whole)
            seconds -= seconds_of(sweep, "-o", whole)
            seconds_of(sweep, "seeds=0", "-o", half)
            second = json.loads(run("plan", sweep, "--json", "--no-measure", "-o", half))["hdf5_bytes"]
            size = os.path.getsize(whole)
            ratios = (estimate / seconds, first / size, second / size)
            wrong += not all(1 / 1.25 <= ratio <= 1.25 for ratio in ratios)
            name = f"{model}, {steps} steps, {samples} samples, storage: {storage}"
            print(f"{name:60s} {estimate:7.1f} s {seconds:7.1f} s {ratios[0]:6.2f}   {first / 1e6:6.2f} MB {second / 1e6:6.2f} MB "
                  f"{size / 1e6:6.2f} MB {ratios[1]:6.2f} {ratios[2]:6.2f}", flush=True)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
