#include <stdlib.h>
#include <string.h>

#include "farm/farm.h"
#include "farm/messages.h"
#include "farm/workbench.h"
#include "ground/clock.h"

static const double nap = 0.001;   /* between two looks for a message when there is nothing to do */
static const double slice = 0.02;  /* rank 0 trains so long, at most a step longer, before it looks for messages */
static const double tick = 0.2;    /* between two calls of the observer */
static const double tell = 5;      /* between two notes in the file of how far the running runs are */

typedef struct {
    const gs_world *world;
    const gs_common *common;
    const gs_plan *plan;
    gs_store *store;
    const gs_observer *observer;

    gs_schedule *schedule;
    bool *waiting;       /* ranks with an unanswered request */
    int64_t *steps_done; /* of each rank's current run, as last told */
    double steps_ended;  /* of all runs that have ended */
    double next_tick, next_note;
    gs_workbench own;   /* rank 0's own run */
    gs_parcel incoming; /* memory for results that arrive */
} manager;

static double steps_of(const manager *m, int64_t run)
{
    gs_job job = gs_plan_job(m->plan, (size_t)run);
    return (double)gs_settings_integer(&job.settings, GS_SETTING_STEPS);
}

static void observe(manager *m, bool now)
{
    double time = gs_clock();
    if (!now && time < m->next_tick) return;
    m->next_tick = time + tick;
    gs_farm_view view = {.counts = gs_schedule_count(m->schedule), .steps_done = m->steps_ended};
    for (int rank = 0; rank < m->world->size; rank++)
        if (gs_schedule_run_of(m->schedule, rank) != GS_NO_RUN) view.steps_done += (double)m->steps_done[rank];
    for (size_t v = 0; v < m->plan->variant_count; v++)
        view.steps_total += steps_of(m, (int64_t)(v * m->plan->seed_count)) * (double)m->plan->seed_count;
    m->observer->tick(m->observer->context, &view);
}

/* Readers of the file see how far the running runs are. */
static gs_status note_progress(manager *m, gs_error *error)
{
    if (gs_clock() < m->next_note) return GS_OK;
    m->next_note = gs_clock() + tell;
    gs_status status = GS_OK;
    for (int rank = 0; rank < m->world->size && status == GS_OK; rank++) {
        int64_t run = gs_schedule_run_of(m->schedule, rank);
        if (run != GS_NO_RUN) status = gs_store_progress(m->store, run, m->steps_done[rank], error);
    }
    return status == GS_OK ? gs_store_flush(m->store, error) : status;
}

/* Runs that an earlier launch has ended are not handed out. */
static void settle(manager *m)
{
    for (int64_t run = 0; run < (int64_t)m->plan->run_count; run++) {
        gs_run_status status = gs_store_status(m->store, run);
        if (status != GS_RUN_DONE && status != GS_RUN_FAILED) continue;
        gs_schedule_settle(m->schedule, run, status == GS_RUN_FAILED);
        m->steps_ended += steps_of(m, run);
    }
}

/* Stores the run that a rank has ended. */
static gs_status collect(manager *m, int rank, const gs_parcel *parcel, gs_error *error)
{
    gs_row row;
    gs_status status = gs_parcel_row(parcel, &row, error);
    if (status == GS_OK && row.run != gs_schedule_run_of(m->schedule, rank))
        status = gs_fail(error, GS_ERROR_INTERNAL, "rank %d sent run %lld, which is not its own", rank, (long long)row.run);
    if (status == GS_OK) status = gs_store_commit(m->store, parcel, error);
    if (status != GS_OK) return status;
    gs_schedule_end(m->schedule, rank, row.failed != 0);
    m->steps_ended += steps_of(m, row.run);
    m->steps_done[rank] = 0;
    m->observer->finished(m->observer->context, &row);
    return GS_OK;
}

/* The next run for a rank, recorded as running; false if none is waiting. */
static gs_status assign(manager *m, int rank, gs_job *job, bool *found, gs_error *error)
{
    int64_t run = gs_schedule_assign(m->schedule, rank);
    *found = run != GS_NO_RUN;
    if (!*found) return GS_OK;
    *job = gs_plan_job(m->plan, (size_t)run);
    m->steps_done[rank] = 0;
    return gs_store_start(m->store, run, rank, error);
}

