"""A metric that is added to the program: files from before, which do not have it, are as good as they were. Here a metric is taken out of
a finished file instead."""

import shutil

import h5py
import numpy as np
import pytest
from support import gensweep
from test_repair import destroy_chunk, destroy_object

METRIC = "metrics/js"


@pytest.fixture
def earlier(small_sweep, tmp_path):
    """The small sweep, and its file of four runs as a program without the metric would have made it."""
    results = shutil.copy(small_sweep[1], tmp_path / "r.h5")
    with h5py.File(results, "r+") as file:
        file[METRIC].dims[0].detach_scale(file[METRIC].dims[0][0])
        del file[METRIC]
    return small_sweep[0], results


def audit(results, code=0):
    done = gensweep("audit", results, "--fraction", "1", "--read-only")
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout


def test_what_is_not_there_is_not_compared(earlier):
    results = earlier[1]
    assert gensweep("verify", results).returncode == 0
    assert audit(results).endswith("audited 4 of 4 finished runs: every stored bit is equal\n"
                                   "  1 metric of 4 runs could not be compared: the runs ended before the file had it\n")
    with h5py.File(results, "r+") as file:
        file["metrics/tv"][2] += .1
    assert "run 2 (minibatch_discrimination=on, seed=3): /metrics/tv[2] is " in audit(results, code=1)
    destroy_object(results, "metrics")  # nobody can tell what is not there
    assert "could not be compared" not in audit(results, code=1)


def test_an_extended_file_has_it_of_later_runs(earlier):
    sweep, results = earlier
    assert gensweep(sweep, "seeds=[3,11,12]", "-o", results).returncode == 0
    with h5py.File(results) as file:
        assert file[METRIC].attrs["since_launch"] == 1 and [path for path in file["metrics"] if "since_launch" in file["metrics"][path].attrs] == ["js"]
        assert list(np.isnan(file[METRIC][:])) == [True] * 4 + [False] * 2
    assert gensweep("verify", results).returncode == 0
    assert "6 of 6 finished runs: every stored bit is equal\n  1 metric of 4 runs could not be compared" in audit(results)
    assert gensweep(sweep, "seeds=[3,11,12,13]", "-o", results).returncode == 0
    with h5py.File(results, "r+") as file:
        assert file[METRIC].attrs["since_launch"] == 1 and list(np.isnan(file[METRIC][:])) == [True] * 4 + [False] * 4
        file[METRIC][5] += .1
    assert "run 5 (minibatch_discrimination=on, seed=12): /metrics/js[5] is " in audit(results, code=1)


@pytest.mark.parametrize("extended", [False, True])
def test_repair_leaves_it_as_it_is(earlier, extended):
    sweep, results = earlier
    if extended:
        assert gensweep(sweep, "seeds=[3,11,12]", "-o", results).returncode == 0
    destroy_chunk(results, "coverage/examples", 1)
    assert gensweep("verify", "--repair", results).returncode == 0
    with h5py.File(results) as file:
        assert (METRIC in file) == extended and (not extended or file[METRIC].attrs["since_launch"] == 1)
    assert "every stored bit is equal" in audit(results)
    assert gensweep(sweep, "seeds=[3,11,14]", "-o", results).returncode == 0
    assert "every stored bit is equal" in audit(results)
