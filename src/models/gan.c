/* The generative adversarial network of the article (METHODS section 3).
 *
 * Generator: z ~ N(0,1) -> tanh -> tanh -> sigmoid image. Discriminator: models/discriminator.h; losses:
 * models/gan_loss.h. A training step is `generator_steps` updates of the generator, then `discriminator_steps` updates
 * of the discriminator on
 *
 *   (real + generated) / 2 + share (r1 / 2 mean |grad D(real)|^2 + r2 / 2 mean |grad D(generated)|^2)
 *
 * with share = gs_gan_loss_share, so that r1 and r2 weigh as in the papers. Real and generated images pass the
 * discriminator as separate batches.
 *
 * With feature matching (Salimans et al. 2016, section 3.1) the generator minimises |mean f(real) - mean
 * f(generated)|^2 instead, f the discriminator's features and the means over the batch. For that, and for losses of
 * pairs, its updates see real images too, from a stream of their own. */
#include <math.h>
#include <stddef.h>
#include <string.h>

#include "ground/vector.h"
#include "models/discriminator.h"
#include "models/gan_loss.h"
#include "models/model.h"
#include "nn/network.h"

typedef struct {
    gs_model base;
    int batch, latent, generator_steps, discriminator_steps;
    gs_gan_loss loss;
    bool pairs, matches_features;
    double r1, r2; /* weights of the penalties beside (real + generated) / 2 */

    gs_network generator;
    gs_discriminator discriminator;
    gs_adam generator_adam, discriminator_adam;

    gs_matrix noise, generated;
    gs_real *losses, *others;        /* one number a pack: losses, and the logits of the other origin */
    gs_real *means[GS_ORIGIN_COUNT]; /* of the features */
} gan;

enum { GENERATOR_LOSS, DISCRIMINATOR_LOSS, MINIBATCH_ACTIVE };

static void add_tensors(gan *model, const gs_settings *settings)
{
    gs_tensor_table *table = &model->base.tensors;
    int g1 = gs_settings_int(settings, GS_SETTING_GENERATOR_HIDDEN_1),
        g2 = gs_settings_int(settings, GS_SETTING_GENERATOR_HIDDEN_2);
    gs_network_add(&model->generator, table, "generator", (int[]){model->latent, g1, g2, GS_IMAGE}, 3, GS_SIGMOID);
    size_t generator_end = table->size;
    model->discriminator = gs_discriminator_add(table, settings);
    model->generator_adam = gs_model_adam(settings, GS_SETTING_GENERATOR_LEARNING_RATE, 0, generator_end);
    model->discriminator_adam = gs_model_adam(settings, GS_SETTING_DISCRIMINATOR_LEARNING_RATE,
                                              model->discriminator.first, model->discriminator.end);
    model->base.average = gs_model_average(settings, GS_SETTING_GENERATOR_EMA, 0, generator_end);
}

static void prepare(gs_model *base, const gs_settings *settings, gs_arena *arena)
{
    gan *model = (gan *)base;
    model->batch = gs_settings_int(settings, GS_SETTING_BATCH_SIZE);
    model->latent = gs_settings_int(settings, GS_SETTING_LATENT_DIM);
    model->generator_steps = gs_settings_int(settings, GS_SETTING_GENERATOR_STEPS);
    model->discriminator_steps = gs_settings_int(settings, GS_SETTING_DISCRIMINATOR_STEPS);
    model->loss.kind = gs_settings_int(settings, GS_SETTING_GAN_LOSS);
    model->loss.smoothing = (gs_real)gs_settings_real(settings, GS_SETTING_LABEL_SMOOTHING);
    model->pairs = model->loss.kind == GS_GAN_LOSS_RELATIVISTIC_PAIRING;
    model->matches_features = gs_settings_on(settings, GS_SETTING_FEATURE_MATCHING);
    double share = gs_gan_loss_share(model->loss);
    model->r1 = share * gs_settings_real(settings, GS_SETTING_R1);
    model->r2 = share * gs_settings_real(settings, GS_SETTING_R2);
    add_tensors(model, settings);
    base->pack_weights = (size_t)(model->discriminator.packing - 1) * GS_IMAGE *
                         (size_t)gs_settings_int(settings, GS_SETTING_DISCRIMINATOR_HIDDEN_1);

    int sampled = gs_scratch_rows(model->batch);
    model->noise = gs_matrix_take(arena, sampled, model->latent);
    gs_network_take(&model->generator, &base->tensors, arena, sampled);
    model->generated = gs_network_output(&model->generator, model->batch);
    gs_discriminator_take(&model->discriminator, &base->tensors, &base->painter, arena, model->generated);
    size_t packs = (size_t)model->discriminator.packs,
           features = (size_t)gs_settings_int(settings, GS_SETTING_DISCRIMINATOR_HIDDEN_2);
    model->losses = gs_arena_take_scratch(arena, packs, sizeof *model->losses);
    model->others = gs_arena_take_scratch(arena, packs, sizeof *model->others);
    for (int from = 0; from < GS_ORIGIN_COUNT; from++)
        model->means[from] = gs_arena_take_scratch(arena, features, sizeof *model->means[from]);
}

