#include "store/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ground/clock.h"
#include "store/copy.h"
#include "store/tables.h"

struct gs_store {
    char path[GS_PATH];
    gs_file *file;
    gs_roster roster;
    gs_tables tables;
    gs_store_state state;
    gs_storage storage;
    double last_sync;
    gs_row *taken;                   /* rows of runs that wait to be settled; allocated at the first */
    const gs_row *ordered[GS_GROUP]; /* the same in the order of the file */
    size_t taken_count;
    int max_attempts; /* 0: any number */
};

/* ---- making and extending ---------------------------------------------------------------------------------------- */

static gs_store *new_store(const char *path, gs_error *error)
{
    gs_store *made = calloc(1, sizeof *made);
    if (made == NULL) {
        (void)!gs_fail(error, GS_ERROR_MEMORY, "out of memory for the results file");
        return NULL;
    }
    made->last_sync = gs_clock();
    snprintf(made->path, sizeof made->path, "%s", path);
    return made;
}

/* Hands the finished store over, or takes it apart again. */
static gs_status deliver(gs_store *made, gs_status status, const gs_store_contents *contents, gs_store **store)
{
    if (status != GS_OK) {
        gs_status told = gs_store_close(&made, NULL); /* the first error is the one to tell */
        (void)told;
        return status;
    }
    made->storage = contents->sweep->storage;
    made->max_attempts = contents->max_attempts;
    made->storage.compression = made->tables.compression;
    made->storage.width = (int64_t)made->tables.samples;
    made->storage.chunk = (int64_t)made->tables.sample_chunk;
    *store = made;
    return GS_OK;
}

gs_status gs_store_create(gs_store **store, const char *path, const gs_store_contents *contents, gs_error *error)
{
    gs_store *made = new_store(path, error);
    char *temporary = made == NULL ? NULL : gs_temporary_name(path, error);
    if (temporary == NULL) {
        free(made);
        return GS_ERROR_MEMORY;
    }
    gs_status status = gs_roster_create(&made->roster, NULL, contents->plan, contents->digits, error);
    if (status == GS_OK) status = gs_file_create(&made->file, temporary, path, error);
    if (status == GS_OK) status = gs_tables_add(&made->tables, made->file, &made->roster, contents, error);
    if (status == GS_OK) status = gs_file_flush(made->file, error);
    if (status == GS_OK) status = gs_file_start_swmr(made->file, error);
    if (status == GS_OK) status = gs_file_sync(made->file, error);
    if (status == GS_OK) status = gs_give_name(temporary, path, error);
    else unlink(temporary);
    free(temporary);
    made->state.added = made->state.to_do = (int64_t)contents->plan->run_count;
    return deliver(made, status, contents, store);
}

static gs_status close_tables(gs_store *store, gs_error *error)
{
    gs_tables_free(&store->tables);
    return gs_file_close(&store->file, error);
}

/* The file is not touched: a copy of it is extended, closed, and takes its place. It is opened anew then, because
 * HDF5 1.10 may give out again what was freed in a file that is not closed, and trips over that beside readers. */
static gs_status extend(gs_store *store, const char *path, const gs_store_contents *contents, gs_error *error)
{
    const uint64_t row_size = 16384; /* more than a row of all tables takes */
    char *temporary = gs_temporary_name(path, error), aside[GS_ASIDE];
    if (temporary == NULL) return GS_ERROR_MEMORY;
    gs_status status = close_tables(store, error);
    if (status == GS_OK)
        status = gs_copy_file(path, temporary, path, (gs_roster_new_rows(&store->roster) + 1024) * row_size, error);
    if (status == GS_OK) {
        status = gs_file_open(&store->file, temporary, path, GS_OPEN_GROW, error);
        if (status == GS_OK) status = gs_tables_add(&store->tables, store->file, &store->roster, contents, error);
        if (status == GS_OK) status = gs_tables_launch(&store->tables, store->file, contents, error);
        int32_t launch = store->tables.launch;
        if (status == GS_OK) status = close_tables(store, error);
        gs_aside_name(path, aside, sizeof aside);
        if (status == GS_OK) status = gs_take_place(temporary, path, aside, error);
        else unlink(temporary);
        if (status == GS_OK) memcpy(store->state.aside, aside, sizeof aside);
        store->roster.earlier_rows = store->roster.rows;
        if (status == GS_OK) status = gs_file_open(&store->file, path, path, GS_OPEN_CONTINUE, error);
        if (status == GS_OK) status = gs_tables_add(&store->tables, store->file, &store->roster, contents, error);
        store->tables.launch = launch;
    }
    free(temporary);
    return status;
}

