/* The element-wise kernels give the same bits with every instruction set. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ground/rng.h"
#include "ground/vector.h"

static const char *const variant_names[] = {"baseline", "avx2", "avx512"};
enum { VARIANTS = 3, CHUNK = 4096 };

/* Every kernel of a variant, on the same data, one after the other into one long record of bytes. */
enum { LONGEST = 67, DEPTH = 3, RECORD = 400000 };

typedef struct {
    uint8_t *bytes;
    size_t used;
} record;

static void keep(record *all, const void *data, size_t size)
{
    assert_true(all->used + size <= RECORD);
    memcpy(all->bytes + all->used, data, size);
    all->used += size;
}

static void fill(float *x, size_t count, uint64_t step, float scale)
{
    gs_rng rng = {.seed = 99, .stream = 78, .step = step};
    uint32_t words[4] = {0};
    for (size_t i = 0; i < count; i++) {
        if (i % 4 == 0) gs_rng_block(rng, (uint32_t)(i / 4), words);
        x[i] = ((float)(words[i % 4] >> 8) * 0x1p-23f - 1) * scale;
    }
}

static void record_maps(const gs_vector_kernels *kernels, size_t count, record *all)
{
    float x[LONGEST], y[LONGEST];
    fill(x, count, count, 30);
    kernels->exp(count, x, y);
    keep(all, y, count * sizeof *y);
    kernels->sigmoid(count, x, y);
    keep(all, y, count * sizeof *y);
    fill(x, count, count, 3);
    kernels->tanh(count, x, y);
    keep(all, y, count * sizeof *y);
    for (size_t i = 0; i < count; i++) x[i] = fabsf(x[i]) + 1e-20f;
    kernels->log(count, x, y);
    keep(all, y, count * sizeof *y);
    float total = kernels->sum(count, x);
    keep(all, &total, sizeof total);
    size_t between = kernels->count_between(count, x, 0.5f, 2);
    keep(all, &between, sizeof between);

    uint32_t words[2 * LONGEST];
    float normals[2 * LONGEST];
    for (size_t i = 0; i < 2 * count; i++) words[i] = (uint32_t)(i * 2654435761u + count * 40503u);
    kernels->box_muller(count, words, normals);
    keep(all, normals, 2 * count * sizeof *normals);

    const uint32_t counter[4] = {UINT32_MAX - 20, 0x9E3779B9u, (uint32_t)count, 7}, key[2] = {0xD2511F53u, 0xFFFFFFFFu};
    kernels->normals(2 * count, counter, key, normals);
    keep(all, normals, 2 * count * sizeof *normals);

    float losses[LONGEST], gradients[LONGEST];
    fill(x, count, count + 1000, 12);
    kernels->logit_loss(count, 1, x, losses, gradients);
    keep(all, losses, count * sizeof *losses);
    keep(all, gradients, count * sizeof *gradients);
}

static void record_rows(const gs_vector_kernels *kernels, size_t columns, record *all)
{
    enum { ROWS = 3, STRIDE = LONGEST + 2 };
    float y[ROWS * STRIDE], dy[ROWS * STRIDE], bias[LONGEST], sums[LONGEST];
    void (*const biases[])(size_t, size_t, size_t, const float *, float *) = {kernels->bias_linear, kernels->bias_tanh,
                                                                              kernels->bias_sigmoid};
    void (*const gradients[])(size_t, size_t, size_t, const float *, float *) = {kernels->tanh_gradient,
                                                                                 kernels->sigmoid_gradient};
    fill(bias, columns, columns + 2000, 1);
    for (size_t f = 0; f < 3; f++) {
        fill(y, ROWS * STRIDE, columns + 3000, 2);
        biases[f](ROWS, columns, STRIDE, bias, y);
        keep(all, y, sizeof y); /* with what must stay untouched between the rows */
    }
    for (size_t f = 0; f < 2; f++) {
        fill(dy, ROWS * STRIDE, columns + 4000, 2);
        gradients[f](ROWS, columns, STRIDE, y, dy);
        keep(all, dy, sizeof dy);
    }
    fill(sums, columns, columns + 5000, 1);
    kernels->column_sums(ROWS, columns, STRIDE, y, sums);
    keep(all, sums, columns * sizeof *sums);

    float means[LONGEST], deviations[LONGEST];
    kernels->deviations(ROWS, columns, STRIDE, 1e-8f, y, means, deviations);
    keep(all, means, columns * sizeof *means);
    keep(all, deviations, columns * sizeof *deviations);
    kernels->deviations_gradient(ROWS, columns, STRIDE, 0.37f, y, means, deviations, dy);
    keep(all, dy, sizeof dy);
    kernels->tanh_curvature(columns, bias, means, deviations, sums);
    keep(all, sums, columns * sizeof *sums);
    float products = kernels->product_sum(columns, means, bias);
    keep(all, &products, sizeof products);
}

