/* What a run leaves behind: everything that goes into its row of the results file. */
#ifndef GS_TRAIN_RESULT_H
#define GS_TRAIN_RESULT_H

#include <stdbool.h>

#include "coverage/metrics.h"
#include "models/model.h"

/* A run to be trained; plain memory, so that it may be sent as it is. */
typedef struct {
    int64_t run; /* as whoever made the job counts: the plan's number (gs_plan_job), a row of the file (gs_stored_job),
                    a place among the runs of an audit. Its result comes back with the same number */
    uint64_t seed;
    gs_settings settings;
} gs_job;

/* How far a run is; plain memory, too. */
typedef struct {
    int64_t steps_done;
    double share;         /* of its work, from 0 to 1: gs_trainer_share */
    double seconds;       /* worked on it so far */
    int64_t steps_before; /* of these steps, and of this share, what its mid-run checkpoint brought along */
    double share_before;
} gs_standing;

typedef enum {
    GS_OUTCOME_DONE,   /* with a `reason` and fewer steps than planned: stopped early */
    GS_OUTCOME_FAILED, /* a result too: `reason` says why */
} gs_outcome;

enum { GS_REASON = 256, GS_CURVE_POINTS = 200 };

/* Averages of the curves over the intervals that end after steps[p]. */
typedef struct {
    int points;
    int64_t step[GS_CURVE_POINTS];
    float values[GS_CURVES_MAX][GS_CURVE_POINTS];
} gs_curves;

/* Coverage at one moment of training. */
typedef struct {
    int64_t step;
    uint32_t counts[GS_BINS];
    uint32_t rejected;
} gs_coverage_point;

typedef struct {
    gs_outcome outcome;
    char reason[GS_REASON];
    int64_t steps_done;

    gs_coverage coverage;
    double expected[GS_BINS];
    double shade_distance[GS_BINS];
    gs_metrics metrics;
    gs_curves curves;
    int64_t points;           /* of coverage along training */
    gs_coverage_point *along; /* owned by the trainer, like all that follows */

    /* Set only where outcome is done. */
    int64_t samples;
    const uint8_t *images;  /* samples x GS_IMAGE */
    const uint8_t *bins;    /* samples */
    const uint16_t *errors; /* samples */
    const gs_model *model;  /* its type, tensors and parameters */
} gs_result;

/* How many curve points a run of `steps` steps has, and after which step point p ends. */
int gs_curve_points(int64_t steps);
int64_t gs_curve_step(int64_t steps, int point);

/* How many points of coverage along training a run has. */
int64_t gs_coverage_points(const gs_settings *settings);

/* All work of a run: its steps, its samples along training and at its end. */
double gs_work_of_run(gs_work work, const gs_settings *settings);

#endif
