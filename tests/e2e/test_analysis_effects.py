"""What one setting does with everything else equal: `compare --by SETTING`."""

from __future__ import annotations

import csv
import itertools
import re

import h5py
import numpy as np
import pytest
import synthetic
from support import analysis

from gensweep_analysis import Results, statistics
from gensweep_analysis.effects import _p, all_effects, effects
from gensweep_analysis.tables import effects_csv


def _grid(tmp_path, axes, modes, seeds=range(6), **more):
    """A sweep of all combinations of `axes`; `modes(settings, seed)` = bins that its generator reaches."""
    variants = []
    for values in itertools.product(*axes.values()):
        chosen = dict(zip(axes, values))
        name = ", ".join(f"{key}={value}" for key, value in chosen.items())
        variants.append(synthetic.Variant(name, settings=chosen, modes=lambda seed, chosen=chosen: modes(chosen, seed)))
    return synthetic.build(str(tmp_path / "grid.h5"), variants, seeds, samples=128, over_training=0, **more)


@pytest.fixture(scope="module")
def grid(tmp_path_factory):
    """Minibatch discrimination helps with small latent vectors and hurts a little with large ones."""
    def modes(settings, seed):
        if settings["latent_dim"] == 32:
            return 22 if settings["minibatch_discrimination"] else 26
        return (18 if settings["minibatch_discrimination"] else 4) + seed % 3
    axes = {"minibatch_discrimination": (False, True), "latent_dim": (2, 8, 32), "r1": (0.0, 1.0)}
    return _grid(tmp_path_factory.mktemp("effects"), axes, modes)


def test_a_seed_counts_once_with_the_mean_over_the_pairs(grid):
    with Results(grid) as results:
        effect, = effects(results, "minibatch_discrimination")
        assert (effect.first, effect.second, len(effect.pairs), effect.runs) == ("off", "on", 6, 36)
        assert effect.over == ("latent_dim", "r1") and effect.along == ()
        tv, switch = results.metric("tv"), results.settings["minibatch_discrimination"]
        by_seed = [tv[(results.seeds == seed) & (switch == 1)].mean() - tv[(results.seeds == seed) & (switch == 0)].mean()
                   for seed in range(6)]
        found = effect.outcomes[-1]
        assert found.name == "tv" and found.seeds == 6
        assert found.difference == pytest.approx(np.mean(by_seed)) == pytest.approx(found.second - found.first)
        assert found.p == statistics.sign_flip(by_seed) == pytest.approx(2 / 64)
        assert (found.lower, found.higher, found.pairs) == (4, 2, 6), "it hurts with a latent_dim of 32"
        assert found.holm >= found.p
        severe = effect.outcomes[1]
        assert (severe.first, severe.difference) == (pytest.approx(4 / 6), pytest.approx(severe.second - 4 / 6))


def test_each_value_is_held_against_the_first(grid):
    with Results(grid) as results:
        found = effects(results, "latent_dim")
        assert [(effect.first, effect.second, len(effect.pairs)) for effect in found] == [("2", "8", 4), ("2", "32", 4)]
        p = [outcome.p for effect in found for outcome in effect.outcomes]
        assert [outcome.holm for effect in found for outcome in effect.outcomes] == pytest.approx(statistics.holm(p))


def test_a_first_value_without_partners_does_not_hide_the_others(tmp_path):
    """As of an included combination, or of a model with another default."""
    variants = [synthetic.Variant(f"{latent} {r1}", settings={"latent_dim": latent, "r1": r1})
                for latent, r1 in ((2, 0.0), (2, 1.0), (8, 0.0), (8, 1.0), (32, 0.0), (32, 1.0), (1, 5.0))]
    with Results(synthetic.build(str(tmp_path / "lone.h5"), variants, range(2), samples=32, over_training=0)) as results:
        found = effects(results, "latent_dim")
        assert [(effect.first, effect.second, len(effect.pairs)) for effect in found] == [("2", "8", 2), ("2", "32", 2)]


def test_what_is_printed(grid):
    shown = analysis("compare", grid, "--by", "minibatch_discrimination")
    assert shown.returncode == 0, shown.stderr
    assert "minibatch_discrimination: on against off, everything else equal\n" in shown.stdout
    assert "6 pairs of variants, which differ in latent_dim, r1; 6 seeds, 36 pairs of done runs" in shown.stdout
    assert " points " in shown.stdout and "4, 0, 2" in shown.stdout


