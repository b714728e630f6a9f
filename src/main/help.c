#include <stdio.h>
#include <string.h>

#include "main/options.h"
#include "settings/settings.h"

static const char general[] =
    "NAME\n"
    "  gensweep - a distributed seed and hyperparameter sweep for generative models\n"
    "\n"
    "SYNOPSIS\n"
    "  mpirun -n RANKS gensweep [run] SWEEP.yaml [KEY=VALUE ...] [-o FILE] [--retry-failed] [--fresh]\n"
    "  gensweep plan SWEEP.yaml [KEY=VALUE ...] [--runs] [--json] [--ranks N] [--no-measure] [-o FILE]\n"
    "  gensweep status FILE.h5 [--watch] [--json]\n"
    "  [mpirun -n RANKS] gensweep audit FILE.h5 [--runs 3,7-9 | --fraction F] [--seed S] [--read-only] [--json]\n"
    "  gensweep verify FILE.h5 [--repair]\n"
    "  gensweep settings [MODEL]\n"
    "  mpirun -n RANKS gensweep bench [--null-runs N] [-o FILE] [--json]\n"
    "  gensweep --version | --help | VERB --help\n"
    "\n"
    "DESCRIPTION\n"
    "  Reads a sweep (models x settings x seeds), trains every run on one core, and writes samples, final weights,\n"
    "  30-bin coverage counts and metrics of all runs into one HDF5 file. Results do not depend on the number of\n"
    "  ranks. Works under mpirun or srun, and alone as one process. The same command again resumes: finished runs\n"
    "  stay; a sweep that was edited in the meantime adds its new runs to the file.\n"
    "\n"
    "VERBS\n"
    "  run        train a sweep (may be left out)\n"
    "  plan       what would run, and what it would cost; trains nothing\n"
    "  status     how far a sweep is, from another terminal or after a crash\n"
    "  audit      trains finished runs of a results file again and compares every stored bit\n"
    "  verify     compares every finished run of a results file with its digests, and can make a\n"
    "             repaired file; trains nothing\n"
    "  settings   every setting: type, default, range, which models it applies to\n"
    "  bench      how many runs a second can be handed out and stored here\n"
    "\n"
    "EXIT STATUS\n"
    "  0   every planned run is done\n"
    "  1   finished, but some runs failed; the file says why. audit, verify: there is a difference\n"
    "  2   bad usage or bad input: nothing was touched\n"
    "  3   storage error: full disk, permissions, a damaged file, a file that another gensweep writes\n"
    "  75  drained, on a signal or because the time is up: run the same command again\n"
    "  70  internal error\n"
    "\n"
    "ENVIRONMENT\n"
    "  OPENBLAS_CORETYPE  pins the BLAS kernels (e.g. Haswell); unset: the best for this CPU. Recorded in the file.\n"
    "\n"
    "EXAMPLES\n"
    "  mpirun -n 64 gensweep sweeps/gan_collapse.yaml\n"
    "  gensweep sweeps/quickstart.yaml seeds=0-1 steps=500 -o try.h5\n";

static const char run[] =
    "NAME\n"
    "  gensweep run - train a sweep\n"
    "\n"
    "SYNOPSIS\n"
    "  [mpirun -n RANKS] gensweep [run] SWEEP.yaml [KEY=VALUE ...] [-o FILE] [--fresh] [--retry-failed]\n"
    "      [--max-attempts N] [--walltime HH:MM:SS] [--kernels native|portable] [--progress STYLE]\n"
    "\n"
    "ARGUMENTS\n"
    "  SWEEP.yaml       the sweep; the README explains the language, `gensweep settings` lists the settings\n"
    "  KEY=VALUE        wins over the file: steps=500  seeds=0-3  minibatch_discrimination=off,on  data.green=0.1\n"
    "                   steps=range(100,500,100) is 100,200,300,400; +KEY=VALUE adds (an error if the file has it);\n"
    "                   ~KEY removes\n"
    "  -o FILE          the results file; default results/NAME.h5 for `name: NAME`\n"
    "  --retry-failed   runs that have failed are to do again\n"
    "  --max-attempts N a run in flight N times when the program or its rank was killed has failed; default 3, 0: no "
    "limit\n"
    "  --fresh          if the results file exists, rename it to FILE.1, FILE.2, ... and start over\n"
    "  --walltime HH:MM:SS  the launch will be ended so long after its start: drain before. Under SLURM the job's own\n"
    "                   end is known (SLURM_JOB_END_TIME)\n"
    "  --kernels WHICH  of the BLAS library: native (the best for this CPU, default), or portable: those that every "
    "CPU\n"
    "                   with AVX2 has, so that other machines can reproduce the results; also `kernels: portable` in "
    "the\n"
    "                   sweep, which this option wins over\n"
    "  --progress STYLE auto (a bar on a terminal, lines otherwise), bar, lines, none\n"
    "\n"
    "  If the results file exists, it is continued: what is done stays, what was in flight or pending starts, new "
    "runs\n"
    "  of the sweep are added behind the others, and runs that are no longer in the sweep are kept. A file of other\n"
    "  digits or of another sweep is refused.\n"
    "\n"
    "  Progress goes to stderr, the final table to stdout.\n"
    "\n"
    "SIGNALS\n"
    "  SIGUSR1, SIGTERM, SIGINT, to mpirun or to any rank, drain: the runs in progress are kept in FILE.running, the\n"
    "  file is closed, the exit status is 75. A second SIGINT stops at once.\n";

