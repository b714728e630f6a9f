/* The autoregressive model: pixels and their classes, causality, the law of its draws, and its expected table. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "coverage/classify.h"
#include "ground/vector.h"
#include "models/autoregressive.h"
#include "runs.h"

static void small_settings(gs_settings *settings, int64_t network)
{
    gs_settings_defaults(settings, GS_MODEL_AUTOREGRESSIVE);
    settings->values[GS_SETTING_NETWORK].integer = network;
    settings->values[GS_SETTING_BATCH_SIZE].integer = 6;
    settings->values[GS_SETTING_CONTEXT_PIXELS].integer = 90;
    settings->values[GS_SETTING_COLOR_LEVELS].integer = 4;
    settings->values[GS_SETTING_HIDDEN_UNITS].integer = 12;
    settings->values[GS_SETTING_LSTM_UNITS].integer = 7;
    settings->values[GS_SETTING_LEARNING_RATE].real = 0;
}

static gs_autoregressive *create(const gs_settings *settings, gs_arena **arena)
{
    gs_model *model = NULL;
    gs_error error;
    assert_int_equal(gs_arena_create(arena, 0, &error), GS_OK);
    if (gs_model_create(&model, settings, &digits, 3, *arena, &error) != GS_OK) fail_msg("%s", error.text);
    gs_arena_seal(*arena);
    return (gs_autoregressive *)model;
}

/* ---- pixels ---- */

static gs_pixels create_pixels(int levels, int lead, gs_arena **arena)
{
    assert_int_equal(gs_arena_create(arena, 0, NULL), GS_OK);
    gs_painter painter = gs_painter_create(&digits, *arena);
    return gs_pixels_create(levels, lead, &painter, *arena);
}

static void test_quantise_round_trip(void **state)
{
    (void)state;
    for (int levels = 2; levels <= 16; levels++) {
        gs_arena *arena;
        gs_pixels pixels = create_pixels(levels, 1, &arena);
        for (int class = 0; class < pixels.classes; class ++) {
            const gs_real *color = gs_pixels_color(&pixels, (size_t) class);
            int again = 0;
            for (int c = 0; c < GS_CHANNELS; c++) {
                assert_true(color[c] >= 0 && color[c] < 1);
                again = again * levels + (int)floorf((float)levels * color[c] + 1e-4f);
            }
            assert_int_equal(again, class);
            assert_true(class > 0 || !(color[0] + color[1] + color[2] > 0)); /* zero stays zero */
        }
        assert_true(isnan(gs_pixels_color(&pixels, (size_t)pixels.classes)[0]));

        gs_real template[8] = {1, 1, 1, 0}, base[8] = {0}, y[8];
        gs_real colors[8] = {1, 0, 0.9999f / (gs_real)levels};
        gs_vector->quantise(8, (gs_real)levels, template, colors, base, y);
        assert_true(fabsf(y[0] - (float)(levels - 1) / (float)levels) <= 0); /* one stays in the top level */
        assert_true(fabsf(y[1]) + fabsf(y[2]) <= 0);
        gs_arena_destroy(&arena);
    }
}

/* The features of a label's pixels, from its painted image and the definition. */
static void check_features(const gs_pixels *pixels, const gs_label *label, const gs_real *image, int position)
{
    gs_real row[200 * GS_PIXEL_FEATURES];
    gs_pixels_before(pixels, label, position, pixels->lead, row);
    for (int k = 0; k < pixels->lead; k++) {
        const gs_real *features = row + k * GS_PIXEL_FEATURES;
        int at = position - pixels->lead + k;
        for (int c = 0; c < GS_CHANNELS; c++) {
            float levels = (float)pixels->levels;
            float level = at < 0 ? 0 : fminf(floorf(levels * image[at * GS_CHANNELS + c]), levels - 1);
            assert_true(fabsf(features[c] - level / levels) <= 0);
            if (at < 0) continue;
            assert_true(fabsf(features[c] - gs_pixels_color(pixels, gs_pixels_class(pixels, label, at))[c]) <= 0);
        }
        float x = at < 0 ? 0 : (float)(at % 28) / 27, y = at < 0 ? 0 : (float)(at / 28) / 27, inside = at < 0 ? 0 : 1;
        const float places[5] = {x, y, inside - x, inside - y, at < 0 ? -1 : (float)(at % 28 == 27)};
        for (int i = 0; i < 5; i++) assert_true(fabsf(features[3 + i] - places[i]) <= 1e-6f);
    }
}

