#include "settings/settings.h"

#include <ctype.h>
#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

bool gs_setting_applies(gs_setting_id id, const gs_settings *settings)
{
    const gs_setting *row = &gs_settings_table[id];
    if ((row->models & (1u << gs_settings_model(settings))) == 0) return false;
    return !row->conditional ||
           (gs_setting_applies(row->needs, settings) && gs_settings_integer(settings, row->needs) == row->needed);
}

void gs_settings_defaults(gs_settings *settings, gs_model_id model)
{
    memset(settings, 0, sizeof *settings);
    for (int id = 0; id < GS_SETTING_COUNT; id++) {
        const char *own = gs_settings_table[id].fallback_by_model[model];
        gs_status status = gs_value_read((gs_setting_id)id, own != NULL ? own : gs_settings_table[id].fallback,
                                         &settings->values[id], NULL);
        assert(status == GS_OK && "a default of the table is not valid");
        (void)status;
    }
    settings->values[GS_SETTING_MODEL].integer = model;
}

/* A whole number in decimal, also written as 1e4 or 10_000.0: what counts is the value. */
static bool read_number(const char *text, double *number)
{
    if (*text == '\0' || strpbrk(text, "xXpPnN") != NULL) return false; /* no hexadecimal, inf or nan */
    char *end;
    errno = 0;
    *number = strtod(text, &end);
    return *end == '\0' && end != text && isfinite(*number) && text[strspn(text, " \t")] == text[0];
}

static bool in_range(const gs_setting *row, double number)
{
    return number <= row->maximum && (row->above_minimum ? number > row->minimum : number >= row->minimum);
}

static gs_status refuse(gs_setting_id id, const char *text, gs_error *error)
{
    char allowed[512];
    gs_setting_describe(id, allowed, sizeof allowed);
    const gs_setting *row = &gs_settings_table[id];
    size_t count = 0;
    while (row->choices != NULL && row->choices[count] != NULL) count++;
    const char *near = gs_nearest_name(text, row->choices, count);
    if (near != NULL)
        return gs_fail(error, GS_ERROR_INPUT, "expected %s, got '%.80s'; did you mean '%s'?", allowed, text, near);
    return gs_fail(error, GS_ERROR_INPUT, "expected %s, got '%.80s'", allowed, text);
}

static gs_status read_weights(gs_setting_id id, const char *text, gs_value *value, gs_error *error)
{
    const gs_setting *row = &gs_settings_table[id];
    gs_value read = {.weights = {0}};
    double total = 0;
    const char *at = text + strspn(text, " ");
    if (*at++ != '[') return refuse(id, text, error);
    for (int d = 0; d < GS_DIGITS; d++) {
        char number[64];
        size_t length = strcspn(at, ",]");
        size_t start = strspn(at, " ");
        if (length <= start || length - start >= sizeof number) return refuse(id, text, error);
        size_t used = length - start;
        while (used > 0 && at[start + used - 1] == ' ') used--;
        memcpy(number, at + start, used);
        number[used] = '\0';
        if (!read_number(number, &read.weights[d]) || !in_range(row, read.weights[d])) return refuse(id, text, error);
        total += read.weights[d];
        if (at[length] != (d + 1 < GS_DIGITS ? ',' : ']')) return refuse(id, text, error);
        at += length + 1;
    }
    if (at[strspn(at, " ")] != '\0' || !(total > 0)) return refuse(id, text, error);
    *value = read;
    return GS_OK;
}

static int place_in(const char *const *choices, const char *text)
{
    for (int i = 0; choices[i] != NULL; i++)
        if (strcmp(choices[i], text) == 0) return i;
    return -1;
}

