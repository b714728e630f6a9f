#include "store/file.h"

#include <errno.h>
#include <fcntl.h>
#include <hdf5.h>
#include <hdf5_hl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* An open dataset. */
typedef struct {
    hid_t id;
    hid_t type; /* of a cell in memory */
    uint64_t earlier_rows;
} open_dataset;

struct gs_file {
    char *name;
    hid_t file, status_type;
    open_dataset *datasets;
    int count, room;
    bool made;    /* by gs_file_create: nothing is there before it is added */
    bool fixed;   /* opened to continue: nothing may be added */
    bool reading; /* a failure says something about the data, not about the file as a whole */
    bool lacks;
    bool broken;
};

/* ---- errors ------------------------------------------------------------------------------------------------------ */

enum { REASON = 512 };

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

/* Must be called before any other call of HDF5, which would clear its error stack. */
static gs_status fail(gs_file *file, const char *doing, gs_error *error)
{
    char reason[REASON] = "HDF5 gives no reason";
    H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, keep_reason, reason);
    file->broken = !file->reading;
    return gs_fail(error, GS_ERROR_STORAGE, "cannot %s '%s': %s", doing, file->name, reason);
}

/* Before anything else of HDF5. */
static void quiet_library(void)
{
    H5dont_atexit();                       /* its exit handler crashes after a failed write; must be the first call */
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL); /* reasons are told in our own sentence */
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

static hid_t text_type(size_t size)
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
    } members[] = {{"pending", GS_RUN_PENDING}, {"running", GS_RUN_RUNNING}, {"done", GS_RUN_DONE}, {"failed", GS_RUN_FAILED}};
    hid_t type = H5Tenum_create(H5T_STD_I8LE);
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) H5Tenum_insert(type, members[i].name, &members[i].value);
    return type;
}

/* A fresh handle on the type of a cell. */
static hid_t type_of(const gs_file *file, gs_cell cell, size_t text)
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
    case GS_CELL_TEXT: return text_type(text);
    case GS_CELL_STATUS: return H5Tcopy(file->status_type);
    }
    return H5I_INVALID_HID;
}

/* ---- making ------------------------------------------------------------------------------------------------------ */

static gs_status new_handle(gs_file **file, const char *name, gs_error *error)
{
    quiet_library();
    gs_file *made = calloc(1, sizeof *made);
    if (made != NULL) made->name = strdup(name);
    if (made == NULL || made->name == NULL) {
        free(made);
        return gs_fail(error, GS_ERROR_MEMORY, "out of memory for the results file");
    }
    made->status_type = status_type();
    *file = made;
    return GS_OK;
}

static void free_handle(gs_file **file)
{
    free((*file)->datasets);
    free((*file)->name);
    free(*file);
    *file = NULL;
}

gs_status gs_file_create(gs_file **file, const char *path, const char *name, gs_error *error)
{
    gs_status status = new_handle(file, name, error);
    if (status != GS_OK) return status;
    hid_t creation = H5Pcreate(H5P_FILE_CREATE), access = H5Pcreate(H5P_FILE_ACCESS);
    H5Pset_file_space_strategy(creation, H5F_FSPACE_STRATEGY_PAGE, false, 1);
    H5Pset_file_space_page_size(creation, GS_PAGE);
    H5Pset_libver_bounds(access, H5F_LIBVER_V110, H5F_LIBVER_V110);
    (*file)->made = true;
    (*file)->file = H5Fcreate(path, H5F_ACC_EXCL, creation, access);
    if ((*file)->file < 0) status = fail(*file, "create", error);
    H5Pclose(creation);
    H5Pclose(access);
    if (status != GS_OK) free_handle(file);
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
        chunk[i] = spec->layout == GS_BULK ? spec->chunk[i] : spec->dims[i] > 0 ? spec->dims[i] : 1;
        if (i > 0) row *= spec->dims[i];
    }
    if (spec->rank == 0) return creation; /* a scalar */
    if (spec->layout != GS_FIXED) largest[0] = H5S_UNLIMITED;
    if (spec->layout == GS_ROWS) {
        chunk[0] = row < GS_PAGE ? GS_PAGE / (row > 0 ? row : 1) : 1;
        H5Pset_alloc_time(creation, H5D_ALLOC_TIME_EARLY);
    } else if (spec->layout == GS_BULK) {
        largest[1] = H5S_UNLIMITED;
        if (spec->deflate > 0) H5Pset_deflate(creation, (unsigned)spec->deflate);
    }
    H5Pset_chunk(creation, spec->rank, chunk);
    return creation;
}

