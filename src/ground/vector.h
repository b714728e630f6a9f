/* Element-wise kernels: every loop over many numbers that is not a matrix product.
 *
 * The kernels are compiled once per instruction set (baseline, AVX2, AVX-512) from the same source and chosen when the program
 * starts, so that one binary runs on every node. They use no fused multiply-add and fix the order of every sum
 * (GS_LANES interleaved partial sums), so that all variants give the same bits. Accuracy against long double, over all
 * floats of the tested ranges (tests/unit/test_vector.c): exp 2 ulp, log 2 ulp, tanh 3 ulp, sigmoid 3 ulp, normal 4e-7 absolute.
 * A NaN that goes in comes out.
 *
 * A matrix is rows x columns with `stride` elements from row to row. In the double build the functions call libm. */
#ifndef GS_GROUND_VECTOR_H
#define GS_GROUND_VECTOR_H

#include <stddef.h>
#include <stdint.h>

#include "ground/real.h"

enum { GS_LANES = 16 };

/* Rates of one Adam update (Kingma & Ba 2015, Algorithm 1). */
typedef struct {
    gs_real learning_rate;
    gs_real beta1, beta2;
    gs_real correction1, correction2; /* 1 / (1 - beta^t) */
    gs_real epsilon;
} gs_adam_rates;

typedef struct {
    const char *name; /* "baseline", "avx2", "avx512" */

    /* y[i] = f(x[i]); x and y may be the same array. log: x > 0 and normal. */
    void (*exp)(size_t count, const gs_real *x, gs_real *y);
    void (*log)(size_t count, const gs_real *x, gs_real *y);
    void (*tanh)(size_t count, const gs_real *x, gs_real *y);
    void (*sigmoid)(size_t count, const gs_real *x, gs_real *y);

    /* normals[2p], normals[2p+1] from words[2p], words[2p+1] (Box & Muller 1958); float in every build. */
    void (*box_muller)(size_t pairs, const uint32_t *words, float *normals);

    /* y = f(y + bias) for each row; bias: columns. */
    void (*bias_linear)(size_t rows, size_t columns, size_t stride, const gs_real *bias, gs_real *y);
    void (*bias_tanh)(size_t rows, size_t columns, size_t stride, const gs_real *bias, gs_real *y);
    void (*bias_sigmoid)(size_t rows, size_t columns, size_t stride, const gs_real *bias, gs_real *y);

    /* dy = dy * f'(x), told by y = f(x): 1 - y^2, y (1 - y). y and dy have the same stride. */
    void (*tanh_gradient)(size_t rows, size_t columns, size_t stride, const gs_real *y, gs_real *dy);
    void (*sigmoid_gradient)(size_t rows, size_t columns, size_t stride, const gs_real *y, gs_real *dy);

    /* sums[c] += sum over rows of x[r][c]. */
    void (*column_sums)(size_t rows, size_t columns, size_t stride, const gs_real *x, gs_real *sums);

    gs_real (*sum)(size_t count, const gs_real *x);

    /* losses[i] = softplus(x[i]) - target x[i], gradients[i] = sigmoid(x[i]) - target: binary cross-entropy of a logit. */
    void (*logit_loss)(size_t count, gs_real target, const gs_real *x, gs_real *losses, gs_real *gradients);

    /* One Adam update of `count` parameters; the moments are updated in place. */
    void (*adam)(size_t count, gs_adam_rates rates, const gs_real *gradient, gs_real *moment1, gs_real *moment2,
                 gs_real *parameters);

    /* Minibatch discrimination, one kernel b: m is depth x batch (features by sample), closeness is batch x batch.
     * closeness(i,j) = exp(-sum_k |m(k,i) - m(k,j)|), similarity[i] = sum_j closeness(i,j) - 1. */
    void (*closeness)(size_t depth, size_t batch, const gs_real *m, gs_real *closeness, gs_real *similarity);
    /* dm(k,i) = -sum_j (g[i] + g[j]) closeness(i,j) sign(m(k,i) - m(k,j)), g = d loss / d similarity. */
    void (*closeness_gradient)(size_t depth, size_t batch, const gs_real *m, const gs_real *closeness, const gs_real *g,
                               gs_real *dm);

    /* How many x[i] lie strictly between low and high. */
    size_t (*count_between)(size_t count, const gs_real *x, gs_real low, gs_real high);

    /* image[i] = template[i] * color[i mod 3], count a multiple of 48. */
    void (*tint)(size_t count, const gs_real *template_rgb, const gs_real color[3], gs_real *image);

    /* bytes[i] = round(255 clip(image[i], 0, 1)), halves up; 0 for NaN. Returns 0 if all were finite, else 1. */
    int (*to_bytes)(size_t count, const gs_real *image, uint8_t *bytes);

    /* Pixels p < count with |red + green + blue - grey| >= 128 (255 = full ink): the distance of METHODS section 2. */
    uint32_t (*mismatches)(size_t count, const uint16_t *grey_sum, const uint8_t *grey);
} gs_vector_kernels;

/* The best variant for this CPU; set before main, constant afterwards. */
extern const gs_vector_kernels *gs_vector;

/* A variant by name for tests and benchmarks; NULL if this CPU or build does not have it. */
const gs_vector_kernels *gs_vector_variant(const char *name);

#endif
