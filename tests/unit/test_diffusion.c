/* Diffusion: noise schedules, the laws of the two processes, and sampling with the denoiser that is known exactly. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "coverage/classify.h"
#include "coverage/statistics.h"
#include "ground/rng.h"
#include "models/diffusion_process.h"
#include "models/model.h"
#include "nn/matrix.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED
#endif
#endif
#ifdef __SANITIZE_ADDRESS__
#define SANITIZED
#endif

typedef struct {
    int64_t schedule, prediction, process, timesteps;
} variant;

static const char *const schedule_names[] = {"linear", "cosine", "article"};

static gs_settings settings_of(variant which)
{
    gs_settings settings;
    gs_settings_defaults(&settings, GS_MODEL_DIFFUSION);
    settings.values[GS_SETTING_SCHEDULE].integer = which.schedule;
    settings.values[GS_SETTING_PREDICTION].integer = which.prediction;
    settings.values[GS_SETTING_PROCESS].integer = which.process;
    settings.values[GS_SETTING_TIMESTEPS].integer = which.timesteps;
    return settings;
}

/* The caller destroys the arena. */
static gs_diffusion create(variant which, gs_arena **arena)
{
    gs_settings settings = settings_of(which);
    assert_int_equal(gs_arena_create(arena, 0, NULL), GS_OK);
    gs_diffusion diffusion = gs_diffusion_create(&settings, *arena);
    assert_non_null(diffusion.times);
    assert_int_equal(diffusion.timesteps, which.timesteps);
    return diffusion;
}

/* ---- schedules ---- */

static void test_schedules(void **state)
{
    (void)state;
    const struct {
        variant which;
        double first_beta, last_beta, last_alpha_bar, tolerance;
    } cases[] = {
        {{GS_SCHEDULE_ARTICLE, 0, 0, 300}, 1e-4, 0.02, 0.048, 1e-3},
        {{GS_SCHEDULE_LINEAR, 0, 0, 1000}, 1e-4, 0.02, 4.036e-5, 1e-8}, /* the schedule of Ho et al. */
        {{GS_SCHEDULE_LINEAR, 0, 0, 300}, 1e-3 / 3, 0.2 / 3, 3.6e-5, 2e-6},
        {{GS_SCHEDULE_LINEAR, 0, 0, 10}, 0.01, 0.999, 0, 1e-6},
        {{GS_SCHEDULE_COSINE, 0, 0, 300}, 1.58e-4, 0.999, 0, 1e-6},
        {{GS_SCHEDULE_COSINE, 0, 0, 2}, 0.506, 0.999, 0, 1e-3},
    };
    for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
        gs_arena *arena;
        gs_diffusion diffusion = create(cases[c].which, &arena);
        int last = diffusion.timesteps;
        double product = 1;
        for (int t = 1; t <= last; t++) {
            assert_true(diffusion.times[t].beta > diffusion.times[t - 1].beta || diffusion.times[t].beta >= 0.999);
            assert_true(diffusion.times[t].beta <= 0.999);
            product *= 1 - diffusion.times[t].beta;
            assert_true(fabs(diffusion.times[t].alpha_bar - product) <= 1e-15);
        }
        print_message("%s, %d: beta %.4g to %.4g, alpha_bar %.4g\n", schedule_names[cases[c].which.schedule], last,
                      diffusion.times[1].beta, diffusion.times[last].beta, product);
        assert_true(fabs(diffusion.times[1].beta - cases[c].first_beta) <= 1e-2 * cases[c].first_beta);
        assert_true(fabs(diffusion.times[last].beta - cases[c].last_beta) <= 1e-12);
        assert_true(fabs(product - cases[c].last_alpha_bar) <= cases[c].tolerance);
        gs_arena_destroy(&arena);
    }
}

/* ---- the laws of the processes ---- */

enum { NUMBERS = 100000 };

typedef struct {
    gs_real *x0, *e, *z, *x;
} numbers;

static numbers draw_numbers(gs_arena *arena, double x0)
{
    gs_real *memory = gs_arena_take(arena, 4 * (size_t)NUMBERS, sizeof *memory);
    assert_non_null(memory);
    numbers drawn = {memory, memory + NUMBERS, memory + 2 * NUMBERS, memory + 3 * NUMBERS};
    for (int i = 0; i < NUMBERS; i++) drawn.x0[i] = (gs_real)x0;
    gs_rng_normal((gs_rng){.seed = 8, .stream = GS_STREAM_NOISE, .step = 1}, 0, NUMBERS, drawn.e);
    gs_rng_normal((gs_rng){.seed = 8, .stream = GS_STREAM_NOISE, .step = 2}, 0, NUMBERS, drawn.z);
    return drawn;
}