static int label_axes(hid_t dataset, const gs_dataset_spec *spec)
{
    for (int i = 0; spec->axes != NULL && i < spec->rank; i++)
        if (spec->axes[i] != NULL && H5DSset_label(dataset, (unsigned)i, spec->axes[i]) < 0) return -1;
    return 0;
}

/* The file takes over `id` and `type`. */
static gs_status keep(gs_file *file, hid_t id, hid_t type, uint64_t earlier_rows, gs_dataset *dataset, gs_error *error)
{
    if (file->count == file->room) {
        int room = file->room == 0 ? 256 : 2 * file->room;
        open_dataset *datasets = realloc(file->datasets, (size_t)room * sizeof *datasets);
        if (datasets == NULL) return gs_fail(error, GS_ERROR_MEMORY, "out of memory: %d datasets", room);
        file->datasets = datasets;
        file->room = room;
    }
    file->datasets[file->count] = (open_dataset){id, type, earlier_rows};
    *dataset = file->count++;
    return GS_OK;
}

static gs_status make_dataset(gs_file *file, const gs_dataset_spec *spec, uint64_t earlier_rows, gs_dataset *dataset, gs_error *error)
{
    gs_status status = GS_OK;
    hid_t type = type_of(file, spec->cell, spec->text);
    hsize_t dims[GS_RANK_MAX], largest[GS_RANK_MAX];
    for (int i = 0; i < spec->rank; i++) dims[i] = spec->dims[i];
    hid_t creation = describe(spec, gs_cell_size(spec->cell, spec->text), largest, type);
    hid_t space = spec->rank == 0 ? H5Screate(H5S_SCALAR) : H5Screate_simple(spec->rank, dims, largest);
    hid_t links = H5Pcreate(H5P_LINK_CREATE);
    H5Pset_create_intermediate_group(links, 1);
    hid_t made = H5Dcreate2(file->file, spec->path, type, space, links, creation, H5P_DEFAULT);
    if (made < 0 || label_axes(made, spec) < 0) status = fail(file, "create a dataset in", error);
    H5Pclose(links);
    H5Pclose(creation);
    H5Sclose(space);
    return status == GS_OK ? keep(file, made, type, earlier_rows, dataset, error) : status;
}

/* ---- attributes and scales --------------------------------------------------------------------------------------- */

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
    gs_status status = good ? GS_OK : fail(file, "write an attribute in", error);
    if (attribute >= 0) H5Aclose(attribute);
    if (object >= 0) H5Oclose(object);
    H5Sclose(space);
    return status;
}