static void record_diffusion(const gs_vector_kernels *kernels, size_t count, record *all)
{
    float x[LONGEST], y[LONGEST], z[LONGEST];
    gs_step_back rates = {1.7f, -1.3f, -0.5f, 0.5f, 0.3f, 0.71f, 0.043f};
    fill(x, count, count + 14000, 1);
    fill(y, count, count + 15000, 1);
    kernels->shift(count, -0.3f, x);
    kernels->blend(count, 0.37f, x, 0.91f, y, z);
    keep(all, z, count * sizeof *z);
    kernels->step_back(count, rates, x, y, z);
    keep(all, z, count * sizeof *z);
}

static void record_adam(const gs_vector_kernels *kernels, size_t count, record *all)
{
    gs_adam_rates rates = {1e-3f, 0.9f, 0.999f, 5.2631578f, 500.25f, 1e-8f};
    float gradient[LONGEST], m[LONGEST], v[LONGEST], parameters[LONGEST], averages[LONGEST];
    fill(gradient, count, count + 6000, 1);
    fill(m, count, count + 7000, 1);
    fill(v, count, count + 8000, 1);
    fill(parameters, count, count + 9000, 1);
    for (size_t i = 0; i < count; i++) v[i] = fabsf(v[i]);
    kernels->adam(count, rates, gradient, m, v, parameters);
    keep(all, m, count * sizeof *m);
    keep(all, v, count * sizeof *v);
    keep(all, parameters, count * sizeof *parameters);
    fill(averages, count, count + 9500, 1);
    kernels->adam_average(count, rates, 0.0013f, gradient, m, v, parameters, averages);
    keep(all, m, count * sizeof *m);
    keep(all, v, count * sizeof *v);
    keep(all, parameters, count * sizeof *parameters);
    keep(all, averages, count * sizeof *averages);
}

static void record_closeness(const gs_vector_kernels *kernels, size_t batch, record *all)
{
    float m[DEPTH * LONGEST], close[LONGEST * LONGEST], similarity[LONGEST], g[LONGEST], dm[DEPTH * LONGEST];
    fill(m, DEPTH * batch, batch + 10000, 1);
    fill(g, batch, batch + 11000, 1);
    kernels->closeness(DEPTH, batch, m, close, similarity);
    kernels->closeness_gradient(DEPTH, batch, m, close, g, dm);
    keep(all, close, batch * batch * sizeof *close);
    keep(all, similarity, batch * sizeof *similarity);
    keep(all, dm, DEPTH * batch * sizeof *dm);
}

static void record_losses(const gs_vector_kernels *kernels, size_t count, record *all)
{
    float y[LONGEST], target[LONGEST], dy[LONGEST];
    fill(y, count, count + 14000, 1);
    fill(target, count, count + 15000, 1);
    float loss = kernels->squared_error(count, 0.01f, y, target, dy);
    keep(all, &loss, sizeof loss);
    keep(all, dy, count * sizeof *dy);

    enum { ROWS = 3, LATENTS = ROWS * LONGEST };
    float encoded[2 * LATENTS], noise[LATENTS], deviations[LATENTS], z[LATENTS], divergences[LATENTS];
    fill(encoded, 2 * ROWS * count, count + 16000, 11); /* log-variances inside and outside the clamp */
    fill(noise, ROWS * count, count + 17000, 2);
    kernels->latent(ROWS, count, encoded, noise, deviations, z, divergences);
    keep(all, deviations, ROWS * count * sizeof *deviations);
    keep(all, z, ROWS * count * sizeof *z);
    keep(all, divergences, ROWS * count * sizeof *divergences);
    float dencoded[2 * LATENTS];
    kernels->latent_gradient(ROWS, count, 0.3f, encoded, noise, deviations, z, dencoded);
    keep(all, dencoded, 2 * ROWS * count * sizeof *dencoded);
}

static void record_classes(const gs_vector_kernels *kernels, size_t count, record *all)
{
    float x[LONGEST], dx[LONGEST], sums[GS_LANES];
    fill(x, count, count + 17000, 8);
    gs_real (*const losses[])(size_t, size_t, float, const float *, float *) = {kernels->softmax_loss,
                                                                                kernels->sigmoid_loss};
    for (size_t f = 0; f < 2; f++) {
        float loss = losses[f](count, count / 2, 0.37f, x, dx);
        keep(all, &loss, sizeof loss);
        keep(all, dx, count * sizeof *dx);
    }
    float squares = kernels->sum_squares(count, x);
    keep(all, &squares, sizeof squares);
    kernels->softmax_weights(count, x, sums);
    keep(all, x, count * sizeof *x);
    keep(all, sums, sizeof sums);
    kernels->scale(count, 1.7f, x);
    keep(all, x, count * sizeof *x);
    kernels->fill(count, 0.3f, x);
    keep(all, x, count * sizeof *x);
}

