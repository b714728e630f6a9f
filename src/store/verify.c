#include "store/verify.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/file.h"
#include "store/layouts.h"

/* A layout of the file: its tensors, and which run each row belongs to. */
typedef struct {
    gs_tensor_table tensors;
    gs_dataset datasets[GS_TENSORS_MAX];
} stored_layout;

typedef struct {
    gs_file *file;
    uint64_t runs;
    int8_t *status;
    int64_t *samples;     /* of each run */
    int8_t *models;       /* gs_model_id of each run */
    stored_layout *layouts;
    size_t layout_count;
    int32_t *layout_of;   /* of each run, -1: none */
    int64_t *place_of;    /* of each run in its layout */
    gs_dataset label, whole, parts[GS_PART_COUNT], counts, rejected;
    gs_dataset image, bin, error, along_step, along_counts, along_rejected, curve_step, curves[GS_MODEL_COUNT][GS_CURVES_MAX];
    bool has_samples, has_along;
    uint64_t points, curve_points;

    /* Memory for a run. */
    gs_result result;
    gs_model model;
    uint8_t *images, *bins;
    uint16_t *errors;
    float *parameters;
    size_t parameter_room;
    int64_t *steps;
    uint32_t *point_counts, *point_rejected;
} reader;

static gs_status no_memory(gs_error *error)
{
    return gs_fail(error, GS_ERROR_MEMORY, "out of memory to verify a results file");
}

/* ---- opening ----------------------------------------------------------------------------------------------------- */

static gs_status read_all(reader *r, const char *path, gs_cell cell, size_t text, void *values, gs_error *error)
{
    gs_dataset dataset;
    gs_status status = gs_file_find(r->file, path, cell, text, 1, &dataset, error);
    if (status == GS_OK && gs_file_earlier_rows(r->file, dataset) < r->runs)
        return gs_fail(error, GS_ERROR_STORAGE, "the results file is damaged: %s is shorter than /runs/status", path);
    return status == GS_OK ? gs_file_read(r->file, dataset, 0, r->runs, values, error) : status;
}

static gs_status open_runs(reader *r, gs_error *error)
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
    char(*names)[16] = calloc(r->runs + 1, sizeof *names);
    gs_status status = GS_OK;
    if (r->status == NULL || r->samples == NULL || r->models == NULL || r->layout_of == NULL || r->place_of == NULL || names == NULL)
        status = no_memory(error);
    if (status == GS_OK) status = read_all(r, "/runs/status", GS_CELL_STATUS, 0, r->status, error);
    if (status == GS_OK) status = read_all(r, "/settings/evaluation.samples", GS_CELL_INT64, 0, r->samples, error);
    if (status == GS_OK) status = read_all(r, "/runs/model", GS_CELL_TEXT, sizeof *names, names, error);
    for (uint64_t run = 0; run < r->runs && status == GS_OK; run++) {
        r->layout_of[run] = r->models[run] = -1;
        for (int m = 0; m < GS_MODEL_COUNT; m++)
            if (strncmp(names[run], gs_model_names[m], sizeof *names) == 0) r->models[run] = (int8_t)m;
    }
    free(names);
    return status;
}

