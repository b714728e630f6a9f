#include "store/columns.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/setting_cells.h"

static const int32_t no_rank = -1;
static const double not_a_number = (double)NAN;

enum { RANK, STEPS_DONE, SECONDS }; /* the first rows of the table */

/* Columns that are copied from a gs_row as they are. */
static const gs_row_column from_row[] = {
    [RANK] = {"/runs/rank", GS_CELL_INT32, 0, GS_BY_RUN, offsetof(gs_row, rank), &no_rank, .incidental = true},
    [STEPS_DONE] = {"/runs/steps_done", GS_CELL_INT64, 0, GS_BY_RUN, offsetof(gs_row, steps_done), NULL, false},
    [SECONDS] = {"/runs/seconds", GS_CELL_FLOAT64, 0, GS_BY_RUN, offsetof(gs_row, seconds), NULL, .incidental = true},
    {"/runs/error", GS_CELL_TEXT, GS_REASON, GS_BY_RUN, offsetof(gs_row, error), NULL, false},
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
    {"/coverage/expected", GS_CELL_FLOAT64, 0, GS_BY_BIN, offsetof(gs_row, expected), NULL, false},
    {"/coverage/shade_ks", GS_CELL_FLOAT64, 0, GS_BY_BIN, offsetof(gs_row, shade_distance), &not_a_number, false},
};
enum { FROM_ROW = sizeof from_row / sizeof from_row[0] };

const gs_row_column *gs_columns_of_row(int *count)
{
    *count = FROM_ROW;
    return from_row;
}

/* What the columns are made with. */
typedef struct {
    gs_columns *columns;
    gs_file *file;
    const gs_roster *roster;
    gs_dataset color, digit;
} maker;

static gs_status add(maker *make, const char *path, gs_cell cell, size_t text, const void *fill, gs_dataset *dataset,
                     gs_error *error)
{
    static const char *const axes[] = {"run"};
    gs_dataset_spec spec = {.path = path,
                            .cell = cell,
                            .text = text,
                            .layout = GS_ROWS,
                            .rank = 1,
                            .dims = {make->roster->rows},
                            .fill = fill,
                            .axes = axes};
    gs_status status = gs_file_add(make->file, &spec, dataset, error);
    return status == GS_OK ? gs_file_attach_scale(make->file, *dataset, 0, make->columns->run_scale, error) : status;
}

static gs_status add_by_bin(maker *make, const char *path, gs_cell cell, const void *fill, gs_dataset *dataset,
                            gs_error *error)
{
    static const char *const axes[] = {"run", "color", "digit"};
    gs_dataset_spec spec = {.path = path,
                            .cell = cell,
                            .layout = GS_ROWS,
                            .rank = 3,
                            .dims = {make->roster->rows, GS_COLORS, GS_DIGITS},
                            .fill = fill,
                            .axes = axes};
    gs_status status = gs_file_add(make->file, &spec, dataset, error);
    const gs_dataset scales[] = {make->columns->run_scale, make->color, make->digit};
    for (int i = 0; i < 3 && status == GS_OK; i++)
        status = gs_file_attach_scale(make->file, *dataset, i, scales[i], error);
    return status;
}

/* ---- planned values ---------------------------------------------------------------------------------------------- */

/* What a row holds of its planned run. */
typedef void (*planned_value)(const gs_roster *roster, const void *what, size_t row, void *cell);

/* Fills in the rows that the file did not have before. */
static gs_status fill_column(maker *make, gs_dataset dataset, size_t cell_size, planned_value value, const void *what,
                             gs_error *error)
{
    if (gs_file_lacks(make->file)) return GS_OK;
    uint64_t first = gs_file_earlier_rows(make->file, dataset), rows = make->roster->rows;
    if (first >= rows) return GS_OK;
    unsigned char *cells = calloc(rows - first, cell_size);
    if (cells == NULL) return gs_fail(error, GS_ERROR_MEMORY, "out of memory: a column of %zu runs", (size_t)rows);
    gs_status status = GS_OK;
    for (uint64_t row = first; row < rows && status == GS_OK;) {
        uint64_t end = row;
        for (; end < rows && make->roster->run_of_row[end] >= 0; end++)
            value(make->roster, what, end, cells + (end - first) * cell_size);
        if (end > row)
            status = gs_file_write(make->file, dataset, row, end - row, cells + (row - first) * cell_size, error);
        row = end + 1; /* of a kept run that is no longer planned nothing is known */
    }
    free(cells);
    return status;
}

