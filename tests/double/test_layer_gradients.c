/* The gradients of layers and losses against plain loops written from their headers and central
 * differences, in double. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <string.h>

#include "ground/rng.h"
#include "ground/vector.h"
#include "nn/dense.h"
#include "nn/losses.h"
#include "nn/minibatch.h"

static const double difference_step = 1e-5;

/* ---- the dense layer ---- */

enum { ROWS = 5, INPUTS = 7, OUTPUTS = 4, OUTPUT_STRIDE = 6, INPUT_STRIDE = 9 };

/* A fixed sequence of numbers in (-1, 1). */
static void fill(gs_real *x, size_t count, double phase)
{
    for (size_t i = 0; i < count; i++) x[i] = sin(1.7 * (double)i + phase) * 0.9;
}

static double activate(gs_activation activation, double x)
{
    return activation == GS_TANH ? tanh(x) : activation == GS_SIGMOID ? 1 / (1 + exp(-x)) : x;
}

static double slope(gs_activation activation, double y)
{
    return activation == GS_TANH ? 1 - y * y : activation == GS_SIGMOID ? y * (1 - y) : 1;
}

typedef struct {
    gs_tensor_table table;
    gs_dense layer;
    gs_real parameters[64], gradients[64];
    gs_real x[ROWS * INPUT_STRIDE], dx[ROWS * INPUT_STRIDE], y[ROWS * OUTPUT_STRIDE], dy[ROWS * OUTPUT_STRIDE];
    gs_matrix input, dinput, output, doutput;
} dense_bench;

static void bench_create(dense_bench *bench, gs_activation activation)
{
    memset(bench, 0, sizeof *bench);
    bench->layer = gs_dense_add(&bench->table, "layer", INPUTS, OUTPUTS, activation);
    assert_true(bench->table.size <= 64);
    fill(bench->parameters, bench->table.size, 0.3);
    fill(bench->x, ROWS * INPUT_STRIDE, 1);
    fill(bench->y, ROWS * OUTPUT_STRIDE, 2);
    fill(bench->dy, ROWS * OUTPUT_STRIDE, 3);
    fill(bench->dx, ROWS * INPUT_STRIDE, 4);
    bench->input = (gs_matrix){bench->x, ROWS, INPUTS, INPUT_STRIDE};
    bench->dinput = (gs_matrix){bench->dx, ROWS, INPUTS, INPUT_STRIDE};
    bench->output = (gs_matrix){bench->y, ROWS, OUTPUTS, OUTPUT_STRIDE};
    bench->doutput = (gs_matrix){bench->dy, ROWS, OUTPUTS, OUTPUT_STRIDE};
}

static void assert_near(double actual, double expected)
{
    if (!(fabs(actual - expected) <= 1e-13)) fail_msg("%.17g, not %.17g", actual, expected);
}

/* What lies between the rows belongs to others. */
static void assert_gaps_untouched(const gs_real *values, int columns, int stride, double phase)
{
    gs_real filled[ROWS * INPUT_STRIDE];
    fill(filled, (size_t)(ROWS * stride), phase);
    for (int r = 0; r < ROWS; r++)
        for (int c = columns; c < stride; c++) assert_near(values[r * stride + c], filled[r * stride + c]);
}

