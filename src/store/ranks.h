/* /provenance/per_rank: one row for each rank of each launch that has ended in order. */
#ifndef GS_STORE_RANKS_H
#define GS_STORE_RANKS_H

#include "store/file.h"

/* Times in seconds. */
typedef struct {
    int32_t launch, rank;
    char host[64];
    int64_t runs;                              /* that it has ended */
    double present, training;                  /* since it was ready; working on runs */
    double managing;                           /* rank 0: dealing with messages and the file */
    double wait_median, wait_99, wait_longest; /* for the next run, after the one before; to within a fifth */
} gs_rank_record;

/* Makes the columns, empty, or opens those that are there. A file that is continued and was made
 * without them stays so. */
GS_MUST_CHECK gs_status gs_ranks_add(gs_file *file, bool continued, gs_error *error);

/* Appends rows; none to a file that was made without the columns. */
GS_MUST_CHECK gs_status gs_ranks_append(gs_file *file, const gs_rank_record *records, size_t count, gs_error *error);

#endif