static void test_features(void **state)
{
    (void)state;
    gs_arena *arena;
    gs_pixels pixels = create_pixels(8, 200, &arena);
    gs_painter painter = gs_painter_create(&digits, arena);
    gs_law law = {.digit_weights = {1, 1, 1, 1, 1, 1}, .green = 0.3};
    gs_real image[GS_IMAGE];
    for (uint32_t i = 0; i < 20; i++) {
        gs_label label = gs_label_draw(&law, (gs_rng){.seed = 4, .stream = GS_STREAM_DATA}, i);
        gs_painter_paint(&painter, &label, image);
        const int positions[] = {0, 1, 5, 199, 200, 201, 500, GS_PIXELS - 1};
        for (size_t p = 0; p < sizeof positions / sizeof positions[0]; p++)
            check_features(&pixels, &label, image, positions[p]);
    }
    gs_arena_destroy(&arena);
}

static void test_positions_are_even(void **state)
{
    (void)state;
    enum { FIRST = 64, DRAWS = 72000, EACH = DRAWS / (GS_PIXELS - FIRST) };
    int counts[GS_PIXELS] = {0};
    gs_rng rng = {.seed = 1, .stream = GS_STREAM_DATA};
    for (uint32_t i = 0; i < DRAWS; i++) counts[gs_pixels_draw_position(rng, i, FIRST)]++;
    double chi2 = 0;
    for (int p = 0; p < GS_PIXELS; p++) {
        if (p < FIRST) assert_int_equal(counts[p], 0);
        else chi2 += (counts[p] - EACH) * (counts[p] - EACH) / (double)EACH;
    }
    assert_true(chi2 > 719 - 4 * 38 && chi2 < 719 + 4 * 38); /* 719 degrees of freedom, deviation sqrt(2 * 719) */
}

/* ---- draws ---- */

/* Chi-square of `draws` evenly spaced u is nearly 0, of random ones it follows its law. */
static double chi2_of_draws(int count, const gs_real *logits, int draws, bool even)
{
    gs_real weights[512], sums[GS_LANES];
    double expected[512], total = 0, chi2 = 0;
    int counts[512] = {0};
    memcpy(weights, logits, (size_t)count * sizeof *weights);
    gs_vector->softmax_weights((size_t)count, weights, sums);
    for (int k = 0; k < count; k++) total += exp((double)logits[k]);
    for (int k = 0; k < count; k++) expected[k] = exp((double)logits[k]) / total * draws;
    for (int i = 0; i < draws; i++) {
        uint32_t words[4];
        gs_rng_block((gs_rng){.seed = 9, .stream = GS_STREAM_EVALUATION}, (uint32_t)i, words);
        gs_real u = even ? ((gs_real)i + 0.5f) / (gs_real)draws : gs_uniform_from_word(words[0]);
        int drawn = gs_categorical_draw(count, weights, sums, u);
        assert_in_range(drawn, 0, count - 1);
        counts[drawn]++;
    }
    for (int k = 0; k < count; k++) {
        if (!(expected[k] > 0)) assert_int_equal(counts[k], 0);
        else chi2 += (counts[k] - expected[k]) * (counts[k] - expected[k]) / expected[k];
    }
    return chi2;
}

static void test_draws_follow_the_softmax(void **state)
{
    (void)state;
    const int counts[] = {8, 15, 16, 17, 27, 64, 343, 512};
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        gs_real logits[512];
        int count = counts[i];
        for (int k = 0; k < count; k++) logits[k] = 100 + sinf((float)(k * k)) * 1.5f;
        double random = chi2_of_draws(count, logits, 100000, false), even = chi2_of_draws(count, logits, 100000, true);
        double freedom = count - 1, deviation = sqrt(2 * freedom);
        print_message("%d classes: chi-square %.1f\n", count, random);
        assert_true(random < freedom + 4 * deviation && random > freedom - 4 * deviation);
        assert_true(even < 0.1 * freedom);
    }
}

