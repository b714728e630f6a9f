#include "store/columns.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const int32_t no_rank = -1;
static const double not_a_number = (double)NAN;

enum { RANK, STEPS_DONE, SECONDS, ERROR, EXPECTED }; /* the first rows of the table */

/* Columns that are copied from a gs_row as they are. */
static const gs_row_column from_row[] = {
    [RANK] = {"/runs/rank", GS_CELL_INT32, 0, GS_BY_RUN, offsetof(gs_row, rank), &no_rank, .incidental = true},
    [STEPS_DONE] = {"/runs/steps_done", GS_CELL_INT64, 0, GS_BY_RUN, offsetof(gs_row, steps_done), NULL, false},
    [SECONDS] = {"/runs/seconds", GS_CELL_FLOAT64, 0, GS_BY_RUN, offsetof(gs_row, seconds), NULL, .incidental = true},
    [ERROR] = {"/runs/error", GS_CELL_TEXT, GS_REASON, GS_BY_RUN, offsetof(gs_row, error), NULL, false},
    [EXPECTED] = {"/coverage/expected", GS_CELL_FLOAT64, 0, GS_BY_BIN, offsetof(gs_row, expected), NULL, false},
    {"/runs/digest", GS_CELL_TEXT, GS_DIGEST, GS_BY_RUN, offsetof(gs_row, digests.whole), NULL, false},
    {"/digests/coverage", GS_CELL_TEXT, GS_DIGEST, GS_BY_RUN, offsetof(gs_row, digests.parts[GS_PART_COVERAGE]), NULL,
     false},
    {"/digests/samples", GS_CELL_TEXT, GS_DIGEST, GS_BY_RUN, offsetof(gs_row, digests.parts[GS_PART_SAMPLES]), NULL,
     false},
    {"/digests/checkpoint", GS_CELL_TEXT, GS_DIGEST, GS_BY_RUN, offsetof(gs_row, digests.parts[GS_PART_CHECKPOINT]),
     NULL, false},
    {"/digests/curves", GS_CELL_TEXT, GS_DIGEST, GS_BY_RUN, offsetof(gs_row, digests.parts[GS_PART_CURVES]), NULL,
     false},
    {"/coverage/counts", GS_CELL_UINT32, 0, GS_BY_BIN, offsetof(gs_row, counts), NULL, false},
    {"/coverage/rejected", GS_CELL_UINT32, 0, GS_BY_RUN, offsetof(gs_row, rejected), NULL, false},
    {"/coverage/error_sum", GS_CELL_FLOAT64, 0, GS_BY_BIN, offsetof(gs_row, error_sum), NULL, false},
    {"/coverage/shade_ks", GS_CELL_FLOAT64, 0, GS_BY_BIN, offsetof(gs_row, shade_distance), &not_a_number, false},
};
enum { FROM_ROW = sizeof from_row / sizeof from_row[0] };

const gs_row_column *gs_columns_of_row(int *count)
{
    *count = FROM_ROW;
    return from_row;
}

/* ---- rows -------------------------------------------------------------------------------------------------------- */

static uint64_t row_of(const gs_columns *columns, int64_t run)
{
    return (uint64_t)columns->roster->row_of_run[run];
}

gs_status gs_columns_start(gs_columns *columns, gs_file *file, int64_t run, int32_t attempts, int32_t launch,
                           int32_t rank, gs_error *error)
{
    int8_t running = GS_RUN_RUNNING;
    uint64_t row = row_of(columns, run);
    gs_status status = gs_file_write(file, columns->attempts, row, 1, &attempts, error);
    if (status == GS_OK) status = gs_file_write(file, columns->launch, row, 1, &launch, error);
    if (status == GS_OK) status = gs_file_write(file, columns->from_row[RANK], row, 1, &rank, error);
    return status == GS_OK ? gs_file_write(file, columns->status, row, 1, &running, error) : status;
}

gs_status gs_columns_progress(gs_columns *columns, gs_file *file, int64_t run, const gs_standing *standing,
                              gs_error *error)
{
    gs_status status =
        gs_file_write(file, columns->from_row[STEPS_DONE], row_of(columns, run), 1, &standing->steps_done, error);
    return status == GS_OK
               ? gs_file_write(file, columns->from_row[SECONDS], row_of(columns, run), 1, &standing->seconds, error)
               : status;
}

gs_status gs_columns_release(gs_columns *columns, gs_file *file, int64_t run, int32_t attempts, gs_error *error)
{
    int8_t pending = GS_RUN_PENDING;
    uint64_t row = row_of(columns, run);
    gs_status status = gs_file_write(file, columns->attempts, row, 1, &attempts, error);
    return status == GS_OK ? gs_file_write(file, columns->status, row, 1, &pending, error) : status;
}

