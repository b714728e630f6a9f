"""The finding in words, with the honest numbers and what they do not show."""

from __future__ import annotations

import math
from typing import List, Optional, Sequence, Tuple

import numpy as np

from . import formatting as form
from .results import Results
from .statistics import Rate, smallest_p_paired
from .summary import Comparison, VariantSummary
from .tables import chance_sentence, noise_sentence, rejected_sentence

FEW_SEEDS = 32


def headline(results: Results, summaries: Sequence[VariantSummary], comparisons: Sequence[Comparison]) -> str:
    """One or two sentences: who collapsed how often, with intervals and the paired test."""
    finished = [row for row in summaries if row.done]
    if not finished:
        failed = int(results.failed.sum())
        return f"No run has results: all {failed} runs that ended have failed." if failed > 1 else "No run has results: it failed."
    if len(finished) == 1:
        return _single(finished[0])
    if len(finished) == 2:
        return _two(results, finished, comparisons)
    return _many(finished, bool(comparisons))


def caveats(results: Results, summaries: Sequence[VariantSummary], comparisons: Sequence[Comparison]) -> List[str]:
    """What has to be said beside the headline."""
    notes = []
    done, planned = int(results.done.sum()), int(results.planned.sum())
    failed = int(results.failed.sum())
    if done + failed < planned:
        notes.append(f"The sweep is unfinished: {done} of {planned} runs are done, {failed} failed, "
                     f"{planned - done - failed} to go. The numbers will change.")
    kept = int((~results.planned).sum())
    if kept:
        notes.append(f"The file also keeps {form.plural(kept, 'run')} that {'is' if kept == 1 else 'are'} no longer in the sweep; "
                     f"{'it is' if kept == 1 else 'they are'} left out.")
    if failed:
        hit = [row for row in summaries if row.failed]
        most = max(hit, key=lambda row: row.failed / row.planned)
        where = (", ".join(f"{row.failed} of {row.planned} in {row.name}" for row in hit) if len(hit) <= 3 else
                 f"in {len(hit)} variants, at most {most.failed} of {most.planned}, in {most.name}")
        notes.append(f"{form.plural(failed, 'run')} failed and cannot count in the rates ({where})"
                     + ("; if failing goes along with collapse, the rates are too low." if done else "."))
    stopped = sum(row.stopped for row in summaries)
    if stopped:
        notes.append(f"{stopped} of {form.plural(done, 'done run')} {'was' if stopped == 1 else 'were'} stopped early (early_terminate) "
                     "and count with what they had reached by then: rates and means are biased, and comparisons between variants with them.")
    rejected = sum(row.mostly_rejected for row in summaries)
    if rejected:
        notes.append(f"{form.plural(rejected, 'done run')} had more than half of the samples rejected (flag failed); "
                     "these stay in the rates.")
    notes += [note for note in (rejected_sentence(summaries), noise_sentence(results, summaries), chance_sentence(results)) if note]
    counts = [row.done for row in summaries if row.done]
    if counts and min(counts) < FEW_SEEDS:
        notes.append(_few_seeds(min(counts), max(counts), comparisons))
    if len(counts) == 2 and comparisons:
        holm = "; ".join(f"{'TV' if test.outcome == 'tv' else test.outcome} {form.p_equals(test.holm)}"
                         for test in comparisons[0].tests)
        notes.append(f"The p-values of the sentence are not corrected; over the tests made (Holm): {holm}.")
    kernels = set(results.provenance().get("blas_kernel", [])) - {""}
    if len(kernels) > 1:
        notes.append(f"The launches ran on different BLAS kernels ({', '.join(sorted(kernels))}): "
                     "runs are reproducible bit for bit only within one of them.")
    return notes


def _single(row: VariantSummary) -> str:
    return (f"{_rate_words(row.severe, 'collapsed severely', first=True)} and {row.collapsed.count} of {row.collapsed.total} "
            f"lost at least a tenth of the mass ({form.rate_interval(row.collapsed, '–')}). "
            f"On average {form.number(row.modes_10[0], 1)} of {row.possible} modes are covered; mean TV {form.number(row.tv_mean)}.")


def _two(results: Results, rows: Sequence[VariantSummary], comparisons: Sequence[Comparison]) -> str:
    first, second = _switch_words(results, rows) or (f"With {rows[0].name}", f"with {rows[1].name}")
    text = (f"{first} {_rate_words(rows[0].severe, 'collapsed severely', first=True)}, "
            f"{second} {rows[1].severe.count} of {rows[1].severe.total} ({form.rate_interval(rows[1].severe, '–')})")
    if comparisons:
        comparison, test = comparisons[0], comparisons[0].result("severe")
        pairs = f" over {form.plural(comparison.runs[0], 'pair')}" if comparison.paired else ""
        text += f"; {test.test} {form.p_equals(test.p)}{pairs}"
    first_of = "" if rows[0].possible == rows[1].possible else f" of {rows[0].possible}"
    text += (f". Covered modes: {form.number(rows[0].modes_10[0], 1)}{first_of} against {form.number(rows[1].modes_10[0], 1)} of {rows[1].possible}; "
             f"mean TV {form.number(rows[0].tv_mean)} against {form.number(rows[1].tv_mean)}")
    if comparisons:
        comparison, test = comparisons[0], comparisons[0].result("tv")
        fewer = f" over {form.plural(comparison.tv_runs[0], 'pair')}" if comparison.paired and comparison.tv_runs != comparison.runs else ""
        text += f" ({test.test} {form.p_equals(test.p)}{fewer})"
    return text + "."


