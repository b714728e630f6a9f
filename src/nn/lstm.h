/* A layer of long short-term memory (Hochreiter & Schmidhuber 1997, with the forget gate of Gers et al. 2000) over a
 * batch of sequences.
 *
 *   [i f g o] = x W + h_before U + b        W: inputs x 4 units, U: units x 4 units, b: 4 units
 *   c = sigmoid(f) c_before + sigmoid(i) tanh(g),  h = sigmoid(o) tanh(c)
 *
 * Rows are ordered by step, then by sequence. A pass over the sequence may be cut into chunks of steps, in order
 * forward and in reverse order backward: only gates, c and h are kept for all steps, the inputs belong to the caller.
 * Products with W run over whole chunks, only those with U go step by step. */
#ifndef GS_NN_LSTM_H
#define GS_NN_LSTM_H

#include "ground/arena.h"
#include "nn/dense.h"

typedef struct {
    int input_kernel, recurrent_kernel, bias; /* indices into the table of tensors */
    int units, batch;
    gs_matrix gates;            /* (steps batch) x (4 units); backward makes them the gradients of the sums above */
    gs_matrix cells, outputs;   /* ((steps + 1) batch) x units: c and h, the state before the first step in front */
    gs_matrix doutputs, dcells; /* (steps batch) x units: d loss / d h; batch x units */
} gs_lstm;

/* Registers "<prefix>/input_kernel", "<prefix>/recurrent_kernel" and "<prefix>/bias". */
gs_lstm gs_lstm_add(gs_tensor_table *table, const char *prefix, int inputs, int units);

/* Takes what a pass over `steps` steps of `batch` sequences keeps; `backward`: it will be taken back too. */
void gs_lstm_take(gs_lstm *layer, gs_arena *arena, int batch, int steps, bool backward);

/* State zero before the first step. */
void gs_lstm_start(gs_lstm *layer);

/* Steps first ... first + input.rows / batch - 1. Their h stand in gs_lstm_outputs. */
void gs_lstm_forward(gs_lstm *layer, const gs_tensor_table *table, gs_real *parameters, int first, gs_matrix input);
gs_matrix gs_lstm_outputs(const gs_lstm *layer, int first, int steps);

/* Makes the state after step 0 the state before it, for a layer that keeps one step only. */
void gs_lstm_carry(gs_lstm *layer);

/* Where the gradients of the loss on h belong, for all steps, before the first chunk is taken back. */
gs_matrix gs_lstm_doutputs(const gs_lstm *layer, int first, int steps);

/* Takes a chunk back. dinput: input.rows x inputs. */
void gs_lstm_backward(gs_lstm *layer, const gs_tensor_table *table, gs_real *parameters, int first, gs_matrix input,
                      gs_gradients gradients, gs_matrix dinput);

#endif
