#include "main/option_table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- readers ----------------------------------------------------------------------------------------------------- */

static void *member_of(gs_options *options, const gs_option *option)
{
    return (char *)options + option->member;
}

static bool read_flag(const gs_option *option, gs_options *options, const char *value)
{
    (void)value;
    return *(bool *)member_of(options, option) = true;
}

static bool read_text(const gs_option *option, gs_options *options, const char *value)
{
    *(const char **)member_of(options, option) = value;
    return *value != '\0';
}

static bool number_of(const gs_option *option, const char *value, long *number)
{
    char *end;
    *number = strtol(value, &end, 10);
    return end != value && *end == '\0' && *number >= option->least && *number <= option->most;
}

static bool read_number(const gs_option *option, gs_options *options, const char *value)
{
    return number_of(option, value, member_of(options, option));
}

static bool read_attempts(const gs_option *option, gs_options *options, const char *value)
{
    long number;
    bool good = number_of(option, value, &number);
    if (good) options->max_attempts = (int)number;
    return good;
}

/* The place of a name in the choices; -1: it is none of them. */
static int place_of(const gs_option *option, const char *value)
{
    for (int i = 0; i < option->most; i++)
        if (strcmp(value, option->choices[i]) == 0) return i;
    return -1;
}

static bool read_progress(const gs_option *option, gs_options *options, const char *value)
{
    int style = place_of(option, value);
    if (style >= 0) options->progress = (gs_progress_style)style;
    return style >= 0;
}

static bool read_kernels(const gs_option *option, gs_options *options, const char *value)
{
    int kernels = place_of(option, value);
    if (kernels >= 0) options->kernels = (gs_kernels)kernels;
    return options->kernels_given = kernels >= 0;
}

static bool read_fraction(const gs_option *option, gs_options *options, const char *value)
{
    (void)option;
    char *end;
    options->fraction = strtod(value, &end);
    return end != value && *end == '\0' && options->fraction > 0 && options->fraction <= 1;
}

static bool read_seed(const gs_option *option, gs_options *options, const char *value)
{
    (void)option;
    options->seed = strtoull(value, NULL, 10);
    return *value != '\0' && value[strspn(value, "0123456789")] == '\0' && strlen(value) <= 19;
}

/* [DAYS-]HH:MM:SS, as SLURM writes it. */
static bool read_walltime(const gs_option *option, gs_options *options, const char *value)
{
    (void)option;
    unsigned days = 0, hours, minutes, seconds;
    char rest;
    const char *time = value, *dash = strchr(value, '-');
    if (strspn(value, "0123456789:-") != strlen(value) || strlen(value) >= 20) return false;
    if (dash != NULL && sscanf(value, "%6u-%c", &days, &rest) != 2) return false;
    if (dash != NULL) time = dash + 1;
    if (strchr(time, '-') != NULL) return false; /* which sscanf takes for a sign */
    if (sscanf(time, "%6u:%2u:%2u%c", &hours, &minutes, &seconds, &rest) != 3) return false;
    if (minutes >= 60 || seconds >= 60) return false;
    options->walltime = 86400.0 * days + 3600.0 * hours + 60.0 * minutes + seconds;
    return options->walltime > 0;
}

static bool read_help(const gs_option *option, gs_options *options, const char *value)
{
    (void)option, (void)value;
    options->verb = GS_VERB_HELP;
    return true;
}

static bool read_version(const gs_option *option, gs_options *options, const char *value)
{
    (void)option, (void)value;
    options->verb = GS_VERB_VERSION;
    return true;
}

/* ---- the table --------------------------------------------------------------------------------------------------- */

/* Of gs_option.verbs. */
enum {
    RUN = 1 << GS_VERB_RUN,
    PLAN = 1 << GS_VERB_PLAN,
    STATUS = 1 << GS_VERB_STATUS,
    AUDIT = 1 << GS_VERB_AUDIT,
    VERIFY = 1 << GS_VERB_VERIFY,
    BENCH = 1 << GS_VERB_BENCH,
    ALL = (1 << GS_VERB_COUNT) - 1
};

#define FLAG(member) .read = read_flag, MEMBER(member)
#define NUMBER(member) .read = read_number, MEMBER(member)
#define TEXT(member) .read = read_text, MEMBER(member)
#define MEMBER(name) .member = offsetof(gs_options, name)
#define OUTPUT "--output", "-o", "FILE"
#define KERNELS .read = read_kernels, .choices = gs_kernels_names

static const char a_file[] = "the name of a results file";
static const char *const styles[] = {"auto", "bar", "lines", "none"};

