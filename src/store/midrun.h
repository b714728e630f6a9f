/* Mid-run checkpoints: the state of a run in progress, in a side file beside the results file (docs/draining.md).
 *
 * FILE.h5.running/ID holds the state of the run with identity ID. It is written as ID.tmp, synced, and renamed, so that
 * a write that is cut short leaves the one before. What is read is believed only if it is whole, of this run, and made
 * by the same program with the same kernels: bits would differ otherwise. */
#ifndef GS_STORE_MIDRUN_H
#define GS_STORE_MIDRUN_H

#include <stdbool.h>

#include "ground/spans.h"
#include "ground/status.h"
#include "sweep/plan.h"

enum { GS_MIDRUN_MAKER = 160, GS_MIDRUN_FOLDER = GS_PATH + 16 };

/* Which state: of the run `id` (gs_run_id), in `folder`, made by `maker` (program and kernels). Borrowed. */
typedef struct {
    const char *folder, *id, *maker;
} gs_midrun;

/* The folder that belongs to a results file. */
void gs_midrun_folder(const char *results, char folder[GS_MIDRUN_FOLDER]);

/* Whether there is such a folder. */
bool gs_midrun_there(const char *folder);

/* Replaces the state; the folder is made if it is missing. `seconds`: worked on the run so far. GS_ERROR_STORAGE with
 * path and reason; the state before is then still there. */
GS_MUST_CHECK gs_status gs_midrun_write(const gs_midrun *midrun, double seconds, const gs_spans *state,
                                        gs_error *error);

/* Reads it: *bytes (owned by the caller, to be freed) and *size, *bytes NULL if there is none. GS_ERROR_STORAGE with
 * path and reason if there is one that must not be used, GS_ERROR_MEMORY. */
GS_MUST_CHECK gs_status gs_midrun_read(const gs_midrun *midrun, double *seconds, unsigned char **bytes, size_t *size,
                                       gs_error *error);

/* Removes the state of a run, if there is one, and what a cut write has left. Of these three, what fails is left for
 * the next launch. */
void gs_midrun_remove(const char *folder, const char *id);

/* Removes all states, then the folder; files of other names, and then the folder, stay. */
void gs_midrun_remove_all(const char *folder);

/* Removes the folder if it is empty. */
void gs_midrun_close(const char *folder);

#endif
