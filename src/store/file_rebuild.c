#include "store/file_rebuild.h"

#include <hdf5_hl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/axes.h"
#include "store/file_private.h"
#include "store/guard.h"

enum { DEPTH_MAX = 16 };

typedef struct {
    gs_file *from, *to; /* to NULL: it is only looked */
    const gs_visitor *visitor;
    char path[GS_OBJECT_PATH];
    int depth;
    gs_status status; /* of writing */
    gs_error *error;
} walk;

/* A chunked dataset, and memory for one of its chunks. */
typedef struct {
    hid_t id, type;
    int rank;
    hsize_t dims[H5S_MAX_RANK], chunk[H5S_MAX_RANK];
    size_t size;              /* bytes of a chunk */
    bool filtered, too_large; /* to be true */
    unsigned char *values, *raw;
    size_t raw_room;
    const char *axes[GS_RANK_MAX];
} chunked;

typedef enum { COPIED, NOT_READ, NOT_WRITTEN } outcome;

/* ---- gaps -------------------------------------------------------------------------------------------------------- */

static void tell_gap(walk *w, const char *axis, uint64_t first, uint64_t rows)
{
    gs_error reason;
    (void)!gs_file_failed(w->from, "read", &reason);
    gs_gap gap = {.path = w->path, .axis = axis, .first = first, .rows = rows, .reason = reason.text};
    w->visitor->gap(w->visitor->context, &gap);
}

/* The first failure is the one to tell. */
static void writing_failed(walk *w)
{
    if (w->status == GS_OK) w->status = gs_file_failed(w->to, "write to", w->error);
}

/* ---- chunks ------------------------------------------------------------------------------------------------------ */

/* False if it is not chunked, or too large to be true, or there is no memory. */
static bool describe(hid_t dataset, const char *path, chunked *shape)
{
    *shape = (chunked){.id = dataset};
    hid_t space = H5Dget_space(dataset), creation = H5Dget_create_plist(dataset), stored = H5Dget_type(dataset);
    shape->rank = H5Sget_simple_extent_ndims(space);
    bool good = shape->rank > 0 && shape->rank <= GS_RANK_MAX && H5Pget_layout(creation) == H5D_CHUNKED &&
                H5Pget_chunk(creation, shape->rank, shape->chunk) == shape->rank;
    if (good) H5Sget_simple_extent_dims(space, shape->dims, NULL);
    shape->filtered = H5Pget_nfilters(creation) > 0;
    shape->size = H5Tget_size(stored);
    shape->type = H5Tget_native_type(stored, H5T_DIR_DEFAULT);
    shape->too_large =
        good && !gs_file_extent_is_possible(dataset, creation, shape->rank, shape->dims, shape->chunk, shape->size);
    H5Tclose(stored);
    H5Pclose(creation);
    H5Sclose(space);
    if (!good || shape->too_large) return false;
    for (int i = 0; i < shape->rank; i++) shape->size *= shape->chunk[i];
    gs_axes_of(path, shape->rank, shape->axes);
    shape->values = malloc(shape->size > 0 ? shape->size : 1);
    return shape->values != NULL;
}

static void forget(chunked *shape)
{
    if (shape->type > 0) H5Tclose(shape->type);
    free(shape->values);
    free(shape->raw);
}

static bool is_by_row(const chunked *shape)
{
    return shape->rank > 1 && shape->chunk[0] == 1;
}

/* Reads the values of a chunk, which shows whether it can be inflated. */
static bool can_be_read(const chunked *shape, const hsize_t offset[])
{
    hsize_t count[H5S_MAX_RANK];
    for (int i = 0; i < shape->rank; i++)
        count[i] = shape->dims[i] - offset[i] < shape->chunk[i] ? shape->dims[i] - offset[i] : shape->chunk[i];
    hid_t space = H5Dget_space(shape->id), memory = H5Screate_simple(shape->rank, count, NULL);
    H5Sselect_hyperslab(space, H5S_SELECT_SET, offset, NULL, count, NULL);
    bool good = H5Dread(shape->id, shape->type, memory, space, H5P_DEFAULT, shape->values) >= 0;
    hid_t reason = gs_file_take_reason();
    H5Sclose(memory);
    H5Sclose(space);
    gs_file_give_reason(reason);
    return good;
}

