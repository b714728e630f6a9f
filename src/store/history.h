/* What a results file knows of the runs of a plan: which have ended, and how long they took. */
#ifndef GS_STORE_HISTORY_H
#define GS_STORE_HISTORY_H

#include "sweep/plan.h"

typedef struct {
    bool found;        /* there is such a file */
    bool retry_failed; /* failed runs are to do again, and count as if they had not begun */
    double *seconds; /* of each planned run that is done, for all its steps: scaled up where it was stopped early; 0: is
                        not; owned */
    bool *ended;     /* of each planned run: done, or failed and not to do again; owned */
    int64_t *rows;   /* of each planned run: its row in the file, also the one that it is to get; owned */
    char (*variants)[GS_LABEL]; /* the name of each variant in the file, also of those that it is to get; owned */
    size_t done, failed;
    size_t known;       /* planned runs that have a row */
    size_t kept;        /* runs that are done and no longer planned */
    char name[GS_NAME]; /* of the file's sweep */
    double file_bytes;
} gs_history;

/* Reads beside a writer too, and changes nothing. No file at `path` is no error. GS_ERROR_STORAGE: it is damaged, or
 * not ours; GS_ERROR_MEMORY. */
GS_MUST_CHECK gs_status gs_history_read(gs_history *history, const char *path, const gs_plan *plan,
                                        const gs_digits *digits, bool retry_failed, gs_error *error);
void gs_history_free(gs_history *history);

#endif
