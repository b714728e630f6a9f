/* What the verbs about a sweep read first, with the same errors: the sweep, its plan, the digits. */
#ifndef GS_MAIN_INPUTS_H
#define GS_MAIN_INPUTS_H

#include "main/options.h"
#include "sweep/plan.h"

/* Keys that were accepted and mean nothing are noted on stderr. GS_ERROR_INPUT, GS_ERROR_MEMORY; what was made until
 * then is the caller's. */
GS_MUST_CHECK gs_status gs_inputs_read(const gs_options *options, gs_sweep **sweep, gs_plan **plan, gs_digits *digits,
                                       gs_error *error);

#endif
