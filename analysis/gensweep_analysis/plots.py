"""The figures of the report. Each function returns a matplotlib figure, or None when there is nothing to show."""

from __future__ import annotations

import base64
import io
import textwrap
from typing import Dict, List, Optional, Sequence, Tuple

import matplotlib

matplotlib.use("Agg")  # no display is needed, or looked for

import matplotlib.pyplot as plt  # noqa: E402
import numpy as np  # noqa: E402
from matplotlib import font_manager  # noqa: E402
from matplotlib.figure import Figure  # noqa: E402
from matplotlib.ticker import MaxNLocator, PercentFormatter  # noqa: E402

from .formatting import short_names  # noqa: E402
from .results import Results  # noqa: E402
from .statistics import mean, performance_profile, wilson  # noqa: E402
from .summary import VariantSummary, in_detail, modes_covered, setting_groups, total_variation  # noqa: E402

# Okabe & Ito's colours without the yellow, then Tol's muted: told apart by colour-blind readers, and none is grey.
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#332288", "#882255", "#44AA99", "#999933",
          "#661100", "#DDCC77")
INK, GREY, LIGHT = "#222222", "#8a8a8a", "#d9d9d9"
LINKED_VARIANTS, SHADED_VARIANTS = 6, 4  # beyond that, lines between seeds and bands hide more than they show
ROWS_SHOWN = 60
DRAWN_DOTS = 2000  # more are pixels within the figure, which would otherwise be larger than all the rest of the page
WIDTH = 10.6  # inches; the page is about as wide, so that the text of figures keeps its size


def _style() -> Dict[str, object]:
    installed = {font.name for font in font_manager.fontManager.ttflist}
    wanted = ("Helvetica Neue", "Helvetica", "Arial", "Liberation Sans", "Noto Sans", "DejaVu Sans")
    return {"font.family": next((font for font in wanted if font in installed), "sans-serif"), "font.size": 9,
            "axes.edgecolor": GREY, "axes.labelcolor": INK, "axes.labelsize": 9, "axes.linewidth": 0.7,
            "axes.spines.top": False, "axes.spines.right": False, "axes.titlesize": 9.5, "axes.titleweight": "bold",
            "axes.titlelocation": "left", "xtick.color": GREY, "xtick.labelcolor": INK, "xtick.labelsize": 8.5,
            "ytick.color": GREY, "ytick.labelcolor": INK, "ytick.labelsize": 8.5, "legend.frameon": False,
            "legend.fontsize": 8.5, "svg.fonttype": "path", "svg.hashsalt": "gensweep", "savefig.facecolor": "white"}


def render(figure: Figure) -> Tuple[str, bytes]:
    """A figure as an SVG data URI for the page and as PNG bytes for a file. Closes it."""
    vector, pixels = io.BytesIO(), io.BytesIO()
    figure.savefig(vector, format="svg", dpi=150, metadata={"Date": None})
    figure.savefig(pixels, format="png", dpi=160, metadata={"Software": None})
    plt.close(figure)
    return "data:image/svg+xml;base64," + base64.b64encode(vector.getvalue()).decode(), pixels.getvalue()


