#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "farm/drain.h"
#include "farm/farm.h"
#include "farm/messages.h"
#include "farm/order.h"
#include "farm/presence.h"
#include "farm/referee.h"
#include "farm/workbench.h"
#include "ground/clock.h"

/* Seconds. */
static const double slice = 0.02;   /* rank 0 trains so long, at most a step longer, before it looks for messages */
static const double tick = 0.2;     /* between two calls of the observer */
static const double tell_every = 5; /* between two notes in the file of how far the running runs are */
static const double settle_after = 0.02; /* a run that has ended waits at most so long for others to be stored with */
static const double flush_every = 0.05;  /* between two flushes for readers' sake */
static const double look_every = 1;      /* between two looks whether the workers are there */

typedef struct {
    const gs_world *world;
    const gs_common *common;
    const gs_agenda *agenda;
    const gs_observer *observer;

    gs_schedule *schedule;
    gs_referee referee;
    gs_presence *presence;
    gs_effort *efforts;     /* of each rank, when it has left */
    gs_standing *standings; /* of each rank's current run, as last told */
    double steps;           /* of runs that have ended in this launch, less those of earlier launches */

    bool *told;    /* ranks that STOP has been sent to */
    bool stopping; /* it has been sent to all that are there */
    bool draining;
    double drain_end; /* gs_clock() until which a drain waits for the workers */
    bool unkept;      /* the user has been told so */

    gs_row *taken; /* rows of runs whose results are taken and not settled yet */
    int taken_count;
    bool unflushed; /* runs were handed out that readers do not see yet */
    double settle_by, next_flush, next_tick, next_note, next_look;
    gs_patience patience; /* with the next message */

    gs_workbench own;   /* rank 0's own run */
    gs_parcel incoming; /* memory for results that arrive */
} manager;

static gs_job job_of(const manager *m, int64_t run)
{
    return m->agenda->job(m->agenda->context, run);
}

static double steps_of(const manager *m, int64_t run)
{
    gs_job job = job_of(m, run);
    return (double)gs_settings_integer(&job.settings, GS_SETTING_STEPS);
}

/* A rank tells how far its run is, or rank 0 looks at its own. */
static void hear(manager *m, int rank, const gs_standing *standing)
{
    int64_t run = gs_schedule_run_of(m->schedule, rank);
    bool first = !(m->standings[rank].seconds > 0);
    if (run == GS_NO_RUN) return;
    m->standings[rank] = *standing;
    if (!first || !(standing->share_before > 0)) return;
    gs_schedule_take_up(m->schedule, run, standing->share_before);
    m->steps -= (double)standing->steps_before;
}

static double share_of_rank(const void *context, int rank)
{
    return ((const manager *)context)->standings[rank].share;
}

static void observe(manager *m, bool now)
{
    double time = gs_clock();
    if (!now && time < m->next_tick) return;
    m->next_tick = time + tick;
    gs_farm_view view = {.counts = gs_schedule_count(m->schedule),
                         .work = gs_schedule_progress(m->schedule, share_of_rank, m),
                         .steps = m->steps};
    for (int rank = 0; rank < m->world->size; rank++)
        if (gs_schedule_run_of(m->schedule, rank) != GS_NO_RUN) view.steps += (double)m->standings[rank].steps_done;
    m->observer->tick(m->observer->context, &view);
}

/* Readers of the file see how far the running runs are. */
static gs_status note_progress(manager *m, gs_error *error)
{
    if (gs_clock() < m->next_note) return GS_OK;
    m->next_note = gs_clock() + tell_every;
    gs_status status = GS_OK;
    for (int rank = 0; rank < m->world->size && status == GS_OK; rank++) {
        int64_t run = gs_schedule_run_of(m->schedule, rank);
        if (run != GS_NO_RUN) status = m->agenda->progress(m->agenda->context, run, &m->standings[rank], error);
    }
    return status == GS_OK ? m->agenda->flush(m->agenda->context, error) : status;
}

