/* A layer that reads a batch of the data through its rank (models/painted.h) does what it does with the images. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "models/painted.h"

enum { IMAGES = 12, UNITS = 7 };

typedef struct {
    gs_arena *arena;
    gs_tensor_table table;
    gs_dense layer;
    gs_matrix images;
    gs_painted painted;
    gs_real *parameters;
} subject;

static gs_real *take(subject *it, size_t count)
{
    return gs_arena_take(it->arena, count, sizeof(gs_real));
}

static void fill(gs_matrix matrix, uint64_t step)
{
    gs_rng rng = {.seed = 4, .stream = 79, .step = step};
    gs_rng_normal(rng, 0, (size_t)matrix.rows * (size_t)matrix.columns, matrix.values);
}

/* A layer that reads `packing` images at once. */
static subject create(int packing)
{
    static gs_digits digits;
    static const gs_law law = {.digit_weights = {4, 4, 4, 4, 2, 1}, .green = 0.34};
    subject made = {0};
    gs_error error;
    gs_digits_draw(&digits);
    assert_int_equal(gs_arena_create(&made.arena, 0, &error), GS_OK);
    made.layer = gs_dense_add(&made.table, "layer", packing * GS_IMAGE, UNITS, GS_TANH);
    made.parameters = take(&made, made.table.size);
    gs_tensors_initialise(&made.table, 5, made.parameters);
    fill(gs_tensor_view(&made.table, made.layer.bias, made.parameters), 1);

    gs_painter painter = gs_painter_create(&digits, made.arena);
    gs_rng rng = {.seed = 6, .stream = GS_STREAM_DATA, .step = 3};
    gs_matrix images = gs_matrix_take(made.arena, IMAGES, GS_IMAGE);
    made.images = gs_matrix_of(images.values, IMAGES / packing, packing * GS_IMAGE);
    made.painted = gs_painted_take(&painter, made.arena, IMAGES / packing, packing, UNITS);
    gs_painter_batch(&painter, &law, rng, 0, images);
    gs_painted_draw(&made.painted, &law, rng);
    return made;
}

/* The largest difference, of the largest number. */
static double apart(size_t count, const gs_real *x, const gs_real *y)
{
    double most = 0, largest = 0;
    for (size_t i = 0; i < count; i++) {
        double difference = fabs((double)x[i] - (double)y[i]);
        most = difference <= most ? most : difference;
        largest = fmax(largest, fabs((double)y[i]));
    }
    assert_true(largest > 0);
    return most / largest;
}

static void check_packing(int packing)
{
    subject it = create(packing);
    int rows = IMAGES / packing;
    size_t outputs = (size_t)rows * UNITS;
    gs_matrix expected = gs_matrix_take(it.arena, rows, UNITS), output = gs_matrix_take(it.arena, rows, UNITS);
    gs_dense_forward(&it.layer, &it.table, it.parameters, it.images, expected);
    gs_painted_forward(&it.painted, &it.layer, &it.table, it.parameters, output);
    assert_true(apart(outputs, output.values, expected.values) <= 1e-5);

    gs_real *expected_gradients = take(&it, it.table.size), *gradients = take(&it, it.table.size);
    gs_matrix slope = gs_matrix_take(it.arena, rows, UNITS);
    for (int keep = 0; keep <= 1; keep++) { /* the second time they are added up */
        fill(slope, 2);
        gs_dense_backward(&it.layer, &it.table, it.parameters, it.images, expected, slope,
                          (gs_gradients){expected_gradients, (gs_real)keep}, (gs_matrix){0});
        fill(slope, 2);
        gs_painted_backward(&it.painted, &it.layer, &it.table, expected, slope,
                            (gs_gradients){gradients, (gs_real)keep});
        assert_true(apart(it.table.size, gradients, expected_gradients) <= 1e-5);
    }
    gs_arena_destroy(&it.arena);
}

static void same_output_and_gradients(void **state)
{
    (void)state;
    check_packing(1);
    check_packing(2);
    check_packing(4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(same_output_and_gradients)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
