/* Which runs go on at a rung of early stopping: a state machine without MPI, clock or files, so that it can be tested
 * by trying everything.
 *
 * A run that has reached a rung is compared with all runs that have reached it so far, itself included: it goes on if
 * its value is among the best max(1, floor(n / eta)) of the n values, ties included. Nothing waits for runs that have
 * not come yet (asynchronous), so the first to come always goes on, and a decision depends on nothing but the values
 * known when it is made. NaN is worse than every number. */
#ifndef GS_FARM_RUNGS_H
#define GS_FARM_RUNGS_H

#include "train/stopping.h"

typedef struct gs_rungs gs_rungs;

/* eta > 1; larger: the goal is to maximize. */
GS_MUST_CHECK gs_status gs_rungs_create(gs_rungs **rungs, double eta, bool larger, gs_error *error);
void gs_rungs_destroy(gs_rungs **rungs);

/* The value of a run at a rung (the number of its point of coverage); it takes the place of one that the run told there
 * before. GS_ERROR_MEMORY. */
GS_MUST_CHECK gs_status gs_rungs_add(gs_rungs *rungs, int64_t rung, int64_t run, double value, gs_error *error);

/* Whether a run that was added at this rung goes on. */
gs_decision gs_rungs_decide(const gs_rungs *rungs, int64_t rung, int64_t run);

/* The run has failed: nobody is compared with it any more. */
void gs_rungs_forget(gs_rungs *rungs, int64_t run);

#endif