def test_the_report_has_all_settings_with_one_correction(grid, tmp_path):
    assert analysis("report", grid, "-o", tmp_path).returncode == 0
    assert "With everything else equal" in (tmp_path / "index.html").read_text(encoding="utf-8")
    rows = list(csv.DictReader((tmp_path / "effects.csv").read_text().splitlines()))
    assert [(row["setting"], row["first"], row["second"], row["outcome"]) for row in rows if row["outcome"] == "tv"] == [
        ("latent_dim", "2", "8", "tv"), ("latent_dim", "2", "32", "tv"), ("minibatch_discrimination", "off", "on", "tv"), ("r1", "0", "1", "tv")]
    assert [float(row["p_holm"]) for row in rows] == pytest.approx(statistics.holm([float(row["p"]) for row in rows]))
    with Results(grid) as results:
        assert [effect.setting for effect in all_effects(results)] == ["latent_dim", "latent_dim", "minibatch_discrimination", "r1"]


def test_a_report_on_two_variants_has_no_such_table(sweep, tmp_path):
    assert analysis("report", sweep, "-o", tmp_path).returncode == 0
    assert "With everything else equal" not in (tmp_path / "index.html").read_text(encoding="utf-8")


def test_a_setting_that_comes_with_its_switch_has_every_value_as_partner(tmp_path):
    variants = [synthetic.Variant("off", settings={"minibatch_discrimination": False}, modes=lambda seed: 4)] + [
        synthetic.Variant(f"on, {features}", settings={"minibatch_discrimination": True, "mbd_features": features}, modes=lambda seed: 20)
        for features in (4, 8)]
    with Results(synthetic.build(str(tmp_path / "switch.h5"), variants, range(6), samples=64, over_training=0)) as results:
        effect, = effects(results, "minibatch_discrimination")
        assert effect.pairs == (("off", "on, 4"), ("off", "on, 8")) and effect.over == ("mbd_features",)
        effect, = effects(results, "mbd_features")
        assert effect.pairs == (("on, 4", "on, 8"),)


def test_linked_settings_cannot_be_told_apart(tmp_path):
    variants = [synthetic.Variant(f"{n}", settings={"packing": n, "batch_size": 32 * n}, modes=lambda seed, n=n: 8 * n) for n in (1, 2)]
    path = synthetic.build(str(tmp_path / "zip.h5"), variants, range(3), samples=64, over_training=0)
    shown = analysis("compare", path, "--by", "packing")
    assert shown.returncode == 2 and "a random search and linked settings (zip) have none" in shown.stderr
    with Results(path) as results:
        assert all_effects(results) == []


def test_the_defaults_of_another_model_come_with_it(tmp_path):
    variants = [synthetic.Variant(f"{model}, {latent}", model=model, settings={"model": model, "latent_dim": latent, "batch_size": batch}, modes=lambda seed: 8)
                for model, batch in (("gan", 128), ("vae", 64)) for latent in (2, 4)]
    path = synthetic.build(str(tmp_path / "models.h5"), variants, range(3), samples=64, over_training=0)
    shown = analysis("compare", path, "--by", "model").stdout
    assert re.search("model: vae against gan, along with .*batch_size.*; everything else equal", shown), shown
    assert "2 pairs of variants, which differ in latent_dim;" in shown and "With 3 seeds no p-value is below 0.250." in shown


def test_only_what_is_done_on_both_sides_counts(tmp_path):
    """The last pair of the first seed is not done, and one run has no sample that resembles anything."""
    axes = {"minibatch_discrimination": (False, True), "latent_dim": (2, 8)}
    path = _grid(tmp_path, axes, lambda settings, seed: 5 + seed + 10 * settings["minibatch_discrimination"],
                 status=lambda row, seed: synthetic.FAILED if row == 18 else synthetic.DONE)
    with h5py.File(path, "a") as file:
        file["metrics/tv"][1] = np.nan
    with Results(path) as results:
        effect, = effects(results, "minibatch_discrimination")
        assert effect.runs == 11 and [outcome.seeds for outcome in effect.outcomes] == [6, 6, 6]
        tv = results.metric("tv")
        by_seed = [tv[12] - tv[0], tv[19] - tv[7]] + [(tv[12 + s] - tv[s] + tv[18 + s] - tv[6 + s]) / 2 for s in range(2, 6)]
        assert effect.outcomes[-1].difference == pytest.approx(np.mean(by_seed))
    assert "Without runs that have failed: 0 with off, 1 with on." in analysis("compare", path, "--by", "minibatch_discrimination").stdout
    with Results(path) as results:
        row = next(csv.DictReader(effects_csv(effects(results, "minibatch_discrimination")).splitlines()))
        assert (row["failed_first"], row["failed_second"], row["along"]) == ("0", "1", "")
    assert "TV: without 1 pair of runs, of which at least one has all samples rejected." in analysis("compare", path, "--by", "minibatch_discrimination").stdout


