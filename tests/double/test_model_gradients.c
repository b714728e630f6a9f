/* The gradients of whole models against central differences, in double.
 *
 * Models are checked through their function table only: with learning rates of 0 a training step leaves the parameters
 * as they are, its curves hold the losses, and the gradient buffer holds what the last update of each tensor would have
 * used. The same step number draws the same noise and data, so that the loss is a plain function of the parameters. A
 * new model is a function that sets small settings and rows in `cases`. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "models/model.h"
#include "models.h"
#include "small_settings.h"

/* Which curve is the loss whose gradient the tensors with this prefix hold; zeros, if it does not depend on them. */
typedef struct {
    const char *prefix;
    int loss;
    bool independent;
} loss_of_prefix;

enum { OWNERS_MAX = 4, ELEMENTS_MAX = 40, STATE_MAX = 16, STEP = 3 };

typedef struct {
    gs_model_id model;
    const char *name;
    void (*set)(gs_settings *settings); /* small sizes; learning rates 0; one update of each loss in a step */
    size_t elements;                    /* of a tensor that are tried: all, or at most so many, spread evenly */
    loss_of_prefix owners[OWNERS_MAX];  /* the first that fits counts; ended by NULL */
} gradient_case;

static void set_gan(gs_settings *settings, int64_t batch, bool minibatch, int64_t features, int64_t depth)
{
    set_small_gan(settings, batch, minibatch, (const int64_t[]){8, 12, 10, 9, 6});
    settings->values[GS_SETTING_MBD_FEATURES].integer = features;
    settings->values[GS_SETTING_MBD_KERNEL_DIM].integer = depth;
    settings->values[GS_SETTING_GENERATOR_LEARNING_RATE].real = 0;
    settings->values[GS_SETTING_DISCRIMINATOR_LEARNING_RATE].real = 0;
}

static void gan_off_7(gs_settings *settings)
{
    set_gan(settings, 7, false, 1, 1);
}

static void gan_on_7(gs_settings *settings)
{
    set_gan(settings, 7, true, 3, 2);
}

static void gan_on_16(gs_settings *settings)
{
    set_gan(settings, 16, true, 1, 4);
}

static void gan_off_37(gs_settings *settings)
{
    set_gan(settings, 37, false, 1, 1);
}

static void gan_on_37(gs_settings *settings)
{
    set_gan(settings, 37, true, 4, 3);
}

static void oracle_7(gs_settings *settings)
{
    const gs_setting_id ids[] = {GS_SETTING_BATCH_SIZE, GS_SETTING_DECODER_HIDDEN_1, GS_SETTING_DECODER_HIDDEN_2};
    const int64_t integers[] = {7, 8, 12};
    set_integers(settings, sizeof ids / sizeof ids[0], ids, integers);
    settings->values[GS_SETTING_LEARNING_RATE].real = 0;
}

static void set_vae(gs_settings *settings, int64_t batch, int64_t latents, double kl_weight)
{
    const gs_setting_id ids[] = {
        GS_SETTING_BATCH_SIZE,       GS_SETTING_LATENT_DIM,       GS_SETTING_ENCODER_HIDDEN_1,
        GS_SETTING_ENCODER_HIDDEN_2, GS_SETTING_DECODER_HIDDEN_1, GS_SETTING_DECODER_HIDDEN_2,
    };
    const int64_t integers[] = {batch, latents, 10, 9, 8, 12};
    set_integers(settings, sizeof ids / sizeof ids[0], ids, integers);
    settings->values[GS_SETTING_KL_WEIGHT].real = kl_weight;
    settings->values[GS_SETTING_LEARNING_RATE].real = 0;
}

/* Each part of the loss would hide mistakes in the other: the divergence outweighs the image at 1, not at 0.01. */
static void vae_7(gs_settings *settings)
{
    set_vae(settings, 7, 3, 0.01);
}

static void vae_heavy_37(gs_settings *settings)
{
    set_vae(settings, 37, 5, 1);
}

static void vae_without_kl_16(gs_settings *settings)
{
    set_vae(settings, 16, 1, 0);
}

