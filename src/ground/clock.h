/* Time for people and for waiting; no result depends on it. */
#ifndef GS_GROUND_CLOCK_H
#define GS_GROUND_CLOCK_H

/* Seconds since some fixed moment. */
double gs_clock(void);

/* The time of the calendar as "2026-01-01T00:00:00Z"; and of such a text in seconds since 1970, -1 if it is none. */
enum { GS_UTC = 32 };
void gs_utc_write(char text[GS_UTC]);
double gs_utc_read(const char *text);

/* Sleeps about `seconds`; a signal may end it early. */
void gs_sleep(double seconds);

/* Waiting for what may come at once or in hours: after an event, `turns` = 0. The first turns only let others have the
 * core, about 0.1 ms in all; then each sleeps longer than the one before, up to 10 ms: with a look at MPI in between
 * that costs less than 1 % of a core. */
typedef struct {
    int turns;
} gs_patience;

void gs_wait(gs_patience *patience);

#endif
