"""A setting is one row of settings/rows.h: the program of `make extra-rows` has two more rows (extra_rows.h) and no other change, and
every place that deals with settings knows them."""

import json
import os
import subprocess

import h5py
import numpy as np
import pytest
from support import PROGRAM, ROOT, gensweep

EXTRA = ROOT / "build" / "extra" / "gensweep"
SMALL = "steps: 2\n  batch_size: 8\n  decoder_hidden_1: 4"


def extra(*arguments):
    if not EXTRA.exists():
        pytest.fail(f"{EXTRA} is not built: make extra-rows")
    return subprocess.run([EXTRA, *map(str, arguments)], env=dict(os.environ, OPENBLAS_NUM_THREADS="1"), capture_output=True, text=True,
                          timeout=120, check=False)


@pytest.fixture
def sweep(tmp_path):
    def write(parameters):
        path = tmp_path / "extra.yaml"
        path.write_text(f"name: extra\nseeds: 0-1\nparameters:\n  model: vae\n  {parameters}\nevaluation: {{samples: 10}}\n")
        return path
    return write


def plan(program, *arguments):
    done = program("plan", *arguments, "--json", "--runs", "--no-measure")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def ids(plan):
    return [run["id"] for run in plan["run_list"]]


@pytest.mark.parametrize("line, column, says", [
    ("extra_count: 8", 16, "extra_count: expected an integer from 1 to 7, got '8'"),
    ("extra_count: many", 16, "extra_count: expected an integer from 1 to 7, got 'many'"),
    ("extra_rate: [0.5, 1.5]", 21, "extra_rate: expected a number from 0 to 1, got '1.5'"),
    ("extra_cuont: 3", 3, "did you mean 'extra_count'?"),
])
def test_the_reader_checks_it(sweep, line, column, says):
    path = sweep(line)
    done = extra("plan", path)
    assert done.returncode == 2 and done.stderr.startswith(f"{path}:5:{column}: ") and says in done.stderr, done.stderr
    assert gensweep("plan", path).returncode == 2  # which knows no such setting at all


def test_it_is_listed():
    listed = {name: extra("settings", *name.split()).stdout for name in ("", "vae", "gan", "oracle")}
    assert "  extra_count\n      a whole number for the test\n      an integer from 1 to 7\n      default: 3\n      models: vae\n" in listed[""]
    assert "  extra_rate\n      a number for the test\n      a number from 0 to 1\n      default: 0.5, gan 0.25\n" in listed[""]
    assert ["extra_count" in listed[name] for name in ("vae", "gan", "oracle")] == [True, False, False]
    assert "default: 0.25" in listed["gan"]


def test_plans_and_overrides_have_it(sweep):
    told = plan(extra, sweep("extra_count: [2, 5]"), "+extra_rate=0.1,0.2", "+exclude=[{extra_count: 5, extra_rate: 0.2}]")
    assert [variant["label"] for variant in told["variants"]] == ["extra_count=2, extra_rate=0.1", "extra_count=2, extra_rate=0.2",
                                                                  "extra_count=5, extra_rate=0.1"]
    assert [variant["settings"]["extra_count"] for variant in told["variants"]] == [2, 2, 5]
    told = plan(extra, sweep("extra_count: {distribution: int_uniform, min: 1, max: 7}"), "method=random", "run_cap=50")
    assert {variant["settings"]["extra_count"] for variant in told["variants"]} == set(range(1, 8))
    assert plan(extra, sweep("extra_count: [2, 5]"), "model=vae,gan")["runs"] == 6  # it does not multiply the gan's
    assert extra("plan", sweep("extra_count: 2"), "model=gan").returncode == 2


def test_identity_changes_with_it_and_only_with_it(sweep):
    before = ids(plan(gensweep, sweep("steps: 2")))
    assert ids(plan(extra, sweep("steps: 2"))) == before  # files from before the row was added stay what they are
    assert ids(plan(extra, sweep("steps: 2"), "+extra_count=3", "+extra_rate=5e-1")) == before
    others = [ids(plan(extra, sweep("steps: 2"), override)) for override in ("+extra_count=4", "+extra_rate=0.25")]
    assert len({*before, *others[0], *others[1]}) == 6


def test_the_results_file_has_its_column(sweep, tmp_path):
    path = sweep(SMALL + "\n  extra_count: 4\n  extra_rate: 0.75")
    done = extra(path, "model=oracle,vae", "-o", tmp_path / "extra.h5", "--progress", "none")
    assert done.returncode == 0, done.stderr
    with h5py.File(tmp_path / "extra.h5") as file:
        count, rate = file["settings/extra_count"], file["settings/extra_rate"]
        assert count.dtype == np.int64 and rate.dtype == np.float64
        assert list(count[:]) == [-1, -1, 4, 4] and count.attrs["not_applicable"] == -1
        assert np.isnan(rate[:2]).all() and list(rate[2:]) == [0.75, 0.75]
        assert count.attrs["help"] == b"a whole number for the test"


def test_the_program_itself_does_not_have_it():
    assert PROGRAM.exists() and "extra_count" not in gensweep("settings").stdout
