"""What the farm tells of itself, and in which order it hands runs out."""

import json

import h5py
import numpy as np
from support import SMALL, gensweep


def test_each_rank_tells_what_it_did(tmp_path):
    (tmp_path / "small.yaml").write_text(SMALL)
    for _ in range(2):
        assert gensweep("small.yaml", "-o", "r.h5", ranks=3, cwd=tmp_path).returncode == 0
    with h5py.File(tmp_path / "r.h5", "r") as file:
        ranks = {name: column[...] for name, column in file["provenance/per_rank"].items()}
        trained_by = file["runs/rank"][...]
    assert ranks["launch"].tolist() == [0, 0, 0, 1, 1, 1] and ranks["rank"].tolist() == [0, 1, 2, 0, 1, 2]
    assert ranks["runs"].tolist() == [*np.bincount(trained_by, minlength=3), 0, 0, 0]
    assert (ranks["training_seconds"] + ranks["managing_seconds"] <= ranks["present_seconds"]).all()
    assert (ranks["managing_seconds"] > 0).tolist() == [True, False, False, True, False, False]
    waited = np.isfinite(ranks["wait_median"])
    assert waited.tolist() == [rank > 0 and runs > 0 for rank, runs in zip(ranks["rank"], ranks["runs"])]
    assert (ranks["wait_longest"][waited] >= ranks["wait_median"][waited]).all()


def test_null_runs(tmp_path):
    for ranks in (0, 3):
        done = gensweep("bench", "--null-runs", "700", "--json", ranks=ranks, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        assert [line["what"] for line in lines] == ["without results", "with results in a file"]
        assert all(line["runs"] == 700 and line["ranks"] == max(ranks, 1) for line in lines)
        assert list(tmp_path.iterdir()) == []
    assert gensweep("bench", "--null-runs", "700", "-o", "kept.h5", cwd=tmp_path).returncode == 0
    with h5py.File(tmp_path / "kept.h5", "r") as file:
        assert (file["runs/status"][...] == 2).all() and file["runs/status"].shape == (700,)
    assert gensweep("bench", "--null-runs", "0", cwd=tmp_path).returncode == 2


def test_long_runs_go_first(tmp_path):
    (tmp_path / "lengths.yaml").write_text(SMALL.replace("steps: 60", "steps: [20, 60, 40]").replace("[off, on]", "off"))
    done = gensweep("lengths.yaml", "-o", "r.h5", "--progress", "lines", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    with h5py.File(tmp_path / "r.h5", "r") as file:
        assert file["settings/steps"][...].tolist() == [20, 20, 60, 60, 40, 40]  # rows stay in the order of the plan
    (tmp_path / "lengths.yaml").write_text(SMALL.replace("steps: 60", "steps: [20, 6000000]").replace("[off, on]", "off").replace("every: 20", "every: 0"))
    done = gensweep("lengths.yaml", "-o", "walltime.h5", "--walltime", "00:00:02", cwd=tmp_path)
    assert done.returncode == 75
    with h5py.File(tmp_path / "walltime.h5", "r") as file:
        assert (file["runs/status"][...] == 0).all()  # the first long run took all the time