static void set_diffusion(gs_settings *settings, int64_t batch, int64_t schedule, int64_t prediction, int64_t process)
{
    const gs_setting_id ids[] = {
        GS_SETTING_BATCH_SIZE, GS_SETTING_HIDDEN_UNITS, GS_SETTING_TIMESTEPS,
        GS_SETTING_SCHEDULE,   GS_SETTING_PREDICTION,   GS_SETTING_PROCESS,
    };
    const int64_t integers[] = {batch, 9, 20, schedule, prediction, process};
    set_integers(settings, sizeof ids / sizeof ids[0], ids, integers);
    settings->values[GS_SETTING_LEARNING_RATE].real = 0;
}

static void diffusion_x0_7(gs_settings *settings)
{
    set_diffusion(settings, 7, GS_SCHEDULE_LINEAR, GS_PREDICTION_X0, GS_PROCESS_DDPM);
}

static void diffusion_epsilon_37(gs_settings *settings)
{
    set_diffusion(settings, 37, GS_SCHEDULE_COSINE, GS_PREDICTION_EPSILON, GS_PROCESS_DDPM);
}

static void diffusion_article_x0_16(gs_settings *settings)
{
    set_diffusion(settings, 16, GS_SCHEDULE_ARTICLE, GS_PREDICTION_X0, GS_PROCESS_ARTICLE);
}

static void diffusion_article_epsilon_7(gs_settings *settings)
{
    set_diffusion(settings, 7, GS_SCHEDULE_ARTICLE, GS_PREDICTION_EPSILON, GS_PROCESS_ARTICLE);
}

static void set_autoregressive(gs_settings *settings, int64_t network, int64_t loss, int64_t start)
{
    const gs_setting_id ids[] = {
        GS_SETTING_BATCH_SIZE,     GS_SETTING_NETWORK,      GS_SETTING_LOSS,         GS_SETTING_START,
        GS_SETTING_CONTEXT_PIXELS, GS_SETTING_COLOR_LEVELS, GS_SETTING_HIDDEN_UNITS, GS_SETTING_LSTM_UNITS,
    };
    const int64_t integers[] = {network == GS_NETWORK_FLAT ? 19 : 2, network, loss, start, 200, 3, 6, 5};
    set_integers(settings, sizeof ids / sizeof ids[0], ids, integers);
    settings->values[GS_SETTING_GRADIENT_CLIP].real = 1e9;
    settings->values[GS_SETTING_LEARNING_RATE].real = 0;
}

static void flat_softmax(gs_settings *settings)
{
    set_autoregressive(settings, GS_NETWORK_FLAT, GS_LOSS_SOFTMAX, GS_START_PADDING);
}

static void flat_article(gs_settings *settings)
{
    set_autoregressive(settings, GS_NETWORK_FLAT, GS_LOSS_ARTICLE, GS_START_ARTICLE);
}

static void lstm_softmax(gs_settings *settings)
{
    set_autoregressive(settings, GS_NETWORK_LSTM, GS_LOSS_SOFTMAX, GS_START_PADDING);
}

/* A batch of 90 makes chunks of 7 steps, of which one is only half trained: the first 64 positions are not. */
static void lstm_article(gs_settings *settings)
{
    set_autoregressive(settings, GS_NETWORK_LSTM, GS_LOSS_ARTICLE, GS_START_ARTICLE);
    settings->values[GS_SETTING_BATCH_SIZE].integer = 90;
    settings->values[GS_SETTING_HIDDEN_UNITS].integer = 3;
    settings->values[GS_SETTING_LSTM_UNITS].integer = 2;
    settings->values[GS_SETTING_COLOR_LEVELS].integer = 2;
}

#define AUTOREGRESSIVE_LOSSES                                                                                          \
    {                                                                                                                  \
        {                                                                                                              \
            "", 0, false                                                                                               \
        }                                                                                                              \
    }
#define GAN_LOSSES                                                                                                     \
    {                                                                                                                  \
        {"generator/", 0, false},                                                                                      \
        {                                                                                                              \
            "discriminator/", 1, false                                                                                 \
        }                                                                                                              \
    }
#define VAE_LOSSES                                                                                                     \
    {                                                                                                                  \
        {"encoder/", 0, false},                                                                                        \
        {                                                                                                              \
            "decoder/", 0, false                                                                                       \
        }                                                                                                              \
    }

