#include "main/limits.h"

#include <stdlib.h>
#include <time.h>

#include "farm/drain.h"
#include "ground/clock.h"

static const double most_margin = 30, margin_share = 0.1;

static void drain_before(double seconds, const char *reason)
{
    double margin = seconds * margin_share < most_margin ? seconds * margin_share : most_margin;
    gs_drain_at(gs_clock() + seconds - margin, reason);
}

void gs_limits_set(const gs_options *options)
{
    if (options->walltime > 0) drain_before(options->walltime, "--walltime is nearly over");
    const char *text = getenv("SLURM_JOB_END_TIME");
    if (text == NULL) return;
    char *end;
    double left = strtod(text, &end) - (double)time(NULL);
    if (end != text && *end == '\0' && left > 0) drain_before(left, "the SLURM job is nearly over");
}
