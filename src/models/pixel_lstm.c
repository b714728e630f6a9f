/* The recurrent network that the article tried first (PixelRNN, van den Oord et al. 2016): per pixel dense layers, an
 * LSTM, dense layers.
 *
 * features -> hidden / 2 tanh -> hidden tanh -> LSTM -> hidden tanh -> logits. At step t it reads pixel t - 1 (before
 * the first: outside) and predicts pixel t. Training goes through the whole image and back. The dense layers are
 * computed in chunks of steps, those below the LSTM a second time on the way back, so that only the LSTM's own values
 * are kept for all steps. */
#include <string.h>

#include "models/autoregressive.h"

enum { CHUNK_ROWS = GS_SAMPLE_BATCH, ARTICLE_START = 64 };

static void prepare(gs_autoregressive *model, const gs_settings *settings, gs_arena *arena)
{
    gs_tensor_table *table = &model->base.tensors;
    int hidden = (int)gs_settings_integer(settings, GS_SETTING_HIDDEN_UNITS);
    int units = (int)gs_settings_integer(settings, GS_SETTING_LSTM_UNITS);
    if (gs_settings_integer(settings, GS_SETTING_START) == GS_START_ARTICLE) model->first = ARTICLE_START;
    model->clip = gs_settings_real(settings, GS_SETTING_GRADIENT_CLIP);
    model->pixels = gs_pixels_create(model->levels, 1, &model->base.painter, arena);
    int narrow = hidden > 1 ? hidden / 2 : 1;
    gs_network_add(&model->lstm.pixel, table, "pixel", (int[]){GS_PIXEL_FEATURES, narrow, hidden}, 2, GS_TANH);
    model->lstm.layer = gs_lstm_add(table, "lstm", hidden, units);
    gs_network_add(&model->lstm.color, table, "color", (int[]){units, hidden, model->pixels.classes}, 2, GS_LINEAR);

    model->lstm.chunk = model->batch < CHUNK_ROWS ? CHUNK_ROWS / model->batch : 1;
    int rows = model->batch > CHUNK_ROWS ? model->batch : CHUNK_ROWS;
    model->lstm.features = gs_matrix_take(arena, rows, GS_PIXEL_FEATURES);
    model->targets = gs_arena_take(arena, (size_t)rows, sizeof *model->targets);
    gs_network_take(&model->lstm.pixel, table, arena, rows);
    gs_network_take(&model->lstm.color, table, arena, rows);
    model->lstm.sampler = model->lstm.layer;
    gs_lstm_take(&model->lstm.layer, arena, model->batch, GS_PIXELS, true);
    gs_lstm_take(&model->lstm.sampler, arena, GS_SAMPLE_BATCH, 1, false);
}

static int steps_from(const gs_autoregressive *model, int first)
{
    return GS_PIXELS - first < model->lstm.chunk ? GS_PIXELS - first : model->lstm.chunk;
}

/* What the LSTM reads at steps first ... first + steps - 1. */
static gs_matrix chunk_input(gs_autoregressive *model, int first, int steps)
{
    gs_matrix features = gs_matrix_rows(model->lstm.features, steps * model->batch);
    gs_matrix input = gs_network_output(&model->lstm.pixel, features.rows);
    gs_real *row = features.values;
    for (int t = first; t < first + steps; t++)
        for (int i = 0; i < model->batch; i++, row += GS_PIXEL_FEATURES)
            gs_pixels_before(&model->pixels, &model->labels[i], t, 1, row);
    gs_network_forward(&model->lstm.pixel, &model->base.tensors, model->base.parameters, features, input);
    return input;
}

