#include "store/columns.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef enum { BY_RUN, BY_BIN /* (R, color, digit) */ } column_shape;

static const int32_t no_rank = -1;
static const double not_a_number = (double)NAN;

/* Columns that are copied from a gs_row as they are. */
static const struct {
    const char *path;
    gs_cell cell;
    size_t text;
    column_shape shape;
    size_t offset;
    const void *fill;
} from_row[] = {
    {"/runs/rank", GS_CELL_INT32, 0, BY_RUN, offsetof(gs_row, rank), &no_rank},
    {"/runs/steps_done", GS_CELL_INT64, 0, BY_RUN, offsetof(gs_row, steps_done), NULL},
    {"/runs/seconds", GS_CELL_FLOAT64, 0, BY_RUN, offsetof(gs_row, seconds), NULL},
    {"/runs/error", GS_CELL_TEXT, GS_REASON, BY_RUN, offsetof(gs_row, error), NULL},
    {"/runs/digest", GS_CELL_TEXT, GS_DIGEST, BY_RUN, offsetof(gs_row, digests.whole), NULL},
    {"/digests/coverage", GS_CELL_TEXT, GS_DIGEST, BY_RUN, offsetof(gs_row, digests.parts[GS_PART_COVERAGE]), NULL},
    {"/digests/samples", GS_CELL_TEXT, GS_DIGEST, BY_RUN, offsetof(gs_row, digests.parts[GS_PART_SAMPLES]), NULL},
    {"/digests/checkpoint", GS_CELL_TEXT, GS_DIGEST, BY_RUN, offsetof(gs_row, digests.parts[GS_PART_CHECKPOINT]), NULL},
    {"/digests/curves", GS_CELL_TEXT, GS_DIGEST, BY_RUN, offsetof(gs_row, digests.parts[GS_PART_CURVES]), NULL},
    {"/coverage/counts", GS_CELL_UINT32, 0, BY_BIN, offsetof(gs_row, counts), NULL},
    {"/coverage/rejected", GS_CELL_UINT32, 0, BY_RUN, offsetof(gs_row, rejected), NULL},
    {"/coverage/error_sum", GS_CELL_FLOAT64, 0, BY_BIN, offsetof(gs_row, error_sum), NULL},
    {"/coverage/expected", GS_CELL_FLOAT64, 0, BY_BIN, offsetof(gs_row, expected), NULL},
    {"/coverage/shade_ks", GS_CELL_FLOAT64, 0, BY_BIN, offsetof(gs_row, shade_distance), &not_a_number},
};
enum { FROM_ROW = sizeof from_row / sizeof from_row[0] };

/* What the columns are made with. */
typedef struct {
    gs_columns *columns;
    gs_file *file;
    const gs_plan *plan;
    gs_dataset color, digit;
} maker;

static gs_status add(maker *make, const char *path, gs_cell cell, size_t text, const void *fill, gs_dataset *dataset,
                     gs_error *error)
{
    static const char *const axes[] = {"run"};
    gs_dataset_spec spec = {.path = path, .cell = cell, .text = text, .layout = GS_ROWS, .rank = 1,
                            .dims = {make->plan->run_count}, .fill = fill, .axes = axes};
    gs_status status = gs_file_add(make->file, &spec, dataset, error);
    return status == GS_OK ? gs_file_attach_scale(make->file, *dataset, 0, make->columns->run_scale, error) : status;
}

static gs_status add_by_bin(maker *make, const char *path, gs_cell cell, const void *fill, gs_dataset *dataset, gs_error *error)
{
    static const char *const axes[] = {"run", "color", "digit"};
    gs_dataset_spec spec = {.path = path, .cell = cell, .layout = GS_ROWS, .rank = 3,
                            .dims = {make->plan->run_count, GS_COLORS, GS_DIGITS}, .fill = fill, .axes = axes};
    gs_status status = gs_file_add(make->file, &spec, dataset, error);
    const gs_dataset scales[] = {make->columns->run_scale, make->color, make->digit};
    for (int i = 0; i < 3 && status == GS_OK; i++) status = gs_file_attach_scale(make->file, *dataset, i, scales[i], error);
    return status;
}