static const gradient_case cases[] = {
    {GS_MODEL_GAN, "gan, batch 7", gan_off_7, 16, GAN_LOSSES},
    {GS_MODEL_GAN, "gan, minibatch discrimination, batch 7", gan_on_7, ELEMENTS_MAX, GAN_LOSSES},
    {GS_MODEL_GAN, "gan, minibatch discrimination of one feature, batch 16", gan_on_16, 8, GAN_LOSSES},
    {GS_MODEL_GAN, "gan, batch 37", gan_off_37, 8, GAN_LOSSES},
    {GS_MODEL_GAN, "gan, minibatch discrimination, batch 37", gan_on_37, 8, GAN_LOSSES},
    {GS_MODEL_ORACLE, "oracle, batch 7", oracle_7, 16, {{"decoder/", 0, false}}},
    {GS_MODEL_VAE, "vae, batch 7", vae_7, 16, VAE_LOSSES},
    {GS_MODEL_VAE, "vae, heavy divergence, batch 37", vae_heavy_37, 8, VAE_LOSSES},
    {GS_MODEL_VAE, "vae, no weight on the divergence, one latent, batch 16", vae_without_kl_16, 8, VAE_LOSSES},
    {GS_MODEL_DIFFUSION, "diffusion, x0, batch 7", diffusion_x0_7, 16, {{"denoiser/", 0, false}}},
    {GS_MODEL_DIFFUSION, "diffusion, epsilon, cosine, batch 37", diffusion_epsilon_37, 8, {{"denoiser/", 0, false}}},
    {GS_MODEL_DIFFUSION,
     "diffusion, x0, article's process, batch 16",
     diffusion_article_x0_16,
     8,
     {{"denoiser/", 0, false}}},
    {GS_MODEL_DIFFUSION,
     "diffusion, epsilon, article's process, batch 7",
     diffusion_article_epsilon_7,
     8,
     {{"denoiser/", 0, false}}},
    {GS_MODEL_AUTOREGRESSIVE, "autoregressive, flat", flat_softmax, 16, AUTOREGRESSIVE_LOSSES},
    {GS_MODEL_AUTOREGRESSIVE, "autoregressive, flat, as in the article", flat_article, 16, AUTOREGRESSIVE_LOSSES},
    {GS_MODEL_AUTOREGRESSIVE, "autoregressive, lstm", lstm_softmax, 8, AUTOREGRESSIVE_LOSSES},
    {GS_MODEL_AUTOREGRESSIVE, "autoregressive, lstm, as in the article, batch 90", lstm_article, 1,
     AUTOREGRESSIVE_LOSSES},
};

/* A gan with other settings than the defaults. Where the penalties are given, they outweigh the rest, which other cases
 * check, so that a fault in them cannot hide. */
typedef struct {
    const char *name;
    int64_t batch;
    bool minibatch; /* discrimination, of 3 features in 2 dimensions */
    bool no_bias;   /* a logit's bias has no say where the loss sees differences of logits, or where all logits of real
                       images pull as hard as all of generated ones */
    struct {
        gs_setting_id id; /* 0: the end */
        double value;
    } options[6];
} gan_case;

static const gan_case gan_cases[] = {
    {"hinge", 8, false, true, {{GS_SETTING_GAN_LOSS, GS_GAN_LOSS_HINGE}}},
    {"least squares, smoothed",
     8,
     false,
     false,
     {{GS_SETTING_GAN_LOSS, GS_GAN_LOSS_LEAST_SQUARES}, {GS_SETTING_LABEL_SMOOTHING, 0.2}}},
    {"relativistic pairing", 8, false, true, {{GS_SETTING_GAN_LOSS, GS_GAN_LOSS_RELATIVISTIC_PAIRING}}},
    {"relativistic pairing, minibatch deviation",
     8,
     false,
     true,
     {{GS_SETTING_GAN_LOSS, GS_GAN_LOSS_RELATIVISTIC_PAIRING}, {GS_SETTING_MINIBATCH_STDDEV, 1}}},
    {"packing 2, smoothed", 8, false, false, {{GS_SETTING_PACKING, 2}, {GS_SETTING_LABEL_SMOOTHING, 0.1}}},
    {"packing 4, minibatch discrimination and deviation",
     16,
     true,
     false,
     {{GS_SETTING_PACKING, 4}, {GS_SETTING_MINIBATCH_STDDEV, 1}}},
    {"R1", 8, false, false, {{GS_SETTING_R1, 3000}}},
    {"R2", 8, false, false, {{GS_SETTING_R2, 3000}}},
    {"R1, R2, packing, hinge, spectral normalisation",
     8,
     false,
     true,
     {{GS_SETTING_R1, 100},
      {GS_SETTING_R2, 70},
      {GS_SETTING_PACKING, 2},
      {GS_SETTING_SPECTRAL_NORM, 1},
      {GS_SETTING_GAN_LOSS, GS_GAN_LOSS_HINGE}}},
    {"spectral normalisation", 8, false, false, {{GS_SETTING_SPECTRAL_NORM, 1}}},
    {"spectral normalisation, minibatch discrimination", 7, true, false, {{GS_SETTING_SPECTRAL_NORM, 1}}},
    {"minibatch deviation", 8, false, false, {{GS_SETTING_MINIBATCH_STDDEV, 1}}},
    {"feature matching", 8, false, false, {{GS_SETTING_FEATURE_MATCHING, 1}}},
    {"feature matching, minibatch discrimination and deviation",
     16,
     true,
     false,
     {{GS_SETTING_FEATURE_MATCHING, 1}, {GS_SETTING_MINIBATCH_STDDEV, 1}}},
};