/* The state of a run that has ended is of no use any more. */
static void forget_state(const manager *m, int64_t run)
{
    if (m->common->folder[0] == '\0') return;
    gs_job job = job_of(m, run);
    char id[GS_ID];
    gs_run_id(&job.settings, job.seed, &m->common->digits, id);
    gs_midrun_remove(m->common->folder, id);
}

/* Runs that an earlier launch has ended are not handed out. It may have been killed before it could forget the state of
 * the last one. */
static void leave_out_ended(manager *m)
{
    bool states = gs_midrun_there(m->common->folder);
    for (int64_t run = 0; run < m->agenda->runs; run++) {
        gs_run_status status = m->agenda->status(m->agenda->context, run);
        if (status != GS_RUN_DONE && status != GS_RUN_FAILED) continue;
        gs_schedule_settle(m->schedule, run, status == GS_RUN_FAILED);
        if (states) forget_state(m, run);
    }
}

/* ---- early stopping ---------------------------------------------------------------------------------------------- */

/* The run of this rank is, or was, at a rung. */
static gs_status learn(manager *m, int rank, const gs_at_rung *at, gs_error *error)
{
    if (at->run != gs_schedule_run_of(m->schedule, rank))
        return gs_fail(error, GS_ERROR_INTERNAL, "rank %d tells of run %lld at rung %lld", rank, (long long)at->run,
                       (long long)at->rung);
    return gs_referee_learn(&m->referee, at, error);
}

static gs_status judge(manager *m, int rank, const gs_at_rung *at, gs_decision *decision, gs_error *error)
{
    gs_status status = learn(m, rank, at, error);
    if (status == GS_OK) *decision = gs_referee_decide(&m->referee, at);
    return status;
}

/* ---- runs -------------------------------------------------------------------------------------------------------- */

/* From here on the runs that were taken are done for good. */
static gs_status settle_taken(manager *m, gs_error *error)
{
    gs_status status = m->agenda->settle(m->agenda->context, error);
    for (int i = 0; i < m->taken_count && status == GS_OK; i++) {
        forget_state(m, m->taken[i].run);
        m->observer->finished(m->observer->context, &m->taken[i]);
    }
    m->taken_count = 0;
    m->next_flush = gs_clock() + flush_every;
    return status;
}

/* What is taken waits a moment for more, which can only come from other ranks; what is handed out is seen soon. */
static gs_status settle_in_time(manager *m, bool now, gs_error *error)
{
    double time = m->world->size == 1 ? (double)INFINITY : gs_clock();
    if (m->taken_count > 0 && (now || time >= m->settle_by)) return settle_taken(m, error);
    if (!m->unflushed || time < m->next_flush) return GS_OK;
    m->unflushed = false;
    m->next_flush = gs_clock() + flush_every;
    return m->agenda->flush(m->agenda->context, error);
}

/* Takes the results of the run that a rank has ended. */
static gs_status collect(manager *m, int rank, const gs_parcel *parcel, gs_error *error)
{
    gs_row *row = &m->taken[m->taken_count];
    gs_status status = gs_parcel_row(parcel, row, error);
    if (status == GS_OK && row->run != gs_schedule_run_of(m->schedule, rank))
        status =
            gs_fail(error, GS_ERROR_INTERNAL, "rank %d sent run %lld, which is not its own", rank, (long long)row->run);
    if (status == GS_OK) status = m->agenda->take(m->agenda->context, parcel, error);
    if (status != GS_OK) return status;
    if (m->taken_count++ == 0) m->settle_by = gs_clock() + settle_after;
    if (row->failed != 0) gs_referee_forget(&m->referee, row->run);
    if (row->failed == 0 && row->steps_done == (int64_t)steps_of(m, row->run))
        gs_schedule_learn(m->schedule, row->run, row->seconds);
    gs_schedule_end(m->schedule, rank, row->failed != 0);
    m->steps += (double)row->steps_done;
    m->standings[rank] = (gs_standing){.steps_done = 0};
    return m->taken_count == GS_GROUP ? settle_taken(m, error) : GS_OK;
}

