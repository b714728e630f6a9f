"""gensweep audit: runs are trained again, and every stored bit is compared."""

import json
import shutil
import time

import h5py
import numpy as np
import pytest
from support import ALL_MODELS, MODELS, SMALL, finished, gensweep, start


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """A sweep of all models, one run each."""
    return finished(tmp_path_factory.mktemp("models"), ALL_MODELS)[1]


@pytest.fixture
def results(small_sweep, tmp_path):
    """A copy of the finished small sweep, to be changed at will."""
    return shutil.copy(small_sweep[1], tmp_path / "r.h5")


def audit(results, *arguments, ranks=0, **environment):
    """(finished process, what it says as JSON)"""
    done = gensweep("audit", results, "--json", *arguments, ranks=ranks, **environment)
    return done, json.loads(done.stdout) if done.stdout else None


def first_difference(results, run):
    done, said = audit(results, "--runs", run, "--read-only")
    assert done.returncode == 1, done.stderr
    assert said["different"] == 1 and said["runs"][0]["verdict"] == "different"
    return said["runs"][0]["difference"]


@pytest.mark.parametrize("ranks", [0, 3])
def test_fresh_sweep_is_equal(models, ranks, tmp_path):
    results = shutil.copy(models, tmp_path / "r.h5")
    done = gensweep("audit", results, "--fraction", 1, ranks=ranks)
    assert done.returncode == 0, done.stderr
    assert f"audited {len(MODELS)} of {len(MODELS)} finished runs: every stored bit is equal" in done.stdout
    with h5py.File(results) as file:
        audits = file["provenance/audits"]
        assert {name: audits[name].shape for name in audits} == {name: (1,) for name in audits}
        assert audits["runs"][0] == b"0-4" and audits["first_difference"][0] == b""
        assert [audits[name][0] for name in ("audited", "equal", "consistent", "different")] == [len(MODELS), len(MODELS), 0, 0]
        assert audits["ranks"][0] == max(ranks, 1) and audits["blas_kernel"][0] == file["provenance/blas_kernel"][0]
        assert file["provenance/argv"].shape == (1,)
    assert gensweep("verify", results).returncode == 0


def test_verdicts_are_added_and_the_sweep_goes_on(small_sweep, results):
    for expected in (1, 2):
        assert gensweep("audit", results, "--runs", "0").returncode == 0
        with h5py.File(results) as file:
            assert file["provenance/audits/time"].shape == (expected,)
    extended = gensweep(small_sweep[0], "seeds=[3,11,12]", "-o", results)
    assert extended.returncode == 0, extended.stderr
    with h5py.File(results) as file:
        assert file["provenance/audits/time"].shape == (2,) and file["runs/id"].shape == (6,)
    done, said = audit(results, "--runs", "0-5")
    assert done.returncode == 0 and said["equal"] == 6


def test_read_only_changes_nothing(results):
    before = results.read_bytes()
    done, said = audit(results, "--runs", "1", "--read-only")
    assert done.returncode == 0 and not said["stored"] and results.read_bytes() == before


def test_what_cannot_be_written_is_told(results):
    lock = results.with_name("r.h5.lock")
    lock.mkdir()
    done, said = audit(results, "--runs", "1")
    assert done.returncode == 0 and said["equal"] == 1 and not said["stored"] and "r.h5.lock" in said["note"]
    assert "the verdict is not stored in the file" in done.stderr


def flip(file, dataset, place):
    """Changes the lowest bit of a value; returns the value before and after."""
    before = np.atleast_1d(file[dataset][place])
    after = (before.view(f"u{before.itemsize}") ^ np.array(1, f"u{before.itemsize}")).view(before.dtype)
    file[dataset][place] = after[0]
    return before[0], after[0]


# One change in each of the four runs.
CHANGES = [
    [("samples/image", (0, 37, 5, 6, 2)), ("samples/bin", (1, 999)), ("samples/error", (2, 0)), ("coverage/counts", (3, 3, 2))],
    [("coverage/rejected", (0,)), ("checkpoints/gan/generator/dense_1/kernel", (1, 15, 23)), ("coverage/error_sum", (2, 0, 5)),
     ("curves/step", (3, 59))],
    [("coverage/examples", (0, 0, 0, 1, 2, 0)), ("metrics/tv", (1,)), ("metrics/severe", (2,)), ("coverage/over_training/counts", (3, 2, 4, 5))],
    [("runs/steps_done", (0,)), ("curves/discriminator_loss", (1, 7)), ("coverage/over_training/step", (2, 1)), ("metrics/modes_10", (3,))],
]