/* ---- continuing -------------------------------------------------------------------------------------------------- */

/* /data/templates describes one set of digits, and a file holds one sweep. */
static gs_status check_same_sweep(gs_store *store, const char *path, const gs_store_contents *contents, gs_error *error)
{
    static float stored[GS_DIGITS][GS_PIXELS];
    gs_dataset templates;
    gs_extent extent;
    char name[GS_NAME];
    gs_status status = gs_file_find(store->file, "/data/templates", GS_CELL_FLOAT32, 0, GS_PIXELS, &templates, error);
    if (status != GS_OK) return status;
    bool fits = gs_file_extent(store->file, "/data/templates", &extent) && extent.rank == 3 &&
                extent.dims[0] == GS_DIGITS && extent.dims[1] * extent.dims[2] == GS_PIXELS;
    if (!fits) return gs_fail(error, GS_ERROR_STORAGE, "'%s' is damaged: /data/templates has another shape", path);
    status = gs_file_read(store->file, templates, 0, GS_DIGITS, stored, error);
    for (int i = 0; i < GS_DIGITS * GS_PIXELS && status == GS_OK; i++)
        if (stored[i / GS_PIXELS][i % GS_PIXELS] !=
            (float)contents->digits->grey[i / GS_PIXELS][i % GS_PIXELS] / 255.0f)
            return gs_fail(
                error, GS_ERROR_INPUT,
                "'%s' was made with other digits (data.mnist, data.indices), and a file holds the runs of one set. "
                "Give another name with -o, or --fresh to rename the old file",
                path);
    bool strange = gs_roster_new_rows(&store->roster) == contents->plan->run_count;
    if (status == GS_OK && strange && gs_file_noted_text(store->file, "/", "name", name, sizeof name) &&
        strcmp(name, contents->sweep->name) != 0)
        return gs_fail(
            error, GS_ERROR_INPUT,
            "'%s' holds the sweep '%s', and none of its runs is in '%s'. Give another name with -o, or --fresh "
            "to rename the old file",
            path, name, contents->sweep->name);
    return status;
}

static gs_status settle(gs_store *store, uint64_t row, gs_run_status status, int32_t interruptions, gs_error *error)
{
    store->roster.status[row] = (int8_t)status;
    store->roster.interruptions[row] = interruptions;
    return gs_columns_settle(&store->tables.columns, store->file, row, (int8_t)status, interruptions, error);
}

static void tell_interruptions(int32_t interruptions, char reason[GS_REASON])
{
    snprintf(reason, GS_REASON,
             "was in flight when the program or its rank was killed %d times; --retry-failed tries it again",
             interruptions);
}

static gs_status set_aside(gs_store *store, int64_t run, int32_t interruptions, gs_error *error)
{
    char reason[GS_REASON];
    gs_parcel parcel = {0};
    gs_job job = gs_plan_job(store->roster.plan, (size_t)run);
    tell_interruptions(interruptions, reason);
    gs_status status = gs_parcel_pack_failure(&parcel, &job, store->roster.digits, reason, -1, error);
    if (status == GS_OK) status = gs_store_commit(store, &parcel, error);
    gs_parcel_free(&parcel);
    store->state.set_aside++;
    return status;
}

/* What the last program left running waits again, or has failed if that happened too often; failed runs wait if they
 * are to be retried. */
static gs_status settle_all(gs_store *store, const gs_store_contents *contents, gs_error *error)
{
    gs_roster *roster = &store->roster;
    gs_status status = GS_OK;
    for (uint64_t row = 0; row < roster->rows && status == GS_OK; row++) {
        bool planned = roster->run_of_row[row] >= 0;
        if (roster->status[row] == GS_RUN_RUNNING) {
            store->state.interrupted += planned;
            status = settle(store, row, GS_RUN_PENDING, roster->interruptions[row] + contents->killed, error);
        } else if (planned && contents->retry_failed && roster->status[row] == GS_RUN_FAILED) {
            status = settle(store, row, GS_RUN_PENDING, 0, error);
            if (status == GS_OK) status = gs_columns_forget(&store->tables.columns, store->file, row, error);
        }
    }
    if (status == GS_OK) status = gs_file_flush(store->file, error);
    for (uint64_t row = 0; row < roster->rows && status == GS_OK; row++)
        if (roster->run_of_row[row] >= 0 && roster->status[row] == GS_RUN_PENDING && contents->max_attempts > 0 &&
            roster->interruptions[row] >= contents->max_attempts)
            status = set_aside(store, roster->run_of_row[row], roster->interruptions[row], error);
    return status;
}

