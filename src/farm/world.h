/* The ranks of this launch and messages between them. world.c is the only source that includes mpi.h.
 *
 * Without a launcher (mpirun, srun) there is one rank and MPI is not started at all. Waiting sleeps: Open MPI's own blocking calls
 * would keep the core busy. A failing MPI call ends the program through MPI's error handler, which names the call. */
#ifndef GS_FARM_WORLD_H
#define GS_FARM_WORLD_H

#include <stdbool.h>
#include <stddef.h>

#include "ground/status.h"

typedef struct {
    int rank, size;
    bool mpi; /* started by a launcher */
} gs_world;

/* Collective. */
gs_world gs_world_create(int *argc, char ***argv);
void gs_world_destroy(gs_world *world);

/* Collective: rank 0's `bytes` reach all ranks. */
void gs_world_broadcast(const gs_world *world, void *bytes, size_t size);

/* Collective: the names of the hosts in rank 0's `text`, each once, with the number of its ranks where that is not 1: "n1 x 32, n2". */
void gs_world_hosts(const gs_world *world, char *text, size_t size);

/* Sends and waits, asleep, until the memory may be used again. */
void gs_world_send(const gs_world *world, int to, int tag, const void *bytes, size_t size);

/* Whether a message has come; where from, what kind, how long. Does not wait. */
bool gs_world_probe(const gs_world *world, int *from, int *tag, size_t *size);

/* Receives the message that gs_world_probe told of. */
void gs_world_receive(const gs_world *world, int from, int tag, void *bytes, size_t size);

/* Ends all ranks at once. */
void gs_world_abort(const gs_world *world, int exit_code);

/* "Open MPI v4.1.4, ..."; "none" without a launcher. */
void gs_world_library(const gs_world *world, char *text, size_t size);

#endif
