/* `gensweep bench`: what the farm itself can do, with runs that do nothing. */
#ifndef GS_MAIN_BENCH_VERB_H
#define GS_MAIN_BENCH_VERB_H

#include "farm/world.h"
#include "main/options.h"

/* Collective; returns the exit code. First all runs are handed out and nothing is kept of them, then again with every
 * result committed to a file, which is removed afterwards unless the user has named one. */
int gs_bench_run(const gs_world *world, const gs_options *options, int argc, char **argv);

#endif