/* ---- planned values ---------------------------------------------------------------------------------------------- */

static gs_status fill_column(maker *make, gs_dataset dataset, size_t cell_size,
                             void (*value)(const gs_plan *plan, const void *what, size_t run, void *cell), const void *what,
                             gs_error *error)
{
    size_t runs = make->plan->run_count;
    unsigned char *cells = calloc(runs, cell_size);
    if (cells == NULL) return gs_fail(error, GS_ERROR_MEMORY, "out of memory: a column of %zu runs", runs);
    for (size_t run = 0; run < runs; run++) value(make->plan, what, run, cells + run * cell_size);
    gs_status status = gs_file_write(make->file, dataset, 0, runs, cells, error);
    free(cells);
    return status;
}

static void index_value(const gs_plan *plan, const void *what, size_t run, void *cell)
{
    (void)plan;
    (void)what;
    *(int64_t *)cell = (int64_t)run;
}

static void seed_value(const gs_plan *plan, const void *what, size_t run, void *cell)
{
    (void)what;
    *(uint64_t *)cell = gs_plan_job(plan, run).seed;
}

static void id_value(const gs_plan *plan, const void *digits, size_t run, void *cell)
{
    char id[GS_ID];
    gs_job job = gs_plan_job(plan, run);
    gs_run_id(&job.settings, job.seed, digits, id);
    memcpy(cell, id, GS_ID - 1);
}

static void variant_value(const gs_plan *plan, const void *what, size_t run, void *cell)
{
    (void)what;
    snprintf(cell, GS_LABEL, "%s", gs_plan_variant(plan, run)->label);
}

static void label_value(const gs_plan *plan, const void *what, size_t run, void *cell)
{
    (void)what;
    snprintf(cell, GS_LABEL, "%.200s, seed=%llu", gs_plan_variant(plan, run)->label,
             (unsigned long long)gs_plan_job(plan, run).seed);
}

enum { MODEL_TEXT = 16 };

static void model_value(const gs_plan *plan, const void *what, size_t run, void *cell)
{
    (void)what;
    const char *name = gs_model_names[gs_settings_model(&gs_plan_variant(plan, run)->settings)];
    memcpy(cell, name, strlen(name));
}

static gs_status add_planned(maker *make, const gs_digits *digits, gs_error *error)
{
    const struct {
        const char *path;
        gs_cell cell;
        size_t text;
        void (*value)(const gs_plan *plan, const void *what, size_t run, void *cell);
    } planned[] = {
        {"/runs/id", GS_CELL_TEXT, GS_ID - 1, id_value},     {"/runs/label", GS_CELL_TEXT, GS_LABEL, label_value},
        {"/runs/variant", GS_CELL_TEXT, GS_LABEL, variant_value}, {"/runs/model", GS_CELL_TEXT, MODEL_TEXT, model_value},
        {"/runs/seed", GS_CELL_UINT64, 0, seed_value},
    };
    gs_status status = GS_OK;
    for (size_t i = 0; i < sizeof planned / sizeof planned[0] && status == GS_OK; i++) {
        gs_dataset dataset;
        status = add(make, planned[i].path, planned[i].cell, planned[i].text, NULL, &dataset, error);
        size_t size = gs_cell_size(planned[i].cell, planned[i].text);
        if (status == GS_OK) status = fill_column(make, dataset, size, planned[i].value, digits, error);
    }
    return status;
}

/* ---- settings ---------------------------------------------------------------------------------------------------- */

enum { CHOICE_TEXT = 32 };

