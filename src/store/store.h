/* The results file of a sweep (docs/format.md): what is in it, and in which order it is written.
 *
 * Only the writer (rank 0) has one. Everything is made and planned values are filled in before the first run; then, for each run, the bulk data
 * and the row are written and flushed before its status says so, and flushed again. */
#ifndef GS_STORE_STORE_H
#define GS_STORE_STORE_H

#include "store/parcel.h"
#include "sweep/plan.h"

enum { GS_FACT_TEXT = 4096 /* longest text of a fact, with its NUL */ };

typedef struct gs_store gs_store;

/* One value of /provenance; text, or a number where text is NULL. */
typedef struct {
    const char *name;
    const char *text;
    int64_t number;
} gs_fact;

/* Everything the file says about the sweep as a whole; borrowed during gs_store_create only. */
typedef struct {
    const gs_sweep *sweep;
    const gs_plan *plan;
    const gs_digits *digits;
    const char *version, *overrides;
    const gs_fact *facts; /* of this launch */
    size_t fact_count;
} gs_store_contents;

/* Builds the file beside `path` and gives it that name when it is complete. An existing file is never touched. Errors:
 * GS_ERROR_STORAGE with path and reason, GS_ERROR_MEMORY. */
GS_MUST_CHECK gs_status gs_store_create(gs_store **store, const char *path, const gs_store_contents *contents, gs_error *error);

/* A run is handed out. */
GS_MUST_CHECK gs_status gs_store_start(gs_store *store, int64_t run, gs_error *error);

/* A run that was handed out waits again: its status is pending, and the attempt does not count. */
GS_MUST_CHECK gs_status gs_store_release(gs_store *store, int64_t run, gs_error *error);

/* A run has ended: writes the parcel, then its status. */
GS_MUST_CHECK gs_status gs_store_commit(gs_store *store, const gs_parcel *parcel, gs_error *error);

/* Sets *store to NULL. */
GS_MUST_CHECK gs_status gs_store_close(gs_store **store, gs_error *error);

#endif
