#include "main/options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "main/help.h"
#include "main/option_table.h"
#include "main/verbs.h"
#include "settings/settings.h"
#include "store/copy.h"

/* The command line, while it is read. */
typedef struct {
    int argc, at; /* of the argument that is read */
    char **argv;
    gs_verb verb; /* of the line; --help and --version want another one */
    gs_options *options;
} reading;

enum { SENTENCE = 160 };

/* "a, b and c" */
static void enumerate(char text[SENTENCE], const char *const *names, size_t count, const char *last)
{
    size_t used = 0;
    text[0] = '\0';
    for (size_t i = 0; i < count && used < SENTENCE; i++) {
        const char *separator = i == 0 ? "" : i + 1 < count ? ", " : last;
        used += (size_t)snprintf(text + used, SENTENCE - used, "%s%s", separator, names[i]);
    }
}

/* The verbs of a mask that the help lists, by name. */
static size_t names_of(unsigned verbs, const char *names[GS_VERB_COUNT])
{
    size_t count = 0;
    for (unsigned v = 0; v < GS_VERB_COUNT; v++)
        if ((verbs >> v & 1) != 0 && gs_verbs[v].summary != NULL) names[count++] = gs_verbs[v].name;
    return count;
}

/* ---- options ----------------------------------------------------------------------------------------------------- */

static bool is_option(const char *argument)
{
    return argument[0] == '-' && argument[1] != '\0';
}

/* NAME, or NAME=VALUE where there is a value. */
static bool is_called(const gs_option *option, const char *name, const char *argument)
{
    size_t length = name != NULL ? strlen(name) : 0;
    if (length == 0 || strncmp(argument, name, length) != 0) return false;
    return argument[length] == '\0' || (argument[length] == '=' && option->argument != NULL);
}

/* The option of one of these verbs that the argument gives; NULL: none. */
static const gs_option *find_option(const char *argument, unsigned verbs)
{
    for (int i = 0; i < GS_OPTION_COUNT; i++) {
        const gs_option *option = &gs_option_table[i];
        if (((option->verbs | option->idle) & verbs) == 0) continue;
        if (is_called(option, option->name, argument) || is_called(option, option->short_name, argument)) return option;
    }
    return NULL;
}

/* The value of an option, from "--name=VALUE" or the next argument; NULL: there is none. */
static const char *value_of(reading *line)
{
    const char *equals = strchr(line->argv[line->at], '=');
    if (equals != NULL) return equals + 1;
    return line->at + 1 < line->argc ? line->argv[++line->at] : NULL;
}

static gs_status fail_value(const gs_option *option, const char *argument, const char *value, gs_error *error)
{
    char expected[SENTENCE];
    if (option->expects != NULL) snprintf(expected, sizeof expected, "%s", option->expects);
    else if (option->choices != NULL) enumerate(expected, option->choices, (size_t)option->most, " or ");
    else snprintf(expected, sizeof expected, "a number from %d to %d", option->least, option->most);
    return gs_fail(error, GS_ERROR_INPUT, "%.*s expects %s%s%s%s", (int)strcspn(argument, "="), argument, expected,
                   value != NULL ? ", got '" : "", value != NULL ? value : "", value != NULL ? "'" : "");
}

/* The option of other verbs. */
static gs_status fail_verb(const char *argument, gs_verb verb, gs_error *error)
{
    const char *names[GS_VERB_COUNT];
    char list[SENTENCE];
    unsigned verbs = 0;
    for (unsigned v = 0; v < GS_VERB_COUNT; v++) {
        const gs_option *option = find_option(argument, 1u << v);
        if (option != NULL && (option->verbs >> v & 1) != 0) verbs |= 1u << v;
    }
    size_t count = names_of(verbs, names);
    enumerate(list, names, count, " and ");
    return gs_fail(error, GS_ERROR_INPUT, "%s is no option of gensweep %s; %s %s it", argument, gs_verbs[verb].name,
                   list, count == 1 ? "has" : "have");
}

