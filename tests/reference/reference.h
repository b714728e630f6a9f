/* Reads the files that make_reference.py writes, lets this program compute the same numbers, and compares the two.
 *
 * Shared by the tests of the double and of the float build, which differ in their tolerances only: each defines
 * `tolerances` and runs `reference_tests`. A new model needs its file in reference_files and nothing else: all is done
 * through the model's function table. Included after cmocka.h. */
#ifndef GS_TESTS_REFERENCE_H
#define GS_TESTS_REFERENCE_H

#include <math.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "models.h"
#include "models/model.h"

static const char *const reference_files[] = {"tests/reference/gan.txt",       "tests/reference/gan_options.txt",
                                              "tests/reference/oracle.txt",    "tests/reference/vae.txt",
                                              "tests/reference/diffusion.txt", "tests/reference/autoregressive.txt"};

enum {
    REFERENCE_FIRST = 4,                     /* elements that are kept as they are */
    REFERENCE_SUMMARY = 3 + REFERENCE_FIRST, /* |x|, sum x_i, sum x_i cos(i), first elements */
    REFERENCE_STEPS_MAX = 16,
    REFERENCE_CASES_MAX = 12
};

typedef struct {
    double numbers[REFERENCE_SUMMARY];
} reference_summary;

typedef struct {
    char name[GS_TENSOR_NAME];
    int rows, columns;
    reference_summary gradient, parameter;
} reference_tensor;

/* One case, as read or as computed here; all zero where something is absent. */
typedef struct {
    char name[64];
    gs_settings settings;
    uint64_t seed;
    int losses, steps, tensor_count, samples;
    double frozen[GS_CURVES_MAX], curves[REFERENCE_STEPS_MAX][GS_CURVES_MAX];
    reference_tensor tensors[GS_TENSORS_MAX];
    reference_summary sampled;
} reference_case;

/* What the error of a vector x may be, as a share of |x|; of a loss, as a share of it. */
typedef struct {
    double loss, gradient;          /* at the initial weights */
    double trained_loss, parameter; /* during and after the training steps */
    double sampled;
} reference_tolerances;

static const reference_tolerances tolerances;

/* ---- reading ---- */

static bool reference_numbers(FILE *file, int count, double *numbers)
{
    for (int i = 0; i < count; i++)
        if (fscanf(file, "%lf", &numbers[i]) != 1) return false;
    return true;
}

static bool reference_set(reference_case *expected, const char *column, const char *text)
{
    for (int id = 0; id < GS_SETTING_COUNT; id++)
        if (strcmp(gs_settings_table[id].column, column) == 0)
            return gs_value_read((gs_setting_id)id, text, &expected->settings.values[id], NULL) == GS_OK;
    return false;
}

/* One line of a case, whose keyword has been read. */
static bool reference_line(FILE *file, const char *keyword, reference_case *expected)
{
    char name[64], value[64];
    reference_tensor *last = &expected->tensors[expected->tensor_count > 0 ? expected->tensor_count - 1 : 0];
    if (strcmp(keyword, "seed") == 0) {
        if (fscanf(file, "%63s", value) != 1) return false;
        expected->seed = strtoull(value, NULL, 10);
        return true;
    }
    if (strcmp(keyword, "set") == 0)
        return fscanf(file, "%63s %63s", name, value) == 2 && reference_set(expected, name, value);
    if (strcmp(keyword, "losses") == 0)
        return fscanf(file, "%d", &expected->losses) == 1 && expected->losses > 0 && expected->losses <= GS_CURVES_MAX;
    if (strcmp(keyword, "frozen") == 0) return reference_numbers(file, expected->losses, expected->frozen);
    if (strcmp(keyword, "tensor") == 0) {
        if (expected->tensor_count == GS_TENSORS_MAX) return false;
        last = &expected->tensors[expected->tensor_count++];
        return fscanf(file, "%63s %d %d", last->name, &last->rows, &last->columns) == 3;
    }
    if (strcmp(keyword, "gradient") == 0) return reference_numbers(file, REFERENCE_SUMMARY, last->gradient.numbers);
    if (strcmp(keyword, "parameter") == 0) return reference_numbers(file, REFERENCE_SUMMARY, last->parameter.numbers);
    if (strcmp(keyword, "step") == 0) {
        int step = expected->steps++;
        return step < REFERENCE_STEPS_MAX && fscanf(file, "%63s", name) == 1 &&
               reference_numbers(file, expected->losses, expected->curves[step]);
    }
    if (strcmp(keyword, "samples") == 0)
        return fscanf(file, "%d", &expected->samples) == 1 &&
               reference_numbers(file, REFERENCE_SUMMARY, expected->sampled.numbers);
    return false;
}

