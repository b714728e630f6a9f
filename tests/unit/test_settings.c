/* The table of settings: every row is consistent, values are read and written without loss. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "settings/settings.h"
#include "store/setting_cells.h"

static void every_row_is_complete(void **state)
{
    (void)state;
    for (int id = 0; id < GS_SETTING_COUNT; id++) {
        const gs_setting *row = &gs_settings_table[id];
        char allowed[512];
        assert_non_null(row->name);
        assert_non_null(row->help);
        assert_int_not_equal(row->models, 0);
        if (row->type == GS_TYPE_INTEGER) assert_true(row->minimum >= 0); /* -1 says in files that it does not apply */
        gs_setting_describe((gs_setting_id)id, allowed, sizeof allowed);
        assert_true(strlen(allowed) > 0);
        for (size_t i = 0; row->choices != NULL && row->choices[i] != NULL; i++)
            assert_true(strlen(row->choices[i]) < GS_CHOICE_TEXT); /* it would be cut in the results file */
        for (int other = 0; other < id; other++) assert_string_not_equal(row->column, gs_settings_table[other].column);
        if (row->conditional) assert_int_equal(row->models & ~gs_settings_table[row->needs].models, 0);
        for (int model = 0; model < GS_MODEL_COUNT; model++) {
            gs_value value;
            const char *fallback =
                row->fallback_by_model[model] != NULL ? row->fallback_by_model[model] : row->fallback;
            assert_int_equal(gs_value_read((gs_setting_id)id, fallback, &value, NULL), GS_OK);
        }
    }
}

static void a_model_is_found_by_its_name_alone(void **state)
{
    (void)state;
    for (int model = 0; model < GS_MODEL_COUNT; model++) {
        char cell[GS_MODEL_TEXT + 1] = {0}, longer[GS_MODEL_TEXT + 2];
        memcpy(cell, gs_model_names[model], strlen(gs_model_names[model]));
        cell[GS_MODEL_TEXT] = 'x'; /* a name may fill its cell */
        assert_int_equal(gs_model_of_name(cell), model);
        snprintf(longer, sizeof longer, "%sx", gs_model_names[model]);
        assert_int_equal(gs_model_of_name(longer), GS_MODEL_COUNT);
    }
    assert_int_equal(gs_model_of_name(""), GS_MODEL_COUNT);
    assert_null(gs_model_names[GS_MODEL_COUNT]);
}

