/* Philox4x32-10 (Salmon et al., SC'11; the constants are Random123's) for GS_LANES consecutive counters at once.
 * Included by vector_kernels.c only.
 *
 * A round is two products of 32 bits by 32 to 64. x86 has that as one instruction, which reads the lower half of each
 * 64-bit element; from a plain loop compilers make it with a handful of shuffles, which takes three times as long and
 * is no faster than one block after the other. So each word is kept in an element of 64 bits, whose upper half may hold
 * anything: products do not read it. */
#ifndef GS_GROUND_VECTOR_PHILOX_H
#define GS_GROUND_VECTOR_PHILOX_H

#include <stdint.h>
#include <string.h>

#include "ground/vector.h"

#ifdef GS_X86
#include <immintrin.h>
#endif

#if defined(GS_X86) && defined(__AVX512F__)
typedef uint64_t wide __attribute__((vector_size(64)));
#define LOW_PRODUCT(a, b) ((wide)_mm512_mul_epu32((__m512i)(a), (__m512i)(b)))
#elif defined(GS_X86) && defined(__AVX2__)
typedef uint64_t wide __attribute__((vector_size(32)));
#define LOW_PRODUCT(a, b) ((wide)_mm256_mul_epu32((__m256i)(a), (__m256i)(b)))
#elif defined(GS_X86)
typedef uint64_t wide __attribute__((vector_size(16)));
#define LOW_PRODUCT(a, b) ((wide)_mm_mul_epu32((__m128i)(a), (__m128i)(b)))
#else
typedef uint64_t wide __attribute__((vector_size(16)));
#define LOW_PRODUCT(a, b) (((a)&0xFFFFFFFFu) * (b))
#endif

enum { WIDE_ELEMENTS = sizeof(wide) / sizeof(uint64_t), PHILOX_ROUNDS = 10 };

static inline wide everywhere(uint32_t word)
{
    return (wide){0} + word;
}

static inline void philox_round(wide x[4], const wide key[2])
{
    wide first = LOW_PRODUCT(x[0], everywhere(0xD2511F53u)), second = LOW_PRODUCT(x[2], everywhere(0xCD9E8D57u));
    x[0] = (second >> 32) ^ x[1] ^ key[0];
    x[2] = (first >> 32) ^ x[3] ^ key[1];
    x[1] = second;
    x[3] = first;
}

/* The keys of the rounds. */
static inline void philox_keys(const uint32_t key[2], wide keys[PHILOX_ROUNDS][2])
{
    for (uint32_t round = 0; round < PHILOX_ROUNDS; round++) {
        keys[round][0] = everywhere(key[0] + round * 0x9E3779B9u);
        keys[round][1] = everywhere(key[1] + round * 0xBB67AE85u);
    }
}

/* words[i][lane]: word i of the block with counter (counter[0] + lane mod 2^32, counter[1], counter[2], counter[3]). */
static inline void philox_lanes(const uint32_t counter[4], wide keys[PHILOX_ROUNDS][2], uint32_t words[4][GS_LANES])
{
    static const uint64_t twice[] = {0, 2, 4, 6, 8, 10, 12, 14};
    wide steps;
    memcpy(&steps, twice, sizeof steps);
    for (uint32_t lane = 0; lane < GS_LANES; lane += 2 * WIDE_ELEMENTS) {
        /* Neighbouring counters stand in two vectors, whose lower halves are woven together at the end. */
        wide even[4] = {steps + (counter[0] + lane), everywhere(counter[1]), everywhere(counter[2]),
                        everywhere(counter[3])};
        wide odd[4] = {even[0] + 1, even[1], even[2], even[3]};
        for (int round = 0; round < PHILOX_ROUNDS; round++) {
            philox_round(even, keys[round]);
            philox_round(odd, keys[round]);
        }
        for (int i = 0; i < 4; i++) {
            wide woven = (even[i] & 0xFFFFFFFFu) | (odd[i] << 32); /* little-endian: the even one comes first */
            memcpy(&words[i][lane], &woven, sizeof woven);
        }
    }
}

#endif
