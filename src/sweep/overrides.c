/* Hydra's overrides: KEY=VALUE, KEY=A,B, KEY=range(FIRST,END,STEP), KEY=choice(A,B), +KEY=VALUE, ~KEY. */
#include "sweep/keys.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Commas outside brackets and quotes make a list. */
static bool has_comma(const char *text)
{
    int depth = 0;
    char quote = '\0'; /* inside which we are: it begins a value, as in YAML */
    for (const char *c = text; *c != '\0'; c++) {
        bool begins = c == text || strchr(",[{: ", c[-1]) != NULL;
        if (quote != '\0') {
            if (*c == '\\' && quote == '"' && c[1] != '\0') c++;
            else if (*c == '\'' && quote == '\'' && c[1] == '\'') c++; /* two are one within them */
            else if (*c == quote) quote = '\0';
            continue;
        }
        if ((*c == '"' || *c == '\'') && begins) quote = *c;
        depth += (*c == '[' || *c == '{') - (*c == ']' || *c == '}');
        if (*c == ',' && depth == 0) return true;
    }
    return false;
}

/* The inside of "name(...)", or NULL. */
static const char *call_of(const char *text, const char *name, size_t *length)
{
    size_t begin = strlen(name), end = strlen(text);
    if (strncmp(text, name, begin) != 0 || text[begin] != '(' || text[end - 1] != ')') return NULL;
    *length = end - begin - 2;
    return text + begin + 1;
}

/* Reads one to three numbers, as range(END), range(FIRST,END), range(FIRST,END,STEP). */
static bool read_range(const char *text, size_t length, double numbers[3])
{
    double given[3];
    size_t count = 0;
    const char *at = text;
    char *end = NULL;
    for (; count < 3; count++) {
        given[count] = strtod(at, &end);
        if (end == at || !isfinite(given[count])) return false;
        if (end == text + length || *end != ',') break;
        at = end + 1;
    }
    if (count == 3 || end != text + length) return false;
    numbers[0] = count == 0 ? 0 : given[0];
    numbers[1] = count == 0 ? given[0] : given[1];
    numbers[2] = count == 2 ? given[2] : 1;
    return true;
}

/* "[FIRST, FIRST + STEP, ...]" up to but without END, as in Python. Owned by the caller. */
static gs_status expand_range(const char *argument, const char *text, size_t length, char **list, gs_error *error)
{
    enum { NUMBER = 32 };
    double numbers[3];
    if (!read_range(text, length, numbers) || !(fabs(numbers[2]) > 0))
        return gs_fail(error, GS_ERROR_INPUT, "'%.80s': expected range(FIRST,END,STEP), as in range(0,8,2)", argument);
    double steps = ceil((numbers[1] - numbers[0]) / numbers[2] - 1e-9);
    if (!(steps <= GS_VALUES_MAX))
        return gs_fail(error, GS_ERROR_INPUT, "'%.80s': at most %d values are possible", argument, GS_VALUES_MAX);
    size_t count = steps > 0 ? (size_t)steps : 0;
    *list = malloc(count * NUMBER + 3);
    if (*list == NULL) return gs_fail(error, GS_ERROR_MEMORY, "out of memory for '%.80s'", argument);
    char *at = *list;
    *at++ = '[';
    for (size_t i = 0; i < count; i++)
        at += snprintf(at, NUMBER, "%s%.12g", i == 0 ? "" : ", ", numbers[0] + (double)i * numbers[2]);
    strcpy(at, "]");
    return GS_OK;
}

static gs_status write_mapping(const char *argument, const char *key, size_t key_length, const char *value, char **text,
                               gs_error *error)
{
    size_t inside = 0, size = key_length + 8;
    char *list = NULL;
    const char *open = "", *close = "", *call = call_of(value, "range", &inside);
    if (call != NULL) {
        gs_status status = expand_range(argument, call, inside, &list, error);
        if (status != GS_OK) return status;
        value = list;
        inside = strlen(list);
    } else {
        call = call_of(value, "choice", &inside);
        if (call == NULL) inside = strlen(value);
        if (call != NULL || has_comma(value)) {
            open = "[";
            close = "]";
        }
        if (call != NULL) value = call;
    }
    size += inside;
    *text = malloc(size);
    if (*text != NULL) snprintf(*text, size, "%.*s: %s%.*s%s", (int)key_length, key, open, (int)inside, value, close);
    free(list);
    return *text != NULL ? GS_OK : gs_fail(error, GS_ERROR_MEMORY, "out of memory for '%.80s'", argument);
}

gs_status gs_override_parse(gs_document **document, gs_override_kind *kind, const char *argument, gs_error *error)
{
    const char *equals = strchr(argument, '='), *key = argument;
    *kind = GS_OVERRIDE_SET;
    if (*key == '~') {
        if (equals != NULL || key[1] == '\0')
            return gs_fail(error, GS_ERROR_INPUT, "'%.80s': expected ~KEY, without a value", argument);
        *kind = GS_OVERRIDE_REMOVE;
        key++;
        equals = key + strlen(key);
    } else if (key[0] == '+') {
        *kind = key[1] == '+' ? GS_OVERRIDE_SET : GS_OVERRIDE_ADD; /* ++KEY=VALUE is Hydra's "add or change" */
        key += key[1] == '+' ? 2 : 1;
    }
    if (equals == NULL || equals <= key || equals - key > 256 || strlen(argument) > (1 << 20))
        return gs_fail(error, GS_ERROR_INPUT, "'%.80s': expected KEY=VALUE", argument);
    char *text = NULL;
    gs_status status = write_mapping(argument, key, (size_t)(equals - key),
                                     *kind == GS_OVERRIDE_REMOVE ? "" : equals + 1, &text, error);
    if (status == GS_OK) status = gs_document_parse(document, "command line", text, strlen(text), error);
    free(text);
    if (status != GS_OK) return status;
    gs_node root = gs_document_root(*document);
    if (gs_node_is_mapping(root) && gs_node_count(root) == 1) return GS_OK;
    status = gs_node_fail(root, error, "'%.80s': expected KEY=VALUE", argument);
    gs_document_destroy(document);
    return status;
}
