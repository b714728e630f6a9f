/* Reads digits from an IDX image file: four big-endian 32-bit numbers (magic, images, rows, columns), then the
 * grey values of one image after the other, one byte a pixel. zlib reads plain and gzip files alike. */
#include "data/digits.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

#include <zlib.h>

enum { HEADER = 16 };

static const uint32_t magic_images = 0x00000803; /* unsigned bytes in three dimensions */
static const uint32_t magic_labels = 0x00000801; /* unsigned bytes in one dimension */

/* The header's count has 32 bits, so that the position of any image fits without overflow. */
_Static_assert(sizeof(z_off_t) >= sizeof(int64_t), "positions in an IDX file need 64 bits");

static uint32_t big_endian(const uint8_t bytes[4])
{
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

/* Says why zlib could not go on. Returns GS_OK when it could: the file is merely at its end. */
static gs_status check_stream(gzFile file, gs_error *error)
{
    int cause = Z_OK, system_error = errno;
    const char *text = gzerror(file, &cause);
    switch (cause) {
    case Z_OK:
    case Z_STREAM_END: return GS_OK;
    case Z_ERRNO: return gs_fail(error, GS_ERROR_INPUT, "%s", strerror(system_error));
    case Z_BUF_ERROR:
        return gs_fail(error, GS_ERROR_INPUT, "its gzip data ends too early (an incomplete copy or download?)");
    case Z_MEM_ERROR: return gs_fail(error, GS_ERROR_MEMORY, "out of memory");
    default: return gs_fail(error, GS_ERROR_INPUT, "its gzip data is damaged (%s)", text);
    }
}

static gs_status check_magic(uint32_t magic, gs_error *error)
{
    if (magic == magic_images) {
        return GS_OK;
    }
    if (magic == magic_labels) {
        return gs_fail(error, GS_ERROR_INPUT, "it holds labels, not images (it starts with 0x%08" PRIx32 ")", magic);
    }
    return gs_fail(error, GS_ERROR_INPUT,
                   "it is not an IDX image file (it starts with 0x%08" PRIx32 " instead of 0x%08" PRIx32 ")", magic,
                   magic_images);
}

static gs_status read_header(gzFile file, int64_t *count, gs_error *error)
{
    uint8_t header[HEADER];
    int got = gzread(file, header, HEADER);
    gs_status status = got < HEADER ? check_stream(file, error) : GS_OK;
    if (status == GS_OK && got >= 4) { /* before the length: a small labels file is shorter than this header */
        status = check_magic(big_endian(header), error);
    }
    if (status != GS_OK) {
        return status;
    }
    if (got <= 0) {
        return gs_fail(error, GS_ERROR_INPUT, "it is empty");
    }
    if (got < HEADER) {
        return gs_fail(error, GS_ERROR_INPUT, "it ends inside the IDX header (byte %d of %d)", got, (int)HEADER);
    }
    uint32_t rows = big_endian(header + 8), columns = big_endian(header + 12);
    if (rows != GS_SIDE || columns != GS_SIDE) {
        return gs_fail(error, GS_ERROR_INPUT, "its images have %" PRIu32 "x%" PRIu32 " pixels, not %dx%d", rows,
                       columns, (int)GS_SIDE, (int)GS_SIDE);
    }
    *count = big_endian(header + 4);
    return GS_OK;
}

static bool is_blank(const uint8_t grey[GS_PIXELS])
{
    for (int pixel = 0; pixel < GS_PIXELS; pixel++) {
        if (grey[pixel] != 0) {
            return false;
        }
    }
    return true;
}

static gs_status read_image(gzFile file, int64_t count, int64_t index, uint8_t grey[GS_PIXELS], gs_error *error)
{
    if (index < 0) {
        return gs_fail(error, GS_ERROR_INPUT, "index %" PRId64 " was asked for, but images are counted from 0", index);
    }
    if (index >= count) {
        return gs_fail(error, GS_ERROR_INPUT,
                       "it has %" PRId64 " image%s, but index %" PRId64 " was asked for (counted from 0)", count,
                       count == 1 ? "" : "s", index);
    }
    bool found = gzseek(file, (z_off_t)(HEADER + index * GS_PIXELS), SEEK_SET) >= 0;
    if (!found || gzread(file, grey, GS_PIXELS) < GS_PIXELS) {
        gs_status status = check_stream(file, error);
        if (status != GS_OK) {
            return status;
        }
        return gs_fail(error, GS_ERROR_INPUT,
                       "it ends before the end of image %" PRId64 ", although its header promises %" PRId64 " image%s",
                       index, count, count == 1 ? "" : "s");
    }
    if (is_blank(grey)) {
        return gs_fail(error, GS_ERROR_INPUT, "image %" PRId64 " is blank", index);
    }
    return GS_OK;
}

static gs_status read_images(gs_digits *digits, const char *path, const int64_t indices[GS_DIGITS], gs_error *error)
{
    errno = 0;
    gzFile file = gzopen(path, "rb");
    if (file == NULL) { /* zlib leaves errno alone when its own allocation failed */
        return errno == 0 ? gs_fail(error, GS_ERROR_MEMORY, "out of memory")
                          : gs_fail(error, GS_ERROR_INPUT, "%s", strerror(errno));
    }
    int64_t count = 0;
    gs_status status = read_header(file, &count, error);
    for (int digit = 0; digit < GS_DIGITS && status == GS_OK; digit++) {
        status = read_image(file, count, indices[digit], digits->grey[digit], error);
    }
    gzclose(file); /* nothing was written, so that closing cannot lose anything */
    return status;
}

gs_status gs_digits_read(gs_digits *digits, const char *path, const int64_t indices[GS_DIGITS], gs_error *error)
{
    gs_status status = read_images(digits, path, indices, error);
    if (status != GS_OK) {
        gs_error_prefix(error, "cannot read MNIST images from '%s'", path);
    }
    return status;
}
