/* Everything that is needed to train a stored run again, read from its results file. */
#ifndef GS_STORE_JOBS_H
#define GS_STORE_JOBS_H

#include "store/lookup.h"
#include "sweep/plan.h"

enum { GS_KERNEL = 64 };

/* The digits of /data/templates. GS_ERROR_STORAGE if they are not grey values. */
GS_MUST_CHECK gs_status gs_stored_digits(gs_lookup *lookup, gs_digits *digits, gs_error *error);

/* Settings of a row: /settings is what holds, not /sweep/yaml, which may have been edited since. Settings that the file
 * has no column for have their defaults: that is what they were before they were added. GS_ERROR_STORAGE. */
GS_MUST_CHECK gs_status gs_stored_settings(gs_lookup *lookup, uint64_t row, gs_settings *settings, gs_error *error);

/* Settings and seed of a row, as job number `row`. */
GS_MUST_CHECK gs_status gs_stored_job(gs_lookup *lookup, uint64_t row, gs_job *job, gs_error *error);

/* The kernels of the BLAS library that a row was trained with. Empty where the file cannot tell. */
void gs_stored_kernel(gs_lookup *lookup, uint64_t row, char kernel[GS_KERNEL]);

/* Whether settings, seed and digits of a job are those that /runs/id of its row stands for. */
bool gs_stored_identity(gs_lookup *lookup, const gs_job *job, const gs_digits *digits);

#endif
