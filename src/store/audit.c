#include "store/audit.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "coverage/statistics.h"
#include "store/columns.h"
#include "store/jobs.h"
#include "store/layouts.h"
#include "store/store.h"

typedef struct {
    char group[64];
    char names[GS_TENSORS_MAX][GS_TENSOR_NAME];
    size_t count;
} stored_layout;

struct gs_audit {
    gs_file *file;
    gs_lookup lookup;
    gs_digits digits;
    uint64_t rows;
    int8_t *status;
    stored_layout *layouts;
    size_t layout_count;
    int32_t *layout_of;   /* of each row, -1: none */
    uint64_t *place_of;   /* of each row in its layout */
    uint64_t width;       /* of /samples/bin; 0: there are no samples */
    unsigned char *cells; /* a row as it is stored */
    size_t room;
};

/* A row in comparison with its parcel. */
typedef struct {
    gs_audit *audit;
    uint64_t row;
    int32_t launch; /* of the row; -1: the file cannot tell */
    gs_difference *first;
} comparer;

/* ---- opening ----------------------------------------------------------------------------------------------------- */

static gs_status no_memory(gs_error *error)
{
    return gs_fail(error, GS_ERROR_MEMORY, "out of memory to audit a results file");
}

static gs_status open_layout(gs_audit *audit, const char *group, gs_error *error)
{
    stored_layout *grown = realloc(audit->layouts, (audit->layout_count + 1) * sizeof *grown);
    if (grown == NULL) return no_memory(error);
    audit->layouts = grown;
    stored_layout *layout = &grown[audit->layout_count];
    *layout = (stored_layout){.count = GS_TENSORS_MAX};
    snprintf(layout->group, sizeof layout->group, "%s", group);
    (void)gs_layout_tensors(audit->file, group, layout->names, &layout->count);
    char path[128];
    snprintf(path, sizeof path, "%s/run", group);
    const gs_found *found = gs_lookup_find(&audit->lookup, path, GS_CELL_INT64, 0, error);
    uint64_t rows = found == NULL ? 0 : found->extent.dims[0];
    int64_t *runs = calloc(rows + 1, sizeof *runs);
    if (runs == NULL) return no_memory(error);
    gs_status status =
        found == NULL ? audit->lookup.status : gs_file_read(audit->file, found->dataset, 0, rows, runs, error);
    for (uint64_t place = 0; place < rows && status == GS_OK; place++) {
        if (runs[place] < 0 || (uint64_t)runs[place] >= audit->rows) continue; /* which is seen where it is missed */
        audit->layout_of[runs[place]] = (int32_t)audit->layout_count;
        audit->place_of[runs[place]] = place;
    }
    free(runs);
    audit->layout_count++;
    return status;
}

static gs_status open_layouts(gs_audit *audit, gs_error *error)
{
    gs_status status = GS_OK;
    for (int m = 0; m < GS_MODEL_COUNT; m++)
        for (int number = 1; status == GS_OK; number++) {
            char group[64], names[GS_TENSORS_MAX][GS_TENSOR_NAME];
            size_t count = GS_TENSORS_MAX;
            gs_layout_path((gs_model_id)m, number, group, sizeof group);
            if (!gs_layout_tensors(audit->file, group, names, &count)) break;
            status = open_layout(audit, group, error);
        }
    return status;
}

static gs_status open_rows(gs_audit *audit, gs_error *error)
{
    gs_extent extent;
    const gs_found *found = gs_lookup_find(&audit->lookup, "/runs/status", GS_CELL_STATUS, 0, error);
    if (found == NULL) return audit->lookup.status;
    if (found->extent.rank != 1)
        return gs_fail(error, GS_ERROR_STORAGE, "the results file is damaged: /runs/status has another shape");
    audit->rows = found->extent.dims[0];
    audit->status = calloc(audit->rows + 1, sizeof *audit->status);
    audit->layout_of = malloc((audit->rows + 1) * sizeof *audit->layout_of);
    audit->place_of = calloc(audit->rows + 1, sizeof *audit->place_of);
    if (audit->status == NULL || audit->layout_of == NULL || audit->place_of == NULL) return no_memory(error);
    for (uint64_t row = 0; row < audit->rows; row++) audit->layout_of[row] = -1;
    if (gs_file_extent(audit->file, "/samples/bin", &extent) && extent.rank == 2) audit->width = extent.dims[1];
    return gs_file_read(audit->file, found->dataset, 0, audit->rows, audit->status, error);
}

