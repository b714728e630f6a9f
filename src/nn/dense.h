/* A dense layer: y = f(x kernel + bias), forward and backward over a batch (one row a sample). */
#ifndef GS_NN_DENSE_H
#define GS_NN_DENSE_H

#include "nn/tensors.h"

/* f. Its kernels are in ground/vector.h, and dense.c chooses them. Two places know more of it than that: gs_network_add
 * makes hidden layers tanh, and models/gradient_penalty.c, which needs f' and f'', refuses others. */
typedef enum { GS_LINEAR, GS_TANH, GS_SIGMOID } gs_activation;

typedef struct {
    int kernel, bias; /* indices into the table of tensors: inputs x outputs, outputs */
    gs_activation activation;
} gs_dense;

/* Registers the tensors "<prefix>/kernel" and "<prefix>/bias". */
gs_dense gs_dense_add(gs_tensor_table *table, const char *prefix, int inputs, int outputs, gs_activation activation);

/* output (B x outputs) from input (B x inputs). */
void gs_dense_forward(const gs_dense *layer, const gs_tensor_table *table, gs_real *parameters, gs_matrix input,
                      gs_matrix output);

/* Where gs_dense_backward leaves the gradients of the loss. */
typedef struct {
    gs_real *parameters; /* buffer in the table's layout; NULL: the layer is not being trained in this pass */
    gs_real keep;        /* 0: overwrite, 1: add to what is there */
} gs_gradients;

/* `doutput` (same shape and stride as output) comes as d loss / d output and leaves as the gradient before the
 * activation. dinput (B x inputs) is overwritten; dinput.values NULL: not wanted. */
void gs_dense_backward(const gs_dense *layer, const gs_tensor_table *table, gs_real *parameters, gs_matrix input,
                       gs_matrix output, gs_matrix doutput, gs_gradients gradients, gs_matrix dinput);

/* y = f(y + bias), row by row; bias: as many numbers as y has columns. */
void gs_activate(gs_activation activation, const gs_real *bias, gs_matrix y);

/* What the two do beside their products with the kernel. Forward: `output` comes as x kernel and leaves as f(x kernel +
 * bias). Backward: `doutput` as above, and the bias's gradient. */
void gs_dense_activate(const gs_dense *layer, const gs_tensor_table *table, gs_real *parameters, gs_matrix output);
void gs_dense_activate_backward(const gs_dense *layer, const gs_tensor_table *table, gs_matrix output,
                                gs_matrix doutput, gs_gradients gradients);

#endif
