#include "sweep/keys.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool gs_whole_number(const char *text, uint64_t *number)
{
    if (*text < '0' || *text > '9' || (text[0] == '0' && text[1] != '\0')) return false;
    char *end;
    *number = strtoull(text, &end, 10);
    return *end == '\0' && *number < UINT64_MAX;
}

static gs_status take_seeds(gs_sweep *sweep, gs_node node, uint64_t count, gs_error *error)
{
    if (count == 0) return gs_node_fail(node, error, "seeds: there are none, which would make no runs");
    if (count > GS_SEEDS_MAX)
        return gs_node_fail(node, error, "seeds: %" PRIu64 " seeds; at most %d are possible", count, GS_SEEDS_MAX);
    free(sweep->seeds);
    sweep->seed_count = 0;
    sweep->seeds = malloc((size_t)count * sizeof *sweep->seeds);
    if (sweep->seeds == NULL) return gs_fail(error, GS_ERROR_MEMORY, "out of memory: %" PRIu64 " seeds", count);
    sweep->seed_count = (size_t)count;
    return GS_OK;
}

static gs_status seed_range(gs_sweep *sweep, gs_node node, uint64_t first, uint64_t count, gs_error *error)
{
    if (count > 0 && first > UINT64_MAX - count)
        return gs_node_fail(node, error, "seeds: %" PRIu64 " from %" PRIu64 " on go beyond 2^64 - 2, the last seed",
                            count, first);
    gs_status status = take_seeds(sweep, node, count, error);
    for (uint64_t i = 0; status == GS_OK && i < count; i++) sweep->seeds[i] = first + i;
    return status;
}

static int by_number(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;
    return (left > right) - (left < right);
}

static gs_status seed_list(gs_sweep *sweep, gs_node node, gs_error *error)
{
    gs_status status = take_seeds(sweep, node, gs_node_count(node), error);
    if (status != GS_OK) return status;
    for (size_t i = 0; i < sweep->seed_count; i++) {
        gs_node item = gs_node_item(node, i);
        if (!gs_node_is_plain(item) || !gs_whole_number(gs_node_text(item), &sweep->seeds[i]))
            return gs_node_fail(item, error, "seeds: expected a whole number below 2^64 - 1, got %s",
                                gs_node_show(item).text);
    }
    uint64_t *sorted = malloc(sweep->seed_count * sizeof *sorted);
    if (sorted == NULL) return gs_fail(error, GS_ERROR_MEMORY, "out of memory: %zu seeds", sweep->seed_count);
    memcpy(sorted, sweep->seeds, sweep->seed_count * sizeof *sorted);
    qsort(sorted, sweep->seed_count, sizeof *sorted, by_number);
    for (size_t i = 1; i < sweep->seed_count && status == GS_OK; i++)
        if (sorted[i] == sorted[i - 1])
            status = gs_node_fail(node, error, "seeds: %" PRIu64 " is listed twice", sorted[i]);
    free(sorted);
    return status;
}

static gs_status seed_mapping(gs_sweep *sweep, gs_node node, gs_error *error)
{
    static const char *const names[] = {"first", "count"};
    uint64_t numbers[2] = {0, 0};
    for (size_t i = 0; i < gs_node_count(node); i++) {
        gs_node key = gs_node_key(node, i), value = gs_node_item(node, i);
        size_t which = strcmp(gs_node_text(key), names[0]) == 0 ? 0 : 1;
        if (strcmp(gs_node_text(key), names[which]) != 0)
            return gs_node_fail_name(key, error, "key of seeds", names, 2);
        gs_status status = gs_check_unique(node, i, error);
        if (status != GS_OK) return status;
        if (!gs_whole_number(gs_node_text(value), &numbers[which]))
            return gs_node_fail(value, error, "seeds.%s: expected a whole number below 2^64 - 1, got %s", names[which],
                                gs_node_show(value).text);
    }
    if (gs_node_find(node, "count").yaml == NULL) return gs_node_fail(node, error, "seeds: `count` is missing");
    return seed_range(sweep, node, numbers[0], numbers[1], error);
}

/* 0-31 | 7 | [0, 1, 7] | {first: 0, count: 32} */
gs_status gs_read_seeds(gs_sweep *sweep, const gs_entry *entry, gs_error *error)
{
    gs_node node = entry->value;
    if (gs_node_is_sequence(node)) return seed_list(sweep, node, error);
    if (gs_node_is_mapping(node)) return seed_mapping(sweep, node, error);
    char text[64] = "";
    uint64_t first, last;
    snprintf(text, sizeof text, "%s", gs_node_text(node));
    char *dash = strchr(text, '-');
    if (dash != NULL) *dash = '\0';
    bool good = gs_whole_number(text, &first) && gs_whole_number(dash != NULL ? dash + 1 : text, &last);
    if (!good)
        return gs_node_fail(
            node, error,
            "seeds: expected FIRST-LAST, a list, or {first: F, count: N}, of whole numbers below 2^64 - 1, got %s",
            gs_node_show(node).text);
    if (last < first) return gs_node_fail(node, error, "seeds: %" PRIu64 "-%" PRIu64 " runs backwards", first, last);
    return seed_range(sweep, node, first, last - first + 1, error);
}
