/* One rank's run in progress: what manager and worker have in common. */
#ifndef GS_FARM_WORKBENCH_H
#define GS_FARM_WORKBENCH_H

#include "farm/farm.h"
#include "train/trainer.h"

typedef struct {
    gs_job job;
    gs_trainer *trainer; /* NULL: idle */
    double seconds;      /* worked on the run */
    gs_parcel parcel;    /* memory is kept from run to run */
} gs_workbench;

/* Begins a run. If there is no memory for it, the run has failed: *ended is true and the parcel says why. GS_ERROR_MEMORY only if even the
 * parcel does not fit. */
GS_MUST_CHECK gs_status gs_workbench_begin(gs_workbench *workbench, const gs_common *common, const gs_job *job, int rank, bool *ended,
                                       gs_error *error);

/* Works on the run for about `seconds`, at least one piece; when it ends, packs the parcel and sets *ended. */
GS_MUST_CHECK gs_status gs_workbench_work(gs_workbench *workbench, const gs_common *common, int rank, double seconds, bool *ended,
                                      gs_error *error);

/* Steps done of the current run. */
int64_t gs_workbench_steps(const gs_workbench *workbench);

void gs_workbench_free(gs_workbench *workbench);

#endif
