/* Losses of a whole batch. */
#ifndef GS_NN_LOSSES_H
#define GS_NN_LOSSES_H

#include "nn/matrix.h"

/* 1/2 (output - target)^2, mean over all elements; its gradient is left in doutput. The three have one shape. */
double gs_squared_error(gs_matrix output, gs_matrix target, gs_matrix doutput);

#endif
