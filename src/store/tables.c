#include "store/tables.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/audits.h"
#include "store/ranks.h"

enum { DIGIT_TEXT = 2, COLOR_TEXT = 8 }; /* bytes of the names */

static gs_status add_sweep_and_data(gs_file *file, const gs_store_contents *contents, bool continued, gs_error *error)
{
    const gs_sweep *sweep = contents->sweep;
    float templates[GS_DIGITS][GS_PIXELS];
    char digit_names[GS_DIGITS][DIGIT_TEXT] = {{0}}, color_names[GS_COLORS][COLOR_TEXT] = {{0}};
    for (int d = 0; d < GS_DIGITS; d++) {
        memcpy(digit_names[d], gs_digit_names[d], strlen(gs_digit_names[d]));
        for (int p = 0; p < GS_PIXELS; p++) templates[d][p] = (float)contents->digits->grey[d][p] / 255.0f;
    }
    for (int c = 0; c < GS_COLORS; c++) memcpy(color_names[c], gs_color_names[c], strlen(gs_color_names[c]));
    const char *yaml = gs_sweep_text(sweep);
    const struct {
        gs_dataset_spec spec;
        uint64_t rows;
        const void *values;
    } fixed[] = {
        {{"/data/templates", GS_CELL_FLOAT32, .rank = 3, .dims = {GS_DIGITS, GS_SIDE, GS_SIDE}}, GS_DIGITS, templates},
        {{"/data/digit_names", GS_CELL_TEXT, .text = DIGIT_TEXT, .rank = 1, .dims = {GS_DIGITS}},
         GS_DIGITS,
         digit_names},
        {{"/data/color_names", GS_CELL_TEXT, .text = COLOR_TEXT, .rank = 1, .dims = {GS_COLORS}},
         GS_COLORS,
         color_names},
        {{"/sweep/yaml", GS_CELL_TEXT, .text = strlen(yaml) + 1}, 1, yaml}, /* the first sweep: it stays */
        {{"/sweep/overrides", GS_CELL_TEXT, .text = strlen(contents->overrides) + 1}, 1, contents->overrides},
    };
    gs_status status = GS_OK;
    for (size_t i = 0; i < sizeof fixed / sizeof fixed[0] && status == GS_OK; i++) {
        gs_dataset dataset;
        status = gs_file_add(file, &fixed[i].spec, &dataset, error);
        if (status == GS_OK && !continued)
            status = gs_file_write(file, dataset, 0, fixed[i].rows, fixed[i].values, error);
    }
    return status;
}

/* ---- launches ---------------------------------------------------------------------------------------------------- */

static void fact_path(const gs_fact *fact, char path[128])
{
    snprintf(path, 128, "/provenance/%s", fact->name);
}

static gs_status write_fact(gs_tables *tables, gs_file *file, size_t number, const gs_fact *fact, gs_error *error)
{
    char cell[GS_FACT_TEXT] = {0};
    if (fact->text != NULL) strncpy(cell, fact->text, sizeof cell - 1);
    else memcpy(cell, &fact->number, sizeof fact->number);
    return gs_file_write(file, tables->facts[number], (uint64_t)tables->launch, 1, cell, error);
}

/* The datasets of the facts; in a file that is continued only those that are there. */
static gs_status add_facts(gs_tables *tables, gs_file *file, const gs_store_contents *contents, gs_error *error)
{
    gs_status status = GS_OK;
    if (contents->fact_count > GS_FACTS_MAX)
        return gs_fail(error, GS_ERROR_INTERNAL, "%zu facts", contents->fact_count);
    for (size_t i = 0; i < contents->fact_count && status == GS_OK; i++) {
        const gs_fact *fact = &contents->facts[i];
        gs_extent extent;
        char path[128];
        fact_path(fact, path);
        tables->facts[i] = GS_NO_DATASET;
        if (tables->continued && !gs_file_extent(file, path, &extent)) continue;
        if (tables->continued && extent.dims[0] > (uint64_t)tables->launch) tables->launch = (int32_t)extent.dims[0];
        size_t text = fact->text == NULL ? 0 : GS_FACT_TEXT; /* room for those of later launches */
        gs_dataset_spec spec = {.path = path,
                                .cell = fact->text != NULL ? GS_CELL_TEXT : GS_CELL_INT64,
                                .text = text,
                                .growth = GS_ROWS,
                                .rank = 1,
                                .dims = {tables->continued ? 0 : 1}};
        status = gs_file_add(file, &spec, &tables->facts[i], error);
        if (status == GS_OK && !tables->continued) status = write_fact(tables, file, i, fact, error);
    }
    return status;
}

