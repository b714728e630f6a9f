"""Things that go wrong outside of the program: disks that are full, memory that is short, files that are removed or damaged. The long versions are
`make faults`, `make fail-memory` and `make fuzz-results`."""

import errno
import json
import os
import shutil
import subprocess
import sys

import pytest
from support import PROGRAM, ROOT, gensweep
from test_resume import launch, status, wait_until

sys.path.insert(0, str(ROOT / "tests" / "crash"))
from crash import build_killer, rows_by_id  # noqa: E402 (after the path is set)

BUILT = ROOT / "build" / "release"


@pytest.fixture
def copied(small_sweep, tmp_path):
    """(sweep, results) of the finished small sweep, to be changed at will."""
    shutil.copy(small_sweep[0], tmp_path / "small.yaml")
    shutil.copy(small_sweep[1], tmp_path / "r.h5")
    return tmp_path / "small.yaml", tmp_path / "r.h5"


@pytest.mark.parametrize("scenario, points", [("midrun", 2), ("extend", 2)])
def test_a_few_full_disks(scenario, points):
    done = subprocess.run([sys.executable, ROOT / "tests/crash/faults.py", "--points", str(points), "--scenario", scenario], capture_output=True,
                          text=True, timeout=600, check=False, env=dict(os.environ, GENSWEEP_PROGRAM=str(PROGRAM)))
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_few_allocations_that_fail(tmp_path):
    done = subprocess.run([BUILT / "fail_memory", tmp_path, "31"], capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0 and done.stdout.endswith("\n0 failed\n"), done.stdout + done.stderr


def test_a_few_damaged_files(tmp_path):
    done = subprocess.run([BUILT / "fuzz_results", tmp_path, "240", "7"], capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0 and "240 mutants" in done.stdout and done.stdout.endswith(" 0 failed\n"), done.stdout + done.stderr


@pytest.fixture(scope="module")
def broken_library(tmp_path_factory):
    library = tmp_path_factory.mktemp("library") / "broken.so"
    subprocess.run(["cc", "-std=c11", "-shared", "-fPIC", "-o", library, ROOT / "tests/crash/broken_library.c", "-ldl"], check=True)
    return library


@pytest.mark.parametrize("how, sentence", [("memory", "SIGSEGV"), ("abort", "SIGABRT"), ("loop", "no end")])
@pytest.mark.parametrize("verb", ["run", "status", "verify", "audit", "recorded"])
def test_where_hdf5_breaks_there_is_a_sentence(copied, broken_library, how, sentence, verb):
    sweep, results = copied
    before = results.read_bytes()
    arguments = {"run": (sweep, "-o", results), "recorded": ("audit", results, "--kernels", "recorded")}.get(verb, (verb, results))
    done = gensweep(*arguments, LD_PRELOAD=str(broken_library), BROKEN=how)
    assert done.returncode == 3, (done.returncode, done.stderr)
    assert f"'{results}' is damaged" in done.stderr and sentence in done.stderr and len(done.stderr.splitlines()) == 1, done.stderr
    assert results.read_bytes() == before


def test_under_mpirun_too(copied, broken_library):
    sweep, results = copied
    done = gensweep(sweep, "-o", results, ranks=2, LD_PRELOAD=str(broken_library), BROKEN="memory")
    assert done.returncode == 3 and f"'{results}' is damaged" in done.stderr, done.stderr


@pytest.mark.parametrize("how", ["removed", "moved", "replaced"])
def test_a_file_that_is_taken_away(copied, small_sweep, tmp_path, how):
    sweep, whole = copied[0], small_sweep[1]
    results, kept = tmp_path / "t.h5", tmp_path / ("elsewhere.h5" if how == "moved" else "t.h5.1")
    process = launch(sweep, "steps=60,150", "-o", results)
    wait_until(lambda: results.exists() and status(results)["done"] >= 1)
    if how == "removed":
        results.unlink()
    elif how == "moved":
        results.rename(kept)
    else:
        (tmp_path / "other").write_text("my notes")
        (tmp_path / "other").replace(results)
    said = process.communicate(timeout=120)[1]
    assert process.returncode == 3, said
    assert f"'{results}' was {'moved' if how == 'moved' else 'removed'} or replaced while it was being written" in said
    if how == "replaced":
        assert results.read_text() == "my notes"
        results.unlink()
    kept.rename(results)
    assert rows_by_id(results, swmr=True)
    done = gensweep(sweep, "steps=60,150", "-o", results)
    assert done.returncode == 0 and "resuming" in done.stderr and " 0 done" not in done.stderr, done.stderr
    wanted = rows_by_id(whole)
    found = rows_by_id(results)
    assert len(found) == 8 and all(found[identity]["runs/digest"] == parts["runs/digest"] for identity, parts in wanted.items())


def test_nothing_can_be_written(copied, tmp_path):
    sweep, results = copied
    killer = build_killer(tmp_path)
    variables = {"LD_PRELOAD": str(killer), "KILLER_FILE": "r.h5", "KILLER_FAIL": "0", "KILLER_FOREVER": "1"}
    before = results.read_bytes()
    for reason in ("EROFS", "EACCES"):
        variables["KILLER_ERRNO"] = str(getattr(errno, reason))
        text = os.strerror(getattr(errno, reason))
        refused = gensweep(sweep, "-o", results, **variables)
        assert refused.returncode == 3 and "r.h5" in refused.stderr and text in refused.stderr
        reported = gensweep("status", results, "--json", **variables)
        assert reported.returncode == 0 and json.loads(reported.stdout)["done"] == 4
        assert gensweep("verify", results, **variables).returncode == 0
        audited = gensweep("audit", results, "--fraction", "1", **variables)
        assert audited.returncode == 0 and "the verdict is not stored" in audited.stderr and text in audited.stderr
    assert results.read_bytes() == before