/* The same in plain loops, from y = f(x kernel + bias); gradients are added to `start`. */
static void check_dense(gs_activation activation, gs_real keep)
{
    dense_bench bench;
    bench_create(&bench, activation);
    fill(bench.gradients, bench.table.size, 5);
    gs_real start[64], dy[ROWS * OUTPUT_STRIDE], da[ROWS][OUTPUTS];
    memcpy(start, bench.gradients, sizeof start);
    memcpy(dy, bench.dy, sizeof dy);
    const gs_real *kernel = bench.parameters + bench.table.tensors[bench.layer.kernel].offset;
    const gs_real *bias = bench.parameters + bench.table.tensors[bench.layer.bias].offset;

    gs_dense_forward(&bench.layer, &bench.table, bench.parameters, bench.input, bench.output);
    for (int r = 0; r < ROWS; r++)
        for (int o = 0; o < OUTPUTS; o++) {
            double sum = bias[o];
            for (int i = 0; i < INPUTS; i++) sum += bench.x[r * INPUT_STRIDE + i] * kernel[i * OUTPUTS + o];
            double y = activate(activation, sum);
            assert_near(bench.y[r * OUTPUT_STRIDE + o], y);
            da[r][o] = dy[r * OUTPUT_STRIDE + o] * slope(activation, y);
        }
    gs_dense_backward(&bench.layer, &bench.table, bench.parameters, bench.input, bench.output, bench.doutput,
                      (gs_gradients){.parameters = bench.gradients, .keep = keep}, bench.dinput);

    size_t dkernel = bench.table.tensors[bench.layer.kernel].offset;
    size_t dbias = bench.table.tensors[bench.layer.bias].offset;
    for (size_t o = 0; o < OUTPUTS; o++) {
        double sum = keep * start[dbias + o];
        for (int r = 0; r < ROWS; r++) sum += da[r][o];
        assert_near(bench.gradients[dbias + o], sum);
        for (size_t i = 0; i < INPUTS; i++) {
            sum = keep * start[dkernel + i * OUTPUTS + o];
            for (size_t r = 0; r < ROWS; r++) sum += bench.x[r * INPUT_STRIDE + i] * da[r][o];
            assert_near(bench.gradients[dkernel + i * OUTPUTS + o], sum);
        }
    }
    for (size_t r = 0; r < ROWS; r++)
        for (size_t i = 0; i < INPUTS; i++) {
            double sum = 0;
            for (size_t o = 0; o < OUTPUTS; o++) sum += da[r][o] * kernel[i * OUTPUTS + o];
            assert_near(bench.dx[r * INPUT_STRIDE + i], sum);
        }
    assert_gaps_untouched(bench.y, OUTPUTS, OUTPUT_STRIDE, 2);
    assert_gaps_untouched(bench.dy, OUTPUTS, OUTPUT_STRIDE, 3);
    assert_gaps_untouched(bench.dx, INPUTS, INPUT_STRIDE, 4);
}

static void test_dense(void **state)
{
    (void)state;
    const gs_activation activations[] = {GS_LINEAR, GS_TANH, GS_SIGMOID};
    for (int a = 0; a < 3; a++) {
        check_dense(activations[a], 0);
        check_dense(activations[a], 1);
    }
}

/* keep = 0 overwrites whatever was there, and gradients that nobody asked for are left alone. */
static void test_dense_overwrites_and_omits(void **state)
{
    (void)state;
    dense_bench bench;
    bench_create(&bench, GS_TANH);
    for (int i = 0; i < 64; i++) bench.gradients[i] = (double)NAN;
    for (int i = 0; i < ROWS * INPUT_STRIDE; i++) bench.dx[i] = (double)NAN;
    gs_dense_forward(&bench.layer, &bench.table, bench.parameters, bench.input, bench.output);
    gs_dense_backward(&bench.layer, &bench.table, bench.parameters, bench.input, bench.output, bench.doutput,
                      (gs_gradients){.parameters = bench.gradients}, bench.dinput);
    for (int t = 0; t < bench.table.count; t++)
        for (size_t i = 0; i < gs_tensor_elements(&bench.table.tensors[t]); i++)
            assert_true(isfinite(bench.gradients[bench.table.tensors[t].offset + i]));
    for (int r = 0; r < ROWS; r++)
        for (int i = 0; i < INPUTS; i++) assert_true(isfinite(bench.dx[r * INPUT_STRIDE + i]));

    bench_create(&bench, GS_TANH);
    gs_dense_forward(&bench.layer, &bench.table, bench.parameters, bench.input, bench.output);
    gs_dense_backward(&bench.layer, &bench.table, bench.parameters, bench.input, bench.output, bench.doutput,
                      (gs_gradients){0}, (gs_matrix){0});
    for (int i = 0; i < 64; i++) assert_near(bench.gradients[i], 0);
    assert_gaps_untouched(bench.dx, 0, INPUT_STRIDE, 4);
}

