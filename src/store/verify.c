#include "store/verify.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/axes.h"
#include "store/columns.h"
#include "store/file_rebuild.h"
#include "store/reader.h"

/* Rows of a dataset that cannot be read. */
typedef struct {
    char what[GS_FINDING];
    uint64_t first, rows;
} unreadable;

typedef struct {
    gs_reader *reader;
    gs_verdict *verdict;
    gs_differs *differs;
    void *context;
    unreadable *gaps; /* in rows of runs; owned */
    size_t gap_count;
    gs_status status;
    gs_error *error;
} checker;

/* ---- what has no digest ------------------------------------------------------------------------------------------ */

static void keep_gap(checker *c, const char *path, const char *reason, uint64_t first, uint64_t rows)
{
    unreadable *grown = realloc(c->gaps, (c->gap_count + 1) * sizeof *grown);
    if (grown == NULL) {
        c->status = gs_fail(c->error, GS_ERROR_MEMORY, "out of memory: %zu damaged places", c->gap_count);
        return;
    }
    c->gaps = grown;
    unreadable *gap = &grown[c->gap_count++];
    *gap = (unreadable){.first = first, .rows = rows};
    snprintf(gap->what, sizeof gap->what, "%.150s cannot be read: %.300s", path, reason);
}

/* Columns of a run's row that must be there; what is incidental is no part of the run. */
static bool is_of_result(const char *path)
{
    int count;
    const gs_row_column *columns = gs_columns_of_row(&count);
    for (int i = 0; i < count; i++)
        if (strcmp(columns[i].path, path) == 0) return !columns[i].incidental;
    return strcmp(path, "/coverage/examples") == 0;
}

static bool is_incidental(const char *path)
{
    static const char *const incidental[] = {"/runs/rank",          "/runs/seconds", "/runs/attempts",
                                             "/runs/interruptions", "/runs/launch",  "/runs/planned"};
    for (size_t i = 0; i < sizeof incidental / sizeof incidental[0]; i++)
        if (strcmp(path, incidental[i]) == 0) return true;
    return false;
}

static bool is_in(const char *path, const char *group)
{
    size_t length = strlen(group);
    return strncmp(path, group, length) == 0 && (path[length] == '\0' || path[length] == '/');
}

/* Coordinates can always be made again. */
static bool is_axis(const char *path)
{
    return gs_axes_is_scale(path, 1) || strcmp(path, "/runs/index") == 0; /* as earlier versions called /run */
}

/* What is read with the digests anyway, and missed there. */
static bool has_digest(const char *path)
{
    if (is_axis(path)) return false;
    return is_in(path, "/samples") || is_in(path, "/coverage/over_training") ||
           (is_in(path, "/checkpoints") && strcmp(path, "/checkpoints") != 0);
}

/* Whether all runs have lost something with an object that cannot be opened. */
static bool is_of_runs(const char *path)
{
    if (is_axis(path)) return false;
    static const char *const groups[] = {"/runs",    "/digests", "/settings",   "/coverage",
                                         "/metrics", "/curves",  "/checkpoints"};
    for (size_t i = 0; i < sizeof groups / sizeof groups[0]; i++)
        if (is_in(path, groups[i])) return true;
    return false;
}

static void on_gap(void *context, const gs_gap *gap)
{
    checker *c = context;
    bool rows_of_runs = gap->rows > 0 && strcmp(gap->axis, "run") == 0 && !is_axis(gap->path);
    if (has_digest(gap->path)) return;
    if (rows_of_runs && !is_incidental(gap->path)) keep_gap(c, gap->path, gap->reason, gap->first, gap->rows);
    else if (gap->rows == 0 && is_of_runs(gap->path) && !is_incidental(gap->path))
        keep_gap(c, gap->path, gap->reason, 0, c->reader->runs);
    else {
        char what[GS_FINDING];
        snprintf(what, sizeof what, "%.150s cannot be read: %.300s", gap->path, gap->reason);
        c->verdict->lost++;
        c->differs(c->context, -1, "", what);
    }
}

static bool wants(void *context, const char *path)
{
    (void)context, (void)path;
    return true;
}

