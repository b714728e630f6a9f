#include "store/layouts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool same_tensors(const gs_tensor_table *a, const gs_tensor_table *b)
{
    if (a->count != b->count) return false;
    for (int t = 0; t < a->count; t++) {
        const gs_tensor *left = &a->tensors[t], *right = &b->tensors[t];
        if (strcmp(left->name, right->name) != 0 || left->rank != right->rank || left->rows != right->rows ||
            left->columns != right->columns)
            return false;
    }
    return true;
}

void gs_layout_path(gs_model_id model, int number, char *path, size_t size)
{
    if (number == 1) snprintf(path, size, "/checkpoints/%s", gs_model_names[model]);
    else snprintf(path, size, "/checkpoints/%s_%d", gs_model_names[model], number);
}

bool gs_layout_tensors(const gs_file *file, const char *group, char names[][GS_TENSOR_NAME], size_t *count)
{
    gs_extent extent;
    char path[128];
    snprintf(path, sizeof path, "%s/run", group);
    return gs_file_extent(file, path, &extent) &&
           gs_file_noted_texts(file, group, "tensors", names[0], GS_TENSOR_NAME, count);
}

/* Shape of a tensor's dataset with so many rows. */
static gs_dataset_spec spec_of(const gs_tensor *tensor, const char *path, uint64_t layout_rows)
{
    uint64_t rows = (uint64_t)tensor->rows, columns = (uint64_t)tensor->columns;
    if (tensor->rank == 1)
        return (gs_dataset_spec){.path = path,
                                 .cell = GS_CELL_FLOAT32,
                                 .growth = GS_BULK,
                                 .rank = 2,
                                 .dims = {layout_rows, columns},
                                 .chunk = {1, columns}};
    return (gs_dataset_spec){.path = path,
                             .cell = GS_CELL_FLOAT32,
                             .growth = GS_BULK,
                             .rank = 3,
                             .dims = {layout_rows, rows, columns},
                             .chunk = {1, rows, columns}};
}

/* Whether the file's layout `group` holds exactly these tensors. */
static bool file_has(const gs_file *file, const char *group, const gs_tensor_table *tensors)
{
    char names[GS_TENSORS_MAX][GS_TENSOR_NAME];
    size_t count = GS_TENSORS_MAX;
    if (!gs_layout_tensors(file, group, names, &count) || count != (size_t)tensors->count) return false;
    for (int t = 0; t < tensors->count; t++) {
        gs_extent extent;
        char path[256];
        snprintf(path, sizeof path, "%s/%.*s", group, GS_TENSOR_NAME, names[t]);
        gs_dataset_spec spec = spec_of(&tensors->tensors[t], path, 0);
        if (strcmp(names[t], tensors->tensors[t].name) != 0 || !gs_file_extent(file, path, &extent) ||
            extent.rank != spec.rank)
            return false;
        for (int i = 1; i < spec.rank; i++)
            if (extent.dims[i] != spec.dims[i]) return false;
    }
    return true;
}

/* The first number whose group has these tensors, or is free in the file and among the layouts found so far. */
static int number_of(const gs_layouts *layouts, const gs_file *file, gs_model_id model, const gs_tensor_table *tensors)
{
    for (int number = 1;; number++) {
        char group[64], path[128];
        gs_extent extent;
        gs_layout_path(model, number, group, sizeof group);
        snprintf(path, sizeof path, "%s/run", group);
        bool taken = false;
        for (size_t i = 0; i < layouts->count; i++)
            taken = taken || (layouts->layouts[i].model == model && layouts->layouts[i].number == number);
        if (taken) continue;
        bool there = layouts->roster->earlier_rows > 0 && gs_file_extent(file, path, &extent);
        if (!there || file_has(file, group, tensors)) return number;
    }
}

static gs_status find_layouts(gs_layouts *layouts, const gs_file *file, gs_error *error)
{
    const gs_plan *plan = layouts->roster->plan;
    for (size_t v = 0; v < plan->variant_count; v++) {
        gs_tensor_table tensors;
        gs_settings settings = gs_plan_settings(plan, v);
        gs_status status = gs_model_tensors(&settings, layouts->roster->digits, &tensors, error);
        if (status != GS_OK) return status;
        gs_model_id model = gs_settings_model(&settings);
        size_t place = 0;
        while (place < layouts->count &&
               !(layouts->layouts[place].model == model && same_tensors(&layouts->layouts[place].tensors, &tensors)))
            place++;
        if (place == layouts->count) {
            int number = number_of(layouts, file, model, &tensors);
            layouts->layouts[layouts->count++] =
                (gs_tensor_layout){.tensors = tensors, .model = model, .number = number};
        }
        layouts->layout_of_variant[v] = place;
    }
    return GS_OK;
}

/* Reads which rows have a place in the layout already. */
static gs_status read_places(gs_layouts *layouts, gs_file *file, gs_tensor_layout *layout, const char *path,
                             gs_error *error)
{
    gs_extent extent;
    if (layouts->roster->earlier_rows == 0 || !gs_file_extent(file, path, &extent)) return GS_OK;
    layout->rows = extent.dims[0];
    int64_t *runs = malloc((layout->rows + 1) * sizeof *runs);
    if (runs == NULL) return gs_fail(error, GS_ERROR_MEMORY, "out of memory: %zu runs", (size_t)layout->rows);
    gs_status status = gs_file_find(file, path, GS_CELL_INT64, 0, 1, &layout->run, error);
    if (status == GS_OK) status = gs_file_read(file, layout->run, 0, layout->rows, runs, error);
    for (uint64_t place = 0; place < layout->rows && status == GS_OK; place++) {
        if (runs[place] < 0 || (uint64_t)runs[place] >= layouts->roster->rows ||
            layouts->place_of_row[runs[place]] >= 0)
            status = gs_fail(error, GS_ERROR_STORAGE, "the results file is damaged: %s[%zu] is %lld", path,
                             (size_t)place, (long long)runs[place]);
        else layouts->place_of_row[runs[place]] = (int64_t)place;
    }
    free(runs);
    return status;
}

