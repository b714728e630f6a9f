#include "nn/spectral.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "ground/vector.h"

gs_spectral gs_spectral_add(gs_tensor_table *table, int kernel)
{
    char prefix[GS_TENSOR_NAME];
    snprintf(prefix, sizeof prefix, "%s", table->tensors[kernel].name);
    *strrchr(prefix, '/') = '\0';
    return (gs_spectral){
        .kernel = kernel,
        .direction = gs_tensors_add(table, prefix, "kernel_u", 1, 1, table->tensors[kernel].columns, GS_INIT_DIRECTION),
    };
}

void gs_spectral_take(gs_spectral *spectral, const gs_tensor_table *table, gs_arena *arena)
{
    spectral->unit = gs_matrix_take(arena, table->tensors[spectral->kernel].rows, 1);
}

/* u as a column. */
static gs_matrix direction_of(const gs_spectral *spectral, const gs_tensor_table *table, gs_real *parameters)
{
    gs_matrix row = gs_tensor_view(table, spectral->direction, parameters);
    return gs_matrix_of(row.values, row.columns, 1);
}

/* Makes a column's length 1, and returns what it was. A column of zeros stays; a length that is no number makes
 * everything NaN, so that the run fails. */
static gs_real make_unit(gs_matrix column)
{
    static const double least = 1e-12;
    size_t count = (size_t)column.rows;
    double length = sqrt((double)gs_vector->sum_squares(count, column.values));
    if (length < least) length = least;
    if (!isfinite(length)) length = (double)NAN;
    gs_vector->scale(count, (gs_real)(1 / length), column.values);
    return (gs_real)length;
}

/* v and s of the kernel as it is. */
static void stretch(gs_spectral *spectral, const gs_tensor_table *table, gs_real *parameters)
{
    gs_matrix kernel = gs_tensor_view(table, spectral->kernel, parameters);
    gs_matrix_multiply(GS_PLAIN, kernel, GS_PLAIN, direction_of(spectral, table, parameters), 0, spectral->unit);
    spectral->norm = make_unit(spectral->unit);
}

void gs_spectral_normalise(gs_spectral *spectral, const gs_tensor_table *table, gs_real *parameters,
                           gs_real *normalised)
{
    gs_matrix kernel = gs_tensor_view(table, spectral->kernel, normalised);
    stretch(spectral, table, parameters);
    gs_vector->scale((size_t)kernel.rows * (size_t)kernel.columns, 1 / spectral->norm, kernel.values);
}

void gs_spectral_iterate(gs_spectral *spectral, const gs_tensor_table *table, gs_real *parameters)
{
    gs_matrix direction = direction_of(spectral, table, parameters);
    stretch(spectral, table, parameters);
    gs_matrix_multiply(GS_TRANSPOSED, gs_tensor_view(table, spectral->kernel, parameters), GS_PLAIN, spectral->unit, 0,
                       direction);
    make_unit(direction);
}

void gs_spectral_gradient(gs_spectral *spectral, const gs_tensor_table *table, gs_real *parameters, gs_real *normalised,
                          gs_real *gradients)
{
    gs_matrix gradient = gs_tensor_view(table, spectral->kernel, gradients),
              kernel = gs_tensor_view(table, spectral->kernel, normalised),
              direction = direction_of(spectral, table, parameters);
    size_t count = (size_t)kernel.rows * (size_t)kernel.columns;
    gs_real along = gs_vector->product_sum(count, gradient.values, kernel.values);
    gs_vector->scale(count, 1 / spectral->norm, gradient.values);
    gs_vector->scale((size_t)spectral->unit.rows, -along / spectral->norm, spectral->unit.values);
    gs_matrix_multiply(GS_PLAIN, spectral->unit, GS_TRANSPOSED, direction, 1, gradient);
}