gs_status gs_file_note_text(gs_file *file, const char *path, const char *name, const char *text, gs_error *error)
{
    hid_t type = text_type(strlen(text));
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
    hid_t type = text_type(longest);
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

gs_status gs_file_make_scale(gs_file *file, gs_dataset scale, const char *name, gs_error *error)
{
    if (file->fixed || H5DSis_scale(file->datasets[scale].id) > 0) return GS_OK;
    return H5DSset_scale(file->datasets[scale].id, name) < 0 ? fail(file, "make a scale in", error) : GS_OK;
}

gs_status gs_file_attach_scale(gs_file *file, gs_dataset dataset, int axis, gs_dataset scale, gs_error *error)
{
    if (file->fixed) return GS_OK;
    hid_t of = file->datasets[dataset].id, attached = file->datasets[scale].id;
    if (H5DSis_attached(of, attached, (unsigned)axis) > 0) return GS_OK;
    return H5DSattach_scale(of, attached, (unsigned)axis) < 0 ? fail(file, "attach a scale in", error) : GS_OK;
}

/* ---- writing ----------------------------------------------------------------------------------------------------- */

/* Reads or writes rows first ... first + count - 1, with `columns` > 0 only so many of the second axis. */
static herr_t transfer(const open_dataset *dataset, uint64_t first, uint64_t count, uint64_t columns, void *into, const void *from)
{
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
    if (rank > 0) H5Sclose(memory);
    H5Sclose(space);
    return result;
}

gs_status gs_file_write(gs_file *file, gs_dataset dataset, uint64_t first, uint64_t count, const void *values, gs_error *error)
{
    return transfer(&file->datasets[dataset], first, count, 0, NULL, values) < 0 ? fail(file, "write to", error) : GS_OK;
}

gs_status gs_file_read(gs_file *file, gs_dataset dataset, uint64_t first, uint64_t count, void *values, gs_error *error)
{
    return transfer(&file->datasets[dataset], first, count, 0, values, NULL) < 0 ? fail(file, "read", error) : GS_OK;
}

gs_status gs_file_read_part(gs_file *file, gs_dataset dataset, uint64_t row, uint64_t columns, void *values, gs_error *error)
{
    return transfer(&file->datasets[dataset], row, 1, columns, values, NULL) < 0 ? fail(file, "read", error) : GS_OK;
}

gs_status gs_file_write_chunk(gs_file *file, gs_dataset dataset, const uint64_t offset[GS_RANK_MAX], const void *bytes,
                              size_t size, gs_error *error)
{
    hsize_t place[GS_RANK_MAX];
    for (int i = 0; i < GS_RANK_MAX; i++) place[i] = offset[i];
    if (H5Dwrite_chunk(file->datasets[dataset].id, H5P_DEFAULT, 0, place, size, bytes) < 0) return fail(file, "write to", error);
    return GS_OK;
}

/* ---- what is there already --------------------------------------------------------------------------------------- */

bool gs_file_extent(const gs_file *file, const char *path, gs_extent *shape)
{
    *shape = (gs_extent){0};
    if (H5LTpath_valid(file->file, path, true) <= 0) return false;
    hid_t dataset = H5Dopen2(file->file, path, H5P_DEFAULT);
    if (dataset < 0) return false;
    hid_t space = H5Dget_space(dataset), type = H5Dget_type(dataset), creation = H5Dget_create_plist(dataset);
    hsize_t dims[H5S_MAX_RANK], chunk[H5S_MAX_RANK];
    int rank = H5Sget_simple_extent_ndims(space);
    bool good = rank >= 0 && rank <= GS_RANK_MAX && H5Sget_simple_extent_dims(space, dims, NULL) == rank;
    bool chunked = good && H5Pget_layout(creation) == H5D_CHUNKED && H5Pget_chunk(creation, rank, chunk) == rank;
    shape->rank = rank;
    shape->cell = H5Tget_size(type);
    shape->deflated = H5Pget_nfilters(creation) > 0;
    for (int i = 0; good && i < rank; i++) {
        shape->dims[i] = dims[i];
        shape->chunk[i] = chunked ? chunk[i] : dims[i];
    }
    H5Pclose(creation);
    H5Tclose(type);
    H5Sclose(space);
    H5Dclose(dataset);
    return good;
}

gs_status gs_file_find(gs_file *file, const char *path, gs_cell cell, size_t text, gs_dataset *dataset, gs_error *error)
{
    gs_extent shape;
    if (!gs_file_extent(file, path, &shape))
        return gs_fail(error, GS_ERROR_STORAGE, "'%s' is damaged: it has no %s", file->name, path);
    hid_t id = H5Dopen2(file->file, path, H5P_DEFAULT);
    hid_t stored = H5Dget_type(id), type = type_of(file, cell, text);
    bool same = cell == GS_CELL_TEXT ? H5Tget_class(stored) == H5T_STRING && H5Tis_variable_str(stored) == 0 : H5Tequal(stored, type) > 0;
    H5Tclose(stored);
    if (same) return keep(file, id, type, shape.rank > 0 ? shape.dims[0] : 1, dataset, error);
    H5Tclose(type);
    H5Dclose(id);
    return gs_fail(error, GS_ERROR_STORAGE, "'%s' is damaged: %s is of another type", file->name, path);
}

bool gs_file_has_chunk(const gs_file *file, gs_dataset dataset, const uint64_t offset[GS_RANK_MAX])
{
    hsize_t place[GS_RANK_MAX], size = 0;
    haddr_t address = HADDR_UNDEF;
    unsigned mask;
    for (int i = 0; i < GS_RANK_MAX; i++) place[i] = offset[i];
    herr_t found = H5Dget_chunk_info_by_coord(file->datasets[dataset].id, place, &mask, &address, &size);
    return found >= 0 && address != HADDR_UNDEF;
}

bool gs_file_noted_texts(const gs_file *file, const char *path, const char *name, char *texts, size_t size, size_t *count)
{
    bool good = false;
    hid_t attribute = H5Aopen_by_name(file->file, path, name, H5P_DEFAULT, H5P_DEFAULT);
    if (attribute < 0) return false;
    hid_t type = H5Aget_type(attribute), space = H5Aget_space(attribute), wanted = text_type(size);
    hssize_t found = H5Sget_simple_extent_npoints(space);
    if (H5Tget_class(type) == H5T_STRING && H5Tis_variable_str(type) == 0 && H5Tget_size(type) < size && found > 0 && (size_t)found <= *count) {
        memset(texts, 0, *count * size);
        good = H5Aread(attribute, wanted, texts) >= 0;
        *count = (size_t)found;
    }
    H5Tclose(wanted);
    H5Tclose(type);
    H5Sclose(space);
    H5Aclose(attribute);
    return good;
}

bool gs_file_noted_text(const gs_file *file, const char *path, const char *name, char *text, size_t size)
{
    size_t one = 1;
    return gs_file_noted_texts(file, path, name, text, size, &one);
}

/* ---- growing ----------------------------------------------------------------------------------------------------- */

/* Collects the scales of an axis, to be closed by the caller. */
static herr_t collect_scale(hid_t dataset, unsigned axis, hid_t scale, void *collected)
{
    (void)dataset;
    (void)axis;
    H5Iinc_ref(scale);
    *(hid_t *)collected = scale;
    return 1; /* one is enough: an axis has no more */
}

/* Makes a dataset anew, with wider rows or cells, and copies what the old one holds. */
static gs_status replace(gs_file *file, const gs_dataset_spec *spec, const gs_extent *old, gs_dataset *dataset, gs_error *error)
{
    gs_dataset before;
    gs_status status = gs_file_find(file, spec->path, spec->cell, spec->text, &before, error);
    if (status != GS_OK) return status;
    size_t size = gs_cell_size(spec->cell, spec->text);
    for (int i = 1; i < old->rank; i++) size *= old->dims[i];
    unsigned char *row = malloc(size > 0 ? size : 1);
    if (row == NULL) return gs_fail(error, GS_ERROR_MEMORY, "out of memory: %zu bytes", size);
    open_dataset from = file->datasets[before];
    for (int axis = 0; axis < old->rank; axis++) { /* the scale must not point to what is gone */
        hid_t scale = H5I_INVALID_HID;
        if (H5DSiterate_scales(from.id, (unsigned)axis, NULL, collect_scale, &scale) <= 0) continue;
        H5DSdetach_scale(from.id, scale, (unsigned)axis);
        H5Idec_ref(scale);
    }
    if (H5Ldelete(file->file, spec->path, H5P_DEFAULT) < 0) status = fail(file, "replace a dataset in", error);
    if (status == GS_OK) status = make_dataset(file, spec, old->dims[0], dataset, error);
    for (uint64_t r = 0; r < old->dims[0] && status == GS_OK; r++)
        if (transfer(&from, r, 1, 0, row, NULL) < 0 ||
            transfer(&file->datasets[*dataset], r, 1, old->rank > 1 ? old->dims[1] : 0, NULL, row) < 0)
            status = fail(file, "copy a dataset in", error);
    free(row);
    return status;
}

gs_status gs_file_add(gs_file *file, const gs_dataset_spec *spec, gs_dataset *dataset, gs_error *error)
{
    gs_extent old;
    if (file->made) return make_dataset(file, spec, 0, dataset, error);
    bool exists = gs_file_extent(file, spec->path, &old);
    if (!exists && file->fixed) {
        file->lacks = true;
        return GS_OK;
    }
    if (!exists) return make_dataset(file, spec, 0, dataset, error);
    if (old.rank != spec->rank) return gs_fail(error, GS_ERROR_STORAGE, "'%s' is damaged: %s has %d axes", file->name, spec->path, old.rank);
    gs_dataset_spec larger = *spec;
    bool more = false, wider = spec->cell == GS_CELL_TEXT && spec->layout == GS_ROWS && spec->text > old.cell;
    for (int i = 0; i < spec->rank; i++) {
        if (spec->dims[i] > old.dims[i] && i >= (spec->layout == GS_BULK ? 2 : 1)) wider = true;
        if (spec->dims[i] > old.dims[i]) more = true;
        else larger.dims[i] = old.dims[i];
    }
    if (file->fixed && (more || wider)) file->lacks = true;
    if (!file->fixed && wider && spec->layout == GS_ROWS) return replace(file, &larger, &old, dataset, error);
    if (wider && spec->layout != GS_ROWS)
        return gs_fail(error, GS_ERROR_STORAGE, "'%s' is damaged: %s has too small rows", file->name, spec->path);
    gs_status status = gs_file_find(file, spec->path, spec->cell, spec->text, dataset, error);
    hsize_t dims[GS_RANK_MAX];
    for (int i = 0; i < spec->rank; i++) dims[i] = larger.dims[i];
    if (status == GS_OK && more && !file->fixed && H5Dset_extent(file->datasets[*dataset].id, dims) < 0)
        status = fail(file, "extend a dataset in", error);
    return status;
}

bool gs_file_lacks(const gs_file *file)
{
    return file->lacks;
}

uint64_t gs_file_earlier_rows(const gs_file *file, gs_dataset dataset)
{
    return file->datasets[dataset].earlier_rows;
}

static herr_t resize(hid_t dataset, uint64_t rows)
{
    hid_t space = H5Dget_space(dataset);
    hsize_t dims[H5S_MAX_RANK];
    int rank = H5Sget_simple_extent_dims(space, dims, NULL);
    H5Sclose(space);
    if (rank < 1) return -1;
    dims[0] = rows;
    return H5Dset_extent(dataset, dims);
}

gs_status gs_file_resize(gs_file *file, gs_dataset dataset, uint64_t rows, gs_error *error)
{
    return resize(file->datasets[dataset].id, rows) < 0 ? fail(file, "extend a dataset in", error) : GS_OK;
}

typedef struct {
    const char *axis;
    uint64_t rows;
} extension;

static herr_t extend_one(hid_t root, const char *name, const H5O_info_t *info, void *wanted)
{
    const extension *to = wanted;
    char label[32] = "";
    herr_t result = 0;
    if (info->type != H5O_TYPE_DATASET) return 0;
    hid_t dataset = H5Dopen2(root, name, H5P_DEFAULT), space = H5Dget_space(dataset);
    hsize_t dims[H5S_MAX_RANK];
    if (H5Sget_simple_extent_dims(space, dims, NULL) > 0 && H5DSget_label(dataset, 0, label, sizeof label) > 0 &&
        strcmp(label, to->axis) == 0 && dims[0] < to->rows)
        result = resize(dataset, to->rows);
    H5Sclose(space);
    H5Dclose(dataset);
    return result;
}

gs_status gs_file_extend_axis(gs_file *file, const char *axis, uint64_t rows, gs_error *error)
{
    extension wanted = {axis, rows};
    return H5Ovisit2(file->file, H5_INDEX_NAME, H5_ITER_NATIVE, extend_one, &wanted, H5O_INFO_BASIC) < 0
               ? fail(file, "extend a dataset in", error)
               : GS_OK;
}

/* ---- opening ----------------------------------------------------------------------------------------------------- */

/* What h5clear does, in one step with opening: forgets the marks of a writer that was killed, and does not compare the length of the file with
 * the one that it last noted. These properties are registered by the library but not in its headers. */
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
    return file >= 0 ? file : H5Fopen(path, H5F_ACC_RDONLY | H5F_ACC_SWMR_READ, access); /* it has a writer, or had one that was killed */
}

