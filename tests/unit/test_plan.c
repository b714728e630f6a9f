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

static const char *label(const planned *made, size_t variant)
{
    static char text[GS_LABEL];
    assert_true(variant < made->plan->variant_count);
    gs_plan_label(made->plan, variant, text);
    return text;
}

static const gs_settings *settings_of(const planned *made, size_t variant)
{
    static gs_settings settings;
    assert_true(variant < made->plan->variant_count);
    settings = gs_plan_settings(made->plan, variant);
    return &settings;
}

static void id_of(const planned *made, size_t run, char id[GS_ID])
{
    gs_job job = gs_plan_job(made->plan, run);
    gs_run_id(&job.settings, job.seed, &digits, id);
}

static void seeds_are_innermost_and_the_first_parameter_is_slowest(void **state)
{
    (void)state;
    planned made = plan_of(
        "seeds: [7, 3]\nparameters:\n  steps: [10, 20]\n  minibatch_discrimination: {values: [off, on]}\n", NULL, 0);
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
        assert_int_equal(gs_settings_integer(&job.settings, GS_SETTING_MINIBATCH_DISCRIMINATION),
                         wanted[run].minibatch);
    }
    assert_string_equal(label(&made, 1), "steps=10, minibatch_discrimination=on");
    release(&made);
}

static void what_does_not_apply_multiplies_nothing(void **state)
{
    (void)state;
    planned made =
        plan_of("seeds: 0-1\nparameters:\n  minibatch_discrimination: [off, on]\n  mbd_features: [4, 8]\n", NULL, 0);
    assert_int_equal(made.plan->variant_count, 3); /* off, on with 4, on with 8 */
    assert_int_equal(made.plan->merged, 1);
    assert_string_equal(label(&made, 0), "minibatch_discrimination=off");
    assert_string_equal(label(&made, 2), "minibatch_discrimination=on, mbd_features=8");
    release(&made);
}

static void a_sweep_of_one_variant_is_called_after_its_model(void **state)
{
    (void)state;
    planned made = plan_of("seeds: {first: 5, count: 3}\n", NULL, 0);
    assert_int_equal(made.plan->run_count, 3);
    assert_int_equal(gs_plan_job(made.plan, 2).seed, 7);
    assert_string_equal(label(&made, 0), "gan");
    release(&made);
}

static void overrides_win_and_keep_their_place(void **state)
{
    (void)state;
    const char *overrides[] = {"seeds=4-5", "steps=30,40", "data.digit_weights=[1,1,1,1,1,1],[4,4,4,4,2,1]",
                               "name=other"};
    planned made = plan_of("name: first\nseeds: 0\nparameters:\n  steps: 10\n  batch_size: [8, 16]\n", overrides, 4);
    assert_string_equal(made.sweep->name, "other");
    assert_int_equal(made.plan->variant_count, 8);
    assert_string_equal(label(&made, 0), "steps=30, batch_size=8, data.digit_weights=[1, 1, 1, 1, 1, 1]");
    assert_int_equal(gs_plan_job(made.plan, 1).seed, 5);
    release(&made);
}

