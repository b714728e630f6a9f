"""What the analysis says of variants and of pairs of them: summaries, which pairs are tested, the headline and its caveats."""

from __future__ import annotations

import csv
import io
import itertools
import re
from pathlib import Path

import h5py
import numpy as np
import pytest
import synthetic
from support import analysis

from gensweep_analysis import Results, sections, statistics, summary
from gensweep_analysis.headline import caveats, headline
from gensweep_analysis.plots import Figures
from gensweep_analysis.report import write_report
from gensweep_analysis.sections import comparison_table
from gensweep_analysis.tables import chance_sentence, comparisons_csv

OFF, ON = synthetic.OFF.name, synthetic.ON.name


def test_summary_counts(sweep, unfinished):
    with Results(sweep) as results:
        off, on = summary.summarise_all(results)
        assert (off.severe.count, off.severe.total) == (8, 8) and on.severe.count == 2
        tv = results.metric("tv")
        assert off.tv_mean == pytest.approx(tv[:8].mean()) and on.tv_worst == tv[8:].max()
        assert off.modes_10 == pytest.approx((3.5, 2, 5), abs=0.6)
    with Results(unfinished) as results:
        off, on = summary.summarise_all(results)
        assert (off.done, off.failed, on.done, on.running, on.pending) == (7, 1, 6, 1, 1)
        assert off.severe.total == 7, "rates are over done runs"


def test_comparison_pairs_by_seed(sweep, unfinished):
    with Results(sweep) as results:
        found = summary.compare(results, OFF, ON)
        assert found.paired and found.runs == (8, 8) and found.discordant_severe == (6, 0)
        assert found.result("severe").p == pytest.approx(2 / 64)
        assert found.tv_difference < 0 and found.improvement > 0.9
        corrected = summary.compare_all(results)[0]
        assert corrected.result("severe").holm >= found.result("severe").p
    with Results(unfinished) as results:
        assert summary.compare(results, OFF, ON).runs == (5, 5), "seeds 5, 6, 7 are missing in one of them"


def test_comparison_of_different_seeds_is_unpaired(tmp_path):
    path = synthetic.build(str(tmp_path / "halves.h5"), samples=64, seeds=range(12),
                           status=lambda row, seed: synthetic.DONE if (row < 12) == (seed < 6) else synthetic.PENDING)
    with Results(path) as results:
        found = summary.compare(results, OFF, ON)
        assert not found.paired and found.result("severe").test == "Fisher exact"
    shown = analysis("compare", path, "off", "on")
    assert shown.returncode == 0 and "unpaired" in shown.stdout and "Fisher" in shown.stdout


def test_many_variants_are_compared_one_setting_at_a_time(tmp_path):
    variants = [synthetic.Variant(f"latent_dim={latent},loss={loss}", settings={"latent_dim": latent, "gan_loss": loss})
                for latent in (2, 8, 32) for loss in ("hinge", "least_squares", "non_saturating")]
    path = synthetic.build(str(tmp_path / "grid.h5"), variants, range(2), samples=32)
    with Results(path) as results:
        pairs = summary.pairs_to_compare(results)
        assert len(pairs) == 18 and ("latent_dim=2,loss=hinge", "latent_dim=8,loss=least_squares") not in pairs
        names = [name for name, _ in summary.setting_groups(results)]
        assert sorted(names) == ["gan_loss", "latent_dim"]