/* Copies the chunk at `offset` as it is stored, if it was ever written. */
static outcome copy_chunk(chunked *shape, hid_t target, const hsize_t offset[])
{
    unsigned mask;
    haddr_t address = HADDR_UNDEF;
    hsize_t size = 0;
    if (H5Dget_chunk_info_by_coord(shape->id, offset, &mask, &address, &size) < 0) return NOT_READ;
    if (address == HADDR_UNDEF) return COPIED;
    if (!shape->filtered && size != shape->size)
        return NOT_READ; /* HDF5 does not look, and would write behind the memory */
    if (!can_be_read(shape, offset)) return NOT_READ;
    if (target < 0) return COPIED;
    if (size > shape->raw_room) {
        unsigned char *grown = realloc(shape->raw, size);
        if (grown == NULL) return NOT_WRITTEN;
        shape->raw = grown;
        shape->raw_room = size;
    }
    uint32_t filters = 0;
    if (H5Dread_chunk(shape->id, H5P_DEFAULT, offset, &filters, shape->raw) < 0) return NOT_READ;
    return H5Dwrite_chunk(target, H5P_DEFAULT, filters, offset, size, shape->raw) < 0 ? NOT_WRITTEN : COPIED;
}

/* The next chunk of the same rows; false behind the last. */
static bool next_in_rows(const chunked *shape, hsize_t offset[])
{
    for (int i = shape->rank - 1; i > 0; i--) {
        offset[i] += shape->chunk[i];
        if (offset[i] < shape->dims[i]) return true;
        offset[i] = 0;
    }
    return false;
}

/* The chunks that hold the row `first`. */
static outcome copy_rows(chunked *shape, hid_t target, hsize_t first)
{
    hsize_t offset[H5S_MAX_RANK] = {first};
    outcome worst = COPIED;
    do {
        gs_guard_enter();
        outcome found = copy_chunk(shape, target, offset);
        gs_guard_leave();
        if (found > worst) worst = found;
    } while (worst == COPIED && next_in_rows(shape, offset));
    return worst;
}

static void visit_chunks(walk *w, chunked *shape, hid_t target)
{
    const gs_visitor *visitor = w->visitor;
    for (int i = 0; i < shape->rank; i++)
        if (shape->dims[i] == 0) return;
    for (hsize_t first = 0; first < shape->dims[0] && w->status == GS_OK; first += shape->chunk[0]) {
        if (is_by_row(shape) && !visitor->wants_row(visitor->context, w->path, first)) continue;
        outcome found = copy_rows(shape, target, first);
        uint64_t left = shape->dims[0] - first;
        if (found == NOT_READ)
            tell_gap(w, shape->axes[0] != NULL ? shape->axes[0] : "", first,
                     left < shape->chunk[0] ? left : shape->chunk[0]);
        if (found == NOT_WRITTEN) writing_failed(w);
    }
}

/* A dataset that is not chunked. */
static void visit_values(walk *w, hid_t source, hid_t target)
{
    hid_t space = H5Dget_space(source), type = H5Dget_type(source);
    hssize_t count = H5Sget_simple_extent_npoints(space);
    unsigned char *values = calloc(count > 0 ? (size_t)count : 1, H5Tget_size(type));
    if (values == NULL || H5Dread(source, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) < 0) tell_gap(w, "", 0, 0);
    else if (target >= 0 && H5Dwrite(target, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) < 0) writing_failed(w);
    free(values);
    H5Tclose(type);
    H5Sclose(space);
}

