/* The options of the command line: one row an option, or several of one name where verbs differ in what it means. */
#ifndef GS_MAIN_OPTION_TABLE_H
#define GS_MAIN_OPTION_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#include "main/options.h"

typedef struct gs_option gs_option;

struct gs_option {
    const char *name, *short_name; /* "--output", "-o"; NULL: none */
    const char *argument;          /* its value in the help; NULL: it takes none */
    unsigned verbs;                /* 1 << GS_VERB_... */
    unsigned idle; /* verbs that take it too, to no effect: the plan of a run is asked for by putting the verb in */
    bool (*read)(const gs_option *option, gs_options *options, const char *value); /* false: a wrong value */
    size_t member;              /* what it sets, by its offset; 0: the reader knows */
    int least, most;            /* of numbers */
    const char *const *choices; /* names of the values, as many as `most`; NULL: they have none */
    const char *expects;        /* what is said of a wrong value; NULL: the range of a number, or the choices */
    const char *help;           /* NULL: not listed */
};

enum { GS_OPTION_COUNT = 26 };

extern const gs_option *const gs_option_table;

#endif
