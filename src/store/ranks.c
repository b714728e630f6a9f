#include "store/ranks.h"

#include "store/logbook.h"

#define COLUMN(name, column, cell)                                                                                     \
    {                                                                                                                  \
        "/provenance/per_rank/" #column, cell, 0, offsetof(gs_rank_record, name)                                       \
    }

static const gs_logbook_column columns[] = {
    {"/provenance/per_rank/host", GS_CELL_TEXT, sizeof((gs_rank_record *)0)->host, offsetof(gs_rank_record, host)},
    COLUMN(runs, runs, GS_CELL_INT64),
    COLUMN(present, present_seconds, GS_CELL_FLOAT64),
    COLUMN(training, training_seconds, GS_CELL_FLOAT64),
    COLUMN(managing, managing_seconds, GS_CELL_FLOAT64),
    COLUMN(wait_median, wait_median, GS_CELL_FLOAT64),
    COLUMN(wait_99, wait_99, GS_CELL_FLOAT64),
    COLUMN(wait_longest, wait_longest, GS_CELL_FLOAT64),
    COLUMN(rank, rank, GS_CELL_INT32),
    COLUMN(launch, launch, GS_CELL_INT32),
};
static const gs_logbook ranks = {columns, sizeof columns / sizeof columns[0], sizeof(gs_rank_record)};

gs_status gs_ranks_add(gs_file *file, bool continued, gs_error *error)
{
    return gs_logbook_add(&ranks, file, continued, error);
}

gs_status gs_ranks_append(gs_file *file, const gs_rank_record *records, size_t count, gs_error *error)
{
    bool missing;
    return gs_logbook_append(&ranks, file, records, count, &missing, error);
}
