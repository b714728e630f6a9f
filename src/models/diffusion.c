/* The diffusion model of the article (METHODS section 3); its processes are in models/diffusion_process.h.
 *
 * Network: x_t -> 256, [16 features of t] behind them, tanh -> tanh -> tanh -> image, linear; it predicts x0 or the
 * noise. A training step draws images, times t uniform in 1 ... T and noise, and takes 1/2 (prediction - truth)^2, mean
 * over numbers and batch. Sampling starts from noise at T and goes back to 0, in batches of GS_SAMPLE_BATCH images, one
 * time a part. */
#include <math.h>
#include <string.h>

#include "ground/vector.h"
#include "models/diffusion_process.h"
#include "models/model.h"
#include "nn/dense.h"
#include "nn/losses.h"

enum { LAYERS = 4, TIME_FEATURES = 16 };

typedef struct {
    gs_model base;
    gs_diffusion process;
    bool predicts_noise;
    int batch;
    gs_dense layers[LAYERS];
    gs_adam adam;

    /* What follows the first layer's units, for each t: tanh(sin(t / T * pi / 2 * 2^(i - 4))), i < TIME_FEATURES. */
    gs_matrix time_features; /* T + 1 x TIME_FEATURES */

    /* x_t; the layers' outputs and the gradients of the loss on them. The first layer's rows have room for the time
     * features behind the units, so that the next layer reads both as one matrix. */
    gs_matrix noised, outputs[LAYERS], doutputs[LAYERS];
    gs_matrix images, noise; /* of a training batch, the images shifted; when sampling, a row of noise */
} diffusion;

enum { LOSS };

static int units_of(const diffusion *model, int i)
{
    return model->base.tensors.tensors[model->layers[i].bias].columns;
}

static void fill_time_features(diffusion *model)
{
    if (model->time_features.values == NULL) return;
    for (int t = 0; t <= model->process.timesteps; t++)
        for (int i = 0; i < TIME_FEATURES; i++) {
            double angle = ldexp((double)t / model->process.timesteps * 1.57079632679489662, i - 4);
            model->time_features.values[t * TIME_FEATURES + i] = (gs_real)sin(angle);
        }
    size_t count = (size_t)(model->process.timesteps + 1) * TIME_FEATURES;
    gs_vector->tanh(count, model->time_features.values, model->time_features.values);
}

static void prepare(gs_model *base, const gs_settings *settings, gs_arena *arena)
{
    diffusion *model = (diffusion *)base;
    gs_tensor_table *table = &base->tensors;
    model->batch = gs_settings_int(settings, GS_SETTING_BATCH_SIZE);
    model->predicts_noise = gs_settings_int(settings, GS_SETTING_PREDICTION) == GS_PREDICTION_EPSILON;
    int hidden = gs_settings_int(settings, GS_SETTING_HIDDEN_UNITS);
    model->layers[0] = gs_dense_add(table, "denoiser/dense_0", GS_IMAGE, hidden, GS_TANH);
    model->layers[1] = gs_dense_add(table, "denoiser/dense_1", hidden + TIME_FEATURES, hidden, GS_TANH);
    model->layers[2] = gs_dense_add(table, "denoiser/dense_2", hidden, hidden, GS_TANH);
    model->layers[3] = gs_dense_add(table, "denoiser/dense_3", hidden, GS_IMAGE, GS_LINEAR);
    model->adam = gs_model_adam(settings, GS_SETTING_LEARNING_RATE, 0, table->size);
    base->average = gs_model_average(settings, GS_SETTING_WEIGHT_EMA, 0, table->size);

    model->process = gs_diffusion_create(settings, arena);
    model->time_features = gs_matrix_take(arena, model->process.timesteps + 1, TIME_FEATURES);
    fill_time_features(model);
    int sampled = gs_scratch_rows(model->batch);
    for (int i = 0; i < LAYERS; i++) {
        int room = i == 0 ? TIME_FEATURES : 0;
        model->outputs[i] = gs_matrix_take(arena, sampled, units_of(model, i) + room);
        model->doutputs[i] = gs_matrix_take(arena, model->batch, units_of(model, i) + room);
    }
    model->noised = gs_matrix_take(arena, sampled, GS_IMAGE);
    model->images = gs_matrix_take(arena, model->batch, GS_IMAGE);
    model->noise = gs_matrix_take(arena, model->batch, GS_IMAGE);
}

static gs_real *row_of(gs_matrix matrix, int row)
{
    return matrix.values + (size_t)row * (size_t)matrix.stride;
}

/* Tells the network the time of a row. */
static void set_time(diffusion *model, int row, int t)
{
    gs_real *behind_units = row_of(model->outputs[0], row) + units_of(model, 0);
    memcpy(behind_units, row_of(model->time_features, t), TIME_FEATURES * sizeof *behind_units);
}

/* The output of layer i alone, without the time features that stand behind the first's. */
static gs_matrix units_alone(const diffusion *model, int i, gs_matrix rows)
{
    return gs_matrix_columns(rows, 0, units_of(model, i));
}

/* Predicts from the first `rows` rows of `noised`, whose times have been set. */
static gs_matrix predict(diffusion *model, gs_real *weights, int rows)
{
    gs_matrix input = gs_matrix_rows(model->noised, rows);
    for (int i = 0; i < LAYERS; i++) {
        gs_matrix output = gs_matrix_rows(model->outputs[i], rows);
        gs_dense_forward(&model->layers[i], &model->base.tensors, weights, input, units_alone(model, i, output));
        input = output;
    }
    return input;
}

