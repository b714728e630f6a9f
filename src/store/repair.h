/* gensweep verify --repair: a new file of everything that is whole, in which damaged runs are made again from their
 * checkpoints, bit for bit, or wait to be trained again. Runs are numbered by their rows (store/reader.h). */
#ifndef GS_STORE_REPAIR_H
#define GS_STORE_REPAIR_H

#include "store/jobs.h"
#include "store/store.h"
#include "store/verify.h"

typedef enum {
    GS_REPAIR_MADE_AGAIN, /* with the stored digests */
    GS_REPAIR_SET_BACK,   /* pending: the same sweep command trains it again */
    GS_REPAIR_LEFT,       /* as it was, as far as it can be read: it takes other BLAS kernels, or another version */
    GS_REPAIR_LOST,       /* belongs to no run, and has fill values now */
    GS_REPAIR_COUNT
} gs_repair_verdict;

/* Something that was damaged. */
typedef struct {
    int64_t run; /* its row; -1: no run */
    char label[GS_LABEL + 1], what[GS_FINDING];
    gs_repair_verdict verdict;
    char why[512]; /* of what was not made again */
} gs_repaired;

typedef struct {
    bool without_kernels; /* runs of other BLAS kernels, whose bits cannot be made here, are set back, not left */
    void (*tell)(void *context, const gs_repaired *damage);
    void *context;
} gs_repair_request;

typedef struct {
    gs_verdict found;               /* in the file as it was */
    int64_t count[GS_REPAIR_COUNT]; /* of damages */
    char aside[GS_ASIDE]; /* where the file as it was is now; empty: there was nothing to repair, and nothing has
                             changed */
} gs_repair_outcome;

/* Repairs the results file `path`: the new one takes its name, the old one stays as FILE.N. Takes its lock.
 * GS_ERROR_STORAGE: the file is being written, or cannot be repaired; it is as it was then. GS_ERROR_MEMORY,
 * GS_ERROR_INTERNAL. */
GS_MUST_CHECK gs_status gs_repair(const char *path, const gs_repair_request *request, gs_repair_outcome *outcome,
                                  gs_error *error);

/* The BLAS kernels that all finished runs of a file were trained with; empty: there is no such, or the file cannot
 * tell. */
void gs_repair_kernel(const char *path, char kernel[GS_KERNEL]);

#endif
