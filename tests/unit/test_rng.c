/* Random numbers: Philox against its published answers, the distributions made from it, and the law of the data. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "data/batches.h"
#include "ground/rng.h"
#include "nn/matrix.h"

/* philox4x32 with 10 rounds, from kat_vectors of Random123's own tests. */
static void test_known_answers(void **state)
{
    (void)state;
    static const struct {
        gs_rng rng;
        uint32_t index, words[4];
    } cases[] = {
        {{0, 0, 0}, 0, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
        {{UINT64_MAX, UINT32_MAX, UINT64_MAX}, UINT32_MAX, {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
        {{0x299f31d0a4093822, 0x85a308d3, 0x0370734413198a2e},
         0x243f6a88,
         {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint32_t words[4];
        gs_rng_block(cases[i].rng, cases[i].index, words);
        assert_memory_equal(words, cases[i].words, sizeof words);
    }
}

/* FNV-1a, 64 bits, from the test vectors of its authors. */
static void test_hash_name(void **state)
{
    (void)state;
    assert_true(gs_hash_name("") == 0xcbf29ce484222325u);
    assert_true(gs_hash_name("a") == 0xaf63dc4c8601ec8cu);
    assert_true(gs_hash_name("foobar") == 0x85944171f73967e8u);
}

/* Every value that there is: inside (0,1), exact, and symmetric about 1/2. */
static void test_uniform(void **state)
{
    (void)state;
    enum { VALUES = 1 << 23 };
    for (uint32_t k = 0; k < VALUES; k++) {
        double u = (double)gs_uniform_from_word(k << 9 | (k & 0x1FF));
        double mirrored = (double)gs_uniform_from_word(~(k << 9));
        bool exact = u * VALUES - k >= 0.5 && u * VALUES - k <= 0.5, even = u + mirrored >= 1 && u + mirrored <= 1;
        bool good = u > 0 && u < 1 && exact && even;
        if (!good) fail_msg("uniform number %u is %.17g", k, u);
    }
    assert_true(gs_uniform_from_word(UINT32_MAX) < 1);
}

/* Mean, variance and kurtosis of `count` numbers. */
static void moments_of(size_t count, const gs_real *x, double *mean, double *variance, double *kurtosis)
{
    double sum = 0, squares = 0, fourths = 0;
    for (size_t i = 0; i < count; i++) sum += (double)x[i];
    *mean = sum / (double)count;
    for (size_t i = 0; i < count; i++) {
        double square = ((double)x[i] - *mean) * ((double)x[i] - *mean);
        squares += square;
        fourths += square * square;
    }
    *variance = squares / (double)count;
    *kurtosis = fourths / (double)count / (*variance * *variance);
}

/* Bounds: four standard errors, 1 / sqrt(n), sqrt(2 / n), sqrt(24 / n). */
static void test_normal(void **state)
{
    (void)state;
    enum { COUNT = 1000000 };
    gs_real *x = malloc(COUNT * sizeof *x);
    assert_non_null(x);
    gs_rng_normal((gs_rng){.seed = 1, .stream = GS_STREAM_NOISE, .step = 3}, 0, COUNT, x);
    double mean, variance, kurtosis, neighbours = 0, root = sqrt((double)COUNT);
    moments_of(COUNT, x, &mean, &variance, &kurtosis);
    for (size_t i = 0; i + 1 < COUNT; i++) neighbours += (double)x[i] * (double)x[i + 1] / (double)COUNT;
    print_message("normal: mean %.5f, variance %.5f, kurtosis %.5f, neighbours %.5f\n", mean, variance, kurtosis,
                  neighbours);
    assert_true(fabs(mean) <= 4 / root);
    assert_true(fabs(variance - 1) <= 4 * sqrt(2) / root);
    assert_true(fabs(kurtosis - 3) <= 4 * sqrt(24) / root);
    assert_true(fabs(neighbours) <= 4 / root);
    free(x);
}

static void test_normal_from_the_middle(void **state)
{
    (void)state;
    enum { COUNT = 1500 };
    gs_rng rng = {.seed = 7, .stream = GS_STREAM_NOISE, .step = 1};
    gs_real all[COUNT], tail[COUNT + 1];
    gs_rng_normal(rng, 0, COUNT, all);
    for (uint32_t first = 0; first < COUNT; first += 4) {
        size_t count =
            COUNT - first < 301 ? COUNT - first : 301; /* no multiple of four, nor of what is drawn at once */
        tail[count] = 42;
        gs_rng_normal(rng, first, count, tail);
        assert_memory_equal(tail, all + first, count * sizeof *tail);
        assert_true(tail[count] >= 42 && tail[count] <= 42);
    }
}

static void test_truncated_normal(void **state)
{
    (void)state;
    enum { COUNT = 1000000 };
    const double bound = 2 / 0.87962566103423978;
    gs_real *x = malloc(COUNT * sizeof *x), *again = malloc(COUNT * sizeof *again);
    assert_true(x != NULL && again != NULL);
    gs_rng rng = {.seed = 1, .stream = GS_STREAM_WEIGHTS, .step = gs_hash_name("generator/dense_0/kernel")};
    gs_rng_truncated_normal(rng, COUNT, x);
    double mean, variance, kurtosis, largest = 0;
    moments_of(COUNT, x, &mean, &variance, &kurtosis);
    for (size_t i = 0; i < COUNT; i++) largest = fmax(largest, fabs((double)x[i]));
    print_message("truncated: mean %.5f, variance %.5f, largest %.5f of %.5f\n", mean, variance, largest, bound);
    assert_true(largest <= bound + 1e-6 && largest > 0.999 * bound);
    assert_true(fabs(mean) <= 4e-3);
    assert_true(fabs(variance - 1) <= 4.7e-3); /* four standard errors: its kurtosis is 2.4 */
    gs_rng_truncated_normal(rng, COUNT, again);
    assert_memory_equal(x, again, COUNT * sizeof *x);
    free(x);
    free(again);
}

/* Element i is the first number inside of block i; where there is none, of the next block beyond `count` that no other
 * element has used. About one element in 230,000. */
static void test_truncated_normal_tries_again(void **state)
{
    (void)state;
    enum { COUNT = 1000000 };
    gs_real *x = malloc(COUNT * sizeof *x);
    assert_non_null(x);
    gs_rng rng = {.seed = 3, .stream = GS_STREAM_WEIGHTS, .step = 1};
    gs_rng_truncated_normal(rng, COUNT, x);
    uint32_t further = COUNT;
    for (uint32_t i = 0; i < COUNT; i++) {
        gs_real four[4];
        int inside;
        for (uint32_t block = i;; block = further++) {
            gs_rng_normal(rng, 4 * block, 4, four);
            for (inside = 0; inside < 4 && !(fabs((double)four[inside]) < 2); inside++) continue;
            if (inside < 4) break;
        }
        double expected = (double)four[inside] / 0.87962566103423978;
        if (!(fabs((double)x[i] - expected) <= 3e-7))
            fail_msg("number %u is %.9g, not %.9g", i, (double)x[i], expected);
    }
    print_message("truncated: %u more tries\n", further - COUNT);
    assert_true(further > COUNT + 2);
    free(x);
}

static void test_streams_differ(void **state)
{
    (void)state;
    const gs_rng base = {.seed = 5, .stream = GS_STREAM_DATA, .step = 9};
    gs_rng others[] = {base, base, base, base, base};
    others[0].seed++;
    others[1].seed += (uint64_t)1 << 32;
    others[2].stream++;
    others[3].step++;
    others[4].step += (uint64_t)1 << 32;
    gs_real here[64], there[64];
    gs_rng_normal(base, 0, 64, here);
    for (size_t o = 0; o < sizeof others / sizeof others[0]; o++) {
        gs_rng_normal(others[o], 0, 64, there);
        for (int i = 0; i < 64; i++) assert_true(here[i] < there[i] || here[i] > there[i]);
    }
}

/* Q(a, x), the regularised upper incomplete gamma function: by its series below a + 1, by its continued fraction
 * (Lentz) above. Abramowitz & Stegun 6.5.29 and 6.5.31. */
static double upper_gamma(double a, double x)
{
    double scale = exp(a * log(x) - x - lgamma(a));
    if (x < a + 1) {
        double term = 1 / a, sum = term;
        for (int n = 1; n < 1000 && term > 1e-16 * sum; n++) {
            term *= x / (a + n);
            sum += term;
        }
        return 1 - scale * sum;
    }
    double b = x + 1 - a, c = 1e300, d = 1 / b, fraction = d;
    for (int n = 1; n < 1000; n++) {
        double an = -n * (n - a);
        b += 2;
        d = 1 / (an * d + b);
        c = b + an / c;
        fraction *= d * c;
        if (fabs(d * c - 1) < 1e-15) break;
    }
    return scale * fraction;
}

static void test_upper_gamma(void **state)
{
    (void)state;
    assert_true(fabs(upper_gamma(1, 0.3) - exp(-0.3)) <= 1e-14);
    assert_true(fabs(upper_gamma(1, 7) - exp(-7)) <= 1e-14);
    assert_true(fabs(upper_gamma(0.5, 4) - erfc(2)) <= 1e-14);
    assert_true(fabs(upper_gamma(14.5, 42.55696780429267 / 2) - 0.05) <= 1e-10); /* 95 % quantile of chi-square(29) */
}

enum { SEEDS = 200, LABELS = 12800 };

/* p-value of Pearson's chi-square of one seed's labels. */
static double p_value(const gs_law *drawn, const double expected[GS_BINS], uint64_t seed)
{
    double counts[GS_BINS] = {0}, chi2 = 0;
    gs_rng rng = {.seed = seed, .stream = GS_STREAM_DATA, .step = 0};
    for (uint32_t i = 0; i < LABELS; i++) {
        gs_label label = gs_label_draw(drawn, rng, i);
        counts[gs_label_bin(&label)]++;
    }
    for (int bin = 0; bin < GS_BINS; bin++) {
        double mean = LABELS * expected[bin];
        chi2 += (counts[bin] - mean) * (counts[bin] - mean) / mean;
    }
    return upper_gamma((GS_BINS - 1) / 2.0, chi2 / 2);
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* sqrt(n) times the Kolmogorov-Smirnov distance of the seeds' p-values from uniform; above 1.63 once in a hundred. */
static double distance_from_uniform(const gs_law *drawn, const gs_law *claimed)
{
    double expected[GS_BINS], p[SEEDS], distance = 0;
    gs_law_expected(claimed, expected);
    for (uint64_t seed = 0; seed < SEEDS; seed++) p[seed] = p_value(drawn, expected, seed);
    qsort(p, SEEDS, sizeof *p, by_size);
    for (int i = 0; i < SEEDS; i++) {
        distance = fmax(distance, p[i] - (double)i / SEEDS);
        distance = fmax(distance, (double)(i + 1) / SEEDS - p[i]);
    }
    return distance * sqrt((double)SEEDS);
}

static void test_law(void **state)
{
    (void)state;
    const gs_law law = {.digit_weights = {4, 4, 4, 4, 2, 1}, .green = 0.34};
    double right = distance_from_uniform(&law, &law);
    gs_law greener = law, heavier = law;
    greener.green = 0.35;
    heavier.digit_weights[GS_DIGITS - 1] = 1.1;
    double wrong_green = distance_from_uniform(&law, &greener), wrong_weight = distance_from_uniform(&law, &heavier);
    print_message("law: sqrt(n) D = %.3f; green .01 off %.3f; a weight .1 off %.3f\n", right, wrong_green,
                  wrong_weight);
    assert_true(right < 1.63);
    assert_true(wrong_green > 1.63);
    assert_true(wrong_weight > 1.63);
}

static void test_law_with_empty_bins(void **state)
{
    (void)state;
    const gs_law law = {.digit_weights = {0, 3, 0, 0, 1, 0}, .green = 0};
    double expected[GS_BINS], total = 0;
    gs_law_expected(&law, expected);
    for (int bin = 0; bin < GS_BINS; bin++) total += expected[bin];
    assert_true(fabs(total - 1) <= 1e-15);
    for (uint32_t i = 0; i < 100000; i++) {
        gs_label label = gs_label_draw(&law, (gs_rng){.seed = 2, .stream = GS_STREAM_DATA}, i);
        assert_true(expected[gs_label_bin(&label)] > 0);
    }
}

int main(void)
{
    gs_blas_one_thread();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_answers),
        cmocka_unit_test(test_hash_name),
        cmocka_unit_test(test_uniform),
        cmocka_unit_test(test_normal),
        cmocka_unit_test(test_normal_from_the_middle),
        cmocka_unit_test(test_truncated_normal),
        cmocka_unit_test(test_truncated_normal_tries_again),
        cmocka_unit_test(test_streams_differ),
        cmocka_unit_test(test_upper_gamma),
        cmocka_unit_test(test_law),
        cmocka_unit_test(test_law_with_empty_bins),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
