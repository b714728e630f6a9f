/* Element-wise kernels: every loop over many numbers that is not a matrix product.
 *
 * The kernels are compiled once per instruction set (baseline, AVX2, AVX-512) from the same source and chosen when the
 * program starts, so that one binary runs on every node. They use no fused multiply-add and fix the order of every sum
 * (GS_LANES interleaved partial sums), so that all variants give the same bits. Accuracy against long double over
 * every float from -87.33 to 88.37 (exp; 0 below, infinite above), every normal one above 0 (log), every one (tanh) and
 * every one from -87.33 up (sigmoid): exp 1 ulp (.990), log 1 ulp (.834), tanh 1.4 ulp (1.330), sigmoid 2.5 ulp
 * (2.481); normal 1e-6 absolute. tests/unit/test_vector.c asserts these bounds over a share of them. A NaN that goes in
 * comes out.
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

/* A step of diffusion back in time (models/diffusion_process.h), see step_back below. */
typedef struct {
    gs_real estimate_x, estimate_predicted, low, high;
    gs_real estimate, x, noise;
} gs_step_back;

typedef struct {
    const char *name; /* "baseline", "avx2", "avx512" */

    /* y[i] = f(x[i]); x and y may be the same array. log: x > 0 and normal. */
    void (*exp)(size_t count, const gs_real *x, gs_real *y);
    void (*log)(size_t count, const gs_real *x, gs_real *y);
    void (*tanh)(size_t count, const gs_real *x, gs_real *y);
    void (*sigmoid)(size_t count, const gs_real *x, gs_real *y);

    /* normals[2p], normals[2p+1] from words[2p], words[2p+1] (Box & Muller 1958); float in every build. */
    void (*box_muller)(size_t pairs, const uint32_t *words, float *normals);
    /* The same from Philox blocks, of which the first word of the counter counts up: four normals from each, of words 0
     * and 1 and of words 2 and 3. */
    void (*normals)(size_t count, const uint32_t counter[4], const uint32_t key[2], gs_real *normals);

    /* y = f(y + bias) for each row; bias: columns. */
    void (*bias_linear)(size_t rows, size_t columns, size_t stride, const gs_real *bias, gs_real *y);
    void (*bias_tanh)(size_t rows, size_t columns, size_t stride, const gs_real *bias, gs_real *y);
    void (*bias_sigmoid)(size_t rows, size_t columns, size_t stride, const gs_real *bias, gs_real *y);

    /* dy = dy * f'(x), told by y = f(x): 1 - y^2, y (1 - y). y and dy have the same stride. */
    void (*tanh_gradient)(size_t rows, size_t columns, size_t stride, const gs_real *y, gs_real *dy);
    void (*sigmoid_gradient)(size_t rows, size_t columns, size_t stride, const gs_real *y, gs_real *dy);

    /* dy[i] -= 2 y[i] tangents[i] backward[i]: what reaches y = tanh(x) when its slope 1 - y^2 was a factor of a
     * product with `tangents` going forward, whose gradient on the way back was `backward`. */
    void (*tanh_curvature)(size_t count, const gs_real *y, const gs_real *tangents, const gs_real *backward,
                           gs_real *dy);

    /* sums[c] += sum over rows of x[r][c]. */
    void (*column_sums)(size_t rows, size_t columns, size_t stride, const gs_real *x, gs_real *sums);

    gs_real (*sum)(size_t count, const gs_real *x);
    gs_real (*sum_squares)(size_t count, const gs_real *x);
    gs_real (*product_sum)(size_t count, const gs_real *x, const gs_real *y); /* sum_i x[i] y[i] */

    /* Of each column over its rows: means[c], and deviations[c] = sqrt(mean_r (x[r][c] - means[c])^2 + epsilon). With
     * the gradient, dx[r][c] += weight (x[r][c] - means[c]) / deviations[c]; x and dx have the same stride. */
    void (*deviations)(size_t rows, size_t columns, size_t stride, gs_real epsilon, const gs_real *x, gs_real *means,
                       gs_real *deviations);
    void (*deviations_gradient)(size_t rows, size_t columns, size_t stride, gs_real weight, const gs_real *x,
                                const gs_real *means, const gs_real *deviations, gs_real *dx);

    /* x[i] = value; x[i] *= factor. */
    void (*fill)(size_t count, gs_real value, gs_real *x);
    void (*scale)(size_t count, gs_real factor, gs_real *x);

    /* losses[i] = softplus(x[i]) - target x[i], gradients[i] = sigmoid(x[i]) - target: binary cross-
     * entropy of a logit. */
    void (*logit_loss)(size_t count, gs_real target, const gs_real *x, gs_real *losses, gs_real *gradients);

    /* Returns 1/2 sum_i (y[i] - target[i])^2; dy[i] = weight (y[i] - target[i]). */
    gs_real (*squared_error)(size_t count, gs_real weight, const gs_real *y, const gs_real *target, gs_real *dy);

    /* A variational encoder's latents (models/vae.c). encoded: rows x (2 latents), means m, then log-variances, called
     * v when clamped to [-10, 10]; all else rows x latents. deviations = exp(v / 2), z = m + deviations * noise,
     * divergences = (m^2 + exp(v) - v - 1) / 2. */
    void (*latent)(size_t rows, size_t latents, const gs_real *encoded, const gs_real *noise, gs_real *deviations,
                   gs_real *z, gs_real *divergences);
    /* dencoded = dz through z, plus the gradient of weight * sum of divergences; 0 for log-variances
     * outside the clamp. */
    void (*latent_gradient)(size_t rows, size_t latents, gs_real weight, const gs_real *encoded, const gs_real *noise,
                            const gs_real *deviations, const gs_real *dz, gs_real *dencoded);

    /* One row of `count` logits, class `target` being right. Softmax: returns log(sum_k exp(x[k])) - x[target],
     * dx[k] = weight (softmax(x)[k] - [k = target]). Sigmoid, each class against all others: returns
     * sum_k softplus(x[k]) - x[target], dx[k] = weight (sigmoid(x[k]) - [k = target]). */
    gs_real (*softmax_loss)(size_t count, size_t target, gs_real weight, const gs_real *x, gs_real *dx);
    gs_real (*sigmoid_loss)(size_t count, size_t target, gs_real weight, const gs_real *x, gs_real *dx);

    /* x[k] = exp(x[k] - largest x), and the sums of the lanes, sums[l] = x[l] + x[l + GS_LANES] + ...: the law
     * softmax(x) before it is divided by its total. */
    void (*softmax_weights)(size_t count, gs_real *x, gs_real sums[GS_LANES]);

    /* One step of an LSTM (nn/lstm.h). gates: rows x (4 units), the sums before activation of i, f, g, o, overwritten
     * by their values; all else rows x units. c = sigmoid(f) c_before + sigmoid(i) tanh(g), h = sigmoid(o) tanh(c). */
    void (*lstm_forward)(size_t rows, size_t units, const gs_real *c_before, gs_real *gates, gs_real *c, gs_real *h);
    /* gates as lstm_forward left them, overwritten by the gradients of their sums; dc comes as d loss / d c without the
     * way through h and leaves as d loss / d c_before. */
    void (*lstm_backward)(size_t rows, size_t units, const gs_real *c_before, const gs_real *c, const gs_real *dh,
                          gs_real *dc, gs_real *gates);

    /* y[i] = base[i] + min(floor(levels t), levels - 1) / levels with t = template[i] * color[i mod 8] in [0, 1]; count
     * a multiple of 8. */
    void (*quantise)(size_t count, gs_real levels, const gs_real *template, const gs_real color[8], const gs_real *base,
                     gs_real *y);

    /* x[i] += by; sum[i] = a x[i] + b y[i]. */
    void (*shift)(size_t count, gs_real by, gs_real *x);
    void (*blend)(size_t count, gs_real a, const gs_real *x, gs_real b, const gs_real *y, gs_real *sum);

    /* With r the rates and x0[i] = clip(r.estimate_x x[i] + r.estimate_predicted predicted[i], r.low, r.high):
     * x[i] = r.estimate x0[i] + r.x x[i] + r.noise noise[i]. */
    void (*step_back)(size_t count, gs_step_back rates, const gs_real *predicted, const gs_real *noise, gs_real *x);

    /* One Adam update of `count` parameters; the moments are updated in place. */
    void (*adam)(size_t count, gs_adam_rates rates, const gs_real *gradient, gs_real *moment1, gs_real *moment2,
                 gs_real *parameters);
    /* The same, and averages[i] += approach (parameters[i] - averages[i]) with the new parameters. */
    void (*adam_average)(size_t count, gs_adam_rates rates, gs_real approach, const gs_real *gradient, gs_real *moment1,
                         gs_real *moment2, gs_real *parameters, gs_real *averages);

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
