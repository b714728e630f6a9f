#include "store/repair.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/copy.h"
#include "store/file_rebuild.h"
#include "store/lock.h"
#include "store/regenerate.h"
#include "store/tables.h"

typedef struct {
    const char *path;
    char *temporary;
    const gs_repair_request *request;
    gs_repair_outcome *outcome;
    gs_repaired *damages; /* owned */
    size_t damage_count;
    gs_reader *reader; /* the file as it is */
    gs_digits digits;
    bool *damaged;    /* of each row */
    gs_file *file;    /* the new one */
    gs_lookup lookup; /* in it */
    gs_status status; /* of callbacks */
    gs_error *error;
} repair;

/* ---- what is damaged --------------------------------------------------------------------------------------------- */

static void on_difference(void *context, int64_t run, const char *label, const char *what)
{
    repair *r = context;
    gs_repaired *grown = realloc(r->damages, (r->damage_count + 1) * sizeof *grown);
    if (grown == NULL) {
        r->status = gs_fail(r->error, GS_ERROR_MEMORY, "out of memory: %zu damages", r->damage_count);
        return;
    }
    r->damages = grown;
    gs_repaired *damage = &grown[r->damage_count++];
    *damage = (gs_repaired){.run = run, .verdict = GS_REPAIR_LOST};
    snprintf(damage->label, sizeof damage->label, "%s", label);
    snprintf(damage->what, sizeof damage->what, "%s", what);
}

static gs_status find_damages(repair *r)
{
    gs_status status = gs_verify(r->path, GS_OPEN_RESCUE, on_difference, r, &r->outcome->found, r->error);
    return status == GS_OK ? r->status : status;
}

static gs_status open_old(repair *r)
{
    gs_status status = gs_reader_open(&r->reader, r->path, GS_OPEN_RESCUE, r->error);
    if (status != GS_OK) return status;
    r->damaged = calloc(r->reader->runs + 1, sizeof *r->damaged);
    if (r->damaged == NULL)
        return gs_fail(r->error, GS_ERROR_MEMORY, "out of memory: %zu runs", (size_t)r->reader->runs);
    for (size_t i = 0; i < r->damage_count; i++)
        if (r->damages[i].run >= 0) r->damaged[r->damages[i].run] = true;
    return gs_stored_digits(&r->reader->lookup, &r->digits, r->error);
}

/* ---- the new file ------------------------------------------------------------------------------------------------ */

static bool is_in(const char *path, const char *group)
{
    size_t length = strlen(group);
    return strncmp(path, group, length) == 0 && path[length] == '/';
}

static const gs_reader_layout *layout_of_path(const repair *r, const char *path)
{
    for (size_t i = 0; i < r->reader->layout_count; i++)
        if (is_in(path, r->reader->layouts[i].group)) return &r->reader->layouts[i];
    return NULL;
}

/* What is in a broken layout belongs to runs that wait to be trained again; the next launch makes it anew. */
static bool wants(void *context, const char *path)
{
    const gs_reader_layout *layout = layout_of_path(context, path);
    return layout == NULL || !layout->broken;
}

/* Chunks of damaged runs follow later, because a chunk is written once. */
static bool wants_row(void *context, const char *path, uint64_t row)
{
    const repair *r = context;
    const gs_reader_layout *layout = layout_of_path(r, path);
    if (layout != NULL) return row >= layout->rows || !r->damaged[layout->run_of[row]];
    bool of_run = is_in(path, "/samples") || is_in(path, "/coverage");
    return !of_run || row >= r->reader->runs || !r->damaged[row];
}

/* What every launch relies on, and nothing in the file can tell again. */
static bool is_planned(const char *path)
{
    static const char *const planned[] = {"/runs/id",    "/runs/label", "/runs/variant",
                                          "/runs/model", "/runs/seed",  "/runs/status"};
    for (size_t i = 0; i < sizeof planned / sizeof planned[0]; i++)
        if (strcmp(path, planned[i]) == 0) return true;
    return is_in(path, "/settings") || is_in(path, "/data") || strcmp(path, "/") == 0;
}

static void on_gap(void *context, const gs_gap *gap)
{
    repair *r = context;
    if (r->status != GS_OK || !is_planned(gap->path)) return; /* the rest was found by verify */
    r->status = gs_fail(r->error, GS_ERROR_STORAGE,
                        "'%s' cannot be repaired: %s, which says what was planned, cannot be read: %.500s", r->path,
                        gap->path, gap->reason);
}

static gs_status copy_whole(repair *r)
{
    struct stat found;
    gs_visitor visitor = {.wants = wants, .wants_row = wants_row, .gap = on_gap, .context = r};
    gs_status status = gs_file_rebuild(r->reader->file, r->temporary, r->path, &visitor, r->error);
    if (status == GS_OK && stat(r->path, &found) == 0) (void)!chmod(r->temporary, found.st_mode & 0777);
    return r->status != GS_OK ? r->status : status;
}

