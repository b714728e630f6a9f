#include "store/parcel.h"

#include <libdeflate.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { CHUNK_HEADER = 16, CHUNK_ALIGNMENT = 8 };

/* ---- growing block of memory ------------------------------------------------------------------------------------- */

static gs_status reserve(gs_parcel *parcel, size_t more, gs_error *error)
{
    if (parcel->size + more <= parcel->room) return GS_OK;
    size_t room = parcel->room + parcel->room / 2;
    if (room < parcel->size + more) room = parcel->size + more;
    unsigned char *bytes = realloc(parcel->bytes, room);
    if (bytes == NULL)
        return gs_fail(error, GS_ERROR_MEMORY, "out of memory: %zu bytes for the results of a run", room);
    parcel->bytes = bytes;
    parcel->room = room;
    return GS_OK;
}

static void put_header(gs_parcel *parcel, gs_bulk bulk, uint32_t place, uint64_t size)
{
    uint32_t words[2] = {(uint32_t)bulk, place};
    memcpy(parcel->bytes + parcel->size, words, sizeof words);
    memcpy(parcel->bytes + parcel->size + sizeof words, &size, sizeof size);
}

static size_t padded(size_t size)
{
    return (size + CHUNK_ALIGNMENT - 1) / CHUNK_ALIGNMENT * CHUNK_ALIGNMENT;
}

/* NULL: chunks are stored as they are. */
typedef struct libdeflate_compressor compressor;

static gs_status make_compressor(compressor **made, int level, gs_error *error)
{
    *made = level > 0 ? libdeflate_alloc_compressor(level) : NULL;
    return level > 0 && *made == NULL ? gs_fail(error, GS_ERROR_MEMORY, "out of memory for deflate") : GS_OK;
}

/* Appends a chunk of `size` bytes. */
static gs_status add_chunk(gs_parcel *parcel, gs_bulk bulk, uint32_t place, const void *bytes, size_t size,
                           compressor *deflate, gs_error *error)
{
    size_t room = deflate != NULL ? libdeflate_zlib_compress_bound(deflate, size) : size, stored = size;
    gs_status status = reserve(parcel, CHUNK_HEADER + padded(room), error);
    if (status != GS_OK) return status;
    unsigned char *target = parcel->bytes + parcel->size + CHUNK_HEADER;
    if (deflate != NULL) stored = libdeflate_zlib_compress(deflate, bytes, size, target, room);
    else memcpy(target, bytes, size);
    put_header(parcel, bulk, place, stored);
    memset(target + stored, 0, padded(stored) - stored);
    parcel->size += CHUNK_HEADER + padded(stored);
    return GS_OK;
}

/* Where what follows the row begins: behind this number, the row without its curves, and its curves no longer than they
 * are. */
typedef uint64_t row_end;

static size_t curves_size(size_t points)
{
    return padded(points * (sizeof(int64_t) + GS_CURVES_MAX * sizeof(float)));
}

static gs_status add_row(gs_parcel *parcel, const gs_row *row, gs_error *error)
{
    const size_t fixed = padded(offsetof(gs_row, curves)), points = (size_t)row->curves.points;
    const row_end end = sizeof end + fixed + sizeof(row_end) + curves_size(points);
    parcel->size = 0;
    gs_status status = reserve(parcel, end, error);
    if (status != GS_OK) return status;
    unsigned char *at = parcel->bytes;
    memset(at, 0, end);
    memcpy(at, &end, sizeof end);
    memcpy(at += sizeof end, row, offsetof(gs_row, curves));
    memcpy(at += fixed, &(row_end){points}, sizeof(row_end));
    memcpy(at += sizeof(row_end), row->curves.step, points * sizeof *row->curves.step);
    at += points * sizeof *row->curves.step;
    for (int c = 0; c < GS_CURVES_MAX; c++, at += points * sizeof(float))
        memcpy(at, row->curves.values[c], points * sizeof(float));
    parcel->size = end;
    return GS_OK;
}

/* ---- parts of a result ------------------------------------------------------------------------------------------- */

int64_t gs_image_chunks(int64_t samples)
{
    return (samples + GS_IMAGES_PER_CHUNK - 1) / GS_IMAGES_PER_CHUNK;
}