static gs_status fail_option(const char *argument, gs_error *error)
{
    const char *names[GS_OPTION_COUNT];
    for (int i = 0; i < GS_OPTION_COUNT; i++) names[i] = gs_option_table[i].name;
    const char *near = gs_nearest_name(argument, names, GS_OPTION_COUNT);
    return gs_fail(error, GS_ERROR_INPUT, "unknown option '%s'%s%s%s", argument, near != NULL ? "; did you mean '" : "",
                   near != NULL ? near : "", near != NULL ? "'?" : "; see gensweep --help");
}

static gs_status read_option(reading *line, gs_error *error)
{
    const char *argument = line->argv[line->at], *value = NULL;
    const gs_option *option = find_option(argument, 1u << line->verb);
    if (option == NULL && find_option(argument, ~0u) != NULL) return fail_verb(argument, line->verb, error);
    if (option == NULL) return fail_option(argument, error);
    if (option->argument != NULL) {
        value = value_of(line);
        if (value == NULL) return fail_value(option, argument, value, error);
    }
    return option->read(option, line->options, value) ? GS_OK : fail_value(option, argument, value, error);
}

/* ---- words ------------------------------------------------------------------------------------------------------- */

/* The verb of that name; GS_VERB_COUNT: none. */
static gs_verb verb_of(const char *word)
{
    unsigned verb = 0;
    while (verb < GS_VERB_COUNT && strcmp(word, gs_verbs[verb].name) != 0) verb++;
    return (gs_verb)verb;
}

/* Whether a value follows the option at this place, of which it is not known yet whose it is. Of a name that is a flag
 * of some verbs and has a value with others, a verb is none. */
static bool takes_next(const reading *line, int at)
{
    const char *argument = line->argv[at];
    bool valued = false, flag = false;
    for (unsigned v = 0; v < GS_VERB_COUNT; v++) {
        const gs_option *option = find_option(argument, 1u << v);
        if (option == NULL) continue;
        if (option->argument != NULL) valued = true;
        else flag = true;
    }
    if (!valued || strchr(argument, '=') != NULL || at + 1 >= line->argc) return false;
    return !flag || verb_of(line->argv[at + 1]) == GS_VERB_COUNT;
}

/* The first argument that is neither an option nor the value of one may be a verb. Returns its place; 0: there is none,
 * and the verb is run. */
static int find_verb(reading *line)
{
    line->verb = GS_VERB_RUN;
    for (int i = 1; i < line->argc; i++) {
        const char *argument = line->argv[i];
        if (!is_option(argument)) {
            gs_verb verb = verb_of(argument);
            if (verb < GS_VERB_COUNT) line->verb = verb;
            return verb < GS_VERB_COUNT ? i : 0;
        }
        i += takes_next(line, i);
    }
    return 0;
}

static gs_status read_sweep_word(gs_options *options, const char *word, gs_error *error)
{
    if (options->sweep == NULL) {
        options->sweep = word;
        bool file = strpbrk(word, "./") != NULL || access(word, F_OK) == 0;
        if (file) return GS_OK;
        const char *names[GS_VERB_COUNT];
        char list[SENTENCE];
        enumerate(list, names, names_of(~0u, names), " and ");
        return gs_fail(error, GS_ERROR_INPUT, "there is no verb and no file '%s'; the verbs are %s", word, list);
    }
    if (strchr(word, '=') == NULL && word[0] != '~')
        return gs_fail(error, GS_ERROR_INPUT, "unexpected argument '%s': settings are given as KEY=VALUE", word);
    options->overrides[options->override_count++] = word;
    return GS_OK;
}

static gs_status read_file_word(gs_options *options, const char *word, gs_error *error)
{
    if (options->file != NULL) return gs_fail(error, GS_ERROR_INPUT, "one results file at a time: got also '%s'", word);
    options->file = gs_true_name(word, error);
    return options->file != NULL ? GS_OK : GS_ERROR_STORAGE;
}

