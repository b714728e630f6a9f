#include "main/verbs.h"

#include <stdlib.h>

#include "main/audit_verb.h"
#include "main/bench_verb.h"
#include "main/exits.h"
#include "main/help.h"
#include "main/launch.h"
#include "main/plan_verb.h"
#include "main/run_verb.h"
#include "main/settings_verb.h"
#include "main/status_verb.h"
#include "main/verify_verb.h"

/* ---- what they do ------------------------------------------------------------------------------------------------ */

static int code_of(gs_status status, const gs_error *error)
{
    if (status != GS_OK) gs_exit_tell(error);
    return gs_exit_of(status);
}

static int run(const gs_call *call)
{
    return gs_run_manage(call->world, call->options, call->argc, call->argv);
}

static int plan(const gs_call *call)
{
    gs_error error;
    return code_of(gs_plan_print(call->options, &error), &error);
}

static int status(const gs_call *call)
{
    gs_error error;
    return code_of(gs_status_print(call->options, &error), &error);
}

static int audit(const gs_call *call)
{
    char hosts[GS_FACT_TEXT];
    gs_world_hosts(call->world, hosts, sizeof hosts);
    return gs_audit_manage(call->world, call->options, hosts);
}

static int verify(const gs_call *call)
{
    gs_error error;
    bool differs = false;
    gs_status done = call->options->repair ? gs_repair_print(call->options, &differs, &error)
                                           : gs_verify_print(call->options, &differs, &error);
    return done == GS_OK && differs ? GS_EXIT_DIFFERENCE : code_of(done, &error);
}

static int settings(const gs_call *call)
{
    gs_error error;
    return code_of(gs_settings_print(call->options->model, &error), &error);
}

static int bench(const gs_call *call)
{
    return gs_bench_run(call->world, call->options, call->argc, call->argv);
}

static int help(const gs_call *call)
{
    gs_help_print(call->options->help_about);
    return EXIT_SUCCESS;
}

static int version(const gs_call *call)
{
    gs_version_print(call->world);
    return EXIT_SUCCESS;
}

/* ---- the table --------------------------------------------------------------------------------------------------- */

const gs_verb_row gs_verbs[GS_VERB_COUNT] = {
    [GS_VERB_RUN] =
        {.name = "run",
         .word = GS_WORD_SWEEP,
         .computes = true,
         .trains = true,
         .act = run,
         .summary = "train a sweep (the verb may be left out)",
         .words = {{"SWEEP.yaml",
                    "the sweep; the README explains the language, `gensweep settings` lists the settings"},
                   {"KEY=VALUE", "wins over the file: steps=500  seeds=0-3  minibatch_discrimination=off,on  "
                                 "data.green=0.1\n"
                                 "steps=range(100,500,100) is 100,200,300,400; +KEY=VALUE adds (an error if the file "
                                 "has it);\n"
                                 "~KEY removes"}},
         .notes =
             "  If the results file exists, it is continued: what is done stays, what was in flight or pending starts, "
             "new runs\n"
             "  of the sweep are added behind the others, and runs that are no longer in the sweep are kept. A file of "
             "other\n"
             "  digits or of another sweep is refused.\n"
             "\n"
             "  Progress goes to stderr, the final table to stdout.\n"
             "\n"
             "SIGNALS\n"
             "  SIGUSR1, SIGTERM, SIGINT, SIGHUP, to mpirun or to any rank, drain: the runs in progress are kept in\n"
             "  FILE.running, the file is closed, the exit status is 75. A second SIGINT stops at once. After "
             "SIGTERM,\n"
             "  SIGINT or SIGHUP mpirun ends with its own status, 1; SIGUSR1 it only passes on.\n"},
    [GS_VERB_PLAN] = {.name = "plan",
                      .word = GS_WORD_SWEEP,
                      .computes = true,
                      .act = plan,
                      .summary = "what a sweep would run, and what it would cost; trains nothing",
                      .words = {{"SWEEP.yaml, KEY=VALUE", "as of gensweep run"}},
                      .notes = "  Makes no file, needs no mpirun. Bad input is told as by run, with exit status 2. The "
                               "other options of run are\n"
                               "  taken and mean nothing, so that a command is planned by putting the verb in.\n"},
    [GS_VERB_STATUS] =
        {.name = "status",
         .word = GS_WORD_FILE,
         .act = status,
         .summary = "how far a sweep is, from another terminal or after a crash",
         .words = {{"FILE.h5", "the results file"}},
         .notes =
             "  Runs by status, running runs with rank and step, failures with their reasons, rate and time left. Does "
             "not disturb\n"
             "  a sweep that runs. After a crash it repairs the marks in the file, so that plain readers can open "
             "it.\n"},
    [GS_VERB_AUDIT] =
        {.name = "audit",
         .word = GS_WORD_FILE,
         .computes = true,
         .trains = true,
         .act = audit,
         .summary = "train finished runs of a results file again and compare every stored bit",
         .words = {{"FILE.h5", "the results file; all that is needed to train its runs stands in it"}},
         .notes =
             "  Counts, samples, weights, curves, metrics and digests are compared; times, ranks, attempts and launch "
             "numbers are\n"
             "  not. The first difference of each run is named with dataset, index and both values. On other BLAS "
             "kernels bits may\n"
             "  differ: then the counts are compared by the chi-square test of homogeneity at level 0.001 for each "
             "run, "
             "which is\n"
             "  weaker. A file that is being written can be audited; the verdict is then not stored.\n"
             "  Exit status 0: no difference, 1: there is one, 75: drained, on a signal or because the time is up.\n"},
    [GS_VERB_VERIFY] =
        {.name = "verify",
         .word = GS_WORD_FILE,
         .act = verify,
         .summary = "check every digest of a results file, and repair it; trains nothing",
         .words = {{"FILE.h5", "the results file"}},
         .notes =
             "  Recomputes the digests of counts, samples, checkpoints and curves of every finished run from what is "
             "stored, reads\n"
             "  everything else, and names the runs and parts that differ. Exit status 0: all agree, 1: there is a "
             "difference.\n"
             "\n"
             "  --repair makes samples, and what is computed from them, again from the stored weights; what does not "
             "give the stored\n"
             "  digests is not accepted. A run whose checkpoint, curves or coverage along training are damaged, or "
             "were "
             "not stored,\n"
             "  is set back to pending: the command of the sweep trains it again. Refused while a sweep writes the "
             "file. "
             "Exit status\n"
             "  0: the file is whole now, or was; 1: runs wait to be trained again, or something is lost.\n"},
    [GS_VERB_SETTINGS] =
        {.name = "settings",
         .word = GS_WORD_MODEL,
         .act = settings,
         .summary = "every setting: type, default, range, which models it applies to",
         .notes =
             "  For each setting: what it is, what is allowed, the default (of that model, or of each model that has "
             "its own).\n"
             "  Settings of the sections data, evaluation and early_terminate are written `data.NAME`, "
             "`evaluation.NAME`, ... here\n"
             "  and on the command line.\n"},
    [GS_VERB_BENCH] =
        {.name = "bench",
         .on_all_ranks = true,
         .act = bench,
         .summary = "how many runs a second can be handed out and stored here",
         .notes =
             "  The runs are handed out twice: first nothing is kept, then every result is committed to the file, as "
             "durable as in\n"
             "  a sweep. What comes out is what is left for a sweep of many short runs; longer ones never notice the "
             "farm.\n"},
    [GS_VERB_HELP] = {.name = "help", .word = GS_WORD_VERB, .act = help},
    [GS_VERB_VERSION] = {.name = "--version", .act = version},
};