gs_status gs_tables_launch(gs_tables *tables, gs_file *file, const gs_store_contents *contents, gs_error *error)
{
    gs_status status = GS_OK;
    for (size_t i = 0; i < contents->fact_count && status == GS_OK; i++) {
        if (tables->facts[i] == GS_NO_DATASET) continue;
        status = gs_file_resize(file, tables->facts[i], (uint64_t)tables->launch + 1, error);
        if (status == GS_OK) status = write_fact(tables, file, i, &contents->facts[i], error);
    }
    if (status == GS_OK) status = gs_changes_note(&tables->changes, file, contents, tables->launch, error);
    return status == GS_OK ? gs_columns_plan(&tables->columns, file, error) : status;
}

/* ---- bulk data --------------------------------------------------------------------------------------------------- */

static gs_dataset_spec spec_of(gs_table_bulk bulk, const gs_bulk_sizes *sizes)
{
    static const int64_t no_step = -1;
    static const uint8_t no_bin = GS_BIN_REJECTED;
    uint64_t runs = sizes->runs, samples = sizes->samples, points = sizes->points;
    int level = sizes->compression;
    const gs_dataset_spec specs[GS_TABLE_BULK_COUNT] = {
        [GS_TABLE_IMAGE] = {"/samples/image",
                            GS_CELL_UINT8,
                            0,
                            GS_BULK,
                            5,
                            {runs, samples, GS_SIDE, GS_SIDE, GS_CHANNELS},
                            {1, GS_IMAGES_PER_CHUNK, GS_SIDE, GS_SIDE, GS_CHANNELS},
                            level,
                            NULL},
        [GS_TABLE_BIN] = {"/samples/bin", GS_CELL_UINT8, 0, GS_BULK, 2, {runs, samples}, {1, samples}, level, &no_bin},
        [GS_TABLE_ERROR] =
            {"/samples/error", GS_CELL_UINT16, 0, GS_BULK, 2, {runs, samples}, {1, samples}, level, NULL},
        [GS_TABLE_EXAMPLES] = {"/coverage/examples",
                               GS_CELL_UINT8,
                               0,
                               GS_BULK,
                               6,
                               {runs, GS_COLORS, GS_DIGITS, GS_SIDE, GS_SIDE, GS_CHANNELS},
                               {1, GS_COLORS, GS_DIGITS, GS_SIDE, GS_SIDE, GS_CHANNELS},
                               level,
                               NULL},
        [GS_TABLE_ALONG_STEP] =
            {"/coverage/over_training/step", GS_CELL_INT64, 0, GS_BULK, 2, {runs, points}, {1, points}, 0, &no_step},
        [GS_TABLE_ALONG_COUNTS] = {"/coverage/over_training/counts",
                                   GS_CELL_UINT32,
                                   0,
                                   GS_BULK,
                                   4,
                                   {runs, points, GS_COLORS, GS_DIGITS},
                                   {1, points, GS_COLORS, GS_DIGITS},
                                   0,
                                   NULL},
        [GS_TABLE_ALONG_REJECTED] =
            {"/coverage/over_training/rejected", GS_CELL_UINT32, 0, GS_BULK, 2, {runs, points}, {1, points}, 0, NULL},
    };
    return specs[bulk];
}

static gs_status add_bulk(gs_tables *tables, gs_file *file, const gs_store_contents *contents, gs_error *error)
{
    const gs_storage *storage = &contents->sweep->storage;
    const gs_roster *roster = tables->columns.roster;
    const gs_bulk_sizes sizes = {roster->rows, tables->samples, tables->points, tables->compression};
    bool to_do = !tables->continued;
    for (uint64_t row = 0; row < roster->rows; row++)
        to_do = to_do || (roster->run_of_row[row] >= 0 && roster->status[row] != GS_RUN_DONE);
    gs_status status = GS_OK;
    for (int b = 0; b < GS_TABLE_BULK_COUNT && status == GS_OK; b++) {
        bool wanted = b >= GS_TABLE_ALONG_STEP ? sizes.points > 0 : b == GS_TABLE_EXAMPLES || storage->samples;
        if (!wanted || !to_do) continue; /* where nothing is to do, nothing is needed that is not there */
        gs_dataset_spec spec = spec_of((gs_table_bulk)b, &sizes);
        status = gs_file_add(file, &spec, &tables->bulk[b], error);
    }
    return status;
}

