"""What the program says of files with something wrong in them: NAME.yaml -> NAME.txt."""

import os
from pathlib import Path

import pytest
from support import ROOT, gensweep

HERE = Path(__file__).resolve().parent
CASES = sorted(HERE.glob("*.yaml"))


def said(case, tmp_path):
    """The program's sentence, with the file's name as it stands in the repository."""
    done = gensweep(case.relative_to(ROOT), "-o", tmp_path / "none.h5", cwd=ROOT, timeout=20)
    planned = gensweep("plan", case.relative_to(ROOT), cwd=ROOT, timeout=20)
    assert (planned.returncode, planned.stdout, planned.stderr) == (2, "", done.stderr)
    assert done.returncode == 2, done.stderr
    assert done.stdout == ""
    assert list(tmp_path.iterdir()) == []
    return done.stderr


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.stem)
def test_error(case, tmp_path):
    text = said(case, tmp_path)
    golden = case.with_suffix(".txt")
    if os.environ.get("GENSWEEP_GOLDEN") == "write":
        golden.write_text(text)
    assert text == golden.read_text()


def test_this_harness_can_go_red(tmp_path):
    text = said(CASES[0], tmp_path)
    with pytest.raises(AssertionError):
        assert text == CASES[1].with_suffix(".txt").read_text()


def test_there_are_many_cases():
    assert len(CASES) >= 110