static void tell(manager *m, gs_note *note)
{
    bool known = note->unkept && m->unkept;
    if (note->text[0] == '\0') return;
    if (!known) m->observer->note(m->observer->context, note->text);
    m->unkept |= note->unkept;
    note->text[0] = '\0';
}

/* The run of a rank that leaves it waits again. */
static gs_status release(manager *m, int rank, gs_error *error)
{
    int64_t run = gs_schedule_run_of(m->schedule, rank);
    if (run == GS_NO_RUN) return GS_OK;
    gs_schedule_lose(m->schedule, rank);
    m->standings[rank] = (gs_standing){.steps_done = 0};
    return m->agenda->release(m->agenda->context, run, error);
}

static void stop(manager *m, int rank)
{
    if (!m->told[rank]) gs_world_send(m->world, rank, GS_TAG_STOP, NULL, 0);
    m->told[rank] = true;
}

static void stop_all(manager *m)
{
    for (int rank = 1; rank < m->world->size && !m->stopping; rank++)
        if (!gs_presence_lost(m->presence, rank)) stop(m, rank);
    m->stopping = true;
}

/* Nothing is handed out any more; every rank keeps its run's state and leaves. */
static gs_status drain(manager *m, const char *reason, gs_error *error)
{
    gs_note why = {.unkept = false};
    snprintf(why.text, sizeof why.text, "draining: %s", reason);
    tell(m, &why);
    m->draining = true;
    m->drain_end = gs_clock() + gs_drain_grace();
    stop_all(m);
    gs_workbench_leave(&m->own, m->common);
    tell(m, &m->own.note);
    return release(m, 0, error);
}

/* The next run for a rank, recorded as running; false if none is waiting. */
static gs_status assign(manager *m, int rank, gs_job *job, bool *found, gs_error *error)
{
    int64_t run = gs_schedule_assign(m->schedule, rank);
    *found = run != GS_NO_RUN;
    if (!*found) return GS_OK;
    *job = job_of(m, run);
    m->standings[rank] = (gs_standing){.steps_done = 0};
    m->unflushed = true;
    return m->agenda->start(m->agenda->context, run, rank, error);
}

static gs_status answer(manager *m, int rank, gs_error *error)
{
    gs_job job;
    bool found;
    if (m->stopping) return GS_OK;
    gs_status status = assign(m, rank, &job, &found, error);
    if (status == GS_OK && !found) gs_presence_wait(m->presence, rank);
    if (status != GS_OK || !found) return status;
    gs_presence_busy(m->presence, rank, gs_clock());
    gs_world_send(m->world, rank, GS_TAG_JOB, &job, sizeof job);
    return GS_OK;
}

/* ---- lost ranks -------------------------------------------------------------------------------------------------- */

/* The run of a rank that is lost waits again, unless it has cost too many ranks. */
static gs_status interrupt(manager *m, int rank, gs_error *error)
{
    int64_t run = gs_schedule_run_of(m->schedule, rank);
    char reason[GS_REASON];
    gs_status status = m->agenda->interrupt(m->agenda->context, run, reason, error);
    if (status != GS_OK) return status;
    if (reason[0] == '\0') {
        gs_schedule_lose(m->schedule, rank);
        m->standings[rank] = (gs_standing){.steps_done = 0};
        return GS_OK;
    }
    gs_parcel failure = {.bytes = NULL};
    gs_job job = job_of(m, run);
    status = gs_parcel_pack_failure(&failure, &job, reason, rank, error);
    if (status == GS_OK) status = collect(m, rank, &failure, error);
    gs_parcel_free(&failure);
    return status;
}

static gs_status lose(manager *m, int rank, const char *why, gs_error *error)
{
    gs_note note = {.unkept = false};
    int64_t run = gs_schedule_run_of(m->schedule, rank);
    int used =
        snprintf(note.text, sizeof note.text, "rank %d on %s is lost: %s", rank, gs_world_host(m->world, rank), why);
    if (run != GS_NO_RUN && used < GS_NOTE)
        snprintf(note.text + used, sizeof note.text - (size_t)used, "; its run %lld goes to another rank",
                 (long long)run);
    tell(m, &note);
    gs_presence_lose(m->presence, rank);
    return run == GS_NO_RUN ? GS_OK : interrupt(m, rank, error);
}