/* In the order of the help. */
static const gs_option table[] = {
    {"--help", "-h", NULL, ALL, .read = read_help},
    {"--version", NULL, NULL, ALL, .read = read_version},
    {OUTPUT, RUN, TEXT(output), .expects = a_file,
     .help = "the results file; default results/NAME.h5 for `name: NAME`"},
    {"--retry-failed", NULL, NULL, RUN | PLAN, FLAG(retry_failed), .help = "runs that have failed are to do again"},
    {"--max-attempts", NULL, "N", RUN, .read = read_attempts, .most = 1000000, .idle = PLAN,
     .expects = "a number from 0 (no limit) to 1000000",
     .help = "a run in flight N times when the program or its rank was killed has failed; default 3, 0: no limit"},
    {"--fresh", NULL, NULL, RUN, FLAG(fresh),
     .help = "if the results file exists, rename it to FILE.1, FILE.2, ... and start over"},
    {"--repair", NULL, NULL, VERIFY, FLAG(repair),
     .help = "make a new file of all that is whole, in which damaged runs are made again from their checkpoints; it "
             "takes the name of the old one, which stays as FILE.h5.1, FILE.h5.2, ..."},
    {"--watch", NULL, NULL, STATUS, FLAG(watch), .help = "again every two seconds, as long as the sweep runs"},
    {"--runs", NULL, NULL, PLAN, FLAG(runs),
     .help = "every run with its identity, in place of the table of variants (with --json: beside it)"},
    {"--runs", NULL, "3,7-9", AUDIT, TEXT(rows), .expects = "run numbers as in 3,7-9",
     .help = "these runs (rows of the file, from 0); those that are not done are told and left out"},
    {"--fraction", NULL, "F", AUDIT, .read = read_fraction, .expects = "a number above 0, at most 1",
     .help = "in place of --runs: a sample of this share of the finished runs, at least one; default 0.1"},
    {"--seed", NULL, "S", AUDIT, .read = read_seed, .expects = "a whole number of at most 19 digits",
     .help = "which sample: every run has a random number for each seed, and the smallest are taken; default 0"},
    {"--ranks", NULL, "N", PLAN, NUMBER(ranks), 1, 1000000,
     .help = "the makespan on N ranks; default: the cores of this machine"},
    {"--no-measure", NULL, NULL, PLAN, FLAG(no_measure),
     .help = "no times: otherwise a few seconds of training and sampling on this machine are extrapolated"},
    {OUTPUT, PLAN, TEXT(output), .expects = a_file,
     .help = "the results file that a run would continue; default results/NAME.h5. Its runs that are done cost nothing "
             "more, and their times and bytes refine the estimates of the others"},
    {"--fresh", NULL, NULL, PLAN, FLAG(fresh), .help = "as if there were no results file yet"},
    {"--null-runs", NULL, "N", BENCH, NUMBER(null_runs), 1, 10000000,
     .help = "so many runs that do nothing; default 100000"},
    {OUTPUT, BENCH, TEXT(output), .expects = a_file,
     .help = "where results are stored; default: a file in the current folder that is removed afterwards"},
    {"--walltime", NULL, "HH:MM:SS", RUN | AUDIT, .read = read_walltime, .idle = PLAN,
     .expects = "HH:MM:SS or DAYS-HH:MM:SS",
     .help = "the launch will be ended so long after its start: drain before. Under SLURM the job's own end is known "
             "(SLURM_JOB_END_TIME)"},
    {"--kernels", NULL, "WHICH", RUN | PLAN, KERNELS, .most = GS_KERNELS_RECORDED,
     .help = "of the BLAS library: native (the best for this CPU, default), or portable: those that every CPU with "
             "AVX2 has, so that other machines can reproduce the results; also `kernels: portable` in the sweep, which "
             "this option wins over"},
    {"--kernels", NULL, "WHICH", AUDIT, KERNELS, .most = GS_KERNELS_COUNT,
     .help = "of the BLAS library: native (default), portable, or recorded: those that the runs were trained with, "
             "where this CPU has them"},
    {"--kernels", NULL, "WHICH", VERIFY, KERNELS, .most = GS_KERNELS_COUNT,
     .help = "with --repair, of the BLAS library: recorded (those of the runs; the default where this CPU has them), "
             "native or portable"},
    {"--read-only", NULL, NULL, AUDIT, FLAG(read_only),
     .help = "the verdict is not stored in the file, under /provenance/audits"},
    {"--json", NULL, NULL, STATUS | AUDIT, FLAG(json), .help = "for machines: one object, on one line"},
    {"--json", NULL, NULL, PLAN | BENCH, FLAG(json), .help = "for machines"},
    {"--progress", NULL, "STYLE", RUN | AUDIT, .read = read_progress, .idle = PLAN, .choices = styles,
     .most = sizeof styles / sizeof styles[0], .help = "auto (a bar on a terminal, lines otherwise), bar, lines, none"},
};

_Static_assert(sizeof table / sizeof table[0] == GS_OPTION_COUNT, "a row for each option");

const gs_option *const gs_option_table = table;