static bool reference_read_case(FILE *file, reference_case *expected)
{
    char keyword[64];
    gs_value model;
    memset(expected, 0, sizeof *expected);
    if (fscanf(file, "%63s %63s", keyword, expected->name) != 2) return false;
    if (gs_value_read(GS_SETTING_MODEL, keyword, &model, NULL) != GS_OK) return false;
    gs_settings_defaults(&expected->settings, (gs_model_id)model.integer);
    while (fscanf(file, "%63s", keyword) == 1) {
        if (strcmp(keyword, "end") == 0) return expected->steps > 0 && expected->tensor_count > 0;
        if (!reference_line(file, keyword, expected)) break;
    }
    return false;
}

/* The number of cases in the file, which is closed; -1 if it is NULL or not in the format. */
static int reference_read(FILE *file, reference_case cases[REFERENCE_CASES_MAX])
{
    if (file == NULL) return -1;
    char magic[64], keyword[64];
    int version = 0, count = 0;
    bool good = fscanf(file, "%63s %d", magic, &version) == 2;
    good = good && strcmp(magic, "gensweep-reference") == 0 && version == 1;
    while (good && fscanf(file, "%63s", keyword) == 1) {
        good = strcmp(keyword, "case") == 0 && count < REFERENCE_CASES_MAX && reference_read_case(file, &cases[count]);
        count++;
    }
    fclose(file);
    return good && count > 0 ? count : -1;
}

/* ---- computing ---- */

/* The pattern of reference_models.py's templates(). */
static void reference_digits(gs_digits *digits)
{
    for (int d = 0; d < GS_DIGITS; d++)
        for (int p = 0; p < GS_PIXELS; p++) digits->grey[d][p] = (uint8_t)((p * (d + 3) * 7 + d * 31) % 256);
}

static reference_summary reference_summarise(size_t count, const gs_real *x)
{
    reference_summary summary = {{0}};
    double squares = 0;
    for (size_t i = 0; i < count; i++) {
        double value = (double)x[i];
        squares += value * value;
        summary.numbers[1] += value;
        summary.numbers[2] += value * cos((double)i);
        if (i < REFERENCE_FIRST) summary.numbers[3 + i] = value;
    }
    summary.numbers[0] = sqrt(squares);
    return summary;
}

static void reference_stop_learning(gs_settings *settings)
{
    for (int id = 0; id < GS_SETTING_COUNT; id++)
        if (strstr(gs_settings_table[id].name, "learning_rate") != NULL) settings->values[id].real = 0;
}

static gs_model *reference_model(const gs_settings *settings, uint64_t seed, gs_arena **arena)
{
    gs_digits digits;
    gs_model *model = NULL;
    reference_digits(&digits);
    if (gs_arena_create(arena, 0, NULL) != GS_OK) return NULL;
    if (gs_model_create(&model, settings, &digits, seed, *arena, NULL) != GS_OK) gs_arena_destroy(arena);
    else gs_arena_seal(*arena);
    return model;
}