/* Which earlier launches have trained runs of the sweep that are done. Owned by the caller; NULL: not known. */
static bool *find_trainers(gs_store *store)
{
    const gs_roster *roster = &store->roster;
    int32_t *launches = malloc(roster->rows * sizeof *launches);
    bool *found = calloc((size_t)store->tables.launch + 1, sizeof *found);
    bool known = launches != NULL && found != NULL &&
                 gs_file_read(store->file, store->tables.columns.launch, 0, roster->rows, launches, NULL) == GS_OK;
    for (uint64_t row = 0; row < roster->rows && known; row++)
        if (roster->status[row] == GS_RUN_DONE && roster->run_of_row[row] >= 0 && launches[row] >= 0 &&
            launches[row] < store->tables.launch)
            found[launches[row]] = true;
    free(launches);
    if (known) return found;
    free(found);
    return NULL;
}

/* Bits depend on the kernels, so that whoever goes on with other ones than those of a run that is done should know. */
static void find_other_kernel(gs_store *store, const gs_store_contents *contents)
{
    static const char path[] = "/provenance/blas_kernel";
    static char text[GS_FACT_TEXT + 1];
    const char *own = NULL;
    gs_dataset dataset;
    for (size_t i = 0; i < contents->fact_count; i++)
        if (strcmp(contents->facts[i].name, "blas_kernel") == 0) own = contents->facts[i].text;
    if (own == NULL || gs_file_find(store->file, path, GS_CELL_TEXT, GS_FACT_TEXT, 1, &dataset, NULL) != GS_OK) return;
    bool *trained = find_trainers(store);
    for (int32_t launch = store->tables.launch - 1; trained != NULL && launch >= 0; launch--) {
        if (!trained[launch]) continue;
        if (gs_file_read(store->file, dataset, (uint64_t)launch, 1, text, NULL) != GS_OK) break;
        if (strcmp(text, own) == 0) continue;
        snprintf(store->state.kernel, GS_KERNEL, "%.*s", GS_KERNEL - 1, text);
        break;
    }
    free(trained);
}

static gs_status count(gs_store *store, const gs_store_contents *contents, gs_error *error)
{
    gs_store_state *state = &store->state;
    const gs_roster *roster = &store->roster;
    state->continued = true;
    for (uint64_t row = 0; row < roster->rows; row++) {
        if (roster->run_of_row[row] < 0) state->kept++;
        else if (roster->status[row] == GS_RUN_DONE) state->done++;
        else if (roster->status[row] == GS_RUN_FAILED) state->failed++;
        else state->to_do++;
    }
    if (state->done > 0 && state->to_do > 0) find_other_kernel(store, contents);
    if (contents->sweep->storage.compression != store->tables.compression)
        snprintf(
            state->note, sizeof state->note,
            "storage.compression: whether samples are compressed was decided when the file was made; level %d is used",
            store->tables.compression);
    if ((uint64_t)(state->done + state->failed + state->to_do) == contents->plan->run_count) return GS_OK;
    return gs_fail(error, GS_ERROR_INTERNAL, "%lld done, %lld failed and %lld to do are not the %zu planned runs",
                   (long long)state->done, (long long)state->failed, (long long)state->to_do,
                   contents->plan->run_count);
}

gs_status gs_store_open(gs_store **store, const char *path, const gs_store_contents *contents, gs_error *error)
{
    gs_store *made = new_store(path, error);
    if (made == NULL) return GS_ERROR_MEMORY;
    gs_status status = gs_file_open(&made->file, path, path, GS_OPEN_READ, error);
    if (status == GS_OK) status = gs_roster_create(&made->roster, made->file, contents->plan, contents->digits, error);
    if (status == GS_OK) status = check_same_sweep(made, path, contents, error);
    if (status == GS_OK) status = gs_file_close(&made->file, error);
    if (status == GS_OK)
        status = gs_file_open(&made->file, path, path, GS_OPEN_CONTINUE, error); /* only now is anything changed */
    if (status == GS_OK) status = gs_tables_add(&made->tables, made->file, &made->roster, contents, error);
    made->state.added = status == GS_OK ? (int64_t)gs_roster_new_rows(&made->roster) : 0;
    if (status == GS_OK && gs_file_lacks(made->file)) status = extend(made, path, contents, error);
    else if (status == GS_OK) status = gs_tables_launch(&made->tables, made->file, contents, error);
    if (status == GS_OK) status = settle_all(made, contents, error);
    if (status == GS_OK) status = gs_file_flush(made->file, error);
    if (status == GS_OK) status = count(made, contents, error);
    return deliver(made, status, contents, store);
}