/* Four standard errors: deviation / sqrt(n) of a mean, variance sqrt(2 / n) of a variance. */
static void assert_law(const gs_real *x, double expected_mean, double expected_variance)
{
    double mean = 0, variance = 0, root = sqrt((double)NUMBERS);
    for (int i = 0; i < NUMBERS; i++) mean += (double)x[i] / NUMBERS;
    for (int i = 0; i < NUMBERS; i++) variance += ((double)x[i] - mean) * ((double)x[i] - mean) / NUMBERS;
    bool good = fabs(mean - expected_mean) <= 1e-6 + 4 * sqrt(expected_variance) / root &&
                fabs(variance - expected_variance) <= 1e-6 + 4 * sqrt(2) * expected_variance / root;
    if (!good)
        fail_msg("mean %.6g, not %.6g; variance %.6g, not %.6g", mean, expected_mean, variance, expected_variance);
}

static void test_noised_image(void **state)
{
    (void)state;
    for (int64_t schedule = GS_SCHEDULE_LINEAR; schedule <= GS_SCHEDULE_ARTICLE; schedule++)
        for (int64_t process = GS_PROCESS_DDPM; process <= GS_PROCESS_ARTICLE; process++) {
            gs_arena *arena;
            gs_diffusion diffusion = create((variant){schedule, GS_PREDICTION_X0, process, 300}, &arena);
            numbers drawn = draw_numbers(arena, -0.4);
            const int times[] = {1, 10, 150, 300};
            for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
                double bar = diffusion.times[times[i]].alpha_bar;
                gs_diffusion_noise(&diffusion, times[i], NUMBERS, drawn.x0, drawn.e, drawn.x);
                assert_law(drawn.x, -0.4 * sqrt(bar), process == GS_PROCESS_ARTICLE ? (1 - bar) * (1 - bar) : 1 - bar);
            }
            gs_arena_destroy(&arena);
        }
}

/* A step back that knows x0, or the noise, must leave the law of x_{t-1}: that is what makes it the posterior. */
static void test_step_back_is_the_posterior(void **state)
{
    (void)state;
    for (int64_t prediction = GS_PREDICTION_X0; prediction <= GS_PREDICTION_EPSILON; prediction++)
        for (int64_t schedule = GS_SCHEDULE_LINEAR; schedule <= GS_SCHEDULE_ARTICLE; schedule++) {
            gs_arena *arena;
            gs_diffusion diffusion = create((variant){schedule, prediction, GS_PROCESS_DDPM, 50}, &arena);
            numbers drawn = draw_numbers(arena, 0.3);
            const int times[] = {1, 2, 25, 45};
            for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
                double before = diffusion.times[times[i] - 1].alpha_bar;
                gs_diffusion_noise(&diffusion, times[i], NUMBERS, drawn.x0, drawn.e, drawn.x);
                const gs_real *known = prediction == GS_PREDICTION_X0 ? drawn.x0 : drawn.e;
                gs_diffusion_step_back(&diffusion, times[i], NUMBERS, known, drawn.z, drawn.x);
                assert_law(drawn.x, 0.3 * sqrt(before), 1 - before);
            }
            gs_arena_destroy(&arena);
        }
}

static double one_step(const gs_diffusion *diffusion, int t, double x, double predicted, double z)
{
    gs_real value = (gs_real)x, prediction = (gs_real)predicted, noise = (gs_real)z;
    gs_diffusion_step_back(diffusion, t, 1, &prediction, &noise, &value);
    return (double)value;
}

