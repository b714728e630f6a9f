/* Progress on stderr: a bar on a terminal, otherwise one plain line now and then, as fits a log file. */
#ifndef GS_MAIN_PROGRESS_H
#define GS_MAIN_PROGRESS_H

#include "farm/farm.h"
#include "main/options.h"

typedef struct gs_progress gs_progress;

GS_MUST_CHECK gs_status gs_progress_create(gs_progress **progress, gs_progress_style style, gs_error *error);
void gs_progress_tick(gs_progress *progress, const gs_farm_view *view);

/* A sentence of its own, above the bar. */
void gs_progress_say(gs_progress *progress, const char *format, ...) GS_PRINTF(2, 3);

/* Ends the bar's line. */
void gs_progress_destroy(gs_progress **progress);

#endif
