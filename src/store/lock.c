#include "store/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ground/clock.h"

/* What stands in a lock file, one word each: host, process, start of the process, job, restart of the
 * job, since when. */
typedef struct {
    char host[128], job[64], since[GS_UTC];
    long process, restart;
    unsigned long long started;
} holder;

struct gs_lock {
    int file;
    char *path;
    holder left; /* whose lock it was, if its program was killed; process 0: nobody's */
};

enum { TRIES = 20 }; /* of 50 ms: somebody who only looks holds the lock for a moment too */

/* When a process started, in clock ticks since the host did: tells it from a later one with the same number. 0: there
 * is none. */
static unsigned long long start_of(long process)
{
    char path[64], text[1024];
    unsigned long long started = 0;
    snprintf(path, sizeof path, "/proc/%ld/stat", process);
    FILE *file = fopen(path, "r");
    size_t size = file == NULL ? 0 : fread(text, 1, sizeof text - 1, file);
    if (file != NULL) fclose(file);
    text[size] = '\0';
    char *end = strrchr(text, ')'); /* the name of the program may hold anything */
    if (end == NULL || end[1] == '\0' || end[2] == 'Z') return 0;
    sscanf(end + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %llu", &started);
    return started;
}

static void describe_self(holder *self)
{
    *self = (holder){.process = (long)getpid(), .started = start_of((long)getpid())};
    if (gethostname(self->host, sizeof self->host - 1) != 0) snprintf(self->host, sizeof self->host, "unknown");
    const char *job = getenv("SLURM_JOB_ID"), *restart = getenv("SLURM_RESTART_COUNT");
    snprintf(self->job, sizeof self->job, "%.60s", job != NULL && *job != '\0' ? job : "-");
    self->restart = restart != NULL ? strtol(restart, NULL, 10) : 0;
    gs_utc_write(self->since);
}

/* What a file of the lock's name holds. */
typedef enum { NOTHING, HOLDER, NOT_A_LOCK } content;

/* A lock that has just been made, or that a crash of the machine has emptied, holds nothing (or NUL bytes). */
static content read_holder(int file, holder *found)
{
    char text[512];
    *found = (holder){.process = 0};
    ssize_t size = pread(file, text, sizeof text - 1, 0);
    text[size > 0 ? size : 0] = '\0';
    if (text[0] == '\0') return size < 0 ? NOT_A_LOCK : NOTHING;
    bool complete = sscanf(text, "%127s %ld %llu %63s %ld %31s", found->host, &found->process, &found->started,
                           found->job, &found->restart, found->since) == 6;
    return complete ? HOLDER : NOT_A_LOCK;
}

static bool write_holder(int file, const holder *self)
{
    char text[512];
    int size = snprintf(text, sizeof text, "%s %ld %llu %s %ld %s\n", self->host, self->process, self->started,
                        self->job, self->restart, self->since);
    if (ftruncate(file, 0) == 0 && pwrite(file, text, (size_t)size, 0) == size) return true;
    int reason = errno;
    if (ftruncate(file, 0) == 0) errno = reason; /* half a holder would be nobody's */
    return false;
}

static void describe(const holder *who, char text[GS_LOCK_HOLDER])
{
    bool job = strcmp(who->job, "-") != 0;
    snprintf(text, GS_LOCK_HOLDER, "host %s, process %ld%s%s, since %s", who->host, who->process, job ? ", job " : "",
             job ? who->job : "", who->since);
}

/* Whether a lock whose flock is free, or cannot be had on this file system, still means something. */
static gs_lock_state judge(const holder *who, bool have_flock)
{
    holder self;
    describe_self(&self);
    bool same_job = strcmp(self.job, "-") != 0 && strcmp(self.job, who->job) == 0 && self.restart > who->restart;
    if (same_job) return GS_LOCK_DEAD;
    if (strcmp(who->host, self.host) != 0) return GS_LOCK_UNKNOWN;
    if (have_flock) return GS_LOCK_DEAD;
    return who->started != 0 && start_of(who->process) == who->started ? GS_LOCK_HELD : GS_LOCK_DEAD;
}

static char *lock_path(const char *path)
{
    size_t size = strlen(path) + sizeof ".lock";
    char *text = malloc(size);
    if (text != NULL) snprintf(text, size, "%s.lock", path);
    return text;
}

static gs_status fail_held(const char *path, const char *lock, int file, gs_lock_state state, gs_error *error)
{
    holder who;
    char text[GS_LOCK_HOLDER] = "a program that has just started";
    if (read_holder(file, &who) == HOLDER) describe(&who, text);
    if (state == GS_LOCK_HELD)
        return gs_fail(error, GS_ERROR_STORAGE,
                       "'%s' is being written by another gensweep (%s); wait for it, or end it first", path, text);
    return gs_fail(
        error, GS_ERROR_STORAGE,
        "'%s' was last written from another host (%s), and whether that program is alive cannot be told from here. "
        "If it is gone, remove the lock: rm '%s'",
        path, text, lock);
}

/* A link, a device, or a file with somebody's words: nothing that may be written to or removed. */
static gs_status fail_foreign(const char *lock, gs_error *error)
{
    return gs_fail(error, GS_ERROR_STORAGE,
                   "'%s' stands where the lock of the results file belongs, and is not one; move it away, or give "
                   "another name with -o",
                   lock);
}

/* One try: GS_OK and a file in *lock, GS_OK and none (somebody replaced the lock meanwhile: try again), or an error. */
static gs_status try_lock(gs_lock *lock, const char *path, bool last, gs_error *error)
{
    struct stat by_handle, by_name;
    holder who, self;
    if (lstat(lock->path, &by_name) == 0 && !S_ISREG(by_name.st_mode)) return fail_foreign(lock->path, error);
    int file = open(lock->path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0666);
    if (file < 0 && errno == ENOENT)
        return gs_fail(error, GS_ERROR_STORAGE,
                       "there is no folder for '%s' (%s); make it first, or give another name with -o", path,
                       strerror(errno));
    if (file < 0) return gs_fail(error, GS_ERROR_STORAGE, "cannot make the lock '%s': %s", lock->path, strerror(errno));
    bool locked = flock(file, LOCK_EX | LOCK_NB) == 0, busy = !locked && errno == EWOULDBLOCK;
    gs_status status = GS_OK;
    if (busy && last) status = fail_held(path, lock->path, file, GS_LOCK_HELD, error);
    bool same = fstat(file, &by_handle) == 0 && stat(lock->path, &by_name) == 0 && by_handle.st_ino == by_name.st_ino;
    if (status == GS_OK && !busy && same) {
        content found = read_holder(file, &who);
        gs_lock_state state = found == HOLDER ? judge(&who, locked) : GS_LOCK_FREE;
        if (found == NOT_A_LOCK) status = fail_foreign(lock->path, error);
        if (state == GS_LOCK_HELD || state == GS_LOCK_UNKNOWN) status = fail_held(path, lock->path, file, state, error);
        describe_self(&self);
        lock->left = state == GS_LOCK_DEAD ? who : (holder){.process = 0};
        if (status == GS_OK && !write_holder(file, &self))
            status = gs_fail(error, GS_ERROR_STORAGE, "cannot write the lock '%s': %s", lock->path, strerror(errno));
        if (status == GS_OK) {
            lock->file = file;
            return GS_OK;
        }
    }
    close(file);
    return status;
}

gs_status gs_lock_take(gs_lock **lock, const char *path, gs_error *error)
{
    gs_lock *made = calloc(1, sizeof *made);
    if (made != NULL) made->path = lock_path(path);
    if (made == NULL || made->path == NULL) {
        free(made);
        return gs_fail(error, GS_ERROR_MEMORY, "out of memory for a lock");
    }
    made->file = -1;
    gs_status status = GS_OK;
    for (int i = 0; i < TRIES && made->file < 0 && status == GS_OK; i++) {
        if (i > 0) gs_sleep(0.05);
        status = try_lock(made, path, i + 1 == TRIES, error);
    }
    if (status == GS_OK && made->file < 0)
        status = gs_fail(error, GS_ERROR_STORAGE, "cannot get the lock '%s'", made->path);
    if (status == GS_OK) {
        *lock = made;
        return GS_OK;
    }
    free(made->path);
    free(made);
    return status;
}

bool gs_lock_was_left(const gs_lock *lock)
{
    return lock->left.process != 0;
}

void gs_lock_settle(gs_lock *lock)
{
    lock->left.process = 0;
}

void gs_lock_release(gs_lock **lock)
{
    if (lock == NULL || *lock == NULL) return;
    if ((*lock)->left.process == 0 || !write_holder((*lock)->file, &(*lock)->left))
        unlink((*lock)->path); /* while it is held, so that nobody else's is removed */
    close((*lock)->file);
    free((*lock)->path);
    free(*lock);
    *lock = NULL;
}

gs_lock_state gs_lock_look(const char *path, char text[GS_LOCK_HOLDER])
{
    holder who;
    char *name = lock_path(path);
    int file = name == NULL ? -1 : open(name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    free(name);
    text[0] = '\0';
    if (file < 0) return GS_LOCK_FREE;
    bool locked = flock(file, LOCK_SH | LOCK_NB) == 0, busy = !locked && errno == EWOULDBLOCK;
    bool known = read_holder(file, &who) == HOLDER;
    close(file);
    if (known) describe(&who, text);
    if (busy) return GS_LOCK_HELD;
    return known ? judge(&who, locked) : GS_LOCK_FREE;
}
