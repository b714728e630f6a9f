"""The formulas of the analysis against scipy, published values and simulation; no results file is needed."""

from __future__ import annotations

import math

import numpy as np
import pytest
import synthetic

from gensweep_analysis import formatting as form
from gensweep_analysis import statistics


def test_intervals_against_scipy():
    stats = pytest.importorskip("scipy.stats")
    for total in (1, 2, 8, 32, 300):
        for count in {0, 1, total // 3, total - 1, total}:
            test = stats.binomtest(count, total)
            for ours, method in ((statistics.wilson(count, total), "wilson"), (statistics.clopper_pearson(count, total), "exact")):
                theirs = test.proportion_ci(method=method)
                assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), abs=1e-9)


def test_intervals_named_in_the_methods():
    assert statistics.wilson(0, 10).high == pytest.approx(0.28, abs=0.005)
    assert statistics.wilson(0, 32).high == pytest.approx(0.11, abs=0.005)
    assert math.isnan(statistics.wilson(0, 0).low)


def test_exact_tests_against_scipy():
    stats = pytest.importorskip("scipy.stats")
    for only_a, only_b in ((0, 0), (5, 0), (0, 6), (3, 9), (10, 10), (40, 17)):
        expected = stats.binomtest(only_a, only_a + only_b, 0.5).pvalue if only_a + only_b else 1.0
        assert statistics.mcnemar_exact(only_a, only_b) == pytest.approx(expected, abs=1e-12)
    for a, m, b, n in ((8, 8, 2, 8), (0, 5, 0, 7), (3, 10, 9, 12), (30, 48, 11, 32)):
        expected = stats.fisher_exact([[a, m - a], [b, n - b]])[1]
        assert statistics.fisher_exact(a, m, b, n) == pytest.approx(expected, abs=1e-9)


def test_special_functions_against_scipy():
    special, stats = pytest.importorskip("scipy.special"), pytest.importorskip("scipy.stats")
    for a, b, x in ((0.5, 0.5, 0.1), (2, 5, 0.3), (200, 3, 0.99), (15.5, 0.5, 0.8)):
        assert statistics.incomplete_beta(x, a, b) == pytest.approx(special.betainc(a, b, x), abs=1e-12)
    for freedom in (1, 3, 7, 31, 200):
        assert statistics.t_quantile(0.975, freedom) == pytest.approx(stats.t.ppf(0.975, freedom), rel=1e-9)


def test_relabelling_with_two_ways_is_the_sign_flip():
    few = np.random.default_rng(4).normal(0.4, 1, size=9)
    assert statistics.relabelling([[value, -value] for value in few]) == pytest.approx(statistics.sign_flip(few), abs=1e-12)
    assert statistics.relabelling([[2, -1, -1]] * 3) == pytest.approx(1 / 27)
    many = np.random.default_rng(5).normal(0.2, 1, size=20)
    assert statistics.relabelling([[value, -value] for value in many]) == pytest.approx(statistics.sign_flip(many), abs=0.01)
    assert statistics.relabelling([]) == 1.0


def test_sign_flip():
    stats = pytest.importorskip("scipy.stats")
    draws = np.random.default_rng(1).normal(0.3, 1, size=40)
    few = draws[:10]
    exact = stats.permutation_test((few,), np.mean, permutation_type="samples", n_resamples=np.inf).pvalue
    assert statistics.sign_flip(few) == pytest.approx(exact, abs=1e-12)
    many = stats.permutation_test((draws,), np.mean, permutation_type="samples", n_resamples=50_000, random_state=3).pvalue
    assert statistics.sign_flip(draws) == pytest.approx(many, abs=0.01)
    assert statistics.sign_flip([1.0] * 6) == pytest.approx(2 / 64)
    assert statistics.sign_flip([0.0] * 6) == 1.0
    assert statistics.sign_flip([]) == 1.0


def test_unpaired_differences():
    stats = pytest.importorskip("scipy.stats")
    generator = np.random.default_rng(2)
    a, b = generator.normal(0, 1, 30), np.round(generator.normal(-0.7, 1, 25), 1)
    theirs = stats.mannwhitneyu(a, b).statistic / (len(a) * len(b))
    assert statistics.probability_of_improvement(a, b) == pytest.approx(theirs)
    assert statistics.probability_of_improvement([1, 1], [1, 1]) == 0.5
    assert statistics.probability_of_improvement([np.nan, 1], [np.nan, 0.5]) == pytest.approx((1.5 + 1) / 4)  # without a value: the worst
    p = stats.permutation_test((a, b), lambda x, y: np.mean(x) - np.mean(y), n_resamples=20_000, random_state=1).pvalue
    assert statistics.permutation_unpaired(a, b) == pytest.approx(p, abs=0.01)
    exact = stats.permutation_test((a[:7], b[:5]), lambda x, y: abs(np.mean(x) - np.mean(y)), n_resamples=np.inf, alternative="greater").pvalue
    assert statistics.permutation_unpaired(a[:7], b[:5]) == pytest.approx(exact, abs=1e-12)
    assert statistics.permutation_unpaired([9], range(8)) == pytest.approx(1 / 9)


