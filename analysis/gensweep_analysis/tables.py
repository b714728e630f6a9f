"""Tables as plain text for terminals and as CSV for everything else."""

from __future__ import annotations

import csv
import io
import math
from typing import Iterable, List, Sequence

import numpy as np

from . import formatting as form
from .effects import Effect
from .results import Results
from .statistics import smallest_p_paired
from .summary import Comparison, VariantSummary, floor_of

TABLE_HEADER = ("variant", "done", "failed", "collapsed", "95 % interval", "severe", "95 % interval", "modes_10 (range)",
                "TV", "TV IQM (95 %)", "KL", "error", "quality")
OUTCOME_NAMES = {"collapsed": "collapsed", "severe": "severe collapse", "tv": "TV"}


def align(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Columns padded to the same width, the first to the left, the others to the right."""
    widths = [max(len(row[column]) for row in [header, *rows]) for column in range(len(header))]
    lines = ["  ".join(cell.ljust(width) if column == 0 else cell.rjust(width)
                       for column, (cell, width) in enumerate(zip(row, widths))).rstrip() for row in [header, *rows]]
    return "\n".join([lines[0], "-" * max(map(len, lines)), *lines[1:]]) + "\n"


def summary_text(results: Results, summaries: Sequence[VariantSummary]) -> str:
    """What `table` prints."""
    rows = [[row.name, f"{row.done}/{row.planned}", str(row.failed), f"{row.collapsed.count}/{row.collapsed.total}",
             form.rate_interval(row.collapsed), f"{row.severe.count}/{row.severe.total}", form.rate_interval(row.severe),
             form.mean_and_range(row.modes_10), form.number(row.tv_mean),
             f"{form.number(row.tv_iqm)} ({form.interval(row.tv_interval, to='-')})", form.number(row.kl),
             form.number(row.error, 1), form.number(row.quality, 2)] for row in summaries]
    notes = ["Rates: done runs, Wilson 95 % intervals. TV, KL: to the expected frequencies, 0 is best. Error: pixels. Quality: share of good samples."]
    unfinished, kept = int(results.unfinished.sum()), int((~results.planned).sum())
    if unfinished:
        notes.append(f"Unfinished: {int(results.done.sum())} of {int(results.planned.sum())} runs done, {unfinished} to go.")
    if kept:
        notes.append(f"Left out: {form.plural(kept, 'run')} that the file keeps and that the sweep no longer has.")
    hit = [row for row in summaries if row.stopped]
    if hit:
        where = (", ".join(f"{row.stopped} of {row.done} in {row.name}" for row in hit) if len(hit) <= 3 else
                 f"in {len(hit)} variants")
        notes.append(f"{sum(row.stopped for row in hit)} of {int(results.done.sum())} done runs were stopped early, which biases rates and "
                     f"means: {where}.")
    noise = noise_sentence(results, summaries)
    if noise:
        notes.append(noise)
    mostly_rejected = sum(row.mostly_rejected for row in summaries)
    if mostly_rejected:
        notes.append(f"{form.plural(mostly_rejected, 'done run')} had more than half of the samples rejected.")
    notes += [note for note in (rejected_sentence(summaries), chance_sentence(results)) if note]
    return align(TABLE_HEADER, rows) + "\n" + "\n".join(notes) + "\n"


def rejected_sentence(summaries: Sequence[VariantSummary]) -> str:
    """Where means leave out runs that have nothing to average, as if they were no worse than the others; empty if none do."""
    hit = [row for row in summaries if row.without_tv]
    if not hit:
        return ""
    where = (", ".join(f"{row.without_tv} of {row.done} in {row.name}" for row in hit) if len(hit) <= 3 else f"in {len(hit)} variants")
    return (f"{form.plural(sum(row.without_tv for row in hit), 'done run')} had all samples rejected and no TV, KL or error ({where}): "
            "means and TV tests leave them out, which makes these variants look better than they are.")


def noise_sentence(results: Results, summaries: Sequence[VariantSummary]) -> str:
    """Where the samples are no digits, so that modes and TV mean little; empty if all are."""
    hit = [row for row in summaries if row.done and not row.resembles]
    if not hit:
        return ""
    where = (", ".join(f"{row.name}: {form.number(row.error, 0)}" for row in hit) if len(hit) <= 3 else
             f"{len(hit)} variants, {form.number(min(row.error for row in hit), 0)} or more")
    return (f"Samples that resemble no digit (mean error of {where} pixels; two digits differ in {results.digit_distance:.0f}) fall into a bin "
            "all the same: their modes and TV say little.")


def chance_sentence(results: Results) -> str:
    """How often a perfect model would be called collapsed, if chance does that to more than one run in a hundred."""
    found = floor_of(results)
    if found is None or found[1].collapsed <= 0.01:
        return ""
    return (f"With {found[0]:,} samples a run chance alone would call {form.percent(found[1].collapsed)} of the runs of a perfect model "
            f"collapsed and {form.percent(found[1].severe)} severely collapsed: take more samples.")


def comparison_text(results: Results, comparison: Comparison) -> str:
    """What `compare` prints."""
    first, second = comparison.first, comparison.second
    seeds = (f"{comparison.runs[0]} seeds that are done in both, paired by seed" if comparison.paired else
             f"{comparison.runs[0]} and {comparison.runs[1]} runs, unpaired: "
             + (f"only {form.plural(comparison.common, 'seed')} in common" if comparison.common else "the seeds differ"))
    lines = [f"A  {first}", f"B  {second}", seeds, ""]
    rows = []
    for outcome, rates in (("collapsed", comparison.collapsed), ("severe", comparison.severe)):
        test = comparison.result(outcome)
        only = comparison.discordant_collapsed if outcome == "collapsed" else comparison.discordant_severe
        rows.append([OUTCOME_NAMES[outcome], *(f"{rate.count}/{rate.total} ({form.rate_interval(rate)})" for rate in rates),
                     f"only A {only[0]}, only B {only[1]}" if comparison.paired else form.NONE, test.test,
                     form.p_value(test.p)])
    test = comparison.result("tv")
    difference = f"{form.signed(comparison.tv_difference)} ({form.interval(comparison.tv_interval)})"
    rows.append(["mean TV", *(form.number(value) for value in comparison.tv), difference, test.test, form.p_value(test.p)])
    lines.append(align(("", "A", "B", "B against A", "test", "p"), rows))
    if comparison.tv_runs != comparison.runs:
        lines.append(f"TV: of {comparison.tv_runs[0]} pairs of runs; the others have a run with all samples rejected." if comparison.paired else
                     f"TV: of {comparison.tv_runs[0]} and {comparison.tv_runs[1]} runs; the others have all samples rejected.")
    lines.append(f"P(improvement): a run of B has a lower TV than one of A with probability {form.number(comparison.improvement, 2)}.")
    lines.append(detectable_sentence(comparison))
    lines.append("These p-values are not corrected; the report corrects all comparisons of the sweep (Holm).")
    return "\n".join(lines) + "\n"


def effects_text(found: Sequence[Effect]) -> str:
    """What `compare --by` prints."""
    lines: List[str] = []
    for effect in found:
        along = f"along with {', '.join(effect.along)}; " if effect.along else ""
        lines += [f"{effect.setting}: {effect.second} against {effect.first}, {along}everything else equal",
                  f"{form.plural(len(effect.pairs), 'pair')} of variants" + (f", which differ in {', '.join(effect.over)}" if effect.over else "")
                  + f"; {form.plural(effect.seeds, 'seed')}, {effect.runs:,} pairs of done runs"]
        rows = []
        for outcome in effect.outcomes:
            points = outcome.name != "tv"
            write = form.percent if points else form.number
            scale, decimals, unit = (100, 0, " points") if points else (1, 3, "")
            bounds = [form.signed(scale * bound, decimals) for bound in outcome.interval]
            interval = "" if form.NONE in bounds else f" ({bounds[0]} to {bounds[1]})"
            rows.append([OUTCOME_NAMES[outcome.name] if points else "mean TV", write(outcome.first), write(outcome.second),
                         form.signed(scale * outcome.difference, decimals) + interval + unit,
                         f"{outcome.lower}, {outcome.pairs - outcome.lower - outcome.higher}, {outcome.higher}",
                         form.p_value(outcome.p), form.p_value(outcome.holm)])
        lines += ["", align(("", effect.first, effect.second, "difference (95 %)", "pairs lower, equal, higher", "p", "Holm"), rows)]
        without = effect.runs - effect.outcomes[-1].runs
        if without > 0:
            lines += [f"TV: without {form.plural(without, 'pair')} of runs, of which at least one has all samples rejected.", ""]
        if any(effect.failed):
            lines += [f"Without runs that have failed: {effect.failed[0]} with {effect.first}, {effect.failed[1]} with {effect.second}.", ""]
        if effect.one_to_one and smallest_p_paired(effect.seeds) > 0.05:
            lines += [f"With {form.plural(effect.seeds, 'seed')} no p-value is below {form.p_value(smallest_p_paired(effect.seeds))}.", ""]
    lines.append("A seed counts once: its differences are averaged over the pairs of variants (permutation test within seeds, by\n"
                 "sign flips where each variant is in one pair; bootstrap interval over seeds). Where pairs are lower and higher, the\n"
                 "mean says little: look at them one by one. Rates are of done runs. Holm: corrected for all rows above.")
    return "\n".join(lines) + "\n"


def detectable_sentence(comparison: Comparison) -> str:
    """What this number of seeds can and cannot see (power 80 %, two-sided p <= .05)."""
    runs = min(comparison.runs)
    parts = []
    for start, rate in (("100 %", comparison.detectable_from_all), ("50 %", comparison.detectable_from_half)):
        parts.append(f"a fall from {start} is not detectable" if math.isnan(rate) else
                     f"a rate must fall from {start} to {form.percent_reached(rate)} or less")
    text = f"With {form.plural(runs, 'seed')} (power 80 %, p <= .05 before any correction): {'; '.join(parts)}"
    if comparison.paired and smallest_p_paired(comparison.tv_runs[0]) > 0.05:
        text += "; no difference of the mean TV is detectable"
    elif not math.isnan(comparison.detectable_tv):
        text += f"; the mean TV must differ by {math.ceil(1000 * comparison.detectable_tv) / 1000:.3f}"
    return text + "."


# ------------------------------------------------------------------------------------------------------ CSV
def csv_text(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Ten digits, and nothing where there is no value."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(header)
    writer.writerows([_plain(cell) for cell in row] for row in rows)
    return buffer.getvalue()


def summary_csv(summaries: Sequence[VariantSummary]) -> str:
    """One row a variant, all digits; what `table --csv` prints."""
    header = ["variant", "model", "planned", "done", "failed", "running", "pending", "mostly_rejected", "stopped_early", "without_tv"]
    for flag in ("missing", "collapsed", "severe"):
        header += [flag, f"{flag}_rate", f"{flag}_low", f"{flag}_high"]
    header += ["modes_10_mean", "modes_10_min", "modes_10_max", "tv_mean", "tv_iqm", "tv_iqm_low", "tv_iqm_high", "tv_max",
               "kl_mean", "error_mean", "quality_mean", "seconds_mean"]
    rows: List[List[object]] = []
    for row in summaries:
        cells: List[object] = [row.name, row.model, row.planned, row.done, row.failed, row.running, row.pending,
                               row.mostly_rejected, row.stopped, row.without_tv]
        for rate in (row.missing, row.collapsed, row.severe):
            cells += [rate.count, rate.share, rate.low, rate.high]
        cells += [*row.modes_10, row.tv_mean, row.tv_iqm, *row.tv_interval, row.tv_worst, row.kl, row.error, row.quality, row.seconds]
        rows.append(cells)
    return csv_text(header, rows)


def comparisons_csv(comparisons: Sequence[Comparison]) -> str:
    """One row a test."""
    header = ["first", "second", "paired", "runs_first", "runs_second", "outcome", "test", "value_first", "value_second",
              "difference", "only_first", "only_second", "p", "p_holm", "p_improvement"]
    rows: List[List[object]] = []
    for comparison in comparisons:
        for test in comparison.tests:
            values, only = comparison.tv, ("", "")
            if test.outcome != "tv":
                rates = comparison.collapsed if test.outcome == "collapsed" else comparison.severe
                values = (rates[0].share, rates[1].share)
                if comparison.paired and test.outcome == "collapsed":
                    only = comparison.discordant_collapsed
                elif comparison.paired:
                    only = comparison.discordant_severe
            runs = comparison.tv_runs if test.outcome == "tv" else comparison.runs
            rows.append([comparison.first, comparison.second, int(comparison.paired), *runs, test.outcome,
                         test.test, *values, values[1] - values[0], *only, test.p, test.holm, comparison.improvement])
    return csv_text(header, rows)


def effects_csv(found: Sequence[Effect]) -> str:
    """One row a test."""
    header = ["setting", "first", "second", "along", "failed_first", "failed_second", "pairs", "runs", "seeds", "outcome",
              "mean_first", "mean_second", "difference", "low", "high", "pairs_lower", "pairs_higher", "p", "p_holm"]
    rows: List[List[object]] = []
    for effect in found:
        for outcome in effect.outcomes:
            rows.append([effect.setting, effect.first, effect.second, " ".join(effect.along), *effect.failed, outcome.pairs, outcome.runs,
                         outcome.seeds, outcome.name, outcome.first, outcome.second, outcome.difference, *outcome.interval,
                         outcome.lower, outcome.higher, outcome.p, outcome.holm])
    return csv_text(header, rows)


def metrics_csv(results: Results) -> str:
    """One row a run: everything of /runs, /metrics and /settings."""
    table = results.table
    integers = {name for name in results.metrics if name in table.columns and table[name].dtype.kind in "iu"}

    def cell(name: str, row: int) -> object:
        # -1 means "none yet"; in a CSV it would be averaged by mistake.
        return "" if name in integers and table[name][row] < 0 else table[name][row]
    return csv_text(table.columns, ([cell(name, row) for name in table.columns] for row in range(len(table))))


def frequency_csv(results: Results) -> str:
    """One row a bin of a done run."""
    rows = []
    labels = results.column("label")
    variants = results.column("variant")
    for run in np.flatnonzero(results.done):
        total = results.counts[run].sum() + results.rejected[run]
        for color, color_name in enumerate(results.color_names):
            for digit, digit_name in enumerate(results.digit_names):
                count = results.counts[run, color, digit]
                error = results.error_sum[run, color, digit] / count if count else math.nan
                rows.append([run, labels[run], variants[run], results.seeds[run], color_name, digit_name, count,
                             results.expected[run, color, digit] * total, error])
    return csv_text(["run", "label", "variant", "seed", "color", "digit", "count", "expected_count", "mean_error"], rows)


def _plain(cell: object) -> object:
    if isinstance(cell, (float, np.floating)):
        return "" if np.isnan(cell) else f"{float(cell):.10g}"
    if isinstance(cell, (np.integer, np.bool_)):
        return int(cell)
    return cell
