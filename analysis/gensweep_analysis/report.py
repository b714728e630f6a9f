"""The report: one self-contained page, with its figures and numbers as files beside it."""

from __future__ import annotations

import os
import re
from html import escape
from pathlib import Path
from typing import List, Optional, Set, Tuple

import numpy as np

from . import __version__, formatting, headline, images, markup, sections, tables
from .effects import all_effects
from .errors import AnalysisError
from .plots import LINKED_VARIANTS, SHADED_VARIANTS, Figures, render
from .results import Results
from .summary import VariantSummary, compare_all, in_detail, require_finished_run, summarise_all, worst_and_best

WALL_COLUMNS, WALL_ROWS = 16, 8
OWN_PICTURE = re.compile(r"variant\d+-(best|worst|only)-(examples|samples)|training_\w+|settings|coverage_over_training|collapse_rates|"
                         r"coverage_per_seed|performance_profile")


def write_report(results: Results, directory: str) -> str:
    """Writes DIR/index.html, PNGs and CSVs; returns the path of the page. Overwrites an earlier report."""
    require_finished_run(results)
    try:
        return _Report(results, directory).write()
    except OSError as cause:
        raise AnalysisError(f"{directory}: the report cannot be written: {cause.strerror or cause}") from cause


class _Report:
    """Collects the page in the order of reading, and the files beside it."""

    def __init__(self, results: Results, directory: str):
        self.results = results
        self.directory = Path(directory)
        self.summaries = summarise_all(results)
        self.comparisons = compare_all(results)
        self.effects = all_effects(results)
        self.figures = Figures(results, self.summaries)
        self.contents: List[Tuple[str, str]] = []
        self.written: Set[str] = set()

    def write(self) -> str:
        self.directory.mkdir(parents=True, exist_ok=True)
        self._file("summary.csv", tables.summary_csv(self.summaries).encode())
        self._file("comparisons.csv", tables.comparisons_csv(self.comparisons).encode())
        self._file("effects.csv", tables.effects_csv(self.effects).encode())
        self._file("metrics.csv", tables.metrics_csv(self.results).encode())
        self._file("frequency.csv", tables.frequency_csv(self.results).encode())
        # Last, so that a page is never older than what it links to.
        page = self._file("index.html", self._page().encode())
        for path in self.directory.glob("*.png"):  # of an earlier report, when less was done or more settings varied
            if OWN_PICTURE.fullmatch(path.stem) and path.name not in self.written:
                path.unlink()
        return page

    def _file(self, name: str, data: bytes) -> str:
        path = self.directory / name
        path.write_bytes(data)
        self.written.add(name)
        return os.fspath(path)

    # --------------------------------------------------------------------------------------------- page
    def _page(self) -> str:
        body = "\n".join(self._sections())
        style = Path(__file__).with_name("report.css").read_text(encoding="utf-8")
        links = " ".join(f'<a href="#{anchor}">{escape(title)}</a>' for anchor, title in self.contents)
        sentence = headline.headline(self.results, self.summaries, self.comparisons)
        notes = headline.caveats(self.results, self.summaries, self.comparisons)
        return (f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
                f'<meta name="viewport" content="width=device-width, initial-scale=1">\n'
                f'<title>{escape(self.results.name)} - gensweep report</title>\n<style>\n{style}</style>\n</head>\n<body>\n<main>\n'
                f'{sections.head(self.results)}\n{sections.finding(sentence, notes)}\n<nav>{links}</nav>\n{body}\n'
                f'{self._footer()}\n</main>\n</body>\n</html>\n')

    def _section(self, title: str, content: str) -> str:
        """A section with its place in the table of contents; nothing when there is no content."""
        if not content:
            return ""
        anchor = re.sub(r"[^a-z]+", "-", title.lower()).strip("-")
        self.contents.append((anchor, title))
        return f'<section>\n<h2 id="{anchor}">{escape(title)}</h2>\n{content}\n</section>'

    def _sections(self) -> List[str]:
        results, figures = self.results, self.figures
        return [
            self._section("Summary", sections.summary_table(results, self.summaries, figures.color)),
            self._section("Comparisons", sections.comparison_table(results, self.comparisons)),
            self._section("Collapse rates", self._figure(
                figures.collapse_rates(), "collapse_rates", "Collapse rates of each variant with intervals",
                "Dot: share of the seeds that are done; bar: Wilson 95 % interval; number: seeds with the flag of seeds done."
                + self._selection_of_rows())),
            self._section("Coverage per seed", self._figure(
                figures.coverage_per_seed(), "coverage_per_seed", "Modes covered and total variation of every seed",
                f"A dot a seed;{' thin lines join runs of the same seed,' if len(self.summaries) <= LINKED_VARIANTS else ''} "
                "vertical bars are means. "
                "Height within a row only keeps dots apart." + self._without_tv("have no dot for TV") + self._selection_of_rows())),
            self._section("Performance profile", self._figure(
                figures.performance_profile(), "performance_profile", "Share of runs with total variation above x",
                "How many runs are worse than x, for every x: the lower curve is the better variant. Unlike a mean it shows the "
                "seeds that collapsed." + self._without_tv("count as worse than any x")
                + (" Shaded: pointwise Wilson 95 % interval." if len(self.summaries) <= SHADED_VARIANTS else "")
                + self._selection("grey: the others"))),
            self._section("Effect of settings", self._settings()),
            self._section("Variants in detail", self._details()),
            self._section("Training", self._training()),
            self._section("Runs", sections.run_table(results)),
            self._section("Provenance", sections.provenance(results)),
            self._section("Sweep", sections.sweep(results)),
        ]

    def _figure(self, drawn: Optional[object], name: str, alt: str, caption: str) -> str:
        if drawn is None:
            return ""
        uri, pixels = render(drawn)
        self._file(f"{name}.png", pixels)
        return markup.figure(uri, alt, caption)

    def _selection(self, others: str = "the others are left out") -> str:
        """What a figure with too many variants shows."""
        finished = sum(1 for row in self.summaries if row.done)
        shown = len(in_detail(self.summaries))
        return f" Named: of {finished} variants the first and the {shown - 1} best and worst by mean TV; {others}." if shown < finished else ""

    def _selection_of_rows(self) -> str:
        return self._selection() if len(self.figures.shown) < len(self.figures.summaries) else ""

    def _settings(self) -> str:
        table = sections.settings_table(self.results)
        return table + (sections.effects_table(self.effects) if table else "") + self._figure(
            self.figures.effect_of_settings(), "settings", "Total variation by the value of each setting",
            "A dot a run, bars are means; pooled over all other settings.")

    def _penalised(self) -> bool:
        settings, planned = self.results.settings, self.results.planned
        return any(name in settings and (settings[name][planned] > 0).any() for name in ("r1", "r2"))

    def _training(self) -> str:
        several = len(self.results.models) > 1
        parts = []
        for model in self.results.models:
            title = f"<h3>{escape(model)}</h3>" if several else ""
            drawn = self._figure(
                self.figures.training_curves(model), f"training_{_slug(model)}", f"Training curves of {model}",
                "Coloured: each seed; black: mean over the seeds that came so far. The vertical range leaves out the most extreme 0.3 % at each end."
                + (" The discriminator's loss contains its gradient penalties." if model == "gan" and self._penalised() else "")
                + self._selection())
            parts.append(title + drawn if drawn else "")
        over = self._figure(
            self.figures.coverage_over_training(), "coverage_over_training", "Coverage along training",
            "Modes covered and TV after so many steps. Thin: each seed (up to "
            f"{LINKED_VARIANTS} variants); thick: mean over the seeds that came so far."
            + self._without_tv_along() + self._selection())
        if over:
            parts.append("<h3>Coverage along training</h3>" + over)
        return "".join(parts)

    # ------------------------------------------------------------------------------------ each variant
    def _details(self) -> str:
        finished = [row for row in self.summaries if row.done]
        if not finished:
            return ""
        shown = in_detail(self.summaries)
        note = "<p>The frequency tables show the samples of each colour and digit, and below them what the data would give."
        if len(shown) < len(finished):
            note += (f" Of {len(finished)} variants the first, the {len(shown) // 2} with the lowest and the {(len(shown) - 1) // 2} "
                     "with the highest mean TV are shown; all are in frequency.csv.")
        top = self._largest_error()
        return note + "</p>" + markup.frequency_legend() + "".join(self._variant(row, top) for row in shown)

    def _without_tv(self, what: str) -> str:
        """What a figure of TV does with runs that have none; empty if all have one."""
        return f" Runs with all samples rejected {what}." if any(row.without_tv for row in self.summaries) else ""

    def _without_tv_along(self) -> str:
        """The same of points along training."""
        measured = self.results.over_training()
        if measured is None or not ((measured[0] >= 0) & (measured[1].sum(axis=(2, 3)) == 0)).any():
            return ""
        return " Where all samples of a seed are rejected it has no TV, and the mean leaves it out."

    def _largest_error(self) -> float:
        """The darkest shade of the error tables: a high quantile, so that a single odd bin does not pale the rest."""
        counts, sums = self.results.counts[self.results.done], self.results.error_sum[self.results.done]
        errors = sums[counts > 0] / counts[counts > 0]
        return float(max(1.0, np.quantile(errors, 0.98))) if len(errors) else 1.0

    def _variant(self, row: VariantSummary, top: float) -> str:
        results = self.results
        worst, best = worst_and_best(results, row.name)
        number = results.variants.index(row.name)
        chosen = [("Worst seed", worst, "worst"), ("Best seed", best, "best")]
        if worst == best:
            chosen = [("Only seed" if row.done == 1 else "Any seed", worst, "only")]
        columns = "".join(f"<div>{self._run(title, run, top, f'variant{number:02d}-{name}')}</div>" for title, run, name in chosen)
        pooled = ""
        if row.done > 1:
            rows = results.rows(row.name)
            counts, rejected = results.counts[rows].sum(axis=0), int(results.rejected[rows].sum())
            names = (results.color_names, results.digit_names)
            pooled = (f'<div class="pair"><div><h4>All {row.done} seeds pooled</h4><h5>Frequency</h5>'
                      f"{markup.frequency_table(counts, results.expected[rows].mean(axis=0), rejected, *names)}</div>"
                      f"<div><h4>&nbsp;</h4><h5>Mean error, pixels</h5>"
                      f"{markup.error_table(counts, results.error_sum[rows].sum(axis=0), top, *names)}</div></div>"
                      '<p class="note">Pooling hides collapse: seeds that lost different modes look complete together.</p>')
        facts = (f"{row.done} of {row.planned} runs done · collapsed {row.collapsed.count} of {row.collapsed.total} · "
                 f"severe {row.severe.count} of {row.severe.total} · mean TV {formatting.number(row.tv_mean)}")
        return (f'<h3><span class="swatch" style="background:{self.figures.color[row.name]}"></span>{markup.breakable(row.name)}</h3>'
                f'<div class="meta">{escape(facts)}</div><div class="pair">{columns}</div>{pooled}')

    def _run(self, title: str, run: int, top: float, name: str) -> str:
        results = self.results
        names = (results.color_names, results.digit_names)
        counts = results.counts[run]
        modes, tv = results.metric("modes_10")[run], results.metric("tv")[run]
        parts = [f"<h4>{title}: {results.seeds[run]}</h4>",
                 f'<div class="meta">TV {formatting.number(tv)}, modes_10 {formatting.number(modes, 0)}, run {run}</div>',
                 "<h5>Frequency</h5>", markup.frequency_table(counts, results.expected[run], int(results.rejected[run]), *names),
                 "<h5>Mean error, pixels</h5>", markup.error_table(counts, results.error_sum[run], top, *names)]
        examples = results.examples(run)
        if examples is not None:
            grid = images.example_grid(examples, counts)
            data = images.png(grid)
            self._file(f"{name}-examples.png", data)
            parts += ["<h5>An example of each (crossed out: none)</h5>",
                      markup.tiles(data, (grid.shape[1], grid.shape[0]), *names, alt=f"Examples of run {run}")]
        if results.has_samples(run):
            pixels = images.wall(results.first_samples(run, WALL_COLUMNS * WALL_ROWS), WALL_COLUMNS)
            data = images.png(pixels)
            self._file(f"{name}-samples.png", data)
            parts += ["<h5>Random samples</h5>", markup.image(data, f"Random samples of run {run}", "pixels wall")]
        return "".join(parts)

    def _footer(self) -> str:
        names = ("summary.csv", "comparisons.csv", "effects.csv", "metrics.csv", "frequency.csv")
        links = ", ".join(f'<a href="{name}">{name}</a>' for name in names)
        version = f"gensweep {self.results.gensweep_version}, " if self.results.gensweep_version else ""
        return (f"<footer>Made from {escape(os.path.basename(self.results.path))} by {escape(version)}gensweep-analysis "
                f"{__version__}. The numbers of this page: {links}. Bootstrap and permutations use a fixed seed: the same file "
                "gives the same page.</footer>")


def _slug(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9]+", "_", text).strip("_") or "model"
