"""Statistics over seeds, in numpy only. The unit is always the run (seed), never the sample.

Every function says where its formula is from; the tests compare them with scipy.
"""

from __future__ import annotations

import functools
import itertools
import math
from dataclasses import dataclass
from typing import Callable, List, Optional, Sequence, Tuple

import numpy as np

Z95 = 1.959963984540054  # 97.5 % point of the standard normal
RANDOM_SEED = 20220607  # of bootstrap and permutation: the same file always gives the same report
BOOTSTRAP_RESAMPLES = 5000
PERMUTATIONS = 100_000
EXACT_SIGN_FLIPS = 16  # up to 2^16 sign vectors are enumerated; above that they are drawn
EXACT_CHOICES = 20_000  # of one of two groups
PERFECT_RUNS = 4000  # simulated


@dataclass(frozen=True)
class Rate:
    """`count` of `total` runs, with a 95 % interval [low, high] as shares."""

    count: int
    total: int
    low: float
    high: float

    @property
    def share(self) -> float:
        return self.count / self.total if self.total else math.nan


# ---------------------------------------------------------------------------------------------------- rates
def wilson(count: int, total: int, z: float = Z95) -> Rate:
    """Wilson score interval (Wilson 1927; Brown, Cai & DasGupta 2001 recommend it for small n)."""
    if total == 0:
        return Rate(0, 0, math.nan, math.nan)
    share, shrink = count / total, 1 + z * z / total
    centre = (share + z * z / (2 * total)) / shrink
    half = z / shrink * math.sqrt(share * (1 - share) / total + z * z / (4 * total * total))
    # At 0 and n the bounds are 0 and 1 exactly; rounding would leave 1e-17.
    return Rate(count, total, 0.0 if count == 0 else max(0.0, centre - half), 1.0 if count == total else min(1.0, centre + half))


def clopper_pearson(count: int, total: int, level: float = 0.95) -> Rate:
    """Exact (conservative) interval from beta quantiles (Clopper & Pearson 1934)."""
    if total == 0:
        return Rate(0, 0, math.nan, math.nan)
    tail = (1 - level) / 2
    low = 0.0 if count == 0 else beta_quantile(tail, count, total - count + 1)
    high = 1.0 if count == total else beta_quantile(1 - tail, count + 1, total - count)
    return Rate(count, total, low, high)


def mcnemar_exact(only_first: int, only_second: int) -> float:
    """Two-sided exact McNemar test: the discordant pairs are Binomial(b + c, 1/2) under equality."""
    discordant = only_first + only_second
    if discordant == 0:
        return 1.0
    tail = sum(math.comb(discordant, k) for k in range(min(only_first, only_second) + 1))
    return min(1.0, 2 * tail / 2 ** discordant)


def fisher_exact(count_a: int, total_a: int, count_b: int, total_b: int) -> float:
    """Two-sided Fisher exact test of two rates: sum of all tables no more probable than the observed one."""
    if total_a == 0 or total_b == 0:
        return 1.0
    return float(_fisher_p_values(total_a, total_b, count_a + count_b)[count_a])


def _fisher_p_values(total_a: int, total_b: int, positives: int) -> np.ndarray:
    """p for every possible count of the first group (0..total_a), NaN where the margins rule it out."""
    low, high = max(0, positives - total_b), min(positives, total_a)
    inside = np.arange(low, high + 1)
    logs = np.array([_log_comb(total_a, k) + _log_comb(total_b, positives - k) for k in inside])
    mass = np.exp(logs - logs.max())
    mass /= mass.sum()
    # The factor absorbs rounding between tables of equal probability, as R and scipy do.
    p_values = np.array([mass[mass <= value * (1 + 1e-7)].sum() for value in mass])
    result = np.full(total_a + 1, np.nan)
    result[inside] = np.minimum(1.0, p_values)
    return result


