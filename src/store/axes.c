#include "store/axes.h"

#include <stdio.h>
#include <string.h>

#include "data/digits.h"

/* The first row that fits is taken. An axis with a slash in it has a scale: the path of that, or one beside the
 * dataset. */
static const struct {
    const char *begins;
    int rank; /* 0: any */
    const char *axes[GS_RANK_MAX];
} table[] = {
    {"/data/templates", 3, {"/digit", "/row", "/column"}},
    {"/data/digit_names", 1, {"/digit"}},
    {"/data/color_names", 1, {"/color"}},
    {"/runs/", 1, {"/run"}},
    {"/digests/", 1, {"/run"}},
    {"/metrics/", 1, {"/run"}},
    {"/settings/", 0, {"/run", "/digit"}},
    {"/curves/curve_point", 1, {"./curve_point"}},
    {"/curves/", 2, {"/run", "./curve_point"}},
    {"/coverage/over_training/point", 1, {"./point"}},
    {"/coverage/over_training/", 0, {"/run", "./point", "/color", "/digit"}},
    {"/coverage/", 0, {"/run", "/color", "/digit", "/row", "/column", "/channel"}},
    {"/samples/sample", 1, {"./sample"}},
    {"/samples/", 0, {"/run", "./sample", "/row", "/column", "/channel"}},
    {"/checkpoints/", 1, {"./checkpoint"}},
    {"/checkpoints/", 2, {"checkpoint", "output"}},
    {"/checkpoints/", 0, {"checkpoint", "input", "output"}},
    {"/provenance/audits/", 1, {"audit"}},
    {"/provenance/per_rank/", 1, {"launch_rank"}},
    {"/provenance/", 1, {"launch"}},
    {"/sweep/history", 1, {"change"}},
    {"/run", 1, {"/run"}},
    {"/color", 1, {"/color"}},
    {"/digit", 1, {"/digit"}},
    {"/row", 1, {"/row"}},
    {"/column", 1, {"/column"}},
    {"/channel", 1, {"/channel"}},
};

/* The axes of a path; NULL: nothing is known. */
static const char *const *find(const char *path, int rank)
{
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        if (strncmp(path, table[i].begins, strlen(table[i].begins)) == 0 &&
            (table[i].rank == 0 || table[i].rank == rank))
            return table[i].axes;
    return NULL;
}

void gs_axes_of(const char *path, int rank, const char *names[GS_RANK_MAX])
{
    const char *const *axes = find(path, rank);
    memset(names, 0, GS_RANK_MAX * sizeof *names);
    for (int i = 0; axes != NULL && i < rank && i < GS_RANK_MAX && axes[i] != NULL; i++) {
        const char *slash = strrchr(axes[i], '/');
        names[i] = slash != NULL ? slash + 1 : axes[i];
    }
}

bool gs_axes_scales(const char *path, int rank, char scales[GS_RANK_MAX][GS_OBJECT_PATH])
{
    const char *const *axes = find(path, rank), *end = strrchr(path, '/');
    if (axes == NULL || end == NULL || rank < 1 || rank > GS_RANK_MAX) return false;
    for (int i = 0; i < rank; i++) {
        if (axes[i] == NULL || strchr(axes[i], '/') == NULL) return false;
        bool beside = axes[i][0] == '.';
        int used = snprintf(scales[i], GS_OBJECT_PATH, "%.*s%s", beside ? (int)(end - path) : 0, path,
                            axes[i] + (beside ? 1 : 0));
        if (used >= GS_OBJECT_PATH) return false;
    }
    return true;
}

bool gs_axes_is_scale(const char *path, int rank)
{
    char scales[GS_RANK_MAX][GS_OBJECT_PATH];
    return rank == 1 && gs_axes_scales(path, rank, scales) && strcmp(scales[0], path) == 0;
}

const char *const *gs_axes_names(const char *scale, uint64_t length, size_t *text)
{
    static const char *const channels[GS_CHANNELS] = {"red", "green", "blue"};
    const struct {
        const char *scale;
        const char *const *names;
        uint64_t count;
        size_t text;
    } named[] = {{"/color", gs_color_names, GS_COLORS, 8},
                 {"/digit", gs_digit_names, GS_DIGITS, 2},
                 {"/channel", channels, GS_CHANNELS, 8}};
    for (size_t i = 0; i < sizeof named / sizeof named[0]; i++)
        if (strcmp(named[i].scale, scale) == 0 && named[i].count == length) {
            *text = named[i].text;
            return named[i].names;
        }
    return NULL;
}
