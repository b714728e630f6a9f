#include <stdio.h>
#include <stdlib.h>

#include "farm/books.h"
#include "farm/drain.h"
#include "farm/farm.h"
#include "farm/messages.h"
#include "farm/presence.h"
#include "farm/workbench.h"
#include "ground/clock.h"

/* Seconds. */
static const double slice = 0.02;   /* rank 0 trains so long, at most a step longer, before it looks for messages */
static const double look_every = 1; /* between two looks whether the workers are there */

typedef struct {
    const gs_world *world;
    gs_books books; /* with what every rank knows, the agenda and the observer */
    gs_presence *presence;
    gs_effort *efforts; /* of each rank, when it has left */

    bool *told;    /* ranks that STOP has been sent to */
    bool stopping; /* it has been sent to all that are there */
    bool draining;
    double drain_end; /* gs_clock() until which a drain waits for the workers */
    bool unkept;      /* the user has been told so */

    double next_look;
    gs_patience patience; /* with the next message */

    gs_workbench own;   /* rank 0's own run */
    gs_parcel incoming; /* memory for results that arrive */
} manager;

static void tell(manager *m, gs_note *note)
{
    bool known = note->unkept && m->unkept;
    if (note->text[0] == '\0') return;
    if (!known) m->books.observer->note(m->books.observer->context, note->text);
    m->unkept |= note->unkept;
    note->text[0] = '\0';
}

static void stop(manager *m, int rank)
{
    if (m->told[rank]) return;
    m->told[rank] = true;
    gs_presence_busy(m->presence, rank, gs_clock());
    gs_world_send(m->world, rank, GS_TAG_STOP, NULL, 0);
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
    gs_workbench_leave(&m->own, m->books.common);
    tell(m, &m->own.note);
    return gs_books_release(&m->books, 0, error);
}

static gs_status answer(manager *m, int rank, gs_error *error)
{
    gs_job job;
    bool found;
    if (m->stopping) return GS_OK;
    gs_status status = gs_books_assign(&m->books, rank, &job, &found, error);
    if (status == GS_OK && !found) gs_presence_wait(m->presence, rank);
    if (status != GS_OK || !found) return status;
    gs_presence_busy(m->presence, rank, gs_clock());
    gs_world_send(m->world, rank, GS_TAG_JOB, &job, sizeof job);
    return GS_OK;
}

/* ---- lost ranks -------------------------------------------------------------------------------------------------- */

static gs_status lose(manager *m, int rank, const char *why, gs_error *error)
{
    gs_note note = {.unkept = false};
    int64_t run = gs_schedule_run_of(m->books.schedule, rank);
    bool again = true;
    gs_status status = GS_OK;
    gs_presence_lose(m->presence, rank);
    if (run != GS_NO_RUN) status = gs_books_interrupt(&m->books, rank, &again, error);
    int used =
        snprintf(note.text, sizeof note.text, "rank %d on %s is lost: %s", rank, gs_world_host(m->world, rank), why);
    if (run != GS_NO_RUN && used < GS_NOTE)
        snprintf(note.text + used, sizeof note.text - (size_t)used,
                 again ? "; its run %lld waits again" : "; its run %lld has failed",
                 (long long)gs_books_row(&m->books, run));
    tell(m, &note);
    return status;
}

/* What lost ranks had goes to those for which nothing was left when they asked. */
static gs_status hand_out_again(manager *m, gs_error *error)
{
    gs_status status = GS_OK;
    for (int rank = 1; rank < m->world->size && status == GS_OK && gs_schedule_count(m->books.schedule).waiting > 0;
         rank++)
        if (gs_presence_waits(m->presence, rank)) status = answer(m, rank, error);
    return status;
}

/* Why a rank that has not left must be lost; NULL: it need not be. */
static const char *reason_to_lose(const gs_world *world, const gs_presence *presence, int rank, double now)
{
    if (!gs_world_alive(world, rank)) return "its process has ended";
    return gs_presence_silent(presence, rank, now) ? "it has not been heard for 5 minutes" : NULL;
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
        const char *why = reason_to_lose(m->world, m->presence, rank, now);
        if (why != NULL) status = lose(m, rank, why, error);
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
    gs_status status = gs_books_collect(&m->books, from, &m->incoming, error);
    return status == GS_OK ? answer(m, from, error) : status;
}

static gs_status receive_rung(manager *m, int from, int tag, gs_error *error)
{
    gs_at_rung at;
    gs_decision decision;
    gs_world_receive(m->world, from, tag, &at, sizeof at);
    if (m->stopping) return GS_OK; /* it is told STOP, and will tell again */
    if (tag == GS_TAG_PASSED) return gs_books_learn(&m->books, from, &at, error);
    gs_status status = gs_books_judge(&m->books, from, &at, &decision, error);
    if (status == GS_OK) gs_world_send(m->world, from, GS_TAG_DECISION, &decision, sizeof decision);
    return status;
}

