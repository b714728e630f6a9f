/* The command line. */
#ifndef GS_MAIN_OPTIONS_H
#define GS_MAIN_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ground/status.h"
#include "main/kernels.h"

typedef enum {
    GS_VERB_RUN,
    GS_VERB_PLAN,
    GS_VERB_STATUS,
    GS_VERB_AUDIT,
    GS_VERB_VERIFY,
    GS_VERB_SETTINGS,
    GS_VERB_BENCH,
    GS_VERB_HELP,
    GS_VERB_VERSION,
    GS_VERB_COUNT
} gs_verb;
typedef enum { GS_PROGRESS_AUTO, GS_PROGRESS_BAR, GS_PROGRESS_LINES, GS_PROGRESS_NONE } gs_progress_style;

typedef struct {
    gs_verb verb;
    gs_verb help_about;     /* with GS_VERB_HELP: the verb, or GS_VERB_HELP for all */
    const char *sweep;      /* run, plan: the YAML file */
    const char **overrides; /* run, plan: KEY=VALUE, ~KEY arguments; point into argv, the list is owned */
    size_t override_count;
    const char *output; /* run, plan: NULL = results/NAME.h5; bench: NULL = one that is removed afterwards */
    bool fresh;         /* run: rename an existing file and start over; plan: as if there were none */
    bool retry_failed;  /* run, plan: failed runs are to do again */
    int max_attempts;   /* run: gs_store_contents */
    char *file;         /* status, verify, audit: the results file, where links lead; owned */
    bool repair;        /* verify: what differs is made again */
    gs_kernels kernels; /* run, plan, audit, verify: of the BLAS library */
    bool kernels_given; /* run, plan: they win over those of the sweep */
    const char *rows;   /* audit: the runs; NULL: a sample of this share, by this seed */
    double fraction;
    uint64_t seed;
    bool read_only;             /* audit: the verdict is not stored */
    bool watch;                 /* status: again and again */
    double walltime;            /* run, audit: seconds after which the launch will be ended; 0: unknown */
    gs_progress_style progress; /* run, audit */
    bool json;                  /* plan, status, audit, bench: for machines */
    bool runs, no_measure;      /* plan: every run; without times */
    long ranks;                 /* plan: 0 = as many as there are cores */
    const char *model;          /* settings: NULL = all */
    long null_runs;             /* bench: how many */
} gs_options;

/* GS_ERROR_INPUT with a sentence about the wrong argument; GS_ERROR_STORAGE for a link that leads nowhere. To be freed
 * in any case. */
GS_MUST_CHECK gs_status gs_options_read(gs_options *options, int argc, char **argv, gs_error *error);
void gs_options_free(gs_options *options);

#endif