static gs_status open_layout(reader *r, gs_model_id model, const char *group, const char names[][GS_TENSOR_NAME], size_t count, gs_error *error)
{
    stored_layout *grown = realloc(r->layouts, (r->layout_count + 1) * sizeof *grown);
    if (grown == NULL) return no_memory(error);
    r->layouts = grown;
    stored_layout *layout = &grown[r->layout_count];
    *layout = (stored_layout){.tensors.count = 0};
    gs_status status = GS_OK;
    for (size_t t = 0; t < count && status == GS_OK; t++) {
        char path[256];
        gs_extent extent;
        snprintf(path, sizeof path, "%s/%.*s", group, GS_TENSOR_NAME, names[t]);
        bool there = gs_file_extent(r->file, path, &extent) && (extent.rank == 2 || extent.rank == 3);
        for (int i = 1; there && i < extent.rank; i++) there = extent.dims[i] > 0 && extent.dims[i] < 1 << 20;
        if (!there) return gs_fail(error, GS_ERROR_STORAGE, "the results file is damaged: %s is not as it should be", path);
        int rows = extent.rank == 3 ? (int)extent.dims[1] : 1, columns = (int)extent.dims[extent.rank - 1];
        gs_tensors_add(&layout->tensors, "", names[t], extent.rank - 1, rows, columns, GS_INIT_ZEROS);
        status = gs_file_find(r->file, path, GS_CELL_FLOAT32, 0, (uint64_t)rows * (uint64_t)columns, &layout->datasets[t], error);
    }
    gs_dataset run_column;
    char path[128];
    gs_extent extent = {0};
    snprintf(path, sizeof path, "%s/run", group);
    if (status == GS_OK) status = gs_file_find(r->file, path, GS_CELL_INT64, 0, 1, &run_column, error);
    uint64_t rows = status == GS_OK && gs_file_extent(r->file, path, &extent) ? extent.dims[0] : 0;
    int64_t *runs = calloc(rows + 1, sizeof *runs);
    if (runs == NULL) return no_memory(error);
    if (status == GS_OK) status = gs_file_read(r->file, run_column, 0, rows, runs, error);
    for (uint64_t place = 0; place < rows && status == GS_OK; place++) {
        if (runs[place] < 0 || (uint64_t)runs[place] >= r->runs || r->models[runs[place]] != (int8_t)model)
            status = gs_fail(error, GS_ERROR_STORAGE, "the results file is damaged: %s[%zu] is %lld", path, (size_t)place, (long long)runs[place]);
        else {
            r->layout_of[runs[place]] = (int32_t)r->layout_count;
            r->place_of[runs[place]] = (int64_t)place;
        }
    }
    free(runs);
    if (layout->tensors.size > r->parameter_room) r->parameter_room = layout->tensors.size;
    r->layout_count++;
    return status;
}

static gs_status open_layouts(reader *r, gs_error *error)
{
    gs_status status = GS_OK;
    for (int m = 0; m < GS_MODEL_COUNT && status == GS_OK; m++)
        for (int number = 1; status == GS_OK; number++) {
            char group[64], names[GS_TENSORS_MAX][GS_TENSOR_NAME];
            size_t count = GS_TENSORS_MAX;
            gs_layout_path((gs_model_id)m, number, group, sizeof group);
            if (!gs_layout_tensors(r->file, group, names, &count)) break;
            status = open_layout(r, (gs_model_id)m, group, (const char(*)[GS_TENSOR_NAME])names, count, error);
        }
    return status;
}

static gs_status open_curves(reader *r, gs_error *error)
{
    gs_extent extent;
    gs_status status = gs_file_find(r->file, "/curves/step", GS_CELL_INT64, 0, GS_ANY_CELLS, &r->curve_step, error);
    if (status != GS_OK) return status;
    if (!gs_file_extent(r->file, "/curves/step", &extent) || extent.rank != 2 || extent.dims[1] < 1 || extent.dims[1] > GS_CURVE_POINTS)
        return gs_fail(error, GS_ERROR_STORAGE, "the results file is damaged: /curves/step has another shape");
    r->curve_points = extent.dims[1];
    for (int m = 0; m < GS_MODEL_COUNT; m++)
        for (int c = 0; gs_model_type_of((gs_model_id)m) != NULL && gs_model_type_of((gs_model_id)m)->curves[c] != NULL; c++) {
            char path[128];
            snprintf(path, sizeof path, "/curves/%s", gs_model_type_of((gs_model_id)m)->curves[c]);
            r->curves[m][c] = -1;
            if (!gs_file_extent(r->file, path, &extent)) continue;
            if (extent.rank != 2 || extent.dims[1] != r->curve_points)
                return gs_fail(error, GS_ERROR_STORAGE, "the results file is damaged: %s has another shape", path);
            status = gs_file_find(r->file, path, GS_CELL_FLOAT32, 0, r->curve_points, &r->curves[m][c], error);
            if (status != GS_OK) return status;
        }
    return GS_OK;
}

