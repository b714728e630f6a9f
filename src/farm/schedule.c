#include "farm/schedule.h"

#include <assert.h>
#include <stdlib.h>

struct gs_schedule {
    int64_t runs, next; /* runs from `next` on were never handed out */
    int64_t *returned;  /* runs of lost ranks, the last lost on top */
    int64_t returned_count;
    bool *settled;   /* runs that ended before this launch */
    int64_t *run_of; /* of each rank */
    int ranks;
    int64_t running, done, failed;
};

gs_status gs_schedule_create(gs_schedule **schedule, int64_t runs, int ranks, gs_error *error)
{
    gs_schedule *made = calloc(1, sizeof *made);
    if (made != NULL) {
        made->run_of = malloc((size_t)ranks * sizeof *made->run_of);
        made->returned = malloc((size_t)ranks * sizeof *made->returned);
        made->settled = calloc((size_t)runs + 1, sizeof *made->settled);
    }
    if (made == NULL || made->run_of == NULL || made->returned == NULL || made->settled == NULL) {
        gs_schedule_destroy(&made);
        return gs_fail(error, GS_ERROR_MEMORY, "out of memory: a schedule for %d ranks", ranks);
    }
    made->runs = runs;
    made->ranks = ranks;
    for (int rank = 0; rank < ranks; rank++) made->run_of[rank] = GS_NO_RUN;
    *schedule = made;
    return GS_OK;
}

void gs_schedule_destroy(gs_schedule **schedule)
{
    if (schedule == NULL || *schedule == NULL) return;
    free((*schedule)->run_of);
    free((*schedule)->returned);
    free((*schedule)->settled);
    free(*schedule);
    *schedule = NULL;
}

void gs_schedule_settle(gs_schedule *schedule, int64_t run, bool failed)
{
    assert(run >= 0 && run < schedule->runs && schedule->next == 0 && !schedule->settled[run]);
    schedule->settled[run] = true;
    if (failed) schedule->failed++;
    else schedule->done++;
}

int64_t gs_schedule_assign(gs_schedule *schedule, int rank)
{
    assert(rank >= 0 && rank < schedule->ranks && schedule->run_of[rank] == GS_NO_RUN);
    int64_t run = GS_NO_RUN;
    while (schedule->next < schedule->runs && schedule->settled[schedule->next]) schedule->next++;
    if (schedule->returned_count > 0) run = schedule->returned[--schedule->returned_count];
    else if (schedule->next < schedule->runs) run = schedule->next++;
    if (run != GS_NO_RUN) schedule->running++;
    schedule->run_of[rank] = run;
    return run;
}

void gs_schedule_end(gs_schedule *schedule, int rank, bool failed)
{
    assert(schedule->run_of[rank] != GS_NO_RUN);
    schedule->run_of[rank] = GS_NO_RUN;
    schedule->running--;
    if (failed) schedule->failed++;
    else schedule->done++;
}

void gs_schedule_lose(gs_schedule *schedule, int rank)
{
    if (schedule->run_of[rank] == GS_NO_RUN) return;
    schedule->returned[schedule->returned_count++] = schedule->run_of[rank]; /* at most one for each rank */
    schedule->run_of[rank] = GS_NO_RUN;
    schedule->running--;
}

int64_t gs_schedule_run_of(const gs_schedule *schedule, int rank)
{
    return schedule->run_of[rank];
}

gs_schedule_counts gs_schedule_count(const gs_schedule *schedule)
{
    return (gs_schedule_counts){
        .waiting = schedule->runs - schedule->running - schedule->done - schedule->failed,
        .running = schedule->running,
        .done = schedule->done,
        .failed = schedule->failed,
    };
}

bool gs_schedule_complete(const gs_schedule *schedule)
{
    return schedule->done + schedule->failed == schedule->runs;
}