gs_status gs_audit_open(gs_audit **audit, const char *path, gs_error *error)
{
    gs_audit *made = calloc(1, sizeof *made);
    if (made == NULL) return no_memory(error);
    gs_status status = gs_file_open(&made->file, path, path, GS_OPEN_STAY, error);
    made->lookup.file = made->file;
    if (status == GS_OK) status = open_rows(made, error);
    if (status == GS_OK) status = gs_stored_digits(&made->lookup, &made->digits, error);
    if (status == GS_OK) status = open_layouts(made, error);
    if (status != GS_OK) gs_audit_close(&made);
    *audit = made;
    return status;
}

void gs_audit_close(gs_audit **audit)
{
    gs_audit *a = *audit;
    if (a == NULL) return;
    gs_lookup_free(&a->lookup);
    gs_status closed = gs_file_close(&a->file, NULL);
    (void)closed;
    free(a->status);
    free(a->layouts);
    free(a->layout_of);
    free(a->place_of);
    free(a->cells);
    free(a);
    *audit = NULL;
}

/* ---- asking ------------------------------------------------------------------------------------------------------ */

uint64_t gs_audit_rows(const gs_audit *audit)
{
    return audit->rows;
}

gs_run_status gs_audit_status(const gs_audit *audit, uint64_t row)
{
    return (gs_run_status)audit->status[row];
}

const gs_digits *gs_audit_digits(const gs_audit *audit)
{
    return &audit->digits;
}

gs_storage gs_audit_storage(const gs_audit *audit)
{
    return (gs_storage){
        .samples = audit->width > 0, .checkpoints = audit->layout_count > 0, .width = (int64_t)audit->width};
}

/* `text`: `size` bytes of the file and a NUL. */
static void read_text(gs_audit *audit, const char *path, uint64_t row, char *text, size_t size)
{
    memset(text, 0, size + 1);
    if (gs_lookup_read(&audit->lookup, path, GS_CELL_TEXT, size, row, text, size, NULL) != GS_OK) text[0] = '\0';
}

void gs_audit_label(gs_audit *audit, uint64_t row, char label[GS_LABEL + 1])
{
    read_text(audit, "/runs/label", row, label, GS_LABEL);
}

void gs_audit_reason(gs_audit *audit, uint64_t row, char reason[GS_REASON + 1])
{
    read_text(audit, "/runs/error", row, reason, GS_REASON);
}

void gs_audit_kernel(gs_audit *audit, uint64_t row, char kernel[GS_KERNEL])
{
    gs_stored_kernel(&audit->lookup, row, kernel);
}

void gs_audit_job(gs_audit *audit, uint64_t row, gs_job *job, gs_difference *difference)
{
    char stored[GS_ID], found[GS_ID];
    gs_error error;
    *difference = (gs_difference){.dataset = ""};
    snprintf(difference->index, sizeof difference->index, "[%" PRIu64 "]", row);
    if (gs_stored_job(&audit->lookup, row, job, &error) != GS_OK) {
        snprintf(difference->dataset, sizeof difference->dataset, "/settings");
        snprintf(difference->stored, GS_AUDIT_VALUE, "%.*s", GS_AUDIT_VALUE - 1, error.text);
        return;
    }
    read_text(audit, "/runs/id", row, stored, GS_ID - 1);
    gs_run_id(&job->settings, job->seed, &audit->digits, found);
    if (memcmp(stored, found, GS_ID - 1) == 0) return;
    snprintf(difference->dataset, sizeof difference->dataset, "/runs/id");
    snprintf(difference->stored, GS_AUDIT_VALUE, "%s", stored);
    snprintf(difference->retrained, GS_AUDIT_VALUE, "%s of the settings, seed and digits in the file", found);
}

/* ---- comparing cells --------------------------------------------------------------------------------------------- */

static bool differs(const comparer *c)
{
    return c->first->dataset[0] != '\0';
}

