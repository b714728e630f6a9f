/* The scheduler by exhaustion: every order of events that small farms allow is tried, and what must hold is checked
 * after each event. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "farm/schedule.h"

enum { RUNS_MAX = 4, RANKS_MAX = 3, EVENTS_MAX = 24 };

typedef enum { ASK, DONE, FAIL, LOSE } event_kind;

typedef struct {
    event_kind kind;
    int rank;
} event;

/* What a second, naive bookkeeping says of the farm after a history of events. */
typedef struct {
    int64_t run_of[RANKS_MAX];
    bool gone[RANKS_MAX], ended[RUNS_MAX], held[RUNS_MAX];
    int64_t done, failed;
} model;

static long histories;

static void apply(gs_schedule *schedule, model *twin, event e, int64_t runs)
{
    if (e.kind == ASK) {
        int64_t run = gs_schedule_assign(schedule, e.rank);
        if (run == GS_NO_RUN) {
            for (int64_t r = 0; r < runs; r++) assert_true(twin->ended[r] || twin->held[r]); /* nothing was held back */
            return;
        }
        assert_in_range((uint64_t)run, 0, (uint64_t)runs - 1);
        assert_false(twin->ended[run] || twin->held[run]); /* never twice */
        twin->held[run] = true;
        twin->run_of[e.rank] = run;
        return;
    }
    int64_t run = twin->run_of[e.rank];
    if (e.kind == LOSE) {
        gs_schedule_lose(schedule, e.rank);
        twin->gone[e.rank] = true;
    } else {
        gs_schedule_end(schedule, e.rank, e.kind == FAIL);
        twin->ended[run] = true;
        twin->done += e.kind == DONE;
        twin->failed += e.kind == FAIL;
    }
    if (run != GS_NO_RUN) twin->held[run] = false;
    twin->run_of[e.rank] = GS_NO_RUN;
}

static void check(const gs_schedule *schedule, const model *twin, int64_t runs, int ranks)
{
    gs_schedule_counts counts = gs_schedule_count(schedule);
    int64_t running = 0;
    for (int rank = 0; rank < ranks; rank++) {
        assert_int_equal(gs_schedule_run_of(schedule, rank), twin->run_of[rank]);
        running += twin->run_of[rank] != GS_NO_RUN;
    }
    assert_int_equal(counts.running, running);
    assert_int_equal(counts.done, twin->done);
    assert_int_equal(counts.failed, twin->failed);
    assert_int_equal(counts.waiting + counts.running + counts.done + counts.failed, runs);
    assert_int_equal(gs_schedule_complete(schedule), twin->done + twin->failed == runs);
}

/* Replays the history from the start: the schedule has no copy function, and needs none. */
static void replay(const event *history, int length, int64_t runs, int ranks, model *twin)
{
    gs_schedule *schedule = NULL;
    assert_int_equal(gs_schedule_create(&schedule, runs, ranks, NULL), GS_OK);
    memset(twin, 0, sizeof *twin);
    for (int rank = 0; rank < RANKS_MAX; rank++) twin->run_of[rank] = GS_NO_RUN;
    for (int i = 0; i < length; i++) apply(schedule, twin, history[i], runs);
    check(schedule, twin, runs, ranks);
    gs_schedule_destroy(&schedule);
    histories++;
}

static void explore(event *history, int length, int64_t runs, int ranks)
{
    model twin;
    replay(history, length, runs, ranks, &twin);
    if (length == EVENTS_MAX || twin.done + twin.failed == runs) return;
    for (int rank = 0; rank < ranks; rank++) {
        if (twin.gone[rank]) continue;
        bool busy = twin.run_of[rank] != GS_NO_RUN;
        bool waiting_run = false;
        for (int64_t r = 0; r < runs; r++) waiting_run = waiting_run || !(twin.ended[r] || twin.held[r]);
        for (int kind = ASK; kind <= LOSE; kind++) {
            /* an idle rank that is told "nothing" changes nothing: asking again would only lengthen the history */
            if ((kind == ASK && (busy || !waiting_run)) || ((kind == DONE || kind == FAIL) && !busy)) continue;
            history[length] = (event){(event_kind)kind, rank};
            explore(history, length + 1, runs, ranks);
        }
    }
}

