/* The results file of a launch: which one it is, who may write it, and whether it is new, continued or started over. */
#ifndef GS_MAIN_RESULTS_H
#define GS_MAIN_RESULTS_H

#include "farm/effort.h"
#include "main/launch.h"
#include "main/options.h"
#include "store/lock.h"
#include "store/store.h"

typedef struct {
    char path[GS_PATH];
    char aside[GS_ASIDE]; /* where --fresh has put the earlier file; empty: there was none */
    gs_lock *lock;
    gs_store *store;
    bool portable; /* portable kernels were asked for */
} gs_results;

/* The results file of a sweep: -o, or results/NAME.h5; where links lead. GS_ERROR_INPUT, GS_ERROR_STORAGE. */
GS_MUST_CHECK gs_status gs_results_path(const gs_options *options, const gs_sweep *sweep, char path[GS_PATH],
                                        gs_error *error);

/* Takes the lock, and makes the file or opens the one that is there. On failure everything is as before.
 * GS_ERROR_INPUT, GS_ERROR_STORAGE, GS_ERROR_MEMORY. */
GS_MUST_CHECK gs_status gs_results_open(gs_results *results, const gs_options *options, const gs_launch *launch,
                                        const gs_sweep *sweep, const gs_plan *plan, const gs_digits *digits,
                                        gs_error *error);

/* Tells on stderr what will be done: new, resumed or extended, how many runs are done, failed and to do, and which are
 * kept. */
GS_MUST_CHECK gs_status gs_results_announce(const gs_results *results, const gs_plan *plan, int ranks, gs_error *error);

/* Stores what each rank has done; those that have not left in order are left out. */
GS_MUST_CHECK gs_status gs_results_efforts(gs_results *results, const gs_world *world, const gs_effort *efforts,
                                           gs_error *error);

/* Closes the file, gives back the lock. */
GS_MUST_CHECK gs_status gs_results_close(gs_results *results, gs_error *error);

#endif
