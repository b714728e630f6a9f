"""Draining at any moment: runs so short that results, jobs and leaving cross each other. Every rank leaves, and the file agrees."""

import os
import random
import re
import signal
import subprocess
import time

import h5py
from support import PROGRAM, SMALL, ranks_of

DRAINS = int(os.environ.get("GENSWEEP_DRAINS", "3"))


def test_a_drain_at_any_moment(tmp_path):
    sweep = tmp_path / "small.yaml"
    sweep.write_text(SMALL)
    choose = random.Random(1)
    cut = 0
    for number in range(DRAINS):
        results = tmp_path / f"{number}.h5"
        process = subprocess.Popen(
            ["mpirun", "-n", "4", "--oversubscribe", str(PROGRAM), str(sweep), "seeds=0-199", "steps=2", "evaluation.samples=64",
             "evaluation.every=0", "-o", str(results)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env=dict(os.environ, OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1", OPENBLAS_NUM_THREADS="1"))
        while process.poll() is None and not results.exists():
            time.sleep(.01)
        time.sleep(choose.random() * .3)
        for rank in choose.sample(ranks_of(results), k=choose.choice([1, 1, 2, 4])) if process.poll() is None else []:
            try:
                os.kill(rank, choose.choice([signal.SIGUSR1, signal.SIGTERM]))
            except ProcessLookupError:  # it was faster
                pass
        out, err = process.communicate(timeout=60)
        assert process.returncode in (0, 75), (out, err)
        with h5py.File(results, "r") as file:
            status, attempts = file["runs/status"][...], file["runs/attempts"][...]
        done = int((status == 2).sum())
        assert done + (status == 0).sum() == 400 and (attempts == (status == 2)).all()
        if process.returncode == 75:
            cut += 1
            assert re.search(rf"drained: {done} of 400 runs are done, 0 failed, {400 - done} wait", out)
    assert cut > 0
