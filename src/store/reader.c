#include "store/reader.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/layouts.h"

static const char *const digest_paths[GS_PART_COUNT] = {"/digests/coverage", "/digests/samples", "/digests/checkpoint",
                                                        "/digests/curves"};

static const char *const sample_paths[] = {"/samples/image", "/samples/bin", "/samples/error"};
static const gs_cell sample_cells[] = {GS_CELL_UINT8, GS_CELL_UINT8, GS_CELL_UINT16};

static const char *const along_paths[] = {"/coverage/over_training/step", "/coverage/over_training/counts",
                                          "/coverage/over_training/rejected"};

static gs_status no_memory(gs_error *error)
{
    return gs_fail(error, GS_ERROR_MEMORY, "out of memory to read a results file");
}

/* ---- opening ----------------------------------------------------------------------------------------------------- */

static gs_status read_all(gs_reader *r, const char *path, gs_cell cell, size_t text, void *values, gs_error *error)
{
    gs_dataset dataset;
    gs_status status = gs_file_find(r->file, path, cell, text, 1, &dataset, error);
    if (status == GS_OK && gs_file_earlier_rows(r->file, dataset) < r->runs)
        return gs_fail(error, GS_ERROR_STORAGE, "the results file is damaged: %s is shorter than /runs/status", path);
    return status == GS_OK ? gs_file_read(r->file, dataset, 0, r->runs, values, error) : status;
}

static gs_status open_runs(gs_reader *r, gs_error *error)
{
    gs_extent extent;
    if (!gs_file_extent(r->file, "/runs/status", &extent) || extent.rank != 1)
        return gs_fail(error, GS_ERROR_STORAGE, "the results file is damaged: it has no /runs/status");
    r->runs = extent.dims[0];
    r->status = calloc(r->runs + 1, sizeof *r->status);
    r->samples = calloc(r->runs + 1, sizeof *r->samples);
    r->models = calloc(r->runs + 1, sizeof *r->models);
    r->layout_of = calloc(r->runs + 1, sizeof *r->layout_of);
    r->place_of = calloc(r->runs + 1, sizeof *r->place_of);
    char(*names)[GS_MODEL_TEXT] = calloc(r->runs + 1, sizeof *names);
    gs_status status = GS_OK;
    if (r->status == NULL || r->samples == NULL || r->models == NULL || r->layout_of == NULL || r->place_of == NULL ||
        names == NULL)
        status = no_memory(error);
    if (status == GS_OK) status = read_all(r, "/runs/status", GS_CELL_STATUS, 0, r->status, error);
    if (status == GS_OK) status = read_all(r, "/settings/evaluation.samples", GS_CELL_INT64, 0, r->samples, error);
    if (status == GS_OK) status = read_all(r, "/runs/model", GS_CELL_TEXT, sizeof *names, names, error);
    for (uint64_t run = 0; run < r->runs && status == GS_OK; run++) {
        r->layout_of[run] = -1;
        r->models[run] = (int8_t)gs_model_of_name(names[run]);
    }
    free(names);
    return status;
}

static bool describe_tensors(gs_reader *r, gs_reader_layout *layout)
{
    char names[GS_TENSORS_MAX][GS_TENSOR_NAME], path[256];
    size_t count = GS_TENSORS_MAX;
    if (!gs_layout_tensors(r->file, layout->group, names, &count)) return false;
    for (size_t t = 0; t < count; t++) {
        gs_extent extent;
        snprintf(path, sizeof path, "%s/%.*s", layout->group, GS_TENSOR_NAME, names[t]);
        bool there = gs_file_extent(r->file, path, &extent) && (extent.rank == 2 || extent.rank == 3);
        for (int i = 1; there && i < extent.rank; i++) there = extent.dims[i] > 0 && extent.dims[i] < 1 << 20;
        if (!there) return false;
        int rows = extent.rank == 3 ? (int)extent.dims[1] : 1, columns = (int)extent.dims[extent.rank - 1];
        char *slash = strrchr(names[t], '/');
        if (slash == NULL) return false;
        *slash = '\0';
        gs_tensors_add(&layout->tensors, names[t], slash + 1, extent.rank - 1, rows, columns, GS_INIT_ZEROS);
    }
    return true;
}

