#include "farm/world.h"

#include <errno.h>
#include <mpi.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ground/clock.h"

enum { HOST = MPI_MAX_PROCESSOR_NAME, LOOKS = 256 /* at the network, before one at the rank that is waited for */ };

/* Seconds. */
static const double launcher_time = 5; /* that Open MPI's mpirun takes to end the ranks, with some to spare */
enum { starting_time = 900 };          /* that MPI takes to start, with much to spare */
static const double meeting_time = 60; /* that ranks take to tell rank 0 who they are, with much to spare */

struct gs_peer {
    char host[HOST];
    uint64_t processes; /* in which its number counts: the namespace */
    int64_t number;
};

/* Variables that mpirun, srun with PMIx or PMI, and other launchers set for each rank. */
static bool launched(void)
{
    static const char *const names[] = {"OMPI_COMM_WORLD_SIZE", "PMIX_RANK", "PMI_RANK", "PMI_SIZE", "MPI_LOCALNRANKS"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (getenv(names[i]) != NULL) return true;
    return false;
}

/* While Open MPI starts and ends, each rank looks every .1 ms whether the others have come as far. Where ranks share
 * cores, that takes a quarter of the time of starting 64 (docs/scale.md): the kernel may let them sleep longer. */
static void sleep_loosely(bool loosely)
{
    const unsigned long slack = 2000000; /* ns; 0: the thread's own */
    prctl(PR_SET_TIMERSLACK, loosely ? slack : 0ul, 0ul, 0ul, 0ul);
}

/* ---- who is there ------------------------------------------------------------------------------------------------ */

static gs_peer describe_own(const gs_world *world)
{
    gs_peer own = {.host = "localhost", .number = getpid()};
    struct stat processes;
    int length = 0;
    if (stat("/proc/self/ns/pid", &processes) == 0) own.processes = processes.st_ino;
    if (world->mpi) {
        MPI_Get_processor_name(own.host, &length);
        return own;
    }
    FILE *file = fopen("/proc/sys/kernel/hostname", "r");
    if (file != NULL && fgets(own.host, sizeof own.host, file) != NULL) own.host[strcspn(own.host, "\n")] = '\0';
    if (file != NULL) fclose(file);
    return own;
}

/* Rank 0 gets to know all, the others rank 0. Until then it cannot see who is gone, and they are all past MPI_Init. */
static void meet(gs_world *world)
{
    gs_peer own = describe_own(world);
    world->peers = calloc(world->rank == 0 ? (size_t)world->size : 1, sizeof *world->peers);
    if (world->peers == NULL) gs_world_abort(world, EXIT_FAILURE);
    if (world->size > 1) gs_world_gather(world, &own, sizeof own, world->peers);
    else world->peers[0] = own;
    gs_world_broadcast(world, world->peers, sizeof own);
}

/* A rank that was killed before all had met: MPI waits for it for good where the launcher lets the others live. */
static void give_up_starting(int signal_number)
{
    static const char sentence[] =
        "gensweep: MPI has not started within 15 minutes, perhaps because a rank was killed meanwhile; run the same "
        "command again\n";
    (void)signal_number;
    (void)!write(STDERR_FILENO, sentence, sizeof sentence - 1);
    _exit(EXIT_FAILURE);
}

gs_world gs_world_create(int *argc, char ***argv)
{
    gs_world world = {.rank = 0, .size = 1, .mpi = launched()};
    if (world.mpi) {
        int provided;
        sleep_loosely(true);
        signal(SIGALRM, give_up_starting);
        alarm(starting_time);
        MPI_Init_thread(argc, argv, MPI_THREAD_FUNNELED, &provided);
        alarm(0);
        signal(SIGALRM, SIG_DFL);
        sleep_loosely(false);
        MPI_Comm_rank(MPI_COMM_WORLD, &world.rank);
        MPI_Comm_size(MPI_COMM_WORLD, &world.size);
    }
    meet(&world);
    return world;
}

/* Open MPI's mpirun then ends with 0 whatever its ranks end with, unless they abort. */
static bool status_is_lost(void)
{
    const char *aborts = getenv("OMPI_MCA_orte_abort_on_non_zero_status");
    return aborts != NULL && (strcmp(aborts, "0") == 0 || strcasecmp(aborts, "false") == 0);
}

void gs_world_destroy(gs_world *world, int exit_code)
{
    if (world->mpi && world->rank == 0 && exit_code != EXIT_SUCCESS && status_is_lost())
        gs_world_abort(world, exit_code);
    if (world->mpi) {
        sleep_loosely(true);
        MPI_Finalize();
    }
    world->mpi = false;
    free(world->peers);
    world->peers = NULL;
}

const char *gs_world_host(const gs_world *world, int rank)
{
    return world->peers[rank].host;
}

void gs_world_hosts(const gs_world *world, char *text, size_t size)
{
    size_t used = 0;
    text[0] = '\0';
    for (int rank = 0; rank < world->size; rank++) {
        const char *name = gs_world_host(world, rank);
        int before = 0, ranks = 0;
        for (int other = 0; other < world->size; other++) {
            bool same = strcmp(gs_world_host(world, other), name) == 0;
            before += same && other < rank;
            ranks += same;
        }
        if (before > 0 || used >= size) continue;
        used += (size_t)snprintf(text + used, size - used, "%s%s", used > 0 ? ", " : "", name);
        if (ranks > 1 && used < size) used += (size_t)snprintf(text + used, size - used, " x %d", ranks);
    }
}

/* A process that has ended and that nobody has asked for yet. */
static bool is_zombie(int64_t number)
{
    char path[64], text[512];
    snprintf(path, sizeof path, "/proc/%lld/stat", (long long)number);
    FILE *file = fopen(path, "r");
    if (file == NULL) return false;
    size_t size = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    text[size] = '\0';
    const char *name_end = strrchr(text, ')'); /* the name may hold anything */
    return name_end != NULL && strlen(name_end) > 2 && strchr("ZX", name_end[2]) != NULL;
}

bool gs_world_alive(const gs_world *world, int rank)
{
    if (world->rank != 0 && rank != 0) return true;
    gs_peer own = describe_own(world);
    const gs_peer *peer = &world->peers[rank];
    if (strcmp(peer->host, own.host) != 0 || peer->processes != own.processes) return true;
    if (kill((pid_t)peer->number, 0) != 0 && errno == ESRCH) return false;
    return !is_zombie(peer->number);
}

/* ---- messages ---------------------------------------------------------------------------------------------------- */

/* With whom a request is shared, where that is all. */
enum { ALL_RANKS = -1 };

/* The first of the ranks of `peer` that is gone, or that has not come in time; -1: none. Ranks other than 0 know only
 * rank 0. */
static int find_gone(const gs_world *world, int peer, double waited)
{
    if (peer == ALL_RANKS && world->rank != 0) peer = 0;
    if (peer != ALL_RANKS) return gs_world_alive(world, peer) ? -1 : peer;
    for (int rank = 1; rank < world->size; rank++)
        if (!gs_world_alive(world, rank) || (world->peers[rank].number == 0 && waited > meeting_time)) return rank;
    return -1;
}

/* Waits for a request, asleep; false if somebody with whom it is shared is gone. */
static bool wait_for(const gs_world *world, MPI_Request *request, int peer)
{
    gs_patience patience = {0};
    const double begun = gs_clock();
    for (int looks = 1, complete = 0;; looks++) {
        MPI_Test(request, &complete, MPI_STATUS_IGNORE);
        if (complete) return true;
        if (looks % LOOKS == 0 && find_gone(world, peer, gs_clock() - begun) >= 0) return false;
        gs_wait(&patience);
    }
}

/* Rank 0 is gone: nobody is left who could tell the others what to do. The launcher may be about to end them anyway. */
static void end_without_rank_0(const gs_world *world)
{
    gs_sleep(launcher_time);
    fprintf(stderr, "gensweep: rank %d: rank 0 is gone; run the same command again\n", world->rank);
    gs_world_abort(world, EXIT_FAILURE);
}

/* All ranks were to come together. Where the launcher lets the others live, they would wait for good. */
static void end_without_all(const gs_world *world)
{
    if (world->rank != 0) end_without_rank_0(world);
    int gone = find_gone(world, ALL_RANKS, meeting_time + 1);
    gs_sleep(launcher_time);
    fprintf(stderr, "gensweep: rank %d is gone, for which the others wait; run the same command again\n", gone);
    gs_world_abort(world, EXIT_FAILURE);
}

void gs_world_need_rank_0(const gs_world *world)
{
    if (!gs_world_alive(world, 0)) end_without_rank_0(world);
}

void gs_world_broadcast(const gs_world *world, void *bytes, size_t size)
{
    if (world->size == 1) return;
    MPI_Request request;
    MPI_Ibcast(bytes, (int)size, MPI_BYTE, 0, MPI_COMM_WORLD, &request);
    if (!wait_for(world, &request, ALL_RANKS)) end_without_all(world);
}

void gs_world_gather(const gs_world *world, const void *bytes, size_t size, void *all)
{
    if (world->size == 1) {
        memcpy(all, bytes, size);
        return;
    }
    MPI_Request request;
    MPI_Igather(bytes, (int)size, MPI_BYTE, all, (int)size, MPI_BYTE, 0, MPI_COMM_WORLD, &request);
    if (!wait_for(world, &request, ALL_RANKS)) end_without_all(world);
}

void gs_world_send(const gs_world *world, int to, int tag, const void *bytes, size_t size)
{
    MPI_Request request;
    MPI_Isend(bytes, (int)size, MPI_BYTE, to, tag, MPI_COMM_WORLD, &request);
    bool sent = wait_for(world, &request, to);
    if (!sent && to == 0) end_without_rank_0(world);
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

bool gs_world_receive(const gs_world *world, int from, int tag, void *bytes, size_t size)
{
    MPI_Request request;
    MPI_Irecv(bytes, (int)size, MPI_BYTE, from, tag, MPI_COMM_WORLD, &request);
    bool whole = wait_for(world, &request, from);
    if (!whole && from == 0) end_without_rank_0(world);
    return whole;
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
