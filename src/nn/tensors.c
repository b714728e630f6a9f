#include "nn/tensors.h"

#include <math.h>
#include <stdio.h>

#include "ground/rng.h"
#include "ground/vector.h"

int gs_tensors_add(gs_tensor_table *table, const char *prefix, const char *name, int rank, int rows, int columns,
                   gs_init init)
{
    if (table->count == GS_TENSORS_MAX) {
        table->fault = "it has more tensors than GS_TENSORS_MAX (nn/tensors.h)";
        return 0;
    }
    gs_tensor *tensor = &table->tensors[table->count];
    if (snprintf(tensor->name, sizeof tensor->name, "%s/%s", prefix, name) >= GS_TENSOR_NAME)
        table->fault = "a tensor's name is longer than GS_TENSOR_NAME (nn/tensors.h)";
    tensor->rank = rank;
    tensor->rows = rows;
    tensor->columns = columns;
    tensor->init = init;
    tensor->offset = table->size;
    table->size += (gs_tensor_elements(tensor) + GS_LANES - 1) / GS_LANES * GS_LANES;
    return table->count++;
}

gs_matrix gs_tensor_view(const gs_tensor_table *table, int index, gs_real *buffer)
{
    const gs_tensor *tensor = &table->tensors[index];
    return gs_matrix_of(buffer + tensor->offset, tensor->rows, tensor->columns);
}

void gs_tensors_initialise(const gs_tensor_table *table, uint64_t seed, gs_real *buffer)
{
    for (int t = 0; t < table->count; t++) {
        const gs_tensor *tensor = &table->tensors[t];
        if (tensor->init == GS_INIT_ZEROS) continue;
        gs_rng rng = {.seed = seed, .stream = GS_STREAM_WEIGHTS, .step = gs_hash_name(tensor->name)};
        gs_real *values = buffer + tensor->offset;
        size_t count = gs_tensor_elements(tensor);
        if (tensor->init == GS_INIT_DIRECTION) {
            gs_rng_normal(rng, 0, count, values);
            gs_vector->scale(count, (gs_real)(1.0 / sqrt((double)gs_vector->sum_squares(count, values))), values);
            continue;
        }
        gs_rng_truncated_normal(rng, count, values);
        gs_real deviation = (gs_real)(1.0 / sqrt((double)tensor->rows));
        for (size_t i = 0; i < count; i++) values[i] *= deviation;
    }
}

bool gs_tensors_finite(const gs_tensor_table *table, const gs_real *buffer)
{
    for (size_t i = 0; i < table->size; i++)
        if (!isfinite(buffer[i])) return false;
    return true;
}
