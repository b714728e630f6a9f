#include "models/painted.h"

#include <string.h>

gs_painted gs_painted_take(const gs_painter *painter, gs_arena *arena, int rows, int packing, int units)
{
    gs_painted painted = {
        .templates = gs_matrix_take(arena, GS_DIGITS, GS_PIXELS),
        .batch = gs_matrix_take(arena, rows, packing * GS_PAINTED_RANK),
        .parts = gs_matrix_take(arena, packing * GS_PAINTED_RANK, units),
    };
    if (painter->rgb == NULL || painted.templates.values == NULL) return painted;
    for (int d = 0; d < GS_DIGITS; d++)
        for (int p = 0; p < GS_PIXELS; p++)
            painted.templates.values[d * GS_PIXELS + p] = painter->rgb[d][p * GS_CHANNELS];
    return painted;
}

static int packing_of(const gs_painted *painted)
{
    return painted->batch.columns / GS_PAINTED_RANK;
}

void gs_painted_draw(gs_painted *painted, const gs_law *law, gs_rng rng)
{
    gs_real *image = painted->batch.values;
    int images = painted->batch.rows * packing_of(painted);
    for (int i = 0; i < images; i++, image += GS_PAINTED_RANK) {
        gs_label label = gs_label_draw(law, rng, (uint32_t)i);
        memset(image, 0, GS_PAINTED_RANK * sizeof *image);
        for (int c = 0; c < GS_CHANNELS; c++) image[label.digit * GS_CHANNELS + c] = (gs_real)label.color[c];
    }
}

/* Of `matrix`, `rows` times `packing` rows, those for image `k` of a pack; GS_CHANNELS rows after each other as one. */
static gs_matrix side_by_side(gs_matrix matrix, int rows, int k)
{
    return gs_matrix_of(matrix.values + (size_t)k * (size_t)rows * (size_t)matrix.columns, rows / GS_CHANNELS,
                        matrix.columns * GS_CHANNELS);
}

void gs_painted_forward(gs_painted *painted, const gs_dense *layer, const gs_tensor_table *table, gs_real *parameters,
                        gs_matrix output)
{
    gs_matrix kernel = gs_tensor_view(table, layer->kernel, parameters);
    for (int k = 0; k < packing_of(painted); k++)
        gs_matrix_multiply(GS_PLAIN, painted->templates, GS_PLAIN, side_by_side(kernel, GS_IMAGE, k), 0,
                           side_by_side(painted->parts, GS_PAINTED_RANK, k));
    gs_matrix_multiply(GS_PLAIN, painted->batch, GS_PLAIN, painted->parts, 0, output);
    gs_dense_activate(layer, table, parameters, output);
}

void gs_painted_backward(gs_painted *painted, const gs_dense *layer, const gs_tensor_table *table, gs_matrix output,
                         gs_matrix doutput, gs_gradients gradients)
{
    gs_dense_activate_backward(layer, table, output, doutput, gradients);
    gs_painted_kernel_gradient(painted, layer, table, doutput, gradients);
}

void gs_painted_kernel_gradient(gs_painted *painted, const gs_dense *layer, const gs_tensor_table *table,
                                gs_matrix doutput, gs_gradients gradients)
{
    gs_matrix dkernel = gs_tensor_view(table, layer->kernel, gradients.parameters);
    gs_matrix_multiply(GS_TRANSPOSED, painted->batch, GS_PLAIN, doutput, 0, painted->parts);
    for (int k = 0; k < packing_of(painted); k++)
        gs_matrix_multiply(GS_TRANSPOSED, painted->templates, GS_PLAIN,
                           side_by_side(painted->parts, GS_PAINTED_RANK, k), gradients.keep,
                           side_by_side(dkernel, GS_IMAGE, k));
}
