#include "store/file_private.h"

#include <hdf5_hl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/guard.h"

/* ---- what is there already --------------------------------------------------------------------------------------- */

static int level_of(hid_t creation)
{
    unsigned flags, level = 0, filter;
    size_t count = 1;
    if (H5Pget_nfilters(creation) < 1) return 0;
    return H5Pget_filter_by_id2(creation, H5Z_FILTER_DEFLATE, &flags, &count, &level, 0, NULL, &filter) < 0
               ? 0
               : (int)level;
}

/* Whether the file's own size of a chunk is that of its cells. HDF5 does not look, and would write behind the memory
 * that it reads into. */
static bool chunks_fit(hid_t dataset, const gs_extent *shape)
{
    hsize_t first[GS_RANK_MAX] = {0}, size = 0;
    haddr_t address = HADDR_UNDEF;
    unsigned mask;
    uint64_t expected = shape->cell;
    for (int i = 0; i < shape->rank; i++) expected *= shape->chunk[i];
    if (H5Dget_chunk_info_by_coord(dataset, first, &mask, &address, &size) < 0 || address == HADDR_UNDEF)
        return true; /* none is there */
    return size == expected;
}

bool gs_file_extent_is_possible(hid_t dataset, hid_t creation, int rank, const hsize_t dims[], const hsize_t chunk[],
                                size_t cell)
{
    const double part_of_tables = 256, most_samples = 1e7; /* bytes of a row, at least; evaluation.samples, at most */
    H5D_alloc_time_t when = H5D_ALLOC_TIME_ERROR;
    hsize_t room = 0;
    double bytes = (double)cell;
    hid_t file = H5Iget_file_id(dataset);
    bool possible = H5Fget_filesize(file, &room) >= 0 && H5Pget_alloc_time(creation, &when) >= 0;
    H5Fclose(file);
    for (int i = 0; i < rank; i++) bytes *= (double)dims[i];
    if (when == H5D_ALLOC_TIME_EARLY && H5Pget_nfilters(creation) == 0) return possible && bytes <= (double)room;
    for (int i = 0; i < rank; i++) {
        double chunks = ceil((double)dims[i] / (double)chunk[i]);
        possible = possible && chunks <= (i == 0 ? fmax((double)room / part_of_tables, 1) : i == 1 ? most_samples : 1);
    }
    return possible;
}

static bool read_extent(const gs_file *file, const char *path, gs_extent *shape)
{
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
    shape->deflate = level_of(creation);
    for (int i = 0; good && i < rank; i++) {
        shape->dims[i] = dims[i];
        shape->chunk[i] = chunked ? chunk[i] : dims[i];
    }
    good = good && (!chunked || gs_file_extent_is_possible(dataset, creation, rank, dims, chunk, shape->cell));
    good = good && (!chunked || shape->deflate > 0 || chunks_fit(dataset, shape));
    H5Pclose(creation);
    H5Tclose(type);
    H5Sclose(space);
    H5Dclose(dataset);
    return good;
}

bool gs_file_extent(const gs_file *file, const char *path, gs_extent *shape)
{
    *shape = (gs_extent){0};
    gs_guard_enter();
    bool good = read_extent(file, path, shape);
    gs_guard_leave();
    return good;
}

static uint64_t cells_of_row(const gs_extent *shape)
{
    uint64_t cells = 1;
    for (int i = 1; i < shape->rank; i++) cells *= shape->dims[i];
    return cells;
}

