#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "farm/drain.h"
#include "farm/farm.h"
#include "main/choice.h"
#include "main/exits.h"
#include "main/kernels.h"
#include "main/limits.h"
#include "main/options.h"
#include "main/verbs.h"
#include "nn/matrix.h"
#include "store/guard.h"

/* ---- before the work --------------------------------------------------------------------------------------------- */

/* What keeps the program from its work, if anything does. */
typedef struct {
    gs_status status;
    gs_error error;
    bool own; /* it may be wrong with this rank alone; of the command line all ranks think the same */
} obstacle;

/* A stream that the caller has closed must not become a file of ours, into which the program would then talk. Writing
 * to it fails, as it would have. */
static void keep_streams_apart(void)
{
    for (int stream = STDIN_FILENO; stream <= STDERR_FILENO; stream++)
        if (fcntl(stream, F_GETFD) < 0 && errno == EBADF && open("/dev/null", O_RDONLY) < 0) exit(GS_EXIT_STORAGE);
}

/* Before MPI is started: kernels are chosen here, which may execute the program anew, and signals are expected, because
 * it is a long way to the first run. */
static obstacle begin(gs_options *options, int argc, char **argv)
{
    obstacle found = {.status = GS_OK};
    keep_streams_apart();
    signal(SIGXFSZ, SIG_IGN); /* a file that must not grow is an error of writing, which has a sentence */
    found.status = gs_options_read(options, argc, argv, &found.error);
    if (found.status != GS_OK) return found;
    found.own = true;
    found.status = gs_choice_of_kernels(options, argv, &found.error);
    if (found.status == GS_OK && gs_verbs[options->verb].trains) gs_drain_install();
    return found;
}

/* Verbs that multiply matrices, with what OpenBLAS and the CPU need for it. */
static gs_status reserve(const gs_options *options, gs_error *error)
{
    bool computes = gs_verbs[options->verb].computes || options->repair;
    gs_status status = computes ? gs_kernels_run_here(error) : GS_OK;
    if (status != GS_OK || !computes || gs_blas_reserve()) return status;
    return gs_fail(error, GS_ERROR_MEMORY,
                   "out of memory: OpenBLAS needs %d MiB of address space to begin with; allow more (ulimit -v, the "
                   "job's memory)",
                   GS_BLAS_MEMORY >> 20);
}

/* When MPI is started, which has signal handlers of its own. */
static void settle(obstacle *found, const gs_options *options)
{
    gs_guard_install(GS_EXIT_STORAGE);
    gs_blas_one_thread();
    if (found->status == GS_OK) found->status = reserve(options, &found->error);
}

/* Returns the exit code, unless the other ranks would wait for this one. */
static int give_up(const obstacle *found, const gs_world *world)
{
    /* OpenBLAS's threads look for memory too, and do not end before they have it */
    bool at_once = found->status == GS_ERROR_MEMORY;
    int code = gs_exit_of(found->status);
    if (world->rank == 0 || found->own) gs_exit_tell(&found->error);
    if (found->own && (world->size > 1 || at_once)) gs_world_abort(world, code);
    return code;
}

/* ---- the work ---------------------------------------------------------------------------------------------------- */

/* The part of every rank but 0, where runs are trained. */
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

/* Rank 0 manages, and the others work for it. */
static int train(const gs_call *call)
{
    gs_error error = {{0}};
    gs_status status = gs_kernels_agree(call->world, &error);
    if (status != GS_OK && call->world->rank == 0) gs_exit_tell(&error);
    if (status != GS_OK) return gs_exit_of(status);
    if (call->world->rank != 0) return work(call->world);
    gs_limits_set(call->options);
    return gs_verbs[call->options->verb].act(call);
}

static int dispatch(const gs_call *call)
{
    const gs_verb_row *verb = &gs_verbs[call->options->verb];
    if (verb->trains) return train(call);
    return verb->on_all_ranks || call->world->rank == 0 ? verb->act(call) : EXIT_SUCCESS;
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

int main(int argc, char **argv)
{
    gs_options options;
    obstacle found = begin(&options, argc, argv);
    gs_world world = gs_world_create(&argc, &argv);
    settle(&found, &options);
    gs_call call = {.world = &world, .options = &options, .argc = argc, .argv = argv};
    int code = found.status == GS_OK ? dispatch(&call) : give_up(&found, &world);
    gs_options_free(&options);
    code = end_output(code);
    gs_world_destroy(&world, code);
    return code;
}
