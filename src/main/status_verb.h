/* gensweep status: how far a sweep is, from another terminal. */
#ifndef GS_MAIN_STATUS_VERB_H
#define GS_MAIN_STATUS_VERB_H

#include "main/options.h"

/* On stdout, with --watch again and again until nobody writes the file. Never disturbs the writer; after a crash it
 * repairs the file's marks, so that plain readers can open it. GS_ERROR_STORAGE. */
GS_MUST_CHECK gs_status gs_status_print(const gs_options *options, gs_error *error);

#endif
