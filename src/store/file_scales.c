#include <hdf5_hl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/axes.h"
#include "store/file_private.h"

typedef struct {
    char path[GS_OBJECT_PATH];
    uint64_t length;
} wanted_scale;

typedef struct {
    wanted_scale *scales;
    size_t count, room;
    bool no_memory;
} scale_list;

/* A dataset of the file that has, or is to have, scales. */
typedef struct {
    hid_t id;
    int rank;
    hsize_t dims[H5S_MAX_RANK];
    char scales[GS_RANK_MAX][GS_OBJECT_PATH];
} scaled;

/* Opens the dataset `name` of a visit; false if it is none that has scales. */
static bool open_scaled(hid_t root, const char *name, const H5O_info_t *info, scaled *dataset)
{
    char path[GS_OBJECT_PATH];
    if (info->type != H5O_TYPE_DATASET || snprintf(path, sizeof path, "/%s", name) >= GS_OBJECT_PATH) return false;
    dataset->id = H5Dopen2(root, name, H5P_DEFAULT);
    if (dataset->id < 0) return false;
    hid_t space = H5Dget_space(dataset->id);
    dataset->rank = H5Sget_simple_extent_dims(space, dataset->dims, NULL);
    H5Sclose(space);
    bool has = gs_axes_scales(path, dataset->rank, dataset->scales) && !gs_axes_is_scale(path, dataset->rank);
    if (!has) H5Dclose(dataset->id);
    return has;
}

/* The name by which netCDF-4 knows a scale that is no variable. Mere numbers are none, or /run would hide
 * /checkpoints/LAYOUT/run from those who look for variables upwards. */
static const char only_a_dimension[] = "This is a netCDF dimension but not a netCDF variable.";

/* ---- making ------------------------------------------------------------------------------------------------------ */

static void want(scale_list *list, const char *path, uint64_t length)
{
    for (size_t s = 0; s < list->count; s++)
        if (strcmp(list->scales[s].path, path) == 0) return;
    if (list->count == list->room) {
        size_t room = list->room == 0 ? 16 : 2 * list->room;
        wanted_scale *more = realloc(list->scales, room * sizeof *more);
        if (more == NULL) {
            list->no_memory = true;
            return;
        }
        list->scales = more;
        list->room = room;
    }
    wanted_scale *scale = &list->scales[list->count++];
    snprintf(scale->path, sizeof scale->path, "%s", path);
    scale->length = length;
}

static herr_t collect(hid_t root, const char *name, const H5O_info_t *info, void *data)
{
    scaled dataset;
    if (!open_scaled(root, name, info, &dataset)) return 0;
    for (int i = 0; i < dataset.rank; i++) want(data, dataset.scales[i], dataset.dims[i]);
    H5Dclose(dataset.id);
    return 0;
}

static gs_status write_scale(gs_file *file, gs_dataset dataset, const wanted_scale *scale, const char *const *names,
                             size_t text, gs_error *error)
{
    size_t cell = names != NULL ? text : sizeof(int64_t);
    unsigned char *cells = calloc((size_t)scale->length + 1, cell);
    if (cells == NULL) return gs_fail(error, GS_ERROR_MEMORY, "out of memory for the axis %s", scale->path);
    for (size_t i = 0; i < scale->length; i++) {
        int64_t number = (int64_t)i;
        if (names != NULL) memcpy(cells + i * cell, names[i], strlen(names[i]));
        else memcpy(cells + i * cell, &number, cell);
    }
    gs_status status = gs_file_write(file, dataset, 0, scale->length, cells, error);
    free(cells);
    return status;
}

/* Opens the scale that is there and makes it as long as its axis; one that is of no use goes. */
static bool open_scale(gs_file *file, const gs_dataset_spec *spec, gs_dataset *dataset)
{
    gs_extent extent;
    gs_error unused;
    hsize_t length = spec->dims[0];
    if (!gs_file_has(file, spec->path)) return false;
    bool good = gs_file_extent(file, spec->path, &extent) && extent.rank == 1 &&
                gs_file_find(file, spec->path, spec->cell, spec->text, GS_ANY_CELLS, dataset, &unused) == GS_OK &&
                (extent.dims[0] == length || H5Dset_extent(file->datasets[*dataset].id, &length) >= 0);
    if (!good) H5Ldelete(file->file, spec->path, H5P_DEFAULT);
    return good;
}

