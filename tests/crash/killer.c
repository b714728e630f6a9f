/* Preloaded into a program, kills it at a chosen change of a file, as SIGKILL or a dying node would at the worst
 * moment, or lets the change fail, as a full disk would.
 *
 * Changes are counted from 0 over all calls that change a file whose path contains KILLER_FILE: writes, truncations,
 * syncs, links and names.
 *
 * - KILLER_AT=k kills before change k.
 * - KILLER_TORN=k lets the k-th write that crosses a page boundary (4 KiB of the file) through up to a boundary, and
 *   kills: what a kill in the middle of a large write leaves.
 * - KILLER_FAIL=k lets change k fail with the errno KILLER_ERRNO; with KILLER_FOREVER=1 all after it too, and of a
 * write that begins it the pages before its middle are still written, as on a disk that fills up: a page itself is
 * written whole or not at all. Removing a name does not fail for lack of room (ENOSPC, EDQUOT).
 * - KILLER_COUNT=F writes "CHANGES CROSSING" into F when the program ends. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

enum { PAGE = 4096 };

static long changes, crossing;

static long wanted(const char *name)
{
    const char *text = getenv(name);
    return text == NULL || *text == '\0' ? -1 : atol(text);
}

static void die(void)
{
    kill(getpid(), SIGKILL);
    for (;;) pause();
}

static int watched_path(const char *path)
{
    const char *part = getenv("KILLER_FILE");
    return part != NULL && strstr(path, part) != NULL;
}

static int watched(int file)
{
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t size = readlink(link, path, sizeof path - 1);
    if (size < 0) return 0;
    path[size] = '\0';
    return watched_path(path);
}

static int lacks_room(int reason)
{
    return reason == ENOSPC || reason == EDQUOT;
}

/* Counts a change; whether it has to fail, with errno set. */
static int fails(int removal)
{
    long number = changes++, failing = wanted("KILLER_FAIL");
    if (number == wanted("KILLER_AT")) die();
    if (failing < 0 || number < failing || (number > failing && wanted("KILLER_FOREVER") != 1)) return 0;
    if (removal && lacks_room((int)wanted("KILLER_ERRNO"))) return 0;
    errno = (int)wanted("KILLER_ERRNO");
    return 1;
}

/* How much the disk takes of a write at `offset` that has to fail. */
static size_t last_room(off_t offset, size_t size)
{
    int first = changes - 1 == wanted("KILLER_FAIL");
    if (!first || wanted("KILLER_FOREVER") != 1 || !lacks_room(errno)) return 0;
    off_t end = (offset + (off_t)size / 2) / PAGE * PAGE;
    return end > offset ? (size_t)(end - offset) : 0;
}

/* How many bytes of a write at `offset` go through before the kill; -1: it is none of those to be torn. */
static ssize_t torn_size(off_t offset, size_t size)
{
    off_t first = offset / PAGE + 1, last = (offset + (off_t)size - 1) / PAGE; /* boundaries inside, counted in pages */
    if (size == 0 || first > last) return -1;
    if (crossing++ != wanted("KILLER_TORN")) return -1;
    off_t chosen = first + (crossing * 7) % (last - first + 1);
    return (ssize_t)(chosen * PAGE - offset);
}

#define REAL(name) __typeof__(&name) real = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

static ssize_t write_at(ssize_t (*real)(int, const void *, size_t, off_t), int file, const void *bytes, size_t size,
                        off_t offset)
{
    if (!watched(file)) return real(file, bytes, size, offset);
    if (fails(0)) {
        size_t room = last_room(offset, size);
        return room > 0 ? real(file, bytes, room, offset) : -1;
    }
    ssize_t part = torn_size(offset, size);
    if (part < 0) return real(file, bytes, size, offset);
    if (real(file, bytes, (size_t)part, offset) != part) abort();
    die();
    return -1;
}

ssize_t pwrite(int file, const void *bytes, size_t size, off_t offset)
{
    REAL(pwrite);
    return write_at(real, file, bytes, size, offset);
}

ssize_t pwrite64(int file, const void *bytes, size_t size, off64_t offset)
{
    REAL(pwrite64);
    return write_at(real, file, bytes, size, offset);
}

ssize_t write(int file, const void *bytes, size_t size)
{
    REAL(write);
    if (file <= STDERR_FILENO || !watched(file) || !fails(0)) return real(file, bytes, size);
    size_t room = last_room(lseek(file, 0, SEEK_CUR), size);
    return room > 0 ? real(file, bytes, room) : -1;
}

static int makes(const char *path, int flags)
{
    return (flags & O_CREAT) != 0 && watched_path(path) && access(path, F_OK) != 0;
}

int open(const char *path, int flags, ...)
{
    REAL(open);
    va_list more;
    va_start(more, flags);
    mode_t mode = (flags & O_CREAT) != 0 ? va_arg(more, mode_t) : 0;
    va_end(more);
    return makes(path, flags) && fails(0) ? -1 : real(path, flags, mode);
}

int open64(const char *path, int flags, ...)
{
    REAL(open64);
    va_list more;
    va_start(more, flags);
    mode_t mode = (flags & O_CREAT) != 0 ? va_arg(more, mode_t) : 0;
    va_end(more);
    return makes(path, flags) && fails(0) ? -1 : real(path, flags, mode);
}

int mkdir(const char *path, mode_t mode)
{
    REAL(mkdir);
    return watched_path(path) && fails(0) ? -1 : real(path, mode);
}

int ftruncate(int file, off_t size)
{
    REAL(ftruncate);
    return watched(file) && fails(0) ? -1 : real(file, size);
}

int ftruncate64(int file, off64_t size)
{
    REAL(ftruncate64);
    return watched(file) && fails(0) ? -1 : real(file, size);
}

int fdatasync(int file)
{
    REAL(fdatasync);
    return watched(file) && fails(0) ? -1 : real(file);
}

int link(const char *from, const char *to)
{
    REAL(link);
    return watched_path(to) && fails(0) ? -1 : real(from, to);
}

int rename(const char *from, const char *to)
{
    REAL(rename);
    return watched_path(to) && fails(0) ? -1 : real(from, to);
}

int unlink(const char *path)
{
    REAL(unlink);
    return watched_path(path) && fails(1) ? -1 : real(path);
}

__attribute__((destructor)) static void report(void)
{
    const char *path = getenv("KILLER_COUNT");
    FILE *file = path == NULL ? NULL : fopen(path, "w");
    if (file == NULL) return;
    fprintf(file, "%ld %ld\n", changes, crossing);
    fclose(file);
}