static void every_history_of_small_farms(void **state)
{
    (void)state;
    event history[EVENTS_MAX];
    histories = 0;
    for (int64_t runs = 0; runs <= 3; runs++)
        for (int ranks = 1; ranks <= RANKS_MAX; ranks++) explore(history, 0, runs, ranks);
    explore(history, 0, RUNS_MAX, 2);
    assert_true(histories > 10000);
    print_message("%ld histories\n", histories);
}

static void nothing_left_is_told(void **state)
{
    (void)state;
    gs_schedule *schedule = NULL;
    assert_int_equal(gs_schedule_create(&schedule, 1, 2, NULL), GS_OK);
    assert_int_equal(gs_schedule_assign(schedule, 1), 0);
    assert_int_equal(gs_schedule_assign(schedule, 0), GS_NO_RUN);
    assert_false(gs_schedule_complete(schedule));
    gs_schedule_lose(schedule, 1);
    assert_int_equal(gs_schedule_assign(schedule, 0), 0); /* the lost rank's run goes to the one that waits */
    gs_schedule_end(schedule, 0, true);
    assert_true(gs_schedule_complete(schedule));
    gs_schedule_destroy(&schedule);
    gs_schedule_destroy(&schedule);
}

static void what_ended_before_is_not_handed_out(void **state)
{
    (void)state;
    enum { RUNS = 6 };
    for (unsigned ended = 0; ended < 1u << RUNS;
         ended++) { /* every set of runs that ended in an earlier launch, every second of them failed */
        gs_schedule *schedule = NULL;
        assert_int_equal(gs_schedule_create(&schedule, RUNS, 1, NULL), GS_OK);
        int64_t settled = 0, failed = 0;
        for (int64_t run = 0; run < RUNS; run++) {
            if ((ended >> run & 1) == 0) continue;
            gs_schedule_settle(schedule, run, run % 2 != 0);
            settled++;
            failed += run % 2 != 0;
        }
        gs_schedule_counts counts = gs_schedule_count(schedule);
        assert_int_equal(counts.failed, failed);
        assert_int_equal(counts.done, settled - failed);
        assert_int_equal(counts.waiting, RUNS - settled);
        assert_int_equal(gs_schedule_complete(schedule), settled == RUNS);
        for (int64_t run = 0; run < RUNS; run++) {
            if ((ended >> run & 1) != 0) continue;
            assert_int_equal(gs_schedule_assign(schedule, 0), run);
            gs_schedule_end(schedule, 0, false);
        }
        assert_int_equal(gs_schedule_assign(schedule, 0), GS_NO_RUN);
        assert_true(gs_schedule_complete(schedule));
        gs_schedule_destroy(&schedule);
    }
}

static void the_harness_can_go_red(void **state)
{
    (void)state;
    gs_schedule *schedule = NULL;
    assert_int_equal(gs_schedule_create(&schedule, 2, 1, NULL), GS_OK);
    model twin = {.run_of = {1, GS_NO_RUN, GS_NO_RUN}}; /* wrong: the schedule hands out run 0 first */
    twin.held[1] = true;
    (void)gs_schedule_assign(schedule, 0);
    expect_assert_failure(
        mock_assert(gs_schedule_run_of(schedule, 0) == twin.run_of[0], "run of rank 0", __FILE__, __LINE__));
    gs_schedule_destroy(&schedule);
}

static gs_schedule *sorted(int64_t runs, const float *work, const uint8_t *kinds)
{
    gs_schedule *schedule = NULL;
    gs_error error;
    assert_int_equal(gs_schedule_create(&schedule, runs, 2, &error), GS_OK);
    assert_int_equal(gs_schedule_sort(schedule, work, kinds, &error), GS_OK);
    return schedule;
}