/* What lost ranks had goes to those for which nothing was left when they asked. */
static gs_status hand_out_again(manager *m, gs_error *error)
{
    gs_status status = GS_OK;
    for (int rank = 1; rank < m->world->size && status == GS_OK && gs_schedule_count(m->schedule).waiting > 0; rank++)
        if (gs_presence_waits(m->presence, rank)) status = answer(m, rank, error);
    return status;
}

/* Where the launcher ends all ranks when one is killed, it will do that now, too. */
static gs_status look_around(manager *m, gs_error *error)
{
    double now = gs_clock();
    gs_status status = GS_OK;
    if (now < m->next_look) return GS_OK;
    m->next_look = now + look_every;
    for (int rank = 1; rank < m->world->size && status == GS_OK; rank++) {
        if (!gs_presence_has(m->presence, rank)) continue;
        if (!gs_world_alive(m->world, rank)) status = lose(m, rank, "its process has ended", error);
        else if (gs_presence_silent(m->presence, rank, now))
            status = lose(m, rank, "it has not been heard for 5 minutes", error);
    }
    return status == GS_OK ? hand_out_again(m, error) : status;
}

/* A rank that was believed lost has only been slow: its run is another's by now. It may leave. */
static gs_status turn_away(manager *m, int from, int tag, size_t size, gs_error *error)
{
    unsigned char *bytes = size > 0 ? malloc(size) : NULL;
    if (size > 0 && bytes == NULL)
        return gs_fail(error, GS_ERROR_MEMORY, "out of memory: %zu bytes from rank %d", size, from);
    if (gs_world_receive(m->world, from, tag, bytes, size)) free(bytes);
    stop(m, from);
    return GS_OK;
}

/* ---- messages ---------------------------------------------------------------------------------------------------- */

static gs_status receive_result(manager *m, int from, size_t size, gs_error *error)
{
    if (m->incoming.room < size) {
        unsigned char *bytes = realloc(m->incoming.bytes, size);
        if (bytes == NULL)
            return gs_fail(error, GS_ERROR_MEMORY, "out of memory: a result of %zu bytes from rank %d", size, from);
        m->incoming.bytes = bytes;
        m->incoming.room = size;
    }
    m->incoming.size = size;
    if (!gs_world_receive(m->world, from, GS_TAG_RESULT, m->incoming.bytes, size)) {
        m->incoming = (gs_parcel){.bytes = NULL}; /* MPI's for good; that the rank is gone will be seen */
        return GS_OK;
    }
    gs_status status = collect(m, from, &m->incoming, error);
    return status == GS_OK ? answer(m, from, error) : status;
}

static gs_status receive_rung(manager *m, int from, int tag, gs_error *error)
{
    gs_at_rung at;
    gs_decision decision;
    gs_world_receive(m->world, from, tag, &at, sizeof at);
    if (m->stopping) return GS_OK; /* it is told STOP, and will tell again */
    if (tag == GS_TAG_PASSED) return learn(m, from, &at, error);
    gs_status status = judge(m, from, &at, &decision, error);
    if (status == GS_OK) gs_world_send(m->world, from, GS_TAG_DECISION, &decision, sizeof decision);
    return status;
}

static gs_status see_off(manager *m, int rank, gs_error *error)
{
    gs_world_receive(m->world, rank, GS_TAG_LEAVING, &m->efforts[rank], sizeof *m->efforts);
    gs_presence_leave(m->presence, rank);
    gs_status status = release(m, rank, error);
    if (status != GS_OK || m->stopping) return status;
    char reason[64];
    snprintf(reason, sizeof reason, "a signal to rank %d", rank);
    return drain(m, gs_drain_reason() != NULL ? gs_drain_reason() : reason, error);
}

