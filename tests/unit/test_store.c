/* A results file that is opened again: which runs are to do, what is added, what is refused. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store/copy.h"
#include "store/file.h"
#include "store/lock.h"
#include "store/store.h"
#include "store/verify.h"
#include "train/trainer.h"

static gs_digits digits;
static char folder[64], path[128];

static int prepare(void **state)
{
    (void)state;
    gs_digits_draw(&digits);
    snprintf(folder, sizeof folder, "/tmp/gensweep-store-XXXXXX");
    if (mkdtemp(folder) == NULL) return -1;
    snprintf(path, sizeof path, "%s/r.h5", folder);
    return 0;
}

static int clean_up(void **state)
{
    (void)state;
    char name[160];
    for (int number = 0; number < 10; number++) {
        snprintf(name, sizeof name, number == 0 ? "%s" : "%s.%d", path, number);
        unlink(name);
    }
    return rmdir(folder);
}

/* A sweep of the oracle with so many seeds, and its open file. */
typedef struct {
    gs_sweep *sweep;
    gs_plan *plan;
    gs_store *store;
    gs_store_contents contents;
    gs_error error;
} session;

static bool killed = true; /* as if the last program had been */

static gs_status begin(session *s, int seeds, const char *more, bool retry_failed, int max_attempts)
{
    static const gs_fact facts[] = {{.name = "started", .text = "now"}, {.name = "ranks", .number = 1}};
    char text[512];
    *s = (session){.sweep = NULL};
    snprintf(
        text, sizeof text,
        "name: t\nseeds: {first: 0, count: %d}\nparameters: {model: oracle, steps: 5%s}\nevaluation: {samples: 450}\n",
        seeds, more);
    if (gs_sweep_read_text(&s->sweep, "t.yaml", text, strlen(text), NULL, 0, &s->error) != GS_OK)
        fail_msg("%s", s->error.text);
    assert_int_equal(gs_plan_create(&s->plan, s->sweep, &s->error), GS_OK);
    s->contents = (gs_store_contents){.sweep = s->sweep,
                                      .plan = s->plan,
                                      .digits = &digits,
                                      .version = "0",
                                      .overrides = "",
                                      .facts = facts,
                                      .fact_count = 2,
                                      .killed = killed,
                                      .retry_failed = retry_failed,
                                      .max_attempts = max_attempts};
    bool there = access(path, F_OK) == 0;
    return there ? gs_store_open(&s->store, path, &s->contents, &s->error)
                 : gs_store_create(&s->store, path, &s->contents, &s->error);
}

static void end(session *s)
{
    assert_int_equal(gs_store_close(&s->store, &s->error), GS_OK);
    gs_plan_destroy(&s->plan);
    gs_sweep_destroy(&s->sweep);
}

static void finish_run(session *s, int64_t run, bool failed)
{
    gs_job job = gs_plan_job(s->plan, (size_t)run);
    gs_parcel parcel = {0};
    gs_error error;
    assert_int_equal(gs_store_start(s->store, run, 0, &error), GS_OK);
    gs_trainer *trainer = NULL;
    assert_int_equal(gs_trainer_create(&trainer, &job, &digits, 0, &error), GS_OK);
    while (gs_trainer_advance(trainer)) continue;
    if (failed) assert_int_equal(gs_parcel_pack_failure(&parcel, &job, &digits, "for a test", 0, &error), GS_OK);
    else
        assert_int_equal(
            gs_parcel_pack(&parcel, &job, gs_trainer_result(trainer), gs_store_storage(s->store), 0, 1, &error), GS_OK);
    gs_trainer_destroy(&trainer);
    if (gs_store_commit(s->store, &parcel, &error) != GS_OK) fail_msg("%s", error.text);
    gs_parcel_free(&parcel);
}

static void expect(const session *s, int64_t done, int64_t failed, int64_t to_do)
{
    const gs_store_state *state = gs_store_opened(s->store);
    assert_int_equal(state->done, done);
    assert_int_equal(state->failed, failed);
    assert_int_equal(state->to_do, to_do);
}

static void no_difference(void *context, int64_t run, const char *label, const char *what)
{
    (void)context;
    fail_msg("run %lld (%s): %s", (long long)run, label, what);
}

