/* The oracle of the article (METHODS section 3): a decoder that is told what to draw.
 *
 * [digit, one-hot; red, green, blue] -> tanh -> tanh -> sigmoid image; loss 1/2 (image - data)^2, mean over pixels and
 * batch. It samples from labels that are drawn from the data's law, so that its frequencies are right and what is left
 * is the error of the images: the floor for every other model with a decoder of this size. */
#include <string.h>

#include "models/model.h"
#include "nn/losses.h"
#include "nn/network.h"

enum { LABEL = GS_DIGITS + GS_CHANNELS };

typedef struct {
    gs_model base;
    int batch;
    gs_network decoder;
    gs_adam adam;
    gs_matrix labels, data; /* rows x LABEL, batch x GS_IMAGE */
} oracle;

enum { LOSS };

static void prepare(gs_model *base, const gs_settings *settings, gs_arena *arena)
{
    oracle *model = (oracle *)base;
    model->batch = gs_settings_int(settings, GS_SETTING_BATCH_SIZE);
    int h1 = gs_settings_int(settings, GS_SETTING_DECODER_HIDDEN_1),
        h2 = gs_settings_int(settings, GS_SETTING_DECODER_HIDDEN_2);
    gs_network_add(&model->decoder, &base->tensors, "decoder", (int[]){LABEL, h1, h2, GS_IMAGE}, 3, GS_SIGMOID);
    model->adam = gs_model_adam(settings, GS_SETTING_LEARNING_RATE, 0, base->tensors.size);

    int sampled = gs_scratch_rows(model->batch);
    gs_network_take(&model->decoder, &base->tensors, arena, sampled);
    model->labels = gs_matrix_take(arena, sampled, LABEL);
    model->data = gs_matrix_take(arena, model->batch, GS_IMAGE);
}

/* Draws label `index` of the stream and writes it as the network reads it. */
static gs_label draw_label(oracle *model, gs_rng rng, int index)
{
    gs_label label = gs_label_draw(&model->base.law, rng, (uint32_t)index);
    gs_real *row = model->labels.values + (size_t)index * LABEL;
    memset(row, 0, LABEL * sizeof *row);
    row[label.digit] = 1;
    for (int c = 0; c < GS_CHANNELS; c++) row[GS_DIGITS + c] = (gs_real)label.color[c];
    return label;
}

static void train(gs_model *base, int64_t step, double curves[GS_CURVES_MAX])
{
    oracle *model = (oracle *)base;
    gs_rng rng = {.seed = base->seed, .stream = GS_STREAM_DATA, .step = (uint64_t)step};
    for (int i = 0; i < model->batch; i++) {
        gs_label label = draw_label(model, rng, i);
        gs_painter_paint(&base->painter, &label, model->data.values + (size_t)i * GS_IMAGE);
    }
    gs_matrix labels = gs_matrix_rows(model->labels, model->batch);
    gs_matrix images = gs_network_output(&model->decoder, model->batch);
    gs_network_forward(&model->decoder, &base->tensors, base->parameters, labels, images);
    curves[LOSS] = gs_squared_error(images, model->data, gs_network_doutput(&model->decoder, model->batch));
    gs_network_backward(&model->decoder, &base->tensors, base->parameters, labels,
                        (gs_gradients){.parameters = base->gradients}, (gs_matrix){0});
    gs_model_update_last(base, &model->adam, step + 1, step);
}

static int sample(gs_model *base, int64_t samples, int64_t part, gs_matrix images)
{
    oracle *model = (oracle *)base;
    gs_rng rng = {.seed = base->seed, .stream = GS_STREAM_EVALUATION, .step = (uint64_t)part};
    int rows = gs_sample_rows(samples, part);
    for (int i = 0; i < rows; i++) draw_label(model, rng, i);
    gs_network_forward(&model->decoder, &base->tensors, base->weights, gs_matrix_rows(model->labels, rows),
                       gs_matrix_rows(images, rows));
    return rows;
}

const gs_model_type gs_model_oracle = {
    .id = GS_MODEL_ORACLE,
    .curves = {"loss"},
    .losses = 1,
    .size = sizeof(oracle),
    .redundancy = {0.165, 1000, 10000},
    .prepare = prepare,
    .train = train,
    .sample = sample,
};
