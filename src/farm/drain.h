/* Draining: when this process has been asked to stop, or its time is nearly up.
 *
 * The one global state of the program: signal handlers have no other place to write to. They set a flag and do nothing
 * else; whoever works looks at it between two pieces of work. */
#ifndef GS_FARM_DRAIN_H
#define GS_FARM_DRAIN_H

#include <stdbool.h>
#include <stddef.h>

/* From now on SIGUSR1, SIGTERM, SIGINT and SIGHUP (unless it is ignored, as under nohup) only ask to drain; a second
 * SIGINT ends the process. A pipe that is closed at its other end is an error of writing. */
void gs_drain_install(void);

/* Also drain when gs_clock() reaches `time`; the earliest of several counts. `reason`: kept, not copied. */
void gs_drain_at(double time, const char *reason);

bool gs_drain_wanted(void);

/* Why: "SIGUSR1", "SIGTERM", "SIGINT", "SIGHUP", or the reason of gs_drain_at. NULL while it is not wanted. */
const char *gs_drain_reason(void);

/* Seconds that there are for it: short after SIGTERM, which a launcher follows up with SIGKILL. */
double gs_drain_grace(void);

#endif
