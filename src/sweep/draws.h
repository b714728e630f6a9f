/* Random search: W&B's distributions, drawn with counters.
 *
 * A draw is a pure function of the search seed, the name of the setting and the number of the trial, so that adding a
 * parameter, or raising run_cap, changes none of the earlier draws. Real values are rounded to 6 significant digits (12
 * where they are quantized): short enough to be written down and given again. */
#ifndef GS_SWEEP_DRAWS_H
#define GS_SWEEP_DRAWS_H

#include "settings/settings.h"
#include "sweep/document.h"

typedef enum {
    GS_SHAPE_LISTED, /* constant, categorical: values of a list */
    GS_SHAPE_INT_UNIFORM,
    GS_SHAPE_UNIFORM,
    GS_SHAPE_LOG_UNIFORM,            /* exp(x), x uniform from min to max */
    GS_SHAPE_LOG_UNIFORM_VALUES,     /* from min to max, with a uniform logarithm */
    GS_SHAPE_INV_LOG_UNIFORM,        /* exp(-x), x uniform from min to max */
    GS_SHAPE_INV_LOG_UNIFORM_VALUES, /* as log_uniform_values: the logarithm of 1/x is uniform where that of x is */
    GS_SHAPE_NORMAL,
    GS_SHAPE_LOG_NORMAL, /* exp(x), x normal */
    GS_SHAPE_COUNT
} gs_shape;

typedef struct {
    gs_shape shape;
    double low, high; /* min and max; mu and sigma where the shape is normal */
    double quantum;   /* the result is round(x / quantum) * quantum; 0: as drawn */
} gs_distribution;

/* Reads a parameter in W&B's form that has no list of values: `node` is the mapping with distribution, min, max, mu,
 * sigma, q. */
GS_MUST_CHECK gs_status gs_distribution_read(gs_distribution *distribution, gs_setting_id id, gs_node key, gs_node node,
                                             gs_error *error);

/* Whether `name` is "constant" or "categorical", which go with `value` and `values`. */
bool gs_distribution_is_listed(const char *name);

/* Uniform on (0,1), of 52 bits. */
double gs_draw_uniform(uint64_t search_seed, const char *name, size_t trial);

/* The value of a setting in a trial. GS_ERROR_INPUT with the reason where the draw is not allowed for the setting:
 * nothing is cut to fit. */
GS_MUST_CHECK gs_status gs_distribution_draw(const gs_distribution *distribution, gs_setting_id id,
                                             uint64_t search_seed, size_t trial, gs_value *value, gs_error *error);

#endif