/* Which run each row belongs to: fixed at planning. */
static gs_status add_run_column(gs_layouts *layouts, gs_file *file, size_t place, const char *group, gs_error *error)
{
    const gs_roster *roster = layouts->roster;
    gs_tensor_layout *layout = &layouts->layouts[place];
    char path[256];
    snprintf(path, sizeof path, "%s/run", group);
    gs_status status = read_places(layouts, file, layout, path, error);
    uint64_t earlier = layout->rows;
    int64_t *runs = malloc(roster->rows * sizeof *runs);
    if (runs == NULL) return gs_fail(error, GS_ERROR_MEMORY, "out of memory: %zu runs", (size_t)roster->rows);
    for (uint64_t row = 0; row < roster->rows; row++) {
        bool to_do =
            roster->run_of_row[row] >= 0 && roster->status[row] != GS_RUN_DONE && layouts->place_of_row[row] < 0;
        if (!to_do || layouts->layout_of_variant[(size_t)roster->run_of_row[row] / roster->plan->seed_count] != place)
            continue;
        runs[layout->rows - earlier] = (int64_t)row;
        layouts->place_of_row[row] = (int64_t)layout->rows++;
    }
    gs_dataset_spec spec = {.path = path, .cell = GS_CELL_INT64, .growth = GS_ROWS, .rank = 1, .dims = {layout->rows}};
    if (status == GS_OK && layout->rows > 0) status = gs_file_add(file, &spec, &layout->run, error);
    if (status == GS_OK && layout->rows > earlier && !gs_file_lacks(file))
        status = gs_file_write(file, layout->run, earlier, layout->rows - earlier, runs, error);
    free(runs);
    return status;
}

static gs_status add_layout(gs_layouts *layouts, gs_file *file, size_t place, gs_error *error)
{
    gs_tensor_layout *layout = &layouts->layouts[place];
    char group[64];
    gs_layout_path(layout->model, layout->number, group, sizeof group);
    gs_status status = add_run_column(layouts, file, place, group, error);
    const char *names[GS_TENSORS_MAX];
    if (layout->rows == 0) return status; /* all its runs are done, and were stored without */
    for (int t = 0; t < layout->tensors.count && status == GS_OK; t++) {
        char path[256];
        names[t] = layout->tensors.tensors[t].name;
        snprintf(path, sizeof path, "%s/%s", group, names[t]);
        gs_dataset_spec spec = spec_of(&layout->tensors.tensors[t], path, layout->rows);
        status = gs_file_add(file, &spec, &layout->datasets[t], error);
    }
    if (status == GS_OK && !gs_file_lacks(file))
        status = gs_file_note_texts(file, group, "tensors", names, (size_t)layout->tensors.count, error);
    return status;
}

gs_status gs_layouts_add(gs_layouts *layouts, gs_file *file, const gs_roster *roster, gs_error *error)
{
    size_t variants = roster->plan->variant_count;
    layouts->roster = roster;
    layouts->layouts = calloc(variants, sizeof *layouts->layouts);
    layouts->layout_of_variant = calloc(variants, sizeof *layouts->layout_of_variant);
    layouts->place_of_row = malloc(roster->rows * sizeof *layouts->place_of_row);
    if (layouts->layouts == NULL || layouts->layout_of_variant == NULL || layouts->place_of_row == NULL)
        return gs_fail(error, GS_ERROR_MEMORY, "out of memory: %zu variants", variants);
    for (uint64_t row = 0; row < roster->rows; row++) layouts->place_of_row[row] = -1;
    gs_status status = find_layouts(layouts, file, error);
    for (size_t place = 0; place < layouts->count && status == GS_OK; place++)
        status = add_layout(layouts, file, place, error);
    return status;
}

gs_status gs_layouts_write(gs_layouts *layouts, gs_file *file, int64_t run, uint32_t tensor, const void *bytes,
                           size_t size, gs_error *error)
{
    const gs_roster *roster = layouts->roster;
    const gs_tensor_layout *layout =
        &layouts->layouts[layouts->layout_of_variant[(size_t)run / roster->plan->seed_count]];
    int64_t place = layouts->place_of_row[roster->row_of_run[run]];
    if (place < 0 || tensor >= (uint32_t)layout->tensors.count ||
        size != gs_tensor_elements(&layout->tensors.tensors[tensor]) * sizeof(float))
        return gs_fail(error, GS_ERROR_INTERNAL, "run %lld: tensor %u of %zu bytes fits no layout", (long long)run,
                       tensor, size);
    const uint64_t offset[GS_RANK_MAX] = {(uint64_t)place};
    return gs_file_write_chunk(file, layout->datasets[tensor], offset, bytes, size, error);
}

void gs_layouts_free(gs_layouts *layouts)
{
    free(layouts->layouts);
    free(layouts->layout_of_variant);
    free(layouts->place_of_row);
    *layouts = (gs_layouts){0};
}
