#include "ground/rng.h"

#include <Random123/philox.h>

#include "ground/vector.h"

void gs_rng_block(gs_rng rng, uint32_t index, uint32_t words[4])
{
    philox4x32_ctr_t counter = {{index, rng.stream, (uint32_t)rng.step, (uint32_t)(rng.step >> 32)}};
    philox4x32_key_t key = {{(uint32_t)rng.seed, (uint32_t)(rng.seed >> 32)}};
    philox4x32_ctr_t result = philox4x32_R(10, counter, key);
    for (int i = 0; i < 4; i++) words[i] = result.v[i];
}

void gs_rng_normal(gs_rng rng, uint32_t first, size_t count, gs_real *values)
{
    const uint32_t counter[4] = {first / 4, rng.stream, (uint32_t)rng.step, (uint32_t)(rng.step >> 32)};
    const uint32_t key[2] = {(uint32_t)rng.seed, (uint32_t)(rng.seed >> 32)};
    gs_vector->normals(count, counter, key, values);
}

void gs_rng_truncated_normal(gs_rng rng, size_t count, gs_real *values)
{
    /* The standard deviation of a standard normal cut at +-2. */
    const float truncated_deviation = 0.87962566103423978f;
    uint32_t tries = (uint32_t)count; /* blocks beyond the first `count` are second, third, ... tries */
    for (size_t i = 0; i < count; i++) {
        uint32_t words[4];
        float pair[4];
        gs_rng_block(rng, (uint32_t)i, words);
        for (;;) {
            gs_vector->box_muller(2, words, pair);
            int k = 0;
            while (k < 4 && !(pair[k] > -2.0f && pair[k] < 2.0f)) k++;
            if (k < 4) {
                values[i] = (gs_real)(pair[k] / truncated_deviation);
                break;
            }
            gs_rng_block(rng, tries++, words); /* one element in 230,000 */
        }
    }
}

uint64_t gs_hash_name(const char *name)
{
    uint64_t hash = 14695981039346656037u;
    for (const char *c = name; *c != '\0'; c++) hash = (hash ^ (unsigned char)*c) * 1099511628211u;
    return hash;
}
