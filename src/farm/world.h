/* The ranks of this launch and messages between them. world.c is the only source that includes mpi.h.
 *
 * Without a launcher (mpirun, srun) there is one rank and MPI is not started at all. Waiting sleeps: Open MPI's own
 * blocking calls would keep the core busy. A failing MPI call ends the program through MPI's error handler, which names
 * the call.
 *
 * Where mpirun lets the others live when a rank is killed (README), rank 0 can go on without it. A rank that waits for
 * rank 0, and finds that its process is gone, ends all ranks. */
#ifndef GS_FARM_WORLD_H
#define GS_FARM_WORLD_H

#include <stdbool.h>
#include <stddef.h>

#include "ground/status.h"

typedef struct gs_peer gs_peer;

typedef struct {
    int rank, size;
    bool mpi;       /* started by a launcher */
    gs_peer *peers; /* what rank 0 knows of all ranks, and the others of rank 0 */
} gs_world;

/* Collective. `exit_code`: what the program ends with, for the launcher. */
gs_world gs_world_create(int *argc, char ***argv);
void gs_world_destroy(gs_world *world, int exit_code);

/* Collective: rank 0's `bytes` reach all ranks. */
void gs_world_broadcast(const gs_world *world, void *bytes, size_t size);

/* Collective: the `size` bytes of each rank, in order, into rank 0's `all`. */
void gs_world_gather(const gs_world *world, const void *bytes, size_t size, void *all);

/* Rank 0: the name of a rank's host, and the names of all, each once, with the number of its ranks where that is not 1:
 * "n1 x 32, n2". */
const char *gs_world_host(const gs_world *world, int rank);
void gs_world_hosts(const gs_world *world, char *text, size_t size);

/* False if the process of that rank is seen to be gone. Rank 0 sees the ranks of its own host, and those see rank 0. */
bool gs_world_alive(const gs_world *world, int rank);

/* Ends all ranks if rank 0 is seen to be gone. */
void gs_world_need_rank_0(const gs_world *world);

/* Sends and waits, asleep, until the memory may be used again or the rank is gone. */
void gs_world_send(const gs_world *world, int to, int tag, const void *bytes, size_t size);

/* Whether a message has come; where from, what kind, how long. Does not wait. */
bool gs_world_probe(const gs_world *world, int *from, int *tag, size_t *size);

/* Receives the message that gs_world_probe told of. False if the sender is gone before all of it came: `bytes` must
 * then stay where they are for good, because MPI goes on waiting for them. That can happen only to messages of more
 * than a page. */
bool gs_world_receive(const gs_world *world, int from, int tag, void *bytes, size_t size);

/* Ends all ranks at once. */
void gs_world_abort(const gs_world *world, int exit_code);

/* "Open MPI v4.1.4, ..."; "none" without a launcher. */
void gs_world_library(const gs_world *world, char *text, size_t size);

#endif
