/* The runs that a sweep asks for: variants (resolved settings) times seeds, in plan order. */
#ifndef GS_SWEEP_PLAN_H
#define GS_SWEEP_PLAN_H

#include "sweep/sweep.h"
#include "train/result.h"

enum { GS_LABEL = 256, GS_ID = 33 /* 32 hexadecimal digits */ };

typedef struct {
    gs_settings settings;
    char label[GS_LABEL]; /* names only what varies, see gs_plan_label */
} gs_variant;

typedef struct {
    size_t variant_count;
    const uint64_t *seeds; /* of the sweep, which must outlive the plan */
    size_t seed_count;
    size_t run_count; /* variants x seeds; run = variant * seed_count + place of the seed */
    size_t merged;    /* combinations left out because they resolve to a variant that is there already */
    size_t excluded;  /* combinations (of a random search: trials) left out by `exclude` */
    gs_error note;    /* a value that `exclude` lists to no effect, which may be a slip; empty: there is none */

    /* A plan may have a million variants, so they are kept packed, for gs_plan_settings: of each variant a row with the
     * values of the settings that the sweep names. All others have the default of the variant's model. */
    gs_setting_id named[GS_SETTING_COUNT]; /* the model, then axes in their order, then what only `include` names */
    size_t named_count;
    size_t applies[GS_SETTING_COUNT]; /* to so many variants; of named settings */
    bool varies[GS_SETTING_COUNT];    /* has different values where it applies */
    bool swept[GS_SETTING_COUNT];     /* by a list or a distribution, and not by items of `include` alone */
    bool fixed[GS_SETTING_COUNT];     /* given one value, `base`, which only items of `include` depart from */
    gs_value base[GS_SETTING_COUNT];
    gs_settings defaults[GS_MODEL_COUNT];
    unsigned char *rows; /* owned */
    size_t row_size;
} gs_plan;

/* Expands the sweep and checks every combination. Errors point into the sweep's files. GS_ERROR_INPUT,
 * GS_ERROR_MEMORY. */
GS_MUST_CHECK gs_status gs_plan_create(gs_plan **plan, const gs_sweep *sweep, gs_error *error);
void gs_plan_destroy(gs_plan **plan);

/* The largest value of an integer setting in any variant. */
int64_t gs_plan_largest(const gs_plan *plan, gs_setting_id id);

/* The resolved settings of a variant, and its label: made when asked for. The label names the settings that vary, with
 * this variant's values; a setting that varies by items of `include` alone only where it departs from the value that
 * the sweep fixes, or from the model's default. The model's name where that leaves nothing. */
gs_settings gs_plan_settings(const gs_plan *plan, size_t variant);
void gs_plan_label(const gs_plan *plan, size_t variant, char label[GS_LABEL]);

/* The same by the number of a run. */
gs_job gs_plan_job(const gs_plan *plan, size_t run);
gs_variant gs_plan_variant(const gs_plan *plan, size_t run);

/* The identity of a run: xxHash128 of the format version, the settings that apply and differ from their default (by
 * name, in alphabetical order), the digits' grey values and the seed. Order, spelling and file names do not matter;
 * what changes a result does. */
void gs_run_id(const gs_settings *settings, uint64_t seed, const gs_digits *digits, char id[GS_ID]);

#endif
