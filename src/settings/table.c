#include <assert.h>
#include <string.h>

#include "settings/settings.h"

#define MODEL(id, name) static_assert(sizeof #name <= GS_MODEL_TEXT + 1, "too long for /runs/model: " #name);
#include "settings/models.h"
#undef MODEL

const char *const gs_model_names[GS_MODEL_COUNT + 1] = {
#define MODEL(id, name) [GS_MODEL_##id] = #name,
#include "settings/models.h"
#undef MODEL
};
const char *const gs_section_names[GS_SECTION_COUNT] = {"parameters", "data", "evaluation", "early_terminate"};

/* Choices by their ids in settings.h; the list ends with the first NULL. */
static const char *const networks[] = {[GS_NETWORK_FLAT] = "flat", [GS_NETWORK_LSTM] = "lstm", NULL};
static const char *const gan_losses[] = {[GS_GAN_LOSS_NON_SATURATING] = "non_saturating",
                                         [GS_GAN_LOSS_HINGE] = "hinge",
                                         [GS_GAN_LOSS_LEAST_SQUARES] = "least_squares",
                                         [GS_GAN_LOSS_RELATIVISTIC_PAIRING] = "relativistic_pairing",
                                         NULL};
static const char *const losses[] = {[GS_LOSS_SOFTMAX] = "softmax", [GS_LOSS_ARTICLE] = "article", NULL};
static const char *const starts[] = {[GS_START_PADDING] = "padding", [GS_START_ARTICLE] = "article", NULL};
static const char *const schedules[] = {
    [GS_SCHEDULE_LINEAR] = "linear", [GS_SCHEDULE_COSINE] = "cosine", [GS_SCHEDULE_ARTICLE] = "article", NULL};
static const char *const predictions[] = {[GS_PREDICTION_X0] = "x0", [GS_PREDICTION_EPSILON] = "epsilon", NULL};
static const char *const processes[] = {[GS_PROCESS_DDPM] = "ddpm", [GS_PROCESS_ARTICLE] = "article", NULL};
static const char *const stoppings[] = {[GS_STOPPING_NONE] = "none", [GS_STOPPING_HYPERBAND] = "hyperband", NULL};
static const char *const stopping_metrics[] = {
#define SMALLER(id, name, ...) [GS_STOPPING_BY_##id] = name,
#define LARGER SMALLER
#include "settings/metric_rows.h"
    [GS_STOPPING_METRIC_COUNT] = NULL};
static const char stopping_goal_help[] = "maximize, or minimize for"
#define SMALLER(id, name, ...) " " name ","
#include "settings/metric_rows.h"
                                         " of which less is better; also W&B's metric: {goal: minimize}";
static const char *const stopping_goals[] = {
    [GS_STOPPING_MINIMIZE] = "minimize", [GS_STOPPING_MAXIMIZE] = "maximize", NULL};

/* Masks for `models` of a setting. */
static_assert(GS_MODEL_COUNT < 31, "a mask of models is an int");
enum {
#define MODEL(id, name) id = 1 << GS_MODEL_##id,
#include "settings/models.h"
#undef MODEL
    ALL = (1 << GS_MODEL_COUNT) - 1
};
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

gs_model_id gs_model_of_name(const char *name)
{
    int model = 0;
    while (model < GS_MODEL_COUNT && strncmp(name, gs_model_names[model], GS_MODEL_TEXT) != 0) model++;
    return (gs_model_id)model;
}