/* ---- minibatch discrimination ---- */

enum { BATCH_MAX = 33, FEATURES = 6, KERNELS = 3, DIMENSIONS = 2, PROJECTED = KERNELS * DIMENSIONS };

/* o (batch x KERNELS) and, where not NULL, the closeness (KERNELS x batch x batch), as nn/minibatch.h says. */
static void naive_minibatch(int batch, const double *f, const double *kernel, double *o, double *close)
{
    double m[BATCH_MAX][PROJECTED];
    for (int i = 0; i < batch; i++)
        for (int p = 0; p < PROJECTED; p++) {
            m[i][p] = 0;
            for (int u = 0; u < FEATURES; u++) m[i][p] += f[i * FEATURES + u] * kernel[u * PROJECTED + p];
        }
    for (int i = 0; i < batch; i++)
        for (int k = 0; k < KERNELS; k++) {
            double sum = 0;
            for (int j = 0; j < batch; j++) {
                double apart = 0;
                for (int d = 0; d < DIMENSIONS; d++) apart += fabs(m[i][k * DIMENSIONS + d] - m[j][k * DIMENSIONS + d]);
                sum += exp(-apart);
                if (close != NULL) close[(k * batch + i) * batch + j] = exp(-apart);
            }
            o[i * KERNELS + k] = sum - 1;
        }
}

/* sum over i, k of weight[i][k] o_k(i): a loss whose gradient at o is `weight`. */
static double naive_loss(int batch, const double *f, const double *kernel, const double *weight)
{
    double o[BATCH_MAX * KERNELS], loss = 0;
    naive_minibatch(batch, f, kernel, o, NULL);
    for (int i = 0; i < batch * KERNELS; i++) loss += weight[i] * o[i];
    return loss;
}

/* d naive_loss / d *x by central differences; x is an element of f or of kernel. */
static double naive_slope(int batch, const double *f, const double *kernel, const double *weight, double *x)
{
    double kept = *x;
    *x = kept + 1e-6;
    double above = naive_loss(batch, f, kernel, weight);
    *x = kept - 1e-6;
    double below = naive_loss(batch, f, kernel, weight);
    *x = kept;
    return (above - below) / 2e-6;
}

typedef struct {
    gs_arena *arena;
    gs_tensor_table table;
    gs_minibatch layer;
    gs_real *parameters, *gradients;
    double f[BATCH_MAX * FEATURES], o[BATCH_MAX * KERNELS], weight[BATCH_MAX * KERNELS], df[BATCH_MAX * FEATURES];
} minibatch_bench;

static void minibatch_create(minibatch_bench *bench, int batch)
{
    memset(bench, 0, sizeof *bench);
    assert_int_equal(gs_arena_create(&bench->arena, 0, NULL), GS_OK);
    bench->layer = gs_minibatch_add(&bench->table, "minibatch", FEATURES, KERNELS, DIMENSIONS);
    gs_minibatch_take(&bench->layer, bench->arena, batch);
    bench->parameters = gs_arena_take(bench->arena, bench->table.size, sizeof(gs_real));
    bench->gradients = gs_arena_take(bench->arena, bench->table.size, sizeof(gs_real));
    assert_int_equal(gs_arena_check(bench->arena, NULL), GS_OK);
    gs_rng rng = {.seed = 4, .stream = GS_STREAM_NOISE};
    gs_rng_normal(rng, 0, (size_t)(batch * FEATURES), bench->f);
    gs_tensors_initialise(&bench->table, 4, bench->parameters);
    fill(bench->weight, (size_t)(batch * KERNELS), 0.2);
    fill(bench->df, (size_t)(batch * FEATURES), 0.6);
    fill(bench->gradients, bench->table.size, 0.8);
    gs_minibatch_forward(&bench->layer, &bench->table, bench->parameters, gs_matrix_of(bench->f, batch, FEATURES),
                         gs_matrix_of(bench->o, batch, KERNELS));
}