def test_changes_of_one_variant_are_measured_by_it(tmp_path):
    """A sweep that changes its first variant in one thing at a time: that one is compared with each other, and always shown."""
    usual = {"packing": 1, "minibatch_discrimination": False, "r1": 0.0, "gan_loss": "non_saturating"}
    changes = [{}, {"minibatch_discrimination": True}, {"packing": 2}, {"packing": 4}, {"r1": 1.0}, {"r1": 10.0}, {"gan_loss": "hinge"},
               {"gan_loss": "hinge", "r1": 1.0}]
    names = [", ".join(f"{key}={value}" for key, value in change.items()) or "gan" for change in changes]

    def build(name, changes, names):
        variants = [synthetic.Variant(name, settings={**usual, **change}, modes=lambda seed: 5) for name, change in zip(names, changes)]
        return synthetic.build(str(tmp_path / name), variants, range(6), samples=32, over_training=0)

    path = build("star.h5", changes, names)
    with Results(path) as results:
        assert summary.pairs_to_compare(results) == [("gan", name) for name in names[1:]]
        assert summary.setting_groups(results) == []
    assert analysis("report", path).returncode == 0
    html = (tmp_path / "star-report" / "index.html").read_text(encoding="utf-8")
    assert "Shown is gan with each other variant" in html
    # under "gan" a name stands whole: a part that is left out would have its usual value there
    assert "gan_loss=hinge, r1=1.0" in re.sub(r"<wbr/?>|\u200b", "", html)
    assert "contains its gradient penalties" in html


@pytest.mark.parametrize("changes, pairs", [
    ([{"packing": packing, "r1": r1} for packing in (1, 2) for r1 in (0.0, 1.0, 5.0, 10.0)], 2 * 6 + 4),  # a grid
    ([{"packing": 1, "latent_dim": n} for n in (1, 2, 3, 4)] + [{"packing": 2, "mbd_features": n} for n in (1, 2, 3, 4)], 6 + 6 + 16),  # conditional
    ([{"packing": n, "latent_dim": n} for n in range(1, 8)], 0),  # linked
    ([{"r1": r1} for r1 in range(10)] + [{"r1": 0, "packing": 2, "latent_dim": 4}], 45),  # one setting
])
def test_what_is_no_change_of_one_variant(tmp_path, changes, pairs):
    """A setting that a variant lacks does not apply to it; others have 1 or 16."""
    usual = {} if "mbd_features" in changes[-1] else {"packing": 1, "latent_dim": 16, "r1": 0}
    variants = [synthetic.Variant(str(change), settings={**usual, **change}) for change in changes]
    with Results(synthetic.build(str(tmp_path / "other.h5"), variants, range(2), samples=32, over_training=0)) as results:
        assert summary.baseline(results) is None and len(summary.pairs_to_compare(results)) == pairs


def test_the_first_variant_is_always_in_detail():
    """... though it is neither among the best nor among the worst."""
    row = summary.VariantSummary
    names = [f"v{i}" for i in range(20)]
    rows = [row(**{**{field: None for field in row.__dataclass_fields__}, "name": name, "done": 1, "tv_mean": .5 if i == 0 else i / 20})
            for i, name in enumerate(names)]
    kept = [each.name for each in summary.in_detail(rows)]
    assert len(kept) == summary.DETAILED_VARIANTS and kept[0] == "v0" and kept[1:7] == names[1:7] and kept[7:] == names[15:]


def test_headline_says_the_numbers(sweep, unfinished):
    with Results(sweep) as results:
        rows, pairs = summary.summarise_all(results), summary.compare_all(results)
        text = headline(results, rows, pairs)
        assert text.startswith("Without minibatch discrimination 8 of 8 seeds collapsed severely (Wilson 95 %: 68–100 %), "
                               "with it 2 of 8 (7–59 %); exact McNemar p = 0.031")
        assert any("8 seeds a variant are few" in note for note in caveats(results, rows, pairs))
    with Results(unfinished) as results:
        notes = " ".join(caveats(results, summary.summarise_all(results), summary.compare_all(results)))
        assert "13 of 16 runs are done, 1 failed, 2 to go" in notes and f"1 of 8 in {OFF}" in notes
        assert "neither the exact McNemar test nor the sign-flip test can go below p = 0.063" in notes


