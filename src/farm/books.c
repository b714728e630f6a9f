#include "farm/books.h"

#include <math.h>
#include <stdlib.h>

#include "farm/order.h"
#include "ground/clock.h"

/* Seconds. */
static const double tick = 0.2;          /* between two calls of the observer */
static const double tell_every = 5;      /* between two notes in the file of how far the running runs are */
static const double settle_after = 0.02; /* a run that has ended waits at most so long for others to be stored with */
static const double flush_every = 0.05;  /* between two flushes for readers' sake */

static gs_job job_of(const gs_books *books, int64_t run)
{
    return books->agenda->job(books->agenda->context, run);
}

static double steps_of(const gs_books *books, int64_t run)
{
    gs_job job = job_of(books, run);
    return (double)gs_settings_integer(&job.settings, GS_SETTING_STEPS);
}

/* The state of a run that has ended is of no use any more. */
static void forget_state(const gs_books *books, int64_t run)
{
    if (books->common->folder[0] == '\0') return;
    gs_job job = job_of(books, run);
    char id[GS_ID];
    gs_run_id(&job.settings, job.seed, &books->common->digits, id);
    gs_midrun_remove(books->common->folder, id);
}

/* Runs that an earlier launch has ended are not handed out. It may have been killed before it could forget the state of
 * the last one. */
static void leave_out_ended(gs_books *books)
{
    bool states = gs_midrun_there(books->common->folder);
    for (int64_t run = 0; run < books->agenda->runs; run++) {
        gs_run_status status = books->agenda->status(books->agenda->context, run);
        if (status != GS_RUN_DONE && status != GS_RUN_FAILED) continue;
        gs_schedule_settle(books->schedule, run, status == GS_RUN_FAILED);
        if (states) forget_state(books, run);
    }
}

gs_status gs_books_open(gs_books *books, int ranks, const gs_common *common, const gs_agenda *agenda,
                        const gs_observer *observer, gs_error *error)
{
    *books = (gs_books){.common = common, .agenda = agenda, .observer = observer, .ranks = ranks};
    books->taken = malloc(GS_GROUP * sizeof *books->taken);
    books->standings = calloc((size_t)ranks, sizeof *books->standings);
    if (books->taken == NULL || books->standings == NULL)
        return gs_fail(error, GS_ERROR_MEMORY, "out of memory: %d ranks", ranks);
    gs_status status = gs_schedule_create(&books->schedule, agenda->runs, ranks, error);
    if (status == GS_OK) status = gs_order_runs(books->schedule, agenda, &common->digits, error);
    if (status != GS_OK) return status;
    leave_out_ended(books);
    books->next_note = gs_clock() + tell_every;
    return gs_referee_begin(&books->referee, agenda, &common->digits, !gs_schedule_complete(books->schedule), error);
}

void gs_books_close(gs_books *books)
{
    gs_schedule_destroy(&books->schedule);
    gs_referee_end(&books->referee);
    free(books->taken);
    free(books->standings);
    *books = (gs_books){.schedule = NULL};
}

gs_status gs_books_assign(gs_books *books, int rank, gs_job *job, bool *found, gs_error *error)
{
    int64_t run = gs_schedule_assign(books->schedule, rank);
    *found = run != GS_NO_RUN;
    if (!*found) return GS_OK;
    *job = job_of(books, run);
    books->standings[rank] = (gs_standing){.steps_done = 0};
    books->unflushed = true;
    return books->agenda->start(books->agenda->context, run, rank, error);
}

void gs_books_hear(gs_books *books, int rank, const gs_standing *standing)
{
    int64_t run = gs_schedule_run_of(books->schedule, rank);
    bool first = !(books->standings[rank].seconds > 0);
    if (run == GS_NO_RUN) return;
    books->standings[rank] = *standing;
    if (!first || !(standing->share_before > 0)) return;
    gs_schedule_take_up(books->schedule, run, standing->share_before);
    books->steps -= (double)standing->steps_before;
}

gs_status gs_books_learn(gs_books *books, int rank, const gs_at_rung *at, gs_error *error)
{
    if (at->run != gs_schedule_run_of(books->schedule, rank))
        return gs_fail(error, GS_ERROR_INTERNAL, "rank %d tells of run %lld at rung %lld", rank, (long long)at->run,
                       (long long)at->rung);
    return gs_referee_learn(&books->referee, at, error);
}

gs_status gs_books_judge(gs_books *books, int rank, const gs_at_rung *at, gs_decision *decision, gs_error *error)
{
    gs_status status = gs_books_learn(books, rank, at, error);
    if (status == GS_OK) *decision = gs_referee_decide(&books->referee, at);
    return status;
}

/* From here on the runs that were taken are done for good. */
gs_status gs_books_settle(gs_books *books, gs_error *error)
{
    gs_status status = books->agenda->settle(books->agenda->context, error);
    for (int i = 0; i < books->taken_count && status == GS_OK; i++) {
        forget_state(books, books->taken[i].run);
        books->observer->finished(books->observer->context, &books->taken[i]);
    }
    books->taken_count = 0;
    books->next_flush = gs_clock() + flush_every;
    return status;
}