static void print_cell(gs_cell cell, size_t text, const unsigned char *bytes, char value[GS_AUDIT_VALUE])
{
    union {
        int8_t i8;
        uint16_t u16;
        int32_t i32;
        uint32_t u32;
        int64_t i64;
        uint64_t u64;
        float f32;
        double f64;
    } number;
    memcpy(&number, bytes, cell == GS_CELL_TEXT ? 1 : gs_cell_size(cell, 0));
    switch (cell) {
    case GS_CELL_STATUS:
    case GS_CELL_INT8: snprintf(value, GS_AUDIT_VALUE, "%d", number.i8); break;
    case GS_CELL_UINT8: snprintf(value, GS_AUDIT_VALUE, "%u", bytes[0]); break;
    case GS_CELL_UINT16: snprintf(value, GS_AUDIT_VALUE, "%u", number.u16); break;
    case GS_CELL_INT32: snprintf(value, GS_AUDIT_VALUE, "%" PRId32, number.i32); break;
    case GS_CELL_UINT32: snprintf(value, GS_AUDIT_VALUE, "%" PRIu32, number.u32); break;
    case GS_CELL_INT64: snprintf(value, GS_AUDIT_VALUE, "%" PRId64, number.i64); break;
    case GS_CELL_UINT64: snprintf(value, GS_AUDIT_VALUE, "%" PRIu64, number.u64); break;
    case GS_CELL_FLOAT32: snprintf(value, GS_AUDIT_VALUE, "%.9g", (double)number.f32); break;
    case GS_CELL_FLOAT64: snprintf(value, GS_AUDIT_VALUE, "%.17g", number.f64); break;
    case GS_CELL_TEXT: snprintf(value, GS_AUDIT_VALUE, "'%.*s'", (int)text, (const char *)bytes); break;
    }
}

/* "[row, i, j]" of element `at` of a row. */
static void print_index(const gs_found *found, uint64_t row, uint64_t at, char *index, size_t size)
{
    uint64_t inner = gs_found_cells(found);
    size_t used = (size_t)snprintf(index, size, "[%" PRIu64, row);
    for (int i = 1; i < found->extent.rank && used < size; i++) {
        inner /= found->extent.dims[i];
        used += (size_t)snprintf(index + used, size - used, ", %" PRIu64, at / inner);
        at %= inner;
    }
    if (used < size) snprintf(index + used, size - used, "]");
}

static void say_unreadable(const comparer *c, const char *path, uint64_t row, const char *reason)
{
    snprintf(c->first->dataset, sizeof c->first->dataset, "%s", path);
    snprintf(c->first->index, sizeof c->first->index, "[%" PRIu64 "]", row);
    snprintf(c->first->stored, GS_AUDIT_VALUE, "%.*s", GS_AUDIT_VALUE - 1, reason);
}

/* Reads a row into audit->cells; NULL if it cannot be read or has no room for `least` elements, which is a difference,
 * or without memory. */
static const gs_found *load(const comparer *c, const char *path, gs_cell cell, size_t text, uint64_t row,
                            uint64_t least, gs_status *status, gs_error *error)
{
    gs_audit *audit = c->audit;
    gs_error reason;
    const gs_found *found = gs_lookup_find(&audit->lookup, path, cell, text, &reason);
    if (found == NULL && audit->lookup.status == GS_ERROR_MEMORY) *status = no_memory(error);
    if (*status != GS_OK) return NULL;
    bool fits =
        found != NULL && found->extent.rank >= 1 && row < found->extent.dims[0] && gs_found_cells(found) >= least;
    if (found != NULL && !fits) (void)!gs_fail(&reason, GS_ERROR_STORAGE, "has no room for what was retrained");
    size_t size = fits ? gs_found_cells(found) * gs_cell_size(cell, text) : 0;
    if (size > audit->room) {
        unsigned char *grown = realloc(audit->cells, size);
        if (grown == NULL) {
            *status = no_memory(error);
            return NULL;
        }
        audit->cells = grown;
        audit->room = size;
    }
    if (fits && gs_file_read(audit->file, found->dataset, row, 1, audit->cells, &reason) == GS_OK) return found;
    say_unreadable(c, path, row, reason.text);
    return NULL;
}

/* Elements first ... first + count - 1 of the row that was loaded. */
static void compare_loaded(const comparer *c, const gs_found *found, uint64_t row, uint64_t first, uint64_t count,
                           const void *retrained)
{
    size_t size = gs_cell_size(found->cell, found->text);
    const unsigned char *stored = c->audit->cells + first * size, *expected = retrained;
    if (memcmp(stored, expected, count * size) == 0) return;
    uint64_t at = 0;
    while (memcmp(stored + at * size, expected + at * size, size) == 0) at++;
    snprintf(c->first->dataset, sizeof c->first->dataset, "%s", found->path);
    print_index(found, row, first + at, c->first->index, sizeof c->first->index);
    print_cell(found->cell, found->text, stored + at * size, c->first->stored);
    print_cell(found->cell, found->text, expected + at * size, c->first->retrained);
}

