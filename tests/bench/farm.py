"""What `make bench` measures of the farm: runs that do nothing, ranks that wait, storing, start-up, and how two ranks compare with one."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import h5py

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = ROOT / "build" / "release" / "gensweep"
sys.path.insert(0, str(ROOT / "tests"))

from support import ranks_of  # noqa: E402

SWEEP = """\
name: equal
seeds: 0-3
parameters: {model: gan, steps: 200}
evaluation: {samples: 2560}
"""
ALONE = "name: alone\nseeds: 0\nparameters: {model: gan, steps: 100000}\n"
ORACLE = "name: oracle\nseeds: 0\nparameters: {model: oracle}\n"
NOTHING = "name: nothing\nseeds: 0\nparameters: {model: oracle, steps: 1, batch_size: 2}\nevaluation: {samples: 1}\n"


def launch(ranks, *arguments, cwd):
    environment = dict(os.environ, OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1", OPENBLAS_NUM_THREADS="1")
    command = ["mpirun", "-n", str(ranks), "--oversubscribe", str(PROGRAM), *map(str, arguments)]
    begun = time.monotonic()
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=True)
    return time.monotonic() - begun, done.stdout


def sweep(folder, text, ranks):
    """Seconds on the clock."""
    (folder / "sweep.yaml").write_text(text)
    return launch(ranks, "sweep.yaml", "-o", "r.h5", "--fresh", "--progress", "none", cwd=folder)[0]


def apart(folder, *shares):
    """Seconds on the clock for shares of the same runs by programs that know nothing of each other: what the cores of this machine can do."""
    (folder / "sweep.yaml").write_text(SWEEP)
    begun = time.monotonic()
    programs = [subprocess.Popen([str(PROGRAM), "sweep.yaml", f"seeds={seeds}", "-o", f"{seeds}.h5", "--fresh", "--progress", "none"], cwd=folder,
                                 stdout=subprocess.DEVNULL, env=dict(os.environ, OPENBLAS_NUM_THREADS="1")) for seeds in shares]
    ends = [program.wait() for program in programs]
    if any(ends):
        sys.exit(f"sweeps on their own end with {ends}")
    return time.monotonic() - begun


def ticks(process):
    """Of a processor, used by a process until now."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def idle_share(folder, seconds=10):
    """Of a core, by the busier of two ranks that have nothing to do while a third trains."""
    (folder / "sweep.yaml").write_text(ALONE)
    results = folder / "idle.h5"
    environment = dict(os.environ, OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1", OPENBLAS_NUM_THREADS="1")
    process = subprocess.Popen(["mpirun", "-n", "3", "--oversubscribe", str(PROGRAM), "sweep.yaml", "-o", str(results)], cwd=folder, env=environment,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(4)
    ranks = ranks_of(results)
    before = [ticks(rank) for rank in ranks]
    time.sleep(seconds)
    used = sorted(ticks(rank) - earlier for rank, earlier in zip(ranks, before))
    process.send_signal(signal.SIGUSR1)
    process.wait()
    return used[1] / os.sysconf("SC_CLK_TCK") / seconds


def storage_share(folder):
    """Of a run's time, for packing its results and writing them: of the oracle, which has the shortest runs by default."""
    sweep(folder, ORACLE, 1)
    with h5py.File(folder / "r.h5") as file:
        ranks = file["provenance/per_rank"]
        packing = ranks["training_seconds"][0] - file["runs/seconds"][0]
        return (packing + ranks["managing_seconds"][0]) / ranks["present_seconds"][0]


def start(folder, *arguments):
    """Seconds that 64 ranks take from start to end."""
    (folder / "sweep.yaml").write_text(NOTHING)
    return min(launch(64, *arguments, cwd=folder)[0] for _ in range(3))


def measure(runs=100_000):
    """What build/bench.json has of the farm. In memory where there is /dev/shm, so that no disk is measured."""
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(dir=memory) as name:
        folder = Path(name)
        null_runs = []
        for ranks in (1, 2, 4):
            lines = launch(ranks, "bench", "--null-runs", runs, "--json", cwd=folder)[1].splitlines()
            null_runs += [json.loads(line) for line in lines]
        rounds = [(sweep(folder, SWEEP, 1), sweep(folder, SWEEP, 2), apart(folder, "0-3"), apart(folder, "0-1", "2-3")) for _ in range(3)]
        one, two, one_apart, two_apart = (min(seconds) for seconds in zip(*rounds))
        return {
            "null_runs": null_runs,
            "two_ranks_as_fast": one / two,
            "two_apart_as_fast": one_apart / two_apart,
            "idle_share": idle_share(folder),
            "storage_share": storage_share(folder),
            "start_64_seconds": start(folder, "sweep.yaml", "-o", "r.h5", "--fresh", "--progress", "none"),
            "start_64_idle_seconds": start(folder, "--version"),
            "cores": os.cpu_count(),
        }


def report(farm):
    """The same as lines of text."""
    for it in farm["null_runs"]:
        waits = f"; a rank waits {it['wait_median_us']:.0f} us (99 %: {it['wait_99_us']:.0f})" if "wait_median_us" in it else ""
        yield (f"{it['ranks']} rank{'s' if it['ranks'] > 1 else ' '} {it['what']:24s} {it['runs_per_second']:9,.0f} runs/s, {it['by_rank_0'] / it['runs']:4.0%} of them on rank 0, "
               f"which manages {it['rank_0_busy']:.0%} of the time, {it['rank_0_bytes'] / 1e6:.0f} MB{waits}")
    yield f"two ranks are {farm['two_ranks_as_fast']:.2f} times as fast as one (4 equal runs, {farm['cores']} cores); two programs on their own {farm['two_apart_as_fast']:.2f}"
    yield f"a rank that waits uses {farm['idle_share']:.2%} of a core"
    yield f"packing and writing results: {farm['storage_share']:.1%} of an oracle's run"
    yield f"64 ranks, one run of one step: {farm['start_64_seconds']:.1f} s from start to end; with --version, {farm['start_64_idle_seconds']:.1f} s"


if __name__ == "__main__":
    print("\n".join(report(measure())))
