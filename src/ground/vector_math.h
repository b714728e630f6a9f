/* Scalar formulas of the element-wise kernels, without branches, so that the compiler turns loops over them into
 * vector code. Polynomials: Cephes (Moshier), single precision. Included by vector_kernels.c only. */
#ifndef GS_GROUND_VECTOR_MATH_H
#define GS_GROUND_VECTOR_MATH_H

#include <math.h>
#include <stdint.h>
#include <string.h>

static inline uint32_t bits_of(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

static inline float float_of(uint32_t bits)
{
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* Adding 1.5 * 2^23 leaves the nearest integer in the lowest bits of the sum. */
static const float round_shift = 12582912.0f;

/* Below exp_low, exp is 0 (denormals are flushed), above exp_high infinite. */
static const float exp_low = -87.33654f, exp_high = 88.37626f;

/* exp(x) for x from exp_low to exp_high; of NaN, NaN; of others, anything. */
static inline float exp_inside(float x)
{
    float shifted = x * 1.44269504088896341f + round_shift;
    float n = shifted - round_shift;
    float r = (x - n * 0.693359375f) - n * -2.12194440e-4f; /* ln 2 in two parts; the first product is exact */
    float p = 1.9875691500e-4f;
    p = p * r + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    p = (p * (r * r) + r) + 1.0f;
    return p * float_of((bits_of(shifted) << 23) + 0x3F800000u);
}

/* NaN passes both comparisons. */
static inline float exp_float(float x)
{
    float result = exp_inside(x);
    result = x < exp_low ? 0.0f : result;
    return x > exp_high ? INFINITY : result;
}

static inline float log_float(float x)
{
    /* x = m 2^e with m in [sqrt(1/2), sqrt(2)) */
    uint32_t bits = bits_of(x) - 0x3F3504F3u;
    float e = (float)((int32_t)bits >> 23);
    float f = float_of((bits & 0x007FFFFFu) + 0x3F3504F3u) - 1.0f;
    float z = f * f;
    float p = 7.0376836292e-2f;
    p = p * f - 1.1514610310e-1f;
    p = p * f + 1.1676998740e-1f;
    p = p * f - 1.2420140846e-1f;
    p = p * f + 1.4249322787e-1f;
    p = p * f - 1.6668057665e-1f;
    p = p * f + 2.0000714765e-1f;
    p = p * f - 2.4999993993e-1f;
    p = p * f + 3.3333331174e-1f;
    float y = p * (f * z) + e * -2.12194440e-4f - 0.5f * z;
    float result = (f + y) + e * 0.693359375f;
    return x == x ? result : x;
}

static inline float tanh_float(float x)
{
    float a = fabsf(x);
    float enough = a > 10.0f ? 10.0f : a; /* from 9.1 on the result is 1; NaN stays */
    float far = 1.0f - 2.0f / (exp_inside(2.0f * enough) + 1.0f);
    float z = x * x;
    float p = -5.70498872745e-3f;
    p = p * z + 2.06390887954e-2f;
    p = p * z - 5.37397155531e-2f;
    p = p * z + 1.33314422036e-1f;
    p = p * z - 3.33332819422e-1f;
    float near = p * (z * x) + x;
    return a < 0.625f ? near : copysignf(far, x);
}

static inline float sigmoid_float(float x)
{
    float minus = -x;
    float enough = minus < exp_low ? exp_low : minus; /* 1 + exp is 1 long before */
    float result = 1.0f / (1.0f + exp_inside(enough));
    return minus > exp_high ? 0.0f : result;
}

/* sin and cos of 2 pi turn, turn in [0, 1]. */
static inline void sincos_turn(float turn, float *sine, float *cosine)
{
    float quarters = 4.0f * turn;
    float shifted = quarters + round_shift;
    uint32_t quadrant = bits_of(shifted);
    float x = (quarters - (shifted - round_shift)) * 1.57079632679489662f;
    float z = x * x;
    float s = -1.9515295891e-4f;
    s = s * z + 8.3321608736e-3f;
    s = s * z - 1.6666654611e-1f;
    s = s * (z * x) + x;
    float c = 2.443315711809948e-5f;
    c = c * z - 1.388731625493765e-3f;
    c = c * z + 4.166664568298827e-2f;
    c = c * (z * z) - 0.5f * z + 1.0f;
    float sine_part = (quadrant & 1u) ? c : s, cosine_part = (quadrant & 1u) ? s : c;
    *sine = float_of(bits_of(sine_part) ^ ((quadrant & 2u) << 30));
    *cosine = float_of(bits_of(cosine_part) ^ (((quadrant + 1u) & 2u) << 30));
}

#ifdef GS_DOUBLE
#define exp_real exp
#define log_real log
#define tanh_real tanh
#define fabs_real fabs
#define sqrt_real sqrt
static inline double sigmoid_real(double x)
{
    return 1.0 / (1.0 + exp(-x));
}
#else
#define exp_real exp_float
#define log_real log_float
#define tanh_real tanh_float
#define sigmoid_real sigmoid_float
#define fabs_real fabsf
#define sqrt_real sqrtf
#endif

#endif
