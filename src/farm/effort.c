#include "farm/effort.h"

#include <math.h>

/* Each class is a quarter of an octave; the first begins here. */
static const double shortest = 1e-7;
enum { CLASSES_PER_OCTAVE = 4 };

void gs_effort_wait(gs_effort *effort, double seconds)
{
    double place = CLASSES_PER_OCTAVE * log2(fmax(seconds, shortest) / shortest);
    effort->waits[place < GS_WAITS - 1 ? (int)place : GS_WAITS - 1]++;
}

double gs_efforts_wait(const gs_effort *efforts, int count, double share)
{
    double all = 0, seen = 0;
    for (int e = 0; e < count; e++)
        for (int c = 0; c < GS_WAITS; c++) all += efforts[e].waits[c];
    if (!(all > 0)) return (double)NAN;
    for (int c = 0; c < GS_WAITS; c++) {
        for (int e = 0; e < count; e++) seen += efforts[e].waits[c];
        if (seen >= share * all) return shortest * exp2((c + 1.0) / CLASSES_PER_OCTAVE);
    }
    return (double)NAN;
}
