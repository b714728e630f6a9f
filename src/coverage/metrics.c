#include "coverage/metrics.h"

#include <math.h>

#include "coverage/statistics.h"

const gs_metric gs_metrics_table[GS_METRIC_COUNT] = {
#define ROW(id, title, kind, text) [GS_METRIC_##id] = {.name = title, .type = GS_METRIC_##kind, .help = text},
#include "settings/metric_rows.h"
};

gs_metrics gs_metrics_of_failure(void)
{
    gs_metrics metrics;
    for (int i = 0; i < GS_METRIC_COUNT; i++) metrics.values[i] = (double)NAN;
    metrics.values[GS_METRIC_FAILED] = 1;
    return metrics;
}

/* A sum of probabilities may be off by its last bits: exactly half the mass is not less than half of it. */
static const double rounding = 1e-9;

/* Bins with samples in which nothing is expected. */
static double count_impossible(const uint32_t counts[GS_BINS], const double expected[GS_BINS])
{
    double count = 0;
    for (int k = 0; k < GS_BINS; k++) count += !(expected[k] > 0) && counts[k] > 0;
    return count;
}

double gs_metric_before(gs_metric_id id, const gs_metrics *metrics, const uint32_t counts[GS_BINS],
                        const double expected[GS_BINS])
{
    double value = metrics->values[id], covered = metrics->values[GS_METRIC_COVERED_MASS];
    if (isnan(value)) return value;
    if (id == GS_METRIC_NDB || id == GS_METRIC_NDB_HOLM) return value - count_impossible(counts, expected);
    if (id == GS_METRIC_COLLAPSED) return covered < 0.9;
    return id == GS_METRIC_SEVERE ? covered < 0.5 : value;
}

/* Modes, covered mass and flags: how many samples each bin has against how many of all `samples` it should have. */
static void measure_modes(const gs_coverage *coverage, const double *expected, double samples, double *values)
{
    double modes_0 = 0, modes_10 = 0, modes_50 = 0, covered = 0, worst = HUGE_VAL, possible = 0;
    int worst_bin = 0;
    for (int k = 0; k < GS_BINS; k++) {
        if (!(expected[k] > 0)) continue;
        double ratio = (double)coverage->counts[k] / (samples * expected[k]);
        possible++;
        modes_0 += coverage->counts[k] > 0;
        modes_10 += ratio >= 0.1;
        modes_50 += ratio >= 0.5;
        covered += ratio >= 0.1 ? expected[k] : 0;
        if (ratio < worst) {
            worst = ratio;
            worst_bin = k;
        }
    }
    if (!(modes_10 < possible)) covered = 1; /* not 1 less a rounding error */
    values[GS_METRIC_MODES_0] = modes_0;
    values[GS_METRIC_MODES_10] = modes_10;
    values[GS_METRIC_MODES_50] = modes_50;
    values[GS_METRIC_COVERED_MASS] = covered;
    values[GS_METRIC_WORST_BIN] = worst_bin;
    values[GS_METRIC_WORST_RATIO] = worst;
    values[GS_METRIC_MISSING] = modes_10 < possible;
    values[GS_METRIC_COLLAPSED] = covered < 0.9 - rounding;
    values[GS_METRIC_SEVERE] = covered < 0.5 - rounding;
}

/* Distances between the table p of the accepted samples and the expected q. */
static void measure_distances(const gs_coverage *coverage, const double *expected, double accepted, double *values)
{
    double tv = 0, kl = 0, js = 0, entropy = 0;
    for (int k = 0; k < GS_BINS; k++) {
        double p = (double)coverage->counts[k] / accepted, q = expected[k], middle = (p + q) / 2;
        tv += fabs(p - q) / 2;
        if (p > 0) {
            kl += p * log(p / q); /* infinite where q = 0 */
            js += p * log(p / middle) / 2;
            entropy -= p * log(p);
        }
        if (q > 0) js += q * log(q / middle) / 2;
    }
    values[GS_METRIC_TV] = tv;
    values[GS_METRIC_KL] = kl;
    values[GS_METRIC_JS] = js;
    values[GS_METRIC_EFFECTIVE_MODES] = exp(entropy);
}

