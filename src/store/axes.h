/* What the axes of a results file's datasets are called: the one place that knows.
 *
 * It follows from the path, also where the names in the file may be damaged: HDF5 keeps them where nothing is protected
 * by checksums, and trips over what it finds there. A dataset that is called like its only axis is the scale of that
 * axis, its coordinates, for the datasets beside and below it: so netCDF-4 has it, and with it xarray. */
#ifndef GS_STORE_AXES_H
#define GS_STORE_AXES_H

#include "store/file.h"

enum { GS_AXIS = 32, GS_OBJECT_PATH = 256 /* longest name of an axis, longest path, with their NUL */ };

/* Fills in the names of `rank` axes; NULL where an axis has none. */
void gs_axes_of(const char *path, int rank, const char *names[GS_RANK_MAX]);

/* Whether a dataset with so many axes is a scale. */
bool gs_axes_is_scale(const char *path, int rank);

/* Makes the scale `path`, or gives the one that is there `length` places: texts of at most `text` bytes, or numbers
 * from 0 on. GS_ERROR_STORAGE, GS_ERROR_MEMORY. */
GS_MUST_CHECK gs_status gs_axes_add_names(gs_file *file, const char *path, const char *const *names, uint64_t length,
                                          size_t text, gs_error *error);
GS_MUST_CHECK gs_status gs_axes_add_numbers(gs_file *file, const char *path, uint64_t length, gs_error *error);

#endif