/* Which run each row belongs to; *known becomes false if that cannot be told. */
static gs_status place_runs(gs_reader *r, gs_reader_layout *layout, int32_t number, bool *known, gs_error *error)
{
    char path[128];
    snprintf(path, sizeof path, "%s/run", layout->group);
    const gs_found *found = gs_lookup_find(&r->lookup, path, GS_CELL_INT64, 0, error);
    *known = false;
    if (found == NULL && r->lookup.status == GS_ERROR_MEMORY) return GS_ERROR_MEMORY;
    if (found == NULL || found->extent.rank != 1) return GS_OK;
    layout->rows = found->extent.dims[0];
    layout->run_of = calloc(layout->rows + 1, sizeof *layout->run_of);
    if (layout->run_of == NULL) return no_memory(error);
    if (gs_file_read(r->file, found->dataset, 0, layout->rows, layout->run_of, NULL) != GS_OK) return GS_OK;
    for (uint64_t place = 0; place < layout->rows; place++) {
        int64_t run = layout->run_of[place];
        if (run < 0 || (uint64_t)run >= r->runs || r->models[run] != (int8_t)layout->model || r->layout_of[run] >= 0)
            return GS_OK;
        r->layout_of[run] = number;
        r->place_of[run] = (int64_t)place;
    }
    *known = true;
    return GS_OK;
}

static gs_status open_layout(gs_reader *r, gs_model_id model, const char *group, gs_error *error)
{
    gs_reader_layout *grown = realloc(r->layouts, (r->layout_count + 1) * sizeof *grown);
    if (grown == NULL) return no_memory(error);
    r->layouts = grown;
    int32_t number = (int32_t)r->layout_count++;
    gs_reader_layout *layout = &grown[number];
    *layout = (gs_reader_layout){.model = model};
    snprintf(layout->group, sizeof layout->group, "%s", group);
    bool placed, described = describe_tensors(r, layout);
    gs_status status = place_runs(r, layout, number, &placed, error);
    layout->broken = !placed || !described;
    return status;
}

/* Where a layout is broken, every run of its model that has no place elsewhere may be in it. */
static void give_broken_layouts(gs_reader *r)
{
    for (size_t i = 0; i < r->layout_count; i++)
        for (uint64_t run = 0; run < r->runs && r->layouts[i].broken; run++)
            if (r->models[run] == (int8_t)r->layouts[i].model && r->layout_of[run] < 0) r->layout_of[run] = (int32_t)i;
}

static gs_status open_layouts(gs_reader *r, gs_error *error)
{
    gs_status status = GS_OK;
    for (int m = 0; m < GS_MODEL_COUNT && status == GS_OK; m++)
        for (int number = 1; status == GS_OK; number++) {
            char group[64];
            gs_layout_path((gs_model_id)m, number, group, sizeof group);
            if (!gs_file_has(r->file, group)) break;
            status = open_layout(r, (gs_model_id)m, group, error);
        }
    give_broken_layouts(r);
    return status;
}

/* The columns of the widest of these datasets that are there. */
static uint64_t columns_of(const gs_reader *r, const char *const paths[], int count, bool *any)
{
    uint64_t columns = 0;
    gs_extent extent;
    *any = false;
    for (int i = 0; i < count; i++) {
        if (!gs_file_extent(r->file, paths[i], &extent) || extent.rank < 2) continue;
        *any = true;
        if (extent.dims[1] > columns) columns = extent.dims[1];
    }
    return columns;
}

