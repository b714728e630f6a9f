#include "nn/lstm.h"

#include <string.h>

#include "ground/vector.h"

gs_lstm gs_lstm_add(gs_tensor_table *table, const char *prefix, int inputs, int units)
{
    int sums = 4 * units;
    return (gs_lstm){
        .input_kernel = gs_tensors_add(table, prefix, "input_kernel", 2, inputs, sums, GS_INIT_LECUN_NORMAL),
        .recurrent_kernel = gs_tensors_add(table, prefix, "recurrent_kernel", 2, units, sums, GS_INIT_LECUN_NORMAL),
        .bias = gs_tensors_add(table, prefix, "bias", 1, 1, sums, GS_INIT_ZEROS),
        .units = units,
    };
}

void gs_lstm_take(gs_lstm *layer, gs_arena *arena, int batch, int steps, bool backward)
{
    layer->batch = batch;
    layer->gates = gs_matrix_take(arena, steps * batch, 4 * layer->units);
    layer->cells = gs_matrix_take(arena, (steps + 1) * batch, layer->units);
    layer->outputs = gs_matrix_take(arena, (steps + 1) * batch, layer->units);
    if (!backward) return;
    layer->doutputs = gs_matrix_take(arena, steps * batch, layer->units);
    layer->dcells = gs_matrix_take(arena, batch, layer->units);
}

/* The rows of `steps` steps from `first` on. */
static gs_matrix steps_of(const gs_lstm *layer, gs_matrix all, int first, int steps)
{
    gs_real *values = all.values + (size_t)first * (size_t)layer->batch * (size_t)all.stride;
    return (gs_matrix){values, steps * layer->batch, all.columns, all.stride};
}

/* Where the rows of one step begin. */
static gs_real *at_step(const gs_lstm *layer, gs_matrix all, int step)
{
    return steps_of(layer, all, step, 1).values;
}

static size_t state_size(const gs_lstm *layer)
{
    return (size_t)layer->batch * (size_t)layer->units * sizeof(gs_real);
}

void gs_lstm_start(gs_lstm *layer)
{
    memset(layer->cells.values, 0, state_size(layer));
    memset(layer->outputs.values, 0, state_size(layer));
    if (layer->dcells.values != NULL) memset(layer->dcells.values, 0, state_size(layer));
}

void gs_lstm_carry(gs_lstm *layer)
{
    memcpy(layer->cells.values, at_step(layer, layer->cells, 1), state_size(layer));
    memcpy(layer->outputs.values, at_step(layer, layer->outputs, 1), state_size(layer));
}

gs_matrix gs_lstm_outputs(const gs_lstm *layer, int first, int steps)
{
    return steps_of(layer, layer->outputs, first + 1, steps);
}

gs_matrix gs_lstm_doutputs(const gs_lstm *layer, int first, int steps)
{
    return steps_of(layer, layer->doutputs, first, steps);
}

void gs_lstm_forward(gs_lstm *layer, const gs_tensor_table *table, gs_real *parameters, int first, gs_matrix input)
{
    size_t batch = (size_t)layer->batch, units = (size_t)layer->units;
    int steps = input.rows / layer->batch;
    gs_matrix gates = steps_of(layer, layer->gates, first, steps);
    gs_matrix input_kernel = gs_tensor_view(table, layer->input_kernel, parameters);
    gs_matrix recurrent_kernel = gs_tensor_view(table, layer->recurrent_kernel, parameters);
    const gs_real *bias = gs_tensor_view(table, layer->bias, parameters).values;
    gs_matrix_multiply(GS_PLAIN, input, GS_PLAIN, input_kernel, 0, gates);
    gs_vector->bias_linear((size_t)gates.rows, 4 * units, 4 * units, bias, gates.values);
    for (int t = first; t < first + steps; t++) {
        gs_matrix sums = steps_of(layer, layer->gates, t, 1), before = steps_of(layer, layer->outputs, t, 1);
        gs_matrix_multiply(GS_PLAIN, before, GS_PLAIN, recurrent_kernel, 1, sums);
        gs_vector->lstm_forward(batch, units, at_step(layer, layer->cells, t), sums.values,
                                at_step(layer, layer->cells, t + 1), at_step(layer, layer->outputs, t + 1));
    }
}

/* From the gradients on h and c after step t to those of its sums, and to those on h and c before it. */
static void step_back(gs_lstm *layer, gs_matrix recurrent_kernel, int t)
{
    gs_matrix gates = steps_of(layer, layer->gates, t, 1);
    gs_vector->lstm_backward((size_t)layer->batch, (size_t)layer->units, at_step(layer, layer->cells, t),
                             at_step(layer, layer->cells, t + 1), at_step(layer, layer->doutputs, t),
                             layer->dcells.values, gates.values);
    if (t == 0) return;
    gs_matrix before = steps_of(layer, layer->doutputs, t - 1, 1);
    gs_matrix_multiply(GS_PLAIN, gates, GS_TRANSPOSED, recurrent_kernel, 1, before);
}

void gs_lstm_backward(gs_lstm *layer, const gs_tensor_table *table, gs_real *parameters, int first, gs_matrix input,
                      gs_gradients gradients, gs_matrix dinput)
{
    int steps = input.rows / layer->batch;
    gs_matrix input_kernel = gs_tensor_view(table, layer->input_kernel, parameters);
    gs_matrix recurrent_kernel = gs_tensor_view(table, layer->recurrent_kernel, parameters);
    for (int t = first + steps - 1; t >= first; t--) step_back(layer, recurrent_kernel, t);

    gs_matrix dsums = steps_of(layer, layer->gates, first, steps);
    gs_real *dbias = gs_tensor_view(table, layer->bias, gradients.parameters).values;
    gs_matrix_multiply(GS_TRANSPOSED, input, GS_PLAIN, dsums, gradients.keep,
                       gs_tensor_view(table, layer->input_kernel, gradients.parameters));
    gs_matrix_multiply(GS_TRANSPOSED, steps_of(layer, layer->outputs, first, steps), GS_PLAIN, dsums, gradients.keep,
                       gs_tensor_view(table, layer->recurrent_kernel, gradients.parameters));
    if (!(gradients.keep > 0)) memset(dbias, 0, (size_t)dsums.columns * sizeof *dbias);
    gs_vector->column_sums((size_t)dsums.rows, (size_t)dsums.columns, (size_t)dsums.stride, dsums.values, dbias);
    gs_matrix_multiply(GS_PLAIN, dsums, GS_TRANSPOSED, input_kernel, 0, dinput);
}
