#include "main/options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "settings/settings.h"
#include "store/copy.h"

static const char *const verbs[] = {"run", "plan", "status", "audit", "verify", "settings", "bench", "help"};
enum { VERBS = sizeof verbs / sizeof verbs[0] };
static const gs_verb verb_values[VERBS] = {GS_VERB_RUN,    GS_VERB_PLAN,     GS_VERB_STATUS, GS_VERB_AUDIT,
                                           GS_VERB_VERIFY, GS_VERB_SETTINGS, GS_VERB_BENCH,  GS_VERB_HELP};

static size_t verb_place(gs_verb verb)
{
    size_t place = 0;
    while (place + 1 < VERBS && verb_values[place] != verb) place++;
    return place;
}

/* The first argument that is no option may be a verb. */
static bool read_verb(gs_options *options, const char *argument)
{
    for (size_t v = 0; v < VERBS; v++)
        if (strcmp(argument, verbs[v]) == 0) {
            options->verb = verb_values[v];
            options->help_about = GS_VERB_HELP;
            return true;
        }
    return false;
}

/* The value of an option, from "--name=VALUE" or the next argument. */
static const char *value_of(int *i, int argc, char **argv, const char *name)
{
    const char *argument = argv[*i];
    size_t length = strlen(name);
    if (strncmp(argument, name, length) == 0 && argument[length] == '=') return argument + length + 1;
    return *i + 1 < argc ? argv[++*i] : NULL;
}

static bool is_option(const char *argument, const char *name)
{
    size_t length = strlen(name);
    return strncmp(argument, name, length) == 0 && (argument[length] == '\0' || argument[length] == '=');
}

static gs_status read_progress(gs_options *options, const char *value, gs_error *error)
{
    static const char *const styles[] = {"auto", "bar", "lines", "none"};
    for (int i = 0; value != NULL && i < 4; i++)
        if (strcmp(value, styles[i]) == 0) {
            options->progress = (gs_progress_style)i;
            return GS_OK;
        }
    return gs_fail(error, GS_ERROR_INPUT, "--progress expects auto, bar, lines or none, got '%s'",
                   value != NULL ? value : "");
}

static gs_status read_null_runs(gs_options *options, const char *value, gs_error *error)
{
    char *end = NULL;
    options->null_runs = value != NULL ? strtol(value, &end, 10) : 0;
    if (value != NULL && end != value && *end == '\0' && options->null_runs >= 1 && options->null_runs <= 10000000)
        return GS_OK;
    return gs_fail(error, GS_ERROR_INPUT, "--null-runs expects a number from 1 to 10000000, got '%s'",
                   value != NULL ? value : "");
}

static gs_status read_ranks(gs_options *options, const char *value, gs_error *error)
{
    char *end = NULL;
    options->ranks = value != NULL ? strtol(value, &end, 10) : 0;
    if (value != NULL && end != value && *end == '\0' && options->ranks >= 1 && options->ranks <= 1000000) return GS_OK;
    return gs_fail(error, GS_ERROR_INPUT, "--ranks expects a number from 1 to 1000000, got '%s'",
                   value != NULL ? value : "");
}

static gs_status read_attempts(gs_options *options, const char *value, gs_error *error)
{
    char *end = NULL;
    long number = value != NULL ? strtol(value, &end, 10) : -1;
    options->max_attempts = (int)number;
    if (value != NULL && end != value && *end == '\0' && number >= 0 && number <= 1000000) return GS_OK;
    return gs_fail(error, GS_ERROR_INPUT, "--max-attempts expects a number from 0 (no limit) to 1000000, got '%s'",
                   value != NULL ? value : "");
}

/* Options of `gensweep run` that take no value; false if it is none of them. */
static bool read_run_option(gs_options *options, const char *argument)
{
    if (strcmp(argument, "--fresh") == 0) return options->fresh = true;
    if (strcmp(argument, "--retry-failed") == 0) return options->retry_failed = true;
    return false;
}