static gs_status open_shapes(gs_reader *r, gs_error *error)
{
    static const char *const curves[] = {"/curves/step"};
    bool any;
    gs_extent extent;
    r->points = columns_of(r, along_paths, 3, &r->has_along);
    r->curve_points = columns_of(r, curves, 1, &any);
    if (r->curve_points > GS_CURVE_POINTS)
        return gs_fail(error, GS_ERROR_STORAGE, "the results file is damaged: /curves/step has another shape");
    uint64_t room = columns_of(r, sample_paths, 3, &any), most = 0;
    r->has_samples = any || gs_file_has(r->file, "/samples");
    for (uint64_t run = 0; run < r->runs; run++)
        if (r->samples[run] > 0 && (uint64_t)r->samples[run] > most) most = (uint64_t)r->samples[run];
    if (any && most > room)
        return gs_fail(error, GS_ERROR_STORAGE, "the results file is damaged: /samples has too few columns");
    if (gs_file_extent(r->file, sample_paths[0], &extent) &&
        (extent.rank != 5 || extent.dims[2] * extent.dims[3] * extent.dims[4] != GS_IMAGE))
        return gs_fail(error, GS_ERROR_STORAGE, "the results file is damaged: /samples/image has another shape");
    return GS_OK;
}

static gs_status take_memory(gs_reader *r, gs_error *error)
{
    uint64_t most = 0, weights = 0;
    for (uint64_t run = 0; run < r->runs && r->has_samples; run++)
        if (r->samples[run] > 0 && (uint64_t)r->samples[run] > most) most = (uint64_t)r->samples[run];
    for (size_t i = 0; i < r->layout_count; i++)
        if (r->layouts[i].tensors.size > weights) weights = r->layouts[i].tensors.size;
    r->images = malloc(most * GS_IMAGE + 1);
    r->bins = malloc(most + 1);
    r->errors = malloc((most + 1) * sizeof *r->errors);
    r->weights = calloc(weights + 1, sizeof *r->weights);
    r->steps = calloc(r->points + 1, sizeof *r->steps);
    r->point_counts = calloc(r->points + 1, GS_BINS * sizeof *r->point_counts);
    r->point_rejected = calloc(r->points + 1, sizeof *r->point_rejected);
    r->result.along = calloc(r->points + 1, sizeof *r->result.along);
    bool good = r->images != NULL && r->bins != NULL && r->errors != NULL && r->weights != NULL && r->steps != NULL &&
                r->point_counts != NULL && r->point_rejected != NULL && r->result.along != NULL;
    return good ? GS_OK : no_memory(error);
}

gs_status gs_reader_open(gs_reader **reader, const char *path, gs_open_for purpose, gs_error *error)
{
    gs_reader *r = calloc(1, sizeof *r);
    *reader = NULL;
    if (r == NULL) return no_memory(error);
    gs_status status = gs_file_open(&r->file, path, path, purpose, error);
    r->lookup.file = r->file;
    if (status == GS_OK) status = open_runs(r, error);
    if (status == GS_OK) status = open_layouts(r, error);
    if (status == GS_OK) status = open_shapes(r, error);
    if (status == GS_OK) status = take_memory(r, error);
    if (status == GS_OK) *reader = r;
    else gs_reader_close(&r);
    return status;
}

void gs_reader_close(gs_reader **reader)
{
    gs_reader *r = *reader;
    if (r == NULL) return;
    gs_lookup_free(&r->lookup);
    gs_status closed = gs_file_close(&r->file, NULL);
    (void)closed;
    for (size_t i = 0; i < r->layout_count; i++) free(r->layouts[i].run_of);
    void *const owned[] = {r->status,  r->samples,      r->models,         r->layout_of,    r->place_of,
                           r->layouts, r->images,       r->bins,           r->errors,       r->weights,
                           r->steps,   r->point_counts, r->point_rejected, r->result.along, r};
    for (size_t i = 0; i < sizeof owned / sizeof owned[0]; i++) free(owned[i]);
    *reader = NULL;
}

/* ---- parts of a run ---------------------------------------------------------------------------------------------- */

bool gs_reader_turn_to(gs_reader *r, uint64_t run)
{
    gs_coverage_point *along = r->result.along;
    const gs_model_type *type = gs_model_type_of((gs_model_id)r->models[run]);
    r->model = (gs_model){.type = type, .weights = r->weights}; /* checkpoints hold what samples were made with */
    memset(&r->result, 0, sizeof r->result);
    r->result.along = along;
    r->result.model = &r->model;
    return type != NULL;
}