static void test_estimates_are_clipped(void **state)
{
    (void)state;
    gs_arena *arena;
    gs_diffusion diffusion = create((variant){GS_SCHEDULE_LINEAR, GS_PREDICTION_X0, GS_PROCESS_DDPM, 50}, &arena);
    assert_true(fabs(one_step(&diffusion, 1, 0.2, 3, 9) - 0.5) <= 1e-6); /* and no noise at the last step */
    assert_true(fabs(one_step(&diffusion, 1, 0.2, -3, 9) + 0.5) <= 1e-6);
    assert_true(fabs(one_step(&diffusion, 20, 0.2, 3, 1) - one_step(&diffusion, 20, 0.2, 0.5, 1)) <= 0);
    assert_true(isnan(one_step(&diffusion, 20, 0.2, (double)NAN, 1)));
    gs_arena_destroy(&arena);

    diffusion = create((variant){GS_SCHEDULE_LINEAR, GS_PREDICTION_X0, GS_PROCESS_ARTICLE, 50}, &arena);
    assert_true(one_step(&diffusion, 20, 0.2, 3, 1) > one_step(&diffusion, 20, 0.2, 0.5, 1) + 0.1);
    gs_arena_destroy(&arena);
}

/* The article's step in plain words. */
static void test_step_of_the_article(void **state)
{
    (void)state;
    const variant which = {GS_SCHEDULE_ARTICLE, GS_PREDICTION_X0, GS_PROCESS_ARTICLE, 300};
    gs_arena *arena;
    gs_diffusion diffusion = create(which, &arena);
    const double x = 0.7, x0 = -0.2, z = 0.8;
    for (int t = 1; t <= 300; t++) {
        double beta = diffusion.times[t].beta, bar = diffusion.times[t].alpha_bar,
               before = diffusion.times[t - 1].alpha_bar;
        double variance = beta * (1 - before) / (1 - bar), share = beta / sqrt(1 - bar);
        double expected = (x - share * (x - x0)) / (1 - beta) + variance * z;
        assert_true(fabs(one_step(&diffusion, t, x, x0, z) - expected) <= 1e-6);
    }
    gs_arena_destroy(&arena);
}

/* ---- the exact denoiser ---- */

#ifdef SANITIZED
enum { SAMPLES = 64, TIMESTEPS = 20 };
#else
enum { SAMPLES = 960, TIMESTEPS = 60 };
#endif
enum { SHADES = 128, COLORS = SHADES + 1, HYPOTHESES = GS_DIGITS * COLORS };

/* The pixels of a digit that are not 0. */
typedef struct {
    int count, pixels[GS_PIXELS];
    double grey[GS_PIXELS], sum, squares;
} ink;

/* All images that the law of the data can give, the mixtures of red and blue as SHADES equally likely ones. */
typedef struct {
    ink digits[GS_DIGITS];
    double colors[COLORS][GS_CHANNELS];
    float log_prior[HYPOTHESES];
} hypotheses;

static void fill_hypotheses(const gs_digits *digits, const gs_law *law, hypotheses *all)
{
    memset(all, 0, sizeof *all);
    double total = 0;
    for (int d = 0; d < GS_DIGITS; d++) {
        ink *digit = &all->digits[d];
        total += law->digit_weights[d];
        for (int p = 0; p < GS_PIXELS; p++) {
            double grey = digits->grey[d][p] / 255.0;
            if (!(grey > 0)) continue;
            digit->pixels[digit->count] = p;
            digit->grey[digit->count++] = grey;
            digit->sum += grey;
            digit->squares += grey * grey;
        }
    }
    for (int s = 0; s < SHADES; s++) {
        double v = 0.66 * (s + 0.5) / SHADES;
        all->colors[s][0] = 1.5 * v;
        all->colors[s][2] = 1.5 * (0.66 - v);
    }
    all->colors[SHADES][1] = 1;
    for (int h = 0; h < HYPOTHESES; h++) {
        double color = h % COLORS == SHADES ? law->green : (1 - law->green) / SHADES;
        all->log_prior[h] = (float)log(law->digit_weights[h / COLORS] / total * color);
    }
}

/* weights = p(hypothesis given x_t) up to a factor. With y = x_t + signal / 2 and the image grey * color - 1/2 the
 * exponent of the normal density needs sum_p grey_p y_pc only. */
