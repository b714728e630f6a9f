/* Recomputes the digests of finished runs from what is stored, and reads everything that has no
 * digest; trains nothing. Runs are numbered by their rows (store/reader.h). */
#ifndef GS_STORE_VERIFY_H
#define GS_STORE_VERIFY_H

#include "store/digest.h"
#include "store/file.h"
#include "sweep/plan.h"

enum { GS_FINDING = 512 };

typedef struct {
    int64_t done;                   /* runs that are done, all of which were looked at */
    int64_t checked[GS_PART_COUNT]; /* of these, those whose part is stored */
    int64_t different;              /* runs with a difference; failed runs too, as far as their rows cannot be read */
    int64_t lost;                   /* things that cannot be read and belong to no run */
} gs_verdict;

/* `differs` is told of every run with a difference: its label and a sentence; and with run -1 and the label "" of what
 * cannot be read beside. Runs that have not ended are not looked at, and parts that were not stored (storage.samples,
 * storage.checkpoints) are left out. GS_ERROR_STORAGE if the file as a whole cannot be read. */
typedef void gs_differs(void *context, int64_t run, const char *label, const char *what);
GS_MUST_CHECK gs_status gs_verify(const char *path, gs_open_for purpose, gs_differs *differs, void *context,
                                  gs_verdict *verdict, gs_error *error);

#endif
