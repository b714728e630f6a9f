/* The tables with one row a run: /runs, /digests, /settings, /coverage (but bulk data), /metrics, /curves.
 *
 * One static table in columns.c says for each column where it stands in the file and where in a gs_row; settings and
 * metrics follow from their own tables. columns_add.c makes the datasets and fills in what is planned; columns.c writes
 * and reads what becomes of the runs. */
#ifndef GS_STORE_COLUMNS_H
#define GS_STORE_COLUMNS_H

#include "store/file.h"
#include "store/parcel.h"
#include "store/roster.h"

enum { GS_COLUMNS_MAX = 64 };

typedef struct {
    const gs_roster *roster; /* must outlive the columns */
    gs_dataset status, planned, attempts, interruptions, launch;
    gs_dataset from_row[GS_COLUMNS_MAX]; /* in the order of the table */
    gs_dataset metrics[GS_METRIC_COUNT];
    gs_dataset curve_steps, curves[GS_MODEL_COUNT * GS_CURVES_MAX];
    const char *curve_names[GS_MODEL_COUNT * GS_CURVES_MAX];
    int curve_count;
    int curve_points; /* columns of /curves: most of any run */
} gs_columns;

typedef enum { GS_BY_RUN, GS_BY_BIN /* (R, color, digit) */ } gs_column_shape;

/* A column that holds a part of gs_row as it is. */
typedef struct {
    const char *path;
    gs_cell cell;
    size_t text;
    gs_column_shape shape;
    size_t offset; /* in gs_row */
    const void *fill;
    bool incidental; /* it may be another when the run is trained again */
} gs_row_column;

const gs_row_column *gs_columns_of_row(int *count);

/* A metric as it stands in its column; returns the column's type. `cell`: 8 bytes. */
gs_cell gs_metric_to_cell(gs_metric_id id, double value, void *cell);

/* A metric that the program did not have yet when the file was made: its column has this attribute, the launch that
 * added it, and holds nothing of rows of earlier ones. */
#define GS_SINCE_LAUNCH "since_launch"

/* Makes all columns, or opens those that are there, and fills in what is planned: ids, labels, seeds, settings.
 * `launch`: the number of this one. */
GS_MUST_CHECK gs_status gs_columns_add(gs_columns *columns, gs_file *file, const gs_roster *roster, int32_t launch,
                                       gs_error *error);

/* Only makes those of results that are not there, with `rows` rows, but for metrics that the file `before` it never
 * had: nobody has them of the rows that are whole. Nothing of the columns may be used then. */
GS_MUST_CHECK gs_status gs_columns_restore(gs_columns *columns, gs_file *file, const gs_file *before, uint64_t rows,
                                           gs_error *error);

/* A run begins: attempts, launch, rank, status running; then tells how far it is. */
GS_MUST_CHECK gs_status gs_columns_start(gs_columns *columns, gs_file *file, int64_t run, int32_t attempts,
                                         int32_t launch, int32_t rank, gs_error *error);
GS_MUST_CHECK gs_status gs_columns_progress(gs_columns *columns, gs_file *file, int64_t run,
                                            const gs_standing *standing, gs_error *error);

/* Status and number of interruptions of a row. */
GS_MUST_CHECK gs_status gs_columns_settle(gs_columns *columns, gs_file *file, uint64_t row, int8_t status,
                                          int32_t interruptions, gs_error *error);

/* A failed run waits again: its row does not tell any more how far it came and why it failed. */
GS_MUST_CHECK gs_status gs_columns_forget(gs_columns *columns, gs_file *file, uint64_t row, gs_error *error);

/* Writes which rows belong to the sweep as it is now. */
GS_MUST_CHECK gs_status gs_columns_plan(gs_columns *columns, gs_file *file, gs_error *error);

/* A run that was begun waits again. */
GS_MUST_CHECK gs_status gs_columns_release(gs_columns *columns, gs_file *file, int64_t run, int32_t attempts,
                                           gs_error *error);

/* Everything of the rows of some runs but the status; then, after a flush, the status. The rows are in the order of the
 * file. */
GS_MUST_CHECK gs_status gs_columns_write(gs_columns *columns, gs_file *file, const gs_row *const *rows, size_t count,
                                         gs_error *error);
GS_MUST_CHECK gs_status gs_columns_finish(gs_columns *columns, gs_file *file, const gs_row *const *rows, size_t count,
                                          gs_error *error);

/* Tells of every planned run that has ended: number, failed or not, steps done, expected table, metrics; the rest of
 * the row is empty. */
GS_MUST_CHECK gs_status gs_columns_ended(gs_columns *columns, gs_file *file,
                                         void (*ended)(void *context, const gs_row *row), void *context,
                                         gs_error *error);

#endif
