/* Which ranks are there: a state machine without MPI or clock. Times are seconds of one clock.
 *
 * A rank is present until it leaves as agreed, or is lost: its process is seen to be gone, or it has not been heard for
 * GS_SILENCE although it has a run, of which a rank that lives tells about once a second (farm.h), or has to leave. A
 * lost rank may turn out to be only slow. */
#ifndef GS_FARM_PRESENCE_H
#define GS_FARM_PRESENCE_H

#include <stdbool.h>

#include "ground/status.h"

enum { GS_SILENCE = 300 };

typedef struct gs_presence gs_presence;

/* All ranks are there; rank 0 is not counted and never lost. */
GS_MUST_CHECK gs_status gs_presence_create(gs_presence **presence, int ranks, gs_error *error);
void gs_presence_destroy(gs_presence **presence);

/* The rank was given a run, or told to leave; has asked for a run, and there is none; was heard of. */
void gs_presence_busy(gs_presence *presence, int rank, double now);
void gs_presence_wait(gs_presence *presence, int rank);
void gs_presence_heard(gs_presence *presence, int rank, double now);

/* It is present, and waits for a run; has one, or has to leave, and is silent for too long. */
bool gs_presence_waits(const gs_presence *presence, int rank);
bool gs_presence_silent(const gs_presence *presence, int rank, double now);

void gs_presence_leave(gs_presence *presence, int rank);
void gs_presence_lose(gs_presence *presence, int rank);

bool gs_presence_has(const gs_presence *presence, int rank);
bool gs_presence_lost(const gs_presence *presence, int rank);

int gs_presence_count(const gs_presence *presence);
int gs_presence_count_lost(const gs_presence *presence);

#endif