def test_a_variant_with_several_partners_changes_places_with_each(tmp_path):
    """One run against the mean of three: a change of sign would not be as probable as what was observed."""
    variants = [synthetic.Variant("off", settings={"minibatch_discrimination": False}, modes=lambda seed: 4 + seed)] + [
        synthetic.Variant(f"on, {features}", settings={"minibatch_discrimination": True, "mbd_features": features},
                          modes=lambda seed, features=features: 8 + (seed + features) % 5) for features in (4, 8, 16)]
    path = synthetic.build(str(tmp_path / "partners.h5"), variants, range(3), samples=64, over_training=0)
    with Results(path) as results:
        effect, = effects(results, "minibatch_discrimination")
        tv = results.metric("tv").reshape(4, 3)
        by_turn = [[(tv.sum(axis=0) - tv[k])[seed] / 3 - tv[k, seed] for k in range(4)] for seed in range(3)]
        sums = [abs(sum(chosen)) for chosen in itertools.product(*by_turn)]
        assert effect.outcomes[-1].p == pytest.approx(np.mean([value >= sums[0] * (1 - 1e-12) for value in sums]))
    assert "no p-value is below" not in analysis("compare", path, "--by", "minibatch_discrimination").stdout


def test_more_partners_find_no_more_where_there_is_nothing():
    """Rare collapse, the same on both sides, and nine partners: sign flips would call more than a quarter significant."""
    generator, found, flips = np.random.default_rng(1), 0, 0
    seeds = np.arange(8)
    rows = np.array([[seeds] * 9, [seeds + 8 * partner for partner in range(1, 10)]])
    for _ in range(100):
        values = (generator.random(80) < 0.1) + 0.05 * generator.random(80)
        difference = values[rows[1]] - values[rows[0]]
        found += _p(rows, values, np.ones((9, 8), dtype=bool), list(difference.mean(axis=0))) <= 0.05
        flips += statistics.sign_flip(difference.mean(axis=0)) <= 0.05
    assert found <= 12 and flips > 20


def test_a_random_search_brings_nothing_along(tmp_path):
    """A value is drawn once, so that the others come with it by chance."""
    searched = [synthetic.Variant(f"{n}", settings={"latent_dim": 2 + 6 * (n % 2), "r1": 10.0 - n}) for n in range(4)]
    path = synthetic.build(str(tmp_path / "random.h5"), searched, range(3), samples=32, over_training=0)
    with Results(path) as results:
        assert [len(effect.pairs) for effect in all_effects(results)] == [1]
        effect, = effects(results, "r1")
        assert (effect.first, effect.second, effect.along) == ("7", "9", ())


def test_what_cannot_be_told_apart_is_refused(grid, sweep, tmp_path):
    searched = [synthetic.Variant(f"{n}", settings={"latent_dim": 2 + 6 * (n % 2), "r1": 10.0 - n}) for n in range(4)]
    path = synthetic.build(str(tmp_path / "random.h5"), searched, range(2), samples=32, over_training=0)
    unseen = synthetic.build(str(tmp_path / "seeds.h5"), seeds=range(4), samples=32, over_training=0,
                             status=lambda row, seed: synthetic.DONE if (row < 4) == (seed < 2) else synthetic.PENDING)
    for file, setting, says in ((grid, "latentdim", "no setting 'latentdim' in the sweep (nearest: latent_dim); these vary"),
                                (path, "latent_dim", "no two variants are equal but for latent_dim"),
                                (unseen, "minibatch_discrimination", "fewer than 2 seeds that are done in both")):
        shown = analysis("compare", file, "--by", setting)
        assert shown.returncode == 2 and says in shown.stderr, shown.stderr
    for arguments in ((grid, "a"), (grid, "a", "b", "--by", "r1"), (grid, "a", "--by", "r1"), (grid,)):
        shown = analysis("compare", *arguments)
        assert shown.returncode == 2 and "give either two variants, A and B, or --by SETTING" in shown.stderr
