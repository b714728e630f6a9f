#include "nn/categorical.h"

#include <assert.h>

#include "ground/vector.h"

typedef gs_real row_loss(size_t count, size_t target, gs_real weight, const gs_real *x, gs_real *dx);

static double sum_rows(row_loss *loss, gs_matrix logits, const uint16_t *targets, gs_real weight, gs_matrix dlogits)
{
    assert(logits.rows == dlogits.rows && logits.columns == dlogits.columns);
    double total = 0;
    for (size_t r = 0; r < (size_t)logits.rows; r++) {
        const gs_real *row = logits.values + r * (size_t)logits.stride;
        gs_real *drow = dlogits.values + r * (size_t)dlogits.stride;
        total += (double)loss((size_t)logits.columns, targets[r], weight, row, drow);
    }
    return total;
}

double gs_softmax_loss(gs_matrix logits, const uint16_t *targets, gs_real weight, gs_matrix dlogits)
{
    return sum_rows(gs_vector->softmax_loss, logits, targets, weight, dlogits);
}

double gs_sigmoid_loss(gs_matrix logits, const uint16_t *targets, gs_real weight, gs_matrix dlogits)
{
    gs_real classes = (gs_real)logits.columns;
    return sum_rows(gs_vector->sigmoid_loss, logits, targets, weight / classes, dlogits) / logits.columns;
}

int gs_categorical_draw(int count, const gs_real *weights, const gs_real *sums, gs_real u)
{
    gs_real total = 0;
    for (int lane = 0; lane < GS_LANES; lane++) total += sums[lane];
    if (!(total > 0)) return count;

    gs_real left = u * total;
    int lane = 0, drawn = count;
    while (lane + 1 < GS_LANES && left >= sums[lane]) left -= sums[lane++];
    while (!(sums[lane] > 0)) lane--; /* rounding may lead past the last lane that holds anything */
    for (int k = lane; k < count; k += GS_LANES) {
        if (!(weights[k] > 0)) continue;
        drawn = k; /* and past the last class of its lane */
        left -= weights[k];
        if (left < 0) break;
    }
    return drawn;
}
