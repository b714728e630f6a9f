/* The tables with one row a run: /runs, /digests, /settings, /coverage (but bulk data), /metrics, /curves.
 *
 * One static table in columns.c says for each column where it stands in the file and where in a gs_row; settings and metrics follow from
 * their own tables. */
#ifndef GS_STORE_COLUMNS_H
#define GS_STORE_COLUMNS_H

#include "store/file.h"
#include "store/parcel.h"
#include "sweep/plan.h"

enum { GS_COLUMNS_MAX = 64 };

typedef struct {
    gs_dataset run_scale, status, attempts, launch;
    gs_dataset from_row[GS_COLUMNS_MAX]; /* in the order of the table */
    gs_dataset metrics[GS_METRIC_COUNT];
    gs_dataset curve_steps, curves[GS_MODEL_COUNT * GS_CURVES_MAX];
    const char *curve_names[GS_MODEL_COUNT * GS_CURVES_MAX];
    int curve_count;
    int curve_points;        /* columns of /curves: most of any run */
    gs_model_id *models;     /* of each run; owned */
} gs_columns;

/* Makes all columns and fills in what is planned: ids, labels, seeds, settings. */
GS_MUST_CHECK gs_status gs_columns_add(gs_columns *columns, gs_file *file, const gs_plan *plan, const gs_digits *digits,
                                       gs_dataset color_scale, gs_dataset digit_scale, gs_error *error);

/* A run begins: attempts, launch, status running. */
GS_MUST_CHECK gs_status gs_columns_start(gs_columns *columns, gs_file *file, int64_t run, int32_t attempts, int32_t launch,
                                         gs_error *error);

/* A run that was begun waits again. */
GS_MUST_CHECK gs_status gs_columns_release(gs_columns *columns, gs_file *file, int64_t run, int32_t attempts, gs_error *error);

/* Everything of a run's row but the status; then, after a flush, the status. */
GS_MUST_CHECK gs_status gs_columns_write(gs_columns *columns, gs_file *file, const gs_row *row, gs_error *error);
GS_MUST_CHECK gs_status gs_columns_finish(gs_columns *columns, gs_file *file, const gs_row *row, gs_error *error);

void gs_columns_free(gs_columns *columns);

#endif
