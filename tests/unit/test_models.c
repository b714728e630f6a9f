/* The table of models: every type is complete, and one that goes beyond what there is room for is refused. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "models/discriminator.h"
#include "models/model.h"
#include "nn/network.h"

static gs_digits digits;

static int draw_digits(void **state)
{
    (void)state;
    gs_digits_draw(&digits);
    return 0;
}

static void every_type_is_complete(void **state)
{
    (void)state;
    for (int id = 0; id < GS_MODEL_COUNT; id++) {
        const gs_model_type *type = gs_model_type_of((gs_model_id)id);
        assert_non_null(type);
        assert_int_equal(type->id, id);
        int curves = 0;
        while (curves <= GS_CURVES_MAX && type->curves[curves] != NULL) curves++;
        assert_true(type->losses > 0 && type->losses <= curves && curves <= GS_CURVES_MAX);
        assert_true(type->size >= sizeof(gs_model));
        assert_true(type->prepare != NULL && type->train != NULL && type->sample != NULL);
        const gs_redundancy *alike = &type->redundancy;
        bool measured = alike->share > 0, unknown = !(alike->share + alike->begin + alike->end > 0);
        assert_true(unknown || (measured && alike->share < 1 && 0 < alike->begin && alike->begin < alike->end));
    }
    assert_null(gs_model_type_of(GS_MODEL_COUNT));
}

static void tensors_of_a_model_have_names_of_their_own(void **state)
{
    (void)state;
    for (int id = 0; id < GS_MODEL_COUNT; id++) {
        gs_settings settings;
        gs_tensor_table table;
        gs_error error;
        gs_settings_defaults(&settings, (gs_model_id)id);
        if (gs_model_tensors(&settings, &digits, &table, &error) != GS_OK) fail_msg("%s", error.text);
        assert_true(table.count > 0);
        for (int t = 0; t < table.count; t++)
            for (int other = 0; other < t; other++)
                assert_string_not_equal(table.tensors[t].name, table.tensors[other].name);
    }
}

static void what_there_is_no_room_for_is_remembered(void **state)
{
    (void)state;
    gs_tensor_table tensors = {.count = 0}, layers = {.count = 0}, names = {.count = 0};
    for (int t = 0; t < GS_TENSORS_MAX; t++) gs_tensors_add(&tensors, "a", "kernel", 2, 2, 2, GS_INIT_ZEROS);
    assert_null(tensors.fault);
    gs_tensor_table full = tensors;
    assert_int_equal(gs_tensors_add(&tensors, "a", "kernel", 2, 2, 2, GS_INIT_ZEROS), 0);
    assert_non_null(strstr(tensors.fault, "GS_TENSORS_MAX"));
    tensors.fault = NULL;
    assert_memory_equal(&tensors, &full, sizeof full);

    gs_network network;
    int units[GS_LAYERS_MAX + 2];
    for (int i = 0; i < GS_LAYERS_MAX + 2; i++) units[i] = 3;
    gs_network_add(&network, &layers, "n", units, GS_LAYERS_MAX, GS_LINEAR);
    assert_null(layers.fault);
    gs_network_add(&network, &layers, "m", units, GS_LAYERS_MAX + 1, GS_LINEAR);
    assert_non_null(strstr(layers.fault, "GS_LAYERS_MAX"));
    assert_int_equal(network.count, GS_LAYERS_MAX);

    char name[GS_TENSOR_NAME + 1] = {0};
    memset(name, 'x', GS_TENSOR_NAME - 3);
    gs_tensors_add(&names, name, "b", 1, 1, 2, GS_INIT_ZEROS);
    assert_null(names.fault);
    gs_tensors_add(&names, name, "bb", 1, 1, 2, GS_INIT_ZEROS);
    assert_non_null(strstr(names.fault, "GS_TENSOR_NAME"));

    gs_spans spans = {.count = 0};
    for (int i = 0; i < GS_SPANS_MAX; i++) gs_spans_add(&spans, name, 1);
    assert_false(spans.overfull);
    gs_spans_add(&spans, name, 1);
    assert_true(spans.overfull);
    assert_int_equal(gs_spans_size(&spans), GS_SPANS_MAX);
}

/* The penalty's formulas hold for one kind of chain only. */
static void a_penalty_of_other_activations_is_refused(void **state)
{
    (void)state;
    static const gs_activation activations[][2] = {{GS_TANH, GS_LINEAR}, {GS_SIGMOID, GS_LINEAR}, {GS_TANH, GS_TANH}};
    for (size_t i = 0; i < sizeof activations / sizeof activations[0]; i++) {
        gs_tensor_table table = {.count = 0};
        gs_arena *arena = NULL;
        assert_int_equal(gs_arena_create(&arena, 0, NULL), GS_OK);
        const gs_dense layers[] = {gs_dense_add(&table, "first", 5, 3, activations[i][0]),
                                   gs_dense_add(&table, "second", 3, 1, activations[i][1])};
        gs_gradient_penalty_take(layers, 2, &table, arena, 4);
        if (i == 0) assert_null(table.fault);
        else assert_non_null(strstr(table.fault, "tanh"));
        gs_arena_destroy(&arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_type_is_complete),
        cmocka_unit_test(tensors_of_a_model_have_names_of_their_own),
        cmocka_unit_test(what_there_is_no_room_for_is_remembered),
        cmocka_unit_test(a_penalty_of_other_activations_is_refused),
    };
    return cmocka_run_group_tests(tests, draw_digits, NULL);
}
