/* Compares runs that have been trained again with what a results file holds of them: every stored bit but those of
 * /provenance, times, ranks, attempts and launch numbers. Reads beside a writer too, keeps none out, and changes
 * nothing. */
#ifndef GS_STORE_AUDIT_H
#define GS_STORE_AUDIT_H

#include "store/file.h"
#include "store/jobs.h"
#include "store/parcel.h"
#include "sweep/plan.h"

enum { GS_AUDIT_VALUE = 320 };

/* The first stored value that is not the retrained one: "/samples/image", "[3, 0, 17, 4, 2]", "12", "13". */
typedef struct {
    char dataset[192], index[96], stored[GS_AUDIT_VALUE], retrained[GS_AUDIT_VALUE];
} gs_difference;

typedef struct {
    gs_difference first;              /* its dataset is empty if all is equal */
    bool has_samples, has_checkpoint; /* they are stored; otherwise their digests are compared all the same */
    bool lacks[GS_METRIC_COUNT];      /* metrics that the run ended without: the file has them later, or not at all */
    bool before[GS_METRIC_COUNT];     /* metrics that are as an earlier version worked them out: gs_metric_before */
} gs_comparison;

typedef struct gs_audit gs_audit;

/* GS_ERROR_STORAGE, GS_ERROR_MEMORY. */
GS_MUST_CHECK gs_status gs_audit_open(gs_audit **audit, const char *path, gs_error *error);
void gs_audit_close(gs_audit **audit);

uint64_t gs_audit_rows(const gs_audit *audit);
gs_run_status gs_audit_status(const gs_audit *audit, uint64_t row);
const gs_digits *gs_audit_digits(const gs_audit *audit);

/* What the parcels to be compared have to hold. */
gs_storage gs_audit_storage(const gs_audit *audit);

/* Its label; why it has failed; the kernels of the BLAS library that it was trained with. Empty where the file cannot
 * tell. */
void gs_audit_label(gs_audit *audit, uint64_t row, char label[GS_LABEL + 1]);
void gs_audit_reason(gs_audit *audit, uint64_t row, char reason[GS_REASON + 1]);
void gs_audit_kernel(gs_audit *audit, uint64_t row, char kernel[GS_KERNEL]);

/* The job of a row. If its settings, seed and digits are not those that /runs/id stands for, that is a difference, and
 * there is no job. */
void gs_audit_job(gs_audit *audit, uint64_t row, gs_job *job, gs_difference *difference);

/* Compares the row with the parcel of its job. What cannot be read is a difference too. GS_ERROR_MEMORY;
 * GS_ERROR_INTERNAL for a parcel that is none. */
GS_MUST_CHECK gs_status gs_audit_compare(gs_audit *audit, uint64_t row, const gs_parcel *parcel,
                                         gs_comparison *comparison, gs_error *error);

/* The p-value of the chi-square test of homogeneity of the stored and the retrained counts (30 bins and rejected); 0 if
 * they cannot be read or the retrained run has failed. */
double gs_audit_homogeneity(gs_audit *audit, uint64_t row, const gs_row *retrained);

#endif