static void identity_ignores_order_spelling_and_defaults(void **state)
{
    (void)state;
    static const char *const same[] = {
        "seeds: 3\nparameters: {steps: 100, minibatch_discrimination: off}\n",
        "name: another\nseeds: [3]\nparameters: {minibatch_discrimination: No, steps: 1e2}\n",
        ("seeds: 3-3\nparameters:\n  model: gan\n  minibatch_discrimination: {value: false}\n  steps: {value: 100}\n  "
         "batch_size: 128\n"
         "data: {green: 0.340, mnist: null}\nevaluation: {samples: 12800}\nstorage: {samples: none}\n"),
    };
    char first[GS_ID], other[GS_ID];
    for (size_t i = 0; i < sizeof same / sizeof same[0]; i++) {
        planned made = plan_of(same[i], NULL, 0);
        id_of(&made, 0, i == 0 ? first : other);
        if (i > 0) assert_string_equal(first, other);
        release(&made);
    }
    static const char *const different[] = {"seeds=4",
                                            "steps=101",
                                            "minibatch_discrimination=on",
                                            "data.green=0.3",
                                            "evaluation.samples=1280",
                                            "evaluation.every=10",
                                            "adam_beta1=0.5"};
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

/* ---- the rest of the language ------------------------------------------------------------------------------------ */

static void zip_links_and_exclude_and_include_change_the_product(void **state)
{
    (void)state;
    planned made =
        plan_of("seeds: 0-1\nparameters:\n  model: [vae, gan]\n  steps: 50\n"
                "zip: [{latent_dim: [2, 8], batch_size: [64, 256]}]\n"
                "exclude: [{model: vae, batch_size: 256}]\n"
                "include: [{model: diffusion, timesteps: 20}, {model: gan, latent_dim: 2, batch_size: 64}]\n",
                NULL, 0);
    assert_int_equal(made.plan->variant_count, 4);
    assert_int_equal(made.plan->excluded, 1);
    assert_int_equal(made.plan->merged, 1);
    assert_string_equal(label(&made, 0), "vae, latent_dim=2, batch_size=64");
    assert_string_equal(label(&made, 1), "gan, latent_dim=2, batch_size=64");
    assert_string_equal(label(&made, 2), "gan, latent_dim=8, batch_size=256");
    assert_string_equal(label(&made, 3), "diffusion, batch_size=64");
    assert_int_equal(gs_settings_integer(settings_of(&made, 3), GS_SETTING_STEPS),
                     50); /* what is fixed holds for all */
    release(&made);
}

/* A value in a list of exclude by which nothing is left out may be a slip; the item as a whole is of use. */
static void a_value_that_exclude_lists_in_vain_is_told(void **state)
{
    (void)state;
    const char *head = "seeds: 0\nparameters: {model: [vae, gan], steps: [1, 2]}\n";
    const struct {
        const char *exclude, *note;
    } cases[] = {
        {"exclude: [{model: [vae, gan], steps: 1}]\n", ""},
        {"exclude: [{model: vae, steps: 1}, {model: [vae, gan], steps: [1]}]\n", ""},
        {"exclude: [{steps: [1, 3]}]\n", ":3:23: exclude: no combination of this sweep is left out by steps: 3\n"},
        {"exclude:\n- steps: 1\n  model: [gan, oracle, vae]\n- {steps: [2, 3, 4], model: gan}\n",
         ":5:16: exclude: no combination of this sweep is left out by model: oracle (and 2 more like it)\n"},
        {"exclude: [{steps: [2, 3]}]\nmethod: random\nrun_cap: 3\n", ""},
    };
    for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
        char text[512];
        snprintf(text, sizeof text, "%s%s", head, cases[c].exclude);
        planned made = plan_of(text, NULL, 0);
        const char *note = made.plan->note.text;
        if (cases[c].note[0] == '\0') assert_string_equal(note, "");
        else assert_non_null(strstr(note, cases[c].note));
        release(&made);
    }
}

/* What varies by items of include alone is told only where it departs from what all others have. */
static void include_calls_variants_by_what_it_changes(void **state)
{
    (void)state;
    planned made =
        plan_of("seeds: 0\nparameters: {minibatch_discrimination: off, latent_dim: [2, 4], steps: 10}\n"
                "include: [{minibatch_discrimination: on}, {packing: 2, latent_dim: 4}, {steps: 20, r1: 1}]\n",
                NULL, 0);
    const char *const labels[] = {"latent_dim=2", "latent_dim=4", "minibatch_discrimination=on, latent_dim=16",
                                  "latent_dim=4, packing=2", "latent_dim=16, steps=20, r1=1"};
    assert_int_equal(made.plan->variant_count, 5);
    for (size_t v = 0; v < 5; v++) assert_string_equal(label(&made, v), labels[v]);
    release(&made);
    made = plan_of("seeds: 0\nparameters: {model: gan}\ninclude: [{packing: 2}, {packing: 4}]\n", NULL, 0);
    const char *const plain[] = {"gan", "packing=2", "packing=4"};
    for (size_t v = 0; v < 3; v++) assert_string_equal(label(&made, v), plain[v]);
    release(&made);
}

static void hydra_overrides_add_change_and_remove(void **state)
{
    (void)state;
    const char *overrides[] = {"steps=range(10,40,10)", "+adam_beta1=0.5",
                               "~batch_size",           "parameters.latent_dim=choice(2,4)",
                               "data={green: 0.1}",     "storage.samples=none"};
    planned made =
        plan_of("seeds: 0\nparameters:\n  steps: 10\n  batch_size: [8, 16]\ndata: {green: 0.2}\n", overrides, 6);
    assert_int_equal(made.plan->variant_count, 6);
    assert_string_equal(label(&made, 5), "steps=30, latent_dim=4");
    const gs_settings *settings = settings_of(&made, 5);
    assert_int_equal(gs_settings_integer(settings, GS_SETTING_BATCH_SIZE), 128);
    assert_true(gs_settings_real(settings, GS_SETTING_ADAM_BETA1) < 0.51);
    assert_true(gs_settings_real(settings, GS_SETTING_GREEN) < 0.11);
    assert_false(made.sweep->storage.samples);
    release(&made);
}