static gs_status receive(manager *m, int from, int tag, size_t size, gs_error *error)
{
    gs_presence_heard(m->presence, from, gs_clock());
    if (gs_presence_lost(m->presence, from)) return turn_away(m, from, tag, size, error);
    if (tag == GS_TAG_RESULT) return receive_result(m, from, size, error);
    if (tag == GS_TAG_RUNG || tag == GS_TAG_PASSED) return receive_rung(m, from, tag, error);
    if (tag == GS_TAG_PROGRESS) {
        gs_standing standing;
        gs_world_receive(m->world, from, tag, &standing, sizeof standing);
        hear(m, from, &standing);
        return GS_OK;
    }
    if (tag == GS_TAG_NOTE) {
        gs_note note;
        gs_world_receive(m->world, from, tag, &note, sizeof note);
        tell(m, &note);
        return GS_OK;
    }
    if (tag == GS_TAG_LEAVING) return see_off(m, from, error);
    gs_world_receive(m->world, from, tag, NULL, 0);
    return answer(m, from, error);
}

/* Deals with every message that has come; *busy tells whether there was one. */
static gs_status serve(manager *m, bool *busy, gs_error *error)
{
    int from, tag;
    size_t size;
    gs_status status = GS_OK;
    while (status == GS_OK && gs_world_probe(m->world, &from, &tag, &size)) {
        *busy = true;
        status = receive(m, from, tag, size, error);
    }
    return status;
}

/* Rank 0 tells and asks for its own run without a message. */
static gs_status learn_own(manager *m, gs_error *error)
{
    gs_at_rung at = {.rung = 0};
    gs_status status = GS_OK;
    while (status == GS_OK && gs_workbench_passed(&m->own, &at)) status = learn(m, 0, &at, error);
    return status;
}

static gs_status judge_own(manager *m, gs_error *error)
{
    gs_at_rung at;
    gs_decision decision;
    if (!gs_workbench_asks(&m->own, &at)) return GS_OK;
    gs_status status = judge(m, 0, &at, &decision, error);
    if (status == GS_OK) gs_workbench_decide(&m->own, &decision);
    return status;
}

/* A slice of rank 0's own run. */
static gs_status work(manager *m, bool *busy, bool *ended, gs_error *error)
{
    gs_status status = GS_OK;
    bool found = true;
    if (m->own.trainer == NULL) {
        gs_job job;
        status = assign(m, 0, &job, &found, error);
        if (status != GS_OK || !found) return status;
        status = gs_workbench_begin(&m->own, m->common, &job, 0, ended, error);
        if (status == GS_OK) status = learn_own(m, error);
    } else {
        status = gs_workbench_work(&m->own, m->common, 0, slice, ended, error);
    }
    gs_standing standing = gs_workbench_standing(&m->own);
    hear(m, 0, &standing);
    tell(m, &m->own.note);
    *busy = true;
    m->efforts[0].runs += *ended;
    return status == GS_OK && !*ended ? judge_own(m, error) : status;
}

/* With many ranks it has enough to do, unless the others are gone. */
static bool trains(const manager *m)
{
    return !m->stopping && (m->world->size <= GS_TRAINING_MANAGER || gs_presence_count(m->presence) == 0);
}

/* Everything but training. */
static gs_status manage(manager *m, bool *busy, gs_error *error)
{
    gs_status status = GS_OK;
    if (!m->stopping && gs_drain_wanted()) status = drain(m, gs_drain_reason(), error);
    if (status == GS_OK) status = serve(m, busy, error);
    if (status == GS_OK && !m->stopping) status = look_around(m, error);
    bool complete = gs_schedule_complete(m->schedule);
    if (status == GS_OK) status = settle_in_time(m, complete || m->draining, error);
    if (status == GS_OK && !m->draining) observe(m, complete && !m->stopping);
    if (status == GS_OK && !m->draining) status = note_progress(m, error);
    if (complete) stop_all(m);
    return status;
}

