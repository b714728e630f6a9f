/* The six grey templates that every image is made from (METHODS: "the data").
 *
 * Grey values are kept as integers k of k/255, so that classification is exact
 * integer arithmetic and /data/templates in the results file is k/255 in float32. */
#ifndef GS_DATA_DIGITS_H
#define GS_DATA_DIGITS_H

#include <stdint.h>

#include "ground/status.h"

enum {
    GS_DIGITS = 6,
    GS_COLORS = 5,
    GS_BINS = GS_COLORS * GS_DIGITS, /* bin = color * GS_DIGITS + digit */
    GS_SIDE = 28,
    GS_PIXELS = GS_SIDE * GS_SIDE,
    GS_CHANNELS = 3,
    GS_IMAGE = GS_PIXELS * GS_CHANNELS, /* row, column, channel */
    GS_BIN_REJECTED = 255
};

/* "0A", "0B", "1", "2", "3", "4" and "red", "redblue", "bluered", "blue", "green". */
extern const char *const gs_digit_names[GS_DIGITS];
extern const char *const gs_color_names[GS_COLORS];

typedef struct {
    uint8_t grey[GS_DIGITS][GS_PIXELS]; /* row by row; 255 = full ink */
} gs_digits;

/* The built-in set: drawn from strokes, anti-aliased, in MNIST's manner (20x20 box, centred by mass). */
void gs_digits_draw(gs_digits *digits);

/* Reads images `indices` (counted from 0) of an IDX image file, plain or gzip. Errors: GS_ERROR_INPUT with
 * path and reason (unreadable, truncated, not IDX images, not 28x28, too few images for an index, blank image). */
GS_MUST_CHECK gs_status gs_digits_read(gs_digits *digits, const char *path, const int64_t indices[GS_DIGITS],
                                       gs_error *error);

#endif