static gs_status open_results(reader *r, gs_error *error)
{
    gs_extent extent;
    uint64_t width = r->has_samples && gs_file_extent(r->file, "/samples/image", &extent) && extent.rank == 5 ? extent.dims[1] : 1;
    const struct {
        const char *path;
        gs_cell cell;
        size_t text;
        uint64_t cells;
        gs_dataset *dataset;
        bool wanted;
    } datasets[] = {
        {"/runs/label", GS_CELL_TEXT, GS_LABEL, 1, &r->label, true},
        {"/runs/digest", GS_CELL_TEXT, GS_DIGEST, 1, &r->whole, true},
        {"/digests/coverage", GS_CELL_TEXT, GS_DIGEST, 1, &r->parts[GS_PART_COVERAGE], true},
        {"/digests/samples", GS_CELL_TEXT, GS_DIGEST, 1, &r->parts[GS_PART_SAMPLES], true},
        {"/digests/checkpoint", GS_CELL_TEXT, GS_DIGEST, 1, &r->parts[GS_PART_CHECKPOINT], true},
        {"/digests/curves", GS_CELL_TEXT, GS_DIGEST, 1, &r->parts[GS_PART_CURVES], true},
        {"/coverage/counts", GS_CELL_UINT32, 0, GS_BINS, &r->counts, true},
        {"/coverage/rejected", GS_CELL_UINT32, 0, 1, &r->rejected, true},
        {"/samples/image", GS_CELL_UINT8, 0, width * GS_IMAGE, &r->image, r->has_samples},
        {"/samples/bin", GS_CELL_UINT8, 0, width, &r->bin, r->has_samples},
        {"/samples/error", GS_CELL_UINT16, 0, width, &r->error, r->has_samples},
        {"/coverage/over_training/step", GS_CELL_INT64, 0, r->points, &r->along_step, r->has_along},
        {"/coverage/over_training/counts", GS_CELL_UINT32, 0, r->points * GS_BINS, &r->along_counts, r->has_along},
        {"/coverage/over_training/rejected", GS_CELL_UINT32, 0, r->points, &r->along_rejected, r->has_along},
    };
    gs_status status = GS_OK;
    for (size_t i = 0; i < sizeof datasets / sizeof datasets[0] && status == GS_OK; i++) {
        if (!datasets[i].wanted) continue;
        status = gs_file_find(r->file, datasets[i].path, datasets[i].cell, datasets[i].text, datasets[i].cells, datasets[i].dataset, error);
        if (status == GS_OK && (!gs_file_extent(r->file, datasets[i].path, &extent) || extent.rank < 1 || extent.dims[0] < r->runs))
            status = gs_fail(error, GS_ERROR_STORAGE, "the results file is damaged: %s is too short", datasets[i].path);
    }
    return status;
}

static gs_status take_memory(reader *r, gs_error *error)
{
    gs_extent extent;
    uint64_t most = 0;
    for (uint64_t run = 0; run < r->runs; run++)
        if (r->samples[run] > 0 && (uint64_t)r->samples[run] > most) most = (uint64_t)r->samples[run];
    if (r->has_samples && (!gs_file_extent(r->file, "/samples/image", &extent) || extent.rank != 5 || extent.dims[1] < most ||
                           extent.dims[2] * extent.dims[3] * extent.dims[4] != GS_IMAGE))
        return gs_fail(error, GS_ERROR_STORAGE, "the results file is damaged: /samples/image has another shape");
    r->images = malloc(most * GS_IMAGE + 1);
    r->bins = malloc(most + 1);
    r->errors = malloc((most + 1) * sizeof *r->errors);
    r->parameters = calloc(r->parameter_room + 1, sizeof *r->parameters);
    r->steps = calloc(r->points + 1, sizeof *r->steps);
    r->point_counts = calloc(r->points + 1, GS_BINS * sizeof *r->point_counts);
    r->point_rejected = calloc(r->points + 1, sizeof *r->point_rejected);
    r->result.along = calloc(r->points + 1, sizeof *r->result.along);
    bool good = r->images != NULL && r->bins != NULL && r->errors != NULL && r->parameters != NULL && r->steps != NULL &&
                r->point_counts != NULL && r->point_rejected != NULL && r->result.along != NULL;
    return good ? GS_OK : no_memory(error);
}

