/* Datasets of a file that is read by path, row by row; each is opened once. */
#ifndef GS_STORE_LOOKUP_H
#define GS_STORE_LOOKUP_H

#include "store/file.h"

typedef struct {
    char path[192];
    gs_cell cell;
    size_t text;
    gs_dataset dataset;
    gs_extent extent;
} gs_found;

typedef struct {
    gs_file *file;   /* must outlive the lookup */
    gs_found *found; /* owned */
    size_t count, room;
    gs_status status; /* of the last gs_lookup_find that gave NULL */
} gs_lookup;

/* NULL: there is none like that, or no memory; *error tells. Valid until the next call. */
const gs_found *gs_lookup_find(gs_lookup *lookup, const char *path, gs_cell cell, size_t text, gs_error *error);

/* Elements of a row. */
uint64_t gs_found_cells(const gs_found *found);

/* Reads one row, which must be `size` bytes. GS_ERROR_STORAGE. */
GS_MUST_CHECK gs_status gs_lookup_read(gs_lookup *lookup, const char *path, gs_cell cell, size_t text, uint64_t row,
                                       void *values, size_t size, gs_error *error);
void gs_lookup_free(gs_lookup *lookup);

#endif