static gs_status make_scale(gs_file *file, const wanted_scale *scale, gs_error *error)
{
    size_t text = 0;
    const char *const *names = gs_axes_names(scale->path, scale->length, &text);
    gs_dataset_spec spec = {.path = scale->path,
                            .cell = names != NULL ? GS_CELL_TEXT : GS_CELL_INT64,
                            .text = text,
                            .growth = names != NULL ? GS_FIXED : GS_ROWS,
                            .rank = 1,
                            .dims = {scale->length}};
    gs_dataset dataset;
    gs_status status = GS_OK;
    if (!open_scale(file, &spec, &dataset)) status = gs_file_make_dataset(file, &spec, 0, &dataset, error);
    if (status == GS_OK) status = write_scale(file, dataset, scale, names, text, error);
    if (status != GS_OK) return status;
    hid_t id = file->datasets[dataset].id;
    const char *name = names != NULL ? strrchr(scale->path, '/') + 1 : only_a_dimension;
    if (H5DSis_scale(id) > 0 || H5DSset_scale(id, name) >= 0) return GS_OK;
    return gs_file_failed(file, "make a scale in", error);
}

/* ---- attaching --------------------------------------------------------------------------------------------------- */

/* Collects the scales of an axis, to be closed by the caller. */
static herr_t collect_scale(hid_t dataset, unsigned axis, hid_t scale, void *collected)
{
    (void)dataset;
    (void)axis;
    H5Iinc_ref(scale);
    *(hid_t *)collected = scale;
    return 1; /* one is enough: an axis has no more */
}

void gs_file_detach_scales(hid_t dataset, int rank)
{
    for (int axis = 0; axis < rank; axis++) {
        hid_t scale = H5I_INVALID_HID;
        if (H5DSiterate_scales(dataset, (unsigned)axis, NULL, collect_scale, &scale) <= 0) continue;
        H5DSdetach_scale(dataset, scale, (unsigned)axis);
        H5Idec_ref(scale);
    }
    if (H5Aexists(dataset, "DIMENSION_LIST") > 0) H5Adelete(dataset, "DIMENSION_LIST"); /* to what is gone */
}

static herr_t attach_all(const scaled *dataset, const hid_t scales[GS_RANK_MAX])
{
    bool attached = true;
    herr_t result = 0;
    for (int i = 0; i < dataset->rank; i++)
        attached = attached && H5DSis_attached(dataset->id, scales[i], (unsigned)i) > 0;
    if (attached) return 0;
    gs_file_detach_scales(dataset->id, dataset->rank); /* earlier versions had others */
    for (int i = 0; i < dataset->rank && result >= 0; i++)
        result = H5DSattach_scale(dataset->id, scales[i], (unsigned)i);
    return result;
}

static herr_t attach(hid_t root, const char *name, const H5O_info_t *info, void *unused)
{
    scaled dataset;
    hid_t scales[GS_RANK_MAX];
    (void)unused;
    if (!open_scaled(root, name, info, &dataset)) return 0;
    bool is_scale = H5DSis_scale(dataset.id) > 0; /* /data/digit_names of earlier versions: it cannot have one */
    for (int i = 0; i < dataset.rank; i++) scales[i] = H5Dopen2(root, dataset.scales[i], H5P_DEFAULT);
    herr_t result = is_scale ? 0 : attach_all(&dataset, scales);
    hid_t reason = gs_file_take_reason();
    for (int i = 0; i < dataset.rank; i++)
        if (scales[i] >= 0) H5Dclose(scales[i]);
    H5Dclose(dataset.id);
    gs_file_give_reason(reason);
    return result < 0 ? -1 : 0;
}

/* What earlier versions had in the place of /run. */
static void forget_earlier_scale(gs_file *file)
{
    if (gs_file_has(file, "/runs/index")) H5Ldelete(file->file, "/runs/index", H5P_DEFAULT);
}

gs_status gs_file_add_scales(gs_file *file, gs_error *error)
{
    scale_list list = {.count = 0};
    gs_status status = GS_OK;
    if (file->fixed) return GS_OK;
    if (H5Ovisit2(file->file, H5_INDEX_NAME, H5_ITER_NATIVE, collect, &list, H5O_INFO_BASIC) < 0)
        status = gs_file_failed(file, "look for axes in", error);
    if (list.no_memory) status = gs_fail(error, GS_ERROR_MEMORY, "out of memory for the axes");
    for (size_t s = 0; s < list.count && status == GS_OK; s++) status = make_scale(file, &list.scales[s], error);
    free(list.scales);
    if (status == GS_OK && H5Ovisit2(file->file, H5_INDEX_NAME, H5_ITER_NATIVE, attach, NULL, H5O_INFO_BASIC) < 0)
        status = gs_file_failed(file, "attach scales in", error);
    if (status == GS_OK) forget_earlier_scale(file);
    return status;
}