@pytest.mark.parametrize("changes", CHANGES)
@pytest.mark.parametrize("digests", ["left", "changed too"])
def test_a_flipped_bit_is_named(results, changes, digests):
    with h5py.File(results, "r+") as file:
        values = [flip(file, *change) for change in changes]
        for name in ("runs/digest", "digests/samples", "digests/coverage", "digests/checkpoint", "digests/curves"):
            if digests != "left":
                file[name][:] = b"0" * 32  # audit trusts no digest of the file, whatever it says
    done, said = audit(results, "--runs", "0-3", "--read-only")
    assert done.returncode == 1 and said["different"] == 4
    for run, (dataset, place), (before, after) in zip(said["runs"], changes, values):
        found = run["difference"]
        assert (found["dataset"], found["index"]) == ("/" + dataset, str(list(place)))
        assert type(after)(found["stored"]) == after and type(before)(found["retrained"]) == before


def test_digests_are_compared(results):
    with h5py.File(results, "r+") as file:
        file["digests/curves"][3] = b"0" * 32
    found = first_difference(results, 3)
    assert found["dataset"] == "/digests/curves" and found["stored"] == "'" + "0" * 32 + "'"


@pytest.mark.parametrize("dataset, value", [("runs/seed", 4), ("settings/batch_size", 17), ("settings/data.green", .5)])
def test_settings_must_be_those_of_the_identity(results, dataset, value):
    with h5py.File(results, "r+") as file:
        file[dataset][0] = value
    assert first_difference(results, 0)["dataset"] == "/runs/id"


@pytest.mark.parametrize("dataset, value", [("settings/batch_size", -7), ("settings/model", b"none"), ("settings/minibatch_discrimination", 3)])
def test_impossible_settings_are_a_difference(results, dataset, value):
    with h5py.File(results, "r+") as file:
        file[dataset][0] = value
    assert dataset.split("/")[1] in first_difference(results, 0)["stored"]


def test_the_difference_is_stored_and_told(results):
    with h5py.File(results, "r+") as file:
        file["coverage/rejected"][0] += 2
    done = gensweep("audit", results, "--fraction", "1")
    sentence = "run 0 (minibatch_discrimination=off, seed=3): /coverage/rejected[0] is "
    assert done.returncode == 1 and done.stdout.startswith(sentence) and "3 equal, 0 consistent, 1 different" in done.stdout
    with h5py.File(results) as file:
        assert file["provenance/audits/first_difference"][0].decode().startswith(sentence)
        assert list(file["provenance/audits/different"]) == [1]


@pytest.mark.parametrize("runs, reason", [("", "got ''"), ("x", "got 'x'"), ("1,", "got '1,'"), ("1-", "got '1-'"), ("3-1", "goes backwards"),
                                          ("-1", "got '-1'"), ("1;2", "got '1;2'"), ("4", "there is no run 4; the file has 4 runs"),
                                          ("0-99999999999999999999999", "there is no run")])
def test_runs_that_are_none(results, runs, reason):
    done = gensweep("audit", results, f"--runs={runs}")
    assert done.returncode == 2 and reason in done.stderr


@pytest.mark.parametrize("arguments, reason", [(["--fraction", "0"], "--fraction expects"), (["--fraction", "1.5"], "--fraction expects"),
                                               (["--seed", "-1"], "--seed expects"), (["--kernels", "fast"], "--kernels expects native, portable or"),
                                               (["--watch"], "no option of gensweep audit")])
def test_bad_usage(results, arguments, reason):
    done = gensweep("audit", results, *arguments)
    assert done.returncode == 2 and reason in done.stderr


def test_what_is_no_results_file(tmp_path):
    (tmp_path / "x.h5").write_text("no HDF5")
    assert gensweep("audit", tmp_path / "x.h5").returncode == 3
    assert gensweep("audit", tmp_path / "missing.h5").returncode == 3
    assert gensweep("audit").returncode == 2


def test_samples_follow_the_seed(results):
    chosen = {seed: audit(results, "--read-only", "--seed", seed)[1]["runs"][0]["run"] for seed in range(4)}
    assert len(set(chosen.values())) > 1
    assert chosen[3] == audit(results, "--read-only", "--seed", 3, "--fraction", "0.01")[1]["runs"][0]["run"]
    more = {run["run"] for run in audit(results, "--read-only", "--seed", 3, "--fraction", "0.5")[1]["runs"]}
    assert len(more) == 2 and chosen[3] in more


def test_runs_that_are_not_done_are_told(results):
    with h5py.File(results, "r+") as file:
        file["runs/status"][0] = 0
        file["runs/status"][1] = 3
        file["runs/error"][1] = b"a loss is not finite"
    done, said = audit(results, "--runs", "0-2")
    assert done.returncode == 0 and said["skipped"] == [0, 1] and [run["run"] for run in said["runs"]] == [2]
    assert "run 0 is not audited: it is pending" in done.stderr
    assert "run 1 is not audited: it has failed: a loss is not finite" in done.stderr
    done, said = audit(results, "--runs", "0-1")
    assert done.returncode == 2 and "nothing to audit" in done.stderr


