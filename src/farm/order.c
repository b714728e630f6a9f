#include "farm/order.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static_assert((int)GS_MODEL_COUNT <= (int)GS_KINDS, "the schedule's kinds are models");

/* Multiplications of a run. */
static gs_status work_of(const gs_settings *settings, const gs_digits *digits, float *work, gs_error *error)
{
    gs_work parts;
    gs_status status = gs_model_work(settings, digits, &parts, error);
    if (status != GS_OK) return status;
    *work = (float)gs_work_of_run(parts, settings);
    return GS_OK;
}

gs_status gs_order_runs(gs_schedule *schedule, const gs_agenda *agenda, const gs_digits *digits, gs_error *error)
{
    size_t runs = (size_t)agenda->runs;
    float *work = malloc((runs + 1) * sizeof *work);
    uint8_t *kinds = malloc(runs + 1);
    gs_settings last;
    gs_status status = GS_OK;
    if (work == NULL || kinds == NULL) status = gs_fail(error, GS_ERROR_MEMORY, "out of memory: %zu runs", runs);
    for (size_t run = 0; run < runs && status == GS_OK; run++) {
        gs_job job = agenda->job(agenda->context, (int64_t)run);
        kinds[run] = (uint8_t)gs_settings_model(&job.settings);
        if (run > 0 && memcmp(&job.settings, &last, sizeof last) == 0) work[run] = work[run - 1]; /* another seed */
        else status = work_of(&job.settings, digits, &work[run], error);
        last = job.settings;
    }
    if (status == GS_OK) status = gs_schedule_sort(schedule, work, kinds, error);
    free(work);
    free(kinds);
    return status;
}