static const gradient_case with_bias = {GS_MODEL_GAN, NULL, NULL, 16, GAN_LOSSES},
                           without_bias = {GS_MODEL_GAN,
                                           NULL,
                                           NULL,
                                           16,
                                           {{"generator/", 0, false},
                                            {"discriminator/dense_3/bias", 1, true},
                                            {"discriminator/", 1, false}}};

static gs_settings settings_of_gan(const gan_case *which)
{
    gs_settings settings;
    gs_settings_defaults(&settings, GS_MODEL_GAN);
    set_gan(&settings, which->batch, which->minibatch, 3, 2);
    for (int i = 0; which->options[i].id != 0; i++) {
        gs_value *value = &settings.values[which->options[i].id];
        if (gs_settings_table[which->options[i].id].type == GS_TYPE_REAL) value->real = which->options[i].value;
        else value->integer = (int64_t)which->options[i].value;
    }
    return settings;
}

static gs_settings settings_of(const gradient_case *which)
{
    gs_settings settings;
    gs_settings_defaults(&settings, which->model);
    which->set(&settings);
    return settings;
}

/* ---- the checker ---- */

/* What can be wrong with a tensor's gradient. */
typedef enum {
    GRADIENT_GOOD,
    GRADIENT_NOT_FINITE,
    GRADIENT_ZERO,
    GRADIENT_WRONG_SIGN,
    GRADIENT_DIFFERS,
    GRADIENT_NO_LOSS
} verdict;

static const char *const verdict_names[] = {
    [GRADIENT_GOOD] = "good",         [GRADIENT_NOT_FINITE] = "not finite",
    [GRADIENT_ZERO] = "all zero",     [GRADIENT_WRONG_SIGN] = "of the wrong sign",
    [GRADIENT_DIFFERS] = "different", [GRADIENT_NO_LOSS] = "without a loss",
};

/* Central differences: the error is about (rounding of the loss) / step + step^2 * (third derivative) / 6, 1e-11 each,
 * for losses and third derivatives of order 1; gradients of single pixels are as small as 1e-5. A kink of |x|
 * (minibatch discrimination) between the two points would show as an error of 1e-4 and more; which noise is drawn is
 * fixed, and for the seeds here there is none. */
static const double difference_step = 1e-5, tolerance = 1e-6;

/* Damage that a test does to the gradients before they are judged. */
typedef void (*sabotage)(const gs_tensor_table *table, gs_real *gradients);

typedef struct {
    int count;
    verdict verdicts[GS_TENSORS_MAX];
    double differences[GS_TENSORS_MAX]; /* |gradient - central difference| / |central difference| */
} findings;

static const loss_of_prefix *owner_of(const gradient_case *which, const char *name)
{
    for (int o = 0; o < OWNERS_MAX && which->owners[o].prefix != NULL; o++)
        if (strncmp(name, which->owners[o].prefix, strlen(which->owners[o].prefix)) == 0) return &which->owners[o];
    return NULL;
}

/* State that no gradient trains, but that a step moves: it is the same for every loss. */
static bool is_state(const gs_tensor *tensor)
{
    return tensor->init == GS_INIT_DIRECTION;
}

