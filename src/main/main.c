#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "farm/drain.h"
#include "farm/farm.h"
#include "main/audit_verb.h"
#include "main/bench_verb.h"
#include "main/exits.h"
#include "main/inputs.h"
#include "main/kernels.h"
#include "main/launch.h"
#include "main/limits.h"
#include "main/options.h"
#include "main/plan_verb.h"
#include "main/progress.h"
#include "main/results.h"
#include "main/status_verb.h"
#include "main/summary.h"
#include "main/verify_verb.h"
#include "nn/matrix.h"
#include "store/guard.h"

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
        printf("lost: %d rank%s on the way; %s\n", end->lost, end->lost == 1 ? "" : "s",
               end->counts.waiting == 0 ? "the others have done their runs" : "run the same command again");
    if (end->counts.waiting == 0) return state->failed_runs > 0 ? GS_EXIT_RUNS_FAILED : EXIT_SUCCESS;
    printf("drained: %lld of %zu runs are done, %lld failed, %lld wait; run the same command again%s\n",
           (long long)end->counts.done, state->plan->run_count, (long long)end->counts.failed,
           (long long)end->counts.waiting, state->fresh ? ", without --fresh" : "");
    return GS_EXIT_DRAINED;
}

/* Rank 0's part of a sweep. Returns the exit code. */
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
        gs_world_abort(world, gs_exit_of(status));
    }
    gs_world_broadcast(world, &verdict, sizeof verdict);
    return verdict;
}

/* Portable kernels are asked for, on the command line or in the sweep. Every rank looks, because MPI may not be started
 * yet; what is wrong with the sweep rank 0 tells later. */
static bool wants_portable(const gs_options *options)
{
    bool reads_sweep = options->verb == GS_VERB_RUN || options->verb == GS_VERB_PLAN;
    if (!reads_sweep || options->kernels_given) return options->kernels == GS_KERNELS_PORTABLE;
    gs_sweep *sweep = NULL;
    gs_error unused;
    bool portable =
        gs_sweep_read(&sweep, options->sweep, options->overrides, options->override_count, &unused) == GS_OK &&
        sweep->portable;
    gs_sweep_destroy(&sweep);
    return portable;
}

static int run(const gs_world *world, const gs_options *options, int argc, char **argv)
{
    static gs_launch launch;
    char hosts[GS_FACT_TEXT], odd[256];
    if (world->rank != 0) return work(world);
    gs_world_hosts(world, hosts, sizeof hosts);
    if (gs_kernels_odd(odd, sizeof odd) && !wants_portable(options)) fprintf(stderr, "gensweep: note: %s\n", odd);
    gs_launch_describe(&launch, world, hosts, argc, argv);
    gs_limits_set(options);
    return manage(world, options, &launch);
}

static int audit(const gs_world *world, const gs_options *options)
{
    char hosts[GS_FACT_TEXT];
    if (world->rank != 0) return work(world);
    gs_world_hosts(world, hosts, sizeof hosts);
    gs_limits_set(options);
    return gs_audit_manage(world, options, hosts);
}

/* Verbs that need one rank only. */
static int print_only(const gs_options *options, const gs_world *world)
{
    gs_error error = {{0}};
    gs_status status = GS_OK;
    bool differs = false;
    if (world->rank != 0) return EXIT_SUCCESS;
    if (options->verb == GS_VERB_HELP) gs_help_print(options->help_about);
    else if (options->verb == GS_VERB_VERSION) gs_version_print(world);
    else if (options->verb == GS_VERB_STATUS) status = gs_status_print(options, &error);
    else if (options->verb == GS_VERB_VERIFY && options->repair) status = gs_repair_print(options, &differs, &error);
    else if (options->verb == GS_VERB_VERIFY) status = gs_verify_print(options, &differs, &error);
    else if (options->verb == GS_VERB_PLAN) status = gs_plan_print(options, &error);
    else status = gs_settings_print(options->model, &error);
    if (status != GS_OK) gs_exit_tell(&error);
    return status == GS_OK && differs ? GS_EXIT_DIFFERENCE : gs_exit_of(status);
}

