#include "store/store.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store/columns.h"
#include "store/layouts.h"

enum { LAUNCH = 0 /* the first launch; a file is not extended yet */ };

/* Bulk datasets with one chunk, or a row of chunks, a run. */
typedef enum { IMAGE, BIN, ERROR, EXAMPLES, ALONG_STEP, ALONG_COUNTS, ALONG_REJECTED, BULK_COUNT } bulk_id;

struct gs_store {
    gs_file *file;
    gs_columns columns;
    gs_layouts layouts;
    gs_dataset bulk[BULK_COUNT];
    uint64_t points; /* of coverage along training, most of any run */
    int32_t *attempts;
};

/* ---- making ------------------------------------------------------------------------------------------------------ */

typedef struct {
    gs_dataset run, color, digit;
} scales;

static gs_status add_sweep_and_data(gs_store *store, const gs_store_contents *contents, scales *axes, gs_error *error)
{
    gs_file *file = store->file;
    const gs_sweep *sweep = contents->sweep;
    float templates[GS_DIGITS][GS_PIXELS];
    char digit_names[GS_DIGITS][2] = {{0}}, color_names[GS_COLORS][8] = {{0}};
    for (int d = 0; d < GS_DIGITS; d++) {
        memcpy(digit_names[d], gs_digit_names[d], strlen(gs_digit_names[d]));
        for (int p = 0; p < GS_PIXELS; p++) templates[d][p] = (float)contents->digits->grey[d][p] / 255.0f;
    }
    for (int c = 0; c < GS_COLORS; c++) memcpy(color_names[c], gs_color_names[c], strlen(gs_color_names[c]));
    const char *const template_axes[] = {"digit", "row", "column"};
    const char *yaml = gs_sweep_text(sweep);
    struct {
        gs_dataset_spec spec;
        uint64_t rows;
        const void *values;
        gs_dataset *dataset;
    } fixed[] = {
        {{"/data/templates", GS_CELL_FLOAT32, .rank = 3, .dims = {GS_DIGITS, GS_SIDE, GS_SIDE}, .axes = template_axes},
         GS_DIGITS, templates, NULL},
        {{"/data/digit_names", GS_CELL_TEXT, .text = 2, .rank = 1, .dims = {GS_DIGITS}}, GS_DIGITS, digit_names, &axes->digit},
        {{"/data/color_names", GS_CELL_TEXT, .text = 8, .rank = 1, .dims = {GS_COLORS}}, GS_COLORS, color_names, &axes->color},
        {{"/sweep/yaml", GS_CELL_TEXT, .text = strlen(yaml) + 1}, 1, yaml, NULL},
        {{"/sweep/overrides", GS_CELL_TEXT, .text = strlen(contents->overrides) + 1}, 1, contents->overrides, NULL},
    };
    gs_status status = GS_OK;
    gs_dataset templates_dataset = 0;
    for (size_t i = 0; i < sizeof fixed / sizeof fixed[0] && status == GS_OK; i++) {
        gs_dataset dataset;
        status = gs_file_add(file, &fixed[i].spec, &dataset, error);
        if (status == GS_OK) status = gs_file_write(file, dataset, 0, fixed[i].rows, fixed[i].values, error);
        if (fixed[i].dataset != NULL) *fixed[i].dataset = dataset;
        if (i == 0) templates_dataset = dataset;
    }
    if (status == GS_OK) status = gs_file_make_scale(file, axes->digit, "digit", error);
    if (status == GS_OK) status = gs_file_make_scale(file, axes->color, "color", error);
    if (status == GS_OK) status = gs_file_attach_scale(file, templates_dataset, 0, axes->digit, error);
    return status;
}

