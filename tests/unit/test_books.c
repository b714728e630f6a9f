/* Rank 0's books: what is told of how far the work is, however runs are taken up, left and taken up again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "farm/books.h"

enum { RUNS = 3, RANKS = 5, STEPS = 100, FIRST_ROW = 40 };

static gs_common common;
static gs_farm_view seen;
static int finished;

static gs_job job_of(void *context, int64_t run)
{
    (void)context;
    gs_job job = {.run = run, .seed = (uint64_t)run};
    gs_settings_defaults(&job.settings, GS_MODEL_ORACLE);
    job.settings.values[GS_SETTING_STEPS].integer = STEPS;
    return job;
}

static int64_t row_of(void *context, int64_t run)
{
    (void)context;
    return FIRST_ROW + run;
}

static void see(void *context, const gs_farm_view *view)
{
    (void)context;
    seen = *view;
}

static void see_finished(void *context, const gs_row *row)
{
    (void)context;
    (void)row;
    finished++;
}

static const gs_observer observer = {.finished = see_finished, .tick = see};

static void open_books(gs_books *books, gs_agenda *agenda)
{
    *agenda = gs_agenda_without_store(NULL, RUNS, job_of);
    *books = (gs_books){.schedule = NULL};
    finished = 0;
    assert_int_equal(gs_books_open(books, RANKS, &common, agenda, &observer, NULL), GS_OK);
}

static int64_t assign(gs_books *books, int rank)
{
    gs_job job;
    bool found;
    assert_int_equal(gs_books_assign(books, rank, &job, &found, NULL), GS_OK);
    assert_true(found);
    return job.run;
}

/* What is told now. */
static const gs_farm_view *told(gs_books *books)
{
    seen = (gs_farm_view){.steps = -1};
    assert_int_equal(gs_books_tell(books, true, NULL), GS_OK);
    return &seen;
}

static void hear(gs_books *books, int rank, int64_t before, int64_t done)
{
    gs_standing standing = {.steps_done = done,
                            .share = (double)done / STEPS,
                            .seconds = 1,
                            .steps_before = before,
                            .share_before = (double)before / STEPS};
    gs_books_hear(books, rank, &standing);
}

static void collect(gs_books *books, int rank, int64_t run)
{
    gs_parcel parcel = {.bytes = NULL};
    gs_job job = job_of(NULL, run);
    assert_int_equal(gs_parcel_pack_nothing(&parcel, &job, rank, NULL), GS_OK);
    assert_int_equal(gs_books_collect(books, rank, &parcel, NULL), GS_OK);
    gs_parcel_free(&parcel);
}

/* Steps of earlier launches are not of this one; those of a rank that is gone are gone with it. */
static void steps_are_those_of_this_launch(void **state)
{
    (void)state;
    gs_books books;
    gs_agenda agenda;
    open_books(&books, &agenda);
    assign(&books, 0);
    assign(&books, 1);
    assert_true(told(&books)->steps == 0);
    hear(&books, 1, 60, 60);
    assert_true(told(&books)->steps == 0);
    hear(&books, 1, 60, 75);
    hear(&books, 0, 0, 5);
    assert_true(told(&books)->steps == 20);

    bool again;
    assert_int_equal(gs_books_interrupt(&books, 1, &again, NULL), GS_OK);
    assert_true(again);
    assert_true(told(&books)->steps == 5);
    assert_int_equal(seen.counts.waiting, 2);
    assign(&books, 2);
    hear(&books, 2, 70, 70); /* by a later checkpoint */
    assert_true(told(&books)->steps == 5);
    hear(&books, 2, 70, 90);
    assert_true(told(&books)->steps == 25);
    assert_int_equal(gs_books_release(&books, 2, NULL), GS_OK);
    assert_true(told(&books)->steps == 5);
    gs_books_close(&books);
}

static void work_is_never_negative_and_ends_whole(void **state)
{
    (void)state;
    gs_books books;
    gs_agenda agenda;
    open_books(&books, &agenda);
    for (int rank = 1; rank <= 3; rank++) {
        assign(&books, rank);
        hear(&books, rank, 80, 80);
        assert_true(told(&books)->work.done >= 0);
        assert_int_equal(gs_books_release(&books, rank, NULL), GS_OK);
        assert_true(told(&books)->work.done >= 0);
    }
    for (int i = 0; i < RUNS; i++) collect(&books, 4, assign(&books, 4));
    assert_int_equal(finished, 0); /* taken, and not settled yet */
    assert_int_equal(gs_books_settle(&books, NULL), GS_OK);
    assert_int_equal(finished, RUNS);
    assert_true(gs_schedule_complete(books.schedule));
    gs_books_close(&books);
}

static void a_result_of_another_rank_is_refused(void **state)
{
    (void)state;
    gs_books books;
    gs_agenda agenda;
    gs_error error;
    open_books(&books, &agenda);
    int64_t run = assign(&books, 1);
    gs_parcel parcel = {.bytes = NULL};
    gs_job job = job_of(NULL, run);
    assert_int_equal(gs_parcel_pack_nothing(&parcel, &job, 0, NULL), GS_OK);
    assert_int_equal(gs_books_collect(&books, 0, &parcel, &error), GS_ERROR_INTERNAL);
    assert_non_null(strstr(error.text, "which is not its own"));
    gs_parcel_free(&parcel);
    gs_books_close(&books);
}

static void users_know_runs_by_their_rows(void **state)
{
    (void)state;
    gs_books books;
    gs_agenda agenda;
    open_books(&books, &agenda);
    assert_int_equal(gs_books_row(&books, 2), 2);
    agenda.row = row_of;
    assert_int_equal(gs_books_row(&books, 2), FIRST_ROW + 2);
    gs_books_close(&books);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(steps_are_those_of_this_launch),
        cmocka_unit_test(work_is_never_negative_and_ends_whole),
        cmocka_unit_test(a_result_of_another_rank_is_refused),
        cmocka_unit_test(users_know_runs_by_their_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
