#include "store/columns.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/setting_cells.h"

static const double not_a_number = (double)NAN;

/* What the columns are made with. */
typedef struct {
    gs_columns *columns;
    gs_file *file;
    const gs_roster *roster;
    int32_t launch;
    const gs_file *before; /* that this one is restored from; NULL: it is not */
} maker;

static gs_status add(maker *make, const char *path, gs_cell cell, size_t text, const void *fill, gs_dataset *dataset,
                     gs_error *error)
{
    gs_dataset_spec spec = {.path = path,
                            .cell = cell,
                            .text = text,
                            .growth = GS_ROWS,
                            .rank = 1,
                            .dims = {make->roster->rows},
                            .fill = fill};
    return gs_file_add(make->file, &spec, dataset, error);
}

static gs_status add_by_bin(maker *make, const char *path, gs_cell cell, const void *fill, gs_dataset *dataset,
                            gs_error *error)
{
    gs_dataset_spec spec = {.path = path,
                            .cell = cell,
                            .growth = GS_ROWS,
                            .rank = 3,
                            .dims = {make->roster->rows, GS_COLORS, GS_DIGITS},
                            .fill = fill};
    return gs_file_add(make->file, &spec, dataset, error);
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

static const char *name_of(const gs_roster *roster, size_t row)
{
    return roster->variants[(size_t)roster->run_of_row[row] / roster->plan->seed_count];
}

static void seed_value(const gs_roster *roster, const void *what, size_t row, void *cell)
{
    (void)what;
    *(uint64_t *)cell = gs_roster_job(roster, row).seed;
}

static void id_value(const gs_roster *roster, const void *what, size_t row, void *cell)
{
    (void)what;
    char id[GS_ID];
    gs_job job = gs_roster_job(roster, row);
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
    snprintf(cell, GS_LABEL, "%.200s, seed=%llu", name_of(roster, row),
             (unsigned long long)gs_roster_job(roster, row).seed);
}

static void model_value(const gs_roster *roster, const void *what, size_t row, void *cell)
{
    (void)what;
    gs_job job = gs_roster_job(roster, row);
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
        {"/runs/model", GS_CELL_TEXT, GS_MODEL_TEXT, model_value},
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
    gs_job job = gs_roster_job(roster, number);
    gs_setting_to_cell((gs_setting_id)(row - gs_settings_table), &job.settings, cell);
}

static gs_status add_weights_column(maker *make, const char *path, gs_dataset *dataset, gs_error *error)
{
    gs_dataset_spec spec = {.path = path,
                            .cell = GS_CELL_FLOAT64,
                            .growth = GS_ROWS,
                            .rank = 2,
                            .dims = {make->roster->rows, GS_DIGITS},
                            .fill = &not_a_number};
    return gs_file_add(make->file, &spec, dataset, error);
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

/* Says of a column that a file which is continued did not have that it begins now. */
static gs_status note_launch(maker *make, const char *path, gs_dataset dataset, gs_error *error)
{
    bool begins = make->before == NULL && make->roster->earlier_rows > 0 && !gs_file_lacks(make->file) &&
                  gs_file_earlier_rows(make->file, dataset) == 0;
    return begins ? gs_file_note_integer(make->file, path, GS_SINCE_LAUNCH, make->launch, error) : GS_OK;
}

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
        if (make->before != NULL && gs_file_is_without(make->before, path)) continue;
        status = add(make, path, types[row->type].cell, 0, types[row->type].fill, &make->columns->metrics[m], error);
        if (status == GS_OK) status = note_launch(make, path, make->columns->metrics[m], error);
        if (status == GS_OK) status = gs_file_note_text(make->file, path, "help", row->help, error);
    }
    return status;
}

static gs_status add_curve(maker *make, const char *name, gs_cell cell, const void *fill, gs_dataset *dataset,
                           gs_error *error)
{
    char path[128];
    snprintf(path, sizeof path, "/curves/%s", name);
    gs_dataset_spec spec = {.path = path,
                            .cell = cell,
                            .growth = GS_ROWS,
                            .rank = 2,
                            .dims = {make->roster->rows, (uint64_t)make->columns->curve_points},
                            .fill = fill};
    return gs_file_add(make->file, &spec, dataset, error);
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

/* Whether a file that is continued has all curves of a model already, perhaps of runs that are no
 * longer in the sweep. */
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
    static const int32_t no_launch = -1;
    static const int8_t planned = 1;
    gs_columns *columns = make->columns;
    int count;
    const gs_row_column *rows = gs_columns_of_row(&count);
    gs_status status = add(make, "/runs/status", GS_CELL_STATUS, 0, NULL, &columns->status, error);
    if (status == GS_OK) status = add(make, "/runs/planned", GS_CELL_INT8, 0, &planned, &columns->planned, error);
    if (status == GS_OK) status = add(make, "/runs/attempts", GS_CELL_INT32, 0, NULL, &columns->attempts, error);
    if (status == GS_OK)
        status = add(make, "/runs/interruptions", GS_CELL_INT32, 0, NULL, &columns->interruptions, error);
    if (status == GS_OK) status = add(make, "/runs/launch", GS_CELL_INT32, 0, &no_launch, &columns->launch, error);
    for (int i = 0; i < count && status == GS_OK; i++)
        status = rows[i].shape == GS_BY_BIN
                     ? add_by_bin(make, rows[i].path, rows[i].cell, rows[i].fill, &columns->from_row[i], error)
                     : add(make, rows[i].path, rows[i].cell, rows[i].text, rows[i].fill, &columns->from_row[i], error);
    if (status == GS_OK)
        status = gs_file_note_texts(make->file, "/coverage/counts", "colors", gs_color_names, GS_COLORS, error);
    if (status == GS_OK)
        status = gs_file_note_texts(make->file, "/coverage/counts", "digits", gs_digit_names, GS_DIGITS, error);
    if (status == GS_OK) status = add_metrics(make, error);
    return status == GS_OK ? add_curves(make, error) : status;
}

gs_status gs_columns_add(gs_columns *columns, gs_file *file, const gs_roster *roster, int32_t launch, gs_error *error)
{
    maker make = {.columns = columns, .file = file, .roster = roster, .launch = launch};
    columns->roster = roster;
    gs_status status = add_planned(&make, error);
    if (status == GS_OK) status = add_settings(&make, error);
    return status == GS_OK ? add_results(&make, error) : status;
}

gs_status gs_columns_restore(gs_columns *columns, gs_file *file, const gs_file *before, uint64_t rows, gs_error *error)
{
    const gs_plan nothing = {.run_count = 0};
    const gs_roster roster = {.plan = &nothing, .rows = rows, .earlier_rows = rows};
    maker make = {.columns = columns, .file = file, .roster = &roster, .before = before};
    return add_results(&make, error);
}