/* ---- asking ------------------------------------------------------------------------------------------------------ */

const gs_store_state *gs_store_opened(const gs_store *store)
{
    return &store->state;
}

gs_storage gs_store_storage(const gs_store *store)
{
    return store->storage;
}

const gs_plan *gs_store_plan(const gs_store *store)
{
    return store->roster.plan;
}

const char *gs_store_variant(const gs_store *store, size_t variant)
{
    return store->roster.variants[variant];
}

int64_t gs_store_row(const gs_store *store, int64_t run)
{
    return store->roster.row_of_run[run];
}

gs_run_status gs_store_status(const gs_store *store, int64_t run)
{
    return (gs_run_status)store->roster.status[store->roster.row_of_run[run]];
}

gs_status gs_store_ended(gs_store *store, void (*ended)(void *context, const gs_row *row), void *context,
                         gs_error *error)
{
    return gs_columns_ended(&store->tables.columns, store->file, ended, context, error);
}

gs_status gs_store_kept(gs_store *store, void (*kept)(void *context, const char *label), void *context, gs_error *error)
{
    gs_dataset labels;
    gs_status status = gs_file_find(store->file, "/runs/label", GS_CELL_TEXT, GS_LABEL, 1, &labels, error);
    for (uint64_t row = 0; row < store->roster.rows && status == GS_OK; row++) {
        char label[GS_LABEL + 1] = {0};
        if (store->roster.run_of_row[row] >= 0) continue;
        status = gs_file_read(store->file, labels, row, 1, label, error);
        if (status == GS_OK) kept(context, label);
    }
    return status;
}

gs_status gs_store_along(gs_store *store, int64_t run, gs_coverage_point *points, size_t room, size_t *count,
                         gs_error *error)
{
    return gs_tables_along(&store->tables, store->file, run, points, room, count, error);
}

/* ---- somebody else ----------------------------------------------------------------------------------------------- */

/* What is written into a file without a name would be lost when the program ends, and nobody would know. */
static gs_status check_place(gs_store *store, gs_error *error)
{
    char handle[GS_FILE_HANDLE], kept[GS_ASIDE];
    gs_file_place place = gs_file_look_for(store->file, handle);
    if (place == GS_FILE_THERE) return GS_OK;
    if (place == GS_FILE_MOVED)
        return gs_fail(error, GS_ERROR_STORAGE,
                       "'%s' was moved or replaced while it was being written; what is done is in it, wherever it is "
                       "now. Move it back "
                       "and run the same command again",
                       store->path);
    gs_aside_name(store->path, kept, sizeof kept);
    gs_status status = gs_copy_file(handle, kept, store->path, 0, error);
    if (status != GS_OK) {
        gs_error_prefix(error,
                        "'%s' was removed or replaced while it was being written, and what is done could not be kept",
                        store->path);
        return status;
    }
    return gs_fail(error, GS_ERROR_STORAGE,
                   "'%s' was removed or replaced while it was being written; what is done is kept as '%s'. Give it the "
                   "name back and run "
                   "the same command again",
                   store->path, kept);
}

/* ---- runs -------------------------------------------------------------------------------------------------------- */

gs_status gs_store_start(gs_store *store, int64_t run, int rank, gs_error *error)
{
    int64_t row = store->roster.row_of_run[run];
    int32_t attempts = ++store->roster.attempts[row];
    store->roster.status[row] = GS_RUN_RUNNING;
    return gs_columns_start(&store->tables.columns, store->file, run, attempts, store->tables.launch, rank, error);
}

gs_status gs_store_release(gs_store *store, int64_t run, gs_error *error)
{
    int64_t row = store->roster.row_of_run[run];
    int32_t attempts = --store->roster.attempts[row];
    store->roster.status[row] = GS_RUN_PENDING;
    gs_status status = gs_columns_release(&store->tables.columns, store->file, run, attempts, error);
    return status == GS_OK ? gs_file_flush(store->file, error) : status;
}

