"""What is said about a variant and about two of them: the numbers behind every table, figure and sentence."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import Dict, List, Optional, Sequence, Tuple

import numpy as np

from . import statistics
from .errors import AnalysisError
from .results import FAILED, PENDING, RUNNING, Results, setting_key
from .statistics import Rate

ALL_PAIRS_UP_TO = 6  # variants; above it only pairs of a model that differ in one setting are tested
MOST_PAIRS = 66
MOST_VALUES = 12  # of a setting, in the table of all settings
FLAG_OUTCOMES = ("collapsed", "severe")  # what is compared beside TV
DETAILED_VARIANTS = 12  # more than that nobody compares by eye


@dataclass(frozen=True)
class VariantSummary:
    """One variant over its seeds. Rates and means are over done runs; failed runs are counted beside them.

    Of the done runs, `stopped` were stopped early; they count with what they had reached.
    """

    name: str
    model: str
    planned: int
    done: int
    failed: int
    running: int
    pending: int
    stopped: int
    mostly_rejected: int
    without_tv: int  # all samples rejected: TV, KL and error do not exist and their means leave the run out
    missing: Rate
    collapsed: Rate
    severe: Rate
    modes_10: Tuple[float, float, float]  # mean, smallest, largest
    possible: int  # bins that the data can fall into: 30, unless digits or colors are left out
    tv_mean: float
    tv_iqm: float
    tv_interval: Tuple[float, float]
    tv_worst: float
    kl: float
    error: float
    quality: float  # share of the samples with at most evaluation.quality_error wrong pixels
    resembles: bool  # whether the samples are closer to a digit than digits are to each other
    seconds: float


@dataclass(frozen=True)
class TestResult:
    """One outcome compared between two variants; `holm` is p adjusted over all tests of the same table."""

    outcome: str
    test: str
    p: float
    holm: float


@dataclass(frozen=True)
class Comparison:
    """Variant `second` against variant `first`; negative `tv_difference` means that `second` is closer to the data."""

    first: str
    second: str
    paired: bool
    runs: Tuple[int, int]
    common: int  # seeds that are done in both
    collapsed: Tuple[Rate, Rate]
    severe: Tuple[Rate, Rate]
    discordant_collapsed: Tuple[int, int]  # pairs in which only `first`, only `second` collapsed
    discordant_severe: Tuple[int, int]
    tv: Tuple[float, float]  # of the runs that have one: not those with all samples rejected, if paired not their partners
    tv_runs: Tuple[int, int]  # how many these are
    tv_difference: float
    tv_interval: Tuple[float, float]
    improvement: float
    detectable_from_half: float
    detectable_from_all: float
    detectable_tv: float
    tests: Tuple[TestResult, ...]

    def result(self, outcome: str) -> TestResult:
        """The test of `collapsed`, `severe` or `tv`."""
        return next(test for test in self.tests if test.outcome == outcome)


def summarise(results: Results, variant: str) -> VariantSummary:
    """The row of a variant in every table."""
    everything, done = results.rows(variant, None), results.rows(variant)
    modes, tv = results.metric("modes_10")[done], results.metric("tv")[done]

    seconds, error = results.column("seconds"), statistics.mean(results.metric("mean_error")[done])
    return VariantSummary(
        name=variant, model=results.model_of(variant), planned=len(everything), done=len(done),
        failed=len(results.rows(variant, FAILED)), running=len(results.rows(variant, RUNNING)),
        pending=len(results.rows(variant, PENDING)), mostly_rejected=int(results.flag("failed")[done].sum()),
        without_tv=int(np.isnan(tv).sum()), stopped=int(results.stopped[done].sum()),
        missing=flag_rate(results, done, "missing"), collapsed=flag_rate(results, done, "collapsed"),
        severe=flag_rate(results, done, "severe"),
        modes_10=(statistics.mean(modes), _extreme(modes, np.min), _extreme(modes, np.max)), possible=possible_bins(results, done),
        tv_mean=statistics.mean(tv),
        tv_iqm=statistics.interquartile_mean(tv), tv_interval=statistics.bootstrap_interval(tv),
        tv_worst=_extreme(tv, np.max), kl=statistics.mean(results.metric("kl")[done]),
        error=error, quality=statistics.mean(results.metric("quality")[done]), resembles=not error >= results.digit_distance,
        seconds=statistics.mean(np.asarray(seconds[done], dtype=np.float64)) if seconds.dtype.kind == "f" else math.nan)


def summarise_all(results: Results) -> List[VariantSummary]:
    """All variants in plan order."""
    return [summarise(results, variant) for variant in results.variants]


def in_detail(summaries: Sequence[VariantSummary]) -> List[VariantSummary]:
    """All of few variants, otherwise the first, which is often what the others are measured by, and as many of the best
    and of the worst by mean TV, in plan order. A variant without TV, all samples of which are rejected, is the worst."""
    finished = [row for row in summaries if row.done]
    if len(finished) <= DETAILED_VARIANTS:
        return finished
    ranked = sorted(finished[1:], key=lambda row: math.inf if math.isnan(row.tv_mean) else row.tv_mean)
    others = DETAILED_VARIANTS - 1
    kept = {row.name for row in [finished[0], *ranked[:others - others // 2], *ranked[-(others // 2):]]}
    return [row for row in finished if row.name in kept]


def require_finished_run(results: Results) -> None:
    """A file in which nothing has ended yet has nothing to report."""
    if not (results.done | results.failed).any():
        running = int((results.planned & (results.status == RUNNING)).sum())
        raise AnalysisError(f"{results.path}: no run has finished yet (0 of {int(results.planned.sum())} done, {running} running)")


# ----------------------------------------------------------------------------------------------- comparisons
def baseline(results: Results) -> Optional[str]:
    """The first variant, if the sweep changes it in one thing at a time; None for a grid, a search, several models, or few variants.

    Seen from the settings that all variants have, which must tell them apart: most variants differ from the first in one
    of them, not always the same, and there are at most half as many variants as a grid of all the values would have. The
    others are combinations that somebody wanted to see beside it.
    """
    variants = results.variants
    if len(variants) <= ALL_PAIRS_UP_TO or len({results.model_of(variant) for variant in variants}) > 1:
        return None
    settings = [settings_of(results, variant) for variant in variants]
    common = [name for name in settings[0] if all(own.get(name) is not None for own in settings)]
    if len({tuple(own[name] for name in common) for own in settings}) < len(variants):
        return None
    changed = [[name for name in common if own[name] != settings[0][name]] for own in settings[1:]]
    near = [names[0] for names in changed if len(names) == 1]
    grid = math.prod(len({own[name] for own in settings}) for name in common)
    star = 2 * len(near) >= len(changed) and len(set(near)) > 1 and 2 * len(variants) <= grid
    return variants[0] if star else None


def pairs_to_compare(results: Results) -> List[Tuple[str, str]]:
    """Every pair of few variants; of many, the pairs of a model that differ in one setting: only those isolate a cause.
    Where everything is a change of one variant, that variant with each.

    The choice depends on the plan alone, never on the outcomes.
    """
    variants = [variant for variant in results.variants if len(results.rows(variant))]
    base = baseline(results)
    if base is not None:
        pairs = [(base, variant) for variant in variants if variant != base] if base in variants else []
    elif len(variants) > ALL_PAIRS_UP_TO:
        pairs = _pairs_of_one_change(results, variants)
    else:
        pairs = list(itertools.combinations(variants, 2))
    return pairs if len(pairs) <= MOST_PAIRS else []


def compare(results: Results, first: str, second: str) -> Comparison:
    """Tests of one pair, unadjusted: McNemar and sign-flip over common seeds, Fisher and permutation without them."""
    rows_a, rows_b = results.rows(first), results.rows(second)
    for name, rows in ((first, rows_a), (second, rows_b)):
        if len(rows) == 0:
            failed = len(results.rows(name, FAILED))
            raise AnalysisError(f"{results.path}: variant {name} has no run to compare: "
                                + (f"all {failed} that ended have failed" if failed else "none is done"))
    common = _common_seeds(results, rows_a, rows_b)
    # Unpaired only when pairing would throw away most runs: seeds that differ, or a sweep half done.
    paired = len(common) >= 2 and 2 * len(common) >= min(len(rows_a), len(rows_b))
    if paired:
        rows_a, rows_b = (np.array(rows) for rows in zip(*common))
    tv_a, tv_b = _measured(results.metric("tv"), rows_a, rows_b, paired)
    tests, rates, discordant = [], {}, {}
    for outcome in FLAG_OUTCOMES:
        flag = results.flag(outcome)
        a, b = flag[rows_a], flag[rows_b]
        rates[outcome] = (statistics.wilson(int(a.sum()), len(a)), statistics.wilson(int(b.sum()), len(b)))
        if paired:
            discordant[outcome] = (int((a & ~b).sum()), int((b & ~a).sum()))
            p = statistics.mcnemar_exact(*discordant[outcome])
        else:
            discordant[outcome] = (0, 0)
            p = statistics.fisher_exact(int(a.sum()), len(a), int(b.sum()), len(b))
        tests.append(TestResult(outcome, "exact McNemar" if paired else "Fisher exact", p, p))
    if paired:
        difference, p = tv_b - tv_a, statistics.sign_flip(tv_b - tv_a)
        interval = statistics.bootstrap_interval(difference, lambda draws: draws.mean(axis=-1))
        spread = float(np.std(difference, ddof=1)) if len(difference) > 1 else math.nan
        detectable_tv = statistics.detectable_mean(spread, len(difference)) if len(difference) > 1 else math.nan
    else:
        p, interval, detectable_tv = statistics.permutation_unpaired(tv_a, tv_b), (math.nan, math.nan), math.nan
    tests.append(TestResult("tv", "sign-flip permutation" if paired else "permutation", p, p))
    smaller = min(len(rows_a), len(rows_b))
    return Comparison(
        first=first, second=second, paired=paired, runs=(len(rows_a), len(rows_b)), common=len(common), collapsed=rates["collapsed"],
        severe=rates["severe"], discordant_collapsed=discordant["collapsed"], discordant_severe=discordant["severe"],
        tv=(statistics.mean(tv_a), statistics.mean(tv_b)), tv_runs=(len(tv_a), len(tv_b)),
        tv_difference=statistics.mean(tv_b) - statistics.mean(tv_a), tv_interval=interval,
        improvement=statistics.probability_of_improvement(results.metric("tv")[rows_a], results.metric("tv")[rows_b]),
        detectable_from_half=statistics.detectable_rate(smaller, 0.5, paired),
        detectable_from_all=statistics.detectable_rate(smaller, 1.0, paired),
        detectable_tv=detectable_tv, tests=tuple(tests))


def _measured(tv: np.ndarray, rows_a: np.ndarray, rows_b: np.ndarray, paired: bool) -> Tuple[np.ndarray, np.ndarray]:
    """The TV of both sides where there is one; of pairs, where both have one."""
    tv_a, tv_b = tv[rows_a], tv[rows_b]
    if paired:
        known = np.isfinite(tv_a) & np.isfinite(tv_b)
        return tv_a[known], tv_b[known]
    return tv_a[np.isfinite(tv_a)], tv_b[np.isfinite(tv_b)]


def compare_all(results: Results) -> List[Comparison]:
    """The comparisons of the sweep, with Holm's correction over all their tests together."""
    found = [compare(results, first, second) for first, second in pairs_to_compare(results)]
    adjusted = iter(statistics.holm([test.p for comparison in found for test in comparison.tests]) if found else [])
    return [Comparison(**{**vars(comparison), "tests": tuple(
        TestResult(test.outcome, test.test, test.p, next(adjusted)) for test in comparison.tests)}) for comparison in found]


