/* Six handwritten digits drawn from pen strokes.
 *
 * The built-in templates must be the same bytes on every machine, because the identity of a run depends on
 * them. Hence only + - * / and sqrt in double, which IEEE 754 rounds correctly everywhere (given
 * -ffp-contract=off), and no other function of libm. */
#include "data/digits.h"

#include <math.h>
#include <string.h>

const char *const gs_digit_names[GS_DIGITS] = {"0A", "0B", "1", "2", "3", "4"};
const char *const gs_color_names[GS_COLORS] = {"red", "redblue", "bluered", "blue", "green"};

enum {
    BOX = 20,                     /* MNIST scales its digits into a box of 20x20 pixels ... */
    MARGIN = (GS_SIDE - BOX) / 2, /* ... inside the image, and then centres them by mass. */
    PIECES = 12                   /* straight pieces between two nodes: hundredths of a pixel from the curve */
};

/* Where the pen passes, in pixels of the box (x right, y down), and how hard it presses there. */
typedef struct {
    double x, y, radius;
} node;

/* The nodes were placed by eye, then nudged until the distances between digits were those of the article's MNIST
 * images: the two zeros differ in about 45 pixels, so that they are what a model confuses first, and all other
 * pairs in 120 to 170. tests/unit/test_digits.c holds them there. */
static const node zero_a[] = {
    {13.6, 3.6, 0.8}, {11.4, 1.9, 1.0}, {7.3, 4.4, 1.2},   {3.8, 9.2, 1.3},   {2.3, 14.2, 1.4},
    {3.7, 17.7, 1.2}, {7.4, 18.5, 1.0}, {12.3, 15.7, 1.0}, {16.0, 11.0, 1.0}, {17.2, 6.0, 1.1},
    {15.4, 2.4, 1.0}, {12.2, 2.3, 1.0}, {9.7, 5.6, 0.7},
};
static const node zero_b[] = {
    {14.2, 6.6, 0.7}, {12.5, 3.1, 1.0},  {8.9, 2.4, 1.2},   {4.8, 5.9, 1.3},  {2.5, 11.2, 1.4}, {2.8, 16.2, 1.5},
    {6.6, 18.5, 1.3}, {11.8, 16.8, 1.1}, {15.8, 12.3, 1.1}, {17.1, 7.0, 1.2}, {15.1, 3.0, 1.1}, {11.8, 1.2, 0.8},
};
static const node one[] = {
    {13.0, 1.3, 1.3}, {11.5, 5.6, 1.5}, {10.1, 10.4, 1.7}, {8.9, 15.0, 1.6}, {8.2, 18.7, 1.3},
};
static const node two[] = {
    {5.5, 5.6, 1.0},  {7.4, 2.5, 1.1},   {11.2, 1.4, 1.2},  {14.2, 3.4, 1.3}, {13.2, 7.6, 1.2},
    {9.7, 12.2, 1.1}, {5.7, 16.4, 0.9},  {3.1, 18.6, 1.0},  {1.5, 16.8, 0.9}, {4.1, 14.5, 0.8},
    {8.0, 15.4, 1.1}, {12.2, 17.8, 1.1}, {16.9, 16.6, 0.8},
};
static const node three_top[] = {
    {4.4, 3.4, 1.1}, {8.4, 1.7, 1.4}, {13.7, 1.7, 1.4}, {15.5, 4.4, 1.5}, {12.5, 7.8, 1.2}, {7.2, 9.3, 1.0},
};
static const node three_bottom[] = {
    {7.2, 9.3, 1.0}, {12.5, 9.3, 1.3}, {15.4, 12.4, 1.5}, {12.7, 17.0, 1.5}, {7.1, 18.6, 1.3}, {2.4, 16.8, 1.0},
};
static const node four_corner[] = {
    {5.0, 2.4, 1.0}, {4.2, 6.4, 1.2}, {2.3, 10.8, 1.2}, {3.8, 12.5, 1.0}, {9.6, 11.6, 1.0}, {17.5, 9.6, 0.8},
};
static const node four_stem[] = {
    {15.4, 1.2, 1.0},
    {14.2, 6.6, 1.2},
    {12.3, 12.6, 1.3},
    {11.6, 18.9, 1.0},
};

#define COUNT(array) (int)(sizeof(array) / sizeof(array)[0])

/* One row for each time the pen is put down. */
static const struct {
    int digit, count;
    const node *nodes;
} strokes[] = {
    {0, COUNT(zero_a), zero_a},
    {1, COUNT(zero_b), zero_b},
    {2, COUNT(one), one},
    {3, COUNT(two), two},
    {4, COUNT(three_top), three_top},
    {4, COUNT(three_bottom), three_bottom},
    {5, COUNT(four_corner), four_corner},
    {5, COUNT(four_stem), four_stem},
};