static gs_job job_of(const gs_roster *roster, size_t row)
{
    return gs_plan_job(roster->plan, (size_t)roster->run_of_row[row]);
}

static const char *name_of(const gs_roster *roster, size_t row)
{
    return roster->variants[(size_t)roster->run_of_row[row] / roster->plan->seed_count];
}

static void index_value(const gs_roster *roster, const void *what, size_t row, void *cell)
{
    (void)roster;
    (void)what;
    *(int64_t *)cell = (int64_t)row;
}

static void seed_value(const gs_roster *roster, const void *what, size_t row, void *cell)
{
    (void)what;
    *(uint64_t *)cell = job_of(roster, row).seed;
}

static void id_value(const gs_roster *roster, const void *what, size_t row, void *cell)
{
    (void)what;
    char id[GS_ID];
    gs_job job = job_of(roster, row);
    gs_run_id(&job.settings, job.seed, roster->digits, id);
    memcpy(cell, id, GS_ID - 1);
}

static void variant_value(const gs_roster *roster, const void *what, size_t row, void *cell)
{
    (void)what;
    snprintf(cell, GS_LABEL, "%s", name_of(roster, row));
}

static void label_value(const gs_roster *roster, const void *what, size_t row, void *cell)
{
    (void)what;
    snprintf(cell, GS_LABEL, "%.200s, seed=%llu", name_of(roster, row), (unsigned long long)job_of(roster, row).seed);
}

enum { MODEL_TEXT = 16 };

static void model_value(const gs_roster *roster, const void *what, size_t row, void *cell)
{
    (void)what;
    gs_job job = job_of(roster, row);
    const char *name = gs_model_names[gs_settings_model(&job.settings)];
    memcpy(cell, name, strlen(name));
}

static gs_status add_planned(maker *make, gs_error *error)
{
    const struct {
        const char *path;
        gs_cell cell;
        size_t text;
        planned_value value;
    } planned[] = {
        {"/runs/id", GS_CELL_TEXT, GS_ID - 1, id_value},
        {"/runs/label", GS_CELL_TEXT, GS_LABEL, label_value},
        {"/runs/variant", GS_CELL_TEXT, GS_LABEL, variant_value},
        {"/runs/model", GS_CELL_TEXT, MODEL_TEXT, model_value},
        {"/runs/seed", GS_CELL_UINT64, 0, seed_value},
    };
    gs_status status = GS_OK;
    for (size_t i = 0; i < sizeof planned / sizeof planned[0] && status == GS_OK; i++) {
        gs_dataset dataset;
        status = add(make, planned[i].path, planned[i].cell, planned[i].text, NULL, &dataset, error);
        size_t size = gs_cell_size(planned[i].cell, planned[i].text);
        if (status == GS_OK) status = fill_column(make, dataset, size, planned[i].value, NULL, error);
    }
    return status;
}

/* ---- settings ---------------------------------------------------------------------------------------------------- */

/* `what` is the row of the settings table. */
static void setting_value(const gs_roster *roster, const void *what, size_t number, void *cell)
{
    const gs_setting *row = what;
    gs_job job = job_of(roster, number);
    gs_setting_to_cell((gs_setting_id)(row - gs_settings_table), &job.settings, cell);
}

