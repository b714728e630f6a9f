#include "store/axes.h"
#include "store/file_private.h"

#include <errno.h>
#include <hdf5_hl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/guard.h"

/* ---- errors ------------------------------------------------------------------------------------------------------ */

enum { REASON = 512 };

/* Beside a writer HDF5 reads metadata whose checksum is wrong again, waits twice as long each time from 1 ns on, and
 * would do so 100 times: for ever, if the file is damaged. 24 times are 17 ms for each piece of metadata, and a write
 * takes less. */
enum { READ_ATTEMPTS = 24 };

/* The operating system's reason is somewhere in the stack, as "... error message = 'No space left on device' ...". */
static herr_t keep_reason(unsigned depth, const H5E_error2_t *entry, void *reason)
{
    static const char mark[] = "error message = '";
    char *kept = reason;
    const char *system = entry->desc != NULL ? strstr(entry->desc, mark) : NULL;
    if (system != NULL) {
        const char *words = system + sizeof mark - 1;
        snprintf(kept, REASON, "%.*s", (int)strcspn(words, "'"), words);
        return 1; /* nothing says it better */
    }
    if (depth == 0 && entry->desc != NULL) snprintf(kept, REASON, "%s", entry->desc);
    return 0;
}

gs_status gs_file_failed(gs_file *file, const char *doing, gs_error *error)
{
    char reason[REASON] = "HDF5 gives no reason";
    H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, keep_reason, reason);
    file->broken = !file->reading;
    return gs_fail(error, GS_ERROR_STORAGE, "cannot %s '%s': %s", doing, file->name, reason);
}

hid_t gs_file_take_reason(void)
{
    return H5Eget_current_stack();
}

void gs_file_give_reason(hid_t reason)
{
    H5Eset_current_stack(reason);
}

void gs_file_quiet_library(void)
{
    H5dont_atexit();                       /* its exit handler crashes after a failed write; must be the first call */
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL); /* reasons are told in our own sentence */
}

hid_t gs_file_access(void)
{
    hid_t access = H5Pcreate(H5P_FILE_ACCESS);
    H5Pset_libver_bounds(access, H5F_LIBVER_V110, H5F_LIBVER_V110);
    H5Pset_file_locking(access, false, true);
    H5Pset_metadata_read_attempts(access, READ_ATTEMPTS);
    return access;
}

/* ---- types ------------------------------------------------------------------------------------------------------- */

size_t gs_cell_size(gs_cell cell, size_t text)
{
    switch (cell) {
    case GS_CELL_INT8:
    case GS_CELL_UINT8:
    case GS_CELL_STATUS: return 1;
    case GS_CELL_UINT16: return 2;
    case GS_CELL_INT32:
    case GS_CELL_UINT32:
    case GS_CELL_FLOAT32: return 4;
    case GS_CELL_INT64:
    case GS_CELL_UINT64:
    case GS_CELL_FLOAT64: return 8;
    case GS_CELL_TEXT: return text;
    }
    return 0;
}

hid_t gs_file_text_type(size_t size)
{
    hid_t type = H5Tcopy(H5T_C_S1);
    H5Tset_size(type, size > 0 ? size : 1);
    H5Tset_cset(type, H5T_CSET_UTF8);
    H5Tset_strpad(type, H5T_STR_NULLPAD);
    return type;
}

static hid_t status_type(void)
{
    static const struct {
        const char *name;
        int8_t value;
    } members[] = {
        {"pending", GS_RUN_PENDING}, {"running", GS_RUN_RUNNING}, {"done", GS_RUN_DONE}, {"failed", GS_RUN_FAILED}};
    hid_t type = H5Tenum_create(H5T_STD_I8LE);
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++)
        H5Tenum_insert(type, members[i].name, &members[i].value);
    return type;
}

