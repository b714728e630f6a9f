/* What the program can do: one row a verb. */
#ifndef GS_MAIN_VERBS_H
#define GS_MAIN_VERBS_H

#include <stdbool.h>

#include "farm/world.h"
#include "main/options.h"

/* What a verb is about: its arguments that are no options. */
typedef enum { GS_WORD_NONE, GS_WORD_SWEEP, GS_WORD_FILE, GS_WORD_MODEL, GS_WORD_VERB } gs_word;

/* A launch of the program. */
typedef struct {
    const gs_world *world;
    const gs_options *options;
    int argc;
    char **argv;
} gs_call;

typedef struct {
    const char *word, *help; /* lines end where the help has them end */
} gs_word_help;

typedef struct {
    const char *name;
    gs_word word;
    bool computes;                   /* multiplies matrices */
    bool trains;                     /* runs, until it is asked to drain: rank 0 acts, and the others work for it */
    bool on_all_ranks;               /* all act, and not rank 0 alone */
    int (*act)(const gs_call *call); /* returns the exit code */
    const char *summary;             /* in the help; NULL: the verb is not listed there */
    gs_word_help words[2];
    const char *notes;
} gs_verb_row;

extern const gs_verb_row gs_verbs[GS_VERB_COUNT];

#endif
