/* The element-wise kernels: accuracy against long double, what becomes of NaN and infinity, and the definitions of
 * ground/vector.h in plain loops. The bounds asserted here are those that it states. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>
#include <float.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ground/rng.h"
#include "ground/vector.h"
#include "nn/matrix.h"

static const char *const variant_names[] = {"baseline", "avx2", "avx512"};
enum { VARIANTS = 3, CHUNK = 4096 };

/* Every exponent and sign, and mantissas in steps of a prime, so that all their bits take part; 1 tries every float. */
#ifndef MANTISSA_STEP
#define MANTISSA_STEP 4093u
#endif

static float float_of_bits(uint32_t bits)
{
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* The distance of neighbouring floats around `value`. */
static long double ulp_of(long double value)
{
    int exponent;
    frexpl(value, &exponent);
    return ldexpl(1, (exponent < FLT_MIN_EXP ? FLT_MIN_EXP : exponent) - FLT_MANT_DIG);
}

typedef struct {
    const char *name;
    void (*kernel)(size_t count, const float *x, float *y);
    long double (*exact)(long double x);
    float low, high;   /* the range in which the bound holds */
    long double bound; /* ulp */
} accuracy;

static long double sigmoid_exact(long double x)
{
    return 1 / (1 + expl(-x));
}

/* The largest error, in ulp, over one chunk; *worst is where. NaN counts as infinite. */
static long double chunk_error(const accuracy *function, size_t count, const float *x, long double so_far, float *worst)
{
    float y[CHUNK];
    function->kernel(count, x, y);
    for (size_t i = 0; i < count; i++) {
        long double exact = function->exact((long double)x[i]);
        long double error = fabsl((long double)y[i] - exact) / ulp_of(exact);
        if (!(error <= so_far)) {
            so_far = error == error ? error : (long double)INFINITY;
            *worst = x[i];
        }
    }
    return so_far;
}

static void check_accuracy(const accuracy *function)
{
    float x[CHUNK], worst_at = 0;
    long double worst = 0;
    size_t held = 0;
    for (uint64_t bits = 0; bits <= UINT32_MAX; bits += MANTISSA_STEP) {
        float candidate = float_of_bits((uint32_t)bits);
        if (!(candidate >= function->low && candidate <= function->high)) continue;
        x[held++] = candidate;
        if (held < CHUNK) continue;
        worst = chunk_error(function, held, x, worst, &worst_at);
        held = 0;
    }
    float ends[] = {function->low, function->high};
    worst = chunk_error(function, held, x, worst, &worst_at);
    worst = chunk_error(function, 2, ends, worst, &worst_at);
    print_message("%-8s on [%g, %g]: %.3Lf ulp at %.9g (bound %.2Lf)\n", function->name, (double)function->low,
                  (double)function->high, worst, (double)worst_at, function->bound);
    assert_true(worst <= function->bound);
    assert_true(worst > 0.4L); /* a comparison that measures nothing would find 0 */
}

static void test_accuracy(void **state)
{
    (void)state;
    const accuracy functions[] = {
        {"exp", gs_vector->exp, expl, -87.33654f, 88.37626f, 1},
        {"log", gs_vector->log, logl, FLT_MIN, FLT_MAX, 1},
        {"tanh", gs_vector->tanh, tanhl, -FLT_MAX, FLT_MAX, 1.4L},
        {"sigmoid", gs_vector->sigmoid, sigmoid_exact, -87.33654f, FLT_MAX, 2.5L},
    };
    for (size_t f = 0; f < sizeof functions / sizeof functions[0]; f++) check_accuracy(&functions[f]);
}

static void normal_pair_exact(const uint32_t words[2], long double pair[2])
{
    const long double two_pi = 6.283185307179586476925286766559L;
    long double u = ((long double)(words[0] >> 9) + 0.5L) / 8388608;
    long double turn = ((long double)(words[1] >> 9) + 0.5L) / 8388608;
    long double radius = sqrtl(-2 * logl(u));
    pair[0] = radius * cosl(two_pi * turn);
    pair[1] = radius * sinl(two_pi * turn);
}

static void test_box_muller(void **state)
{
    (void)state;
    enum { PAIRS = 400000, BLOCKS = PAIRS / 2 };
    uint32_t *words = malloc(2 * PAIRS * sizeof *words);
    float *normals = malloc(2 * PAIRS * sizeof *normals);
    assert_true(words != NULL && normals != NULL);
    gs_rng rng = {.seed = 5, .stream = 77};
    for (uint32_t b = 0; b < BLOCKS; b++) gs_rng_block(rng, b, words + 4 * b);
    const uint32_t extremes[] = {0,          0,          0,     UINT32_MAX,  UINT32_MAX, 0,
                                 UINT32_MAX, UINT32_MAX, 0x1FF, 0x80000000u, 0x200,      0x7FFFFFFF};
    memcpy(words, extremes, sizeof extremes);
    gs_vector->box_muller(PAIRS, words, normals);
    long double worst = 0;
    for (size_t p = 0; p < PAIRS; p++) {
        long double exact[2];
        normal_pair_exact(words + 2 * p, exact);
        for (int i = 0; i < 2; i++) {
            long double error = fabsl((long double)normals[2 * p + (size_t)i] - exact[i]);
            if (!(error <= worst)) worst = error == error ? error : (long double)INFINITY;
        }
    }
    print_message("normal: %.3Lg absolute\n", worst);
    assert_true(worst <= 1e-6L);
    assert_true(worst > 1e-8L);
    free(words);
    free(normals);
}

static void test_limits(void **state)
{
    (void)state;
    for (int v = 0; v < VARIANTS; v++) {
        const gs_vector_kernels *kernels = gs_vector_variant(variant_names[v]);
        if (kernels == NULL) continue;
        const float x[] = {NAN, INFINITY, -INFINITY, 0, -87.4f, 88.4f, -1e30f, 1e30f};
        enum { COUNT = sizeof x / sizeof x[0] };
        float y[COUNT];
        const float exp_expected[COUNT] = {NAN, INFINITY, 0, 1, 0, INFINITY, 0, INFINITY};
        const float tanh_expected[COUNT] = {NAN, 1, -1, 0, -1, 1, -1, 1};
        const float sigmoid_expected[COUNT] = {NAN, 1, 0, 0.5f, 1.1e-38f, 1, 0, 1};
        kernels->exp(COUNT, x, y);
        assert_true(isnan(y[0]));
        for (int i = 1; i < COUNT; i++) assert_true(y[i] >= exp_expected[i] && y[i] <= exp_expected[i]);
        kernels->tanh(COUNT, x, y);
        assert_true(isnan(y[0]));
        for (int i = 1; i < COUNT; i++) assert_true(y[i] >= tanh_expected[i] && y[i] <= tanh_expected[i]);
        kernels->sigmoid(COUNT, x, y);
        assert_true(isnan(y[0]));
        for (int i = 1; i < COUNT; i++) assert_true(fabsf(y[i] - sigmoid_expected[i]) <= 1e-37f);
        kernels->log(1, x, y);
        assert_true(isnan(y[0]));
    }
}

static size_t nan_in(size_t count, const float *x)
{
    size_t found = 0;
    for (size_t i = 0; i < count; i++) found += isnan(x[i]) ? 1u : 0u;
    return found;
}

/* A mean or a log-variance that is NaN: it must not hide behind the clamp. */
static void check_latent_nan(const gs_vector_kernels *kernels)
{
    enum { LATENTS = 19 };
    for (int sick = 0; sick < 2 * LATENTS; sick++) {
        float encoded[2 * LATENTS], noise[LATENTS], deviations[LATENTS], z[LATENTS], divergences[LATENTS];
        float dencoded[2 * LATENTS];
        for (int i = 0; i < 2 * LATENTS; i++) encoded[i] = i == sick ? NAN : 0.5f;
        for (int i = 0; i < LATENTS; i++) noise[i] = 0.25f;
        kernels->latent(1, LATENTS, encoded, noise, deviations, z, divergences);
        kernels->latent_gradient(1, LATENTS, 1, encoded, noise, deviations, noise, dencoded);
        assert_true(isnan(z[sick % LATENTS]) && nan_in(LATENTS, z) == 1);
        assert_true(isnan(divergences[sick % LATENTS]) && nan_in(LATENTS, divergences) == 1);
        assert_true(isnan(dencoded[sick]) && nan_in(2 * LATENTS, dencoded) == 1);
    }
}

static void test_nan_propagates(void **state)
{
    (void)state;
    enum { COUNT = 37, SICK = 20 };
    float x[COUNT], y[COUNT], z[COUNT], m1[COUNT] = {0}, m2[COUNT] = {0};
    for (int v = 0; v < VARIANTS; v++) {
        const gs_vector_kernels *kernels = gs_vector_variant(variant_names[v]);
        if (kernels == NULL) continue;
        void (*const maps[])(size_t, const float *, float *) = {kernels->exp, kernels->log, kernels->tanh,
                                                                kernels->sigmoid};
        for (int i = 0; i < COUNT; i++) x[i] = i == SICK ? NAN : 0.25f + 0.01f * (float)i;
        for (size_t f = 0; f < sizeof maps / sizeof maps[0]; f++) {
            maps[f](COUNT, x, y);
            assert_true(isnan(y[SICK]) && nan_in(COUNT, y) == 1);
        }
        assert_true(isnan(kernels->sum(COUNT, x)));
        kernels->logit_loss(COUNT, 1, x, y, z);
        assert_true(isnan(y[SICK]) && isnan(z[SICK]) && nan_in(COUNT, y) == 1 && nan_in(COUNT, z) == 1);

        memcpy(y, x, sizeof y);
        float bias[COUNT] = {0};
        kernels->bias_sigmoid(1, COUNT, COUNT, bias, y);
        assert_true(isnan(y[SICK]) && nan_in(COUNT, y) == 1);
        for (int i = 0; i < COUNT; i++) z[i] = 1;
        kernels->tanh_gradient(1, COUNT, COUNT, x, z);
        assert_true(isnan(z[SICK]) && nan_in(COUNT, z) == 1);

        assert_true(isnan(kernels->sum_squares(COUNT, x)) && isnan(kernels->softmax_loss(COUNT, 1, 1, x, y)));
        assert_true(nan_in(COUNT, y) == COUNT && isnan(kernels->sigmoid_loss(COUNT, 1, 1, x, y)));
        float sums[GS_LANES];
        memcpy(y, x, sizeof y);
        kernels->softmax_weights(COUNT, y, sums);
        assert_true(isnan(sums[SICK % GS_LANES]) && nan_in(GS_LANES, sums) == 1);

        gs_adam_rates rates = {0.1f, 0.9f, 0.999f, 10, 1000, 1e-8f};
        for (int i = 0; i < COUNT; i++) y[i] = 1;
        kernels->adam(COUNT, rates, x, m1, m2, y);
        assert_true(isnan(y[SICK]) && nan_in(COUNT, y) == 1);

        float close[COUNT * COUNT], similarity[COUNT];
        kernels->closeness(1, COUNT, x, close, similarity);
        assert_true(nan_in(COUNT, similarity) == COUNT);

        memset(y, 0, sizeof y);
        assert_true(isnan(kernels->squared_error(COUNT, 1, x, y, z)) && isnan(z[SICK]) && nan_in(COUNT, z) == 1);
        check_latent_nan(kernels);

        uint8_t bytes[COUNT];
        assert_int_equal(kernels->to_bytes(COUNT, x, bytes), 1);
        assert_int_equal(bytes[SICK], 0);
        x[SICK] = 0.5f;
        assert_int_equal(kernels->to_bytes(COUNT, x, bytes), 0);
    }
}

/* What each kernel must give, from its line in the header, with plain loops in double. */
static void test_definitions(void **state)
{
    (void)state;
    const float image[] = {-1, 0, 1, 2, 0.5f, 100.5f / 255, 100.4f / 255, 1e30f, -1e30f};
    const uint8_t expected_bytes[] = {0, 0, 255, 255, 128, 101, 100, 255, 0};
    uint8_t bytes[sizeof expected_bytes];
    assert_int_equal(gs_vector->to_bytes(sizeof bytes, image, bytes), 0);
    assert_memory_equal(bytes, expected_bytes, sizeof bytes);

    const uint16_t grey_sum[] = {0, 127, 128, 765, 255, 383, 382, 128};
    const uint8_t grey[] = {0, 0, 0, 255, 128, 255, 255, 255};
    assert_int_equal(gs_vector->mismatches(8, grey_sum, grey), 3);

    float template_rgb[96], tinted[96];
    const float color[3] = {0.25f, 0.5f, 2};
    for (int i = 0; i < 96; i++) template_rgb[i] = (float)i;
    gs_vector->tint(96, template_rgb, color, tinted);
    for (int i = 0; i < 96; i++) assert_true(fabsf(tinted[i] - (float)i * color[i % 3]) <= 0);

    const float x[] = {-1, 0, 0.25f, 1, NAN, 0.5f};
    assert_int_equal(gs_vector->count_between(6, x, 0, 1), 2);

    float sums[3] = {1, 2, 3};
    const float rows[] = {1, 2, 3, -99, 10, 20, 30, -99};
    gs_vector->column_sums(2, 3, 4, rows, sums);
    assert_true(fabsf(sums[0] - 12) + fabsf(sums[1] - 24) + fabsf(sums[2] - 36) <= 0);
}

/* The normals of Philox blocks are those of Random123's words, whatever the counter and wherever the first word of it
 * overflows. */
static void test_normals_definition(void **state)
{
    (void)state;
    enum { TRIES = 300, COUNT = 4 * 37 };
    for (int v = 0; v < VARIANTS; v++) {
        const gs_vector_kernels *kernels = gs_vector_variant(variant_names[v]);
        if (kernels == NULL) continue;
        for (uint32_t try = 0; try < TRIES; try++) {
            uint32_t random[8], words[COUNT];
            float expected[COUNT], normals[COUNT + 1];
            gs_rng_block((gs_rng){.seed = 4, .stream = 79}, 2 * try, random);
            gs_rng_block((gs_rng){.seed = 4, .stream = 79}, 2 * try + 1, random + 4);
            if (try % 4 == 0) random[0] = UINT32_MAX - try % 37;
            gs_rng rng = {.seed = random[4] | (uint64_t)random[5] << 32,
                          .stream = random[1],
                          .step = random[2] | (uint64_t)random[3] << 32};
            for (uint32_t b = 0; b < COUNT / 4; b++) gs_rng_block(rng, random[0] + b, words + (size_t)4 * b);
            kernels->box_muller(COUNT / 2, words, expected);
            size_t count = 1 + random[6] % COUNT;
            normals[count] = 42;
            kernels->normals(count, random, random + 4, normals);
            assert_memory_equal(normals, expected, count * sizeof *normals);
            assert_true(fabsf(normals[count] - 42) <= 0);
        }
    }
}

static void test_diffusion_definitions(void **state)
{
    (void)state;
    const float x[] = {0, 1, -2, 0.25f, NAN, 3}, y[] = {2, 0.5f, 1, -1, 1, NAN}, z[] = {1, -1, 2, 0, 1, 1};
    enum { COUNT = sizeof x / sizeof x[0] };
    float here[COUNT], sum[COUNT];
    memcpy(here, x, sizeof here);
    gs_vector->shift(COUNT, -0.5f, here);
    gs_vector->blend(COUNT, 2, x, 3, y, sum);
    for (int i = 0; i < 4; i++)
        assert_true(fabsf(here[i] - (x[i] - 0.5f)) + fabsf(sum[i] - (2 * x[i] + 3 * y[i])) <= 0);
    assert_true(isnan(here[4]) && isnan(sum[4]) && isnan(sum[5]));

    /* estimates 2 y - x: 4, 0, 4, -2.25 and clipped 1, 0, 1, -1 */
    const gs_step_back rates = {-1, 2, -1, 1, 0.5f, 4, 8};
    const float expected[] = {8.5f, -4, 8.5f, 0.5f};
    memcpy(here, x, sizeof here);
    gs_vector->step_back(COUNT, rates, y, z, here);
    for (int i = 0; i < 4; i++) assert_true(fabsf(here[i] - expected[i]) <= 0);
    assert_true(isnan(here[4]) && isnan(here[5]));
}

static void test_adam_definition(void **state)
{
    (void)state;
    enum { COUNT = 19 };
    gs_adam_rates rates = {0.01f, 0.9f, 0.99f, (float)(1 / (1 - 0.9 * 0.9)), (float)(1 / (1 - 0.99 * 0.99)), 1e-4f};
    float gradient[COUNT], m[COUNT], v[COUNT], parameters[COUNT];
    double m_expected[COUNT], v_expected[COUNT], expected[COUNT];
    for (int i = 0; i < COUNT; i++) {
        gradient[i] = 0.3f * (float)(i - 9);
        m[i] = 0.1f * (float)(i % 5);
        v[i] = 0.2f * (float)(i % 3);
        parameters[i] = (float)i;
        m_expected[i] = 0.9 * (double)m[i] + 0.1 * (double)gradient[i];
        v_expected[i] = 0.99 * (double)v[i] + 0.01 * (double)gradient[i] * (double)gradient[i];
        expected[i] = i - 0.01 * (m_expected[i] / (1 - 0.81)) / (sqrt(v_expected[i] / (1 - 0.9801)) + 1e-4);
    }
    gs_vector->adam(COUNT, rates, gradient, m, v, parameters);
    for (int i = 0; i < COUNT; i++) {
        assert_true(fabs((double)m[i] - m_expected[i]) <= 1e-6);
        assert_true(fabs((double)v[i] - v_expected[i]) <= 1e-6);
        assert_true(fabs((double)parameters[i] - expected[i]) <= 1e-6 * (1 + fabs(expected[i])));
    }

    float m_again[COUNT], v_again[COUNT], again[COUNT], averages[COUNT];
    for (int i = 0; i < COUNT; i++) {
        m_again[i] = 0.1f * (float)(i % 5);
        v_again[i] = 0.2f * (float)(i % 3);
        again[i] = (float)i;
        averages[i] = 2 * (float)i - 7;
    }
    gs_vector->adam_average(COUNT, rates, 0.25f, gradient, m_again, v_again, again, averages);
    assert_memory_equal(m_again, m, sizeof m);
    assert_memory_equal(v_again, v, sizeof v);
    assert_memory_equal(again, parameters, sizeof parameters);
    for (int i = 0; i < COUNT; i++) {
        double average = 0.75 * (2 * i - 7) + 0.25 * (double)parameters[i];
        assert_true(fabs((double)averages[i] - average) <= 1e-6 * (1 + fabs(average)));
    }
}

static void test_logit_loss_definition(void **state)
{
    (void)state;
    const float x[] = {-100, -20, -3, -0.5f, 0, 0.5f, 3, 20, 100};
    enum { COUNT = sizeof x / sizeof x[0] };
    for (int target = 0; target <= 1; target++) {
        float losses[COUNT], gradients[COUNT];
        gs_vector->logit_loss(COUNT, (float)target, x, losses, gradients);
        for (int i = 0; i < COUNT; i++) {
            double at = (double)x[i], probability = 1 / (1 + exp(-at));
            double exact = fmax(at, 0) + log1p(exp(-fabs(at))) - target * at;
            assert_true(fabs((double)losses[i] - exact) <= 2e-7 * (1 + exact));
            assert_true(fabs((double)gradients[i] - (probability - target)) <= 2e-7);
        }
    }
}

static void test_squared_error_definition(void **state)
{
    (void)state;
    enum { LENGTH = 2352 };
    float y[LENGTH], target[LENGTH], dy[LENGTH];
    double expected = 0;
    for (int i = 0; i < LENGTH; i++) {
        y[i] = 0.5f + 0.5f * sinf((float)i);
        target[i] = (float)(i % 7) / 7;
        expected += 0.5 * ((double)y[i] - (double)target[i]) * ((double)y[i] - (double)target[i]);
    }
    float loss = gs_vector->squared_error(LENGTH, 0.25f, y, target, dy);
    assert_true(fabs((double)loss - expected) <= 1e-6 * expected);
    for (int i = 0; i < LENGTH; i++) assert_true(fabsf(dy[i] - 0.25f * (y[i] - target[i])) <= 0);
}

/* tests/double/test_layer_gradients.c checks the gradient; here, what float makes of the limits. */
static void test_latent_definition(void **state)
{
    (void)state;
    enum { LATENTS = 6 };
    const float encoded[2 * LATENTS] = {-3, -1, 0, 0.5f, 1, 3, -1e30f, -10, -0.5f, 0, 10, 1e30f};
    const float noise[LATENTS] = {1, -1, 0.5f, 2, -2, 1};
    float deviations[LATENTS], z[LATENTS], divergences[LATENTS], dencoded[2 * LATENTS];
    gs_vector->latent(1, LATENTS, encoded, noise, deviations, z, divergences);
    gs_vector->latent_gradient(1, LATENTS, 0.5f, encoded, noise, deviations, noise, dencoded);
    for (int i = 0; i < LATENTS; i++) {
        double mean = (double)encoded[i], v = fmax(-10, fmin(10, (double)encoded[LATENTS + i])), e = (double)noise[i];
        double deviation = exp(v / 2), slope = 0.5 * (e * e * deviation + 0.5 * (deviation * deviation - 1));
        bool clamped = fabsf(encoded[LATENTS + i]) > 10;
        assert_true(fabs((double)z[i] - (mean + deviation * e)) <= 1e-6 * (1 + fabs(mean) + deviation * fabs(e)));
        assert_true(fabs((double)divergences[i] - 0.5 * (mean * mean + exp(v) - v - 1)) <=
                    1e-6 * (1 + mean * mean + exp(v)));
        assert_true(fabs((double)dencoded[i] - (e + 0.5 * mean)) <= 1e-6);
        assert_true(fabs((double)dencoded[LATENTS + i] - (clamped ? 0 : slope)) <= 1e-6 * (1 + fabs(slope)));
    }
}

static void test_class_loss_definitions(void **state)
{
    (void)state;
    enum { COUNT = 37 };
    float x[COUNT], soft[COUNT], binary[COUNT], weights[COUNT], sums[GS_LANES];
    double exponentials = 0, softplus = 0;
    for (int k = 0; k < COUNT; k++) {
        weights[k] = x[k] = 10 * sinf((float)(k * k));
        exponentials += exp((double)x[k]);
        softplus += fmax((double)x[k], 0) + log1p(exp(-fabs((double)x[k])));
    }
    gs_vector->softmax_weights(COUNT, weights, sums);
    double total = 0;
    for (int lane = 0; lane < GS_LANES; lane++) total += (double)sums[lane];
    for (int target = 0; target < COUNT; target++) {
        double loss = (double)gs_vector->softmax_loss(COUNT, (size_t)target, 0.25f, x, soft);
        assert_true(fabs(loss - (log(exponentials) - (double)x[target])) <= 4e-6);
        loss = (double)gs_vector->sigmoid_loss(COUNT, (size_t)target, 0.5f, x, binary);
        assert_true(fabs(loss - (softplus - (double)x[target])) <= 2e-5);
        for (int k = 0; k < COUNT; k++) {
            double law = exp((double)x[k]) / exponentials, probability = 1 / (1 + exp(-(double)x[k])),
                   right = k == target;
            assert_true(fabs((double)soft[k] - 0.25 * (law - right)) <= 1e-7);
            assert_true(fabs((double)binary[k] - 0.5 * (probability - right)) <= 2e-7);
            assert_true(fabs((double)weights[k] / total - law) <= 2e-7);
        }
    }
    /* Logits far from zero, where exp alone would overflow. */
    const float far[2] = {200, -200};
    assert_true(fabsf(gs_vector->softmax_loss(2, 1, 1, far, soft) - 400) <= 1e-3f);
    assert_true(fabsf(soft[0] - 1) + fabsf(soft[1] + 1) <= 1e-6f);
    assert_true(fabsf(gs_vector->softmax_loss(2, 0, 1, far, soft)) <= 1e-6f);
    assert_true(fabsf(gs_vector->sigmoid_loss(2, 1, 1, far, soft) - 400) <= 1e-3f);
}

static void test_lstm_definition(void **state)
{
    (void)state;
    enum { ROWS = 3, UNITS = 5, COUNT = ROWS * UNITS };
    float before[COUNT], gates[4 * COUNT], c[COUNT], h[COUNT], dh[COUNT], dc[COUNT];
    double in[COUNT], kept[COUNT], new[COUNT], out[COUNT], cell[COUNT];
    for (int i = 0; i < 4 * COUNT; i++) gates[i] = 2 * sinf((float)(i * i));
    for (int i = 0; i < COUNT; i++) {
        size_t row = (size_t)(4 * (i / UNITS) * UNITS + i % UNITS);
        before[i] = cosf((float)i);
        dh[i] = sinf((float)i + 1);
        dc[i] = sinf((float)i + 2);
        in[i] = 1 / (1 + exp(-(double)gates[row]));
        kept[i] = 1 / (1 + exp(-(double)gates[row + UNITS]));
        new[i] = tanh((double)gates[row + 2 * UNITS]);
        out[i] = 1 / (1 + exp(-(double)gates[row + 3 * UNITS]));
        cell[i] = kept[i] * (double)before[i] + in[i] * new[i];
    }
    gs_vector->lstm_forward(ROWS, UNITS, before, gates, c, h);
    for (int i = 0; i < COUNT; i++) {
        assert_true(fabs((double)c[i] - cell[i]) <= 1e-6);
        assert_true(fabs((double)h[i] - out[i] * tanh(cell[i])) <= 1e-6);
    }
    gs_vector->lstm_backward(ROWS, UNITS, before, c, dh, dc, gates);
    for (int i = 0; i < COUNT; i++) {
        size_t row = (size_t)(4 * (i / UNITS) * UNITS + i % UNITS);
        double squashed = tanh(cell[i]), dcell = sin(i + 2.0) + sin(i + 1.0) * out[i] * (1 - squashed * squashed);
        assert_true(fabs((double)gates[row] - dcell * new[i] * in[i] * (1 - in[i])) <= 1e-6);
        assert_true(fabs((double)gates[row + UNITS] - dcell * (double)before[i] * kept[i] * (1 - kept[i])) <= 1e-6);
        assert_true(fabs((double)gates[row + 2 * UNITS] - dcell * in[i] * (1 - new[i] * new[i])) <= 1e-6);
        assert_true(fabs((double)gates[row + 3 * UNITS] - sin(i + 1.0) * squashed * out[i] * (1 - out[i])) <= 1e-6);
        assert_true(fabs((double)dc[i] - dcell * kept[i]) <= 1e-6);
    }
}

static void test_unknown_variant(void **state)
{
    (void)state;
    assert_null(gs_vector_variant("sse9"));
}

int main(void)
{
    gs_blas_one_thread();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_accuracy),
        cmocka_unit_test(test_box_muller),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_nan_propagates),
        cmocka_unit_test(test_definitions),
        cmocka_unit_test(test_normals_definition),
        cmocka_unit_test(test_diffusion_definitions),
        cmocka_unit_test(test_adam_definition),
        cmocka_unit_test(test_logit_loss_definition),
        cmocka_unit_test(test_squared_error_definition),
        cmocka_unit_test(test_latent_definition),
        cmocka_unit_test(test_class_loss_definitions),
        cmocka_unit_test(test_lstm_definition),
        cmocka_unit_test(test_unknown_variant),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