def test_without_samples_and_weights(small_sweep, tmp_path):
    results = tmp_path / "r.h5"
    assert gensweep(small_sweep[0], "-o", results, "storage.samples=none", "storage.checkpoints=none").returncode == 0
    done, said = audit(results, "--runs", "0")
    assert done.returncode == 0 and said["equal"] == 1
    assert not said["runs"][0]["samples_stored"] and not said["runs"][0]["checkpoint_stored"]


def test_beside_the_writer_and_before_it(small_sweep, tmp_path):
    """An audit neither disturbs a sweep that runs nor keeps one from being started."""
    results = tmp_path / "r.h5"
    shutil.copy(small_sweep[1], results)
    sweep = start(small_sweep[0], "-o", results, "seeds=[3,11,12]", "steps=60,200000", "evaluation.every=0")
    try:
        while sweep.poll() is None and json.loads(gensweep("status", results, "--json").stdout)["planned"] == 4:
            pass
        done, said = audit(results, "--runs", "0")
        assert sweep.poll() is None, "the sweep has ended too early for this test"
        assert done.returncode == 0 and said["equal"] == 1
        assert "is being written" in done.stderr and not said["stored"]
    finally:
        sweep.kill()
        sweep.wait()
    done, said = audit(results, "--runs", "0")
    assert done.returncode == 0 and said["stored"], done.stderr
    with h5py.File(results) as file:
        assert file["provenance/audits/time"].shape == (1,)


def test_metrics_as_an_earlier_version_worked_them_out(tmp_path):
    """Bins with q = 0 did not count in ndb: a file from then is as good as it was."""
    text = SMALL.replace("parameters:", "data: {digit_weights: [1, 1, 0, 0, 0, 0]}\nparameters:").replace("[3, 11]", "[3]")
    results = finished(tmp_path, text)[1]
    with h5py.File(results, "r+") as file:
        impossible = ((file["coverage/expected"][...] == 0) & (file["coverage/counts"][...] > 0)).sum(axis=(1, 2))
        assert (impossible > 0).all()
        for name in ("metrics/ndb", "metrics/ndb_holm"):
            file[name][...] -= impossible.astype(np.int32)
    assert gensweep("verify", results).returncode == 0
    done = gensweep("audit", results, "--fraction", 1, "--read-only")
    assert done.returncode == 0 and done.stdout.endswith(
        "every stored bit is equal\n  2 runs have ndb, ndb_holm as an earlier version worked them out (docs/metrics.md)\n"), done.stdout
    assert [run["metrics_as_before"] for run in audit(results, "--fraction", 1, "--read-only")[1]["runs"]] == [2, 2]
    with h5py.File(results, "r+") as file:
        file["metrics/ndb"][1] -= 1
    done = gensweep("audit", results, "--fraction", 1, "--read-only")
    assert done.returncode == 1 and "/metrics/ndb[1] is " in done.stdout


@pytest.fixture(scope="module")
def long_run(tmp_path_factory):
    """A sweep of one run that takes some seconds."""
    text = SMALL.replace("steps: 60", "steps: 8000").replace("[3, 11]", "[3]").replace("[off, on]", "on")
    return finished(tmp_path_factory.mktemp("long"), text)[1]


@pytest.mark.parametrize("ranks", [0, 2])
@pytest.mark.parametrize("limit", ["walltime", "job"])
def test_an_audit_drains_before_its_time_is_over(long_run, tmp_path, limit, ranks):
    results = shutil.copy(long_run, tmp_path / "r.h5")
    arguments = ["--walltime", "00:00:01"] if limit == "walltime" else []
    environment = {"SLURM_JOB_END_TIME": str(int(time.time()) + 2)} if limit == "job" else {}
    done = gensweep("audit", results, *arguments, ranks=ranks, **environment)
    assert done.returncode == 75 and "drained: 1 run was not audited" in done.stdout, (done.stdout, done.stderr)
    assert "audited 0 of 1 finished run: nothing is known" in done.stdout and "equal" not in done.stdout
    assert f"draining: {'--walltime' if limit == 'walltime' else 'the SLURM job'} is nearly over" in done.stderr
    with h5py.File(results) as file:
        assert file["provenance/audits/time"].shape == (0,)  # no verdict on what was not compared


# ---- kernels -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def old_kernels(tmp_path_factory):
    """The small sweep with the kernels of a CPU that every other has the instructions of."""
    folder = tmp_path_factory.mktemp("kernels")
    (folder / "small.yaml").write_text(SMALL)
    done = gensweep(folder / "small.yaml", "-o", folder / "r.h5", OPENBLAS_CORETYPE="Nehalem")
    assert done.returncode == 0, done.stderr
    with h5py.File(folder / "r.h5") as file:
        if file["provenance/blas_kernel"][0] != b"Nehalem":
            pytest.skip("this OpenBLAS has one set of kernels")
    return folder / "r.h5"


