/* Errors, arena, tensors: the small things that everything stands on. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "ground/arena.h"
#include "ground/utf8.h"
#include "nn/tensors.h"

static void errors_carry_their_sentence(void **state)
{
    (void)state;
    gs_error error;
    assert_int_equal(gs_fail(&error, GS_ERROR_INPUT, "%d of %s", 3, "four"), GS_ERROR_INPUT);
    assert_string_equal(error.text, "3 of four");
    gs_error_prefix(&error, "run %d", 7);
    assert_string_equal(error.text, "run 7: 3 of four");
    assert_int_equal(gs_fail(NULL, GS_ERROR_STORAGE, "nobody listens"), GS_ERROR_STORAGE);
    for (int status = 0; status < GS_STATUS_COUNT; status++)
        assert_string_not_equal(gs_status_name((gs_status)status), "unknown");
}

static void a_sentence_that_is_too_long_is_cut(void **state)
{
    (void)state;
    static char longest[2 * GS_ERROR_TEXT];
    memset(longest, 'x', sizeof longest - 1);
    gs_error error;
    (void)gs_fail(&error, GS_ERROR_INPUT, "%s", longest);
    assert_int_equal(strlen(error.text), GS_ERROR_TEXT - 1);
    gs_error_prefix(&error, "before");
    assert_int_equal(strlen(error.text), GS_ERROR_TEXT - 1);
    assert_memory_equal(error.text, "before: xxx", 11);
}

static void the_arena_gives_aligned_zeros(void **state)
{
    (void)state;
    gs_arena *arena = NULL;
    assert_int_equal(gs_arena_create(&arena, 0, NULL), GS_OK);
    for (size_t size = 0; size < 300; size += 7) {
        unsigned char *memory = gs_arena_take(arena, size, 1);
        assert_non_null(memory);
        assert_int_equal((uintptr_t)memory % GS_ALIGNMENT, 0);
        for (size_t i = 0; i < size; i++) assert_int_equal(memory[i], 0);
    }
    assert_int_equal(gs_arena_check(arena, NULL), GS_OK);
    gs_arena_destroy(&arena);
    assert_null(arena);
    gs_arena_destroy(&arena);
}

static void a_limit_and_an_overflow_are_refused_and_remembered(void **state)
{
    (void)state;
    gs_arena *arena = NULL;
    gs_error error;
    assert_int_equal(gs_arena_create(&arena, 1000, NULL), GS_OK);
    assert_non_null(gs_arena_take(arena, 10, 64));
    assert_null(gs_arena_take(arena, 10, 64));
    assert_non_null(gs_arena_take(arena, 1, 64));
    assert_int_equal(gs_arena_check(arena, &error), GS_ERROR_MEMORY);
    assert_non_null(strstr(error.text, "640 bytes"));
    gs_arena_destroy(&arena);

    assert_int_equal(gs_arena_create(&arena, 0, NULL), GS_OK);
    assert_null(gs_arena_take(arena, SIZE_MAX / 8, 16));
    assert_int_equal(gs_arena_check(arena, NULL), GS_ERROR_MEMORY);
    gs_arena_destroy(&arena);
}

static void scratch_is_poisoned_where_asserts_are_on(void **state)
{
    (void)state;
#ifndef NDEBUG
    gs_arena *arena = NULL;
    assert_int_equal(gs_arena_create(&arena, 0, NULL), GS_OK);
    const gs_real *scratch = gs_arena_take_scratch(arena, 4, sizeof *scratch);
    assert_true(isnan(scratch[3]));
    gs_arena_destroy(&arena);
#endif
}

static void tensors_follow_their_names(void **state)
{
    (void)state;
    gs_tensor_table first = {.count = 0}, second = {.count = 0};
    gs_tensors_add(&first, "a", "kernel", 2, 5, 3, GS_INIT_LECUN_NORMAL);
    gs_tensors_add(&first, "a", "bias", 1, 1, 3, GS_INIT_ZEROS);
    gs_tensors_add(&second, "other", "kernel", 2, 4, 4, GS_INIT_LECUN_NORMAL);
    int moved = gs_tensors_add(&second, "a", "kernel", 2, 5, 3, GS_INIT_LECUN_NORMAL);
    gs_real one[64] = {0}, two[64] = {0}, other_seed[64] = {0};
    assert_true(first.size <= 64 && second.size <= 64);
    gs_tensors_initialise(&first, 11, one);
    gs_tensors_initialise(&second, 11, two);
    gs_tensors_initialise(&first, 12, other_seed);
    assert_memory_equal(one, two + second.tensors[moved].offset, 15 * sizeof(gs_real));
    assert_memory_not_equal(one, other_seed, 15 * sizeof(gs_real));
    for (size_t i = 0; i < 15; i++) assert_true(fabs((double)one[i]) <= 2.0 / 0.8796 / sqrt(5) + 1e-6);
    assert_true(gs_tensors_finite(&first, one));
    one[3] = (gs_real)NAN;
    assert_false(gs_tensors_finite(&first, one));
    gs_matrix bias = gs_tensor_view(&first, 1, one);
    assert_int_equal(bias.rows, 1);
    assert_ptr_equal(bias.values, one + 16);
}

static void control_characters_are_tamed(void **state)
{
    (void)state;
    char text[] = "a\x1b[31m\tb\xc2\x9b\xc3\xa9\x7f\n", good[] = "gr\xc3\xbc\xc3\x9f \xe2\x82\xac";
    assert_true(gs_utf8_tame(text, '?'));
    assert_string_equal(text, "a?[31m?b??\xc3\xa9??");
    assert_false(gs_utf8_tame(good, '?'));
    assert_string_equal(good, "gr\xc3\xbc\xc3\x9f \xe2\x82\xac");
}

static void text_becomes_utf8(void **state)
{
    (void)state;
    static const struct {
        const char *given, *mended;
    } cases[] = {
        {"", ""},
        {"plain", "plain"},
        {"caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80", "caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80"},
        {"cut \xc3", "cut "},
        {"cut \xf0\x9f\x98", "cut "},
        {"caf\xe9.yaml", "caf?.yaml"},
        {"\xe2\x82.", "??."},
        {"\xa9\xff\xc0\xaf", "????"},
        {"overlong \xe0\x80\xaf, surrogate \xed\xa0\x80, too far \xf4\x90\x80\x80.",
         "overlong ???, surrogate ???, too far ????."},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[64];
        snprintf(text, sizeof text, "%s", cases[i].given);
        gs_utf8_mend(text);
        assert_string_equal(text, cases[i].mended);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(errors_carry_their_sentence),
        cmocka_unit_test(a_sentence_that_is_too_long_is_cut),
        cmocka_unit_test(the_arena_gives_aligned_zeros),
        cmocka_unit_test(a_limit_and_an_overflow_are_refused_and_remembered),
        cmocka_unit_test(scratch_is_poisoned_where_asserts_are_on),
        cmocka_unit_test(tensors_follow_their_names),
        cmocka_unit_test(text_becomes_utf8),
        cmocka_unit_test(control_characters_are_tamed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
