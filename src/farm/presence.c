#include "farm/presence.h"

#include <stdlib.h>

typedef enum { PRESENT, LEFT, LOST } place;
typedef enum { COMING, WAITING, BUSY } activity;

typedef struct {
    place place;
    activity activity;
    double heard;
} rank_state;

struct gs_presence {
    int size, count, lost;
    rank_state ranks[];
};

gs_status gs_presence_create(gs_presence **presence, int ranks, gs_error *error)
{
    *presence = calloc(1, sizeof **presence + (size_t)ranks * sizeof(rank_state));
    if (*presence == NULL) return gs_fail(error, GS_ERROR_MEMORY, "out of memory: %d ranks", ranks);
    (*presence)->size = ranks;
    (*presence)->count = ranks - 1;
    return GS_OK;
}

void gs_presence_destroy(gs_presence **presence)
{
    free(*presence);
    *presence = NULL;
}

void gs_presence_busy(gs_presence *presence, int rank, double now)
{
    presence->ranks[rank].activity = BUSY;
    presence->ranks[rank].heard = now;
}

void gs_presence_wait(gs_presence *presence, int rank)
{
    presence->ranks[rank].activity = WAITING;
}

void gs_presence_heard(gs_presence *presence, int rank, double now)
{
    presence->ranks[rank].heard = now;
}

bool gs_presence_waits(const gs_presence *presence, int rank)
{
    return gs_presence_has(presence, rank) && presence->ranks[rank].activity == WAITING;
}

bool gs_presence_silent(const gs_presence *presence, int rank, double now)
{
    const rank_state *it = &presence->ranks[rank];
    return rank != 0 && it->place == PRESENT && it->activity == BUSY && now - it->heard > GS_SILENCE;
}

static void go(gs_presence *presence, int rank, place to)
{
    rank_state *it = &presence->ranks[rank];
    presence->count -= it->place == PRESENT;
    presence->lost += (to == LOST) - (it->place == LOST);
    it->place = to;
}

void gs_presence_leave(gs_presence *presence, int rank)
{
    if (!gs_presence_lost(presence, rank)) go(presence, rank, LEFT);
}

void gs_presence_lose(gs_presence *presence, int rank)
{
    go(presence, rank, LOST);
}

bool gs_presence_has(const gs_presence *presence, int rank)
{
    return presence->ranks[rank].place == PRESENT;
}

bool gs_presence_lost(const gs_presence *presence, int rank)
{
    return presence->ranks[rank].place == LOST;
}

int gs_presence_count(const gs_presence *presence)
{
    return presence->count;
}

int gs_presence_count_lost(const gs_presence *presence)
{
    return presence->lost;
}
