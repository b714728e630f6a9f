#include "nn/average.h"

#include <string.h>

gs_real gs_average_rate(const gs_average *average, int64_t step)
{
    double warm = (1 + (double)step) / (10 + (double)step), decay = average->decay < warm ? average->decay : warm;
    return (gs_real)(1 - decay);
}

void gs_average_copy_rest(const gs_average *average, size_t size, const gs_real *parameters, gs_real *averages)
{
    size_t first = average->first, end = first + average->count;
    memcpy(averages, parameters, first * sizeof *averages);
    memcpy(averages + end, parameters + end, (size - end) * sizeof *averages);
}
