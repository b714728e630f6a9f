/* The table of a model's tensors: the one place that knows their names, shapes and initial values.
 *
 * All parameters of a model are one flat buffer; gradients and Adam moments are buffers of the same layout. Views,
 * optimiser, gradient checks, checkpoints and their names in the results file all walk this table. */
#ifndef GS_NN_TENSORS_H
#define GS_NN_TENSORS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ground/real.h"
#include "nn/matrix.h"

enum { GS_TENSORS_MAX = 32, GS_TENSOR_NAME = 64 };

typedef enum {
    GS_INIT_ZEROS,
    GS_INIT_LECUN_NORMAL, /* variance 1 / rows, truncated at two standard deviations (Flax's default for kernels) */
    GS_INIT_DIRECTION,    /* uniform on the unit sphere; the tensor is state that no gradient trains */
} gs_init;

typedef struct {
    char name[GS_TENSOR_NAME]; /* path of the checkpoint, e.g. "generator/dense_0/kernel" */
    int rank;                  /* 1 (a bias: columns) or 2 */
    int rows, columns;         /* rows = inputs = fan-in; 1 for a bias */
    gs_init init;
    size_t offset; /* of its first element in the flat buffer; a multiple of GS_LANES */
} gs_tensor;

typedef struct {
    gs_tensor tensors[GS_TENSORS_MAX];
    int count;
    size_t size;       /* elements of the flat buffer, padding (always 0) included */
    const char *fault; /* NULL, or why no model can be built on this table: a mistake in the program */
} gs_tensor_table;

/* Appends a tensor and returns its index. `prefix` and `name` are joined by '/'. If there is no room for it or
 * its name, `fault` says so, and the index is of some tensor: a constructor may register all that it has and be asked
 * once. */
int gs_tensors_add(gs_tensor_table *table, const char *prefix, const char *name, int rank, int rows, int columns,
                   gs_init init);

/* A view of tensor `index` in a buffer of this layout. */
gs_matrix gs_tensor_view(const gs_tensor_table *table, int index, gs_real *buffer);

static inline size_t gs_tensor_elements(const gs_tensor *tensor)
{
    return (size_t)tensor->rows * (size_t)tensor->columns;
}

/* Fills `buffer` (zeroed, table->size) with the initial values of `seed`. A tensor of the same name and shape gets the
 * same values in every model variant. */
void gs_tensors_initialise(const gs_tensor_table *table, uint64_t seed, gs_real *buffer);

/* Whether every element of the buffer is finite. */
bool gs_tensors_finite(const gs_tensor_table *table, const gs_real *buffer);

#endif