static gs_status add_facts(gs_store *store, const gs_store_contents *contents, gs_error *error)
{
    const char *const axes[] = {"launch"};
    gs_status status = GS_OK;
    for (size_t i = 0; i < contents->fact_count && status == GS_OK; i++) {
        const gs_fact *fact = &contents->facts[i];
        char path[128];
        snprintf(path, sizeof path, "/provenance/%s", fact->name);
        size_t text = fact->text == NULL ? 0 : GS_FACT_TEXT; /* room for those of later launches */
        gs_dataset_spec spec = {.path = path, .cell = fact->text != NULL ? GS_CELL_TEXT : GS_CELL_INT64, .text = text,
                                .layout = GS_ROWS, .rank = 1, .dims = {1}, .axes = axes};
        gs_dataset dataset;
        status = gs_file_add(store->file, &spec, &dataset, error);
        char cell[GS_FACT_TEXT] = {0};
        if (fact->text != NULL) strncpy(cell, fact->text, sizeof cell - 1);
        else memcpy(cell, &fact->number, sizeof fact->number);
        if (status == GS_OK) status = gs_file_write(store->file, dataset, LAUNCH, 1, cell, error);
    }
    return status;
}

static gs_status add_bulk(gs_store *store, const gs_store_contents *contents, const scales *axes, gs_error *error)
{
    static const char *const image_axes[] = {"run", "sample", "row", "column", "channel"};
    static const char *const example_axes[] = {"run", "color", "digit", "row", "column", "channel"};
    static const char *const point_axes[] = {"run", "point", "color", "digit"};
    const gs_storage *storage = &contents->sweep->storage;
    uint64_t runs = contents->plan->run_count, samples = (uint64_t)gs_plan_largest(contents->plan, GS_SETTING_SAMPLES);
    uint64_t points = store->points;
    const int64_t no_step = -1;
    int level = storage->compression;
    const gs_dataset_spec specs[BULK_COUNT] = {
        [IMAGE] = {"/samples/image", GS_CELL_UINT8, 0, GS_BULK, 5, {runs, samples, GS_SIDE, GS_SIDE, GS_CHANNELS},
                   {1, GS_IMAGES_PER_CHUNK, GS_SIDE, GS_SIDE, GS_CHANNELS}, level, NULL, image_axes},
        [BIN] = {"/samples/bin", GS_CELL_UINT8, 0, GS_BULK, 2, {runs, samples}, {1, samples}, level, NULL, image_axes},
        [ERROR] = {"/samples/error", GS_CELL_UINT16, 0, GS_BULK, 2, {runs, samples}, {1, samples}, level, NULL, image_axes},
        [EXAMPLES] = {"/coverage/examples", GS_CELL_UINT8, 0, GS_BULK, 6,
                      {runs, GS_COLORS, GS_DIGITS, GS_SIDE, GS_SIDE, GS_CHANNELS},
                      {1, GS_COLORS, GS_DIGITS, GS_SIDE, GS_SIDE, GS_CHANNELS}, level, NULL, example_axes},
        [ALONG_STEP] = {"/coverage/over_training/step", GS_CELL_INT64, 0, GS_BULK, 2, {runs, points}, {1, points}, 0, &no_step,
                        point_axes},
        [ALONG_COUNTS] = {"/coverage/over_training/counts", GS_CELL_UINT32, 0, GS_BULK, 4, {runs, points, GS_COLORS, GS_DIGITS},
                          {1, points, GS_COLORS, GS_DIGITS}, 0, NULL, point_axes},
        [ALONG_REJECTED] = {"/coverage/over_training/rejected", GS_CELL_UINT32, 0, GS_BULK, 2, {runs, points}, {1, points}, 0,
                            NULL, point_axes},
    };
    gs_status status = GS_OK;
    for (int b = 0; b < BULK_COUNT && status == GS_OK; b++) {
        bool wanted = b >= ALONG_STEP ? points > 0 : b == EXAMPLES || storage->samples;
        if (!wanted) continue;
        status = gs_file_add(store->file, &specs[b], &store->bulk[b], error);
        if (status == GS_OK) status = gs_file_attach_scale(store->file, store->bulk[b], 0, axes->run, error);
        int color = b == EXAMPLES ? 1 : b == ALONG_COUNTS ? 2 : -1;
        if (status == GS_OK && color > 0) status = gs_file_attach_scale(store->file, store->bulk[b], color, axes->color, error);
        if (status == GS_OK && color > 0) status = gs_file_attach_scale(store->file, store->bulk[b], color + 1, axes->digit, error);
    }
    return status;
}