gs_status gs_file_find(gs_file *file, const char *path, gs_cell cell, size_t text, uint64_t cells, gs_dataset *dataset,
                       gs_error *error)
{
    gs_extent shape;
    if (!gs_file_extent(file, path, &shape))
        return gs_fail(error, GS_ERROR_STORAGE,
                       gs_file_has(file, path) ? "'%s' is damaged: %s cannot be read" : "'%s' is damaged: it has no %s",
                       file->name, path);
    if (cells != GS_ANY_CELLS && cells_of_row(&shape) != cells)
        return gs_fail(error, GS_ERROR_STORAGE, "'%s' is damaged: %s has another shape", file->name, path);
    hid_t id = H5Dopen2(file->file, path, H5P_DEFAULT);
    hid_t stored = H5Dget_type(id), type = gs_file_type_of(file, cell, text);
    bool same = cell == GS_CELL_TEXT ? H5Tget_class(stored) == H5T_STRING && H5Tis_variable_str(stored) == 0
                                     : H5Tequal(stored, type) > 0;
    H5Tclose(stored);
    if (same) return gs_file_keep(file, id, type, shape.rank > 0 ? shape.dims[0] : 1, dataset, error);
    H5Tclose(type);
    H5Dclose(id);
    return gs_fail(error, GS_ERROR_STORAGE, "'%s' is damaged: %s is of another type", file->name, path);
}

bool gs_file_has(const gs_file *file, const char *path)
{
    return H5LTpath_valid(file->file, path, false) > 0;
}

bool gs_file_is_without(const gs_file *file, const char *path)
{
    gs_guard_enter();
    htri_t found = H5LTpath_valid(file->file, path, false);
    gs_guard_leave();
    return found == 0; /* negative: it cannot be told */
}

bool gs_file_has_chunk(const gs_file *file, gs_dataset dataset, const uint64_t offset[GS_RANK_MAX])
{
    hsize_t place[GS_RANK_MAX], size = 0;
    haddr_t address = HADDR_UNDEF;
    unsigned mask;
    for (int i = 0; i < GS_RANK_MAX; i++) place[i] = offset[i];
    gs_guard_enter();
    herr_t found = H5Dget_chunk_info_by_coord(file->datasets[dataset].id, place, &mask, &address, &size);
    gs_guard_leave();
    return found < 0 || address != HADDR_UNDEF;
}