gs_status gs_value_read(gs_setting_id id, const char *text, gs_value *value, gs_error *error)
{
    static const char *const switches[] = {"off", "on", "false", "true", "no", "yes", NULL};
    const gs_setting *row = &gs_settings_table[id];
    double number = 0;
    memset(value, 0, sizeof *value);
    switch (row->type) {
    case GS_TYPE_INTEGER:
        if (!read_number(text, &number) || number != floor(number) || !in_range(row, number))
            return refuse(id, text, error);
        value->integer = (int64_t)number;
        return GS_OK;
    case GS_TYPE_REAL:
        if (!read_number(text, &number) || !in_range(row, number)) return refuse(id, text, error);
        value->real = number + 0.0; /* -0 is 0 */
        return GS_OK;
    case GS_TYPE_SWITCH:
        for (int i = 0; switches[i] != NULL; i++)
            if (strcasecmp(switches[i], text) == 0) {
                value->integer = i % 2;
                return GS_OK;
            }
        return refuse(id, text, error);
    case GS_TYPE_CHOICE:
        value->integer = place_in(row->choices, text);
        return value->integer >= 0 ? GS_OK : refuse(id, text, error);
    case GS_TYPE_WEIGHTS: return read_weights(id, text, value, error);
    case GS_TYPE_COUNT: break;
    }
    return gs_fail(error, GS_ERROR_INTERNAL, "setting %d has no type", (int)id);
}

/* The shortest decimal number that reads back to the same double. */
static int write_real(double number, char *text, size_t size)
{
    for (int digits = 15; digits < 17; digits++) { /* 15 are always enough for what a person wrote */
        int used = snprintf(text, size, "%.*g", digits, number);
        if (!(strtod(text, NULL) < number) && !(strtod(text, NULL) > number)) return used;
    }
    return snprintf(text, size, "%.17g", number);
}

void gs_value_write(gs_setting_id id, const gs_value *value, char *text, size_t size)
{
    const gs_setting *row = &gs_settings_table[id];
    switch (row->type) {
    case GS_TYPE_INTEGER: snprintf(text, size, "%lld", (long long)value->integer); break;
    case GS_TYPE_REAL: write_real(value->real, text, size); break;
    case GS_TYPE_SWITCH: snprintf(text, size, "%s", value->integer != 0 ? "on" : "off"); break;
    case GS_TYPE_CHOICE: snprintf(text, size, "%s", row->choices[value->integer]); break;
    case GS_TYPE_WEIGHTS: {
        size_t used = 0;
        for (int d = 0; d < GS_DIGITS && used < size; d++) {
            char number[32];
            write_real(value->weights[d], number, sizeof number);
            used += (size_t)snprintf(text + used, size - used, "%s%s", d == 0 ? "[" : ", ", number);
        }
        if (used < size) snprintf(text + used, size - used, "]");
        break;
    }
    case GS_TYPE_COUNT: break;
    }
}

bool gs_values_equal(gs_setting_id id, const gs_value *a, const gs_value *b)
{
    if (gs_settings_table[id].type == GS_TYPE_WEIGHTS) return memcmp(a->weights, b->weights, sizeof a->weights) == 0;
    return a->integer == b->integer; /* reals too: equal bits, and never -0 or NaN */
}

void gs_setting_condition(gs_setting_id id, char *text, size_t size)
{
    const gs_setting *row = &gs_settings_table[id];
    char value[64];
    gs_value_write(row->needs, &(gs_value){.integer = row->needed}, value, sizeof value);
    snprintf(text, size, "%s: %s", gs_settings_table[row->needs].column, value);
}

