/* Files beside the results file: copies and names. No HDF5. */
#ifndef GS_STORE_COPY_H
#define GS_STORE_COPY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ground/status.h"

/* Copies `from` to the new file `to`; `name` is what errors call it. Checks first that `more` bytes would fit besides.
 * Where the file system can share blocks, the copy takes no room. GS_ERROR_STORAGE. */
GS_MUST_CHECK gs_status gs_copy_file(const char *from, const char *to, const char *name, uint64_t more,
                                     gs_error *error);

/* The file that `path` names: where it is a symbolic link, what the link leads to. Lock, mid-run checkpoints and new
 * versions stand beside that file, so everybody has to call it by the same name. In memory of its own; NULL if the link
 * leads nowhere (GS_ERROR_STORAGE) or without memory. */
char *gs_true_name(const char *path, gs_error *error);

/* PATH.PROCESS.tmp, in memory of its own; NULL without memory. */
char *gs_temporary_name(const char *path, gs_error *error);

/* Removes what killed programs left of files that they were building for `path`: PATH.PROCESS.tmp, if it is
 * HDF5 or empty. The caller has the lock. */
void gs_remove_temporaries(const char *path);

/* The first of PATH.1, PATH.2, ... that is free. */
void gs_aside_name(const char *path, char *aside, size_t size);

/* Gives the finished file `temporary` the name `path`, which must be free. GS_ERROR_STORAGE; the temporary file is gone
 * then. */
GS_MUST_CHECK gs_status gs_give_name(const char *temporary, const char *path, gs_error *error);

/* Puts `temporary` in the place of `path` and keeps the earlier file as `aside`; at no moment is there no file.
 * GS_ERROR_STORAGE; nothing has changed then, and the temporary file is gone. */
GS_MUST_CHECK gs_status gs_take_place(const char *temporary, const char *path, const char *aside, gs_error *error);

#endif
