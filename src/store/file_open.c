#include "store/file_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store/guard.h"

/* What h5clear does, in one step with opening: forgets the marks of a writer that was killed, and does not compare the
 * length of the file with the one that it last noted. These properties are registered by the library but not in its
 * headers. */
static void tolerate_killed_writer(hid_t access)
{
    static const char *const names[] = {"clear_status_flags", "skip_eof_check", "null_fsm_addr"};
    hbool_t yes = true;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (H5Pexist(access, names[i]) > 0) H5Pset(access, names[i], &yes);
}

static hid_t open_to_read(const char *path, hid_t access)
{
    hid_t file = H5Fopen(path, H5F_ACC_RDONLY, access);
    return file >= 0 ? file
                     : H5Fopen(path, H5F_ACC_RDONLY | H5F_ACC_SWMR_READ,
                               access); /* it has a writer, or had one that was killed */
}

/* Only to read: what is written with these properties need not be right. */
static hid_t open_left(const char *path)
{
    hid_t access = gs_file_access();
    tolerate_killed_writer(access);
    hid_t file = H5Fopen(path, H5F_ACC_RDONLY, access);
    H5Pclose(access);
    return file;
}

static bool says_ours(hid_t file, int64_t *version)
{
    char format[16] = "";
    *version = 0;
    hid_t type = gs_file_text_type(sizeof format), attribute = file < 0 ? -1 : H5Aopen(file, "format", H5P_DEFAULT);
    if (attribute >= 0 && H5Aread(attribute, type, format) < 0) format[0] = '\0';
    if (attribute >= 0) H5Aclose(attribute);
    H5Tclose(type);
    attribute = file < 0 ? -1 : H5Aopen(file, "format_version", H5P_DEFAULT);
    if (attribute >= 0 && H5Aread(attribute, H5T_NATIVE_INT64, version) < 0) *version = 0;
    if (attribute >= 0) H5Aclose(attribute);
    return strncmp(format, "gensweep", sizeof format) == 0;
}

/* A file that was cut off is shorter than the end that its superblock notes. One that a killed writer left is longer,
 * or as long, or, if it was killed while it closed the file, shorter by what is unused of the last page: HDF5 notes the
 * end and then fills up the page. HDF5 would try for minutes to read what is not there. */
static bool is_cut_off(int file)
{
    enum { VERSION = 8, OFFSET_SIZE = 9, END = 28 };
    unsigned char head[48];
    if (pread(file, head, sizeof head, 0) != (ssize_t)sizeof head || head[VERSION] < 2 || head[OFFSET_SIZE] != 8)
        return false;
    uint64_t end = 0;
    for (int i = 7; i >= 0; i--) end = end << 8 | head[END + i];
    off_t size = lseek(file, 0, SEEK_END);
    return size < 0 || (uint64_t)size + GS_PAGE <= end;
}

/* Looks before anything is opened for writing, so that what is not ours stays as it is. */
static gs_status look(gs_file *file, const char *path, hid_t access, gs_error *error)
{
    int readable = open(path, O_RDONLY | O_CLOEXEC);
    if (readable < 0) return gs_fail(error, GS_ERROR_STORAGE, "cannot open '%s': %s", file->name, strerror(errno));
    bool cut_off = is_cut_off(readable);
    close(readable);
    if (H5Fis_hdf5(path) <= 0)
        return gs_fail(error, GS_ERROR_STORAGE, "'%s' is no results file of gensweep, so it is left alone", file->name);
    if (cut_off)
        return gs_fail(
            error, GS_ERROR_STORAGE,
            "'%s' is damaged: its end is missing. Nothing was changed; restore it from a copy, or give another "
            "name with -o",
            file->name);
    hid_t opened = open_to_read(path, access);
    if (opened < 0) {
        gs_status status = gs_file_failed(file, "open", error);
        if (strstr(error->text, "errno = 11") != NULL || strstr(error->text, "temporarily unavailable") != NULL)
            return gs_fail(
                error, status,
                "cannot open '%s': another program has it open; close it there (h5py: swmr=True keeps it free)",
                file->name);
        opened = open_left(path); /* killed before it let readers in, or while it closed the file? */
        if (opened < 0)
            return gs_fail(error, GS_ERROR_STORAGE,
                           "'%s' is damaged or incomplete: HDF5 cannot open it. Nothing was changed; give "
                           "another name with -o to start over",
                           file->name);
        file->broken = false;
    }
    int64_t version;
    bool ours = says_ours(opened, &version);
    H5Fclose(opened);
    if (!ours)
        return gs_fail(error, GS_ERROR_STORAGE, "'%s' is no results file of gensweep, so it is left alone", file->name);
    if (version > GS_FORMAT_VERSION || version < 1)
        return gs_fail(error, GS_ERROR_STORAGE,
                       "'%s' has format %lld; this version of gensweep knows format %d. Use a newer gensweep, or "
                       "another name with -o",
                       file->name, (long long)version, GS_FORMAT_VERSION);
    return GS_OK;
}

