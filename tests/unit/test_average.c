/* Averaged weights: training does not know of them, samples are made with them, and they follow their definition. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "models.h"
#include "models/model.h"
#include "nn/matrix.h"

enum { STEPS = 30, SAMPLES = 8, SEED = 3 };
static const double decay = 0.8; /* not reached in STEPS steps: the warm-up; 0.5 below is */

static gs_settings small_settings(gs_model_id id, double ema)
{
    static const struct {
        gs_setting_id id;
        int64_t value;
    } sizes[] = {
        {GS_SETTING_BATCH_SIZE, 4},
        {GS_SETTING_LATENT_DIM, 3},
        {GS_SETTING_ENCODER_HIDDEN_1, 8},
        {GS_SETTING_ENCODER_HIDDEN_2, 8},
        {GS_SETTING_DECODER_HIDDEN_1, 8},
        {GS_SETTING_DECODER_HIDDEN_2, 8},
        {GS_SETTING_GENERATOR_HIDDEN_1, 8},
        {GS_SETTING_GENERATOR_HIDDEN_2, 8},
        {GS_SETTING_DISCRIMINATOR_HIDDEN_1, 8},
        {GS_SETTING_DISCRIMINATOR_HIDDEN_2, 8},
        {GS_SETTING_DISCRIMINATOR_HIDDEN_3, 8},
        {GS_SETTING_HIDDEN_UNITS, 8},
        {GS_SETTING_COLOR_LEVELS, 4},
        {GS_SETTING_TIMESTEPS, 5},
    };
    gs_settings settings;
    gs_settings_defaults(&settings, id);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) settings.values[sizes[i].id].integer = sizes[i].value;
    settings.values[id == GS_MODEL_GAN ? GS_SETTING_GENERATOR_EMA : GS_SETTING_WEIGHT_EMA].real = ema;
    return settings;
}

typedef struct {
    gs_arena *arena;
    gs_model *model;
    gs_matrix images;
} subject;

static subject create(const gs_settings *settings)
{
    static gs_digits digits;
    gs_digits_draw(&digits);
    subject made = {0};
    gs_error error;
    assert_int_equal(gs_arena_create(&made.arena, 0, &error), GS_OK);
    assert_int_equal(gs_model_create(&made.model, settings, &digits, SEED, made.arena, &error), GS_OK);
    made.images = gs_matrix_take(made.arena, GS_SAMPLE_BATCH, GS_IMAGE);
    return made;
}

/* Bytes of the images; they end in `images`. */
static size_t sample(subject *one)
{
    int rows = 0;
    int64_t parts = gs_model_parts(one->model, SAMPLES);
    for (int64_t part = 0; part < parts; part++)
        rows += one->model->type->sample(one->model, SAMPLES, part, one->images);
    assert_int_equal(rows, SAMPLES);
    return (size_t)SAMPLES * GS_IMAGE * sizeof(gs_real);
}

/* Trains with and without the average, which is also computed here in double. */
static void check(gs_model_id id, double ema)
{
    gs_settings averaged_settings = small_settings(id, ema), plain_settings = small_settings(id, 0);
    subject averaged = create(&averaged_settings), plain = create(&plain_settings);
    size_t size = plain.model->tensors.size;
    double curves[GS_CURVES_MAX], *expected = test_malloc(size * sizeof *expected);
    assert_ptr_equal(plain.model->weights, plain.model->parameters);
    for (size_t i = 0; i < size; i++) expected[i] = (double)plain.model->parameters[i];
    for (int64_t step = 0; step < STEPS; step++) {
        gs_model_train(averaged.model, step, curves);
        gs_model_train(plain.model, step, curves);
        double d = fmin(ema, (2 + (double)step) / (11 + (double)step));
        for (size_t i = 0; i < size; i++) expected[i] = d * expected[i] + (1 - d) * (double)plain.model->parameters[i];
    }
    gs_average range = averaged.model->average;
    assert_memory_equal(averaged.model->parameters, plain.model->parameters, size * sizeof(gs_real));
    assert_true(range.count > 0);
    for (size_t i = 0; i < size; i++) {
        bool inside = i >= range.first && i < range.first + range.count;
        double truth = inside ? expected[i] : (double)plain.model->parameters[i];
        assert_true(fabs((double)averaged.model->weights[i] - truth) <= (inside ? 1e-5 : 0));
    }

    size_t bytes = sample(&averaged);
    sample(&plain);
    assert_memory_not_equal(averaged.images.values, plain.images.values, bytes);
    memcpy(plain.model->parameters, averaged.model->weights, size * sizeof(gs_real));
    sample(&plain);
    assert_memory_equal(averaged.images.values, plain.images.values, bytes);
    test_free(expected);
    gs_arena_destroy(&averaged.arena);
    gs_arena_destroy(&plain.arena);
}

