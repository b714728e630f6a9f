/* Everything that stands in a results file: makes it in a new file, opens it in one that is continued, extends it in a
 * copy. */
#ifndef GS_STORE_TABLES_H
#define GS_STORE_TABLES_H

#include "store/changes.h"
#include "store/columns.h"
#include "store/layouts.h"
#include "store/store.h"

/* Bulk datasets with one chunk, or a row of chunks, a run. */
typedef enum {
    GS_TABLE_IMAGE,
    GS_TABLE_BIN,
    GS_TABLE_ERROR,
    GS_TABLE_EXAMPLES,
    GS_TABLE_ALONG_STEP,
    GS_TABLE_ALONG_COUNTS,
    GS_TABLE_ALONG_REJECTED,
    GS_TABLE_BULK_COUNT
} gs_table_bulk;

enum { GS_FACTS_MAX = 32, GS_NO_DATASET = -1 };

typedef struct {
    gs_columns columns;
    gs_layouts layouts;
    gs_dataset bulk[GS_TABLE_BULK_COUNT];
    gs_dataset facts[GS_FACTS_MAX]; /* GS_NO_DATASET: the file was made without it */
    gs_changes changes;
    int32_t launch;                 /* number of this launch */
    uint64_t points, point_chunk;   /* of coverage along training: most of any run; in a chunk */
    uint64_t samples, sample_chunk; /* the same of /samples/bin and /samples/error */
    int compression;
    bool continued; /* the file was there */
} gs_tables;

/* `roster` must outlive the tables. In a file opened to continue gs_file_lacks tells afterwards whether anything is
 * missing. */
GS_MUST_CHECK gs_status gs_tables_add(gs_tables *tables, gs_file *file, const gs_roster *roster,
                                      const gs_store_contents *contents, gs_error *error);

/* Writes what is known of this launch into a file that is continued: a row of facts, and the sweep if it is another
 * than the last one. Allowed beside readers. */
GS_MUST_CHECK gs_status gs_tables_launch(gs_tables *tables, gs_file *file, const gs_store_contents *contents,
                                         gs_error *error);

typedef struct {
    uint64_t runs, samples, points; /* of /samples and of coverage along training: columns, 0: no such datasets */
    int compression;
} gs_bulk_sizes;

/* In what could be copied of the file `before`: makes the datasets of results that are not there. */
GS_MUST_CHECK gs_status gs_tables_restore(gs_file *file, const gs_file *before, const gs_bulk_sizes *sizes,
                                          gs_error *error);

/* A chunk of a parcel into the row of its run. */
GS_MUST_CHECK gs_status gs_tables_write(gs_tables *tables, gs_file *file, int64_t run, const gs_chunk *chunk,
                                        gs_error *error);

/* The points of coverage along training of a run that has ended, at most `room` of them. */
GS_MUST_CHECK gs_status gs_tables_along(const gs_tables *tables, gs_file *file, int64_t run, gs_coverage_point *points,
                                        size_t room, size_t *count, gs_error *error);
void gs_tables_free(gs_tables *tables);

#endif
