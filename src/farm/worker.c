#include "farm/drain.h"
#include "farm/effort.h"
#include "farm/farm.h"
#include "farm/messages.h"
#include "farm/workbench.h"
#include "ground/clock.h"

static const double slice = 0.05;   /* of work between two looks for a message */
static const double report = 1.0;   /* between two reports of progress */
static const double look_every = 1; /* between two looks whether rank 0 is there */

typedef struct {
    const gs_world *world;
    const gs_common *common;
    gs_workbench bench;
    gs_patience patience; /* with rank 0's next message */
    double looked;
    double asked; /* gs_clock() when rank 0 was asked for the next run */
    gs_effort effort;
    bool stopped; /* rank 0 has said STOP */
} worker;

/* Messages to a rank that is gone may still seem to be sent. */
static void look_at_rank_0(worker *w)
{
    double now = gs_clock();
    if (now - w->looked < look_every) return;
    gs_world_need_rank_0(w->world);
    w->looked = now;
}

/* Looks for a message, and waits a moment if there is none; true if it is a job. A decision is passed on to the run
 * that asked. */
static bool receive(worker *w, bool waits, gs_job *job)
{
    int from, tag;
    size_t size;
    if (!gs_world_probe(w->world, &from, &tag, &size)) {
        look_at_rank_0(w);
        if (waits) gs_wait(&w->patience);
        return false;
    }
    w->patience.turns = 0;
    if (tag == GS_TAG_JOB) {
        gs_world_receive(w->world, from, tag, job, sizeof *job);
        gs_effort_wait(&w->effort, gs_clock() - w->asked);
        return true;
    }
    if (tag == GS_TAG_DECISION) {
        gs_decision decision;
        gs_world_receive(w->world, from, tag, &decision, sizeof decision);
        gs_workbench_decide(&w->bench, &decision); /* after LEAVING there is no run any more that it could reach */
        return false;
    }
    gs_world_receive(w->world, from, tag, NULL, 0);
    w->stopped = true;
    return false;
}

static bool leaves(const worker *w)
{
    return w->stopped || gs_drain_wanted();
}

static bool wait_for_job(worker *w, gs_job *job)
{
    while (!leaves(w))
        if (receive(w, true, job)) return true;
    return false;
}

static void tell_note(worker *w)
{
    gs_note *note = &w->bench.note;
    if (note->text[0] == '\0') return;
    gs_world_send(w->world, 0, GS_TAG_NOTE, note, sizeof *note);
    note->text[0] = '\0';
}

static void tell_standing(worker *w)
{
    gs_standing standing = gs_workbench_standing(&w->bench);
    gs_world_send(w->world, 0, GS_TAG_PROGRESS, &standing, sizeof standing);
}

/* What an earlier launch was told of this run. */
static void tell_passed(worker *w)
{
    gs_at_rung at = {.rung = 0};
    while (gs_workbench_passed(&w->bench, &at)) gs_world_send(w->world, 0, GS_TAG_PASSED, &at, sizeof at);
}

/* Waits at a rung until the run may go on or end, or it is time to leave. */
static void wait_at_rung(worker *w)
{
    gs_at_rung at;
    gs_job none;
    if (!gs_workbench_asks(&w->bench, &at)) return;
    gs_world_send(w->world, 0, GS_TAG_RUNG, &at, sizeof at);
    while (!leaves(w) && gs_workbench_asks(&w->bench, &at)) (void)receive(w, true, &none);
}

/* Trains the job to its end, or until it is time to leave. */
static gs_status train(worker *w, const gs_job *job, gs_error *error)
{
    bool ended;
    const double begun = gs_clock();
    double reported = begun;
    gs_status status = gs_workbench_begin(&w->bench, w->common, job, w->world->rank, &ended, error);
    tell_note(w);
    tell_passed(w);
    if (w->bench.share_before > 0) tell_standing(w); /* what was done before is not of this launch */
    while (status == GS_OK && !ended && !leaves(w)) {
        gs_job none;
        wait_at_rung(w);
        if (leaves(w)) break;
        status = gs_workbench_work(&w->bench, w->common, w->world->rank, slice, &ended, error);
        tell_note(w);
        (void)receive(w, false, &none); /* nobody sends a job to a rank that has one */
        if (status != GS_OK || ended || gs_clock() - reported < report) continue;
        tell_standing(w);
        reported = gs_clock();
    }
    if (status != GS_OK) return status;
    if (!ended) gs_workbench_leave(&w->bench, w->common);
    w->asked = gs_clock();
    w->effort.training += w->asked - begun;
    w->effort.runs += ended;
    if (ended) gs_world_send(w->world, 0, GS_TAG_RESULT, w->bench.parcel.bytes, w->bench.parcel.size);
    tell_note(w);
    return GS_OK;
}

gs_status gs_farm_work(const gs_world *world, const gs_common *common, gs_error *error)
{
    worker w = {.world = world, .common = common};
    gs_job job;
    gs_status status = GS_OK;
    const double begun = w.asked = gs_clock();
    gs_world_send(world, 0, GS_TAG_REQUEST, NULL, 0);
    while (status == GS_OK && wait_for_job(&w, &job)) status = train(&w, &job, error);
    w.effort.present = gs_clock() - begun;
    if (status == GS_OK) gs_world_send(world, 0, GS_TAG_LEAVING, &w.effort, sizeof w.effort);
    while (status == GS_OK && !w.stopped)
        (void)receive(&w, true, &job); /* a job may have been on its way: it is not begun */
    gs_workbench_free(&w.bench);
    return status;
}