static const char status[] =
    "NAME\n"
    "  gensweep status - how far a sweep is\n"
    "\n"
    "SYNOPSIS\n"
    "  gensweep status FILE.h5 [--watch] [--json]\n"
    "\n"
    "ARGUMENTS\n"
    "  FILE.h5   the results file\n"
    "  --watch   again every two seconds, as long as the sweep runs\n"
    "  --json    for machines: one object, on one line\n"
    "\n"
    "  Runs by status, running runs with rank and step, failures with their reasons, rate and time left. Does not "
    "disturb\n"
    "  a sweep that runs. After a crash it repairs the marks in the file, so that plain readers can open it.\n";

static const char audit[] =
    "NAME\n"
    "  gensweep audit - train finished runs again and compare every stored bit\n"
    "\n"
    "SYNOPSIS\n"
    "  [mpirun -n RANKS] gensweep audit FILE.h5 [--runs 3,7-9 | --fraction F] [--seed S] [--kernels WHICH] "
    "[--read-only]\n"
    "      [--json] [--progress STYLE]\n"
    "\n"
    "ARGUMENTS\n"
    "  FILE.h5          the results file; all that is needed to train its runs stands in it\n"
    "  --runs 3,7-9     these runs (rows of the file, from 0); those that are not done are told and left out\n"
    "  --fraction F     a sample of this share of the finished runs, at least one; default 0.1\n"
    "  --seed S         which sample: every run has a random number for each seed, and the smallest are taken; default "
    "0\n"
    "  --kernels WHICH  of the BLAS library: native (default), portable, or recorded: those that the runs were trained "
    "with,\n"
    "                   where this CPU has them\n"
    "  --read-only      the verdict is not stored in the file, under /provenance/audits\n"
    "  --json           for machines: one object, on one line\n"
    "\n"
    "  Counts, samples, weights, curves, metrics and digests are compared; times, ranks, attempts and launch numbers "
    "are\n"
    "  not. The first difference of each run is named with dataset, index and both values. On other BLAS kernels bits "
    "may\n"
    "  differ: then the counts are compared by the chi-square test of homogeneity at level 0.001 for each run, which "
    "is\n"
    "  weaker. A file that is being written can be audited; the verdict is then not stored.\n"
    "  Exit status 0: no difference, 1: there is one, 75: drained.\n";

static const char verify[] =
    "NAME\n"
    "  gensweep verify - check every digest of a results file, and repair it\n"
    "\n"
    "SYNOPSIS\n"
    "  gensweep verify FILE.h5 [--repair [--kernels WHICH]]\n"
    "\n"
    "ARGUMENTS\n"
    "  FILE.h5          the results file\n"
    "  --repair         make a new file of all that is whole, in which damaged runs are made again from their "
    "checkpoints; it\n"
    "                   takes the name of the old one, which stays as FILE.h5.1, FILE.h5.2, ...\n"
    "  --kernels WHICH  with --repair, of the BLAS library: recorded (those of the runs; the default where this CPU "
    "has\n"
    "                   them), native or portable\n"
    "\n"
    "  Recomputes the digests of counts, samples, checkpoints and curves of every finished run from what is stored, "
    "reads\n"
    "  everything else, and names the runs and parts that differ. Exit status 0: all agree, 1: there is a difference.\n"
    "\n"
    "  --repair makes samples, and what is computed from them, again from the stored weights; what does not give the "
    "stored\n"
    "  digests is not accepted. A run whose checkpoint, curves or coverage along training are damaged, or were not "
    "stored,\n"
    "  is set back to pending: the command of the sweep trains it again. Trains nothing, and is refused while a sweep "
    "writes\n"
    "  the file. Exit status 0: the file is whole now, or was; 1: runs wait to be trained again, or something is "
    "lost.\n";