static void test_draws_at_the_ends(void **state)
{
    (void)state;
    enum { COUNT = 40 };
    gs_real weights[COUNT], sums[GS_LANES];
    for (int only = 0; only < COUNT; only++) { /* all in one class, whatever u */
        for (int k = 0; k < COUNT; k++) weights[k] = k == only ? 3 : -200;
        gs_vector->softmax_weights(COUNT, weights, sums);
        assert_int_equal(gs_categorical_draw(COUNT, weights, sums, 0x1p-24f), only);
        assert_int_equal(gs_categorical_draw(COUNT, weights, sums, 1 - 0x1p-24f), only);
    }
    const gs_real sick[] = {NAN, INFINITY, -INFINITY};
    for (int s = 0; s < 3; s++) {
        for (int k = 0; k < COUNT; k++) weights[k] = s == 2 ? sick[s] : k == 20 ? sick[s] : 1;
        gs_vector->softmax_weights(COUNT, weights, sums);
        assert_int_equal(gs_categorical_draw(COUNT, weights, sums, 0.5f), COUNT);
    }
}

/* ---- networks ---- */

enum { IMAGES = 12 };

static void random_canvas(gs_autoregressive *model)
{
    for (int i = 0; i < IMAGES; i++)
        for (int p = 0; p < GS_PIXELS; p++) {
            uint32_t words[4];
            gs_rng_block((gs_rng){.seed = 2, .stream = 99, .step = (uint64_t)i}, (uint32_t)p, words);
            gs_canvas_row(model, i)[p] = (uint16_t)(words[0] % 3 == 0 ? words[1] % (uint32_t)model->pixels.classes : 0);
        }
}

/* Logits of all positions, GS_PIXELS x IMAGES x classes, for what is on the canvas. */
static float *all_logits(gs_autoregressive *model)
{
    size_t classes = (size_t)model->pixels.classes;
    float *all = malloc((size_t)GS_PIXELS * IMAGES * classes * sizeof *all);
    assert_non_null(all);
    model->network->start(model, IMAGES);
    for (int p = 0; p < GS_PIXELS; p++) {
        gs_matrix logits = model->network->logits(model, IMAGES, p);
        for (int i = 0; i < IMAGES; i++) {
            const gs_real *row = logits.values + (size_t)model->row_of[i] * (size_t)logits.stride;
            memcpy(all + ((size_t)p * IMAGES + (size_t)i) * classes, row, classes * sizeof *all);
        }
    }
    return all;
}

/* Changing pixel p changes no logits up to those of p itself, and those of p + 1. */
static void check_causality(int64_t network)
{
    gs_settings settings;
    gs_arena *arena;
    small_settings(&settings, network);
    gs_autoregressive *model = create(&settings, &arena);
    size_t row = IMAGES * (size_t)model->pixels.classes;
    random_canvas(model);
    float *before = all_logits(model);
    const int changed[] = {0, 1, 63, 64, 65, 300, GS_PIXELS - 2, GS_PIXELS - 1};
    for (size_t c = 0; c < sizeof changed / sizeof changed[0]; c++) {
        size_t p = (size_t)changed[c];
        random_canvas(model);
        for (int i = 0; i < IMAGES; i++)
            gs_canvas_row(model, i)[p] = (uint16_t)((gs_canvas_row(model, i)[p] + 1) % model->pixels.classes);
        float *after = all_logits(model);
        for (size_t k = 0; k < (p + 1) * row; k++) assert_true(fabsf(after[k] - before[k]) <= 1e-5f);
        float most = 0;
        for (size_t k = (p + 1) * row; p + 1 < GS_PIXELS && k < (p + 2) * row; k++)
            most = fmaxf(most, fabsf(after[k] - before[k]));
        assert_true(p + 1 == GS_PIXELS || most > 1e-3f);
        free(after);
    }
    free(before);
    gs_arena_destroy(&arena);
}

