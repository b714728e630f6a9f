/* The variational autoencoder of the article (Kingma & Welling 2014; METHODS section 3).
 *
 * Encoder: image -> tanh -> tanh -> means m and log-variances v, v clamped to [-10, 10].
 * z = m + exp(v / 2) e, e ~ N(0,1).
 * Decoder: z -> tanh -> tanh -> sigmoid image.
 *
 *   loss = reconstruction_loss + kl_weight * kl
 *   reconstruction_loss = 1/2 (image - data)^2, mean over pixels and batch
 *   kl = (m^2 + exp(v) - v - 1) / 2, mean over latents and batch
 *
 * Both parts are means, so that kl_weight is not the beta of the literature (Higgins et al. 2017). There the negative
 * ELBO with a Gaussian of unit variance is, but for a constant, 1/2 (image - data)^2 + beta KL with sums over pixels
 * and latents. Divided by the GS_IMAGE = 2352 numbers of an image it is the loss above with kl_weight = beta latent_dim
 * / 2352: beta = 2352 kl_weight / latent_dim. The article's .01 with 16 latents is beta = 1.47; beta = 1 is kl_weight =
 * .0068. */
#include "ground/vector.h"
#include "models/model.h"
#include "models/painted.h"
#include "nn/losses.h"
#include "nn/network.h"

typedef struct {
    gs_model base;
    int batch, latents;
    double kl_weight;
    gs_network encoder, decoder;
    gs_adam adam;
    gs_matrix data;                           /* batch x GS_IMAGE: what the decoder should make */
    gs_painted painted;                       /* the same, as the encoder reads it */
    gs_matrix noise;                          /* rows x latents; in sampling it is z */
    gs_matrix z, dz, deviations, divergences; /* batch x latents */
} vae;

enum { LOSS, RECONSTRUCTION_LOSS, KL };

static void add_tensors(vae *model, const gs_settings *settings)
{
    gs_tensor_table *table = &model->base.tensors;
    int e1 = gs_settings_int(settings, GS_SETTING_ENCODER_HIDDEN_1),
        e2 = gs_settings_int(settings, GS_SETTING_ENCODER_HIDDEN_2);
    int d1 = gs_settings_int(settings, GS_SETTING_DECODER_HIDDEN_1),
        d2 = gs_settings_int(settings, GS_SETTING_DECODER_HIDDEN_2);
    gs_network_add(&model->encoder, table, "encoder", (int[]){GS_IMAGE, e1, e2, 2 * model->latents}, 3, GS_LINEAR);
    gs_network_add(&model->decoder, table, "decoder", (int[]){model->latents, d1, d2, GS_IMAGE}, 3, GS_SIGMOID);
    model->adam = gs_model_adam(settings, GS_SETTING_LEARNING_RATE, 0, table->size);
}

static void prepare(gs_model *base, const gs_settings *settings, gs_arena *arena)
{
    vae *model = (vae *)base;
    model->batch = gs_settings_int(settings, GS_SETTING_BATCH_SIZE);
    model->latents = gs_settings_int(settings, GS_SETTING_LATENT_DIM);
    model->kl_weight = gs_settings_real(settings, GS_SETTING_KL_WEIGHT);
    add_tensors(model, settings);

    int sampled = gs_scratch_rows(model->batch);
    gs_network_take(&model->encoder, &base->tensors, arena, model->batch);
    gs_network_take(&model->decoder, &base->tensors, arena, sampled);
    model->data = gs_matrix_take(arena, model->batch, GS_IMAGE);
    model->painted = gs_painted_take(&base->painter, arena, model->batch, 1, model->encoder.outputs[0].columns);
    model->noise = gs_matrix_take(arena, sampled, model->latents);
    gs_matrix *const latents[] = {&model->z, &model->dz, &model->deviations, &model->divergences};
    for (size_t i = 0; i < sizeof latents / sizeof latents[0]; i++)
        *latents[i] = gs_matrix_take(arena, model->batch, model->latents);
}

