#include "train/stopping.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
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

/* Of each choice of early_terminate.metric. */
static const gs_metric_id metric_ids[] = {
#define SMALLER(id, ...) [GS_STOPPING_BY_##id] = GS_METRIC_##id,
#define LARGER SMALLER
#include "settings/metric_rows.h"
};

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
    return metrics.values[metric_ids[gs_settings_integer(settings, GS_SETTING_STOPPING_METRIC)]];
}

/* ---- the reason -------------------------------------------------------------------------------------------------- */

static const char stopped_early[] = "stopped early after step ", among_the_best[] = " is not among the best ";

void gs_stopping_reason_write(const gs_settings *settings, int64_t step, double value, const gs_decision *decision,
                              char reason[GS_REASON])
{
    snprintf(reason, GS_REASON, "%s%" PRId64 " of %" PRId64 ": %s %.4g%s%" PRId64 " of %" PRId64 " runs", stopped_early,
             step, gs_settings_integer(settings, GS_SETTING_STEPS), gs_stopping_metric(settings), value, among_the_best,
             decision->best, decision->runs);
}

bool gs_stopping_reason_read(const char *reason, int64_t *step, gs_decision *decision)
{
    const char *place = strstr(reason, among_the_best);
    if (strncmp(reason, stopped_early, strlen(stopped_early)) != 0 || place == NULL) return false;
    *decision = (gs_decision){.go_on = false};
    return sscanf(reason + strlen(stopped_early), "%" SCNd64 " of", step) == 1 &&
           sscanf(place + strlen(among_the_best), "%" SCNd64 " of %" SCNd64 " runs", &decision->best,
                  &decision->runs) == 2;
}