def _many(rows: Sequence[VariantSummary], tested: bool) -> str:
    shares = [row.severe.share for row in rows]
    measured = [row for row in rows if not math.isnan(row.tv_mean)]
    by_tv = sorted([row for row in measured if row.resembles] or measured, key=lambda row: row.tv_mean)
    if min(shares) == max(shares) and len(by_tv) < 2:
        return f"Severe collapse is equally frequent in all {len(rows)} variants: {form.percent(shares[0])} of the seeds."
    if min(shares) == max(shares):
        text = (f"Severe collapse is equally frequent in all {len(rows)} variants: {form.percent(shares[0])} of the seeds. "
                f"Mean TV{' of those whose samples resemble digits' if len(by_tv) < len(measured) else ''} is lowest with {by_tv[0].name} ({form.number(by_tv[0].tv_mean)}) and highest with {by_tv[-1].name} "
                f"({form.number(by_tv[-1].tv_mean)}). ")
    else:
        most, least = ([row for row in rows if row.severe.share == share] for share in (max(shares), min(shares)))
        text = f"Severe collapse is most frequent with {_named(most, first=True)}, and least with {_named(least)}. "
        if len(most) == len(least) == 1 and most[0] in measured and least[0] in measured:
            text += f"Mean TV is {form.number(most[0].tv_mean)} and {form.number(least[0].tv_mean)}. "
    after = f"The best and the worst of {len(rows)} variants were picked after the fact, which exaggerates the difference"
    return text + after + (": read the corrected tests below." if tested else ".")


def _named(rows: Sequence[VariantSummary], first: bool = False) -> str:
    """Variants with the same rate: one with its interval, few by their names, more by their number."""
    if len(rows) == 1:
        rate, intro = rows[0].severe, "Wilson 95 %: " if first else ""
        return f"{rows[0].name}: {rate.count} of {rate.total}{' seeds' if first else ''} ({intro}{form.rate_interval(rate, '–')})"
    names = f"{', '.join(row.name for row in rows[:-1])} and {rows[-1].name}" if len(rows) <= 3 else f"{len(rows)} variants"
    return f"{names}: {form.percent(rows[0].severe.share)} of the seeds of each"


def _rate_words(rate: Rate, verb: str, first: bool) -> str:
    intro = "Wilson 95 %: " if first else ""
    return f"{rate.count} of {rate.total} seeds {verb} ({intro}{form.rate_interval(rate, '–')})"


def _switch_words(results: Results, rows: Sequence[VariantSummary]) -> Optional[Tuple[str, str]]:
    """"Without ..." and "with it" when the two variants differ in one on/off setting."""
    swept = results.swept_settings()
    if len(swept) != 1 or results.setting_kinds[swept[0]] != "i1":
        return None
    values = [results.settings[swept[0]][results.rows(row.name)[0]] for row in rows]
    if any(np.isnan(float(value)) for value in values) or values[0] == values[1]:
        return None
    name = swept[0].replace("_", " ")
    return (f"With {name}", "without it") if values[0] else (f"Without {name}", "with it")


def _few_seeds(fewest: int, most: int, comparisons: Sequence[Comparison]) -> str:
    seeds = form.plural(fewest, "seed") if fewest == most else f"{fewest} to {most} seeds"
    text = f"{seeds} a variant are few: the intervals are as wide as they are printed."
    if fewest == 1:
        text = "1 seed a variant says nothing about how often a variant collapses."
    paired = [min(comparison.runs) for comparison in comparisons if comparison.paired]
    tests = sum(len(comparison.tests) for comparison in comparisons)
    if paired and smallest_p_paired(min(paired)) > 0.05:
        text += (f" With {form.plural(min(paired), 'pair')} neither the exact McNemar test nor the sign-flip test can go below "
                 f"p = {form.p_value(smallest_p_paired(min(paired)))}, whatever happens.")
    elif paired and tests * smallest_p_paired(min(paired)) > 0.05:
        needed = next(pairs for pairs in range(min(paired), 64) if tests * smallest_p_paired(pairs) <= 0.05)
        text += (f" With {form.plural(min(paired), 'pair')} no p-value is below {form.p_value(smallest_p_paired(min(paired)))}, and the "
                 f"correction for {tests} tests makes {form.p_value(min(1.0, tests * smallest_p_paired(min(paired))))} of that: it takes {needed} seeds "
                 "until the strongest effect can be significant among so many tests.")
    elif comparisons and len(comparisons) == 1 and math.isnan(comparisons[0].detectable_from_half):
        text += f" Only very large differences can be detected with {form.plural(min(comparisons[0].runs), 'seed')}."
    return text