static double clamp_unit(double value)
{
    return value < 0 ? 0 : value > 1 ? 1 : value;
}

/* The Catmull-Rom spline: it passes through b (t = 0) and c (t = 1), so that nodes are points on the paper. */
static double spline(double a, double b, double c, double d, double t)
{
    return b + 0.5 * t * (c - a + t * (2 * a - 5 * b + 4 * c - d + t * (3 * (b - c) + d - a)));
}

static node spline_node(const node *nodes, int count, int span, double t)
{
    const node *b = &nodes[span], *c = &nodes[span + 1];
    const node *a = span > 0 ? b - 1 : b, *d = span + 2 < count ? c + 1 : c;
    return (node){
        .x = spline(a->x, b->x, c->x, d->x, t),
        .y = spline(a->y, b->y, c->y, d->y, t),
        .radius = spline(a->radius, b->radius, c->radius, d->radius, t),
    };
}

/* Inks every pixel near the straight piece from `from` to `to`. The share of a pixel that a round pen covers is
 * close to how far the pen's edge lies beyond the pixel's centre; overlapping ink does not get darker. */
static void ink_piece(double ink[GS_PIXELS], node from, node to)
{
    double along_x = to.x - from.x, along_y = to.y - from.y;
    double squared = along_x * along_x + along_y * along_y;
    for (int pixel = 0; pixel < GS_PIXELS; pixel++) {
        double x = pixel % GS_SIDE - MARGIN + 0.5 - from.x, y = pixel / GS_SIDE - MARGIN + 0.5 - from.y;
        double t = squared > 0 ? clamp_unit((x * along_x + y * along_y) / squared) : 0;
        double away_x = x - t * along_x, away_y = y - t * along_y;
        double radius = from.radius + t * (to.radius - from.radius);
        double cover = clamp_unit(radius + 0.5 - sqrt(away_x * away_x + away_y * away_y));
        if (cover > ink[pixel]) {
            ink[pixel] = cover;
        }
    }
}

static void ink_stroke(double ink[GS_PIXELS], const node *nodes, int count)
{
    for (int span = 0; span + 1 < count; span++) {
        node from = nodes[span];
        for (int piece = 1; piece <= PIECES; piece++) {
            node to = spline_node(nodes, count, span, (double)piece / PIECES);
            ink_piece(ink, from, to);
            from = to;
        }
    }
}

/* How many pixels to move so that the mean of positions weighted by ink comes nearest to the middle. */
static int shift_to_middle(int64_t moment, int64_t mass)
{
    double shift = (GS_SIDE - 1) / 2.0 - (double)moment / (double)mass;
    return shift < 0 ? -(int)(0.5 - shift) : (int)(shift + 0.5);
}

/* Moves the drawing by whole pixels, as MNIST does: edges stay as sharp as they were drawn. */
static void centre(uint8_t grey[GS_PIXELS], const uint8_t drawn[GS_PIXELS])
{
    int64_t mass = 0, moment_x = 0, moment_y = 0;
    for (int pixel = 0; pixel < GS_PIXELS; pixel++) {
        mass += drawn[pixel];
        moment_x += drawn[pixel] * (pixel % GS_SIDE);
        moment_y += drawn[pixel] * (pixel / GS_SIDE);
    }
    int right = shift_to_middle(moment_x, mass), down = shift_to_middle(moment_y, mass);
    memset(grey, 0, GS_PIXELS);
    for (int pixel = 0; pixel < GS_PIXELS; pixel++) {
        int column = pixel % GS_SIDE + right, row = pixel / GS_SIDE + down;
        if (column >= 0 && column < GS_SIDE && row >= 0 && row < GS_SIDE) {
            grey[row * GS_SIDE + column] = drawn[pixel];
        }
    }
}

void gs_digits_draw(gs_digits *digits)
{
    for (int digit = 0; digit < GS_DIGITS; digit++) {
        double ink[GS_PIXELS] = {0};
        uint8_t drawn[GS_PIXELS];
        for (int stroke = 0; stroke < COUNT(strokes); stroke++) {
            if (strokes[stroke].digit == digit) {
                ink_stroke(ink, strokes[stroke].nodes, strokes[stroke].count);
            }
        }
        for (int pixel = 0; pixel < GS_PIXELS; pixel++) {
            drawn[pixel] = (uint8_t)(255 * ink[pixel] + 0.5);
        }
        centre(digits->grey[digit], drawn);
    }
}
