/* How the program ends. */
#ifndef GS_MAIN_EXITS_H
#define GS_MAIN_EXITS_H

#include "ground/status.h"

enum {
    GS_EXIT_RUNS_FAILED = 1,
    GS_EXIT_DIFFERENCE = 1,
    GS_EXIT_INPUT = 2,
    GS_EXIT_STORAGE = 3,
    GS_EXIT_INTERNAL = 70,
    GS_EXIT_DRAINED = 75
};

int gs_exit_of(gs_status status);

/* Errors on stderr; those that begin with a place in a file stand alone, as compilers write them. */
void gs_exit_tell(const gs_error *error);

#endif
