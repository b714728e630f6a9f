/* The little of HDF5 that gensweep needs, in its own words. file.c is the only source that includes hdf5.h.
 *
 * Layout (docs/reliability.md): chunked datasets only; paged file space of 4096-byte pages; `rows` datasets are allocated when they are made and
 * their chunks never cross a page, so that a row can be rewritten in place; `bulk` datasets have two unlimited dimensions, which gives
 * them a copy-on-write index, and each of their chunks is written once. Single-writer multiple-reader mode once everything is
 * made: after that nothing is created.
 *
 * All errors are GS_ERROR_STORAGE with the path and HDF5's own reason. After one, no further call touches the file. */
#ifndef GS_STORE_FILE_H
#define GS_STORE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ground/status.h"

enum { GS_RANK_MAX = 6, GS_PAGE = 4096 };

typedef struct gs_file gs_file;
typedef int gs_dataset; /* number of an open dataset of the file */

typedef enum {
    GS_CELL_INT8,
    GS_CELL_UINT8,
    GS_CELL_UINT16,
    GS_CELL_INT32,
    GS_CELL_UINT32,
    GS_CELL_INT64,
    GS_CELL_UINT64,
    GS_CELL_FLOAT32,
    GS_CELL_FLOAT64,
    GS_CELL_TEXT,  /* `text` bytes, UTF-8, padded with NUL */
    GS_CELL_STATUS /* int8 enumeration: pending, running, done, failed */
} gs_cell;

typedef enum { GS_RUN_PENDING, GS_RUN_RUNNING, GS_RUN_DONE, GS_RUN_FAILED } gs_run_status;

typedef enum { GS_FIXED, GS_ROWS, GS_BULK } gs_layout;

typedef struct {
    const char *path; /* groups on the way are made */
    gs_cell cell;
    size_t text;     /* bytes of GS_CELL_TEXT */
    gs_layout layout;
    int rank;
    uint64_t dims[GS_RANK_MAX];
    uint64_t chunk[GS_RANK_MAX]; /* GS_BULK only */
    int deflate;                 /* GS_BULK only: level, 0 = no filter */
    const void *fill;            /* one cell; NULL = zero */
    const char *const *axes;     /* rank names of dimensions; NULL = none */
} gs_dataset_spec;

/* Makes a new file at `path`, which must not exist. `name`: what errors call it, the path that it will have in the end. */
GS_MUST_CHECK gs_status gs_file_create(gs_file **file, const char *path, const char *name, gs_error *error);

GS_MUST_CHECK gs_status gs_file_add(gs_file *file, const gs_dataset_spec *spec, gs_dataset *dataset, gs_error *error);

/* Bytes of a cell. */
size_t gs_cell_size(gs_cell cell, size_t text);

/* Rows first ... first + count - 1; `values` in the dataset's own types. */
GS_MUST_CHECK gs_status gs_file_write(gs_file *file, gs_dataset dataset, uint64_t first, uint64_t count, const void *values,
                                      gs_error *error);

/* One whole chunk of a bulk dataset, as it goes to the disk (deflated if the dataset is). `offset`: its first element. */
GS_MUST_CHECK gs_status gs_file_write_chunk(gs_file *file, gs_dataset dataset, const uint64_t offset[GS_RANK_MAX],
                                            const void *bytes, size_t size, gs_error *error);

/* Attributes of an object; `path` "/" is the file. A text, several texts, an integer, or a number of the dataset's cell type. */
GS_MUST_CHECK gs_status gs_file_note_text(gs_file *file, const char *path, const char *name, const char *text, gs_error *error);
GS_MUST_CHECK gs_status gs_file_note_texts(gs_file *file, const char *path, const char *name, const char *const *texts,
                                           size_t count, gs_error *error);
GS_MUST_CHECK gs_status gs_file_note_integer(gs_file *file, const char *path, const char *name, int64_t value, gs_error *error);

/* Makes a one-dimensional dataset the scale (coordinates) of an axis, and attaches it to axis `axis` of another. */
GS_MUST_CHECK gs_status gs_file_make_scale(gs_file *file, gs_dataset scale, const char *name, gs_error *error);
GS_MUST_CHECK gs_status gs_file_attach_scale(gs_file *file, gs_dataset dataset, int axis, gs_dataset scale, gs_error *error);

/* From here on h5py can read along with swmr=True, and nothing may be created. */
GS_MUST_CHECK gs_status gs_file_start_swmr(gs_file *file, gs_error *error);

/* Hands everything written so far to the operating system. */
GS_MUST_CHECK gs_status gs_file_flush(gs_file *file, gs_error *error);

/* Closes the file and sets *file to NULL. After a storage error nothing is touched, and GS_OK returned: the error has been told. */
GS_MUST_CHECK gs_status gs_file_close(gs_file **file, gs_error *error);

/* Whether there is a results file of gensweep at `path`. */
bool gs_file_is_ours(const char *path);

/* "1.10.8". */
const char *gs_file_library_version(void);

#endif
