"""The analysis of whole files: reading, report, table, compare, and every way they can go wrong. Its formulas: test_analysis_statistics.py."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import h5py
import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "analysis"))
sys.path.insert(0, str(Path(__file__).resolve().parent))

import synthetic  # noqa: E402
from gensweep_analysis import AnalysisError, Results, sections, statistics, summary  # noqa: E402
from gensweep_analysis.formatting import report_directory, short_names  # noqa: E402
from gensweep_analysis.headline import caveats, headline  # noqa: E402

OFF, ON = "minibatch_discrimination=off", "minibatch_discrimination=on"


def analysis(*arguments: object, **environment: str) -> subprocess.CompletedProcess:
    """The command as a user types it in the project's root."""
    return subprocess.run([sys.executable, "analysis", *map(str, arguments)], cwd=ROOT, capture_output=True, text=True,
                          env={**os.environ, **environment}, timeout=300)


@pytest.fixture(scope="module")
def sweep(tmp_path_factory) -> str:
    """Two variants x 8 seeds, all done."""
    return synthetic.build(str(tmp_path_factory.mktemp("sweep") / "sweep.h5"))


@pytest.fixture(scope="module")
def unfinished(tmp_path_factory) -> str:
    """Row 5 failed, row 14 running, row 15 pending."""
    states = {5: synthetic.FAILED, 14: synthetic.RUNNING, 15: synthetic.PENDING}
    return synthetic.build(str(tmp_path_factory.mktemp("unfinished") / "part.h5"),
                           status=lambda row, seed: states.get(row, synthetic.DONE))


@pytest.fixture(scope="module")
def page(sweep, tmp_path_factory):
    directory = tmp_path_factory.mktemp("report") / "out"
    finished = analysis("report", sweep, "-o", directory)
    assert finished.returncode == 0, finished.stderr
    return directory, (directory / "index.html").read_text(encoding="utf-8"), finished


def test_harness_can_fail(sweep):
    """A wrong expectation must be seen as wrong: otherwise the other tests prove nothing."""
    with Results(sweep) as results, pytest.raises(AssertionError):
        assert summary.summarise(results, OFF).severe.count == 0


# -------------------------------------------------------------------------------------------------- results
def test_results_columns(sweep):
    with Results(sweep) as results:
        assert results.variants == [OFF, ON] and results.models == ["gan"]
        runs = results.runs
        assert len(runs) == 16
        for name in ("label", "variant", "seed", "status", "tv", "modes_10", "collapsed", "minibatch_discrimination", "steps"):
            assert len(runs[name]) == 16, name
        assert set(runs["status"]) == {"done"}
        assert results.counts.shape == results.expected.shape == (16, 5, 6)
        assert results.templates.shape == (6, 28, 28)
        assert results.digit_names == synthetic.DIGITS and results.color_names == synthetic.COLORS
        assert results.swept_settings() == ["minibatch_discrimination"]
        assert results.expected.sum(axis=(1, 2)) == pytest.approx(1)
        assert results.provenance()["blas_kernel"] == ["Haswell"]
        assert "minibatch_discrimination: [off, on]" in results.sweep_versions()[0][1]


