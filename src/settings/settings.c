#include "settings/settings.h"

#include <ctype.h>
#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

bool gs_setting_applies(gs_setting_id id, const gs_settings *settings)
{
    const gs_setting *row = &gs_settings_table[id];
    if ((row->models & (1u << gs_settings_model(settings))) == 0) return false;
    return !row->conditional ||
           (gs_setting_applies(row->needs, settings) && gs_settings_integer(settings, row->needs) == row->needed);
}

void gs_settings_defaults(gs_settings *settings, gs_model_id model)
{
    memset(settings, 0, sizeof *settings);
    for (int id = 0; id < GS_SETTING_COUNT; id++) {
        const char *own = gs_settings_table[id].fallback_by_model[model];
        gs_status status = gs_value_read((gs_setting_id)id, own != NULL ? own : gs_settings_table[id].fallback,
                                         &settings->values[id], NULL);
        assert(status == GS_OK && "a default of the table is not valid");
        (void)status;
    }
    settings->values[GS_SETTING_MODEL].integer = model;
}

/* A whole number in decimal, also written as 1e4 or 10_000.0: what counts is the value. */
static bool read_number(const char *text, double *number)
{
    if (*text == '\0' || strpbrk(text, "xXpPnN") != NULL) return false; /* no hexadecimal, inf or nan */
    char *end;
    errno = 0;
    *number = strtod(text, &end);
    return *end == '\0' && end != text && isfinite(*number) && text[strspn(text, " \t")] == text[0];
}

static bool in_range(const gs_setting *row, double number)
{
    return number <= row->maximum && (row->above_minimum ? number > row->minimum : number >= row->minimum);
}

static gs_status refuse(gs_setting_id id, const char *text, gs_error *error)
{
    char allowed[512];
    gs_setting_describe(id, allowed, sizeof allowed);
    const gs_setting *row = &gs_settings_table[id];
    size_t count = 0;
    while (row->choices != NULL && row->choices[count] != NULL) count++;
    const char *near = gs_nearest_name(text, row->choices, count);
    if (near != NULL)
        return gs_fail(error, GS_ERROR_INPUT, "expected %s, got '%.80s'; did you mean '%s'?", allowed, text, near);
    return gs_fail(error, GS_ERROR_INPUT, "expected %s, got '%.80s'", allowed, text);
}

static gs_status read_weights(gs_setting_id id, const char *text, gs_value *value, gs_error *error)
{
    const gs_setting *row = &gs_settings_table[id];
    gs_value read = {.weights = {0}};
    double total = 0;
    const char *at = text + strspn(text, " ");
    if (*at++ != '[') return refuse(id, text, error);
    for (int d = 0; d < GS_DIGITS; d++) {
        char number[64];
        size_t length = strcspn(at, ",]");
        size_t start = strspn(at, " ");
        if (length <= start || length - start >= sizeof number) return refuse(id, text, error);
        size_t used = length - start;
        while (used > 0 && at[start + used - 1] == ' ') used--;
        memcpy(number, at + start, used);
        number[used] = '\0';
        if (!read_number(number, &read.weights[d]) || !in_range(row, read.weights[d])) return refuse(id, text, error);
        total += read.weights[d];
        if (at[length] != (d + 1 < GS_DIGITS ? ',' : ']')) return refuse(id, text, error);
        at += length + 1;
    }
    if (at[strspn(at, " ")] != '\0' || !(total > 0)) return refuse(id, text, error);
    *value = read;
    return GS_OK;
}

static int place_in(const char *const *choices, const char *text)
{
    for (int i = 0; choices[i] != NULL; i++)
        if (strcmp(choices[i], text) == 0) return i;
    return -1;
}

gs_status gs_value_read(gs_setting_id id, const char *text, gs_value *value, gs_error *error)
{
    static const char *const switches[] = {"off", "on", "false", "true", "no", "yes", NULL};
    const gs_setting *row = &gs_settings_table[id];
    double number = 0;
    memset(value, 0, sizeof *value);
    switch (row->type) {
    case GS_TYPE_INTEGER:
        if (!read_number(text, &number) || number != floor(number) || !in_range(row, number))
            return refuse(id, text, error);
        value->integer = (int64_t)number;
        return GS_OK;
    case GS_TYPE_REAL:
        if (!read_number(text, &number) || !in_range(row, number)) return refuse(id, text, error);
        value->real = number + 0.0; /* -0 is 0 */
        return GS_OK;
    case GS_TYPE_SWITCH:
        for (int i = 0; switches[i] != NULL; i++)
            if (strcasecmp(switches[i], text) == 0) {
                value->integer = i % 2;
                return GS_OK;
            }
        return refuse(id, text, error);
    case GS_TYPE_CHOICE:
        value->integer = place_in(row->choices, text);
        return value->integer >= 0 ? GS_OK : refuse(id, text, error);
    case GS_TYPE_WEIGHTS: return read_weights(id, text, value, error);
    case GS_TYPE_COUNT: break;
    }
    return gs_fail(error, GS_ERROR_INTERNAL, "setting %d has no type", (int)id);
}

