/* /provenance/audits: one row an audit. */
#ifndef GS_STORE_AUDITS_H
#define GS_STORE_AUDITS_H

#include "store/file.h"

typedef struct {
    char time[32], host[64], version[96], blas_kernel[64],
        vector_kernel[32]; /* where and with what the runs were trained again */
    int32_t ranks;
    char runs[1024];                               /* which, as --runs takes them */
    int64_t audited, equal, consistent, different; /* runs; consistent: equal in distribution, on other kernels */
    char first_difference[1280];                   /* a sentence; empty: there is none */
} gs_audit_record;

/* Makes the columns, empty, or opens those that are there. A file that is continued and was made
 * without them stays so. */
GS_MUST_CHECK gs_status gs_audits_add(gs_file *file, bool continued, gs_error *error);

/* Appends a row to the results file `path`; takes its lock, and repairs what a killed writer left. GS_ERROR_STORAGE:
 * another program writes the file, it cannot be written, or it was made without these columns. Nothing else of it is
 * changed. */
GS_MUST_CHECK gs_status gs_audits_append(const char *path, const gs_audit_record *record, gs_error *error);

#endif
