/* Numbers as sentences for people say them. */
#ifndef GS_MAIN_WORDS_H
#define GS_MAIN_WORDS_H

#include <stddef.h>
#include <stdint.h>

/* "s", or "" for one. */
const char *gs_plural(int64_t count);

/* "2m 05s", "3h 20m", "4d 07h". */
enum { GS_DURATION = 32 };
const char *gs_duration(double seconds, char text[GS_DURATION]);

#endif
