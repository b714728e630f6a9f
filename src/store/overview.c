#include "store/overview.h"

#include <stdlib.h>
#include <string.h>

/* A column of numbers, spread over the runs. */
static gs_status read_numbers(gs_overview *overview, gs_file *file, const char *path, gs_cell cell, size_t offset,
                              gs_error *error)
{
    size_t size = gs_cell_size(cell, 0), count = (size_t)overview->run_count;
    unsigned char *cells = malloc(count * size + 1);
    gs_dataset dataset;
    gs_status status = gs_file_find(file, path, cell, 0, 1, &dataset, error);
    if (cells == NULL) status = gs_fail(error, GS_ERROR_MEMORY, "out of memory: %zu runs", count);
    if (status == GS_OK && gs_file_earlier_rows(file, dataset) < count)
        status = gs_fail(error, GS_ERROR_STORAGE, "the results file is damaged: %s is shorter than /runs/status", path);
    if (status == GS_OK) status = gs_file_read(file, dataset, 0, count, cells, error);
    for (size_t i = 0; i < count && status == GS_OK; i++)
        memcpy((unsigned char *)&overview->runs[i] + offset, cells + i * size, size);
    free(cells);
    return status;
}

static gs_status read_runs(gs_overview *overview, gs_file *file, gs_error *error)
{
    static const struct {
        const char *path;
        gs_cell cell;
        size_t offset;
    } columns[] = {
        {"/runs/status", GS_CELL_STATUS, offsetof(gs_overview_run, status)},
        {"/runs/planned", GS_CELL_INT8, offsetof(gs_overview_run, planned)},
        {"/runs/rank", GS_CELL_INT32, offsetof(gs_overview_run, rank)},
        {"/runs/launch", GS_CELL_INT32, offsetof(gs_overview_run, launch)},
        {"/runs/attempts", GS_CELL_INT32, offsetof(gs_overview_run, attempts)},
        {"/runs/interruptions", GS_CELL_INT32, offsetof(gs_overview_run, interruptions)},
        {"/runs/steps_done", GS_CELL_INT64, offsetof(gs_overview_run, steps_done)},
        {"/settings/steps", GS_CELL_INT64, offsetof(gs_overview_run, steps)},
        {"/runs/seconds", GS_CELL_FLOAT64, offsetof(gs_overview_run, seconds)},
    };
    gs_extent extent;
    if (!gs_file_extent(file, "/runs/status", &extent) || extent.rank != 1)
        return gs_fail(error, GS_ERROR_STORAGE, "the results file is damaged: it has no /runs/status");
    overview->run_count = (int64_t)extent.dims[0];
    overview->runs = calloc(extent.dims[0] + 1, sizeof *overview->runs);
    if (overview->runs == NULL)
        return gs_fail(error, GS_ERROR_MEMORY, "out of memory: %zu runs", (size_t)extent.dims[0]);
    gs_status status = GS_OK;
    for (size_t i = 0; i < sizeof columns / sizeof columns[0] && status == GS_OK; i++)
        status = read_numbers(overview, file, columns[i].path, columns[i].cell, columns[i].offset, error);
    gs_dataset models;
    if (status == GS_OK) status = gs_file_find(file, "/runs/model", GS_CELL_TEXT, GS_MODEL_TEXT, 1, &models, error);
    char(*names)[GS_MODEL_TEXT] = calloc((size_t)overview->run_count + 1, sizeof *names);
    if (names == NULL && status == GS_OK)
        status = gs_fail(error, GS_ERROR_MEMORY, "out of memory: %zu runs", (size_t)extent.dims[0]);
    if (status == GS_OK) status = gs_file_read(file, models, 0, extent.dims[0], names, error);
    for (int64_t i = 0; i < overview->run_count && status == GS_OK; i++)
        overview->runs[i].model = (int8_t)gs_model_of_name(names[i]);
    free(names);
    return status;
}

