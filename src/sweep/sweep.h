/* What a sweep file asks for, read and checked, before it is expanded into runs (sweep/plan.h). */
#ifndef GS_SWEEP_SWEEP_H
#define GS_SWEEP_SWEEP_H

#include "settings/settings.h"
#include "sweep/document.h"
#include "sweep/draws.h"

enum {
    GS_NAME = 128,
    GS_DESCRIPTION = 1024,
    GS_PATH = 4096,
    GS_SEEDS_MAX = 10000000,
    GS_VARIANTS_MAX = 1000000,
    GS_RUNS_MAX = 10000000,
    GS_VALUES_MAX = 20000, /* of one setting */
    GS_RULES_MAX = 10000   /* of exclude and of include */
};

/* One setting and the values that it takes, in the order of the file; or the distribution that they are drawn from. */
typedef struct {
    gs_setting_id id;
    gs_value *values; /* NULL where they are drawn from a distribution */
    size_t count;
    double *probabilities; /* of the values, adding up to 1; NULL: equal */
    gs_distribution distribution;
    size_t zip;    /* axes of the same zip, counted from 1, advance together; 0: on its own */
    gs_node node;  /* where it was given, for errors that show only later */
    gs_node given; /* its value, or the list of its values */
} gs_axis;

/* A partial combination of exclude or include. */
typedef struct {
    gs_node node;
    gs_axis *terms; /* exclude: any of a term's values matches; include: one value each */
    size_t count;
} gs_rule;

typedef struct {
    gs_rule *rules;
    size_t count;
} gs_rules;

typedef struct {
    bool samples;            /* /samples is written */
    bool checkpoints;        /* final weights are written */
    int compression;         /* deflate level of /samples and examples, 0 to 9 */
    double checkpoint_every; /* seconds between two mid-run checkpoints of a run; 0: none are made */
    int64_t width;           /* most samples of any run, the width of /samples, from the plan; 0: this run's own */
    int64_t chunk; /* samples in a chunk of /samples/bin and /samples/error, from the file; 0: as wide as they are */
    double sync;   /* seconds between two waits until what is written is on the disk; 0: at every run */
} gs_storage;

typedef struct {
    char name[GS_NAME];
    char description[GS_DESCRIPTION];
    uint64_t *seeds;
    size_t seed_count;
    gs_axis axes[GS_SETTING_COUNT];
    size_t axis_count; /* the first varies slowest */
    size_t zip_count;
    gs_rules exclude, include;
    bool random;    /* method: random, with `run_cap` trials */
    size_t run_cap; /* 0: not given */
    uint64_t search_seed;
    bool portable;       /* kernels: portable */
    char mnist[GS_PATH]; /* IDX images; empty: the built-in digits */
    int64_t indices[GS_DIGITS];
    gs_node data_node; /* where `mnist` was given */
    gs_storage storage;
    char note[256]; /* a sentence for stderr about keys that were accepted and mean nothing; empty: there are none */

    gs_document **documents; /* the file, then the overrides; axes point into them */
    size_t document_count;
} gs_sweep;

/* Reads the file `path` and the overrides of the command line, which win: KEY=VALUE, +KEY=VALUE, ~KEY. Errors are
 * collected, each with its place. GS_ERROR_INPUT, GS_ERROR_MEMORY. */
GS_MUST_CHECK gs_status gs_sweep_read(gs_sweep **sweep, const char *path, const char *const *overrides,
                                      size_t override_count, gs_error *error);

/* The same, of text that is in memory; `name` is what errors call it. */
GS_MUST_CHECK gs_status gs_sweep_read_text(gs_sweep **sweep, const char *name, const char *text, size_t length,
                                           const char *const *overrides, size_t override_count, gs_error *error);
void gs_sweep_destroy(gs_sweep **sweep);

/* The text of the file as given. */
const char *gs_sweep_text(const gs_sweep *sweep);

/* The axis of a setting, or NULL. */
const gs_axis *gs_sweep_axis(const gs_sweep *sweep, gs_setting_id id);

/* Where value number `place` of an axis stands. */
gs_node gs_axis_place(const gs_axis *axis, size_t place);

/* Where a setting was given; the top of the file if it was not. */
gs_node gs_sweep_node(const gs_sweep *sweep, gs_setting_id id);

#endif
