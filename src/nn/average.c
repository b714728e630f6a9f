#include "nn/average.h"

#include <string.h>

#include "ground/vector.h"

void gs_average_update(const gs_average *average, int64_t step, size_t size, const gs_real *parameters, gs_real *averages)
{
    double warm = (1 + (double)step) / (10 + (double)step), decay = average->decay < warm ? average->decay : warm;
    size_t first = average->first, end = first + average->count;
    gs_vector->approach(average->count, (gs_real)(1 - decay), parameters + first, averages + first);
    memcpy(averages, parameters, first * sizeof *averages);
    memcpy(averages + end, parameters + end, (size - end) * sizeof *averages);
}
