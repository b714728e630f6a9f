/* One rank's run in progress: what manager and worker have in common. */
#ifndef GS_FARM_WORKBENCH_H
#define GS_FARM_WORKBENCH_H

#include "farm/farm.h"
#include "train/trainer.h"

typedef struct {
    gs_job job;
    gs_trainer *trainer;  /* NULL: idle */
    double seconds;       /* worked on the run */
    int64_t steps_before; /* that its mid-run checkpoint brought along, and the share of the work */
    double share_before;
    double kept; /* gs_clock() when its state was last kept, or its work began */
    char id[GS_ID];
    gs_parcel parcel; /* memory is kept from run to run */
    gs_note note;     /* whoever tells it empties its text */
    bool told_unkept; /* that states cannot be kept: once */
} gs_workbench;

/* Begins a run, or takes it up where its mid-run checkpoint says; one that cannot be used is noted. If there is no
 * memory for the run, it has failed: *ended is true and the parcel says why. GS_ERROR_MEMORY only if even the parcel
 * does not fit. */
GS_MUST_CHECK gs_status gs_workbench_begin(gs_workbench *workbench, const gs_common *common, const gs_job *job,
                                           int rank, bool *ended, gs_error *error);

/* Works on the run for about `seconds`, at least one piece, less if it is time to drain or the run asks; when it ends,
 * packs the parcel and sets *ended. Keeps its state now and then; that it cannot is noted once. */
GS_MUST_CHECK gs_status gs_workbench_work(gs_workbench *workbench, const gs_common *common, int rank, double seconds,
                                          bool *ended, gs_error *error);

/* The first rung behind at->rung (0 at first) that a run which was taken up has passed; false if there is none. */
bool gs_workbench_passed(const gs_workbench *workbench, gs_at_rung *at);

/* Whether the run waits at a rung: then there is nothing to work on until gs_workbench_decide. */
bool gs_workbench_asks(const gs_workbench *workbench, gs_at_rung *at);
void gs_workbench_decide(gs_workbench *workbench, const gs_decision *decision);

/* Keeps the state of the run, if there is one, and leaves it. */
void gs_workbench_leave(gs_workbench *workbench, const gs_common *common);

/* How far the current run is; nothing, if there is none. */
gs_standing gs_workbench_standing(const gs_workbench *workbench);

void gs_workbench_free(gs_workbench *workbench);

#endif