static void a_file_goes_on_where_it_was_left(void **state)
{
    (void)state;
    session s;
    gs_verdict verdict;
    assert_int_equal(begin(&s, 4, "", false, 3), GS_OK);
    finish_run(&s, 0, false);
    finish_run(&s, 1, true);
    assert_int_equal(gs_store_start(s.store, 2, 0, &s.error), GS_OK); /* left in flight */
    end(&s);

    assert_int_equal(begin(&s, 4, "", false, 3), GS_OK);
    expect(&s, 1, 1, 2);
    assert_int_equal(gs_store_opened(s.store)->interrupted, 1);
    assert_int_equal(gs_store_status(s.store, 0), GS_RUN_DONE);
    assert_int_equal(gs_store_status(s.store, 1), GS_RUN_FAILED);
    assert_int_equal(gs_store_status(s.store, 2), GS_RUN_PENDING);
    end(&s);

    assert_int_equal(begin(&s, 4, "", true, 3), GS_OK);
    expect(&s, 1, 0, 3);
    finish_run(&s, 1, false);
    end(&s);

    assert_int_equal(begin(&s, 6, "", false, 3), GS_OK); /* two seeds more */
    expect(&s, 2, 0, 4);
    assert_int_equal(gs_store_opened(s.store)->added, 2);
    assert_true(gs_store_opened(s.store)->aside[0] != '\0');
    finish_run(&s, 5, false);
    end(&s);

    assert_int_equal(begin(&s, 1, ", decoder_hidden_1: [64, 24]", false, 3),
                     GS_OK); /* other tensors; five runs are left out */
    expect(&s, 1, 0, 1);
    assert_int_equal(gs_store_opened(s.store)->kept, 5);
    finish_run(&s, 1, false);
    end(&s);

    if (gs_verify(path, GS_OPEN_READ, no_difference, NULL, &verdict, &s.error) != GS_OK) fail_msg("%s", s.error.text);
    assert_int_equal(verdict.done, 4);
    for (int part = 0; part < GS_PART_COUNT; part++) assert_int_equal(verdict.checked[part], 4);
}

static void a_run_that_is_always_in_flight_is_set_aside(void **state)
{
    (void)state;
    session s;
    unlink(path);
    for (int launch = 0; launch < 2; launch++) {
        assert_int_equal(begin(&s, 2, "", false, 2), GS_OK);
        expect(&s, 0, 0, 2);
        assert_int_equal(gs_store_start(s.store, 1, 0, &s.error), GS_OK);
        end(&s);
    }
    assert_int_equal(begin(&s, 2, "", false, 2), GS_OK);
    expect(&s, 0, 1, 1);
    assert_int_equal(gs_store_opened(s.store)->set_aside, 1);
    assert_int_equal(gs_store_status(s.store, 1), GS_RUN_FAILED);
    end(&s);
    assert_int_equal(begin(&s, 2, "", true, 2), GS_OK);
    expect(&s, 0, 0, 2);
    end(&s);
}

/* A program that could not go on, because of a full disk for example, has killed no run. */
static void what_a_program_left_that_ended_by_itself_does_not_count(void **state)
{
    (void)state;
    session s;
    unlink(path);
    for (int launch = 0; launch < 4; launch++) {
        assert_int_equal(begin(&s, 2, "", false, 2), GS_OK);
        expect(&s, 0, 0, 2);
        assert_int_equal(gs_store_start(s.store, 1, 0, &s.error), GS_OK);
        end(&s);
        killed = false;
    }
    killed = true;
}

static void other_digits_and_other_sweeps_are_refused(void **state)
{
    (void)state;
    session s;
    digits.grey[0][100] ^= 1;
    assert_int_equal(begin(&s, 2, "", false, 3), GS_ERROR_INPUT);
    assert_non_null(strstr(s.error.text, "other digits"));
    digits.grey[0][100] ^= 1;
    gs_plan_destroy(&s.plan);
    gs_sweep_destroy(&s.sweep);
}