static bool wants_row(void *context, const char *path, uint64_t row)
{
    (void)context, (void)row;
    return !has_digest(path);
}

static void find_gaps(checker *c)
{
    gs_visitor visitor = {.wants = wants, .wants_row = wants_row, .gap = on_gap, .context = c};
    gs_extent extent;
    int count;
    const gs_row_column *columns = gs_columns_of_row(&count);
    gs_file_probe(c->reader->file, &visitor);
    for (int i = 0; i <= count; i++) {
        const char *path = i < count ? columns[i].path : "/coverage/examples";
        if (!is_of_result(path) || gs_file_extent(c->reader->file, path, &extent)) continue;
        keep_gap(c, path, "it is missing, or its description is damaged", 0, c->reader->runs);
    }
}

/* ---- runs -------------------------------------------------------------------------------------------------------- */

/* Compares a run; `what` stays empty if everything agrees. */
static void check_digests(checker *c, uint64_t run, char what[GS_FINDING])
{
    gs_reader *r = c->reader;
    gs_digests stored, found;
    gs_error reason;
    gs_reader_digests(r, run, &stored);
    if (!gs_reader_turn_to(r, run)) {
        snprintf(what, GS_FINDING, "is of a model that this version does not know");
        return;
    }
    for (int part = 0; part < GS_PART_COUNT; part++) {
        if (!gs_reader_stores(r, (gs_digest_part)part, run)) continue;
        c->verdict->checked[part]++;
        gs_status readable = gs_reader_part(r, (gs_digest_part)part, run, &reason);
        if (readable == GS_ERROR_MEMORY) c->status = gs_fail(c->error, readable, "%s", reason.text);
        if (readable == GS_OK) {
            gs_digest_of(&r->result, (gs_digest_part)part, found.parts[part]);
            if (memcmp(found.parts[part], stored.parts[part], GS_DIGEST) == 0) continue;
        }
        if (what[0] != '\0') continue; /* the first difference is told */
        if (readable != GS_OK)
            snprintf(what, GS_FINDING, "%s cannot be read: %.300s", gs_digest_parts[part], reason.text);
        else
            snprintf(what, GS_FINDING, "%s differs: stored digest %.32s, of the data %.32s", gs_digest_parts[part],
                     stored.parts[part], found.parts[part]);
    }
    gs_digests_close(&stored, found.whole);
    if (what[0] == '\0' && memcmp(found.whole, stored.whole, GS_DIGEST) != 0)
        snprintf(what, GS_FINDING, "digest differs: stored %.32s, of the stored parts %.32s", stored.whole,
                 found.whole);
}

static void check_run(checker *c, uint64_t run)
{
    char what[GS_FINDING] = "", label[GS_LABEL + 1];
    int8_t status = c->reader->status[run];
    if (status != GS_RUN_DONE && status != GS_RUN_FAILED) return;
    c->verdict->done += status == GS_RUN_DONE;
    if (status == GS_RUN_DONE) check_digests(c, run, what);
    for (size_t i = 0; i < c->gap_count && what[0] == '\0'; i++)
        if (run >= c->gaps[i].first && run - c->gaps[i].first < c->gaps[i].rows)
            memcpy(what, c->gaps[i].what, sizeof what);
    if (what[0] == '\0') return;
    c->verdict->different++;
    gs_reader_text(c->reader, "/runs/label", run, label, GS_LABEL);
    c->differs(c->context, (int64_t)run, label, what);
}

gs_status gs_verify(const char *path, gs_open_for purpose, gs_differs *differs, void *context, gs_verdict *verdict,
                    gs_error *error)
{
    checker c = {.verdict = verdict, .differs = differs, .context = context, .error = error};
    *verdict = (gs_verdict){.done = 0};
    gs_status status = gs_reader_open(&c.reader, path, purpose, error);
    if (status != GS_OK) return status;
    find_gaps(&c);
    for (uint64_t run = 0; c.status == GS_OK && run < c.reader->runs; run++) check_run(&c, run);
    gs_reader_close(&c.reader);
    free(c.gaps);
    return c.status;
}
