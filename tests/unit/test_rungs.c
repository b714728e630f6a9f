/* The rule of early stopping by exhaustion: every short history of reports and failures, against sorting. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>

#include "farm/rungs.h"

enum { RUNS = 3, VALUES = 3, EVENTS = 5, KINDS = RUNS * (VALUES + 1) };

static const double values[VALUES] = {1, 2, (double)NAN};

/* What a second, naive bookkeeping knows of one rung. */
typedef struct {
    bool there[RUNS];
    double value[RUNS];
} model;

static bool larger_is_better;

/* The best first, NaN last. */
static int by_merit(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    if (isnan(x) || isnan(y)) return isnan(x) - isnan(y);
    int order = (x > y) - (x < y);
    return larger_is_better ? -order : order;
}

/* A run goes on if it is not worse than the last of the best. */
static gs_decision decide(const model *twin, double eta, int run)
{
    double sorted[RUNS];
    int64_t count = 0, best = 1;
    for (int r = 0; r < RUNS; r++)
        if (twin->there[r]) sorted[count++] = twin->value[r];
    qsort(sorted, (size_t)count, sizeof sorted[0], by_merit);
    while ((double)(best + 1) * eta <= (double)count) best++;
    return (gs_decision){.go_on = by_merit(&twin->value[run], &sorted[best - 1]) <= 0, .best = best, .runs = count};
}

static void apply(gs_rungs *rungs, model *twin, double eta, int event)
{
    int run = event / (VALUES + 1), place = event % (VALUES + 1);
    if (place == VALUES) {
        gs_rungs_forget(rungs, run);
        twin->there[run] = false;
        return;
    }
    assert_int_equal(gs_rungs_add(rungs, 9, run, values[place], NULL), GS_OK);
    assert_int_equal(gs_rungs_add(rungs, 27, 7, 0, NULL), GS_OK); /* at another rung, which is another matter */
    twin->there[run] = true;
    twin->value[run] = values[place];
    gs_decision told = gs_rungs_decide(rungs, 9, run), right = decide(twin, eta, run);
    assert_int_equal(told.go_on, right.go_on);
    assert_int_equal(told.best, right.best);
    assert_int_equal(told.runs, right.runs);
}

static void every_short_history(void **state)
{
    (void)state;
    static const double etas[] = {1.5, 2, 3};
    long histories = 0, stopped = 0;
    for (int which = 0; which < 6; which++) {
        larger_is_better = which % 2 != 0;
        double eta = etas[which / 2];
        for (int number = 0; number < KINDS * KINDS * KINDS * KINDS * KINDS; number++) {
            gs_rungs *rungs = NULL;
            model twin = {.there = {false}};
            assert_int_equal(gs_rungs_create(&rungs, eta, larger_is_better, NULL), GS_OK);
            for (int i = 0, rest = number; i < EVENTS; i++, rest /= KINDS) apply(rungs, &twin, eta, rest % KINDS);
            for (int r = 0; r < RUNS; r++) stopped += twin.there[r] && !gs_rungs_decide(rungs, 9, r).go_on;
            gs_rungs_destroy(&rungs);
            histories++;
        }
    }
    assert_true(stopped > 0);
    print_message("%ld histories, %ld runs stopped at their ends\n", histories, stopped);
}

/* The example of the documentation: nine runs, eta 3, each a little worse than the one before. */
static void nine_runs(void **state)
{
    (void)state;
    gs_rungs *rungs = NULL;
    assert_int_equal(gs_rungs_create(&rungs, 3, false, NULL), GS_OK);
    for (int run = 0; run < 9; run++) {
        assert_int_equal(gs_rungs_add(rungs, 1, run, run, NULL), GS_OK);
        gs_decision told = gs_rungs_decide(rungs, 1, run);
        assert_int_equal(told.go_on, run == 0);
        assert_int_equal(told.best, run < 3 ? 1 : (run + 1) / 3);
    }
    assert_true(gs_rungs_decide(rungs, 1, 2).go_on); /* it would be among the best 3 of 9 now */
    assert_false(gs_rungs_decide(rungs, 1, 3).go_on);
    assert_true(gs_rungs_decide(rungs, 3, 3).go_on); /* nobody was there */
    gs_rungs_destroy(&rungs);
    gs_rungs_destroy(&rungs);
}

static void many_runs_fit(void **state)
{
    (void)state;
    gs_rungs *rungs = NULL;
    assert_int_equal(gs_rungs_create(&rungs, 2, true, NULL), GS_OK);
    for (int run = 0; run < 1000; run++) assert_int_equal(gs_rungs_add(rungs, 1 + run % 5, run, run, NULL), GS_OK);
    for (int run = 0; run < 1000; run++) assert_int_equal(gs_rungs_decide(rungs, 1 + run % 5, run).go_on, run >= 500);
    for (int run = 500; run < 1000; run++) gs_rungs_forget(rungs, run);
    for (int run = 0; run < 500; run++) assert_int_equal(gs_rungs_decide(rungs, 1 + run % 5, run).go_on, run >= 250);
    gs_rungs_destroy(&rungs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_short_history),
        cmocka_unit_test(nine_runs),
        cmocka_unit_test(many_runs_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
