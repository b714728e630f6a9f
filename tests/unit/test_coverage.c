/* Classification and metrics on cases whose answer is known. The metrics are compared with SciPy on real files in
 * tests/e2e. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "coverage/metrics.h"
#include "coverage/statistics.h"
#include "data/batches.h"

#define assert_near(value, wanted, tolerance)                                                                          \
    do {                                                                                                               \
        double apart = fabs((double)(value) - (double)(wanted));                                                       \
        if (!(apart <= (tolerance))) fail_msg("%s is %.17g, not %.17g", #value, (double)(value), (double)(wanted));    \
    } while (0)

static gs_digits digits;
static const gs_law article = {.digit_weights = {4, 4, 4, 4, 2, 1}, .green = 0.34};

static int draw_digits(void **state)
{
    (void)state;
    gs_digits_draw(&digits);
    return 0;
}

static void paint(int digit, double red, double green, double blue, uint8_t *bytes)
{
    gs_arena *arena = NULL;
    gs_real image[GS_IMAGE];
    assert_int_equal(gs_arena_create(&arena, 0, NULL), GS_OK);
    gs_painter painter = gs_painter_create(&digits, arena);
    gs_label label = {.digit = digit, .color = {red, green, blue}};
    gs_painter_paint(&painter, &label, image);
    gs_image_to_bytes(image, bytes);
    gs_arena_destroy(&arena);
}

static void every_bin_is_recognised(void **state)
{
    (void)state;
    static const double colors[GS_COLORS][3] = {{.9, 0, .09}, {.6, 0, .39}, {.4, 0, .59}, {.1, 0, .89}, {0, 1, 0}};
    uint8_t bytes[GS_IMAGE];
    for (int color = 0; color < GS_COLORS; color++)
        for (int digit = 0; digit < GS_DIGITS; digit++) {
            paint(digit, colors[color][0], colors[color][1], colors[color][2], bytes);
            gs_class class = gs_classify(&digits, bytes, GS_PIXELS);
            assert_int_equal(class.bin, color * GS_DIGITS + digit);
            assert_in_range(class.error, 0, 3);
        }
}

static void what_is_no_image_is_rejected(void **state)
{
    (void)state;
    uint8_t bytes[GS_IMAGE] = {0};
    assert_int_equal(gs_classify(&digits, bytes, GS_PIXELS).bin, GS_BIN_REJECTED);
    memset(bytes, 255, sizeof bytes);
    gs_class white = gs_classify(&digits, bytes, GS_PIXELS);
    assert_int_not_equal(white.bin, GS_BIN_REJECTED);
    assert_true(white.error > 600);
    assert_true(white.bright);
    assert_int_equal(gs_classify(&digits, bytes, 600).bin, GS_BIN_REJECTED);

    gs_real image[GS_IMAGE];
    for (int i = 0; i < GS_IMAGE; i++) image[i] = (gs_real)0.7;
    image[17] = (gs_real)NAN;
    gs_image_to_bytes(image, bytes);
    for (int i = 0; i < GS_IMAGE; i++) assert_int_equal(bytes[i], 0);
    image[17] = (gs_real)-3;
    image[18] = (gs_real)7;
    gs_image_to_bytes(image, bytes);
    assert_int_equal(bytes[17], 0);
    assert_int_equal(bytes[18], 255);
    assert_int_equal(bytes[19], 179); /* 178.5 rounds up */
}

static void what_the_articles_filter_drops_is_counted(void **state)
{
    (void)state;
    uint8_t bytes[GS_IMAGE] = {0};
    gs_coverage coverage = {.rejected = 0};
    memset(bytes, 255, GS_IMAGE / 2); /* a mean of exactly 127.5 */
    gs_coverage_add(&coverage, gs_classify(&digits, bytes, GS_PIXELS), 0);
    gs_coverage_add(&coverage, gs_classify(&digits, bytes, 0), 0);
    bytes[0] = 254;
    gs_coverage_add(&coverage, gs_classify(&digits, bytes, GS_PIXELS), 0);
    gs_coverage_add(&coverage, gs_classify(&digits, bytes, 0), 0);
    assert_int_equal(coverage.rejected, 2);
    assert_int_equal(coverage.bright, 2);
}

