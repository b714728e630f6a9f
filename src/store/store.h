/* The results file of a sweep (docs/format.md): what is in it, and in which order it is written.
 *
 * Only the writer (rank 0) has one, and it must hold the file's lock (store/lock.h). A new file is made beside its
 * name, whole, with all planned values. A file that is there is continued in place if every run of the plan has its row
 * and its room; otherwise it is copied, the copy is extended and then takes its place, and the earlier file stays as
 * FILE.N. Copying is slower than extending in place, but a killed program then never leaves a half-extended file, and
 * rows that were there cannot change. Readers may be beside the writer at any moment.
 *
 * For each run, the bulk data and the row are written and flushed before its status says so, and flushed again. Runs
 * are numbered as in the plan; the store knows their rows. */
#ifndef GS_STORE_STORE_H
#define GS_STORE_STORE_H

#include "store/file.h"
#include "store/jobs.h"
#include "store/parcel.h"
#include "store/ranks.h"
#include "sweep/plan.h"

enum { GS_FACT_TEXT = 4096 /* longest text of a fact, with its NUL */, GS_ASIDE = GS_PATH + 16 };

typedef struct gs_store gs_store;

/* One value of /provenance; text, or a number where text is NULL. */
typedef struct {
    const char *name;
    const char *text;
    int64_t number;
} gs_fact;

/* Everything the file says about the sweep as a whole; sweep, plan and digits must outlive the store. */
typedef struct {
    const gs_sweep *sweep;
    const gs_plan *plan;
    const gs_digits *digits;
    const char *version, *overrides;
    const gs_fact *facts; /* of this launch */
    size_t fact_count;
    bool killed;       /* the last program was, so that what it had in flight was interrupted */
    bool retry_failed; /* failed runs are to do again */
    int max_attempts;  /* a run that was in flight so often when a kill ended it has failed; 0: never */
} gs_store_contents;

/* How a file was found, once it is open. done + failed + to_do = planned. */
typedef struct {
    bool continued;              /* false: a new file */
    int64_t done, failed, to_do; /* of the planned runs */
    int64_t added;               /* planned runs that the file did not have */
    int64_t interrupted;         /* planned runs that were in flight when the last program ended */
    int64_t set_aside;           /* of these: failed now, because it happened too often */
    int64_t kept;                /* rows that are not in the sweep any more */
    char aside[GS_ASIDE];        /* where the file from before it was extended is; empty: it was not */
    char note[256];              /* a sentence about settings of the file that cannot change; empty: none */
    char kernel[GS_KERNEL];      /* BLAS kernels of runs that are done which this launch does not have; empty: none */
} gs_store_state;

/* Builds the file beside `path` and gives it that name when it is complete. An existing file is never touched. Errors:
 * GS_ERROR_STORAGE with path and reason, GS_ERROR_MEMORY. */
GS_MUST_CHECK gs_status gs_store_create(gs_store **store, const char *path, const gs_store_contents *contents,
                                        gs_error *error);

/* Opens the results file `path` to continue it. GS_ERROR_STORAGE, GS_ERROR_MEMORY; GS_ERROR_INPUT if it is of other
 * digits or of another sweep. */
GS_MUST_CHECK gs_status gs_store_open(gs_store **store, const char *path, const gs_store_contents *contents,
                                      gs_error *error);

const gs_store_state *gs_store_opened(const gs_store *store);

/* What the parcels of this file must look like: as the sweep says, but as wide and as compressed as the file is. */
gs_storage gs_store_storage(const gs_store *store);

/* The plan that it was opened with. */
const gs_plan *gs_store_plan(const gs_store *store);

/* The name that a variant of the plan has in this file; owned by the store. */
const char *gs_store_variant(const gs_store *store, size_t variant);

/* The row of a planned run in the file. */
int64_t gs_store_row(const gs_store *store, int64_t run);

/* Status of a planned run. */
gs_run_status gs_store_status(const gs_store *store, int64_t run);

/* Tells of each planned run that has ended: number, failed or not, steps done, expected table, metrics. */
GS_MUST_CHECK gs_status gs_store_ended(gs_store *store, void (*ended)(void *context, const gs_row *row), void *context,
                                       gs_error *error);

/* The points of coverage along training of a planned run that has ended, at most `room` of them; none where the file
 * has no such table. */
GS_MUST_CHECK gs_status gs_store_along(gs_store *store, int64_t run, gs_coverage_point *points, size_t room,
                                       size_t *count, gs_error *error);

/* Tells the label of each row that is not in the sweep any more. */
GS_MUST_CHECK gs_status gs_store_kept(gs_store *store, void (*kept)(void *context, const char *label), void *context,
                                      gs_error *error);

/* A run is handed out to a rank; seen by readers after gs_store_flush. */
GS_MUST_CHECK gs_status gs_store_start(gs_store *store, int64_t run, int rank, gs_error *error);

/* How far a running run is; seen by readers after gs_store_flush. */
GS_MUST_CHECK gs_status gs_store_progress(gs_store *store, int64_t run, const gs_standing *standing, gs_error *error);
GS_MUST_CHECK gs_status gs_store_flush(gs_store *store, gs_error *error);

/* A run that was handed out waits again: its status is pending, and the attempt does not count. */
GS_MUST_CHECK gs_status gs_store_release(gs_store *store, int64_t run, gs_error *error);

/* The rank that trained a run was killed: the run waits again, and the attempt counts. If that, or the end of the
 * program, has happened to it as often as max_attempts says, *reason is a sentence for the failure that has to be
 * committed then, otherwise empty. */
GS_MUST_CHECK gs_status gs_store_interrupt(gs_store *store, int64_t run, char reason[GS_REASON], gs_error *error);

/* A run has ended: its bulk data are written, and its row is kept until gs_store_settle writes the rows of all runs
 * that were taken, flushes, and then says that they have ended: for several runs together that costs little more than
 * for one. At most GS_GROUP can be taken before. */
enum { GS_GROUP = 256 };
GS_MUST_CHECK gs_status gs_store_take(gs_store *store, const gs_parcel *parcel, gs_error *error);
GS_MUST_CHECK gs_status gs_store_settle(gs_store *store, gs_error *error);

/* Both, for one run. */
GS_MUST_CHECK gs_status gs_store_commit(gs_store *store, const gs_parcel *parcel, gs_error *error);

/* What the ranks of this launch have done; `launch` of the records is filled in. */
GS_MUST_CHECK gs_status gs_store_ranks(gs_store *store, gs_rank_record *records, size_t count, gs_error *error);

/* Sets *store to NULL. */
GS_MUST_CHECK gs_status gs_store_close(gs_store **store, gs_error *error);

#endif
