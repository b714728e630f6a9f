"""The identity of a run is that of what it computes: how the sweep is written has no part in it. (test_expansion.py has the random sweeps.)"""

import gzip
import json
import struct

import numpy as np
import pytest
from support import ROOT, gensweep


DEFAULTS = ROOT / "tests" / "golden" / "defaults.txt"


def ids(folder, text, *overrides):
    (folder / "sweep.yaml").write_text(text)
    done = gensweep("plan", "sweep.yaml", *overrides, "--json", "--runs", "--no-measure", cwd=folder)
    assert done.returncode == 0, done.stderr
    return [run["id"] for run in json.loads(done.stdout)["run_list"]]


@pytest.mark.parametrize("name, same, other", [
    ("generator_learning_rate", ["1e-4", "0.0001", "1.0e-04", "1E-4", ".0001", "+1e-4", "0.1e-3", "{value: 1e-4}", "[1e-4]"], "1.0000001e-4"),
    ("steps", ["20000", "2e4", "20000.0", "2.0E+04", "{values: [20000]}"], "20001"),
    ("minibatch_discrimination", ["off", "no", "false", "Off", "FALSE", "No"], "on"),
])
def test_number_formats_do_not_matter(tmp_path, name, same, other):
    found = {text: ids(tmp_path, f"seeds: 3\nparameters: {{{name}: {text}}}\n") for text in same}
    assert len({tuple(value) for value in found.values()}) == 1, found
    assert ids(tmp_path, f"seeds: 3\nparameters: {{{name}: {other}}}\n") != found[same[0]]
    assert ids(tmp_path, "seeds: 3\n", f"+{name}={same[1]}") == found[same[0]]


@pytest.mark.parametrize("seeds", ["[0, 1, 2]", "{first: 0, count: 3}"])
def test_forms_of_seeds(tmp_path, seeds):
    assert ids(tmp_path, f"seeds: {seeds}\n") == ids(tmp_path, "seeds: 0-2\n")


def test_the_digits_count_and_not_their_file(tmp_path):
    images = np.random.default_rng(2).integers(0, 256, (9, 28, 28), dtype=np.uint8)
    images[8] = images[0]
    idx = struct.pack(">4I", 0x803, 9, 28, 28) + images.tobytes()
    (tmp_path / "folder").mkdir()
    (tmp_path / "raw").write_bytes(idx)
    (tmp_path / "folder" / "other name.gz").write_bytes(gzip.compress(idx))
    changed = bytearray(idx)
    changed[16 + 300] ^= 1
    (tmp_path / "changed").write_bytes(changed)
    sweep = "seeds: 0-1\ndata: {{mnist: {}, indices: {}}}\n"
    first = ids(tmp_path, sweep.format("raw", "[0, 1, 2, 3, 4, 5]"))
    assert ids(tmp_path, sweep.format("folder/other name.gz", "[0, 1, 2, 3, 4, 5]")) == first
    assert ids(tmp_path, sweep.format(tmp_path / "raw", "[8, 1, 2, 3, 4, 5]")) == first  # image 8 is image 0
    assert ids(tmp_path, sweep.format("raw", "[1, 0, 2, 3, 4, 5]")) != first
    assert ids(tmp_path, sweep.format("changed", "[0, 1, 2, 3, 4, 5]")) != first
    assert ids(tmp_path, "seeds: 0-1\n") != first


def test_what_changes_no_result_changes_no_identity(tmp_path):
    text = "seeds: 0-1\nparameters: {model: [vae, gan], steps: 50}\n"
    first = ids(tmp_path, text)
    for override in ("name=other", "description=x", "storage.samples=none", "storage.checkpoints=none", "storage.compression=9"):
        assert ids(tmp_path, text, override) == first
    for override in ("evaluation.samples=100", "evaluation.every=5", "data.green=0.3", "data.digit_weights=[1,1,1,1,1,1]"):
        assert not set(ids(tmp_path, text, override)) & set(first)


def test_defaults_never_change():
    """A value that is the default is no part of an identity: with another default, files would take old results for new ones.

    A new setting is a new line of tests/golden/defaults.txt. Whoever has to change a default raises IDENTITY_VERSION (src/sweep/identity.c).
    """
    text, name = {}, ""
    for line in gensweep("settings").stdout.split("\n"):
        if line.startswith("  ") and not line.startswith("   "):
            name = line.strip()
        elif line.startswith("      default: "):
            text[name] = line.strip().removeprefix("default: ")
    committed = dict(line.split(": ", 1) for line in DEFAULTS.read_text().splitlines())
    assert text == committed and len(text) > 40
