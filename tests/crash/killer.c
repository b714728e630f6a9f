/* Preloaded into a program, kills it at a chosen change of a file, as SIGKILL or a dying node would at the worst moment.
 *
 * Changes are counted from 0 over all calls that change a file whose path contains KILLER_FILE: writes, truncations, links and names.
 *   KILLER_AT=k    kills before change k
 *   KILLER_TORN=k  lets the k-th write that crosses a page boundary (4 KiB of the file) through up to a boundary, and kills: what a kill
 *                  in the middle of a large write leaves
 *   KILLER_COUNT=F writes "CHANGES CROSSING" into F when the program ends */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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

static void count_change(void)
{
    if (changes++ == wanted("KILLER_AT")) die();
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

static ssize_t write_at(ssize_t (*real)(int, const void *, size_t, off_t), int file, const void *bytes, size_t size, off_t offset)
{
    if (!watched(file)) return real(file, bytes, size, offset);
    count_change();
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
    if (file > STDERR_FILENO && watched(file)) count_change();
    return real(file, bytes, size);
}

int ftruncate(int file, off_t size)
{
    REAL(ftruncate);
    if (watched(file)) count_change();
    return real(file, size);
}

int ftruncate64(int file, off64_t size)
{
    REAL(ftruncate64);
    if (watched(file)) count_change();
    return real(file, size);
}

int link(const char *from, const char *to)
{
    REAL(link);
    if (watched_path(to)) count_change();
    return real(from, to);
}

int rename(const char *from, const char *to)
{
    REAL(rename);
    if (watched_path(to)) count_change();
    return real(from, to);
}

int unlink(const char *path)
{
    REAL(unlink);
    if (watched_path(path)) count_change();
    return real(path);
}

__attribute__((destructor)) static void report(void)
{
    const char *path = getenv("KILLER_COUNT");
    FILE *file = path == NULL ? NULL : fopen(path, "w");
    if (file == NULL) return;
    fprintf(file, "%ld %ld\n", changes, crossing);
    fclose(file);
}