/* What is taken waits a moment for more, which can only come from other ranks; what is handed out is seen soon. */
gs_status gs_books_settle_in_time(gs_books *books, bool now, bool *busy, gs_error *error)
{
    double time = books->ranks == 1 ? (double)INFINITY : gs_clock();
    bool settles = books->taken_count > 0 && (now || time >= books->settle_by);
    bool flushes = books->unflushed && time >= books->next_flush;
    *busy |= settles || flushes;
    if (settles) return gs_books_settle(books, error);
    if (!flushes) return GS_OK;
    books->unflushed = false;
    books->next_flush = gs_clock() + flush_every;
    return books->agenda->flush(books->agenda->context, error);
}

gs_status gs_books_collect(gs_books *books, int rank, const gs_parcel *parcel, gs_error *error)
{
    gs_row *row = &books->taken[books->taken_count];
    gs_status status = gs_parcel_row(parcel, row, error);
    if (status == GS_OK && row->run != gs_schedule_run_of(books->schedule, rank))
        status =
            gs_fail(error, GS_ERROR_INTERNAL, "rank %d sent run %lld, which is not its own", rank, (long long)row->run);
    if (status == GS_OK) status = books->agenda->take(books->agenda->context, parcel, error);
    if (status != GS_OK) return status;
    if (books->taken_count++ == 0) books->settle_by = gs_clock() + settle_after;
    if (row->failed != 0) gs_referee_forget(&books->referee, row->run);
    if (row->failed == 0 && row->steps_done == (int64_t)steps_of(books, row->run))
        gs_schedule_learn(books->schedule, row->run, row->seconds);
    gs_schedule_end(books->schedule, rank, row->failed != 0);
    books->steps += (double)row->steps_done;
    books->standings[rank] = (gs_standing){.steps_done = 0};
    return books->taken_count == GS_GROUP ? gs_books_settle(books, error) : GS_OK;
}

/* The run of a rank waits again. What it had when it was taken up counts anew when it is taken up again. */
static void give_up(gs_books *books, int rank, int64_t run)
{
    const gs_standing *standing = &books->standings[rank];
    gs_schedule_take_up(books->schedule, run, -standing->share_before);
    books->steps += (double)standing->steps_before;
    gs_schedule_lose(books->schedule, rank);
    books->standings[rank] = (gs_standing){.steps_done = 0};
}

gs_status gs_books_release(gs_books *books, int rank, gs_error *error)
{
    int64_t run = gs_schedule_run_of(books->schedule, rank);
    if (run == GS_NO_RUN) return GS_OK;
    give_up(books, rank, run);
    return books->agenda->release(books->agenda->context, run, error);
}

gs_status gs_books_interrupt(gs_books *books, int rank, bool *again, gs_error *error)
{
    int64_t run = gs_schedule_run_of(books->schedule, rank);
    char reason[GS_REASON];
    gs_status status = books->agenda->interrupt(books->agenda->context, run, reason, error);
    if (status != GS_OK) return status;
    *again = reason[0] == '\0';
    if (*again) give_up(books, rank, run);
    if (*again) return GS_OK;
    gs_parcel failure = {.bytes = NULL};
    gs_job job = job_of(books, run);
    status = gs_parcel_pack_failure(&failure, &job, &books->common->digits, reason, rank, error);
    if (status == GS_OK) status = gs_books_collect(books, rank, &failure, error);
    gs_parcel_free(&failure);
    return status;
}

int64_t gs_books_row(const gs_books *books, int64_t run)
{
    return books->agenda->row != NULL ? books->agenda->row(books->agenda->context, run) : run;
}

static double share_of_rank(const void *context, int rank)
{
    return ((const gs_books *)context)->standings[rank].share;
}

static void observe(gs_books *books, bool now)
{
    double time = gs_clock();
    if (!now && time < books->next_tick) return;
    books->next_tick = time + tick;
    gs_farm_view view = {.counts = gs_schedule_count(books->schedule),
                         .work = gs_schedule_progress(books->schedule, share_of_rank, books),
                         .steps = books->steps};
    for (int rank = 0; rank < books->ranks; rank++)
        if (gs_schedule_run_of(books->schedule, rank) != GS_NO_RUN)
            view.steps += (double)books->standings[rank].steps_done;
    books->observer->tick(books->observer->context, &view);
}

/* Readers of the file see how far the running runs are. */
static gs_status note_progress(gs_books *books, gs_error *error)
{
    if (gs_clock() < books->next_note) return GS_OK;
    books->next_note = gs_clock() + tell_every;
    gs_status status = GS_OK;
    for (int rank = 0; rank < books->ranks && status == GS_OK; rank++) {
        int64_t run = gs_schedule_run_of(books->schedule, rank);
        if (run != GS_NO_RUN)
            status = books->agenda->progress(books->agenda->context, run, &books->standings[rank], error);
    }
    return status == GS_OK ? books->agenda->flush(books->agenda->context, error) : status;
}

gs_status gs_books_tell(gs_books *books, bool now, gs_error *error)
{
    observe(books, now);
    return note_progress(books, error);
}