gs_status gs_reader_along(gs_reader *r, uint64_t run, gs_error *error)
{
    gs_result *result = &r->result;
    const size_t points = (size_t)r->points;
    result->points = 0;
    if (!r->has_along) return GS_OK;
    gs_status status =
        gs_lookup_read(&r->lookup, along_paths[0], GS_CELL_INT64, 0, run, r->steps, points * sizeof *r->steps, error);
    if (status == GS_OK)
        status = gs_lookup_read(&r->lookup, along_paths[1], GS_CELL_UINT32, 0, run, r->point_counts,
                                points * GS_BINS * sizeof *r->point_counts, error);
    if (status == GS_OK)
        status = gs_lookup_read(&r->lookup, along_paths[2], GS_CELL_UINT32, 0, run, r->point_rejected,
                                points * sizeof *r->point_rejected, error);
    for (size_t p = 0; status == GS_OK && p < points && r->steps[p] >= 0; p++) {
        gs_coverage_point *point = &result->along[result->points++];
        point->step = r->steps[p];
        memcpy(point->counts, r->point_counts + p * GS_BINS, sizeof point->counts);
        point->rejected = r->point_rejected[p];
    }
    return status;
}

static gs_status read_coverage(gs_reader *r, uint64_t run, gs_error *error)
{
    gs_coverage *coverage = &r->result.coverage;
    gs_status status = gs_lookup_read(&r->lookup, "/coverage/counts", GS_CELL_UINT32, 0, run, coverage->counts,
                                      sizeof coverage->counts, error);
    if (status == GS_OK)
        status = gs_lookup_read(&r->lookup, "/coverage/rejected", GS_CELL_UINT32, 0, run, &coverage->rejected,
                                sizeof coverage->rejected, error);
    return status == GS_OK ? gs_reader_along(r, run, error) : status;
}

static gs_status read_samples(gs_reader *r, uint64_t run, gs_error *error)
{
    uint64_t samples = (uint64_t)r->samples[run];
    void *const values[] = {r->images, r->bins, r->errors};
    r->result.samples = (int64_t)samples;
    r->result.images = r->images;
    r->result.bins = r->bins;
    r->result.errors = r->errors;
    gs_status status = GS_OK;
    for (int i = 0; i < 3 && status == GS_OK; i++) {
        const gs_found *found = gs_lookup_find(&r->lookup, sample_paths[i], sample_cells[i], 0, error);
        if (found == NULL) return r->lookup.status;
        uint64_t cells = i == 0 ? GS_IMAGE : 1; /* of a sample */
        if (found->extent.rank < 2 || run >= found->extent.dims[0] || samples > found->extent.dims[1] ||
            gs_found_cells(found) != found->extent.dims[1] * cells)
            return gs_fail(error, GS_ERROR_STORAGE, "the results file is damaged: %s has another shape",
                           sample_paths[i]);
        status = gs_file_read_part(r->file, found->dataset, run, samples, values[i], error);
    }
    return status;
}

static gs_status read_checkpoint(gs_reader *r, uint64_t run, gs_error *error)
{
    const gs_reader_layout *layout = &r->layouts[r->layout_of[run]];
    if (layout->broken)
        return gs_fail(error, GS_ERROR_STORAGE,
                       "the results file is damaged: the tensors of %s, or which runs they belong to, cannot be read",
                       layout->group);
    r->model.tensors = layout->tensors;
    gs_status status = GS_OK;
    for (int t = 0; t < layout->tensors.count && status == GS_OK; t++) {
        const gs_tensor *tensor = &layout->tensors.tensors[t];
        char path[192];
        snprintf(path, sizeof path, "%s/%s", layout->group, tensor->name);
        status = gs_lookup_read(&r->lookup, path, GS_CELL_FLOAT32, 0, (uint64_t)r->place_of[run],
                                r->weights + tensor->offset, gs_tensor_elements(tensor) * sizeof *r->weights, error);
    }
    return status;
}

