/* gensweep settings. */
#ifndef GS_MAIN_SETTINGS_VERB_H
#define GS_MAIN_SETTINGS_VERB_H

#include "ground/status.h"

/* The table of settings, on stdout; `model` NULL = all. GS_ERROR_INPUT if there is no such model. */
GS_MUST_CHECK gs_status gs_settings_print(const char *model, gs_error *error);

#endif