static void ties_go_to_the_lower_index(void **state)
{
    (void)state;
    uint8_t bytes[GS_IMAGE] = {0};
    for (int p = 0; p < GS_PIXELS; p++) bytes[3 * p] = 150, bytes[3 * p + 2] = 50; /* exactly between red and redblue */
    assert_int_equal(gs_classify(&digits, bytes, GS_PIXELS).bin / GS_DIGITS, 0);
    gs_digits same = digits;
    memcpy(same.grey[1], same.grey[0], GS_PIXELS);
    paint(0, 0, 1, 0, bytes);
    assert_int_equal(gs_classify(&same, bytes, GS_PIXELS).bin % GS_DIGITS, 0);
}

static gs_metrics metrics_of_counts(const gs_coverage *coverage)
{
    double expected[GS_BINS], no_shades[GS_BINS];
    gs_law_expected(&article, expected);
    for (int k = 0; k < GS_BINS; k++) no_shades[k] = (double)NAN;
    return gs_metrics_of(coverage, expected, no_shades);
}

static void the_articles_own_table_gives_its_published_distance(void **state)
{
    (void)state;
    /* Counts read off the article's plot of its GAN with minibatch discrimination. */
    gs_coverage coverage = {.counts = {0,   0,   0, 0,   0,    0, 146, 0,   1904, 65,   1463, 118, 10, 2, 40,
                                       593, 707, 0, 582, 1382, 1, 0,   705, 0,    3222, 1257, 603, 0,  0, 0}};
    gs_metrics metrics = metrics_of_counts(&coverage);
    assert_near(metrics.values[GS_METRIC_TV], 0.589, 0.0006);
    assert_int_equal((int)metrics.values[GS_METRIC_MODES_10], 13);
    assert_near(metrics.values[GS_METRIC_COVERED_MASS], 0.48, 0.006);
    assert_int_equal((int)metrics.values[GS_METRIC_SEVERE], 1);
}

static void a_perfect_table_has_every_mode(void **state)
{
    (void)state;
    double expected[GS_BINS];
    gs_coverage coverage = {.rejected = 0};
    gs_law_expected(&article, expected);
    for (int k = 0; k < GS_BINS; k++) coverage.counts[k] = (uint32_t)lround(19000 * expected[k]);
    gs_metrics metrics = metrics_of_counts(&coverage);
    assert_near(metrics.values[GS_METRIC_MODES_50], 30, 0);
    assert_near(metrics.values[GS_METRIC_COVERED_MASS], 1, 0);
    assert_near(metrics.values[GS_METRIC_TV], 0, 1e-3);
    assert_near(metrics.values[GS_METRIC_NDB], 0, 0);
    assert_near(metrics.values[GS_METRIC_EFFECTIVE_MODES], exp(3.2601), 2e-3);
    assert_near(metrics.values[GS_METRIC_COLLAPSED] + metrics.values[GS_METRIC_MISSING] +
                    metrics.values[GS_METRIC_FAILED],
                0, 0);
    assert_true(isnan(metrics.values[GS_METRIC_SHADE_KS]));

    /* A zeroed bin must count everywhere. */
    coverage.counts[5] = 0;
    gs_metrics without = metrics_of_counts(&coverage);
    assert_near(without.values[GS_METRIC_MODES_0], 29, 0);
    assert_near(without.values[GS_METRIC_WORST_BIN], 5, 0);
    assert_near(without.values[GS_METRIC_NDB_HOLM], 1, 1);
    assert_true(without.values[GS_METRIC_NDB] >= 1 && without.values[GS_METRIC_KL] > metrics.values[GS_METRIC_KL]);
    assert_near(without.values[GS_METRIC_MISSING], 1, 0);
    assert_near(without.values[GS_METRIC_COLLAPSED], 0, 0);
}

/* Exactly half, or nine tenths, of equally likely bins is not less than that, in whatever order they are added. */
static void thresholds_are_not_missed_by_rounding(void **state)
{
    (void)state;
    double expected[GS_BINS], unknown[GS_BINS];
    for (int k = 0; k < GS_BINS; k++) {
        expected[k] = 1.0 / GS_BINS;
        unknown[k] = (double)NAN;
    }
    for (int bins = 14; bins <= 27; bins++)
        for (int first = 0; first + bins <= GS_BINS; first++) {
            gs_coverage coverage = {.rejected = 0};
            for (int k = first; k < first + bins; k++) coverage.counts[k] = 7;
            gs_metrics metrics = gs_metrics_of(&coverage, expected, unknown);
            assert_near(metrics.values[GS_METRIC_SEVERE], bins < 15, 0);
            assert_near(metrics.values[GS_METRIC_COLLAPSED], bins < 27, 0);
        }
}