static void test_causality(void **state)
{
    (void)state;
    check_causality(GS_NETWORK_FLAT);
    check_causality(GS_NETWORK_LSTM);
}

/* The loss of training is that of the network as it samples, shown the images of the batch. */
static void check_training_and_sampling_agree(int64_t network, int64_t start)
{
    gs_settings settings;
    gs_arena *arena;
    small_settings(&settings, network);
    settings.values[GS_SETTING_START].integer = start;
    gs_autoregressive *model = create(&settings, &arena);
    size_t classes = (size_t)model->pixels.classes;
    double curves[GS_CURVES_MAX], expected = 0;
    model->base.type->train(&model->base, 7, curves);
    gs_rng data = {.seed = model->base.seed, .stream = GS_STREAM_DATA, .step = 7};
    memset(model->canvas, 0, IMAGES * GS_PIXELS * sizeof *model->canvas);
    for (int i = 0; i < model->batch; i++) {
        gs_label label = gs_label_draw(&model->base.law, data, (uint32_t)i);
        for (int p = 0; p < GS_PIXELS; p++) gs_canvas_row(model, i)[p] = gs_pixels_class(&model->pixels, &label, p);
    }
    float *all = all_logits(model);
    int count = 0;
    for (int i = 0; i < model->batch; i++) {
        int only = network == GS_NETWORK_FLAT ? gs_pixels_draw_position(data, (uint32_t)i, model->first) : -1;
        for (int p = model->first; p < GS_PIXELS; p++) {
            const float *logits = all + ((size_t)p * IMAGES + (size_t)i) * classes;
            double total = 0;
            if (only >= 0 && p != only) continue;
            for (size_t k = 0; k < classes; k++) total += exp((double)logits[k]);
            expected += log(total) - (double)logits[gs_canvas_row(model, i)[p]];
            count++;
        }
    }
    expected /= count;
    assert_true(fabs(curves[0] - expected) <= 1e-5 * expected);
    free(all);
    gs_arena_destroy(&arena);
}

static void test_training_and_sampling_agree(void **state)
{
    (void)state;
    check_training_and_sampling_agree(GS_NETWORK_FLAT, GS_START_PADDING);
    check_training_and_sampling_agree(GS_NETWORK_FLAT, GS_START_ARTICLE);
    check_training_and_sampling_agree(GS_NETWORK_LSTM, GS_START_PADDING);
    check_training_and_sampling_agree(GS_NETWORK_LSTM, GS_START_ARTICLE);
}

/* ---- samples ---- */

/* All images of a model: samples x GS_IMAGE. */
static gs_real *all_samples(gs_autoregressive *model, int64_t samples)
{
    gs_real *images = malloc((size_t)samples * GS_IMAGE * sizeof *images);
    gs_real *batch = malloc((size_t)GS_SAMPLE_BATCH * GS_IMAGE * sizeof *batch);
    assert_true(images != NULL && batch != NULL);
    int64_t made = 0;
    for (int64_t part = 0; part < gs_model_parts(&model->base, samples); part++) {
        gs_matrix room = gs_matrix_of(batch, GS_SAMPLE_BATCH, GS_IMAGE);
        int rows = model->base.type->sample(&model->base, samples, part, room);
        memcpy(images + made * GS_IMAGE, batch, (size_t)rows * GS_IMAGE * sizeof *batch);
        made += rows;
    }
    assert_int_equal(made, samples);
    free(batch);
    return images;
}