static void expect_order(gs_schedule *schedule, const int64_t *order, int count)
{
    for (int i = 0; i < count; i++) {
        assert_int_equal(gs_schedule_assign(schedule, 0), order[i]);
        if (order[i] != GS_NO_RUN) gs_schedule_end(schedule, 0, false);
    }
}

static void test_long_runs_go_first(void **state)
{
    (void)state;
    gs_schedule *schedule = sorted(6, (float[]){1, 5, 1, 9, 5, 1}, (uint8_t[6]){0});
    gs_schedule_settle(schedule, 4, false);
    expect_order(schedule, (int64_t[]){3, 1, 0, 2, 5, GS_NO_RUN}, 6); /* equal ones in order */
    gs_schedule_destroy(&schedule);
}

static void test_kinds_are_compared_by_what_they_took(void **state)
{
    (void)state;
    gs_schedule *schedule = sorted(6, (float[]){10, 10, 10, 4, 4, 4}, (uint8_t[]){0, 0, 0, 3, 3, 3});
    expect_order(schedule, (int64_t[]){0}, 1); /* nothing is known yet */
    gs_schedule_learn(schedule, 0, 10);
    expect_order(schedule, (int64_t[]){1}, 1); /* of kind 3 nothing is known: as the others */
    gs_schedule_learn(schedule, 3, 40);        /* ten seconds a unit against one */
    expect_order(schedule, (int64_t[]){3, 4, 5, 2, GS_NO_RUN}, 5);
    gs_schedule_destroy(&schedule);
}

static double half(const void *context, int rank)
{
    (void)context;
    return rank == 0 ? 0.5 : 0;
}

static void expect_work(const gs_schedule *schedule, double total, double before, double done, double longest)
{
    gs_schedule_work work = gs_schedule_progress(schedule, half, NULL);
    assert_true(!(fabs(work.total - total) > 1e-9) && !(fabs(work.before - before) > 1e-9) &&
                !(fabs(work.done - done) > 1e-9) && !(fabs(work.longest - longest) > 1e-9));
}

static void test_progress_counts_work_in_the_time_it_takes(void **state)
{
    (void)state;
    gs_schedule *schedule = sorted(4, (float[]){10, 6, 4, 4}, (uint8_t[]){0, 0, 3, 3});
    expect_work(schedule, 24, 0, 0, 0);
    gs_schedule_settle(schedule, 1, false);
    expect_work(schedule, 24, 6, 6, 0);
    assert_int_equal(gs_schedule_assign(schedule, 0), 0);
    expect_work(schedule, 24, 6, 11, 5); /* half of the run of rank 0 */
    gs_schedule_take_up(schedule, 0, 0.25);
    expect_work(schedule, 24, 8.5, 11, 5);
    gs_schedule_lose(schedule, 0);
    expect_work(schedule, 24, 8.5, 6, 0);
    assert_int_equal(gs_schedule_assign(schedule, 1), 0);
    gs_schedule_learn(schedule, 0, 20); /* two seconds a unit: of kind 3 nothing else is known */
    gs_schedule_end(schedule, 1, false);
    expect_work(schedule, 48, 17, 32, 0);
    gs_schedule_learn(schedule, 2, 40);
    expect_work(schedule, 32 + 80, 17, 32, 0);
    gs_schedule_destroy(&schedule);
    assert_int_equal(gs_schedule_create(&schedule, 3, 2, NULL),
                     GS_OK); /* of which no work is known: runs are counted */
    assert_int_equal(gs_schedule_assign(schedule, 0), 0);
    expect_work(schedule, 3, 0, 0.5, 0.5);
    gs_schedule_destroy(&schedule);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_history_of_small_farms),
        cmocka_unit_test(nothing_left_is_told),
        cmocka_unit_test(what_ended_before_is_not_handed_out),
        cmocka_unit_test(the_harness_can_go_red),
        cmocka_unit_test(test_long_runs_go_first),
        cmocka_unit_test(test_kinds_are_compared_by_what_they_took),
        cmocka_unit_test(test_progress_counts_work_in_the_time_it_takes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
