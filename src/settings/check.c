/* Combinations of settings that cannot be trained, each value of which is allowed for itself. */
#include <stdio.h>

#include "settings/settings.h"

/* Of each metric that early stopping may compare runs by. */
static const int64_t right_goals[] = {
#define SMALLER(id, ...) [GS_STOPPING_BY_##id] = GS_STOPPING_MINIMIZE,
#define LARGER(id, ...) [GS_STOPPING_BY_##id] = GS_STOPPING_MAXIMIZE,
#include "settings/metric_rows.h"
};

/* Early stopping compares runs by their coverage along training, and the goal has to be what the metric is for. */
static gs_status check_stopping(const gs_settings *settings, gs_setting_id *culprit, gs_error *error)
{
    if (gs_settings_integer(settings, GS_SETTING_STOPPING) != GS_STOPPING_HYPERBAND) return GS_OK;
    int64_t metric = gs_settings_integer(settings, GS_SETTING_STOPPING_METRIC);
    int64_t right = right_goals[metric];
    const gs_setting *goal = &gs_settings_table[GS_SETTING_STOPPING_GOAL];
    if (gs_settings_integer(settings, GS_SETTING_EVERY) == 0) {
        *culprit = GS_SETTING_STOPPING;
        return gs_fail(
            error, GS_ERROR_INPUT,
            "early_terminate compares runs by their coverage along training: it needs evaluation.every above 0, "
            "as in evaluation: {every: 1000}");
    }
    if (gs_settings_integer(settings, GS_SETTING_STOPPING_GOAL) == right) return GS_OK;
    *culprit = GS_SETTING_STOPPING_METRIC;
    return gs_fail(error, GS_ERROR_INPUT, "%s: a %s %s is better, so the goal is %s, not %s", goal->column,
                   right == GS_STOPPING_MINIMIZE ? "smaller" : "larger",
                   gs_settings_table[GS_SETTING_STOPPING_METRIC].choices[metric], goal->choices[right],
                   goal->choices[1 - right]);
}

/* Settings of a gan that do not go together (METHODS section 3; the deviation of a batch, unlike its similarities, is
 * one number for all logits, so that pairs keep their own), and why. A real counts as set when it is above 0, a switch
 * or choice when it has the value here. */
typedef struct {
    gs_setting_id id;
    int64_t value;
    gs_setting_id beside;
    int64_t value_beside;
    const char *why;
} gan_conflict;

#define COUPLES "which couples the images of a batch, so that none has a gradient or a rival of its own"
#define NOT_THROUGH "which the gradient penalties do not go through"
#define TWO_LOSSES "which goes with non_saturating and hinge only"
#define NO_TARGET "which has no target that could be smoothed"

static const gan_conflict gan_conflicts[] = {
    {GS_SETTING_R1, 0, GS_SETTING_MINIBATCH_DISCRIMINATION, 1, COUPLES},
    {GS_SETTING_R2, 0, GS_SETTING_MINIBATCH_DISCRIMINATION, 1, COUPLES},
    {GS_SETTING_GAN_LOSS, GS_GAN_LOSS_RELATIVISTIC_PAIRING, GS_SETTING_MINIBATCH_DISCRIMINATION, 1, COUPLES},
    {GS_SETTING_R1, 0, GS_SETTING_MINIBATCH_STDDEV, 1, NOT_THROUGH},
    {GS_SETTING_R2, 0, GS_SETTING_MINIBATCH_STDDEV, 1, NOT_THROUGH},
    {GS_SETTING_GAN_LOSS, GS_GAN_LOSS_LEAST_SQUARES, GS_SETTING_SPECTRAL_NORM, 1, TWO_LOSSES},
    {GS_SETTING_GAN_LOSS, GS_GAN_LOSS_RELATIVISTIC_PAIRING, GS_SETTING_SPECTRAL_NORM, 1, TWO_LOSSES},
    {GS_SETTING_LABEL_SMOOTHING, 0, GS_SETTING_GAN_LOSS, GS_GAN_LOSS_HINGE, NO_TARGET},
    {GS_SETTING_LABEL_SMOOTHING, 0, GS_SETTING_GAN_LOSS, GS_GAN_LOSS_RELATIVISTIC_PAIRING, NO_TARGET},
};

static bool is_set(const gs_settings *settings, gs_setting_id id, int64_t value)
{
    return gs_settings_table[id].type == GS_TYPE_REAL ? gs_settings_real(settings, id) > 0
                                                      : gs_settings_integer(settings, id) == value;
}

