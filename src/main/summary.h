/* The final table on stdout: one line a variant. */
#ifndef GS_MAIN_SUMMARY_H
#define GS_MAIN_SUMMARY_H

#include "store/store.h"

typedef struct gs_summary gs_summary;

/* Of the runs that the store's plan has, by the names that its variants have in the file. The plan has to outlive the
 * summary, the store has not. GS_ERROR_MEMORY. */
GS_MUST_CHECK gs_status gs_summary_create(gs_summary **summary, const gs_store *store, gs_error *error);
void gs_summary_add(gs_summary *summary, const gs_row *row);
void gs_summary_print(const gs_summary *summary);
void gs_summary_destroy(gs_summary **summary);

#endif