static bool read_texts(const gs_file *file, const char *path, const char *name, char *texts, size_t size, size_t *count)
{
    bool good = false;
    hid_t attribute = H5Aopen_by_name(file->file, path, name, H5P_DEFAULT, H5P_DEFAULT);
    if (attribute < 0) return false;
    hid_t type = H5Aget_type(attribute), space = H5Aget_space(attribute), wanted = gs_file_text_type(size);
    hssize_t found = H5Sget_simple_extent_npoints(space);
    if (H5Tget_class(type) == H5T_STRING && H5Tis_variable_str(type) == 0 && H5Tget_size(type) < size && found > 0 &&
        (size_t)found <= *count) {
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

bool gs_file_noted_texts(const gs_file *file, const char *path, const char *name, char *texts, size_t size,
                         size_t *count)
{
    gs_guard_enter();
    bool good = read_texts(file, path, name, texts, size, count);
    gs_guard_leave();
    return good;
}

bool gs_file_noted_text(const gs_file *file, const char *path, const char *name, char *text, size_t size)
{
    size_t one = 1;
    return gs_file_noted_texts(file, path, name, text, size, &one);
}

bool gs_file_noted_integer(const gs_file *file, const char *path, const char *name, int64_t *value)
{
    gs_guard_enter();
    hid_t attribute = H5Aopen_by_name(file->file, path, name, H5P_DEFAULT, H5P_DEFAULT);
    hid_t space = attribute < 0 ? -1 : H5Aget_space(attribute);
    bool good =
        space >= 0 && H5Sget_simple_extent_npoints(space) == 1 && H5Aread(attribute, H5T_NATIVE_INT64, value) >= 0;
    if (space >= 0) H5Sclose(space);
    if (attribute >= 0) H5Aclose(attribute);
    gs_guard_leave();
    return good;
}

/* ---- growing ----------------------------------------------------------------------------------------------------- */

/* Makes a dataset anew, with wider rows or cells, and copies what the old one holds. */
static gs_status replace(gs_file *file, const gs_dataset_spec *spec, const gs_extent *old, gs_dataset *dataset,
                         gs_error *error)
{
    gs_dataset before;
    gs_status status = gs_file_find(file, spec->path, spec->cell, spec->text, GS_ANY_CELLS, &before, error);
    if (status != GS_OK) return status;
    size_t size = gs_cell_size(spec->cell, spec->text);
    for (int i = 1; i < old->rank; i++) size *= old->dims[i];
    unsigned char *row = malloc(size > 0 ? size : 1);
    if (row == NULL) return gs_fail(error, GS_ERROR_MEMORY, "out of memory: %zu bytes", size);
    gs_open_dataset from = file->datasets[before];
    gs_file_detach_scales(from.id, old->rank); /* a scale must not point to what is gone */
    if (H5Ldelete(file->file, spec->path, H5P_DEFAULT) < 0)
        status = gs_file_failed(file, "replace a dataset in", error);
    if (status == GS_OK) status = gs_file_make_dataset(file, spec, old->dims[0], dataset, error);
    for (uint64_t r = 0; r < old->dims[0] && status == GS_OK; r++)
        if (gs_file_transfer(&from, r, 1, 0, row, NULL) < 0 ||
            gs_file_transfer(&file->datasets[*dataset], r, 1, old->rank > 1 ? old->dims[1] : 0, NULL, row) < 0)
            status = gs_file_failed(file, "copy a dataset in", error);
    free(row);
    return status;
}

gs_status gs_file_add(gs_file *file, const gs_dataset_spec *spec, gs_dataset *dataset, gs_error *error)
{
    gs_extent old;
    if (file->made) return gs_file_make_dataset(file, spec, 0, dataset, error);
    bool exists = gs_file_extent(file, spec->path, &old);
    if (!exists && gs_file_has(file, spec->path))
        return gs_fail(error, GS_ERROR_STORAGE, "'%s' is damaged: %s cannot be read", file->name, spec->path);
    if (!exists && file->fixed) {
        file->lacks = true;
        return GS_OK;
    }
    if (!exists) return gs_file_make_dataset(file, spec, 0, dataset, error);
    if (old.rank != spec->rank)
        return gs_fail(error, GS_ERROR_STORAGE, "'%s' is damaged: %s has %d axes", file->name, spec->path, old.rank);
    gs_dataset_spec larger = *spec;
    bool more = false, wider = spec->cell == GS_CELL_TEXT && spec->growth == GS_ROWS && spec->text > old.cell;
    for (int i = 0; i < spec->rank; i++) {
        if (spec->dims[i] > old.dims[i] && i >= (spec->growth == GS_BULK ? 2 : 1)) wider = true;
        if (spec->dims[i] > old.dims[i]) more = true;
        else larger.dims[i] = old.dims[i];
        if (i > 0 && spec->growth != GS_BULK && spec->dims[i] < old.dims[i]) /* what is written would not fill it */
            return gs_fail(error, GS_ERROR_STORAGE, "'%s' is damaged: %s has another shape", file->name, spec->path);
    }
    if (file->fixed && (more || wider)) file->lacks = true;
    if (!file->fixed && wider && spec->growth == GS_ROWS) return replace(file, &larger, &old, dataset, error);
    if (wider && spec->growth != GS_ROWS)
        return gs_fail(error, GS_ERROR_STORAGE, "'%s' is damaged: %s has too small rows", file->name, spec->path);
    gs_status status = gs_file_find(file, spec->path, spec->cell, spec->text, GS_ANY_CELLS, dataset, error);
    hsize_t dims[GS_RANK_MAX];
    for (int i = 0; i < spec->rank; i++) dims[i] = larger.dims[i];
    if (status == GS_OK && more && !file->fixed && H5Dset_extent(file->datasets[*dataset].id, dims) < 0)
        status = gs_file_failed(file, "extend a dataset in", error);
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
    return resize(file->datasets[dataset].id, rows) < 0 ? gs_file_failed(file, "extend a dataset in", error) : GS_OK;
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
               ? gs_file_failed(file, "extend a dataset in", error)
               : GS_OK;
}
