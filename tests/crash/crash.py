"""Kills the program at every change that it makes to a file, and at random moments, and looks what is left.

After every kill: the file, if it has its name already, can be read by h5py (swmr=True); every run that is marked done is whole and equal to the
one of an uninterrupted sweep; the same command again finishes, and all results are then bit for bit those of the uninterrupted sweep.

    python3 tests/crash/crash.py             all change points and torn writes of all scenarios, then 200 random kills
    python3 tests/crash/crash.py --points 25 so many of them, evenly spread; --random N; --scenario NAME; --seed N
"""

import argparse
import multiprocessing
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import h5py
import numpy as np

ROOT = Path(__file__).resolve().parent.parent.parent
PROGRAM = Path(os.environ.get("GENSWEEP_PROGRAM", ROOT / "build" / "release" / "gensweep")).resolve()

SWEEP = """\
name: crash
seeds: 0-1
parameters:
  model: gan
  minibatch_discrimination: [off, on]
  steps: 6
  batch_size: 8
  generator_steps: 1
  generator_hidden_1: 16
  generator_hidden_2: 24
  discriminator_hidden_1: 24
  discriminator_hidden_2: 16
  discriminator_hidden_3: 8
evaluation: {samples: 500, every: 3}
storage: {sync: 1h}
"""

# Who trained what, when and in which launch may differ; nothing else may.
MAY_DIFFER = ("provenance", "runs/rank", "runs/seconds", "runs/attempts", "runs/interruptions", "runs/launch", "sweep/history_launch")

# name: (arguments that make the file, whether that launch is killed half way, arguments of the launch that is tested)
SCENARIOS = {
    "new": (None, False, []),
    "resume": ([], True, []),
    "history": ([], True, ["storage.sync=0s"]),
    "extend": (["minibatch_discrimination=on", "seeds=0", "steps=4"], False,
               ["minibatch_discrimination=on", "seeds=0", "steps=4,6", "evaluation.samples=500,600"]),
    "midrun": (None, False, ["storage.checkpoint_every=0.000001s", "steps=24"]),
}
WATCHED = {"midrun": "r.h5.running"}  # whose changes are counted; what else is written is that of "new"
BY_TIME = ("midrun",)  # how many changes there are depends on time: the last ones may not be reached


