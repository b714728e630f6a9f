"""What the tests of the analysis share: the path of its package, and two invented sweeps (synthetic.py), which are only read."""

import sys

import pytest
from support import ROOT

sys.path.insert(0, str(ROOT / "analysis"))

import synthetic  # noqa: E402 (beside this file)


@pytest.fixture(scope="session")
def sweep(tmp_path_factory) -> str:
    """Two variants x 8 seeds, all done."""
    return synthetic.build(str(tmp_path_factory.mktemp("sweep") / "sweep.h5"))


@pytest.fixture(scope="session")
def unfinished(tmp_path_factory) -> str:
    """Row 5 failed, row 14 running, row 15 pending."""
    states = {5: synthetic.FAILED, 14: synthetic.RUNNING, 15: synthetic.PENDING}
    return synthetic.build(str(tmp_path_factory.mktemp("unfinished") / "part.h5"),
                           status=lambda row, seed: states.get(row, synthetic.DONE))