hid_t gs_file_type_of(const gs_file *file, gs_cell cell, size_t text)
{
    switch (cell) {
    case GS_CELL_INT8: return H5Tcopy(H5T_STD_I8LE);
    case GS_CELL_UINT8: return H5Tcopy(H5T_STD_U8LE);
    case GS_CELL_UINT16: return H5Tcopy(H5T_STD_U16LE);
    case GS_CELL_INT32: return H5Tcopy(H5T_STD_I32LE);
    case GS_CELL_UINT32: return H5Tcopy(H5T_STD_U32LE);
    case GS_CELL_INT64: return H5Tcopy(H5T_STD_I64LE);
    case GS_CELL_UINT64: return H5Tcopy(H5T_STD_U64LE);
    case GS_CELL_FLOAT32: return H5Tcopy(H5T_IEEE_F32LE);
    case GS_CELL_FLOAT64: return H5Tcopy(H5T_IEEE_F64LE);
    case GS_CELL_TEXT: return gs_file_text_type(text);
    case GS_CELL_STATUS: return H5Tcopy(file->status_type);
    }
    return H5I_INVALID_HID;
}

/* ---- making ------------------------------------------------------------------------------------------------------ */

gs_status gs_file_new(gs_file **file, const char *name, gs_error *error)
{
    gs_file_quiet_library();
    gs_file *made = calloc(1, sizeof *made);
    if (made != NULL) made->name = strdup(name);
    if (made == NULL || made->name == NULL) {
        free(made);
        return gs_fail(error, GS_ERROR_MEMORY, "out of memory for the results file");
    }
    made->status_type = status_type();
    gs_guard_file(name);
    *file = made;
    return GS_OK;
}

void gs_file_free(gs_file **file)
{
    free((*file)->datasets);
    free((*file)->name);
    free(*file);
    *file = NULL;
}

gs_status gs_file_create(gs_file **file, const char *path, const char *name, gs_error *error)
{
    gs_status status = gs_file_new(file, name, error);
    if (status != GS_OK) return status;
    hid_t creation = H5Pcreate(H5P_FILE_CREATE), access = gs_file_access();
    H5Pset_file_space_strategy(creation, H5F_FSPACE_STRATEGY_PAGE, false, 1);
    H5Pset_file_space_page_size(creation, GS_PAGE);
    (*file)->made = true;
    (*file)->file = H5Fcreate(path, H5F_ACC_EXCL, creation, access);
    if ((*file)->file < 0) status = gs_file_failed(*file, "create", error);
    H5Pclose(creation);
    H5Pclose(access);
    if (status != GS_OK) gs_file_free(file);
    return status;
}

/* Creation properties and the largest extent of a dataset. */
static hid_t describe(const gs_dataset_spec *spec, size_t cell_size, hsize_t largest[GS_RANK_MAX], hid_t type)
{
    hid_t creation = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_obj_track_times(creation, false);
    if (spec->fill != NULL) H5Pset_fill_value(creation, type, spec->fill);
    hsize_t chunk[GS_RANK_MAX];
    uint64_t row = cell_size;
    for (int i = 0; i < spec->rank; i++) {
        largest[i] = spec->dims[i];
        chunk[i] = spec->growth == GS_BULK ? spec->chunk[i] : spec->dims[i] > 0 ? spec->dims[i] : 1;
        if (i > 0) row *= spec->dims[i];
    }
    if (spec->rank == 0) return creation; /* a scalar */
    if (spec->growth != GS_FIXED) largest[0] = H5S_UNLIMITED;
    if (spec->growth == GS_ROWS) {
        chunk[0] = row < GS_PAGE ? GS_PAGE / (row > 0 ? row : 1) : 1;
        H5Pset_alloc_time(creation, H5D_ALLOC_TIME_EARLY);
    } else if (spec->growth == GS_BULK) {
        largest[1] = H5S_UNLIMITED;
        if (spec->deflate > 0) H5Pset_deflate(creation, (unsigned)spec->deflate);
    }
    H5Pset_chunk(creation, spec->rank, chunk);
    return creation;
}

