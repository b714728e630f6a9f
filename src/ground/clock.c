#define _XOPEN_SOURCE 700 /* strptime */
#include "ground/clock.h"

#include <sched.h>
#include <time.h>

double gs_clock(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static const char utc_format[] = "%Y-%m-%dT%H:%M:%SZ";

void gs_utc_write(char text[GS_UTC])
{
    time_t now = time(NULL);
    struct tm utc;
    gmtime_r(&now, &utc);
    strftime(text, GS_UTC, utc_format, &utc);
}

double gs_utc_read(const char *text)
{
    struct tm utc = {.tm_isdst = 0};
    return strptime(text, utc_format, &utc) == NULL ? -1 : (double)timegm(&utc);
}

void gs_sleep(double seconds)
{
    struct timespec pause = {.tv_sec = (time_t)seconds};
    pause.tv_nsec = (long)((seconds - (double)pause.tv_sec) * 1e9);
    nanosleep(&pause, NULL);
}

void gs_wait(gs_patience *patience)
{
    enum { YIELDS = 200, DOUBLINGS = 8 };
    static const double longest = 0.01;
    int sleeps = patience->turns - YIELDS;
    if (sleeps <= DOUBLINGS) patience->turns++;
    if (sleeps < 0) sched_yield();
    else gs_sleep(longest / (double)(1 << (DOUBLINGS - (sleeps < DOUBLINGS ? sleeps : DOUBLINGS))));
}
