/* Laws over classes given by rows of logits: losses against the right classes, and draws. */
#ifndef GS_NN_CATEGORICAL_H
#define GS_NN_CATEGORICAL_H

#include <stdint.h>

#include "nn/matrix.h"

/* The sum over rows of each row's loss against the class targets[row]; dlogits (shape of logits) = weight times its
 * gradient. Softmax: the cross-entropy, -log softmax(logits)[target]. Sigmoid: one sigmoid a class, the binary
 * cross-entropy against the one-hot target, mean over classes. */
double gs_softmax_loss(gs_matrix logits, const uint16_t *targets, gs_real weight, gs_matrix dlogits);
double gs_sigmoid_loss(gs_matrix logits, const uint16_t *targets, gs_real weight, gs_matrix dlogits);

/* A class drawn with the uniform number u in (0,1), by inverting the distribution function of the law in proportion
 * to weights[0 ... count - 1], taken in the order 0, GS_LANES, 2 GS_LANES, ..., 1, GS_LANES + 1, ... Both arrays as
 * gs_vector->softmax_weights makes them: the lane is found from the sums first, then the class in it. Returns `count`
 * if the weights are not finite. */
int gs_categorical_draw(int count, const gs_real *weights, const gs_real *sums, gs_real u);

#endif
