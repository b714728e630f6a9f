/* The six templates: how the built-in ones look, and what the IDX reader takes and refuses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "data/digits.h"

enum { HEADER = 16, IMAGES = 22 }; /* 22 images are the fewest that hold the article's index 21 */

static const int64_t article_indices[GS_DIGITS] = {1, 21, 3, 5, 7, 2};
static const int64_t first_indices[GS_DIGITS] = {0, 1, 2, 3, 4, 5};

/* ---- the built-in digits ---- */

static int distance(const uint8_t a[GS_PIXELS], const uint8_t b[GS_PIXELS])
{
    int different = 0;
    for (int pixel = 0; pixel < GS_PIXELS; pixel++) {
        different += abs(a[pixel] - b[pixel]) >= 128;
    }
    return different;
}

/* The distance of the two shapes rather than of the greys: both images in black and white first. */
static int black_white_distance(const uint8_t a[GS_PIXELS], const uint8_t b[GS_PIXELS])
{
    int different = 0;
    for (int pixel = 0; pixel < GS_PIXELS; pixel++) {
        different += (a[pixel] > 127) != (b[pixel] > 127);
    }
    return different;
}

static void test_distances(void **state)
{
    (void)state;
    gs_digits digits;
    gs_digits_draw(&digits);
    for (int i = 0; i < GS_DIGITS; i++) {
        for (int j = 0; j < i; j++) {
            int low = i == 1 ? 38 : 120, high = i == 1 ? 55 : 170;
            assert_in_range(distance(digits.grey[i], digits.grey[j]), low, high);
            assert_in_range(black_white_distance(digits.grey[i], digits.grey[j]), low, high);
        }
    }
}

static void test_fits_box_and_is_centred(void **state)
{
    (void)state;
    gs_digits digits;
    gs_digits_draw(&digits);
    for (int digit = 0; digit < GS_DIGITS; digit++) {
        int left = GS_SIDE, right = -1, top = GS_SIDE, bottom = -1;
        double mass = 0, moment_x = 0, moment_y = 0;
        for (int pixel = 0; pixel < GS_PIXELS; pixel++) {
            int grey = digits.grey[digit][pixel], x = pixel % GS_SIDE, y = pixel / GS_SIDE;
            if (grey > 0) {
                left = x < left ? x : left;
                right = x > right ? x : right;
                top = y < top ? y : top;
                bottom = y > bottom ? y : bottom;
            }
            mass += grey;
            moment_x += grey * x;
            moment_y += grey * y;
        }
        assert_in_range(right - left + 1, 5, 20);
        assert_int_equal(bottom - top + 1, 20); /* all six are higher than wide */
        assert_true(moment_x / mass > 12.75 && moment_x / mass < 14.25);
        assert_true(moment_y / mass > 12.75 && moment_y / mass < 14.25);
        assert_true(mass / 255 > 50 && mass / 255 < 140); /* as the article's MNIST images: 67 to 141 */
    }
}

/* The templates are part of what a result means: a changed drawing makes old and new results incomparable.
 * Change this number only together with the version of the results' format. */
static void test_golden_bytes(void **state)
{
    (void)state;
    gs_digits digits;
    memset(&digits, 0xa5, sizeof digits);
    gs_digits_draw(&digits);
    assert_int_equal(crc32(0, &digits.grey[0][0], sizeof digits.grey), 0xf2a74674);
}

static void test_names(void **state)
{
    (void)state;
    assert_string_equal(gs_digit_names[0], "0A");
    assert_string_equal(gs_digit_names[GS_DIGITS - 1], "4");
    assert_string_equal(gs_color_names[0], "red");
    assert_string_equal(gs_color_names[GS_COLORS - 1], "green");
}

/* ---- IDX files ---- */

typedef struct {
    char folder[64];
    char path[96];
    uint8_t bytes[HEADER + IMAGES * GS_PIXELS]; /* a correct file; tests damage it before they write it */
} fixture;

static void put_big_endian(uint8_t bytes[4], uint32_t value)
{
    for (int i = 0; i < 4; i++) {
        bytes[i] = (uint8_t)(value >> (24 - 8 * i));
    }
}