static gs_status add_samples(gs_parcel *parcel, const gs_result *result, compressor *deflate, gs_error *error)
{
    const size_t chunk_bytes = (size_t)GS_IMAGES_PER_CHUNK * GS_IMAGE;
    int64_t chunks = gs_image_chunks(result->samples), rest = result->samples % GS_IMAGES_PER_CHUNK;
    gs_status status = GS_OK;
    for (int64_t c = 0; c < chunks && status == GS_OK; c++) {
        const uint8_t *images = result->images + (size_t)c * chunk_bytes;
        if (c + 1 < chunks || rest == 0) {
            status = add_chunk(parcel, GS_BULK_IMAGE, (uint32_t)c, images, chunk_bytes, deflate, error);
            continue;
        }
        uint8_t *whole = calloc(1, chunk_bytes); /* the last chunk is stored whole, zeros behind its images */
        if (whole == NULL) return gs_fail(error, GS_ERROR_MEMORY, "out of memory: %zu bytes", chunk_bytes);
        memcpy(whole, images, (size_t)rest * GS_IMAGE);
        status = add_chunk(parcel, GS_BULK_IMAGE, (uint32_t)c, whole, chunk_bytes, deflate, error);
        free(whole);
    }
    return status;
}

/* Bins and errors, in chunks as wide as the file's; together as wide as its rows: behind the last sample bins say
 * rejected and errors 0. */
static gs_status add_classes(gs_parcel *parcel, const gs_result *result, const gs_storage *storage, compressor *deflate,
                             gs_error *error)
{
    size_t samples = (size_t)result->samples;
    size_t width = storage->width > result->samples ? (size_t)storage->width : samples;
    size_t chunk = storage->chunk > 0 ? (size_t)storage->chunk : width, chunks = (width + chunk - 1) / chunk;
    uint8_t *bins = malloc(chunks * chunk);
    uint16_t *errors = calloc(chunks * chunk, sizeof *errors);
    gs_status status = GS_OK;
    if (bins == NULL || errors == NULL) status = gs_fail(error, GS_ERROR_MEMORY, "out of memory: %zu bins", width);
    if (status == GS_OK) {
        memset(bins, GS_BIN_REJECTED, chunks * chunk);
        memcpy(bins, result->bins, samples);
        memcpy(errors, result->errors, samples * sizeof *errors);
    }
    for (size_t c = 0; c < chunks && status == GS_OK; c++)
        status = add_chunk(parcel, GS_BULK_BIN, (uint32_t)c, bins + c * chunk, chunk, deflate, error);
    for (size_t c = 0; c < chunks && status == GS_OK; c++)
        status =
            add_chunk(parcel, GS_BULK_ERROR, (uint32_t)c, errors + c * chunk, chunk * sizeof *errors, deflate, error);
    free(bins);
    free(errors);
    return status;
}

/* The first sample of each bin. */
static gs_status add_examples(gs_parcel *parcel, const gs_result *result, compressor *deflate, gs_error *error)
{
    uint8_t *examples = calloc(GS_BINS, GS_IMAGE);
    bool found[GS_BINS] = {false};
    if (examples == NULL) return gs_fail(error, GS_ERROR_MEMORY, "out of memory for examples");
    for (int64_t i = 0; i < result->samples; i++) {
        uint8_t bin = result->bins[i];
        if (bin == GS_BIN_REJECTED || found[bin]) continue;
        found[bin] = true;
        memcpy(examples + (size_t)bin * GS_IMAGE, result->images + (size_t)i * GS_IMAGE, GS_IMAGE);
    }
    gs_status status = add_chunk(parcel, GS_BULK_EXAMPLES, 0, examples, (size_t)GS_BINS * GS_IMAGE, deflate, error);
    free(examples);
    return status;
}

/* Checkpoints are stored as they are: trained weights do not deflate. */
static gs_status add_tensors(gs_parcel *parcel, const gs_result *result, gs_error *error)
{
    const gs_tensor_table *table = &result->model->tensors;
    gs_status status = GS_OK;
    for (int t = 0; t < table->count && status == GS_OK; t++)
        status = add_chunk(parcel, GS_BULK_TENSOR, (uint32_t)t, result->model->weights + table->tensors[t].offset,
                           gs_tensor_elements(&table->tensors[t]) * sizeof(gs_real), NULL, error);
    return status;
}

