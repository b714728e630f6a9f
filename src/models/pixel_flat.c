/* The flat network of the article: the features of the last `context_pixels` pixels, side by side, through dense
 * layers.
 *
 * A training batch is one position of each image, drawn evenly. In sampling most of the first layer's input, the
 * places, is the same for all samples: it is multiplied once a position. Samples with the same colors in their
 * windows (blank margins, the green digits) are computed once. */
#include <assert.h>
#include <string.h>

#include "models/autoregressive.h"

enum { LAYERS = 4, SLOTS = 2048 /* a power of two */ };
static_assert(SLOTS >= 2 * GS_SAMPLE_BATCH, "half of the hash table stays free");

static const uint64_t hash_base = 0x9E3779B97F4A7C15u; /* odd, so that no class is lost mod 2^64 */

static void prepare(gs_autoregressive *model, const gs_settings *settings, gs_arena *arena)
{
    int context = (int)gs_settings_integer(settings, GS_SETTING_CONTEXT_PIXELS);
    int hidden = (int)gs_settings_integer(settings, GS_SETTING_HIDDEN_UNITS);
    if (gs_settings_integer(settings, GS_SETTING_START) == GS_START_ARTICLE) model->first = context;
    model->pixels = gs_pixels_create(model->levels, context, &model->base.painter, arena);
    int units[LAYERS + 1] = {context * GS_PIXEL_FEATURES, hidden, hidden, hidden, model->pixels.classes};
    gs_network_add(&model->flat.network, &model->base.tensors, "flat", units, LAYERS, GS_LINEAR);

    int rows = gs_scratch_rows(model->batch);
    gs_network_take(&model->flat.network, &model->base.tensors, arena, rows);
    model->flat.windows = gs_matrix_take(arena, model->batch, context * GS_PIXEL_FEATURES);
    model->targets = gs_arena_take(arena, (size_t)model->batch, sizeof *model->targets);

    model->flat.color_kernel = gs_matrix_take(arena, context * GS_CHANNELS, hidden);
    model->flat.place_sums = gs_matrix_take(arena, 1, hidden);
    model->flat.colors = gs_matrix_take(arena, GS_SAMPLE_BATCH, context * GS_CHANNELS);
    model->flat.hashes = gs_arena_take(arena, GS_SAMPLE_BATCH, sizeof *model->flat.hashes);
    model->flat.slots = gs_arena_take(arena, SLOTS, sizeof *model->flat.slots);
    model->flat.members = gs_arena_take(arena, GS_SAMPLE_BATCH, sizeof *model->flat.members);
    model->flat.power = 1;
    for (int i = 0; i < context; i++) model->flat.power *= hash_base;
}

static double loss(gs_autoregressive *model, gs_rng data)
{
    gs_network *network = &model->flat.network;
    gs_model *base = &model->base;
    gs_matrix windows = model->flat.windows, logits = gs_network_output(network, model->batch);
    gs_matrix dlogits = gs_network_doutput(network, model->batch);
    for (int i = 0; i < model->batch; i++) {
        gs_label label = gs_label_draw(&base->law, data, (uint32_t)i);
        int position = gs_pixels_draw_position(data, (uint32_t)i, model->first);
        gs_pixels_before(&model->pixels, &label, position, model->pixels.lead,
                         windows.values + (size_t)i * (size_t)windows.stride);
        model->targets[i] = gs_pixels_class(&model->pixels, &label, position);
    }
    gs_network_forward(network, &base->tensors, base->parameters, windows, logits);
    double total = model->row_loss(logits, model->targets, 1 / (gs_real)model->batch, dlogits);
    gs_network_backward(network, &base->tensors, base->parameters, windows,
                        (gs_gradients){.parameters = base->gradients}, (gs_matrix){0});
    return total / model->batch;
}

static void start(gs_autoregressive *model, int rows)
{
    const gs_dense *first = &model->flat.network.layers[0];
    gs_matrix kernel = gs_tensor_view(&model->base.tensors, first->kernel, model->base.weights);
    size_t hidden = (size_t)kernel.columns;
    gs_real *rows_of_colors = model->flat.color_kernel.values;
    for (size_t p = 0; p < (size_t)model->pixels.lead; p++)
        memcpy(rows_of_colors + p * GS_CHANNELS * hidden, kernel.values + p * GS_PIXEL_FEATURES * hidden,
               GS_CHANNELS * hidden * sizeof(gs_real));
    memset(model->flat.hashes, 0, (size_t)rows * sizeof *model->flat.hashes);
}

