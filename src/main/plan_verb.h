/* gensweep plan: what would run, and what it costs. */
#ifndef GS_MAIN_PLAN_VERB_H
#define GS_MAIN_PLAN_VERB_H

#include "main/options.h"

/* Prints on stdout; trains nothing that is kept. */
GS_MUST_CHECK gs_status gs_plan_print(const gs_options *options, gs_error *error);

#endif
