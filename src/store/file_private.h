/* What the sources that speak HDF5 share; nobody else includes this, or hdf5.h.
 *
 * file.c makes datasets and writes them, file_scales.c gives their axes scales, file_open.c opens and repairs files,
 * file_grow.c finds and extends what is there, file_rebuild.c copies what can be read. */
#ifndef GS_STORE_FILE_PRIVATE_H
#define GS_STORE_FILE_PRIVATE_H

#include <hdf5.h>

#include "store/file.h"

/* An open dataset. */
typedef struct {
    hid_t id;
    hid_t type; /* of a cell in memory */
    uint64_t earlier_rows;
} gs_open_dataset;

struct gs_file {
    char *name;
    hid_t file, status_type;
    gs_open_dataset *datasets;
    int count, room;
    bool made;    /* by gs_file_create: nothing is there before it is added */
    bool fixed;   /* opened to continue: nothing may be added */
    bool reading; /* a failure says something about the data, not about the file as a whole */
    bool lacks;
    bool broken;
};

/* Before anything else of HDF5. */
void gs_file_quiet_library(void);

/* How every file is opened: in the format of HDF5 1.10, and without HDF5's own locks, with which a reader that opens
 * the file for a moment would turn away the writer. Two writers are kept apart by store/lock.h. */
hid_t gs_file_access(void);

/* GS_ERROR_STORAGE, "cannot `doing` 'FILE': " and HDF5's reason. Must be called before any other call of HDF5, which
 * would clear its error stack. */
gs_status gs_file_failed(gs_file *file, const char *doing, gs_error *error);

/* Around calls that clean up after a failure: takes HDF5's reason away, and gives it back. */
hid_t gs_file_take_reason(void);
void gs_file_give_reason(hid_t reason);

/* A file without anything open, and its end. GS_ERROR_MEMORY. */
GS_MUST_CHECK gs_status gs_file_new(gs_file **file, const char *name, gs_error *error);
void gs_file_free(gs_file **file);

/* A fresh handle on the type of a cell. */
hid_t gs_file_type_of(const gs_file *file, gs_cell cell, size_t text);

/* The type of a text of so many bytes. */
hid_t gs_file_text_type(size_t size);

/* The file takes over `id` and `type`. GS_ERROR_MEMORY. */
GS_MUST_CHECK gs_status gs_file_keep(gs_file *file, hid_t id, hid_t type, uint64_t earlier_rows, gs_dataset *dataset,
                                     gs_error *error);

/* Gives the axes of a dataset their names; negative if that fails. */
int gs_file_label_axes(hid_t dataset, const char *path, int rank);

/* Takes the scales away from the axes of a dataset. */
void gs_file_detach_scales(hid_t dataset, int rank);

/* Makes a dataset that is not there. */
GS_MUST_CHECK gs_status gs_file_make_dataset(gs_file *file, const gs_dataset_spec *spec, uint64_t earlier_rows,
                                             gs_dataset *dataset, gs_error *error);

/* Whether a chunked dataset of gensweep can have this extent in a file of this size: damage that HDF5 believes may give
 * it more rows than anybody could walk through, or make room for. Tables are on the disk as a whole. Of other datasets
 * chunks may be missing, but each of their rows has its part of tables; along the second axis there are at most as many
 * chunks as samples of a run, and the others are not divided. */
bool gs_file_extent_is_possible(hid_t dataset, hid_t creation, int rank, const hsize_t dims[], const hsize_t chunk[],
                                size_t cell);

/* Reads (`into`) or writes (`from`) rows first ... first + count - 1; with `columns` > 0 only so many of the second
 * axis. */
herr_t gs_file_transfer(const gs_open_dataset *dataset, uint64_t first, uint64_t count, uint64_t columns, void *into,
                        const void *from);

#endif