/* The layers above the LSTM, forward and back: returns the chunk's share of the loss. */
static double chunk_loss(gs_autoregressive *model, int first, int steps)
{
    gs_model *base = &model->base;
    gs_network *color = &model->lstm.color;
    int copied = model->first > first ? model->first - first : 0; /* steps that are not trained */
    copied = copied < steps ? copied : steps;
    gs_matrix untrained = gs_lstm_doutputs(&model->lstm.layer, first, copied);
    memset(untrained.values, 0, (size_t)untrained.rows * (size_t)untrained.columns * sizeof(gs_real));
    if (copied == steps) return 0;

    first += copied;
    steps -= copied;
    size_t row = 0;
    for (int t = first; t < first + steps; t++)
        for (int i = 0; i < model->batch; i++)
            model->targets[row++] = gs_pixels_class(&model->pixels, &model->labels[i], t);
    gs_matrix input = gs_lstm_outputs(&model->lstm.layer, first, steps);
    gs_matrix logits = gs_network_output(color, input.rows), dlogits = gs_network_doutput(color, input.rows);
    gs_network_forward(color, &base->tensors, base->parameters, input, logits);
    double pixels = (double)model->batch * (GS_PIXELS - model->first);
    double total = model->row_loss(logits, model->targets, (gs_real)(1 / pixels), dlogits);
    gs_network_backward(color, &base->tensors, base->parameters, input,
                        (gs_gradients){.parameters = base->gradients, .keep = first > model->first},
                        gs_lstm_doutputs(&model->lstm.layer, first, steps));
    return total / pixels;
}

static void chunk_backward(gs_autoregressive *model, int first, int steps)
{
    gs_model *base = &model->base;
    gs_network *pixel = &model->lstm.pixel;
    gs_matrix input = chunk_input(model, first, steps), features = gs_matrix_rows(model->lstm.features, input.rows);
    gs_gradients gradients = {.parameters = base->gradients, .keep = first + steps < GS_PIXELS};
    gs_lstm_backward(&model->lstm.layer, &base->tensors, base->parameters, first, input, gradients,
                     gs_network_doutput(pixel, input.rows));
    gs_network_backward(pixel, &base->tensors, base->parameters, features, gradients, (gs_matrix){0});
}

static double loss(gs_autoregressive *model, gs_rng data)
{
    double total = 0;
    int chunk = model->lstm.chunk;
    for (int i = 0; i < model->batch; i++) model->labels[i] = gs_label_draw(&model->base.law, data, (uint32_t)i);
    gs_lstm_start(&model->lstm.layer);
    for (int first = 0; first < GS_PIXELS; first += chunk) {
        int steps = steps_from(model, first);
        gs_matrix input = chunk_input(model, first, steps);
        gs_lstm_forward(&model->lstm.layer, &model->base.tensors, model->base.parameters, first, input);
        total += chunk_loss(model, first, steps);
    }
    for (int first = (GS_PIXELS - 1) / chunk * chunk; first >= 0; first -= chunk)
        chunk_backward(model, first, steps_from(model, first));
    return total;
}

static void start(gs_autoregressive *model, int rows)
{
    model->lstm.sampler.batch = rows;
    gs_lstm_start(&model->lstm.sampler);
    for (int i = 0; i < rows; i++) model->row_of[i] = i;
}

static gs_matrix logits(gs_autoregressive *model, int rows, int position)
{
    const gs_tensor_table *table = &model->base.tensors;
    gs_real *weights = model->base.weights;
    gs_matrix features = gs_matrix_rows(model->lstm.features, rows);
    gs_matrix input = gs_network_output(&model->lstm.pixel, rows);
    for (int i = 0; i < rows; i++) {
        gs_real *row = features.values + (size_t)i * GS_PIXEL_FEATURES;
        memcpy(row, gs_pixels_place(&model->pixels, position - 1), GS_PIXEL_FEATURES * sizeof *row);
        if (position == 0) continue;
        uint16_t before = gs_canvas_row(model, i)[position - 1];
        memcpy(row, gs_pixels_color(&model->pixels, before), GS_CHANNELS * sizeof *row);
    }
    gs_network_forward(&model->lstm.pixel, table, weights, features, input);
    gs_lstm_forward(&model->lstm.sampler, table, weights, 0, input);
    gs_matrix output = gs_network_output(&model->lstm.color, rows);
    gs_network_forward(&model->lstm.color, table, weights, gs_lstm_outputs(&model->lstm.sampler, 0, 1), output);
    gs_lstm_carry(&model->lstm.sampler);
    return output;
}

static void sampling_state(gs_autoregressive *model, gs_spans *spans)
{
    gs_lstm *sampler = &model->lstm.sampler;
    gs_spans_add(spans, &sampler->batch, sizeof sampler->batch);
    gs_spans_add(spans, sampler->cells.values, gs_matrix_size(sampler->cells));
    gs_spans_add(spans, sampler->outputs.values, gs_matrix_size(sampler->outputs));
}

const gs_pixel_network gs_pixel_lstm = {
    .prepare = prepare,
    .loss = loss,
    .start = start,
    .logits = logits,
    .sampling_state = sampling_state,
};
