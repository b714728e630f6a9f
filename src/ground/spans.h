/* A list of stretches of memory, in order: what is saved or sent as if it were one. It owns nothing. */
#ifndef GS_GROUND_SPANS_H
#define GS_GROUND_SPANS_H

#include <stdbool.h>
#include <stddef.h>

enum { GS_SPANS_MAX = 24 };

typedef struct {
    void *bytes;
    size_t size;
} gs_span;

typedef struct {
    gs_span spans[GS_SPANS_MAX];
    int count;
    bool overfull; /* more were added than there is room for, and are missing: a mistake in the program */
} gs_spans;

static inline void gs_spans_add(gs_spans *list, void *bytes, size_t size)
{
    list->overfull = list->overfull || list->count == GS_SPANS_MAX;
    if (!list->overfull) list->spans[list->count++] = (gs_span){bytes, size};
}

/* Bytes of all together. */
static inline size_t gs_spans_size(const gs_spans *list)
{
    size_t size = 0;
    for (int i = 0; i < list->count; i++) size += list->spans[i].size;
    return size;
}

#endif