gs_status gs_tables_restore(gs_file *file, const gs_file *before, const gs_bulk_sizes *sizes, gs_error *error)
{
    gs_columns columns = {.curve_count = 0};
    gs_status status = gs_columns_restore(&columns, file, before, sizes->runs, error);
    for (int b = 0; b < GS_TABLE_BULK_COUNT && status == GS_OK; b++) {
        gs_dataset dataset;
        gs_dataset_spec spec = spec_of((gs_table_bulk)b, sizes);
        bool wanted = b >= GS_TABLE_ALONG_STEP ? sizes->points > 0 : b == GS_TABLE_EXAMPLES || sizes->samples > 0;
        if (wanted) status = gs_file_add(file, &spec, &dataset, error);
    }
    return status == GS_OK ? gs_file_add_scales(file, error) : status;
}

/* How wide rows have to be, for the plan and for what the file holds already. */
static void measure(gs_tables *tables, const gs_file *file, const gs_store_contents *contents)
{
    gs_extent extent;
    const gs_plan *plan = contents->plan;
    tables->samples = (uint64_t)gs_plan_largest(plan, GS_SETTING_SAMPLES);
    tables->points = 0;
    for (size_t v = 0; v < plan->variant_count; v++) {
        gs_settings settings = gs_plan_settings(plan, v);
        uint64_t points = (uint64_t)gs_coverage_points(&settings);
        if (points > tables->points) tables->points = points;
    }
    tables->compression = contents->sweep->storage.compression;
    if (tables->continued && gs_file_extent(file, "/coverage/examples", &extent)) {
        bool deflated = extent.deflate > 0;
        tables->compression = !deflated ? 0 : tables->compression > 0 ? tables->compression : 1;
    }
    if (tables->continued && gs_file_extent(file, "/samples/bin", &extent) && extent.dims[1] > tables->samples)
        tables->samples = extent.dims[1];
    if (tables->continued && gs_file_extent(file, "/coverage/over_training/step", &extent) &&
        extent.dims[1] > tables->points)
        tables->points = extent.dims[1];
}

static void measure_chunks(gs_tables *tables, const gs_file *file)
{
    gs_extent extent;
    tables->sample_chunk = gs_file_extent(file, "/samples/bin", &extent) ? extent.chunk[1] : tables->samples;
    tables->point_chunk =
        gs_file_extent(file, "/coverage/over_training/step", &extent) ? extent.chunk[1] : tables->points;
}

/* Points of one chunk's width, the missing ones with step -1. */
static gs_status write_points(gs_tables *tables, gs_file *file, uint64_t row, uint64_t first,
                              const gs_coverage_point *given, size_t count, gs_error *error)
{
    size_t width = (size_t)tables->point_chunk;
    int64_t *steps = malloc(width * sizeof *steps);
    uint32_t *counts = calloc(width, GS_BINS * sizeof *counts), *rejected = calloc(width, sizeof *rejected);
    gs_status status = GS_OK;
    if (steps == NULL || counts == NULL || rejected == NULL)
        status = gs_fail(error, GS_ERROR_MEMORY, "out of memory: %zu points", width);
    for (size_t p = 0; status == GS_OK && p < width; p++) {
        bool there = first + p < count;
        steps[p] = there ? given[first + p].step : -1;
        if (!there) continue;
        memcpy(counts + p * GS_BINS, given[first + p].counts, sizeof given->counts);
        rejected[p] = given[first + p].rejected;
    }
    const uint64_t offset[GS_RANK_MAX] = {row, first};
    const void *const parts[] = {steps, counts, rejected};
    const size_t sizes[] = {width * sizeof *steps, width * GS_BINS * sizeof *counts, width * sizeof *rejected};
    for (int i = 0; i < 3 && status == GS_OK; i++)
        status = gs_file_write_chunk(file, tables->bulk[GS_TABLE_ALONG_STEP + i], offset, parts[i], sizes[i], error);
    free(steps);
    free(counts);
    free(rejected);
    return status;
}

