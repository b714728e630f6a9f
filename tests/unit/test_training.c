/* Short training runs of every model: the loss falls, and on the way it agrees with an independent framework.
 *
 * The expected curves are those of tests/reference/make_reference.py (`training`), in double from the same weights and
 * batches; the settings stand there too. Where the loss falls smoothly a step adds little to the difference between
 * float and double: 1e-5 after 200, the same with the BLAS kernels of Prescott, Sandy Bridge, Haswell and Zen. A new
 * model is a function that sets small settings and a row in `cases`. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>

#include "models/model.h"
#include "models.h"
#include "small_settings.h"

enum { POINTS = 5, STEPS = 200, SEED = 5 };
static const int64_t points[POINTS] = {0, 10, 50, 100, STEPS - 1};

typedef struct {
    const char *name;
    gs_model_id model;
    void (*set)(gs_settings *settings);
    double tolerance; /* |loss - expected| / expected */
    double falls;     /* the first curve must end below this share of its beginning; INFINITY: it need not */
    double expected[POINTS][GS_CURVES_MAX];
} training_case;

static void set_oracle(gs_settings *settings)
{
    const gs_setting_id ids[] = {GS_SETTING_BATCH_SIZE, GS_SETTING_DECODER_HIDDEN_1, GS_SETTING_DECODER_HIDDEN_2};
    const int64_t integers[] = {16, 16, 24};
    set_integers(settings, sizeof ids / sizeof ids[0], ids, integers);
    settings->values[GS_SETTING_LEARNING_RATE].real = 1e-2;
}

static void set_vae(gs_settings *settings)
{
    const gs_setting_id ids[] = {
        GS_SETTING_BATCH_SIZE,       GS_SETTING_LATENT_DIM,       GS_SETTING_ENCODER_HIDDEN_1,
        GS_SETTING_ENCODER_HIDDEN_2, GS_SETTING_DECODER_HIDDEN_1, GS_SETTING_DECODER_HIDDEN_2,
    };
    const int64_t integers[] = {16, 4, 24, 16, 16, 24};
    set_integers(settings, sizeof ids / sizeof ids[0], ids, integers);
    settings->values[GS_SETTING_LEARNING_RATE].real = 1e-2;
}

static void set_gan(gs_settings *settings)
{
    set_small_gan(settings, 16, false, (const int64_t[]){16, 24, 24, 16, 6});
    settings->values[GS_SETTING_GENERATOR_LEARNING_RATE].real = 1e-3;
    settings->values[GS_SETTING_DISCRIMINATOR_LEARNING_RATE].real = 3e-4;
}

static void set_diffusion(gs_settings *settings)
{
    const gs_setting_id ids[] = {GS_SETTING_BATCH_SIZE, GS_SETTING_HIDDEN_UNITS, GS_SETTING_TIMESTEPS};
    const int64_t integers[] = {16, 24, 30};
    set_integers(settings, sizeof ids / sizeof ids[0], ids, integers);
    settings->values[GS_SETTING_LEARNING_RATE].real = 3e-3;
}

static void set_autoregressive(gs_settings *settings)
{
    const gs_setting_id ids[] = {
        GS_SETTING_BATCH_SIZE,
        GS_SETTING_CONTEXT_PIXELS,
        GS_SETTING_COLOR_LEVELS,
        GS_SETTING_HIDDEN_UNITS,
    };
    const int64_t integers[] = {16, 70, 4, 16};
    set_integers(settings, sizeof ids / sizeof ids[0], ids, integers);
    settings->values[GS_SETTING_LEARNING_RATE].real = 1e-2;
    settings->values[GS_SETTING_GREEN].real = 1;
}

static void set_lstm(gs_settings *settings)
{
    set_autoregressive(settings);
    const gs_setting_id ids[] = {GS_SETTING_BATCH_SIZE, GS_SETTING_NETWORK, GS_SETTING_LSTM_UNITS};
    const int64_t integers[] = {2, GS_NETWORK_LSTM, 8};
    set_integers(settings, sizeof ids / sizeof ids[0], ids, integers);
    settings->values[GS_SETTING_LEARNING_RATE].real = 3e-3;
    settings->values[GS_SETTING_GRADIENT_CLIP].real = 0.5;
}

