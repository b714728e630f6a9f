"""What a gan can be given against collapse, in the shape of sweeps/gan_remedies.yaml."""

import h5py
import numpy as np
import pytest
from support import ROOT, gensweep

SWEEP = (ROOT / "sweeps/gan_remedies.yaml", "seeds=0-1", "steps=12", "evaluation.samples=320", "evaluation.every=6")
VARIANTS = ["gan", "minibatch_discrimination=on", "minibatch_stddev=on", "packing=2", "packing=4", "gan_loss=hinge", "gan_loss=least_squares",
            "gan_loss=relativistic_pairing", "gan_loss=relativistic_pairing, r1=1, r2=1", "r1=1", "spectral_norm=on", "label_smoothing=0.1",
            "feature_matching=on"]


@pytest.fixture(scope="module")
def remedies(tmp_path_factory):
    path = tmp_path_factory.mktemp("remedies") / "alone.h5"
    done = gensweep(*SWEEP, "-o", path)
    assert done.returncode == 0, done.stderr
    with h5py.File(path, "r") as file:
        yield file


def test_each_changes_the_runs_and_is_called_by_what_it_changes(remedies):
    assert list(dict.fromkeys(remedies["runs/variant"].asstr()[...])) == VARIANTS
    assert len(set(remedies["runs/digest"][...])) == len(VARIANTS) * 2


def test_same_results_on_several_ranks(remedies, tmp_path):
    assert gensweep(*SWEEP, "-o", tmp_path / "ranks.h5", ranks=3).returncode == 0
    with h5py.File(tmp_path / "ranks.h5") as other:
        assert list(other["runs/digest"]) == list(remedies["runs/digest"])


def test_same_seeds_begin_with_the_same_weights(tmp_path):
    """What a comparison in pairs needs: a layer that reads more (packs, minibatch columns) draws the same numbers for what all read."""
    still = ("generator_learning_rate=0", "discriminator_learning_rate=0", "steps=1", "seeds=7")
    assert gensweep(*SWEEP[:1], *still, "evaluation={samples: 1}", "-o", tmp_path / "still.h5").returncode == 0
    with h5py.File(tmp_path / "still.h5") as file:
        names = [name for name in map(bytes.decode, file["checkpoints/gan"].attrs["tensors"]) if name.endswith("kernel")]
        rows = 0
        for layout in file["checkpoints"].values():
            for name in names:
                first, kernels = file["checkpoints/gan"][name][0], layout[name][...]
                for kernel in kernels:  # LeCun normal: numbers times 1 / sqrt(inputs)
                    shared = min(len(first), len(kernel))
                    same = np.isclose(kernel[:shared] * len(kernel) ** .5, first[:shared] * len(first) ** .5, rtol=1e-5)
                    assert same.mean() > .9999, name  # one number in 230,000 is drawn anew, from what follows the whole tensor
                    rows += name == names[0]
        assert len(names) == 7 and rows == len(VARIANTS)


def test_a_normalised_layer_stretches_nothing(remedies):
    """The kernel of a checkpoint stands for W / |W u|, whose largest singular value is nearly 1."""
    layout, = [layout for layout in remedies["checkpoints"].values() if "kernel_u" in layout["discriminator/dense_0"]]
    for name, layer in layout["discriminator"].items():
        for kernel, u in zip(layer["kernel"][...].astype(float), layer["kernel_u"][...].astype(float)):
            assert np.linalg.norm(u) == pytest.approx(1, abs=1e-6)
            largest = np.linalg.svd(kernel / np.linalg.norm(kernel @ u), compute_uv=False)[0]
            assert 1 - 1e-6 <= largest < 1.1, name


def test_an_audit_finds_the_same_bits(remedies):
    done = gensweep("audit", remedies.filename, "--runs", "6-25")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("override, says", [
    ("+r1=0,1", "r1: 1 does not go with minibatch_discrimination: on (the default), which couples the images of a batch"),
    ("+packing=3", "packing: 3 does not divide the batch_size 32"),
    ("+gan_loss=wasserstein", "gan_loss: expected one of non_saturating, hinge, least_squares, relativistic_pairing, got 'wasserstein'"),
])
def test_what_does_not_go_together_is_refused(override, says):
    done = gensweep("plan", ROOT / "sweeps/quickstart.yaml", override, "--no-measure")
    assert done.returncode == 2 and says in done.stderr, done.stderr
