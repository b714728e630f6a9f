#include "coverage/statistics.h"

#include <math.h>
#include <stdlib.h>

double gs_binomial_test(int64_t successes, int64_t trials, double p)
{
    if (!(p > 0)) return successes == 0 ? 1 : 0;
    if (!(p < 1)) return successes == trials ? 1 : 0;
    double n = (double)trials, k = (double)successes;
    double log_observed = lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1) + k * log(p) + (n - k) * log1p(-p);
    /* Probabilities relative to that of the mode, walked outwards by the ratio of neighbours. */
    int64_t mode = (int64_t)floor((n + 1) * p);
    if (mode > trials) mode = trials;
    double m = (double)mode;
    double log_mode = lgamma(n + 1) - lgamma(m + 1) - lgamma(n - m + 1) + m * log(p) + (n - m) * log1p(-p);
    double threshold = exp(log_observed - log_mode) * (1 + 1e-7), odds = p / (1 - p);
    double tail = 0;
    double weight = 1;
    for (int64_t j = mode;; j++) {
        if (weight <= threshold) tail += weight;
        if (j == trials || !(weight > 0)) break;
        weight *= (double)(trials - j) / (double)(j + 1) * odds;
    }
    weight = 1;
    for (int64_t j = mode; j > 0 && weight > 0; j--) {
        weight *= (double)j / (double)(trials - j + 1) / odds;
        if (weight <= threshold) tail += weight;
    }
    return fmin(1, tail * exp(log_mode));
}

double gs_chi_square_tail(double x, double freedom)
{
    if (isnan(x)) return (double)NAN;
    if (!(x > 0)) return 1;
    if (isinf(x)) return 0;
    const double a = freedom / 2, z = x / 2, tiny = 1e-300;
    double front = exp(a * log(z) - z - lgamma(a));
    if (z < a + 1) {
        double term = 1 / a, total = term;
        for (double n = a + 1; term > total * 1e-17; n++) {
            term *= z / n;
            total += term;
        }
        return 1 - front * total;
    }
    /* Lentz's method on the continued fraction of the upper function. */
    double b = z + 1 - a, c = 1 / tiny, d = 1 / b, fraction = d;
    for (int i = 1; i < 10000; i++) {
        double numerator = -i * (i - a);
        b += 2;
        d = numerator * d + b;
        d = 1 / (fabs(d) < tiny ? tiny : d);
        c = b + numerator / c;
        c = fabs(c) < tiny ? tiny : c;
        fraction *= d * c;
        if (fabs(d * c - 1) < 1e-16) break;
    }
    return front * fraction;
}

double gs_homogeneity_test(const uint32_t *first, const uint32_t *second, int count)
{
    double totals[2] = {0, 0}, statistic = 0;
    int columns = 0;
    for (int i = 0; i < count; i++) {
        totals[0] += first[i];
        totals[1] += second[i];
        columns += first[i] > 0 || second[i] > 0;
    }
    double all = totals[0] + totals[1];
    if (totals[0] <= 0 || totals[1] <= 0) return totals[0] == totals[1] ? 1 : 0;
    for (int i = 0; i < count; i++) {
        double column = (double)first[i] + second[i], expected = column * totals[0] / all;
        if (column <= 0) continue;
        double above = first[i] - expected; /* below in the second row by as much */
        statistic += above * above / expected + above * above / (column - expected);
    }
    return columns > 1 ? gs_chi_square_tail(statistic, columns - 1) : 1;
}

void gs_wilson_interval(int64_t successes, int64_t trials, double *low, double *high)
{
    const double z = 1.959963984540054, n = (double)trials, rate = (double)successes / n;
    double middle = (rate + z * z / (2 * n)) / (1 + z * z / n);
    double half = z / (1 + z * z / n) * sqrt(rate * (1 - rate) / n + z * z / (4 * n * n));
    *low = successes == 0 ? 0 : middle - half;
    *high = successes == trials ? 1 : middle + half;
}

static int by_value(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

int gs_holm_rejections(double *p, int count, double level)
{
    qsort(p, (size_t)count, sizeof *p, by_value);
    int rejected = 0;
    while (rejected < count && p[rejected] <= level / (count - rejected)) rejected++;
    return rejected;
}

double gs_uniform_distance(double *values, int64_t count)
{
    qsort(values, (size_t)count, sizeof *values, by_value);
    double distance = 0;
    for (int64_t i = 0; i < count; i++) {
        distance = fmax(distance, (double)(i + 1) / (double)count - values[i]);
        distance = fmax(distance, values[i] - (double)i / (double)count);
    }
    return distance;
}