static bool says_ours(hid_t file, int64_t *version)
{
    char format[16] = "";
    *version = 0;
    hid_t type = text_type(sizeof format), attribute = file < 0 ? -1 : H5Aopen(file, "format", H5P_DEFAULT);
    if (attribute >= 0 && H5Aread(attribute, type, format) < 0) format[0] = '\0';
    if (attribute >= 0) H5Aclose(attribute);
    H5Tclose(type);
    attribute = file < 0 ? -1 : H5Aopen(file, "format_version", H5P_DEFAULT);
    if (attribute >= 0 && H5Aread(attribute, H5T_NATIVE_INT64, version) < 0) *version = 0;
    if (attribute >= 0) H5Aclose(attribute);
    return strncmp(format, "gensweep", sizeof format) == 0;
}

/* A file that was cut off is shorter than the end that its superblock notes; one that a killed writer left is longer, or as long. HDF5 would try for
 * minutes to read what is not there. */
static bool is_cut_off(int file)
{
    enum { VERSION = 8, OFFSET_SIZE = 9, END = 28 };
    unsigned char head[48];
    if (pread(file, head, sizeof head, 0) != (ssize_t)sizeof head || head[VERSION] < 2 || head[OFFSET_SIZE] != 8) return false;
    uint64_t end = 0;
    for (int i = 7; i >= 0; i--) end = end << 8 | head[END + i];
    off_t size = lseek(file, 0, SEEK_END);
    return size < 0 || (uint64_t)size < end;
}