static gs_status answer(manager *m, int rank, gs_error *error)
{
    gs_job job;
    bool found;
    gs_status status = assign(m, rank, &job, &found, error);
    m->waiting[rank] = !found;
    if (status == GS_OK && found) gs_world_send(m->world, rank, GS_TAG_JOB, &job, sizeof job);
    return status;
}

static gs_status receive_result(manager *m, int from, size_t size, gs_error *error)
{
    if (m->incoming.room < size) {
        unsigned char *bytes = realloc(m->incoming.bytes, size);
        if (bytes == NULL) return gs_fail(error, GS_ERROR_MEMORY, "out of memory: a result of %zu bytes from rank %d", size, from);
        m->incoming.bytes = bytes;
        m->incoming.room = size;
    }
    m->incoming.size = size;
    gs_world_receive(m->world, from, GS_TAG_RESULT, m->incoming.bytes, size);
    return collect(m, from, &m->incoming, error);
}

/* Deals with every message that has come; *busy tells whether there was one. */
static gs_status serve(manager *m, bool *busy, gs_error *error)
{
    int from, tag;
    size_t size;
    gs_status status = GS_OK;
    while (status == GS_OK && gs_world_probe(m->world, &from, &tag, &size)) {
        *busy = true;
        if (tag == GS_TAG_PROGRESS) {
            gs_world_receive(m->world, from, tag, &m->steps_done[from], sizeof m->steps_done[from]);
            continue;
        }
        if (tag == GS_TAG_RESULT) status = receive_result(m, from, size, error);
        else gs_world_receive(m->world, from, tag, NULL, 0);
        if (status == GS_OK) status = answer(m, from, error);
    }
    return status;
}

/* A slice of rank 0's own run. */
static gs_status work(manager *m, bool *busy, gs_error *error)
{
    gs_status status = GS_OK;
    bool ended = false, found = true;
    if (m->own.trainer == NULL) {
        gs_job job;
        status = assign(m, 0, &job, &found, error);
        if (status != GS_OK || !found) return status;
        status = gs_workbench_begin(&m->own, m->common, &job, 0, &ended, error);
    } else {
        status = gs_workbench_work(&m->own, m->common, 0, slice, &ended, error);
        m->steps_done[0] = gs_workbench_steps(&m->own);
    }
    *busy = true;
    return status == GS_OK && ended ? collect(m, 0, &m->own.parcel, error) : status;
}

gs_status gs_farm_manage(const gs_world *world, const gs_common *common, const gs_plan *plan, gs_store *store,
                         const gs_observer *observer, gs_error *error)
{
    manager m = {.world = world, .common = common, .plan = plan, .store = store, .observer = observer};
    m.waiting = calloc((size_t)world->size, sizeof *m.waiting);
    m.steps_done = calloc((size_t)world->size, sizeof *m.steps_done);
    gs_status status = GS_OK;
    if (m.waiting == NULL || m.steps_done == NULL) status = gs_fail(error, GS_ERROR_MEMORY, "out of memory: %d ranks", world->size);
    if (status == GS_OK) status = gs_schedule_create(&m.schedule, (int64_t)plan->run_count, world->size, error);
    if (status == GS_OK) settle(&m);
    m.next_note = gs_clock() + tell;
    while (status == GS_OK && !gs_schedule_complete(m.schedule)) {
        bool busy = false;
        status = serve(&m, &busy, error);
        if (status == GS_OK && world->size <= GS_TRAINING_MANAGER) status = work(&m, &busy, error);
        if (status == GS_OK) observe(&m, gs_schedule_complete(m.schedule));
        if (status == GS_OK) status = note_progress(&m, error);
        if (!busy) gs_sleep(nap);
    }
    for (int stopped = 1; status == GS_OK && stopped < world->size; stopped++) {
        /* A worker may be so slow to start that its first request is still on its way. */
        while (status == GS_OK && !m.waiting[stopped]) {
            bool busy = false;
            status = serve(&m, &busy, error);
            if (!busy) gs_sleep(nap);
        }
        if (status == GS_OK) gs_world_send(world, stopped, GS_TAG_STOP, NULL, 0);
    }
    gs_workbench_free(&m.own);
    gs_parcel_free(&m.incoming);
    gs_schedule_destroy(&m.schedule);
    free(m.waiting);
    free(m.steps_done);
    return status;
}
