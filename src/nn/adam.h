/* Adam (Kingma & Ba 2015) over a range of a model's flat parameter buffer. */
#ifndef GS_NN_ADAM_H
#define GS_NN_ADAM_H

#include <stddef.h>
#include <stdint.h>

#include "ground/real.h"

/* Parameters first ... first + count - 1 with their own rate; the moments live in the model's buffers. */
typedef struct {
    double learning_rate, beta1, beta2, epsilon;
    size_t first, count;
} gs_adam;

/* Update number `update` (counted from 1, for the bias correction). The buffers have the layout of the model's tensors.
 * `averages` NULL, or moved towards the new parameters in the same pass: averages += approach (parameters - averages),
 * see nn/average.h. */
void gs_adam_update(const gs_adam *adam, int64_t update, const gs_real *gradients, gs_real *moment1, gs_real *moment2,
                    gs_real *parameters, gs_real approach, gs_real *averages);

#endif
