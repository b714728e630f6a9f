#include "nn/losses.h"

#include <assert.h>

#include "ground/vector.h"

/* Row by row, so that a sum in float never runs over more than one sample. */
double gs_squared_error(gs_matrix output, gs_matrix target, gs_matrix doutput)
{
    assert(output.rows == target.rows && output.rows == doutput.rows);
    assert(output.columns == target.columns && output.columns == doutput.columns);
    double elements = (double)output.rows * (double)output.columns, total = 0;
    for (size_t r = 0; r < (size_t)output.rows; r++)
        total += (double)gs_vector->squared_error(
            (size_t)output.columns, (gs_real)(1 / elements), output.values + r * (size_t)output.stride,
            target.values + r * (size_t)target.stride, doutput.values + r * (size_t)doutput.stride);
    return total / elements;
}
