/* Text from outside on its way into files that promise UTF-8, and to terminals. */
#ifndef GS_GROUND_UTF8_H
#define GS_GROUND_UTF8_H

#include <stdbool.h>

/* Makes `text` UTF-8 in place: a byte that belongs to no character becomes '?', and a character whose end has been cut
 * off with the end of the text goes. */
void gs_utf8_mend(char *text);

/* Puts `instead` in the place of what a terminal would obey and not show: control characters, newlines among them.
 * Returns whether there were any. */
bool gs_utf8_tame(char *text, char instead);

#endif