static void record_lstm(const gs_vector_kernels *kernels, size_t units, record *all)
{
    enum { ROWS = 2, COUNT = ROWS * LONGEST };
    float before[COUNT], gates[4 * COUNT], c[COUNT], h[COUNT], dh[COUNT], dc[COUNT];
    size_t count = ROWS * units;
    fill(before, count, units + 18000, 2);
    fill(gates, 4 * count, units + 19000, 5);
    fill(dh, count, units + 20000, 1);
    fill(dc, count, units + 21000, 1);
    kernels->lstm_forward(ROWS, units, before, gates, c, h);
    keep(all, c, count * sizeof *c);
    keep(all, h, count * sizeof *h);
    kernels->lstm_backward(ROWS, units, before, c, dh, dc, gates);
    keep(all, gates, 4 * count * sizeof *gates);
    keep(all, dc, count * sizeof *dc);
}

static void record_quantise(const gs_vector_kernels *kernels, size_t pixels, record *all)
{
    enum { COUNT = 8 * LONGEST };
    float template[COUNT], base[COUNT], y[COUNT];
    const float color[8] = {0.3f, 1, 0.69f, 0, 0, 0, 0, 0};
    fill(template, 8 * pixels, pixels + 22000, 0.5f);
    fill(base, 8 * pixels, pixels + 23000, 1);
    for (size_t i = 0; i < 8 * pixels; i++) template[i] += 0.5f;
    template[1] = 1;
    kernels->quantise(8 * pixels, 8, template, color, base, y);
    keep(all, y, 8 * pixels * sizeof *y);
}

static void record_images(const gs_vector_kernels *kernels, size_t count, record *all)
{
    float x[LONGEST], template_rgb[96], tinted[96];
    uint8_t bytes[LONGEST];
    uint16_t grey_sum[LONGEST];
    const float color[3] = {0.3f, 0.1f, 0.69f};
    fill(x, count, count + 12000, 1.5f);
    int bad = kernels->to_bytes(count, x, bytes);
    keep(all, &bad, sizeof bad);
    keep(all, bytes, count);
    for (size_t i = 0; i < count; i++) grey_sum[i] = (uint16_t)((i * 131 + count * 17) % 766);
    uint32_t apart = kernels->mismatches(count, grey_sum, bytes);
    keep(all, &apart, sizeof apart);
    fill(template_rgb, 96, count + 13000, 1);
    kernels->tint(96, template_rgb, color, tinted);
    keep(all, tinted, sizeof tinted);
}

static void record_all(const gs_vector_kernels *kernels, size_t count, record *all)
{
    all->used = 0;
    record_maps(kernels, count, all);
    record_rows(kernels, count, all);
    record_adam(kernels, count, all);
    record_diffusion(kernels, count, all);
    record_closeness(kernels, count, all);
    record_losses(kernels, count, all);
    record_classes(kernels, count, all);
    record_lstm(kernels, count, all);
    record_quantise(kernels, count, all);
    record_images(kernels, count, all);
}

static void test_same_bits(void **state)
{
    (void)state;
    const gs_vector_kernels *baseline = gs_vector_variant("baseline");
    assert_non_null(baseline);
    record expected = {.bytes = malloc(RECORD)}, other = {.bytes = malloc(RECORD)};
    assert_true(expected.bytes != NULL && other.bytes != NULL);
    for (int v = 1; v < VARIANTS; v++) {
        const gs_vector_kernels *kernels = gs_vector_variant(variant_names[v]);
        if (kernels == NULL) {
            print_message("%s: not on this CPU\n", variant_names[v]);
            continue;
        }
        assert_string_equal(kernels->name, variant_names[v]);
        for (size_t count = 1; count <= LONGEST; count++) {
            record_all(baseline, count, &expected);
            record_all(kernels, count, &other);
            assert_int_equal(expected.used, other.used);
            assert_memory_equal(expected.bytes, other.bytes, expected.used);
        }
    }
    free(expected.bytes);
    free(other.bytes);
}

/* The two variants are compared over all exponents too, where rounding and special values differ most easily. */
static void test_same_bits_everywhere(void **state)
{
    (void)state;
    const gs_vector_kernels *baseline = gs_vector_variant("baseline");
    static float x[CHUNK], y[CHUNK], z[CHUNK];
    for (int v = 1; v < VARIANTS; v++) {
        const gs_vector_kernels *kernels = gs_vector_variant(variant_names[v]);
        if (kernels == NULL) continue;
        void (*const ours[])(size_t, const float *, float *) = {baseline->exp, baseline->log, baseline->tanh,
                                                                baseline->sigmoid};
        void (*const theirs[])(size_t, const float *, float *) = {kernels->exp, kernels->log, kernels->tanh,
                                                                  kernels->sigmoid};
        uint32_t bits = 0;
        for (int chunk = 0; chunk < 256; chunk++) {
            for (int i = 0; i < CHUNK; i++, bits += 4099) {
                memcpy(&x[i], &bits, sizeof bits);
                if (isnan(x[i])) x[i] = 1;
            }
            for (int f = 0; f < 4; f++) {
                ours[f](CHUNK, x, y);
                theirs[f](CHUNK, x, z);
                assert_memory_equal(y, z, sizeof y);
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_bits),
        cmocka_unit_test(test_same_bits_everywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