gs_status gs_tables_write(gs_tables *tables, gs_file *file, int64_t run, const gs_chunk *chunk, gs_error *error)
{
    static const gs_table_bulk datasets[] = {[GS_BULK_IMAGE] = GS_TABLE_IMAGE,
                                             [GS_BULK_BIN] = GS_TABLE_BIN,
                                             [GS_BULK_ERROR] = GS_TABLE_ERROR,
                                             [GS_BULK_EXAMPLES] = GS_TABLE_EXAMPLES};
    uint64_t row = (uint64_t)tables->columns.roster->row_of_run[run];
    gs_status status = GS_OK;
    if (chunk->bulk == GS_BULK_ALONG) {
        const gs_coverage_point *given = (const gs_coverage_point *)(const void *)chunk->bytes;
        size_t count = (size_t)chunk->size / sizeof *given;
        for (uint64_t first = 0; first < count && status == GS_OK; first += tables->point_chunk)
            status = write_points(tables, file, row, first, given, count, error);
        return status;
    }
    if (chunk->bulk == GS_BULK_TENSOR)
        return gs_layouts_write(&tables->layouts, file, run, chunk->place, chunk->bytes, (size_t)chunk->size, error);
    if (chunk->bulk > GS_BULK_TENSOR)
        return gs_fail(error, GS_ERROR_INTERNAL, "a result holds an unknown part %u", chunk->bulk);
    uint64_t offset[GS_RANK_MAX] = {row};
    if (chunk->bulk == GS_BULK_IMAGE) offset[1] = (uint64_t)chunk->place * GS_IMAGES_PER_CHUNK;
    if (chunk->bulk == GS_BULK_BIN || chunk->bulk == GS_BULK_ERROR)
        offset[1] = (uint64_t)chunk->place * tables->sample_chunk;
    return gs_file_write_chunk(file, tables->bulk[datasets[chunk->bulk]], offset, chunk->bytes, (size_t)chunk->size,
                               error);
}

gs_status gs_tables_along(const gs_tables *tables, gs_file *file, int64_t run, gs_coverage_point *points, size_t room,
                          size_t *count, gs_error *error)
{
    uint64_t row = (uint64_t)tables->columns.roster->row_of_run[run];
    gs_extent extent;
    *count = 0;
    if (!gs_file_extent(file, "/coverage/over_training/step", &extent)) return GS_OK;
    size_t width = extent.dims[1] < room ? (size_t)extent.dims[1] : room;
    int64_t *steps = malloc((width + 1) * sizeof *steps);
    uint32_t *counts = malloc((width + 1) * GS_BINS * sizeof *counts),
             *rejected = malloc((width + 1) * sizeof *rejected);
    gs_status status = GS_OK;
    if (steps == NULL || counts == NULL || rejected == NULL)
        status = gs_fail(error, GS_ERROR_MEMORY, "out of memory: %zu points", width);
    void *const parts[] = {steps, counts, rejected};
    for (int i = 0; i < 3 && status == GS_OK; i++)
        status = gs_file_read_part(file, tables->bulk[GS_TABLE_ALONG_STEP + i], row, width, parts[i], error);
    for (; status == GS_OK && *count < width && steps[*count] >= 0; ++*count) {
        gs_coverage_point *point = &points[*count];
        point->step = steps[*count];
        point->rejected = rejected[*count];
        memcpy(point->counts, counts + *count * GS_BINS, sizeof point->counts);
    }
    free(steps);
    free(counts);
    free(rejected);
    return status;
}

/* ---- all of it --------------------------------------------------------------------------------------------------- */

static gs_status add_root_notes(gs_file *file, const gs_store_contents *contents, gs_error *error)
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
    gs_status status = gs_file_note_integer(file, "/", "format_version", GS_FORMAT_VERSION, error);
    for (size_t i = 0; i < sizeof notes / sizeof notes[0] && status == GS_OK; i++)
        status = gs_file_note_text(file, "/", notes[i].name, notes[i].text, error);
    return status;
}

gs_status gs_tables_add(gs_tables *tables, gs_file *file, const gs_roster *roster, const gs_store_contents *contents,
                        gs_error *error)
{
    *tables = (gs_tables){.continued = roster->earlier_rows > 0, .columns.roster = roster};
    measure(tables, file, contents);
    gs_status status = tables->continued ? GS_OK : add_root_notes(file, contents, error);
    if (status == GS_OK) status = add_sweep_and_data(file, contents, tables->continued, error);
    if (status == GS_OK) status = gs_changes_add(&tables->changes, file, contents, tables->continued, error);
    if (status == GS_OK) status = add_facts(tables, file, contents, error);
    if (status == GS_OK) status = gs_audits_add(file, tables->continued, error);
    if (status == GS_OK) status = gs_ranks_add(file, tables->continued, error);
    if (status == GS_OK) status = gs_columns_add(&tables->columns, file, roster, tables->launch, error);
    if (status == GS_OK) status = add_bulk(tables, file, contents, error);
    if (status == GS_OK && contents->sweep->storage.checkpoints)
        status = gs_layouts_add(&tables->layouts, file, roster, error);
    if (status == GS_OK && tables->continued && !gs_file_lacks(file))
        status = gs_file_extend_axis(file, "run", roster->rows, error);
    if (status == GS_OK) status = gs_file_add_scales(file, error);
    measure_chunks(tables, file);
    return status;
}

void gs_tables_free(gs_tables *tables)
{
    gs_layouts_free(&tables->layouts);
}
