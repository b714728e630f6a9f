/* The help of the program and of its verbs, from their tables. */
#ifndef GS_MAIN_HELP_H
#define GS_MAIN_HELP_H

#include "main/options.h"

/* On stdout. GS_VERB_HELP: of the program. */
void gs_help_print(gs_verb about);

/* What a verb is about, as in "SWEEP.yaml [KEY=VALUE ...]"; empty if it takes no such argument. */
const char *gs_help_words(gs_verb verb);

#endif
