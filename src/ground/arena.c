#include "ground/arena.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* Blocks are chained through a header of one cache line, so that what follows stays aligned. */
typedef struct block {
    struct block *next;
} block;

struct gs_arena {
    block *blocks;
    size_t used, limit;
    size_t refused; /* bytes of the first request that failed; 0 = none */
    bool sealed;
};

gs_status gs_arena_create(gs_arena **arena, size_t limit, gs_error *error)
{
    *arena = calloc(1, sizeof **arena);
    if (*arena == NULL) return gs_fail(error, GS_ERROR_MEMORY, "out of memory (%zu bytes)", sizeof **arena);
    (*arena)->limit = limit;
    return GS_OK;
}

/* Large blocks stand on huge pages where the system grants them: a step walks through all of them, and looking up a
 * page every 4 KiB costs a twentieth of its time. */
static void *allocate(size_t bytes)
{
    enum { HUGE_PAGE = 2 << 20 };
    if (bytes < HUGE_PAGE / 2) return aligned_alloc(GS_ALIGNMENT, bytes);
    size_t whole = (bytes + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE;
    void *memory = aligned_alloc(HUGE_PAGE, whole);
#ifdef MADV_HUGEPAGE
    if (memory != NULL) (void)madvise(memory, whole, MADV_HUGEPAGE); /* a wish: refused, the pages are small */
#endif
    return memory;
}

static void *take(gs_arena *arena, size_t count, size_t size, int fill)
{
    assert(!arena->sealed && "the step loop does not allocate");
    if (arena->sealed) return NULL;
    size_t room = SIZE_MAX / 2;
    if (size != 0 && count > room / size) {
        if (arena->refused == 0) arena->refused = SIZE_MAX;
        return NULL;
    }
    size_t bytes = (count * size + GS_ALIGNMENT - 1) / GS_ALIGNMENT * GS_ALIGNMENT;
    block *fresh = NULL;
    if (arena->limit == 0 || bytes <= arena->limit - arena->used) fresh = allocate(GS_ALIGNMENT + bytes);
    if (fresh == NULL) {
        if (arena->refused == 0) arena->refused = bytes;
        return NULL;
    }
    fresh->next = arena->blocks;
    arena->blocks = fresh;
    arena->used += bytes;
    void *memory = (unsigned char *)fresh + GS_ALIGNMENT;
    memset(memory, fill, bytes);
    return memory;
}

void *gs_arena_take(gs_arena *arena, size_t count, size_t size)
{
    return take(arena, count, size, 0);
}

void *gs_arena_take_scratch(gs_arena *arena, size_t count, size_t size)
{
#ifdef NDEBUG
    return take(arena, count, size, 0);
#else
    return take(arena, count, size, 0xFF); /* all bits set is a NaN in float and in double */
#endif
}

gs_status gs_arena_check(const gs_arena *arena, gs_error *error)
{
    if (arena->refused == 0) return GS_OK;
    return gs_fail(error, GS_ERROR_MEMORY, "out of memory: %zu bytes more were needed after %zu", arena->refused,
                   arena->used);
}

void gs_arena_seal(gs_arena *arena)
{
    arena->sealed = true;
}

size_t gs_arena_used(const gs_arena *arena)
{
    return arena->used;
}

void gs_arena_destroy(gs_arena **arena)
{
    if (arena == NULL || *arena == NULL) return;
    for (block *each = (*arena)->blocks; each != NULL;) {
        block *next = each->next;
        free(each);
        each = next;
    }
    free(*arena);
    *arena = NULL;
}
