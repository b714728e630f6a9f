/* What runs cost: seconds on one core of this machine, and bytes in the results file. */
#ifndef GS_MAIN_COSTS_H
#define GS_MAIN_COSTS_H

#include "sweep/plan.h"

typedef struct gs_costs gs_costs;

/* With `measure`, each kind of run trains and samples for a moment,
    about 5 seconds in all; kinds that differ in nothing
 * that takes time (rates, seeds, steps) are measured once, and of very many kinds some. GS_ERROR_MEMORY,
     GS_ERROR_INPUT. */
GS_MUST_CHECK gs_status gs_costs_create(gs_costs **costs, const gs_plan *plan, const gs_digits *digits,
                                        gs_storage storage, bool measure, gs_error *error);
void gs_costs_destroy(gs_costs **costs);

/* A run of this variant took so long: later estimates of its kind, and of kinds of its model of which no run is known,
 * take it into account. Nothing is learned without a measurement. */
void gs_costs_learn(gs_costs *costs, size_t variant, double seconds);

/* The same for bytes: a file of some of the runs was estimated to have so many bytes and has so many. */
void gs_costs_learn_size(gs_costs *costs, double estimated, double real);

/* Seconds of one run of a variant; 0 where nothing was measured. */
double gs_costs_seconds(const gs_costs *costs, size_t variant);

/* Bytes of one run of a variant in the results file, and of the file beside its runs. */
double gs_costs_bytes(const gs_costs *costs, size_t variant);
double gs_costs_file_overhead(const gs_costs *costs);

#endif