/* Looks before anything is opened for writing, so that what is not ours stays as it is. */
static gs_status look(gs_file *file, const char *path, hid_t access, gs_error *error)
{
    int readable = open(path, O_RDONLY | O_CLOEXEC);
    if (readable < 0) return gs_fail(error, GS_ERROR_STORAGE, "cannot open '%s': %s", file->name, strerror(errno));
    bool cut_off = is_cut_off(readable);
    close(readable);
    if (H5Fis_hdf5(path) <= 0) return gs_fail(error, GS_ERROR_STORAGE, "'%s' is no results file of gensweep, so it is left alone", file->name);
    if (cut_off)
        return gs_fail(error, GS_ERROR_STORAGE, "'%s' is damaged: its end is missing. Nothing was changed; restore it from a copy, or give another "
                       "name with -o, or --fresh", file->name);
    hid_t opened = open_to_read(path, access);
    if (opened < 0) {
        gs_status status = fail(file, "open", error);
        if (strstr(error->text, "errno = 11") != NULL || strstr(error->text, "temporarily unavailable") != NULL)
            return gs_fail(error, status, "cannot open '%s': another program has it open; close it there (h5py: swmr=True keeps it free)",
                           file->name);
        tolerate_killed_writer(access); /* killed before it let readers in? */
        opened = H5Fopen(path, H5F_ACC_RDONLY, access);
        if (opened < 0)
            return gs_fail(error, GS_ERROR_STORAGE, "'%s' is damaged or incomplete: HDF5 cannot open it. Nothing was changed; take a copy "
                           "of it, or --fresh or another name with -o to start over", file->name);
    }
    int64_t version;
    bool ours = says_ours(opened, &version);
    H5Fclose(opened);
    if (!ours) return gs_fail(error, GS_ERROR_STORAGE, "'%s' is no results file of gensweep, so it is left alone", file->name);
    if (version > GS_FORMAT_VERSION || version < 1)
        return gs_fail(error, GS_ERROR_STORAGE, "'%s' has format %lld; this version of gensweep knows format %d. Use a newer gensweep, or "
                       "another name with -o", file->name, (long long)version, GS_FORMAT_VERSION);
    return GS_OK;
}