/* Options of `gensweep status`; false if it is none of them. */
static bool read_status_option(gs_options *options, const char *argument)
{
    if (strcmp(argument, "--json") == 0) return options->json = true;
    if (strcmp(argument, "--watch") == 0) return options->watch = true;
    return false;
}

/* [DAYS-]HH:MM:SS, as SLURM writes it. */
static gs_status read_walltime(gs_options *options, const char *value, gs_error *error)
{
    unsigned days = 0, hours, minutes, seconds;
    char rest;
    const char *time = value != NULL ? value : "";
    const char *dash = strchr(time, '-');
    bool good = strspn(time, "0123456789:-") == strlen(time) && strlen(time) < 20;
    if (good && dash != NULL) {
        good = sscanf(time, "%6u-%c", &days, &rest) == 2;
        time = dash + 1;
    }
    good =
        good && sscanf(time, "%6u:%2u:%2u%c", &hours, &minutes, &seconds, &rest) == 3 && minutes < 60 && seconds < 60;
    if (good) options->walltime = 86400.0 * days + 3600.0 * hours + 60.0 * minutes + seconds;
    if (good && options->walltime > 0) return GS_OK;
    return gs_fail(error, GS_ERROR_INPUT, "--walltime expects HH:MM:SS or DAYS-HH:MM:SS, got '%s'",
                   value != NULL ? value : "");
}

/* Options of `gensweep plan`; false if it is none of them. */
static bool read_plan_option(gs_options *options, const char *argument)
{
    if (strcmp(argument, "--json") == 0) return options->json = true;
    if (strcmp(argument, "--runs") == 0) return options->runs = true;
    if (strcmp(argument, "--no-measure") == 0) return options->no_measure = true;
    return false;
}

static gs_status read_kernels(gs_options *options, const char *value, gs_error *error)
{
    gs_kernels count = options->verb == GS_VERB_RUN ? GS_KERNELS_RECORDED : GS_KERNELS_COUNT;
    for (int k = 0; value != NULL && k < (int)count; k++)
        if (strcmp(value, gs_kernels_names[k]) == 0) {
            options->kernels = (gs_kernels)k;
            options->kernels_given = true;
            return GS_OK;
        }
    return gs_fail(error, GS_ERROR_INPUT, "--kernels expects %s, got '%s'",
                   options->verb == GS_VERB_RUN ? "native or portable" : "native, portable or recorded",
                   value != NULL ? value : "");
}

static gs_status read_fraction(gs_options *options, const char *value, gs_error *error)
{
    char *end = NULL;
    options->fraction = value != NULL ? strtod(value, &end) : 0;
    if (value != NULL && end != value && *end == '\0' && options->fraction > 0 && options->fraction <= 1) return GS_OK;
    return gs_fail(error, GS_ERROR_INPUT, "--fraction expects a number above 0, at most 1, got '%s'",
                   value != NULL ? value : "");
}

static gs_status read_seed(gs_options *options, const char *value, gs_error *error)
{
    if (value != NULL && *value != '\0' && value[strspn(value, "0123456789")] == '\0' && strlen(value) <= 19) {
        options->seed = strtoull(value, NULL, 10);
        return GS_OK;
    }
    return gs_fail(error, GS_ERROR_INPUT, "--seed expects a whole number, got '%s'", value != NULL ? value : "");
}

/* Options of `gensweep audit`; *found tells whether it is one of them. */
static gs_status read_audit_option(gs_options *options, int *i, int argc, char **argv, bool *found, gs_error *error)
{
    const char *argument = argv[*i];
    *found = true;
    if (strcmp(argument, "--json") == 0) options->json = true;
    else if (strcmp(argument, "--read-only") == 0) options->read_only = true;
    else if (is_option(argument, "--fraction"))
        return read_fraction(options, value_of(i, argc, argv, "--fraction"), error);
    else if (is_option(argument, "--seed")) return read_seed(options, value_of(i, argc, argv, "--seed"), error);
    else if (is_option(argument, "--runs")) {
        options->rows = value_of(i, argc, argv, "--runs");
        if (options->rows == NULL) return gs_fail(error, GS_ERROR_INPUT, "--runs expects run numbers as in 3,7-9");
    } else *found = false;
    return GS_OK;
}

