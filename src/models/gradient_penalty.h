/* The gradient penalties R1 and R2 (Mescheder et al. 2018, section 4.1) of a discriminator D that is a chain of dense
 * layers, tanh but for the last, with one logit: gamma / 2 * mean_i |grad_x D(x_i)|^2, over real images (R1) or
 * generated ones (R2).
 *
 * With h_i = tanh(a_i) the layers' outputs, W_i their kernels, and for each sample (a row)
 *
 *   backward           S_last = 1,       T_i = S_(i+1) W_(i+1)^T,   S_i = (1 - h_i^2) T_i,   v = S_0 W_0^T = grad_x D
 *   forward along v    s_i = t_(i-1) W_i,  t_i = (1 - h_i^2) s_i,   t_(-1) = gamma / B v
 *
 * the penalty's gradient is that of t_(-1) . grad_x D with t_(-1) held fixed, which runs back through both:
 *
 *   A_last = 0,  A_i = (1 - h_i^2) (A_(i+1) W_(i+1)^T - 2 h_i s_i T_i)
 *   dW_i = h_(i-1)^T A_i + t_(i-1)^T S_i,  db_i = sum over rows of A_i */
#ifndef GS_MODELS_GRADIENT_PENALTY_H
#define GS_MODELS_GRADIENT_PENALTY_H

#include "ground/arena.h"
#include "nn/dense.h"

enum { GS_PENALTY_LAYERS_MAX = 4 };

typedef struct {
    int count; /* layers */
    const gs_dense *layers;
    gs_matrix along;                         /* v, then t_(-1): B x inputs */
    gs_matrix slopes[GS_PENALTY_LAYERS_MAX]; /* S_i: B x outputs of layer i */
    /* Of all layers but the last, of the same shape: T_i; s_i, then t_i; A_i. */
    gs_matrix reached[GS_PENALTY_LAYERS_MAX], tangents[GS_PENALTY_LAYERS_MAX], curvatures[GS_PENALTY_LAYERS_MAX];
} gs_gradient_penalty;

/* Takes the scratch for batches of `rows` samples. `layers` must stay; table->fault says so if they are not a chain as
 * above. Memory: see gs_arena_take. */
gs_gradient_penalty gs_gradient_penalty_take(const gs_dense *layers, int count, gs_tensor_table *table, gs_arena *arena,
                                             int rows);

/* After a forward pass with these weights, whose `outputs` (B x outputs of each layer) it reads: returns the penalty
 * and adds its gradient to `gradients`, but for x^T A_0, which is the caller's, who knows x: *dfirst becomes A_0, owned
 * by `penalty`. */
double gs_gradient_penalty_add(gs_gradient_penalty *penalty, double gamma, const gs_tensor_table *table,
                               gs_real *weights, const gs_matrix *outputs, gs_real *gradients, gs_matrix *dfirst);

#endif
