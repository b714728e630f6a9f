/* Row-major matrices and their products (BLAS). */
#ifndef GS_NN_MATRIX_H
#define GS_NN_MATRIX_H

#include "ground/arena.h"
#include "ground/real.h"

/* A view: owns nothing. Row r starts at values + r * stride, stride >= columns. */
typedef struct {
    gs_real *values;
    int rows, columns, stride;
} gs_matrix;

typedef enum { GS_PLAIN, GS_TRANSPOSED } gs_orientation;

static inline gs_matrix gs_matrix_of(gs_real *values, int rows, int columns)
{
    return (gs_matrix){values, rows, columns, columns};
}

/* Columns first ... first + columns - 1 of all rows. */
static inline gs_matrix gs_matrix_columns(gs_matrix matrix, int first, int columns)
{
    return (gs_matrix){matrix.values + first, matrix.rows, columns, matrix.stride};
}

/* The first `rows` rows. */
static inline gs_matrix gs_matrix_rows(gs_matrix matrix, int rows)
{
    return (gs_matrix){matrix.values, rows, matrix.columns, matrix.stride};
}

/* Bytes from the first number to the end of the last row. */
static inline size_t gs_matrix_size(gs_matrix matrix)
{
    return (size_t)matrix.rows * (size_t)matrix.stride * sizeof(gs_real);
}

/* Scratch of the arena, written before it is read; values NULL if memory is short (see gs_arena_take). */
static inline gs_matrix gs_matrix_take(gs_arena *arena, int rows, int columns)
{
    return gs_matrix_of((gs_real *)gs_arena_take_scratch(arena, (size_t)rows * (size_t)columns, sizeof(gs_real)), rows,
                        columns);
}

/* out = op(a) op(b) + keep * out. `keep` is 0 (out may hold anything, also NaN) or 1. Shapes are asserted in debug
 * builds. */
void gs_matrix_multiply(gs_orientation a_is, gs_matrix a, gs_orientation b_is, gs_matrix b, gs_real keep,
                        gs_matrix out);

/* One thread for each process, whatever the environment says: results depend on the number of BLAS threads. */
void gs_blas_one_thread(void);

/* Makes the library take the memory that it works in. It must be asked for: where there is none, the library's first
 * product would look for it for ever. False if this cannot be had. */
enum { GS_BLAS_MEMORY = 129 << 20 /* bytes of address space, of OpenBLAS for x86-64 */ };
bool gs_blas_reserve(void);

/* The kernels that the BLAS library chose for this CPU, e.g. "Haswell", "SkylakeX"; and its version
 * and build options. */
const char *gs_blas_kernel(void);
const char *gs_blas_version(void);

#endif
