"""`make bench`: what a training step costs against its own matrix products, and what sampling costs; build/bench.json and a table.

`python3 tests/bench/bench.py gan vae` measures these models only. The core is measured by build/release/bench_core, one process a case, pinned to one core. The figures depend on the kernels that OpenBLAS
chooses: they are in the output, and OPENBLAS_CORETYPE in the environment changes them.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CASES = (
    ["gan"],
    ["gan", "minibatch_discrimination=off"],
    ["oracle"],
    ["vae"],
    ["autoregressive"],
    ["autoregressive", "network=lstm"],
    ["diffusion"],
)


def measure(case):
    """What bench_core says of one case, by its key "what"; None where it fails."""
    program = ROOT / "build" / "release" / "bench_core"
    pinned = ["taskset", "-c", "0"] if os.access("/usr/bin/taskset", os.X_OK) else []
    done = subprocess.run([*pinned, program, *case], capture_output=True, text=True, check=False,
                          env=dict(os.environ, OPENBLAS_NUM_THREADS="1"))
    if done.returncode != 0:
        print(f"{' '.join(case)}: not measured ({done.stderr.strip() or 'exit status ' + str(done.returncode)})", file=sys.stderr)
        return None
    return {line["what"]: line for line in map(json.loads, done.stdout.splitlines())}


COLUMNS = (("case", 36), ("step ms", 9), ("products ms", 12), ("ratio", 6), ("GFLOP/s", 8), ("sampling ratio", 15), ("12,800 samples s", 17),
           ("classify s", 11), ("MiB", 5))


def row(case, measured):
    """One line of the table."""
    train, part, sample = measured["train"], measured["sample_part"], measured["sample"]
    cells = (case, f"{train['ms']:.3f}", f"{train['products_ms']:.3f}", f"{train['ratio']:.2f}", f"{train['products_gflops']:.0f}",
             f"{part['ratio']:.2f}", f"{sample['seconds']:.2f}", f"{sample['classify_seconds']:.3f}", f"{sample['peak_mib']:.0f}")
    return " ".join(f"{cell:{'<' if i == 0 else '>'}{width}s}" for i, (cell, (_, width)) in enumerate(zip(cells, COLUMNS)))


def main():
    results = {"coretype_variable": os.environ.get("OPENBLAS_CORETYPE", ""), "cases": []}
    for case in CASES:
        measured = measure(case) if len(sys.argv) == 1 or case[0] in sys.argv[1:] else None
        if measured is None:
            continue
        if not results["cases"]:
            results.update(blas=measured["kernels"]["blas"], vector=measured["kernels"]["vector"])
            print(f"BLAS kernel {results['blas']}, vector kernel {results['vector']}, one core")
            print(" ".join(f"{name:{'<' if i == 0 else '>'}{width}s}" for i, (name, width) in enumerate(COLUMNS)))
        results["cases"].append({"case": " ".join(case), **measured})
        print(row(" ".join(case), measured), flush=True)
    path = ROOT / "build" / "bench.json"
    path.write_text(json.dumps(results, indent=1) + "\n")
    print(f"written to {path.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
