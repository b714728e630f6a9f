/* A chain of dense layers with its activations: the article's networks are all of this form. */
#ifndef GS_NN_NETWORK_H
#define GS_NN_NETWORK_H

#include "ground/arena.h"
#include "nn/dense.h"

enum { GS_LAYERS_MAX = 6 };

typedef struct {
    int count;
    gs_dense layers[GS_LAYERS_MAX];
    gs_matrix outputs[GS_LAYERS_MAX];  /* of each layer, one row a sample; kept from forward to backward */
    gs_matrix doutputs[GS_LAYERS_MAX]; /* gradients of the loss on them; backward overwrites them */
} gs_network;

/* Registers the layers "<prefix>/dense_0", "dense_1", ...; units: inputs of the first, then outputs of each of `count`
 * layers. The hidden layers are tanh and can be nothing else; `last` is free. More than GS_LAYERS_MAX layers: see
 * table->fault. */
void gs_network_add(gs_network *network, gs_tensor_table *table, const char *prefix, const int *units, int count,
                    gs_activation last);

/* Takes the activations for batches of at most `rows` samples. */
void gs_network_take(gs_network *network, const gs_tensor_table *table, gs_arena *arena, int rows);

/* The last layer's output for so many rows. */
gs_matrix gs_network_output(const gs_network *network, int rows);
gs_matrix gs_network_doutput(const gs_network *network, int rows);

/* output: input.rows x outputs of the last layer; usually gs_network_output(network, input.rows). `first`: the layer
 * that reads `input`. */
void gs_network_forward_from(gs_network *network, const gs_tensor_table *table, gs_real *parameters, int first,
                             gs_matrix input, gs_matrix output);
void gs_network_forward(gs_network *network, const gs_tensor_table *table, gs_real *parameters, gs_matrix input,
                        gs_matrix output);

/* After a forward pass of `input` into the network's own output, with the gradient in gs_network_doutput. dinput as in
 * gs_dense_backward. */
void gs_network_backward_to(gs_network *network, const gs_tensor_table *table, gs_real *parameters, int first,
                            gs_matrix input, gs_gradients gradients, gs_matrix dinput);
void gs_network_backward(gs_network *network, const gs_tensor_table *table, gs_real *parameters, gs_matrix input,
                         gs_gradients gradients, gs_matrix dinput);

#endif
