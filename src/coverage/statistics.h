/* The few functions of statistics that the metrics and the final table need. Verified against SciPy in the tests. */
#ifndef GS_COVERAGE_STATISTICS_H
#define GS_COVERAGE_STATISTICS_H

#include <stdint.h>

/* Two-sided exact binomial test: total probability of all outcomes of Binomial(trials, p) that are not more likely than
 * `successes` (the method of R and SciPy). */
double gs_binomial_test(int64_t successes, int64_t trials, double p);

/* P(X >= x), X chi-square with `freedom` degrees of freedom: the regularised upper incomplete gamma function
 * Q(freedom/2, x/2), by series or continued fraction (Numerical Recipes, section 6.2). */
double gs_chi_square_tail(double x, double freedom);

/* P-value of Pearson's chi-square test that two rows of counts are of one distribution (homogeneity of a 2 x count
 * table); columns that are empty in both are left out. 1 if nothing is left to compare. */
double gs_homogeneity_test(const uint32_t *first, const uint32_t *second, int count);

/* Wilson score interval for a rate at 95 % (Wilson 1927); trials > 0. */
void gs_wilson_interval(int64_t successes, int64_t trials, double *low, double *high);

/* How many of `count` p-values are rejected at `level` by Holm's step-down procedure (Holm 1979). `p` is sorted in
 * place. */
int gs_holm_rejections(double *p, int count, double level);

/* Kolmogorov-Smirnov distance of `count` values from the uniform distribution on [0,1]. The values are sorted in place;
 * count > 0. */
double gs_uniform_distance(double *values, int64_t count);

#endif
