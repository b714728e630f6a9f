/* The little of HDF5 that gensweep needs, in its own words. Only file.c and its siblings file_*.c include hdf5.h.
 *
 * Layout (docs/reliability.md): chunked datasets only; paged file space of 4096-byte pages; `rows` datasets are
 * allocated when they are made and their chunks never cross a page, so that a row can be rewritten in place; `bulk`
 * datasets have two unlimited dimensions, which gives them a copy-on-write index, and each of their chunks is written
 * once. Single-writer multiple-reader mode once everything is made: after that nothing is created.
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

typedef enum {
    GS_FIXED, /* has the size that it is made with */
    GS_ROWS,  /* gets rows: small ones, many in a chunk */
    GS_BULK   /* gets rows of bulk data, with chunks of their own */
} gs_growth;

typedef struct {
    const char *path; /* groups on the way are made */
    gs_cell cell;
    size_t text; /* bytes of GS_CELL_TEXT */
    gs_growth growth;
    int rank;
    uint64_t dims[GS_RANK_MAX];
    uint64_t chunk[GS_RANK_MAX]; /* GS_BULK only */
    int deflate;                 /* GS_BULK only: level, 0 = no filter */
    const void *fill;            /* one cell; NULL = zero */
} gs_dataset_spec;

/* Makes a new file at `path`, which must not exist. `name`: what errors call it, the path that it will
 * have in the end. */
GS_MUST_CHECK gs_status gs_file_create(gs_file **file, const char *path, const char *name, gs_error *error);

typedef enum {
    GS_OPEN_READ,   /* beside a writer too; nothing is changed */
    GS_OPEN_STAY,   /* the same for long: keeps no writer out, which GS_OPEN_READ does where there was none */
    GS_OPEN_RESCUE, /* to read what may be damaged: the caller knows that there is no writer, and what cannot be read is
                       not tried again */
    GS_OPEN_CONTINUE, /* for rows that are there already, with readers beside it from the start */
    GS_OPEN_GROW      /* a copy that nobody else knows, to be given more rows and datasets */
} gs_open_for;

/* Opens a file that was made by gs_file_create. Opening it for writing first repairs what a killed writer left: the
 * marks of being open, and the end of the file. The caller must know that there is no other writer. GS_ERROR_STORAGE:
 * the file cannot be opened, is damaged, of a newer format, or not ours. */
GS_MUST_CHECK gs_status gs_file_open(gs_file **file, const char *path, const char *name, gs_open_for purpose,
                                     gs_error *error);

/* Makes a dataset, or opens it if the file has it. One that is too small for `spec` is made larger where the file was
 * opened to grow; where it was opened to continue, gs_file_lacks tells from then on, and *dataset may be used only if
 * it exists. One that is larger stays so. */
GS_MUST_CHECK gs_status gs_file_add(gs_file *file, const gs_dataset_spec *spec, gs_dataset *dataset, gs_error *error);

/* Whether gs_file_add was asked for something that a file opened to continue does not have. */
bool gs_file_lacks(const gs_file *file);

/* Rows that a dataset had before gs_file_add; 0 for one that it made. */
uint64_t gs_file_earlier_rows(const gs_file *file, gs_dataset dataset);

/* Opens a dataset for reading. GS_ERROR_STORAGE if it is missing or of another kind, or if a row (or a scalar) is not
 * of `cells` cells: then it would not fit into what it is read into. GS_ANY_CELLS: the caller looks itself
 * (gs_file_extent). */
enum { GS_ANY_CELLS = 0 };
GS_MUST_CHECK gs_status gs_file_find(gs_file *file, const char *path, gs_cell cell, size_t text, uint64_t cells,
                                     gs_dataset *dataset, gs_error *error);

typedef struct {
    int rank;
    uint64_t dims[GS_RANK_MAX], chunk[GS_RANK_MAX];
    size_t cell; /* bytes */
    int deflate; /* level, 0 = no filter */
} gs_extent;

/* False if there is no such dataset, or none that can be read. */
bool gs_file_extent(const gs_file *file, const char *path, gs_extent *shape);

/* Rows of a dataset, or with `row` and `columns` > 0 the first `columns` of the second axis of one row. */
GS_MUST_CHECK gs_status gs_file_read(gs_file *file, gs_dataset dataset, uint64_t first, uint64_t count, void *values,
                                     gs_error *error);
GS_MUST_CHECK gs_status gs_file_read_part(gs_file *file, gs_dataset dataset, uint64_t row, uint64_t columns,
                                          void *values, gs_error *error);

/* Whether the file has an object with this path; whether it can be opened is another question. */
bool gs_file_has(const gs_file *file, const char *path);

/* Whether it certainly has none, because all groups on the way can be read. */
bool gs_file_is_without(const gs_file *file, const char *path);

