/* Which row of the results file belongs to which planned run.
 *
 * A new file has one row a run, in plan order. A file that is continued keeps its rows; runs of the sweep are found
 * among them by identity (/runs/id), and those that are not there get rows behind them, in plan order. Rows whose run
 * is no longer in the sweep are kept. */
#ifndef GS_STORE_ROSTER_H
#define GS_STORE_ROSTER_H

#include "store/file.h"
#include "sweep/plan.h"

typedef struct {
    const gs_plan *plan; /* must outlive the roster, as `digits` */
    const gs_digits *digits;
    uint64_t rows;              /* of the file, once it holds the whole plan */
    uint64_t earlier_rows;      /* that it has already; 0: a new file */
    int64_t *row_of_run;        /* of each planned run */
    int64_t *run_of_row;        /* -1: no longer in the sweep */
    int8_t *status;             /* gs_run_status of each row */
    int32_t *attempts;          /* of each row: how often it was handed out */
    int32_t *interruptions;     /* of each row: how often it was in flight when the program was killed */
    char (*variants)[GS_LABEL]; /* name of each variant of the plan in this file */
} gs_roster;

/* `file` NULL: a new one. GS_ERROR_STORAGE if the file's rows contradict each other. */
GS_MUST_CHECK gs_status gs_roster_create(gs_roster *roster, gs_file *file, const gs_plan *plan, const gs_digits *digits,
                                         gs_error *error);

/* The planned run of a row that has one. */
gs_job gs_roster_job(const gs_roster *roster, uint64_t row);

/* Planned runs that the file does not have yet. */
uint64_t gs_roster_new_rows(const gs_roster *roster);
void gs_roster_free(gs_roster *roster);

#endif
