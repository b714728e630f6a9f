#include "main/results.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "main/choice.h"
#include "main/words.h"
#include "nn/matrix.h"
#include "store/copy.h"
#include "store/file.h"

/* ---- opening ----------------------------------------------------------------------------------------------------- */

gs_status gs_results_path(const gs_options *options, const gs_sweep *sweep, char path[GS_PATH], gs_error *error)
{
    char standard[GS_PATH];
    snprintf(standard, sizeof standard, "results/%s.h5", sweep->name);
    char *name = gs_true_name(options->output != NULL ? options->output : standard, error);
    if (name == NULL) return GS_ERROR_STORAGE;
    size_t length = strlen(name);
    snprintf(path, GS_PATH, "%s", name);
    free(name);
    if (length + 16 < GS_PATH) return GS_OK;
    return gs_fail(error, GS_ERROR_INPUT, "-o: a path of %zu bytes is too long", length);
}

static gs_status choose_path(gs_results *results, const gs_options *options, const gs_sweep *sweep, gs_error *error)
{
    gs_status status = gs_results_path(options, sweep, results->path, error);
    if (status == GS_OK && options->output == NULL && mkdir("results", 0777) != 0 && errno != EEXIST)
        return gs_fail(error, GS_ERROR_STORAGE, "cannot make the folder 'results': %s", strerror(errno));
    return status;
}

/* Renames an existing results file to FILE.1, FILE.2, ... */
static gs_status put_aside(gs_results *results, gs_error *error)
{
    if (!gs_file_is_ours(results->path))
        return gs_fail(error, GS_ERROR_STORAGE, "'%s' is no results file of gensweep, so it is left alone",
                       results->path);
    gs_aside_name(results->path, results->aside, sizeof results->aside);
    if (rename(results->path, results->aside) == 0) return GS_OK;
    gs_status status = gs_fail(error, GS_ERROR_STORAGE, "cannot rename '%s' to '%s': %s", results->path, results->aside,
                               strerror(errno));
    results->aside[0] = '\0';
    return status;
}

static char *join_overrides(const gs_options *options)
{
    size_t size = 1;
    for (size_t i = 0; i < options->override_count; i++) size += strlen(options->overrides[i]) + 1;
    char *text = calloc(1, size);
    for (size_t i = 0; text != NULL && i < options->override_count; i++) {
        strcat(text, options->overrides[i]);
        strcat(text, "\n");
    }
    return text;
}

/* The lock is held. */
static gs_status open_file(gs_results *results, const gs_options *options, const gs_store_contents *contents,
                           gs_error *error)
{
    struct stat found;
    bool there = stat(results->path, &found) == 0;
    gs_status status = GS_OK;
    if (there && !S_ISREG(found.st_mode))
        return gs_fail(error, GS_ERROR_STORAGE, "'%s' is no results file of gensweep, so it is left alone",
                       results->path);
    if (there && options->fresh) status = put_aside(results, error);
    if (status != GS_OK) return status;
    if (there && !options->fresh) return gs_store_open(&results->store, results->path, contents, error);
    status = gs_store_create(&results->store, results->path, contents, error);
    if (status != GS_OK && results->aside[0] != '\0')
        rename(results->aside, results->path); /* nothing has been touched */
    return status;
}

gs_status gs_results_open(gs_results *results, const gs_options *options, const gs_launch *launch,
                          const gs_sweep *sweep, const gs_plan *plan, const gs_digits *digits, gs_error *error)
{
    *results = (gs_results){.portable = gs_choice_with_sweep(options, sweep)};
    char *overrides = join_overrides(options);
    if (overrides == NULL) return gs_fail(error, GS_ERROR_MEMORY, "out of memory for the command line");
    gs_store_contents contents = {
        .sweep = sweep,
        .plan = plan,
        .digits = digits,
        .version = gs_version,
        .overrides = overrides,
        .facts = launch->facts,
        .fact_count = launch->count,
        .retry_failed = options->retry_failed,
        .max_attempts = options->max_attempts,
    };
    gs_status status = choose_path(results, options, sweep, error);
    if (status == GS_OK) status = gs_lock_take(&results->lock, results->path, error);
    if (status == GS_OK) gs_remove_temporaries(results->path);
    if (status == GS_OK) contents.killed = gs_lock_was_left(results->lock);
    if (status == GS_OK) status = open_file(results, options, &contents, error);
    if (status == GS_OK) gs_lock_settle(results->lock);
    if (status != GS_OK) gs_lock_release(&results->lock);
    free(overrides);
    return status;
}

