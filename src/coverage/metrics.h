/* Every metric and flag of a run (METHODS section 4), from its counts and the expected probabilities.
 *
 * One table names them; the results file, the final table and docs/metrics.md walk it. */
#ifndef GS_COVERAGE_METRICS_H
#define GS_COVERAGE_METRICS_H

#include "coverage/classify.h"

typedef enum {
    GS_METRIC_MODES_0,
    GS_METRIC_MODES_10,
    GS_METRIC_MODES_50,
    GS_METRIC_COVERED_MASS,
    GS_METRIC_WORST_BIN,
    GS_METRIC_WORST_RATIO,
    GS_METRIC_TV,
    GS_METRIC_TV_REJECT,
    GS_METRIC_KL,
    GS_METRIC_KL_CORRECTED,
    GS_METRIC_JS,
    GS_METRIC_EFFECTIVE_MODES,
    GS_METRIC_NDB,
    GS_METRIC_NDB_HOLM,
    GS_METRIC_CHI2,
    GS_METRIC_CHI2_P,
    GS_METRIC_G,
    GS_METRIC_G_P,
    GS_METRIC_MEAN_ERROR,
    GS_METRIC_QUALITY,
    GS_METRIC_SHADE_KS,
    GS_METRIC_ARTICLE_FILTER_SHARE,
    GS_METRIC_MISSING,
    GS_METRIC_COLLAPSED,
    GS_METRIC_SEVERE,
    GS_METRIC_FAILED,
    GS_METRIC_COUNT
} gs_metric_id;

typedef enum { GS_METRIC_REAL, GS_METRIC_INTEGER, GS_METRIC_FLAG } gs_metric_type;

typedef struct {
    const char *name;
    gs_metric_type type; /* stored as float64, int32, int8; undefined = NaN, -1, -1 */
    const char *help;
} gs_metric;

extern const gs_metric gs_metrics_table[GS_METRIC_COUNT];

/* values[i]: the metric, whole for integers and flags; NaN where it is not defined. */
typedef struct {
    double values[GS_METRIC_COUNT];
} gs_metrics;

/* `expected` sums to 1; bins with expected 0 are no modes. `shade_distance`: see gs_shade_distances. */
gs_metrics gs_metrics_of(const gs_coverage *coverage, const double expected[GS_BINS],
                         const double shade_distance[GS_BINS]);

/* A run without samples: every metric undefined, the flag `failed` set. */
gs_metrics gs_metrics_of_failure(void);

/* distance[bin]: Kolmogorov-Smirnov distance of the red shares red / (red + blue) of the bin's samples, stretched from
 * the bin's quarter to [0,1] and clipped, from uniform; NaN for green and for empty bins. images: count x GS_IMAGE
 * bytes; scratch: count numbers. */
void gs_shade_distances(const uint8_t *images, const uint8_t *bins, int64_t count, double *scratch,
                        double distance[GS_BINS]);

#endif