def _common_seeds(results: Results, rows_a: np.ndarray, rows_b: np.ndarray) -> List[Tuple[int, int]]:
    of_b = {int(results.seeds[row]): int(row) for row in rows_b}
    return [(int(row), of_b[int(results.seeds[row])]) for row in rows_a if int(results.seeds[row]) in of_b]


def settings_of(results: Results, variant: str) -> Dict[str, object]:
    """Every setting of a variant, None where it does not apply."""
    row = results.rows(variant, None)[0]
    return {name: setting_key(column[row]) for name, column in results.settings.items()}


def _pairs_of_one_change(results: Results, variants: Sequence[str]) -> List[Tuple[str, str]]:
    """Pairs of one model that differ in one setting; where there are too many to compare, the search ends early.

    A setting that applies to one of two variants only (mbd_features, with minibatch discrimination on) comes with its switch.
    """
    codes = _codes(results, variants)
    pairs: List[Tuple[str, str]] = []
    for place, own in enumerate(codes):
        others = codes[place + 1:]
        unlike = others != own
        both = (unlike & (others >= 0) & (own >= 0)).sum(axis=1)
        changes = np.where(both > 0, both, unlike.sum(axis=1))
        same_model = others[:, 0] == own[0]
        pairs += [(variants[place], variants[place + 1 + int(other)]) for other in np.flatnonzero(same_model & (changes == 1))]
        if len(pairs) > MOST_PAIRS:
            break
    return pairs


