#include "main/rows.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ground/rng.h"

static bool read_number(const char **text, uint64_t *number)
{
    if (**text < '0' || **text > '9') return false;
    char *end;
    *number = strtoull(*text, &end, 10); /* what is too large becomes the largest, which no file has */
    *text = end;
    return true;
}

gs_status gs_rows_read(const char *text, uint64_t rows, bool *chosen, gs_error *error)
{
    static const char form[] = "--runs expects run numbers as in 3,7-9, got '%s'";
    memset(chosen, 0, rows * sizeof *chosen);
    for (const char *at = text;; at++) {
        uint64_t first, last;
        if (!read_number(&at, &first)) return gs_fail(error, GS_ERROR_INPUT, form, text);
        last = first;
        if (*at == '-' && (at++, !read_number(&at, &last))) return gs_fail(error, GS_ERROR_INPUT, form, text);
        if (*at != ',' && *at != '\0') return gs_fail(error, GS_ERROR_INPUT, form, text);
        if (last < first)
            return gs_fail(error, GS_ERROR_INPUT, "--runs: %" PRIu64 "-%" PRIu64 " goes backwards", first, last);
        if (last >= rows)
            return gs_fail(error, GS_ERROR_INPUT,
                           "--runs: there is no run %" PRIu64 "; the file has %" PRIu64 " runs, counted from 0", last,
                           rows);
        for (uint64_t row = first; row <= last; row++) chosen[row] = true;
        if (*at == '\0') return GS_OK;
    }
}

typedef struct {
    uint64_t number, row;
} ticket;

static int by_number(const void *a, const void *b)
{
    const ticket *left = a, *right = b;
    if (left->number != right->number) return left->number < right->number ? -1 : 1;
    return (left->row > right->row) - (left->row < right->row);
}

gs_status gs_rows_sample(const bool *possible, uint64_t rows, double fraction, uint64_t seed, bool *chosen,
                         gs_error *error)
{
    ticket *tickets = malloc((rows + 1) * sizeof *tickets);
    if (tickets == NULL) return gs_fail(error, GS_ERROR_MEMORY, "out of memory: %" PRIu64 " runs", rows);
    uint64_t count = 0;
    memset(chosen, 0, rows * sizeof *chosen);
    for (uint64_t row = 0; row < rows; row++) {
        uint32_t words[4];
        if (!possible[row]) continue;
        gs_rng_block((gs_rng){.seed = seed, .stream = GS_STREAM_AUDIT}, (uint32_t)row, words);
        tickets[count++] = (ticket){(uint64_t)words[0] << 32 | words[1], row};
    }
    qsort(tickets, count, sizeof *tickets, by_number);
    uint64_t wanted = (uint64_t)(fraction * (double)count + 0.5);
    if (wanted < 1) wanted = 1;
    for (uint64_t i = 0; i < wanted && i < count; i++) chosen[tickets[i].row] = true;
    free(tickets);
    return GS_OK;
}

void gs_rows_write(const bool *chosen, uint64_t rows, char *text, size_t size)
{
    size_t used = 0;
    text[0] = '\0';
    for (uint64_t row = 0; row < rows; row++) {
        char piece[64];
        uint64_t first = row;
        if (!chosen[row]) continue;
        while (row + 1 < rows && chosen[row + 1]) row++;
        int length = first == row
                         ? snprintf(piece, sizeof piece, "%s%" PRIu64, used > 0 ? "," : "", row)
                         : snprintf(piece, sizeof piece, "%s%" PRIu64 "-%" PRIu64, used > 0 ? "," : "", first, row);
        bool fits = used + (size_t)length + sizeof ",..." <= size;
        used += (size_t)snprintf(text + used, size - used, "%s", fits ? piece : ",...");
        if (!fits) return;
    }
}
