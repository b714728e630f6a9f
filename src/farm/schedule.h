/* Which run goes to which rank: a state machine without MPI, clock or files, so that it can be tested by trying
 * everything.
 *
 * A run is waiting, running on one rank, or ended (done or failed). Events come from outside: a rank asks, ends its
 * run, or is lost. At all times waiting + running + done + failed = runs, a rank has at most one run, and a run is on
 * at most one rank.
 *
 * Long runs go first, so that the end of a sweep is not one long run on one rank (Graham 1969, "longest processing
 * time": at most 4/3 of the shortest makespan, and close to it when there are many runs a rank). How long a run is
 * follows from its work, a number that tells how runs of the same kind compare, and from the seconds that a unit of
 * work of its kind took in runs that have ended. Runs that are equally long go in order. */
#ifndef GS_FARM_SCHEDULE_H
#define GS_FARM_SCHEDULE_H

#include <stdbool.h>
#include <stdint.h>

#include "ground/status.h"

enum { GS_NO_RUN = -1 };

typedef struct gs_schedule gs_schedule;

typedef struct {
    int64_t waiting, running, done, failed;
} gs_schedule_counts;

/* Runs 0 ... runs - 1 are handed out in that order if gs_schedule_sort says nothing else, but for those that
 * gs_schedule_settle names. */
GS_MUST_CHECK gs_status gs_schedule_create(gs_schedule **schedule, int64_t runs, int ranks, gs_error *error);
void gs_schedule_destroy(gs_schedule **schedule);

/* The work of each run, and its kind, from 0 to GS_KINDS - 1. To be said before the first rank asks.
 * GS_ERROR_MEMORY. */
enum { GS_KINDS = 8 };
GS_MUST_CHECK gs_status gs_schedule_sort(gs_schedule *schedule, const float *work, const uint8_t *kinds,
                                         gs_error *error);

/* A run, of which this is known, has taken so long. */
void gs_schedule_learn(gs_schedule *schedule, int64_t run, double seconds);

/* This run has ended in an earlier launch. To be said before the first rank asks. */
void gs_schedule_settle(gs_schedule *schedule, int64_t run, bool failed);

/* This share of a run was done before it was handed out, and is taken up; negative: the rank that took it up is gone.
 */
void gs_schedule_take_up(gs_schedule *schedule, int64_t run, double share);

/* An idle rank asks: the run that is now its own, or GS_NO_RUN if none is waiting. Runs of lost ranks go first. */
int64_t gs_schedule_assign(gs_schedule *schedule, int rank);

/* The run of this rank has ended. */
void gs_schedule_end(gs_schedule *schedule, int rank, bool failed);

/* The rank is gone: its run, if it had one, waits again. The rank must not ask again. */
void gs_schedule_lose(gs_schedule *schedule, int rank);

/* The run of a rank, or GS_NO_RUN. */
int64_t gs_schedule_run_of(const gs_schedule *schedule, int rank);

gs_schedule_counts gs_schedule_count(const gs_schedule *schedule);

/* In seconds that ranks need for it, as soon as runs have ended from which that is known, so that runs of several kinds
 * can be added. A failed run counts as complete. */
typedef struct {
    double total;   /* work of all runs */
    double done;    /* of ended runs, and of each rank's run the share that it has done */
    double before;  /* of that, before this launch */
    double longest; /* work that the run which needs most of those on ranks still needs */
    bool in_seconds;
} gs_schedule_work;
gs_schedule_work gs_schedule_progress(const gs_schedule *schedule,
                                      double (*share_of_rank)(const void *context, int rank), const void *context);

/* Every run has ended. */
bool gs_schedule_complete(const gs_schedule *schedule);

#endif
