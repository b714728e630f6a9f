"""The analysis of whole files: reading, report, table, compare, and every way they can go wrong. What it says of
variants: test_analysis_comparisons.py; its formulas: test_analysis_statistics.py."""

from __future__ import annotations

import csv
import io
import json
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import h5py
import numpy as np
import pytest
import synthetic
from support import ROOT, analysis

from gensweep_analysis import AnalysisError, Results, sections, statistics, summary
from gensweep_analysis.formatting import report_directory, short_names
from gensweep_analysis.headline import caveats

OFF, ON = synthetic.OFF.name, synthetic.ON.name


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


def test_a_variant_is_found_without_its_blanks(sweep, tmp_path):
    variants = [synthetic.Variant("latent_dim=2, packing=1"), synthetic.Variant("latent_dim=2, packing=2")]
    with Results(synthetic.build(str(tmp_path / "names.h5"), variants, [0], samples=32, over_training=0)) as results:
        assert results.find_variant("latent_dim=2,packing=2") == "latent_dim=2, packing=2"
        with pytest.raises(AnalysisError, match="in the sweep.*it has:\n  latent_dim=2, packing=1\n  latent_dim=2, packing=2$"):
            results.find_variant("nothing")


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
