/* Exponential average of weights, which samples are made with (Polyak & Juditsky 1992; its use for generative models:
 * Yazici et al. 2019). Under Adam at a constant rate the last weights carry the noise of the last batches; the average
 * does not. */
#ifndef GS_NN_AVERAGE_H
#define GS_NN_AVERAGE_H

#include <stddef.h>
#include <stdint.h>

#include "ground/real.h"

/* Parameters first ... first + count - 1 are averaged; decay 0: not at all. */
typedef struct {
    double decay;
    size_t first, count;
} gs_average;

/* 1 - d with d = min(decay, (1 + step) / (10 + step)), so that the initial weights are soon forgotten: training step
 * number `step` (counted from 1) makes average += (1 - d) (parameters - average). That is done in Adam's pass
 * (nn/adam.h). */
gs_real gs_average_rate(const gs_average *average, int64_t step);

/* What is not averaged is copied. Both buffers hold `size` numbers. */
void gs_average_copy_rest(const gs_average *average, size_t size, const gs_real *parameters, gs_real *averages);

#endif