/* A bin that nothing is expected in is rejected by its first sample, whatever the other bins say. */
static void measure_tests(const gs_coverage *coverage, const double *expected, double accepted, double *values)
{
    double p[GS_BINS], chi2 = 0, g = 0, ndb = 0, impossible = count_impossible(coverage->counts, expected);
    int bins = 0;
    for (int k = 0; k < GS_BINS; k++) {
        double count = (double)coverage->counts[k], mean = accepted * expected[k];
        if (!(expected[k] > 0)) continue;
        chi2 += (count - mean) * (count - mean) / mean;
        if (count > 0) g += 2 * count * log(count / mean);
        p[bins] = gs_binomial_test(coverage->counts[k], (int64_t)accepted, expected[k]);
        ndb += p[bins] < 0.05;
        bins++;
    }
    if (impossible > 0) chi2 = g = HUGE_VAL;
    values[GS_METRIC_NDB] = ndb + impossible;
    values[GS_METRIC_NDB_HOLM] = gs_holm_rejections(p, bins, 0.05) + impossible;
    values[GS_METRIC_CHI2] = chi2;
    values[GS_METRIC_CHI2_P] = gs_chi_square_tail(chi2, bins - 1);
    values[GS_METRIC_G] = g;
    values[GS_METRIC_G_P] = gs_chi_square_tail(g, bins - 1);
    values[GS_METRIC_KL_CORRECTED] = values[GS_METRIC_KL] - (bins - 1) / (2 * accepted);
}

gs_metrics gs_metrics_of(const gs_coverage *coverage, const double expected[GS_BINS],
                         const double shade_distance[GS_BINS])
{
    gs_metrics metrics = gs_metrics_of_failure();
    double *values = metrics.values;
    double accepted = 0, errors = 0, shades = 0, shaded = 0, apart = 0;
    for (int k = 0; k < GS_BINS; k++) {
        double count = (double)coverage->counts[k];
        accepted += count;
        errors += coverage->error_sum[k];
        if (!isnan(shade_distance[k])) {
            shaded += count;
            shades += count * shade_distance[k];
        }
    }
    double samples = accepted + (double)coverage->rejected;
    measure_modes(coverage, expected, samples, values);
    for (int k = 0; k < GS_BINS; k++) apart += fabs((double)coverage->counts[k] / samples - expected[k]) / 2;
    values[GS_METRIC_TV_REJECT] = apart + (double)coverage->rejected / samples / 2;
    values[GS_METRIC_QUALITY] = (double)coverage->good / samples;
    values[GS_METRIC_ARTICLE_FILTER_SHARE] = (double)coverage->bright / samples;
    values[GS_METRIC_FAILED] = (double)coverage->rejected > samples / 2;
    if (!(accepted > 0)) return metrics; /* all rejected: what compares accepted samples stays undefined */
    measure_distances(coverage, expected, accepted, values);
    measure_tests(coverage, expected, accepted, values);
    values[GS_METRIC_MEAN_ERROR] = errors / accepted;
    if (shaded > 0) values[GS_METRIC_SHADE_KS] = shades / shaded;
    return metrics;
}

/* The share of red of an image, stretched so that the bin of `color` (0 red ... 3 blue: [3/4,1] ...
 * [0,1/4]) is [0,1]. */
static double stretched_share(const uint8_t *image, int color)
{
    double red = 0, blue = 0;
    for (int p = 0; p < GS_PIXELS; p++) {
        red += image[p * GS_CHANNELS];
        blue += image[p * GS_CHANNELS + 2];
    }
    double low = (GS_COLORS - 2 - color) / 4.0;
    return fmin(1, fmax(0, (red / (red + blue) - low) * 4));
}

void gs_shade_distances(const uint8_t *images, const uint8_t *bins, int64_t count, double *scratch,
                        double distance[GS_BINS])
{
    for (int bin = 0; bin < GS_BINS; bin++) {
        int64_t found = 0;
        distance[bin] = (double)NAN;
        if (bin / GS_DIGITS == GS_COLORS - 1) continue; /* green has one shade */
        for (int64_t i = 0; i < count; i++)
            if (bins[i] == bin) scratch[found++] = stretched_share(images + i * GS_IMAGE, bin / GS_DIGITS);
        if (found > 0) distance[bin] = gs_uniform_distance(scratch, found);
    }
}