def test_seeds_that_the_correction_asks_for(tmp_path):
    variants = [synthetic.Variant(f"latent_dim={latent}", settings={"latent_dim": latent}) for latent in (2, 4, 8, 16)]
    path = synthetic.build(str(tmp_path / "many.h5"), variants, range(8), samples=32)
    with Results(path) as results:
        rows, pairs = summary.summarise_all(results), summary.compare_all(results)
        tests = sum(len(pair.tests) for pair in pairs)
        assert tests == 18
        assert "no p-value is below 0.008, and the correction for 18 tests makes 0.141 of that: it takes 10 seeds" in " ".join(caveats(results, rows, pairs))


def change(path, **columns):
    """Overwrites numbers of a file: metrics and columns of /runs by name, each a mapping from row to value."""
    with h5py.File(path, "r+") as file:
        for name, values in columns.items():
            group = "metrics" if name in file["metrics"] else "runs"
            if name not in file[group]:
                file[group].create_dataset(name, data=np.ones(len(file["runs/status"]), dtype=np.int8))
            for row, value in values.items():
                file[f"{group}/{name}"][row] = value
    return path


def test_runs_that_the_sweep_no_longer_has_are_left_out(tmp_path):
    path = synthetic.build(str(tmp_path / "edited.h5"), samples=32)
    first_variant = {row: 0 for row in range(8)}
    with Results(change(path, planned={**first_variant, 15: 0})) as results:
        assert results.variants == [ON] and results.planned.sum() == 7 and results.swept_settings() == []
        row, = summary.summarise_all(results)
        assert (row.planned, row.done) == (7, 7) and row.tv_mean == pytest.approx(results.metric("tv")[8:15].mean())
        assert summary.compare_all(results) == []
        assert len(results.samples(0).bin) == 32  # they can still be read
        assert "keeps 9 runs that are no longer in the sweep" in " ".join(caveats(results, [row], []))
    with Results(change(path, status={0: synthetic.PENDING})) as results:
        assert results.unfinished.sum() == 0  # that run will never be trained
    shown = analysis("table", path).stdout
    assert OFF not in shown and "7/7" in shown and "Left out: 9 runs" in shown and "Unfinished" not in shown


def test_pairs_without_tv_are_left_out_on_both_sides(tmp_path):
    path = synthetic.build(str(tmp_path / "rejected.h5"), samples=32, seeds=range(4))
    with Results(change(path, tv={0: np.nan, 6: np.nan})) as results:
        tv, found = results.metric("tv"), summary.compare(results, OFF, ON)
        differences = tv[[5, 7]] - tv[[1, 3]]
        assert found.runs == (4, 4) and found.tv_runs == (2, 2)
        assert found.tv_difference == pytest.approx(differences.mean()) and found.tv == pytest.approx((tv[[1, 3]].mean(), tv[[5, 7]].mean()))
        assert found.result("tv").p == pytest.approx(statistics.sign_flip(differences))
    shown = analysis("compare", path, OFF, ON).stdout
    assert "TV: of 2 pairs of runs; the others have a run with all samples rejected." in shown


def test_runs_without_tv_are_told_and_are_the_worst(tmp_path):
    path = synthetic.build(str(tmp_path / "rejected.h5"), samples=32, seeds=range(4))
    with Results(change(path, tv={5: np.nan, 6: np.nan}, modes_10={5: 0, 6: 0})) as results:
        summaries, found = summary.summarise_all(results), summary.compare_all(results)
        assert [row.without_tv for row in summaries] == [0, 2] and summary.worst_and_best(results, ON)[0] == 5
        assert "2 done runs had all samples rejected and no TV, KL or error (2 of 4 in minibatch_discrimination=on)" in " ".join(
            caveats(results, summaries, found))
        assert "over 2 pairs)" in headline(results, summaries, found)
        assert "of 2 pairs" in comparison_table(results, found)
        # Half of the runs of the second have no value, which is worse than any.
        assert found[0].improvement <= 0.5
    assert "2 done runs had all samples rejected" in analysis("table", path).stdout