static void free_reader(reader *r)
{
    gs_status closed = gs_file_close(&r->file, NULL);
    (void)closed;
    void *const owned[] = {r->status, r->samples, r->models, r->layout_of, r->place_of, r->layouts, r->images, r->bins, r->errors,
                           r->parameters, r->steps, r->point_counts, r->point_rejected, r->result.along};
    for (size_t i = 0; i < sizeof owned / sizeof owned[0]; i++) free(owned[i]);
}

/* ---- a run ------------------------------------------------------------------------------------------------------- */

static gs_status read_coverage(reader *r, uint64_t run, gs_error *error)
{
    gs_result *result = &r->result;
    gs_status status = gs_file_read(r->file, r->counts, run, 1, result->coverage.counts, error);
    if (status == GS_OK) status = gs_file_read(r->file, r->rejected, run, 1, &result->coverage.rejected, error);
    result->points = 0;
    if (status != GS_OK || !r->has_along) return status;
    status = gs_file_read(r->file, r->along_step, run, 1, r->steps, error);
    if (status == GS_OK) status = gs_file_read(r->file, r->along_counts, run, 1, r->point_counts, error);
    if (status == GS_OK) status = gs_file_read(r->file, r->along_rejected, run, 1, r->point_rejected, error);
    for (uint64_t p = 0; status == GS_OK && p < r->points && r->steps[p] >= 0; p++) {
        gs_coverage_point *point = &result->along[result->points++];
        point->step = r->steps[p];
        memcpy(point->counts, r->point_counts + p * GS_BINS, sizeof point->counts);
        point->rejected = r->point_rejected[p];
    }
    return status;
}

static gs_status read_samples(reader *r, uint64_t run, gs_error *error)
{
    uint64_t samples = (uint64_t)r->samples[run];
    r->result.samples = (int64_t)samples;
    r->result.images = r->images;
    r->result.bins = r->bins;
    r->result.errors = r->errors;
    gs_status status = gs_file_read_part(r->file, r->image, run, samples, r->images, error);
    if (status == GS_OK) status = gs_file_read_part(r->file, r->bin, run, samples, r->bins, error);
    return status == GS_OK ? gs_file_read_part(r->file, r->error, run, samples, r->errors, error) : status;
}

static gs_status read_checkpoint(reader *r, uint64_t run, gs_error *error)
{
    const stored_layout *layout = &r->layouts[r->layout_of[run]];
    r->model.tensors = layout->tensors;
    r->model.weights = r->parameters; /* checkpoints hold what samples were made with */
    gs_status status = GS_OK;
    for (int t = 0; t < layout->tensors.count && status == GS_OK; t++)
        status = gs_file_read(r->file, layout->datasets[t], (uint64_t)r->place_of[run], 1, r->parameters + layout->tensors.tensors[t].offset, error);
    return status;
}

static gs_status read_curves(reader *r, uint64_t run, gs_error *error)
{
    gs_curves *curves = &r->result.curves;
    const gs_model_type *type = r->model.type;
    gs_status status = gs_file_read(r->file, r->curve_step, run, 1, curves->step, error);
    for (curves->points = 0; status == GS_OK && (uint64_t)curves->points < r->curve_points && curves->step[curves->points] >= 0;) curves->points++;
    for (int c = 0; type->curves[c] != NULL && status == GS_OK; c++) {
        if (r->curves[r->models[run]][c] < 0) return gs_fail(error, GS_ERROR_STORAGE, "/curves/%s is missing", type->curves[c]);
        status = gs_file_read(r->file, r->curves[r->models[run]][c], run, 1, curves->values[c], error);
    }
    return status;
}

static bool is_stored(const reader *r, gs_digest_part part, uint64_t run)
{
    uint64_t offset[GS_RANK_MAX] = {run};
    if (part == GS_PART_SAMPLES) return r->has_samples && r->samples[run] > 0 && gs_file_has_chunk(r->file, r->image, offset);
    if (part != GS_PART_CHECKPOINT) return true;
    if (r->layout_of[run] < 0) return false;
    offset[0] = (uint64_t)r->place_of[run];
    return gs_file_has_chunk(r->file, r->layouts[r->layout_of[run]].datasets[0], offset);
}