static gs_status see_off(manager *m, int rank, gs_error *error)
{
    gs_world_receive(m->world, rank, GS_TAG_LEAVING, &m->efforts[rank], sizeof *m->efforts);
    gs_presence_leave(m->presence, rank);
    gs_status status = gs_books_release(&m->books, rank, error);
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
        gs_books_hear(&m->books, from, &standing);
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
    while (status == GS_OK && gs_workbench_passed(&m->own, &at)) status = gs_books_learn(&m->books, 0, &at, error);
    return status;
}

static gs_status judge_own(manager *m, gs_error *error)
{
    gs_at_rung at;
    gs_decision decision;
    if (!gs_workbench_asks(&m->own, &at)) return GS_OK;
    gs_status status = gs_books_judge(&m->books, 0, &at, &decision, error);
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
        status = gs_books_assign(&m->books, 0, &job, &found, error);
        if (status != GS_OK || !found) return status;
        status = gs_workbench_begin(&m->own, m->books.common, &job, 0, ended, error);
        if (status == GS_OK) status = learn_own(m, error);
    } else {
        status = gs_workbench_work(&m->own, m->books.common, 0, slice, ended, error);
    }
    gs_standing standing = gs_workbench_standing(&m->own);
    gs_books_hear(&m->books, 0, &standing);
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

/* Everything but training; *busy tells whether there was something. */
static gs_status manage(manager *m, bool *busy, gs_error *error)
{
    gs_status status = GS_OK;
    if (!m->stopping && gs_drain_wanted()) status = drain(m, gs_drain_reason(), error);
    if (status == GS_OK) status = serve(m, busy, error);
    if (status == GS_OK) status = look_around(m, error);
    bool complete = gs_schedule_complete(m->books.schedule);
    if (status == GS_OK) status = gs_books_settle_in_time(&m->books, complete || m->draining, busy, error);
    if (status == GS_OK && !m->draining) status = gs_books_tell(&m->books, complete && !m->stopping, error);
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
    if (status == GS_OK && ended) status = gs_books_collect(&m->books, 0, &m->own.parcel, error);
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
    for (int rank = 1; rank < m->world->size && status == GS_OK; rank++)
        status = gs_books_release(&m->books, rank, error);
    return status;
}

gs_status gs_farm_manage(const gs_world *world, const gs_common *common, const gs_agenda *agenda,
                         const gs_observer *observer, gs_farm_end *end, gs_error *error)
{
    manager m = {.world = world};
    gs_status status = gs_presence_create(&m.presence, world->size, error);
    m.told = calloc((size_t)world->size, sizeof *m.told);
    m.efforts = calloc((size_t)world->size, sizeof *m.efforts);
    if (m.told == NULL || m.efforts == NULL)
        status = gs_fail(error, GS_ERROR_MEMORY, "out of memory: %d ranks", world->size);
    if (status == GS_OK) status = gs_books_open(&m.books, world->size, common, agenda, observer, error);
    while (status == GS_OK && (!m.stopping || gs_presence_count(m.presence) > 0) &&
           !(m.draining && gs_clock() > m.drain_end))
        status = turn(&m, error);
    if (status == GS_OK) status = gs_books_settle(&m.books, error);
    if (status == GS_OK) status = release_rest(&m, error);
    if (status == GS_OK)
        *end = (gs_farm_end){.counts = gs_schedule_count(m.books.schedule),
                             .lost = gs_presence_count_lost(m.presence),
                             .presence = m.presence,
                             .efforts = m.efforts};
    if (status != GS_OK) {
        free(m.efforts);
        gs_presence_destroy(&m.presence);
    }
    gs_workbench_free(&m.own);
    gs_parcel_free(&m.incoming);
    gs_books_close(&m.books);
    free(m.told);
    return status;
}

/* Also those that have left: they wait for the exit code, and MPI ends only with all of them. */
static void look_for_the_dead(const gs_world *world, gs_presence *presence)
{
    double now = gs_clock();
    for (int rank = 1; rank < world->size; rank++)
        if (!gs_presence_lost(presence, rank) && reason_to_lose(world, presence, rank, now) != NULL)
            gs_presence_lose(presence, rank);
}

void gs_farm_dismiss(const gs_world *world, gs_farm_end *end, int exit_code)
{
    gs_presence *presence = end->presence;
    gs_patience patience = {0};
    double next_look = 0;
    do {
        int from, tag;
        size_t size;
        if (gs_clock() >= next_look) {
            look_for_the_dead(world, presence);
            next_look = gs_clock() + look_every;
        }
        if (!gs_world_probe(world, &from, &tag, &size)) {
            if (gs_presence_count(presence) > 0) gs_wait(&patience);
            continue;
        }
        unsigned char *bytes = size > 0 ? malloc(size) : NULL;
        if (size > 0 && bytes == NULL) gs_world_abort(world, EXIT_FAILURE);
        if (gs_world_receive(world, from, tag, bytes, size)) free(bytes);
        gs_presence_heard(presence, from, gs_clock());
        if (tag == GS_TAG_LEAVING) gs_presence_leave(presence, from);
    } while (gs_presence_count(presence) > 0 && gs_presence_count_lost(presence) == 0);
    if (gs_presence_count_lost(presence) > 0) gs_world_abort(world, exit_code);
    gs_presence_destroy(&end->presence);
    gs_world_broadcast(world, &exit_code, sizeof exit_code);
}
