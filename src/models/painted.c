#include "models/painted.h"

#include <string.h>

gs_painted gs_painted_take(const gs_painter *painter, gs_arena *arena, int rows, int units)
{
    gs_painted painted = {
        .templates = gs_matrix_take(arena, GS_DIGITS, GS_PIXELS),
        .batch = gs_matrix_take(arena, rows, GS_PAINTED_RANK),
        .parts = gs_matrix_take(arena, GS_PAINTED_RANK, units),
    };
    if (painter->rgb == NULL || painted.templates.values == NULL) return painted;
    for (int d = 0; d < GS_DIGITS; d++)
        for (int p = 0; p < GS_PIXELS; p++)
            painted.templates.values[d * GS_PIXELS + p] = painter->rgb[d][p * GS_CHANNELS];
    return painted;
}

void gs_painted_draw(gs_painted *painted, const gs_law *law, gs_rng rng)
{
    gs_real *row = painted->batch.values;
    for (int i = 0; i < painted->batch.rows; i++, row += GS_PAINTED_RANK) {
        gs_label label = gs_label_draw(law, rng, (uint32_t)i);
        memset(row, 0, GS_PAINTED_RANK * sizeof *row);
        for (int c = 0; c < GS_CHANNELS; c++) row[label.digit * GS_CHANNELS + c] = (gs_real)label.color[c];
    }
}

/* The rows of `matrix`, GS_CHANNELS after each other, as one. */
static gs_matrix side_by_side(gs_matrix matrix)
{
    return gs_matrix_of(matrix.values, matrix.rows / GS_CHANNELS, matrix.columns * GS_CHANNELS);
}

void gs_painted_forward(gs_painted *painted, const gs_dense *layer, const gs_tensor_table *table, gs_real *parameters,
                        gs_matrix output)
{
    gs_matrix kernel = gs_tensor_view(table, layer->kernel, parameters);
    gs_matrix_multiply(GS_PLAIN, painted->templates, GS_PLAIN, side_by_side(kernel), 0, side_by_side(painted->parts));
    gs_matrix_multiply(GS_PLAIN, painted->batch, GS_PLAIN, painted->parts, 0, output);
    gs_dense_activate(layer, table, parameters, output);
}

void gs_painted_backward(gs_painted *painted, const gs_dense *layer, const gs_tensor_table *table, gs_matrix output,
                         gs_matrix doutput, gs_gradients gradients)
{
    gs_dense_activate_backward(layer, table, output, doutput, gradients);
    gs_matrix dkernel = gs_tensor_view(table, layer->kernel, gradients.parameters);
    gs_matrix_multiply(GS_TRANSPOSED, painted->batch, GS_PLAIN, doutput, 0, painted->parts);
    gs_matrix_multiply(GS_TRANSPOSED, painted->templates, GS_PLAIN, side_by_side(painted->parts), gradients.keep,
                       side_by_side(dkernel));
}