/* Verbs that multiply matrices, with what OpenBLAS and the CPU need for it. */
static gs_status reserve(const gs_options *options, gs_error *error)
{
    bool computes = options->verb == GS_VERB_RUN || options->verb == GS_VERB_AUDIT || options->verb == GS_VERB_PLAN ||
                    options->repair;
    gs_status status = computes ? gs_kernels_run_here(error) : GS_OK;
    if (status != GS_OK || !computes || gs_blas_reserve()) return status;
    return gs_fail(error, GS_ERROR_MEMORY,
                   "out of memory: OpenBLAS needs %d MiB of address space to begin with; allow more (ulimit -v, the "
                   "job's memory)",
                   GS_BLAS_MEMORY >> 20);
}

/* May execute the program anew. */
static gs_status choose_kernels(const gs_options *options, char **argv, gs_error *error)
{
    char kernel[GS_KERNEL];
    if (wants_portable(options)) {
        gs_status status = gs_kernels_pin(gs_kernels_portable, argv, error);
        return options->verb == GS_VERB_PLAN ? GS_OK : status; /* a sweep may be planned where it cannot run */
    }
    if (options->verb == GS_VERB_VERIFY) return options->repair ? gs_repair_kernels(options, argv, error) : GS_OK;
    if (options->kernels != GS_KERNELS_RECORDED) return GS_OK;
    gs_guard_install(GS_EXIT_STORAGE);
    gs_status status = gs_audit_recorded(options, kernel, error);
    gs_guard_remove(); /* MPI is not started yet */
    return status == GS_OK ? gs_kernels_pin(kernel, argv, error) : status;
}

static int dispatch(const gs_world *world, const gs_options *options, int argc, char **argv)
{
    gs_error error = {{0}};
    if (options->verb == GS_VERB_BENCH) return gs_bench_run(world, options, argc, argv);
    if (options->verb != GS_VERB_RUN && options->verb != GS_VERB_AUDIT) return print_only(options, world);
    gs_status status = gs_kernels_agree(world, &error);
    if (status != GS_OK && world->rank == 0) gs_exit_tell(&error);
    if (status != GS_OK) return gs_exit_of(status);
    return options->verb == GS_VERB_RUN ? run(world, options, argc, argv) : audit(world, options);
}

/* The exit code, or that of storage if what was printed got lost on the way. */
static int end_output(int code)
{
    errno = 0;
    fflush(NULL);
    if (!ferror(stdout)) return code;
    fprintf(stderr, "gensweep: its output is lost: writing to stdout failed%s%s\n", errno != 0 ? ": " : "",
            errno != 0 ? strerror(errno) : "");
    return code == EXIT_SUCCESS ? GS_EXIT_STORAGE : code;
}

/* A stream that the caller has closed must not become a file of ours, into which the program would then talk. Writing
 * to it fails, as it would have. */
static void keep_streams_apart(void)
{
    for (int stream = STDIN_FILENO; stream <= STDERR_FILENO; stream++)
        if (fcntl(stream, F_GETFD) < 0 && errno == EBADF && open("/dev/null", O_RDONLY) < 0) exit(GS_EXIT_STORAGE);
}

int main(int argc, char **argv)
{
    keep_streams_apart();
    signal(SIGXFSZ, SIG_IGN); /* a file that must not grow is an error of writing, which has a sentence */
    gs_options options;
    gs_error error = {{0}};
    gs_status status = gs_options_read(&options, argc, argv, &error);
    gs_status own = GS_OK; /* what may be wrong with this rank alone */
    bool trains = options.verb == GS_VERB_RUN || options.verb == GS_VERB_AUDIT;
    if (status == GS_OK) status = own = choose_kernels(&options, argv, &error);
    if (status == GS_OK && trains) gs_drain_install(); /* before the long way to the first run */
    gs_world world = gs_world_create(&argc, &argv);
    gs_guard_install(GS_EXIT_STORAGE);
    gs_blas_one_thread();
    if (status == GS_OK) status = own = reserve(&options, &error);
    int code = gs_exit_of(status);
    if (status != GS_OK && (world.rank == 0 || own != GS_OK)) gs_exit_tell(&error);
    bool at_once =
        own == GS_ERROR_MEMORY; /* OpenBLAS's threads look for memory too, and do not end before they have it */
    if (own != GS_OK && (world.size > 1 || at_once)) gs_world_abort(&world, code);
    if (status == GS_OK) code = dispatch(&world, &options, argc, argv);
    gs_options_free(&options);
    code = end_output(code);
    gs_world_destroy(&world, code);
    return code;
}
