#include "farm/schedule.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* Runs of one kind, the longest first. */
typedef struct {
    int64_t next, end;           /* places in `order`: these were never handed out */
    double work, seconds;        /* of its runs of which it is known how long they took */
    double total, before, ended; /* work of all its runs; what was done before this launch; of those that have ended */
} queue;

struct gs_schedule {
    int64_t runs;
    int64_t *order; /* all runs, kind by kind */
    float *work;    /* of each run; NULL: it is not known */
    uint8_t *kinds;
    queue queues[GS_KINDS];
    int queue_count;
    int64_t *returned; /* runs of lost ranks, the last lost on top */
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
        made->order = malloc(((size_t)runs + 1) * sizeof *made->order);
    }
    if (made == NULL || made->order == NULL || made->run_of == NULL || made->returned == NULL ||
        made->settled == NULL) {
        gs_schedule_destroy(&made);
        return gs_fail(error, GS_ERROR_MEMORY, "out of memory: a schedule for %d ranks", ranks);
    }
    made->runs = runs;
    made->ranks = ranks;
    for (int64_t run = 0; run < runs; run++) made->order[run] = run;
    made->queues[made->queue_count++] = (queue){.next = 0, .end = runs, .total = (double)runs};
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
    free((*schedule)->order);
    free((*schedule)->work);
    free((*schedule)->kinds);
    free(*schedule);
    *schedule = NULL;
}

typedef struct {
    int64_t run;
    float work;
    uint8_t kind;
} entry;

static int by_kind_and_work(const void *left, const void *right)
{
    const entry *a = left, *b = right;
    if (a->kind != b->kind) return a->kind < b->kind ? -1 : 1;
    if (a->work != b->work) return a->work > b->work ? -1 : 1;
    return a->run < b->run ? -1 : a->run > b->run;
}

static void fill_queues(gs_schedule *schedule, const entry *entries)
{
    memset(schedule->queues, 0, sizeof schedule->queues);
    schedule->queue_count = GS_KINDS;
    for (int64_t place = 0; place < schedule->runs; place++) {
        queue *its = &schedule->queues[entries[place].kind];
        if (its->end == 0) its->next = place;
        its->end = place + 1;
        its->total += (double)entries[place].work;
        schedule->order[place] = entries[place].run;
    }
}

gs_status gs_schedule_sort(gs_schedule *schedule, const float *work, const uint8_t *kinds, gs_error *error)
{
    size_t runs = (size_t)schedule->runs;
    entry *entries = malloc((runs + 1) * sizeof *entries);
    schedule->work = malloc((runs + 1) * sizeof *work);
    schedule->kinds = malloc(runs + 1);
    if (entries == NULL || schedule->work == NULL || schedule->kinds == NULL) {
        free(entries);
        return gs_fail(error, GS_ERROR_MEMORY, "out of memory: the order of %zu runs", runs);
    }
    memcpy(schedule->work, work, runs * sizeof *work);
    memcpy(schedule->kinds, kinds, runs);
    for (size_t run = 0; run < runs; run++)
        entries[run] = (entry){.run = (int64_t)run, .work = work[run], .kind = kinds[run]};
    qsort(entries, runs, sizeof *entries, by_kind_and_work);
    fill_queues(schedule, entries);
    free(entries);
    return GS_OK;
}

static int kind_of(const gs_schedule *schedule, int64_t run)
{
    return schedule->kinds == NULL ? 0 : schedule->kinds[run];
}

static double work_of(const gs_schedule *schedule, int64_t run)
{
    return schedule->work == NULL ? 1 : (double)schedule->work[run];
}

void gs_schedule_learn(gs_schedule *schedule, int64_t run, double seconds)
{
    if (schedule->work == NULL || !(seconds > 0)) return;
    queue *its = &schedule->queues[kind_of(schedule, run)];
    its->work += (double)schedule->work[run];
    its->seconds += seconds;
}

void gs_schedule_settle(gs_schedule *schedule, int64_t run, bool failed)
{
    assert(run >= 0 && run < schedule->runs && !schedule->settled[run]);
    schedule->settled[run] = true;
    queue *its = &schedule->queues[kind_of(schedule, run)];
    its->before += work_of(schedule, run);
    its->ended += work_of(schedule, run);
    if (failed) schedule->failed++;
    else schedule->done++;
}

void gs_schedule_take_up(gs_schedule *schedule, int64_t run, double share)
{
    schedule->queues[kind_of(schedule, run)].before += share * work_of(schedule, run);
}

/* Seconds of a unit of work; of a kind of which nothing is known what all others took. */
static double pace(const gs_schedule *schedule, const queue *its)
{
    double work = its->work, seconds = its->seconds;
    for (int k = 0; k < schedule->queue_count && !(its->work > 0); k++) {
        work += schedule->queues[k].work;
        seconds += schedule->queues[k].seconds;
    }
    return work > 0 ? seconds / work : 1;
}

/* The longest run that waits, taken off its queue. */
static int64_t take_longest(gs_schedule *schedule)
{
    queue *best = NULL;
    double longest = -1;
    for (int k = 0; k < schedule->queue_count; k++) {
        queue *its = &schedule->queues[k];
        while (its->next < its->end && schedule->settled[schedule->order[its->next]]) its->next++;
        if (its->next == its->end) continue;
        double length = work_of(schedule, schedule->order[its->next]) * pace(schedule, its);
        if (length <= longest) continue;
        longest = length;
        best = its;
    }
    return best == NULL ? GS_NO_RUN : schedule->order[best->next++];
}

int64_t gs_schedule_assign(gs_schedule *schedule, int rank)
{
    assert(rank >= 0 && rank < schedule->ranks && schedule->run_of[rank] == GS_NO_RUN);
    int64_t run =
        schedule->returned_count > 0 ? schedule->returned[--schedule->returned_count] : take_longest(schedule);
    if (run != GS_NO_RUN) schedule->running++;
    schedule->run_of[rank] = run;
    return run;
}

void gs_schedule_end(gs_schedule *schedule, int rank, bool failed)
{
    int64_t run = schedule->run_of[rank];
    assert(run != GS_NO_RUN);
    schedule->queues[kind_of(schedule, run)].ended += work_of(schedule, run);
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

gs_schedule_work gs_schedule_progress(const gs_schedule *schedule,
                                      double (*share_of_rank)(const void *context, int rank), const void *context)
{
    gs_schedule_work work = {0};
    for (int k = 0; k < schedule->queue_count; k++) {
        const queue *its = &schedule->queues[k];
        double unit = pace(schedule, its);
        work.total += its->total * unit;
        work.before += its->before * unit;
        work.done += its->ended * unit;
        work.in_seconds = work.in_seconds || its->work > 0;
    }
    for (int rank = 0; rank < schedule->ranks; rank++) {
        int64_t run = schedule->run_of[rank];
        if (run == GS_NO_RUN) continue;
        const queue *its = &schedule->queues[kind_of(schedule, run)];
        double length = work_of(schedule, run) * pace(schedule, its), share = share_of_rank(context, rank);
        work.done += share * length;
        if ((1 - share) * length > work.longest) work.longest = (1 - share) * length;
    }
    return work;
}

bool gs_schedule_complete(const gs_schedule *schedule)
{
    return schedule->done + schedule->failed == schedule->runs;
}