static bool reference_measure_frozen(const reference_case *expected, reference_case *actual)
{
    gs_arena *arena;
    gs_settings still = expected->settings;
    reference_stop_learning(&still);
    gs_model *model = reference_model(&still, expected->seed, &arena);
    if (model == NULL) return false;
    actual->losses = model->type->losses;
    actual->tensor_count = model->tensors.count;
    model->type->train(model, 0, actual->frozen);
    for (int t = 0; t < actual->tensor_count; t++) {
        const gs_tensor *tensor = &model->tensors.tensors[t];
        reference_tensor *summary = &actual->tensors[t];
        snprintf(summary->name, sizeof summary->name, "%s", tensor->name);
        summary->rows = tensor->rows;
        summary->columns = tensor->columns;
        summary->gradient = reference_summarise(gs_tensor_elements(tensor), model->gradients + tensor->offset);
    }
    gs_arena_destroy(&arena);
    return true;
}

static bool reference_measure_training(const reference_case *expected, reference_case *actual)
{
    gs_arena *arena;
    gs_model *model = reference_model(&expected->settings, expected->seed, &arena);
    gs_real *images = malloc((size_t)GS_SAMPLE_BATCH * GS_IMAGE * sizeof *images);
    if (model != NULL && images != NULL) {
        for (; actual->steps < expected->steps; actual->steps++)
            gs_model_train(model, actual->steps, actual->curves[actual->steps]);
        for (int t = 0; t < actual->tensor_count; t++) {
            const gs_tensor *tensor = &model->tensors.tensors[t];
            actual->tensors[t].parameter =
                reference_summarise(gs_tensor_elements(tensor), model->parameters + tensor->offset);
        }
        if (expected->samples > 0) {
            gs_matrix room = gs_matrix_of(images, GS_SAMPLE_BATCH, GS_IMAGE);
            int64_t parts = gs_model_parts(model, expected->samples);
            for (int64_t part = 0; part < parts; part++)
                actual->samples += model->type->sample(model, expected->samples, part, room);
            actual->sampled = reference_summarise((size_t)actual->samples * GS_IMAGE, images);
        }
    }
    bool done = model != NULL && images != NULL;
    free(images);
    gs_arena_destroy(&arena);
    return done;
}

/* Computes what `expected` holds, from its settings and seed. */
static bool reference_measure(const reference_case *expected, reference_case *actual)
{
    memset(actual, 0, sizeof *actual);
    return reference_measure_frozen(expected, actual) && reference_measure_training(expected, actual);
}

/* ---- comparing ---- */

/* What was found. `loud`: each difference is printed. */
typedef struct {
    bool loud;
    int differences;
    reference_tolerances used; /* the largest error of each kind, as a share of what is allowed */
} reference_report;

static void reference_differ(reference_report *report, const char *format, ...)
{
    report->differences++;
    if (!report->loud) return;
    va_list values;
    va_start(values, format);
    vfprintf(stderr, format, values);
    va_end(values);
    fputc('\n', stderr);
}

/* `place`: "case/tensor", for the message. NaN on either side is a difference. */
static void reference_number(reference_report *report, const char *place, const char *what, double expected,
                             double actual, double allowed, double *used)
{
    double share = fabs(actual - expected) / allowed;
    if (!(share <= *used)) *used = share;
    if (!(share <= 1))
        reference_differ(report, "%s: %s is %.17g, not %.17g (allowed: %.3g)", place, what, actual, expected, allowed);
}

/* Where a loss does not depend on a tensor, its gradient is rounding, shorter than `nothing`: it may be as wrong as a
 * vector of this length. */
static const double reference_nothing = 1e-10, reference_of_nothing = 2e-2;

/* An error e of the vector changes |x| and an element by at most |e|, and a sum with weights w by at most |w| |e|
 * (Cauchy and Schwarz), where |w| <= sqrt(count) for both sums. */
static void reference_vector(reference_report *report, const char *place, const char *what, size_t count,
                             const reference_summary *expected, const reference_summary *actual, double tolerance,
                             double *used)
{
    double length = expected->numbers[0],
           error = tolerance * (length < reference_nothing ? reference_of_nothing : length);
    for (int i = 0; i < REFERENCE_SUMMARY; i++) {
        bool is_sum = i == 1 || i == 2;
        reference_number(report, place, what, expected->numbers[i], actual->numbers[i],
                         is_sum ? error * sqrt((double)count) : error, used);
    }
}