static void check_article_start(int64_t network, int first)
{
    enum { SAMPLES = GS_SAMPLE_BATCH + 9 };
    gs_settings settings;
    gs_arena *arena;
    gs_real image[GS_IMAGE];
    small_settings(&settings, network);
    settings.values[GS_SETTING_START].integer = GS_START_ARTICLE;
    gs_autoregressive *model = create(&settings, &arena);
    assert_int_equal(model->first, first);
    gs_real *samples = all_samples(model, SAMPLES);
    int copied = 0, other = 0;
    for (int i = 0; i < SAMPLES; i++) {
        gs_rng rng = {.seed = model->base.seed, .stream = GS_STREAM_EVALUATION, .step = GS_PIXELS};
        gs_label label = gs_label_draw(&model->base.law, rng, (uint32_t)i);
        gs_painter_paint(&model->base.painter, &label, image);
        for (int k = 0; k < GS_IMAGE; k++) {
            bool same = fabsf(samples[i * GS_IMAGE + k] - floorf(4 * image[k]) / 4) <= 0;
            if (k < first * GS_CHANNELS) copied += same;
            else if (k < (first + 1) * GS_CHANNELS) other += !same;
        }
    }
    assert_int_equal(copied, SAMPLES * first * GS_CHANNELS);
    assert_true(other > SAMPLES); /* an untrained network draws all classes alike */
    free(samples);
    gs_arena_destroy(&arena);
}

static void test_article_start_copies(void **state)
{
    (void)state;
    check_article_start(GS_NETWORK_FLAT, 90);
    check_article_start(GS_NETWORK_LSTM, 64);
}

/* Windows that are alike are computed once; the images are those of a canvas without any two alike. */
static void test_shared_windows_change_nothing(void **state)
{
    (void)state;
    gs_settings settings;
    gs_arena *arena;
    small_settings(&settings, GS_NETWORK_FLAT);
    gs_autoregressive *model = create(&settings, &arena);
    size_t classes = (size_t)model->pixels.classes;
    random_canvas(model);
    float *apart = all_logits(model);
    for (int i = 1; i < IMAGES; i += 2)
        memcpy(gs_canvas_row(model, i), gs_canvas_row(model, i - 1), GS_PIXELS * sizeof *model->canvas);
    float *together = all_logits(model);
    assert_int_equal(model->row_of[1], model->row_of[0]);
    assert_int_equal(model->row_of[11], 5);
    for (int p = 0; p < GS_PIXELS; p++)
        for (int i = 0; i < IMAGES; i++) {
            const float *is = together + ((size_t)p * IMAGES + (size_t)i) * classes;
            const float *expected = apart + ((size_t)p * IMAGES + (size_t)(i - i % 2)) * classes;
            for (size_t k = 0; k < classes; k++) assert_true(fabsf(is[k] - expected[k]) <= 1e-5f);
        }
    free(apart);
    free(together);
    gs_arena_destroy(&arena);
}

static void test_weights_that_are_not_finite_give_images_that_are_not(void **state)
{
    (void)state;
    gs_settings settings;
    gs_arena *arena;
    small_settings(&settings, GS_NETWORK_FLAT);
    gs_autoregressive *model = create(&settings, &arena);
    for (size_t i = 0; i < model->base.tensors.size; i++) model->base.weights[i] = 1e38f;
    gs_real *samples = all_samples(model, 3);
    for (int i = 0; i < 3; i++) assert_true(isnan(samples[(i + 1) * GS_IMAGE - 1]));
    free(samples);
    gs_arena_destroy(&arena);
}

/* ---- the expected table ---- */

static void expected_of(const char *weights, double green, int levels, double expected[GS_BINS])
{
    gs_settings settings;
    gs_settings_defaults(&settings, GS_MODEL_AUTOREGRESSIVE);
    gs_value *value = &settings.values[GS_SETTING_DIGIT_WEIGHTS];
    assert_int_equal(gs_value_read(GS_SETTING_DIGIT_WEIGHTS, weights, value, NULL), GS_OK);
    settings.values[GS_SETTING_GREEN].real = green;
    settings.values[GS_SETTING_COLOR_LEVELS].integer = levels;
    gs_model_expected(&settings, &digits, expected);
}

