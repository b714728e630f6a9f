#include "store/digest.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

const char *const gs_digest_parts[GS_PART_COUNT] = {"coverage", "samples", "checkpoint", "curves"};

static void write_digest(const XXH3_state_t *state, char digest[GS_DIGEST])
{
    XXH128_hash_t hash = XXH3_128bits_digest(state);
    char text[GS_DIGEST + 1];
    snprintf(text, sizeof text, "%016" PRIx64 "%016" PRIx64, hash.high64, hash.low64);
    memcpy(digest, text, GS_DIGEST);
}

static void add_coverage(XXH3_state_t *state, const gs_result *result)
{
    XXH3_128bits_update(state, result->coverage.counts, sizeof result->coverage.counts);
    XXH3_128bits_update(state, &result->coverage.rejected, sizeof result->coverage.rejected);
    for (int64_t p = 0; p < result->points; p++) {
        XXH3_128bits_update(state, &result->along[p].step, sizeof result->along[p].step);
        XXH3_128bits_update(state, result->along[p].counts, sizeof result->along[p].counts);
        XXH3_128bits_update(state, &result->along[p].rejected, sizeof result->along[p].rejected);
    }
}

static void add_samples(XXH3_state_t *state, const gs_result *result)
{
    size_t samples = (size_t)result->samples;
    XXH3_128bits_update(state, result->images, samples * GS_IMAGE);
    XXH3_128bits_update(state, result->bins, samples * sizeof *result->bins);
    XXH3_128bits_update(state, result->errors, samples * sizeof *result->errors);
}

static void add_checkpoint(XXH3_state_t *state, const gs_result *result)
{
    const gs_tensor_table *table = &result->model->tensors;
    for (int t = 0; t < table->count; t++)
        XXH3_128bits_update(state, result->model->weights + table->tensors[t].offset,
                            gs_tensor_elements(&table->tensors[t]) * sizeof(gs_real));
}

static void add_curves(XXH3_state_t *state, const gs_result *result)
{
    size_t points = (size_t)result->curves.points;
    XXH3_128bits_update(state, result->curves.step, points * sizeof result->curves.step[0]);
    for (int c = 0; result->model->type->curves[c] != NULL; c++)
        XXH3_128bits_update(state, result->curves.values[c], points * sizeof result->curves.values[c][0]);
}

void gs_digest_of(const gs_result *result, gs_digest_part part, char digest[GS_DIGEST])
{
    static void (*const add[GS_PART_COUNT])(XXH3_state_t *, const gs_result *) = {
        [GS_PART_COVERAGE] = add_coverage,
        [GS_PART_SAMPLES] = add_samples,
        [GS_PART_CHECKPOINT] = add_checkpoint,
        [GS_PART_CURVES] = add_curves,
    };
    XXH3_state_t state;
    XXH3_128bits_reset(&state);
    add[part](&state, result);
    write_digest(&state, digest);
}

void gs_digests_close(const gs_digests *digests, char whole[GS_DIGEST])
{
    XXH3_state_t state;
    XXH3_128bits_reset(&state);
    XXH3_128bits_update(&state, digests->parts, sizeof digests->parts);
    write_digest(&state, whole);
}

void gs_digests_of(const gs_result *result, gs_digests *digests)
{
    memset(digests, 0, sizeof *digests);
    if (result->outcome != GS_OUTCOME_DONE) return;
    for (int part = 0; part < GS_PART_COUNT; part++) gs_digest_of(result, (gs_digest_part)part, digests->parts[part]);
    gs_digests_close(digests, digests->whole);
}
