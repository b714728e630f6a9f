/* Who may write a results file: the holder of FILE.lock beside it.
 *
 * The holder keeps an exclusive flock on the lock file and has written its host, process and job into it. On the same
 * host the kernel drops the flock with the process, so a lock that a killed program left behind stands in nobody's way.
 * A lock that names another host is believed even when its flock cannot be seen from here (file systems differ in
 * that), unless it is of an earlier start of this same job. A file of that name which is no lock is left alone. */
#ifndef GS_STORE_LOCK_H
#define GS_STORE_LOCK_H

#include <stdbool.h>

#include "ground/status.h"

typedef struct gs_lock gs_lock;

typedef enum {
    GS_LOCK_FREE,   /* nobody writes the file */
    GS_LOCK_DEAD,   /* a lock was left behind on this host: its program was killed */
    GS_LOCK_HELD,   /* the file is being written */
    GS_LOCK_UNKNOWN /* a lock of another host, which is alive or not */
} gs_lock_state;

enum { GS_LOCK_HOLDER = 512 };

/* Takes the lock of the file `path`. GS_ERROR_STORAGE if another program has it: the sentence names host, process and
 * job, and says what to do if that program is gone; or if something else stands in its place. */
GS_MUST_CHECK gs_status gs_lock_take(gs_lock **lock, const char *path, gs_error *error);

/* Whether the lock was left behind: the last program to write the file was killed, and nobody has settled what it left.
 * Whoever does so says gs_lock_settle; otherwise the lock is given back as it was found. */
bool gs_lock_was_left(const gs_lock *lock);
void gs_lock_settle(gs_lock *lock);

/* Gives it back and sets *lock to NULL. */
void gs_lock_release(gs_lock **lock);

/* Looks without taking; `holder` gets "host n1, process 17, job 4711, since 2026-01-01T00:00:00Z", ""
 * if there is none. */
gs_lock_state gs_lock_look(const char *path, char holder[GS_LOCK_HOLDER]);

#endif