/* A turn of the loop of rank 0. */
static gs_status turn(manager *m, gs_error *error)
{
    gs_effort *own = &m->efforts[0];
    bool managed = false, trained = false, ended = false;
    const double begun = gs_clock();
    gs_status status = manage(m, &managed, error);
    const double to_train = gs_clock();
    if (status == GS_OK && trains(m)) status = work(m, &trained, &ended, error);
    const double to_store = gs_clock();
    if (status == GS_OK && ended) status = collect(m, 0, &m->own.parcel, error);
    const double idle = gs_clock();
    if (managed || trained) m->patience.turns = 0;
    else gs_wait(&m->patience);
    if (managed || trained) own->managing += to_train - begun + idle - to_store;
    if (trained) own->training += to_store - to_train;
    own->present += gs_clock() - begun;
    return status;
}

/* What a worker that takes too long keeps or sends comes too late for this launch. */
static gs_status release_rest(manager *m, gs_error *error)
{
    gs_status status = GS_OK;
    for (int rank = 1; rank < m->world->size && status == GS_OK; rank++) status = release(m, rank, error);
    return status;
}

gs_status gs_farm_manage(const gs_world *world, const gs_common *common, const gs_agenda *agenda,
                         const gs_observer *observer, gs_farm_end *end, gs_error *error)
{
    manager m = {.world = world, .common = common, .agenda = agenda, .observer = observer};
    gs_status status = gs_presence_create(&m.presence, world->size, error);
    m.told = calloc((size_t)world->size, sizeof *m.told);
    m.taken = malloc(GS_GROUP * sizeof *m.taken);
    m.efforts = calloc((size_t)world->size, sizeof *m.efforts);
    m.standings = calloc((size_t)world->size, sizeof *m.standings);
    if (m.told == NULL || m.taken == NULL || m.efforts == NULL || m.standings == NULL)
        status = gs_fail(error, GS_ERROR_MEMORY, "out of memory: %d ranks", world->size);
    if (status == GS_OK) status = gs_schedule_create(&m.schedule, agenda->runs, world->size, error);
    if (status == GS_OK) status = gs_order_runs(m.schedule, agenda, &common->digits, error);
    if (status == GS_OK) leave_out_ended(&m);
    if (status == GS_OK)
        status = gs_referee_begin(&m.referee, agenda, &common->digits, !gs_schedule_complete(m.schedule), error);
    m.next_note = gs_clock() + tell_every;
    while (status == GS_OK && (!m.stopping || gs_presence_count(m.presence) > 0) &&
           !(m.draining && gs_clock() > m.drain_end))
        status = turn(&m, error);
    if (status == GS_OK) status = settle_taken(&m, error);
    if (status == GS_OK) status = release_rest(&m, error);
    if (status == GS_OK)
        *end = (gs_farm_end){.counts = gs_schedule_count(m.schedule),
                             .present = gs_presence_count(m.presence),
                             .lost = gs_presence_count_lost(m.presence),
                             .efforts = m.efforts};
    else free(m.efforts);
    gs_workbench_free(&m.own);
    gs_parcel_free(&m.incoming);
    gs_schedule_destroy(&m.schedule);
    gs_referee_end(&m.referee);
    gs_presence_destroy(&m.presence);
    free(m.told);
    free(m.taken);
    free(m.standings);
    return status;
}

void gs_farm_dismiss(const gs_world *world, gs_farm_end *end, int exit_code)
{
    gs_patience patience = {0};
    while (end->present > 0 && end->lost == 0) {
        int from, tag;
        size_t size;
        if (!gs_world_probe(world, &from, &tag, &size)) {
            gs_wait(&patience);
            continue;
        }
        unsigned char *bytes = size > 0 ? malloc(size) : NULL;
        if (size > 0 && bytes == NULL) gs_world_abort(world, EXIT_FAILURE);
        if (gs_world_receive(world, from, tag, bytes, size)) free(bytes);
        end->present -= tag == GS_TAG_LEAVING;
    }
    if (end->lost > 0) gs_world_abort(world, exit_code);
    gs_world_broadcast(world, &exit_code, sizeof exit_code);
}