/* Whether the chunk that begins at `offset` was ever written. True if the index is damaged: reading the chunk tells
 * why. */
bool gs_file_has_chunk(const gs_file *file, gs_dataset dataset, const uint64_t offset[GS_RANK_MAX]);

/* Attributes: a text that fits into `size` with its NUL; several texts of at most `size` bytes with their NUL, as many
 * as `count` (in: room, out: found); an integer. False if there is none like that. */
bool gs_file_noted_text(const gs_file *file, const char *path, const char *name, char *text, size_t size);
bool gs_file_noted_texts(const gs_file *file, const char *path, const char *name, char *texts, size_t size,
                         size_t *count);
bool gs_file_noted_integer(const gs_file *file, const char *path, const char *name, int64_t *value);

/* Gives a dataset with rows `rows` of them; allowed beside readers. */
GS_MUST_CHECK gs_status gs_file_resize(gs_file *file, gs_dataset dataset, uint64_t rows, gs_error *error);

/* Gives every dataset whose first axis has this name at least `rows` rows. */
GS_MUST_CHECK gs_status gs_file_extend_axis(gs_file *file, const char *axis, uint64_t rows, gs_error *error);

/* Bytes of a cell. */
size_t gs_cell_size(gs_cell cell, size_t text);

/* Rows first ... first + count - 1; `values` in the dataset's own types. */
GS_MUST_CHECK gs_status gs_file_write(gs_file *file, gs_dataset dataset, uint64_t first, uint64_t count,
                                      const void *values, gs_error *error);

/* One whole chunk of a bulk dataset, as it goes to the disk (deflated if the dataset is). `offset`:
 * its first element. */
GS_MUST_CHECK gs_status gs_file_write_chunk(gs_file *file, gs_dataset dataset, const uint64_t offset[GS_RANK_MAX],
                                            const void *bytes, size_t size, gs_error *error);

/* The first `columns` of the second axis of one row, through the dataset's filters; not beside readers. */
GS_MUST_CHECK gs_status gs_file_write_part(gs_file *file, gs_dataset dataset, uint64_t row, uint64_t columns,
                                           const void *values, gs_error *error);

/* Gives a row the values of one that was never written. */
GS_MUST_CHECK gs_status gs_file_clear_row(gs_file *file, gs_dataset dataset, uint64_t row, gs_error *error);

/* Attributes of an object; `path` "/" is the file. A text, several texts, an integer, or a number of the dataset's cell
 * type. */
GS_MUST_CHECK gs_status gs_file_note_text(gs_file *file, const char *path, const char *name, const char *text,
                                          gs_error *error);
GS_MUST_CHECK gs_status gs_file_note_texts(gs_file *file, const char *path, const char *name, const char *const *texts,
                                           size_t count, gs_error *error);
GS_MUST_CHECK gs_status gs_file_note_integer(gs_file *file, const char *path, const char *name, int64_t value,
                                             gs_error *error);

/* Gives the datasets their scales (store/axes.h), once all are made, and makes the scales. Nothing happens to a file
 * that was opened to continue. */
GS_MUST_CHECK gs_status gs_file_add_scales(gs_file *file, gs_error *error);

/* From here on h5py can read along with swmr=True, and nothing may be created. */
GS_MUST_CHECK gs_status gs_file_start_swmr(gs_file *file, gs_error *error);

/* Hands everything written so far to the operating system. */
GS_MUST_CHECK gs_status gs_file_flush(gs_file *file, gs_error *error);

/* Waits until everything flushed so far is on the disk, so that it outlives the machine. */
GS_MUST_CHECK gs_status gs_file_sync(gs_file *file, gs_error *error);

typedef enum {
    GS_FILE_THERE,
    GS_FILE_MOVED,  /* its name is gone or another file's, but it has another */
    GS_FILE_REMOVED /* it has no name any more: its bytes go when it is closed */
} gs_file_place;

/* What somebody else has done meanwhile to the name of a file that is being written. `handle`: a path under which this
 * process can read it. */
enum { GS_FILE_HANDLE = 32 };
gs_file_place gs_file_look_for(const gs_file *file, char handle[GS_FILE_HANDLE]);

/* Closes the file and sets *file to NULL. After a storage error nothing is touched, and GS_OK returned: the error has
 * been told. */
GS_MUST_CHECK gs_status gs_file_close(gs_file **file, gs_error *error);

/* Whether there is a results file of gensweep at `path`, of whatever format. */
bool gs_file_is_ours(const char *path);

/* Whether a writer that was killed left its mark, so that plain readers are refused; gs_file_recover removes it. The
 * caller of gs_file_recover must hold the lock. */
bool gs_file_marked(const char *path);
GS_MUST_CHECK gs_status gs_file_recover(const char *path, gs_error *error);

enum { GS_FORMAT_VERSION = 1 };

/* "1.10.8". */
const char *gs_file_library_version(void);

#endif