gs_status gs_results_efforts(gs_results *results, const gs_world *world, const gs_effort *efforts, gs_error *error)
{
    gs_rank_record *records = calloc((size_t)world->size, sizeof *records);
    size_t count = 0;
    if (records == NULL) return gs_fail(error, GS_ERROR_MEMORY, "out of memory: %d ranks", world->size);
    for (int rank = 0; rank < world->size; rank++) {
        const gs_effort *effort = &efforts[rank];
        if (!(effort->present > 0)) continue;
        gs_rank_record *record = &records[count++];
        *record = (gs_rank_record){.rank = rank,
                                   .runs = effort->runs,
                                   .present = effort->present,
                                   .training = effort->training,
                                   .managing = effort->managing,
                                   .wait_median = gs_efforts_wait(effort, 1, 0.5),
                                   .wait_99 = gs_efforts_wait(effort, 1, 0.99),
                                   .wait_longest = gs_efforts_wait(effort, 1, 1)};
        snprintf(record->host, sizeof record->host, "%s", gs_world_host(world, rank));
    }
    gs_status status = gs_store_ranks(results->store, records, count, error);
    free(records);
    return status;
}

gs_status gs_results_close(gs_results *results, gs_error *error)
{
    gs_status status = gs_store_close(&results->store, error);
    gs_lock_release(&results->lock);
    return status;
}

/* ---- telling ----------------------------------------------------------------------------------------------------- */

enum { KEPT_LABELS = 20 };

typedef struct {
    int64_t told, count;
} kept_list;

static void tell_kept(void *context, const char *label)
{
    kept_list *list = context;
    if (list->told < KEPT_LABELS) fprintf(stderr, "  %s\n", label);
    list->told++;
}

static void tell_new(const gs_results *results, const gs_plan *plan, int ranks)
{
    if (results->aside[0] != '\0')
        fprintf(stderr, "gensweep: the earlier %s is now %s\n", results->path, results->aside);
    fprintf(stderr, "gensweep: %zu run%s (%zu variant%s x %zu seed%s) on %d rank%s into %s\n", plan->run_count,
            gs_plural((int64_t)plan->run_count), plan->variant_count, gs_plural((int64_t)plan->variant_count),
            plan->seed_count, gs_plural((int64_t)plan->seed_count), ranks, gs_plural(ranks), results->path);
}

static void tell_continued(const gs_results *results, const gs_store_state *state, int ranks)
{
    if (state->aside[0] != '\0')
        fprintf(stderr, "gensweep: %s has been extended; the file from before is kept as %s\n", results->path,
                state->aside);
    if (state->note[0] != '\0') fprintf(stderr, "gensweep: note: %s\n", state->note);
    if (state->kernel[0] != '\0')
        fprintf(
            stderr,
            "gensweep: note: runs of this file were trained with the BLAS kernels '%s', and these are '%s': the same "
            "settings and seed give other last bits with them; OPENBLAS_CORETYPE=%s %sgoes on with the former\n",
            state->kernel, gs_blas_kernel(), state->kernel, results->portable ? "and --kernels native " : "");
    if (state->set_aside > 0)
        fprintf(stderr, "gensweep: %lld run%s failed: in flight each time the program ended (--max-attempts)\n",
                (long long)state->set_aside, state->set_aside == 1 ? " has" : "s have");
    const char *verb = state->added > 0 ? "extending" : "resuming";
    fprintf(stderr, "gensweep: %s %s: %lld done, %lld failed, ", verb, results->path, (long long)state->done,
            (long long)state->failed);
    if (state->to_do == 0)
        fprintf(stderr, "nothing to do%s\n", state->failed > 0 ? " (--retry-failed runs the failed ones again)" : "");
    else fprintf(stderr, "%lld to do", (long long)state->to_do);
    if (state->to_do > 0 && state->added > 0) fprintf(stderr, ", %lld of them new", (long long)state->added);
    if (state->to_do > 0 && state->interrupted > 0)
        fprintf(stderr, "; %lld in flight when the last program ended", (long long)state->interrupted);
    if (state->to_do > 0) fprintf(stderr, "; on %d rank%s\n", ranks, gs_plural(ranks));
}

gs_status gs_results_announce(const gs_results *results, const gs_plan *plan, int ranks, gs_error *error)
{
    const gs_store_state *state = gs_store_opened(results->store);
    if (!state->continued) {
        tell_new(results, plan, ranks);
        return GS_OK;
    }
    tell_continued(results, state, ranks);
    if (state->kept == 0) return GS_OK;
    kept_list list = {.count = state->kept};
    fprintf(stderr, "gensweep: %lld run%s no longer in the sweep; the file keeps:\n", (long long)state->kept,
            state->kept == 1 ? " of the file is" : "s of the file are");
    gs_status status = gs_store_kept(results->store, tell_kept, &list, error);
    if (list.told > KEPT_LABELS) fprintf(stderr, "  and %lld more\n", (long long)(list.told - KEPT_LABELS));
    return status;
}
