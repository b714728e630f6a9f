"""`make bench`: what a training step costs against its own matrix products, and what sampling costs; build/bench.json and a table.

The core is measured by build/release/bench_core, one process a case, pinned to one core. The figures depend on the kernels that OpenBLAS
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
    """The JSON lines of one case, or None where this version has no such model."""
    program = ROOT / "build" / "release" / "bench_core"
    pinned = ["taskset", "-c", "0"] if os.access("/usr/bin/taskset", os.X_OK) else []
    done = subprocess.run([*pinned, program, *case], capture_output=True, text=True, check=False,
                          env=dict(os.environ, OPENBLAS_NUM_THREADS="1"))
    if done.returncode != 0:
        print(f"{' '.join(case)}: not measured ({done.stderr.strip() or 'exit status ' + str(done.returncode)})", file=sys.stderr)
        return None
    return [json.loads(line) for line in done.stdout.splitlines()]


def main():
    results = {"coretype_variable": os.environ.get("OPENBLAS_CORETYPE", ""), "cases": []}
    header = f"{'case':36s} {'step ms':>9s} {'products ms':>12s} {'ratio':>6s} {'GFLOP/s':>8s} {'12,800 samples s':>17s} {'classify s':>11s} {'MiB':>5s}"
    for case in CASES:
        lines = measure(case)
        if lines is None:
            continue
        kernels, train, sample = lines
        if not results["cases"]:
            results.update(blas=kernels["blas"], vector=kernels["vector"])
            print(f"BLAS kernel {kernels['blas']}, vector kernel {kernels['vector']}, one core\n{header}")
        results["cases"].append({"case": " ".join(case), "train": train, "sample": sample})
        print(f"{' '.join(case):36s} {train['ms']:9.3f} {train['products_ms']:12.3f} {train['ratio']:6.2f} {train['products_gflops']:8.1f} "
              f"{sample['seconds']:17.2f} {sample['classify_seconds']:11.3f} {sample['peak_mib']:5.0f}", flush=True)
    path = ROOT / "build" / "bench.json"
    path.write_text(json.dumps(results, indent=1) + "\n")
    print(f"written to {path.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
