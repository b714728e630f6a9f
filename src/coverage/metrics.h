/* Every metric and flag of a run (METHODS section 4), from its counts and the expected probabilities.
 *
 * One table names them, whose rows stand in settings/metric_rows.h; the columns of the results file, audits and repair
 * walk it. docs/metrics.md describes them. */
#ifndef GS_COVERAGE_METRICS_H
#define GS_COVERAGE_METRICS_H

#include "coverage/classify.h"

typedef enum {
#define ROW(id, ...) GS_METRIC_##id,
#include "settings/metric_rows.h"
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

/* A metric as versions worked it out in which bins with expected 0 did not count in ndb, and exactly half of the mass
 * could be less than half by rounding: what their files hold is right. The same value where that makes no difference.
 * `metrics`: as they are worked out now, of these counts. */
double gs_metric_before(gs_metric_id id, const gs_metrics *metrics, const uint32_t counts[GS_BINS],
                        const double expected[GS_BINS]);

/* A run without samples: every metric undefined, the flag `failed` set. */
gs_metrics gs_metrics_of_failure(void);

/* distance[bin]: Kolmogorov-Smirnov distance of the red shares red / (red + blue) of the bin's samples, stretched from
 * the bin's quarter to [0,1] and clipped, from uniform; NaN for green and for empty bins. images: count x GS_IMAGE
 * bytes; scratch: count numbers. */
void gs_shade_distances(const uint8_t *images, const uint8_t *bins, int64_t count, double *scratch,
                        double distance[GS_BINS]);

#endif
