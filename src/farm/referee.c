#include "farm/referee.h"

#include <stdlib.h>

#include "train/stopping.h"

/* The values of a run that an earlier launch has ended. Failed runs take no part. */
static gs_status recall(gs_referee *referee, int64_t run, gs_coverage_point *points, size_t room, gs_error *error)
{
    const gs_agenda *agenda = referee->agenda;
    double expected[GS_BINS];
    size_t count = 0;
    if (agenda->status(agenda->context, run) != GS_RUN_DONE) return GS_OK;
    gs_job job = agenda->job(agenda->context, run);
    gs_model_expected(&job.settings, referee->digits, expected);
    gs_status status = agenda->along(agenda->context, run, points, room, &count, error);
    for (size_t p = 0; p < count && status == GS_OK; p++) {
        int64_t rung = (int64_t)p + 1;
        if (!gs_stopping_is_rung(&job.settings, rung)) continue;
        status = gs_rungs_add(referee->rungs, rung, run, gs_stopping_value(&job.settings, &points[p], expected), error);
    }
    return status;
}

/* The most points of coverage along training that a run can have. */
static size_t most_points(const gs_agenda *agenda)
{
    size_t most = 0;
    for (int64_t run = 0; run < agenda->runs; run++) {
        gs_job job = agenda->job(agenda->context, run);
        size_t points = (size_t)gs_coverage_points(&job.settings);
        if (points > most) most = points;
    }
    return most;
}

/* The settings of early_terminate are the same for all runs. */
gs_status gs_referee_begin(gs_referee *referee, const gs_agenda *agenda, const gs_digits *digits, bool to_do,
                           gs_error *error)
{
    *referee = (gs_referee){.agenda = agenda, .digits = digits};
    if (agenda->decide != NULL || agenda->runs == 0) return GS_OK;
    gs_job first = agenda->job(agenda->context, 0);
    if (gs_settings_integer(&first.settings, GS_SETTING_STOPPING) != GS_STOPPING_HYPERBAND) return GS_OK;
    bool larger = gs_settings_integer(&first.settings, GS_SETTING_STOPPING_GOAL) == GS_STOPPING_MAXIMIZE;
    gs_status status =
        gs_rungs_create(&referee->rungs, gs_settings_real(&first.settings, GS_SETTING_STOPPING_ETA), larger, error);
    if (status != GS_OK || !to_do) return status;
    size_t room = most_points(agenda);
    gs_coverage_point *points = calloc(room + 1, sizeof *points);
    if (points == NULL) status = gs_fail(error, GS_ERROR_MEMORY, "out of memory: %zu points of coverage", room);
    for (int64_t run = 0; run < agenda->runs && status == GS_OK; run++)
        status = recall(referee, run, points, room, error);
    free(points);
    return status;
}

void gs_referee_end(gs_referee *referee)
{
    gs_rungs_destroy(&referee->rungs);
}

gs_status gs_referee_learn(gs_referee *referee, const gs_at_rung *at, gs_error *error)
{
    if (referee->agenda->decide != NULL) return GS_OK;
    if (referee->rungs == NULL)
        return gs_fail(error, GS_ERROR_INTERNAL, "run %lld is at a rung, and there are none", (long long)at->run);
    return gs_rungs_add(referee->rungs, at->rung, at->run, at->value, error);
}

gs_decision gs_referee_decide(const gs_referee *referee, const gs_at_rung *at)
{
    const gs_agenda *agenda = referee->agenda;
    if (agenda->decide != NULL) return agenda->decide(agenda->context, at->run, at->rung);
    return gs_rungs_decide(referee->rungs, at->rung, at->run);
}

void gs_referee_forget(gs_referee *referee, int64_t run)
{
    if (referee->rungs != NULL) gs_rungs_forget(referee->rungs, run);
}