/* ---- objects ----------------------------------------------------------------------------------------------------- */

typedef struct {
    walk *w;
    hid_t target;
} attribute_copy;

/* Names and scales of axes are made anew (store/axes.h). */
static bool is_of_axes(const char *name)
{
    return strcmp(name, "DIMENSION_LABELS") == 0 || strcmp(name, "DIMENSION_LIST") == 0 ||
           strcmp(name, "REFERENCE_LIST") == 0;
}

/* No file of ours has other attributes of variable length. */
static bool has_pointers(hid_t type)
{
    return H5Tdetect_class(type, H5T_VLEN) != 0 || H5Tis_variable_str(type) != 0 ||
           H5Tdetect_class(type, H5T_REFERENCE) != 0;
}

static herr_t visit_attribute(hid_t object, const char *name, const H5A_info_t *info, void *data)
{
    const attribute_copy *copy = data;
    (void)info;
    if (is_of_axes(name)) return 0;
    hid_t attribute = H5Aopen(object, name, H5P_DEFAULT);
    if (attribute < 0) {
        tell_gap(copy->w, "", 0, 0);
        return 0;
    }
    hid_t stored = H5Aget_type(attribute), type = H5Tget_native_type(stored, H5T_DIR_DEFAULT),
          space = H5Aget_space(attribute);
    hssize_t count = H5Sget_simple_extent_npoints(space);
    unsigned char *values = calloc(count > 0 ? (size_t)count : 1, H5Tget_size(type));
    bool read = values != NULL && !has_pointers(stored) && H5Aread(attribute, type, values) >= 0;
    if (!read) tell_gap(copy->w, "", 0, 0);
    if (read && copy->target >= 0) {
        hid_t made = H5Acreate2(copy->target, name, stored, space, H5P_DEFAULT, H5P_DEFAULT);
        if (made < 0 || H5Awrite(made, type, values) < 0) writing_failed(copy->w);
        if (made >= 0) H5Aclose(made);
    }
    free(values);
    H5Sclose(space);
    H5Tclose(type);
    H5Tclose(stored);
    H5Aclose(attribute);
    return 0;
}

static void visit_attributes(walk *w, hid_t source, hid_t target)
{
    attribute_copy copy = {w, target};
    hsize_t from = 0;
    if (H5Aiterate2(source, H5_INDEX_NAME, H5_ITER_NATIVE, &from, visit_attribute, &copy) < 0) tell_gap(w, "", 0, 0);
}

static void visit_dataset(walk *w, hid_t source)
{
    hid_t target = H5I_INVALID_HID;
    chunked shape;
    bool good = describe(source, w->path, &shape);
    if (shape.too_large) {
        gs_gap gap = {.path = w->path, .axis = "", .reason = "its extent cannot be true"};
        w->visitor->gap(w->visitor->context, &gap);
        forget(&shape);
        return;
    }
    if (w->to != NULL) {
        hid_t type = H5Dget_type(source), space = H5Dget_space(source), creation = H5Dget_create_plist(source);
        target = H5Dcreate2(w->to->file, w->path, type, space, H5P_DEFAULT, creation, H5P_DEFAULT);
        if (target < 0 || (good && gs_file_label_axes(target, w->path, shape.rank) < 0)) writing_failed(w);
        H5Pclose(creation);
        H5Sclose(space);
        H5Tclose(type);
    }
    if (w->status == GS_OK) visit_attributes(w, source, target);
    if (w->status == GS_OK && good) visit_chunks(w, &shape, target);
    else if (w->status == GS_OK) visit_values(w, source, target);
    if (target >= 0 && H5Dclose(target) < 0) writing_failed(w);
    forget(&shape);
}

static herr_t visit_link(hid_t group, const char *name, const H5L_info_t *info, void *data);