/* Leaves the noise of `step` in the first `rows` rows. */
static gs_matrix draw_noise(vae *model, gs_stream stream, int64_t step, int rows)
{
    gs_rng rng = {.seed = model->base.seed, .stream = stream, .step = (uint64_t)step};
    gs_matrix noise = gs_matrix_rows(model->noise, rows);
    gs_rng_normal(rng, 0, (size_t)rows * (size_t)model->latents, noise.values);
    return noise;
}

/* Encodes the data, draws z and decodes it. */
static void forward(vae *model, gs_matrix noise, double curves[GS_CURVES_MAX])
{
    const gs_tensor_table *table = &model->base.tensors;
    size_t batch = (size_t)model->batch, latents = (size_t)model->latents;
    gs_matrix encoded = gs_network_output(&model->encoder, model->batch);
    gs_matrix images = gs_network_output(&model->decoder, model->batch);
    gs_matrix first = gs_matrix_rows(model->encoder.outputs[0], model->batch);
    gs_painted_forward(&model->painted, &model->encoder.layers[0], table, model->base.parameters, first);
    gs_network_forward_from(&model->encoder, table, model->base.parameters, 1, first, encoded);
    gs_vector->latent(batch, latents, encoded.values, noise.values, model->deviations.values, model->z.values,
                      model->divergences.values);
    gs_network_forward(&model->decoder, table, model->base.parameters, model->z, images);

    gs_matrix dimages = gs_network_doutput(&model->decoder, model->batch);
    curves[RECONSTRUCTION_LOSS] = gs_squared_error(images, model->data, dimages);
    curves[KL] = (double)gs_vector->sum(batch * latents, model->divergences.values) / (double)(batch * latents);
    curves[LOSS] = curves[RECONSTRUCTION_LOSS] + model->kl_weight * curves[KL];
}

/* After forward. */
static void backward(vae *model, gs_matrix noise)
{
    const gs_tensor_table *table = &model->base.tensors;
    size_t batch = (size_t)model->batch, latents = (size_t)model->latents;
    gs_gradients gradients = {.parameters = model->base.gradients};
    gs_network_backward(&model->decoder, table, model->base.parameters, model->z, gradients, model->dz);
    gs_vector->latent_gradient(batch, latents, (gs_real)(model->kl_weight / (double)(batch * latents)),
                               gs_network_output(&model->encoder, model->batch).values, noise.values,
                               model->deviations.values, model->dz.values,
                               gs_network_doutput(&model->encoder, model->batch).values);
    gs_matrix first = gs_matrix_rows(model->encoder.outputs[0], model->batch);
    gs_matrix dfirst = gs_matrix_rows(model->encoder.doutputs[0], model->batch);
    gs_network_backward_to(&model->encoder, table, model->base.parameters, 1, first, gradients, dfirst);
    gs_painted_backward(&model->painted, &model->encoder.layers[0], table, first, dfirst, gradients);
}

static void train(gs_model *base, int64_t step, double curves[GS_CURVES_MAX])
{
    vae *model = (vae *)base;
    gs_rng rng = {.seed = base->seed, .stream = GS_STREAM_DATA, .step = (uint64_t)step};
    gs_painter_batch(&base->painter, &base->law, rng, 0, model->data);
    gs_painted_draw(&model->painted, &base->law, rng);
    gs_matrix noise = draw_noise(model, GS_STREAM_NOISE, step, model->batch);
    forward(model, noise, curves);
    backward(model, noise);
    gs_model_update_last(base, &model->adam, step + 1, step);
}

static int sample(gs_model *base, int64_t samples, int64_t part, gs_matrix images)
{
    vae *model = (vae *)base;
    int rows = gs_sample_rows(samples, part);
    gs_matrix z = draw_noise(model, GS_STREAM_EVALUATION, part, rows);
    gs_network_forward(&model->decoder, &base->tensors, base->weights, z, gs_matrix_rows(images, rows));
    return rows;
}

const gs_model_type gs_model_vae = {
    .id = GS_MODEL_VAE,
    .curves = {"loss", "reconstruction_loss", "kl"},
    .losses = 3,
    .size = sizeof(vae),
    .redundancy = {0.26, 600, 12000},
    .prepare = prepare,
    .train = train,
    .sample = sample,
};
