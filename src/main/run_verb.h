/* gensweep run: trains a sweep. */
#ifndef GS_MAIN_RUN_VERB_H
#define GS_MAIN_RUN_VERB_H

#include "farm/world.h"
#include "main/options.h"

/* Rank 0's part, while the other ranks work for it. Returns the exit code. */
int gs_run_manage(const gs_world *world, const gs_options *options, int argc, char **argv);

#endif