static const training_case cases[] = {
    {"oracle",
     GS_MODEL_ORACLE,
     set_oracle,
     1e-4,
     0.05,
     {{0.084840594}, {0.042374567}, {0.018260806}, {0.007764907}, {0.002884256}}},
    {"vae",
     GS_MODEL_VAE,
     set_vae,
     1e-4,
     0.25,
     {{0.090001837, 0.089522069, 0.047976812},
      {0.053280222, 0.047257377, 0.602284459},
      {0.038082031, 0.035702788, 0.237924303},
      {0.018754511, 0.014880578, 0.387393284},
      {0.017305180, 0.014528449, 0.277673120}}},
    {"gan",
     GS_MODEL_GAN,
     set_gan,
     1e-4,
     (double)INFINITY,
     {{0.648382146, 0.721087121},
      {1.202379452, 0.540638335},
      {1.570186645, 0.350008980},
      {1.707174248, 0.261470580},
      {2.047089397, 0.152630526}}},
    {"diffusion",
     GS_MODEL_DIFFUSION,
     set_diffusion,
     1e-4,
     0.25,
     {{0.164429016}, {0.126638515}, {0.043172081}, {0.030103158}, {0.026105526}}},
    {"autoregressive",
     GS_MODEL_AUTOREGRESSIVE,
     set_autoregressive,
     1e-4,
     0.5,
     {{4.392570445}, {2.239529658}, {1.486108919}, {1.425552237}, {1.354915621}}},
    {"autoregressive, lstm",
     GS_MODEL_AUTOREGRESSIVE,
     set_lstm,
     1e-4,
     0.5,
     {{4.197969763}, {3.777022585}, {1.628628112}, {1.400921490}, {1.388812980}}},
};

/* The pattern of reference_models.py's templates(). */
static void pattern_digits(gs_digits *digits)
{
    for (int d = 0; d < GS_DIGITS; d++)
        for (int p = 0; p < GS_PIXELS; p++) digits->grey[d][p] = (uint8_t)((p * (d + 3) * 7 + d * 31) % 256);
}

/* Trains and keeps the curves at the points. */
static void run(const gs_settings *settings, double curves[POINTS][GS_CURVES_MAX])
{
    gs_digits digits;
    gs_arena *arena;
    gs_model *model;
    gs_error error;
    pattern_digits(&digits);
    assert_int_equal(gs_arena_create(&arena, 0, &error), GS_OK);
    assert_int_equal(gs_model_create(&model, settings, &digits, SEED, arena, &error), GS_OK);
    gs_arena_seal(arena);
    int point = 0;
    for (int64_t step = 0; step < STEPS; step++) {
        double values[GS_CURVES_MAX];
        model->type->train(model, step, values);
        if (step != points[point]) continue;
        for (int c = 0; c < model->type->losses; c++) curves[point][c] = values[c];
        point++;
    }
    assert_int_equal(point, POINTS);
    gs_arena_destroy(&arena);
}

static void small_settings(const training_case *which, gs_settings *settings)
{
    gs_settings_defaults(settings, which->model);
    which->set(settings);
}

/* The largest |loss - expected| / expected; NaN if there is one. */
static double largest_difference(const training_case *which, double curves[POINTS][GS_CURVES_MAX])
{
    double largest = 0;
    for (int p = 0; p < POINTS; p++)
        for (int c = 0; c < gs_model_type_of(which->model)->losses; c++) {
            double difference = fabs(curves[p][c] - which->expected[p][c]) / which->expected[p][c];
            if (!(difference <= largest)) largest = difference;
        }
    return largest;
}

static void test_losses_fall_as_expected(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        gs_settings settings;
        double curves[POINTS][GS_CURVES_MAX];
        small_settings(&cases[i], &settings);
        run(&settings, curves);
        double difference = largest_difference(&cases[i], curves);
        print_message("%s: largest difference %.2g of %.2g; the first curve from %.4g to %.4g\n", cases[i].name,
                      difference, cases[i].tolerance, curves[0][0], curves[POINTS - 1][0]);
        assert_true(difference <= cases[i].tolerance);
        assert_true(curves[POINTS - 1][0] <= cases[i].falls * curves[0][0]);
    }
}

/* A slightly different optimiser must not pass for the right one. */
static void test_mistakes_are_found(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        gs_settings settings;
        double curves[POINTS][GS_CURVES_MAX];
        small_settings(&cases[i], &settings);
        settings.values[GS_SETTING_ADAM_BETA2].real = 0.99;
        run(&settings, curves);
        assert_true(largest_difference(&cases[i], curves) > 4 * cases[i].tolerance);
    }
}

static void test_every_model_has_a_case(void **state)
{
    (void)state;
    bool there[GS_MODEL_COUNT] = {false};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) there[cases[i].model] = true;
    assert_every_model(there);
}

int main(void)
{
    gs_blas_one_thread();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_model_has_a_case),
        cmocka_unit_test(test_losses_fall_as_expected),
        cmocka_unit_test(test_mistakes_are_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
