"""Ranks that are killed: where mpirun lets the others live, they do the runs; where it does not, the same command goes on."""

import os
import random
import signal
import subprocess
import time

import h5py
import pytest
from support import PROGRAM, SMALL, gensweep, ranks_of
from test_ranks import differences

GO_ON = ["--mca", "orte_abort_on_non_zero_status", "0", "--quiet"]  # as the README has it


def launch(folder, *arguments, ranks=3, options=GO_ON, progress="none"):
    (folder / "small.yaml").write_text(SMALL)
    environment = dict(os.environ, OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1", OPENBLAS_NUM_THREADS="1")
    return subprocess.Popen(["mpirun", "-n", str(ranks), "--oversubscribe", *options, str(PROGRAM), "small.yaml", "-o", str(folder / "r.h5"), "--progress",
                             progress, *arguments],
                            cwd=folder, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def rows(results, name):
    with h5py.File(results, "r", swmr=True) as file:
        return file[name][...]


def wait_for(condition, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(.02)


def is_running_on(results, rank):
    if not results.exists():
        return False
    return any((rows(results, "runs/status") == 1) & (rows(results, "runs/rank") == rank))


def kill(results, rank):
    os.kill(ranks_of(results)[rank], signal.SIGKILL)


LONG = ["seeds=0-4", "steps=500", "minibatch_discrimination=on", "evaluation.every=0"]  # about half a second each


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The same sweep with nobody killed."""
    folder = tmp_path_factory.mktemp("whole")
    (folder / "small.yaml").write_text(SMALL)
    assert gensweep("small.yaml", "-o", "r.h5", *LONG, cwd=folder).returncode == 0
    return folder / "r.h5"


def test_a_killed_worker_does_not_take_the_sweep_with_it(tmp_path, whole):
    results = tmp_path / "r.h5"
    process = launch(tmp_path, *LONG)
    wait_for(lambda: is_running_on(results, 2))
    kill(results, 2)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 137  # mpirun's own
    assert "rank 2 on" in err and "is lost: its process has ended; its run" in err
    assert "lost: 1 rank on the way; the others have done their runs" in out
    assert (rows(results, "runs/status") == 2).all()
    assert sorted(rows(results, "runs/attempts")) == [1, 1, 1, 1, 2] and rows(results, "runs/interruptions").sum() == 1
    assert [name for name in differences(whole, results) if name != "runs/interruptions"] == []
    assert gensweep("small.yaml", "-o", "r.h5", *LONG, cwd=tmp_path).returncode == 0


def stopped(results, rank):
    """The rank hears nothing from now on."""
    number = ranks_of(results)[rank]
    os.kill(number, signal.SIGSTOP)
    return number


def test_a_rank_that_dies_when_everything_is_done(tmp_path):
    """It had nothing to do, is told to leave, and never answers."""
    results = tmp_path / "r.h5"
    process = launch(tmp_path, "seeds=0", "minibatch_discrimination=on", "steps=1500", "evaluation.every=0", progress="lines")
    wait_for(lambda: results.exists() and (rows(results, "runs/status") == 1).any())
    busy = int(rows(results, "runs/rank")[0])
    idle = stopped(results, 2 if busy != 2 else 1)
    wait_for(lambda: (rows(results, "runs/status") == 2).all())
    time.sleep(.5)  # the others have left
    assert process.poll() is None
    os.kill(idle, signal.SIGKILL)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 137 and err.count("is lost: its process has ended\n") == 1, err
    assert err.count("100% 1/1 runs done") == 1, err
    assert "lost: 1 rank on the way; the others have done their runs" in out


def test_a_rank_that_dies_in_a_drain(tmp_path):
    """Whether it is before or after rank 0 has told what became of the sweep."""
    for when in ("at once", "after the table"):
        folder = tmp_path / when.replace(" ", "_")
        folder.mkdir()
        results = folder / "r.h5"
        process = launch(folder, "seeds=0-4", "minibatch_discrimination=on", "steps=100000", "evaluation.every=0")
        wait_for(lambda: is_running_on(results, 1) and is_running_on(results, 0))
        ranks = ranks_of(results)
        victim = stopped(results, 1)
        if when == "at once":
            os.kill(victim, signal.SIGKILL)
        os.kill(ranks[0], signal.SIGUSR1)
        if when != "at once":
            time.sleep(5)
            assert process.poll() is None
            os.kill(victim, signal.SIGKILL)
        out, _ = process.communicate(timeout=30)
        assert "drained: 0 of 5 runs are done" in out, when
        assert set(rows(results, "runs/status")) <= {0, 1}
        assert gensweep("small.yaml", "-o", "r.h5", "seeds=0-4", "minibatch_discrimination=on", "steps=100000", "evaluation.every=0", "--walltime", "00:00:01",
                        cwd=folder).returncode == 75


def test_all_workers_killed_at_any_moment(tmp_path):
    """Runs so short that jobs, results and deaths cross each other; rank 0 is left alone."""
    results = tmp_path / "r.h5"
    chance = random.Random(3)
    process = launch(tmp_path, "seeds=0-29", "steps=5", "evaluation.every=0", ranks=4)
    wait_for(lambda: results.exists() and (rows(results, "runs/status") == 2).any())
    for number in (3, 2, 1):
        time.sleep(chance.random() * .1)
        if process.poll() is None:
            kill(results, number)
    out, err = process.communicate(timeout=60)
    assert (rows(results, "runs/status") == 2).all(), (out, err)
    assert rows(results, "runs/attempts").max() <= 2


def test_a_run_that_kills_its_rank_has_failed(tmp_path):
    results = tmp_path / "r.h5"
    process = launch(tmp_path, *LONG, "--max-attempts", "1", ranks=2)
    wait_for(lambda: is_running_on(results, 1))
    kill(results, 1)
    out, err = process.communicate(timeout=60)
    failed = rows(results, "runs/status") == 3
    assert failed.sum() == 1 and (rows(results, "runs/status")[~failed] == 2).all(), (out, err)
    assert b"was in flight when the program or its rank was killed 1 times" in rows(results, "runs/error")[failed][0]
    assert gensweep("small.yaml", "-o", "r.h5", *LONG, "--retry-failed", cwd=tmp_path).returncode == 0


@pytest.mark.parametrize("options, victim", [(GO_ON, 0), ([], 0), ([], 1)])
def test_where_it_cannot_go_on_the_same_command_does(tmp_path, whole, options, victim):
    results = tmp_path / "r.h5"
    process = launch(tmp_path, *LONG, options=options)
    wait_for(lambda: is_running_on(results, victim))
    kill(results, victim)
    process.communicate(timeout=60)
    assert process.returncode == 137
    done = gensweep("small.yaml", "-o", "r.h5", *LONG, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert [name for name in differences(whole, results) if name != "runs/interruptions"] == []


def test_a_rank_sees_that_rank_0_is_gone(tmp_path):
    process = launch(tmp_path, "seeds=0", "minibatch_discrimination=on", "steps=100000", "evaluation.every=0", ranks=2)
    wait_for(lambda: is_running_on(tmp_path / "r.h5", 0) or is_running_on(tmp_path / "r.h5", 1))
    kill(tmp_path / "r.h5", 0)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 137 and "rank 1: rank 0 is gone" in err


def test_the_status_of_the_program_reaches_the_shell(tmp_path):
    """mpirun itself would make 0 of every status with these options."""
    process = launch(tmp_path, "no_such_setting=1")
    process.communicate(timeout=60)
    assert process.returncode == 2
    process = launch(tmp_path, *LONG)
    wait_for(lambda: is_running_on(tmp_path / "r.h5", 1))
    process.send_signal(signal.SIGUSR1)
    process.communicate(timeout=60)
    assert process.returncode == 75


def test_ranks_with_other_kernels_are_refused(tmp_path):
    (tmp_path / "small.yaml").write_text(SMALL)
    command = [str(PROGRAM), "small.yaml", "-o", "r.h5"]
    environment = dict(os.environ, OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1", OPENBLAS_NUM_THREADS="1")
    done = subprocess.run(["mpirun", "--oversubscribe", "-n", "1", *command, ":", "-n", "1", "-x", "OPENBLAS_CORETYPE=Nehalem", *command], cwd=tmp_path,
                          env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2 and "results would depend on who trains what" in done.stderr and not (tmp_path / "r.h5").exists()


def children(process):
    """Ranks of an mpirun."""
    found = subprocess.run(["pgrep", "-P", str(process.pid)], capture_output=True, text=True, check=False).stdout.split()
    return [int(number) for number in found]


@pytest.mark.parametrize("wait", [0, .02, .05])
def test_a_rank_that_dies_while_everything_starts(tmp_path, wait):
    """Rank 0 prepares the file, and the others wait to hear of it. They do not wait for the dead one for ever."""
    process = launch(tmp_path, *LONG, ranks=4)
    wait_for(lambda: (tmp_path / "r.h5.lock").exists())
    time.sleep(wait)
    os.kill(children(process)[2], signal.SIGKILL)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 137, err
    assert "rank 2 is gone, for which the others wait" in err or "is lost: its process has ended" in err, err
    assert gensweep("small.yaml", "-o", "r.h5", *LONG, cwd=tmp_path).returncode == 0
