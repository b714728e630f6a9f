/* Early stopping as one run sees it: where its rungs are, what it is compared by, and the sentence that says so.
 *
 * W&B's hyperband, which is the stopping rule of ASHA (Li et al. 2020, A System for Massively Parallel Hyperparameter
 * Tuning). An iteration is a point of coverage along training. Rungs are at iterations min_iter, min_iter x eta,
 * min_iter x eta^2, ..., rounded down, each once. */
#ifndef GS_TRAIN_STOPPING_H
#define GS_TRAIN_STOPPING_H

#include "train/result.h"

/* Whether runs with these settings are compared after their point number `point`, counted from 1. Not after the last,
 * when there is nothing left to save. */
bool gs_stopping_is_rung(const gs_settings *settings, int64_t point);

/* The last rung of a run, 0: it has none. */
int64_t gs_stopping_last_rung(const gs_settings *settings);

/* The metric of early_terminate at a point. NaN where it is not defined, as when all samples were rejected. */
double gs_stopping_value(const gs_settings *settings, const gs_coverage_point *point, const double expected[GS_BINS]);

/* Its name. */
const char *gs_stopping_metric(const gs_settings *settings);

/* What a run at a rung is told. */
typedef struct {
    bool go_on;
    int64_t best, runs; /* it had to be among the `best` of `runs` */
} gs_decision;

/* The `reason` of a run that was stopped: "stopped early after step 2000 of 29000: tv 0.61 is not among the best 3 of 9
 * runs". Results files keep it, and an audit stops the run where it says: whatever is written some day,
 * gs_stopping_reason_read must also read what was written before. */
void gs_stopping_reason_write(const gs_settings *settings, int64_t step, double value, const gs_decision *decision,
                              char reason[GS_REASON]);

/* After which step a run was stopped and what it was told there; false if that is not what the reason says. */
bool gs_stopping_reason_read(const char *reason, int64_t *step, gs_decision *decision);

#endif