static gs_status open_new(repair *r)
{
    gs_extent extent;
    gs_bulk_sizes sizes = {.runs = r->reader->runs, .points = r->reader->points};
    for (uint64_t run = 0; run < sizes.runs && r->reader->has_samples; run++)
        if (r->reader->samples[run] > (int64_t)sizes.samples) sizes.samples = (uint64_t)r->reader->samples[run];
    const char *const paths[] = {"/samples/image", "/samples/bin", "/samples/error", "/coverage/examples"};
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        if (!gs_file_extent(r->reader->file, paths[i], &extent)) continue;
        sizes.compression = extent.deflate;
        if (i < 3 && extent.dims[1] > sizes.samples) sizes.samples = extent.dims[1];
    }
    gs_status status = gs_file_open(&r->file, r->temporary, r->path, GS_OPEN_GROW, r->error);
    if (status == GS_OK) status = gs_tables_restore(r->file, r->reader->file, &sizes, r->error);
    r->lookup.file = r->file;
    return status;
}

/* ---- a run in the new file --------------------------------------------------------------------------------------- */

static gs_status put(repair *r, const char *path, gs_cell cell, size_t text, uint64_t run, const void *value)
{
    const gs_found *found = gs_lookup_find(&r->lookup, path, cell, text, r->error);
    return found == NULL ? r->lookup.status : gs_file_write(r->file, found->dataset, run, 1, value, r->error);
}

static gs_status put_part(repair *r, const char *path, gs_cell cell, uint64_t run, uint64_t columns, const void *values)
{
    const gs_found *found = gs_lookup_find(&r->lookup, path, cell, 0, r->error);
    return found == NULL ? r->lookup.status
                         : gs_file_write_part(r->file, found->dataset, run, columns, values, r->error);
}

/* Columns that are not computed from samples were copied. */
static bool is_computed(const gs_row_column *column)
{
    return !column->incidental && strcmp(column->path, "/runs/steps_done") != 0 &&
           strcmp(column->path, "/runs/error") != 0;
}

static gs_status put_row(repair *r, uint64_t run, const gs_row *row)
{
    int count;
    const gs_row_column *columns = gs_columns_of_row(&count);
    gs_status status = GS_OK;
    for (int i = 0; i < count && status == GS_OK; i++)
        if (is_computed(&columns[i]))
            status = put(r, columns[i].path, columns[i].cell, columns[i].text, run,
                         (const unsigned char *)row + columns[i].offset);
    for (int m = 0; m < GS_METRIC_COUNT && status == GS_OK; m++) {
        char path[128];
        unsigned char value[8];
        gs_cell cell = gs_metric_to_cell((gs_metric_id)m, row->metrics.values[m], value);
        snprintf(path, sizeof path, "/metrics/%s", gs_metrics_table[m].name);
        if (!gs_file_is_without(r->file, path)) status = put(r, path, cell, 0, run, value);
    }
    return status;
}

/* Copies a row of chunks as it is stored; *whole becomes false if it cannot be read. */
static gs_status copy_row(repair *r, const char *path, uint64_t row, bool *whole)
{
    gs_extent extent;
    bool readable;
    if (!gs_file_extent(r->reader->file, path, &extent)) return GS_OK;
    gs_status status = gs_file_copy_row(r->reader->file, r->file, path, row, &readable, r->error);
    *whole = *whole && readable;
    return status;
}

/* Coverage along training and checkpoint. */
static gs_status copy_sources(repair *r, uint64_t run, bool *whole)
{
    static const char *const along[] = {"/coverage/over_training/step", "/coverage/over_training/counts",
                                        "/coverage/over_training/rejected"};
    gs_status status = GS_OK;
    for (int i = 0; i < 3 && status == GS_OK; i++) status = copy_row(r, along[i], run, whole);
    if (status != GS_OK || r->reader->layout_of[run] < 0) return status;
    const gs_reader_layout *layout = &r->reader->layouts[r->reader->layout_of[run]];
    for (int t = 0; t < layout->tensors.count && !layout->broken && status == GS_OK; t++) {
        char path[192];
        snprintf(path, sizeof path, "%s/%s", layout->group, layout->tensors.tensors[t].name);
        status = copy_row(r, path, (uint64_t)r->reader->place_of[run], whole);
    }
    return status;
}

