/* The generative adversarial network of the article (METHODS section 3).
 *
 * Generator: z ~ N(0,1) -> tanh -> tanh -> sigmoid image. Discriminator: image -> tanh -> tanh, f -> [minibatch
 * discrimination: f becomes [f, o]] -> tanh -> logit. A training step is `generator_steps` updates of the generator on
 * softplus(-D(G(z))) (non-saturating), then `discriminator_steps` updates of the discriminator on
 * (softplus(-D(real)) + softplus(D(fake))) / 2. Real and fake images pass the discriminator as separate batches. */
#include <math.h>
#include <stddef.h>

#include "ground/vector.h"
#include "models/model.h"
#include "models/painted.h"
#include "nn/minibatch.h"
#include "nn/network.h"

enum { DISCRIMINATOR_LAYERS = 4, FEATURE_LAYER = 1 /* minibatch discrimination reads its output */ };

typedef struct {
    gs_model base;
    int batch, latent, generator_steps, discriminator_steps;
    bool minibatch_on;

    gs_network generator;
    gs_dense discriminator[DISCRIMINATOR_LAYERS];
    gs_minibatch minibatch;
    gs_adam generator_adam, discriminator_adam;

    /* Activations of the discriminator's layers and the gradients of the loss on them. The feature layer's rows have
     * room for the similarities behind the features, so that the next layer reads both as one matrix. */
    gs_matrix noise, generated;
    gs_painted real;
    gs_matrix judged[DISCRIMINATOR_LAYERS], djudged[DISCRIMINATOR_LAYERS];
    gs_real *losses;
} gan;

enum { GENERATOR_LOSS, DISCRIMINATOR_LOSS, MINIBATCH_ACTIVE };

static void add_tensors(gan *model, const gs_settings *settings)
{
    gs_tensor_table *table = &model->base.tensors;
    int g1 = gs_settings_int(settings, GS_SETTING_GENERATOR_HIDDEN_1),
        g2 = gs_settings_int(settings, GS_SETTING_GENERATOR_HIDDEN_2);
    gs_network_add(&model->generator, table, "generator", (int[]){model->latent, g1, g2, GS_IMAGE}, 3, GS_SIGMOID);
    size_t generator_end = table->size;

    int d1 = gs_settings_int(settings, GS_SETTING_DISCRIMINATOR_HIDDEN_1),
        d2 = gs_settings_int(settings, GS_SETTING_DISCRIMINATOR_HIDDEN_2);
    int d3 = gs_settings_int(settings, GS_SETTING_DISCRIMINATOR_HIDDEN_3), similarities = 0;
    model->discriminator[0] = gs_dense_add(table, "discriminator/dense_0", GS_IMAGE, d1, GS_TANH);
    model->discriminator[1] = gs_dense_add(table, "discriminator/dense_1", d1, d2, GS_TANH);
    if (model->minibatch_on) {
        similarities = gs_settings_int(settings, GS_SETTING_MBD_FEATURES);
        model->minibatch = gs_minibatch_add(table, "discriminator/minibatch", d2, similarities,
                                            gs_settings_int(settings, GS_SETTING_MBD_KERNEL_DIM));
    }
    model->discriminator[2] = gs_dense_add(table, "discriminator/dense_2", d2 + similarities, d3, GS_TANH);
    model->discriminator[3] = gs_dense_add(table, "discriminator/dense_3", d3, 1, GS_LINEAR);

    model->generator_adam = gs_model_adam(settings, GS_SETTING_GENERATOR_LEARNING_RATE, 0, generator_end);
    model->discriminator_adam =
        gs_model_adam(settings, GS_SETTING_DISCRIMINATOR_LEARNING_RATE, generator_end, table->size);
    model->base.average = gs_model_average(settings, GS_SETTING_GENERATOR_EMA, 0, generator_end);
}