int gs_file_label_axes(hid_t dataset, const char *path, int rank)
{
    const char *names[GS_RANK_MAX];
    gs_axes_of(path, rank, names);
    for (int i = 0; i < rank; i++)
        if (names[i] != NULL && H5DSset_label(dataset, (unsigned)i, names[i]) < 0) return -1;
    return 0;
}

gs_status gs_file_keep(gs_file *file, hid_t id, hid_t type, uint64_t earlier_rows, gs_dataset *dataset, gs_error *error)
{
    if (file->count == file->room) {
        int room = file->room == 0 ? 256 : 2 * file->room;
        gs_open_dataset *datasets = realloc(file->datasets, (size_t)room * sizeof *datasets);
        if (datasets == NULL) return gs_fail(error, GS_ERROR_MEMORY, "out of memory: %d datasets", room);
        file->datasets = datasets;
        file->room = room;
    }
    file->datasets[file->count] = (gs_open_dataset){id, type, earlier_rows};
    *dataset = file->count++;
    return GS_OK;
}

gs_status gs_file_make_dataset(gs_file *file, const gs_dataset_spec *spec, uint64_t earlier_rows, gs_dataset *dataset,
                               gs_error *error)
{
    gs_status status = GS_OK;
    hid_t type = gs_file_type_of(file, spec->cell, spec->text);
    hsize_t dims[GS_RANK_MAX], largest[GS_RANK_MAX];
    for (int i = 0; i < spec->rank; i++) dims[i] = spec->dims[i];
    hid_t creation = describe(spec, gs_cell_size(spec->cell, spec->text), largest, type);
    hid_t space = spec->rank == 0 ? H5Screate(H5S_SCALAR) : H5Screate_simple(spec->rank, dims, largest);
    hid_t links = H5Pcreate(H5P_LINK_CREATE);
    H5Pset_create_intermediate_group(links, 1);
    hid_t made = H5Dcreate2(file->file, spec->path, type, space, links, creation, H5P_DEFAULT);
    if (made < 0 || gs_file_label_axes(made, spec->path, spec->rank) < 0)
        status = gs_file_failed(file, "create a dataset in", error);
    H5Pclose(links);
    H5Pclose(creation);
    H5Sclose(space);
    return status == GS_OK ? gs_file_keep(file, made, type, earlier_rows, dataset, error) : status;
}

/* ---- attributes -------------------------------------------------------------------------------------------------- */

static gs_status note(gs_file *file, const char *path, const char *name, hid_t type, hid_t space, const void *value,
                      gs_error *error)
{
    if (file->fixed) {
        H5Sclose(space);
        return GS_OK; /* what there is to note was noted when the object was made */
    }
    hid_t object = H5Oopen(file->file, path, H5P_DEFAULT);
    if (object >= 0 && H5Aexists(object, name) > 0) H5Adelete(object, name);
    hid_t attribute = object < 0 ? -1 : H5Acreate2(object, name, type, space, H5P_DEFAULT, H5P_DEFAULT);
    bool good = attribute >= 0 && H5Awrite(attribute, type, value) >= 0;
    gs_status status = good ? GS_OK : gs_file_failed(file, "write an attribute in", error);
    if (attribute >= 0) H5Aclose(attribute);
    if (object >= 0) H5Oclose(object);
    H5Sclose(space);
    return status;
}

gs_status gs_file_note_text(gs_file *file, const char *path, const char *name, const char *text, gs_error *error)
{
    hid_t type = gs_file_text_type(strlen(text));
    gs_status status = note(file, path, name, type, H5Screate(H5S_SCALAR), *text != '\0' ? text : "\0", error);
    H5Tclose(type);
    return status;
}

