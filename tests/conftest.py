"""Makes tests/support.py importable everywhere, and trains the small sweep once for all tests that read its results."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from support import SMALL, finished  # noqa: E402 (after the path is set)


@pytest.fixture(scope="session")
def small_sweep(tmp_path_factory):
    """(path of the YAML, path of the finished results file, the finished process)."""
    return finished(tmp_path_factory.mktemp("small"), SMALL, "small")
