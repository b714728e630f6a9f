#include "store/lookup.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static gs_status make_room(gs_lookup *lookup, gs_error *error)
{
    if (lookup->count < lookup->room) return GS_OK;
    size_t room = lookup->room == 0 ? 64 : 2 * lookup->room;
    gs_found *grown = realloc(lookup->found, room * sizeof *grown);
    if (grown == NULL) return gs_fail(error, GS_ERROR_MEMORY, "out of memory: %zu datasets", room);
    lookup->found = grown;
    lookup->room = room;
    return GS_OK;
}

const gs_found *gs_lookup_find(gs_lookup *lookup, const char *path, gs_cell cell, size_t text, gs_error *error)
{
    for (size_t i = 0; i < lookup->count; i++)
        if (strcmp(lookup->found[i].path, path) == 0) return &lookup->found[i];
    gs_found found = {.cell = cell, .text = text};
    snprintf(found.path, sizeof found.path, "%s", path);
    lookup->status = make_room(lookup, error);
    if (lookup->status == GS_OK)
        lookup->status = gs_file_find(lookup->file, path, cell, text, GS_ANY_CELLS, &found.dataset, error);
    if (lookup->status != GS_OK) return NULL;
    if (!gs_file_extent(lookup->file, path, &found.extent) || (cell == GS_CELL_TEXT && found.extent.cell != text)) {
        lookup->status =
            gs_fail(error, GS_ERROR_STORAGE, "the results file is damaged: %s is not as it should be", path);
        return NULL;
    }
    lookup->found[lookup->count] = found;
    return &lookup->found[lookup->count++];
}

uint64_t gs_found_cells(const gs_found *found)
{
    uint64_t cells = 1;
    for (int i = 1; i < found->extent.rank; i++) cells *= found->extent.dims[i];
    return cells;
}

gs_status gs_lookup_read(gs_lookup *lookup, const char *path, gs_cell cell, size_t text, uint64_t row, void *values,
                         size_t size, gs_error *error)
{
    const gs_found *found = gs_lookup_find(lookup, path, cell, text, error);
    if (found == NULL) return lookup->status;
    if (found->extent.rank < 1 || row >= found->extent.dims[0] ||
        gs_found_cells(found) * gs_cell_size(cell, text) != size)
        return gs_fail(error, GS_ERROR_STORAGE, "the results file is damaged: %s has another shape", path);
    return gs_file_read(lookup->file, found->dataset, row, 1, values, error);
}

void gs_lookup_free(gs_lookup *lookup)
{
    free(lookup->found);
    *lookup = (gs_lookup){.file = NULL};
}