def test_a_variant_without_tv_is_the_worst_of_many(tmp_path):
    """Its mean is no number, which no other mean is sorted by."""
    variants = [synthetic.Variant(f"latent_dim={latent}", settings={"latent_dim": latent}, modes=lambda seed, n=latent: n) for latent in range(1, 21)]
    path = synthetic.build(str(tmp_path / "many.h5"), variants, range(1), samples=64, over_training=0)
    with Results(change(path, tv={10: np.nan})) as results:
        rows = summary.summarise_all(results)
        shown = [row.name for row in summary.in_detail(rows)]
        ranked = sorted([row for row in rows[1:] if row.name != rows[10].name], key=lambda row: row.tv_mean)
    assert rows[10].name in shown
    assert set(shown) == {rows[0].name, rows[10].name, *(row.name for row in ranked[:6]), *(row.name for row in ranked[-4:])}


def test_tv_in_the_csv_is_of_the_runs_that_have_one(tmp_path):
    path = change(synthetic.build(str(tmp_path / "part.h5"), samples=32, seeds=range(4)), tv={5: np.nan})
    with Results(path) as results:
        rows = list(csv.DictReader(io.StringIO(comparisons_csv(summary.compare_all(results)))))
    assert {(row["outcome"], row["runs_first"], row["runs_second"]) for row in rows} == {
        ("collapsed", "4", "4"), ("severe", "4", "4"), ("tv", "3", "3")}


def test_levels_of_colors_are_no_other_data(tmp_path):
    """The autoregressive model's expected frequencies are a little different; those of another sweep of the data are others."""
    path = synthetic.build(str(tmp_path / "models.h5"), samples=32, seeds=range(4))
    with h5py.File(path, "r+") as file:
        shifted = file["coverage/expected"][4]
        file["coverage/expected"][4] = shifted * np.array([1.01, 1, 1, .99, 1])[:, None]
    with Results(path) as results:
        found = summary.floor_of(results)
        assert found is not None and found[0] == 32 and "chance alone" in chance_sentence(results)
    with h5py.File(path, "r+") as file:
        file["coverage/expected"][4] = shifted * np.array([1.2, 1, 1, .8, 1])[:, None]
    with Results(path) as results:
        assert summary.floor_of(results) is None


def test_an_undefined_whole_number_is_none(tmp_path):
    path = change(synthetic.build(str(tmp_path / "undefined.h5"), samples=32, seeds=range(4)), modes_10={5: -1})
    with Results(path) as results:
        assert np.isnan(results.metric("modes_10")[5]) and results.metric("modes_10")[4] >= 0


def test_points_along_training_without_tv_are_told(tmp_path):
    path, told = synthetic.build(str(tmp_path / "along.h5"), samples=32, seeds=range(2)), "Where all samples of a seed are rejected it has no TV"
    assert analysis("report", path).returncode == 0 and told not in (tmp_path / "along-report" / "index.html").read_text()
    with h5py.File(path, "r+") as file:
        file["coverage/over_training/counts"][1, 0] = 0
    assert analysis("report", path).returncode == 0 and told in (tmp_path / "along-report" / "index.html").read_text()


def test_why_runs_are_not_paired(tmp_path):
    path = synthetic.build(str(tmp_path / "apart.h5"), samples=32, seeds=range(8))
    waiting = {row: synthetic.PENDING for row in [*range(4, 8), *range(8, 11)]}
    with Results(change(path, status=waiting)) as results:
        found = summary.compare(results, OFF, ON)
        assert not found.paired and found.common == 1
        assert "Where too few seeds are common" in comparison_table(results, [found])
    assert "4 and 5 runs, unpaired: only 1 seed in common" in analysis("compare", path, OFF, ON).stdout


