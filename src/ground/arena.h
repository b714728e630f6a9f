/* Memory of one run: everything that a model needs is taken from an arena before its first step and given back at once.
 *
 * After gs_arena_seal a further request is a broken promise (assertion in debug builds, failure otherwise): the step
 * loop does not allocate. Debug builds fill fresh memory with NaN, so that a read before the first write shows. */
#ifndef GS_GROUND_ARENA_H
#define GS_GROUND_ARENA_H

#include <stdbool.h>
#include <stddef.h>

#include "ground/status.h"

enum { GS_ALIGNMENT = 64 }; /* a cache line, and the widest vector */

typedef struct gs_arena gs_arena;

/* `limit`: bytes that the arena may hand out at most; 0 = no limit. */
GS_MUST_CHECK gs_status gs_arena_create(gs_arena **arena, size_t limit, gs_error *error);

/* `count` objects of `size` bytes, zeroed and aligned to GS_ALIGNMENT; owned by the arena. NULL when memory is short,
 * the limit is reached, or count * size overflows: the arena remembers it, so that a constructor may take all that it
 * needs and ask once with gs_arena_check. */
void *gs_arena_take(gs_arena *arena, size_t count, size_t size);

/* As gs_arena_take, for scratch that is written before it is read: NaN in debug builds instead of zeros. */
void *gs_arena_take_scratch(gs_arena *arena, size_t count, size_t size);

/* GS_ERROR_MEMORY with the number of bytes if any request has failed. */
GS_MUST_CHECK gs_status gs_arena_check(const gs_arena *arena, gs_error *error);

void gs_arena_seal(gs_arena *arena);
size_t gs_arena_used(const gs_arena *arena); /* bytes */

/* Frees everything and sets *arena to NULL; NULL is allowed. */
void gs_arena_destroy(gs_arena **arena);

#endif
