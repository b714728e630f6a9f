#include "nn/deviation.h"

#include <assert.h>

#include "ground/vector.h"

static const gs_real least_variance = (gs_real)1e-8; /* keeps the root away from 0, where it has no slope */

gs_deviation gs_deviation_take(gs_arena *arena, int features)
{
    return (gs_deviation){
        .means = gs_arena_take_scratch(arena, (size_t)features, sizeof(gs_real)),
        .deviations = gs_arena_take_scratch(arena, (size_t)features, sizeof(gs_real)),
    };
}

void gs_deviation_forward(gs_deviation *layer, gs_matrix features, gs_matrix output)
{
    size_t columns = (size_t)features.columns;
    gs_vector->deviations((size_t)features.rows, columns, (size_t)features.stride, least_variance, features.values,
                          layer->means, layer->deviations);
    gs_real mean = gs_vector->sum(columns, layer->deviations) / (gs_real)features.columns;
    for (int i = 0; i < output.rows; i++) output.values[(size_t)i * (size_t)output.stride] = mean;
}

void gs_deviation_backward(const gs_deviation *layer, gs_matrix features, gs_matrix doutput, gs_matrix dfeatures)
{
    assert(dfeatures.stride == features.stride);
    gs_real total = 0;
    for (int i = 0; i < doutput.rows; i++) total += doutput.values[(size_t)i * (size_t)doutput.stride];
    gs_real weight = total / (gs_real)features.columns / (gs_real)features.rows;
    gs_vector->deviations_gradient((size_t)features.rows, (size_t)features.columns, (size_t)features.stride, weight,
                                   features.values, layer->means, layer->deviations, dfeatures.values);
}
