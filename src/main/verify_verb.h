/* gensweep verify: every stored digest, without training; and what differs made again. */
#ifndef GS_MAIN_VERIFY_VERB_H
#define GS_MAIN_VERIFY_VERB_H

#include "main/options.h"

/* The verdict on stdout; *differs tells whether it is bad. GS_ERROR_STORAGE. */
GS_MUST_CHECK gs_status gs_verify_print(const gs_options *options, bool *differs, gs_error *error);

/* The same with --repair; *differs tells whether anything is left to do. */
GS_MUST_CHECK gs_status gs_repair_print(const gs_options *options, bool *differs, gs_error *error);

/* With --repair: goes on with the BLAS kernels that the file's runs were trained with; where they are several, or this
 * CPU does not have them, it says so and goes on with its own. With --kernels recorded that is GS_ERROR_INPUT. May
 * execute the program anew. */
GS_MUST_CHECK gs_status gs_repair_kernels(const gs_options *options, char **argv, gs_error *error);

#endif
