/* The data: colored digits with known frequencies (METHODS section 1), and the table of expected frequencies. */
#ifndef GS_DATA_BATCHES_H
#define GS_DATA_BATCHES_H

#include "data/digits.h"
#include "ground/arena.h"
#include "ground/rng.h"
#include "nn/matrix.h"

/* The law of one image: digit by weight; green with probability `green`, else a mixture of red and blue. */
typedef struct {
    double digit_weights[GS_DIGITS]; /* relative, >= 0, not all 0 */
    double green;                    /* in [0, 1] */
} gs_law;

/* What an image shows. Color, from one uniform number u: u < 1 - green: v = .66 u / (1 - green), red 1.5 v, blue
 * 1.5 (.66 - v); otherwise pure green. With the article's green = .34, v = u. */
typedef struct {
    int digit;
    double color[GS_CHANNELS]; /* red, green, blue */
} gs_label;

/* The mixture of red and blue, v from 0 (blue) to gs_color_span (red): red 1.5 v, blue 1.5 (gs_color_span - v). */
extern const double gs_color_span;
void gs_color_mix(double v, double color[GS_CHANNELS]);

/* Image `index` of the stream `rng`: words 0 (digit) and 1 (color) of the block `index`; words 2 and 3 are free. */
gs_label gs_label_draw(const gs_law *law, gs_rng rng, uint32_t index);

/* The bin, color * GS_DIGITS + digit, that a label's noiseless image falls into. */
int gs_label_bin(const gs_label *label);

/* Templates as numbers 0 to 1, three equal channels, for making images fast. */
typedef struct {
    gs_real (*rgb)[GS_IMAGE]; /* GS_DIGITS x GS_IMAGE; owned by the arena */
} gs_painter;

/* Memory: see gs_arena_take. */
gs_painter gs_painter_create(const gs_digits *digits, gs_arena *arena);

/* image: GS_IMAGE numbers, template times color. */
void gs_painter_paint(const gs_painter *painter, const gs_label *label, gs_real *image);

/* Fills images (B x GS_IMAGE) with samples first ... first + B - 1 of the stream. */
void gs_painter_batch(const gs_painter *painter, const gs_law *law, gs_rng rng, uint32_t first, gs_matrix images);

/* expected[bin], summing to 1: a quarter of the red-blue share for each of the four red-blue bins. */
void gs_law_expected(const gs_law *law, double expected[GS_BINS]);

#endif
