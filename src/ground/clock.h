/* Time for people and for waiting; no result depends on it. */
#ifndef GS_GROUND_CLOCK_H
#define GS_GROUND_CLOCK_H

/* Seconds since some fixed moment. */
double gs_clock(void);

/* Sleeps about `seconds`; a signal may end it early. */
void gs_sleep(double seconds);

#endif