static gs_status read_curves(gs_reader *r, uint64_t run, gs_error *error)
{
    gs_curves *curves = &r->result.curves;
    const gs_model_type *type = r->model.type;
    const size_t points = (size_t)r->curve_points;
    gs_status status = gs_lookup_read(&r->lookup, "/curves/step", GS_CELL_INT64, 0, run, curves->step,
                                      points * sizeof *curves->step, error);
    for (curves->points = 0; status == GS_OK && (size_t)curves->points < points && curves->step[curves->points] >= 0;)
        curves->points++;
    for (int c = 0; type->curves[c] != NULL && status == GS_OK; c++) {
        char path[128];
        snprintf(path, sizeof path, "/curves/%s", type->curves[c]);
        status = gs_lookup_read(&r->lookup, path, GS_CELL_FLOAT32, 0, run, curves->values[c],
                                points * sizeof *curves->values[c], error);
    }
    return status;
}

/* One that is not there, but should be, has every chunk: they cannot be read. */
static bool has_chunk(gs_reader *r, const char *path, gs_cell cell, uint64_t row, bool missing)
{
    const gs_found *found = gs_lookup_find(&r->lookup, path, cell, 0, NULL);
    const uint64_t offset[GS_RANK_MAX] = {row};
    return found == NULL ? missing : gs_file_has_chunk(r->file, found->dataset, offset);
}

static bool stores_samples(gs_reader *r, uint64_t run)
{
    gs_extent extent;
    bool any = false, there = false;
    if (!r->has_samples || r->samples[run] <= 0) return false;
    for (int i = 0; i < 3; i++) there = gs_file_extent(r->file, sample_paths[i], &extent) || there;
    for (int i = 0; i < 3; i++) any = has_chunk(r, sample_paths[i], sample_cells[i], run, !there) || any;
    return any;
}

static bool stores_checkpoint(gs_reader *r, uint64_t run)
{
    if (r->layout_of[run] < 0) return false;
    const gs_reader_layout *layout = &r->layouts[r->layout_of[run]];
    bool any = layout->broken;
    for (int t = 0; t < layout->tensors.count && !any; t++) {
        char path[192];
        snprintf(path, sizeof path, "%s/%s", layout->group, layout->tensors.tensors[t].name);
        any = has_chunk(r, path, GS_CELL_FLOAT32, (uint64_t)r->place_of[run], true);
    }
    return any;
}

bool gs_reader_stores(gs_reader *r, gs_digest_part part, uint64_t run)
{
    if (part == GS_PART_SAMPLES) return stores_samples(r, run);
    return part != GS_PART_CHECKPOINT || stores_checkpoint(r, run);
}

gs_status gs_reader_part(gs_reader *r, gs_digest_part part, uint64_t run, gs_error *error)
{
    static gs_status (*const read[GS_PART_COUNT])(gs_reader *, uint64_t,
                                                  gs_error *) = {[GS_PART_COVERAGE] = read_coverage,
                                                                 [GS_PART_SAMPLES] = read_samples,
                                                                 [GS_PART_CHECKPOINT] = read_checkpoint,
                                                                 [GS_PART_CURVES] = read_curves};
    return read[part](r, run, error);
}

/* ---- small values ------------------------------------------------------------------------------------------------ */

void gs_reader_text(gs_reader *r, const char *path, uint64_t row, char *text, size_t size)
{
    memset(text, 0, size + 1);
    if (gs_lookup_read(&r->lookup, path, GS_CELL_TEXT, size, row, text, size, NULL) != GS_OK) text[0] = '\0';
}

void gs_reader_digests(gs_reader *r, uint64_t run, gs_digests *digests)
{
    char text[GS_DIGEST + 1];
    gs_reader_text(r, "/runs/digest", run, text, GS_DIGEST);
    memcpy(digests->whole, text, GS_DIGEST);
    for (int part = 0; part < GS_PART_COUNT; part++) {
        gs_reader_text(r, digest_paths[part], run, text, GS_DIGEST);
        memcpy(digests->parts[part], text, GS_DIGEST);
    }
}