static gs_status add_weights_column(maker *make, const char *path, gs_dataset *dataset, gs_error *error)
{
    static const char *const axes[] = {"run", "digit"};
    gs_dataset_spec spec = {.path = path,
                            .cell = GS_CELL_FLOAT64,
                            .layout = GS_ROWS,
                            .rank = 2,
                            .dims = {make->roster->rows, GS_DIGITS},
                            .fill = &not_a_number,
                            .axes = axes};
    gs_status status = gs_file_add(make->file, &spec, dataset, error);
    if (status == GS_OK) status = gs_file_attach_scale(make->file, *dataset, 0, make->columns->run_scale, error);
    return status == GS_OK ? gs_file_attach_scale(make->file, *dataset, 1, make->digit, error) : status;
}

static gs_status add_settings(maker *make, gs_error *error)
{
    gs_status status = GS_OK;
    for (int id = 0; id < GS_SETTING_COUNT && status == GS_OK; id++) {
        const gs_setting *row = &gs_settings_table[id];
        gs_dataset dataset;
        char path[GS_SETTING_PATH];
        static const int64_t no_integer = -1;
        static const int8_t no_switch = -1;
        const void *const fills[GS_TYPE_COUNT] = {
            [GS_TYPE_INTEGER] = &no_integer, [GS_TYPE_REAL] = &not_a_number, [GS_TYPE_SWITCH] = &no_switch};
        gs_setting_path((gs_setting_id)id, path);
        status = row->type == GS_TYPE_WEIGHTS
                     ? add_weights_column(make, path, &dataset, error)
                     : add(make, path, gs_setting_cells[row->type], GS_CHOICE_TEXT, fills[row->type], &dataset, error);
        if (status == GS_OK)
            status = fill_column(make, dataset, gs_setting_cell_size((gs_setting_id)id), setting_value, row, error);
        bool has_fill = row->type == GS_TYPE_INTEGER || row->type == GS_TYPE_SWITCH;
        if (status == GS_OK && has_fill) status = gs_file_note_integer(make->file, path, "not_applicable", -1, error);
        if (status == GS_OK && row->type == GS_TYPE_CHOICE)
            status = gs_file_note_text(make->file, path, "not_applicable", "", error);
        if (status == GS_OK) status = gs_file_note_text(make->file, path, "help", row->help, error);
    }
    return status;
}

/* ---- results ----------------------------------------------------------------------------------------------------- */

static gs_status add_metrics(maker *make, gs_error *error)
{
    static const int32_t no_integer = -1;
    static const int8_t no_flag = -1;
    static const struct {
        gs_cell cell;
        const void *fill;
    } types[] = {[GS_METRIC_REAL] = {GS_CELL_FLOAT64, &not_a_number},
                 [GS_METRIC_INTEGER] = {GS_CELL_INT32, &no_integer},
                 [GS_METRIC_FLAG] = {GS_CELL_INT8, &no_flag}};
    gs_status status = GS_OK;
    for (int m = 0; m < GS_METRIC_COUNT && status == GS_OK; m++) {
        const gs_metric *row = &gs_metrics_table[m];
        char path[128];
        snprintf(path, sizeof path, "/metrics/%s", row->name);
        status = add(make, path, types[row->type].cell, 0, types[row->type].fill, &make->columns->metrics[m], error);
        if (status == GS_OK) status = gs_file_note_text(make->file, path, "help", row->help, error);
    }
    return status;
}

static gs_status add_curve(maker *make, const char *name, gs_cell cell, const void *fill, gs_dataset *dataset,
                           gs_error *error)
{
    static const char *const axes[] = {"run", "curve_point"};
    char path[128];
    snprintf(path, sizeof path, "/curves/%s", name);
    gs_dataset_spec spec = {.path = path,
                            .cell = cell,
                            .layout = GS_ROWS,
                            .rank = 2,
                            .dims = {make->roster->rows, (uint64_t)make->columns->curve_points},
                            .fill = fill,
                            .axes = axes};
    gs_status status = gs_file_add(make->file, &spec, dataset, error);
    return status == GS_OK ? gs_file_attach_scale(make->file, *dataset, 0, make->columns->run_scale, error) : status;
}

