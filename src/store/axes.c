#include "store/axes.h"

#include <string.h>

/* The first row that fits is taken. */
static const struct {
    const char *begins;
    int rank; /* 0: any */
    const char *names[GS_RANK_MAX];
} table[] = {
    {"/data/templates", 3, {"digit", "row", "column"}},
    {"/runs/", 1, {"run"}},
    {"/digests/", 1, {"run"}},
    {"/metrics/", 1, {"run"}},
    {"/settings/", 0, {"run", "digit"}},
    {"/curves/", 2, {"run", "curve_point"}},
    {"/coverage/over_training/", 0, {"run", "point", "color", "digit"}},
    {"/coverage/", 0, {"run", "color", "digit", "row", "column", "channel"}},
    {"/samples/", 0, {"run", "sample", "row", "column", "channel"}},
    {"/checkpoints/", 2, {"checkpoint", "output"}},
    {"/checkpoints/", 0, {"checkpoint", "input", "output"}},
    {"/provenance/audits/", 1, {"audit"}},
    {"/provenance/per_rank/", 1, {"launch_rank"}},
    {"/provenance/", 1, {"launch"}},
    {"/sweep/history", 1, {"change"}},
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