gs_cell gs_metric_to_cell(gs_metric_id id, double value, void *cell)
{
    int32_t integer = isnan(value) ? -1 : (int32_t)value;
    int8_t flag = isnan(value) ? -1 : (int8_t)value;
    switch (gs_metrics_table[id].type) {
    case GS_METRIC_INTEGER: memcpy(cell, &integer, sizeof integer); return GS_CELL_INT32;
    case GS_METRIC_FLAG: memcpy(cell, &flag, sizeof flag); return GS_CELL_INT8;
    case GS_METRIC_REAL: break;
    }
    memcpy(cell, &value, sizeof value);
    return GS_CELL_FLOAT64;
}

/* What a row holds for a column. */
typedef void (*cell_of_row)(const gs_columns *columns, const gs_row *row, int column, void *cell);

/* A column's cells of rows that are in the order of the file: neighbours in one go. */
static gs_status write_cells(const gs_columns *columns, gs_file *file, gs_dataset dataset, const gs_row *const *rows,
                             size_t count, size_t cell_size, cell_of_row value, int column, gs_error *error)
{
    unsigned char *cells = calloc(count, cell_size);
    gs_status status = GS_OK;
    if (cells == NULL) return gs_fail(error, GS_ERROR_MEMORY, "out of memory: %zu results", count);
    for (size_t first = 0, end; first < count && status == GS_OK; first = end) {
        uint64_t place = row_of(columns, rows[first]->run);
        for (end = first; end < count && row_of(columns, rows[end]->run) == place + (end - first); end++)
            value(columns, rows[end], column, cells + (end - first) * cell_size);
        status = gs_file_write(file, dataset, place, end - first, cells, error);
    }
    free(cells);
    return status;
}

static size_t size_from_row(int column)
{
    return gs_cell_size(from_row[column].cell, from_row[column].text) *
           (from_row[column].shape == GS_BY_BIN ? GS_BINS : 1);
}

static void cell_from_row(const gs_columns *columns, const gs_row *row, int column, void *cell)
{
    (void)columns;
    memcpy(cell, (const unsigned char *)row + from_row[column].offset, size_from_row(column));
}

static void cell_of_metric(const gs_columns *columns, const gs_row *row, int column, void *cell)
{
    (void)columns;
    double value;
    gs_cell type = gs_metric_to_cell((gs_metric_id)column, row->metrics.values[column], &value);
    memcpy(cell, &value, gs_cell_size(type, 0));
}

static void cell_of_status(const gs_columns *columns, const gs_row *row, int column, void *cell)
{
    (void)columns, (void)column;
    *(int8_t *)cell = row->failed != 0 ? GS_RUN_FAILED : GS_RUN_DONE;
}

/* Curves are as long as the longest run's: what a run does not have is fill value. */
static void cell_of_curve_steps(const gs_columns *columns, const gs_row *row, int column, void *cell)
{
    (void)column;
    int64_t *steps = cell;
    for (int p = 0; p < columns->curve_points; p++) steps[p] = p < row->curves.points ? row->curves.step[p] : -1;
}

/* Which of a run's curves has this name; -1: none. */
static int curve_of(const gs_columns *columns, const gs_row *row, int column)
{
    gs_job job = gs_roster_job(columns->roster, row_of(columns, row->run));
    const gs_model_type *type = gs_model_type_of(gs_settings_model(&job.settings));
    for (int c = 0; type->curves[c] != NULL; c++)
        if (strcmp(columns->curve_names[column], type->curves[c]) == 0) return c;
    return -1;
}

static void cell_of_curve(const gs_columns *columns, const gs_row *row, int column, void *cell)
{
    float *values = cell;
    int c = curve_of(columns, row, column);
    for (int p = 0; p < columns->curve_points; p++)
        values[p] = c >= 0 && p < row->curves.points ? row->curves.values[c][p] : NAN;
}

gs_status gs_columns_write(gs_columns *columns, gs_file *file, const gs_row *const *rows, size_t count, gs_error *error)
{
    size_t points = (size_t)columns->curve_points;
    gs_status status = GS_OK;
    for (int i = 0; i < FROM_ROW && status == GS_OK; i++)
        status =
            write_cells(columns, file, columns->from_row[i], rows, count, size_from_row(i), cell_from_row, i, error);
    for (int m = 0; m < GS_METRIC_COUNT && status == GS_OK; m++) {
        double unused;
        size_t size = gs_cell_size(gs_metric_to_cell((gs_metric_id)m, 0, &unused), 0);
        status = write_cells(columns, file, columns->metrics[m], rows, count, size, cell_of_metric, m, error);
    }
    if (status == GS_OK)
        status = write_cells(columns, file, columns->curve_steps, rows, count, points * sizeof(int64_t),
                             cell_of_curve_steps, 0, error);
    for (int c = 0; c < columns->curve_count && status == GS_OK; c++)
        status = write_cells(columns, file, columns->curves[c], rows, count, points * sizeof(float), cell_of_curve, c,
                             error);
    return status;
}

