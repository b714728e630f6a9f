#include "sweep/draws.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ground/rng.h"

static const struct {
    const char *name;
    gs_shape shape;
    bool quantized;
} distributions[] = {
    {"constant", GS_SHAPE_LISTED, false},
    {"categorical", GS_SHAPE_LISTED, false},
    {"int_uniform", GS_SHAPE_INT_UNIFORM, false},
    {"uniform", GS_SHAPE_UNIFORM, false},
    {"q_uniform", GS_SHAPE_UNIFORM, true},
    {"log_uniform", GS_SHAPE_LOG_UNIFORM, false},
    {"log_uniform_values", GS_SHAPE_LOG_UNIFORM_VALUES, false},
    {"q_log_uniform", GS_SHAPE_LOG_UNIFORM, true},
    {"q_log_uniform_values", GS_SHAPE_LOG_UNIFORM_VALUES, true},
    {"inv_log_uniform", GS_SHAPE_INV_LOG_UNIFORM, false},
    {"inv_log_uniform_values", GS_SHAPE_INV_LOG_UNIFORM_VALUES, false},
    {"normal", GS_SHAPE_NORMAL, false},
    {"q_normal", GS_SHAPE_NORMAL, true},
    {"log_normal", GS_SHAPE_LOG_NORMAL, false},
    {"q_log_normal", GS_SHAPE_LOG_NORMAL, true},
};
enum { DISTRIBUTIONS = sizeof distributions / sizeof distributions[0] };

bool gs_distribution_is_listed(const char *name)
{
    for (size_t i = 0; i < DISTRIBUTIONS; i++)
        if (strcmp(distributions[i].name, name) == 0) return distributions[i].shape == GS_SHAPE_LISTED;
    return false;
}

static bool is_normal(gs_shape shape)
{
    return shape == GS_SHAPE_NORMAL || shape == GS_SHAPE_LOG_NORMAL;
}

/* ---- reading ----------------------------------------------------------------------------------------------------- */

/* The number under `key` of the mapping; `fallback` where there is none, or an error if that is NULL. */
static gs_status read_number(gs_node mapping, gs_node owner, const char *key, const double *fallback, double *number,
                             gs_error *error)
{
    gs_node node = gs_node_find(mapping, key);
    if (node.yaml == NULL && fallback == NULL)
        return gs_node_fail(owner, error, "%s: `%s` is missing", gs_node_text(owner), key);
    if (node.yaml == NULL) {
        *number = *fallback;
        return GS_OK;
    }
    const char *text = gs_node_text(node);
    char *end;
    *number = strtod(text, &end);
    if (gs_node_is_plain(node) && end != text && *end == '\0' && isfinite(*number) && strpbrk(text, "xXpPnN") == NULL)
        return GS_OK;
    return gs_node_fail(node, error, "%s.%s: expected a number, got %s", gs_node_text(owner), key,
                        gs_node_show(node).text);
}

static bool is_whole(gs_node node)
{
    const char *text = gs_node_text(node);
    text += *text == '-' || *text == '+';
    return *text != '\0' && text[strspn(text, "0123456789")] == '\0';
}

/* The distribution's row, by name or, as in W&B, from the look of min and max. */
static gs_status find_row(gs_setting_id id, gs_node key, gs_node node, size_t *row, gs_error *error)
{
    const char *names[DISTRIBUTIONS];
    gs_node given = gs_node_find(node, "distribution"), low = gs_node_find(node, "min"),
            high = gs_node_find(node, "max");
    const char *name = "uniform";
    for (size_t i = 0; i < DISTRIBUTIONS; i++) names[i] = distributions[i].name;
    if (given.yaml != NULL) {
        name = gs_node_text(given);
    } else if (low.yaml == NULL || high.yaml == NULL) {
        return gs_node_fail(key, error, "%s: give `value`, `values`, or `distribution` with its numbers",
                            gs_node_text(key));
    } else if (is_whole(low) && is_whole(high)) {
        if (gs_settings_table[id].type != GS_TYPE_INTEGER)
            return gs_node_fail(
                key, error,
                "%s: say `distribution: uniform` (or int_uniform): W&B takes whole min and max for int_uniform",
                gs_node_text(key));
        name = "int_uniform";
    }
    for (*row = 0; *row < DISTRIBUTIONS; ++*row)
        if (strcmp(names[*row], name) == 0) return GS_OK;
    const char *near = gs_nearest_name(name, names, DISTRIBUTIONS);
    if (near != NULL) return gs_node_fail(given, error, "unknown distribution '%.80s'; did you mean '%s'?", name, near);
    return gs_node_fail(given, error,
                        "unknown distribution '%.80s'; there are constant, categorical, int_uniform, uniform, normal, "
                        "log_uniform_values, log_normal, with q_ quantized",
                        name);
}

