/* Early stopping of the runs of an agenda: what becomes of a run at a rung, by those that were there before. */
#ifndef GS_FARM_REFEREE_H
#define GS_FARM_REFEREE_H

#include "farm/farm.h"

typedef struct {
    const gs_agenda *agenda;
    const gs_digits *digits;
    gs_rungs *rungs; /* NULL: no early stopping, or the agenda knows what was decided */
} gs_referee;

/* Where there is early stopping and something is to do, takes in the runs that an earlier launch has ended.
 * GS_ERROR_MEMORY, GS_ERROR_STORAGE. */
GS_MUST_CHECK gs_status gs_referee_begin(gs_referee *referee, const gs_agenda *agenda, const gs_digits *digits,
                                         bool to_do, gs_error *error);
void gs_referee_end(gs_referee *referee);

/* A run is, or was, at a rung. GS_ERROR_INTERNAL if there is none. */
GS_MUST_CHECK gs_status gs_referee_learn(gs_referee *referee, const gs_at_rung *at, gs_error *error);

/* Whether it goes on; it must have been learned. */
gs_decision gs_referee_decide(const gs_referee *referee, const gs_at_rung *at);

/* A run has failed: it takes no part any more. */
void gs_referee_forget(gs_referee *referee, int64_t run);

#endif
