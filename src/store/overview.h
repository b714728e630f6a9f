/* What `gensweep status` tells of a results file, read beside its writer. */
#ifndef GS_STORE_OVERVIEW_H
#define GS_STORE_OVERVIEW_H

#include "store/file.h"
#include "sweep/plan.h"

typedef struct {
    int8_t status;  /* gs_run_status */
    int8_t planned; /* 0: no longer in the sweep */
    int32_t rank, launch, attempts, interruptions;
    int64_t steps, steps_done;
    double seconds;
    int8_t model; /* gs_model_id, GS_MODEL_COUNT if this version does not have it */
} gs_overview_run;

/* A run that is running or has failed. */
typedef struct {
    int64_t row;
    char label[GS_LABEL + 1], error[GS_REASON + 1];
} gs_overview_detail;

typedef struct {
    char name[GS_NAME];
    gs_overview_run *runs;       /* owned */
    gs_overview_detail *details; /* owned; in the order of the rows */
    int64_t run_count, detail_count;
    int64_t launches, ranks; /* the rest is of the last launch */
    char started[64], hosts[256], job[64];
} gs_overview;

/* GS_ERROR_STORAGE, GS_ERROR_MEMORY. */
GS_MUST_CHECK gs_status gs_overview_read(gs_overview *overview, const char *path, gs_error *error);
void gs_overview_free(gs_overview *overview);

#endif