/* A whole row of `count` elements; after a difference nothing is looked at any more. */
static gs_status compare(const comparer *c, const char *path, gs_cell cell, size_t text, uint64_t row, uint64_t count,
                         const void *retrained, gs_error *error)
{
    gs_status status = GS_OK;
    if (differs(c)) return GS_OK;
    const gs_found *found = load(c, path, cell, text, row, count, &status, error);
    if (found != NULL && gs_found_cells(found) == count) compare_loaded(c, found, row, 0, count, retrained);
    else if (found != NULL) say_unreadable(c, path, row, "has more elements than were retrained");
    return status;
}

/* ---- parts of a run ---------------------------------------------------------------------------------------------- */

static bool is_digest(const gs_row_column *column)
{
    return column->offset >= offsetof(gs_row, digests) &&
           column->offset < offsetof(gs_row, digests) + sizeof(gs_digests);
}

/* Digests are compared last, because what they are of tells more. */
static gs_status compare_columns(const comparer *c, const gs_row *retrained, bool digests, gs_error *error)
{
    int count;
    const gs_row_column *columns = gs_columns_of_row(&count);
    gs_status status = GS_OK;
    for (int i = 0; i < count && status == GS_OK; i++) {
        if (columns[i].incidental || is_digest(&columns[i]) != digests) continue;
        status = compare(c, columns[i].path, columns[i].cell, columns[i].text, c->row,
                         columns[i].shape == GS_BY_BIN ? GS_BINS : 1,
                         (const unsigned char *)retrained + columns[i].offset, error);
    }
    return status;
}

/* Whether the run had ended when the program, and so the file, got this metric. */
static bool lacks_metric(const comparer *c, const char *path)
{
    int64_t since;
    if (gs_file_is_without(c->audit->file, path)) return true;
    return gs_file_noted_integer(c->audit->file, path, GS_SINCE_LAUNCH, &since) && c->launch < since;
}

/* Whether the stored metric is not the retrained one, but what an earlier version made of the same counts. */
static bool is_as_before(const comparer *c, gs_metric_id id, const char *path, const gs_row *retrained)
{
    unsigned char now[8], before[8], stored[8];
    gs_cell cell = gs_metric_to_cell(id, retrained->metrics.values[id], now);
    gs_metric_to_cell(id, gs_metric_before(id, &retrained->metrics, retrained->counts, retrained->expected), before);
    size_t size = gs_cell_size(cell, 0);
    return memcmp(now, before, size) != 0 &&
           gs_lookup_read(&c->audit->lookup, path, cell, 0, c->row, stored, size, NULL) == GS_OK &&
           memcmp(stored, before, size) == 0;
}

static gs_status compare_metrics(const comparer *c, const gs_row *retrained, gs_comparison *comparison, gs_error *error)
{
    gs_status status = GS_OK;
    for (int m = 0; m < GS_METRIC_COUNT && status == GS_OK; m++) {
        char path[128];
        unsigned char value[8];
        gs_cell cell = gs_metric_to_cell((gs_metric_id)m, retrained->metrics.values[m], value);
        snprintf(path, sizeof path, "/metrics/%s", gs_metrics_table[m].name);
        comparison->lacks[m] = lacks_metric(c, path);
        comparison->before[m] = !comparison->lacks[m] && is_as_before(c, (gs_metric_id)m, path, retrained);
        if (!comparison->lacks[m] && !comparison->before[m])
            status = compare(c, path, cell, 0, c->row, 1, value, error);
    }
    return status;
}

/* Rows are as wide as the longest run's; behind the last point there are fill values. */
static gs_status compare_curves(const comparer *c, const gs_row *retrained, const gs_model_type *type, gs_error *error)
{
    const gs_curves *curves = &retrained->curves;
    gs_extent extent;
    int64_t steps[GS_CURVE_POINTS];
    float values[GS_CURVE_POINTS];
    uint64_t width = gs_file_extent(c->audit->file, "/curves/step", &extent) && extent.rank == 2 ? extent.dims[1] : 0;
    if (width > GS_CURVE_POINTS || width < (uint64_t)curves->points) width = (uint64_t)curves->points;
    for (uint64_t p = 0; p < width; p++) steps[p] = p < (uint64_t)curves->points ? curves->step[p] : -1;
    gs_status status = compare(c, "/curves/step", GS_CELL_INT64, 0, c->row, width, steps, error);
    for (int k = 0; type->curves[k] != NULL && status == GS_OK; k++) {
        char path[128];
        snprintf(path, sizeof path, "/curves/%s", type->curves[k]);
        for (uint64_t p = 0; p < width; p++) values[p] = p < (uint64_t)curves->points ? curves->values[k][p] : NAN;
        status = compare(c, path, GS_CELL_FLOAT32, 0, c->row, width, values, error);
    }
    return status;
}