/* `what` is the row of the settings table. */
static void setting_value(const gs_plan *plan, const void *what, size_t run, void *cell)
{
    const gs_setting *row = what;
    gs_setting_id id = (gs_setting_id)(row - gs_settings_table);
    const gs_settings *settings = &gs_plan_variant(plan, run)->settings;
    const gs_value *value = &settings->values[id];
    bool applies = gs_setting_applies(id, settings);
    switch (row->type) {
    case GS_TYPE_INTEGER: *(int64_t *)cell = applies ? value->integer : -1; break;
    case GS_TYPE_REAL: *(double *)cell = applies ? value->real : (double)NAN; break;
    case GS_TYPE_SWITCH: *(int8_t *)cell = applies ? (int8_t)value->integer : -1; break;
    case GS_TYPE_CHOICE:
        if (applies) snprintf(cell, CHOICE_TEXT, "%s", row->choices[value->integer]);
        break;
    case GS_TYPE_WEIGHTS:
        for (int d = 0; d < GS_DIGITS; d++) ((double *)cell)[d] = applies ? value->weights[d] : (double)NAN;
        break;
    case GS_TYPE_COUNT: break;
    }
}

static gs_status add_weights_column(maker *make, const char *path, gs_dataset *dataset, gs_error *error)
{
    static const char *const axes[] = {"run", "digit"};
    gs_dataset_spec spec = {.path = path, .cell = GS_CELL_FLOAT64, .layout = GS_ROWS, .rank = 2,
                            .dims = {make->plan->run_count, GS_DIGITS}, .axes = axes};
    gs_status status = gs_file_add(make->file, &spec, dataset, error);
    if (status == GS_OK) status = gs_file_attach_scale(make->file, *dataset, 0, make->columns->run_scale, error);
    return status == GS_OK ? gs_file_attach_scale(make->file, *dataset, 1, make->digit, error) : status;
}