static void visit_group(walk *w, hid_t source)
{
    hid_t target = H5I_INVALID_HID;
    bool root = w->depth == 0;
    if (w->to != NULL && root) target = H5Gopen2(w->to->file, "/", H5P_DEFAULT);
    if (w->to != NULL && !root) target = H5Gcreate2(w->to->file, w->path, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    if (w->to != NULL && target < 0) writing_failed(w);
    if (w->status == GS_OK) visit_attributes(w, source, target);
    if (target >= 0) H5Gclose(target);
    w->depth++;
    hsize_t from = 0;
    if (w->status == GS_OK && H5Literate(source, H5_INDEX_NAME, H5_ITER_NATIVE, &from, visit_link, w) < 0 &&
        w->status == GS_OK)
        tell_gap(w, "", 0, 0);
    w->depth--;
}

static herr_t visit_link(hid_t group, const char *name, const H5L_info_t *info, void *data)
{
    walk *w = data;
    size_t length = strlen(w->path);
    (void)info;
    if (w->depth > DEPTH_MAX || length + strlen(name) + 2 > sizeof w->path) return 0; /* no file of ours */
    snprintf(w->path + length, sizeof w->path - length, "%s%s", length > 1 ? "/" : "", name);
    if (w->visitor->wants(w->visitor->context, w->path)) {
        hid_t object = H5Oopen(group, name, H5P_DEFAULT);
        if (object < 0) tell_gap(w, "", 0, 0);
        if (object < 0)
            object = H5Dopen2(group, name, H5P_DEFAULT); /* enough, if what is damaged says nothing of its contents */
        H5I_type_t type = object < 0 ? H5I_BADID : H5Iget_type(object);
        if (type == H5I_DATASET) visit_dataset(w, object);
        else if (type == H5I_GROUP) visit_group(w, object);
        if (object >= 0) H5Oclose(object);
    }
    w->path[length] = '\0';
    return w->status == GS_OK ? 0 : -1;
}

static void visit_all(walk *w)
{
    hid_t root = H5Gopen2(w->from->file, "/", H5P_DEFAULT);
    if (root < 0) tell_gap(w, "", 0, 0);
    else visit_group(w, root);
    if (root >= 0) H5Gclose(root);
}

void gs_file_probe(gs_file *file, const gs_visitor *visitor)
{
    walk w = {.from = file, .visitor = visitor, .path = "/"};
    visit_all(&w);
}

/* ---- all of it --------------------------------------------------------------------------------------------------- */

gs_status gs_file_rebuild(gs_file *from, const char *path, const char *name, const gs_visitor *visitor, gs_error *error)
{
    gs_file *to;
    gs_status status = gs_file_create(&to, path, name, error);
    if (status != GS_OK) return status;
    walk w = {.from = from, .to = to, .visitor = visitor, .path = "/", .error = error};
    visit_all(&w);
    if (w.status == GS_OK) w.status = gs_file_add_scales(to, error);
    status = gs_file_close(&to, w.status == GS_OK ? error : NULL);
    return w.status == GS_OK ? status : w.status;
}

gs_status gs_file_copy_row(gs_file *from, gs_file *to, const char *path, uint64_t row, bool *readable, gs_error *error)
{
    hid_t source = H5Dopen2(from->file, path, H5P_DEFAULT), target = H5Dopen2(to->file, path, H5P_DEFAULT);
    outcome found = NOT_READ;
    chunked shape = {.rank = 0};
    if (source >= 0 && target >= 0 && describe(source, path, &shape) && is_by_row(&shape) && row < shape.dims[0])
        found = copy_rows(&shape, target, row);
    gs_status status = GS_OK;
    *readable = found != NOT_READ;
    if (found == NOT_READ) (void)!gs_file_failed(from, "read", error);
    if (found == NOT_WRITTEN) status = gs_file_failed(to, "write to", error);
    forget(&shape);
    if (target >= 0 && !to->broken) H5Dclose(target);
    if (source >= 0) H5Dclose(source);
    return status;
}
