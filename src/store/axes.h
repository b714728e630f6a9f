/* What the axes of a results file's datasets are called, by path: for files in which the names themselves may be
 * damaged. HDF5 keeps them where nothing is protected by checksums, and trips over what it finds there. */
#ifndef GS_STORE_AXES_H
#define GS_STORE_AXES_H

#include "store/file.h"

/* Fills in the names of `rank` axes; NULL where an axis has none. An axis that is called like a scale (run, color,
 * digit) has it. */
void gs_axes_of(const char *path, int rank, const char *names[GS_RANK_MAX]);

#endif
