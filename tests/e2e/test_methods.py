"""Every method of the article in one sweep, in the shape of sweeps/methods_quick.yaml."""

import h5py
import numpy as np
import pytest
from support import MODELS, ROOT, gensweep

VARIANTS = ["oracle", "vae", "gan, minibatch_discrimination=off", "gan, minibatch_discrimination=on", "autoregressive, loss=softmax",
            "autoregressive, loss=article", "diffusion, process=ddpm, schedule=linear",
            "diffusion, process=article, schedule=article"]


def test_the_tests_have_a_case_of_every_model():
    listed = gensweep("settings").stdout.split("  model\n", 1)[1].splitlines()[1]
    assert listed.strip() == "one of " + ", ".join(MODELS)


@pytest.fixture(scope="module")
def methods(tmp_path_factory):
    path = tmp_path_factory.mktemp("methods") / "methods.h5"
    done = gensweep(ROOT / "sweeps/methods_quick.yaml", "steps=200", "timesteps=20", "evaluation.samples=640", "-o", path, ranks=2,
                    timeout=600)
    assert done.returncode == 0, done.stderr
    with h5py.File(path, "r") as file:
        yield file


def test_the_shape_of_the_article(methods):
    assert list(dict.fromkeys(methods["runs/variant"].asstr()[...])) == VARIANTS
    assert list(methods["runs/status"][...]) == [2] * 16
    assert len(set(methods["runs/digest"][...])) == 16
    assert set(methods["checkpoints"]) == {"oracle", "vae", "gan", "gan_2", "autoregressive", "diffusion"}


def test_no_sample_is_dropped(methods):
    np.testing.assert_array_equal(methods["coverage/counts"][...].sum(axis=(1, 2)) + methods["coverage/rejected"][...], 640)


def test_a_perfect_model_is_told_for_each(methods):
    expected, models = methods["coverage/expected"][...], methods["runs/model"].asstr()[...]
    np.testing.assert_allclose(expected.sum(axis=(1, 2)), 1)
    quantised = expected[models == "autoregressive"][0].sum(axis=1)  # eight levels a channel: .2525 .2525 .2424 .2525 at full ink,
    np.testing.assert_allclose(quantised[:4] / quantised[:4].sum(), [.26, .24, .24, .26], atol=.02)  # faint pixels move it further
    assert quantised[4] == pytest.approx(.34)
    np.testing.assert_allclose(expected[models != "autoregressive"][:, :4].sum(axis=2), .165)


def test_losses_fall(methods):
    models = methods["runs/model"].asstr()[...]
    for model in ("oracle", "vae", "autoregressive", "diffusion"):
        for run in np.flatnonzero(models == model):
            curve = methods["curves/loss"][run]
            curve = curve[np.isfinite(curve)]
            assert curve[-10:].mean() < .9 * curve[0], model
    assert np.isnan(methods["curves/loss"][models == "gan"]).all()


def test_a_trained_oracle_has_every_mode(tmp_path):
    sweep, results = tmp_path / "oracle.yaml", tmp_path / "oracle.h5"
    sweep.write_text("seeds: 5\nparameters: {model: oracle, steps: 1500, learning_rate: 3e-3}\nevaluation: {samples: 6400}\n")
    assert gensweep(sweep, "-o", results).returncode == 0
    with h5py.File(results) as file:
        assert file["metrics/modes_10"][0] == 30
        assert file["metrics/tv"][0] < .05  # a perfect sampler has .026 at 6,400 samples
        assert file["metrics/mean_error"][0] < 2
