#include "store/changes.h"

#include <stdlib.h>
#include <string.h>

static const char *const yaml_path = "/sweep/history", *const overrides_path = "/sweep/history_overrides",
                         *const launch_path = "/sweep/history_launch";

enum { YAML_CELL = 65536, OVERRIDES_CELL = 4096 };

static gs_status rows_of(gs_file *file, const char *path, uint64_t *rows, gs_error *error)
{
    gs_extent extent;
    if (!gs_file_extent(file, path, &extent) || extent.rank != 1)
        return gs_fail(error, GS_ERROR_STORAGE, "the results file is damaged: %s is no list", path);
    *rows = extent.dims[0];
    return GS_OK;
}

/* How many rows are finished, and whether there is one behind them that is not. */
static gs_status count_finished(gs_file *file, uint64_t *finished, bool *unfinished, gs_error *error)
{
    uint64_t yaml_rows = 0, overrides_rows = 0, rows = 0;
    gs_dataset dataset;
    int32_t last = 1;
    gs_status status = rows_of(file, yaml_path, &yaml_rows, error);
    if (status == GS_OK) status = rows_of(file, overrides_path, &overrides_rows, error);
    if (status == GS_OK) status = rows_of(file, launch_path, &rows, error);
    if (status == GS_OK) status = gs_file_find(file, launch_path, GS_CELL_INT32, 0, 1, &dataset, error);
    if (status == GS_OK && rows > 0) status = gs_file_read(file, dataset, rows - 1, 1, &last, error);
    *finished = last == 0 ? rows - 1 : rows;
    *unfinished = last == 0 || yaml_rows > rows || overrides_rows > rows;
    return status;
}

/* Whether the last of so many texts at `later`, or if there is none the one at `first`, is `text`. */
static bool is_last(gs_file *file, const char *first, const char *later, uint64_t rows, const char *text)
{
    const char *path = rows > 0 ? later : first;
    gs_extent extent;
    gs_dataset dataset;
    if (!gs_file_extent(file, path, &extent)) return false;
    char *last = calloc(1, extent.cell + 1);
    bool same = last != NULL && gs_file_find(file, path, GS_CELL_TEXT, extent.cell, 1, &dataset, NULL) == GS_OK &&
                gs_file_read(file, dataset, rows > 0 ? rows - 1 : 0, 1, last, NULL) == GS_OK && strcmp(last, text) == 0;
    free(last);
    return same;
}

static bool is_same(gs_file *file, const gs_store_contents *contents, uint64_t rows)
{
    return is_last(file, "/sweep/yaml", yaml_path, rows, gs_sweep_text(contents->sweep)) &&
           is_last(file, "/sweep/overrides", overrides_path, rows, contents->overrides);
}

/* Bytes of a cell for this text: those that the file's cells have, if they are enough. */
static size_t cell_for(const gs_file *file, const char *path, const char *text, size_t least)
{
    gs_extent extent;
    size_t needed = strlen(text) + 1, cell = least;
    if (gs_file_extent(file, path, &extent) && extent.cell > 0) cell = extent.cell;
    while (cell < needed) cell *= 2;
    return cell;
}

gs_status gs_changes_add(gs_changes *changes, gs_file *file, const gs_store_contents *contents, bool continued,
                         gs_error *error)
{
    gs_error ignored;
    uint64_t rows = 0;
    bool unfinished = false, there = continued && count_finished(file, &rows, &unfinished, &ignored) == GS_OK;
    bool same =
        !continued || (there && !unfinished && is_same(file, contents, rows)); /* no row is going to be written */
    changes->yaml_cell = cell_for(file, yaml_path, same ? "" : gs_sweep_text(contents->sweep), YAML_CELL);
    changes->overrides_cell = cell_for(file, overrides_path, same ? "" : contents->overrides, OVERRIDES_CELL);
    const struct {
        gs_dataset_spec spec;
        gs_dataset *dataset;
    } columns[] = {
        {{.path = yaml_path, .cell = GS_CELL_TEXT, .text = changes->yaml_cell}, &changes->yaml},
        {{.path = overrides_path, .cell = GS_CELL_TEXT, .text = changes->overrides_cell}, &changes->overrides},
        {{.path = launch_path, .cell = GS_CELL_INT32}, &changes->launch},
    };
    gs_status status = GS_OK;
    for (size_t i = 0; i < sizeof columns / sizeof columns[0] && status == GS_OK; i++) {
        gs_dataset_spec spec = columns[i].spec;
        spec.growth = GS_ROWS;
        spec.rank = 1;
        status = gs_file_add(file, &spec, columns[i].dataset, error);
    }
    return status;
}

static gs_status write_text(gs_file *file, gs_dataset dataset, uint64_t row, const char *text, size_t cell_bytes,
                            gs_error *error)
{
    if (strlen(text) >= cell_bytes)
        return gs_fail(error, GS_ERROR_INTERNAL, "a sweep of %zu bytes in a cell of %zu", strlen(text), cell_bytes);
    char *cell = calloc(1, cell_bytes);
    if (cell == NULL) return gs_fail(error, GS_ERROR_MEMORY, "out of memory for the sweep");
    memcpy(cell, text, strlen(text));
    gs_status status = gs_file_write(file, dataset, row, 1, cell, error);
    free(cell);
    return status;
}

gs_status gs_changes_note(gs_changes *changes, gs_file *file, const gs_store_contents *contents, int32_t launch,
                          gs_error *error)
{
    uint64_t row = 0;
    bool unfinished = false;
    gs_status status = count_finished(file, &row, &unfinished, error);
    if (status != GS_OK || (!unfinished && is_same(file, contents, row))) return status;
    const gs_dataset columns[] = {changes->launch, changes->yaml, changes->overrides};
    for (int i = 0; i < 3 && status == GS_OK; i++) status = gs_file_resize(file, columns[i], row + 1, error);
    if (status == GS_OK)
        status = write_text(file, changes->yaml, row, gs_sweep_text(contents->sweep), changes->yaml_cell, error);
    if (status == GS_OK)
        status = write_text(file, changes->overrides, row, contents->overrides, changes->overrides_cell, error);
    if (status == GS_OK) status = gs_file_flush(file, error);
    return status == GS_OK ? gs_file_write(file, changes->launch, row, 1, &launch, error) : status;
}