/* Keys that the distribution has no use for would be ignored in silence. */
static gs_status check_keys(gs_node node, size_t row, gs_error *error)
{
    bool normal = is_normal(distributions[row].shape);
    const char *foreign[3] = {normal ? "min" : "mu", normal ? "max" : "sigma",
                              distributions[row].quantized ? NULL : "q"};
    for (size_t i = 0; i < gs_node_count(node); i++)
        for (size_t k = 0; k < 3; k++)
            if (foreign[k] != NULL && strcmp(gs_node_text(gs_node_key(node, i)), foreign[k]) == 0)
                return gs_node_fail(gs_node_key(node, i), error, "`%s` has no meaning for the distribution %s",
                                    foreign[k], distributions[row].name);
    return GS_OK;
}

static double transform(gs_shape shape, double x)
{
    if (shape == GS_SHAPE_LOG_UNIFORM || shape == GS_SHAPE_LOG_NORMAL) return exp(x);
    return shape == GS_SHAPE_INV_LOG_UNIFORM ? exp(-x) : x;
}

/* Bounds must be allowed values themselves; what quantizing and normal tails make is checked at each draw. */
static gs_status check_bounds(const gs_distribution *d, gs_setting_id id, gs_node key, gs_node node, gs_error *error)
{
    const gs_setting *row = &gs_settings_table[id];
    static const char *const names[] = {"min", "max"};
    bool values = d->shape == GS_SHAPE_LOG_UNIFORM_VALUES || d->shape == GS_SHAPE_INV_LOG_UNIFORM_VALUES;
    char allowed[512];
    gs_setting_describe(id, allowed, sizeof allowed);
    if (d->low > d->high)
        return gs_node_fail(gs_node_find(node, "min"), error, "%s: min %g is above max %g", gs_node_text(key), d->low,
                            d->high);
    for (int i = 0; i < 2; i++) {
        double given = i == 0 ? d->low : d->high, bound = transform(d->shape, given);
        if (values && !(given > 0))
            return gs_node_fail(gs_node_find(node, names[i]), error,
                                "%s.%s: a logarithm needs a number above 0, got %g", gs_node_text(key), names[i],
                                given);
        if (d->shape == GS_SHAPE_INT_UNIFORM && given != floor(given))
            return gs_node_fail(gs_node_find(node, names[i]), error, "%s.%s: int_uniform needs a whole number, got %g",
                                gs_node_text(key), names[i], given);
        if (bound <= row->maximum && (row->above_minimum ? bound > row->minimum : bound >= row->minimum)) continue;
        return gs_node_fail(gs_node_find(node, names[i]), error, "%s.%s: expected %s, and it makes %g",
                            gs_node_text(key), names[i], allowed, bound);
    }
    return GS_OK;
}

static gs_status check_type(const gs_distribution *d, gs_setting_id id, gs_node key, const char *name, gs_error *error)
{
    gs_setting_type type = gs_settings_table[id].type;
    char allowed[512];
    gs_setting_describe(id, allowed, sizeof allowed);
    if (type != GS_TYPE_INTEGER && type != GS_TYPE_REAL)
        return gs_node_fail(key, error, "%s: is %s: give `values`, not the distribution %s", gs_node_text(key), allowed,
                            name);
    if (type == GS_TYPE_INTEGER && d->shape != GS_SHAPE_INT_UNIFORM &&
        !(d->quantum > 0 && d->quantum == floor(d->quantum)))
        return gs_node_fail(key, error,
                            "%s: is %s, which %s does not draw; use int_uniform, or a q_ distribution with a whole q",
                            gs_node_text(key), allowed, name);
    return GS_OK;
}

