#include "farm/agenda.h"

static gs_job planned(void *store, int64_t run)
{
    return gs_plan_job(gs_store_plan(store), (size_t)run);
}

static int64_t row_of(void *context, int64_t run)
{
    return gs_store_row(context, run);
}

static gs_run_status status(void *store, int64_t run)
{
    return gs_store_status(store, run);
}

static gs_status start(void *store, int64_t run, int rank, gs_error *error)
{
    return gs_store_start(store, run, rank, error);
}

static gs_status progress(void *store, int64_t run, const gs_standing *standing, gs_error *error)
{
    return gs_store_progress(store, run, standing, error);
}

static gs_status release(void *store, int64_t run, gs_error *error)
{
    return gs_store_release(store, run, error);
}

static gs_status interrupt(void *store, int64_t run, char reason[GS_REASON], gs_error *error)
{
    return gs_store_interrupt(store, run, reason, error);
}

static gs_status flush(void *store, gs_error *error)
{
    return gs_store_flush(store, error);
}

static gs_status take(void *store, const gs_parcel *parcel, gs_error *error)
{
    return gs_store_take(store, parcel, error);
}

static gs_status settle(void *store, gs_error *error)
{
    return gs_store_settle(store, error);
}

static gs_status along(void *store, int64_t run, gs_coverage_point *points, size_t room, size_t *count, gs_error *error)
{
    return gs_store_along(store, run, points, room, count, error);
}

gs_agenda gs_agenda_of_store(gs_store *store)
{
    const gs_plan *plan = gs_store_plan(store);
    return (gs_agenda){.context = store,
                       .runs = (int64_t)plan->run_count,
                       .job = planned,
                       .row = row_of,
                       .status = status,
                       .start = start,
                       .progress = progress,
                       .release = release,
                       .flush = flush,
                       .interrupt = interrupt,
                       .take = take,
                       .settle = settle,
                       .along = along};
}

/* ---- without a store --------------------------------------------------------------------------------------------- */

static gs_run_status never_ended(void *context, int64_t run)
{
    (void)context, (void)run;
    return GS_RUN_PENDING;
}

static gs_status ignore_start(void *context, int64_t run, int rank, gs_error *error)
{
    (void)context, (void)run, (void)rank, (void)error;
    return GS_OK;
}

static gs_status ignore_progress(void *context, int64_t run, const gs_standing *standing, gs_error *error)
{
    (void)context, (void)run, (void)standing, (void)error;
    return GS_OK;
}

static gs_status ignore_run(void *context, int64_t run, gs_error *error)
{
    (void)context, (void)run, (void)error;
    return GS_OK;
}

/* There is no record of what happened to a run: it is tried as long as there are ranks. */
static gs_status always_again(void *context, int64_t run, char reason[GS_REASON], gs_error *error)
{
    (void)context, (void)run, (void)error;
    reason[0] = '\0';
    return GS_OK;
}

static gs_status ignore_result(void *context, const gs_parcel *parcel, gs_error *error)
{
    (void)context, (void)parcel, (void)error;
    return GS_OK;
}

static gs_status ignore_all(void *context, gs_error *error)
{
    (void)context, (void)error;
    return GS_OK;
}

gs_agenda gs_agenda_without_store(void *context, int64_t runs, gs_job (*job)(void *context, int64_t run))
{
    return (gs_agenda){.context = context,
                       .runs = runs,
                       .job = job,
                       .status = never_ended,
                       .start = ignore_start,
                       .progress = ignore_progress,
                       .release = ignore_run,
                       .flush = ignore_all,
                       .interrupt = always_again,
                       .take = ignore_result,
                       .settle = ignore_all};
}
