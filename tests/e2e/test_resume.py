"""The same command again: nothing that is done is done twice, nothing is lost, and the results are those of a sweep that nobody interrupted."""

import fcntl
import json
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import time

import h5py
import numpy as np
import pytest
from support import PROGRAM, ROOT, SMALL, gensweep

sys.path.insert(0, str(ROOT / "tests" / "crash"))
from crash import read_all, rows_by_id  # noqa: E402 (after the path is set)


@pytest.fixture
def copied(small_sweep, tmp_path):
    """(sweep, results) of the finished small sweep, to be changed at will."""
    sweep, results = tmp_path / "small.yaml", tmp_path / "r.h5"
    shutil.copy(small_sweep[0], sweep)
    shutil.copy(small_sweep[1], results)
    return sweep, results


def status(results):
    done = gensweep("status", results, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def launch(*arguments, ranks=0):
    command = [*(["mpirun", "-n", str(ranks), "--oversubscribe"] if ranks else []), str(PROGRAM), *map(str, arguments)]
    environment = dict(os.environ, OPENBLAS_NUM_THREADS="1", OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1")
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=environment)


def wait_until(condition, seconds=120):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(.05)


def test_nothing_to_do(copied):
    sweep, results = copied
    before = read_all(results)
    done = gensweep(sweep, "-o", results)
    assert done.returncode == 0, done.stderr
    assert "4 done, 0 failed, nothing to do" in done.stderr and "2/2 (" in done.stdout
    assert read_all(results) == before
    with h5py.File(results) as file:
        assert file["provenance/argv"].shape == (2,) and list(file["runs/launch"]) == [0] * 4
        assert file["sweep/history"].shape == (0,)


@pytest.mark.parametrize("ranks", [0, 2])
def test_killed_at_a_random_moment(small_sweep, tmp_path, ranks):
    sweep, whole, _ = small_sweep
    results = tmp_path / "r.h5"
    chance = random.Random(ranks)
    for _ in range(3):
        process = launch(sweep, "-o", results, "--max-attempts", "0", ranks=ranks)
        time.sleep(chance.uniform(.1, .6) + (.3 if ranks else 0))
        process.kill()
        process.communicate()
        wait_until(lambda: not results.exists() or status(results)["state"] != "running")
        if results.exists():
            wanted = rows_by_id(whole)
            assert all(parts == wanted[identity] for identity, parts in rows_by_id(results).items())  # status has recovered it
    done = gensweep(sweep, "-o", results, "--max-attempts", "0", ranks=ranks)
    assert done.returncode == 0, done.stderr
    assert read_all(results) == read_all(whole)


def test_more_seeds_and_values(copied, small_sweep):
    sweep, results = copied
    sweep.write_text(SMALL.replace("[3, 11]", "[3, 5, 11]").replace("steps: 60", "steps: [60, 80]"))
    planned = [variant["label"] for variant in json.loads(gensweep("plan", sweep, "--no-measure", "--json", "-o", results).stdout)["variants"]]
    done = gensweep(sweep, "-o", results)
    assert done.returncode == 0, done.stderr
    assert "extending" in done.stderr and "4 done, 0 failed, 8 to do, 8 of them new" in done.stderr
    with h5py.File(results) as file, h5py.File(small_sweep[1]) as old:
        assert file["runs/id"].shape == (12,) and (file["runs/status"][...] == 2).all()
        for name in ("runs/id", "runs/label", "runs/variant", "runs/digest", "samples/image", "samples/bin", "coverage/counts", "settings/steps"):
            np.testing.assert_array_equal(file[name][:4], old[name][...])
        np.testing.assert_array_equal(file["curves/step"][:4, :60], old["curves/step"][...])
        assert (file["curves/step"][:4, 60:] == -1).all()
        assert [value.decode() for value in file["sweep/history"]] == [sweep.read_text()]
        assert file["sweep/yaml"][()].decode() == SMALL
        # a new seed of an old variant has the variant's name
        assert list(file["runs/variant"][...]).count(b"minibatch_discrimination=on") == 3
        assert set(planned) == {name.decode() for name in file["runs/variant"]} and len(planned) == 4
    assert rows_by_id(results).items() >= rows_by_id(small_sweep[1]).items()
    assert gensweep("verify", results).returncode == 0
    assert read_all(results.parent / "r.h5.1") == read_all(small_sweep[1])


def test_runs_no_longer_in_the_sweep_are_kept(copied):
    sweep, results = copied
    done = gensweep(sweep, "minibatch_discrimination=on", "seeds=3", "-o", results)
    assert done.returncode == 0, done.stderr
    assert "1 done, 0 failed, nothing to do" in done.stderr and "3 runs of the file are no longer in the sweep" in done.stderr
    assert "minibatch_discrimination=off, seed=11" in done.stderr
    assert status(results)["planned"] == 1 and status(results)["kept"] == 3
    with h5py.File(results) as file:
        assert list(file["runs/planned"]) == [0, 0, 1, 0] and list(file["runs/status"]) == [2] * 4
        assert file["sweep/history_overrides"][0].decode().split() == ["minibatch_discrimination=on", "seeds=3"]


@pytest.mark.parametrize("columns", [("history", "history_launch"), ("history",), ("history_launch",)])
@pytest.mark.parametrize("arguments", [["seeds=3"], []])
def test_unfinished_row_of_the_history_is_written_over(copied, arguments, columns):
    """A kill or a full disk can end a launch after the sweep's text has got its row, and before the row has got its launch."""
    sweep, results = copied
    with h5py.File(results, "r+") as file:
        for column in columns:
            file[f"sweep/{column}"].resize(1, axis=0)
            if column == "history":
                file["sweep/history"][0] = "half a row"
    done = gensweep(sweep, *arguments, "-o", results)
    assert done.returncode == 0, done.stderr
    with h5py.File(results) as file:
        assert [value.decode() for value in file["sweep/history"]] == [SMALL]
        assert file["sweep/history_overrides"][0].decode().split() == arguments
        assert list(file["sweep/history_launch"]) == [1]
    done = gensweep(sweep, *arguments, "-o", results)
    assert done.returncode == 0, done.stderr
    with h5py.File(results) as file:
        assert file["sweep/history"].shape == (1,)


def test_unfinished_row_is_written_over_by_a_longer_sweep(copied):
    """Whose first launch had a sweep that does not fit into a cell of /sweep/history."""
    sweep, results = copied
    sweep.write_text(SMALL + "# " + 70_000 * "x" + "\n")
    results.unlink()
    assert gensweep(sweep, "-o", results).returncode == 0
    with h5py.File(results, "r+") as file:
        file["sweep/history"].resize(1, axis=0)
    done = gensweep(sweep, "-o", results)
    assert done.returncode == 0, done.stderr
    with h5py.File(results) as file:
        assert [value.decode() for value in file["sweep/history"]] == [sweep.read_text()]


def test_many_waiting_runs_whose_rows_were_widened(tmp_path):
    """Chunks are as narrow as the first launch made them: rows of bins then have a chunk for each sample, and none of them is there yet."""
    sweep, results = tmp_path / "s.yaml", tmp_path / "r.h5"
    sweep.write_text("name: wide\nseeds: {first: 0, count: 300}\nparameters: {model: oracle, steps: 1, batch_size: 2, decoder_hidden_1: 1, decoder_hidden_2: 1}\n"
                     "evaluation: {samples: 1}\nstorage: {checkpoints: none}\n")
    assert gensweep(sweep, "-o", results).returncode == 0
    for _ in range(2):
        done = gensweep(sweep, "evaluation.samples=12800", "steps=1000000", "-o", results, "--walltime", "00:00:01")
        assert done.returncode == 75, done.stderr
    assert gensweep("verify", results).returncode == 0


def test_other_blas_kernels_are_told(tmp_path):
    """Results of one file then differ in their last bits; kernels that this CPU lacks would end the program without a word."""
    sweep, results = tmp_path / "s.yaml", tmp_path / "r.h5"
    sweep.write_text(SMALL)
    kernel = re.search(r"blas kernel +(\S+)", gensweep("--version").stdout)[1]
    other = "Prescott" if kernel != "Prescott" else "Haswell"
    assert gensweep(sweep, "seeds=3", "steps=2", "evaluation.every=0", "-o", results).returncode == 0
    done = gensweep(sweep, "steps=2", "evaluation.every=0", "-o", results, OPENBLAS_CORETYPE=other)
    assert f"were trained with the BLAS kernels '{kernel}', and these are '{other}'" in done.stderr
    assert f"OPENBLAS_CORETYPE={kernel} goes on with the former" in done.stderr
    again = gensweep(sweep, "seeds=3", "steps=2", "evaluation.every=0", "minibatch_discrimination=on", "-o", results, OPENBLAS_CORETYPE="Nehalem")
    assert "nothing to do" in again.stderr and "were trained with" not in again.stderr  # a launch that trains nothing leaves nothing of its kernels
    extended = gensweep(sweep, "seeds=3,5", "steps=2", "evaluation.every=0", "-o", results, OPENBLAS_CORETYPE=other)
    assert f"were trained with the BLAS kernels '{kernel}'" in extended.stderr
    with h5py.File(results, "r+") as file:  # as if the second launch had been ended before any of its runs was done
        file["runs/status"][1:] = 0
        file["runs/launch"][...] = 0
    done = gensweep(sweep, "steps=2", "evaluation.every=0", "-o", results)
    assert done.returncode == 0 and "BLAS kernels" not in done.stderr, done.stderr
    assert "OPENBLAS_CORETYPE is 'Nonsense', which this OpenBLAS or CPU does not have" in gensweep(
        sweep, "steps=2", "-o", tmp_path / "n.h5", OPENBLAS_CORETYPE="Nonsense").stderr
    if "avx512f" not in open("/proc/cpuinfo").read():
        for verb in ([], ["plan"]):
            done = gensweep(*verb, sweep, OPENBLAS_CORETYPE="SkylakeX")
            assert done.returncode == 2 and "need AVX-512, and this CPU has none; unset it" in done.stderr


def test_a_program_that_ended_by_itself_was_not_killed(copied):
    """A full disk ends it with a run in flight, and it leaves no lock."""
    results = copied[1]
    with h5py.File(results, "r+") as file:
        file["runs/status"][3] = 1
    assert status(results)["state"] == "unfinished"
    told = gensweep("status", results).stdout
    assert "1 in flight when it ended" in told and "ended before all runs were done; run the same command again" in told


@pytest.mark.parametrize("steps, left, statuses", [(60, 6, [2, 2, 2, 1]), (6, 36, [2, 2, 2, 1]), (0, 6, [2, 2, 2, 1]),
                                                   (30, 8, [0, 0, 3, 1]), (0, -1, [0, 0, 0, 1])])
def test_time_left(copied, steps, left, statuses):
    """A running run takes as long as those that are done did, samples included, or longer if its steps so far say so; it tells
    of those that wait where none is done, and the end of the longest run is waited for whatever the number of ranks."""
    results = copied[1]
    with h5py.File(results, "r+") as file:
        file["runs/status"][...] = statuses
        file["provenance/ranks"][...] = 1 if statuses[0] == 2 else 64
        file["runs/seconds"][...] = [8, 10, 12, 4]
        file["runs/steps_done"][3] = steps
    with open(f"{results}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        lock.write(f"{socket.gethostname()} {os.getpid()} 1 - 0 2026-01-01T00:00:00Z\n")
        lock.flush()
        found = status(results)
    assert found["state"] == "running"
    assert found["seconds_left"] is None if left < 0 else abs(found["seconds_left"] - left) < 1e-6


def test_wider_rows_and_other_storage(copied, small_sweep, tmp_path):
    sweep = copied[0]
    results = tmp_path / "lean.h5"
    lean = ("storage.samples=none", "storage.checkpoints=none", "evaluation.every=0")
    assert gensweep(sweep, *lean, "-o", results).returncode == 0
    done = gensweep(sweep, "evaluation.samples=1000,1200", "evaluation.every=0,20", "storage.compression=0", "-o", results)
    assert done.returncode == 0, done.stderr
    assert "storage.compression" in done.stderr
    checked = gensweep("verify", results)
    assert checked.returncode == 0, checked.stdout
    assert "16 runs done; checked coverage of 16, samples of 12, checkpoint of 12, curves of 16" in checked.stdout
    with h5py.File(results) as file, h5py.File(small_sweep[1]) as old:
        assert file["samples/image"].shape[1] == 1200
        for row, digest in enumerate(old["runs/digest"]):
            assert digest in file["runs/digest"][...], row


def test_failed_runs_are_retried_when_asked(copied, tmp_path):
    sweep, results = copied[0], tmp_path / "f.h5"
    diverging = ("seeds=3", "minibatch_discrimination=on", "generator_learning_rate=1e38,5e-3")
    assert gensweep(sweep, *diverging, "-o", results).returncode == 1
    again = gensweep(sweep, *diverging, "-o", results)
    assert again.returncode == 1 and "1 done, 1 failed, nothing to do (--retry-failed" in again.stderr
    retried = gensweep(sweep, *diverging, "-o", results, "--retry-failed")
    assert retried.returncode == 1 and "1 done, 0 failed, 1 to do" in retried.stderr
    with h5py.File(results) as file:
        assert sorted(file["runs/attempts"]) == [1, 2] and sorted(file["runs/status"]) == [2, 3]
    report = gensweep("status", results)
    assert "1 done, 1 failed" in report.stdout and "not finite" in report.stdout
    longer = gensweep(sweep, *diverging, "steps=60,100000", "-o", results, "--retry-failed", "--walltime", "0:00:01")
    assert longer.returncode == 75, longer.stderr  # the longer runs came first
    with h5py.File(results) as file:
        row = list(file["runs/attempts"][:]).index(2)
        assert file["runs/status"][row] == 0
        assert (file["runs/error"][row], file["runs/steps_done"][row], file["runs/seconds"][row]) == (b"", 0, 0)


def test_a_link_is_the_file_that_it_leads_to(copied, small_sweep, tmp_path):
    sweep, results = copied
    link = tmp_path / "elsewhere" / "link.h5"
    link.parent.mkdir()
    link.symlink_to(results)
    extended = gensweep(sweep, "seeds=[3, 11, 12]", "-o", link)
    assert extended.returncode == 0 and f"extending {results}" in extended.stderr
    assert link.is_symlink() and [path.name for path in link.parent.iterdir()] == ["link.h5"]
    assert h5py.File(results)["runs/id"].shape == (6,)
    with open(f"{results}.lock", "w") as lock:  # somebody writes the file, by its own name
        fcntl.flock(lock, fcntl.LOCK_EX)
        refused = gensweep(sweep, "-o", link)
        assert refused.returncode == 3 and "is being written by another gensweep" in refused.stderr
        assert status(link)["state"] == "running"
    link.unlink()
    link.symlink_to(tmp_path / "nothing.h5")
    for arguments in ((sweep, "-o", link), ("status", link), ("verify", link), ("audit", link)):
        done = gensweep(*arguments)
        assert done.returncode == 3 and "is a symbolic link that leads nowhere" in done.stderr
    assert not (tmp_path / "nothing.h5").exists()


def give_earlier_scales(path):
    """As the first versions made files: /runs/index, /data/color_names and /data/digit_names were the only scales."""
    with h5py.File(path, "r+") as file:
        rows, found = len(file["run"]), []
        file.visititems(lambda name, item: found.append(item) if isinstance(item, h5py.Dataset) else None)
        scales = [item.name for item in found if h5py.h5ds.is_scale(item.id)]
        found = [item for item in found if item.name not in scales]
        for item in found:
            for axis in item.dims:
                for scale in list(axis.values()):
                    axis.detach_scale(scale)
        for name in scales:
            del file[name]
        file.create_dataset("runs/index", data=np.arange(rows), maxshape=(None,), chunks=(512,)).dims[0].label = "run"
        for label, name in (("run", "runs/index"), ("color", "data/color_names"), ("digit", "data/digit_names")):
            file[name].make_scale(label)
            for item in found:
                for axis in item.dims if item.name not in ("/data/color_names", "/data/digit_names") else ():
                    if axis.label == label:
                        axis.attach_scale(file[name])


def test_a_file_with_the_scales_of_earlier_versions(copied):
    sweep, results = copied
    give_earlier_scales(results)
    done = gensweep(sweep, "-o", results)
    assert done.returncode == 0 and "nothing to do" in done.stderr and not results.with_name("r.h5.1").exists(), done.stderr
    done = gensweep(sweep, "seeds=[3, 11, 12]", "storage.samples=none", "-o", results)
    assert done.returncode == 0 and "6 done" not in done.stderr, done.stderr
    with h5py.File(results) as file:
        assert "index" not in file["runs"] and list(file["run"]) == list(range(6))
        for name in ("coverage/examples", "coverage/over_training/counts", "samples/image", "curves/generator_loss", "metrics/tv"):
            assert [[scale.name.split("/")[-1] for scale in axis.values()] for axis in file[name].dims] == [[axis.label] for axis in file[name].dims]
    assert gensweep("verify", results).returncode == 0


def test_many_variants_are_named_in_no_time(tmp_path):
    """40,000 variants more: it took minutes when each was looked for among all earlier ones."""
    sweep = tmp_path / "s.yaml"
    rates = ", ".join(f"{1e-6 * (i + 1):.8g}" for i in range(400))
    sweep.write_text(f"seeds: 0\nparameters:\n  model: oracle\n  learning_rate: [{rates}]\n  adam_beta1: [0]\n"
                     "storage: {samples: none, checkpoints: none}\nevaluation: {samples: 1}\n")
    for count in (100, 200):
        done = gensweep(sweep, "adam_beta1=range(0.1,0.9,%g)" % (.8 / count), "-o", tmp_path / "r.h5", "--walltime", "0:00:01", timeout=60)
        assert done.returncode == 75, done.stderr
    with h5py.File(tmp_path / "r.h5") as file:
        assert len(set(file["runs/variant"][:])) == len(file["runs/id"]) == 80000


def test_a_run_in_flight_too_often_is_set_aside(copied, tmp_path):
    sweep, results = copied[0], tmp_path / "a.h5"
    command = (sweep, "seeds=3", "minibatch_discrimination=on", "steps=1000000", "evaluation.every=0", "-o", results, "--max-attempts", "2")
    for attempt in (1, 2):
        process = launch(*command)
        wait_until(lambda: results.exists() and [run["attempts"] for run in status(results)["running_runs"]] == [attempt])
        process.kill()
        process.communicate()
        found = status(results)
        assert found["state"] == "crashed" and found["running_runs"][0]["rank"] == 0
    done = gensweep(*command)
    assert done.returncode == 1 and "in flight each time the program ended" in done.stderr
    assert "was in flight when the program or its rank was killed 2 times" in status(results)["failed_runs"][0]["error"]


def test_a_second_launch_is_refused_and_status_disturbs_nobody(copied, tmp_path):
    sweep, results = copied[0], tmp_path / "l.h5"
    process = launch(sweep, "seeds=3", "steps=100000", "-o", results)
    try:
        wait_until(lambda: results.exists() and status(results)["running"] == 1)
        found = status(results)
        assert found["state"] == "running" and f"process {process.pid}" in found["writer"] and found["pending"] == 1
        second = gensweep(sweep, "seeds=3", "-o", results)
        assert second.returncode == 3 and f"process {process.pid}" in second.stderr and "host " in second.stderr
        fresh = gensweep(sweep, "-o", results, "--fresh")
        assert fresh.returncode == 3 and not (tmp_path / "l.h5.1").exists()
        assert process.poll() is None
        with h5py.File(results, "r", swmr=True) as file:
            assert sorted(file["runs/status"]) == [0, 1]
        with pytest.raises(OSError):
            h5py.File(results, "r")
    finally:
        process.send_signal(signal.SIGKILL)
        process.communicate()
    assert "killed; run the same command again" in gensweep("status", results).stdout
    with h5py.File(results, "r") as file:  # status has removed the writer's mark
        assert sorted(file["runs/status"]) == [0, 1]


def damage(path, kind):
    if kind == "text":
        path.write_text("my notes")
    elif kind == "foreign":
        with h5py.File(path, "w") as file:
            file["x"] = 1
    elif kind == "newer":
        with h5py.File(path, "r+") as file:
            file.attrs.modify("format_version", 2)
    elif kind == "cut":
        path.write_bytes(path.read_bytes()[:300_000])


def test_a_writer_that_was_killed_before_it_filled_up_the_last_page(copied):
    """HDF5 notes the end of the file, a whole number of pages, before the file has it."""
    sweep, results = copied
    whole = results.read_bytes()
    short = whole[:-1000]
    assert len(whole) % 4096 == 0 and whole.endswith(bytes(1000))
    results.write_bytes(short)
    assert status(results)["done"] == 4
    with h5py.File(results, "r") as file:  # status has repaired it
        assert (file["runs/status"][...] == 2).all()
    results.write_bytes(short)
    done = gensweep(sweep, "-o", results)
    assert done.returncode == 0 and "nothing to do" in done.stderr
    assert gensweep("verify", results).returncode == 0


@pytest.mark.parametrize("kind, sentence", [("text", "no results file of gensweep"), ("foreign", "no results file of gensweep"),
                                            ("newer", "has format 2"), ("cut", "damaged")])
def test_files_that_cannot_be_continued_are_left_alone(copied, kind, sentence):
    sweep, results = copied
    if kind in ("text", "foreign"):
        results.unlink()
    damage(results, kind)
    before = results.read_bytes()
    for arguments in ((sweep, "-o", results), ("status", results), ("verify", results)):
        done = gensweep(*arguments)
        assert done.returncode == 3 and sentence in done.stderr, done.stderr
    assert results.read_bytes() == before and not list(results.parent.glob("*.lock"))


def test_another_sweep_is_refused(copied):
    sweep, results = copied
    before = results.read_bytes()
    sweep.write_text(SMALL.replace("name: small", "name: other").replace("steps: 60", "steps: 61"))
    done = gensweep(sweep, "-o", results)
    assert done.returncode == 2 and "holds the sweep 'small'" in done.stderr
    assert results.read_bytes() == before


@pytest.mark.parametrize("part", ["samples", "checkpoint", "coverage", "curves"])
def test_verify_finds_a_changed_value(copied, part):
    results = copied[1]
    with h5py.File(results, "r+") as file:
        if part == "samples":
            file["samples/image"][2, 999, 5, 5, 1] ^= 1
        elif part == "checkpoint":
            file["checkpoints/gan_2/generator/dense_0/kernel"][0, 3, 3] += 1e-3
        elif part == "coverage":
            file["coverage/over_training/rejected"][2, 1] += 1
        else:
            file["curves/generator_loss"][2, 7] += 1e-3
    done = gensweep("verify", results)
    assert done.returncode == 1
    assert done.stdout.startswith(f"run 2 (minibatch_discrimination=on, seed=3): {part} differs")


def test_verify_finds_a_flipped_byte_on_the_disk(copied):
    results = copied[1]
    with h5py.File(results) as file:
        chunk = file["samples/image"].id.get_chunk_info_by_coord((1, 400, 0, 0, 0))
    content = bytearray(results.read_bytes())
    content[chunk.byte_offset + chunk.size // 2] ^= 16
    results.write_bytes(content)
    done = gensweep("verify", results)
    assert done.returncode == 1 and done.stdout.startswith("run 1 (")
    assert "samples" in done.stdout.splitlines()[0]


def test_a_few_crash_points():
    """The short version of `make soak`."""
    done = subprocess.run([sys.executable, ROOT / "tests/crash/crash.py", "--points", "3", "--random", "2"], capture_output=True, text=True,
                          timeout=600, check=False, env=dict(os.environ, GENSWEEP_PROGRAM=str(PROGRAM)))
    assert done.returncode == 0, done.stdout + done.stderr


def test_readers_never_turn_a_writer_away(copied):
    sweep, results = copied
    stop = results.with_suffix(".stop")
    command = f"while [ ! -e '{stop}' ]; do '{PROGRAM}' status '{results}' > /dev/null 2>&1; done"
    readers = [subprocess.Popen(["sh", "-c", command]) for _ in range(2)]
    try:
        for last in range(13, 19):
            done = gensweep(sweep, f"seeds=[3,{last}]", "-o", results)
            assert done.returncode == 0, done.stderr
    finally:
        stop.touch()
        for reader in readers:
            reader.wait()