/* The shortest decimal number that reads back to the same double. */
static int write_real(double number, char *text, size_t size)
{
    for (int digits = 15; digits < 17; digits++) { /* 15 are always enough for what a person wrote */
        int used = snprintf(text, size, "%.*g", digits, number);
        if (!(strtod(text, NULL) < number) && !(strtod(text, NULL) > number)) return used;
    }
    return snprintf(text, size, "%.17g", number);
}

void gs_value_write(gs_setting_id id, const gs_value *value, char *text, size_t size)
{
    const gs_setting *row = &gs_settings_table[id];
    switch (row->type) {
    case GS_TYPE_INTEGER: snprintf(text, size, "%lld", (long long)value->integer); break;
    case GS_TYPE_REAL: write_real(value->real, text, size); break;
    case GS_TYPE_SWITCH: snprintf(text, size, "%s", value->integer != 0 ? "on" : "off"); break;
    case GS_TYPE_CHOICE: snprintf(text, size, "%s", row->choices[value->integer]); break;
    case GS_TYPE_WEIGHTS: {
        size_t used = 0;
        for (int d = 0; d < GS_DIGITS && used < size; d++) {
            char number[32];
            write_real(value->weights[d], number, sizeof number);
            used += (size_t)snprintf(text + used, size - used, "%s%s", d == 0 ? "[" : ", ", number);
        }
        if (used < size) snprintf(text + used, size - used, "]");
        break;
    }
    case GS_TYPE_COUNT: break;
    }
}

bool gs_values_equal(gs_setting_id id, const gs_value *a, const gs_value *b)
{
    if (gs_settings_table[id].type == GS_TYPE_WEIGHTS) return memcmp(a->weights, b->weights, sizeof a->weights) == 0;
    return a->integer == b->integer; /* reals too: equal bits, and never -0 or NaN */
}

void gs_setting_condition(gs_setting_id id, char *text, size_t size)
{
    const gs_setting *row = &gs_settings_table[id];
    char value[64];
    gs_value_write(row->needs, &(gs_value){.integer = row->needed}, value, sizeof value);
    snprintf(text, size, "%s: %s", gs_settings_table[row->needs].column, value);
}

void gs_setting_describe(gs_setting_id id, char *text, size_t size)
{
    const gs_setting *row = &gs_settings_table[id];
    char low[32], high[32];
    write_real(row->minimum, low, sizeof low);
    write_real(row->maximum, high, sizeof high);
    switch (row->type) {
    case GS_TYPE_INTEGER:
        snprintf(text, size, "an integer from %lld to %lld", (long long)row->minimum, (long long)row->maximum);
        break;
    case GS_TYPE_REAL:
        if (row->above_minimum) snprintf(text, size, "a number above %s, up to %s", low, high);
        else snprintf(text, size, "a number from %s to %s", low, high);
        break;
    case GS_TYPE_SWITCH: snprintf(text, size, "on or off"); break;
    case GS_TYPE_CHOICE: {
        size_t used = (size_t)snprintf(text, size, "one of");
        for (int i = 0; row->choices[i] != NULL && used < size; i++)
            used += (size_t)snprintf(text + used, size - used, "%s %s", i == 0 ? "" : ",", row->choices[i]);
        break;
    }
    case GS_TYPE_WEIGHTS:
        snprintf(text, size, "%d numbers from %s to %s, not all 0, as in [4, 4, 4, 4, 2, 1]", GS_DIGITS, low, high);
        break;
    case GS_TYPE_COUNT: break;
    }
}

/* Levenshtein distance of two words of at most 64 letters, large and small ones being the same; longer ones are far
 * from everything. */
static size_t edit_distance(const char *a, const char *b)
{
    enum { LONGEST = 64 };
    size_t rows[LONGEST + 1], length = strlen(b);
    if (strlen(a) > LONGEST || length > LONGEST) return SIZE_MAX;
    for (size_t j = 0; j <= length; j++) rows[j] = j;
    for (size_t i = 1; a[i - 1] != '\0'; i++) {
        size_t diagonal = rows[0];
        rows[0] = i;
        for (size_t j = 1; j <= length; j++) {
            size_t replaced = diagonal + (tolower((unsigned char)a[i - 1]) != tolower((unsigned char)b[j - 1]));
            diagonal = rows[j];
            size_t shorter = rows[j] < rows[j - 1] ? rows[j] : rows[j - 1];
            rows[j] = replaced < shorter + 1 ? replaced : shorter + 1;
        }
    }
    return rows[length];
}

const char *gs_nearest_name(const char *word, const char *const *names, size_t count)
{
    const char *nearest = NULL;
    size_t best = strlen(word) / 3 + 2; /* a third of the letters may be wrong */
    for (size_t i = 0; i < count; i++) {
        size_t distance = edit_distance(word, names[i]);
        if (distance < best) {
            best = distance;
            nearest = names[i];
        }
    }
    return nearest;
}