static void prepare(gs_model *base, const gs_settings *settings, gs_arena *arena)
{
    gan *model = (gan *)base;
    model->batch = gs_settings_int(settings, GS_SETTING_BATCH_SIZE);
    model->latent = gs_settings_int(settings, GS_SETTING_LATENT_DIM);
    model->generator_steps = gs_settings_int(settings, GS_SETTING_GENERATOR_STEPS);
    model->discriminator_steps = gs_settings_int(settings, GS_SETTING_DISCRIMINATOR_STEPS);
    model->minibatch_on = gs_settings_on(settings, GS_SETTING_MINIBATCH_DISCRIMINATION);
    add_tensors(model, settings);

    const gs_tensor *tensors = base->tensors.tensors;
    int sampled = model->batch > GS_SAMPLE_BATCH ? model->batch : GS_SAMPLE_BATCH;
    model->noise = gs_matrix_take(arena, sampled, model->latent);
    gs_network_take(&model->generator, &base->tensors, arena, sampled);
    model->generated = gs_network_output(&model->generator, model->batch);
    for (int i = 0; i < DISCRIMINATOR_LAYERS; i++) {
        int units = tensors[model->discriminator[i].bias].columns;
        int room = i == FEATURE_LAYER && model->minibatch_on ? model->minibatch.features : 0;
        model->judged[i] = gs_matrix_take(arena, model->batch, units + room);
        model->djudged[i] = gs_matrix_take(arena, model->batch, units + room);
    }
    model->real = gs_painted_take(&base->painter, arena, model->batch, model->judged[0].columns);
    if (model->minibatch_on) gs_minibatch_take(&model->minibatch, arena, model->batch);
    model->losses = gs_arena_take_scratch(arena, (size_t)model->batch, sizeof *model->losses);
}

/* Draws z (number `use` of `stream`) for `rows` samples and makes their images with these weights. */
static void generate(gan *model, gs_stream stream, uint64_t use, int rows, gs_real *weights, gs_matrix images)
{
    gs_rng rng = {.seed = model->base.seed, .stream = stream, .step = use};
    gs_matrix noise = gs_matrix_rows(model->noise, rows);
    gs_rng_normal(rng, 0, (size_t)rows * (size_t)model->latent, noise.values);
    gs_network_forward(&model->generator, &model->base.tensors, weights, noise, images);
}

/* The output of layer i alone, without the similarities that may stand behind it in `rows`. */
static gs_matrix units_of(const gan *model, int i, gs_matrix rows)
{
    return gs_matrix_columns(rows, 0, model->base.tensors.tensors[model->discriminator[i].bias].columns);
}

static gs_matrix similarities_of(const gan *model, gs_matrix rows)
{
    return gs_matrix_columns(rows, model->minibatch.inputs, model->minibatch.features);
}

/* What the discriminator reads: the real batch, or the generated images. */
typedef enum { FAKE, REAL } origin;

/* Judges a batch against `target` (1 real, 0 fake): returns the mean loss and leaves weight * d loss / d logit in the
 * last djudged. */
static double judge(gan *model, origin from, gs_real target, gs_real weight)
{
    const gs_tensor_table *table = &model->base.tensors;
    gs_matrix input = model->generated;
    for (int i = 0; i < DISCRIMINATOR_LAYERS; i++) {
        const gs_dense *layer = &model->discriminator[i];
        gs_matrix output = units_of(model, i, model->judged[i]);
        if (i == 0 && from == REAL) gs_painted_forward(&model->real, layer, table, model->base.parameters, output);
        else gs_dense_forward(layer, table, model->base.parameters, input, output);
        if (i == FEATURE_LAYER && model->minibatch_on)
            gs_minibatch_forward(&model->minibatch, table, model->base.parameters, output,
                                 similarities_of(model, model->judged[i]));
        input = model->judged[i];
    }
    size_t batch = (size_t)model->batch;
    gs_real *dlogit = model->djudged[DISCRIMINATOR_LAYERS - 1].values;
    gs_vector->logit_loss(batch, target, input.values, model->losses, dlogit);
    gs_real scale = weight / (gs_real)model->batch;
    for (size_t i = 0; i < batch; i++) dlogit[i] *= scale;
    return (double)gs_vector->sum(batch, model->losses) / (double)model->batch;
}

/* Takes the gradient from the logit back through the discriminator: into its tensors, or into the generated images, or
 * both. */
static void judge_backward(gan *model, origin from, gs_gradients gradients, gs_matrix dimages)
{
    const gs_tensor_table *table = &model->base.tensors;
    for (int i = DISCRIMINATOR_LAYERS - 1; i >= 0; i--) {
        gs_matrix output = units_of(model, i, model->judged[i]), doutput = units_of(model, i, model->djudged[i]);
        if (i == FEATURE_LAYER && model->minibatch_on)
            gs_minibatch_backward(&model->minibatch, table, model->base.parameters, output,
                                  similarities_of(model, model->djudged[i]), gradients, doutput);
        const gs_dense *layer = &model->discriminator[i];
        if (i == 0 && from == REAL) gs_painted_backward(&model->real, layer, table, output, doutput, gradients);
        else
            gs_dense_backward(layer, table, model->base.parameters, i == 0 ? model->generated : model->judged[i - 1],
                              output, doutput, gradients, i == 0 ? dimages : model->djudged[i - 1]);
    }
}

