/* Images as sequences of pixels, as the autoregressive model sees them (METHODS sections 1 and 3).
 *
 * Pixels follow each other row by row. Each channel is quantised to one of `levels` values: level min(floor(levels
 * x), levels - 1), value level / levels, so that zero stays zero. The levels r, g, b of a pixel make its color class,
 * (r levels + g) levels + b.
 *
 * A pixel has 8 features: red, green, blue (quantised); x, y (0 to 1); 1 - x, 1 - y; and 1 in the right-most column,
 * else 0. A pixel before the start of the image has 0 everywhere but in the last feature, where -1 says "outside": a
 * value that no pixel of the image has. */
#ifndef GS_MODELS_PIXELS_H
#define GS_MODELS_PIXELS_H

#include "data/batches.h"

enum { GS_PIXEL_FEATURES = 8 };

typedef struct {
    int levels, classes; /* of a channel; levels^3 */
    int lead;            /* pixels of padding before the image that `places` and `inks` have */
    gs_real *places;     /* (lead + GS_PIXELS) x 8: the features without the color */
    gs_real *inks;       /* GS_DIGITS x (lead + GS_PIXELS) x 8: the template's grey in place of the color */
    gs_real *colors;     /* (classes + 1) x GS_CHANNELS: the values of each class; NaN for `classes`, which is none */
} gs_pixels;

/* Memory: see gs_arena_take. */
gs_pixels gs_pixels_create(int levels, int lead, const gs_painter *painter, gs_arena *arena);

/* The features of `count` <= lead pixels, those before pixel `position` of the label's image: count x 8. */
void gs_pixels_before(const gs_pixels *pixels, const gs_label *label, int position, int count, gs_real *features);

/* The color class of one pixel of the label's image. */
uint16_t gs_pixels_class(const gs_pixels *pixels, const gs_label *label, int position);

/* The values of a color class, GS_CHANNELS numbers. */
static inline const gs_real *gs_pixels_color(const gs_pixels *pixels, size_t class)
{
    return pixels->colors + class * GS_CHANNELS;
}

/* The features of pixel `position` (-1: outside) except for its color. */
static inline const gs_real *gs_pixels_place(const gs_pixels *pixels, int position)
{
    return pixels->places + (size_t)(pixels->lead + position) * GS_PIXEL_FEATURES;
}

/* A position from `first` to GS_PIXELS - 1, evenly: word 2 of block `index`, whose words 0 and 1 are the label's. */
int gs_pixels_draw_position(gs_rng rng, uint32_t index, int first);

/* The expected table of images that went through quantising: each bin's share of the data's law, by classifying its
 * images. Where the class changes along the red-blue colors is found by bisection between 65 points. Images that
 * become blank (they exist with 2 levels) are left out of the whole. */
void gs_pixels_expected(const gs_law *law, const gs_digits *digits, int levels, double expected[GS_BINS]);

#endif
