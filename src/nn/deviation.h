/* Minibatch standard deviation (Karras et al. 2018, section 3): one number for the whole batch, how much its samples
 * differ.
 *
 *   s_c = sqrt(mean_i (f_ic - mean_c)^2 + 1e-8),  o_i = mean_c s_c for every sample i
 *
 * A generator that makes the same image again and again shows itself in it. There is nothing to train. */
#ifndef GS_NN_DEVIATION_H
#define GS_NN_DEVIATION_H

#include "ground/arena.h"
#include "nn/matrix.h"

typedef struct {
    gs_real *means, *deviations; /* of each feature, kept from forward to backward */
} gs_deviation;

/* Memory: see gs_arena_take. */
gs_deviation gs_deviation_take(gs_arena *arena, int features);

/* Reads f: B x F, writes o: B x 1. */
void gs_deviation_forward(gs_deviation *layer, gs_matrix features, gs_matrix output);

/* After the forward pass of the same batch. dfeatures (same shape and stride as features) holds the gradient that
 * reached f by other ways; this layer's is added. */
void gs_deviation_backward(const gs_deviation *layer, gs_matrix features, gs_matrix doutput, gs_matrix dfeatures);

#endif
