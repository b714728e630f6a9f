/* Early stopping as one run sees it: where it asks, what it is compared by, and what becomes of it. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runs.h"
#include "store/digest.h"
#include "train/stopping.h"

/* Six points along training, with rungs at 1, 2 and 4. */
static gs_job job_of(gs_model_id model)
{
    gs_job job = {.run = 4, .seed = 9};
    gs_settings_defaults(&job.settings, model);
    gs_value *values = job.settings.values;
    values[GS_SETTING_STEPS].integer = 13;
    values[GS_SETTING_BATCH_SIZE].integer = 4;
    values[GS_SETTING_SAMPLES].integer = 300;
    values[GS_SETTING_EVERY].integer = 2;
    values[GS_SETTING_HIDDEN_UNITS].integer = 8;
    values[GS_SETTING_TIMESTEPS].integer = 5;
    values[GS_SETTING_STOPPING].integer = GS_STOPPING_HYPERBAND;
    values[GS_SETTING_STOPPING_ETA].real = 2;
    return job;
}

/* Runs a job to its end; at rung `stop` (0: none) it is told to stop. With `move` it changes trainers after every piece
 * of work. */
static gs_trainer *train(const gs_job *job, int64_t stop, bool move, int64_t asked[8], int *asks)
{
    gs_trainer *trainer = create_trainer(job, &digits);
    int64_t rung;
    double value;
    *asks = 0;
    while (gs_trainer_advance(trainer)) {
        bool waits = gs_trainer_asks(trainer, &rung, &value);
        if (move) {
            size_t size;
            unsigned char *bytes = state_of(trainer, &size);
            gs_trainer_destroy(&trainer);
            trainer = create_trainer(job, &digits);
            assert_true(gs_trainer_restore(trainer, bytes, size));
            free(bytes);
            double again;
            assert_int_equal(gs_trainer_asks(trainer, &rung, &again), waits);
            assert_true(!waits || memcmp(&again, &value, sizeof value) == 0);
        }
        if (!waits) continue;
        assert_true(gs_trainer_advance(trainer)); /* it waits */
        assert_true(gs_trainer_asks(trainer, &rung, &value));
        assert_in_range(*asks, 0, 7);
        asked[(*asks)++] = rung;
        gs_trainer_answer(trainer, &(gs_decision){.go_on = rung != stop, .best = 1, .runs = 2});
        assert_false(gs_trainer_asks(trainer, &rung, &value));
    }
    return trainer;
}

static void rungs_are_where_the_rule_says(void **state)
{
    (void)state;
    static const struct {
        int64_t steps, every, min_iter;
        double eta;
        int64_t rungs[12];
    } cases[] = {
        {13, 2, 1, 2, {1, 2, 4}},
        {100, 1, 1, 3, {1, 3, 9, 27, 81}},
        {81, 1, 1, 3, {1, 3, 9, 27}}, /* not after the last point */
        {100, 10, 4, 1.5, {4, 6, 9}},
        {12, 1, 1, 1.3, {1, 2, 3, 4, 6, 8, 10}}, /* 1, 1.3, 1.69, 2.197, 2.856, 3.7, 4.8, 6.3, 8.2, 10.6 */
        {100, 10, 10, 2, {0}},
        {100, 0, 1, 2, {0}},
    };
    for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
        gs_job job = job_of(GS_MODEL_ORACLE);
        job.settings.values[GS_SETTING_STEPS].integer = cases[c].steps;
        job.settings.values[GS_SETTING_EVERY].integer = cases[c].every;
        job.settings.values[GS_SETTING_STOPPING_MIN_ITER].integer = cases[c].min_iter;
        job.settings.values[GS_SETTING_STOPPING_ETA].real = cases[c].eta;
        int64_t last = 0;
        int count = 0;
        for (int64_t point = 0; point <= 100; point++) {
            if (!gs_stopping_is_rung(&job.settings, point)) continue;
            assert_int_equal(point, cases[c].rungs[count]);
            last = point;
            count++;
        }
        assert_int_equal(gs_stopping_last_rung(&job.settings), last);
        assert_int_equal(cases[c].rungs[count], 0);
        job.settings.values[GS_SETTING_STOPPING].integer = GS_STOPPING_NONE;
        assert_int_equal(gs_stopping_last_rung(&job.settings), 0);
    }
}

/* A run that is always told to go on is the run without early stopping, bit for bit. */
static void asking_changes_nothing(void **state)
{
    (void)state;
    gs_job job = job_of(GS_MODEL_ORACLE), plain = job;
    gs_digests digests, others;
    int64_t asked[8];
    int asks;
    gs_trainer *trainer = train(&job, 0, false, asked, &asks);
    assert_int_equal(asks, 3);
    assert_true(asked[0] == 1 && asked[1] == 2 && asked[2] == 4);
    assert_string_equal(gs_trainer_result(trainer)->reason, "");
    gs_digests_of(gs_trainer_result(trainer), &digests);
    gs_trainer_destroy(&trainer);
    plain.settings.values[GS_SETTING_STOPPING].integer = GS_STOPPING_NONE;
    trainer = train(&plain, 0, false, asked, &asks);
    assert_int_equal(asks, 0);
    gs_digests_of(gs_trainer_result(trainer), &others);
    assert_memory_equal(&digests, &others, sizeof digests);
    gs_trainer_destroy(&trainer);
}

