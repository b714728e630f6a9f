"""The benchmark's own reasoning, without measuring: what counts as the same training, and the table of the README."""

import sys

import pytest
from support import ROOT

sys.path.insert(0, str(ROOT / "tests" / "bench"))
import bench  # noqa: E402
import table  # noqa: E402

LOSS = {"losses": [0.5, 0.02], "moved": 8.0, "lag": 0.5}
SPREAD = {"ms": 2.0, "ms_min": 1.96, "ms_max": 212.4, "repeats": 9}


def case(**peers):
    about = {
        "torch": {"torch": "2.9.9", "blas": "some BLAS", "vector": "AVX2"},
        "jax": {"jax": "0.9.9", "blas": "its own"},
    }
    result = {
        "case": "autoregressive",
        "settings": {},
        "train": {**SPREAD, "products_ms": 1.6, "limit_share": 0.8},
        "sample": {"seconds": 4.66},
        "peers": {name: {**SPREAD, "ms": ms, "about": about[name]} for name, ms in peers.items()},
    }
    if peers:
        fastest = min(peers, key=peers.get)
        result.update(fastest_peer=fastest, times_as_fast=peers[fastest] / 2, times_as_fast_bound=peers[fastest] / 1.6)
    return result


def results(*cases):
    return {"cpu": "a processor", "coretype_variable": "", "blas": "Zen", "vector": "avx2", "cases": list(cases)}


def test_same_training_has_no_differences():
    assert not list(bench.differences(LOSS, {"losses": [0.49, 0.0201], "moved": 8.3, "lag": 0.6}))


@pytest.mark.parametrize(
    "theirs, named",
    [
        ({"losses": [1.0, 0.02]}, "loss 0"),
        ({"losses": [0.5, 0.04]}, "loss 1"),
        ({"moved": 4.0}, "way"),
        ({"lag": 0.0}, "lag"),
        ({"losses": [float("nan"), 0.02]}, "loss 0"),
    ],
)
def test_other_training_is_named(theirs, named):
    differences = list(bench.differences(LOSS, {**LOSS, **theirs}))
    assert len(differences) == 1 and differences[0].startswith(named)


def test_models_without_averages_compare():
    assert not list(bench.differences({**LOSS, "lag": 0.0}, {**LOSS, "lag": 0.0}))


def test_table_without_peers():
    lines = table.render(results(case())).splitlines()
    assert lines[-1] == "| autoregressive, flat | 2.00 (1.96-212) | 1.60 | 80 % | 4.66 s |"
    assert "a processor" in lines[0] and "kernel Zen" in lines[0] and "PyTorch" not in lines[0]


def test_table_with_peers_marks_the_fastest():
    lines = table.render(results(case(torch=24.0, jax=20.0), case(torch=24.0))).splitlines()
    assert lines[-2] == (
        "| autoregressive, flat | 2.00 (1.96-212) | 1.60 | 80 % | 24.0 (1.96-212) | **20.0 (1.96-212)** "
        "| 10.0 | 12.5 | 4.66 s |"
    )
    assert (
        lines[-1]
        == "| autoregressive, flat | 2.00 (1.96-212) | 1.60 | 80 % | **24.0 (1.96-212)** |  | 12.0 | 15.0 | 4.66 s |"
    )
    assert "PyTorch 2.9.9: some BLAS, AVX2. JAX 0.9.9: its own." in lines[0]
    assert len({line.count("|") for line in lines[2:]}) == 1


def test_table_replaces_only_what_is_between_the_markers():
    text = f"before\n{table.BEGIN}\nold\n{table.END}\nafter\n"
    once = table.replaced(text, "new \\1")
    assert once == f"before\n{table.BEGIN}\nnew \\1\n{table.END}\nafter\n" == table.replaced(once, "new \\1")
    with pytest.raises(SystemExit):
        table.replaced("no markers", "new")


def test_readme_has_the_markers():
    text = (ROOT / "README.md").read_text()
    assert table.replaced(text, "new") != text