/* The first sample in a bin of probability 0 rejects it. */
static void impossible_bins_differ(void **state)
{
    (void)state;
    double expected[GS_BINS] = {0.5, 0.5}, unknown[GS_BINS];
    for (int k = 0; k < GS_BINS; k++) unknown[k] = (double)NAN;
    gs_coverage coverage = {.counts = {500, 500, 3, 1}};
    gs_metrics metrics = gs_metrics_of(&coverage, expected, unknown);
    assert_near(metrics.values[GS_METRIC_NDB], 2, 0);
    assert_near(metrics.values[GS_METRIC_NDB_HOLM], 2, 0);
    assert_true(isinf(metrics.values[GS_METRIC_CHI2]) && isinf(metrics.values[GS_METRIC_KL]));
}

static void earlier_versions_worked_some_metrics_out_otherwise(void **state)
{
    (void)state;
    double expected[GS_BINS] = {0.5, 0.5}, tenths[GS_BINS], unknown[GS_BINS];
    for (int k = 0; k < GS_BINS; k++) unknown[k] = (double)NAN;
    gs_coverage coverage = {.counts = {500, 500, 3, 1}}, rejected = {.rejected = 9};
    gs_metrics metrics = gs_metrics_of(&coverage, expected, unknown);
    for (int m = 0; m < GS_METRIC_COUNT; m++) {
        bool other = m == GS_METRIC_NDB || m == GS_METRIC_NDB_HOLM;
        double before = gs_metric_before((gs_metric_id)m, &metrics, coverage.counts, expected);
        if (!isnan(metrics.values[m]) && !isinf(metrics.values[m]))
            assert_near(before, metrics.values[m] - (other ? 2 : 0), 0);
    }
    metrics = gs_metrics_of(&rejected, expected, unknown);
    assert_true(isnan(gs_metric_before(GS_METRIC_NDB, &metrics, rejected.counts, expected)));

    int by_rounding = 0; /* nine tenths that add up to a little less */
    for (int first = 0; first < 10; first++) {
        gs_coverage nine = {.counts = {0}};
        for (int k = 0; k < GS_BINS; k++) tenths[k] = k < 10 ? 0.1 : 0;
        for (int k = 0; k < 10; k++) nine.counts[k] = k == first ? 0 : 100;
        metrics = gs_metrics_of(&nine, tenths, unknown);
        assert_near(metrics.values[GS_METRIC_COLLAPSED], 0, 0);
        assert_near(gs_metric_before(GS_METRIC_SEVERE, &metrics, nine.counts, tenths), 0, 0);
        by_rounding += gs_metric_before(GS_METRIC_COLLAPSED, &metrics, nine.counts, tenths) > 0;
    }
    assert_true(by_rounding > 0);
}

static void rejected_samples_count_against_the_run(void **state)
{
    (void)state;
    double expected[GS_BINS];
    gs_coverage coverage = {.rejected = 0};
    gs_law_expected(&article, expected);
    for (int k = 0; k < GS_BINS; k++) coverage.counts[k] = (uint32_t)lround(10000 * expected[k]);
    coverage.rejected = 10001;
    gs_metrics metrics = metrics_of_counts(&coverage);
    assert_near(metrics.values[GS_METRIC_FAILED], 1, 0);
    assert_near(metrics.values[GS_METRIC_TV], 0, 1e-3);
    assert_near(metrics.values[GS_METRIC_TV_REJECT], 0.5, 1e-3);
    gs_coverage nothing = {.rejected = 128};
    gs_metrics empty = metrics_of_counts(&nothing);
    assert_near(empty.values[GS_METRIC_MODES_0], 0, 0);
    assert_near(empty.values[GS_METRIC_FAILED], 1, 0);
    assert_true(isnan(empty.values[GS_METRIC_TV]));
}