static int setup(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    if (f == NULL) {
        return -1;
    }
    snprintf(f->folder, sizeof f->folder, "/tmp/gensweep-digits-XXXXXX");
    if (mkdtemp(f->folder) == NULL) {
        free(f);
        return -1;
    }
    snprintf(f->path, sizeof f->path, "%s/images", f->folder);
    put_big_endian(f->bytes, 0x00000803);
    put_big_endian(f->bytes + 4, IMAGES);
    put_big_endian(f->bytes + 8, GS_SIDE);
    put_big_endian(f->bytes + 12, GS_SIDE);
    uint32_t noise = 1; /* hardly compressible, so that damage in the middle of a gzip file hits image data */
    for (size_t i = HEADER; i < sizeof f->bytes; i++) {
        noise = noise * 1664525u + 1013904223u;
        f->bytes[i] = (uint8_t)(noise >> 24);
    }
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    fixture *f = *state;
    unlink(f->path);
    int failed = rmdir(f->folder);
    free(f);
    return failed;
}

static void write_plain(const fixture *f, size_t size)
{
    FILE *file = fopen(f->path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(f->bytes, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

static void write_gzip(const fixture *f)
{
    gzFile file = gzopen(f->path, "wb");
    assert_non_null(file);
    assert_int_equal(gzwrite(file, f->bytes, sizeof f->bytes), sizeof f->bytes);
    assert_int_equal(gzclose(file), Z_OK);
}

/* Every refusal names the path first and then the reason. */
static void expect_refusal(const char *path, const int64_t indices[GS_DIGITS], const char *reason)
{
    gs_digits digits;
    gs_error error = {{0}};
    char start[160];
    snprintf(start, sizeof start, "cannot read MNIST images from '%s': ", path);
    assert_int_equal(gs_digits_read(&digits, path, indices, &error), GS_ERROR_INPUT);
    if (strncmp(error.text, start, strlen(start)) != 0 || strstr(error.text, reason) == NULL) {
        fail_msg("expected \"%s...%s...\", got \"%s\"", start, reason, error.text);
    }
    assert_int_equal(gs_digits_read(&digits, path, indices, NULL), GS_ERROR_INPUT);
}

static void expect_images(const fixture *f, const int64_t indices[GS_DIGITS])
{
    gs_digits digits;
    gs_error error = {{0}};
    if (gs_digits_read(&digits, f->path, indices, &error) != GS_OK) {
        fail_msg("%s", error.text);
    }
    for (int digit = 0; digit < GS_DIGITS; digit++) {
        assert_memory_equal(digits.grey[digit], f->bytes + HEADER + indices[digit] * GS_PIXELS, GS_PIXELS);
    }
}

static void test_reads_plain(void **state)
{
    write_plain(*state, HEADER + IMAGES * GS_PIXELS);
    expect_images(*state, article_indices);
    expect_images(*state, first_indices);
}

static void test_reads_gzip(void **state)
{
    write_gzip(*state);
    expect_images(*state, article_indices);
    expect_images(*state, first_indices);
}

/* What lies behind the last image asked for is not read, hence cannot be in the way. */
static void test_reads_only_what_is_needed(void **state)
{
    write_plain(*state, HEADER + GS_DIGITS * GS_PIXELS);
    expect_images(*state, first_indices);
}

static void test_unreadable(void **state)
{
    const fixture *f = *state;
    expect_refusal(f->path, first_indices, "No such file or directory");
    expect_refusal(f->folder, first_indices, "Is a directory");
}

static void test_empty(void **state)
{
    const fixture *f = *state;
    write_plain(f, 0);
    expect_refusal(f->path, first_indices, "it is empty");
}

static void test_truncated_header(void **state)
{
    const fixture *f = *state;
    write_plain(f, 1);
    expect_refusal(f->path, first_indices, "it ends inside the IDX header (byte 1 of 16)");
    write_plain(f, HEADER - 1);
    expect_refusal(f->path, first_indices, "it ends inside the IDX header (byte 15 of 16)");
}

static void test_wrong_magic(void **state)
{
    fixture *f = *state;
    put_big_endian(f->bytes, 0x00000801);
    write_plain(f, sizeof f->bytes);
    expect_refusal(f->path, first_indices, "it holds labels, not images (it starts with 0x00000801)");
    put_big_endian(f->bytes, 0x89504e47);
    write_plain(f, sizeof f->bytes);
    expect_refusal(f->path, first_indices, "not an IDX image file (it starts with 0x89504e47 instead of 0x00000803)");
}

/* A labels file has a header of 8 bytes and may be shorter than the header of an images file. */
static void test_short_labels_file(void **state)
{
    fixture *f = *state;
    put_big_endian(f->bytes, 0x00000801);
    put_big_endian(f->bytes + 4, 6);
    write_plain(f, 8 + 6);
    expect_refusal(f->path, first_indices, "it holds labels, not images");
}

static void test_wrong_size(void **state)
{
    fixture *f = *state;
    put_big_endian(f->bytes + 8, 32);
    write_plain(f, sizeof f->bytes);
    expect_refusal(f->path, first_indices, "its images have 32x28 pixels, not 28x28");
    put_big_endian(f->bytes + 8, GS_SIDE);
    put_big_endian(f->bytes + 12, 0xffffffff);
    write_plain(f, sizeof f->bytes);
    expect_refusal(f->path, first_indices, "its images have 28x4294967295 pixels, not 28x28");
}

static void test_too_few_images(void **state)
{
    fixture *f = *state;
    put_big_endian(f->bytes + 4, 6);
    write_plain(f, sizeof f->bytes);
    expect_refusal(f->path, article_indices, "it has 6 images, but index 21 was asked for (counted from 0)");
    put_big_endian(f->bytes + 4, 1);
    write_plain(f, sizeof f->bytes);
    expect_refusal(f->path, first_indices, "it has 1 image, but index 1 was asked for (counted from 0)");
}

static void test_negative_index(void **state)
{
    const fixture *f = *state;
    const int64_t indices[GS_DIGITS] = {0, 1, 2, 3, 4, -1};
    write_plain(f, sizeof f->bytes);
    expect_refusal(f->path, indices, "index -1 was asked for, but images are counted from 0");
}

/* The largest count and index that a header can promise: the position does not overflow, the file just ends. */
static void test_shorter_than_promised(void **state)
{
    fixture *f = *state;
    const int64_t huge[GS_DIGITS] = {0, 1, 2, 3, 4, 0xfffffffe}, beyond[GS_DIGITS] = {INT64_MAX, 1, 2, 3, 4, 5};
    write_plain(f, HEADER + 6 * GS_PIXELS - 1);
    expect_refusal(f->path, first_indices, "it ends before the end of image 5, although its header promises 22 images");
    put_big_endian(f->bytes + 4, 0xffffffff);
    write_plain(f, sizeof f->bytes);
    expect_refusal(f->path, huge, "it ends before the end of image 4294967294");
    expect_refusal(f->path, beyond, "index 9223372036854775807 was asked for");
    write_gzip(f);
    expect_refusal(f->path, huge, "it ends before the end of image 4294967294");
}

static void test_blank_image(void **state)
{
    fixture *f = *state;
    memset(f->bytes + HEADER + 21 * GS_PIXELS, 0, GS_PIXELS);
    write_gzip(f);
    expect_refusal(f->path, article_indices, "image 21 is blank");
    expect_images(f, first_indices);
}

static void test_incomplete_gzip(void **state)
{
    const fixture *f = *state;
    write_gzip(f);
    assert_int_equal(truncate(f->path, 9000), 0);
    expect_refusal(f->path, article_indices, "its gzip data ends too early");
    assert_int_equal(truncate(f->path, 12), 0);
    expect_refusal(f->path, article_indices, "its gzip data ends too early");
}

static void test_corrupt_gzip(void **state)
{
    const fixture *f = *state;
    write_gzip(f);
    FILE *file = fopen(f->path, "r+b");
    assert_non_null(file);
    assert_int_equal(fseek(file, 10, SEEK_SET), 0); /* the first compressed block */
    for (int i = 0; i < 64; i++) {
        assert_int_equal(fputc(0xff, file), 0xff);
    }
    assert_int_equal(fclose(file), 0);
    expect_refusal(f->path, article_indices, "its gzip data is damaged");
}

#define FILE_TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_distances),
        cmocka_unit_test(test_fits_box_and_is_centred),
        cmocka_unit_test(test_golden_bytes),
        cmocka_unit_test(test_names),
        FILE_TEST(test_reads_plain),
        FILE_TEST(test_reads_gzip),
        FILE_TEST(test_reads_only_what_is_needed),
        FILE_TEST(test_unreadable),
        FILE_TEST(test_empty),
        FILE_TEST(test_truncated_header),
        FILE_TEST(test_wrong_magic),
        FILE_TEST(test_short_labels_file),
        FILE_TEST(test_wrong_size),
        FILE_TEST(test_too_few_images),
        FILE_TEST(test_negative_index),
        FILE_TEST(test_shorter_than_promised),
        FILE_TEST(test_blank_image),
        FILE_TEST(test_incomplete_gzip),
        FILE_TEST(test_corrupt_gzip),
    };
    return cmocka_run_group_tests_name("digits", tests, NULL, NULL);
}
