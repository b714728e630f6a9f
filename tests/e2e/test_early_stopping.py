"""Early stopping: who is stopped follows from the coverage along training alone, worked out here a second time."""

import re
import shutil
import signal
import time

import h5py
import numpy as np
import pytest
from support import finished, gensweep, start

SWEEP = """\
name: stopping
seeds: 0-7
parameters: {model: oracle, steps: 40, batch_size: 16, learning_rate: [1e-5, 3e-3]}
evaluation: {samples: 300, every: 4}
early_terminate: {type: hyperband, min_iter: 1, eta: 2}
"""
RUNGS, POINTS, RUNS = (1, 2, 4, 8), 10, 16
REASON = re.compile(r"stopped early after step (\d+) of 40: (\S+) (\S+) is not among the best (\d+) of (\d+) runs")
MAY_DIFFER = ("provenance", "runs/rank", "runs/seconds", "runs/attempts", "runs/launch", "runs/interruptions")


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """The sweep and its results, trained by one process."""
    return finished(tmp_path_factory.mktemp("stopping"), SWEEP)


def tv(counts, expected):
    """In the order of the program's additions, so that what it finds equal is equal here."""
    accepted, total = int(counts.sum()), 0.0
    for n, q in zip(counts.ravel().tolist(), expected.ravel().tolist()):
        total += abs(n / accepted - q) / 2
    return total


def modes_10(counts, rejected, expected):
    samples = float(counts.sum() + rejected)
    return sum(n / (samples * q) >= 0.1 for n, q in zip(counts.ravel().tolist(), expected.ravel().tolist()))


def values_of(file):
    """For each run the metric at each of its points."""
    along, name = file["coverage/over_training"], file["settings/early_terminate.metric"][0].decode()
    found = []
    for run in range(len(along["step"])):
        points = int((along["step"][run] >= 0).sum())
        expected = file["coverage/expected"][run]
        found.append([tv(along["counts"][run, p], expected) if name == "tv" else
                      modes_10(along["counts"][run, p], along["rejected"][run, p], expected) for p in range(points)])
    return found


def replay(values, eta, sign=1):
    """What must become of the runs if they come one after the other: {run: (point at which it stops, best, runs)}."""
    rungs, stopped = {rung: [] for rung in RUNGS}, {}
    for run, own in enumerate(values):
        for rung in RUNGS:
            assert len(own) >= rung
            rungs[rung].append(sign * own[rung - 1])
            best = max(1, int(len(rungs[rung]) / eta))
            if sign * own[rung - 1] > sorted(rungs[rung])[best - 1]:
                stopped[run] = (rung, best, len(rungs[rung]))
                break
    return stopped


def check_file(path):
    """What holds of every file, however the runs came; returns {run: (rung, best, runs)}."""
    verdict = gensweep("verify", path)
    assert verdict.returncode == 0, verdict.stdout
    stopped = {}
    with h5py.File(path) as file:
        values = values_of(file)
        assert (file["runs/status"][:] == 2).all()
        for run, error in enumerate(file["runs/error"].asstr()[:]):
            points = len(values[run])
            assert file["runs/steps_done"][run] == 4 * points
            assert (file["coverage/counts"][run] == file["coverage/over_training/counts"][run, points - 1]).all()
            assert "samples" not in file or file["samples/image"][run].any()
            assert file["checkpoints/oracle/run"][run] == run
            assert file["curves/step"][run].max() == 4 * points
            if points == POINTS:
                assert error == ""
                continue
            step, metric, value, best, runs = REASON.fullmatch(error).groups()
            assert int(step) == 4 * points and points in RUNGS
            assert (metric, value) == (file["settings/early_terminate.metric"][run].decode(), f"{values[run][points - 1]:.4g}")
            stopped[run] = (points, int(best), int(runs))
    return values, stopped


@pytest.mark.parametrize("overrides, eta, sign", [
    ((), 2, 1),
    (("early_terminate.eta=3", "seeds=0-4"), 3, 1),
    (("+metric={name: modes_10, goal: maximize}",), 2, -1),
    (("metric.name=modes_10", "+metric.goal=maximize"), 2, -1),
])
def test_one_rank_stops_the_runs_that_the_rule_says(alone, tmp_path, overrides, eta, sign, monkeypatch):
    monkeypatch.setattr("test_early_stopping.RUNGS", RUNGS if eta == 2 else (1, 3, 9))
    path = alone[1]
    if overrides:
        path = tmp_path / "r.h5"
        assert gensweep(alone[0], *overrides, "storage.samples=none", "-o", path).returncode == 0
    values, stopped = check_file(path)
    assert stopped == replay(values, eta, sign)
    assert 0 < len(stopped) < len(values)


