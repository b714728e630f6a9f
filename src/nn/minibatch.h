/* Minibatch discrimination (Salimans et al. 2016, section 3.2): what a sample's features have in common with its batch.
 *
 *   M = f T, f: B x F, T: F x (K D)         K = "features", D = "kernel dimensions" of the settings
 *   c_k(i,j) = exp(-sum_d |M_ikd - M_jkd|),  o_k(i) = sum_j c_k(i,j) - 1
 *
 * M, dM and o are kept transposed (one row a kernel dimension, one column a sample), so that the loops over pairs run
 * over neighbouring numbers. The gradient goes through all pairs: dM_ikd = -sum_j (g_ik + g_jk) c_k(i,j) sign(M_ikd -
 * M_jkd). */
#ifndef GS_NN_MINIBATCH_H
#define GS_NN_MINIBATCH_H

#include "ground/arena.h"
#include "nn/dense.h"

typedef struct {
    int kernel; /* tensor "<prefix>/kernel": F x (K D) */
    int inputs, features, depth;
    gs_matrix projected, dprojected;   /* (K D) x B */
    gs_real *closeness;                /* K x B x B, kept from forward to backward */
    gs_real *similarity, *dsimilarity; /* K x B */
} gs_minibatch;

/* Registers the tensor; takes the scratch for batches of exactly `batch` samples. */
gs_minibatch gs_minibatch_add(gs_tensor_table *table, const char *prefix, int inputs, int features, int depth);
void gs_minibatch_take(gs_minibatch *layer, gs_arena *arena, int batch);

/* Reads f: B x F, writes o: B x K. */
void gs_minibatch_forward(gs_minibatch *layer, const gs_tensor_table *table, gs_real *parameters, gs_matrix features,
                          gs_matrix output);

/* After the forward pass of the same batch. dfeatures (B x F) holds the gradient that reached f by other ways; this
 * layer's is added. */
void gs_minibatch_backward(gs_minibatch *layer, const gs_tensor_table *table, gs_real *parameters, gs_matrix features,
                           gs_matrix doutput, gs_gradients gradients, gs_matrix dfeatures);

/* Share of the pairs i != j of the last forward pass with c in (1e-3, 1 - 1e-3); 0 means a dead layer. */
double gs_minibatch_active(const gs_minibatch *layer);

#endif
