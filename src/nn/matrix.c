#include "nn/matrix.h"

#include <assert.h>
#include <cblas.h>
#include <stdlib.h>

#include "ground/vector.h"

#ifdef GS_DOUBLE
#define cblas_gemm cblas_dgemm
#else
#define cblas_gemm cblas_sgemm
#endif

static void clear(gs_matrix matrix)
{
    size_t rows = (size_t)matrix.rows, columns = (size_t)matrix.columns, stride = (size_t)matrix.stride;
    if (columns == stride) gs_vector->fill(rows * columns, 0, matrix.values);
    else
        for (size_t r = 0; r < rows; r++) gs_vector->fill(columns, 0, matrix.values + r * stride);
}

/* OpenBLAS adds every product to what it has made of `out` before. Told to overwrite, it writes the zeros itself, one
 * number at a time, which takes several times as long and gives the same bits. */
void gs_matrix_multiply(gs_orientation a_is, gs_matrix a, gs_orientation b_is, gs_matrix b, gs_real keep, gs_matrix out)
{
    int inner = a_is == GS_PLAIN ? a.columns : a.rows;
    assert(out.rows == (a_is == GS_PLAIN ? a.rows : a.columns));
    assert(out.columns == (b_is == GS_PLAIN ? b.columns : b.rows));
    assert(inner == (b_is == GS_PLAIN ? b.rows : b.columns));
    if (!(keep > 0)) clear(out);
    cblas_gemm(CblasRowMajor, a_is == GS_PLAIN ? CblasNoTrans : CblasTrans,
               b_is == GS_PLAIN ? CblasNoTrans : CblasTrans, out.rows, out.columns, inner, (gs_real)1, a.values,
               a.stride, b.values, b.stride, (gs_real)1, out.values, out.stride);
}

void gs_blas_one_thread(void)
{
    openblas_set_num_threads(1);
}

bool gs_blas_reserve(void)
{
    enum { SIDE = 64 };
    static gs_real values[3][SIDE * SIDE];
    void *memory = malloc(GS_BLAS_MEMORY);
    if (memory == NULL) return false;
    free(memory);
    gs_matrix_multiply(GS_PLAIN, gs_matrix_of(values[0], SIDE, SIDE), GS_PLAIN, gs_matrix_of(values[1], SIDE, SIDE), 0,
                       gs_matrix_of(values[2], SIDE, SIDE));
    return true;
}

const char *gs_blas_kernel(void)
{
    return openblas_get_corename();
}

const char *gs_blas_version(void)
{
    return openblas_get_config();
}