static gs_status compare_along(const comparer *c, const gs_coverage_point *points, uint64_t count, gs_error *error)
{
    gs_extent extent;
    bool there = gs_file_extent(c->audit->file, "/coverage/over_training/step", &extent) && extent.rank == 2;
    uint64_t width = there && extent.dims[1] > count ? extent.dims[1] : count;
    if (!there && count == 0) return GS_OK;
    int64_t *steps = malloc((width + 1) * sizeof *steps);
    uint32_t *counts = calloc(width + 1, GS_BINS * sizeof *counts), *rejected = calloc(width + 1, sizeof *rejected);
    gs_status status = steps == NULL || counts == NULL || rejected == NULL ? no_memory(error) : GS_OK;
    for (uint64_t p = 0; p < width && status == GS_OK; p++) {
        steps[p] = p < count ? points[p].step : -1;
        if (p >= count) continue;
        memcpy(counts + p * GS_BINS, points[p].counts, sizeof points[p].counts);
        rejected[p] = points[p].rejected;
    }
    if (status == GS_OK)
        status = compare(c, "/coverage/over_training/step", GS_CELL_INT64, 0, c->row, width, steps, error);
    if (status == GS_OK)
        status =
            compare(c, "/coverage/over_training/counts", GS_CELL_UINT32, 0, c->row, width * GS_BINS, counts, error);
    if (status == GS_OK)
        status = compare(c, "/coverage/over_training/rejected", GS_CELL_UINT32, 0, c->row, width, rejected, error);
    free(steps);
    free(counts);
    free(rejected);
    return status;
}

/* All chunks of images; `cursor` stands before the first. */
static gs_status compare_images(const comparer *c, const gs_parcel *parcel, gs_error *error)
{
    gs_status status = GS_OK;
    gs_chunk chunk;
    size_t cursor = 0;
    const gs_found *found = differs(c) ? NULL : load(c, "/samples/image", GS_CELL_UINT8, 0, c->row, 0, &status, error);
    uint64_t cells = found != NULL ? gs_found_cells(found) : 0;
    while (found != NULL && gs_parcel_next(parcel, &cursor, &chunk) && !differs(c)) {
        uint64_t first = (uint64_t)chunk.place * GS_IMAGES_PER_CHUNK * GS_IMAGE;
        if (chunk.bulk != GS_BULK_IMAGE || first >= cells) continue;
        uint64_t count = first + chunk.size <= cells ? chunk.size : cells - first;
        compare_loaded(c, found, c->row, first, count, chunk.bytes);
    }
    return status;
}

static gs_status compare_tensor(const comparer *c, const gs_chunk *chunk, gs_error *error)
{
    const stored_layout *layout = &c->audit->layouts[c->audit->layout_of[c->row]];
    char path[192];
    if (differs(c)) return GS_OK;
    if (chunk->place >= layout->count) {
        say_unreadable(c, layout->group, c->row, "has fewer tensors than were retrained");
        return GS_OK;
    }
    snprintf(path, sizeof path, "%s/%.*s", layout->group, GS_TENSOR_NAME, layout->names[chunk->place]);
    return compare(c, path, GS_CELL_FLOAT32, 0, c->audit->place_of[c->row], chunk->size / sizeof(float), chunk->bytes,
                   error);
}

static gs_status compare_bulk(const comparer *c, const gs_parcel *parcel, const gs_comparison *comparison,
                              gs_error *error)
{
    gs_status status = GS_OK;
    gs_chunk chunk;
    size_t cursor = 0;
    while (status == GS_OK && gs_parcel_next(parcel, &cursor, &chunk)) {
        if (chunk.bulk == GS_BULK_BIN && comparison->has_samples)
            status = compare(c, "/samples/bin", GS_CELL_UINT8, 0, c->row, chunk.size, chunk.bytes, error);
        else if (chunk.bulk == GS_BULK_ERROR && comparison->has_samples)
            status = compare(c, "/samples/error", GS_CELL_UINT16, 0, c->row, chunk.size / sizeof(uint16_t), chunk.bytes,
                             error);
        else if (chunk.bulk == GS_BULK_EXAMPLES)
            status = compare(c, "/coverage/examples", GS_CELL_UINT8, 0, c->row, chunk.size, chunk.bytes, error);
        else if (chunk.bulk == GS_BULK_TENSOR && comparison->has_checkpoint) status = compare_tensor(c, &chunk, error);
    }
    return status;
}