static void check_minibatch(int batch, gs_real keep)
{
    minibatch_bench bench;
    minibatch_create(&bench, batch);
    double *kernel = bench.parameters + bench.table.tensors[bench.layer.kernel].offset;
    double o[BATCH_MAX * KERNELS], close[KERNELS * BATCH_MAX * BATCH_MAX];
    double df[BATCH_MAX * FEATURES], start[FEATURES * PROJECTED];
    naive_minibatch(batch, bench.f, kernel, o, close);
    int active = 0;
    for (int i = 0; i < KERNELS * batch * batch; i++) active += close[i] > 1e-3 && close[i] < 1 - 1e-3;
    for (int i = 0; i < batch * KERNELS; i++) assert_near(bench.o[i], o[i]);
    assert_near(gs_minibatch_active(&bench.layer), (double)active / (KERNELS * batch * (batch - 1)));

    memcpy(df, bench.df, sizeof df);
    memcpy(start, bench.gradients, sizeof start);
    gs_minibatch_backward(&bench.layer, &bench.table, bench.parameters, gs_matrix_of(bench.f, batch, FEATURES),
                          gs_matrix_of(bench.weight, batch, KERNELS),
                          (gs_gradients){.parameters = bench.gradients, .keep = keep},
                          gs_matrix_of(bench.df, batch, FEATURES));
    /* The loss here is about 10, so that its rounding gives differences an error of 1e-9. */
    for (int i = 0; i < batch * FEATURES; i++) {
        double expected = df[i] + naive_slope(batch, bench.f, kernel, bench.weight, &bench.f[i]);
        assert_true(fabs(bench.df[i] - expected) <= 2e-8);
    }
    for (int i = 0; i < FEATURES * PROJECTED; i++) {
        double expected = keep * start[i] + naive_slope(batch, bench.f, kernel, bench.weight, &kernel[i]);
        assert_true(fabs(bench.gradients[i] - expected) <= 2e-8);
    }

    /* Without gradients of its own the layer still passes the gradient on. */
    memcpy(start, bench.gradients, sizeof start);
    memset(bench.df, 0, sizeof bench.df);
    gs_minibatch_backward(&bench.layer, &bench.table, bench.parameters, gs_matrix_of(bench.f, batch, FEATURES),
                          gs_matrix_of(bench.weight, batch, KERNELS), (gs_gradients){0},
                          gs_matrix_of(bench.df, batch, FEATURES));
    assert_memory_equal(start, bench.gradients, sizeof start);
    double slope_here = naive_slope(batch, bench.f, kernel, bench.weight, &bench.f[0]);
    assert_true(fabs(bench.df[0] - slope_here) <= 2e-8);
    gs_arena_destroy(&bench.arena);
}

static void test_minibatch(void **state)
{
    (void)state;
    const int batches[] = {2, 5, 16, 33};
    for (size_t b = 0; b < sizeof batches / sizeof batches[0]; b++) {
        check_minibatch(batches[b], 0);
        check_minibatch(batches[b], 1);
    }
}

/* ---- losses ---- */

/* The mean of 1/2 (y - t)^2 and its gradient, from matrices with gaps between the rows. */
static void test_squared_error(void **state)
{
    (void)state;
    enum { COLUMNS = 21, STRIDE = 23 };
    gs_real y[ROWS * STRIDE], target[ROWS * COLUMNS], dy[ROWS * STRIDE], filled[ROWS * STRIDE];
    double expected = 0;
    fill(y, ROWS * STRIDE, 1);
    fill(target, ROWS * COLUMNS, 2);
    fill(dy, ROWS * STRIDE, 3);
    memcpy(filled, dy, sizeof filled);
    double loss = gs_squared_error((gs_matrix){y, ROWS, COLUMNS, STRIDE}, gs_matrix_of(target, ROWS, COLUMNS),
                                   (gs_matrix){dy, ROWS, COLUMNS, STRIDE});
    for (int r = 0; r < ROWS; r++)
        for (int c = 0; c < STRIDE; c++) {
            double apart = c < COLUMNS ? y[r * STRIDE + c] - target[r * COLUMNS + c] : 0;
            expected += apart * apart / 2 / (ROWS * COLUMNS);
            assert_near(dy[r * STRIDE + c], c < COLUMNS ? apart / (ROWS * COLUMNS) : filled[r * STRIDE + c]);
        }
    assert_near(loss, expected);
}