@pytest.mark.parametrize("ranks", [0, 2])
def test_recorded_kernels_give_equal_bits(old_kernels, ranks):
    done, said = audit(old_kernels, "--read-only", "--fraction", "1", "--kernels", "recorded", ranks=ranks)
    assert done.returncode == 0, done.stderr
    assert said["equal"] == 4 and said["blas_kernel"] == "Nehalem"


def test_other_kernels_are_told_and_compared_statistically(old_kernels):
    done, said = audit(old_kernels, "--read-only", "--fraction", "1", OPENBLAS_CORETYPE="Haswell")
    assert "trained with other BLAS kernels ('Nehalem') than this audit ('Haswell')" in done.stderr and "--kernels recorded" in done.stderr
    for run in said["runs"]:
        assert (run["verdict"] == "equal") == (run["difference"] is None)
        assert run["verdict"] == "equal" or (run["verdict"] == "consistent") == (run["p"] >= said["level"])
    assert said["equal"] < 4
    assert done.returncode == (1 if said["different"] else 0)


def test_other_counts_on_other_kernels_are_a_difference(old_kernels, tmp_path):
    results = shutil.copy(old_kernels, tmp_path / "r.h5")
    with h5py.File(results, "r+") as file:
        file["coverage/counts"][0] = np.roll(file["coverage/counts"][0], 7) + 40
    done, said = audit(results, "--read-only", "--runs", "0", OPENBLAS_CORETYPE="Haswell")
    assert done.returncode == 1 and said["runs"][0]["verdict"] == "different" and said["runs"][0]["p"] < said["level"]


def test_kernels_that_nobody_has(results):
    with h5py.File(results, "r+") as file:
        file["provenance/blas_kernel"][0] = b"Abacus"
    done = gensweep("audit", results, "--kernels", "recorded")
    assert done.returncode == 2 and "no BLAS kernels 'Abacus'" in done.stderr


@pytest.mark.parametrize("arguments", [["--kernels", "portable"], ["+kernels=portable"], ["--kernels=portable", "+kernels=native"]])
def test_portable_kernels(small_sweep, tmp_path, arguments):
    results = tmp_path / "r.h5"
    done = gensweep(small_sweep[0], "-o", results, "seeds=3", "steps=5", *arguments, OPENBLAS_CORETYPE="Nehalem")
    if "no BLAS kernels" in done.stderr:
        pytest.skip("a CPU without AVX2")
    assert done.returncode == 0, done.stderr
    with h5py.File(results) as file:
        assert file["provenance/blas_kernel"][0] == b"Haswell" and b"OPENBLAS_CORETYPE=Haswell" in file["provenance/environment"][0]


@pytest.mark.parametrize("arguments", [["--kernels", "portable"], ["+kernels=portable"]])
def test_portable_kernels_behind_others(small_sweep, tmp_path, arguments):
    """The note tells how to go on with the earlier ones, and that way does."""
    results = tmp_path / "r.h5"
    assert gensweep(small_sweep[0], "-o", results, "seeds=3", "steps=5", OPENBLAS_CORETYPE="Nehalem").returncode == 0
    done = gensweep(small_sweep[0], "-o", results, "steps=5", *arguments)
    if "no BLAS kernels" in done.stderr:
        pytest.skip("a CPU without AVX2")
    assert "OPENBLAS_CORETYPE=Nehalem and --kernels native goes on with the former" in done.stderr
    done = gensweep(small_sweep[0], "-o", results, "steps=5", "seeds=3,11,12", *arguments, "--kernels=native", OPENBLAS_CORETYPE="Nehalem")
    with h5py.File(results) as file:
        assert [name.decode() for name in file["provenance/blas_kernel"]] == ["Nehalem", "Haswell", "Nehalem"]


def test_runs_that_were_stopped_early_stop_there_again(tmp_path):
    sweep, results = tmp_path / "stopping.yaml", tmp_path / "stopping.h5"
    sweep.write_text("seeds: 0-3\nparameters: {model: oracle, steps: 40, batch_size: 8, learning_rate: [1e-4, 1e-2]}\n"
                     "evaluation: {samples: 200, every: 10}\nearly_terminate: {type: hyperband, eta: 2}\n")
    assert gensweep(sweep, "-o", results).returncode == 0
    with h5py.File(results) as file:
        assert 0 < (file["runs/steps_done"][...] < 40).sum() < 8
    done = gensweep("audit", results, "--fraction", "1")
    assert done.returncode == 0 and "audited 8 of 8" in done.stdout, done.stdout