static void values_survive_writing_and_reading(void **state)
{
    (void)state;
    static const struct {
        gs_setting_id id;
        const char *given, *canonical;
    } cases[] = {
        {GS_SETTING_STEPS, "29000", "29000"},
        {GS_SETTING_STEPS, "2.9e4", "29000"},
        {GS_SETTING_GENERATOR_LEARNING_RATE, "1e-4", "0.0001"},
        {GS_SETTING_GENERATOR_LEARNING_RATE, "0.00010", "0.0001"},
        {GS_SETTING_GENERATOR_LEARNING_RATE, "-0", "0"},
        {GS_SETTING_MINIBATCH_DISCRIMINATION, "Yes", "on"},
        {GS_SETTING_MINIBATCH_DISCRIMINATION, "false", "off"},
        {GS_SETTING_MODEL, "vae", "vae"},
        {GS_SETTING_DIGIT_WEIGHTS, "[ 4, 4,4.0 ,4, 2, 1e0]", "[4, 4, 4, 4, 2, 1]"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        gs_value value, again;
        char text[256];
        assert_int_equal(gs_value_read(cases[i].id, cases[i].given, &value, NULL), GS_OK);
        gs_value_write(cases[i].id, &value, text, sizeof text);
        assert_string_equal(text, cases[i].canonical);
        assert_int_equal(gs_value_read(cases[i].id, text, &again, NULL), GS_OK);
        assert_true(gs_values_equal(cases[i].id, &value, &again));
    }
}

static void wrong_values_are_refused_with_what_is_allowed(void **state)
{
    (void)state;
    static const struct {
        gs_setting_id id;
        const char *given, *says;
    } cases[] = {
        {GS_SETTING_STEPS, "many", "an integer from 1 to 1000000000, got 'many'"},
        {GS_SETTING_STEPS, "0", "from 1"},
        {GS_SETTING_STEPS, "1.5", "an integer"},
        {GS_SETTING_STEPS, "0x10", "an integer"},
        {GS_SETTING_STEPS, "1e400", "an integer"},
        {GS_SETTING_STEPS, "", "an integer"},
        {GS_SETTING_STEPS, "12 ", "an integer"},
        {GS_SETTING_ADAM_BETA1, "nan", "a number from 0 to 0.999999"},
        {GS_SETTING_ADAM_EPSILON, "0", "a number from 1e-37 to 1"},
        {GS_SETTING_GRADIENT_CLIP, "0", "a number above 0"},
        {GS_SETTING_MINIBATCH_DISCRIMINATION, "maybe", "on or off"},
        {GS_SETTING_MODEL, "gann", "did you mean 'gan'"},
        {GS_SETTING_DIGIT_WEIGHTS, "[1, 2, 3]", "6 numbers"},
        {GS_SETTING_DIGIT_WEIGHTS, "[0, 0, 0, 0, 0, 0]", "not all 0"},
        {GS_SETTING_DIGIT_WEIGHTS, "[1, 1, 1, 1, 1, -1]", "6 numbers"},
        {GS_SETTING_DIGIT_WEIGHTS, "[1, 1, 1, 1, 1, 1] x", "6 numbers"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        gs_value value;
        gs_error error;
        assert_int_equal(gs_value_read(cases[i].id, cases[i].given, &value, &error), GS_ERROR_INPUT);
        if (strstr(error.text, cases[i].says) == NULL) fail_msg("'%s' is not in '%s'", cases[i].says, error.text);
    }
}

static void a_setting_applies_to_its_models_and_under_its_condition(void **state)
{
    (void)state;
    gs_settings settings;
    gs_settings_defaults(&settings, GS_MODEL_GAN);
    assert_int_equal(gs_settings_integer(&settings, GS_SETTING_STEPS), 29000);
    assert_int_equal(gs_settings_integer(&settings, GS_SETTING_BATCH_SIZE), 128);
    assert_true(gs_setting_applies(GS_SETTING_MBD_FEATURES, &settings));
    settings.values[GS_SETTING_MINIBATCH_DISCRIMINATION].integer = 0;
    assert_false(gs_setting_applies(GS_SETTING_MBD_FEATURES, &settings));
    gs_settings_defaults(&settings, GS_MODEL_ORACLE);
    assert_int_equal(gs_settings_integer(&settings, GS_SETTING_STEPS), 10000);
    assert_false(gs_setting_applies(GS_SETTING_MINIBATCH_DISCRIMINATION, &settings));
    gs_settings_defaults(&settings, GS_MODEL_AUTOREGRESSIVE);
    assert_true(gs_setting_applies(GS_SETTING_CONTEXT_PIXELS, &settings));
    settings.values[GS_SETTING_NETWORK].integer = GS_NETWORK_LSTM;
    assert_false(gs_setting_applies(GS_SETTING_CONTEXT_PIXELS, &settings));
    assert_true(gs_setting_applies(GS_SETTING_LSTM_UNITS, &settings));
}

static void contradictions_are_refused(void **state)
{
    (void)state;
    gs_settings settings;
    gs_setting_id culprit = GS_SETTING_MODEL;
    gs_error error;
    for (int model = 0; model < GS_MODEL_COUNT; model++) {
        gs_settings_defaults(&settings, (gs_model_id)model);
        assert_int_equal(gs_settings_check(&settings, &culprit, &error), GS_OK);
    }
    gs_settings_defaults(&settings, GS_MODEL_DIFFUSION);
    settings.values[GS_SETTING_PROCESS].integer = GS_PROCESS_ARTICLE;
    settings.values[GS_SETTING_PREDICTION].integer = GS_PREDICTION_EPSILON;
    assert_int_equal(gs_settings_check(&settings, &culprit, &error), GS_ERROR_INPUT);
    assert_int_equal(culprit, GS_SETTING_PREDICTION);
    gs_settings_defaults(&settings, GS_MODEL_AUTOREGRESSIVE);
    settings.values[GS_SETTING_START].integer = GS_START_ARTICLE;
    settings.values[GS_SETTING_CONTEXT_PIXELS].integer = 784;
    assert_int_equal(gs_settings_check(&settings, &culprit, &error), GS_ERROR_INPUT);
    assert_int_equal(culprit, GS_SETTING_CONTEXT_PIXELS);
}

/* A gan without minibatch discrimination and with these two settings; the sentence, or NULL if it can be trained. */
static const char *gan_with(gs_setting_id one, double first, gs_setting_id two, double second, gs_setting_id *culprit)
{
    static gs_error error;
    gs_settings settings;
    gs_settings_defaults(&settings, GS_MODEL_GAN);
    settings.values[GS_SETTING_MINIBATCH_DISCRIMINATION].integer = 0;
    const gs_setting_id ids[] = {one, two};
    const double values[] = {first, second};
    for (int i = 0; i < 2; i++)
        if (gs_settings_table[ids[i]].type == GS_TYPE_REAL) settings.values[ids[i]].real = values[i];
        else settings.values[ids[i]].integer = (int64_t)values[i];
    return gs_settings_check(&settings, culprit, &error) == GS_OK ? NULL : error.text;
}

static void gan_options_that_do_not_go_together_are_refused(void **state)
{
    (void)state;
    static const struct {
        gs_setting_id one, two;
        double first, second;
        const char *says; /* NULL: allowed */
    } cases[] = {
        {GS_SETTING_R1, GS_SETTING_MINIBATCH_DISCRIMINATION, 10, 1,
         "r1: 10 does not go with minibatch_discrimination: on (the default), which couples the images of a batch"},
        {GS_SETTING_R1, GS_SETTING_MINIBATCH_DISCRIMINATION, 0, 1, NULL},
        {GS_SETTING_R2, GS_SETTING_MINIBATCH_DISCRIMINATION, 1, 1, "; set minibatch_discrimination: off"},
        {GS_SETTING_R1, GS_SETTING_MINIBATCH_STDDEV, 1, 1, "r1: 1 does not go with minibatch_stddev: on, which"},
        {GS_SETTING_R2, GS_SETTING_MINIBATCH_STDDEV, 0.5, 1, "r2: 0.5 does not go with minibatch_stddev: on, which"},
        {GS_SETTING_GAN_LOSS, GS_SETTING_MINIBATCH_DISCRIMINATION, GS_GAN_LOSS_RELATIVISTIC_PAIRING, 1,
         "gan_loss: relativistic_pairing does not go with minibatch_discrimination: on (the default), which"},
        {GS_SETTING_GAN_LOSS, GS_SETTING_MINIBATCH_STDDEV, GS_GAN_LOSS_RELATIVISTIC_PAIRING, 1, NULL},
        {GS_SETTING_GAN_LOSS, GS_SETTING_SPECTRAL_NORM, GS_GAN_LOSS_LEAST_SQUARES, 1,
         "gan_loss: least_squares does not go with spectral_norm: on, which goes with non_saturating and hinge only; "
         "set spectral_norm: off"},
        {GS_SETTING_GAN_LOSS, GS_SETTING_SPECTRAL_NORM, GS_GAN_LOSS_RELATIVISTIC_PAIRING, 1,
         "gan_loss: relativistic_pairing does not go with spectral_norm: on, which goes with"},
        {GS_SETTING_GAN_LOSS, GS_SETTING_SPECTRAL_NORM, GS_GAN_LOSS_HINGE, 1, NULL},
        {GS_SETTING_LABEL_SMOOTHING, GS_SETTING_GAN_LOSS, 0.1, GS_GAN_LOSS_HINGE,
         "label_smoothing: 0.1 does not go with gan_loss: hinge, which has no target that could be smoothed; take "
         "another"},
        {GS_SETTING_LABEL_SMOOTHING, GS_SETTING_GAN_LOSS, 0.1, GS_GAN_LOSS_RELATIVISTIC_PAIRING,
         "label_smoothing: 0.1 does not go with gan_loss: relativistic_pairing, which has no target"},
        {GS_SETTING_LABEL_SMOOTHING, GS_SETTING_GAN_LOSS, 0.1, GS_GAN_LOSS_LEAST_SQUARES, NULL},
        {GS_SETTING_PACKING, GS_SETTING_BATCH_SIZE, 3, 128,
         "packing: 3 does not divide the batch_size 128; take a divisor of it"},
        {GS_SETTING_PACKING, GS_SETTING_BATCH_SIZE, 4, 4, "packing: 4 needs a batch_size of 8 or more, got 4"},
        {GS_SETTING_PACKING, GS_SETTING_BATCH_SIZE, 4, 8, NULL},
        {GS_SETTING_R1, GS_SETTING_SPECTRAL_NORM, 1, 1, NULL},
        {GS_SETTING_R1, GS_SETTING_GAN_LOSS, 1, GS_GAN_LOSS_RELATIVISTIC_PAIRING, NULL},
        {GS_SETTING_FEATURE_MATCHING, GS_SETTING_GAN_LOSS, 1, GS_GAN_LOSS_RELATIVISTIC_PAIRING, NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        gs_setting_id culprit = GS_SETTING_MODEL;
        const char *text = gan_with(cases[i].one, cases[i].first, cases[i].two, cases[i].second, &culprit);
        if (cases[i].says == NULL) {
            if (text != NULL) fail_msg("case %zu is refused: %s", i, text);
            continue;
        }
        if (text == NULL || strstr(text, cases[i].says) == NULL)
            fail_msg("'%s' is not in '%s'", cases[i].says, text == NULL ? "" : text);
        assert_int_equal(culprit, cases[i].one);
    }
}

/* The goal of each metric of early stopping: what a perfect run has is the best. */
static void every_metric_has_its_goal(void **state)
{
    (void)state;
    static const struct {
        const char *metric, *goal;
    } goals[] = {{"tv", "minimize"},          {"tv_reject", "minimize"},
                 {"kl", "minimize"},          {"js", "minimize"},
                 {"modes_0", "maximize"},     {"modes_10", "maximize"},
                 {"modes_50", "maximize"},    {"covered_mass", "maximize"},
                 {"worst_ratio", "maximize"}, {"effective_modes", "maximize"}};
    gs_settings settings;
    gs_settings_defaults(&settings, GS_MODEL_GAN);
    settings.values[GS_SETTING_STOPPING].integer = GS_STOPPING_HYPERBAND;
    int count = 0;
    for (const char *const *name = gs_settings_table[GS_SETTING_STOPPING_METRIC].choices; name[count] != NULL;
         count++) {
        gs_setting_id culprit = GS_SETTING_MODEL;
        gs_error error;
        assert_true((size_t)count < sizeof goals / sizeof goals[0]);
        assert_string_equal(name[count], goals[count].metric);
        settings.values[GS_SETTING_STOPPING_METRIC].integer = count;
        assert_int_equal(gs_value_read(GS_SETTING_STOPPING_GOAL, goals[count].goal,
                                       &settings.values[GS_SETTING_STOPPING_GOAL], NULL),
                         GS_OK);
        settings.values[GS_SETTING_EVERY].integer = 100;
        assert_int_equal(gs_settings_check(&settings, &culprit, &error), GS_OK);
        settings.values[GS_SETTING_STOPPING_GOAL].integer ^= 1;
        assert_int_equal(gs_settings_check(&settings, &culprit, &error), GS_ERROR_INPUT);
        assert_int_equal(culprit, GS_SETTING_STOPPING_METRIC);
        settings.values[GS_SETTING_STOPPING_GOAL].integer ^= 1;
        settings.values[GS_SETTING_EVERY].integer = 0;
        assert_int_equal(gs_settings_check(&settings, &culprit, &error), GS_ERROR_INPUT);
        assert_int_equal(culprit, GS_SETTING_STOPPING);
    }
    assert_int_equal(count, sizeof goals / sizeof goals[0]);
}

static void the_nearest_name_is_near(void **state)
{
    (void)state;
    static const char *const names[] = {"steps", "batch_size", "generator_steps"};
    assert_string_equal(gs_nearest_name("stpes", names, 3), "steps");
    assert_string_equal(gs_nearest_name("batchsize", names, 3), "batch_size");
    assert_null(gs_nearest_name("momentum", names, 3));
    assert_null(gs_nearest_name("", NULL, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_is_complete),
        cmocka_unit_test(a_model_is_found_by_its_name_alone),
        cmocka_unit_test(values_survive_writing_and_reading),
        cmocka_unit_test(wrong_values_are_refused_with_what_is_allowed),
        cmocka_unit_test(a_setting_applies_to_its_models_and_under_its_condition),
        cmocka_unit_test(contradictions_are_refused),
        cmocka_unit_test(gan_options_that_do_not_go_together_are_refused),
        cmocka_unit_test(every_metric_has_its_goal),
        cmocka_unit_test(the_nearest_name_is_near),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