/* Its results are those of its weights at the rung, and its metric there is what it was compared by:
 * for every metric. */
static void a_stopped_run_is_done(void **state)
{
    (void)state;
    const char *const *names = gs_settings_table[GS_SETTING_STOPPING_METRIC].choices;
    for (int name = 0; names[name] != NULL; name++) {
        gs_job job = job_of(GS_MODEL_ORACLE);
        job.settings.values[GS_SETTING_STOPPING_METRIC].integer = name;
        gs_trainer *trainer = create_trainer(&job, &digits);
        int64_t rung = 0;
        double value = 0;
        int metric = 0;
        while (metric < GS_METRIC_COUNT && strcmp(gs_metrics_table[metric].name, names[name]) != 0) metric++;
        assert_in_range(metric, 0, GS_METRIC_COUNT - 1);
        while (gs_trainer_advance(trainer))
            if (gs_trainer_asks(trainer, &rung, &value))
                gs_trainer_answer(trainer, &(gs_decision){.go_on = rung != 2, .best = 3, .runs = 9});
        const gs_result *result = gs_trainer_result(trainer);
        assert_int_equal(result->outcome, GS_OUTCOME_DONE);
        char reason[GS_REASON];
        snprintf(reason, sizeof reason, "stopped early after step 4 of 13: %s %.4g is not among the best 3 of 9 runs",
                 names[name], value);
        assert_string_equal(result->reason, reason);
        assert_int_equal(result->steps_done, 4);
        assert_int_equal(result->points, 2);
        assert_int_equal(result->samples, 300);
        assert_memory_equal(result->coverage.counts, result->along[1].counts, sizeof result->coverage.counts);
        assert_int_equal(result->coverage.rejected, result->along[1].rejected);
        assert_true(isfinite(value));
        assert_memory_equal(&result->metrics.values[metric], &value, sizeof value);
        gs_trainer_destroy(&trainer);
    }
}

/* What is written is read again, whatever the metric and its value. */
static void reasons_are_read_back(void **state)
{
    (void)state;
    static const double values[] = {0.61, 0, 30, 1e-300, 12345678.9, (double)NAN, HUGE_VAL, -1};
    static const int64_t numbers[] = {0, 1, 7, 29000, INT64_MAX};
    const char *const *names = gs_settings_table[GS_SETTING_STOPPING_METRIC].choices;
    gs_job job = job_of(GS_MODEL_ORACLE);
    char reason[GS_REASON];
    for (int name = 0; names[name] != NULL; name++)
        for (size_t v = 0; v < sizeof values / sizeof values[0]; v++)
            for (size_t n = 0; n < sizeof numbers / sizeof numbers[0]; n++) {
                gs_decision told = {.best = numbers[n], .runs = numbers[(n + 1) % 5]}, read = {.go_on = true};
                int64_t step = -1;
                job.settings.values[GS_SETTING_STOPPING_METRIC].integer = name;
                job.settings.values[GS_SETTING_STEPS].integer = numbers[(n + 3) % 5];
                gs_stopping_reason_write(&job.settings, numbers[(n + 2) % 5], values[v], &told, reason);
                assert_true(gs_stopping_reason_read(reason, &step, &read));
                assert_int_equal(step, numbers[(n + 2) % 5]);
                assert_true(!read.go_on && read.best == told.best && read.runs == told.runs);
            }
}

/* Sentences that stand in files: they stay readable, and nothing else is taken for one. */
static void reasons_of_earlier_files_are_read(void **state)
{
    (void)state;
    static const char *const others[] = {
        "",
        "loss is not finite after step 3 of 40",
        "stopped early after step 3 of 40",
        "stopped early after step x of 40: tv 1 is not among the best 1 of 2 runs",
        "stopped early after step 3 of 40: tv 1 is not among the best x of 2 runs",
        "it was stopped early after step 3 of 40: tv 1 is not among the best 1 of 2 runs",
    };
    gs_decision decision;
    int64_t step;
    assert_true(gs_stopping_reason_read(
        "stopped early after step 2000 of 29000: tv 0.61 is not among the best 3 of 9 runs", &step, &decision));
    assert_true(step == 2000 && !decision.go_on && decision.best == 3 && decision.runs == 9);
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        assert_false(gs_stopping_reason_read(others[i], &step, &decision));
}