/* Against the shares that many drawn images have. */
static void test_expected_table_is_that_of_drawn_images(void **state)
{
    (void)state;
    enum { DRAWS = 40000 };
    gs_arena *arena;
    gs_pixels pixels = create_pixels(8, 1, &arena);
    gs_law law = {.digit_weights = {4, 4, 4, 4, 2, 1}, .green = 0.34};
    double expected[GS_BINS], total = 0, chi2 = 0;
    int counts[GS_BINS] = {0};
    expected_of("[4, 4, 4, 4, 2, 1]", 0.34, 8, expected);
    for (uint32_t i = 0; i < DRAWS; i++) {
        gs_real image[GS_IMAGE];
        uint8_t bytes[GS_IMAGE];
        gs_label label = gs_label_draw(&law, (gs_rng){.seed = 6, .stream = GS_STREAM_DATA}, i);
        for (int p = 0; p < GS_PIXELS; p++) {
            const gs_real *color = gs_pixels_color(&pixels, gs_pixels_class(&pixels, &label, p));
            memcpy(image + p * GS_CHANNELS, color, GS_CHANNELS * sizeof *image);
        }
        gs_image_to_bytes(image, bytes);
        counts[gs_classify(&digits, bytes, GS_PIXELS).bin]++;
    }
    for (int b = 0; b < GS_BINS; b++) {
        total += expected[b];
        chi2 += (counts[b] - DRAWS * expected[b]) * (counts[b] - DRAWS * expected[b]) / (DRAWS * expected[b]);
    }
    assert_true(fabs(total - 1) <= 1e-12);
    assert_true(chi2 > 9 && chi2 < 60); /* 29 degrees of freedom */
    gs_arena_destroy(&arena);
}

/* Pure ink has 8 levels: its red-blue colors change class where both channels step, and .25 of each becomes the
 * shares of METHODS. */
static void test_expected_table_of_full_ink(void **state)
{
    (void)state;
    gs_digits kept = digits;
    const double shares[] = {0.2525, 0.2525, 0.2424, 0.2525};
    double expected[GS_BINS];
    for (int d = 0; d < GS_DIGITS; d++)
        for (int p = 0; p < GS_PIXELS; p++) digits.grey[d][p] = digits.grey[d][p] >= 128 ? 255 : 0;
    expected_of("[4, 4, 4, 4, 2, 1]", 0.34, 8, expected);
    digits = kept;
    for (int d = 0; d < GS_DIGITS; d++) {
        double weight = (d < 4 ? 4 : d == 4 ? 2 : 1) / 19.0;
        for (int color = 0; color < 4; color++) {
            double share = expected[color * GS_DIGITS + d] / (0.66 * weight);
            assert_true(fabs(share - shares[color]) <= 6e-5);
        }
        assert_true(fabs(expected[24 + d] - 0.34 * weight) <= 1e-12);
    }
}

static void test_expected_table_of_other_settings(void **state)
{
    (void)state;
    double expected[GS_BINS], plain[GS_BINS], total = 0;
    expected_of("[0, 1, 0, 0, 3, 0]", 0, 8, expected);
    for (int b = 0; b < GS_BINS; b++) {
        bool there = b < 24 && (b % GS_DIGITS == 1 || b % GS_DIGITS == 4);
        assert_true(there == (expected[b] > 0));
    }
    /* Two levels: with red and blue both below 1/2 the image is blank, and counts for nothing. */
    expected_of("[4, 4, 4, 4, 2, 1]", 0.34, 2, expected);
    gs_law law = {.digit_weights = {4, 4, 4, 4, 2, 1}, .green = 0.34};
    gs_law_expected(&law, plain);
    for (int b = 0; b < GS_BINS; b++) total += expected[b];
    assert_true(fabs(total - 1) <= 1e-12);
    assert_true(expected[24] > plain[24] * 1.003);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_quantise_round_trip),
        cmocka_unit_test(test_features),
        cmocka_unit_test(test_positions_are_even),
        cmocka_unit_test(test_draws_follow_the_softmax),
        cmocka_unit_test(test_draws_at_the_ends),
        cmocka_unit_test(test_causality),
        cmocka_unit_test(test_training_and_sampling_agree),
        cmocka_unit_test(test_article_start_copies),
        cmocka_unit_test(test_shared_windows_change_nothing),
        cmocka_unit_test(test_weights_that_are_not_finite_give_images_that_are_not),
        cmocka_unit_test(test_expected_table_is_that_of_drawn_images),
        cmocka_unit_test(test_expected_table_of_full_ink),
        cmocka_unit_test(test_expected_table_of_other_settings),
    };
    return cmocka_run_group_tests(tests, draw_digits, NULL);
}