static gs_status read_model_word(gs_options *options, const char *word, gs_error *error)
{
    if (options->model != NULL) return gs_fail(error, GS_ERROR_INPUT, "settings takes one model, got also '%s'", word);
    options->model = word;
    return GS_OK;
}

static gs_status read_verb_word(gs_options *options, const char *word, gs_error *error)
{
    gs_verb verb = verb_of(word);
    if (verb == GS_VERB_COUNT) return gs_fail(error, GS_ERROR_INPUT, "there is no help on '%s'", word);
    options->help_about = verb;
    return GS_OK;
}

static gs_status read_word(reading *line, gs_error *error)
{
    const char *word = line->argv[line->at];
    switch (gs_verbs[line->verb].word) {
    case GS_WORD_SWEEP: return read_sweep_word(line->options, word, error);
    case GS_WORD_FILE: return read_file_word(line->options, word, error);
    case GS_WORD_MODEL: return read_model_word(line->options, word, error);
    case GS_WORD_VERB: return read_verb_word(line->options, word, error);
    case GS_WORD_NONE: break;
    }
    return gs_fail(error, GS_ERROR_INPUT, "%s takes no '%s': --null-runs N says how many runs",
                   gs_verbs[line->verb].name, word);
}

/* ---- all of it --------------------------------------------------------------------------------------------------- */

/* What is missing, or does not go together. */
static gs_status check(const gs_options *options, gs_error *error)
{
    gs_word word = gs_verbs[options->verb].word;
    bool sweep = word == GS_WORD_SWEEP;
    if ((sweep && options->sweep == NULL) || (word == GS_WORD_FILE && options->file == NULL))
        return gs_fail(error, GS_ERROR_INPUT, "which %s? usage: gensweep %s%s%s%s", sweep ? "sweep" : "results file",
                       options->verb == GS_VERB_RUN ? "" : gs_verbs[options->verb].name,
                       options->verb == GS_VERB_RUN ? "" : " ", gs_help_words(options->verb),
                       sweep ? " [-o FILE]; see gensweep --help" : "");
    if (options->verb == GS_VERB_VERIFY && options->kernels_given && !options->repair)
        return gs_fail(error, GS_ERROR_INPUT, "--kernels: without --repair, gensweep verify makes nothing again");
    if (options->rows != NULL && options->fraction > 0)
        return gs_fail(error, GS_ERROR_INPUT, "--runs and --fraction: either names the runs to audit, so give one");
    return GS_OK;
}

/* Beside --help and --version, options that ask for kernels or for a repair mean nothing: there may be no file. */
static void leave_file_alone(gs_options *options)
{
    options->repair = options->kernels_given = false;
    options->kernels = GS_KERNELS_NATIVE;
}

gs_status gs_options_read(gs_options *options, int argc, char **argv, gs_error *error)
{
    reading line = {.argc = argc, .argv = argv, .options = options};
    int verb_at = find_verb(&line);
    *options = (gs_options){.verb = line.verb, .max_attempts = 3, .null_runs = 100000};
    options->help_about = argc > 2 ? line.verb : GS_VERB_HELP;
    options->overrides = calloc((size_t)argc + 1, sizeof *options->overrides);
    if (options->overrides == NULL) return gs_fail(error, GS_ERROR_MEMORY, "out of memory for the command line");
    gs_status status = GS_OK;
    for (line.at = 1; line.at < argc && status == GS_OK; line.at++) {
        if (is_option(argv[line.at])) status = read_option(&line, error);
        else if (line.at != verb_at) status = read_word(&line, error);
    }
    if (status == GS_OK) status = check(options, error);
    if (!(options->fraction > 0)) options->fraction = 0.1;
    if (options->verb == GS_VERB_HELP || options->verb == GS_VERB_VERSION) leave_file_alone(options);
    return status;
}

void gs_options_free(gs_options *options)
{
    free(options->overrides);
    free(options->file);
    options->overrides = NULL;
    options->file = NULL;
}