enum { LATENTS = 5, LATENT_ROWS = 4, LATENT_COUNT = LATENTS * LATENT_ROWS };
static const double divergence_weight = 0.7;

typedef struct {
    gs_real encoded[2 * LATENT_COUNT], noise[LATENT_COUNT], deviations[LATENT_COUNT], z[LATENT_COUNT];
    gs_real divergences[LATENT_COUNT], dz[LATENT_COUNT], dencoded[2 * LATENT_COUNT];
} latent_bench;

/* sum dz z + weight * sum of divergences: a loss whose gradient at z is dz. */
static double latent_loss(latent_bench *bench)
{
    double loss = 0;
    gs_vector->latent(LATENT_ROWS, LATENTS, bench->encoded, bench->noise, bench->deviations, bench->z,
                      bench->divergences);
    for (int i = 0; i < LATENT_COUNT; i++)
        loss += bench->dz[i] * bench->z[i] + divergence_weight * bench->divergences[i];
    return loss;
}

/* The latent's gradient against central differences; a clamped log-variance has none. */
static void check_latent_gradient(latent_bench *bench)
{
    latent_loss(bench);
    gs_vector->latent_gradient(LATENT_ROWS, LATENTS, divergence_weight, bench->encoded, bench->noise, bench->deviations,
                               bench->dz, bench->dencoded);
    for (int i = 0; i < 2 * LATENT_COUNT; i++) {
        gs_real kept = bench->encoded[i];
        bench->encoded[i] = kept + difference_step;
        double above = latent_loss(bench);
        bench->encoded[i] = kept - difference_step;
        double below = latent_loss(bench);
        bench->encoded[i] = kept;
        double expected = (above - below) / (2 * difference_step);
        /* losses of exp(10) are rounded to 1e-11, which the division by the step blows up to 1e-6 */
        assert_true(fabs(bench->dencoded[i] - expected) <= 1e-5 * (1 + fabs(expected)));
        assert_true(fabs(kept) > 10 ? fabs(bench->dencoded[i]) <= 0 : fabs(bench->dencoded[i]) > 1e-3);
    }
}

/* The formulas of models/vae.c, with log-variances on both sides of both limits. */
static void test_latent(void **state)
{
    (void)state;
    latent_bench bench;
    fill(bench.encoded, 2 * LATENT_COUNT, 1);
    fill(bench.noise, LATENT_COUNT, 2);
    fill(bench.dz, LATENT_COUNT, 3);
    const double log_variances[LATENTS] = {-30, -9.9, 0.4, 9.9, 30};
    for (int r = 0; r < LATENT_ROWS; r++)
        memcpy(bench.encoded + (2 * r + 1) * LATENTS, log_variances, sizeof log_variances);
    latent_loss(&bench);
    for (int i = 0; i < LATENT_COUNT; i++) {
        double mean = bench.encoded[i / LATENTS * 2 * LATENTS + i % LATENTS];
        double v = fmax(-10, fmin(10, log_variances[i % LATENTS])), divergence = 0.5 * (mean * mean + exp(v) - v - 1);
        assert_near(bench.deviations[i] / exp(v / 2), 1);
        assert_near((bench.z[i] - mean) / exp(v / 2), bench.noise[i]);
        assert_near(bench.divergences[i] / divergence, 1);
    }
    check_latent_gradient(&bench);
}

int main(void)
{
    gs_blas_one_thread();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dense),     cmocka_unit_test(test_dense_overwrites_and_omits),
        cmocka_unit_test(test_minibatch), cmocka_unit_test(test_squared_error),
        cmocka_unit_test(test_latent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
