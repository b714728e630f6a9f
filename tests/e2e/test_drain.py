"""Draining: signals and time limits keep the runs in progress, close the file, and end with 75; the same command goes on."""

import os
import re
import signal
import subprocess
import time

import h5py
import pytest
from support import MODEL_CASES, PROGRAM, ROOT, SMALL, gensweep

LONG = ("steps=1000000", "evaluation.every=0")
BARE = "name: bare\nseeds: [0]\nparameters: {model: gan}\nevaluation: {samples: 1500}\n"


@pytest.fixture
def sweep(tmp_path):
    path = tmp_path / "small.yaml"
    path.write_text(SMALL)
    return path


launched = []


@pytest.fixture(autouse=True)
def nothing_is_left_running():
    yield
    for process in launched:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
    launched.clear()


def launch(*arguments, ranks=0, before=(), **environment):
    """Starts the program, under mpirun if ranks > 0, behind the command `before`, and returns at once."""
    variables = dict(os.environ, OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1", OPENBLAS_NUM_THREADS="1")
    launcher = ["mpirun", "-n", str(ranks), "--oversubscribe"] if ranks else []
    process = subprocess.Popen([*before, *launcher, str(PROGRAM), *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                               env=dict(variables, **environment), start_new_session=True)
    launched.append(process)
    return process


def wait_until(condition, seconds=30):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "nothing happened"
        time.sleep(.02)


def statuses(results):
    try:
        with h5py.File(results, "r", swmr=True) as file:
            return list(file["runs/status"][...])
    except OSError:  # not there yet
        return []


def wait_for_runs(process, results, count):
    """Until at least so many runs are running."""
    wait_until(lambda: process.poll() is not None or statuses(results).count(1) >= count)
    assert process.poll() is None, process.communicate()


def rank_processes(mpirun):
    """Process ids of the ranks, by rank."""
    found = {}
    for process in filter(str.isdigit, os.listdir("/proc")):
        try:
            parent = int(re.search(r"^PPid:\s*(\d+)", open(f"/proc/{process}/status").read(), re.MULTILINE)[1])
            environment = open(f"/proc/{process}/environ", "rb").read()
        except (OSError, TypeError):
            continue
        rank = re.search(rb"OMPI_COMM_WORLD_RANK=(\d+)", environment)
        if parent == mpirun.pid and rank:
            found[int(rank[1])] = int(process)
    return found


def drained(process, results, seconds=20):
    """Waits for the end of a launch that was asked to drain: (stdout, stderr), after the file has been looked at."""
    out, err = process.communicate(timeout=seconds)
    assert process.returncode == 75, (out, err)
    assert "draining: " in err and re.search(r"drained: \d+ of \d+ runs are done, 0 failed, \d+ wait; run the same command again", out)
    with h5py.File(results, "r") as file:  # closed cleanly: plain reading works
        assert 1 not in file["runs/status"][...]
        assert (file["runs/attempts"][...] == (file["runs/status"][...] == 2)).all()
    return out, err


def kept(results):
    """Names of the mid-run checkpoints of a results file."""
    folder = results.with_name(results.name + ".running")
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


@pytest.mark.parametrize("name, model", [*(("SIGUSR1", model) for model in MODEL_CASES), ("SIGTERM", "gan"), ("SIGINT", "gan"), ("SIGHUP", "gan")])
def test_signals_drain_one_process(tmp_path, model, name):
    sweep, results = tmp_path / "bare.yaml", tmp_path / "r.h5"
    sweep.write_text(BARE)
    process = launch(sweep, *(f"{name}={value}" for name, value in MODEL_CASES[model].items()), *LONG, "-o", results)
    wait_for_runs(process, results, 1)
    time.sleep(.3)
    process.send_signal(getattr(signal, name))
    _, err = drained(process, results)
    assert f"draining: {name}" in err
    with h5py.File(results) as file:
        assert kept(results) == [file["runs/id"][0].decode()]


def test_that_nobody_listens_any_more_stops_nothing(tmp_path):
    """As behind `| head`, or when the terminal that shows the bar is gone; under nohup, SIGHUP means nothing either."""
    sweep, results = tmp_path / "bare.yaml", tmp_path / "r.h5"
    sweep.write_text(BARE)
    process = launch(sweep, "model=gan", *LONG, "-o", results, "--progress", "bar", before=["nohup"])
    process.stderr.close()
    wait_for_runs(process, results, 1)
    process.send_signal(signal.SIGHUP)
    time.sleep(1)
    assert process.poll() is None
    process.send_signal(signal.SIGUSR1)
    assert process.wait(timeout=20) == 75 and 1 not in statuses(results)


def test_a_second_interrupt_stops_at_once(sweep, tmp_path):
    """While mpirun's ranks are in the way of the drain: rank 1 is stopped and cannot answer."""
    results = tmp_path / "r.h5"
    process = launch(sweep, *LONG, "-o", results, ranks=2)
    wait_for_runs(process, results, 2)
    ranks = rank_processes(process)
    os.kill(ranks[1], signal.SIGSTOP)
    os.kill(ranks[0], signal.SIGINT)
    time.sleep(.3)
    assert process.poll() is None
    os.kill(ranks[0], signal.SIGINT)
    process.communicate(timeout=20)
    assert process.returncode == 130


@pytest.mark.parametrize("asked", [0, 2])
@pytest.mark.parametrize("name", ["SIGUSR1", "SIGTERM"])
def test_a_signal_to_one_rank_drains_all(sweep, tmp_path, asked, name):
    results = tmp_path / "r.h5"
    process = launch(sweep, *LONG, "-o", results, ranks=3)
    wait_for_runs(process, results, 3)
    os.kill(rank_processes(process)[asked], getattr(signal, name))
    _, err = drained(process, results)
    assert ("draining: a signal to rank 2" if asked == 2 else f"draining: {name}") in err
    assert len(kept(results)) == 3


def test_a_signal_to_mpirun_drains_all(sweep, tmp_path):
    results = tmp_path / "r.h5"
    process = launch(sweep, *LONG, "-o", results, ranks=3)
    wait_for_runs(process, results, 3)
    process.send_signal(signal.SIGUSR1)
    drained(process, results)
    assert len(kept(results)) == 3


def test_mpiruns_own_end_leaves_a_closed_file(sweep, tmp_path):
    """SIGTERM to mpirun: SIGTERM to the ranks a second later, SIGKILL after another; its status is its own."""
    results = tmp_path / "r.h5"
    process = launch(sweep, *LONG, "-o", results, ranks=3)
    wait_for_runs(process, results, 3)
    process.terminate()
    out, _ = process.communicate(timeout=20)
    assert "drained: 0 of 4 runs are done" in out
    assert len(kept(results)) == 3
    with h5py.File(results, "r") as file:
        assert list(file["runs/status"]) == [0] * 4


def test_a_rank_that_does_not_answer_does_not_keep_the_file_open(sweep, tmp_path):
    results = tmp_path / "r.h5"
    process = launch(sweep, *LONG, "-o", results, ranks=2)
    wait_for_runs(process, results, 2)
    silent = rank_processes(process)[1]
    os.kill(silent, signal.SIGSTOP)
    os.kill(rank_processes(process)[0], signal.SIGTERM)
    try:
        def closed():
            try:
                with h5py.File(results, "r") as file:
                    return 1 not in file["runs/status"][...]
            except OSError:
                return False
        wait_until(closed)
        assert process.poll() is None
    finally:
        os.kill(silent, signal.SIGCONT)
    drained(process, results)
    assert len(kept(results)) == 2


def test_walltime(sweep, tmp_path):
    results = tmp_path / "r.h5"
    process = launch(sweep, *LONG, "-o", results, "--walltime", "00:00:02")
    _, err = drained(process, results)
    assert "draining: --walltime is nearly over" in err and len(kept(results)) == 1


def test_the_end_of_the_job(sweep, tmp_path):
    results = tmp_path / "r.h5"
    process = launch(sweep, *LONG, "-o", results, SLURM_JOB_END_TIME=str(int(time.time()) + 3))
    _, err = drained(process, results)
    assert "draining: the SLURM job is nearly over" in err


@pytest.mark.parametrize("end", ["1000000000", "soon", ""])
def test_the_end_of_another_job_means_nothing(sweep, tmp_path, end):
    assert gensweep(sweep, "steps=3", "evaluation.samples=64", "-o", tmp_path / "r.h5", SLURM_JOB_END_TIME=end).returncode == 0


@pytest.mark.parametrize("given", ["", "10", "1:2", "00:60:00", "0:0:0", "-1:00:00", "1-", "a-00:00:01", "00:00:01x"])
def test_a_wrong_walltime_is_refused(sweep, tmp_path, given):
    done = gensweep(sweep, "-o", tmp_path / "r.h5", f"--walltime={given}")
    assert done.returncode == 2 and f"--walltime expects HH:MM:SS or DAYS-HH:MM:SS, got '{given}'" in done.stderr


@pytest.mark.parametrize("given", ["00:10:00", "1-02:00:00", "100:00:00"])
def test_a_walltime_that_is_long_enough(sweep, tmp_path, given):
    assert gensweep(sweep, "steps=3", "evaluation.samples=64", "-o", tmp_path / "r.h5", "--walltime", given).returncode == 0


def test_checkpoints_are_made_now_and_then_and_removed(sweep, tmp_path):
    results = tmp_path / "r.h5"
    process = launch(sweep, *LONG, "storage.checkpoint_every=1s", "-o", results)
    wait_until(lambda: len(kept(results)) == 1)
    first = next((tmp_path / "r.h5.running").iterdir()).stat().st_ino
    wait_until(lambda: any(path.stat().st_ino != first for path in (tmp_path / "r.h5.running").glob("[0-9a-f]" * 32)))
    process.kill()
    process.wait()
    results.unlink()
    # a sweep of other runs does not touch them, and leaves nothing of its own
    assert gensweep(sweep, "steps=40", "storage.checkpoint_every=1s", "-o", results).returncode == 0
    assert len(kept(results)) == 1


def test_no_checkpoints_when_they_are_off(sweep, tmp_path):
    results = tmp_path / "r.h5"
    process = launch(sweep, *LONG, "storage.checkpoint_every=off", "-o", results)
    wait_for_runs(process, results, 1)
    process.send_signal(signal.SIGUSR1)
    drained(process, results)
    assert kept(results) == []


def test_that_checkpoints_cannot_be_kept_is_noted_once_and_fails_nothing(sweep, tmp_path):
    results = tmp_path / "r.h5"
    (tmp_path / "r.h5.running").write_text("in the way")
    process = launch(sweep, *LONG, "storage.checkpoint_every=1s", "-o", results, ranks=3)
    time.sleep(3)
    process.send_signal(signal.SIGUSR1)
    _, err = drained(process, results)
    assert err.count("no mid-run checkpoints: cannot write '") == 1
    assert (tmp_path / "r.h5.running").read_text() == "in the way"


def drain_once(sweep, results, *arguments, ranks=0, seconds=.3):
    process = launch(sweep, *arguments, "-o", results, ranks=ranks)
    wait_for_runs(process, results, 1)
    time.sleep(seconds)
    process.send_signal(signal.SIGUSR1)
    drained(process, results)
    assert kept(results) != []


def test_fresh_puts_the_checkpoints_aside_with_the_file(sweep, tmp_path):
    results = tmp_path / "r.h5"
    drain_once(sweep, results, *LONG)
    names = kept(results)
    done = gensweep(sweep, "steps=3", "evaluation.samples=64", "-o", results, "--fresh")
    assert done.returncode == 0 and kept(results) == [] and kept(tmp_path / "r.h5.1") == names
    (tmp_path / "r.h5.1.running").rename(tmp_path / "none.h5.running")
    assert gensweep(sweep, "steps=3", "evaluation.samples=64", "-o", tmp_path / "none.h5", "--fresh").returncode == 0
    assert not (tmp_path / "none.h5.running").exists()


RUNS = ("steps=1500", "minibatch_discrimination=on", "evaluation.every=500")


def digests(results):
    """Identity -> digest."""
    with h5py.File(results, "r") as file:
        assert (file["runs/status"][...] == 2).all()
        return dict(zip(file["runs/id"], file["runs/digest"], strict=True))


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    (folder / "small.yaml").write_text(SMALL)
    assert gensweep(folder / "small.yaml", *RUNS, "seeds=0-1", "-o", folder / "whole.h5", ranks=2).returncode == 0
    return digests(folder / "whole.h5")


@pytest.mark.parametrize("first, second", [(0, 2), (2, 0)])
def test_the_same_command_again_gives_the_same_results(sweep, tmp_path, uninterrupted, first, second):
    results = tmp_path / "r.h5"
    drain_once(sweep, results, *RUNS, "seeds=0-1", ranks=first)
    done = gensweep(sweep, *RUNS, "seeds=0-1", "-o", results, ranks=second)
    if done.returncode == 3 and "this version cannot continue a file" in done.stderr:
        pytest.skip("files cannot be continued yet")
    assert done.returncode == 0, done.stderr
    assert digests(results) == uninterrupted
    assert kept(results) == [] and not (tmp_path / "r.h5.running").exists()


def test_checkpoints_outlive_the_file(sweep, tmp_path, uninterrupted):
    """They belong to runs, not to rows: another file of the same name takes them up, and gives the same results."""
    results = tmp_path / "r.h5"
    drain_once(sweep, results, *RUNS, "seeds=0")
    results.unlink()
    done = gensweep(sweep, *RUNS, "seeds=0", "-o", results)
    assert done.returncode == 0 and "not used" not in done.stderr
    assert digests(results).items() <= uninterrupted.items()
    assert not (tmp_path / "r.h5.running").exists()


def test_a_damaged_checkpoint_is_noted_and_not_used(sweep, tmp_path, uninterrupted):
    results = tmp_path / "r.h5"
    drain_once(sweep, results, *RUNS, "seeds=0")
    results.unlink()
    state = tmp_path / "r.h5.running" / kept(results)[0]
    content = bytearray(state.read_bytes())
    content[len(content) // 2] ^= 1
    state.write_bytes(content)
    done = gensweep(sweep, *RUNS, "seeds=0", "-o", results)
    assert done.returncode == 0
    assert f"'{state}' is not used: its digest does not agree" in done.stderr and "its run starts over" in done.stderr
    assert digests(results).items() <= uninterrupted.items()


def test_one_note_does_not_swallow_another(sweep, tmp_path, uninterrupted):
    """The first run cannot keep its state; the second has one that is damaged."""
    results, folder = tmp_path / "r.h5", tmp_path / "r.h5.running"
    assert gensweep(sweep, *RUNS, "seeds=0-1", "-o", tmp_path / "names.h5").returncode == 0
    with h5py.File(tmp_path / "names.h5") as file:
        first, second = (str(name) for name in file["runs/id"].asstr()[:2])
    folder.mkdir()
    (folder / f"{first}.tmp").mkdir()
    (folder / second).write_bytes(b"junk")
    done = gensweep(sweep, *RUNS, "seeds=0-1", "-o", results, "storage.checkpoint_every=0.01s")
    assert done.returncode == 0
    assert "no mid-run checkpoints: " in done.stderr and f"{second}' is not used" in done.stderr and "starts over" in done.stderr


def start_batch(sweep, folder, *arguments, restarts=None):
    """The batch script as SLURM starts it, with a scontrol that writes down what it is told."""
    tools = folder / "bin"
    tools.mkdir(exist_ok=True)
    (tools / "scontrol").write_text(f'#!/bin/sh\necho "$@" > {folder}/told\n')
    (tools / "scontrol").chmod(0o755)
    process = subprocess.Popen(
        [ROOT / "slurm/gensweep.sbatch", sweep, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=folder, start_new_session=True,
        env={"PATH": f"{tools}:/usr/local/bin:/usr/bin:/bin", "GENSWEEP": str(PROGRAM), "SLURM_NTASKS": "2", "SLURM_JOB_ID": "17", "GENSWEEP_START_TIME": "4",
             "OMPI_MCA_rmaps_base_oversubscribe": "1", "OMPI_MCA_ras": "^slurm", "OMPI_MCA_plm": "^slurm", "HOME": str(folder),
             "OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1", **({"SLURM_RESTART_COUNT": restarts} if restarts else {})})
    launched.append(process)
    return process


def assert_requeued(process, folder):
    out, err = process.communicate(timeout=30)
    assert process.returncode == 0 and "exit status 75" in out, (out, err)
    assert (folder / "told").read_text() == "requeue 17\n"


def test_the_batch_script_drains_and_asks_to_be_requeued(sweep, tmp_path):
    """SIGUSR1 as SLURM sends it to the script."""
    results = tmp_path / "r.h5"
    process = start_batch(sweep, tmp_path, *LONG, "-o", results)
    wait_for_runs(process, results, 2)
    process.send_signal(signal.SIGUSR1)
    assert_requeued(process, tmp_path)
    assert len(kept(results)) == 2


@pytest.mark.parametrize("delay", [.2, .5])
def test_the_batch_script_is_told_while_everything_starts(sweep, tmp_path, delay):
    process = start_batch(sweep, tmp_path, *LONG, "-o", tmp_path / "r.h5")
    time.sleep(delay)
    process.send_signal(signal.SIGUSR1)
    assert_requeued(process, tmp_path)


def test_a_batch_job_that_is_started_again_goes_on(sweep, tmp_path):
    for restarts in ("0", "1"):
        process = start_batch(sweep, tmp_path, *RUNS, "--fresh", "-o", tmp_path / "r.h5", restarts=restarts)
        out, err = process.communicate(timeout=60)
        assert process.returncode == 0, (out, err)
    assert "nothing to do" in err and not (tmp_path / "r.h5.1").exists()