static void where_nothing_was_accepted_the_value_is_not_a_number(void **state)
{
    (void)state;
    gs_job job = job_of(GS_MODEL_ORACLE);
    gs_coverage_point point = {.step = 2, .rejected = 300};
    double expected[GS_BINS];
    gs_model_expected(&job.settings, &digits, expected);
    assert_true(isnan(gs_stopping_value(&job.settings, &point, expected)) != 0);
}

static void a_run_that_is_moved_while_it_asks_is_the_same(void **state)
{
    (void)state;
    static const gs_model_id models[] = {GS_MODEL_ORACLE, GS_MODEL_GAN, GS_MODEL_DIFFUSION};
    for (size_t m = 0; m < sizeof models / sizeof models[0]; m++)
        for (int64_t stop = 0; stop <= 4; stop += 2) {
            gs_job job = job_of(models[m]);
            gs_digests whole, moved;
            int64_t asked[8];
            int asks, again;
            gs_trainer *trainer = train(&job, stop, false, asked, &asks);
            gs_digests_of(gs_trainer_result(trainer), &whole);
            char reason[GS_REASON];
            memcpy(reason, gs_trainer_result(trainer)->reason, sizeof reason);
            int64_t steps = gs_trainer_steps_done(trainer);
            gs_trainer_destroy(&trainer);
            trainer = train(&job, stop, true, asked,
                            &again); /* 300 samples are one piece, but of diffusion, which goes on where it was */
            assert_int_equal(again, asks);
            gs_digests_of(gs_trainer_result(trainer), &moved);
            assert_memory_equal(&whole, &moved, sizeof whole);
            assert_string_equal(gs_trainer_result(trainer)->reason, reason);
            assert_int_equal(gs_trainer_steps_done(trainer), steps);
            assert_int_equal(steps, stop == 0 ? 13 : 2 * stop);
            gs_trainer_destroy(&trainer);
        }
}

/* A run that was taken up can tell the rungs behind it, but not the one that it asks at. */
static void passed_rungs_are_told(void **state)
{
    (void)state;
    gs_job job = job_of(GS_MODEL_ORACLE);
    gs_trainer *trainer = create_trainer(&job, &digits);
    double values[8], value;
    int asks = 0;
    for (int64_t rung; gs_trainer_advance(trainer);) {
        if (!gs_trainer_asks(trainer, &rung, &values[asks])) continue;
        for (int answered = 0; answered < 2; answered++) {
            int64_t passed = 0;
            int count = 0;
            for (; gs_trainer_passed(trainer, &passed, &value); count++) {
                assert_int_equal(passed, 1 << count);
                assert_memory_equal(&value, &values[count], sizeof value);
            }
            assert_int_equal(count, asks + answered);
            if (answered == 0) gs_trainer_answer(trainer, &(gs_decision){.go_on = asks < 2});
        }
        asks++;
    }
    assert_int_equal(asks, 3);
    gs_trainer_destroy(&trainer);
}

/* A state that asks where the job has no rung, or has a reason to stop and trains on, is none of this job. */
static void impossible_states_are_refused(void **state)
{
    (void)state;
    gs_job job = job_of(GS_MODEL_ORACLE), other = job;
    int64_t rung;
    double value;
    size_t size;
    gs_trainer *trainer = create_trainer(&job, &digits);
    while (gs_trainer_advance(trainer) && !gs_trainer_asks(trainer, &rung, &value)) continue;
    unsigned char *asking = state_of(trainer, &size);
    gs_trainer *same = create_trainer(&job, &digits);
    assert_true(gs_trainer_restore(same, asking, size));
    gs_trainer_destroy(&same);
    other.settings.values[GS_SETTING_STOPPING].integer = GS_STOPPING_NONE;
    gs_trainer *without = create_trainer(&other, &digits);
    assert_false(gs_trainer_restore(without, asking, size));
    gs_trainer_answer(trainer, &(gs_decision){.go_on = false});
    size_t stopped_size;
    unsigned char *stopped = state_of(trainer, &stopped_size);
    assert_false(gs_trainer_restore(without, stopped, stopped_size));
    memcpy(stopped, asking, sizeof(int)); /* the phase: first in the state */
    same = create_trainer(&job, &digits);
    assert_false(gs_trainer_restore(same, stopped, stopped_size));
    gs_trainer_destroy(&same);
    gs_trainer_destroy(&without);
    gs_trainer_destroy(&trainer);
    free(asking);
    free(stopped);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rungs_are_where_the_rule_says),
        cmocka_unit_test(asking_changes_nothing),
        cmocka_unit_test(a_stopped_run_is_done),
        cmocka_unit_test(reasons_are_read_back),
        cmocka_unit_test(reasons_of_earlier_files_are_read),
        cmocka_unit_test(where_nothing_was_accepted_the_value_is_not_a_number),
        cmocka_unit_test(a_run_that_is_moved_while_it_asks_is_the_same),
        cmocka_unit_test(passed_rungs_are_told),
        cmocka_unit_test(impossible_states_are_refused),
    };
    return cmocka_run_group_tests(tests, draw_digits, NULL);
}
