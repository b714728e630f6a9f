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

static gs_status find_layouts(gs_layouts *layouts, const gs_plan *plan, const gs_digits *digits, gs_error *error)
{
    for (size_t v = 0; v < plan->variant_count; v++) {
        gs_tensor_table tensors;
        gs_settings settings = gs_plan_settings(plan, v);
        gs_status status = gs_model_tensors(&settings, digits, &tensors, error);
        if (status != GS_OK) return status;
        gs_model_id model = gs_settings_model(&settings);
        size_t place = 0;
        while (place < layouts->count &&
               !(layouts->layouts[place].model == model && same_tensors(&layouts->layouts[place].tensors, &tensors)))
            place++;
        if (place == layouts->count)
            layouts->layouts[layouts->count++] = (gs_tensor_layout){.tensors = tensors, .model = model};
        layouts->layout_of_variant[v] = place;
        layouts->first_row[v] = layouts->layouts[place].rows;
        layouts->layouts[place].rows += plan->seed_count;
    }
    return GS_OK;
}

/* "gan", then "gan_2": counted among the layouts of the same model. */
static void name_layout(const gs_layouts *layouts, size_t place, char *name, size_t size)
{
    int number = 1;
    for (size_t i = 0; i < place; i++) number += layouts->layouts[i].model == layouts->layouts[place].model;
    const char *model = gs_model_names[layouts->layouts[place].model];
    if (number == 1) snprintf(name, size, "/checkpoints/%s", model);
    else snprintf(name, size, "/checkpoints/%s_%d", model, number);
}

/* Which run each row belongs to, filled in at planning. */
static gs_status add_run_column(const gs_layouts *layouts, gs_file *file, const gs_plan *plan, size_t place, const char *group,
                                gs_error *error)
{
    static const char *const axes[] = {"checkpoint"};
    uint64_t rows = layouts->layouts[place].rows;
    int64_t *runs = malloc(rows * sizeof *runs);
    if (runs == NULL) return gs_fail(error, GS_ERROR_MEMORY, "out of memory: %zu runs", (size_t)rows);
    for (size_t v = 0; v < plan->variant_count; v++)
        for (size_t s = 0; layouts->layout_of_variant[v] == place && s < plan->seed_count; s++)
            runs[layouts->first_row[v] + s] = (int64_t)(v * plan->seed_count + s);
    char path[256];
    snprintf(path, sizeof path, "%s/run", group);
    gs_dataset_spec spec = {.path = path, .cell = GS_CELL_INT64, .layout = GS_ROWS, .rank = 1, .dims = {rows}, .axes = axes};
    gs_dataset dataset;
    gs_status status = gs_file_add(file, &spec, &dataset, error);
    if (status == GS_OK) status = gs_file_write(file, dataset, 0, rows, runs, error);
    free(runs);
    return status;
}

static gs_status add_layout(gs_layouts *layouts, gs_file *file, const gs_plan *plan, size_t place, gs_error *error)
{
    static const char *const bias_axes[] = {"checkpoint", "output"};
    static const char *const kernel_axes[] = {"checkpoint", "input", "output"};
    gs_tensor_layout *layout = &layouts->layouts[place];
    char group[64];
    name_layout(layouts, place, group, sizeof group);
    gs_status status = add_run_column(layouts, file, plan, place, group, error);
    const char *names[GS_TENSORS_MAX];
    for (int t = 0; t < layout->tensors.count && status == GS_OK; t++) {
        const gs_tensor *tensor = &layout->tensors.tensors[t];
        uint64_t rows = (uint64_t)tensor->rows, columns = (uint64_t)tensor->columns;
        char path[256];
        names[t] = tensor->name;
        snprintf(path, sizeof path, "%s/%s", group, tensor->name);
        gs_dataset_spec spec = {.path = path, .cell = GS_CELL_FLOAT32, .layout = GS_BULK};
        if (tensor->rank == 1) {
            spec.rank = 2;
            spec.dims[0] = layout->rows, spec.dims[1] = columns;
            spec.chunk[0] = 1, spec.chunk[1] = columns;
            spec.axes = bias_axes;
        } else {
            spec.rank = 3;
            spec.dims[0] = layout->rows, spec.dims[1] = rows, spec.dims[2] = columns;
            spec.chunk[0] = 1, spec.chunk[1] = rows, spec.chunk[2] = columns;
            spec.axes = kernel_axes;
        }
        status = gs_file_add(file, &spec, &layout->datasets[t], error);
    }
    if (status == GS_OK) status = gs_file_note_texts(file, group, "tensors", names, (size_t)layout->tensors.count, error);
    return status;
}

gs_status gs_layouts_add(gs_layouts *layouts, gs_file *file, const gs_plan *plan, const gs_digits *digits, gs_error *error)
{
    layouts->seed_count = plan->seed_count;
    layouts->layouts = calloc(plan->variant_count, sizeof *layouts->layouts);
    layouts->layout_of_variant = calloc(plan->variant_count, sizeof *layouts->layout_of_variant);
    layouts->first_row = calloc(plan->variant_count, sizeof *layouts->first_row);
    if (layouts->layouts == NULL || layouts->layout_of_variant == NULL || layouts->first_row == NULL)
        return gs_fail(error, GS_ERROR_MEMORY, "out of memory: %zu variants", plan->variant_count);
    gs_status status = find_layouts(layouts, plan, digits, error);
    for (size_t place = 0; place < layouts->count && status == GS_OK; place++)
        status = add_layout(layouts, file, plan, place, error);
    return status;
}

gs_status gs_layouts_write(gs_layouts *layouts, gs_file *file, int64_t run, uint32_t tensor, const void *bytes, size_t size,
                           gs_error *error)
{
    size_t variant = (size_t)run / layouts->seed_count, seed = (size_t)run % layouts->seed_count;
    const gs_tensor_layout *layout = &layouts->layouts[layouts->layout_of_variant[variant]];
    if (tensor >= (uint32_t)layout->tensors.count || size != gs_tensor_elements(&layout->tensors.tensors[tensor]) * sizeof(float))
        return gs_fail(error, GS_ERROR_INTERNAL, "run %lld: tensor %u of %zu bytes fits no layout", (long long)run, tensor, size);
    const uint64_t offset[GS_RANK_MAX] = {layouts->first_row[variant] + seed};
    return gs_file_write_chunk(file, layout->datasets[tensor], offset, bytes, size, error);
}

void gs_layouts_free(gs_layouts *layouts)
{
    free(layouts->layouts);
    free(layouts->layout_of_variant);
    free(layouts->first_row);
    *layouts = (gs_layouts){0};
}