/* As a shell passes it without quotes. */
static void braces_need_no_blanks(void **state)
{
    (void)state;
    const char *overrides[] = {"seeds={first:3,count:2}", "include=[{model:vae,steps:5},{'latent_dim':2}]"};
    planned made = plan_of("seeds: 0\nparameters: {model: gan, steps: 10}\n", overrides, 2);
    assert_int_equal(made.plan->seed_count, 2);
    assert_int_equal(made.sweep->seeds[0], 3);
    assert_int_equal(made.plan->variant_count, 3);
    assert_string_equal(label(&made, 2), "gan, latent_dim=2");
    release(&made);
}

static void text_may_look_like_a_function(void **state)
{
    (void)state;
    const char *overrides[] = {"description=best(2)", "+name=range"};
    planned made = plan_of("seeds: 0\n", overrides, 2);
    assert_string_equal(made.sweep->description, "best(2)");
    assert_string_equal(made.sweep->name, "range");
    release(&made);
}

static void an_override_leaves_a_zip_or_stays_linked(void **state)
{
    (void)state;
    static const char *const yaml = "seeds: 0\nzip: [{latent_dim: [2, 8], batch_size: [64, 256]}]\n";
    const char *one[] = {"latent_dim=4"}, *both[] = {"latent_dim=3,5"};
    planned made = plan_of(yaml, one, 1);
    assert_int_equal(made.plan->variant_count, 2);
    assert_string_equal(label(&made, 1), "batch_size=256");
    release(&made);
    made = plan_of(yaml, both, 1);
    assert_int_equal(made.plan->variant_count, 2);
    assert_string_equal(label(&made, 1), "latent_dim=5, batch_size=256");
    release(&made);
}

static void a_comma_in_quotes_makes_no_list(void **state)
{
    (void)state;
    static const struct {
        const char *override, *description;
    } cases[] = {
        {"description='a, b'", "a, b"},
        {"description=\"it's a, \\\"b\\\"\"", "it's a, \"b\""},
        {"description='it''s, x'", "it's, x"},
        {"description=it's plain", "it's plain"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        planned made = plan_of("seeds: 0\n", &cases[i].override, 1);
        assert_string_equal(made.sweep->description, cases[i].description);
        release(&made);
    }
    const char *list[] = {"steps=10,20", "description='x'"};
    planned made = plan_of("seeds: 0\n", list, 2);
    assert_int_equal(made.plan->variant_count, 2);
    release(&made);
}

static void wrong_overrides_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *override, *says;
    } cases[] = {
        {"+steps=5", "the sweep sets it already"},
        {"~latent_dim", "the sweep does not set it"},
        {"~steps=5", "without a value"},
        {"steps=range(0,8,0)", "expected range("},
        {"steps=range(a)", "expected range("},
        {"steps=sort(3,1)", "only range(...) and choice(...) are known, not sort"},
        {"seeds={first:1,cont:2}", "did you mean 'count'?"},
        {"=5", "expected KEY=VALUE"},
        {"stepz=5", "did you mean 'steps'?"},
        {"storage.sample=none", "did you mean 'storage.samples'?"},
        {"+latent_dim=3", "the sweep sets it by zip"},
        {"data=5", "expected a mapping"},
        {"a: b=5", "not valid YAML"},
        {"description='a, b', c", "expected text"},
        {"data.grene=1", "did you mean 'data.green'?"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        static const char text[] = "seeds: 0\nparameters: {steps: 10}\n",
                          zipped[] = "seeds: 0\nparameters: {steps: 10}\n"
                                     "zip: {latent_dim: [2, 8], batch_size: [64, 256]}\n";
        bool zip = strcmp(cases[i].override, "+latent_dim=3") == 0;
        gs_sweep *sweep = NULL;
        gs_error error;
        const char *overrides[] = {cases[i].override};
        gs_status status = gs_sweep_read_text(&sweep, "t.yaml", zip ? zipped : text, strlen(zip ? zipped : text),
                                              overrides, 1, &error);
        assert_int_equal(status, GS_ERROR_INPUT);
        if (strstr(error.text, cases[i].says) == NULL) fail_msg("'%s' is not in '%s'", cases[i].says, error.text);
    }
}

