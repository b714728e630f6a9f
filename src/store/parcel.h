/* A finished run on its way from the rank that trained it to the writer: one block of memory that may be sent as it is.
 *
 * It holds the row of small values and the chunks of bulk data, deflated already, so that the writer only has to put
 * them in their places. */
#ifndef GS_STORE_PARCEL_H
#define GS_STORE_PARCEL_H

#include <stddef.h>

#include "store/digest.h"
#include "sweep/sweep.h"
#include "train/result.h"

/* Small values of a run, as they stand in the tables of the results file. */
typedef struct {
    int64_t run;    /* of its job */
    int32_t failed; /* 0 or 1 */
    int32_t rank;
    int64_t steps_done;
    double seconds;
    char error[GS_REASON];
    gs_digests digests;
    uint32_t counts[GS_BINS];
    uint32_t rejected;
    double error_sum[GS_BINS];
    double expected[GS_BINS];
    double shade_distance[GS_BINS];
    gs_metrics metrics;
    gs_curves curves; /* last: a parcel holds only the points that there are */
} gs_row;

/* What a chunk belongs to. */
typedef enum { GS_BULK_IMAGE, GS_BULK_BIN, GS_BULK_ERROR, GS_BULK_EXAMPLES, GS_BULK_ALONG, GS_BULK_TENSOR } gs_bulk;

enum { GS_IMAGES_PER_CHUNK = 400 /* 940,800 bytes: less than HDF5's default chunk cache of 1 MiB */ };

typedef struct {
    uint32_t bulk;  /* gs_bulk */
    uint32_t place; /* number of the chunk along the second axis; for tensors the number of the tensor */
    uint64_t size;  /* bytes that follow */
    const unsigned char *bytes;
} gs_chunk;

typedef struct {
    unsigned char *bytes; /* owned */
    size_t size, room;
} gs_parcel;

/* Packs what `storage` asks for. `rank` and `seconds` are told by the farm. GS_ERROR_MEMORY. */
GS_MUST_CHECK gs_status gs_parcel_pack(gs_parcel *parcel, const gs_job *job, const gs_result *result,
                                       gs_storage storage, int rank, double seconds, gs_error *error);

/* Packs a run that could not even begin, for `reason`; the digits are the sweep's. */
GS_MUST_CHECK gs_status gs_parcel_pack_failure(gs_parcel *parcel, const gs_job *job, const gs_digits *digits,
                                               const char *reason, int rank, gs_error *error);

/* Packs a run that has done nothing, for benchmarks of everything else: a row of zeros. */
GS_MUST_CHECK gs_status gs_parcel_pack_nothing(gs_parcel *parcel, const gs_job *job, int rank, gs_error *error);
void gs_parcel_free(gs_parcel *parcel);

/* Chunks of images of a run with so many samples. */
int64_t gs_image_chunks(int64_t samples);

/* Reading; the views point into the parcel. gs_parcel_next returns false after the last chunk; `cursor` begins at 0.
 * GS_ERROR_INTERNAL if the block is not a parcel. */
GS_MUST_CHECK gs_status gs_parcel_row(const gs_parcel *parcel, gs_row *row, gs_error *error);
bool gs_parcel_next(const gs_parcel *parcel, size_t *cursor, gs_chunk *chunk);

#endif