def _codes(results: Results, variants: Sequence[str]) -> np.ndarray:
    """The model and the settings in which variants differ, as numbers, (variants, 1 + settings); -1: does not apply."""
    settings = [settings_of(results, variant) for variant in variants]
    columns = [[results.model_of(variant) for variant in variants]] + [[own[name] for own in settings] for name in results.settings]
    coded = []
    for column in columns:
        numbers = {value: code for code, value in enumerate(dict.fromkeys(value for value in column if value is not None))}
        coded.append([numbers.get(value, -1) for value in column])
    differing = [column for column in coded[1:] if len(set(column)) > 1]
    return np.array(coded[:1] + differing, dtype=np.int32).T


# -------------------------------------------------------------------------------------------------- settings
def setting_groups(results: Results) -> List[Tuple[str, List[Tuple[str, np.ndarray]]]]:
    """For each setting that varies: its values and the done runs that have them, pooled over everything else.

    Empty where one variant was changed in one thing at a time: a setting's usual value would be pooled with all the other
    changes, and each other value with none.
    """
    groups = []
    if baseline(results) is not None:
        return groups
    for name in results.swept_settings():
        column = results.settings[name]
        by_value: Dict[object, List[int]] = {}
        for row in np.flatnonzero(results.done):
            key = setting_key(column[row])
            if key is not None:
                by_value.setdefault(key, []).append(int(row))
        if len(by_value) > 1:
            numeric = all(isinstance(key, (int, float)) for key in by_value)
            keys = sorted(by_value) if numeric else list(by_value)
            switch = results.setting_kinds[name] == "i1"
            groups.append((name, [(value_text(key, switch), np.array(by_value[key])) for key in keys]))
    return groups