/* Removes the marks and the wrong end that a killed writer left, if it did. Readers are let in all the while, so that there is no moment at which a kill
 * would shut them out. */
static gs_status repair(gs_file *file, const char *path, gs_error *error)
{
    gs_status status = GS_OK;
    if (!gs_file_marked(path)) return GS_OK;
    hid_t access = H5Pcreate(H5P_FILE_ACCESS);
    H5Pset_libver_bounds(access, H5F_LIBVER_V110, H5F_LIBVER_V110);
    tolerate_killed_writer(access);
    hid_t opened = H5Fopen(path, H5F_ACC_RDWR | H5F_ACC_SWMR_WRITE, access);
    if (opened < 0) status = fail(file, "open", error);
    if (status == GS_OK && H5Fincrement_filesize(opened, 0) < 0) status = fail(file, "repair", error); /* its end: that of the disk */
    if (status == GS_OK && H5Fclose(opened) < 0) status = fail(file, "repair", error);
    H5Pclose(access);
    return status;
}

gs_status gs_file_open(gs_file **file, const char *path, const char *name, gs_open_for purpose, gs_error *error)
{
    gs_error unused;
    gs_status status = new_handle(file, name, error);
    if (status != GS_OK) return status;
    gs_file *made = *file;
    hid_t access = H5Pcreate(H5P_FILE_ACCESS);
    H5Pset_libver_bounds(access, H5F_LIBVER_V110, H5F_LIBVER_V110);
    made->fixed = purpose != GS_OPEN_GROW;
    made->reading = purpose == GS_OPEN_READ || purpose == GS_OPEN_STAY;
    status = look(made, path, access, error != NULL ? error : &unused);
    if (status == GS_OK && made->reading) {
        if (purpose == GS_OPEN_STAY) made->file = H5Fopen(path, H5F_ACC_RDONLY | H5F_ACC_SWMR_READ, access);
        if (purpose == GS_OPEN_READ || made->file < 0) made->file = open_to_read(path, access);
        if (made->file < 0) status = fail(made, "open", error);
    } else if (status == GS_OK) {
        status = repair(made, path, error);
        unsigned how = purpose == GS_OPEN_GROW ? H5F_ACC_RDWR : H5F_ACC_RDWR | H5F_ACC_SWMR_WRITE;
        if (status == GS_OK) made->file = H5Fopen(path, how, access);
        if (status == GS_OK && made->file < 0) status = fail(made, "open", error);
    }
    H5Pclose(access);
    if (status != GS_OK) free_handle(file);
    return status;
}

