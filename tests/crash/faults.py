"""Lets every change that the program makes to a file fail, as a full disk, a quota or a file system that turned read-only does.

Each time: the program ends with exit status 3 and one sentence that names the file and the reason (or goes on with a note, where only a mid-run
checkpoint could not be written, and then with the right results); it is not ended by a signal; h5py (swmr=True) reads what is there, every run
that is marked done is whole; and the same command again, once there is room, finishes with the results of an uninterrupted sweep.

    python3 tests/crash/faults.py             ENOSPC, for good and once, at all changes of all scenarios; EDQUOT and EROFS at 25 of them
    python3 tests/crash/faults.py --points 3  at so many changes, evenly spread; --scenario NAME
"""

import argparse
import errno
import os
import shutil
import sys
import tempfile
from pathlib import Path

from crash import SCENARIOS, Bench, build_killer, chosen, run

REASONS = {name: os.strerror(getattr(errno, name)) for name in ("ENOSPC", "EDQUOT", "EROFS")}
SOME = 25


def complaints(stderr):
    """Lines that are no account of what is being done."""
    told = ("gensweep: 4 runs", "gensweep: 2 runs", "gensweep: resuming", "gensweep: extending", "gensweep: note", "gensweep: r.h5 has been extended")
    return [line for line in stderr.splitlines() if line and not line.startswith(told)]


class FaultBench(Bench):
    def fail_at(self, name, number, forever):
        folder = self.copy()
        done = run(folder, self.arguments, self.killer, self.watched, KILLER_FAIL=str(number), KILLER_ERRNO=str(getattr(errno, name)), KILLER_FOREVER=str(int(forever)))
        said = complaints(done.stderr)
        assert done.returncode in (0, 3), f"exit {done.returncode}: {done.stderr}"
        if done.returncode == 3:
            assert len(said) == 1, f"not one sentence: {done.stderr}"
            assert "r.h5" in said[0] and REASONS[name] in said[0], f"without path or reason: {said[0]}"
        else:
            assert all("no mid-run checkpoints" in line for line in said), f"went on with {said}"
        self.inspect(folder)
        self.finish(folder)
        shutil.rmtree(folder)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--points", type=int, help="of each scenario and kind; default: all")
    parser.add_argument("--scenario", choices=SCENARIOS)
    options = parser.parse_args()
    tried, failures = 0, []
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if os.access(memory, os.W_OK) else None) as base:
        killer = build_killer(base)
        for scenario in [options.scenario] if options.scenario else SCENARIOS:
            bench = FaultBench(base, killer, scenario)
            for name, forever in (("ENOSPC", True), ("ENOSPC", False), ("EDQUOT", True), ("EROFS", True)):
                limit = options.points if name == "ENOSPC" else min(options.points or SOME, SOME)
                points = chosen(bench.changes, limit)
                for number in points:
                    tried += 1
                    try:
                        bench.fail_at(name, number, forever)
                    except Exception as error:  # every failure is collected: OSError of h5py, AssertionError, timeouts
                        failures.append(number)
                        print(f"FAILED {scenario} {name} {'from' if forever else 'at'} {number}: {type(error).__name__}: {error}", flush=True)
                print(f"{scenario}: {name} {'from' if forever else 'only at'} {len(points)} of {bench.changes} changes{' on' if forever else ''}", flush=True)
    print(f"{tried - len(failures)} passed, {len(failures)} failed")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
