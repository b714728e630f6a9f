#include "farm/rungs.h"

#include <math.h>
#include <stdlib.h>

typedef struct {
    int64_t run;
    double value;
} entry;

typedef struct {
    int64_t number;
    entry *entries; /* owned */
    size_t count, room;
} rung;

struct gs_rungs {
    double eta;
    bool larger;
    rung *all; /* owned */
    size_t count;
};

gs_status gs_rungs_create(gs_rungs **rungs, double eta, bool larger, gs_error *error)
{
    gs_rungs *made = calloc(1, sizeof *made);
    if (made == NULL) return gs_fail(error, GS_ERROR_MEMORY, "out of memory for early stopping");
    made->eta = eta;
    made->larger = larger;
    *rungs = made;
    return GS_OK;
}

void gs_rungs_destroy(gs_rungs **rungs)
{
    if (rungs == NULL || *rungs == NULL) return;
    for (size_t i = 0; i < (*rungs)->count; i++) free((*rungs)->all[i].entries);
    free((*rungs)->all);
    free(*rungs);
    *rungs = NULL;
}

static rung *find_rung(const gs_rungs *rungs, int64_t number)
{
    for (size_t i = 0; i < rungs->count; i++)
        if (rungs->all[i].number == number) return &rungs->all[i];
    return NULL;
}

static entry *find_entry(const rung *at, int64_t run)
{
    for (size_t i = 0; at != NULL && i < at->count; i++)
        if (at->entries[i].run == run) return &at->entries[i];
    return NULL;
}

static rung *add_rung(gs_rungs *rungs, int64_t number)
{
    rung *grown = realloc(rungs->all, (rungs->count + 1) * sizeof *grown);
    if (grown == NULL) return NULL;
    rungs->all = grown;
    grown[rungs->count] = (rung){.number = number};
    return &grown[rungs->count++];
}

static entry *add_entry(rung *at, int64_t run)
{
    if (at->count == at->room) {
        size_t room = at->room == 0 ? 64 : 2 * at->room;
        entry *grown = realloc(at->entries, room * sizeof *grown);
        if (grown == NULL) return NULL;
        at->entries = grown;
        at->room = room;
    }
    at->entries[at->count].run = run;
    return &at->entries[at->count++];
}

gs_status gs_rungs_add(gs_rungs *rungs, int64_t number, int64_t run, double value, gs_error *error)
{
    rung *at = find_rung(rungs, number);
    entry *known = find_entry(at, run);
    if (at == NULL) at = add_rung(rungs, number);
    if (at != NULL && known == NULL) known = add_entry(at, run);
    if (known == NULL) return gs_fail(error, GS_ERROR_MEMORY, "out of memory for early stopping");
    known->value = value;
    return GS_OK;
}

static bool is_better(const gs_rungs *rungs, double a, double b)
{
    if (isnan(a) || isnan(b)) return isnan(b) && !isnan(a);
    return rungs->larger ? a > b : a < b;
}

gs_decision gs_rungs_decide(const gs_rungs *rungs, int64_t number, int64_t run)
{
    const rung *at = find_rung(rungs, number);
    const entry *own = find_entry(at, run);
    if (own == NULL) return (gs_decision){.go_on = true};
    int64_t better = 0, best = (int64_t)floor((double)at->count / rungs->eta);
    if (best < 1) best = 1;
    for (size_t i = 0; i < at->count; i++) better += is_better(rungs, at->entries[i].value, own->value);
    return (gs_decision){.go_on = better < best, .best = best, .runs = (int64_t)at->count};
}

void gs_rungs_forget(gs_rungs *rungs, int64_t run)
{
    for (size_t i = 0; i < rungs->count; i++) {
        entry *own = find_entry(&rungs->all[i], run);
        if (own != NULL) *own = rungs->all[i].entries[--rungs->all[i].count];
    }
}
