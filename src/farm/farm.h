/* The farm: rank 0 hands out runs on request, collects their results and stores them; every rank trains.
 *
 * Messages (all of plain memory; the ranks of a launch run the same binary):
 *   worker -> 0  REQUEST   I am idle
 *   0 -> worker  JOB       gs_job: train this
 *   worker -> 0  PROGRESS  int64_t steps done of the current run, about once a second
 *   worker -> 0  RESULT    a parcel; the worker is idle again, without a REQUEST
 *   0 -> worker  STOP      nothing will come any more: leave
 * Every idle worker has exactly one unanswered REQUEST or RESULT, so rank 0 knows who waits; a worker leaves only after STOP, and STOP
 * is sent only when every run has ended, so no message is ever left behind. */
#ifndef GS_FARM_FARM_H
#define GS_FARM_FARM_H

#include "farm/schedule.h"
#include "farm/world.h"
#include "store/store.h"

enum { GS_TRAINING_MANAGER = 256 /* with more ranks than this, rank 0 only manages */ };

/* What every rank has to know; sent from rank 0 to all. */
typedef struct {
    gs_digits digits;
    gs_storage storage;
} gs_common;

/* The state of the sweep at some moment, for progress. */
typedef struct {
    gs_schedule_counts counts;
    double steps_done;  /* of ended and running runs */
    double steps_total; /* of all planned runs; a failed run counts as complete */
} gs_farm_view;

/* Who wants to know: called on rank 0 only. `finished` sees each row after it is stored; `tick` comes several times a second. */
typedef struct {
    void (*finished)(void *context, const gs_row *row);
    void (*tick)(void *context, const gs_farm_view *view);
    void *context;
} gs_observer;

/* Rank 0: runs what the store does not have yet of the plan. Returns when every run has ended and all workers have been told to leave. Errors of storage (GS_ERROR_STORAGE)
 * end it early; the workers then still wait, and the caller has to abort the world. */
GS_MUST_CHECK gs_status gs_farm_manage(const gs_world *world, const gs_common *common, const gs_plan *plan, gs_store *store,
                                       const gs_observer *observer, gs_error *error);

/* Every other rank: trains what it is given until it is told to leave. GS_ERROR_MEMORY if not even the report of a failure fits. */
GS_MUST_CHECK gs_status gs_farm_work(const gs_world *world, const gs_common *common, gs_error *error);

#endif
