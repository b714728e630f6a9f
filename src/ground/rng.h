/* Counter-based random numbers: Philox4x32-10 (Salmon et al., SC'11) from Random123.
 *
 * A number is a pure function of (seed, stream, step, index): there is no state to save, nothing depends on who draws
 * first, and two variants of a sweep see the same data for the same seed. The seed is the Philox key; the counter holds
 * the index of the block of four words, the stream, and the step. */
#ifndef GS_GROUND_RNG_H
#define GS_GROUND_RNG_H

#include <stddef.h>
#include <stdint.h>

#include "ground/real.h"

/* What a number is for. The values are part of the identity of results: append, never renumber. */
typedef enum {
    GS_STREAM_WEIGHTS = 1,    /* initial weights; step = hash of the tensor's name */
    GS_STREAM_DATA = 2,       /* training batches; step = training step */
    GS_STREAM_NOISE = 3,      /* noise of the model in training; step = count of uses */
    GS_STREAM_EVALUATION = 4, /* noise of the model in sampling; step = what the model counts */
    GS_STREAM_SEARCH = 5,     /* random search; seed = search_seed, step = hash of the setting's name, index = trial */
    GS_STREAM_AUDIT = 6,      /* which runs are audited; seed = --seed, step = 0, index = row */
    GS_STREAM_COMPARISON = 7, /* real batches that a gan's generator is compared with; step = its update */
} gs_stream;

typedef struct {
    uint64_t seed;
    uint32_t stream; /* gs_stream */
    uint64_t step;
} gs_rng;

/* Block `index` of the stream: four independent uniform 32-bit words. */
void gs_rng_block(gs_rng rng, uint32_t index, uint32_t words[4]);

/* Uniform on (0,1), never 0 or 1, from the upper 23 bits of a word: (k + 1/2) / 2^23, exact in float (with 24 bits
 * the largest would round to 1). */
static inline float gs_uniform_from_word(uint32_t word)
{
    return ((float)(word >> 9) + 0.5f) * 0x1p-23f;
}

/* values[i], i < count: independent standard normal numbers (Box-Muller; numbers first ... first + count - 1 of the
 * stream, where `first` is a multiple of 4). The same numbers, rounded, in the float and the double build. */
void gs_rng_normal(gs_rng rng, uint32_t first, size_t count, gs_real *values);

/* values[i]: standard normal truncated at two standard deviations and rescaled to variance 1, as the initialisers
 * of Flax and Keras draw; by rejection, each element from its own counters. Not for the step loop. */
void gs_rng_truncated_normal(gs_rng rng, size_t count, gs_real *values);

/* FNV-1a of a name: the step of GS_STREAM_WEIGHTS, so that a tensor's initial values follow its name
 * and not its place. */
uint64_t gs_hash_name(const char *name);

#endif
