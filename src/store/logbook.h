/* A table of /provenance to which rows are appended, also beside readers. */
#ifndef GS_STORE_LOGBOOK_H
#define GS_STORE_LOGBOOK_H

#include "store/file.h"

/* A column, and where its cell is in a record. */
typedef struct {
    const char *path;
    gs_cell cell;
    size_t text, offset;
} gs_logbook_column;

/* The columns are written in this order: the last one says how many rows there are. */
typedef struct {
    const gs_logbook_column *columns;
    int count;
    size_t record; /* bytes */
} gs_logbook;

/* Makes the columns, empty, or opens those that are there. A file that is continued and was made
 * without them stays so. */
GS_MUST_CHECK gs_status gs_logbook_add(const gs_logbook *logbook, gs_file *file, bool continued, gs_error *error);

/* Appends `count` records. Nothing happens, and *missing is true, if the file was made without the table. */
GS_MUST_CHECK gs_status gs_logbook_append(const gs_logbook *logbook, gs_file *file, const void *records, size_t count,
                                          bool *missing, gs_error *error);

#endif
