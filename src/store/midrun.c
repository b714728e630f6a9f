#include "store/midrun.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "ground/real.h"
#include "train/trainer.h"

enum { PATH = GS_MIDRUN_FOLDER + GS_ID + 8 };

static const char magic[16] = "gensweep midrun";
static const char temporary_suffix[] = ".tmp";

/* What the file begins with; the state follows. */
typedef struct {
    char magic[16];
    uint32_t version, real_size; /* GS_STATE_VERSION; bytes of a gs_real */
    char id[GS_ID - 1];
    char maker[GS_MIDRUN_MAKER];
    double seconds;
    uint64_t size;        /* of the state */
    XXH128_hash_t digest; /* of header and state, itself 0 */
} header;

void gs_midrun_folder(const char *results, char folder[GS_MIDRUN_FOLDER])
{
    snprintf(folder, GS_MIDRUN_FOLDER, "%.*s.running", GS_PATH, results);
}

bool gs_midrun_there(const char *folder)
{
    return folder[0] != '\0' && access(folder, F_OK) == 0;
}

static void path_of(const char *folder, const char *id, const char *suffix, char path[PATH])
{
    snprintf(path, PATH, "%s/%.*s%s", folder, GS_ID - 1, id, suffix);
}

/* A header without its digest. */
static header describe(const gs_midrun *midrun, double seconds, size_t size)
{
    header made;
    memset(&made, 0, sizeof made); /* padding too: it is digested */
    memcpy(made.magic, magic, sizeof magic);
    made.version = GS_STATE_VERSION;
    made.real_size = sizeof(gs_real);
    memcpy(made.id, midrun->id, sizeof made.id);
    snprintf(made.maker, sizeof made.maker, "%s", midrun->maker);
    made.seconds = seconds;
    made.size = size;
    return made;
}

static XXH128_hash_t digest_of(header head, const gs_spans *state)
{
    XXH3_state_t hash;
    memset(&head.digest, 0, sizeof head.digest);
    XXH3_128bits_reset(&hash);
    XXH3_128bits_update(&hash, &head, sizeof head);
    for (int i = 0; i < state->count; i++) XXH3_128bits_update(&hash, state->spans[i].bytes, state->spans[i].size);
    return XXH3_128bits_digest(&hash);
}

/* ---- writing ----------------------------------------------------------------------------------------------------- */

static bool write_bytes(int file, const void *bytes, size_t size)
{
    const unsigned char *at = bytes;
    while (size > 0) {
        ssize_t written = write(file, at, size);
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return false;
        at += written;
        size -= (size_t)written;
    }
    return true;
}

static bool write_all(const char *path, const header *head, const gs_spans *state)
{
    int file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (file < 0) return false;
    bool good = write_bytes(file, head, sizeof *head);
    for (int i = 0; i < state->count && good; i++)
        good = write_bytes(file, state->spans[i].bytes, state->spans[i].size);
    good = good && fdatasync(file) == 0;
    int reason = errno;
    if (close(file) != 0 && good) return false;
    errno = reason;
    return good;
}

gs_status gs_midrun_write(const gs_midrun *midrun, double seconds, const gs_spans *state, gs_error *error)
{
    char path[PATH], temporary[PATH];
    path_of(midrun->folder, midrun->id, "", path);
    path_of(midrun->folder, midrun->id, temporary_suffix, temporary);
    header head = describe(midrun, seconds, gs_spans_size(state));
    head.digest = digest_of(head, state);
    if (mkdir(midrun->folder, 0777) != 0 && errno != EEXIST)
        return gs_fail(error, GS_ERROR_STORAGE, "cannot make the folder '%s': %s", midrun->folder, strerror(errno));
    if (write_all(temporary, &head, state) && rename(temporary, path) == 0) return GS_OK;
    int reason = errno;
    unlink(temporary);
    return gs_fail(error, GS_ERROR_STORAGE, "cannot write '%s': %s", path, strerror(reason));
}

/* ---- reading ----------------------------------------------------------------------------------------------------- */

static bool read_bytes(int file, void *bytes, size_t size)
{
    unsigned char *at = bytes;
    while (size > 0) {
        ssize_t got = read(file, at, size);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return false;
        at += got;
        size -= (size_t)got;
    }
    return true;
}