static gs_status read_details(gs_overview *overview, gs_file *file, gs_error *error)
{
    gs_dataset labels, errors;
    for (int64_t i = 0; i < overview->run_count; i++)
        overview->detail_count +=
            overview->runs[i].status == GS_RUN_RUNNING || overview->runs[i].status == GS_RUN_FAILED;
    overview->details = calloc((size_t)overview->detail_count + 1, sizeof *overview->details);
    if (overview->details == NULL)
        return gs_fail(error, GS_ERROR_MEMORY, "out of memory: %zu runs", (size_t)overview->detail_count);
    gs_status status = gs_file_find(file, "/runs/label", GS_CELL_TEXT, GS_LABEL, 1, &labels, error);
    if (status == GS_OK) status = gs_file_find(file, "/runs/error", GS_CELL_TEXT, GS_REASON, 1, &errors, error);
    gs_overview_detail *detail = overview->details;
    for (int64_t i = 0; i < overview->run_count && status == GS_OK; i++) {
        if (overview->runs[i].status != GS_RUN_RUNNING && overview->runs[i].status != GS_RUN_FAILED) continue;
        detail->row = i;
        status = gs_file_read(file, labels, (uint64_t)i, 1, detail->label, error);
        if (status == GS_OK) status = gs_file_read(file, errors, (uint64_t)i, 1, detail->error, error);
        detail++;
    }
    return status;
}

/* A fact of the last launch, cut to the room there is; empty where the file does not tell. */
static void read_fact(gs_file *file, const char *path, uint64_t launch, char *text, size_t size)
{
    gs_dataset dataset;
    gs_extent extent;
    text[0] = '\0';
    if (!gs_file_extent(file, path, &extent) || extent.rank != 1 || extent.dims[0] <= launch) return;
    char *cell = calloc(1, extent.cell + 1);
    if (cell != NULL && gs_file_find(file, path, GS_CELL_TEXT, extent.cell, 1, &dataset, NULL) == GS_OK &&
        gs_file_read(file, dataset, launch, 1, cell, NULL) == GS_OK) {
        size_t length = strlen(cell) < size ? strlen(cell) : size - 1;
        memcpy(text, cell, length);
        text[length] = '\0';
    }
    free(cell);
}

static void read_launch(gs_overview *overview, gs_file *file)
{
    gs_dataset dataset;
    gs_extent extent;
    if (!gs_file_extent(file, "/provenance/started", &extent) || extent.rank != 1 || extent.dims[0] == 0) return;
    overview->launches = (int64_t)extent.dims[0];
    uint64_t last = extent.dims[0] - 1;
    read_fact(file, "/provenance/started", last, overview->started, sizeof overview->started);
    read_fact(file, "/provenance/hosts", last, overview->hosts, sizeof overview->hosts);
    read_fact(file, "/provenance/job", last, overview->job, sizeof overview->job);
    if (gs_file_extent(file, "/provenance/ranks", &extent) && extent.dims[0] > last &&
        gs_file_find(file, "/provenance/ranks", GS_CELL_INT64, 0, 1, &dataset, NULL) == GS_OK &&
        gs_file_read(file, dataset, last, 1, &overview->ranks, NULL) != GS_OK)
        overview->ranks = 0;
}

gs_status gs_overview_read(gs_overview *overview, const char *path, gs_error *error)
{
    gs_file *file;
    *overview = (gs_overview){.run_count = 0};
    gs_status status = gs_file_open(&file, path, path, GS_OPEN_READ, error);
    if (status != GS_OK) return status;
    if (!gs_file_noted_text(file, "/", "name", overview->name, sizeof overview->name)) overview->name[0] = '\0';
    status = read_runs(overview, file, error);
    if (status == GS_OK) status = read_details(overview, file, error);
    if (status == GS_OK) read_launch(overview, file);
    gs_status closed = gs_file_close(&file, NULL);
    (void)closed;
    if (status != GS_OK) gs_overview_free(overview);
    return status;
}

void gs_overview_free(gs_overview *overview)
{
    free(overview->runs);
    free(overview->details);
    *overview = (gs_overview){.run_count = 0};
}