gs_status gs_distribution_read(gs_distribution *distribution, gs_setting_id id, gs_node key, gs_node node,
                               gs_error *error)
{
    static const double zero = 0, one = 1;
    size_t row = 0;
    gs_status status = find_row(id, key, node, &row, error);
    if (status != GS_OK) return status;
    *distribution = (gs_distribution){.shape = distributions[row].shape};
    if (distribution->shape == GS_SHAPE_LISTED)
        return gs_node_fail(key, error, "%s: the distribution %s needs `%s`", gs_node_text(key),
                            distributions[row].name, row == 0 ? "value" : "values");
    bool normal = is_normal(distribution->shape);
    status = check_keys(node, row, error);
    if (status == GS_OK)
        status = read_number(node, key, normal ? "mu" : "min", normal ? &zero : NULL, &distribution->low, error);
    if (status == GS_OK)
        status = read_number(node, key, normal ? "sigma" : "max", normal ? &one : NULL, &distribution->high, error);
    if (status == GS_OK && distributions[row].quantized) {
        status = read_number(node, key, "q", &one, &distribution->quantum, error);
        if (status == GS_OK && !(distribution->quantum > 0))
            status = gs_node_fail(gs_node_find(node, "q"), error, "%s.q: expected a number above 0, got %g",
                                  gs_node_text(key), distribution->quantum);
    }
    if (status == GS_OK && normal && distribution->high < 0)
        status = gs_node_fail(gs_node_find(node, "sigma"), error, "%s.sigma: expected 0 or more, got %g",
                              gs_node_text(key), distribution->high);
    if (status == GS_OK) status = check_type(distribution, id, key, distributions[row].name, error);
    if (status == GS_OK && !normal) status = check_bounds(distribution, id, key, node, error);
    return status;
}

/* ---- drawing ----------------------------------------------------------------------------------------------------- */

static double uniform_of(uint32_t high, uint32_t low)
{
    return ((double)((uint64_t)high << 20 | low >> 12) + 0.5) * 0x1p-52;
}

double gs_draw_uniform(uint64_t search_seed, const char *name, size_t trial)
{
    uint32_t words[4];
    gs_rng_block((gs_rng){search_seed, GS_STREAM_SEARCH, gs_hash_name(name)}, (uint32_t)trial, words);
    return uniform_of(words[0], words[1]);
}

static double draw_normal(uint64_t search_seed, const char *name, size_t trial)
{
    const double two_pi = 6.283185307179586;
    uint32_t words[4];
    gs_rng_block((gs_rng){search_seed, GS_STREAM_SEARCH, gs_hash_name(name)}, (uint32_t)trial, words);
    return sqrt(-2 * log(uniform_of(words[0], words[1]))) * cos(two_pi * uniform_of(words[2], words[3]));
}

static double draw_number(const gs_distribution *d, uint64_t search_seed, const char *name, size_t trial)
{
    if (is_normal(d->shape)) return transform(d->shape, d->low + d->high * draw_normal(search_seed, name, trial));
    double u = gs_draw_uniform(search_seed, name, trial);
    switch (d->shape) {
    case GS_SHAPE_INT_UNIFORM: return d->low + floor(u * (d->high - d->low + 1));
    case GS_SHAPE_LOG_UNIFORM_VALUES:
    case GS_SHAPE_INV_LOG_UNIFORM_VALUES: return exp(log(d->low) + u * (log(d->high) - log(d->low)));
    case GS_SHAPE_LISTED:
    case GS_SHAPE_UNIFORM:
    case GS_SHAPE_LOG_UNIFORM:
    case GS_SHAPE_INV_LOG_UNIFORM:
    case GS_SHAPE_NORMAL:
    case GS_SHAPE_LOG_NORMAL:
    case GS_SHAPE_COUNT: break;
    }
    return transform(d->shape, d->low + u * (d->high - d->low));
}

/* Rounding must not leave the bounds, which are what the user wrote. */
static double bounded(const gs_distribution *d, double rounded)
{
    if (is_normal(d->shape) || d->quantum > 0) return rounded;
    double a = transform(d->shape, d->low), b = transform(d->shape, d->high);
    return fmax(fmin(a, b), fmin(fmax(a, b), rounded));
}

gs_status gs_distribution_draw(const gs_distribution *distribution, gs_setting_id id, uint64_t search_seed,
                               size_t trial, gs_value *value, gs_error *error)
{
    const gs_setting *row = &gs_settings_table[id];
    char text[512];
    double number = draw_number(distribution, search_seed, row->column, trial);
    if (distribution->quantum > 0) number = round(number / distribution->quantum) * distribution->quantum;
    if (row->type == GS_TYPE_INTEGER) {
        snprintf(text, sizeof text, "%.0f", number);
    } else {
        snprintf(text, sizeof text, "%.*g", distribution->quantum > 0 ? 12 : 6, number);
        double rounded = strtod(text, NULL), kept = bounded(distribution, rounded);
        if (kept < rounded || kept > rounded) snprintf(text, sizeof text, "%.17g", kept);
    }
    gs_error reason;
    if (gs_value_read(id, text, value, &reason) == GS_OK) return GS_OK;
    return gs_fail(error, GS_ERROR_INPUT, "%s: trial %zu draws what is not allowed: %.300s", row->column, trial + 1,
                   reason.text);
}