static gs_status add_curves_of(maker *make, const gs_model_type *type, gs_error *error)
{
    static const float no_value = NAN;
    gs_columns *columns = make->columns;
    gs_status status = GS_OK;
    for (int c = 0; type->curves[c] != NULL && status == GS_OK; c++) {
        int known = 0;
        while (known < columns->curve_count && strcmp(columns->curve_names[known], type->curves[c]) != 0) known++;
        if (known < columns->curve_count) continue;
        columns->curve_names[known] = type->curves[c];
        status = add_curve(make, type->curves[c], GS_CELL_FLOAT32, &no_value, &columns->curves[known], error);
        columns->curve_count++;
    }
    return status;
}

/* Whether a file that is continued has all curves of a model already, perhaps of runs that are no longer in the sweep.
 */
static bool has_curves(const maker *make, const gs_model_type *type)
{
    gs_extent extent;
    char path[128];
    if (make->roster->earlier_rows == 0) return false;
    for (int c = 0; type->curves[c] != NULL; c++) {
        snprintf(path, sizeof path, "/curves/%s", type->curves[c]);
        if (!gs_file_extent(make->file, path, &extent)) return false;
    }
    return true;
}

/* One column for each name that any model of the plan, or of the file, measures. */
static gs_status add_curves(maker *make, gs_error *error)
{
    static const int64_t no_step = -1;
    gs_columns *columns = make->columns;
    const gs_plan *plan = make->roster->plan;
    gs_extent extent;
    if (make->roster->earlier_rows > 0 && gs_file_extent(make->file, "/curves/step", &extent))
        columns->curve_points = (int)extent.dims[1];
    if (columns->curve_points > GS_CURVE_POINTS)
        return gs_fail(error, GS_ERROR_STORAGE, "the results file is damaged: /curves/step has %d points",
                       columns->curve_points);
    for (size_t v = 0; v < plan->variant_count; v++) {
        gs_settings settings = gs_plan_settings(plan, v);
        int points = gs_curve_points(gs_settings_integer(&settings, GS_SETTING_STEPS));
        if (points > columns->curve_points) columns->curve_points = points;
    }
    gs_status status = add_curve(make, "step", GS_CELL_INT64, &no_step, &columns->curve_steps, error);
    for (size_t v = 0; v < plan->variant_count && status == GS_OK; v++) {
        gs_settings settings = gs_plan_settings(plan, v);
        status = add_curves_of(make, gs_model_type_of(gs_settings_model(&settings)), error);
    }
    for (int m = 0; m < GS_MODEL_COUNT && status == GS_OK; m++) {
        const gs_model_type *type = gs_model_type_of((gs_model_id)m);
        if (type != NULL && has_curves(make, type)) status = add_curves_of(make, type, error);
    }
    return status;
}

static gs_status add_results(maker *make, gs_error *error)
{
    gs_columns *columns = make->columns;
    static const int32_t no_launch = -1;
    static const int8_t planned = 1;
    gs_status status = add(make, "/runs/status", GS_CELL_STATUS, 0, NULL, &columns->status, error);
    if (status == GS_OK) status = add(make, "/runs/planned", GS_CELL_INT8, 0, &planned, &columns->planned, error);
    if (status == GS_OK) status = add(make, "/runs/attempts", GS_CELL_INT32, 0, NULL, &columns->attempts, error);
    if (status == GS_OK)
        status = add(make, "/runs/interruptions", GS_CELL_INT32, 0, NULL, &columns->interruptions, error);
    if (status == GS_OK) status = add(make, "/runs/launch", GS_CELL_INT32, 0, &no_launch, &columns->launch, error);
    for (int i = 0; i < FROM_ROW && status == GS_OK; i++)
        status = from_row[i].shape == GS_BY_BIN ? add_by_bin(make, from_row[i].path, from_row[i].cell, from_row[i].fill,
                                                             &columns->from_row[i], error)
                                                : add(make, from_row[i].path, from_row[i].cell, from_row[i].text,
                                                      from_row[i].fill, &columns->from_row[i], error);
    if (status == GS_OK)
        status = gs_file_note_texts(make->file, "/coverage/counts", "colors", gs_color_names, GS_COLORS, error);
    if (status == GS_OK)
        status = gs_file_note_texts(make->file, "/coverage/counts", "digits", gs_digit_names, GS_DIGITS, error);
    if (status == GS_OK) status = add_metrics(make, error);
    return status == GS_OK ? add_curves(make, error) : status;
}