static void statistics_have_known_values(void **state)
{
    (void)state;
    double low, high;
    gs_wilson_interval(0, 10, &low, &high);
    assert_near(low, 0, 0);
    assert_near(high, 0.2775, 1e-4);
    gs_wilson_interval(16, 32, &low, &high);
    assert_near(low, 0.3364, 1e-4);
    assert_near(high, 0.6636, 1e-4);
    assert_near(gs_binomial_test(3, 10, 0.5), 0.34375, 1e-12);
    assert_near(gs_binomial_test(0, 12800, 0.008684), 0, 1e-12);
    assert_near(gs_binomial_test(111, 12800, 0.008684), 1, 0.05);
    assert_near(gs_binomial_test(0, 5, 0), 1, 0);
    assert_near(gs_chi_square_tail(29, 29), 0.465066, 1e-6);
    assert_near(gs_chi_square_tail(100, 29), 9.783455552333e-10, 1e-20);
    assert_near(gs_chi_square_tail(0, 29), 1, 0);
    double p[] = {0.04, 0.001, 0.03, 0.2};
    assert_int_equal(gs_holm_rejections(p, 4, 0.05), 1);
    double uniform[] = {0.5, 0.1, 0.9, 0.3, 0.7};
    assert_near(gs_uniform_distance(uniform, 5), 0.1, 1e-12);
    double one[] = {0};
    assert_near(gs_uniform_distance(one, 1), 1, 0);
}

static void one_shade_per_bin_is_found(void **state)
{
    (void)state;
    enum { COUNT = 64 };
    static uint8_t images[COUNT][GS_IMAGE];
    uint8_t bins[COUNT];
    double scratch[COUNT], distance[GS_BINS];
    for (int i = 0; i < COUNT; i++) {
        double red = i < 32 ? 0.99 * (0.75 + 0.25 * (i + 0.5) / 32) : 0.99 * 0.3;
        paint(0, red, 0, 0.99 - red, images[i]);
        bins[i] = gs_classify(&digits, images[i], GS_PIXELS).bin;
        assert_int_equal(bins[i], i < 32 ? 0 : 2 * GS_DIGITS);
    }
    gs_shade_distances(images[0], bins, COUNT, scratch, distance);
    assert_near(distance[0], 0, 0.05);
    assert_near(distance[2 * GS_DIGITS], 0.8, 0.05);
    assert_true(isnan(distance[1]) && isnan(distance[4 * GS_DIGITS]));
}

static void the_harness_can_go_red(void **state)
{
    (void)state;
    double low, high;
    gs_wilson_interval(1, 10, &low, &high);
    expect_assert_failure(mock_assert(fabs(low - 0.9) <= 1e-3, "low", __FILE__, __LINE__));
    double broken = (double)NAN;
    expect_assert_failure(mock_assert(fabs(broken - 0) <= 1e-3, "NaN is not near anything", __FILE__, __LINE__));
}

static void homogeneity_has_known_values(void **state)
{
    (void)state;
    static const uint32_t a[] = {10, 0, 20, 30}, b[] = {20, 0, 20, 20}, none[] = {0, 0, 0, 0};
    double p = gs_homogeneity_test(a, b, 4); /* chi-square 16/3 with 2 degrees of freedom, whose tail is exp(-x / 2) */
    assert_true(fabs(p - exp(-8.0 / 3.0)) <= 1e-12);
    assert_true(gs_homogeneity_test(a, a, 4) == 1 && gs_homogeneity_test(none, none, 4) == 1);
    assert_true(gs_homogeneity_test(a, none, 4) == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_bin_is_recognised),
        cmocka_unit_test(what_is_no_image_is_rejected),
        cmocka_unit_test(what_the_articles_filter_drops_is_counted),
        cmocka_unit_test(ties_go_to_the_lower_index),
        cmocka_unit_test(the_articles_own_table_gives_its_published_distance),
        cmocka_unit_test(a_perfect_table_has_every_mode),
        cmocka_unit_test(thresholds_are_not_missed_by_rounding),
        cmocka_unit_test(impossible_bins_differ),
        cmocka_unit_test(earlier_versions_worked_some_metrics_out_otherwise),
        cmocka_unit_test(rejected_samples_count_against_the_run),
        cmocka_unit_test(statistics_have_known_values),
        cmocka_unit_test(homogeneity_has_known_values),
        cmocka_unit_test(one_shade_per_bin_is_found),
        cmocka_unit_test(the_harness_can_go_red),
    };
    return cmocka_run_group_tests(tests, draw_digits, NULL);
}
