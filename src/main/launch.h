/* What is recorded of this launch under /provenance. */
#ifndef GS_MAIN_LAUNCH_H
#define GS_MAIN_LAUNCH_H

#include "farm/world.h"
#include "store/store.h"

extern const char *const gs_version;
extern const char *const gs_program; /* version and commit */

enum { GS_FACTS_MAX = 24 };

typedef struct {
    gs_fact facts[GS_FACTS_MAX];
    size_t count;
    char texts[GS_FACTS_MAX][GS_FACT_TEXT]; /* what the facts point to */
} gs_launch;

/* `hosts`: of gs_world_hosts. */
void gs_launch_describe(gs_launch *launch, const gs_world *world, const char *hosts, int argc, char **argv);

/* Version, kernels and libraries, on stdout. */
void gs_version_print(const gs_world *world);

#endif
