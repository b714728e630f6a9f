/* How long ranks waited. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "farm/effort.h"

static void assert_within_a_fifth(double value, double wanted)
{
    if (!(value >= wanted && value <= 1.2 * wanted)) fail_msg("%g is not %g or a fifth more", value, wanted);
}

static void shares_of_waits(void **state)
{
    (void)state;
    gs_effort efforts[2] = {{0}};
    for (int i = 0; i < 98; i++) gs_effort_wait(&efforts[i % 2], 1e-5);
    gs_effort_wait(&efforts[0], 1e-3);
    gs_effort_wait(&efforts[1], 2);
    assert_within_a_fifth(gs_efforts_wait(efforts, 2, 0.5), 1e-5);
    assert_within_a_fifth(gs_efforts_wait(efforts, 2, 0.99), 1e-3);
    assert_within_a_fifth(gs_efforts_wait(efforts, 2, 1), 2);
    assert_within_a_fifth(gs_efforts_wait(efforts, 1, 1), 1e-3); /* the first rank alone */
}

static void extremes(void **state)
{
    (void)state;
    gs_effort effort = {0};
    assert_true(isnan(gs_efforts_wait(&effort, 1, 0.5)));
    gs_effort_wait(&effort, 0);
    assert_true(gs_efforts_wait(&effort, 1, 1) < 1e-6);
    gs_effort_wait(&effort, 1e9);
    assert_true(gs_efforts_wait(&effort, 1, 1) > 60);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(shares_of_waits), cmocka_unit_test(extremes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