static void reference_compare(const reference_case *expected, const reference_case *actual,
                              const reference_tolerances *allowed, reference_report *report)
{
    if (expected->losses != actual->losses || expected->steps != actual->steps ||
        expected->samples != actual->samples || expected->tensor_count != actual->tensor_count) {
        reference_differ(report, "%s: losses, steps, samples or tensors are not as many", expected->name);
        return;
    }
    char place[160];
    reference_tolerances *used = &report->used;
    for (int l = 0; l < expected->losses; l++) {
        reference_number(report, expected->name, "the first loss", expected->frozen[l], actual->frozen[l],
                         allowed->loss * fabs(expected->frozen[l]), &used->loss);
        for (int s = 0; s < expected->steps; s++)
            reference_number(report, expected->name, "a later loss", expected->curves[s][l], actual->curves[s][l],
                             allowed->trained_loss * fabs(expected->curves[s][l]), &used->trained_loss);
    }
    for (int t = 0; t < expected->tensor_count; t++) {
        const reference_tensor *theirs = &expected->tensors[t], *ours = &actual->tensors[t];
        size_t count = (size_t)theirs->rows * (size_t)theirs->columns;
        snprintf(place, sizeof place, "%s/%s", expected->name, theirs->name);
        if (strcmp(theirs->name, ours->name) != 0 || theirs->rows != ours->rows || theirs->columns != ours->columns) {
            reference_differ(report, "%s: here it is %s, %d x %d", place, ours->name, ours->rows, ours->columns);
            continue;
        }
        reference_vector(report, place, "gradient", count, &theirs->gradient, &ours->gradient, allowed->gradient,
                         &used->gradient);
        reference_vector(report, place, "parameter", count, &theirs->parameter, &ours->parameter, allowed->parameter,
                         &used->parameter);
    }
    if (expected->samples > 0)
        reference_vector(report, expected->name, "samples", (size_t)expected->samples * GS_IMAGE, &expected->sampled,
                         &actual->sampled, allowed->sampled, &used->sampled);
}

/* ---- the tests ---- */

static reference_case reference_cases[REFERENCE_CASES_MAX], reference_here;

static void test_agrees(void **state)
{
    (void)state;
    bool there[GS_MODEL_COUNT] = {false};
    for (size_t f = 0; f < sizeof reference_files / sizeof reference_files[0]; f++) {
        int count = reference_read(fopen(reference_files[f], "r"), reference_cases);
        if (count < 0) fail_msg("%s is missing or not in the format", reference_files[f]);
        for (int c = 0; c < count; c++) {
            reference_report report = {.loud = true};
            there[gs_settings_model(&reference_cases[c].settings)] = true;
            assert_true(reference_measure(&reference_cases[c], &reference_here));
            reference_compare(&reference_cases[c], &reference_here, &tolerances, &report);
            print_message("%s, %s: of what is allowed: loss %.2g, gradient %.2g, later loss %.2g, parameter %.2g, "
                          "samples %.2g\n",
                          reference_files[f], reference_cases[c].name, report.used.loss, report.used.gradient,
                          report.used.trained_loss, report.used.parameter, report.used.sampled);
            assert_int_equal(report.differences, 0);
        }
    }
    assert_every_model(there);
}

/* Number `place` of everything that is compared, and the size of what it belongs to; NULL when there are no more. */
static double *reference_place(reference_case *expected, int place, double *size)
{
    double *number = place < expected->losses ? &expected->frozen[place] : NULL;
    place -= expected->losses;
    if (number == NULL && place < expected->steps * expected->losses)
        number = &expected->curves[place / expected->losses][place % expected->losses];
    if (number != NULL) {
        *size = fabs(*number);
        return number;
    }
    place -= expected->steps * expected->losses;
    int tensor = place / (2 * REFERENCE_SUMMARY), within = place % REFERENCE_SUMMARY;
    reference_summary *summary = &expected->sampled;
    double count = (double)expected->samples * GS_IMAGE;
    if (tensor < expected->tensor_count) {
        bool first = place % (2 * REFERENCE_SUMMARY) < REFERENCE_SUMMARY;
        summary = first ? &expected->tensors[tensor].gradient : &expected->tensors[tensor].parameter;
        count = (double)expected->tensors[tensor].rows * (double)expected->tensors[tensor].columns;
    } else if (expected->samples == 0 || place >= (expected->tensor_count * 2 + 1) * REFERENCE_SUMMARY) {
        return NULL;
    }
    *size = summary->numbers[0] * (within == 1 || within == 2 ? sqrt(count) : 1);
    return &summary->numbers[within];
}

