"""`make scale`: what becomes of sweeps on many ranks, by the real scheduler and recorded durations (durations.txt), as docs/scale.md has it."""

import subprocess
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
SIMULATE = FOLDER.parents[1] / "build" / "release" / "simulate"
CASES = [  # runs, ranks, order
    (640, 64, "plan"), (640, 64, "backward"), (640, 64, "longest"), (6400, 64, "backward"), (6400, 64, "longest"), (100_000, 1000, "backward"),
    (100_000, 1000, "longest"), (1_000_000, 10_000, "longest"), (1_000_000, 20_000, "longest"), (1_000_000, 40_000, "longest"),
]
HEAD = (f"{'runs':>8s} {'ranks':>7s} {'order':8s} {'makespan s':>12s} {'bound s':>12s} {'ratio':>8s} {'rank 0 busy':>11s} {'wait s':>10s} {'messages':>12s} "
        f"{'MiB':>8s} {'took s':>8s}")

print(HEAD)
for runs, ranks, order in CASES:
    print(subprocess.run([SIMULATE, FOLDER / "durations.txt", str(runs), str(ranks), order], check=True, capture_output=True, text=True).stdout, end="", flush=True)
