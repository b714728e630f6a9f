#include "coverage/classify.h"

#include <string.h>

#include "ground/vector.h"

/* The five mean colors times 8, so that they are whole numbers: (.875, 0, .125) and so on; (0, 1, 0) is green. */
static const int64_t mean_colors[GS_COLORS][GS_CHANNELS] = {{7, 0, 1}, {5, 0, 3}, {3, 0, 5}, {1, 0, 7}, {0, 8, 0}};

void gs_image_to_bytes(const gs_real *image, uint8_t *bytes)
{
    if (gs_vector->to_bytes(GS_IMAGE, image, bytes) != 0) memset(bytes, 0, GS_IMAGE);
}

/* Nearest of the five in L2 of channel sums / their total; ties go to the lower index. With sums s, total S and mean
 * color m/8 the squared distance is sum_c (8 s_c - S m_c)^2 / (8 S)^2, and the denominator is the same for all five. */
static int nearest_color(const int64_t sums[GS_CHANNELS])
{
    int64_t total = sums[0] + sums[1] + sums[2], best = INT64_MAX;
    int nearest = 0;
    for (int color = 0; color < GS_COLORS; color++) {
        int64_t distance = 0;
        for (int c = 0; c < GS_CHANNELS; c++) {
            int64_t apart = 8 * sums[c] - total * mean_colors[color][c];
            distance += apart * apart;
        }
        if (distance < best) {
            best = distance;
            nearest = color;
        }
    }
    return nearest;
}

gs_class gs_classify(const gs_digits *digits, const uint8_t *bytes, int reject_error)
{
    uint16_t grey_sum[GS_PIXELS];
    int64_t sums[GS_CHANNELS] = {0};
    for (int p = 0; p < GS_PIXELS; p++) {
        const uint8_t *pixel = bytes + p * GS_CHANNELS;
        grey_sum[p] = (uint16_t)(pixel[0] + pixel[1] + pixel[2]);
        for (int c = 0; c < GS_CHANNELS; c++) sums[c] += pixel[c];
    }
    uint32_t error = UINT32_MAX;
    int digit = 0;
    for (int d = 0; d < GS_DIGITS; d++) {
        uint32_t distance = gs_vector->mismatches(GS_PIXELS, grey_sum, digits->grey[d]);
        if (distance < error) {
            error = distance;
            digit = d;
        }
    }
    int64_t total = sums[0] + sums[1] + sums[2];
    bool rejected = total < GS_BLANK_SUM || error > (uint32_t)reject_error;
    return (gs_class){
        .bin = rejected ? GS_BIN_REJECTED : (uint8_t)(nearest_color(sums) * GS_DIGITS + digit),
        .bright = 2 * total >= 255 * GS_IMAGE,
        .error = (uint16_t)error,
    };
}

void gs_coverage_add(gs_coverage *coverage, gs_class class, int quality_error)
{
    coverage->bright += class.bright;
    if (class.bin == GS_BIN_REJECTED) {
        coverage->rejected++;
        return;
    }
    coverage->counts[class.bin]++;
    coverage->error_sum[class.bin] += class.error;
    coverage->good += class.error <= quality_error;
}