gs_status gs_store_interrupt(gs_store *store, int64_t run, char reason[GS_REASON], gs_error *error)
{
    uint64_t row = (uint64_t)store->roster.row_of_run[run];
    int32_t interruptions = store->roster.interruptions[row] + 1;
    reason[0] = '\0';
    if (store->max_attempts > 0 && interruptions >= store->max_attempts) tell_interruptions(interruptions, reason);
    gs_status status = settle(store, row, GS_RUN_PENDING, interruptions, error);
    return status == GS_OK ? gs_file_flush(store->file, error) : status;
}

gs_status gs_store_progress(gs_store *store, int64_t run, const gs_standing *standing, gs_error *error)
{
    return gs_columns_progress(&store->tables.columns, store->file, run, standing, error);
}

gs_status gs_store_flush(gs_store *store, gs_error *error)
{
    return gs_file_flush(store->file, error);
}

/* Keeps the row, in its place among those that were taken. */
static gs_status keep_row(gs_store *store, const gs_parcel *parcel, gs_row **row, gs_error *error)
{
    const int64_t *places = store->roster.row_of_run;
    if (store->taken == NULL) store->taken = malloc(GS_GROUP * sizeof *store->taken);
    if (store->taken == NULL) return gs_fail(error, GS_ERROR_MEMORY, "out of memory: %d results", GS_GROUP);
    if (store->taken_count == GS_GROUP) return gs_fail(error, GS_ERROR_INTERNAL, "more than %d results wait", GS_GROUP);
    *row = &store->taken[store->taken_count];
    gs_status status = gs_parcel_row(parcel, *row, error);
    if (status != GS_OK) return status;
    size_t at = store->taken_count++;
    for (; at > 0 && places[store->ordered[at - 1]->run] > places[(*row)->run]; at--)
        store->ordered[at] = store->ordered[at - 1];
    store->ordered[at] = *row;
    return GS_OK;
}

gs_status gs_store_take(gs_store *store, const gs_parcel *parcel, gs_error *error)
{
    gs_row *row = NULL;
    gs_chunk chunk;
    size_t cursor = 0;
    gs_status status = keep_row(store, parcel, &row, error);
    while (status == GS_OK && gs_parcel_next(parcel, &cursor, &chunk))
        status = gs_tables_write(&store->tables, store->file, row->run, &chunk, error);
    return status;
}

gs_status gs_store_settle(gs_store *store, gs_error *error)
{
    size_t count = store->taken_count;
    if (count == 0) return GS_OK;
    bool sync = gs_clock() - store->last_sync >= store->storage.sync;
    gs_status status = gs_columns_write(&store->tables.columns, store->file, store->ordered, count, error);
    if (status == GS_OK) status = gs_file_flush(store->file, error);
    if (status == GS_OK && sync) status = gs_file_sync(store->file, error);
    if (status == GS_OK) status = gs_columns_finish(&store->tables.columns, store->file, store->ordered, count, error);
    if (status == GS_OK) status = gs_file_flush(store->file, error);
    if (status == GS_OK && sync) status = gs_file_sync(store->file, error);
    if (sync) store->last_sync = gs_clock();
    for (size_t i = 0; i < count && status == GS_OK; i++)
        store->roster.status[store->roster.row_of_run[store->taken[i].run]] =
            store->taken[i].failed != 0 ? GS_RUN_FAILED : GS_RUN_DONE;
    store->taken_count = 0;
    return status == GS_OK ? check_place(store, error) : status;
}

gs_status gs_store_commit(gs_store *store, const gs_parcel *parcel, gs_error *error)
{
    gs_status status = gs_store_take(store, parcel, error);
    return status == GS_OK ? gs_store_settle(store, error) : status;
}

gs_status gs_store_ranks(gs_store *store, gs_rank_record *records, size_t count, gs_error *error)
{
    for (size_t i = 0; i < count; i++) records[i].launch = store->tables.launch;
    return gs_ranks_append(store->file, records, count, error);
}

gs_status gs_store_close(gs_store **store, gs_error *error)
{
    if (store == NULL || *store == NULL) return GS_OK;
    gs_status status = gs_file_close(&(*store)->file, error);
    gs_tables_free(&(*store)->tables);
    gs_roster_free(&(*store)->roster);
    free((*store)->taken);
    free(*store);
    *store = NULL;
    return status;
}
