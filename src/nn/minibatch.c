#include "nn/minibatch.h"

#include "ground/vector.h"

gs_minibatch gs_minibatch_add(gs_tensor_table *table, const char *prefix, int inputs, int features, int depth)
{
    return (gs_minibatch){
        .kernel = gs_tensors_add(table, prefix, "kernel", 2, inputs, features * depth, GS_INIT_LECUN_NORMAL),
        .inputs = inputs,
        .features = features,
        .depth = depth,
    };
}

void gs_minibatch_take(gs_minibatch *layer, gs_arena *arena, int batch)
{
    size_t samples = (size_t)batch, features = (size_t)layer->features;
    int rows = layer->features * layer->depth;
    layer->projected = gs_matrix_take(arena, rows, batch);
    layer->dprojected = gs_matrix_take(arena, rows, batch);
    layer->closeness = gs_arena_take_scratch(arena, features * samples * samples, sizeof(gs_real));
    layer->similarity = gs_arena_take_scratch(arena, features * samples, sizeof(gs_real));
    layer->dsimilarity = gs_arena_take_scratch(arena, features * samples, sizeof(gs_real));
}

void gs_minibatch_forward(gs_minibatch *layer, const gs_tensor_table *table, gs_real *parameters, gs_matrix features,
                          gs_matrix output)
{
    gs_matrix kernel = gs_tensor_view(table, layer->kernel, parameters);
    gs_matrix_multiply(GS_TRANSPOSED, kernel, GS_TRANSPOSED, features, 0, layer->projected);
    size_t batch = (size_t)features.rows, depth = (size_t)layer->depth;
    for (size_t k = 0; k < (size_t)layer->features; k++) {
        gs_real *similarity = layer->similarity + k * batch;
        gs_vector->closeness(depth, batch, layer->projected.values + k * depth * batch,
                             layer->closeness + k * batch * batch, similarity);
        for (size_t i = 0; i < batch; i++) output.values[i * (size_t)output.stride + k] = similarity[i];
    }
}

void gs_minibatch_backward(gs_minibatch *layer, const gs_tensor_table *table, gs_real *parameters, gs_matrix features,
                           gs_matrix doutput, gs_gradients gradients, gs_matrix dfeatures)
{
    size_t batch = (size_t)features.rows, depth = (size_t)layer->depth;
    for (size_t k = 0; k < (size_t)layer->features; k++) {
        gs_real *dsimilarity = layer->dsimilarity + k * batch;
        for (size_t i = 0; i < batch; i++) dsimilarity[i] = doutput.values[i * (size_t)doutput.stride + k];
        gs_vector->closeness_gradient(depth, batch, layer->projected.values + k * depth * batch,
                                      layer->closeness + k * batch * batch, dsimilarity,
                                      layer->dprojected.values + k * depth * batch);
    }
    if (gradients.parameters != NULL) {
        gs_matrix dkernel = gs_tensor_view(table, layer->kernel, gradients.parameters);
        gs_matrix_multiply(GS_TRANSPOSED, features, GS_TRANSPOSED, layer->dprojected, gradients.keep, dkernel);
    }
    gs_matrix kernel = gs_tensor_view(table, layer->kernel, parameters);
    gs_matrix_multiply(GS_TRANSPOSED, layer->dprojected, GS_TRANSPOSED, kernel, 1, dfeatures);
}

double gs_minibatch_active(const gs_minibatch *layer)
{
    size_t batch = (size_t)layer->projected.columns, pairs = (size_t)layer->features * batch * batch;
    size_t active = gs_vector->count_between(pairs, layer->closeness, (gs_real)1e-3, (gs_real)(1 - 1e-3));
    size_t others = pairs - (size_t)layer->features * batch; /* a sample is always at distance 0 from itself */
    return others == 0 ? 0 : (double)active / (double)others;
}