static double loss_at(gs_model *model, int loss)
{
    double curves[GS_CURVES_MAX], kept[GS_TENSORS_MAX][STATE_MAX];
    const gs_tensor_table *table = &model->tensors;
    for (int t = 0; t < table->count; t++)
        if (is_state(&table->tensors[t])) {
            assert_true(gs_tensor_elements(&table->tensors[t]) <= STATE_MAX);
            memcpy(kept[t], model->parameters + table->tensors[t].offset,
                   gs_tensor_elements(&table->tensors[t]) * sizeof kept[t][0]);
        }
    model->type->train(model, STEP, curves);
    for (int t = 0; t < table->count; t++)
        if (is_state(&table->tensors[t]))
            memcpy(model->parameters + table->tensors[t].offset, kept[t],
                   gs_tensor_elements(&table->tensors[t]) * sizeof kept[t][0]);
    return curves[loss];
}

static verdict judge_values(size_t count, const gs_real *gradient, const gs_real *sampled, const double *numeric,
                            size_t samples, double *difference)
{
    double size = 0, apart = 0, together = 0, largest = 0;
    *difference = 0;
    for (size_t i = 0; i < count; i++) {
        if (!isfinite(gradient[i])) return GRADIENT_NOT_FINITE;
        largest = fmax(largest, fabs(gradient[i]));
    }
    if (!(largest > 0)) return GRADIENT_ZERO;
    for (size_t i = 0; i < samples; i++) {
        size += numeric[i] * numeric[i];
        apart += (sampled[i] - numeric[i]) * (sampled[i] - numeric[i]);
        together += sampled[i] * numeric[i];
    }
    *difference = sqrt(apart / size);
    if (!(together > 0)) return GRADIENT_WRONG_SIGN;
    return !(*difference <= tolerance) ? GRADIENT_DIFFERS : GRADIENT_GOOD;
}

static verdict judge_zeros(size_t count, const gs_real *gradient, const double *numeric, size_t samples)
{
    static const double nothing = 1e-9;
    for (size_t i = 0; i < count; i++)
        if (!(fabs(gradient[i]) <= nothing)) return GRADIENT_DIFFERS;
    for (size_t i = 0; i < samples; i++)
        if (!(fabs(numeric[i]) <= nothing)) return GRADIENT_DIFFERS;
    return GRADIENT_GOOD;
}

static verdict judge_tensor(gs_model *model, const gradient_case *which, const gs_tensor *tensor,
                            const gs_real *gradients, double *difference)
{
    const loss_of_prefix *owner = owner_of(which, tensor->name);
    size_t count = gs_tensor_elements(tensor), samples = count < which->elements ? count : which->elements;
    gs_real sampled[ELEMENTS_MAX];
    double numeric[ELEMENTS_MAX];
    if (owner == NULL) return GRADIENT_NO_LOSS;
    for (size_t s = 0; s < samples; s++) {
        size_t at = tensor->offset + (samples < count ? (2 * s + 1) * count / (2 * samples) : s);
        gs_real kept = model->parameters[at];
        model->parameters[at] = kept + difference_step;
        double above = loss_at(model, owner->loss);
        model->parameters[at] = kept - difference_step;
        double below = loss_at(model, owner->loss);
        model->parameters[at] = kept;
        numeric[s] = (above - below) / (2 * difference_step);
        sampled[s] = gradients[at];
    }
    if (owner->independent) return judge_zeros(count, gradients + tensor->offset, numeric, samples);
    return judge_values(count, gradients + tensor->offset, sampled, numeric, samples, difference);
}

static void pattern_digits(gs_digits *digits)
{
    for (int d = 0; d < GS_DIGITS; d++)
        for (int p = 0; p < GS_PIXELS; p++) digits->grey[d][p] = (uint8_t)((p * (d + 3) * 7 + d * 31) % 256);
}

