/* gensweep verify: every stored digest, without training. */
#ifndef GS_MAIN_VERIFY_VERB_H
#define GS_MAIN_VERIFY_VERB_H

#include "main/options.h"

/* The verdict on stdout; *differs tells whether it is bad. GS_ERROR_STORAGE. */
GS_MUST_CHECK gs_status gs_verify_print(const gs_options *options, bool *differs, gs_error *error);

#endif