static gs_status add_root_notes(gs_store *store, const gs_store_contents *contents, gs_error *error)
{
    const struct {
        const char *name, *text;
    } notes[] = {
        {"format", "gensweep"},
        {"name", contents->sweep->name},
        {"description", contents->sweep->description},
        {"gensweep_version", contents->version},
        {"digest_algorithm", "xxh3-128"},
    };
    gs_status status = gs_file_note_integer(store->file, "/", "format_version", 1, error);
    for (size_t i = 0; i < sizeof notes / sizeof notes[0] && status == GS_OK; i++)
        status = gs_file_note_text(store->file, "/", notes[i].name, notes[i].text, error);
    return status;
}

static gs_status make_all(gs_store *store, const gs_store_contents *contents, gs_error *error)
{
    scales axes = {0};
    gs_status status = add_root_notes(store, contents, error);
    if (status == GS_OK) status = add_sweep_and_data(store, contents, &axes, error);
    if (status == GS_OK) status = add_facts(store, contents, error);
    if (status == GS_OK)
        status = gs_columns_add(&store->columns, store->file, contents->plan, contents->digits, axes.color, axes.digit, error);
    axes.run = store->columns.run_scale;
    if (status == GS_OK) status = add_bulk(store, contents, &axes, error);
    if (status == GS_OK && contents->sweep->storage.checkpoints)
        status = gs_layouts_add(&store->layouts, store->file, contents->plan, contents->digits, error);
    if (status == GS_OK) status = gs_file_flush(store->file, error);
    return status;
}

/* Gives the finished file its name without ever replacing another one. */
static gs_status give_name(const char *temporary, const char *path, gs_error *error)
{
    if (link(temporary, path) == 0) {
        unlink(temporary);
        return GS_OK;
    }
    int reason = errno;
    bool no_links = reason == EPERM || reason == ENOTSUP || reason == ENOSYS;
    if (no_links && access(path, F_OK) != 0 && rename(temporary, path) == 0) return GS_OK;
    unlink(temporary);
    return gs_fail(error, GS_ERROR_STORAGE, "cannot create '%s': %s", path, strerror(reason));
}

gs_status gs_store_create(gs_store **store, const char *path, const gs_store_contents *contents, gs_error *error)
{
    gs_store *made = calloc(1, sizeof *made);
    size_t size = strlen(path) + 32;
    char *temporary = malloc(size);
    gs_status status = GS_OK;
    if (made != NULL) made->attempts = calloc(contents->plan->run_count, sizeof *made->attempts);
    if (made == NULL || temporary == NULL || made->attempts == NULL) {
        status = gs_fail(error, GS_ERROR_MEMORY, "out of memory for the results file");
        goto out;
    }
    for (size_t v = 0; v < contents->plan->variant_count; v++) {
        uint64_t points = (uint64_t)gs_coverage_points(&contents->plan->variants[v].settings);
        if (points > made->points) made->points = points;
    }
    snprintf(temporary, size, "%s.%ld.tmp", path, (long)getpid());
    status = gs_file_create(&made->file, temporary, path, error);
    if (status == GS_OK) status = make_all(made, contents, error);
    if (status == GS_OK) status = gs_file_start_swmr(made->file, error);
    if (status == GS_OK) status = give_name(temporary, path, error);
    else unlink(temporary);
out:
    free(temporary);
    if (status == GS_OK) {
        *store = made;
        return GS_OK;
    }
    gs_status told = gs_store_close(&made, NULL); /* the first error is the one to tell */
    (void)told;
    return status;
}

/* ---- runs -------------------------------------------------------------------------------------------------------- */

gs_status gs_store_start(gs_store *store, int64_t run, gs_error *error)
{
    int32_t attempts = ++store->attempts[run];
    gs_status status = gs_columns_start(&store->columns, store->file, run, attempts, LAUNCH, error);
    return status == GS_OK ? gs_file_flush(store->file, error) : status; /* readers see what is running */
}

