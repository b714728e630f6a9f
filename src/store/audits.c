#include "store/audits.h"

#include <string.h>

#include "store/lock.h"

#define TEXT(name) {"/provenance/audits/" #name, GS_CELL_TEXT, sizeof((gs_audit_record *)0)->name, offsetof(gs_audit_record, name)}
#define NUMBER(name, cell) {"/provenance/audits/" #name, cell, 0, offsetof(gs_audit_record, name)}

/* In the order in which they are written: the last one says how many audits there are. */
static const struct {
    const char *path;
    gs_cell cell;
    size_t text, offset;
} columns[] = {
    TEXT(host), TEXT(version), TEXT(blas_kernel), TEXT(vector_kernel), NUMBER(ranks, GS_CELL_INT32), TEXT(runs),
    NUMBER(audited, GS_CELL_INT64), NUMBER(equal, GS_CELL_INT64), NUMBER(consistent, GS_CELL_INT64), NUMBER(different, GS_CELL_INT64),
    TEXT(first_difference), TEXT(time),
};
enum { COLUMNS = sizeof columns / sizeof columns[0] };

gs_status gs_audits_add(gs_file *file, bool continued, gs_error *error)
{
    static const char *const axes[] = {"audit"};
    gs_status status = GS_OK;
    for (int i = 0; i < COLUMNS && status == GS_OK; i++) {
        gs_extent extent;
        gs_dataset dataset;
        if (continued && !gs_file_extent(file, columns[i].path, &extent)) continue;
        gs_dataset_spec spec = {.path = columns[i].path, .cell = columns[i].cell, .text = columns[i].text, .layout = GS_ROWS, .rank = 1, .axes = axes};
        status = gs_file_add(file, &spec, &dataset, error);
    }
    return status;
}

static gs_status append(gs_file *file, const char *path, const gs_audit_record *record, gs_error *error)
{
    gs_dataset datasets[COLUMNS];
    gs_extent extent;
    if (!gs_file_extent(file, columns[COLUMNS - 1].path, &extent))
        return gs_fail(error, GS_ERROR_STORAGE, "'%s' was made by a version without /provenance/audits", path);
    uint64_t row = extent.dims[0];
    gs_status status = GS_OK;
    for (int i = 0; i < COLUMNS && status == GS_OK; i++)
        status = gs_file_find(file, columns[i].path, columns[i].cell, columns[i].text, &datasets[i], error);
    for (int i = 0; i < COLUMNS && status == GS_OK; i++) {
        status = gs_file_resize(file, datasets[i], row + 1, error);
        if (status == GS_OK) status = gs_file_write(file, datasets[i], row, 1, (const unsigned char *)record + columns[i].offset, error);
    }
    return status;
}

gs_status gs_audits_append(const char *path, const gs_audit_record *record, gs_error *error)
{
    gs_lock *lock;
    gs_file *file;
    gs_status status = gs_lock_take(&lock, path, error);
    if (status != GS_OK) return status;
    status = gs_file_open(&file, path, path, GS_OPEN_CONTINUE, error);
    if (status == GS_OK) {
        status = append(file, path, record, error);
        gs_status closed = gs_file_close(&file, status == GS_OK ? error : NULL);
        if (status == GS_OK) status = closed;
    }
    gs_lock_release(&lock);
    return status;
}