static bool is_marked(const char *path)
{
    gs_guard_enter();
    hid_t access = gs_file_access();
    hid_t file = H5Fopen(path, H5F_ACC_RDONLY, access);
    if (file >= 0) H5Fclose(file);
    H5Pclose(access);
    gs_guard_leave();
    return file < 0;
}

/* Removes the marks and the wrong end that a killed writer left, if it did. Readers are let in all the while, so that
 * there is no moment at which a kill would shut them out. */
static gs_status repair(gs_file *file, const char *path, gs_error *error)
{
    gs_status status = GS_OK;
    if (!is_marked(path)) return GS_OK;
    hid_t access = gs_file_access();
    tolerate_killed_writer(access);
    hid_t opened = H5Fopen(path, H5F_ACC_RDWR | H5F_ACC_SWMR_WRITE, access);
    if (opened < 0) status = gs_file_failed(file, "open", error);
    if (status == GS_OK && H5Fincrement_filesize(opened, 0) < 0)
        status = gs_file_failed(file, "repair", error); /* its end: that of the disk */
    if (status == GS_OK && H5Fclose(opened) < 0) status = gs_file_failed(file, "repair", error);
    H5Pclose(access);
    return status;
}

gs_status gs_file_open(gs_file **file, const char *path, const char *name, gs_open_for purpose, gs_error *error)
{
    gs_error unused;
    gs_status status = gs_file_new(file, name, error);
    if (status != GS_OK) return status;
    gs_file *made = *file;
    hid_t access = gs_file_access();
    made->fixed = purpose != GS_OPEN_GROW;
    made->reading = purpose != GS_OPEN_GROW && purpose != GS_OPEN_CONTINUE;
    if (purpose == GS_OPEN_RESCUE) H5Pset_metadata_read_attempts(access, 1);
    gs_guard_enter();
    status = look(made, path, access, error != NULL ? error : &unused);
    if (status == GS_OK && made->reading) {
        if (purpose == GS_OPEN_STAY) made->file = H5Fopen(path, H5F_ACC_RDONLY | H5F_ACC_SWMR_READ, access);
        if (purpose != GS_OPEN_STAY || made->file < 0) made->file = open_to_read(path, access);
        if (made->file < 0) made->file = open_left(path);
        if (made->file < 0) status = gs_file_failed(made, "open", error);
    } else if (status == GS_OK) {
        status = repair(made, path, error);
        unsigned how = purpose == GS_OPEN_GROW ? H5F_ACC_RDWR : H5F_ACC_RDWR | H5F_ACC_SWMR_WRITE;
        if (status == GS_OK) made->file = H5Fopen(path, how, access);
        if (status == GS_OK && made->file < 0) status = gs_file_failed(made, "open", error);
    }
    H5Pclose(access);
    gs_guard_leave();
    if (status != GS_OK) gs_file_free(file);
    return status;
}

bool gs_file_is_ours(const char *path)
{
    gs_file_quiet_library();
    gs_guard_file(path);
    gs_guard_enter();
    int64_t version;
    hid_t access = gs_file_access();
    hid_t file = open_to_read(path, access);
    bool ours = says_ours(file, &version);
    if (file >= 0) H5Fclose(file);
    H5Pclose(access);
    gs_guard_leave();
    return ours;
}

bool gs_file_marked(const char *path)
{
    gs_file_quiet_library();
    gs_guard_file(path);
    return is_marked(path);
}

gs_status gs_file_recover(const char *path, gs_error *error)
{
    gs_file *file;
    gs_status status = gs_file_open(&file, path, path, GS_OPEN_CONTINUE, error);
    return status == GS_OK ? gs_file_close(&file, error) : status;
}
