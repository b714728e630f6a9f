"""The analysis of files that the program itself has made, where the data or the samples are unusual."""

import re

import numpy as np
import pytest
from support import analysis, finished, gensweep

from gensweep_analysis import AnalysisError, Results, sections, summary
from gensweep_analysis.headline import caveats, headline


@pytest.fixture(scope="module")
def few_bins(tmp_path_factory):
    """A real file of data that can fall into 12 of the 30 bins: three digits, and no green."""
    return finished(tmp_path_factory.mktemp("few"), "seeds: 0-1\nparameters: {model: oracle, steps: [60, 90]}\n"
                    "data: {green: 0, digit_weights: [1, 0, 0, 1, 0, 1]}\nevaluation: {samples: 640, every: 30}\n")[1]


def test_bins_that_the_data_cannot_fall_into_are_no_modes(few_bins):
    with Results(few_bins) as results:
        step, counts, rejected = results.over_training()
        modes = summary.modes_covered(counts, rejected, results.expected[:, None])
        for run in np.flatnonzero(results.done):
            last = np.flatnonzero(step[run] >= 0)[-1]
            assert modes[run, last] == results.metric("modes_10")[run] <= 12
        rows = summary.summarise_all(results)
        assert [row.possible for row in rows] == [12, 12]
        assert " of 12; mean TV" in headline(results, rows, summary.compare_all(results))
        assert f"and KL {11 / (2 * 640):.4f}" in sections.summary_table(results, rows, dict.fromkeys(results.variants, "#000000"))


@pytest.fixture(scope="module")
def noise(tmp_path_factory):
    """A real file of two models, one of which makes noise; hidden_units has another default in each."""
    return finished(tmp_path_factory.mktemp("noise"), "seeds: 0-1\nparameters: {model: [oracle, diffusion], steps: 300, timesteps: 4, "
                    "learning_rate: [1e-9, 3e-3]}\nexclude: [{model: diffusion, learning_rate: 3e-3}]\nevaluation: {samples: 200}\n")[1]


def test_noise_is_called_noise(noise, tmp_path):
    with Results(noise) as results:
        rows, pairs = summary.summarise_all(results), summary.compare_all(results)
        assert 100 < results.digit_distance < 170 and "hidden_units" not in results.swept_settings()
        assert [row.resembles for row in rows] == [False, True, False] and rows[1].quality > rows[0].quality == 0
        text = " ".join(caveats(results, rows, pairs))
        assert "Samples that resemble no digit (mean error of " in text and "their modes and TV say little" in text
        assert f"lowest with {rows[1].name}" in headline(results, rows, pairs) or f"least with {rows[1].name}" in headline(results, rows, pairs)
    shown = analysis("table", noise)
    assert "Samples that resemble no digit" in shown.stdout and "quality" in shown.stdout.splitlines()[0]
    (tmp_path / "out").mkdir()
    for name in ("variant07-only-samples.png", "my own.png"):
        (tmp_path / "out" / name).write_bytes(b"")
    assert analysis("report", noise, "-o", tmp_path / "out").returncode == 0
    left = {path.name for path in (tmp_path / "out").glob("*.png")}
    assert "my own.png" in left and "variant07-only-samples.png" not in left and "collapse_rates.png" in left


def test_samples_are_those_that_the_run_has(tmp_path):
    sweep, path = tmp_path / "s.yaml", tmp_path / "s.h5"
    sweep.write_text("seeds: 0\nparameters: {model: oracle, steps: 20}\n")
    for arguments in (("evaluation.samples=20", "storage.samples=none"), ("evaluation.samples=20,30", "seeds=0-1")):
        assert gensweep(sweep, *arguments, "-o", path).returncode == 0
    with Results(path) as results:
        samples = results.settings["evaluation.samples"]
        assert sorted(samples) == [20, 20, 30, 30] and not results.has_samples(0)
        for run in (1, 2, 3):
            assert results.samples(run).image.shape == (samples[run], 28, 28, 3) and (results.samples(run).bin < 30).any()
            assert len(results.first_samples(run, 25)) == min(25, samples[run])
        with pytest.raises(AnalysisError, match="no samples are stored for run 0"):
            results.samples(0)


def test_an_infinite_divergence_is_shown(few_bins):
    with Results(few_bins) as results:
        kl = results.metric("kl")[results.done]
        assert np.isinf(kl).any()
    shown = analysis("table", few_bins)
    assert shown.returncode == 0 and re.search(r"steps=60 .* inf ", shown.stdout)
