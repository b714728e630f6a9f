/* Recomputes the digests of finished runs from what is stored, without training. */
#ifndef GS_STORE_VERIFY_H
#define GS_STORE_VERIFY_H

#include "ground/status.h"
#include "store/digest.h"
#include "sweep/plan.h"

typedef struct {
    int64_t done;                        /* finished runs, all of which were looked at */
    int64_t checked[GS_PART_COUNT];      /* runs whose part is stored */
    int64_t different;                   /* runs with a difference */
} gs_verdict;

/* `differs` is told of every run with a difference: its label and a sentence. Runs that are not done are not looked at, and parts that were not
 * stored (storage.samples, storage.checkpoints) are left out. GS_ERROR_STORAGE if the file as a whole cannot be read. */
GS_MUST_CHECK gs_status gs_verify(const char *path, void (*differs)(void *context, int64_t run, const char *label, const char *what),
                                  void *context, gs_verdict *verdict, gs_error *error);

#endif