static const gs_model_id with_average[] = {GS_MODEL_GAN, GS_MODEL_AUTOREGRESSIVE, GS_MODEL_DIFFUSION};
static const gs_model_id without_average[] = {GS_MODEL_ORACLE, GS_MODEL_VAE};

static void every_model_is_averaged_or_not(void **state)
{
    (void)state;
    bool there[GS_MODEL_COUNT] = {false};
    for (size_t i = 0; i < sizeof with_average / sizeof with_average[0]; i++) there[with_average[i]] = true;
    for (size_t i = 0; i < sizeof without_average / sizeof without_average[0]; i++) there[without_average[i]] = true;
    assert_every_model(there);
}

static void samples_are_made_with_the_average(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof with_average / sizeof with_average[0]; i++) {
        check(with_average[i], decay);
        check(with_average[i], 0.5);
    }
}

static void the_lstm_has_it_too(void **state)
{
    (void)state;
    gs_settings settings = small_settings(GS_MODEL_AUTOREGRESSIVE, decay);
    settings.values[GS_SETTING_NETWORK].integer = GS_NETWORK_LSTM;
    subject averaged = create(&settings);
    double curves[GS_CURVES_MAX];
    for (int64_t step = 0; step < 3; step++) gs_model_train(averaged.model, step, curves);
    size_t bytes = sample(&averaged), size = averaged.model->tensors.size;
    gs_real *first = test_malloc(bytes);
    memcpy(first, averaged.images.values, bytes);
    memcpy(averaged.model->weights, averaged.model->parameters, size * sizeof(gs_real));
    sample(&averaged);
    assert_memory_not_equal(first, averaged.images.values, bytes);
    test_free(first);
    gs_arena_destroy(&averaged.arena);
}

/* The others have no such setting: what it stands at does not matter to them. */
static void models_without_averages(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof without_average / sizeof without_average[0]; i++) {
        gs_settings settings = small_settings(without_average[i], decay);
        subject one = create(&settings);
        assert_ptr_equal(one.model->weights, one.model->parameters);
        gs_arena_destroy(&one.arena);
    }
}

/* GANs average the generator only. */
static void the_discriminator_is_not_averaged(void **state)
{
    (void)state;
    gs_settings settings = small_settings(GS_MODEL_GAN, decay);
    subject one = create(&settings);
    const gs_average range = one.model->average;
    for (int t = 0; t < one.model->tensors.count; t++) {
        const gs_tensor *tensor = &one.model->tensors.tensors[t];
        bool inside = tensor->offset >= range.first && tensor->offset < range.first + range.count;
        assert_int_equal(inside, strncmp(tensor->name, "generator/", 10) == 0);
    }
    gs_arena_destroy(&one.arena);
}

int main(void)
{
    gs_blas_one_thread();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_model_is_averaged_or_not),
        cmocka_unit_test(samples_are_made_with_the_average),
        cmocka_unit_test(the_lstm_has_it_too),
        cmocka_unit_test(models_without_averages),
        cmocka_unit_test(the_discriminator_is_not_averaged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