static gs_status read_option(gs_options *options, int *i, int argc, char **argv, gs_error *error)
{
    static const char *const names[] = {"--help",         "--version",      "--output",    "--fresh",      "--progress",
                                        "--json",         "--runs",         "--ranks",     "--no-measure", "--walltime",
                                        "--retry-failed", "--max-attempts", "--watch",     "--fraction",   "--seed",
                                        "--read-only",    "--kernels",      "--null-runs", "--repair"};
    const char *argument = argv[*i];
    bool found = false;
    if (strcmp(argument, "--help") == 0 || strcmp(argument, "-h") == 0) {
        if (options->verb != GS_VERB_HELP) options->help_about = *i == 1 ? GS_VERB_HELP : options->verb;
        options->verb = GS_VERB_HELP;
        return GS_OK;
    }
    if (strcmp(argument, "--version") == 0) {
        options->verb = GS_VERB_VERSION;
        return GS_OK;
    }
    if (options->verb == GS_VERB_RUN && read_run_option(options, argument)) return GS_OK;
    if (options->verb == GS_VERB_RUN && is_option(argument, "--max-attempts"))
        return read_attempts(options, value_of(i, argc, argv, "--max-attempts"), error);
    if (options->verb == GS_VERB_STATUS && read_status_option(options, argument)) return GS_OK;
    if (options->verb == GS_VERB_AUDIT) {
        gs_status status = read_audit_option(options, i, argc, argv, &found, error);
        if (found) return status;
    }
    if (options->verb == GS_VERB_VERIFY && strcmp(argument, "--repair") == 0) {
        options->repair = true;
        return GS_OK;
    }
    bool with_kernels =
        options->verb == GS_VERB_RUN || options->verb == GS_VERB_AUDIT || options->verb == GS_VERB_VERIFY;
    if (with_kernels && is_option(argument, "--kernels"))
        return read_kernels(options, value_of(i, argc, argv, "--kernels"), error);
    if (options->verb == GS_VERB_BENCH && strcmp(argument, "--json") == 0) {
        options->json = true;
        return GS_OK;
    }
    if (options->verb == GS_VERB_BENCH && is_option(argument, "--null-runs"))
        return read_null_runs(options, value_of(i, argc, argv, "--null-runs"), error);
    if (options->verb == GS_VERB_PLAN && read_plan_option(options, argument)) return GS_OK;
    if (options->verb == GS_VERB_PLAN && is_option(argument, "--ranks"))
        return read_ranks(options, value_of(i, argc, argv, "--ranks"), error);
    if (is_option(argument, "--progress")) return read_progress(options, value_of(i, argc, argv, "--progress"), error);
    if (is_option(argument, "--walltime")) return read_walltime(options, value_of(i, argc, argv, "--walltime"), error);
    if (is_option(argument, "-o") || is_option(argument, "--output")) {
        options->output = value_of(i, argc, argv, is_option(argument, "-o") ? "-o" : "--output");
        if (options->output != NULL && *options->output != '\0') return GS_OK;
        return gs_fail(error, GS_ERROR_INPUT, "%s expects the name of a results file", argument);
    }
    const char *near = gs_nearest_name(argument, names, sizeof names / sizeof names[0]);
    if (near != NULL && strcmp(near, argument) == 0)
        return gs_fail(error, GS_ERROR_INPUT, "%s is no option of gensweep %s; see gensweep --help", argument,
                       verbs[verb_place(options->verb)]);
    return gs_fail(error, GS_ERROR_INPUT, "unknown option '%s'%s%s%s", argument, near != NULL ? "; did you mean '" : "",
                   near != NULL ? near : "", near != NULL ? "'?" : "; see gensweep --help");
}

static bool takes_file(gs_verb verb)
{
    return verb == GS_VERB_STATUS || verb == GS_VERB_VERIFY || verb == GS_VERB_AUDIT;
}

