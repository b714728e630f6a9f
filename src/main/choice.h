/* Which BLAS kernels the command line and the sweep ask for. */
#ifndef GS_MAIN_CHOICE_H
#define GS_MAIN_CHOICE_H

#include <stdbool.h>

#include "main/options.h"
#include "sweep/sweep.h"

/* Portable kernels are asked for. Every rank looks for itself, because MPI may not be started yet; what is wrong with
 * the sweep rank 0 tells later. */
bool gs_choice_is_portable(const gs_options *options);

/* The same where the sweep has been read. */
bool gs_choice_with_sweep(const gs_options *options, const gs_sweep *sweep);

/* Goes on with the kernels that are asked for; before MPI is started, because it may execute the program anew.
 * GS_ERROR_INPUT if they cannot be had here, GS_ERROR_STORAGE, GS_ERROR_MEMORY. */
GS_MUST_CHECK gs_status gs_choice_of_kernels(const gs_options *options, char **argv, gs_error *error);

#endif
