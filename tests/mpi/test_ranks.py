"""Results do not depend on how many ranks there are, and every rank leaves whatever happens."""

import time

import h5py
import numpy as np
import pytest
from support import SMALL, gensweep, start

# Who trained what, when and for how long may differ; nothing else may.
MAY_DIFFER = ("provenance", "runs/rank", "runs/seconds", "runs/attempts", "runs/launch")


def differences(first, second):
    """Names of all datasets and attributes outside MAY_DIFFER in which two files differ."""
    found = []
    with h5py.File(first, "r") as a, h5py.File(second, "r") as b:
        names = set()
        for file in (a, b):
            file.visititems(lambda name, item: names.add(name) if isinstance(item, h5py.Dataset) else None)
        for name in sorted(names):
            if name.startswith(MAY_DIFFER):
                continue
            if name not in a or name not in b or a[name].dtype != b[name].dtype:
                found.append(name)
            elif a[name][()].tobytes() != b[name][()].tobytes():
                found.append(name)
        found += [name for name in a.attrs if str(a.attrs[name]) != str(b.attrs[name])]
    return found


@pytest.mark.parametrize("ranks", [1, 2, 8])
def test_same_results_with_any_number_of_ranks(small_sweep, tmp_path, ranks):
    sweep, alone, _ = small_sweep
    results = tmp_path / "ranks.h5"
    done = gensweep(sweep, "-o", results, ranks=ranks)
    assert done.returncode == 0, done.stderr
    assert differences(alone, results) == []


def test_every_rank_trains(tmp_path):
    sweep = tmp_path / "sweep.yaml"
    sweep.write_text(SMALL)
    assert gensweep(sweep, "seeds=0-9", "steps=150", "-o", tmp_path / "r.h5", ranks=3).returncode == 0
    with h5py.File(tmp_path / "r.h5", "r") as file:
        assert set(file["runs/rank"]) == {0, 1, 2}


def test_the_comparison_can_go_red(small_sweep, tmp_path):
    sweep, alone, _ = small_sweep
    other = tmp_path / "other.h5"
    assert gensweep(sweep, "generator_learning_rate=4e-3", "-o", other).returncode == 0
    found = differences(alone, other)
    assert "samples/image" in found and "runs/id" in found and "data/templates" not in found


@pytest.mark.parametrize("ranks", [1, 4])
def test_bad_input_makes_all_ranks_leave_with_one_message(tmp_path, ranks):
    sweep = tmp_path / "bad.yaml"
    sweep.write_text(SMALL.replace("steps: 60", "stepz: 60"))
    start = time.monotonic()
    done = gensweep(sweep, "-o", tmp_path / "none.h5", ranks=ranks, timeout=30)
    assert done.returncode == 2
    assert done.stderr.count("unknown parameter 'stepz'; did you mean 'steps'?") == 1
    assert not (tmp_path / "none.h5").exists()
    assert time.monotonic() - start < 20


def test_a_run_that_diverges_is_recorded_and_the_rest_goes_on(tmp_path):
    sweep = tmp_path / "sweep.yaml"
    sweep.write_text(SMALL.replace("generator_learning_rate: 5e-3", "generator_learning_rate: [5e-3, 1e38]"))
    done = gensweep(sweep, "-o", tmp_path / "r.h5", ranks=2)
    assert done.returncode == 1, done.stderr
    with h5py.File(tmp_path / "r.h5", "r") as file:
        rate, status = file["settings/generator_learning_rate"][...], file["runs/status"][...]
        assert (status[rate > 1] == 3).all() and (status[rate < 1] == 2).all()
        failed = int(np.flatnonzero(status == 3)[0])
        assert b"not finite" in file["runs/error"][failed] and b"after step" in file["runs/error"][failed]
        assert file["runs/digest"][failed] == b""
        assert file["metrics/failed"][failed] == 1 and np.isnan(file["metrics/tv"][failed])
        assert np.isnan(file["coverage/shade_ks"][failed]).all()
    assert "failed: " in done.stderr and "2  " in done.stdout


def test_a_run_that_gets_no_memory_is_recorded(tmp_path):
    sweep = tmp_path / "sweep.yaml"
    sweep.write_text(SMALL.replace("discriminator_hidden_1: 24", "discriminator_hidden_1: [24, 8000]"))
    done = gensweep(sweep, "seeds=0", "steps=4", "evaluation.samples=100", "-o", tmp_path / "r.h5", memory=600 << 20)
    assert done.returncode == 1, done.stderr
    with h5py.File(tmp_path / "r.h5", "r") as file:
        wide = file["settings/discriminator_hidden_1"][...] == 8000
        assert list(file["runs/status"][...]) == [3 if w else 2 for w in wide]
        assert all(b"out of memory" in reason for reason in file["runs/error"][wide])


def test_what_is_running_can_be_seen_meanwhile(tmp_path):
    sweep = tmp_path / "sweep.yaml"
    sweep.write_text(SMALL)
    results = tmp_path / "r.h5"
    process = start(sweep, "seeds=0", "steps=100000", "minibatch_discrimination=on", "-o", results)
    try:
        deadline = time.monotonic() + 20
        while not results.exists() and time.monotonic() < deadline:
            time.sleep(.05)
        time.sleep(.5)
        with h5py.File(results, "r", swmr=True) as file:
            assert list(file["runs/status"]) == [1] and list(file["runs/attempts"]) == [1]
    finally:
        process.kill()
        process.wait()


def test_missing_arguments_do_not_hang(tmp_path):
    done = gensweep(ranks=2, cwd=tmp_path, timeout=30)
    assert done.returncode == 2
    assert "which sweep?" in done.stderr
