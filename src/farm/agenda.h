/* What the farm is to do and what becomes of its results: the runs of a sweep on their way into its store, or runs to
 * be audited.
 *
 * All functions get `context` and are called on rank 0 only. */
#ifndef GS_FARM_AGENDA_H
#define GS_FARM_AGENDA_H

#include "farm/rungs.h"
#include "store/store.h"

typedef struct {
    void *context;
    int64_t runs; /* numbered from 0 */
    gs_job (*job)(void *context, int64_t run);
    int64_t (*row)(void *context, int64_t run); /* of the file, by which users know it; NULL: the same number */
    gs_run_status (*status)(void *context, int64_t run); /* done and failed ones are not handed out */

    /* A run is handed out to a rank; how far it is; it waits again. Told in full at a flush. */
    gs_status (*start)(void *context, int64_t run, int rank, gs_error *error);
    gs_status (*progress)(void *context, int64_t run, const gs_standing *standing, gs_error *error);
    gs_status (*release)(void *context, int64_t run, gs_error *error);
    gs_status (*flush)(void *context, gs_error *error);

    /* The rank that trained it was killed: the run waits again, unless that has happened too often; then *reason says
     * so, and a failure is to be committed. */
    gs_status (*interrupt)(void *context, int64_t run, char reason[GS_REASON], gs_error *error);

    /* A run has ended: its results are taken; at most GS_GROUP before the next settle, from which on nothing can take
     * them away. */
    gs_status (*take)(void *context, const gs_parcel *parcel, gs_error *error);
    gs_status (*settle)(void *context, gs_error *error);

    /* Early stopping. The coverage along training of a run that is done, at most `room` points; it is compared with
     * those to come. */
    gs_status (*along)(void *context, int64_t run, gs_coverage_point *points, size_t room, size_t *count,
                       gs_error *error);
    /* What was decided on a run at a rung when it was trained before; NULL: runs are compared with each other. */
    gs_decision (*decide)(void *context, int64_t run, int64_t rung);
} gs_agenda;

/* What the store does not have yet of its plan. Borrows the store. */
gs_agenda gs_agenda_of_store(gs_store *store);

/* All of these runs, and nothing is kept of them but by what the caller puts in place of the functions
 * that do nothing. */
gs_agenda gs_agenda_without_store(void *context, int64_t runs, gs_job (*job)(void *context, int64_t run));

#endif