static gs_status write_run(repair *r, uint64_t run, const gs_regenerated *made)
{
    const gs_result *result = &made->result;
    const uint64_t samples = (uint64_t)result->samples;
    gs_chunk chunk;
    size_t cursor = 0;
    gs_status status = put_row(r, run, &made->row);
    while (status == GS_OK && gs_parcel_next(&made->parcel, &cursor, &chunk))
        if (chunk.bulk == GS_BULK_EXAMPLES)
            status = put_part(r, "/coverage/examples", GS_CELL_UINT8, run, GS_COLORS, chunk.bytes);
    if (status == GS_OK && gs_reader_stores(r->reader, GS_PART_SAMPLES, run)) {
        status = put_part(r, "/samples/image", GS_CELL_UINT8, run, samples, result->images);
        if (status == GS_OK) status = put_part(r, "/samples/bin", GS_CELL_UINT8, run, samples, result->bins);
        if (status == GS_OK) status = put_part(r, "/samples/error", GS_CELL_UINT16, run, samples, result->errors);
    }
    bool whole = true;
    if (status == GS_OK) status = copy_sources(r, run, &whole);
    return status == GS_OK && !whole ? GS_ERROR_STORAGE : status; /* they could be read a moment ago */
}

static gs_status clear(repair *r, const char *path, gs_cell cell, size_t text, uint64_t run)
{
    gs_extent extent;
    if (!gs_file_extent(r->file, path, &extent)) return GS_OK;
    const gs_found *found = gs_lookup_find(&r->lookup, path, cell, text, r->error);
    return found == NULL ? r->lookup.status : gs_file_clear_row(r->file, found->dataset, run, r->error);
}

static gs_status clear_curves(repair *r, uint64_t run)
{
    gs_status status = clear(r, "/curves/step", GS_CELL_INT64, 0, run);
    for (int m = 0; m < GS_MODEL_COUNT; m++) {
        const gs_model_type *type = gs_model_type_of((gs_model_id)m);
        for (int c = 0; type != NULL && type->curves[c] != NULL && status == GS_OK; c++) {
            char path[128];
            snprintf(path, sizeof path, "/curves/%s", type->curves[c]);
            status = clear(r, path, GS_CELL_FLOAT32, 0, run);
        }
    }
    return status;
}

/* As if the run had never begun, but for its attempts. */
static gs_status set_back(repair *r, uint64_t run)
{
    int count;
    const gs_row_column *columns = gs_columns_of_row(&count);
    gs_status status = clear_curves(r, run);
    for (int i = 0; i < count && status == GS_OK; i++)
        status = clear(r, columns[i].path, columns[i].cell, columns[i].text, run);
    for (int m = 0; m < GS_METRIC_COUNT && status == GS_OK; m++) {
        char path[128];
        unsigned char value[8];
        snprintf(path, sizeof path, "/metrics/%s", gs_metrics_table[m].name);
        status = clear(r, path, gs_metric_to_cell((gs_metric_id)m, 0, value), 0, run);
    }
    if (status == GS_OK) status = clear(r, "/runs/launch", GS_CELL_INT32, 0, run);
    if (status == GS_OK) status = clear(r, "/runs/interruptions", GS_CELL_INT32, 0, run);
    return status == GS_OK ? clear(r, "/runs/status", GS_CELL_STATUS, 0, run)
                           : status; /* pending is 0, the fill value */
}

/* Keeps what can be read of a run that needs something which is not here. */
static gs_status leave(repair *r, uint64_t run)
{
    static const char *const bulk[] = {"/samples/image", "/samples/bin", "/samples/error", "/coverage/examples"};
    gs_status status = GS_OK;
    bool whole = true;
    for (int i = 0; i < 4 && status == GS_OK; i++) status = copy_row(r, bulk[i], run, &whole);
    return status == GS_OK ? copy_sources(r, run, &whole) : status;
}

static gs_status resolve(repair *r, gs_repaired *damage, gs_regenerated *made)
{
    uint64_t run = (uint64_t)damage->run;
    bool known = gs_model_type_of((gs_model_id)r->reader->models[run]) != NULL;
    made->agrees = made->other_kernels = false;
    snprintf(made->why, sizeof made->why, "it had failed");
    gs_status status = GS_OK;
    if (r->reader->status[run] == GS_RUN_DONE) status = gs_regenerate(r->reader, &r->digits, run, made, r->error);
    if (status != GS_OK) return status;
    bool left = !known || (made->other_kernels && !r->request->without_kernels);
    damage->verdict = made->agrees ? GS_REPAIR_MADE_AGAIN : left ? GS_REPAIR_LEFT : GS_REPAIR_SET_BACK;
    if (!made->agrees) snprintf(damage->why, sizeof damage->why, "%s", made->why);
    if (made->agrees) return write_run(r, run, made);
    return left ? leave(r, run) : set_back(r, run);
}