static void weigh(const hypotheses *all, double signal, double variance, const gs_real *x, float weights[HYPOTHESES])
{
    float largest = -INFINITY;
    for (int d = 0; d < GS_DIGITS; d++) {
        const ink *digit = &all->digits[d];
        double dots[GS_CHANNELS];
        for (int c = 0; c < GS_CHANNELS; c++) dots[c] = signal / 2 * digit->sum;
        for (int i = 0; i < digit->count; i++)
            for (int c = 0; c < GS_CHANNELS; c++)
                dots[c] += digit->grey[i] * (double)x[digit->pixels[i] * GS_CHANNELS + c];
        for (int k = 0; k < COLORS; k++) {
            double exponent = 0;
            for (int c = 0; c < GS_CHANNELS; c++) {
                double color = all->colors[k][c];
                exponent += signal * color * dots[c] - signal * signal * color * color * digit->squares / 2;
            }
            float weight = (float)(exponent / variance) + all->log_prior[d * COLORS + k];
            weights[d * COLORS + k] = weight;
            largest = weight > largest ? weight : largest;
        }
    }
    for (int h = 0; h < HYPOTHESES; h++) weights[h] -= largest;
    gs_vector->exp(HYPOTHESES, weights, weights);
}

/* The mean of x0 given x_t: what a network that is trained forever on squared errors predicts. */
static void denoise(const hypotheses *all, double signal, double variance, const gs_real *x, gs_real *x0)
{
    float weights[HYPOTHESES];
    weigh(all, signal, variance, x, weights);
    double total = 0;
    for (int h = 0; h < HYPOTHESES; h++) total += (double)weights[h];
    for (int i = 0; i < GS_IMAGE; i++) x0[i] = (gs_real)-0.5;
    for (int d = 0; d < GS_DIGITS; d++) {
        double color[GS_CHANNELS] = {0};
        for (int k = 0; k < COLORS; k++)
            for (int c = 0; c < GS_CHANNELS; c++)
                color[c] += (double)weights[d * COLORS + k] / total * all->colors[k][c];
        for (int i = 0; i < all->digits[d].count; i++)
            for (int c = 0; c < GS_CHANNELS; c++)
                x0[all->digits[d].pixels[i] * GS_CHANNELS + c] += (gs_real)(all->digits[d].grey[i] * color[c]);
    }
}

/* Samples with the denoiser for `believed`. */
static gs_coverage sample_exactly(variant which, const gs_digits *digits, const gs_law *believed)
{
    static hypotheses all;
    gs_arena *arena;
    gs_diffusion diffusion = create(which, &arena);
    gs_coverage coverage = {.rejected = 0};
    fill_hypotheses(digits, believed, &all);
    for (uint64_t i = 0; i < SAMPLES; i++) {
        gs_real x[GS_IMAGE], x0[GS_IMAGE], noise[GS_IMAGE];
        uint8_t bytes[GS_IMAGE];
        gs_rng rng = {.seed = 3, .stream = GS_STREAM_EVALUATION, .step = i * 1000};
        gs_rng_normal(rng, 0, GS_IMAGE, x);
        for (int t = diffusion.timesteps; t > 0; t--) {
            const gs_diffusion_time *time = &diffusion.times[t];
            denoise(&all, (double)time->signal, (double)time->noise * (double)time->noise, x, x0);
            rng.step++;
            gs_rng_normal(rng, 0, GS_IMAGE, noise);
            gs_diffusion_step_back(&diffusion, t, GS_IMAGE, x0, noise, x);
        }
        for (int k = 0; k < GS_IMAGE; k++) x[k] += (gs_real)0.5;
        gs_image_to_bytes(x, bytes);
        gs_coverage_add(&coverage, gs_classify(digits, bytes, GS_PIXELS), 0);
    }
    gs_arena_destroy(&arena);
    return coverage;
}

/* p-value of Pearson's chi-square of the counts, and how many samples show their digit without one wrong pixel. */
static double judge(const char *what, const gs_coverage *coverage, const gs_law *law)
{
    double expected[GS_BINS], chi2 = 0, tv = 0;
    gs_law_expected(law, expected);
    for (int k = 0; k < GS_BINS; k++) {
        double mean = SAMPLES * expected[k], apart = (double)coverage->counts[k] - mean;
        chi2 += apart * apart / mean;
        tv += fabs(apart) / SAMPLES / 2;
    }
    double p = gs_chi_square_tail(chi2, GS_BINS - 1);
    print_message("%s: %d samples, %d steps: TV %.3f, chi-square %.1f, p %.3g, %d without a wrong pixel\n", what,
                  SAMPLES, TIMESTEPS, tv, chi2, p, (int)coverage->good);
    return p;
}