static void predict_backward(diffusion *model)
{
    gs_gradients gradients = {.parameters = model->base.gradients};
    const gs_matrix unwanted = {0};
    for (int i = LAYERS - 1; i >= 0; i--) {
        gs_matrix output = units_alone(model, i, gs_matrix_rows(model->outputs[i], model->batch));
        gs_matrix input = gs_matrix_rows(i == 0 ? model->noised : model->outputs[i - 1], model->batch);
        gs_matrix doutput = units_alone(model, i, model->doutputs[i]);
        gs_dense_backward(&model->layers[i], &model->base.tensors, model->base.parameters, input, output, doutput,
                          gradients, i == 0 ? unwanted : model->doutputs[i - 1]);
    }
}

/* Fills images, noise and noised for a step. Row i: its time from word 0 of block i of the step's noise; the normal
 * numbers begin behind those blocks. */
static void draw_batch(diffusion *model, int64_t step)
{
    gs_rng data = {.seed = model->base.seed, .stream = GS_STREAM_DATA, .step = (uint64_t)step};
    gs_rng noise = {.seed = model->base.seed, .stream = GS_STREAM_NOISE, .step = (uint64_t)step};
    gs_painter_batch(&model->base.painter, &model->base.law, data, 0, model->images);
    for (int i = 0; i < model->batch; i++) {
        uint32_t words[4], first = 4 * (uint32_t)model->batch + (uint32_t)i * GS_IMAGE;
        gs_rng_block(noise, (uint32_t)i, words);
        int t = 1 + (int)((uint64_t)words[0] * (uint64_t)model->process.timesteps >> 32);
        set_time(model, i, t);
        gs_vector->shift(GS_IMAGE, (gs_real)-0.5, row_of(model->images, i));
        gs_rng_normal(noise, first, GS_IMAGE, row_of(model->noise, i));
        gs_diffusion_noise(&model->process, t, GS_IMAGE, row_of(model->images, i), row_of(model->noise, i),
                           row_of(model->noised, i));
    }
}

static void train(gs_model *base, int64_t step, double curves[GS_CURVES_MAX])
{
    diffusion *model = (diffusion *)base;
    draw_batch(model, step);
    gs_matrix predicted = predict(model, base->parameters, model->batch);
    gs_matrix truth = model->predicts_noise ? model->noise : model->images;
    curves[LOSS] = gs_squared_error(predicted, truth, model->doutputs[LAYERS - 1]);
    predict_backward(model);
    gs_model_update_last(base, &model->adam, step + 1, step);
}

static int64_t sampling_parts(const gs_model *base, int64_t samples)
{
    return gs_sample_batches(samples) * ((const diffusion *)base)->process.timesteps;
}

/* The noise that x_t of an image is made with (T: the start; t < T: in the step back from t + 1). */
static void draw_noise(const diffusion *model, int64_t batch, int t, int row, gs_real *noise)
{
    uint64_t step = (uint64_t)batch * (uint64_t)(model->process.timesteps + 1) + (uint64_t)t;
    gs_rng rng = {.seed = model->base.seed, .stream = GS_STREAM_EVALUATION, .step = step};
    gs_rng_normal(rng, (uint32_t)row * GS_IMAGE, GS_IMAGE, noise);
}

static int sample(gs_model *base, int64_t samples, int64_t part, gs_matrix images)
{
    diffusion *model = (diffusion *)base;
    int timesteps = model->process.timesteps, t = timesteps - (int)(part % timesteps);
    int64_t batch = part / timesteps;
    int rows = gs_sample_rows(samples, batch);
    for (int i = 0; i < rows; i++) {
        set_time(model, i, t);
        if (t == timesteps) draw_noise(model, batch, t, i, row_of(model->noised, i));
    }
    gs_matrix predicted = predict(model, base->weights, rows);
    for (int i = 0; i < rows; i++) {
        draw_noise(model, batch, t - 1, i, model->noise.values);
        gs_diffusion_step_back(&model->process, t, GS_IMAGE, row_of(predicted, i), model->noise.values,
                               row_of(model->noised, i));
    }
    if (t > 1) return 0;
    for (int i = 0; i < rows; i++) {
        memcpy(row_of(images, i), row_of(model->noised, i), GS_IMAGE * sizeof(gs_real));
        gs_vector->shift(GS_IMAGE, (gs_real)0.5, row_of(images, i));
    }
    return rows;
}

static void sampling_state(gs_model *base, gs_spans *spans)
{
    gs_matrix noised = gs_matrix_rows(((diffusion *)base)->noised, GS_SAMPLE_BATCH);
    gs_spans_add(spans, noised.values, gs_matrix_size(noised));
}

const gs_model_type gs_model_diffusion = {
    .id = GS_MODEL_DIFFUSION,
    .curves = {"loss"},
    .losses = 1,
    .size = sizeof(diffusion),
    .redundancy = {0.36, 100, 10000},
    .prepare = prepare,
    .train = train,
    .sampling_parts = sampling_parts,
    .sample = sample,
    .sampling_state = sampling_state,
};