static void write_text(const char *name, const char *text)
{
    FILE *file = fopen(name, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void a_lock_keeps_others_out(void **state)
{
    (void)state;
    gs_lock *first = NULL;
    gs_error error;
    char holder[GS_LOCK_HOLDER];
    assert_int_equal(gs_lock_look(path, holder), GS_LOCK_FREE);
    assert_int_equal(gs_lock_take(&first, path, &error), GS_OK);
    assert_int_equal(gs_lock_look(path, holder), GS_LOCK_HELD);
    assert_non_null(strstr(holder, "process"));
    gs_lock *second = NULL;
    assert_int_equal(gs_lock_take(&second, path, &error), GS_ERROR_STORAGE);
    assert_non_null(strstr(error.text, "is being written by another gensweep (host "));
    gs_lock_release(&first);
    assert_int_equal(gs_lock_take(&second, path, &error), GS_OK);
    assert_false(gs_lock_was_left(second));
    gs_lock_release(&second);

    char name[160];
    snprintf(name, sizeof name, "%s.lock", path);
    write_text(name, "elsewhere 17 4711 12345 0 2026-01-01T00:00:00Z\n");
    assert_int_equal(gs_lock_look(path, holder), GS_LOCK_UNKNOWN);
    assert_int_equal(gs_lock_take(&first, path, &error), GS_ERROR_STORAGE);
    assert_non_null(strstr(error.text, "host elsewhere, process 17, job 12345"));
    assert_non_null(strstr(error.text, "rm '"));
    setenv("SLURM_JOB_ID", "12345", 1); /* the same job, started again on this host */
    setenv("SLURM_RESTART_COUNT", "1", 1);
    for (int time = 0; time < 2; time++) {
        assert_int_equal(gs_lock_take(&first, path, &error), GS_OK);
        assert_true(gs_lock_was_left(first));
        if (time == 1) gs_lock_settle(first); /* before that, it is given back as it was found */
        gs_lock_release(&first);
        assert_int_equal(gs_lock_look(path, holder), time == 0 ? GS_LOCK_DEAD : GS_LOCK_FREE);
    }
    unsetenv("SLURM_JOB_ID");
    unsetenv("SLURM_RESTART_COUNT");
}

static void assert_text(const char *name, const char *text)
{
    char found[64] = "";
    FILE *file = fopen(name, "r");
    assert_non_null(file);
    assert_int_equal(fread(found, 1, sizeof found - 1, file), strlen(text));
    fclose(file);
    assert_string_equal(found, text);
}

/* A link to somebody's file, or somebody's file, where the lock belongs; and where a half-made results file would be.
 */
static void files_that_are_not_ours_are_left_alone(void **state)
{
    (void)state;
    gs_lock *lock = NULL;
    gs_error error;
    char name[160], notes[160], holder[GS_LOCK_HOLDER];
    snprintf(name, sizeof name, "%s.lock", path);
    snprintf(notes, sizeof notes, "%s.notes", path);
    write_text(notes, "notes\n");
    write_text(name, "notes\n");
    for (int time = 0; time < 2; time++) {
        assert_int_equal(gs_lock_take(&lock, path, &error), GS_ERROR_STORAGE);
        assert_non_null(strstr(error.text, "is not one"));
        assert_int_equal(gs_lock_look(path, holder), GS_LOCK_FREE);
        assert_text(name, "notes\n");
        if (time == 0) assert_true(unlink(name) == 0 && symlink(notes, name) == 0);
    }
    assert_text(notes, "notes\n");
    assert_int_equal(unlink(name), 0);
    write_text(name, ""); /* a machine that crashed may leave it so */
    assert_int_equal(gs_lock_take(&lock, path, &error), GS_OK);
    gs_lock_release(&lock);

    const char *const texts[] = {"notes\n", "\211HDF\r\n\032\n", ""};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        snprintf(name, sizeof name, "%s.99999.tmp", path);
        write_text(name, texts[i]);
        gs_remove_temporaries(path);
        assert_int_equal(access(name, F_OK) == 0, i == 0);
    }
    unlink(notes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_that_are_not_ours_are_left_alone),
        cmocka_unit_test(a_file_goes_on_where_it_was_left),
        cmocka_unit_test(a_run_that_is_always_in_flight_is_set_aside),
        cmocka_unit_test(what_a_program_left_that_ended_by_itself_does_not_count),
        cmocka_unit_test(other_digits_and_other_sweeps_are_refused),
        cmocka_unit_test(a_lock_keeps_others_out),
    };
    return cmocka_run_group_tests(tests, prepare, clean_up);
}
