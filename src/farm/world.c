#include "farm/world.h"

#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ground/clock.h"

enum { HOST = MPI_MAX_PROCESSOR_NAME };

static const double nap = 0.001; /* seconds between two looks at the network */

/* Variables that mpirun, srun with PMIx or PMI, and other launchers set for each rank. */
static bool launched(void)
{
    static const char *const names[] = {"OMPI_COMM_WORLD_SIZE", "PMIX_RANK", "PMI_RANK", "PMI_SIZE", "MPI_LOCALNRANKS"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (getenv(names[i]) != NULL) return true;
    return false;
}

gs_world gs_world_create(int *argc, char ***argv)
{
    gs_world world = {.rank = 0, .size = 1, .mpi = launched()};
    if (!world.mpi) return world;
    int provided;
    MPI_Init_thread(argc, argv, MPI_THREAD_FUNNELED, &provided);
    MPI_Comm_rank(MPI_COMM_WORLD, &world.rank);
    MPI_Comm_size(MPI_COMM_WORLD, &world.size);
    return world;
}

void gs_world_destroy(gs_world *world)
{
    if (world->mpi) MPI_Finalize();
    world->mpi = false;
}

/* Waits for a request, asleep. */
static void wait_for(MPI_Request *request)
{
    for (int complete = 0;;) {
        MPI_Test(request, &complete, MPI_STATUS_IGNORE);
        if (complete) return;
        gs_sleep(nap);
    }
}

void gs_world_broadcast(const gs_world *world, void *bytes, size_t size)
{
    if (world->size == 1) return;
    MPI_Request request;
    MPI_Ibcast(bytes, (int)size, MPI_BYTE, 0, MPI_COMM_WORLD, &request);
    wait_for(&request);
}

void gs_world_hosts(const gs_world *world, char *text, size_t size)
{
    char own[HOST] = "localhost";
    int length = 0;
    if (world->mpi) {
        MPI_Get_processor_name(own, &length);
    } else {
        FILE *file = fopen("/proc/sys/kernel/hostname", "r");
        if (file != NULL && fgets(own, sizeof own, file) != NULL) own[strcspn(own, "\n")] = '\0';
        if (file != NULL) fclose(file);
    }
    char *all = world->rank == 0 ? calloc((size_t)world->size, HOST) : NULL;
    if (world->size > 1) MPI_Gather(own, HOST, MPI_BYTE, all, HOST, MPI_BYTE, 0, MPI_COMM_WORLD);
    else if (all != NULL) memcpy(all, own, HOST);
    if (all == NULL) return;
    size_t used = 0;
    text[0] = '\0';
    for (int rank = 0; rank < world->size; rank++) {
        const char *name = all + (size_t)rank * HOST;
        int before = 0, ranks = 0;
        for (int other = 0; other < world->size; other++) {
            bool same = strcmp(all + (size_t)other * HOST, name) == 0;
            before += same && other < rank;
            ranks += same;
        }
        if (before > 0 || used >= size) continue;
        used += (size_t)snprintf(text + used, size - used, "%s%s", used > 0 ? ", " : "", name);
        if (ranks > 1 && used < size) used += (size_t)snprintf(text + used, size - used, " x %d", ranks);
    }
    free(all);
}

void gs_world_send(const gs_world *world, int to, int tag, const void *bytes, size_t size)
{
    (void)world;
    MPI_Request request;
    MPI_Isend(bytes, (int)size, MPI_BYTE, to, tag, MPI_COMM_WORLD, &request);
    wait_for(&request);
}

bool gs_world_probe(const gs_world *world, int *from, int *tag, size_t *size)
{
    if (world->size == 1) return false;
    int found = 0, count = 0;
    MPI_Status status;
    MPI_Iprobe(MPI_ANY_SOURCE, MPI_ANY_TAG, MPI_COMM_WORLD, &found, &status);
    if (!found) return false;
    MPI_Get_count(&status, MPI_BYTE, &count);
    *from = status.MPI_SOURCE;
    *tag = status.MPI_TAG;
    *size = (size_t)count;
    return true;
}

void gs_world_receive(const gs_world *world, int from, int tag, void *bytes, size_t size)
{
    (void)world;
    MPI_Request request;
    MPI_Irecv(bytes, (int)size, MPI_BYTE, from, tag, MPI_COMM_WORLD, &request);
    wait_for(&request);
}

void gs_world_abort(const gs_world *world, int exit_code)
{
    if (world->mpi) MPI_Abort(MPI_COMM_WORLD, exit_code);
    _Exit(exit_code);
}

void gs_world_library(const gs_world *world, char *text, size_t size)
{
    char version[MPI_MAX_LIBRARY_VERSION_STRING] = "none";
    int length = 0;
    if (world->mpi) MPI_Get_library_version(version, &length);
    snprintf(text, size, "%s", version);
}