gs_status gs_columns_add(gs_columns *columns, gs_file *file, const gs_roster *roster, gs_dataset color_scale,
                         gs_dataset digit_scale, gs_error *error)
{
    maker make = {columns, file, roster, color_scale, digit_scale};
    static const char *const axes[] = {"run"};
    columns->roster = roster;
    gs_dataset_spec scale = {.path = "/runs/index",
                             .cell = GS_CELL_INT64,
                             .layout = GS_ROWS,
                             .rank = 1,
                             .dims = {roster->rows},
                             .axes = axes};
    gs_status status = gs_file_add(file, &scale, &columns->run_scale, error);
    if (status == GS_OK) status = gs_file_make_scale(file, columns->run_scale, "run", error);
    if (status == GS_OK) status = fill_column(&make, columns->run_scale, sizeof(int64_t), index_value, NULL, error);
    if (status == GS_OK) status = add_planned(&make, error);
    if (status == GS_OK) status = add_settings(&make, error);
    return status == GS_OK ? add_results(&make, error) : status;
}

gs_status gs_columns_restore(gs_columns *columns, gs_file *file, uint64_t rows, gs_dataset color_scale,
                             gs_dataset digit_scale, gs_error *error)
{
    const gs_plan nothing = {.run_count = 0};
    const gs_roster roster = {.plan = &nothing, .rows = rows, .earlier_rows = rows};
    maker make = {columns, file, &roster, color_scale, digit_scale};
    return add_results(&make, error);
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
    gs_job job = job_of(columns->roster, row_of(columns, row->run));
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

gs_status gs_columns_ended(gs_columns *columns, gs_file *file, void (*ended)(void *context, const gs_row *row),
                           void *context, gs_error *error)
{
    const gs_roster *roster = columns->roster;
    double(*metrics)[GS_METRIC_COUNT] = calloc(roster->rows, sizeof *metrics);
    double *cells = malloc(roster->rows * sizeof *cells);
    int64_t *steps = calloc(roster->rows, sizeof *steps);
    gs_row *row = calloc(1, sizeof *row);
    gs_status status = GS_OK;
    if (metrics == NULL || cells == NULL || steps == NULL || row == NULL)
        status = gs_fail(error, GS_ERROR_MEMORY, "out of memory: %zu runs", (size_t)roster->rows);
    for (int m = 0; m < GS_METRIC_COUNT && status == GS_OK; m++) {
        status = gs_file_read(file, columns->metrics[m], 0, roster->rows, cells, error);
        for (uint64_t r = 0; r < roster->rows && status == GS_OK; r++)
            metrics[r][m] = metric_of(cells, gs_metrics_table[m].type, r);
    }
    if (status == GS_OK) status = gs_file_read(file, columns->from_row[STEPS_DONE], 0, roster->rows, steps, error);
    for (uint64_t r = 0; r < roster->rows && status == GS_OK; r++) {
        if (roster->run_of_row[r] < 0 || roster->status[r] < GS_RUN_DONE) continue;
        row->run = roster->run_of_row[r];
        row->failed = roster->status[r] == GS_RUN_FAILED;
        row->steps_done = steps[r];
        memcpy(row->metrics.values, metrics[r], sizeof metrics[r]);
        ended(context, row);
    }
    free(metrics);
    free(cells);
    free(steps);
    free(row);
    return status;
}