def flag_rate(results: Results, rows: np.ndarray, flag: str) -> Rate:
    """Rate of a flag among some done runs."""
    return statistics.wilson(int(results.flag(flag)[rows].sum()), len(rows))


def value_text(key: object, switch: bool = False) -> str:
    """A setting as the sweep file would spell it."""
    if switch and key in (0, 1, 0.0, 1.0):
        return "on" if key else "off"
    if isinstance(key, tuple):
        return ":".join(value_text(item) for item in key)
    if isinstance(key, float):
        return f"{key:.6g}"
    return str(key)


# ---------------------------------------------------------------------------------------- coverage measures
def total_variation(counts: np.ndarray, expected: np.ndarray) -> np.ndarray:
    """1/2 sum |p - q| over the 30 bins, p from the samples that fell in a bin. Shapes (..., 5, 6) -> (...)."""
    total = counts.sum(axis=(-2, -1), keepdims=True)
    with np.errstate(invalid="ignore", divide="ignore"):
        return 0.5 * np.abs(counts / total - expected).sum(axis=(-2, -1))


def modes_covered(counts: np.ndarray, rejected: np.ndarray, expected: np.ndarray, share: float = 0.1) -> np.ndarray:
    """Bins with at least `share` of the expected number of samples, rejected ones being part of that number.

    As the program's own modes_10: a bin that nothing is expected in is no mode.
    """
    total = (counts.sum(axis=(-2, -1)) + rejected)[..., None, None]
    with np.errstate(invalid="ignore", divide="ignore"):
        return ((expected > 0) & (counts / (total * expected) >= share)).sum(axis=(-2, -1))


def possible_bins(results: Results, rows: np.ndarray) -> int:
    """The bins that have samples in the data of these runs, as many as there are in one of them."""
    return int((results.expected[rows] > 0).sum(axis=(1, 2)).max()) if len(rows) else 0


def floor_of(results: Results) -> Optional[Tuple[int, statistics.Floor]]:
    """Samples a run, and what a perfect model would have with them; None where done runs differ in the samples or in the
    expected frequencies. Those of the autoregressive model, whose levels of a color shift them a little, are no others."""
    expected = results.expected[results.done]
    samples = (results.counts.sum(axis=(1, 2)) + results.rejected)[results.done]
    if not len(samples) or samples.min() == 0 or samples.min() < samples.max():
        return None
    if 0.5 * np.abs(expected - expected[0]).sum(axis=(1, 2)).max() > 0.02:
        return None
    return int(samples[0]), statistics.floor(expected[0], int(samples[0]))


def worst_and_best(results: Results, variant: str) -> Optional[Tuple[int, int]]:
    """Rows of the done runs of a variant that are farthest from and closest to the data by TV; none is farther than one
    without TV, all of whose samples are rejected."""
    rows = results.rows(variant)
    if len(rows) == 0:
        return None
    tv = results.metric("tv")[rows]
    if not np.isfinite(tv).any():
        return int(rows[0]), int(rows[0])
    return int(rows[np.argmax(np.where(np.isnan(tv), np.inf, tv))]), int(rows[np.nanargmin(tv)])


def _extreme(values: np.ndarray, choose) -> float:
    finite = values[np.isfinite(values)]
    return float(choose(finite)) if len(finite) else math.nan