static void test_exact_denoiser_gives_the_law(void **state)
{
    (void)state;
    const gs_law law = {.digit_weights = {4, 4, 4, 4, 2, 1}, .green = 0.34};
    const int64_t schedules[] = {GS_SCHEDULE_LINEAR, GS_SCHEDULE_COSINE};
    gs_digits digits;
    gs_digits_draw(&digits);
    for (int i = 0; i < 2; i++) {
        variant which = {schedules[i], GS_PREDICTION_X0, GS_PROCESS_DDPM, TIMESTEPS};
        gs_coverage coverage = sample_exactly(which, &digits, &law);
        assert_true(judge(schedule_names[schedules[i]], &coverage, &law) > 0.01);
        assert_true(coverage.good >= SAMPLES - SAMPLES / 100);
    }
}

/* A denoiser for other frequencies, and the article's process, must not pass. */
static void test_mistakes_are_found(void **state)
{
    (void)state;
    const gs_law law = {.digit_weights = {4, 4, 4, 4, 2, 1}, .green = 0.34};
    const gs_law even = {.digit_weights = {1, 1, 1, 1, 1, 1}, .green = 0.34};
    gs_digits digits;
    gs_digits_draw(&digits);
    const variant right = {GS_SCHEDULE_LINEAR, GS_PREDICTION_X0, GS_PROCESS_DDPM, TIMESTEPS};
    const variant article = {GS_SCHEDULE_ARTICLE, GS_PREDICTION_X0, GS_PROCESS_ARTICLE, TIMESTEPS};
    gs_coverage coverage = sample_exactly(right, &digits, &even);
    double p = judge("even digits", &coverage, &law);
    assert_true(SAMPLES < 500 || p < 1e-6);
    coverage = sample_exactly(article, &digits, &law);
    p = judge("article", &coverage, &law);
    assert_true(p < 1e-3 || coverage.good < SAMPLES / 2);
}

/* ---- the model's parts ---- */

static void test_sampling_parts(void **state)
{
    (void)state;
    enum { WANTED = GS_SAMPLE_BATCH + 3, T = 3 };
    gs_settings settings = settings_of((variant){GS_SCHEDULE_COSINE, GS_PREDICTION_X0, GS_PROCESS_DDPM, T});
    settings.values[GS_SETTING_HIDDEN_UNITS].integer = 4;
    settings.values[GS_SETTING_BATCH_SIZE].integer = 2;
    gs_digits digits;
    gs_arena *arena;
    gs_model *model;
    gs_digits_draw(&digits);
    assert_int_equal(gs_arena_create(&arena, 0, NULL), GS_OK);
    assert_int_equal(gs_model_create(&model, &settings, &digits, 1, arena, NULL), GS_OK);
    gs_matrix images = gs_matrix_take(arena, GS_SAMPLE_BATCH, GS_IMAGE);
    gs_real *first = gs_arena_take(arena, GS_IMAGE, sizeof *first);
    assert_true(images.values != NULL && first != NULL);
    gs_arena_seal(arena);
    assert_int_equal(gs_model_parts(model, WANTED), 2 * T);
    const int expected[2 * T] = {0, 0, GS_SAMPLE_BATCH, 0, 0, 3};
    for (int repeat = 0; repeat < 2; repeat++)
        for (int part = 0; part < 2 * T; part++) {
            assert_int_equal(model->type->sample(model, WANTED, part, images), expected[part]);
            if (expected[part] == 0) continue;
            bool same = memcmp(first, images.values, GS_IMAGE * sizeof *first) == 0;
            assert_true(same == (repeat == 1 && part == T - 1)); /* the same again, another one in the next batch */
            if (part == T - 1) memcpy(first, images.values, GS_IMAGE * sizeof *first);
            for (int i = 0; i < expected[part] * GS_IMAGE; i++)
                assert_true(images.values[i] >= 0 && images.values[i] <= 1);
        }
    gs_arena_destroy(&arena);
}

int main(void)
{
    gs_blas_one_thread();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_schedules),
        cmocka_unit_test(test_noised_image),
        cmocka_unit_test(test_step_back_is_the_posterior),
        cmocka_unit_test(test_estimates_are_clipped),
        cmocka_unit_test(test_step_of_the_article),
        cmocka_unit_test(test_exact_denoiser_gives_the_law),
        cmocka_unit_test(test_mistakes_are_found),
        cmocka_unit_test(test_sampling_parts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