static gs_status add_settings(maker *make, gs_error *error)
{
    static const gs_cell cells[GS_TYPE_COUNT] = {
        [GS_TYPE_INTEGER] = GS_CELL_INT64, [GS_TYPE_REAL] = GS_CELL_FLOAT64, [GS_TYPE_SWITCH] = GS_CELL_INT8,
        [GS_TYPE_CHOICE] = GS_CELL_TEXT,   [GS_TYPE_WEIGHTS] = GS_CELL_FLOAT64};
    gs_status status = GS_OK;
    for (int id = 0; id < GS_SETTING_COUNT && status == GS_OK; id++) {
        const gs_setting *row = &gs_settings_table[id];
        gs_dataset dataset;
        char path[128];
        snprintf(path, sizeof path, "/settings/%s", row->column);
        size_t size = gs_cell_size(cells[row->type], CHOICE_TEXT);
        if (row->type == GS_TYPE_WEIGHTS) {
            size *= GS_DIGITS;
            status = add_weights_column(make, path, &dataset, error);
        } else {
            status = add(make, path, cells[row->type], CHOICE_TEXT, NULL, &dataset, error);
        }
        if (status == GS_OK) status = fill_column(make, dataset, size, setting_value, row, error);
        bool has_fill = row->type == GS_TYPE_INTEGER || row->type == GS_TYPE_SWITCH;
        if (status == GS_OK && has_fill) status = gs_file_note_integer(make->file, path, "not_applicable", -1, error);
        if (status == GS_OK && row->type == GS_TYPE_CHOICE) status = gs_file_note_text(make->file, path, "not_applicable", "", error);
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

static gs_status add_curve(maker *make, const char *name, gs_cell cell, const void *fill, gs_dataset *dataset, gs_error *error)
{
    static const char *const axes[] = {"run", "curve_point"};
    char path[128];
    snprintf(path, sizeof path, "/curves/%s", name);
    gs_dataset_spec spec = {.path = path, .cell = cell, .layout = GS_ROWS, .rank = 2,
                            .dims = {make->plan->run_count, (uint64_t)make->columns->curve_points}, .fill = fill, .axes = axes};
    gs_status status = gs_file_add(make->file, &spec, dataset, error);
    return status == GS_OK ? gs_file_attach_scale(make->file, *dataset, 0, make->columns->run_scale, error) : status;
}

/* One column for each name that any model of the plan measures. */
static gs_status add_curves(maker *make, gs_error *error)
{
    static const int64_t no_step = -1;
    static const float no_value = NAN;
    gs_columns *columns = make->columns;
    for (size_t v = 0; v < make->plan->variant_count; v++) {
        int points = gs_curve_points(gs_settings_integer(&make->plan->variants[v].settings, GS_SETTING_STEPS));
        if (points > columns->curve_points) columns->curve_points = points;
    }
    gs_status status = add_curve(make, "step", GS_CELL_INT64, &no_step, &columns->curve_steps, error);
    for (size_t v = 0; v < make->plan->variant_count; v++) {
        const gs_model_type *type = gs_model_type_of(gs_settings_model(&make->plan->variants[v].settings));
        for (int c = 0; type->curves[c] != NULL && status == GS_OK; c++) {
            int known = 0;
            while (known < columns->curve_count && strcmp(columns->curve_names[known], type->curves[c]) != 0) known++;
            if (known < columns->curve_count) continue;
            columns->curve_names[known] = type->curves[c];
            status = add_curve(make, type->curves[c], GS_CELL_FLOAT32, &no_value, &columns->curves[known], error);
            columns->curve_count++;
        }
    }
    return status;
}

static gs_status add_results(maker *make, gs_error *error)
{
    gs_columns *columns = make->columns;
    static const int32_t no_launch = -1;
    gs_status status = add(make, "/runs/status", GS_CELL_STATUS, 0, NULL, &columns->status, error);
    if (status == GS_OK) status = add(make, "/runs/attempts", GS_CELL_INT32, 0, NULL, &columns->attempts, error);
    if (status == GS_OK) status = add(make, "/runs/launch", GS_CELL_INT32, 0, &no_launch, &columns->launch, error);
    for (int i = 0; i < FROM_ROW && status == GS_OK; i++)
        status = from_row[i].shape == BY_BIN
                     ? add_by_bin(make, from_row[i].path, from_row[i].cell, from_row[i].fill, &columns->from_row[i], error)
                     : add(make, from_row[i].path, from_row[i].cell, from_row[i].text, from_row[i].fill, &columns->from_row[i], error);
    if (status == GS_OK) status = gs_file_note_texts(make->file, "/coverage/counts", "colors", gs_color_names, GS_COLORS, error);
    if (status == GS_OK) status = gs_file_note_texts(make->file, "/coverage/counts", "digits", gs_digit_names, GS_DIGITS, error);
    if (status == GS_OK) status = add_metrics(make, error);
    return status == GS_OK ? add_curves(make, error) : status;
}

gs_status gs_columns_add(gs_columns *columns, gs_file *file, const gs_plan *plan, const gs_digits *digits,
                         gs_dataset color_scale, gs_dataset digit_scale, gs_error *error)
{
    maker make = {columns, file, plan, color_scale, digit_scale};
    static const char *const axes[] = {"run"};
    columns->models = malloc(plan->run_count * sizeof *columns->models);
    if (columns->models == NULL) return gs_fail(error, GS_ERROR_MEMORY, "out of memory: %zu runs", plan->run_count);
    for (size_t run = 0; run < plan->run_count; run++) columns->models[run] = gs_settings_model(&gs_plan_variant(plan, run)->settings);
    gs_dataset_spec scale = {.path = "/runs/index", .cell = GS_CELL_INT64, .layout = GS_ROWS, .rank = 1,
                             .dims = {plan->run_count}, .axes = axes};
    gs_status status = gs_file_add(file, &scale, &columns->run_scale, error);
    if (status == GS_OK) status = gs_file_make_scale(file, columns->run_scale, "run", error);
    if (status == GS_OK) status = fill_column(&make, columns->run_scale, sizeof(int64_t), index_value, NULL, error);
    if (status == GS_OK) status = add_planned(&make, digits, error);
    if (status == GS_OK) status = add_settings(&make, error);
    return status == GS_OK ? add_results(&make, error) : status;
}

/* ---- rows -------------------------------------------------------------------------------------------------------- */

gs_status gs_columns_start(gs_columns *columns, gs_file *file, int64_t run, int32_t attempts, int32_t launch, gs_error *error)
{
    int8_t running = GS_RUN_RUNNING;
    gs_status status = gs_file_write(file, columns->attempts, (uint64_t)run, 1, &attempts, error);
    if (status == GS_OK) status = gs_file_write(file, columns->launch, (uint64_t)run, 1, &launch, error);
    return status == GS_OK ? gs_file_write(file, columns->status, (uint64_t)run, 1, &running, error) : status;
}

gs_status gs_columns_release(gs_columns *columns, gs_file *file, int64_t run, int32_t attempts, gs_error *error)
{
    int8_t pending = GS_RUN_PENDING;
    gs_status status = gs_file_write(file, columns->attempts, (uint64_t)run, 1, &attempts, error);
    return status == GS_OK ? gs_file_write(file, columns->status, (uint64_t)run, 1, &pending, error) : status;
}

static gs_status write_metric(gs_columns *columns, gs_file *file, uint64_t run, int m, double value, gs_error *error)
{
    int32_t integer = isnan(value) ? -1 : (int32_t)value;
    int8_t flag = isnan(value) ? -1 : (int8_t)value;
    const void *cells[] = {[GS_METRIC_REAL] = &value, [GS_METRIC_INTEGER] = &integer, [GS_METRIC_FLAG] = &flag};
    return gs_file_write(file, columns->metrics[m], run, 1, cells[gs_metrics_table[m].type], error);
}

/* Rows are as long as the longest run's: what a run does not have stays fill value. */
static gs_status write_curves(gs_columns *columns, gs_file *file, const gs_row *row, gs_error *error)
{
    const gs_curves *curves = &row->curves;
    int64_t steps[GS_CURVE_POINTS];
    float values[GS_CURVE_POINTS];
    for (int p = 0; p < columns->curve_points; p++) steps[p] = p < curves->points ? curves->step[p] : -1;
    gs_status status = gs_file_write(file, columns->curve_steps, (uint64_t)row->run, 1, steps, error);
    const gs_model_type *type = gs_model_type_of(columns->models[row->run]);
    for (int c = 0; type->curves[c] != NULL && status == GS_OK; c++) {
        int known = 0;
        while (strcmp(columns->curve_names[known], type->curves[c]) != 0) known++;
        for (int p = 0; p < columns->curve_points; p++) values[p] = p < curves->points ? curves->values[c][p] : NAN;
        status = gs_file_write(file, columns->curves[known], (uint64_t)row->run, 1, values, error);
    }
    return status;
}

gs_status gs_columns_write(gs_columns *columns, gs_file *file, const gs_row *row, gs_error *error)
{
    uint64_t run = (uint64_t)row->run;
    gs_status status = GS_OK;
    for (int i = 0; i < FROM_ROW && status == GS_OK; i++)
        status = gs_file_write(file, columns->from_row[i], run, 1, (const unsigned char *)row + from_row[i].offset, error);
    for (int m = 0; m < GS_METRIC_COUNT && status == GS_OK; m++)
        status = write_metric(columns, file, run, m, row->metrics.values[m], error);
    return status == GS_OK ? write_curves(columns, file, row, error) : status;
}

gs_status gs_columns_finish(gs_columns *columns, gs_file *file, const gs_row *row, gs_error *error)
{
    int8_t status = row->failed != 0 ? GS_RUN_FAILED : GS_RUN_DONE;
    return gs_file_write(file, columns->status, (uint64_t)row->run, 1, &status, error);
}

void gs_columns_free(gs_columns *columns)
{
    free(columns->models);
    columns->models = NULL;
}
