/* A dense layer that reads a batch of the data itself, without its images.
 *
 * An image of the data is a grey template times a color, x(p, c) = grey_d(p) color_c for pixel p, channel c and digit
 * d. So a batch has rank 18 at most: with
 *
 *   A(i, 3 d + c) = color_c of image i if its digit is d, else 0       B x 18
 *   T(d, p) = grey_d(p)                                                6 x 784
 *
 * x W = A (T W), where W (2352 x U) is read as 784 x (3 U) and T W (6 x (3 U)) as 18 x U; and d loss / d W = T^T (A^T
 * dy), with A^T dy (18 x U) read as 6 x (3 U). Exact but for rounding, and a seventh of the arithmetic at B = 128.
 *
 * A layer may read m images at once, side by side (packing): its kernel is m such W above each other, and a row of it
 * is m rows of A. */
#ifndef GS_MODELS_PAINTED_H
#define GS_MODELS_PAINTED_H

#include "data/batches.h"
#include "nn/dense.h"

enum { GS_PAINTED_RANK = GS_DIGITS * GS_CHANNELS };

typedef struct {
    gs_matrix templates; /* T */
    gs_matrix batch;     /* A: a row reads m images, m GS_PAINTED_RANK columns */
    gs_matrix parts;     /* m GS_PAINTED_RANK x U: T W forward, A^T dy backward */
} gs_painted;

/* Takes the scratch for batches of `rows` times `packing` images, and layers that read `packing` at once into `units`
 * outputs. Memory: see gs_arena_take. */
gs_painted gs_painted_take(const gs_painter *painter, gs_arena *arena, int rows, int packing, int units);

/* Fills the batch with samples 0 ... of the stream, those of gs_painter_batch. */
void gs_painted_draw(gs_painted *painted, const gs_law *law, gs_rng rng);

/* As gs_dense_forward and gs_dense_backward of the batch's images (rows x m GS_IMAGE), without a gradient on them. */
void gs_painted_forward(gs_painted *painted, const gs_dense *layer, const gs_tensor_table *table, gs_real *parameters,
                        gs_matrix output);
void gs_painted_backward(gs_painted *painted, const gs_dense *layer, const gs_tensor_table *table, gs_matrix output,
                         gs_matrix doutput, gs_gradients gradients);

/* Of the latter, the kernel's gradient x^T dy alone. */
void gs_painted_kernel_gradient(gs_painted *painted, const gs_dense *layer, const gs_tensor_table *table,
                                gs_matrix doutput, gs_gradients gradients);

#endif