void gs_setting_describe(gs_setting_id id, char *text, size_t size)
{
    const gs_setting *row = &gs_settings_table[id];
    char low[32], high[32];
    write_real(row->minimum, low, sizeof low);
    write_real(row->maximum, high, sizeof high);
    switch (row->type) {
    case GS_TYPE_INTEGER:
        snprintf(text, size, "an integer from %lld to %lld", (long long)row->minimum, (long long)row->maximum);
        break;
    case GS_TYPE_REAL:
        if (row->above_minimum) snprintf(text, size, "a number above %s, up to %s", low, high);
        else snprintf(text, size, "a number from %s to %s", low, high);
        break;
    case GS_TYPE_SWITCH: snprintf(text, size, "on or off"); break;
    case GS_TYPE_CHOICE: {
        size_t used = (size_t)snprintf(text, size, "one of");
        for (int i = 0; row->choices[i] != NULL && used < size; i++)
            used += (size_t)snprintf(text + used, size - used, "%s %s", i == 0 ? "" : ",", row->choices[i]);
        break;
    }
    case GS_TYPE_WEIGHTS:
        snprintf(text, size, "%d numbers from %s to %s, not all 0, as in [4, 4, 4, 4, 2, 1]", GS_DIGITS, low, high);
        break;
    case GS_TYPE_COUNT: break;
    }
}

