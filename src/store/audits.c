#include "store/audits.h"

#include "store/lock.h"
#include "store/logbook.h"

#define TEXT(name)                                                                                                     \
    {                                                                                                                  \
        "/provenance/audits/" #name, GS_CELL_TEXT, sizeof((gs_audit_record *)0)->name, offsetof(gs_audit_record, name) \
    }
#define NUMBER(name, cell)                                                                                             \
    {                                                                                                                  \
        "/provenance/audits/" #name, cell, 0, offsetof(gs_audit_record, name)                                          \
    }

static const gs_logbook_column columns[] = {
    TEXT(host),
    TEXT(version),
    TEXT(blas_kernel),
    TEXT(vector_kernel),
    NUMBER(ranks, GS_CELL_INT32),
    TEXT(runs),
    NUMBER(audited, GS_CELL_INT64),
    NUMBER(equal, GS_CELL_INT64),
    NUMBER(consistent, GS_CELL_INT64),
    NUMBER(different, GS_CELL_INT64),
    TEXT(first_difference),
    TEXT(time),
};
static const gs_logbook audits = {columns, sizeof columns / sizeof columns[0], sizeof(gs_audit_record)};

gs_status gs_audits_add(gs_file *file, bool continued, gs_error *error)
{
    return gs_logbook_add(&audits, file, continued, error);
}

gs_status gs_audits_append(const char *path, const gs_audit_record *record, gs_error *error)
{
    gs_lock *lock;
    gs_file *file;
    gs_status status = gs_lock_take(&lock, path, error);
    if (status != GS_OK) return status;
    status = gs_file_open(&file, path, path, GS_OPEN_CONTINUE, error);
    if (status == GS_OK) {
        bool missing;
        status = gs_logbook_append(&audits, file, record, 1, &missing, error);
        if (status == GS_OK && missing)
            status = gs_fail(error, GS_ERROR_STORAGE, "'%s' was made by a version without /provenance/audits", path);
        gs_status closed = gs_file_close(&file, status == GS_OK ? error : NULL);
        if (status == GS_OK) status = closed;
    }
    gs_lock_release(&lock);
    return status;
}
