#include "store/axes.h"

#include <stdlib.h>
#include <string.h>

/* The first row that fits is taken. */
static const struct {
    const char *begins;
    int rank; /* 0: any */
    const char *names[GS_RANK_MAX];
} table[] = {
    {"/data/templates", 3, {"digit", "row", "column"}},
    {"/data/digit_names", 1, {"digit"}},
    {"/data/color_names", 1, {"color"}},
    {"/runs/", 1, {"run"}},
    {"/digests/", 1, {"run"}},
    {"/metrics/", 1, {"run"}},
    {"/settings/", 0, {"run", "digit"}},
    {"/curves/curve_point", 1, {"curve_point"}},
    {"/curves/", 2, {"run", "curve_point"}},
    {"/coverage/over_training/point", 1, {"point"}},
    {"/coverage/over_training/", 0, {"run", "point", "color", "digit"}},
    {"/coverage/", 0, {"run", "color", "digit", "row", "column", "channel"}},
    {"/samples/sample", 1, {"sample"}},
    {"/samples/", 0, {"run", "sample", "row", "column", "channel"}},
    {"/checkpoints/", 2, {"checkpoint", "output"}},
    {"/checkpoints/", 0, {"checkpoint", "input", "output"}},
    {"/provenance/audits/", 1, {"audit"}},
    {"/provenance/per_rank/", 1, {"launch_rank"}},
    {"/provenance/", 1, {"launch"}},
    {"/sweep/history", 1, {"change"}},
    {"/run", 1, {"run"}},
    {"/color", 1, {"color"}},
    {"/digit", 1, {"digit"}},
    {"/row", 1, {"row"}},
    {"/column", 1, {"column"}},
    {"/channel", 1, {"channel"}},
};

void gs_axes_of(const char *path, int rank, const char *names[GS_RANK_MAX])
{
    memset(names, 0, GS_RANK_MAX * sizeof *names);
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        if (strncmp(path, table[i].begins, strlen(table[i].begins)) != 0 ||
            (table[i].rank != 0 && table[i].rank != rank))
            continue;
        for (int axis = 0; axis < rank && axis < GS_RANK_MAX; axis++) names[axis] = table[i].names[axis];
        return;
    }
}

bool gs_axes_is_scale(const char *path, int rank)
{
    const char *names[GS_RANK_MAX], *slash = strrchr(path, '/');
    gs_axes_of(path, rank, names);
    return rank == 1 && slash != NULL && names[0] != NULL && strcmp(slash + 1, names[0]) == 0;
}

static gs_status add(gs_file *file, gs_dataset_spec spec, const void *cells, size_t cell_size, gs_error *error)
{
    gs_dataset dataset;
    spec.rank = 1;
    gs_status status = gs_file_add(file, &spec, &dataset, error);
    if (status != GS_OK || gs_file_lacks(file)) return status;
    uint64_t first = gs_file_earlier_rows(file, dataset);
    if (first >= spec.dims[0]) return GS_OK;
    return gs_file_write(file, dataset, first, spec.dims[0] - first, (const unsigned char *)cells + first * cell_size,
                         error);
}

gs_status gs_axes_add_names(gs_file *file, const char *path, const char *const *names, uint64_t length, size_t text,
                            gs_error *error)
{
    char *cells = calloc((size_t)length, text);
    if (cells == NULL) return gs_fail(error, GS_ERROR_MEMORY, "out of memory for the axis %s", path);
    for (size_t i = 0; i < length; i++) memcpy(cells + i * text, names[i], strlen(names[i]));
    gs_dataset_spec spec = {.path = path, .cell = GS_CELL_TEXT, .text = text, .dims = {length}};
    gs_status status = add(file, spec, cells, text, error);
    free(cells);
    return status;
}

gs_status gs_axes_add_numbers(gs_file *file, const char *path, uint64_t length, gs_error *error)
{
    int64_t *cells = malloc((size_t)length * sizeof *cells + 1);
    if (cells == NULL) return gs_fail(error, GS_ERROR_MEMORY, "out of memory for the axis %s", path);
    for (size_t i = 0; i < length; i++) cells[i] = (int64_t)i;
    gs_dataset_spec spec = {.path = path, .cell = GS_CELL_INT64, .layout = GS_ROWS, .dims = {length}};
    gs_status status = add(file, spec, cells, sizeof *cells, error);
    free(cells);
    return status;
}
