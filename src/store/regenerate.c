#include "store/regenerate.h"

#include <stdio.h>
#include <string.h>

#include "nn/matrix.h"
#include "store/jobs.h"

/* What the run is made from, as it is stored. */
typedef struct {
    gs_reader *reader;
    uint64_t run;
    gs_digests digests;
    bool consistent; /* the digests of the parts give that of the whole, so each of them can be believed */
    gs_job job;
    int64_t steps_done;
    char reason[GS_REASON];
    bool no_memory; /* that something cannot be read says nothing then */
} sources;

static bool is_digest_of(const gs_result *result, gs_digest_part part, const gs_digests *stored)
{
    char found[GS_DIGEST];
    gs_digest_of(result, part, found);
    return memcmp(found, stored->parts[part], GS_DIGEST) == 0;
}

/* A part that cannot be made again: false, and why, if it is known to be damaged. */
static bool can_use(sources *s, gs_digest_part part, char why[GS_WHY])
{
    gs_error reason;
    if (!gs_reader_stores(s->reader, part, s->run)) {
        snprintf(why, GS_WHY, "its %s is not stored", gs_digest_parts[part]);
        return false;
    }
    gs_status status = gs_reader_part(s->reader, part, s->run, &reason);
    s->no_memory = s->no_memory || status == GS_ERROR_MEMORY;
    if (status != GS_OK) {
        snprintf(why, GS_WHY, "its %s cannot be read: %.300s", gs_digest_parts[part], reason.text);
        return false;
    }
    if (!s->consistent || is_digest_of(&s->reader->result, part, &s->digests)) return true;
    snprintf(why, GS_WHY, "its %s %s not what the digest was taken of", gs_digest_parts[part],
             part == GS_PART_CURVES ? "are" : "is");
    return false;
}

/* Whether the weights fit the model: names, shapes and order of the tensors. */
static bool fits(const sources *s, const gs_digits *digits)
{
    gs_tensor_table tensors;
    gs_error unused;
    const gs_tensor_table *stored = &s->reader->model.tensors;
    if (gs_model_tensors(&s->job.settings, digits, &tensors, &unused) != GS_OK || tensors.count != stored->count)
        return false;
    for (int t = 0; t < stored->count; t++) {
        const gs_tensor *a = &tensors.tensors[t], *b = &stored->tensors[t];
        if (strcmp(a->name, b->name) != 0 || a->rank != b->rank || a->rows != b->rows || a->columns != b->columns)
            return false;
    }
    return true;
}

/* False, and why, if something is missing. */
static bool collect(sources *s, const gs_digits *digits, char why[GS_WHY])
{
    gs_lookup *lookup = &s->reader->lookup;
    gs_error reason;
    char whole[GS_DIGEST];
    gs_reader_digests(s->reader, s->run, &s->digests);
    gs_digests_close(&s->digests, whole);
    s->consistent = memcmp(whole, s->digests.whole, GS_DIGEST) == 0;
    if (!gs_reader_turn_to(s->reader, s->run)) {
        snprintf(why, GS_WHY, "it is of a model that this version does not know");
        return false;
    }
    if (!can_use(s, GS_PART_CHECKPOINT, why) || !can_use(s, GS_PART_CURVES, why)) return false;
    gs_status status = gs_reader_along(s->reader, s->run, &reason);
    if (status == GS_OK)
        status = gs_lookup_read(lookup, "/runs/steps_done", GS_CELL_INT64, 0, s->run, &s->steps_done,
                                sizeof s->steps_done, &reason);
    if (status == GS_OK)
        status = gs_lookup_read(lookup, "/runs/error", GS_CELL_TEXT, GS_REASON, s->run, s->reason, GS_REASON, &reason);
    if (status == GS_OK) status = gs_stored_job(lookup, s->run, &s->job, &reason);
    if (status == GS_OK && !gs_stored_identity(lookup, &s->job, digits))
        status =
            gs_fail(&reason, GS_ERROR_STORAGE, "the settings, seed and digits in the file are not those of /runs/id");
    if (status == GS_OK && !fits(s, digits))
        status = gs_fail(&reason, GS_ERROR_STORAGE, "its tensors are not those of its settings");
    s->no_memory = s->no_memory || status == GS_ERROR_MEMORY;
    if (status != GS_OK) snprintf(why, GS_WHY, "%.500s", reason.text);
    return status == GS_OK;
}

/* Either all parts are what was digested, or their digests together: one of these may be the damage itself. */
static bool agrees(const gs_digests *found, const gs_digests *stored)
{
    return memcmp(found->whole, stored->whole, GS_DIGEST) == 0 ||
           memcmp(found->parts, stored->parts, sizeof found->parts) == 0;
}

static void compare(const sources *s, gs_regenerated *made)
{
    gs_digests found;
    char kernel[GS_KERNEL];
    gs_digests_of(&made->result, &found);
    made->agrees = agrees(&found, &s->digests);
    gs_stored_kernel(&s->reader->lookup, s->run, kernel);
    made->other_kernels = !made->agrees && strcmp(kernel, gs_blas_kernel()) != 0;
    if (made->other_kernels)
        snprintf(made->why, GS_WHY,
                 "its checkpoint gives other samples with the BLAS kernels '%s' than with its own, '%s'",
                 gs_blas_kernel(), kernel);
    else if (!made->agrees)
        snprintf(made->why, GS_WHY,
                 "what its checkpoint gives does not agree with the stored digests (samples: stored %.32s, made again "
                 "%.32s)",
                 s->digests.parts[GS_PART_SAMPLES], found.parts[GS_PART_SAMPLES]);
}

gs_status gs_regenerate(gs_reader *reader, const gs_digits *digits, uint64_t run, gs_regenerated *made, gs_error *error)
{
    sources s = {.reader = reader, .run = run};
    gs_regenerated_free(made);
    made->agrees = made->other_kernels = false;
    bool complete = collect(&s, digits, made->why);
    if (s.no_memory) return gs_fail(error, GS_ERROR_MEMORY, "%s", made->why);
    if (!complete) return GS_OK;
    gs_status status = gs_trainer_create(&made->trainer, &s.job, digits, 0, error);
    if (status != GS_OK) return status;
    gs_trainer_resample(made->trainer, reader->weights);
    while (gs_trainer_advance(made->trainer)) continue;
    gs_result *result = &made->result;
    *result = *gs_trainer_result(made->trainer);
    result->steps_done = s.steps_done;
    memcpy(result->reason, s.reason, sizeof result->reason);
    result->curves = reader->result.curves;
    result->points = reader->result.points;
    result->along = reader->result.along;
    compare(&s, made);
    if (!made->agrees) return GS_OK;
    status = gs_parcel_pack(&made->parcel, &s.job, result, (gs_storage){.samples = false}, 0, 0, error);
    return status == GS_OK ? gs_parcel_row(&made->parcel, &made->row, error) : status;
}

void gs_regenerated_free(gs_regenerated *made)
{
    gs_trainer_destroy(&made->trainer);
    gs_parcel_free(&made->parcel);
}