gs_status gs_columns_finish(gs_columns *columns, gs_file *file, const gs_row *const *rows, size_t count,
                            gs_error *error)
{
    return write_cells(columns, file, columns->status, rows, count, sizeof(int8_t), cell_of_status, 0, error);
}

gs_status gs_columns_settle(gs_columns *columns, gs_file *file, uint64_t row, int8_t status, int32_t interruptions,
                            gs_error *error)
{
    gs_status done = gs_file_write(file, columns->status, row, 1, &status, error);
    return done == GS_OK ? gs_file_write(file, columns->interruptions, row, 1, &interruptions, error) : done;
}

gs_status gs_columns_forget(gs_columns *columns, gs_file *file, uint64_t row, gs_error *error)
{
    static const gs_row nothing;
    static const int forgotten[] = {STEPS_DONE, SECONDS, ERROR};
    gs_status status = GS_OK;
    for (size_t i = 0; i < sizeof forgotten / sizeof forgotten[0] && status == GS_OK; i++)
        status = gs_file_write(file, columns->from_row[forgotten[i]], row, 1,
                               (const unsigned char *)&nothing + from_row[forgotten[i]].offset, error);
    return status;
}

gs_status gs_columns_plan(gs_columns *columns, gs_file *file, gs_error *error)
{
    const gs_roster *roster = columns->roster;
    int8_t *before = malloc(roster->rows), *now = malloc(roster->rows);
    gs_status status = GS_OK;
    if (before == NULL || now == NULL)
        status = gs_fail(error, GS_ERROR_MEMORY, "out of memory: %zu runs", (size_t)roster->rows);
    if (status == GS_OK) status = gs_file_read(file, columns->planned, 0, roster->rows, before, error);
    for (uint64_t row = 0; row < roster->rows && status == GS_OK; row++) now[row] = roster->run_of_row[row] >= 0;
    if (status == GS_OK && memcmp(before, now, roster->rows) != 0)
        status = gs_file_write(file, columns->planned, 0, roster->rows, now, error);
    free(before);
    free(now);
    return status;
}

/* ---- reading ----------------------------------------------------------------------------------------------------- */

static double metric_of(const void *cells, gs_metric_type type, uint64_t row)
{
    switch (type) {
    case GS_METRIC_REAL: return ((const double *)cells)[row];
    case GS_METRIC_INTEGER: return ((const int32_t *)cells)[row];
    case GS_METRIC_FLAG: return ((const int8_t *)cells)[row];
    }
    return (double)NAN;
}

enum { AT_ONCE = 1024 }; /* expected tables, which are large beside the rest */

gs_status gs_columns_ended(gs_columns *columns, gs_file *file, void (*ended)(void *context, const gs_row *row),
                           void *context, gs_error *error)
{
    const gs_roster *roster = columns->roster;
    double(*metrics)[GS_METRIC_COUNT] = calloc(roster->rows, sizeof *metrics);
    double *cells = malloc(roster->rows * sizeof *cells);
    int64_t *steps = calloc(roster->rows, sizeof *steps);
    double(*expected)[GS_BINS] = malloc(AT_ONCE * sizeof *expected);
    gs_row *row = calloc(1, sizeof *row);
    gs_status status = GS_OK;
    if (metrics == NULL || cells == NULL || steps == NULL || expected == NULL || row == NULL)
        status = gs_fail(error, GS_ERROR_MEMORY, "out of memory: %zu runs", (size_t)roster->rows);
    for (int m = 0; m < GS_METRIC_COUNT && status == GS_OK; m++) {
        status = gs_file_read(file, columns->metrics[m], 0, roster->rows, cells, error);
        for (uint64_t r = 0; r < roster->rows && status == GS_OK; r++)
            metrics[r][m] = metric_of(cells, gs_metrics_table[m].type, r);
    }
    if (status == GS_OK) status = gs_file_read(file, columns->from_row[STEPS_DONE], 0, roster->rows, steps, error);
    for (uint64_t r = 0; r < roster->rows && status == GS_OK; r++) {
        uint64_t left = roster->rows - r;
        if (r % AT_ONCE == 0)
            status =
                gs_file_read(file, columns->from_row[EXPECTED], r, left < AT_ONCE ? left : AT_ONCE, expected, error);
        if (status != GS_OK || roster->run_of_row[r] < 0 || roster->status[r] < GS_RUN_DONE) continue;
        row->run = roster->run_of_row[r];
        row->failed = roster->status[r] == GS_RUN_FAILED;
        row->steps_done = steps[r];
        memcpy(row->expected, expected[r % AT_ONCE], sizeof row->expected);
        memcpy(row->metrics.values, metrics[r], sizeof metrics[r]);
        ended(context, row);
    }
    free(metrics);
    free(cells);
    free(steps);
    free(expected);
    free(row);
    return status;
}
