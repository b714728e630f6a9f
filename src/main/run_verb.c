#include "main/run_verb.h"

#include <stdio.h>
#include <stdlib.h>

#include "farm/farm.h"
#include "main/choice.h"
#include "main/exits.h"
#include "main/inputs.h"
#include "main/kernels.h"
#include "main/launch.h"
#include "main/progress.h"
#include "main/results.h"
#include "main/summary.h"
#include "main/words.h"

/* Everything that rank 0 prepares before the first run. */
typedef struct {
    gs_sweep *sweep;
    gs_plan *plan;
    gs_results results;
    gs_progress *progress;
    gs_summary *summary;
    gs_common common;
    int64_t failed_runs;
    bool fresh; /* an earlier file was put aside */
} launch_state;

static void on_earlier(void *context, const gs_row *row)
{
    launch_state *state = context;
    gs_summary_add(state->summary, row);
    state->failed_runs += row->failed != 0;
}

/* Mid-run checkpoints go with the file that they belong to; those of a file that is no more are of no use. */
static void put_midruns_aside(const launch_state *state)
{
    char folder[GS_MIDRUN_FOLDER] = "";
    if (state->results.aside[0] != '\0') gs_midrun_folder(state->results.aside, folder);
    if (folder[0] == '\0' || rename(state->common.folder, folder) != 0) gs_midrun_remove_all(state->common.folder);
}

static gs_status prepare(launch_state *state, const gs_options *options, const gs_launch *launch, gs_error *error)
{
    gs_status status = gs_inputs_read(options, &state->sweep, &state->plan, &state->common.digits, error);
    if (status == GS_OK) status = gs_progress_create(&state->progress, options->progress, error);
    if (status == GS_OK)
        status =
            gs_results_open(&state->results, options, launch, state->sweep, state->plan, &state->common.digits, error);
    if (status == GS_OK) status = gs_summary_create(&state->summary, state->results.store, error);
    if (status == GS_OK) status = gs_store_ended(state->results.store, on_earlier, state, error);
    if (status != GS_OK) return status;
    state->common.storage = gs_store_storage(state->results.store);
    snprintf(state->common.program, sizeof state->common.program, "%s", gs_program);
    gs_midrun_folder(state->results.path, state->common.folder);
    state->fresh = options->fresh;
    if (options->fresh) put_midruns_aside(state);
    return GS_OK;
}

static void on_finished(void *context, const gs_row *row)
{
    launch_state *state = context;
    gs_summary_add(state->summary, row);
    if (row->failed == 0) return;
    state->failed_runs++;
    gs_progress_say(state->progress, "gensweep: run %lld (%s, seed %llu) failed: %s",
                    (long long)gs_store_row(state->results.store, row->run),
                    gs_store_variant(state->results.store, (size_t)row->run / state->plan->seed_count),
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

/* What is said last, on stdout. Returns the exit code. */
static int conclude(const launch_state *state, const gs_farm_end *end)
{
    gs_summary_print(state->summary);
    printf("results: %s\n", state->results.path);
    if (end->lost > 0)
        printf("lost: %d rank%s on the way; %s\n", end->lost, gs_plural(end->lost),
               end->counts.waiting == 0 ? "the others have done their runs" : "run the same command again");
    if (end->counts.waiting == 0) return state->failed_runs > 0 ? GS_EXIT_RUNS_FAILED : EXIT_SUCCESS;
    printf("drained: %lld of %zu runs are done, %lld failed, %lld wait; run the same command again%s\n",
           (long long)end->counts.done, state->plan->run_count, (long long)end->counts.failed,
           (long long)end->counts.waiting, state->fresh ? ", without --fresh" : "");
    return GS_EXIT_DRAINED;
}

/* All of it. Returns the exit code. */
static int manage(const gs_world *world, const gs_options *options, const gs_launch *launch)
{
    static launch_state state;
    gs_error error = {{0}};
    gs_status status = prepare(&state, options, launch, &error);
    if (status != GS_OK) gs_exit_tell(&error);
    int verdict = gs_exit_of(status);
    gs_world_broadcast(world, &verdict, sizeof verdict);
    if (verdict != EXIT_SUCCESS) {
        status = gs_results_close(&state.results, NULL);
        release(&state);
        return verdict;
    }
    gs_world_broadcast(world, &state.common, sizeof state.common);
    status = gs_results_announce(&state.results, state.plan, world->size, &error);
    gs_observer observer = {.finished = on_finished, .tick = on_tick, .note = on_note, .context = &state};
    gs_farm_end end = {.efforts = NULL};
    gs_agenda agenda = gs_agenda_of_store(state.results.store);
    if (status == GS_OK) status = gs_farm_manage(world, &state.common, &agenda, &observer, &end, &error);
    if (status == GS_OK) status = gs_results_efforts(&state.results, world, end.efforts, &error);
    free(end.efforts);
    gs_status closed = gs_results_close(&state.results, status == GS_OK ? &error : NULL);
    if (status == GS_OK) status = closed;
    if (status != GS_OK) { /* the workers wait for an answer that cannot come */
        gs_progress_say(state.progress, "gensweep: %s", error.text);
        gs_world_abort(world, gs_exit_of(status));
    }
    gs_midrun_close(state.common.folder);
    gs_progress_destroy(&state.progress);
    verdict = conclude(&state, &end);
    fflush(stdout);
    gs_farm_dismiss(world, &end, verdict);
    release(&state);
    return verdict;
}

int gs_run_manage(const gs_world *world, const gs_options *options, int argc, char **argv)
{
    static gs_launch launch;
    char hosts[GS_FACT_TEXT], odd[256];
    gs_world_hosts(world, hosts, sizeof hosts);
    if (gs_kernels_odd(odd, sizeof odd) && !gs_choice_is_portable(options))
        fprintf(stderr, "gensweep: note: %s\n", odd);
    gs_launch_describe(&launch, world, hosts, argc, argv);
    return manage(world, options, &launch);
}