static bool same_window(const gs_autoregressive *model, int a, int b, int position)
{
    int begin = position > model->pixels.lead ? position - model->pixels.lead : 0;
    return memcmp(gs_canvas_row(model, a) + begin, gs_canvas_row(model, b) + begin,
                  (size_t)(position - begin) * sizeof *model->canvas) == 0;
}

/* Moves the hashes of the windows on by one pixel: the polynomial in hash_base whose coefficients are the classes. */
static void move_hashes(gs_autoregressive *model, int rows, int position)
{
    if (position == 0) return;
    for (int i = 0; i < rows; i++) {
        const uint16_t *pixels = gs_canvas_row(model, i) + position - 1;
        uint64_t gone = position > model->pixels.lead ? pixels[-model->pixels.lead] * model->flat.power : 0;
        model->flat.hashes[i] = model->flat.hashes[i] * hash_base + pixels[0] - gone;
    }
}

/* Gives each sample its row; returns the number of different windows. */
static int sort_windows(gs_autoregressive *model, int rows, int position)
{
    uint16_t *slots = model->flat.slots, *members = model->flat.members; /* a slot holds a row + 1, 0 if it is free */
    int count = 0;
    memset(slots, 0, SLOTS * sizeof *slots);
    for (int i = 0; i < rows; i++) {
        size_t slot = (model->flat.hashes[i] * hash_base >> 40) % SLOTS;
        while (slots[slot] != 0 && !(model->flat.hashes[members[slots[slot] - 1]] == model->flat.hashes[i] &&
                                     same_window(model, members[slots[slot] - 1], i, position)))
            slot = (slot + 1) % SLOTS;
        if (slots[slot] == 0) {
            members[count] = (uint16_t)i;
            slots[slot] = (uint16_t)++count;
        }
        model->row_of[i] = slots[slot] - 1;
    }
    return count;
}

/* The colors of a sample's window; before the start of the image they are 0. */
static void window_colors(const gs_autoregressive *model, int sample, int position, gs_real *colors)
{
    const uint16_t *classes = gs_canvas_row(model, sample);
    for (int p = position - model->pixels.lead; p < position; p++, colors += GS_CHANNELS)
        memcpy(colors, gs_pixels_color(&model->pixels, p < 0 ? 0 : classes[p]), GS_CHANNELS * sizeof *colors);
}

/* What places and bias add to the first layer's sums at this position: 1 x hidden. */
static const gs_real *sum_places(gs_autoregressive *model, int position)
{
    const gs_tensor_table *table = &model->base.tensors;
    const gs_dense *first = &model->flat.network.layers[0];
    gs_matrix sums = model->flat.place_sums, kernel = gs_tensor_view(table, first->kernel, model->base.weights);
    gs_real *places = model->pixels.places + (size_t)position * GS_PIXEL_FEATURES; /* of the `lead` pixels before it */
    gs_matrix_multiply(GS_PLAIN, gs_matrix_of(places, 1, kernel.rows), GS_PLAIN, kernel, 0, sums);
    gs_activate(GS_LINEAR, gs_tensor_view(table, first->bias, model->base.weights).values, sums);
    return sums.values;
}

static gs_matrix logits(gs_autoregressive *model, int rows, int position)
{
    gs_network *network = &model->flat.network;
    move_hashes(model, rows, position);
    int count = sort_windows(model, rows, position);
    gs_matrix colors = gs_matrix_rows(model->flat.colors, count);
    for (int i = 0; i < count; i++)
        window_colors(model, model->flat.members[i], position, colors.values + (size_t)i * (size_t)colors.stride);

    gs_matrix hidden = gs_matrix_rows(network->outputs[0], count);
    gs_matrix_multiply(GS_PLAIN, colors, GS_PLAIN, model->flat.color_kernel, 0, hidden);
    gs_activate(network->layers[0].activation, sum_places(model, position), hidden);
    for (int l = 1; l < LAYERS; l++)
        gs_dense_forward(&network->layers[l], &model->base.tensors, model->base.weights,
                         gs_matrix_rows(network->outputs[l - 1], count), gs_matrix_rows(network->outputs[l], count));
    return gs_network_output(network, count);
}

static void sampling_state(gs_autoregressive *model, gs_spans *spans)
{
    gs_spans_add(spans, model->flat.color_kernel.values, gs_matrix_size(model->flat.color_kernel));
    gs_spans_add(spans, model->flat.hashes, GS_SAMPLE_BATCH * sizeof *model->flat.hashes);
}

const gs_pixel_network gs_pixel_flat = {
    .prepare = prepare,
    .loss = loss,
    .start = start,
    .logits = logits,
    .sampling_state = sampling_state,
};
