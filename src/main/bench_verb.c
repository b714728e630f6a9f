#include "main/bench_verb.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "farm/farm.h"
#include "ground/clock.h"
#include "main/exits.h"
#include "main/results.h"

/* ---- one pass ---------------------------------------------------------------------------------------------------- */

typedef struct {
    double seconds;
    gs_effort *efforts; /* owned */
    double memory;      /* most bytes of rank 0 until then */
} pass;

static gs_job job_of(void *plan, int64_t run)
{
    return gs_plan_job(plan, (size_t)run);
}

static void ignore_row(void *context, const gs_row *row)
{
    (void)context, (void)row;
}

static void ignore_view(void *context, const gs_farm_view *view)
{
    (void)context, (void)view;
}

static void tell_note(void *context, const char *sentence)
{
    (void)context;
    fprintf(stderr, "gensweep: %s\n", sentence);
}

static gs_status measure(const gs_world *world, const gs_common *common, const gs_agenda *agenda, pass *measured,
                         gs_error *error)
{
    gs_observer observer = {.finished = ignore_row, .tick = ignore_view, .note = tell_note};
    gs_farm_end end = {.efforts = NULL};
    struct rusage usage;
    double begun = gs_clock();
    gs_status status = gs_farm_manage(world, common, agenda, &observer, &end, error);
    measured->seconds = gs_clock() - begun;
    measured->efforts = end.efforts;
    gs_presence_destroy(&end.presence); /* all have left, and work again */
    if (getrusage(RUSAGE_SELF, &usage) == 0) measured->memory = 1024.0 * (double)usage.ru_maxrss;
    if (status == GS_OK && end.lost > 0) status = gs_fail(error, GS_ERROR_INTERNAL, "%d ranks were lost", end.lost);
    return status;
}

/* ---- telling ----------------------------------------------------------------------------------------------------- */

static void print(const pass *measured, const gs_plan *plan, const gs_world *world, const char *what, bool json)
{
    const gs_effort *efforts = measured->efforts, *workers = efforts + 1;
    const int count = world->size - 1;
    double runs = (double)plan->run_count, busy = efforts[0].managing / efforts[0].present;
    double median = 1e6 * gs_efforts_wait(workers, count, 0.5), late = 1e6 * gs_efforts_wait(workers, count, 0.99);
    if (json) {
        printf("{\"what\": \"%s\", \"ranks\": %d, \"runs\": %.0f, \"seconds\": %.4f, \"runs_per_second\": %.0f, "
               "\"by_rank_0\": %lld, "
               "\"rank_0_busy\": %.3f, \"rank_0_bytes\": %.0f",
               what, world->size, runs, measured->seconds, runs / measured->seconds, (long long)efforts[0].runs, busy,
               measured->memory);
        if (count > 0) printf(", \"wait_median_us\": %.1f, \"wait_99_us\": %.1f", median, late);
        printf("}\n");
        return;
    }
    printf("%-24s %10.0f runs/s   (%.0f runs in %.3f s, %.0f %% of them on rank 0)\n", what, runs / measured->seconds,
           runs, measured->seconds, 100 * (double)efforts[0].runs / runs);
    printf("%-24s rank 0 manages %.0f %% of the time and has had at most %.0f MB", "", 100 * busy,
           measured->memory / 1e6);
    if (count > 0) printf("; a rank waits %.0f us for its next run, 99 %% below %.0f us", median, late);
    printf("\n");
}

/* ---- all of it --------------------------------------------------------------------------------------------------- */

typedef struct {
    gs_sweep *sweep;
    gs_plan *plan;
    gs_common common;
    pass dispatch, commit;
} bench;

static gs_status prepare(bench *all, const gs_options *options, gs_error *error)
{
    char text[256];
    int length = snprintf(text, sizeof text,
                          "name: idle_runs\nseeds: {first: 0, count: %ld}\nparameters: {model: oracle, steps: "
                          "1}\nevaluation: {samples: 1}\n"
                          "storage: {samples: none, checkpoints: none, checkpoint_every: off}\n",
                          options->null_runs);
    gs_status status = gs_sweep_read_text(&all->sweep, "idle runs", text, (size_t)length, NULL, 0, error);
    if (status == GS_OK) status = gs_plan_create(&all->plan, all->sweep, error);
    gs_digits_draw(&all->common.digits);
    all->common.storage = (gs_storage){.samples = false};
    all->common.idle = true;
    return status;
}

static gs_status measure_dispatch(bench *all, const gs_world *world, gs_error *error)
{
    gs_agenda agenda = gs_agenda_without_store(all->plan, (int64_t)all->plan->run_count, job_of);
    return measure(world, &all->common, &agenda, &all->dispatch, error);
}

static gs_status measure_commit(bench *all, const gs_world *world, const gs_options *options, int argc, char **argv,
                                gs_error *error)
{
    static gs_launch launch;
    static gs_results results;
    gs_options named = *options;
    char path[64], hosts[GS_FACT_TEXT];
    snprintf(path, sizeof path, "idle_runs.%ld.h5", (long)getpid());
    if (options->output == NULL) named.output = path;
    gs_world_hosts(world, hosts, sizeof hosts);
    gs_launch_describe(&launch, world, hosts, argc, argv);
    gs_status status = gs_results_open(&results, &named, &launch, all->sweep, all->plan, &all->common.digits, error);
    if (status != GS_OK) return status;
    gs_agenda agenda = gs_agenda_of_store(results.store);
    status = measure(world, &all->common, &agenda, &all->commit, error);
    if (status == GS_OK) status = gs_results_efforts(&results, world, all->commit.efforts, error);
    gs_status closed = gs_results_close(&results, status == GS_OK ? error : NULL);
    if (options->output == NULL) unlink(path);
    return status == GS_OK ? closed : status;
}

static void release(bench *all)
{
    free(all->dispatch.efforts);
    free(all->commit.efforts);
    gs_plan_destroy(&all->plan);
    gs_sweep_destroy(&all->sweep);
}

/* Two farms, one after the other: workers work for both. */
static int manage(const gs_world *world, const gs_options *options, int argc, char **argv)
{
    static bench all;
    gs_error error = {{0}};
    gs_status status = prepare(&all, options, &error);
    if (status == GS_OK) {
        gs_world_broadcast(world, &all.common, sizeof all.common);
        status = measure_dispatch(&all, world, &error);
    }
    if (status == GS_OK) status = measure_commit(&all, world, options, argc, argv, &error);
    if (status != GS_OK) {
        gs_exit_tell(&error);
        gs_world_abort(world, gs_exit_of(status));
    }
    print(&all.dispatch, all.plan, world, "without results", options->json);
    print(&all.commit, all.plan, world, "with results in a file", options->json);
    release(&all);
    return EXIT_SUCCESS;
}

static int work(const gs_world *world)
{
    gs_common common;
    gs_error error = {{0}};
    gs_world_broadcast(world, &common, sizeof common);
    gs_status status = gs_farm_work(world, &common, &error);
    if (status == GS_OK) status = gs_farm_work(world, &common, &error);
    if (status == GS_OK) return EXIT_SUCCESS;
    gs_exit_tell(&error);
    gs_world_abort(world, gs_exit_of(status));
    return EXIT_FAILURE;
}

int gs_bench_run(const gs_world *world, const gs_options *options, int argc, char **argv)
{
    return world->rank == 0 ? manage(world, options, argc, argv) : work(world);
}
