#include "settings/settings.h"

const char *const gs_model_names[GS_MODEL_COUNT] = {"oracle", "vae", "gan", "autoregressive", "diffusion"};
const char *const gs_section_names[GS_SECTION_COUNT] = {"parameters", "data", "evaluation", "early_terminate"};

/* The choices of `model` are the model names, ended by NULL. */
static const char *const networks[] = {"flat", "lstm", NULL};
static const char *const gan_losses[] = {"non_saturating", "hinge", "least_squares", "relativistic_pairing", NULL};
static const char *const losses[] = {"softmax", "article", NULL};
static const char *const starts[] = {"padding", "article", NULL};
static const char *const schedules[] = {"linear", "cosine", "article", NULL};
static const char *const predictions[] = {"x0", "epsilon", NULL};
static const char *const processes[] = {"ddpm", "article", NULL};
static const char *const stoppings[] = {"none", "hyperband", NULL};
/* Metrics (coverage/metrics.h) that follow from counts and rejected alone; the first GS_STOPPING_SMALLER_IS_BETTER get
 * smaller. */
static const char *const stopping_metrics[] = {"tv",          "tv_reject",       "kl",       "js",
                                               "modes_0",     "modes_10",        "modes_50", "covered_mass",
                                               "worst_ratio", "effective_modes", NULL};
static const char *const stopping_goals[] = {"minimize", "maximize", NULL};
static const char *const models[] = {"oracle", "vae", "gan", "autoregressive", "diffusion", NULL};

#define ALL ((1u << GS_MODEL_COUNT) - 1)
#define ORACLE (1u << GS_MODEL_ORACLE)
#define VAE (1u << GS_MODEL_VAE)
#define GAN (1u << GS_MODEL_GAN)
#define AUTOREGRESSIVE (1u << GS_MODEL_AUTOREGRESSIVE)
#define DIFFUSION (1u << GS_MODEL_DIFFUSION)
#define PARAMETER(text) .name = text, .column = text, .section = GS_SECTION_PARAMETERS
#define DATA(text) .name = text, .column = "data." text, .section = GS_SECTION_DATA
#define EVALUATION(text) .name = text, .column = "evaluation." text, .section = GS_SECTION_EVALUATION
#define EARLY_TERMINATE(text) .name = text, .column = "early_terminate." text, .section = GS_SECTION_EARLY_TERMINATE
#define ONLY_WITH(id, value) .conditional = true, .needs = id, .needed = value

const gs_setting gs_settings_table[GS_SETTING_COUNT] = {
#define ROW(id, ...) [GS_SETTING_##id] = {__VA_ARGS__},
#include "settings/rows.h"
#undef ROW
};