gs_status gs_file_note_texts(gs_file *file, const char *path, const char *name, const char *const *texts, size_t count,
                             gs_error *error)
{
    size_t longest = 1;
    for (size_t i = 0; i < count; i++)
        if (strlen(texts[i]) > longest) longest = strlen(texts[i]);
    char *cells = calloc(count, longest);
    if (cells == NULL) return gs_fail(error, GS_ERROR_MEMORY, "out of memory for an attribute");
    for (size_t i = 0; i < count; i++) memcpy(cells + i * longest, texts[i], strlen(texts[i]));
    hid_t type = gs_file_text_type(longest);
    hsize_t dims = count;
    gs_status status = note(file, path, name, type, H5Screate_simple(1, &dims, NULL), cells, error);
    H5Tclose(type);
    free(cells);
    return status;
}

gs_status gs_file_note_integer(gs_file *file, const char *path, const char *name, int64_t value, gs_error *error)
{
    return note(file, path, name, H5T_STD_I64LE, H5Screate(H5S_SCALAR), &value, error);
}

/* ---- writing ----------------------------------------------------------------------------------------------------- */

herr_t gs_file_transfer(const gs_open_dataset *dataset, uint64_t first, uint64_t count, uint64_t columns, void *into,
                        const void *from)
{
    gs_guard_enter();
    hid_t space = H5Dget_space(dataset->id), memory = H5S_ALL;
    hsize_t dims[GS_RANK_MAX] = {0}, start[GS_RANK_MAX] = {first};
    int rank = H5Sget_simple_extent_dims(space, dims, NULL);
    if (rank > 0) {
        dims[0] = count;
        if (columns > 0) dims[1] = columns;
        H5Sselect_hyperslab(space, H5S_SELECT_SET, start, NULL, dims, NULL);
        memory = H5Screate_simple(rank, dims, NULL);
    }
    herr_t result = into != NULL ? H5Dread(dataset->id, dataset->type, memory, space, H5P_DEFAULT, into)
                                 : H5Dwrite(dataset->id, dataset->type, memory, space, H5P_DEFAULT, from);
    hid_t reason = gs_file_take_reason();
    if (rank > 0) H5Sclose(memory);
    H5Sclose(space);
    gs_file_give_reason(reason);
    gs_guard_leave();
    return result;
}

gs_status gs_file_write(gs_file *file, gs_dataset dataset, uint64_t first, uint64_t count, const void *values,
                        gs_error *error)
{
    return gs_file_transfer(&file->datasets[dataset], first, count, 0, NULL, values) < 0
               ? gs_file_failed(file, "write to", error)
               : GS_OK;
}

gs_status gs_file_read(gs_file *file, gs_dataset dataset, uint64_t first, uint64_t count, void *values, gs_error *error)
{
    return gs_file_transfer(&file->datasets[dataset], first, count, 0, values, NULL) < 0
               ? gs_file_failed(file, "read", error)
               : GS_OK;
}

gs_status gs_file_read_part(gs_file *file, gs_dataset dataset, uint64_t row, uint64_t columns, void *values,
                            gs_error *error)
{
    return gs_file_transfer(&file->datasets[dataset], row, 1, columns, values, NULL) < 0
               ? gs_file_failed(file, "read", error)
               : GS_OK;
}

gs_status gs_file_write_part(gs_file *file, gs_dataset dataset, uint64_t row, uint64_t columns, const void *values,
                             gs_error *error)
{
    return gs_file_transfer(&file->datasets[dataset], row, 1, columns, NULL, values) < 0
               ? gs_file_failed(file, "write to", error)
               : GS_OK;
}

gs_status gs_file_clear_row(gs_file *file, gs_dataset dataset, uint64_t row, gs_error *error)
{
    const gs_open_dataset *open = &file->datasets[dataset];
    hid_t creation = H5Dget_create_plist(open->id), space = H5Dget_space(open->id);
    hsize_t dims[GS_RANK_MAX] = {0};
    size_t cells = 1, size = H5Tget_size(open->type);
    int rank = H5Sget_simple_extent_dims(space, dims, NULL);
    for (int i = 1; i < rank; i++) cells *= dims[i];
    unsigned char *values = malloc(cells * size);
    bool good = values != NULL && H5Pget_fill_value(creation, open->type, values) >= 0;
    for (size_t i = 1; i < cells && good; i++) memcpy(values + i * size, values, size);
    good = good && gs_file_transfer(open, row, 1, 0, NULL, values) >= 0;
    gs_status status = good ? GS_OK : gs_file_failed(file, "write to", error);
    free(values);
    H5Sclose(space);
    H5Pclose(creation);
    return status;
}