/* Loss and gradients of one generator update. `use` numbers the batches of noise. */
static double generator_loss(gan *model, uint64_t use)
{
    generate(model, GS_STREAM_NOISE, use, model->batch, model->base.parameters, model->generated);
    double loss = judge(model, FAKE, 1, 1);
    judge_backward(model, FAKE, (gs_gradients){0}, gs_network_doutput(&model->generator, model->batch));
    gs_network_backward(&model->generator, &model->base.tensors, model->base.parameters,
                        gs_matrix_rows(model->noise, model->batch), (gs_gradients){.parameters = model->base.gradients},
                        (gs_matrix){0});
    return loss;
}

/* Loss and gradients of one discriminator update. */
static double discriminator_loss(gan *model, uint64_t use, uint64_t data_step)
{
    generate(model, GS_STREAM_NOISE, use, model->batch, model->base.parameters, model->generated);
    double fake = judge(model, FAKE, 0, (gs_real)0.5);
    judge_backward(model, FAKE, (gs_gradients){.parameters = model->base.gradients, .keep = 0}, (gs_matrix){0});
    gs_rng data = {.seed = model->base.seed, .stream = GS_STREAM_DATA, .step = data_step};
    gs_painted_draw(&model->real, &model->base.law, data);
    double real = judge(model, REAL, 1, (gs_real)0.5);
    judge_backward(model, REAL, (gs_gradients){.parameters = model->base.gradients, .keep = 1}, (gs_matrix){0});
    return (real + fake) / 2;
}

static void train(gs_model *base, int64_t step, double curves[GS_CURVES_MAX])
{
    gan *model = (gan *)base;
    uint64_t updates = (uint64_t)(model->generator_steps + model->discriminator_steps), use = (uint64_t)step * updates;
    curves[GENERATOR_LOSS] = curves[DISCRIMINATOR_LOSS] = 0;
    curves[MINIBATCH_ACTIVE] = (double)NAN;
    for (int k = 0; k < model->generator_steps; k++) {
        curves[GENERATOR_LOSS] += generator_loss(model, use++) / model->generator_steps;
        int64_t number = step * model->generator_steps + k + 1;
        if (k + 1 < model->generator_steps) gs_model_update(base, &model->generator_adam, number);
        else gs_model_update_last(base, &model->generator_adam, number, step);
    }
    for (int k = 0; k < model->discriminator_steps; k++) {
        int64_t number = step * model->discriminator_steps + k;
        curves[DISCRIMINATOR_LOSS] += discriminator_loss(model, use++, (uint64_t)number) / model->discriminator_steps;
        gs_model_update(base, &model->discriminator_adam, number + 1);
    }
    if (model->minibatch_on) curves[MINIBATCH_ACTIVE] = gs_minibatch_active(&model->minibatch);
}

static int64_t sampling_parts(const gs_model *base, int64_t samples)
{
    (void)base;
    return gs_sample_batches(samples);
}

static int sample(gs_model *base, int64_t samples, int64_t part, gs_matrix images)
{
    int rows = gs_sample_rows(samples, part);
    generate((gan *)base, GS_STREAM_EVALUATION, (uint64_t)part, rows, base->weights, gs_matrix_rows(images, rows));
    return rows;
}

/* Each update sees a batch. */
static double passes(const gs_settings *settings)
{
    return (double)(gs_settings_integer(settings, GS_SETTING_GENERATOR_STEPS) +
                    gs_settings_integer(settings, GS_SETTING_DISCRIMINATOR_STEPS));
}

const gs_model_type gs_model_gan = {
    .id = GS_MODEL_GAN,
    .curves = {"generator_loss", "discriminator_loss", "minibatch_active"},
    .losses = 2,
    .size = sizeof(gan),
    .prepare = prepare,
    .train = train,
    .sampling_parts = sampling_parts,
    .sample = sample,
    .passes = passes,
};