def test_the_replay_can_go_red(alone):
    values, stopped = check_file(alone[1])
    values[RUNS - 1] = [0.01] * POINTS
    assert RUNS - 1 in stopped and replay(values, 2) != stopped


def test_it_is_told(alone):
    sweep, results, done = alone
    _, stopped = check_file(results)
    count = len(stopped)
    told = f"{count} of 16 runs were stopped early and are measured as they were then, so rates and means are biased:"
    assert told in done.stdout
    again = gensweep(sweep, "-o", results)
    assert again.returncode == 0 and told in again.stdout  # also of runs that an earlier launch has stopped
    assert f"16 done, 0 failed, 0 running, 0 pending; {count} of those done were stopped early" in gensweep("status", results).stdout
    planned = gensweep("plan", sweep, "--no-measure", "-o", results.parent / "none.h5").stdout
    assert "Early stopping can only make it shorter: runs are compared by tv after coverage point 1, 2, 4, 8.\n" in planned
    assert "No run can be stopped early" in gensweep("plan", sweep, "--no-measure", "early_terminate.min_iter=10").stdout


def test_it_is_off_unless_asked_for(alone, tmp_path):
    assert gensweep(alone[0], "~early_terminate", "-o", tmp_path / "off.h5").returncode == 0
    with h5py.File(tmp_path / "off.h5") as off, h5py.File(alone[1]) as on:
        assert (off["runs/steps_done"][:] == 40).all() and (off["runs/error"][:] == b"").all()
        assert not set(off["runs/id"][:]) & set(on["runs/id"][:])
        whole = np.flatnonzero(on["runs/steps_done"][:] == 40)  # what was not stopped is what it would have been
        assert len(whole) > 0 and (off["runs/digest"][:][whole] == on["runs/digest"][:][whole]).all()


def test_three_ranks(alone, tmp_path):
    done = gensweep(alone[0], "-o", tmp_path / "r.h5", ranks=3)
    assert done.returncode == 0, done.stderr
    values, stopped = check_file(tmp_path / "r.h5")
    assert 0 < len(stopped) < RUNS
    for run, (rung, best, runs) in stopped.items():
        there = [own[rung - 1] for own in values if len(own) >= rung]
        assert best == max(1, runs // 2) and best < runs <= len(there)
        assert sum(other < values[run][rung - 1] for other in there) >= best
    for run, own in enumerate(values):  # a run that was alone at a rung would have gone on
        assert run not in stopped or stopped[run][2] > 1


def contents(path):
    with h5py.File(path) as file:
        names = []
        file.visititems(lambda name, item: names.append(name) if isinstance(item, h5py.Dataset) else None)
        return {name: file[name][()].tobytes() for name in names if not name.startswith(MAY_DIFFER)}


def interrupt(process, results, done, how):
    """Sends the signal as soon as so many runs are done; False if the process was faster."""
    while process.poll() is None:
        time.sleep(.01)
        try:
            with h5py.File(results, "r", swmr=True) as file:
                if (file["runs/status"][:] == 2).sum() >= done:
                    process.send_signal(how)
                    break
        except OSError:  # it is not there yet
            continue
    return process.wait(timeout=400) in (-signal.SIGKILL, 75)


@pytest.mark.parametrize("how, every", [(signal.SIGKILL, "60s"), (signal.SIGTERM, "60s"), (signal.SIGKILL, "0.001s")])
def test_resumed_sweeps_stop_the_same_runs(alone, tmp_path, how, every):
    """One rank trains in plan order, so that a killed and a drained sweep come to the same end as one that was not."""
    results, whole = tmp_path / "r.h5", tmp_path / "whole.h5"
    command = (alone[0], "seeds=0-3", "steps=400", "evaluation.every=40", "evaluation.samples=100", "storage.samples=none",
               f"storage.checkpoint_every={every}")
    assert gensweep(*command, "-o", whole, timeout=400).returncode == 0
    interrupted = [interrupt(start(*command, "-o", results, "--max-attempts", "0"), results, done, how) for done in (2, 5)]
    assert gensweep(*command, "-o", results, timeout=400).returncode == 0
    assert any(interrupted) and contents(results) == contents(whole)
    assert gensweep("verify", results).returncode == 0


def test_new_seeds_are_compared_with_the_old_ones(alone, tmp_path):
    results = tmp_path / "r.h5"
    shutil.copy(alone[1], results)
    assert gensweep(alone[0], "seeds=0-8", "-o", results).returncode == 0
    values, stopped = check_file(results)
    assert len(values) == RUNS + 2
    assert stopped == replay(values, 2)
    assert sum(rung == 1 and runs > RUNS for rung, _, runs in stopped.values()) >= 1
