#include "models/pixels.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "coverage/classify.h"
#include "ground/vector.h"

static size_t padded(const gs_pixels *pixels)
{
    return (size_t)(pixels->lead + GS_PIXELS);
}

static void fill_places(const gs_pixels *pixels)
{
    for (size_t p = 0; p < padded(pixels); p++) {
        gs_real *place = pixels->places + p * GS_PIXEL_FEATURES;
        int position = (int)p - pixels->lead;
        if (position < 0) {
            place[7] = -1;
            continue;
        }
        double x = position % GS_SIDE / (double)(GS_SIDE - 1), y = position / GS_SIDE / (double)(GS_SIDE - 1);
        place[3] = (gs_real)x;
        place[4] = (gs_real)y;
        place[5] = (gs_real)(1 - x);
        place[6] = (gs_real)(1 - y);
        place[7] = position % GS_SIDE == GS_SIDE - 1;
    }
}

static void fill_colors(const gs_pixels *pixels)
{
    size_t levels = (size_t)pixels->levels;
    for (size_t class = 0; class < (size_t)pixels->classes; class ++) {
        gs_real *color = pixels->colors + class * GS_CHANNELS;
        color[0] = (gs_real)(class / (levels * levels)) / (gs_real)levels;
        color[1] = (gs_real)(class / levels % levels) / (gs_real)levels;
        color[2] = (gs_real)(class % levels) / (gs_real)levels;
    }
    for (size_t c = 0; c < GS_CHANNELS; c++) pixels->colors[(size_t)pixels->classes * GS_CHANNELS + c] = (gs_real)NAN;
}

gs_pixels gs_pixels_create(int levels, int lead, const gs_painter *painter, gs_arena *arena)
{
    gs_pixels pixels = {.levels = levels, .classes = levels * levels * levels, .lead = lead};
    size_t numbers = padded(&pixels) * GS_PIXEL_FEATURES;
    pixels.places = gs_arena_take(arena, numbers, sizeof *pixels.places);
    pixels.inks = gs_arena_take(arena, GS_DIGITS * numbers, sizeof *pixels.inks);
    pixels.colors = gs_arena_take(arena, (size_t)(pixels.classes + 1) * GS_CHANNELS, sizeof *pixels.colors);
    if (pixels.places == NULL || pixels.inks == NULL || pixels.colors == NULL || painter->rgb == NULL) return pixels;
    fill_places(&pixels);
    fill_colors(&pixels);
    for (size_t d = 0; d < GS_DIGITS; d++)
        for (size_t p = 0; p < GS_PIXELS; p++)
            memcpy(pixels.inks + d * numbers + ((size_t)lead + p) * GS_PIXEL_FEATURES,
                   &painter->rgb[d][p * GS_CHANNELS], GS_CHANNELS * sizeof *pixels.inks);
    return pixels;
}

void gs_pixels_before(const gs_pixels *pixels, const gs_label *label, int position, int count, gs_real *features)
{
    assert(count <= pixels->lead);
    gs_real color[GS_PIXEL_FEATURES] = {(gs_real)label->color[0], (gs_real)label->color[1], (gs_real)label->color[2]};
    size_t begin = (size_t)(pixels->lead + position - count) * GS_PIXEL_FEATURES;
    const gs_real *inks = pixels->inks + (size_t)label->digit * padded(pixels) * GS_PIXEL_FEATURES;
    gs_vector->quantise((size_t)count * GS_PIXEL_FEATURES, (gs_real)pixels->levels, inks + begin, color,
                        pixels->places + begin, features);
}

/* As in the kernel `quantise`. */
static int level_of(gs_real levels, gs_real value)
{
    int level = (int)(levels * value);
    return (gs_real)level < levels ? level : (int)levels - 1;
}

uint16_t gs_pixels_class(const gs_pixels *pixels, const gs_label *label, int position)
{
    size_t pixel = (size_t)label->digit * padded(pixels) + (size_t)(pixels->lead + position);
    gs_real ink = pixels->inks[pixel * GS_PIXEL_FEATURES];
    int class = 0;
    for (int c = 0; c < GS_CHANNELS; c++)
        class = class * pixels->levels + level_of((gs_real)pixels->levels, ink * (gs_real)label->color[c]);
    return (uint16_t) class;
}

int gs_pixels_draw_position(gs_rng rng, uint32_t index, int first)
{
    uint32_t words[4];
    gs_rng_block(rng, index, words);
    return first + (int)((double)gs_uniform_from_word(words[2]) * (GS_PIXELS - first));
}

/* ---- the expected table ---- */

enum { GRID = 64, BISECTIONS = 30 };

typedef struct {
    const gs_digits *digits;
    int digit;
    gs_real levels;
} quantised_law;

static uint8_t bin_of(const quantised_law *law, const double color[GS_CHANNELS])
{
    gs_real image[GS_IMAGE] = {0};
    uint8_t bytes[GS_IMAGE];
    for (size_t p = 0; p < GS_PIXELS; p++) {
        uint8_t grey = law->digits->grey[law->digit][p];
        if (grey == 0) continue;
        for (size_t c = 0; c < GS_CHANNELS; c++) {
            gs_real value = (gs_real)(grey / 255.0) * (gs_real)color[c];
            image[p * GS_CHANNELS + c] = (gs_real)level_of(law->levels, value) / law->levels;
        }
    }
    gs_image_to_bytes(image, bytes);
    return gs_classify(law->digits, bytes, GS_PIXELS).bin;
}

static uint8_t mixed_bin(const quantised_law *law, double v)
{
    double color[GS_CHANNELS];
    gs_color_mix(v, color);
    return bin_of(law, color);
}

static void add(double share, uint8_t bin, double expected[GS_BINS])
{
    if (bin != GS_BIN_REJECTED) expected[bin] += share;
}

/* Adds the shares of the red-blue colors from v = low, whose bin is *bin, to v = high; *bin becomes that of high. */
static void add_mixed(const quantised_law *law, double low, double high, double per_v, uint8_t *bin,
                      double expected[GS_BINS])
{
    uint8_t at_high = mixed_bin(law, high);
    while (*bin != at_high) {
        double same = low, other = high;
        for (int i = 0; i < BISECTIONS; i++) {
            double middle = (same + other) / 2;
            if (mixed_bin(law, middle) == *bin) same = middle;
            else other = middle;
        }
        add((other - low) * per_v, *bin, expected);
        low = other;
        *bin = mixed_bin(law, other);
    }
    add((high - low) * per_v, *bin, expected);
}

void gs_pixels_expected(const gs_law *law, const gs_digits *digits, int levels, double expected[GS_BINS])
{
    static const double green[GS_CHANNELS] = {0, 1, 0};
    double total = 0;
    memset(expected, 0, GS_BINS * sizeof *expected);
    for (int d = 0; d < GS_DIGITS; d++) {
        double weight = law->digit_weights[d];
        if (!(weight > 0)) continue;
        quantised_law quantised = {.digits = digits, .digit = d, .levels = (gs_real)levels};
        add(weight * law->green, bin_of(&quantised, green), expected);
        uint8_t bin = mixed_bin(&quantised, 0);
        for (int i = 0; i < GRID; i++)
            add_mixed(&quantised, i * gs_color_span / GRID, (i + 1) * gs_color_span / GRID,
                      weight * (1 - law->green) / gs_color_span, &bin, expected);
    }
    for (int b = 0; b < GS_BINS; b++) total += expected[b];
    for (int b = 0; b < GS_BINS && total > 0; b++) expected[b] /= total;
    if (!(total > 0)) gs_law_expected(law, expected); /* every image became blank: any table will do */
}