/* Compares a run; `what` stays empty if everything agrees. */
static gs_status verify_run(reader *r, uint64_t run, gs_verdict *verdict, char what[512], gs_error *error)
{
    static gs_status (*const read_part[GS_PART_COUNT])(reader *, uint64_t, gs_error *) = {
        [GS_PART_COVERAGE] = read_coverage, [GS_PART_SAMPLES] = read_samples,
        [GS_PART_CHECKPOINT] = read_checkpoint, [GS_PART_CURVES] = read_curves};
    gs_digests stored, found;
    gs_error reason;
    what[0] = '\0';
    gs_status status = gs_file_read(r->file, r->whole, run, 1, stored.whole, error);
    for (int part = 0; part < GS_PART_COUNT && status == GS_OK; part++) status = gs_file_read(r->file, r->parts[part], run, 1, stored.parts[part], error);
    if (status != GS_OK) return status;
    if (r->models[run] < 0 || gs_model_type_of((gs_model_id)r->models[run]) == NULL) {
        snprintf(what, 512, "is of a model that this version does not know");
        return GS_OK;
    }
    r->model = (gs_model){.type = gs_model_type_of((gs_model_id)r->models[run])};
    r->result.model = &r->model;
    for (int part = 0; part < GS_PART_COUNT; part++) {
        if (!is_stored(r, (gs_digest_part)part, run)) continue;
        verdict->checked[part]++;
        gs_status readable = read_part[part](r, run, &reason);
        if (readable == GS_OK) {
            gs_digest_of(&r->result, (gs_digest_part)part, found.parts[part]);
            if (memcmp(found.parts[part], stored.parts[part], GS_DIGEST) == 0) continue;
        }
        if (what[0] != '\0') continue; /* the first difference is told */
        if (readable != GS_OK) snprintf(what, 512, "%s cannot be read: %.300s", gs_digest_parts[part], reason.text);
        else snprintf(what, 512, "%s differs: stored digest %.32s, of the data %.32s", gs_digest_parts[part], stored.parts[part], found.parts[part]);
    }
    gs_digests_close(&stored, found.whole);
    if (what[0] == '\0' && memcmp(found.whole, stored.whole, GS_DIGEST) != 0)
        snprintf(what, 512, "digest differs: stored %.32s, of the stored parts %.32s", stored.whole, found.whole);
    return GS_OK;
}

gs_status gs_verify(const char *path, void (*differs)(void *context, int64_t run, const char *label, const char *what), void *context,
                    gs_verdict *verdict, gs_error *error)
{
    reader *r = calloc(1, sizeof *r);
    *verdict = (gs_verdict){.done = 0};
    if (r == NULL) return no_memory(error);
    gs_extent extent;
    gs_status status = gs_file_open(&r->file, path, path, GS_OPEN_READ, error);
    if (status == GS_OK) status = open_runs(r, error);
    r->has_samples = status == GS_OK && gs_file_extent(r->file, "/samples/image", &extent);
    r->has_along = status == GS_OK && gs_file_extent(r->file, "/coverage/over_training/step", &extent) && extent.rank == 2;
    r->points = r->has_along ? extent.dims[1] : 0;
    if (status == GS_OK) status = open_results(r, error);
    if (status == GS_OK) status = open_layouts(r, error);
    if (status == GS_OK) status = open_curves(r, error);
    if (status == GS_OK) status = take_memory(r, error);
    for (uint64_t run = 0; status == GS_OK && run < r->runs; run++) {
        char what[512], label[GS_LABEL + 1] = {0};
        if (r->status[run] != GS_RUN_DONE) continue;
        verdict->done++;
        status = verify_run(r, run, verdict, what, error);
        if (status != GS_OK || what[0] == '\0') continue;
        verdict->different++;
        status = gs_file_read(r->file, r->label, run, 1, label, error);
        if (status == GS_OK) differs(context, (int64_t)run, label, what);
    }
    free_reader(r);
    free(r);
    return status;
}