/* Builds the model of the settings and judges all its tensors. */
static void judge_case(const gradient_case *which, const gs_settings *settings, sabotage damage, findings *found)
{
    gs_digits digits;
    gs_arena *arena;
    gs_model *model;
    gs_error error;
    pattern_digits(&digits);
    assert_int_equal(gs_arena_create(&arena, 0, &error), GS_OK);
    assert_int_equal(gs_model_create(&model, settings, &digits, 7, arena, &error), GS_OK);
    gs_real *gradients = gs_arena_take(arena, model->tensors.size, sizeof *gradients);
    gs_real *before = gs_arena_take(arena, model->tensors.size, sizeof *before);
    assert_true(gradients != NULL && before != NULL);
    gs_arena_seal(arena);

    /* Biases start at zero, where half of a mistake could hide. */
    for (int t = 0; t < model->tensors.count; t++) {
        const gs_tensor *tensor = &model->tensors.tensors[t];
        for (size_t i = 0; tensor->init == GS_INIT_ZEROS && i < gs_tensor_elements(tensor); i++)
            model->parameters[tensor->offset + i] = 0.1 * sin((double)i + t);
    }
    size_t bytes = model->tensors.size * sizeof *gradients;
    memcpy(before, model->parameters, bytes);
    loss_at(model, 0);
    assert_memory_equal(before, model->parameters, bytes); /* the learning rates are 0 */
    memcpy(gradients, model->gradients, bytes);
    if (damage != NULL) damage(&model->tensors, gradients);

    memset(found, 0, sizeof *found);
    found->count = model->tensors.count;
    for (int t = 0; t < model->tensors.count; t++) {
        const gs_tensor *tensor = &model->tensors.tensors[t];
        if (is_state(tensor)) continue;
        found->verdicts[t] = judge_tensor(model, which, tensor, gradients, &found->differences[t]);
        if (found->verdicts[t] != GRADIENT_GOOD && damage == NULL)
            print_error("%s: the gradient of %s is %s (%.3g)\n", which->name, tensor->name,
                        verdict_names[found->verdicts[t]], found->differences[t]);
    }
    gs_arena_destroy(&arena);
}

static void expect_good(const gradient_case *which, const gs_settings *settings)
{
    findings found;
    judge_case(which, settings, NULL, &found);
    double worst = 0;
    for (int t = 0; t < found.count; t++) worst = fmax(worst, found.differences[t]);
    print_message("%s: %d tensors, largest difference %.2g\n", which->name, found.count, worst);
    for (int t = 0; t < found.count; t++) assert_int_equal(found.verdicts[t], GRADIENT_GOOD);
    assert_true(found.count > 0 && worst > 0);
}

static void test_models(void **state)
{
    (void)state;
    for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
        gs_settings settings = settings_of(&cases[c]);
        expect_good(&cases[c], &settings);
    }
}

static void test_gan_options(void **state)
{
    (void)state;
    for (size_t c = 0; c < sizeof gan_cases / sizeof gan_cases[0]; c++) {
        gradient_case which = gan_cases[c].no_bias ? without_bias : with_bias;
        gs_settings settings = settings_of_gan(&gan_cases[c]);
        which.name = gan_cases[c].name;
        expect_good(&which, &settings);
    }
}

static void scale_tensor(const gs_tensor_table *table, int t, gs_real *gradients, gs_real factor)
{
    const gs_tensor *tensor = &table->tensors[t];
    for (size_t i = 0; i < gs_tensor_elements(tensor); i++) gradients[tensor->offset + i] *= factor;
}

/* Five faults that must be found, in the tensors 0 to 4; the others stay as they are. */
static void plant_faults(const gs_tensor_table *table, gs_real *gradients)
{
    scale_tensor(table, 0, gradients, -1);
    scale_tensor(table, 1, gradients, 1.01);
    gradients[table->tensors[2].offset + 1] = (double)NAN;
    scale_tensor(table, 3, gradients, 0);
    gradients[table->tensors[4].offset] = (double)INFINITY;
}

static void test_planted_faults_are_found(void **state)
{
    (void)state;
    const verdict expected[] = {GRADIENT_WRONG_SIGN, GRADIENT_DIFFERS, GRADIENT_NOT_FINITE, GRADIENT_ZERO,
                                GRADIENT_NOT_FINITE};
    findings found;
    gradient_case few = cases[1], no_loss = cases[1];
    few.elements = 6;
    gs_settings settings = settings_of(&few);
    judge_case(&few, &settings, plant_faults, &found);
    for (int t = 0; t < found.count; t++) assert_int_equal(found.verdicts[t], t < 5 ? expected[t] : GRADIENT_GOOD);

    no_loss.owners[0].prefix = NULL;
    judge_case(&no_loss, &settings, plant_faults, &found);
    for (int t = 0; t < found.count; t++) assert_int_equal(found.verdicts[t], GRADIENT_NO_LOSS);
}

static void test_every_model_has_a_case(void **state)
{
    (void)state;
    bool there[GS_MODEL_COUNT] = {false};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) there[cases[i].model] = true;
    assert_every_model(there);
}

int main(void)
{
    gs_blas_one_thread();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_model_has_a_case),
        cmocka_unit_test(test_models),
        cmocka_unit_test(test_gan_options),
        cmocka_unit_test(test_planted_faults_are_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
