/* Spectral normalisation of a kernel (Miyato et al. 2018): a layer works with W / s, s the largest singular value of W,
 * so that it stretches nothing by more than 1.
 *
 * s is followed by power iteration on a direction u of the outputs, one iteration for each update of W:
 *
 *   v = W u / |W u|,  s = |W u|;  then u = W^T v / |W^T v|
 *
 * u is kept as the tensor "<prefix>/kernel_u" beside the kernel: it is state that no gradient trains, and W / |W u| is
 * what a checkpoint's kernel stands for. The gradient holds u fixed; with g = d loss / d (W / s),
 * d loss / d W = (g - <g, W / s> v u^T) / s. */
#ifndef GS_NN_SPECTRAL_H
#define GS_NN_SPECTRAL_H

#include "ground/arena.h"
#include "nn/tensors.h"

typedef struct {
    int kernel, direction; /* tensors: inputs x outputs, outputs (u) */
    gs_matrix unit;        /* v: inputs x 1 */
    gs_real norm;          /* s */
} gs_spectral;

/* Registers u of the tensor `kernel`, whose name ends with "/kernel". Apart from it, so that u can stand behind all
 * tensors that are trained. */
gs_spectral gs_spectral_add(gs_tensor_table *table, int kernel);

/* Memory: see gs_arena_take. */
void gs_spectral_take(gs_spectral *spectral, const gs_tensor_table *table, gs_arena *arena);

/* Works out v and s, and scales the kernel of `normalised`, a copy of the parameters, to W / s. */
void gs_spectral_normalise(gs_spectral *spectral, const gs_tensor_table *table, gs_real *parameters,
                           gs_real *normalised);

/* One power iteration: moves u. */
void gs_spectral_iterate(gs_spectral *spectral, const gs_tensor_table *table, gs_real *parameters);

/* After gs_spectral_normalise: the gradient on W / s in `gradients` becomes that on W. Once, since it uses v up. */
void gs_spectral_gradient(gs_spectral *spectral, const gs_tensor_table *table, gs_real *parameters, gs_real *normalised,
                          gs_real *gradients);

#endif
