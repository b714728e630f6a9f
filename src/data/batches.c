#include "data/batches.h"

#include "ground/vector.h"

/* Red and blue add up to 1.5 * .66 = .99 (the article's code). */
static const double color_slope = 1.5;
const double gs_color_span = 0.66;

void gs_color_mix(double v, double color[GS_CHANNELS])
{
    color[0] = color_slope * v;
    color[1] = 0;
    color[2] = color_slope * (gs_color_span - v);
}

gs_label gs_label_draw(const gs_law *law, gs_rng rng, uint32_t index)
{
    uint32_t words[4];
    gs_rng_block(rng, index, words);

    double total = 0;
    for (int d = 0; d < GS_DIGITS; d++) total += law->digit_weights[d];
    double left = (double)gs_uniform_from_word(words[0]) * total;
    gs_label label = {.digit = -1};
    for (int d = 0; d < GS_DIGITS; d++) {
        if (!(law->digit_weights[d] > 0)) continue;
        label.digit = d; /* rounding may leave a rest after the last: it stays with the last digit that occurs */
        left -= law->digit_weights[d];
        if (left < 0) break;
    }

    double u = (double)gs_uniform_from_word(words[1]), mixed = 1 - law->green;
    if (u < mixed) gs_color_mix(u * (gs_color_span / mixed), label.color);
    else label.color[1] = 1;
    return label;
}

int gs_label_bin(const gs_label *label)
{
    if (label->color[1] > 0) return (GS_COLORS - 1) * GS_DIGITS + label->digit;
    double red = label->color[0] / (label->color[0] + label->color[2]);
    int color = red >= 0.75 ? 0 : red >= 0.5 ? 1 : red >= 0.25 ? 2 : 3;
    return color * GS_DIGITS + label->digit;
}

gs_painter gs_painter_create(const gs_digits *digits, gs_arena *arena)
{
    gs_painter painter = {.rgb = gs_arena_take(arena, GS_DIGITS, sizeof *painter.rgb)};
    if (painter.rgb == NULL) return painter;
    for (int d = 0; d < GS_DIGITS; d++)
        for (int i = 0; i < GS_IMAGE; i++) painter.rgb[d][i] = (gs_real)(digits->grey[d][i / GS_CHANNELS] / 255.0);
    return painter;
}

void gs_painter_paint(const gs_painter *painter, const gs_label *label, gs_real *image)
{
    gs_real color[GS_CHANNELS];
    for (int c = 0; c < GS_CHANNELS; c++) color[c] = (gs_real)label->color[c];
    gs_vector->tint(GS_IMAGE, painter->rgb[label->digit], color, image);
}

void gs_painter_batch(const gs_painter *painter, const gs_law *law, gs_rng rng, uint32_t first, gs_matrix images)
{
    for (int i = 0; i < images.rows; i++) {
        gs_label label = gs_label_draw(law, rng, first + (uint32_t)i);
        gs_painter_paint(painter, &label, images.values + (size_t)i * (size_t)images.stride);
    }
}

void gs_law_expected(const gs_law *law, double expected[GS_BINS])
{
    double total = 0;
    for (int d = 0; d < GS_DIGITS; d++) total += law->digit_weights[d];
    for (int color = 0; color < GS_COLORS; color++)
        for (int d = 0; d < GS_DIGITS; d++) {
            double share = color == GS_COLORS - 1 ? law->green : (1 - law->green) / (GS_COLORS - 1);
            expected[color * GS_DIGITS + d] = share * law->digit_weights[d] / total;
        }
}
