/* Runs of a results file, read back part by part, each as far as it can be read: what is damaged in one run or dataset
 * is in nobody else's way.
 *
 * There is no plan here, and a run is numbered by its row: `run` is a row wherever files are read, verified and
 * repaired, unlike in store.h, where runs have the numbers of the plan. */
#ifndef GS_STORE_READER_H
#define GS_STORE_READER_H

#include "store/digest.h"
#include "store/lookup.h"
#include "sweep/plan.h"

/* A layout of /checkpoints. */
typedef struct {
    gs_model_id model;
    char group[64];
    bool broken;             /* its tensors or their rows cannot be told */
    gs_tensor_table tensors; /* named as in the file */
    uint64_t rows;
    int64_t *run_of; /* of each row; owned */
} gs_reader_layout;

typedef struct {
    gs_lookup lookup;
    gs_file *file;
    uint64_t runs;
    int8_t *status, *models; /* gs_run_status, gs_model_id (GS_MODEL_COUNT: unknown) of each run */
    int64_t *samples;        /* that each run has made */
    gs_reader_layout *layouts;
    size_t layout_count;
    int32_t *layout_of; /* of each run, -1: none */
    int64_t *place_of;  /* of each run in its layout */
    bool has_samples, has_along;
    uint64_t points, curve_points; /* columns of /coverage/over_training and /curves */

    /* The run that is read. */
    gs_result result;
    gs_model model;

    /* Its memory. */
    uint8_t *images, *bins;
    uint16_t *errors;
    gs_real *weights;
    int64_t *steps;
    uint32_t *point_counts, *point_rejected;
} gs_reader;

/* GS_ERROR_STORAGE: the file cannot be opened, or what is planned in it not be read. GS_ERROR_MEMORY. */
GS_MUST_CHECK gs_status gs_reader_open(gs_reader **reader, const char *path, gs_open_for purpose, gs_error *error);
void gs_reader_close(gs_reader **reader);

/* Turns to a run. False if this version does not know its model. */
bool gs_reader_turn_to(gs_reader *reader, uint64_t run);

/* Whether a part of the run was stored (storage.samples, storage.checkpoints), be it damaged or not. */
bool gs_reader_stores(gs_reader *reader, gs_digest_part part, uint64_t run);

/* Reads a part of the run that was turned to into reader->result, for gs_digest_of. GS_ERROR_STORAGE. */
GS_MUST_CHECK gs_status gs_reader_part(gs_reader *reader, gs_digest_part part, uint64_t run, gs_error *error);

/* Of its coverage, only what was measured along training. */
GS_MUST_CHECK gs_status gs_reader_along(gs_reader *reader, uint64_t run, gs_error *error);

/* The digests that are stored of a run; one that cannot be read is all NUL, which no digest is. */
void gs_reader_digests(gs_reader *reader, uint64_t run, gs_digests *digests);

/* A text of a row with its NUL: `size` bytes and one more. Empty if it cannot be read. */
void gs_reader_text(gs_reader *reader, const char *path, uint64_t row, char *text, size_t size);

#endif
