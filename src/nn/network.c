#include "nn/network.h"

#include <stdio.h>

void gs_network_add(gs_network *network, gs_tensor_table *table, const char *prefix, const int *units, int count,
                    gs_activation last)
{
    if (count > GS_LAYERS_MAX) table->fault = "a network has more layers than GS_LAYERS_MAX (nn/network.h)";
    network->count = count <= GS_LAYERS_MAX ? count : GS_LAYERS_MAX;
    for (int i = 0; i < network->count; i++) {
        char name[GS_TENSOR_NAME];
        snprintf(name, sizeof name, "%s/dense_%d", prefix, i);
        network->layers[i] = gs_dense_add(table, name, units[i], units[i + 1], i + 1 < count ? GS_TANH : last);
    }
}

static int units_of(const gs_network *network, const gs_tensor_table *table, int i)
{
    return table->tensors[network->layers[i].bias].columns;
}

void gs_network_take(gs_network *network, const gs_tensor_table *table, gs_arena *arena, int rows)
{
    for (int i = 0; i < network->count; i++) {
        network->outputs[i] = gs_matrix_take(arena, rows, units_of(network, table, i));
        network->doutputs[i] = gs_matrix_take(arena, rows, units_of(network, table, i));
    }
}

gs_matrix gs_network_output(const gs_network *network, int rows)
{
    return gs_matrix_rows(network->outputs[network->count - 1], rows);
}

gs_matrix gs_network_doutput(const gs_network *network, int rows)
{
    return gs_matrix_rows(network->doutputs[network->count - 1], rows);
}

void gs_network_forward(gs_network *network, const gs_tensor_table *table, gs_real *parameters, gs_matrix input,
                        gs_matrix output)
{
    gs_network_forward_from(network, table, parameters, 0, input, output);
}

void gs_network_forward_from(gs_network *network, const gs_tensor_table *table, gs_real *parameters, int first,
                             gs_matrix input, gs_matrix output)
{
    for (int i = first; i < network->count; i++) {
        gs_matrix target = i + 1 < network->count ? gs_matrix_rows(network->outputs[i], input.rows) : output;
        gs_dense_forward(&network->layers[i], table, parameters, input, target);
        input = target;
    }
}

void gs_network_backward(gs_network *network, const gs_tensor_table *table, gs_real *parameters, gs_matrix input,
                         gs_gradients gradients, gs_matrix dinput)
{
    gs_network_backward_to(network, table, parameters, 0, input, gradients, dinput);
}

void gs_network_backward_to(gs_network *network, const gs_tensor_table *table, gs_real *parameters, int first,
                            gs_matrix input, gs_gradients gradients, gs_matrix dinput)
{
    int rows = input.rows;
    for (int i = network->count - 1; i >= first; i--)
        gs_dense_backward(&network->layers[i], table, parameters,
                          i == first ? input : gs_matrix_rows(network->outputs[i - 1], rows),
                          gs_matrix_rows(network->outputs[i], rows), gs_matrix_rows(network->doutputs[i], rows),
                          gradients, i == first ? dinput : gs_matrix_rows(network->doutputs[i - 1], rows));
}
