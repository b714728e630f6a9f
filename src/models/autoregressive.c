/* The autoregressive model of the article (METHODS section 3): training and sampling, whatever the network.
 *
 * loss: softmax is the cross-entropy of the color classes; `article` is one sigmoid a class, although colors are
 * drawn from the softmax in both, so that what is sampled is p / (1 - p) where p was learnt. start: padding generates
 * every pixel; `article` copies the first ones (context_pixels of the flat network, 64 of the lstm) from images of
 * the data and trains only those that follow. */
#include "models/autoregressive.h"

#include <math.h>
#include <string.h>

#include "ground/vector.h"

enum { LOSS, GRADIENT_NORM };

static void prepare(gs_model *base, const gs_settings *settings, gs_arena *arena)
{
    static const gs_pixel_network *const networks[] = {
        [GS_NETWORK_FLAT] = &gs_pixel_flat,
        [GS_NETWORK_LSTM] = &gs_pixel_lstm,
    };
    gs_autoregressive *model = (gs_autoregressive *)base;
    bool article = gs_settings_integer(settings, GS_SETTING_LOSS) == GS_LOSS_ARTICLE;
    model->network = networks[gs_settings_integer(settings, GS_SETTING_NETWORK)];
    model->row_loss = article ? gs_sigmoid_loss : gs_softmax_loss;
    model->batch = (int)gs_settings_integer(settings, GS_SETTING_BATCH_SIZE);
    model->levels = (int)gs_settings_integer(settings, GS_SETTING_COLOR_LEVELS);
    model->clip = (double)INFINITY;
    model->labels = gs_arena_take(arena, (size_t)gs_scratch_rows(model->batch), sizeof *model->labels);
    model->canvas = gs_arena_take(arena, (size_t)GS_SAMPLE_BATCH * GS_PIXELS, sizeof *model->canvas);
    model->row_of = gs_arena_take(arena, GS_SAMPLE_BATCH, sizeof *model->row_of);
    model->network->prepare(model, settings, arena);
    model->adam = gs_model_adam(settings, GS_SETTING_LEARNING_RATE, 0, base->tensors.size);
    base->average = gs_model_average(settings, GS_SETTING_WEIGHT_EMA, 0, base->tensors.size);
}

static void train(gs_model *base, int64_t step, double curves[GS_CURVES_MAX])
{
    gs_autoregressive *model = (gs_autoregressive *)base;
    gs_rng data = {.seed = base->seed, .stream = GS_STREAM_DATA, .step = (uint64_t)step};
    curves[LOSS] = model->network->loss(model, data);
    double norm = sqrt((double)gs_vector->sum_squares(base->tensors.size, base->gradients));
    if (norm > model->clip) gs_vector->scale(base->tensors.size, (gs_real)(model->clip / norm), base->gradients);
    curves[GRADIENT_NORM] = norm;
    gs_model_update_last(base, &model->adam, step + 1, step);
}

static int64_t sampling_parts(const gs_model *base, int64_t samples)
{
    (void)base;
    return gs_sample_batches(samples) * GS_PIXELS;
}

/* The random numbers of pixel p of all samples are step p of the stream; step GS_PIXELS is for the labels of copied
 * starts. */
static gs_rng evaluation(const gs_autoregressive *model, int step)
{
    return (gs_rng){.seed = model->base.seed, .stream = GS_STREAM_EVALUATION, .step = (uint64_t)step};
}

static void copy_pixel(gs_autoregressive *model, int rows, int position)
{
    for (int i = 0; i < rows; i++)
        gs_canvas_row(model, i)[position] = gs_pixels_class(&model->pixels, &model->labels[i], position);
}

