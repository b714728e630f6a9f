#include <hdf5_hl.h>
#include <stdio.h>
#include <string.h>

#include "store/axes.h"
#include "store/file_private.h"

enum { SCALES_MAX = 16 };

typedef struct {
    int count;
    struct {
        hid_t id;
        char path[GS_OBJECT_PATH];
        hsize_t length;
    } scales[SCALES_MAX];
} scale_list;

/* Opens the dataset `name` of a visit, and tells its path and extent; negative if it is none. */
static hid_t open_visited(hid_t root, const char *name, const H5O_info_t *info, char path[GS_OBJECT_PATH], int *rank,
                          hsize_t dims[H5S_MAX_RANK])
{
    if (info->type != H5O_TYPE_DATASET || strlen(name) + 2 > GS_OBJECT_PATH) return H5I_INVALID_HID;
    snprintf(path, GS_OBJECT_PATH, "/%s", name);
    hid_t dataset = H5Dopen2(root, name, H5P_DEFAULT);
    if (dataset < 0) return dataset;
    hid_t space = H5Dget_space(dataset);
    *rank = H5Sget_simple_extent_dims(space, dims, NULL);
    H5Sclose(space);
    return dataset;
}

static herr_t collect(hid_t root, const char *name, const H5O_info_t *info, void *data)
{
    scale_list *list = data;
    char path[GS_OBJECT_PATH];
    hsize_t dims[H5S_MAX_RANK];
    int rank;
    hid_t dataset = open_visited(root, name, info, path, &rank, dims);
    if (dataset < 0) return 0;
    if (list->count == SCALES_MAX || !gs_axes_is_scale(path, rank)) {
        H5Dclose(dataset);
        return 0;
    }
    herr_t result = H5DSis_scale(dataset) > 0 ? 0 : H5DSset_scale(dataset, strrchr(path, '/') + 1);
    list->scales[list->count].id = dataset;
    list->scales[list->count].length = dims[0];
    memcpy(list->scales[list->count].path, path, sizeof path);
    list->count++;
    return result < 0 ? -1 : 0;
}

/* The scale of an axis: the one of its name and length in the dataset's folder, or the next one above. */
static hid_t scale_of(const scale_list *list, const char *path, const char *axis, hsize_t length)
{
    char wanted[GS_OBJECT_PATH + GS_AXIS];
    const char *end = strrchr(path, '/');
    for (;;) {
        snprintf(wanted, sizeof wanted, "%.*s/%s", (int)(end - path), path, axis);
        for (int s = 0; s < list->count; s++)
            if (strcmp(list->scales[s].path, wanted) == 0 && list->scales[s].length == length)
                return list->scales[s].id;
        if (end == path) return H5I_INVALID_HID;
        do end--;
        while (*end != '/');
    }
}

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
}

/* All axes or none: netCDF-4 knows no dataset of which only some have a scale. */
static herr_t attach(hid_t root, const char *name, const H5O_info_t *info, void *data)
{
    const scale_list *list = data;
    char path[GS_OBJECT_PATH];
    const char *axes[GS_RANK_MAX];
    hsize_t dims[H5S_MAX_RANK];
    hid_t scales[GS_RANK_MAX] = {0};
    int rank;
    hid_t dataset = open_visited(root, name, info, path, &rank, dims);
    if (dataset < 0) return 0;
    bool has = rank > 0 && rank <= GS_RANK_MAX && H5DSis_scale(dataset) == 0;
    if (has) gs_axes_of(path, rank, axes);
    for (int i = 0; has && i < rank; i++)
        has = axes[i] != NULL && (scales[i] = scale_of(list, path, axes[i], dims[i])) >= 0;
    bool attached = has;
    for (int i = 0; attached && i < rank; i++) attached = H5DSis_attached(dataset, scales[i], (unsigned)i) > 0;
    herr_t result = 0;
    if (has && !attached) gs_file_detach_scales(dataset, rank); /* earlier versions had others */
    for (int i = 0; has && !attached && i < rank && result >= 0; i++)
        result = H5DSattach_scale(dataset, scales[i], (unsigned)i);
    hid_t reason = gs_file_take_reason();
    H5Dclose(dataset);
    gs_file_give_reason(reason);
    return result < 0 ? -1 : 0;
}

gs_status gs_file_add_scales(gs_file *file, gs_error *error)
{
    scale_list list = {.count = 0};
    if (file->fixed) return GS_OK; /* what is there has its scales */
    bool good = H5Ovisit2(file->file, H5_INDEX_NAME, H5_ITER_NATIVE, collect, &list, H5O_INFO_BASIC) >= 0 &&
                H5Ovisit2(file->file, H5_INDEX_NAME, H5_ITER_NATIVE, attach, &list, H5O_INFO_BASIC) >= 0;
    gs_status status = good ? GS_OK : gs_file_failed(file, "attach scales in", error);
    for (int s = 0; s < list.count; s++) H5Dclose(list.scales[s].id);
    return status;
}
