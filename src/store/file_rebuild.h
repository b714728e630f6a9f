/* Results files that HDF5 cannot read everywhere: finding the gaps, and making a new file of all that can be read. */
#ifndef GS_STORE_FILE_REBUILD_H
#define GS_STORE_FILE_REBUILD_H

#include "store/file.h"

/* Something that cannot be read. */
typedef struct {
    const char *path;
    const char *axis;     /* name of the dataset's first axis; empty: it has none */
    uint64_t first, rows; /* rows of the dataset; 0 rows: an object as a whole, or an attribute of it */
    const char *reason;
} gs_gap;

/* What is looked at, and who is told of gaps. */
typedef struct {
    bool (*wants)(void *context, const char *path); /* an object with all that is in it */
    bool (*wants_row)(void *context, const char *path,
                      uint64_t row); /* of a dataset whose chunks belong to one row each */
    void (*gap)(void *context, const gs_gap *gap);
    void *context;
} gs_visitor;

/* Reads everything that the visitor wants, and tells the gaps. */
void gs_file_probe(gs_file *file, const gs_visitor *visitor);

/* Makes the new file `path`, which errors call `name`, of everything in `from` that the visitor wants and that can be
 * read: groups, datasets with their properties, attributes, scales, and contents, chunk by chunk as they are stored.
 * What cannot be read is told, and holds fill values. The file is closed then. GS_ERROR_STORAGE if it cannot be
 * written; it may be there in part. */
GS_MUST_CHECK gs_status gs_file_rebuild(gs_file *from, const char *path, const char *name, const gs_visitor *visitor,
                                        gs_error *error);

/* Copies the chunks of one row of a dataset that both files have and whose chunks belong to one row each. *readable:
 * whether all could be read; if not, *error tells why. GS_ERROR_STORAGE if one cannot be written. */
GS_MUST_CHECK gs_status gs_file_copy_row(gs_file *from, gs_file *to, const char *path, uint64_t row, bool *readable,
                                         gs_error *error);

#endif
