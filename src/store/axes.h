/* What the axes of a results file's datasets are called, and where their coordinates are: the one place that knows.
 *
 * It follows from the path, also where the names in the file may be damaged: HDF5 keeps them where nothing is protected
 * by checksums, and trips over what it finds there. The coordinates of an axis are a dataset of one axis that is called
 * like it, a dimension scale, and stand in the folder of the datasets that have the axis, or above: so netCDF-4 has it,
 * and with it xarray. */
#ifndef GS_STORE_AXES_H
#define GS_STORE_AXES_H

#include "store/file.h"

/* Longest path of an object, with its NUL. */
enum { GS_OBJECT_PATH = 256 };

/* Fills in the names of `rank` axes; NULL where an axis has none. */
void gs_axes_of(const char *path, int rank, const char *names[GS_RANK_MAX]);

/* Fills in the paths of their scales. False if not every axis has one: netCDF-4 knows no dataset of which only some
 * have, so it gets none. */
bool gs_axes_scales(const char *path, int rank, char scales[GS_RANK_MAX][GS_OBJECT_PATH]);

/* Whether a dataset with so many axes is a scale. */
bool gs_axes_is_scale(const char *path, int rank);

/* What places 0 ... length - 1 of a scale are called, each at most `text` bytes; NULL: they are numbers. */
const char *const *gs_axes_names(const char *scale, uint64_t length, size_t *text);

#endif
