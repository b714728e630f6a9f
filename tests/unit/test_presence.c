/* Who is there, who is lost. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "farm/presence.h"

static gs_presence *of_four(void)
{
    gs_presence *presence = NULL;
    gs_error error;
    assert_int_equal(gs_presence_create(&presence, 4, &error), GS_OK);
    return presence;
}

static void ranks_leave_and_are_lost(void **state)
{
    (void)state;
    gs_presence *presence = of_four();
    assert_int_equal(gs_presence_count(presence), 3); /* rank 0 is not counted */
    gs_presence_leave(presence, 1);
    gs_presence_leave(presence, 1);
    gs_presence_lose(presence, 3);
    gs_presence_lose(presence, 3);
    assert_int_equal(gs_presence_count(presence), 1);
    assert_int_equal(gs_presence_count_lost(presence), 1);
    assert_false(gs_presence_has(presence, 1));
    assert_true(gs_presence_has(presence, 2));
    assert_true(gs_presence_lost(presence, 3));
    gs_presence_leave(presence, 3); /* it was only slow, and stays lost */
    assert_int_equal(gs_presence_count_lost(presence), 1);
    gs_presence_destroy(&presence);
    assert_null(presence);
}

static void only_who_has_a_run_can_be_silent(void **state)
{
    (void)state;
    gs_presence *presence = of_four();
    const double begin = 1000, late = begin + GS_SILENCE + 1;
    gs_presence_busy(presence, 1, begin);
    gs_presence_busy(presence, 2, begin);
    gs_presence_wait(presence, 3);
    assert_false(gs_presence_silent(presence, 1, begin + GS_SILENCE));
    assert_true(gs_presence_silent(presence, 1, late));
    gs_presence_heard(presence, 2, late);
    assert_false(gs_presence_silent(presence, 2, late));
    assert_false(gs_presence_silent(presence, 3, late));
    gs_presence_busy(presence, 0, begin);
    assert_false(gs_presence_silent(presence, 0, late));
    gs_presence_lose(presence, 1);
    assert_false(gs_presence_silent(presence, 1, late)); /* that is known */
    gs_presence_destroy(&presence);
}

static void who_waits_gets_the_next_run(void **state)
{
    (void)state;
    gs_presence *presence = of_four();
    assert_false(gs_presence_waits(presence, 1)); /* has not asked yet */
    gs_presence_wait(presence, 1);
    gs_presence_wait(presence, 2);
    gs_presence_busy(presence, 2, 0);
    assert_true(gs_presence_waits(presence, 1));
    assert_false(gs_presence_waits(presence, 2));
    gs_presence_lose(presence, 1);
    assert_false(gs_presence_waits(presence, 1));
    gs_presence_destroy(&presence);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ranks_leave_and_are_lost),
        cmocka_unit_test(only_who_has_a_run_can_be_silent),
        cmocka_unit_test(who_waits_gets_the_next_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