gs_status gs_parcel_pack(gs_parcel *parcel, const gs_job *job, const gs_result *result, gs_storage storage, int rank,
                         double seconds, gs_error *error)
{
    gs_row row;
    memset(&row, 0, sizeof row); /* padding too: the parcel is compared and hashed as bytes */
    row.run = job->run;
    row.failed = result->outcome == GS_OUTCOME_FAILED;
    row.rank = rank;
    row.steps_done = result->steps_done;
    row.seconds = seconds;
    memcpy(row.error, result->reason, sizeof row.error);
    gs_digests_of(result, &row.digests);
    memcpy(row.counts, result->coverage.counts, sizeof row.counts);
    row.rejected = result->coverage.rejected;
    memcpy(row.error_sum, result->coverage.error_sum, sizeof row.error_sum);
    memcpy(row.expected, result->expected, sizeof row.expected);
    memcpy(row.shade_distance, result->shade_distance, sizeof row.shade_distance);
    for (int k = 0; k < GS_BINS && row.failed != 0; k++) row.shade_distance[k] = (double)NAN;
    row.metrics = result->metrics;
    row.curves = result->curves;

    gs_status status = add_row(parcel, &row, error);
    if (status == GS_OK && result->points > 0)
        status = add_chunk(parcel, GS_BULK_ALONG, 0, result->along, (size_t)result->points * sizeof *result->along,
                           NULL, error);
    if (status != GS_OK || result->outcome != GS_OUTCOME_DONE) return status;
    compressor *deflate;
    status = make_compressor(&deflate, storage.compression, error);
    if (status == GS_OK && storage.samples) status = add_samples(parcel, result, deflate, error);
    if (status == GS_OK && storage.samples) status = add_classes(parcel, result, &storage, deflate, error);
    if (status == GS_OK) status = add_examples(parcel, result, deflate, error);
    libdeflate_free_compressor(deflate);
    if (status == GS_OK && storage.checkpoints) status = add_tensors(parcel, result, error);
    return status;
}

gs_status gs_parcel_pack_failure(gs_parcel *parcel, const gs_job *job, const gs_digits *digits, const char *reason,
                                 int rank, gs_error *error)
{
    gs_result result;
    memset(&result, 0, sizeof result);
    result.outcome = GS_OUTCOME_FAILED;
    result.metrics = gs_metrics_of_failure();
    gs_model_expected(&job->settings, digits, result.expected);
    strncpy(result.reason, reason, sizeof result.reason - 1);
    return gs_parcel_pack(parcel, job, &result, (gs_storage){0}, rank, 0, error);
}

gs_status gs_parcel_pack_nothing(gs_parcel *parcel, const gs_job *job, int rank, gs_error *error)
{
    gs_row row;
    memset(&row, 0, sizeof row);
    row.run = job->run;
    row.rank = rank;
    return add_row(parcel, &row, error);
}

void gs_parcel_free(gs_parcel *parcel)
{
    free(parcel->bytes);
    *parcel = (gs_parcel){0};
}

/* ---- reading ----------------------------------------------------------------------------------------------------- */

static row_end number_at(const unsigned char *bytes)
{
    row_end number;
    memcpy(&number, bytes, sizeof number);
    return number;
}

gs_status gs_parcel_row(const gs_parcel *parcel, gs_row *row, gs_error *error)
{
    const size_t fixed = padded(offsetof(gs_row, curves)), least = 2 * sizeof(row_end) + fixed;
    size_t points = parcel->size < least ? 0 : (size_t)number_at(parcel->bytes + sizeof(row_end) + fixed);
    if (parcel->size < least || points > GS_CURVE_POINTS || number_at(parcel->bytes) != least + curves_size(points) ||
        parcel->size < least + curves_size(points))
        return gs_fail(error, GS_ERROR_INTERNAL, "a result of %zu bytes is too short", parcel->size);
    memset(row, 0, sizeof *row);
    memcpy(row, parcel->bytes + sizeof(row_end), offsetof(gs_row, curves));
    const unsigned char *at = parcel->bytes + least;
    row->curves.points = (int)points;
    memcpy(row->curves.step, at, points * sizeof *row->curves.step);
    at += points * sizeof *row->curves.step;
    for (int c = 0; c < GS_CURVES_MAX; c++, at += points * sizeof(float))
        memcpy(row->curves.values[c], at, points * sizeof(float));
    return GS_OK;
}

bool gs_parcel_next(const gs_parcel *parcel, size_t *cursor, gs_chunk *chunk)
{
    if (*cursor == 0) *cursor = (size_t)number_at(parcel->bytes);
    if (*cursor + CHUNK_HEADER > parcel->size) return false;
    const unsigned char *at = parcel->bytes + *cursor;
    memcpy(&chunk->bulk, at, sizeof chunk->bulk);
    memcpy(&chunk->place, at + sizeof chunk->bulk, sizeof chunk->place);
    memcpy(&chunk->size, at + 2 * sizeof(uint32_t), sizeof chunk->size);
    chunk->bytes = at + CHUNK_HEADER;
    if (chunk->size > parcel->size - *cursor - CHUNK_HEADER) return false;
    *cursor += CHUNK_HEADER + padded((size_t)chunk->size);
    return true;
}