/* Points of coverage along training that a parcel holds. */
static gs_status compare_points(const comparer *c, const gs_parcel *parcel, gs_error *error)
{
    gs_chunk chunk;
    size_t cursor = 0;
    while (gs_parcel_next(parcel, &cursor, &chunk))
        if (chunk.bulk == GS_BULK_ALONG)
            return compare_along(c, (const gs_coverage_point *)(const void *)chunk.bytes,
                                 chunk.size / sizeof(gs_coverage_point), error);
    return compare_along(c, NULL, 0, error);
}

/* ---- a run ------------------------------------------------------------------------------------------------------- */

static bool is_stored(gs_audit *audit, const char *path, gs_cell cell, uint64_t row)
{
    const gs_found *found = gs_lookup_find(&audit->lookup, path, cell, 0, NULL);
    const uint64_t offset[GS_RANK_MAX] = {row};
    return found != NULL && gs_file_has_chunk(audit->file, found->dataset, offset);
}

static bool has_checkpoint(gs_audit *audit, uint64_t row)
{
    char path[192];
    if (audit->layout_of[row] < 0) return false;
    const stored_layout *layout = &audit->layouts[audit->layout_of[row]];
    snprintf(path, sizeof path, "%s/%.*s", layout->group, GS_TENSOR_NAME, layout->names[0]);
    return is_stored(audit, path, GS_CELL_FLOAT32, audit->place_of[row]);
}

gs_status gs_audit_compare(gs_audit *audit, uint64_t row, const gs_parcel *parcel, gs_comparison *comparison,
                           gs_error *error)
{
    gs_row retrained;
    gs_settings settings;
    *comparison =
        (gs_comparison){.has_samples = audit->width > 0 && is_stored(audit, "/samples/image", GS_CELL_UINT8, row)};
    comparison->has_checkpoint = has_checkpoint(audit, row);
    comparer c = {.audit = audit, .row = row, .launch = -1, .first = &comparison->first};
    gs_status status = gs_parcel_row(parcel, &retrained, error);
    if (status != GS_OK) return status;
    status = gs_lookup_read(&audit->lookup, "/runs/launch", GS_CELL_INT32, 0, row, &c.launch, sizeof c.launch, error);
    if (status == GS_ERROR_MEMORY) return status;
    if (retrained.failed != 0) {
        say_unreadable(&c, "/runs/status", row, "done");
        snprintf(c.first->retrained, GS_AUDIT_VALUE, "failed: %.*s", GS_REASON - 1, retrained.error);
        return GS_OK;
    }
    status = gs_stored_settings(&audit->lookup, row, &settings, error);
    if (status != GS_OK) return status;
    status = compare_columns(&c, &retrained, false, error);
    if (status == GS_OK) status = compare_metrics(&c, &retrained, comparison, error);
    if (status == GS_OK) status = compare_points(&c, parcel, error);
    if (status == GS_OK) status = compare_curves(&c, &retrained, gs_model_type_of(gs_settings_model(&settings)), error);
    if (status == GS_OK && comparison->has_samples) status = compare_images(&c, parcel, error);
    if (status == GS_OK) status = compare_bulk(&c, parcel, comparison, error);
    return status == GS_OK ? compare_columns(&c, &retrained, true, error) : status;
}

double gs_audit_homogeneity(gs_audit *audit, uint64_t row, const gs_row *retrained)
{
    uint32_t stored[GS_BINS + 1], found[GS_BINS + 1];
    memcpy(found, retrained->counts, sizeof retrained->counts);
    found[GS_BINS] = retrained->rejected;
    gs_status status = gs_lookup_read(&audit->lookup, "/coverage/counts", GS_CELL_UINT32, 0, row, stored,
                                      GS_BINS * sizeof *stored, NULL);
    if (status == GS_OK)
        status = gs_lookup_read(&audit->lookup, "/coverage/rejected", GS_CELL_UINT32, 0, row, &stored[GS_BINS],
                                sizeof *stored, NULL);
    return status == GS_OK && retrained->failed == 0 ? gs_homogeneity_test(stored, found, GS_BINS + 1) : 0;
}