def environment(**more):
    return dict(os.environ, OPENBLAS_NUM_THREADS="1", OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1", **more)


def run(folder, arguments, killer=None, watched="r.h5", **variables):
    """The finished process; with `killer`, which counts the changes of files like `watched`, under its eyes."""
    if killer:
        variables = dict(variables, LD_PRELOAD=str(killer), KILLER_FILE=watched)
    return subprocess.run([PROGRAM, "sweep.yaml", "-o", "r.h5", "--progress", "none", *arguments], cwd=folder, capture_output=True,
                          text=True, timeout=120, check=False, env=environment(**variables))


def build_killer(folder):
    library = Path(folder) / "killer.so"
    subprocess.run(["cc", "-std=c11", "-O1", "-shared", "-fPIC", "-o", library, ROOT / "tests/crash/killer.c", "-ldl"], check=True)
    return library


def new_folder(base):
    folder = Path(tempfile.mkdtemp(dir=base))
    (folder / "sweep.yaml").write_text(SWEEP)
    return folder


def datasets(file):
    names = []
    file.visititems(lambda name, item: names.append(name) if isinstance(item, h5py.Dataset) else None)
    return [name for name in names if not name.startswith(MAY_DIFFER)]


def read_all(path):
    """Every dataset that must not differ, as bytes."""
    with h5py.File(path, "r") as file:
        return {name: file[name][()].tobytes() for name in datasets(file)}


def rows_by_id(path, **how):
    """What every finished run left, by its identity: a dictionary of the bytes of its rows."""
    found = {}
    with h5py.File(path, "r", **how) as file:
        names = [name for name in datasets(file) if name.startswith(("runs/", "digests/", "coverage/", "metrics/", "samples/", "curves/"))]
        names = [name for name in names if not h5py.h5ds.is_scale(file[name].id) and name not in ("runs/planned", "runs/label", "runs/variant")]
        layouts = {}
        for layout in file.get("checkpoints", {}).values():
            tensors = []
            layout.visititems(lambda name, item: tensors.append(name) if isinstance(item, h5py.Dataset) and name not in ("run", "checkpoint") else None)
            for place, row in enumerate(layout["run"][...]):
                layouts[int(row)] = (layout, place, sorted(tensors))
        for row in np.flatnonzero(file["runs/status"][...] == 2):
            # as wide as the run itself is, so that rows of files that were widened can be compared
            samples, points = int(file["settings/evaluation.samples"][row]), int((file["curves/step"][row] >= 0).sum())
            along = int((file["coverage/over_training/step"][row] >= 0).sum())
            parts = {}
            for name in names:
                value = file[name][row]
                width = samples if name.startswith("samples/") else points if name.startswith("curves/") else None
                width = along if name.startswith("coverage/over_training/") else width
                parts[name] = np.asarray(value if width is None else value[:width]).tobytes()
            layout, place, tensors = layouts[int(row)]
            parts["checkpoint"] = b"".join(layout[tensor][place].tobytes() for tensor in tensors)
            found[file["runs/id"][row]] = parts
    return found


class Bench:
    """One scenario: its starting point and what it comes to when nothing interrupts it."""

    def __init__(self, base, killer, name):
        self.base, self.killer, self.name = base, killer, name
        self.watched = WATCHED.get(name, "r.h5")
        before, killed, self.arguments = SCENARIOS[name]
        self.start = new_folder(base)
        if before is not None and killed:
            changes, _ = self.count(self.start, before)
            (self.start / "r.h5").unlink()
            done = run(self.start, before, killer, KILLER_AT=str(changes * 2 // 3))
            assert done.returncode == -signal.SIGKILL, done.stderr
        elif before is not None:
            done = run(self.start, before)
            assert done.returncode == 0, done.stderr
        whole = self.copy()
        done = run(whole, self.arguments)
        assert done.returncode == 0, done.stderr
        self.wanted, self.rows = read_all(whole / "r.h5"), rows_by_id(whole / "r.h5")
        counted = self.copy()
        self.changes, self.crossing = self.count(counted, self.arguments)
        assert self.changes > 20, f"{name} makes {self.changes} changes only: is it what it is meant to be?"

    def count(self, folder, arguments):
        with tempfile.TemporaryDirectory() as elsewhere:
            done = run(folder, arguments, self.killer, self.watched, KILLER_COUNT=f"{elsewhere}/count")
            assert done.returncode == 0, done.stderr
            return map(int, Path(elsewhere, "count").read_text().split())

    def copy(self):
        folder = Path(tempfile.mkdtemp(dir=self.base))
        shutil.copytree(self.start, folder, dirs_exist_ok=True)
        return folder

    def compare(self, results):
        for identity, parts in rows_by_id(results, swmr=True).items():
            for name, value in parts.items():
                assert self.rows[identity][name] == value, f"run {identity} is marked done, and its {name} is not right"

    def inspect(self, folder):
        """What a kill left, before anything repairs it."""
        results = folder / "r.h5"
        if results.exists():
            within(5, lambda: self.compare(results))

    def finish(self, folder):
        """The same command again."""
        done = run(folder, self.arguments)
        assert done.returncode == 0, f"exit {done.returncode}: {done.stderr}"
        found = read_all(folder / "r.h5")
        assert found.keys() == self.wanted.keys(), found.keys() ^ self.wanted.keys()
        wrong = [name for name in found if found[name] != self.wanted[name]]
        assert not wrong, f"differs after resuming: {wrong}"
        left = [path.name for path in folder.iterdir() if path.name.endswith((".tmp", ".lock"))]
        assert not left, f"left behind: {left}"

    def kill_at(self, kind, number):
        folder = self.copy()
        done = run(folder, self.arguments, self.killer, self.watched, **{f"KILLER_{kind}": str(number)})
        ended = done.returncode == 0 and self.name in BY_TIME
        assert ended or done.returncode == -signal.SIGKILL, f"was not killed: exit {done.returncode}, {done.stderr}"
        self.inspect(folder)
        self.finish(folder)
        shutil.rmtree(folder)

    def kill_randomly(self, chance, ranks):
        """kill -9 of the program, of mpirun or of one of its ranks after a random time, several times in a row."""
        folder = self.copy()
        for _ in range(chance.choice((1, 1, 2))):
            command = [str(PROGRAM), "sweep.yaml", "-o", "r.h5", "--progress", "none", "--max-attempts", "0", *self.arguments]
            if ranks:
                command = ["mpirun", "-n", str(ranks), "--oversubscribe", *command]
            process = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment())
            time.sleep(chance.uniform(0, 0.25) + (0.3 if ranks else 0))
            victims = [process.pid, *children(process.pid)]
            kill(chance.choice(victims) if ranks else process.pid)
            process.wait(timeout=60)
            wait_for_lock(folder)
            self.inspect(folder)
        self.finish(folder)
        shutil.rmtree(folder)


def within(seconds, action):
    """Acts in a process of its own, because HDF5 (swmr) reads metadata that is damaged again and again, for years."""
    answers, answer = multiprocessing.Pipe(duplex=False)

    def act():
        try:
            action()
            answer.send(None)
        except Exception as error:  # told to the parent, which decides
            answer.send(f"{type(error).__name__}: {error}")

    process = multiprocessing.get_context("fork").Process(target=act)
    process.start()
    answer.close()
    try:
        said = answers.recv() if answers.poll(seconds) else f"takes longer than {seconds} s: damaged metadata?"
    except EOFError:
        said = "the reader has died"
    finally:
        process.kill()
        process.join()
    assert said is None, said


def children(pid):
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def kill(pid):
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def wait_for_lock(folder):
    """Ranks outlive a killed mpirun by about a second."""
    for _ in range(100):
        state = subprocess.run([PROGRAM, "status", "r.h5", "--json"], cwd=folder, capture_output=True, text=True, check=False).stdout
        if '"state": "running"' not in state:
            return
        time.sleep(.1)


def chosen(count, limit):
    return range(count) if limit is None or limit >= count else sorted({round(i * (count - 1) / max(1, limit - 1)) for i in range(limit)})


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--points", type=int, help="of each kind and scenario; default: all")
    parser.add_argument("--random", type=int, default=200)
    parser.add_argument("--scenario", choices=SCENARIOS)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    tried, failures = 0, []

    def attempt(what, action):
        nonlocal tried
        tried += 1
        try:
            action()
        except Exception as error:  # every failure is collected: OSError of h5py, AssertionError, timeouts
            failures.append(what)
            print(f"FAILED {what}: {type(error).__name__}: {error}", flush=True)

    memory = Path("/dev/shm")  # the kills are the same there, and waiting for a disk proves nothing
    with tempfile.TemporaryDirectory(dir=memory if os.access(memory, os.W_OK) else None) as base:
        killer = build_killer(base)
        benches = [Bench(base, killer, name) for name in ([options.scenario] if options.scenario else SCENARIOS)]
        for bench in benches:
            for kind, count in (("AT", bench.changes), ("TORN", bench.crossing)):
                points = chosen(count, options.points)
                for number in points:
                    attempt(f"{bench.name} {kind} {number}", lambda: bench.kill_at(kind, number))
                print(f"{bench.name}: {len(points)} of {count} {'kills between two changes' if kind == 'AT' else 'torn writes'}", flush=True)
        chance = random.Random(options.seed)
        for number in range(options.random):
            bench, ranks = benches[number % len(benches)], (0, 3, 3)[number % 3]
            attempt(f"{bench.name} random {number}", lambda: bench.kill_randomly(chance, ranks))
        if options.random:
            print(f"{options.random} random kills, two thirds of them under mpirun with 3 ranks")
    print(f"{tried - len(failures)} passed, {len(failures)} failed")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