/* Draws z (number `use` of `stream`) for `rows` samples and makes their images with these weights. */
static void generate(gan *model, gs_stream stream, uint64_t use, int rows, gs_real *weights, gs_matrix images)
{
    gs_rng rng = {.seed = model->base.seed, .stream = stream, .step = use};
    gs_matrix noise = gs_matrix_rows(model->noise, rows);
    gs_rng_normal(rng, 0, (size_t)rows * (size_t)model->latent, noise.values);
    gs_network_forward(&model->generator, &model->base.tensors, weights, noise, images);
}

static void draw_real(gan *model, gs_stream stream, uint64_t step)
{
    gs_rng rng = {.seed = model->base.seed, .stream = stream, .step = step};
    gs_painted_draw(&model->discriminator.real, &model->base.law, rng);
}

static gs_matrix look(gan *model, gs_origin from, int until)
{
    return gs_discriminator_forward(&model->discriminator, &model->base.tensors, model->base.parameters, from, until);
}

/* Keeps the logits of the current batch of that origin, for losses of pairs. */
static void keep_logits(gan *model, gs_origin from)
{
    gs_matrix logits = look(model, from, GS_LOGIT_LAYER);
    memcpy(model->others, logits.values, gs_matrix_size(logits));
}

/* Judges the current batch of that origin: returns the mean loss and leaves weight times its gradient on the logits for
 * the way back. */
static double judge(gan *model, gs_origin from, gs_loss_of whose, gs_real weight)
{
    size_t packs = (size_t)model->discriminator.packs;
    gs_matrix logits = look(model, from, GS_LOGIT_LAYER);
    gs_real *dlogits = gs_discriminator_gradient_on(&model->discriminator, &model->base.tensors, GS_LOGIT_LAYER).values;
    gs_gan_losses(model->loss, whose, packs, logits.values, model->others, model->losses, dlogits);
    gs_real scale = weight / (gs_real)packs;
    for (size_t i = 0; i < packs; i++) dlogits[i] *= scale;
    return (double)gs_vector->sum(packs, model->losses) / (double)packs;
}

static gs_matrix mean_features(gan *model, gs_origin from)
{
    gs_matrix features = look(model, from, GS_FEATURE_LAYER);
    gs_real *means = model->means[from];
    size_t columns = (size_t)features.columns;
    gs_vector->fill(columns, 0, means);
    gs_vector->column_sums((size_t)features.rows, columns, (size_t)features.stride, features.values, means);
    gs_vector->scale(columns, 1 / (gs_real)features.rows, means);
    return features;
}

/* The loss of feature matching; leaves its gradient on the generated images' features for the way back. */
static double match_features(gan *model)
{
    mean_features(model, GS_REAL);
    gs_matrix features = mean_features(model, GS_GENERATED);
    gs_matrix dfeatures = gs_discriminator_gradient_on(&model->discriminator, &model->base.tensors, GS_FEATURE_LAYER);
    size_t columns = (size_t)features.columns;
    double loss = 2 * (double)gs_vector->squared_error(columns, 2 / (gs_real)features.rows, model->means[GS_GENERATED],
                                                       model->means[GS_REAL], dfeatures.values);
    for (int r = 1; r < dfeatures.rows; r++)
        memcpy(dfeatures.values + (size_t)r * (size_t)dfeatures.stride, dfeatures.values, columns * sizeof(gs_real));
    return loss;
}

/* Loss and gradients of one generator update. `use` numbers the batches of noise, `update` the generator's updates. */
static double generator_loss(gan *model, uint64_t use, uint64_t update)
{
    generate(model, GS_STREAM_NOISE, use, model->batch, model->base.parameters, model->generated);
    if (model->pairs || model->matches_features) draw_real(model, GS_STREAM_COMPARISON, update);
    if (model->pairs && !model->matches_features) keep_logits(model, GS_REAL);
    double loss = model->matches_features ? match_features(model) : judge(model, GS_GENERATED, GS_LOSS_OF_GENERATOR, 1);
    gs_discriminator_backward(&model->discriminator, &model->base.tensors, model->base.parameters, GS_GENERATED,
                              model->matches_features ? GS_FEATURE_LAYER : GS_LOGIT_LAYER, (gs_gradients){0},
                              gs_network_doutput(&model->generator, model->batch));
    gs_network_backward(&model->generator, &model->base.tensors, model->base.parameters,
                        gs_matrix_rows(model->noise, model->batch), (gs_gradients){.parameters = model->base.gradients},
                        (gs_matrix){0});
    return loss;
}

