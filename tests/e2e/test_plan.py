"""gensweep plan: what would run, and the bill."""

import json
import shutil
import time

import h5py
import pytest
from support import SMALL, gensweep


@pytest.fixture
def sweep(tmp_path):
    path = tmp_path / "small.yaml"
    path.write_text(SMALL)
    return path


def plan(*arguments, **how):
    done = gensweep("plan", *arguments, "--json", **how)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_the_plan_is_what_a_run_does(small_sweep):
    told = plan(small_sweep[0], "--runs", "--no-measure")
    with h5py.File(small_sweep[1]) as file:
        assert [run["id"] for run in told["run_list"]] == [id.decode() for id in file["runs/id"]]
        assert [told["variants"][run["variant"]]["label"] for run in told["run_list"]] == [text.decode() for text in file["runs/variant"]]


def test_for_people(sweep, tmp_path):
    done = gensweep("plan", sweep, "--ranks", "4", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[1].startswith("minibatch_discrimination=off ")
    assert "small: 4 runs = 2 variants x 2 seeds\n" in done.stdout and "core-hours" in done.stdout and "on 4 ranks" in done.stdout
    assert [path.name for path in tmp_path.iterdir()] == ["small.yaml"]


def test_portable_kernels_are_measured_where_they_are_there(sweep):
    done = gensweep("plan", sweep, "+kernels=portable", OPENBLAS_CORETYPE="Nehalem")
    kernels = gensweep("--version", OPENBLAS_CORETYPE="Haswell").stdout
    assert done.returncode == 0, done.stderr
    assert ("with the portable BLAS kernels" in done.stdout) == ("Haswell" in kernels)
    assert "portable" not in gensweep("plan", sweep).stdout


def test_the_bill_adds_up(sweep):
    told = plan(sweep, "--ranks", "1", "model=vae", "~minibatch_discrimination", "~generator_steps", "~generator_hidden_1",
                "~generator_hidden_2", "~discriminator_hidden_1", "~discriminator_hidden_2", "~discriminator_hidden_3",
                "~generator_learning_rate", "steps=100,1000")
    each = [variant["seconds_per_run"] for variant in told["variants"]]
    assert 0 < each[0] < each[1]
    assert told["makespan_seconds"] == pytest.approx(2 * sum(each)) == pytest.approx(3600 * told["core_hours"])
    assert plan(sweep, "--ranks=64", "seeds=0-63")["makespan_seconds"] < plan(sweep, "--ranks=2", "seeds=0-63")["makespan_seconds"] / 8


def test_what_is_merged_and_excluded_is_said(sweep):
    done = gensweep("plan", sweep, "--no-measure", "+mbd_features=4,8", "+exclude=[{mbd_features: 4}]")
    assert "2 variants" in done.stdout and "; 1 excluded" in done.stdout
    done = gensweep("plan", sweep, "--no-measure", "+mbd_features=4,8")
    assert "3 variants" in done.stdout and "1 combination merged" in done.stdout


def test_a_value_that_exclude_lists_in_vain_is_told_on_stderr(sweep):
    done = gensweep("plan", sweep, "--no-measure", "+mbd_features=4,8", "+exclude=[{mbd_features: [4, 16]}]")
    assert done.returncode == 0 and "2 variants" in done.stdout
    assert "gensweep: note: command line:1:30: exclude: no combination of this sweep is left out by mbd_features: 16" in done.stderr


def test_settings_that_some_variants_ignore_are_listed(sweep):
    done = gensweep("plan", sweep, "--no-measure", "+mbd_features=4,8")
    assert "\nmbd_features applies to 2 of 3 variants: gan with minibatch_discrimination: on; the others ignore it\n" in done.stdout
    assert "generator_steps applies" not in done.stdout
    told = plan(sweep, "--no-measure", "model=gan,oracle", "+decoder_hidden_1=8")
    assert told["inapplicable"] == {"minibatch_discrimination": 1, "generator_steps": 1, "generator_hidden_1": 1, "generator_hidden_2": 1,
                                    "discriminator_hidden_1": 1, "discriminator_hidden_2": 1, "discriminator_hidden_3": 1,
                                    "generator_learning_rate": 1, "decoder_hidden_1": 2}


def test_what_is_done_costs_no_more_and_refines_the_rest(small_sweep, tmp_path):
    file = tmp_path / "copy.h5"
    shutil.copy(small_sweep[1], file)
    with h5py.File(file, "r+") as changed:
        changed["runs/seconds"][:] = 1000.0  # as if the machine were slow
    before = file.read_bytes()
    told = plan(small_sweep[0], "seeds=3,11,12", "-o", file, "--ranks", "1")
    assert (told["done"], told["failed"], told["runs"]) == (4, 0, 6)
    assert [variant["seconds_per_run"] for variant in told["variants"]] == pytest.approx([1000, 1000])
    assert told["makespan_seconds"] == pytest.approx(2000) == pytest.approx(3600 * told["core_hours_left"])
    assert told["core_hours"] == pytest.approx(6000 / 3600)
    people = gensweep("plan", small_sweep[0], "seeds=3,11,12", "-o", file, "--no-measure").stdout
    assert f"{file} has 4 of them done; 2 to run\n" in people
    longer = plan(small_sweep[0], "steps=6000", "-o", file)  # runs of which none is there, but of the same kind
    assert (longer["done"], longer["failed"]) == (0, 0)
    assert file.read_bytes() == before


def test_a_command_for_a_run_is_planned_by_putting_the_verb_in(small_sweep, tmp_path):
    file = tmp_path / "copy.h5"
    shutil.copy(small_sweep[1], file)
    with h5py.File(file, "r+") as changed:
        changed["runs/status"][1] = 3  # failed
    run = [small_sweep[0], "-o", file, "--walltime", "4:00:00", "--progress=none", "--max-attempts", "5", "--kernels", "native"]

    def told(*more):
        found = plan(*run, *more)
        return found["done"], found["failed"]
    assert told() == (3, 1) and told("--retry-failed") == (3, 0) and told("--fresh") == (0, 0)
    assert "--walltime expects HH:MM:SS" in gensweep("plan", *run, "--walltime", "4").stderr


def test_estimated_bytes(small_sweep):
    told = plan(small_sweep[0], "-o", "nowhere.h5")
    assert told["hdf5_bytes"] == pytest.approx(small_sweep[1].stat().st_size, rel=0.15)


def test_bytes_of_a_file_with_runs_that_are_kept(small_sweep, tmp_path):
    file = tmp_path / "edited.h5"
    shutil.copy(small_sweep[1], file)
    for override in ("steps=61", "seeds=3,11,12"):  # none of the planned runs is there; most of them are
        told = gensweep("plan", small_sweep[0], override, "-o", file, "--no-measure").stdout
        assert "no longer in the sweep, and kept\n" in told and "it is copied first, and the one from before stays beside it" in told
        estimated = plan(small_sweep[0], override, "-o", file)["hdf5_bytes"]
        done = gensweep(small_sweep[0], override, "-o", file)
        assert done.returncode == 0, done.stderr
        assert estimated == pytest.approx(file.stat().st_size, rel=.25), override


def test_runs_are_listed_by_their_rows(small_sweep, tmp_path):
    file = tmp_path / "edited.h5"
    shutil.copy(small_sweep[1], file)
    told = plan(small_sweep[0], "seeds=11,3", "-o", file, "--runs", "--no-measure")["run_list"]
    assert gensweep(small_sweep[0], "seeds=11,3", "-o", file).returncode == 0
    with h5py.File(file) as results:
        assert [(results["runs/id"].asstr()[run["row"]], results["runs/seed"][run["row"]]) for run in told] == [(run["id"], run["seed"]) for run in told]
    assert [run["row"] for run in told] != list(range(len(told)))


def test_a_file_that_a_launch_refuses_is_noted(small_sweep):
    other = ("name=other", "steps=5", "-o", small_sweep[1])
    refused = gensweep(small_sweep[0], *other)
    noted = gensweep("plan", small_sweep[0], *other, "--no-measure")
    assert refused.returncode == 2 and "none of its runs is in 'other'" in refused.stderr
    assert noted.returncode == 0 and noted.stderr.startswith("gensweep: note: ") and "none of its runs is in 'other'" in noted.stderr


def test_a_foreign_results_file_is_noted(sweep, tmp_path):
    (tmp_path / "mine.txt").write_text("not yours")
    done = gensweep("plan", sweep, "--no-measure", "-o", tmp_path / "mine.txt")
    assert done.returncode == 0 and "gensweep: note: " in done.stderr and "mine.txt" in done.stderr
    assert (tmp_path / "mine.txt").read_text() == "not yours"


def test_a_note_about_foreign_keys(tmp_path):
    path = tmp_path / "w.yaml"
    path.write_text("program: train.py\nproject: p\n" + SMALL)
    done = gensweep("plan", path, "--no-measure")
    assert done.returncode == 0
    assert done.stderr == "gensweep: note: W&B's keys that mean nothing here: program, project\n"


def test_a_million_variants(tmp_path):
    path = tmp_path / "many.yaml"
    axes = [f"{name}: {list(range(1, 101))}" for name in ("steps", "latent_dim", "generator_steps")]
    path.write_text("seeds: 0\nparameters: {" + ", ".join(axes) + "}\n")
    done = gensweep("plan", path, "--no-measure", memory=400 << 20)  # of addresses, libraries included
    assert done.returncode == 0 and "1000000 variants x 1 seed\n" in done.stdout, done.stderr


def test_a_million_runs(tmp_path):
    path = tmp_path / "big.yaml"
    path.write_text("seeds: 0-9999\nparameters: {steps: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10], batch_size: [2, 3, 4, 5, 6, 7, 8, 9, 10, 11]}\n")
    start = time.monotonic()
    done = gensweep("plan", path, "--no-measure", memory=1 << 30)
    assert done.returncode == 0 and "1000000 runs" in done.stdout, done.stderr
    assert time.monotonic() - start < 10


@pytest.mark.parametrize("content", [
    b"a: b\n" * 20_000_000,
    b"seeds: " + b"[" * 1_000_000,
    b"- " * 500_000,
    b"".join(b"k%d: 1\n" % i for i in range(80_000)),
    b"".join(b"k%d: &a%d 1\n" % (i, i) for i in range(60_000)),
    b"seeds: 0\nparameters:\n  steps: [" + b"1," * 400_000 + b"1]\n",
    b"a0: &a0 [x, x]\n" + b"".join(b"a%d: &a%d [*a%d, *a%d]\n" % (i, i, i - 1, i - 1) for i in range(1, 90)) + b"seeds: *a89\n",
    b"description: |\n" + b"  x\n" * 200_000 + b"seeds: q\n",
], ids=["large", "brackets", "dashes", "keys", "anchors", "values", "bomb", "text"])
def test_absurd_files_are_refused_at_once(tmp_path, content):
    path = tmp_path / "absurd.yaml"
    path.write_bytes(content)
    start = time.monotonic()
    done = gensweep("plan", path, memory=2 << 30)
    assert done.returncode == 2 and str(path) in done.stderr
    assert len(done.stderr) < 5000
    assert time.monotonic() - start < 5  # a second on a machine that does nothing else


@pytest.mark.parametrize("arguments, says", [
    ((), "which sweep? usage: gensweep plan SWEEP.yaml"),
    (("small.yaml", "--ranks", "0"), "--ranks expects"),
    (("small.yaml", "--rnks"), "did you mean '--ranks'?"),
    (("small.yaml", "steps"), "given as KEY=VALUE"),
    (("small.yaml", "~steps=4"), "expected ~KEY"),
    (("small.yaml", "steps=4", "steps=5"), "steps is given twice on the command line"),
    (("small.yaml", "stpes=4", "seeds=x"), "did you mean 'steps'?"),
])
def test_bad_usage(sweep, tmp_path, arguments, says):
    done = gensweep("plan", *arguments, cwd=tmp_path)
    assert done.returncode == 2 and says in done.stderr and done.stdout == ""


def test_options_of_plan_are_of_plan_only(sweep):
    done = gensweep(sweep, "--json")
    assert done.returncode == 2 and "--json is no option of gensweep run" in done.stderr


def test_the_bill_is_measured(small_sweep):
    done = gensweep("plan", small_sweep[0], "steps=20", "--ranks", "2")
    assert done.returncode == 0, done.stderr
    assert "core-hours" in done.stdout and "on 2 ranks" in done.stdout
