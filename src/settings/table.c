#include "settings/settings.h"

const char *const gs_model_names[GS_MODEL_COUNT] = {"oracle", "vae", "gan", "autoregressive", "diffusion"};
const char *const gs_section_names[GS_SECTION_COUNT] = {"parameters", "data", "evaluation"};

/* The choices of `model` are the model names, ended by NULL. */
static const char *const models[] = {"oracle", "vae", "gan", "autoregressive", "diffusion", NULL};

#define ALL ((1u << GS_MODEL_COUNT) - 1)
#define GAN (1u << GS_MODEL_GAN)
#define PARAMETER(text) .name = text, .column = text, .section = GS_SECTION_PARAMETERS
#define DATA(text) .name = text, .column = "data." text, .section = GS_SECTION_DATA
#define EVALUATION(text) .name = text, .column = "evaluation." text, .section = GS_SECTION_EVALUATION
#define ONLY_WITH(id) .conditional = true, .needs = id

const gs_setting gs_settings_table[GS_SETTING_COUNT] = {
    [GS_SETTING_MODEL] = {PARAMETER("model"), .type = GS_TYPE_CHOICE, .models = ALL, .fallback = "gan", .choices = models,
        .help = "the generative model"},
    [GS_SETTING_STEPS] = {PARAMETER("steps"), .type = GS_TYPE_INTEGER, .models = ALL, .fallback = "100000",
        .fallback_by_model = {[GS_MODEL_ORACLE] = "10000", [GS_MODEL_GAN] = "29000"}, .minimum = 1, .maximum = 1e9,
        .help = "training steps; a gan step is generator_steps + discriminator_steps updates"},
    [GS_SETTING_BATCH_SIZE] = {PARAMETER("batch_size"), .type = GS_TYPE_INTEGER, .models = ALL, .fallback = "64",
        .fallback_by_model = {[GS_MODEL_GAN] = "128"}, .minimum = 2, .maximum = 4096, .help = "images in a training batch"},
    [GS_SETTING_ADAM_BETA1] = {PARAMETER("adam_beta1"), .type = GS_TYPE_REAL, .models = ALL, .fallback = "0.9", .minimum = 0,
        .maximum = 0.999999, .help = "Adam: decay of the first moment"},
    [GS_SETTING_ADAM_BETA2] = {PARAMETER("adam_beta2"), .type = GS_TYPE_REAL, .models = ALL, .fallback = "0.999", .minimum = 0,
        .maximum = 0.999999, .help = "Adam: decay of the second moment"},
    [GS_SETTING_ADAM_EPSILON] = {PARAMETER("adam_epsilon"), .type = GS_TYPE_REAL, .models = ALL, .fallback = "1e-8",
        .minimum = 0, .above_minimum = true, .maximum = 1, .help = "Adam: added to the root of the second moment"},
    [GS_SETTING_LATENT_DIM] = {PARAMETER("latent_dim"), .type = GS_TYPE_INTEGER, .models = GAN, .fallback = "16",
        .minimum = 1, .maximum = 1024, .help = "numbers of normal noise that the generator starts from"},
    [GS_SETTING_GENERATOR_LEARNING_RATE] = {PARAMETER("generator_learning_rate"), .type = GS_TYPE_REAL, .models = GAN,
        .fallback = "3e-4", .minimum = 0, .maximum = 10, .help = "Adam rate of the generator"},
    [GS_SETTING_DISCRIMINATOR_LEARNING_RATE] = {PARAMETER("discriminator_learning_rate"), .type = GS_TYPE_REAL, .models = GAN,
        .fallback = "6e-5", .minimum = 0, .maximum = 10, .help = "Adam rate of the discriminator"},
    [GS_SETTING_GENERATOR_STEPS] = {PARAMETER("generator_steps"), .type = GS_TYPE_INTEGER, .models = GAN, .fallback = "5",
        .minimum = 1, .maximum = 1000, .help = "generator updates in a training step"},
    [GS_SETTING_DISCRIMINATOR_STEPS] = {PARAMETER("discriminator_steps"), .type = GS_TYPE_INTEGER, .models = GAN,
        .fallback = "1", .minimum = 1, .maximum = 1000, .help = "discriminator updates in a training step"},
    [GS_SETTING_GENERATOR_HIDDEN_1] = {PARAMETER("generator_hidden_1"), .type = GS_TYPE_INTEGER, .models = GAN,
        .fallback = "64", .minimum = 1, .maximum = 8192, .help = "units of the generator's first layer"},
    [GS_SETTING_GENERATOR_HIDDEN_2] = {PARAMETER("generator_hidden_2"), .type = GS_TYPE_INTEGER, .models = GAN,
        .fallback = "128", .minimum = 1, .maximum = 8192, .help = "units of the generator's second layer"},
    [GS_SETTING_DISCRIMINATOR_HIDDEN_1] = {PARAMETER("discriminator_hidden_1"), .type = GS_TYPE_INTEGER, .models = GAN,
        .fallback = "128", .minimum = 1, .maximum = 8192, .help = "units of the discriminator's first layer"},
    [GS_SETTING_DISCRIMINATOR_HIDDEN_2] = {PARAMETER("discriminator_hidden_2"), .type = GS_TYPE_INTEGER, .models = GAN,
        .fallback = "64", .minimum = 1, .maximum = 8192,
        .help = "units of the discriminator's second layer, which minibatch discrimination reads"},
    [GS_SETTING_DISCRIMINATOR_HIDDEN_3] = {PARAMETER("discriminator_hidden_3"), .type = GS_TYPE_INTEGER, .models = GAN,
        .fallback = "32", .minimum = 1, .maximum = 8192, .help = "units of the discriminator's third layer"},
    [GS_SETTING_MINIBATCH_DISCRIMINATION] = {PARAMETER("minibatch_discrimination"), .type = GS_TYPE_SWITCH, .models = GAN,
        .fallback = "on", .help = "minibatch discrimination (Salimans et al. 2016); off: no such layer"},
    [GS_SETTING_MBD_FEATURES] = {PARAMETER("mbd_features"), .type = GS_TYPE_INTEGER, .models = GAN,
        ONLY_WITH(GS_SETTING_MINIBATCH_DISCRIMINATION), .fallback = "8", .minimum = 1, .maximum = 256,
        .help = "minibatch discrimination: similarities added to the features"},
    [GS_SETTING_MBD_KERNEL_DIM] = {PARAMETER("mbd_kernel_dim"), .type = GS_TYPE_INTEGER, .models = GAN,
        ONLY_WITH(GS_SETTING_MINIBATCH_DISCRIMINATION), .fallback = "4", .minimum = 1, .maximum = 256,
        .help = "minibatch discrimination: dimensions in which each similarity is measured"},
    [GS_SETTING_DIGIT_WEIGHTS] = {DATA("digit_weights"), .type = GS_TYPE_WEIGHTS, .models = ALL,
        .fallback = "[4, 4, 4, 4, 2, 1]", .minimum = 0, .maximum = 1e9, .help = "relative frequencies of 0A 0B 1 2 3 4"},
    [GS_SETTING_GREEN] = {DATA("green"), .type = GS_TYPE_REAL, .models = ALL, .fallback = "0.34", .minimum = 0, .maximum = 1,
        .help = "probability of a green digit; the rest is red to blue, evenly"},
    [GS_SETTING_SAMPLES] = {EVALUATION("samples"), .type = GS_TYPE_INTEGER, .models = ALL, .fallback = "12800", .minimum = 1,
        .maximum = 10000000, .help = "images that are generated and classified at the end of a run"},
    [GS_SETTING_EVERY] = {EVALUATION("every"), .type = GS_TYPE_INTEGER, .models = ALL, .fallback = "0", .minimum = 0,
        .maximum = 1e9, .help = "also measure coverage every so many steps; 0: only at the end"},
    [GS_SETTING_REJECT_ERROR] = {EVALUATION("reject_error"), .type = GS_TYPE_INTEGER, .models = ALL, .fallback = "784",
        .minimum = 0, .maximum = 784, .help = "reject samples with more wrong pixels than this; 784: only blank and non-finite ones"},
    [GS_SETTING_QUALITY_ERROR] = {EVALUATION("quality_error"), .type = GS_TYPE_INTEGER, .models = ALL, .fallback = "40",
        .minimum = 0, .maximum = 784, .help = "wrong pixels up to which a sample counts for the metric `quality`"},
};
