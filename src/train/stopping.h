/* Early stopping as one run sees it: where its rungs are, and what it is compared by.
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

#endif