class Figures:
    """Draws the figures of one results file with one colour per variant throughout."""

    def __init__(self, results: Results, summaries: Sequence[VariantSummary]):
        self.results = results
        self.summaries = [row for row in summaries if row.done]
        short = dict(zip([row.name for row in summaries], short_names([row.name for row in summaries])))
        self.short = {name: "\n".join(textwrap.wrap(text, 34)) for name, text in short.items()}
        # At most as many variants as there are colours get one; the rest are the grey background.
        self.detailed = in_detail(summaries)
        self.shown = self.summaries if len(self.summaries) <= ROWS_SHOWN else self.detailed  # where each variant is a row
        self.color = {row.name: GREY for row in summaries}
        self.color.update({row.name: color for row, color in zip(self.detailed, COLORS)})
        matplotlib.rcParams.update(_style())

    # ---------------------------------------------------------------------------------------- over seeds
    def collapse_rates(self) -> Optional[Figure]:
        """Share of seeds with each flag, with its Wilson interval."""
        if not self.summaries:
            return None
        figure, panels = self._rows(3, sharex=True)
        titles = ("Missing a mode", "Collapsed (mass < 0.9)", "Severe collapse (mass < 0.5)")
        for panel, flag, title in zip(panels, ("missing", "collapsed", "severe"), titles):
            for place, row in enumerate(self.shown):
                rate = getattr(row, flag)
                panel.plot([rate.low, rate.high], [place, place], color=self.color[row.name], linewidth=2.2, alpha=0.45,
                           solid_capstyle="round")
                panel.plot(rate.share, place, "o", color=self.color[row.name], markersize=6)
                # Beside the end of the interval that leaves more room.
                left = rate.high > 0.8
                panel.annotate(f"{rate.count}/{rate.total}", (rate.low if left else rate.high, place),
                               xytext=(-6 if left else 6, 0), textcoords="offset points",
                               ha="right" if left else "left", va="center", fontsize=8.5, color=INK)
            panel.set_title(title)
            panel.set_xlim(-0.03, 1.03)
            panel.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
            panel.set_xlabel("share of seeds")
        return figure

    def coverage_per_seed(self) -> Optional[Figure]:
        """A dot a seed; lines join the runs of a seed in neighbouring variants."""
        if not self.summaries:
            return None
        figure, panels = self._rows(2, room=0.62)
        offsets = {row.name: _spread(len(self.results.rows(row.name))) for row in self.shown}
        for panel, metric, title in zip(panels, ("modes_10", "tv"), ("Modes covered (modes_10)", "Total variation (TV)")):
            values = self.results.metric(metric)
            if len(self.shown) <= LINKED_VARIANTS:
                self._join_seeds(panel, values, offsets)
            for place, row in enumerate(self.shown):
                rows = self.results.rows(row.name)
                many = len(rows) > 100
                panel.plot(values[rows], place + offsets[row.name], "o", color=self.color[row.name],
                           markersize=3 if many else 5, alpha=0.6 if many else 0.8, markeredgecolor="white",
                           markeredgewidth=0 if many else 0.6, zorder=3)
                if np.isfinite(values[rows]).any():
                    middle = mean(values[rows])
                    panel.plot([middle, middle], [place - 0.36, place + 0.36], color=INK, linewidth=1.4, zorder=4)
            panel.set_title(title)
            panel.xaxis.set_major_locator(MaxNLocator(6, integer=metric == "modes_10"))
        panels[0].set_xlim(-0.6, 30.6)
        possible = {row.possible for row in self.summaries if row.done}
        panels[0].set_xlabel("bins with at least a tenth of the expected samples" + (f"; {max(possible)} is best" if len(possible) == 1 else ""))
        panels[1].set_xlim(-0.02, 1.02)
        panels[1].set_xlabel("distance from the expected frequencies; 0 is best")
        return figure

    def _join_seeds(self, panel: plt.Axes, values: np.ndarray, offsets: Dict[str, np.ndarray]) -> None:
        seeds = self.results.seeds
        for place, (upper, lower) in enumerate(zip(self.shown, self.shown[1:])):
            below = {int(seeds[row]): (row, shift) for row, shift in
                     zip(self.results.rows(lower.name), offsets[lower.name])}
            for row, shift in zip(self.results.rows(upper.name), offsets[upper.name]):
                if int(seeds[row]) in below:
                    other, other_shift = below[int(seeds[row])]
                    panel.plot([values[row], values[other]], [place + shift, place + 1 + other_shift], color=GREY,
                               linewidth=0.6, alpha=0.45 if len(below) <= 64 else 0.15, zorder=1)

    def performance_profile(self) -> Optional[Figure]:
        """Share of runs whose TV is above each value: a curve to the left and low is better."""
        if not self.summaries:
            return None
        figure, panel = plt.subplots(figsize=(WIDTH, self._legend_height()), constrained_layout=True)
        grid = np.linspace(0, 1, 401)
        tv = self.results.metric("tv")
        for row in self.summaries:
            values = tv[self.results.rows(row.name)]
            share = performance_profile(values, grid)
            named = row in self.detailed
            panel.step(grid, share, where="post", color=self.color[row.name], linewidth=1.8 if named else 0.6,
                       alpha=1 if named else 0.5, label=self.short[row.name] if named else None,
                       rasterized=not named and len(self.summaries) > ROWS_SHOWN)
            if len(self.summaries) <= SHADED_VARIANTS:
                bounds = [wilson(int(round(part * len(values))), len(values)) for part in share]
                panel.fill_between(grid, [bound.low for bound in bounds], [bound.high for bound in bounds], step="post",
                                   color=self.color[row.name], alpha=0.12, linewidth=0)
        panel.set_xlim(0, 1)
        panel.set_ylim(0, 1.02)
        panel.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
        panel.set_xlabel("x (TV)")
        panel.set_ylabel("runs with TV > x")
        panel.grid(color=LIGHT, linewidth=0.5)
        panel.legend(loc="center left", bbox_to_anchor=(1.01, 0.5))
        return figure

    # ----------------------------------------------------------------------------------------- settings
    def effect_of_settings(self) -> Optional[Figure]:
        """TV against the value of each setting that varies, pooled over the others; None when only one varies."""
        groups = setting_groups(self.results)
        if len(groups) < 2:
            return None
        across = min(3, len(groups))
        down = -(-len(groups) // across)
        figure, panels = plt.subplots(down, across, figsize=(WIDTH, 2.5 * down), squeeze=False, sharey=True,
                                      constrained_layout=True)
        tv = self.results.metric("tv")
        for panel, (name, values) in zip(panels.flat, groups):
            if len(values) > 8:
                self._scatter_setting(panel, name, tv)
            else:
                for place, (_, rows) in enumerate(values):
                    panel.plot(place + _spread(len(rows)), tv[rows], "o", color=COLORS[0], markersize=3.5, alpha=0.55,
                               markeredgewidth=0, rasterized=len(rows) > DRAWN_DOTS)
                    panel.plot([place - 0.32, place + 0.32], [mean(tv[rows])] * 2, color=INK, linewidth=1.4)
                panel.set_xticks(range(len(values)), [text.replace("_", "\n") for text, _ in values])
                panel.set_xlim(-0.6, len(values) - 0.4)
            panel.set_title(name.replace("_", " "))
        for panel in panels[:, 0]:
            panel.set_ylabel("TV")
        for panel in list(panels.flat)[len(groups):]:
            panel.set_visible(False)
        panels[0, 0].set_ylim(-0.02, 1.02)
        return figure

    def _scatter_setting(self, panel: plt.Axes, name: str, tv: np.ndarray) -> None:
        column = self.results.settings[name]
        if column.dtype.kind not in "fiu" or column.ndim > 1:
            panel.set_axis_off()
            return
        values, tv = column[self.results.done].astype(np.float64), tv[self.results.done]
        panel.plot(values, tv, "o", color=COLORS[0], markersize=3.5, alpha=0.6, markeredgewidth=0, rasterized=len(values) > DRAWN_DOTS)
        finite = values[np.isfinite(values)]
        if finite.min() > 0 and finite.max() / finite.min() > 30:
            panel.set_xscale("log")

    # ------------------------------------------------------------------------------------- along training
    def training_curves(self, model: str) -> Optional[Figure]:
        """Losses of one model: a row of panels a variant, all seeds thin, their mean thick."""
        step, losses = self.results.curves()
        variants = [name for name in self._with_curves() if self.results.model_of(name) == model]
        if step is None or not variants:
            return None
        rows = np.concatenate([self._curve_rows(name) for name in variants])
        names = [name for name, values in losses.items() if np.isfinite(values[rows]).any()]
        if not names:
            return None
        figure, panels = plt.subplots(len(variants), len(names), figsize=(WIDTH, 0.5 + 1.55 * len(variants)), squeeze=False,
                                      sharex=True, sharey="col", constrained_layout=True)
        for column, name in enumerate(names):
            finite = losses[name][rows]
            finite = finite[np.isfinite(finite)]
            low, high = np.percentile(finite, [0.3, 99.7])
            logarithmic = low > 0 and high / low > 30
            for place, variant in enumerate(variants):
                panel = panels[place, column]
                self._draw_curves(panel, step, losses[name], variant)
                if column == 0:
                    panel.set_ylabel(self.short[variant], rotation=0, ha="right", va="center", labelpad=8)
            # Single spikes would flatten everything else; the limits follow the bulk and say nothing is cut in the CSV.
            margin = 0.08 * (high - low) or 0.1
            panels[0, column].set_ylim((low * 0.9, high * 1.1) if logarithmic else (low - margin, high + margin))
            if logarithmic:
                panels[0, column].set_yscale("log")
            shown = [panel for panel, variant in zip(panels[:, column], variants)
                     if np.isfinite(losses[name][self._curve_rows(variant)]).any()]
            for panel in panels[:, column]:
                panel.set_visible(panel in shown)  # minibatch_active, of variants that have no such layer
            shown[0].set_title(name.replace("_", " "))
            shown[-1].set_xlabel("training step")
            shown[-1].tick_params(labelbottom=True)
        return figure

    def _with_curves(self) -> List[str]:
        """The variants shown in detail; when nothing is done, the first of those that failed."""
        if self.detailed:
            return [row.name for row in self.detailed]
        return [name for name in self.results.variants if len(self._curve_rows(name))][: len(COLORS)]

    def _curve_rows(self, variant: str) -> np.ndarray:
        rows = self.results.rows(variant, None)
        return rows[(self.results.done | self.results.failed)[rows]]

    def _draw_curves(self, panel: plt.Axes, step: np.ndarray, values: np.ndarray, variant: str) -> None:
        rows = self._curve_rows(variant)
        thin = 0.5 if len(rows) <= 16 else 0.28 if len(rows) <= 64 else 0.12
        for row in rows:
            # Rasterised: hundreds of seeds as vectors would make the page megabytes.
            panel.plot(step[row], values[row], color=self.color[variant], linewidth=0.6, alpha=thin, rasterized=True)
        known = np.isfinite(values[rows]).any(axis=0)
        if known.any():
            longest = rows[np.argmax(np.isfinite(values[rows]).sum(axis=1))]
            panel.plot(step[longest][known], np.nanmean(values[rows][:, known], axis=0), color=INK, linewidth=1.5)
        panel.yaxis.set_major_locator(MaxNLocator(4))
        panel.xaxis.set_major_locator(MaxNLocator(5))

    def coverage_over_training(self) -> Optional[Figure]:
        """modes_10 and TV after so many steps: all seeds thin, the mean thick, one colour a variant."""
        measured = self.results.over_training()
        if measured is None or not self.summaries:
            return None
        step, counts, rejected = measured
        modes = modes_covered(counts, rejected, self.results.expected[:, None]).astype(np.float64)
        tv = total_variation(counts, self.results.expected[:, None])
        modes[step < 0] = tv[step < 0] = np.nan
        if not np.isfinite(modes).any():
            return None
        figure, panels = plt.subplots(1, 2, figsize=(WIDTH, self._legend_height()), constrained_layout=True)
        thin = 0.35 if len(step) <= 64 else 0.12
        for panel, values, title, top in ((panels[0], modes, "Modes covered (modes_10)", 30.6), (panels[1], tv, "TV", 1.02)):
            for row in self.detailed:
                rows = [int(run) for run in self.results.rows(row.name) if (step[run] >= 0).any()]
                if not rows:
                    continue
                if len(self.summaries) <= LINKED_VARIANTS:
                    for run in rows:
                        seen = step[run] >= 0
                        panel.plot(step[run][seen], values[run][seen], color=self.color[row.name], linewidth=0.6, alpha=thin,
                                   rasterized=True)
                steps, means = _mean_by_step(step[rows], values[rows])
                panel.plot(steps, means, color=self.color[row.name], linewidth=2.2, marker="o", markersize=3,
                           label=self.short[row.name])
            panel.set_title(title)
            panel.set_ylim(-0.02 * top, top)
            panel.set_xlabel("training step")
            panel.grid(color=LIGHT, linewidth=0.5)
        panels[1].legend(loc="center left", bbox_to_anchor=(1.01, 0.5))
        return figure

    def _legend_height(self) -> float:
        """Inches that a figure with a legend beside it needs."""
        lines = sum(self.short[row.name].count("\n") + 1 for row in self.detailed)
        return max(3.2, 0.8 + 0.17 * lines)

    def _rows(self, columns: int, room: float = 0.42, sharex: bool = False) -> Tuple[Figure, Sequence[plt.Axes]]:
        """Panels side by side with a line for each variant, in plan order from the top."""
        number = len(self.shown)
        lines = max((self.short[row.name].count("\n") + 1 for row in self.shown), default=1)
        height = 0.85 + number * max(room if number <= 12 else 0.22, 0.15 * lines + 0.06)
        figure, panels = plt.subplots(1, columns, figsize=(WIDTH, height), sharey=True, sharex=sharex, constrained_layout=True,
                                      squeeze=False)
        figure.get_layout_engine().set(wspace=0.05)  # room for the outer labels of neighbouring axes
        for panel in panels[0]:
            panel.set_yticks(range(number), [self.short[row.name] for row in self.shown])
            panel.set_ylim(number - 0.45, -0.55)
            panel.tick_params(axis="y", length=0)
            panel.spines["left"].set_visible(False)
            panel.grid(axis="x", color=LIGHT, linewidth=0.5)
            panel.set_axisbelow(True)
        return figure, panels[0]


def _spread(number: int) -> np.ndarray:
    """Offsets that keep equal values apart, the same on every call: the van der Corput sequence in [-0.3, 0.3]."""
    offsets = np.zeros(number)
    for place in range(number):
        fraction, index = 0.5, place + 1
        while index:
            offsets[place] += fraction * (index & 1)
            index >>= 1
            fraction /= 2
    return 0.6 * (offsets - 0.5)


def _mean_by_step(step: np.ndarray, values: np.ndarray) -> Tuple[np.ndarray, np.ndarray]:
    steps = np.unique(step[step >= 0])
    return steps, np.array([mean(values[step == point]) for point in steps])