def test_equal_rates_are_named_together(tmp_path):
    variants = [synthetic.Variant(f"latent_dim={latent}", settings={"latent_dim": latent}, modes=lambda seed, n=modes: n)
                for latent, modes in ((1, 2), (2, 2), (3, 30))]
    with Results(synthetic.build(str(tmp_path / "ties.h5"), variants, range(3), samples=640)) as results:
        text = headline(results, summary.summarise_all(results), [])
    assert "most frequent with latent_dim=1 and latent_dim=2: 100 % of the seeds of each, and least with latent_dim=3: 0 of 3" in text
    assert "Mean TV" not in text


def test_nothing_is_picked_where_nothing_differs(tmp_path):
    variants = [synthetic.Variant(f"latent_dim={latent}", settings={"latent_dim": latent}, modes=lambda seed: 2) for latent in (1, 2, 3)]
    path = synthetic.build(str(tmp_path / "alike.h5"), variants, range(2), samples=64)
    with Results(change(path, tv={row: np.nan for row in range(2, 6)})) as results:
        assert headline(results, summary.summarise_all(results), []) == "Severe collapse is equally frequent in all 3 variants: 100 % of the seeds."


def test_no_order_is_claimed_between_equal_rates(tmp_path):
    variants = [synthetic.Variant(f"latent_dim={latent}", settings={"latent_dim": latent}, modes=lambda seed: 2, noise=.1 * latent) for latent in (1, 2, 3)]
    with Results(synthetic.build(str(tmp_path / "equal.h5"), variants, range(3), samples=64)) as results:
        text = headline(results, summary.summarise_all(results), [])
        assert text.startswith("Severe collapse is equally frequent in all 3 variants: 100 % of the seeds. Mean TV is lowest with latent_dim=")
        assert "most frequent" not in text


def test_pairs_of_one_change_are_those_of_a_plain_search(tmp_path):
    """... over all pairs; some settings do not apply to all variants."""
    random = np.random.default_rng(5)
    variants = []
    for number in range(40):
        settings = {"latent_dim": int(random.integers(2, 5)), "minibatch_discrimination": bool(random.integers(2)), "r1": float(random.integers(3))}
        if settings["minibatch_discrimination"]:
            settings["mbd_features"] = int(random.integers(4, 6))
        variants.append(synthetic.Variant(f"v{number}", model=("gan", "vae")[number % 7 == 0], settings=settings))

    def differences(a, b):
        both = [name for name in set(a) & set(b) if a[name] != b[name]]
        return len(both) if both else len(set(a) ^ set(b))
    expected = [(a.name, b.name) for a, b in itertools.combinations(variants, 2) if a.model == b.model and differences(a.settings, b.settings) == 1]
    assert len(expected) > summary.MOST_PAIRS
    with Results(synthetic.build(str(tmp_path / "pairs.h5"), variants, range(1), samples=16, over_training=0)) as results:
        found = summary._pairs_of_one_change(results, results.variants)
        assert len(found) > summary.MOST_PAIRS and found == expected[:len(found)] and summary.pairs_to_compare(results) == []
        few = results.variants[:14]
        assert summary._pairs_of_one_change(results, few) == [pair for pair in expected if set(pair) <= set(few)] != []


def test_a_report_on_very_many_variants(tmp_path, monkeypatch):
    """Figures with a row a variant show those in detail, long tables are cut, and say so."""
    random = np.random.default_rng(6)
    variants = [synthetic.Variant(f"v{number}", settings={"r1": random.random()}, modes=lambda seed: 5) for number in range(70)]
    path = synthetic.build(str(tmp_path / "search.h5"), variants, range(1), samples=16, over_training=0)
    monkeypatch.setattr(sections, "TABLE_ROWS", 50)
    with Results(path) as results:
        shown = Figures(results, summary.summarise_all(results))
        assert len(shown.summaries) == 70 and shown.shown == shown.detailed
        html = Path(write_report(results, str(tmp_path / "page"))).read_text(encoding="utf-8")
    assert html.count("Named: of 70 variants the first and the 11 best and worst by mean TV; the others are left out.") == 3
    assert "The first 50 of 70 variants; all are in summary.csv." in html and "The first 50 of 70 runs (all are in metrics.csv)" in html
