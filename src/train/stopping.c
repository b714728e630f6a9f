#include "train/stopping.h"

#include <math.h>
#include <string.h>

/* The first rung at or behind a point. */
static int64_t rung_from(const gs_settings *settings, int64_t point)
{
    double eta = gs_settings_real(settings, GS_SETTING_STOPPING_ETA);
    double rung = (double)gs_settings_integer(settings, GS_SETTING_STOPPING_MIN_ITER);
    while (floor(rung) < (double)point) rung *= eta;
    return rung < 1e9 ? (int64_t)floor(rung) : INT64_MAX;
}

bool gs_stopping_is_rung(const gs_settings *settings, int64_t point)
{
    if (gs_settings_integer(settings, GS_SETTING_STOPPING) != GS_STOPPING_HYPERBAND) return false;
    return point > 0 && point < gs_coverage_points(settings) && rung_from(settings, point) == point;
}

int64_t gs_stopping_last_rung(const gs_settings *settings)
{
    int64_t point = gs_coverage_points(settings);
    while (point > 0 && !gs_stopping_is_rung(settings, point)) point--;
    return point;
}

const char *gs_stopping_metric(const gs_settings *settings)
{
    return gs_settings_table[GS_SETTING_STOPPING_METRIC]
        .choices[gs_settings_integer(settings, GS_SETTING_STOPPING_METRIC)];
}

double gs_stopping_value(const gs_settings *settings, const gs_coverage_point *point, const double expected[GS_BINS])
{
    gs_coverage coverage = {.rejected = point->rejected};
    double shades[GS_BINS];
    memcpy(coverage.counts, point->counts, sizeof coverage.counts);
    for (int k = 0; k < GS_BINS; k++) shades[k] = (double)NAN;
    gs_metrics metrics = gs_metrics_of(&coverage, expected, shades);
    for (int m = 0; m < GS_METRIC_COUNT; m++)
        if (strcmp(gs_metrics_table[m].name, gs_stopping_metric(settings)) == 0) return metrics.values[m];
    return (double)NAN;
}