/* As many as have room, each with its lines, and then that there are more. */
static void many_wrong_overrides_are_told_whole(void **state)
{
    (void)state;
    enum { MANY = 60 };
    static const char text[] = "seeds: 0\nparameters: {stepz: 10}\n", last[] = "\n       | ^\nThere are more errors.";
    char texts[MANY][32];
    const char *overrides[MANY];
    for (int count = 1; count <= MANY; count++) {
        gs_sweep *sweep = NULL;
        gs_error error;
        snprintf(texts[count - 1], sizeof texts[0], "stepz%0*d=5", count % 7 + 1, count);
        overrides[count - 1] = texts[count - 1];
        assert_int_equal(gs_sweep_read_text(&sweep, "t.yaml", text, strlen(text), overrides, (size_t)count, &error),
                         GS_ERROR_INPUT);
        assert_non_null(strstr(error.text, "t.yaml:2:14: unknown parameter 'stepz'"));
        assert_non_null(strstr(error.text, "command line:1:1: unknown setting 'stepz01'"));
        bool cut = strstr(error.text, "There are more errors.") != NULL;
        const char *end = cut ? last : "\n       | ^";
        assert_true(cut || count < MANY);
        assert_string_equal(error.text + strlen(error.text) - strlen(end), end);
    }
}

static void keys_of_other_tools_are_noted(void **state)
{
    (void)state;
    planned made = plan_of("seeds: 0\nprogram: train.py\nmetric: {name: tv, goal: minimize}\n", NULL, 0);
    assert_string_equal(made.sweep->note, "W&B's keys that mean nothing here: program, metric");
    release(&made);
}

#define RANDOM "seeds: 0-1\nmethod: random\nrun_cap: 500\nsearch_seed: 9\nparameters:\n"

/* A draw depends on the search seed, the name and the trial: neither on other parameters nor on their order. */
static void draws_are_counted_not_drawn_in_turn(void **state)
{
    (void)state;
    planned one = plan_of(RANDOM "  adam_beta1: {distribution: uniform, min: 0.1, max: 0.9}\n", NULL, 0);
    planned more = plan_of(RANDOM "  latent_dim: {min: 2, max: 1000}\n  batch_size: [8, 16]\n"
                                  "  adam_beta1: {distribution: uniform, min: 0.1, max: 0.9}\n",
                           NULL, 0);
    const char *seed[] = {"search_seed=10"};
    planned other = plan_of(RANDOM "  adam_beta1: {distribution: uniform, min: 0.1, max: 0.9}\n", seed, 1);
    assert_int_equal(one.plan->variant_count + one.plan->merged, 500);
    assert_int_equal(one.plan->run_count, 2 * one.plan->variant_count);
    size_t same = 0;
    for (size_t v = 0; v < 400; v++) {
        double value = gs_settings_real(settings_of(&one, v), GS_SETTING_ADAM_BETA1);
        assert_true(value >= 0.1 && value <= 0.9);
        assert_memory_equal(&value, &settings_of(&more, v)->values[GS_SETTING_ADAM_BETA1].real, sizeof value);
        same += memcmp(&value, &settings_of(&other, v)->values[GS_SETTING_ADAM_BETA1].real, sizeof value) == 0;
    }
    assert_true(same < 5);
    release(&one);
    release(&more);
    release(&other);
}

/* Share of the first `count` draws of a distribution that are at most `bound`. */
static double share(const gs_distribution *d, gs_setting_id id, double bound)
{
    enum { DRAWS = 20000 };
    size_t below = 0;
    for (size_t trial = 0; trial < DRAWS; trial++) {
        gs_value value;
        gs_error error;
        if (gs_distribution_draw(d, id, 4, trial, &value, &error) != GS_OK) fail_msg("%s", error.text);
        double number = gs_settings_table[id].type == GS_TYPE_INTEGER ? (double)value.integer : value.real;
        below += number <= bound;
    }
    return (double)below / DRAWS;
}