static gs_status refuse(const gan_conflict *conflict, const gs_settings *settings, gs_error *error)
{
    char value[64], other[64], remedy[64];
    gs_settings usual;
    gs_settings_defaults(&usual, GS_MODEL_GAN);
    const gs_setting *row = &gs_settings_table[conflict->id], *beside = &gs_settings_table[conflict->beside];
    const gs_value *values = settings->values;
    gs_value_write(conflict->id, &values[conflict->id], value, sizeof value);
    gs_value_write(conflict->beside, &values[conflict->beside], other, sizeof other);
    bool is_usual = gs_values_equal(conflict->beside, &usual.values[conflict->beside], &values[conflict->beside]);
    snprintf(remedy, sizeof remedy, beside->type == GS_TYPE_SWITCH ? "set %s: off" : "take another %s", beside->column);
    return gs_fail(error, GS_ERROR_INPUT, "%s: %s does not go with %s: %s%s, %s; %s", row->column, value,
                   beside->column, other, is_usual ? " (the default)" : "", conflict->why, remedy);
}

static gs_status check_gan(const gs_settings *settings, gs_setting_id *culprit, gs_error *error)
{
    if (gs_settings_model(settings) != GS_MODEL_GAN) return GS_OK;
    for (size_t i = 0; i < sizeof gan_conflicts / sizeof gan_conflicts[0]; i++) {
        const gan_conflict *conflict = &gan_conflicts[i];
        if (!is_set(settings, conflict->id, conflict->value) ||
            !is_set(settings, conflict->beside, conflict->value_beside))
            continue;
        *culprit = conflict->id;
        return refuse(conflict, settings, error);
    }
    int64_t batch = gs_settings_integer(settings, GS_SETTING_BATCH_SIZE),
            packing = gs_settings_integer(settings, GS_SETTING_PACKING);
    if (batch % packing == 0 && batch / packing >= 2) return GS_OK;
    *culprit = GS_SETTING_PACKING;
    if (batch % packing != 0)
        return gs_fail(error, GS_ERROR_INPUT, "packing: %lld does not divide the batch_size %lld; take a divisor of it",
                       (long long)packing, (long long)batch);
    return gs_fail(error, GS_ERROR_INPUT, "packing: %lld needs a batch_size of %lld or more, got %lld",
                   (long long)packing, (long long)(2 * packing), (long long)batch);
}

gs_status gs_settings_check(const gs_settings *settings, gs_setting_id *culprit, gs_error *error)
{
    int64_t steps = gs_settings_integer(settings, GS_SETTING_STEPS),
            every = gs_settings_integer(settings, GS_SETTING_EVERY);
    if (every > 0 && steps / every > 10000) {
        *culprit = GS_SETTING_EVERY;
        return gs_fail(error, GS_ERROR_INPUT,
                       "evaluation.every: every %lld of %lld steps gives %lld points a run; at most 10000 are kept",
                       (long long)every, (long long)steps, (long long)(steps / every));
    }
    bool article_start = gs_setting_applies(GS_SETTING_START, settings) &&
                         gs_settings_integer(settings, GS_SETTING_START) == GS_START_ARTICLE;
    int64_t context = gs_settings_integer(settings, GS_SETTING_CONTEXT_PIXELS);
    if (article_start && gs_setting_applies(GS_SETTING_CONTEXT_PIXELS, settings) && context >= GS_PIXELS) {
        *culprit = GS_SETTING_CONTEXT_PIXELS;
        return gs_fail(error, GS_ERROR_INPUT,
                       "context_pixels: a window of %lld pixels leaves nothing to generate of %d with start: article, "
                       "which copies the first "
                       "window from real images",
                       (long long)context, GS_PIXELS);
    }
    if (gs_setting_applies(GS_SETTING_PROCESS, settings) &&
        gs_settings_integer(settings, GS_SETTING_PROCESS) == GS_PROCESS_ARTICLE &&
        gs_settings_integer(settings, GS_SETTING_PREDICTION) == GS_PREDICTION_EPSILON) {
        *culprit = GS_SETTING_PREDICTION;
        return gs_fail(error, GS_ERROR_INPUT,
                       "prediction: epsilon does not go with process: article, which is defined for x0 only");
    }
    gs_status status = check_gan(settings, culprit, error);
    return status == GS_OK ? check_stopping(settings, culprit, error) : status;
}
