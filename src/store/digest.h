/* Digests of a run's results (docs/format.md, "Digests"): equal digests = equal results. */
#ifndef GS_STORE_DIGEST_H
#define GS_STORE_DIGEST_H

#include "train/result.h"

enum { GS_DIGEST = 32 /* hexadecimal digits of xxHash128, without NUL */ };

typedef enum { GS_PART_COVERAGE, GS_PART_SAMPLES, GS_PART_CHECKPOINT, GS_PART_CURVES, GS_PART_COUNT } gs_digest_part;

extern const char *const gs_digest_parts[GS_PART_COUNT]; /* "coverage", ... */

typedef struct {
    char parts[GS_PART_COUNT][GS_DIGEST];
    char whole[GS_DIGEST]; /* of the four parts */
} gs_digests;

/* Digests of a run that is done; all NUL for a failed one. */
void gs_digests_of(const gs_result *result, gs_digests *digests);

/* One part, and the whole of parts that are known: how a stored run is checked. `digest` has no NUL. */
void gs_digest_of(const gs_result *result, gs_digest_part part, char digest[GS_DIGEST]);
void gs_digests_close(const gs_digests *digests, char whole[GS_DIGEST]);

#endif
