#include "main/help.h"

#include <stdio.h>
#include <string.h>

#include "main/option_table.h"
#include "main/verbs.h"

static const char description[] =
    "DESCRIPTION\n"
    "  Reads a sweep (models x settings x seeds), trains every run on one core, and writes samples, final weights,\n"
    "  30-bin coverage counts and metrics of all runs into one HDF5 file. Results do not depend on the number of\n"
    "  ranks. Works under mpirun or srun, and alone as one process. The same command again resumes: finished runs\n"
    "  stay; a sweep that was edited in the meantime adds its new runs to the file.\n";

static const char more[] =
    "EXIT STATUS\n"
    "  0   every planned run is done\n"
    "  1   finished, but some runs failed; the file says why. audit, verify: there is a difference\n"
    "  2   bad usage or bad input: nothing was touched\n"
    "  3   storage error: full disk, permissions, a damaged file, a file that another gensweep writes\n"
    "  75  drained, on a signal or because the time is up: run the same command again\n"
    "  70  internal error\n"
    "\n"
    "ENVIRONMENT\n"
    "  OPENBLAS_CORETYPE  pins the BLAS kernels (e.g. Haswell); unset: the best for this CPU. Recorded in the file.\n"
    "\n"
    "EXAMPLES\n"
    "  mpirun -n 64 gensweep sweeps/gan_collapse.yaml\n"
    "  gensweep sweeps/quickstart.yaml seeds=0-1 steps=500 -o try.h5\n";

const char *gs_help_words(gs_verb verb)
{
    static const char *const words[] = {[GS_WORD_NONE] = "",
                                        [GS_WORD_SWEEP] = "SWEEP.yaml [KEY=VALUE ...]",
                                        [GS_WORD_FILE] = "FILE.h5",
                                        [GS_WORD_MODEL] = "[MODEL]",
                                        [GS_WORD_VERB] = "[VERB]"};
    return words[gs_verbs[verb].word];
}

/* ---- lines ------------------------------------------------------------------------------------------------------- */

enum { WIDTH = 118, TERM = 64 };

/* Text that goes on in a new line, indented, where it would get too wide. */
typedef struct {
    int column, indent;
} layout;

static void put(layout *at, const char *piece, int length)
{
    if (at->column + 1 + length > WIDTH) at->column = printf("\n%*s", at->indent, "") - 1;
    else if (at->column > at->indent) at->column += printf(" ");
    at->column += printf("%.*s", length, piece);
}

static void put_words(layout *at, const char *text)
{
    for (; *text != '\0'; text += *text == ' ') {
        int length = (int)strcspn(text, " \n");
        put(at, text, length);
        text += length;
        if (*text == '\n') text++, at->column = printf("\n%*s", at->indent, "") - 1;
    }
}

/* ---- verbs ------------------------------------------------------------------------------------------------------- */

/* The next option of this verb that the help lists, from this place on; GS_OPTION_COUNT: none. */
static int next_option(gs_verb verb, int i)
{
    while (i < GS_OPTION_COUNT && ((gs_option_table[i].verbs >> verb & 1) == 0 || gs_option_table[i].help == NULL)) i++;
    return i;
}

static void print_synopsis(gs_verb verb)
{
    const gs_verb_row *row = &gs_verbs[verb];
    char piece[TERM];
    layout at = {.indent = 6};
    at.column = printf("  %sgensweep %s", row->trains || row->on_all_ranks ? "[mpirun -n RANKS] " : "",
                       verb == GS_VERB_RUN ? "[run]" : row->name);
    if (row->word != GS_WORD_NONE) put(&at, gs_help_words(verb), (int)strlen(gs_help_words(verb)));
    for (int i = next_option(verb, 0); i < GS_OPTION_COUNT; i = next_option(verb, i + 1)) {
        const gs_option *option = &gs_option_table[i];
        int length =
            snprintf(piece, sizeof piece, "[%s%s%s]", option->short_name != NULL ? option->short_name : option->name,
                     option->argument != NULL ? " " : "", option->argument != NULL ? option->argument : "");
        put(&at, piece, length);
    }
    printf("\n");
}

/* "-o, --output FILE" */
static int term_of(const gs_option *option, char term[TERM])
{
    return snprintf(term, TERM, "%s%s%s%s%s", option->short_name != NULL ? option->short_name : "",
                    option->short_name != NULL ? ", " : "", option->name, option->argument != NULL ? " " : "",
                    option->argument != NULL ? option->argument : "");
}

static int term_width(gs_verb verb)
{
    char term[TERM];
    int widest = 0;
    for (int w = 0; w < 2 && gs_verbs[verb].words[w].word != NULL; w++) {
        int width = (int)strlen(gs_verbs[verb].words[w].word);
        if (width > widest) widest = width;
    }
    for (int i = next_option(verb, 0); i < GS_OPTION_COUNT; i = next_option(verb, i + 1)) {
        int width = term_of(&gs_option_table[i], term);
        if (width > widest) widest = width;
    }
    return widest;
}

static void print_term(const char *term, int width, const char *text)
{
    layout at = {.indent = width + 4};
    at.column = printf("  %-*s  ", width, term);
    put_words(&at, text);
    printf("\n");
}

static void print_verb(gs_verb verb)
{
    const gs_verb_row *row = &gs_verbs[verb];
    int width = term_width(verb);
    char term[TERM];
    printf("NAME\n  gensweep %s - %s\n\nSYNOPSIS\n", row->name, row->summary);
    print_synopsis(verb);
    printf("%s", width > 0 ? "\nARGUMENTS\n" : "");
    for (int w = 0; w < 2 && row->words[w].word != NULL; w++) print_term(row->words[w].word, width, row->words[w].help);
    for (int i = next_option(verb, 0); i < GS_OPTION_COUNT; i = next_option(verb, i + 1)) {
        term_of(&gs_option_table[i], term);
        print_term(term, width, gs_option_table[i].help);
    }
    printf("\n%s", row->notes);
}

static void print_general(void)
{
    printf("NAME\n  gensweep - a distributed seed and hyperparameter sweep for generative models\n\nSYNOPSIS\n");
    for (int v = 0; v < GS_VERB_COUNT; v++)
        if (gs_verbs[v].summary != NULL) print_synopsis((gs_verb)v);
    printf("  gensweep --version | --help | VERB --help\n\n%s\nVERBS\n", description);
    for (int v = 0; v < GS_VERB_COUNT; v++)
        if (gs_verbs[v].summary != NULL) print_term(gs_verbs[v].name, 9, gs_verbs[v].summary);
    printf("\n%s", more);
}

void gs_help_print(gs_verb about)
{
    if (gs_verbs[about].summary == NULL) print_general();
    else print_verb(about);
}
