#include "store/copy.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>
#ifdef __linux__
#include <linux/fs.h>
#endif

enum { BLOCK = 1 << 20 };

static gs_status fail_copy(const char *name, int reason, gs_error *error)
{
    if (reason == ENOMEM) return gs_fail(error, GS_ERROR_MEMORY, "out of memory to copy '%s'", name);
    return gs_fail(error, GS_ERROR_STORAGE, "cannot copy '%s': %s", name, strerror(reason));
}

static bool share_blocks(int source, int target)
{
#ifdef FICLONE
    return ioctl(target, FICLONE, source) == 0;
#else
    (void)source;
    (void)target;
    return false;
#endif
}

/* errno, or 0. */
static int copy_bytes(int source, int target)
{
    char *block = malloc(BLOCK);
    int reason = block == NULL ? ENOMEM : 0;
    while (reason == 0) {
        ssize_t got = read(source, block, BLOCK);
        if (got == 0) break;
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) reason = errno;
        for (ssize_t done = 0; reason == 0 && done < got;) {
            ssize_t put = write(target, block + done, (size_t)(got - done));
            if (put >= 0) done += put;
            else if (errno != EINTR) reason = errno;
        }
    }
    free(block);
    return reason;
}

gs_status gs_copy_file(const char *from, const char *to, const char *name, uint64_t more, gs_error *error)
{
    struct stat found;
    struct statvfs room;
    int reason = 0, target = -1, source = open(from, O_RDONLY | O_CLOEXEC);
    if (source < 0 || fstat(source, &found) != 0) reason = errno;
    if (reason == 0) target = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, found.st_mode & 0777);
    if (reason == 0 && target < 0) reason = errno;
    gs_status status = reason == 0 ? GS_OK : fail_copy(name, reason, error);
    if (status == GS_OK && !share_blocks(source, target)) {
        uint64_t needed = (uint64_t)found.st_size + more;
        bool known = fstatvfs(target, &room) == 0;
        if (known && (uint64_t)room.f_bavail * room.f_frsize < needed)
            status = gs_fail(error, GS_ERROR_STORAGE,
                             "'%s' has to be copied to be extended: that takes %.1f MB, and %.1f MB are free", name,
                             (double)needed / 1e6, (double)room.f_bavail * (double)room.f_frsize / 1e6);
        if (status == GS_OK) reason = copy_bytes(source, target);
        if (reason != 0) status = fail_copy(name, reason, error);
    }
    if (target >= 0 && close(target) != 0 && status == GS_OK) status = fail_copy(name, errno, error);
    if (source >= 0) close(source);
    if (status != GS_OK && target >= 0) unlink(to);
    return status;
}

char *gs_true_name(const char *path, gs_error *error)
{
    struct stat found;
    bool link = lstat(path, &found) == 0 && S_ISLNK(found.st_mode);
    char *name = link ? realpath(path, NULL) : strdup(path);
    if (name == NULL && link && errno != ENOMEM)
        (void)!gs_fail(error, GS_ERROR_STORAGE, "'%s' is a symbolic link that leads nowhere: %s", path,
                       strerror(errno));
    else if (name == NULL) (void)!gs_fail(error, GS_ERROR_MEMORY, "out of memory for '%s'", path);
    return name;
}

char *gs_temporary_name(const char *path, gs_error *error)
{
    size_t size = strlen(path) + 32;
    char *text = malloc(size);
    if (text == NULL) (void)!gs_fail(error, GS_ERROR_MEMORY, "out of memory for the results file");
    else snprintf(text, size, "%s.%ld.tmp", path, (long)getpid());
    return text;
}

/* Whether a file is what a killed program left: HDF5, or nothing yet. One with other bytes is somebody else's. */
static bool is_left_over(int folder, const char *name)
{
    static const char signature[8] = "\211HDF\r\n\032\n", nothing[8];
    char begin[8] = {0};
    struct stat found;
    if (fstatat(folder, name, &found, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(found.st_mode)) return false;
    int file = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (file < 0) return false;
    bool read_it = pread(file, begin, sizeof begin, 0) >= 0;
    close(file);
    return read_it && (memcmp(begin, signature, sizeof begin) == 0 || memcmp(begin, nothing, sizeof begin) == 0);
}

void gs_remove_temporaries(const char *path)
{
    char *folder_copy = strdup(path), *name_copy = strdup(path);
    DIR *folder = folder_copy == NULL || name_copy == NULL ? NULL : opendir(dirname(folder_copy));
    const char *name = name_copy == NULL ? "" : basename(name_copy);
    size_t length = strlen(name);
    for (struct dirent *entry; folder != NULL && (entry = readdir(folder)) != NULL;) {
        const char *rest = entry->d_name + length;
        if (strncmp(entry->d_name, name, length) != 0 || *rest != '.') continue;
        size_t digits = strspn(rest + 1, "0123456789");
        if (digits > 0 && strcmp(rest + 1 + digits, ".tmp") == 0 && is_left_over(dirfd(folder), entry->d_name))
            unlinkat(dirfd(folder), entry->d_name, 0);
    }
    if (folder != NULL) closedir(folder);
    free(folder_copy);
    free(name_copy);
}

void gs_aside_name(const char *path, char *aside, size_t size)
{
    for (int number = 1;; number++) {
        snprintf(aside, size, "%s.%d", path, number);
        if (access(aside, F_OK) != 0) return;
    }
}

/* The names in a folder outlive the machine only after this; where it cannot be done, nothing is lost but that. */
static void sync_folder(const char *path)
{
    char *copy = strdup(path);
    int folder = copy == NULL ? -1 : open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder >= 0) {
        (void)!fsync(folder);
        close(folder);
    }
    free(copy);
}

static bool has_no_links(int reason)
{
    return reason == EPERM || reason == ENOTSUP || reason == ENOSYS;
}

gs_status gs_give_name(const char *temporary, const char *path, gs_error *error)
{
    int reason = link(temporary, path) == 0 ? 0 : errno;
    if (reason == 0) unlink(temporary);
    else if (has_no_links(reason) && access(path, F_OK) != 0 && rename(temporary, path) == 0) reason = 0;
    if (reason == 0) {
        sync_folder(path);
        return GS_OK;
    }
    unlink(temporary);
    return gs_fail(error, GS_ERROR_STORAGE, "cannot create '%s': %s", path, strerror(reason));
}

gs_status gs_take_place(const char *temporary, const char *path, const char *aside, gs_error *error)
{
    int reason = link(path, aside) == 0 ? 0 : errno;
    if (has_no_links(reason)) reason = rename(path, aside) == 0 ? 0 : errno;
    if (reason == 0 && rename(temporary, path) != 0) {
        reason = errno;
        rename(aside, path);
    }
    if (reason == 0) {
        sync_folder(path);
        return GS_OK;
    }
    unlink(temporary);
    return gs_fail(error, GS_ERROR_STORAGE, "cannot put the extended file in the place of '%s': %s", path,
                   strerror(reason));
}
