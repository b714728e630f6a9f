/* Text from outside on its way into files that promise UTF-8. */
#ifndef GS_GROUND_UTF8_H
#define GS_GROUND_UTF8_H

/* Makes `text` UTF-8 in place: a byte that belongs to no character becomes '?', and a character whose end has been cut
 * off with the end of the text goes. */
void gs_utf8_mend(char *text);

#endif