static gs_status read_word(gs_options *options, char *argument, gs_error *error)
{
    if (options->verb == GS_VERB_SETTINGS) {
        if (options->model != NULL)
            return gs_fail(error, GS_ERROR_INPUT, "settings takes one model, got also '%s'", argument);
        options->model = argument;
        return GS_OK;
    }
    if (takes_file(options->verb)) {
        if (options->file != NULL)
            return gs_fail(error, GS_ERROR_INPUT, "one results file at a time: got also '%s'", argument);
        options->file = gs_true_name(argument, error);
        return options->file != NULL ? GS_OK : GS_ERROR_STORAGE;
    }
    if (options->verb == GS_VERB_HELP) {
        gs_options about = {0};
        if (!read_verb(&about, argument)) return gs_fail(error, GS_ERROR_INPUT, "there is no help on '%s'", argument);
        options->help_about = about.verb;
        return GS_OK;
    }
    if (options->verb == GS_VERB_BENCH)
        return gs_fail(error, GS_ERROR_INPUT, "bench takes no '%s': --null-runs N says how many runs", argument);
    if (options->sweep == NULL) {
        options->sweep = argument;
        bool file = strpbrk(argument, "./") != NULL || access(argument, F_OK) == 0;
        if (file) return GS_OK;
        return gs_fail(
            error, GS_ERROR_INPUT,
            "there is no verb and no file '%s'; the verbs are run, plan, status, audit, verify, settings and bench",
            argument);
    }
    if (strchr(argument, '=') == NULL && argument[0] != '~')
        return gs_fail(error, GS_ERROR_INPUT, "unexpected argument '%s': settings are given as KEY=VALUE", argument);
    options->overrides[options->override_count++] = argument;
    return GS_OK;
}

gs_status gs_options_read(gs_options *options, int argc, char **argv, gs_error *error)
{
    *options = (gs_options){.verb = GS_VERB_RUN, .help_about = GS_VERB_HELP, .max_attempts = 3, .null_runs = 100000};
    options->overrides = calloc((size_t)argc + 1, sizeof *options->overrides);
    if (options->overrides == NULL) return gs_fail(error, GS_ERROR_MEMORY, "out of memory for the command line");
    gs_status status = GS_OK;
    bool verb_possible = true;
    for (int i = 1; i < argc && status == GS_OK; i++) {
        if (argv[i][0] == '-' && argv[i][1] != '\0') {
            status = read_option(options, &i, argc, argv, error);
        } else {
            if (!(verb_possible && read_verb(options, argv[i]))) status = read_word(options, argv[i], error);
            verb_possible = false;
        }
    }
    if (status == GS_OK && (options->verb == GS_VERB_RUN || options->verb == GS_VERB_PLAN) && options->sweep == NULL)
        status = gs_fail(
            error, GS_ERROR_INPUT, "which sweep? usage: gensweep %sSWEEP.yaml [KEY=VALUE ...]%s; see gensweep --help",
            options->verb == GS_VERB_PLAN ? "plan " : "", options->verb == GS_VERB_PLAN ? "" : " [-o FILE]");
    if (status == GS_OK && options->verb == GS_VERB_VERIFY && options->kernels_given && !options->repair)
        status = gs_fail(error, GS_ERROR_INPUT, "--kernels: without --repair, gensweep verify makes nothing again");
    if (status == GS_OK && options->rows != NULL && options->fraction > 0)
        status = gs_fail(error, GS_ERROR_INPUT, "--runs and --fraction: either names the runs to audit, so give one");
    if (!(options->fraction > 0)) options->fraction = 0.1;
    if (status == GS_OK && takes_file(options->verb) && options->file == NULL)
        status = gs_fail(error, GS_ERROR_INPUT, "which results file? usage: gensweep %s FILE.h5",
                         verbs[verb_place(options->verb)]);
    return status;
}

void gs_options_free(gs_options *options)
{
    free(options->overrides);
    free(options->file);
    options->overrides = NULL;
    options->file = NULL;
}