/* Why a header, of a file of `length` bytes, must not be used; NULL: it may. */
static const char *find_fault(const header *head, const gs_midrun *midrun, uint64_t length, char text[512])
{
    header expected = describe(midrun, 0, 0);
    if (memcmp(head->magic, expected.magic, sizeof head->magic) != 0) return "it is no mid-run checkpoint";
    if (head->version == expected.version && head->real_size != expected.real_size) {
        snprintf(text, 512, "its numbers have %u bytes, this program's have %u", head->real_size, expected.real_size);
        return text;
    }
    if (head->version != expected.version) {
        snprintf(text, 512, "its format is %u, this program's is %u", head->version, expected.version);
        return text;
    }
    if (memcmp(head->id, expected.id, sizeof head->id) != 0) {
        snprintf(text, 512, "it is of the run %.*s", (int)sizeof head->id, head->id);
        return text;
    }
    if (memcmp(head->maker, expected.maker, sizeof head->maker) != 0) {
        snprintf(text, 512, "it was made by %.*s, this is %s", GS_MIDRUN_MAKER - 1, head->maker, expected.maker);
        return text;
    }
    if (length - sizeof *head != head->size) return "it is not whole";
    return NULL;
}

static gs_status read_state(int file, const gs_midrun *midrun, header *head, unsigned char **bytes, const char **fault,
                            char text[512])
{
    struct stat found;
    if (fstat(file, &found) != 0) {
        *fault = strerror(errno);
        return GS_ERROR_STORAGE;
    }
    *fault = "it is not whole";
    if (!S_ISREG(found.st_mode) || (size_t)found.st_size < sizeof *head) return GS_ERROR_STORAGE;
    if (!read_bytes(file, head, sizeof *head)) return GS_ERROR_STORAGE;
    const char *wrong = find_fault(head, midrun, (uint64_t)found.st_size, text);
    if (wrong != NULL) {
        *fault = wrong;
        return GS_ERROR_STORAGE;
    }
    *bytes = malloc((size_t)head->size);
    if (*bytes == NULL) {
        *fault = "out of memory";
        return GS_ERROR_MEMORY;
    }
    if (!read_bytes(file, *bytes, (size_t)head->size)) return GS_ERROR_STORAGE;
    gs_spans state = {.count = 0};
    gs_spans_add(&state, *bytes, (size_t)head->size);
    *fault = "its digest does not agree with what it holds";
    return XXH128_isEqual(digest_of(*head, &state), head->digest) ? GS_OK : GS_ERROR_STORAGE;
}

gs_status gs_midrun_read(const gs_midrun *midrun, double *seconds, unsigned char **bytes, size_t *size, gs_error *error)
{
    char path[PATH], text[512];
    const char *fault = NULL;
    header head;
    *bytes = NULL;
    path_of(midrun->folder, midrun->id, "", path);
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) {
        if (errno == ENOENT || errno == ENOTDIR) return GS_OK;
        return gs_fail(error, GS_ERROR_STORAGE, "cannot read '%s': %s", path, strerror(errno));
    }
    gs_status status = read_state(file, midrun, &head, bytes, &fault, text);
    close(file);
    if (status == GS_OK) {
        *seconds = head.seconds;
        *size = (size_t)head.size;
        return GS_OK;
    }
    free(*bytes);
    *bytes = NULL;
    return gs_fail(error, status, "'%s' is not used: %s", path, fault);
}

/* ---- removing ---------------------------------------------------------------------------------------------------- */

void gs_midrun_remove(const char *folder, const char *id)
{
    char path[PATH];
    if (folder[0] == '\0') return;
    path_of(folder, id, "", path);
    unlink(path);
    path_of(folder, id, temporary_suffix, path);
    unlink(path);
}

/* ID or ID.tmp. */
static bool is_ours(const char *name)
{
    size_t length = strspn(name, "0123456789abcdef");
    return length == GS_ID - 1 && (name[length] == '\0' || strcmp(name + length, temporary_suffix) == 0);
}

void gs_midrun_remove_all(const char *folder)
{
    DIR *list = opendir(folder);
    if (list == NULL) return;
    for (const struct dirent *entry = readdir(list); entry != NULL; entry = readdir(list))
        if (is_ours(entry->d_name)) unlinkat(dirfd(list), entry->d_name, 0);
    closedir(list);
    gs_midrun_close(folder);
}

void gs_midrun_close(const char *folder)
{
    rmdir(folder);
}