/* ---- committing -------------------------------------------------------------------------------------------------- */

gs_status gs_file_start_swmr(gs_file *file, gs_error *error)
{
    return H5Fstart_swmr_write(file->file) < 0 ? fail(file, "open for readers", error) : GS_OK;
}

gs_status gs_file_flush(gs_file *file, gs_error *error)
{
    return H5Fflush(file->file, H5F_SCOPE_LOCAL) < 0 ? fail(file, "write to", error) : GS_OK;
}

gs_status gs_file_sync(gs_file *file, gs_error *error)
{
    void *handle = NULL;
    if (H5Fget_vfd_handle(file->file, H5P_DEFAULT, &handle) < 0) return fail(file, "write to", error);
    if (fdatasync(*(int *)handle) == 0) return GS_OK;
    file->broken = true;
    return gs_fail(error, GS_ERROR_STORAGE, "cannot write to '%s': %s", file->name, strerror(errno));
}

gs_status gs_file_close(gs_file **file, gs_error *error)
{
    if (*file == NULL) return GS_OK;
    gs_status status = GS_OK;
    if (!(*file)->broken && !(*file)->reading) {
        status = gs_file_flush(*file, error);
        if (status == GS_OK) status = gs_file_sync(*file, error);
    }
    if (!(*file)->broken) {
        for (int i = 0; i < (*file)->count; i++) {
            H5Tclose((*file)->datasets[i].type);
            if (H5Dclose((*file)->datasets[i].id) < 0 && status == GS_OK) status = fail(*file, "close", error);
        }
        H5Tclose((*file)->status_type);
        if (H5Fclose((*file)->file) < 0 && status == GS_OK) status = fail(*file, "close", error);
    }
    free_handle(file);
    return status;
}

bool gs_file_is_ours(const char *path)
{
    quiet_library();
    int64_t version;
    hid_t access = H5Pcreate(H5P_FILE_ACCESS);
    H5Pset_libver_bounds(access, H5F_LIBVER_V110, H5F_LIBVER_V110);
    hid_t file = open_to_read(path, access);
    bool ours = says_ours(file, &version);
    if (file >= 0) H5Fclose(file);
    H5Pclose(access);
    return ours;
}

bool gs_file_marked(const char *path)
{
    quiet_library();
    hid_t access = H5Pcreate(H5P_FILE_ACCESS);
    H5Pset_libver_bounds(access, H5F_LIBVER_V110, H5F_LIBVER_V110);
    hid_t file = H5Fopen(path, H5F_ACC_RDONLY, access);
    if (file >= 0) H5Fclose(file);
    H5Pclose(access);
    return file < 0;
}

gs_status gs_file_recover(const char *path, gs_error *error)
{
    gs_file *file;
    gs_status status = gs_file_open(&file, path, path, GS_OPEN_CONTINUE, error);
    return status == GS_OK ? gs_file_close(&file, error) : status;
}

const char *gs_file_library_version(void)
{
    static char text[32];
    unsigned major = 0, minor = 0, release = 0;
    quiet_library();
    H5get_libversion(&major, &minor, &release);
    snprintf(text, sizeof text, "%u.%u.%u", major, minor, release);
    return text;
}