static const char plan[] =
    "NAME\n"
    "  gensweep plan - what a sweep would run, and what it would cost\n"
    "\n"
    "SYNOPSIS\n"
    "  gensweep plan SWEEP.yaml [KEY=VALUE ...] [--runs] [--json] [--ranks N] [--no-measure] [-o FILE]\n"
    "\n"
    "ARGUMENTS\n"
    "  SWEEP.yaml, KEY=VALUE  as of gensweep run\n"
    "  --runs        every run with its identity, in place of the table of variants (with --json: beside it)\n"
    "  --json        for machines\n"
    "  --ranks N     the makespan on N ranks; default: the cores of this machine\n"
    "  --no-measure  no times: otherwise a few seconds of training and sampling on this machine are extrapolated\n"
    "  -o FILE       the results file that a run would continue; default results/NAME.h5. Its runs that are done cost\n"
    "                nothing more, and their times and bytes refine the estimates of the others\n"
    "\n"
    "  Trains nothing, makes no file, needs no mpirun. Bad input is told as by run, with exit status 2.\n";

static const char settings[] =
    "NAME\n"
    "  gensweep settings - list the settings\n"
    "\n"
    "SYNOPSIS\n"
    "  gensweep settings [MODEL]\n"
    "\n"
    "  For each setting: what it is, what is allowed, the default (of that model, or of each model that has its own).\n"
    "  Settings of the sections data, evaluation and early_terminate are written `data.NAME`, `evaluation.NAME`, ... "
    "here\n"
    "  and on the command line.\n";

static const char bench[] =
    "NAME\n"
    "  gensweep bench - how many runs a second can be handed out and stored here\n"
    "\n"
    "SYNOPSIS\n"
    "  mpirun -n RANKS gensweep bench [--null-runs N] [-o FILE] [--json]\n"
    "\n"
    "OPTIONS\n"
    "  --null-runs N    so many runs that do nothing; default 100000\n"
    "  -o FILE          where results are stored; default: a file in the current folder that is removed afterwards\n"
    "  --json           for machines\n"
    "\n"
    "NOTES\n"
    "  The runs are handed out twice: first nothing is kept, then every result is committed to the file, as durable as "
    "in\n"
    "  a sweep. What comes out is what is left for a sweep of many short runs; longer ones never notice the farm.\n";

void gs_help_print(gs_verb about)
{
    static const char *const texts[] = {
        [GS_VERB_RUN] = run,       [GS_VERB_PLAN] = plan,         [GS_VERB_STATUS] = status, [GS_VERB_AUDIT] = audit,
        [GS_VERB_VERIFY] = verify, [GS_VERB_SETTINGS] = settings, [GS_VERB_BENCH] = bench,   [GS_VERB_HELP] = general};
    fputs(about <= GS_VERB_HELP ? texts[about] : general, stdout);
}

static void print_models(const gs_setting *row)
{
    const unsigned all = (1u << GS_MODEL_COUNT) - 1;
    printf("      models: ");
    if (row->models == all) printf("all");
    for (int m = 0, first = 1; m < GS_MODEL_COUNT && row->models != all; m++) {
        if ((row->models & (1u << m)) == 0) continue;
        printf("%s%s", first ? "" : ", ", gs_model_names[m]);
        first = 0;
    }
    char condition[128];
    if (row->conditional) {
        gs_setting_condition((gs_setting_id)(row - gs_settings_table), condition, sizeof condition);
        printf(" with %s", condition);
    }
    printf("\n");
}

static void print_default(const gs_setting *row, int model)
{
    printf("      default: %s",
           model >= 0 && row->fallback_by_model[model] != NULL ? row->fallback_by_model[model] : row->fallback);
    for (int m = 0; m < GS_MODEL_COUNT && model < 0; m++)
        if (row->fallback_by_model[m] != NULL) printf(", %s %s", gs_model_names[m], row->fallback_by_model[m]);
    printf("\n");
}

gs_status gs_settings_print(const char *model, gs_error *error)
{
    int only = -1;
    for (int m = 0; model != NULL && m < GS_MODEL_COUNT; m++)
        if (strcmp(model, gs_model_names[m]) == 0) only = m;
    if (model != NULL && only < 0) {
        const char *near = gs_nearest_name(model, gs_model_names, GS_MODEL_COUNT);
        return gs_fail(error, GS_ERROR_INPUT, "unknown model '%s'; %s%s%s", model,
                       near != NULL ? "did you mean '" : "see gensweep settings", near != NULL ? near : "",
                       near != NULL ? "'?" : "");
    }
    for (int id = 0; id < GS_SETTING_COUNT; id++) {
        const gs_setting *row = &gs_settings_table[id];
        if (only >= 0 && (row->models & (1u << only)) == 0) continue;
        char allowed[512];
        gs_setting_describe((gs_setting_id)id, allowed, sizeof allowed);
        printf("  %s\n      %s\n      %s\n", row->column, row->help, allowed);
        print_default(row, only);
        if (only < 0 || row->conditional) print_models(row);
    }
    return GS_OK;
}