# ---------------------------------------------------------------------------------------------- differences
def sign_flip(differences: Sequence[float]) -> float:
    """Two-sided paired permutation test of mean difference 0: under the null each sign is a fair coin.

    Exact up to 2^16 sign vectors, otherwise 100,000 random ones, counted as (1 + k) / (1 + draws) so that p > 0.
    """
    values = np.asarray(differences, dtype=np.float64)
    values = values[np.isfinite(values)]
    size = len(values)
    if size == 0:
        return 1.0
    threshold = abs(values.sum()) * (1 - 1e-12) - 1e-15
    if size <= EXACT_SIGN_FLIPS:
        signs = 1.0 - 2.0 * ((np.arange(2 ** size)[:, None] >> np.arange(size)) & 1)
        return float(np.mean(np.abs(signs @ values) >= threshold))
    generator = np.random.default_rng(RANDOM_SEED)
    extreme = 0
    for _ in range(10):
        signs = generator.integers(0, 2, size=(PERMUTATIONS // 10, size), dtype=np.int8) * 2.0 - 1.0
        extreme += int(np.count_nonzero(np.abs(signs @ values) >= threshold))
    return (1 + extreme) / (1 + PERMUTATIONS)


def relabelling(choices: Sequence[Sequence[float]]) -> float:
    """Two-sided permutation test over blocks: each has one value for each way to label its members, the first as observed,
    and under the null all of them are equally probable. With two ways, d and -d, it is `sign_flip`.

    Exact up to 2^16 combinations, otherwise 100,000 random ones, counted as there.
    """
    tables = [np.asarray(values, dtype=np.float64) for values in choices]
    observed = abs(sum(float(values[0]) for values in tables)) * (1 - 1e-12) - 1e-15
    if math.prod(len(values) for values in tables) <= 2 ** EXACT_SIGN_FLIPS:
        sums = np.zeros(1)
        for values in tables:
            sums = (sums[:, None] + values).ravel()
        return float(np.mean(np.abs(sums) >= observed))
    generator = np.random.default_rng(RANDOM_SEED)
    sums = np.zeros(PERMUTATIONS)
    for values in tables:
        sums += values[generator.integers(0, len(values), size=PERMUTATIONS)]
    return (1 + int(np.count_nonzero(np.abs(sums) >= observed))) / (1 + PERMUTATIONS)


def permutation_unpaired(first: Sequence[float], second: Sequence[float], draws: int = 20_000) -> float:
    """Two-sided permutation test of equal means of two independent groups.

    Exact up to 20,000 ways to choose the first group, otherwise as many random ones as `draws`, counted so that p > 0.
    """
    a, b = _finite(first), _finite(second)
    if len(a) == 0 or len(b) == 0:
        return 1.0
    pooled = np.concatenate([a, b])
    observed = abs(a.mean() - b.mean()) * (1 - 1e-12) - 1e-15
    if math.comb(len(pooled), len(a)) <= EXACT_CHOICES:
        sums = np.array([sum(chosen) for chosen in itertools.combinations(pooled.tolist(), len(a))])
        return float(np.mean(np.abs(sums / len(a) - (pooled.sum() - sums) / len(b)) >= observed))
    generator = np.random.default_rng(RANDOM_SEED)
    extreme = 0
    for _ in range(draws):
        generator.shuffle(pooled)
        extreme += abs(pooled[: len(a)].mean() - pooled[len(a):].mean()) >= observed
    return (1 + extreme) / (1 + draws)


def probability_of_improvement(first: Sequence[float], second: Sequence[float]) -> float:
    """P(a run of `second` has a smaller value than one of `first`), ties counted half (Agarwal et al. 2021).

    NaN: a run that has no value because it is worse than any.
    """
    a, b = _undefined_last(first), _undefined_last(second)
    if len(a) == 0 or len(b) == 0:
        return math.nan
    below, up_to = np.searchsorted(b, a, side="left"), np.searchsorted(b, a, side="right")
    return float((below + 0.5 * (up_to - below)).sum() / (len(a) * len(b)))


def holm(p_values: Sequence[float]) -> List[float]:
    """Adjusted p-values of Holm (1979): family-wise error under any dependence."""
    p = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(p, kind="stable")
    steps = np.minimum(1.0, p[order] * (len(p) - np.arange(len(p))))
    adjusted = np.empty_like(p)
    adjusted[order] = np.maximum.accumulate(steps)
    return [float(value) for value in adjusted]


# ------------------------------------------------------------------------------------------------- averages
def mean(values: Sequence[float]) -> float:
    """Of the values that are not NaN, so infinite if one of them is; NaN if there is none."""
    data = np.asarray(values, dtype=np.float64)
    data = data[~np.isnan(data)]
    return float(data.mean()) if len(data) else math.nan


def interquartile_mean(values: Sequence[float]) -> float:
    """Mean of the middle half: floor(n/4) runs are cut at each end (Agarwal et al. 2021).

    It does not see what happens in the outer quarters: always show the rate of collapse beside it.
    """
    ordered = np.sort(_finite(values))
    return float(_iqm_of_sorted(ordered)) if len(ordered) else math.nan


def bootstrap_interval(values: Sequence[float], statistic: Optional[Callable[[np.ndarray], np.ndarray]] = None,
                       level: float = 0.95) -> Tuple[float, float]:
    """Percentile bootstrap interval over runs. `statistic` maps sorted rows (B, n) to (B,); default: the IQM.

    It is too narrow with few runs: of normal data it covers the mean in .89 of the cases with 8 of them, .91 with 16. Of
    fewer than 6 (.84 and less) it is not given.
    """
    data = _finite(values)
    if len(data) < 6:
        return math.nan, math.nan
    statistic = statistic or _iqm_of_sorted
    generator = np.random.default_rng(RANDOM_SEED)
    draws = np.sort(data[generator.integers(0, len(data), size=(BOOTSTRAP_RESAMPLES, len(data)))], axis=1)
    low, high = np.quantile(statistic(draws), [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def _iqm_of_sorted(ordered: np.ndarray) -> np.ndarray:
    size = ordered.shape[-1]
    cut = size // 4
    return ordered[..., cut: size - cut].mean(axis=-1)


def performance_profile(values: Sequence[float], thresholds: Sequence[float]) -> np.ndarray:
    """Share of runs with a value above each threshold; NaN: one that is above all."""
    ordered = _undefined_last(values)
    if len(ordered) == 0:
        return np.full(len(thresholds), np.nan)
    return 1 - np.searchsorted(ordered, thresholds, side="right") / len(ordered)


# ------------------------------------------------------------------------------------------- a perfect model
@dataclass(frozen=True)
class Floor:
    """What runs of a model that is the data itself would have: means, and how often they would be called collapsed."""

    tv: float
    kl: float
    collapsed: float
    severe: float


def floor(expected: np.ndarray, samples: int) -> Floor:
    """Of `samples` draws from the bins of `expected` (any shape), from 4,000 simulated runs."""
    q = np.asarray(expected, dtype=np.float64).ravel()
    q = q[q > 0] / q.sum()
    counts = np.random.default_rng(RANDOM_SEED).multinomial(samples, q, size=PERFECT_RUNS)
    shares = counts / samples
    with np.errstate(divide="ignore", invalid="ignore"):
        kl = np.where(counts > 0, shares * np.log(shares / q), 0.0).sum(axis=1)
    covered = ((counts / (samples * q) >= 0.1) * q).sum(axis=1)  # as the program compares, to the last bit
    return Floor(tv=float(0.5 * np.abs(shares - q).sum(axis=1).mean()), kl=float(kl.mean()),
                 collapsed=float(np.mean(covered < 0.9 - 1e-9)), severe=float(np.mean(covered < 0.5 - 1e-9)))


# ---------------------------------------------------------------------------------------------------- power
def power_fisher(total: int, rate_a: float, rate_b: float, alpha: float = 0.05) -> float:
    """Exact power of Fisher's test with `total` runs in each group."""
    mass_a, mass_b = _binomial_mass(total, rate_a), _binomial_mass(total, rate_b)
    power = 0.0
    for positives in range(2 * total + 1):
        p_values = _fisher_p_values(total, total, positives)
        for count in np.flatnonzero(p_values <= alpha):
            power += mass_a[count] * mass_b[positives - count]
    return float(power)


def power_mcnemar(pairs: int, rate_a: float, rate_b: float, alpha: float = 0.05) -> float:
    """Exact power of McNemar's test when outcomes of a pair are independent (same seed, same start: usually they are positively correlated)."""
    only_a, only_b = rate_a * (1 - rate_b), rate_b * (1 - rate_a)
    discordant = only_a + only_b
    if discordant <= 0:
        return 0.0
    power = 0.0
    for number, chance in enumerate(_binomial_mass(pairs, discordant)):
        if number == 0 or chance < 1e-12:
            continue
        # The critical value: the largest smaller count that is still significant.
        tail, critical = 0.0, -1
        for smaller, half in enumerate(_binomial_mass(number, 0.5)[: number // 2 + 1]):
            tail += half
            if 2 * tail > alpha:
                break
            critical = smaller
        if critical >= 0:
            mass = _binomial_mass(number, only_a / discordant)
            power += chance * (mass[: critical + 1].sum() + mass[number - critical:].sum())
    return float(power)


@functools.lru_cache(maxsize=None)
def detectable_rate(total: int, from_rate: float = 0.5, paired: bool = True, power: float = 0.8) -> float:
    """The highest rate below `from_rate` that is told apart from it with this power at p <= .05; NaN if none is."""
    test = power_mcnemar if paired else power_fisher
    if total < 2 or test(total, from_rate, 0.0) < power:
        return math.nan
    low, high = 0.0, from_rate
    for _ in range(12):
        middle = (low + high) / 2
        low, high = (middle, high) if test(total, from_rate, middle) >= power else (low, middle)
    return low


def detectable_mean(standard_deviation: float, total: int, power: float = 0.8) -> float:
    """Smallest mean paired difference that `sign_flip` sees with this power at p <= .05, of normal differences.

    From 8 pairs on as for a t-test, (t.975 + t.power) sd / sqrt(n); of 6 and 7 by simulation, since few sign vectors
    make p <= .05 harder to reach. NaN if it can see none: fewer than 6 pairs, or no spread to tell.
    """
    if smallest_p_paired(total) > 0.05 or not (0 < standard_deviation < math.inf):
        return math.nan
    if total < 8:
        return _detectable_by_few(total, power) * standard_deviation
    return (t_quantile(0.975, total - 1) + t_quantile(power, total - 1)) * standard_deviation / math.sqrt(total)


@functools.lru_cache(maxsize=None)
def _detectable_by_few(total: int, power: float) -> float:
    """The same in standard deviations, from 20,000 simulated sets of differences, the same ones for every mean tried."""
    noise = np.random.default_rng(RANDOM_SEED).standard_normal((20_000, total))
    signs = 1.0 - 2.0 * ((np.arange(2 ** total)[:, None] >> np.arange(total)) & 1)
    low, high = 0.0, 8.0
    for _ in range(12):
        middle = (low + high) / 2
        sums = np.abs((noise + middle) @ signs.T)
        seen = np.mean((sums >= sums[:, :1] * (1 - 1e-12)).mean(axis=1) <= 0.05)
        low, high = (low, middle) if seen >= power else (middle, high)
    return high


def smallest_p_paired(pairs: int) -> float:
    """p of McNemar's test and of the sign flip when all pairs differ in the same direction: none is below it."""
    return mcnemar_exact(pairs, 0)


# -------------------------------------------------------------------------------------------- distributions
def incomplete_beta(x: float, a: float, b: float) -> float:
    """Regularised incomplete beta function I_x(a, b), by its continued fraction (DLMF 8.17.22, modified Lentz)."""
    if x <= 0 or x >= 1:
        return 0.0 if x <= 0 else 1.0
    if x > (a + 1) / (a + b + 2):
        return 1 - incomplete_beta(1 - x, b, a)
    front = math.exp(math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)) / a
    tiny = 1e-300
    fraction, c, d = 1.0, 1.0, 0.0
    for step in range(1000):
        m = step // 2
        if step == 0:
            term = 1.0
        elif step % 2 == 0:
            term = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        else:
            term = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        d = 1 / (1 + term * d or tiny)
        c = 1 + term / c or tiny
        fraction *= c * d
        if abs(c * d - 1) < 1e-15:
            break
    return front * (fraction - 1)


def beta_quantile(probability: float, a: float, b: float) -> float:
    """Quantile of the beta distribution, by bisection to double precision."""
    low, high = 0.0, 1.0
    for _ in range(200):
        middle = (low + high) / 2
        if middle in (low, high):
            break
        low, high = (middle, high) if incomplete_beta(middle, a, b) < probability else (low, middle)
    return (low + high) / 2


def t_quantile(probability: float, freedom: float) -> float:
    """Quantile of Student's t for probability >= 1/2, through x = v / (v + t^2) ~ Beta(v/2, 1/2)."""
    x = beta_quantile(2 * (1 - probability), freedom / 2, 0.5)
    return math.sqrt(freedom * (1 - x) / x) if x > 0 else math.inf


def _binomial_mass(total: int, probability: float) -> np.ndarray:
    if probability <= 0 or probability >= 1:
        mass = np.zeros(total + 1)
        mass[0 if probability <= 0 else total] = 1
        return mass
    counts = np.arange(total + 1)
    logs = np.array([_log_comb(total, int(k)) for k in counts])
    return np.exp(logs + counts * math.log(probability) + (total - counts) * math.log1p(-probability))


def _log_comb(total: int, count: int) -> float:
    return math.lgamma(total + 1) - math.lgamma(count + 1) - math.lgamma(total - count + 1)


def _undefined_last(values: Sequence[float]) -> np.ndarray:
    data = np.asarray(values, dtype=np.float64)
    return np.sort(np.where(np.isnan(data), np.inf, data))


def _finite(values: Sequence[float]) -> np.ndarray:
    data = np.asarray(values, dtype=np.float64)
    return data[np.isfinite(data)]
