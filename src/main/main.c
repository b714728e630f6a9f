#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "farm/drain.h"
#include "farm/farm.h"
#include "main/inputs.h"
#include "main/launch.h"
#include "main/limits.h"
#include "main/options.h"
#include "main/plan_verb.h"
#include "main/progress.h"
#include "main/summary.h"
#include "nn/matrix.h"
#include "store/file.h"

enum { EXIT_RUNS_FAILED = 1, EXIT_INPUT = 2, EXIT_STORAGE = 3, EXIT_INTERNAL = 70, EXIT_DRAINED = 75 };

static int exit_code_of(gs_status status)
{
    switch (status) {
    case GS_OK: return EXIT_SUCCESS;
    case GS_ERROR_INPUT: return EXIT_INPUT;
    case GS_ERROR_STORAGE: return EXIT_STORAGE;
    case GS_ERROR_MEMORY:
    case GS_ERROR_INTERNAL:
    case GS_STATUS_COUNT: break;
    }
    return EXIT_INTERNAL;
}

/* Errors that begin with a place in a file stand alone, as compilers write them. */
static void tell(const gs_error *error)
{
    bool placed = strchr(error->text, '\n') != NULL;
    fprintf(stderr, "%s%s\n", placed ? "" : "gensweep: ", error->text);
}

enum { GS_ASIDE = GS_PATH + 16 };

/* Everything that rank 0 prepares before the first run. */
typedef struct {
    gs_sweep *sweep;
    gs_plan *plan;
    gs_store *store;
    gs_progress *progress;
    gs_summary *summary;
    gs_common common;
    int64_t failed_runs;
    char path[GS_PATH];
    char aside[GS_ASIDE]; /* where --fresh has put the earlier file; empty: there was none */
} launch_state;

/* Renames an existing results file to FILE.1, FILE.2, ...; `aside` gets the name, "" if there was none. */
static gs_status put_aside(const char *path, char aside[GS_ASIDE], gs_error *error)
{
    struct stat found;
    aside[0] = '\0';
    if (stat(path, &found) != 0) return GS_OK;
    if (!S_ISREG(found.st_mode) || !gs_file_is_ours(path))
        return gs_fail(error, GS_ERROR_STORAGE, "'%s' is no results file of gensweep, so it is left alone", path);
    for (int number = 1;; number++) {
        snprintf(aside, GS_ASIDE, "%s.%d", path, number);
        if (stat(aside, &found) != 0) break;
    }
    if (rename(path, aside) == 0) return GS_OK;
    gs_status status = gs_fail(error, GS_ERROR_STORAGE, "cannot rename '%s' to '%s': %s", path, aside, strerror(errno));
    aside[0] = '\0';
    return status;
}