gs_status gs_file_write_chunk(gs_file *file, gs_dataset dataset, const uint64_t offset[GS_RANK_MAX], const void *bytes,
                              size_t size, gs_error *error)
{
    hsize_t place[GS_RANK_MAX];
    for (int i = 0; i < GS_RANK_MAX; i++) place[i] = offset[i];
    gs_guard_enter();
    herr_t result = H5Dwrite_chunk(file->datasets[dataset].id, H5P_DEFAULT, 0, place, size, bytes);
    gs_guard_leave();
    return result < 0 ? gs_file_failed(file, "write to", error) : GS_OK;
}

/* ---- committing -------------------------------------------------------------------------------------------------- */

gs_status gs_file_start_swmr(gs_file *file, gs_error *error)
{
    return H5Fstart_swmr_write(file->file) < 0 ? gs_file_failed(file, "open for readers", error) : GS_OK;
}

gs_status gs_file_flush(gs_file *file, gs_error *error)
{
    gs_guard_enter();
    herr_t result = H5Fflush(file->file, H5F_SCOPE_LOCAL);
    gs_guard_leave();
    return result < 0 ? gs_file_failed(file, "write to", error) : GS_OK;
}

gs_status gs_file_sync(gs_file *file, gs_error *error)
{
    void *handle = NULL;
    if (H5Fget_vfd_handle(file->file, H5P_DEFAULT, &handle) < 0) return gs_file_failed(file, "write to", error);
    if (fdatasync(*(int *)handle) == 0) return GS_OK;
    file->broken = true;
    return gs_fail(error, GS_ERROR_STORAGE, "cannot write to '%s': %s", file->name, strerror(errno));
}

gs_file_place gs_file_look_for(const gs_file *file, char handle[GS_FILE_HANDLE])
{
    void *descriptor = NULL;
    struct stat ours, named;
    if (H5Fget_vfd_handle(file->file, H5P_DEFAULT, &descriptor) < 0 || fstat(*(int *)descriptor, &ours) != 0)
        return GS_FILE_THERE;
    snprintf(handle, GS_FILE_HANDLE, "/proc/self/fd/%d", *(int *)descriptor);
    if (stat(file->name, &named) == 0 && named.st_ino == ours.st_ino && named.st_dev == ours.st_dev)
        return GS_FILE_THERE;
    return ours.st_nlink > 0 ? GS_FILE_MOVED : GS_FILE_REMOVED;
}

gs_status gs_file_close(gs_file **file, gs_error *error)
{
    if (*file == NULL) return GS_OK;
    gs_status status = GS_OK;
    if (!(*file)->broken && !(*file)->reading) {
        status = gs_file_flush(*file, error);
        if (status == GS_OK) status = gs_file_sync(*file, error);
    }
    gs_guard_enter();
    if (!(*file)->broken) {
        for (int i = 0; i < (*file)->count; i++) {
            H5Tclose((*file)->datasets[i].type);
            if (H5Dclose((*file)->datasets[i].id) < 0 && status == GS_OK)
                status = gs_file_failed(*file, "close", error);
        }
        H5Tclose((*file)->status_type);
        if (H5Fclose((*file)->file) < 0 && status == GS_OK) status = gs_file_failed(*file, "close", error);
    }
    gs_guard_leave();
    gs_file_free(file);
    return status;
}

const char *gs_file_library_version(void)
{
    static char text[32];
    unsigned major = 0, minor = 0, release = 0;
    gs_file_quiet_library();
    H5get_libversion(&major, &minor, &release);
    snprintf(text, sizeof text, "%u.%u.%u", major, minor, release);
    return text;
}
