/* Which of the 30 bins a generated image belongs to (METHODS section 2).
 *
 * The image is rounded to bytes first and what is stored is what is classified, in integers only: anyone can
 * recompute every bin and error from /samples/image and /data/templates. */
#ifndef GS_COVERAGE_CLASSIFY_H
#define GS_COVERAGE_CLASSIFY_H

#include <stdbool.h>
#include <stddef.h>

#include "data/digits.h"
#include "nn/matrix.h"

/* A sample whose bytes sum to less than one full channel of one pixel is blank. */
enum { GS_BLANK_SUM = 255 };

typedef struct {
    uint8_t bin; /* color * GS_DIGITS + digit, or GS_BIN_REJECTED */
    bool bright; /* the mean of all bytes is at least 127.5, half of white */
    /* Pixels with |red + green + blue - template| > 1/2 for the nearest template (ties: the lower index). */
    uint16_t error;
} gs_class;

/* Rounds an image (GS_IMAGE numbers, clipped to [0,1]) to bytes. An image that is not finite becomes all zeros, which
 * is blank. */
void gs_image_to_bytes(const gs_real *image, uint8_t *bytes);

/* `bytes`: GS_IMAGE values. Rejected: blank, or error > reject_error. */
gs_class gs_classify(const gs_digits *digits, const uint8_t *bytes, int reject_error);

/* What is counted of a run's samples; shapes (color, digit) as in the results file. */
typedef struct {
    uint32_t counts[GS_BINS];
    uint32_t rejected;
    uint64_t bright; /* samples, also rejected ones */
    uint64_t good;   /* samples that are not rejected and have error <= quality_error */
    double error_sum[GS_BINS];
} gs_coverage;

void gs_coverage_add(gs_coverage *coverage, gs_class class, int quality_error);

#endif