/* One half of the discriminator's loss, and of its gradients: that of the batch of this origin. The generated one comes
 * first. */
static double discriminator_half(gan *model, gs_origin from)
{
    bool real = from == GS_REAL;
    gs_gradients gradients = {.parameters = model->base.gradients, .keep = real};
    double gamma = real ? model->r1 : model->r2;
    if (model->pairs) keep_logits(model, real ? GS_GENERATED : GS_REAL);
    double loss = judge(model, from, real ? GS_LOSS_OF_REAL : GS_LOSS_OF_GENERATED, (gs_real)0.5) / 2;
    gs_discriminator_backward(&model->discriminator, &model->base.tensors, model->base.parameters, from, GS_LOGIT_LAYER,
                              gradients, (gs_matrix){0});
    if (gamma > 0)
        loss += gs_discriminator_penalty(&model->discriminator, &model->base.tensors, model->base.parameters, from,
                                         gamma, gradients.parameters);
    return loss;
}

/* Loss and gradients of one discriminator update, number `update` of the run. */
static double discriminator_loss(gan *model, uint64_t use, uint64_t update)
{
    generate(model, GS_STREAM_NOISE, use, model->batch, model->base.parameters, model->generated);
    draw_real(model, GS_STREAM_DATA, update);
    double generated = discriminator_half(model, GS_GENERATED), real = discriminator_half(model, GS_REAL);
    gs_discriminator_gradients_done(&model->discriminator, &model->base.tensors, model->base.parameters,
                                    model->base.gradients);
    return real + generated;
}

static void train(gs_model *base, int64_t step, double curves[GS_CURVES_MAX])
{
    gan *model = (gan *)base;
    uint64_t updates = (uint64_t)(model->generator_steps + model->discriminator_steps), use = (uint64_t)step * updates;
    curves[GENERATOR_LOSS] = curves[DISCRIMINATOR_LOSS] = 0;
    curves[MINIBATCH_ACTIVE] = (double)NAN;
    gs_discriminator_begin(&model->discriminator, &base->tensors, base->parameters, step == 0);
    for (int k = 0; k < model->generator_steps; k++) {
        int64_t number = step * model->generator_steps + k;
        curves[GENERATOR_LOSS] += generator_loss(model, use++, (uint64_t)number) / model->generator_steps;
        if (k + 1 < model->generator_steps) gs_model_update(base, &model->generator_adam, number + 1);
        else gs_model_update_last(base, &model->generator_adam, number + 1, step);
    }
    for (int k = 0; k < model->discriminator_steps; k++) {
        int64_t number = step * model->discriminator_steps + k;
        if (k > 0) gs_discriminator_begin(&model->discriminator, &base->tensors, base->parameters, false);
        curves[DISCRIMINATOR_LOSS] += discriminator_loss(model, use++, (uint64_t)number) / model->discriminator_steps;
        gs_model_update(base, &model->discriminator_adam, number + 1);
        gs_discriminator_updated(&model->discriminator, &base->tensors, base->parameters);
    }
    if (model->discriminator.minibatch_on)
        curves[MINIBATCH_ACTIVE] = gs_minibatch_active(&model->discriminator.minibatch);
}

static int sample(gs_model *base, int64_t samples, int64_t part, gs_matrix images)
{
    int rows = gs_sample_rows(samples, part);
    generate((gan *)base, GS_STREAM_EVALUATION, (uint64_t)part, rows, base->weights, gs_matrix_rows(images, rows));
    return rows;
}

/* Each update sees a batch; a penalty goes there and back once more. */
static double passes(const gs_settings *settings)
{
    double generator_steps = (double)gs_settings_integer(settings, GS_SETTING_GENERATOR_STEPS),
           discriminator_steps = (double)gs_settings_integer(settings, GS_SETTING_DISCRIMINATOR_STEPS);
    double penalties =
        (gs_settings_real(settings, GS_SETTING_R1) > 0) + (gs_settings_real(settings, GS_SETTING_R2) > 0);
    return generator_steps + discriminator_steps * (1 + penalties);
}

const gs_model_type gs_model_gan = {
    .id = GS_MODEL_GAN,
    .curves = {"generator_loss", "discriminator_loss", "minibatch_active"},
    .losses = 2,
    .size = sizeof(gan),
    .redundancy = {0.25, 100, 5000},
    .prepare = prepare,
    .train = train,
    .sample = sample,
    .passes = passes,
};
