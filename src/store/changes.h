/* /sweep/history: the sweep as later launches than the first gave it, a row for each launch that changed it.
 *
 * A row's launch is written last, when everything else of it is in the file; no later launch is number 0. So a row that
 * a kill or a full disk left unfinished has 0 there, or has not even got room there: it is not read, and the next
 * launch writes over it, whatever its sweep. */
#ifndef GS_STORE_CHANGES_H
#define GS_STORE_CHANGES_H

#include "store/file.h"
#include "store/store.h"

typedef struct {
    gs_dataset yaml, overrides, launch;
    size_t yaml_cell, overrides_cell; /* bytes */
} gs_changes;

/* Makes the datasets, or finds them in a file that is continued. */
GS_MUST_CHECK gs_status gs_changes_add(gs_changes *changes, gs_file *file, const gs_store_contents *contents,
                                       bool continued, gs_error *error);

/* Adds a row if the sweep is another than that of the last finished row, or the last row is not finished. Allowed
 * beside readers. */
GS_MUST_CHECK gs_status gs_changes_note(gs_changes *changes, gs_file *file, const gs_store_contents *contents,
                                        int32_t launch, gs_error *error);

#endif