/* Draws pixel `position` of samples begin ... begin + rows - 1 (begin a multiple of 4) from the network's law. */
static void draw_pixel(gs_autoregressive *model, gs_matrix logits, int64_t begin, int rows, int position)
{
    gs_real sums[GS_SAMPLE_BATCH][GS_LANES];
    uint32_t words[4] = {0}; /* of four samples */
    size_t stride = (size_t)logits.stride;
    for (size_t r = 0; r < (size_t)logits.rows; r++)
        gs_vector->softmax_weights((size_t)logits.columns, logits.values + r * stride, sums[r]);
    for (int i = 0; i < rows; i++) {
        if (i % 4 == 0) gs_rng_block(evaluation(model, position), (uint32_t)((begin + i) / 4), words);
        gs_real u = (gs_real)gs_uniform_from_word(words[i % 4]);
        size_t row = (size_t)model->row_of[i];
        const gs_real *weights = logits.values + row * stride;
        gs_canvas_row(model, i)[position] = (uint16_t)gs_categorical_draw(logits.columns, weights, sums[row], u);
    }
}

static void paint_canvas(const gs_autoregressive *model, int rows, gs_matrix images)
{
    for (int i = 0; i < rows; i++) {
        gs_real *pixel = images.values + (size_t)i * (size_t)images.stride;
        for (int p = 0; p < GS_PIXELS; p++, pixel += GS_CHANNELS)
            memcpy(pixel, gs_pixels_color(&model->pixels, gs_canvas_row(model, i)[p]), GS_CHANNELS * sizeof *pixel);
    }
}

/* A part is one pixel of GS_SAMPLE_BATCH samples; the last pixel of a block hands its images out. */
static int sample(gs_model *base, int64_t samples, int64_t part, gs_matrix images)
{
    gs_autoregressive *model = (gs_autoregressive *)base;
    int64_t block = part / GS_PIXELS, begin = block * GS_SAMPLE_BATCH;
    int position = (int)(part % GS_PIXELS), rows = gs_sample_rows(samples, block);
    if (position == 0) {
        for (int i = 0; i < rows; i++)
            model->labels[i] = gs_label_draw(&base->law, evaluation(model, GS_PIXELS), (uint32_t)(begin + i));
        model->network->start(model, rows);
    }
    gs_matrix logits = model->network->logits(model, rows, position);
    if (position < model->first) copy_pixel(model, rows, position);
    else draw_pixel(model, logits, begin, rows, position);
    if (position < GS_PIXELS - 1) return 0;
    paint_canvas(model, rows, images);
    return rows;
}

static void sampling_state(gs_model *base, gs_spans *spans)
{
    gs_autoregressive *model = (gs_autoregressive *)base;
    gs_spans_add(spans, model->labels, GS_SAMPLE_BATCH * sizeof *model->labels);
    gs_spans_add(spans, model->canvas, (size_t)GS_SAMPLE_BATCH * GS_PIXELS * sizeof *model->canvas);
    gs_spans_add(spans, model->row_of, GS_SAMPLE_BATCH * sizeof *model->row_of);
    model->network->sampling_state(model, spans);
}

static void expected(const gs_settings *settings, const gs_digits *digits, double table[GS_BINS])
{
    gs_law law = gs_law_of(settings);
    gs_pixels_expected(&law, digits, (int)gs_settings_integer(settings, GS_SETTING_COLOR_LEVELS), table);
}

/* The lstm goes along the pixels. */
static double passes(const gs_settings *settings)
{
    return gs_settings_integer(settings, GS_SETTING_NETWORK) == GS_NETWORK_LSTM ? GS_PIXELS : 1;
}

const gs_model_type gs_model_autoregressive = {
    .id = GS_MODEL_AUTOREGRESSIVE,
    .curves = {"loss", "gradient_norm"},
    .losses = 1,
    .size = sizeof(gs_autoregressive),
    .redundancy = {0.055, 100, 1000},
    .prepare = prepare,
    .train = train,
    .sampling_parts = sampling_parts,
    .sample = sample,
    .sampling_state = sampling_state,
    .passes = passes,
    .expected = expected,
};
