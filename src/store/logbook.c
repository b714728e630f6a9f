#include "store/logbook.h"

#include <stdlib.h>
#include <string.h>

gs_status gs_logbook_add(const gs_logbook *logbook, gs_file *file, bool continued, gs_error *error)
{
    gs_status status = GS_OK;
    for (int i = 0; i < logbook->count && status == GS_OK; i++) {
        const gs_logbook_column *column = &logbook->columns[i];
        gs_extent extent;
        gs_dataset dataset;
        if (continued && !gs_file_extent(file, column->path, &extent)) continue;
        gs_dataset_spec spec = {
            .path = column->path, .cell = column->cell, .text = column->text, .growth = GS_ROWS, .rank = 1};
        status = gs_file_add(file, &spec, &dataset, error);
    }
    return status;
}

static gs_status append_column(const gs_logbook *logbook, const gs_logbook_column *column, gs_file *file, uint64_t row,
                               const unsigned char *records, size_t count, gs_error *error)
{
    size_t size = gs_cell_size(column->cell, column->text);
    unsigned char *cells = malloc(count * size);
    gs_dataset dataset;
    if (cells == NULL) return gs_fail(error, GS_ERROR_MEMORY, "out of memory: %zu rows of %s", count, column->path);
    for (size_t i = 0; i < count; i++) memcpy(cells + i * size, records + i * logbook->record + column->offset, size);
    gs_status status = gs_file_find(file, column->path, column->cell, column->text, 1, &dataset, error);
    if (status == GS_OK) status = gs_file_resize(file, dataset, row + count, error);
    if (status == GS_OK) status = gs_file_write(file, dataset, row, count, cells, error);
    free(cells);
    return status;
}

gs_status gs_logbook_append(const gs_logbook *logbook, gs_file *file, const void *records, size_t count, bool *missing,
                            gs_error *error)
{
    gs_extent extent;
    gs_status status = GS_OK;
    *missing = !gs_file_extent(file, logbook->columns[logbook->count - 1].path, &extent);
    for (int i = 0; i < logbook->count && status == GS_OK && count > 0 && !*missing; i++)
        status = append_column(logbook, &logbook->columns[i], file, extent.dims[0], records, count, error);
    return status;
}