/* Early stopping compares runs by their coverage along training, and the goal has to be what the metric is for. */
static gs_status check_stopping(const gs_settings *settings, gs_setting_id *culprit, gs_error *error)
{
    if (gs_settings_integer(settings, GS_SETTING_STOPPING) != GS_STOPPING_HYPERBAND) return GS_OK;
    int64_t metric = gs_settings_integer(settings, GS_SETTING_STOPPING_METRIC);
    int64_t right = metric < GS_STOPPING_SMALLER_IS_BETTER ? GS_STOPPING_MINIMIZE : GS_STOPPING_MAXIMIZE;
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

/* What must not stand beside each other in a gan, and why. A real is there when it is above 0. */
typedef struct {
    gs_setting_id id;
    int64_t value; /* of a switch or choice */
} gan_option;

typedef struct {
    gan_option option, beside;
    const char *why;
} gan_conflict;

static const char *const couples =
    "which couples the images of a batch, so that none has a gradient or a rival of its own";
static const char *const not_through = "which the gradient penalties do not go through";
static const char *const only_logistic = "which is for non_saturating and hinge";
static const char *const no_target = "which has no target that could be smoothed";

#define R1_                                                                                                            \
    {                                                                                                                  \
        GS_SETTING_R1, 0                                                                                               \
    }
#define R2_                                                                                                            \
    {                                                                                                                  \
        GS_SETTING_R2, 0                                                                                               \
    }
#define DISCRIMINATION                                                                                                 \
    {                                                                                                                  \
        GS_SETTING_MINIBATCH_DISCRIMINATION, 1                                                                         \
    }
#define STDDEV                                                                                                         \
    {                                                                                                                  \
        GS_SETTING_MINIBATCH_STDDEV, 1                                                                                 \
    }
#define SPECTRAL                                                                                                       \
    {                                                                                                                  \
        GS_SETTING_SPECTRAL_NORM, 1                                                                                    \
    }
#define SMOOTHING                                                                                                      \
    {                                                                                                                  \
        GS_SETTING_LABEL_SMOOTHING, 0                                                                                  \
    }
#define LOSS_OF(name)                                                                                                  \
    {                                                                                                                  \
        GS_SETTING_GAN_LOSS, GS_GAN_LOSS_##name                                                                        \
    }
static const gan_conflict gan_conflicts[] = {
    {R1_, DISCRIMINATION, couples},
    {R2_, DISCRIMINATION, couples},
    {LOSS_OF(RELATIVISTIC_PAIRING), DISCRIMINATION, couples},
    {R1_, STDDEV, not_through},
    {R2_, STDDEV, not_through},
    {LOSS_OF(LEAST_SQUARES), SPECTRAL, only_logistic},
    {LOSS_OF(RELATIVISTIC_PAIRING), SPECTRAL, only_logistic},
    {SMOOTHING, LOSS_OF(HINGE), no_target},
    {SMOOTHING, LOSS_OF(RELATIVISTIC_PAIRING), no_target},
};

static bool has_option(const gs_settings *settings, gan_option option)
{
    return gs_settings_table[option.id].type == GS_TYPE_REAL ? gs_settings_real(settings, option.id) > 0
                                                             : gs_settings_integer(settings, option.id) == option.value;
}

static gs_status check_gan(const gs_settings *settings, gs_setting_id *culprit, gs_error *error)
{
    int64_t batch = gs_settings_integer(settings, GS_SETTING_BATCH_SIZE),
            packing = gs_settings_integer(settings, GS_SETTING_PACKING);
    *culprit = GS_SETTING_PACKING;
    if (batch % packing != 0)
        return gs_fail(error, GS_ERROR_INPUT, "packing: %lld does not divide the batch_size %lld", (long long)packing,
                       (long long)batch);
    if (batch / packing < 2)
        return gs_fail(error, GS_ERROR_INPUT, "packing: a batch_size of %lld is not two packs of %lld images",
                       (long long)batch, (long long)packing);
    for (size_t i = 0; i < sizeof gan_conflicts / sizeof gan_conflicts[0]; i++) {
        gan_option option = gan_conflicts[i].option, beside = gan_conflicts[i].beside;
        if (!has_option(settings, option) || !has_option(settings, beside)) continue;
        char value[64], other[64], remedy[64];
        bool is_switch = gs_settings_table[beside.id].type == GS_TYPE_SWITCH;
        snprintf(remedy, sizeof remedy, is_switch ? "set %s: off" : "take another %s",
                 gs_settings_table[beside.id].column);
        gs_value_write(option.id, &settings->values[option.id], value, sizeof value);
        gs_value_write(beside.id, &settings->values[beside.id], other, sizeof other);
        *culprit = option.id;
        gs_settings usual;
        gs_settings_defaults(&usual, GS_MODEL_GAN);
        const char *name = gs_settings_table[beside.id].column;
        bool is_usual = gs_values_equal(beside.id, &usual.values[beside.id], &settings->values[beside.id]);
        return gs_fail(error, GS_ERROR_INPUT,
                       "%s: %s does not go with %s: %s%s, %s; %s, or leave the combination out with `exclude`",
                       gs_settings_table[option.id].column, value, name, other, is_usual ? " (the default)" : "",
                       gan_conflicts[i].why, remedy);
    }
    return GS_OK;
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
    if (gs_settings_model(settings) == GS_MODEL_GAN) {
        gs_status status = check_gan(settings, culprit, error);
        if (status != GS_OK) return status;
    }
    return check_stopping(settings, culprit, error);
}

/* Levenshtein distance of two words of at most 64 letters, large and small ones being the same; longer ones are far
 * from everything. */
static size_t edit_distance(const char *a, const char *b)
{
    enum { LONGEST = 64 };
    size_t rows[LONGEST + 1], length = strlen(b);
    if (strlen(a) > LONGEST || length > LONGEST) return SIZE_MAX;
    for (size_t j = 0; j <= length; j++) rows[j] = j;
    for (size_t i = 1; a[i - 1] != '\0'; i++) {
        size_t diagonal = rows[0];
        rows[0] = i;
        for (size_t j = 1; j <= length; j++) {
            size_t replaced = diagonal + (tolower((unsigned char)a[i - 1]) != tolower((unsigned char)b[j - 1]));
            diagonal = rows[j];
            size_t shorter = rows[j] < rows[j - 1] ? rows[j] : rows[j - 1];
            rows[j] = replaced < shorter + 1 ? replaced : shorter + 1;
        }
    }
    return rows[length];
}

const char *gs_nearest_name(const char *word, const char *const *names, size_t count)
{
    const char *nearest = NULL;
    size_t best = strlen(word) / 3 + 2; /* a third of the letters may be wrong */
    for (size_t i = 0; i < count; i++) {
        size_t distance = edit_distance(word, names[i]);
        if (distance < best) {
            best = distance;
            nearest = names[i];
        }
    }
    return nearest;
}
