#include "nn/adam.h"

#include "ground/vector.h"

/* By squaring, in a fixed order: pow() may differ in its last bit between C libraries. */
static double power(double base, int64_t exponent)
{
    double result = 1;
    for (; exponent > 0; exponent >>= 1, base *= base)
        if (exponent & 1) result *= base;
    return result;
}

void gs_adam_update(const gs_adam *adam, int64_t update, const gs_real *gradients, gs_real *moment1, gs_real *moment2,
                    gs_real *parameters, gs_real approach, gs_real *averages)
{
    gs_adam_rates rates = {
        .learning_rate = (gs_real)adam->learning_rate,
        .beta1 = (gs_real)adam->beta1,
        .beta2 = (gs_real)adam->beta2,
        .correction1 = (gs_real)(1 / (1 - power(adam->beta1, update))),
        .correction2 = (gs_real)(1 / (1 - power(adam->beta2, update))),
        .epsilon = (gs_real)adam->epsilon,
    };
    size_t at = adam->first;
    if (averages == NULL)
        gs_vector->adam(adam->count, rates, gradients + at, moment1 + at, moment2 + at, parameters + at);
    else
        gs_vector->adam_average(adam->count, rates, approach, gradients + at, moment1 + at, moment2 + at,
                                parameters + at, averages + at);
}
