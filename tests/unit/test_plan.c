/* From a sweep file to its runs: which, in which order, under which names and identities. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sweep/plan.h"

static gs_digits digits;
static char path[] = "/tmp/gensweep-plan-XXXXXX";

typedef struct {
    gs_sweep *sweep;
    gs_plan *plan;
} planned;

static int prepare(void **state)
{
    (void)state;
    gs_digits_draw(&digits);
    int file = mkstemp(path);
    return file < 0 ? -1 : close(file);
}

static int clean(void **state)
{
    (void)state;
    return unlink(path);
}

static planned plan_of(const char *yaml, const char *const *overrides, size_t count)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(yaml, file) >= 0);
    assert_int_equal(fclose(file), 0);
    planned made = {NULL, NULL};
    gs_error error = {{0}};
    if (gs_sweep_read(&made.sweep, path, overrides, count, &error) != GS_OK ||
        gs_plan_create(&made.plan, made.sweep, &error) != GS_OK)
        fail_msg("%s", error.text);
    return made;
}

static void release(planned *made)
{
    gs_plan_destroy(&made->plan);
    gs_sweep_destroy(&made->sweep);
}

static void id_of(const planned *made, size_t run, char id[GS_ID])
{
    gs_job job = gs_plan_job(made->plan, run);
    gs_run_id(&job.settings, job.seed, &digits, id);
}

static void seeds_are_innermost_and_the_first_parameter_is_slowest(void **state)
{
    (void)state;
    planned made = plan_of("seeds: [7, 3]\nparameters:\n  steps: [10, 20]\n  minibatch_discrimination: {values: [off, on]}\n", NULL, 0);
    assert_int_equal(made.plan->run_count, 8);
    assert_int_equal(made.plan->merged, 0);
    static const struct {
        int64_t steps, minibatch;
        uint64_t seed;
    } wanted[] = {{10, 0, 7}, {10, 0, 3}, {10, 1, 7}, {10, 1, 3}, {20, 0, 7}, {20, 0, 3}, {20, 1, 7}, {20, 1, 3}};
    for (size_t run = 0; run < 8; run++) {
        gs_job job = gs_plan_job(made.plan, run);
        assert_int_equal(job.run, run);
        assert_int_equal(job.seed, wanted[run].seed);
        assert_int_equal(gs_settings_integer(&job.settings, GS_SETTING_STEPS), wanted[run].steps);
        assert_int_equal(gs_settings_integer(&job.settings, GS_SETTING_MINIBATCH_DISCRIMINATION), wanted[run].minibatch);
    }
    assert_string_equal(made.plan->variants[1].label, "steps=10, minibatch_discrimination=on");
    release(&made);
}

static void what_does_not_apply_multiplies_nothing(void **state)
{
    (void)state;
    planned made = plan_of("seeds: 0-1\nparameters:\n  minibatch_discrimination: [off, on]\n  mbd_features: [4, 8]\n", NULL, 0);
    assert_int_equal(made.plan->variant_count, 3); /* off, on with 4, on with 8 */
    assert_int_equal(made.plan->merged, 1);
    assert_string_equal(made.plan->variants[0].label, "minibatch_discrimination=off");
    assert_string_equal(made.plan->variants[2].label, "minibatch_discrimination=on, mbd_features=8");
    release(&made);
}

static void a_sweep_of_one_variant_is_called_after_its_model(void **state)
{
    (void)state;
    planned made = plan_of("seeds: {first: 5, count: 3}\n", NULL, 0);
    assert_int_equal(made.plan->run_count, 3);
    assert_int_equal(gs_plan_job(made.plan, 2).seed, 7);
    assert_string_equal(made.plan->variants[0].label, "gan");
    release(&made);
}

static void overrides_win_and_keep_their_place(void **state)
{
    (void)state;
    const char *overrides[] = {"seeds=4-5", "steps=30,40", "data.digit_weights=[1,1,1,1,1,1],[4,4,4,4,2,1]", "name=other"};
    planned made = plan_of("name: first\nseeds: 0\nparameters:\n  steps: 10\n  batch_size: [8, 16]\n", overrides, 4);
    assert_string_equal(made.sweep->name, "other");
    assert_int_equal(made.plan->variant_count, 8);
    assert_string_equal(made.plan->variants[0].label, "steps=30, batch_size=8, data.digit_weights=[1, 1, 1, 1, 1, 1]");
    assert_int_equal(gs_plan_job(made.plan, 1).seed, 5);
    release(&made);
}

static void identity_ignores_order_spelling_and_defaults(void **state)
{
    (void)state;
    static const char *const same[] = {
        "seeds: 3\nparameters: {steps: 100, minibatch_discrimination: off}\n",
        "name: another\nseeds: [3]\nparameters: {minibatch_discrimination: No, steps: 1e2}\n",
        "seeds: 3-3\nparameters:\n  model: gan\n  minibatch_discrimination: {value: false}\n  steps: {value: 100}\n  batch_size: 128\n"
        "data: {green: 0.340, mnist: null}\nevaluation: {samples: 12800}\nstorage: {samples: none}\n",
    };
    char first[GS_ID], other[GS_ID];
    for (size_t i = 0; i < sizeof same / sizeof same[0]; i++) {
        planned made = plan_of(same[i], NULL, 0);
        id_of(&made, 0, i == 0 ? first : other);
        if (i > 0) assert_string_equal(first, other);
        release(&made);
    }
    static const char *const different[] = {"seeds=4", "steps=101", "minibatch_discrimination=on", "data.green=0.3",
                                            "evaluation.samples=1280", "evaluation.every=10", "adam_beta1=0.5"};
    for (size_t i = 0; i < sizeof different / sizeof different[0]; i++) {
        char override[64];
        snprintf(override, sizeof override, "%s", different[i]);
        const char *overrides[] = {override};
        planned made = plan_of(same[0], overrides, 1);
        id_of(&made, 0, other);
        assert_string_not_equal(first, other);
        release(&made);
    }
    planned made = plan_of(same[0], NULL, 0);
    digits.grey[2][400] ^= 1;
    id_of(&made, 0, other);
    digits.grey[2][400] ^= 1;
    assert_string_not_equal(first, other);
    release(&made);
}

/* The identity of one run, written down: a change of it would orphan every results file. */
static void identity_stays_what_it_was(void **state)
{
    (void)state;
    gs_digits flat;
    memset(&flat, 100, sizeof flat);
    gs_settings settings;
    char id[GS_ID];
    gs_settings_defaults(&settings, GS_MODEL_GAN);
    settings.values[GS_SETTING_STEPS].integer = 500;
    gs_run_id(&settings, 42, &flat, id);
    assert_string_equal(id, "1879d807c9db3c35f1151274b8d0a69e");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(seeds_are_innermost_and_the_first_parameter_is_slowest),
        cmocka_unit_test(what_does_not_apply_multiplies_nothing),
        cmocka_unit_test(a_sweep_of_one_variant_is_called_after_its_model),
        cmocka_unit_test(overrides_win_and_keep_their_place),
        cmocka_unit_test(identity_ignores_order_spelling_and_defaults),
        cmocka_unit_test(identity_stays_what_it_was),
    };
    return cmocka_run_group_tests(tests, prepare, clean);
}