def test_runs_without_pandas_is_a_table(sweep, monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with Results(sweep) as results:
        runs = results.runs
        assert runs.row(3)["seed"] == 3 and "tv" in runs and "tv" in runs.columns
        with pytest.raises(KeyError, match="nearest: modes_10"):
            runs["modes_1O"]


def test_runs_with_pandas(sweep):
    pandas = pytest.importorskip("pandas")
    with Results(sweep) as results:
        assert isinstance(results.runs, pandas.DataFrame) and results.runs.shape[0] == 16


def test_samples_can_be_counted_again(sweep):
    with Results(sweep) as results:
        for run in (0, 9):
            samples = results.samples(run)
            bins, errors = synthetic.classify(samples.image, results.templates)
            assert (bins == samples.bin).all() and (errors == samples.error).all()
            assert (np.bincount(bins, minlength=30).reshape(5, 6) == results.counts[run]).all()
            assert summary.total_variation(results.counts[run], results.expected[run]) == pytest.approx(results.metric("tv")[run])
            assert summary.modes_covered(results.counts[run], results.rejected[run], results.expected[run]) == (
                results.metric("modes_10")[run])


def test_checkpoint(sweep):
    with Results(sweep) as results:
        tensors = results.checkpoint(9)
        assert set(tensors) == {"generator/dense_0/kernel", "generator/dense_0/bias"}
        assert tensors["generator/dense_0/kernel"].shape == (16, 64) and (tensors["generator/dense_0/bias"] == 9.5).all()
        by_label = results.checkpoint(f"{ON},seed=1")
        assert (by_label["generator/dense_0/bias"] == 9.5).all()


def test_rows_of_runs_that_are_not_done(unfinished):
    with Results(unfinished) as results:
        assert int(results.done.sum()) == 13 and int(results.failed.sum()) == 1
        assert np.isnan(results.metric("modes_10")[[5, 14, 15]]).all()
        assert not results.flag("failed")[5], "a run without results is no done run with the flag"
        for call in (results.samples, results.checkpoint):
            with pytest.raises(AnalysisError, match="run 5 is failed"):
                call(5)
            with pytest.raises(AnalysisError, match="runs 0 to 15"):
                call(16)


@pytest.mark.parametrize("ending", ["time.sleep(60)", "os._exit(9)"], ids=["running", "crashed"])
def test_file_whose_writer_is_active_or_crashed(tmp_path, ending):
    path = str(tmp_path / "live.h5")
    code = (f"import sys, os, time, h5py; sys.path.insert(0, {str(ROOT / 'tests/e2e')!r}); import synthetic\n"
            f"synthetic.build({path + '.tmp'!r}, samples=16)\n"
            f"source = h5py.File({path + '.tmp'!r}, 'r'); file = h5py.File({path!r}, 'w', libver='latest')\n"
            "[source.copy(name, file) for name in source]; file.attrs.update(dict(source.attrs))\n"
            f"file.flush(); file.swmr_mode = True; print('ready', flush=True); {ending}")
    writer = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    try:
        assert writer.stdout.readline().strip() == "ready"
        if "exit" in ending:
            assert writer.wait(30) == 9
        with pytest.raises(OSError):
            h5py.File(path, "r")
        with Results(path) as results:
            assert int(results.done.sum()) == 16 and results.samples(0).image.shape == (16, 28, 28, 3)
        assert analysis("table", path).returncode == 0
    finally:
        writer.kill()
        writer.communicate()


def test_variant_names(sweep):
    with Results(sweep) as results:
        assert results.find_variant(OFF) == OFF and results.find_variant("on") == ON
        with pytest.raises(AnalysisError, match=f"nearest: {ON}"):
            results.find_variant("minibatch_discrimination=onn")
        with pytest.raises(AnalysisError, match="several variants"):
            results.find_variant("minibatch")


# -------------------------------------------------------------------------------------------------- summary
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


def test_no_order_is_claimed_between_equal_rates(tmp_path):
    variants = [synthetic.Variant(f"latent_dim={latent}", settings={"latent_dim": latent}, modes=lambda seed: 2, noise=.1 * latent) for latent in (1, 2, 3)]
    with Results(synthetic.build(str(tmp_path / "equal.h5"), variants, range(3), samples=64)) as results:
        text = headline(results, summary.summarise_all(results), [])
        assert text.startswith("Severe collapse is equally frequent in all 3 variants: 100 % of the seeds. Mean TV is lowest with latent_dim=")
        assert "most frequent" not in text


def test_the_sweep_of_each_launch(tmp_path):
    path = synthetic.build(str(tmp_path / "versions.h5"), samples=16, seeds=range(2))
    with h5py.File(path, "r+") as file:
        texts = [file["sweep/yaml"][()], b"name: edited\n"]
        for name, values in (("history", [texts[0], texts[1], b""]), ("history_overrides", [b"steps=200", b"", b""])):
            file[f"sweep/{name}"] = np.array(values, dtype="S65536" if name == "history" else "S64")
        file["sweep/history_launch"] = np.array([1, 3, 0], dtype=np.int32)  # a kill has left the last one unfinished
    with Results(path) as results:
        versions = results.sweep_versions()
        assert [(launch, overrides) for launch, _, overrides in versions] == [(0, versions[0][2]), (1, "steps=200"), (3, "")]
        assert versions[1][1] == versions[0][1] and versions[2][1] == "name: edited"
        shown = sections.sweep(results)
    assert shown.count("<pre>name: edited") == 1 and "As before." in shown and "steps=200" in shown and "from launch 3 on" in shown


def test_article_tables():
    """The reference figures in the report are the article's own counts, measured by our definitions."""
    tables = ROOT.parent / "shared" / "data" / "origin_tables.json"
    if not tables.exists():
        pytest.skip("the article's tables are not here")
    counts = {name: np.array(table) for name, table in json.loads(tables.read_text())["counts"].items()}
    gan = counts["gan_minibatch_discrimination"]
    assert summary.total_variation(gan, synthetic.EXPECTED) == pytest.approx(0.589, abs=0.001)
    assert summary.modes_covered(gan, np.array(0), synthetic.EXPECTED) == 13
    assert summary.total_variation(counts["autoregressive_flat"], synthetic.EXPECTED) == pytest.approx(0.134, abs=0.001)
    assert summary.total_variation(counts["diffusion"], synthetic.EXPECTED) == pytest.approx(0.172, abs=0.001)


# --------------------------------------------------------------------------------------------------- report
class _Tags(HTMLParser):
    """Start tags with attributes, and whether every element is closed in order."""

    VOID = {"meta", "img", "br", "link", "wbr", "hr"}

    def __init__(self):
        super().__init__()
        self.tags, self.open = [], []

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open and self.open.pop() == tag, f"</{tag}> closes something else"


def test_report_is_self_contained(page):
    _, html, _ = page
    assert "http://" not in html and "https://" not in html and "@import" not in html and "url(" not in html
    parser = _Tags()
    parser.feed(html)
    assert not parser.open
    names = [tag for tag, _ in parser.tags]
    assert not {"script", "link", "iframe", "object"} & set(names)
    images = [attributes for tag, attributes in parser.tags if tag == "img"]
    assert len(images) >= 13 and all(image["src"].startswith("data:image/") and image["alt"] for image in images)
    anchors = {attributes["id"] for _, attributes in parser.tags if "id" in attributes}
    links = [attributes["href"] for tag, attributes in parser.tags if tag == "a"]
    assert links and all(link[1:] in anchors for link in links if link.startswith("#"))


def test_report_sections_in_order(page):
    _, html, finished = page
    titles = re.findall(r"<h2[^>]*>([^<]*)</h2>", html)
    assert titles == ["Summary", "Comparisons", "Collapse rates", "Coverage per seed", "Performance profile",
                      "Variants in detail", "Training", "Runs", "Provenance", "Sweep"]
    assert "16 of 16 runs done" in finished.stdout and "index.html" in finished.stdout
    for text in ("Does minibatch discrimination prevent mode collapse?", "68–100\u00a0%", "Haswell", "Worst seed", "Best seed",
                 "seeds pooled", "Smallest detectable difference", "0123456789abcdef", "steps: 2000"):
        assert text in html, text


def test_report_files(page, sweep):
    directory, html, _ = page
    names = {path.name for path in directory.iterdir()}
    assert {"index.html", "summary.csv", "comparisons.csv", "metrics.csv", "frequency.csv", "collapse_rates.png",
            "coverage_per_seed.png", "performance_profile.png", "training_gan.png", "coverage_over_training.png",
            "variant00-worst-examples.png", "variant01-best-samples.png"} <= names
    for path in directory.glob("*.png"):
        assert path.read_bytes().startswith(b"\x89PNG"), path
    with Results(sweep) as results, open(directory / "frequency.csv", newline="") as file:
        rows = list(csv.DictReader(file))
        assert len(rows) == 16 * 30
        assert sum(int(row["count"]) for row in rows) == results.counts.sum()
        metrics = list(csv.DictReader((directory / "metrics.csv").read_text().splitlines()))
        assert [float(row["tv"]) for row in metrics] == pytest.approx(list(results.metric("tv")))


def test_report_is_reproducible(page, sweep, tmp_path):
    _, html, _ = page
    assert analysis("report", sweep, "-o", tmp_path).returncode == 0
    assert (tmp_path / "index.html").read_text(encoding="utf-8") == html


def test_texts_of_the_file_are_escaped(tmp_path):
    path = synthetic.build(str(tmp_path / "odd.h5"), samples=16, seeds=range(2), name="<b>&", description="<script>alert(1)</script>")
    assert analysis("report", path).returncode == 0
    html = (Path(report_directory(path)) / "index.html").read_text(encoding="utf-8")
    assert "<script>" not in html and "&lt;b&gt;&amp;" in html


def test_report_default_directory():
    assert report_directory("results/quickstart.h5") == "results/quickstart-report"


@pytest.mark.parametrize("options, expected", [
    (dict(status=lambda row, seed: synthetic.FAILED), "all 16 runs that ended have failed"),
    (dict(variants=[synthetic.OFF], seeds=range(3)), "3 of\u00a03 seeds collapsed severely"),
    (dict(variants=[synthetic.ON], seeds=[7]), "nothing to test: one variant has finished runs"),
    (dict(store_samples=False, over_training=0), "Worst seed"),
    (dict(status=lambda row, seed: synthetic.DONE if row < 8 else synthetic.PENDING), "8 of 16 runs are done"),
], ids=["all failed", "one variant", "one run", "no samples stored", "second variant not begun"])
def test_report_of_unusual_files(tmp_path, options, expected):
    path = synthetic.build(str(tmp_path / "odd.h5"), samples=32, **options)
    finished = analysis("report", path, PYTHONWARNINGS="error::RuntimeWarning")
    assert finished.returncode == 0 and finished.stderr == "", finished.stderr
    html = (tmp_path / "odd-report" / "index.html").read_text(encoding="utf-8")
    # The page keeps some numbers on one line with no-break spaces; the words count here.
    assert expected.replace("\u00a0", " ") in html.replace("\u00a0", " ")
    assert analysis("table", path).returncode == 0


def test_report_of_several_models(tmp_path):
    variants = [synthetic.Variant(f"model=gan,latent_dim={latent}", "gan", {"latent_dim": latent, "gan_loss": "hinge"})
                for latent in (2, 8)]
    variants += [synthetic.Variant(f"model=vae,kl_weight={weight}", "vae", {"kl_weight": weight}) for weight in (0.01, 0.1)]
    path = synthetic.build(str(tmp_path / "models.h5"), variants, range(2), samples=32)
    with Results(path) as results:
        latent = results.settings["latent_dim"]
        assert np.isnan(latent[4:]).all() and set(latent[:4]) == {2, 8}, "not applicable is no value"
        assert results.settings["gan_loss"][5] == ""
    assert analysis("report", path).returncode == 0
    directory = tmp_path / "models-report"
    html = (directory / "index.html").read_text(encoding="utf-8")
    assert (directory / "training_gan.png").exists() and (directory / "training_vae.png").exists()
    assert "Effect of settings" in html and "2 models" not in html


def test_report_of_a_random_search(tmp_path):
    variants = [synthetic.Variant(f"trial={trial}", settings={"generator_learning_rate": 10 ** (-5 + trial / 10), "packing": 1 + trial % 2},
                                  modes=lambda seed, trial=trial: 2 + trial) for trial in range(20)]
    path = synthetic.build(str(tmp_path / "random.h5"), variants, [0], samples=32, over_training=0)
    finished = analysis("report", path, PYTHONWARNINGS="error::RuntimeWarning")
    assert finished.returncode == 0 and finished.stderr == "", finished.stderr
    html = (tmp_path / "random-report" / "index.html").read_text(encoding="utf-8")
    assert "Of 20 variants the first, the 6 with the lowest and the 5 with the highest mean TV are shown" in html


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


def test_a_variant_is_found_without_its_blanks(sweep, tmp_path):
    variants = [synthetic.Variant("latent_dim=2, packing=1"), synthetic.Variant("latent_dim=2, packing=2")]
    with Results(synthetic.build(str(tmp_path / "names.h5"), variants, [0], samples=32, over_training=0)) as results:
        assert results.find_variant("latent_dim=2,packing=2") == "latent_dim=2, packing=2"
        with pytest.raises(AnalysisError, match="in the sweep.*it has:\n  latent_dim=2, packing=1\n  latent_dim=2, packing=2$"):
            results.find_variant("nothing")


# --------------------------------------------------------------------------------------------- table, compare
def test_table(sweep, unfinished):
    shown = analysis("table", sweep)
    assert shown.returncode == 0 and shown.stdout.isascii()
    lines = shown.stdout.splitlines()
    assert lines[0].split()[0] == "variant" and len(lines[2]) == len(lines[3]) == len(lines[1])
    assert "8/8" in lines[2] and "68-100 %" in lines[2] and "7-59 %" in lines[3]
    shown = analysis("table", unfinished)
    assert "Unfinished: 13 of 16 runs done, 2 to go." in shown.stdout


def test_runs_that_were_stopped_early_are_told(tmp_path):
    path = synthetic.build(str(tmp_path / "stopped.h5"))
    with h5py.File(path, "r+") as file:
        file["runs/error"][2] = file["runs/error"][9] = b"stopped early after step 500 of 1500: tv 0.9 is not among the best 1 of 3 runs"
    with Results(path) as results:
        rows = summary.summarise_all(results)
        assert [row.stopped for row in rows] == [1, 1] and [row.done for row in rows] == [8, 8]
        notes = caveats(results, rows, summary.compare_all(results))
        assert any(note.startswith("2 of 16 done runs were stopped early") and "biased" in note for note in notes)
    shown = analysis("table", path)
    assert f"2 of 16 done runs were stopped early, which biases rates and means: 1 of 8 in {OFF}, 1 of 8 in {ON}." in shown.stdout
    listed = list(csv.DictReader(io.StringIO(analysis("table", path, "--csv").stdout)))
    assert [row["stopped_early"] for row in listed] == ["1", "1"]
    assert analysis("report", path, "-o", tmp_path / "out").returncode == 0
    page = (tmp_path / "out" / "index.html").read_text(encoding="utf-8")
    assert page.count("1 stopped early") == 2 and page.count("tv 0.9 is not among the best 1 of 3 runs") == 2


def test_table_csv(sweep):
    shown = analysis("table", sweep, "--csv")
    rows = list(csv.DictReader(io.StringIO(shown.stdout)))
    assert [row["variant"] for row in rows] == [OFF, ON] and rows[0]["severe"] == "8"
    assert float(rows[0]["severe_low"]) == pytest.approx(statistics.wilson(8, 8).low)


def test_compare(sweep):
    shown = analysis("compare", sweep, OFF, ON)
    assert shown.returncode == 0 and shown.stdout.isascii()
    for text in ("paired by seed", "exact McNemar", "only A 6, only B 0", "0.031", "sign-flip", "P(improvement)", "With 8 seeds"):
        assert text in shown.stdout, text
    assert analysis("compare", sweep, "off", "on").stdout == shown.stdout


def test_output_into_a_closed_pipe(sweep):
    shown = subprocess.run(f"{sys.executable} analysis table {sweep} | true", shell=True, cwd=ROOT, capture_output=True, text=True)
    assert "Traceback" not in shown.stderr and "Broken" not in shown.stderr


# --------------------------------------------------------------------------------------------------- errors
def _refused(*arguments: object, **environment: str) -> str:
    """Runs a command that must end with 2, nothing on stdout and one line that tells why."""
    ended = analysis(*arguments, **environment)
    assert ended.returncode == 2, ended
    assert "Traceback" not in ended.stderr and ended.stdout == ""
    return ended.stderr


def test_bad_files(tmp_path):
    text, other = tmp_path / "text.h5", tmp_path / "other.h5"
    text.write_text("not HDF5")
    with h5py.File(other, "w") as file:
        file["x"] = 1
    for verb in ("report", "table"):
        assert "no such file" in _refused(verb, tmp_path / "none.h5")
        assert "a directory" in _refused(verb, tmp_path)
        assert "not HDF5" in _refused(verb, text)
        assert "not a gensweep results file" in _refused(verb, other)
    assert not (tmp_path / "text-report").exists() and not (tmp_path / "other-report").exists()


def test_damaged_and_newer_files(tmp_path, sweep):
    path = synthetic.build(str(tmp_path / "a.h5"), samples=16, seeds=range(2))
    with h5py.File(path, "a") as file:
        file.attrs["format_version"] = 2
    assert "results format 2; this program reads format 1" in _refused("table", path)
    with h5py.File(path, "a") as file:
        file.attrs["format_version"] = 1
        del file["coverage/counts"]
    assert "/coverage/counts is missing" in _refused("table", path)
    cut = tmp_path / "cut.h5"
    cut.write_bytes(Path(sweep).read_bytes()[:4000])
    assert "cut.h5" in _refused("table", cut)


def test_no_finished_run(tmp_path):
    path = synthetic.build(str(tmp_path / "new.h5"), samples=16,
                           status=lambda row, seed: synthetic.RUNNING if row < 2 else synthetic.PENDING)
    for arguments in (("report", path), ("table", path), ("compare", path, "off", "on")):
        assert "no run has finished yet (0 of 16 done, 2 running)" in _refused(*arguments)


def test_compare_errors(sweep, tmp_path):
    assert f"nearest: {ON}" in _refused("compare", sweep, OFF, "minibatch_discriminaton=on")
    assert "same variant" in _refused("compare", sweep, "on", ON)
    half = synthetic.build(str(tmp_path / "half.h5"), samples=16,
                           status=lambda row, seed: synthetic.DONE if row < 8 else synthetic.PENDING)
    assert f"{ON} has no run to compare: none is done" in _refused("compare", half, "off", "on")


def test_bad_usage(sweep):
    for arguments in ((), ("draw", sweep), ("table",), ("compare", sweep, "off"), ("report", sweep, "--open")):
        assert "usage" in _refused(*arguments)


def test_report_directory_that_cannot_be_made(sweep, tmp_path):
    (tmp_path / "file").write_text("")
    assert "cannot be written" in _refused("report", sweep, "-o", tmp_path / "file")


@pytest.mark.parametrize("module", ["h5py", "numpy", "matplotlib"])
def test_missing_library_says_what_to_install(sweep, tmp_path, module):
    (tmp_path / f"{module}.py").write_text(f"raise ModuleNotFoundError('not here', name={module!r})")
    message = _refused("report", sweep, "-o", tmp_path / "out", PYTHONPATH=str(tmp_path))
    assert f"python3-{module}" in message and sys.executable in message and message.count("\n") == 1


# ------------------------------------------------------------------------------------------------- formatting
def test_short_names_keep_what_differs():
    assert short_names(["model=gan,lr=1", "model=gan,lr=2"]) == ["lr=1", "lr=2"]
    assert short_names(["a"]) == ["a"] and short_names([OFF, ON]) == [OFF, ON]
    assert short_names(["x=1", "x=1,y=2"]) == ["x=1", "y=2"]