gs_status gs_store_release(gs_store *store, int64_t run, gs_error *error)
{
    int32_t attempts = --store->attempts[run];
    gs_status status = gs_columns_release(&store->columns, store->file, run, attempts, error);
    return status == GS_OK ? gs_file_flush(store->file, error) : status;
}

static gs_status write_along(gs_store *store, int64_t run, const gs_chunk *chunk, gs_error *error)
{
    const gs_coverage_point *given = (const gs_coverage_point *)(const void *)chunk->bytes;
    size_t points = (size_t)store->points, count = (size_t)chunk->size / sizeof *given;
    int64_t *steps = malloc(points * sizeof *steps);
    uint32_t *counts = calloc(points, GS_BINS * sizeof *counts), *rejected = calloc(points, sizeof *rejected);
    gs_status status = GS_OK;
    if (steps == NULL || counts == NULL || rejected == NULL)
        status = gs_fail(error, GS_ERROR_MEMORY, "out of memory: %zu points", points);
    for (size_t p = 0; status == GS_OK && p < points; p++) {
        steps[p] = p < count ? given[p].step : -1;
        if (p >= count) continue;
        memcpy(counts + p * GS_BINS, given[p].counts, sizeof given[p].counts);
        rejected[p] = given[p].rejected;
    }
    const uint64_t offset[GS_RANK_MAX] = {(uint64_t)run};
    const void *const parts[] = {steps, counts, rejected};
    const size_t sizes[] = {points * sizeof *steps, points * GS_BINS * sizeof *counts, points * sizeof *rejected};
    for (int i = 0; i < 3 && status == GS_OK; i++)
        status = gs_file_write_chunk(store->file, store->bulk[ALONG_STEP + i], offset, parts[i], sizes[i], error);
    free(steps);
    free(counts);
    free(rejected);
    return status;
}

static gs_status write_bulk(gs_store *store, int64_t run, const gs_chunk *chunk, gs_error *error)
{
    static const bulk_id datasets[] = {
        [GS_BULK_IMAGE] = IMAGE, [GS_BULK_BIN] = BIN, [GS_BULK_ERROR] = ERROR, [GS_BULK_EXAMPLES] = EXAMPLES};
    if (chunk->bulk == GS_BULK_ALONG) return write_along(store, run, chunk, error);
    if (chunk->bulk == GS_BULK_TENSOR)
        return gs_layouts_write(&store->layouts, store->file, run, chunk->place, chunk->bytes, (size_t)chunk->size, error);
    if (chunk->bulk > GS_BULK_TENSOR) return gs_fail(error, GS_ERROR_INTERNAL, "a result holds an unknown part %u", chunk->bulk);
    uint64_t offset[GS_RANK_MAX] = {(uint64_t)run};
    if (chunk->bulk == GS_BULK_IMAGE) offset[1] = (uint64_t)chunk->place * GS_IMAGES_PER_CHUNK;
    return gs_file_write_chunk(store->file, store->bulk[datasets[chunk->bulk]], offset, chunk->bytes, (size_t)chunk->size, error);
}

gs_status gs_store_commit(gs_store *store, const gs_parcel *parcel, gs_error *error)
{
    gs_row row;
    gs_chunk chunk;
    size_t cursor = 0;
    gs_status status = gs_parcel_row(parcel, &row, error);
    while (status == GS_OK && gs_parcel_next(parcel, &cursor, &chunk)) status = write_bulk(store, row.run, &chunk, error);
    if (status == GS_OK) status = gs_columns_write(&store->columns, store->file, &row, error);
    if (status == GS_OK) status = gs_file_flush(store->file, error);
    if (status == GS_OK) status = gs_columns_finish(&store->columns, store->file, &row, error);
    if (status == GS_OK) status = gs_file_flush(store->file, error);
    return status;
}

gs_status gs_store_close(gs_store **store, gs_error *error)
{
    if (store == NULL || *store == NULL) return GS_OK;
    gs_status status = gs_file_close(&(*store)->file, error);
    gs_layouts_free(&(*store)->layouts);
    gs_columns_free(&(*store)->columns);
    free((*store)->attempts);
    free(*store);
    *store = NULL;
    return status;
}