static gs_status resolve_all(repair *r)
{
    gs_regenerated made = {.agrees = false};
    gs_status status = GS_OK;
    for (size_t i = 0; i < r->damage_count && status == GS_OK; i++) {
        gs_repaired *damage = &r->damages[i];
        if (damage->run >= 0) status = resolve(r, damage, &made);
        r->outcome->count[damage->verdict]++;
    }
    gs_regenerated_free(&made);
    gs_lookup_free(&r->lookup);
    gs_status closed = gs_file_close(&r->file, status == GS_OK ? r->error : NULL);
    return status == GS_OK ? closed : status;
}

/* ---- all of it --------------------------------------------------------------------------------------------------- */

static void ignore(void *context, int64_t run, const char *label, const char *what)
{
    (void)context, (void)run, (void)label, (void)what;
}

/* The new file must hold what was promised before it takes the place of the old one. */
static gs_status check_new(repair *r)
{
    gs_verdict verdict;
    gs_status status = gs_verify(r->temporary, GS_OPEN_READ, ignore, NULL, &verdict, r->error);
    if (status != GS_OK) return status;
    int64_t left = r->outcome->count[GS_REPAIR_LEFT], set_back = r->outcome->count[GS_REPAIR_SET_BACK], gone = 0;
    for (size_t i = 0; i < r->damage_count; i++)
        gone += r->damages[i].verdict == GS_REPAIR_SET_BACK && r->reader->status[r->damages[i].run] == GS_RUN_DONE;
    if (verdict.different == left && verdict.done == r->outcome->found.done - gone) return GS_OK;
    return gs_fail(r->error, GS_ERROR_STORAGE,
                   "'%s' could not be repaired: of the new file %lld runs still differ (%lld were left so), %lld are "
                   "done (%lld were set "
                   "back). The disk may be failing; nothing was changed",
                   r->path, (long long)verdict.different, (long long)left, (long long)verdict.done,
                   (long long)set_back);
}

static gs_status rebuild(repair *r)
{
    r->temporary = gs_temporary_name(r->path, r->error);
    if (r->temporary == NULL) return GS_ERROR_MEMORY;
    gs_status status = open_old(r);
    if (status == GS_OK) status = copy_whole(r);
    if (status == GS_OK) status = open_new(r);
    if (status == GS_OK) status = resolve_all(r);
    if (status == GS_OK) status = check_new(r);
    if (status != GS_OK) {
        gs_status closed = gs_file_close(&r->file, NULL);
        (void)closed;
        unlink(r->temporary);
        return status;
    }
    char aside[GS_ASIDE];
    gs_aside_name(r->path, aside, sizeof aside);
    status = gs_take_place(r->temporary, r->path, aside, r->error);
    if (status != GS_OK) return status;
    memcpy(r->outcome->aside, aside, sizeof aside);
    for (size_t i = 0; i < r->damage_count; i++) r->request->tell(r->request->context, &r->damages[i]);
    return GS_OK;
}

gs_status gs_repair(const char *path, const gs_repair_request *request, gs_repair_outcome *outcome, gs_error *error)
{
    repair r = {.path = path, .request = request, .outcome = outcome, .error = error};
    gs_lock *lock;
    *outcome = (gs_repair_outcome){.found = {.done = 0}};
    if (!gs_file_is_ours(path)) { /* no lock beside what is not ours */
        gs_reader *reader;
        gs_status status = gs_reader_open(&reader, path, GS_OPEN_READ, error);
        gs_reader_close(&reader);
        return status;
    }
    gs_status status = gs_lock_take(&lock, path, error);
    if (status != GS_OK) return status;
    gs_remove_temporaries(path);
    status = find_damages(&r);
    if (status == GS_OK && r.damage_count > 0) {
        status = rebuild(&r);
        if (status == GS_OK) gs_lock_settle(lock); /* the file of whoever was killed is not this one any more */
    }
    gs_reader_close(&r.reader);
    gs_lookup_free(&r.lookup);
    free(r.damages);
    free(r.damaged);
    free(r.temporary);
    gs_lock_release(&lock);
    return status;
}

void gs_repair_kernel(const char *path, char kernel[GS_KERNEL])
{
    gs_reader *reader;
    kernel[0] = '\0';
    bool same = true;
    if (gs_reader_open(&reader, path, GS_OPEN_READ, NULL) != GS_OK) return;
    for (uint64_t run = 0; run < reader->runs && same; run++) {
        char other[GS_KERNEL];
        if (reader->status[run] != GS_RUN_DONE) continue;
        gs_stored_kernel(&reader->lookup, run, other);
        if (kernel[0] == '\0') memcpy(kernel, other, GS_KERNEL);
        same = strcmp(kernel, other) == 0;
    }
    if (!same) kernel[0] = '\0';
    gs_reader_close(&reader);
}
