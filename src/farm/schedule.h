/* Which run goes to which rank: a state machine without MPI, clock or files, so that it can be tested by trying everything.
 *
 * A run is waiting, running on one rank, or ended (done or failed). Events come from outside: a rank asks, ends its run, or is lost. At all times
 * waiting + running + done + failed = runs, a rank has at most one run, and a run is on at most one rank. */
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

/* Runs 0 ... runs - 1 are handed out in that order, but for those that gs_schedule_settle names. */
GS_MUST_CHECK gs_status gs_schedule_create(gs_schedule **schedule, int64_t runs, int ranks, gs_error *error);
void gs_schedule_destroy(gs_schedule **schedule);

/* This run has ended in an earlier launch. To be said before the first rank asks. */
void gs_schedule_settle(gs_schedule *schedule, int64_t run, bool failed);

/* An idle rank asks: the run that is now its own, or GS_NO_RUN if none is waiting. Runs of lost ranks go first. */
int64_t gs_schedule_assign(gs_schedule *schedule, int rank);

/* The run of this rank has ended. */
void gs_schedule_end(gs_schedule *schedule, int rank, bool failed);

/* The rank is gone: its run, if it had one, waits again. The rank must not ask again. */
void gs_schedule_lose(gs_schedule *schedule, int rank);

/* The run of a rank, or GS_NO_RUN. */
int64_t gs_schedule_run_of(const gs_schedule *schedule, int rank);

gs_schedule_counts gs_schedule_count(const gs_schedule *schedule);

/* Every run has ended. */
bool gs_schedule_complete(const gs_schedule *schedule);

#endif
