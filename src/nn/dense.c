#include "nn/dense.h"

#include <assert.h>
#include <string.h>

#include "ground/vector.h"

gs_dense gs_dense_add(gs_tensor_table *table, const char *prefix, int inputs, int outputs, gs_activation activation)
{
    return (gs_dense){
        .kernel = gs_tensors_add(table, prefix, "kernel", 2, inputs, outputs, GS_INIT_LECUN_NORMAL),
        .bias = gs_tensors_add(table, prefix, "bias", 1, 1, outputs, GS_INIT_ZEROS),
        .activation = activation,
    };
}

/* The product then adds to the bias, which spares a linear layer the pass over its output afterwards. */
static void begin_with_bias(const gs_dense *layer, const gs_tensor_table *table, gs_real *parameters, gs_matrix output)
{
    const gs_real *bias = gs_tensor_view(table, layer->bias, parameters).values;
    for (int r = 0; r < output.rows; r++)
        memcpy(output.values + (size_t)r * (size_t)output.stride, bias, (size_t)output.columns * sizeof *bias);
}

void gs_dense_forward(const gs_dense *layer, const gs_tensor_table *table, gs_real *parameters, gs_matrix input,
                      gs_matrix output)
{
    gs_matrix kernel = gs_tensor_view(table, layer->kernel, parameters);
    bool linear = layer->activation == GS_LINEAR;
    if (linear) begin_with_bias(layer, table, parameters, output);
    gs_matrix_multiply(GS_PLAIN, input, GS_PLAIN, kernel, linear, output);
    if (!linear) gs_dense_activate(layer, table, parameters, output);
}

void gs_activate(gs_activation activation, const gs_real *bias, gs_matrix y)
{
    size_t rows = (size_t)y.rows, columns = (size_t)y.columns, stride = (size_t)y.stride;
    switch (activation) {
    case GS_LINEAR: gs_vector->bias_linear(rows, columns, stride, bias, y.values); break;
    case GS_TANH: gs_vector->bias_tanh(rows, columns, stride, bias, y.values); break;
    case GS_SIGMOID: gs_vector->bias_sigmoid(rows, columns, stride, bias, y.values); break;
    }
}

void gs_dense_activate(const gs_dense *layer, const gs_tensor_table *table, gs_real *parameters, gs_matrix output)
{
    gs_activate(layer->activation, gs_tensor_view(table, layer->bias, parameters).values, output);
}

void gs_dense_activate_backward(const gs_dense *layer, const gs_tensor_table *table, gs_matrix output,
                                gs_matrix doutput, gs_gradients gradients)
{
    assert(doutput.stride == output.stride);
    size_t rows = (size_t)output.rows, columns = (size_t)output.columns, stride = (size_t)output.stride;
    switch (layer->activation) {
    case GS_LINEAR: break;
    case GS_TANH: gs_vector->tanh_gradient(rows, columns, stride, output.values, doutput.values); break;
    case GS_SIGMOID: gs_vector->sigmoid_gradient(rows, columns, stride, output.values, doutput.values); break;
    }
    if (gradients.parameters == NULL) return;
    gs_real *dbias = gs_tensor_view(table, layer->bias, gradients.parameters).values;
    if (!(gradients.keep > 0)) memset(dbias, 0, columns * sizeof *dbias);
    gs_vector->column_sums(rows, columns, stride, doutput.values, dbias);
}

void gs_dense_backward(const gs_dense *layer, const gs_tensor_table *table, gs_real *parameters, gs_matrix input,
                       gs_matrix output, gs_matrix doutput, gs_gradients gradients, gs_matrix dinput)
{
    gs_dense_activate_backward(layer, table, output, doutput, gradients);
    if (gradients.parameters != NULL) {
        gs_matrix dkernel = gs_tensor_view(table, layer->kernel, gradients.parameters);
        gs_matrix_multiply(GS_TRANSPOSED, input, GS_PLAIN, doutput, gradients.keep, dkernel);
    }
    if (dinput.values != NULL) {
        gs_matrix kernel = gs_tensor_view(table, layer->kernel, parameters);
        gs_matrix_multiply(GS_PLAIN, doutput, GS_TRANSPOSED, kernel, 0, dinput);
    }
}
