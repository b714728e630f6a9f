/* How fast this machine trains and samples some runs: a measurement of a few seconds. */
#ifndef GS_MAIN_CALIBRATE_H
#define GS_MAIN_CALIBRATE_H

#include "sweep/sweep.h"
#include "train/result.h"

/* Seconds are those of one core that does nothing else. All zero where the run gets no memory, since then it fails at
 * once. */
typedef struct {
    double begin;  /* seconds before the first step */
    double step;   /* of a training step */
    double sample; /* to make and classify a sample */
    double pack;   /* to hash and deflate a sample and its share of the rest; 0: not measured */
    double share;  /* that samples deflate to after `steps` steps; 0: not measured */
    int64_t steps;
} gs_speed;

/* Trains and samples the runs in turn, a moment each, for about `seconds` in all, or until all have ended.
 * GS_ERROR_MEMORY, GS_ERROR_INPUT. */
GS_MUST_CHECK gs_status gs_calibrate(const gs_job *jobs, size_t count, const gs_digits *digits, gs_storage storage,
                                     double seconds, gs_speed *speeds, gs_error *error);

#endif