static gs_status choose_path(launch_state *state, const gs_options *options, gs_error *error)
{
    if (options->output != NULL) {
        if (strlen(options->output) >= sizeof state->path)
            return gs_fail(error, GS_ERROR_INPUT, "-o: a path of %zu bytes is too long", strlen(options->output));
        snprintf(state->path, sizeof state->path, "%s", options->output);
    } else {
        snprintf(state->path, sizeof state->path, "results/%s.h5", state->sweep->name);
        if (mkdir("results", 0777) != 0 && errno != EEXIST)
            return gs_fail(error, GS_ERROR_STORAGE, "cannot make the folder 'results': %s", strerror(errno));
    }
    if (options->fresh) return put_aside(state->path, state->aside, error);
    struct stat found;
    if (stat(state->path, &found) == 0)
        return gs_fail(error, GS_ERROR_STORAGE,
                       "'%s' exists; this version cannot continue a file. Give another name with -o, or --fresh to rename the old one",
                       state->path);
    return GS_OK;
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

static gs_status create_store(launch_state *state, const gs_options *options, const gs_launch *launch, gs_error *error)
{
    char *overrides = join_overrides(options);
    if (overrides == NULL) return gs_fail(error, GS_ERROR_MEMORY, "out of memory for the command line");
    gs_store_contents contents = {
        .sweep = state->sweep,
        .plan = state->plan,
        .digits = &state->common.digits,
        .version = gs_version,
        .overrides = overrides,
        .facts = launch->facts,
        .fact_count = launch->count,
    };
    gs_status status = gs_store_create(&state->store, state->path, &contents, error);
    free(overrides);
    return status;
}

/* Mid-run checkpoints go with the file that they belong to; those of a file that is no more are of no use. */
static void put_midruns_aside(const launch_state *state)
{
    char folder[GS_MIDRUN_FOLDER] = "";
    if (state->aside[0] != '\0') gs_midrun_folder(state->aside, folder);
    if (folder[0] == '\0' || rename(state->common.folder, folder) != 0) gs_midrun_remove_all(state->common.folder);
}

static gs_status prepare(launch_state *state, const gs_options *options, const gs_launch *launch, gs_error *error)
{
    gs_status status = gs_inputs_read(options, &state->sweep, &state->plan, &state->common.digits, error);
    if (status == GS_OK) status = choose_path(state, options, error);
    if (status == GS_OK) status = gs_summary_create(&state->summary, state->plan, error);
    if (status == GS_OK) status = gs_progress_create(&state->progress, options->progress, error);
    if (status == GS_OK) status = create_store(state, options, launch, error);
    if (status != GS_OK) {
        if (state->aside[0] != '\0') rename(state->aside, state->path); /* nothing has been touched */
        return status;
    }
    if (state->aside[0] != '\0') fprintf(stderr, "gensweep: the earlier %s is now %s\n", state->path, state->aside);
    state->common.storage = state->sweep->storage;
    state->common.storage.width = gs_plan_largest(state->plan, GS_SETTING_SAMPLES);
    snprintf(state->common.program, sizeof state->common.program, "%s", gs_program);
    gs_midrun_folder(state->path, state->common.folder);
    if (options->fresh) put_midruns_aside(state);
    return GS_OK;
}

static void on_finished(void *context, const gs_row *row)
{
    launch_state *state = context;
    gs_summary_add(state->summary, row);
    if (row->failed == 0) return;
    state->failed_runs++;
    gs_progress_say(state->progress, "gensweep: run %lld (%s, seed %llu) failed: %s", (long long)row->run,
                    gs_plan_variant(state->plan, (size_t)row->run)->label,
                    (unsigned long long)gs_plan_job(state->plan, (size_t)row->run).seed, row->error);
}

static void on_tick(void *context, const gs_farm_view *view)
{
    gs_progress_tick(((launch_state *)context)->progress, view);
}

static void on_note(void *context, const char *sentence)
{
    gs_progress_say(((launch_state *)context)->progress, "gensweep: %s", sentence);
}

static void release(launch_state *state)
{
    gs_progress_destroy(&state->progress);
    gs_summary_destroy(&state->summary);
    gs_plan_destroy(&state->plan);
    gs_sweep_destroy(&state->sweep);
}

static const char *plural(size_t count)
{
    return count == 1 ? "" : "s";
}

/* What is said last, on stdout. Returns the exit code. */
static int conclude(const launch_state *state, const gs_farm_end *end)
{
    gs_summary_print(state->summary);
    printf("results: %s\n", state->path);
    if (end->counts.waiting == 0) return state->failed_runs > 0 ? EXIT_RUNS_FAILED : EXIT_SUCCESS;
    printf("drained: %lld of %zu runs are done, %lld failed, %lld wait; run the same command again\n",
           (long long)end->counts.done, state->plan->run_count, (long long)end->counts.failed, (long long)end->counts.waiting);
    return EXIT_DRAINED;
}

/* Rank 0's part of a sweep. Returns the exit code. */
static int manage(const gs_world *world, const gs_options *options, const gs_launch *launch)
{
    static launch_state state;
    gs_error error = {{0}};
    gs_status status = prepare(&state, options, launch, &error);
    if (status != GS_OK) tell(&error);
    int verdict = exit_code_of(status);
    gs_world_broadcast(world, &verdict, sizeof verdict);
    if (verdict != EXIT_SUCCESS) {
        release(&state);
        return verdict;
    }
    gs_world_broadcast(world, &state.common, sizeof state.common);
    gs_progress_say(state.progress, "gensweep: %zu run%s (%zu variant%s x %zu seed%s) on %d rank%s into %s", state.plan->run_count,
                    plural(state.plan->run_count), state.plan->variant_count, plural(state.plan->variant_count),
                    state.plan->seed_count, plural(state.plan->seed_count), world->size, plural((size_t)world->size), state.path);
    gs_observer observer = {.finished = on_finished, .tick = on_tick, .note = on_note, .context = &state};
    gs_farm_end end;
    status = gs_farm_manage(world, &state.common, state.plan, state.store, &observer, &end, &error);
    gs_status closed = gs_store_close(&state.store, status == GS_OK ? &error : NULL);
    if (status == GS_OK) status = closed;
    if (status != GS_OK) { /* the workers wait for an answer that cannot come */
        gs_progress_say(state.progress, "gensweep: %s", error.text);
        gs_world_abort(world, exit_code_of(status));
    }
    gs_midrun_close(state.common.folder);
    gs_progress_destroy(&state.progress);
    verdict = conclude(&state, &end);
    fflush(stdout);
    gs_farm_dismiss(world, &end);
    gs_world_broadcast(world, &verdict, sizeof verdict);
    release(&state);
    return verdict;
}

/* The part of every other rank. */
static int work(const gs_world *world)
{
    int verdict;
    gs_common common;
    gs_error error = {{0}};
    gs_world_broadcast(world, &verdict, sizeof verdict);
    if (verdict != EXIT_SUCCESS) return verdict;
    gs_world_broadcast(world, &common, sizeof common);
    gs_status status = gs_farm_work(world, &common, &error);
    if (status != GS_OK) { /* rank 0 waits for a result that cannot come */
        fprintf(stderr, "gensweep: rank %d: %s\n", world->rank, error.text);
        gs_world_abort(world, exit_code_of(status));
    }
    gs_world_broadcast(world, &verdict, sizeof verdict);
    return verdict;
}

static int run(const gs_world *world, const gs_options *options, int argc, char **argv)
{
    static gs_launch launch;
    char hosts[GS_FACT_TEXT] = "";
    gs_world_hosts(world, hosts, sizeof hosts);
    if (world->rank != 0) return work(world);
    gs_launch_describe(&launch, world, hosts, argc, argv);
    gs_limits_set(options);
    return manage(world, options, &launch);
}

/* Verbs that need one rank only. */
static int print_only(const gs_options *options, const gs_world *world)
{
    gs_error error = {{0}};
    gs_status status = GS_OK;
    if (world->rank != 0) return EXIT_SUCCESS;
    if (options->verb == GS_VERB_HELP) gs_help_print(options->help_about);
    else if (options->verb == GS_VERB_VERSION) gs_version_print(world);
    else if (options->verb == GS_VERB_PLAN) status = gs_plan_print(options, &error);
    else status = gs_settings_print(options->model, &error);
    if (status != GS_OK) tell(&error);
    return exit_code_of(status);
}

int main(int argc, char **argv)
{
    gs_options options;
    gs_error error = {{0}};
    gs_status status = gs_options_read(&options, argc, argv, &error);
    if (status == GS_OK && options.verb == GS_VERB_RUN) gs_drain_install(); /* before the long way to the first run */
    gs_world world = gs_world_create(&argc, &argv);
    gs_blas_one_thread();
    int code = exit_code_of(status);
    if (status != GS_OK && world.rank == 0) tell(&error);
    if (status == GS_OK) code = options.verb == GS_VERB_RUN ? run(&world, &options, argc, argv) : print_only(&options, &world);
    gs_options_free(&options);
    gs_world_destroy(&world);
    return code;
}
