#include "store/history.h"

#include <stdlib.h>
#include <sys/stat.h>

#include "store/roster.h"

static gs_status read_column(gs_file *file, const char *path, gs_cell cell, uint64_t rows, void *values,
                             gs_error *error)
{
    gs_dataset dataset;
    gs_status status = gs_file_find(file, path, cell, 0, 1, &dataset, error);
    if (status == GS_OK && gs_file_earlier_rows(file, dataset) < rows)
        return gs_fail(error, GS_ERROR_STORAGE, "the results file is damaged: %s is shorter than /runs/id", path);
    return status == GS_OK ? gs_file_read(file, dataset, 0, rows, values, error) : status;
}

static void note_run(gs_history *history, const gs_roster *roster, const double *seconds, const int64_t *steps_done,
                     size_t run)
{
    int64_t row = roster->row_of_run[run];
    history->rows[run] = row;
    if ((uint64_t)row >= roster->earlier_rows) return;
    history->known++;
    bool done = roster->status[row] == GS_RUN_DONE,
         failed = roster->status[row] == GS_RUN_FAILED && !history->retry_failed;
    history->ended[run] = done || failed;
    history->done += done;
    history->failed += failed;
    if (!done || !(seconds[row] > 0) || steps_done[row] <= 0) return;
    gs_job job = gs_plan_job(roster->plan, run);
    history->seconds[run] =
        seconds[row] * (double)gs_settings_integer(&job.settings, GS_SETTING_STEPS) / (double)steps_done[row];
}

static gs_status read_runs(gs_history *history, gs_file *file, const gs_plan *plan, const gs_digits *digits,
                           gs_error *error)
{
    gs_roster roster;
    gs_status status = gs_roster_create(&roster, file, plan, digits, error);
    if (status != GS_OK) return status;
    double *seconds = calloc(roster.earlier_rows + 1, sizeof *seconds);
    int64_t *steps_done = calloc(roster.earlier_rows + 1, sizeof *steps_done);
    if (seconds == NULL || steps_done == NULL)
        status = gs_fail(error, GS_ERROR_MEMORY, "out of memory: %zu runs", (size_t)roster.earlier_rows);
    if (status == GS_OK)
        status = read_column(file, "/runs/seconds", GS_CELL_FLOAT64, roster.earlier_rows, seconds, error);
    if (status == GS_OK)
        status = read_column(file, "/runs/steps_done", GS_CELL_INT64, roster.earlier_rows, steps_done, error);
    for (size_t run = 0; run < plan->run_count && status == GS_OK; run++)
        note_run(history, &roster, seconds, steps_done, run);
    for (uint64_t row = 0; row < roster.earlier_rows && status == GS_OK; row++)
        history->kept += roster.run_of_row[row] < 0 && roster.status[row] == GS_RUN_DONE;
    free(seconds);
    free(steps_done);
    history->variants = roster.variants;
    roster.variants = NULL;
    gs_roster_free(&roster);
    return status;
}

gs_status gs_history_read(gs_history *history, const char *path, const gs_plan *plan, const gs_digits *digits,
                          bool retry_failed, gs_error *error)
{
    struct stat found;
    *history = (gs_history){.found = stat(path, &found) == 0, .retry_failed = retry_failed};
    if (!history->found) return GS_OK;
    history->file_bytes = (double)found.st_size;
    history->seconds = calloc(plan->run_count, sizeof *history->seconds);
    history->ended = calloc(plan->run_count, sizeof *history->ended);
    history->rows = calloc(plan->run_count, sizeof *history->rows);
    gs_status status = GS_OK;
    gs_file *file = NULL;
    if (history->seconds == NULL || history->ended == NULL || history->rows == NULL)
        status = gs_fail(error, GS_ERROR_MEMORY, "out of memory: %zu runs", plan->run_count);
    if (status == GS_OK) status = gs_file_open(&file, path, path, GS_OPEN_READ, error);
    if (status == GS_OK) {
        gs_error ignored;
        status = read_runs(history, file, plan, digits, error);
        (void)!gs_file_noted_text(file, "/", "name", history->name, sizeof history->name);
        gs_status closed = gs_file_close(&file, status == GS_OK ? error : &ignored);
        if (status == GS_OK) status = closed;
    }
    if (status != GS_OK) gs_history_free(history);
    return status;
}

void gs_history_free(gs_history *history)
{
    free(history->seconds);
    free(history->ended);
    free(history->rows);
    free(history->variants);
    *history = (gs_history){0};
}