def test_what_a_perfect_model_would_have():
    expected = synthetic.EXPECTED
    many, few = statistics.floor(expected, 12_800), statistics.floor(expected, 21)
    assert many.tv == pytest.approx(0.018, abs=5e-4) and many.kl == pytest.approx(29 / 25_600, rel=0.05)
    assert many.collapsed == many.severe == 0 and few.collapsed > 0.5 and 0.01 < few.severe < few.collapsed
    assert statistics.floor(np.full(5, 0.2), 50).collapsed == 0  # one sample of ten is a tenth, as in modes_10
    assert statistics.floor(np.eye(1, 30), 5) == statistics.Floor(0, 0, 0, 0)


def test_a_detectable_difference_that_is_printed_is_detectable():
    for pairs in (6, 7, 8, 10):
        rate = statistics.detectable_rate(pairs, 1.0)
        printed = int(form.percent_reached(rate).split()[0]) / 100
        assert printed <= rate and statistics.power_mcnemar(pairs, 1.0, printed) >= 0.8


def test_interquartile_mean_and_bootstrap():
    stats = pytest.importorskip("scipy.stats")
    values = np.random.default_rng(3).exponential(size=37)
    for size in (1, 2, 3, 4, 5, 8, 37):
        assert statistics.interquartile_mean(values[:size]) == pytest.approx(stats.trim_mean(values[:size], 0.25))
    low, high = statistics.bootstrap_interval(values)
    theirs = stats.bootstrap((values,), lambda x, axis: stats.trim_mean(x, 0.25, axis=axis), method="percentile",
                             n_resamples=5000, random_state=4).confidence_interval
    assert (low, high) == pytest.approx((theirs.low, theirs.high), abs=0.05)
    assert statistics.bootstrap_interval(values) == (low, high), "the seed is fixed"
    assert math.isnan(statistics.bootstrap_interval([0.5, 0.1, 0.2, 0.3, 0.4])[0])


def test_holm():
    assert statistics.holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert statistics.holm([0.9, 0.8]) == [1.0, 1.0]
    assert statistics.holm([0.05]) == [0.05]


def test_power_is_what_the_methods_say():
    assert statistics.power_fisher(32, 0.5, 0.2) == pytest.approx(0.64, abs=0.005)
    assert statistics.power_fisher(48, 0.5, 0.2) == pytest.approx(0.83, abs=0.005)
    assert statistics.smallest_p_paired(5) > 0.05 > statistics.smallest_p_paired(6)
    found = statistics.detectable_rate(32)
    assert statistics.power_mcnemar(32, 0.5, found) >= 0.8 > statistics.power_mcnemar(32, 0.5, found + 0.005)
    assert math.isnan(statistics.detectable_rate(4, 1.0))


@pytest.mark.parametrize("pairs", [6, 7, 8, 12])
def test_what_the_sign_flip_detects_by_simulation(pairs):
    differences = np.random.default_rng(6).normal(statistics.detectable_mean(0.2, pairs), 0.2, (1500, pairs))
    assert np.mean([statistics.sign_flip(row) <= 0.05 for row in differences]) == pytest.approx(0.8, abs=0.04)


def test_the_sign_flip_detects_nothing_with_five_pairs():
    assert statistics.sign_flip([9.0] * 5) == statistics.smallest_p_paired(5) > 0.05
    assert math.isnan(statistics.detectable_mean(0.2, 5)) and math.isnan(statistics.detectable_mean(0.0, 20))


def test_means_leave_out_only_what_is_not_known():
    assert statistics.mean([1.0, math.nan, 3.0]) == 2 and math.isnan(statistics.mean([math.nan]))
    assert statistics.mean([math.inf, 0.7]) == math.inf


def test_power_of_mcnemar_by_simulation():
    generator = np.random.default_rng(5)
    a, b = generator.random((4000, 20)) < 0.8, generator.random((4000, 20)) < 0.3
    only_a, only_b = (a & ~b).sum(axis=1), (b & ~a).sum(axis=1)
    rejected = np.mean([statistics.mcnemar_exact(int(x), int(y)) <= 0.05 for x, y in zip(only_a, only_b)])
    assert statistics.power_mcnemar(20, 0.8, 0.3) == pytest.approx(rejected, abs=0.03)


def test_performance_profile():
    assert list(statistics.performance_profile([0.1, 0.5, 0.9], [0, 0.1, 0.6, 1])) == pytest.approx([1, 2 / 3, 1 / 3, 0])