static int reference_differences(const reference_case *expected)
{
    reference_report report = {.loud = false};
    reference_compare(expected, &reference_here, &tolerances, &report);
    return report.differences;
}

/* An error of a thousandth, or NaN, in any one number is reported, and nothing else with it. */
static void test_every_number_counts(void **state)
{
    (void)state;
    assert_true(reference_read(fopen(reference_files[0], "r"), reference_cases) > 1);
    reference_case *expected = &reference_cases[1];
    assert_true(reference_measure(expected, &reference_here));
    assert_int_equal(reference_differences(expected), 0);
    double size, *number;
    for (int place = 0; (number = reference_place(expected, place, &size)) != NULL; place++) {
        double right = *number;
        *number = right + 1e-3 * size;
        assert_int_equal(reference_differences(expected), 1);
        *number = (double)NAN;
        assert_true(reference_differences(expected) > 0);
        *number = right;
    }
    assert_int_equal(reference_differences(expected), 0);
}

/* Mistakes of the kind that the reference is there to find: other weights, other data, another rate of learning. */
static void test_mistakes_are_found(void **state)
{
    (void)state;
    assert_true(reference_read(fopen(reference_files[0], "r"), reference_cases) > 1);
    for (int mistake = 0; mistake < 4; mistake++) {
        reference_case wrong = reference_cases[1];
        if (mistake == 0) wrong.seed++;
        if (mistake == 1) wrong.settings.values[GS_SETTING_GREEN].real = 0.9;
        if (mistake == 2) wrong.settings.values[GS_SETTING_ADAM_BETA2].real = 0.99;
        if (mistake == 3)
            for (int id = 0; id < GS_SETTING_COUNT; id++)
                if (strstr(gs_settings_table[id].name, "learning_rate") != NULL) wrong.settings.values[id].real *= 1.01;
        assert_true(reference_measure(&wrong, &reference_here));
        assert_true(reference_differences(&reference_cases[1]) > 0);
    }
    assert_true(reference_measure(&reference_cases[1], &reference_here));
    snprintf(reference_here.tensors[0].name, GS_TENSOR_NAME, "another");
    assert_int_equal(reference_differences(&reference_cases[1]), 1);
    reference_here.tensor_count--;
    assert_int_equal(reference_differences(&reference_cases[1]), 1);
}

static void test_broken_files_are_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "another-file 1\ncase gan a\n",
        "gensweep-reference 2\ncase gan a\n",
        "gensweep-reference 1\n",
        "gensweep-reference 1\ncase gan a\nseed 1\nlosses 2\nfrozen 1 1\n",
        "gensweep-reference 1\ncase gan a\nset batch_size many\nend\n",
        "gensweep-reference 1\ncase gan a\nset no_such_setting 1\nend\n",
        "gensweep-reference 1\ncase nothing a\nend\n",
        "gensweep-reference 1\ncase gan a\nlosses 99\nend\n",
    };
    assert_int_equal(reference_read(NULL, reference_cases), -1);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        char text[128];
        snprintf(text, sizeof text, "%s", texts[i]);
        assert_int_equal(reference_read(fmemopen(text, strlen(text), "r"), reference_cases), -1);
    }
}

static const struct CMUnitTest reference_tests[] = {
    cmocka_unit_test(test_agrees),
    cmocka_unit_test(test_every_number_counts),
    cmocka_unit_test(test_mistakes_are_found),
    cmocka_unit_test(test_broken_files_are_refused),
};

#endif