static void distributions_have_the_right_quantiles(void **state)
{
    (void)state;
    static const struct {
        gs_distribution distribution;
        gs_setting_id id;
        double bound, share;
    } cases[] = {
        {{GS_SHAPE_INT_UNIFORM, 1, 4, 0}, GS_SETTING_LATENT_DIM, 1, 0.25},
        {{GS_SHAPE_INT_UNIFORM, 1, 4, 0}, GS_SETTING_LATENT_DIM, 3, 0.75},
        {{GS_SHAPE_UNIFORM, 0, 1, 0}, GS_SETTING_GREEN, 0.3, 0.3},
        {{GS_SHAPE_UNIFORM, 8, 40, 16}, GS_SETTING_BATCH_SIZE, 16, 0.5}, /* 8-24 rounds to 16 */
        {{GS_SHAPE_LOG_UNIFORM_VALUES, 1e-5, 1e-3, 0}, GS_SETTING_LEARNING_RATE, 1e-4, 0.5},
        {{GS_SHAPE_INV_LOG_UNIFORM_VALUES, 1e-5, 1e-3, 0}, GS_SETTING_LEARNING_RATE, 1e-4, 0.5},
        {{GS_SHAPE_LOG_UNIFORM, -4, -2, 0}, GS_SETTING_GREEN, 0.049787068, 0.5}, /* e^-3 */
        {{GS_SHAPE_INV_LOG_UNIFORM, 2, 4, 0}, GS_SETTING_GREEN, 0.049787068, 0.5},
        {{GS_SHAPE_NORMAL, 100, 10, 0}, GS_SETTING_KL_WEIGHT, 110, 0.8413447},
        {{GS_SHAPE_NORMAL, 500, 50, 1}, GS_SETTING_STEPS, 500, 0.504},
        {{GS_SHAPE_LOG_NORMAL, 0, 1, 0}, GS_SETTING_KL_WEIGHT, 2.7182818, 0.8413447},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        double found = share(&cases[i].distribution, cases[i].id, cases[i].bound);
        if (found < cases[i].share - 0.015 || found > cases[i].share + 0.015)
            fail_msg("case %zu: %g, not %g", i, found, cases[i].share);
    }
}

static void probabilities_and_constants_hold(void **state)
{
    (void)state;
    const char *cap[] = {"run_cap=4000", "seeds=0"};
    planned made = plan_of(RANDOM "  steps: {distribution: constant, value: 77}\n  latent_dim: {values: [2, 3, 4], "
                                  "probabilities: [0.7, 0, 0.3]}\n"
                                  "  adam_beta1: {distribution: uniform, min: 0, max: 0.9}\n",
                           cap, 2);
    size_t twos = 0;
    for (size_t v = 0; v < made.plan->variant_count; v++) {
        int64_t latent = gs_settings_integer(settings_of(&made, v), GS_SETTING_LATENT_DIM);
        assert_int_equal(gs_settings_integer(settings_of(&made, v), GS_SETTING_STEPS), 77);
        assert_int_not_equal(latent, 3);
        twos += latent == 2;
    }
    double part = (double)twos / (double)made.plan->variant_count;
    assert_true(part > 0.67 && part < 0.73);
    release(&made);
}

/* Two of these draws, written down: another machine and another version draw the same. */
static void draws_stay_what_they_were(void **state)
{
    (void)state;
    const char *cap[] = {"run_cap=2", "seeds=0"};
    planned made =
        plan_of(RANDOM "  generator_learning_rate: {distribution: log_uniform_values, min: 1e-5, max: 1e-3}\n", cap, 2);
    assert_string_equal(label(&made, 0), "generator_learning_rate=0.00031683");
    assert_string_equal(label(&made, 1), "generator_learning_rate=8.79078e-05");
    release(&made);
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
        cmocka_unit_test(zip_links_and_exclude_and_include_change_the_product),
        cmocka_unit_test(a_value_that_exclude_lists_in_vain_is_told),
        cmocka_unit_test(include_calls_variants_by_what_it_changes),
        cmocka_unit_test(hydra_overrides_add_change_and_remove),
        cmocka_unit_test(braces_need_no_blanks),
        cmocka_unit_test(text_may_look_like_a_function),
        cmocka_unit_test(an_override_leaves_a_zip_or_stays_linked),
        cmocka_unit_test(a_comma_in_quotes_makes_no_list),
        cmocka_unit_test(wrong_overrides_are_refused),
        cmocka_unit_test(many_wrong_overrides_are_told_whole),
        cmocka_unit_test(keys_of_other_tools_are_noted),
        cmocka_unit_test(draws_are_counted_not_drawn_in_turn),
        cmocka_unit_test(distributions_have_the_right_quantiles),
        cmocka_unit_test(probabilities_and_constants_hold),
        cmocka_unit_test(draws_stay_what_they_were),
    };
    return cmocka_run_group_tests(tests, prepare, clean);
}
