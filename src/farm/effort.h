/* What a rank has done in a launch: how long it worked, how long it waited. */
#ifndef GS_FARM_EFFORT_H
#define GS_FARM_EFFORT_H

#include <stdbool.h>
#include <stdint.h>

enum { GS_WAITS = 120 };

/* Times in seconds. Of plain memory: it is sent as it is. */
typedef struct {
    int64_t runs;             /* ended */
    double present;           /* from its first request, or rank 0's first look for messages, on */
    double training;          /* of that, working on runs, packing of results included */
    double managing;          /* of that, rank 0 dealing with messages and the file */
    uint32_t waits[GS_WAITS]; /* how often it was waited so long for a run after asking: private to effort.c */
} gs_effort;

/* A run was waited for so long. */
void gs_effort_wait(gs_effort *effort, double seconds);

/* The time that this share (0.5, 0.99, 1) of the waits of some ranks did not exceed, to within a fifth; NaN if there
 * was none. */
double gs_efforts_wait(const gs_effort *efforts, int count, double share);

#endif
