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

/* Keys with text of any form. */
static bool is_text(const char *key, size_t length)
{
    static const char *const keys[] = {"name", "description", "data.mnist"};
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        if (strlen(keys[i]) == length && strncmp(key, keys[i], length) == 0) return true;
    return false;
}

/* The name of a call, "sort(...)", of which nothing is known here; its length, or 0. */
static size_t unknown_call(const char *text)
{
    size_t name = strspn(text, "abcdefghijklmnopqrstuvwxyz_");
    return name > 0 && text[name] == '(' && text[strlen(text) - 1] == ')' ? name : 0;
}

/* Hydra's {first:3,count:2} is YAML's {first: 3, count: 2}: a blank behind the colon of each key. Owned by the caller;
 * NULL without memory. */
static char *space_keys(const char *value)
{
    if (*value != '{' && *value != '[') return strdup(value);
    char *text = malloc(2 * strlen(value) + 1), *at = text, quote = '\0', open[64];
    int depth = 0;
    bool key = false; /* at one, in braces */
    for (const char *c = value; text != NULL && *c != '\0'; c++) {
        *at++ = *c;
        if (quote != '\0' || *c == '"' || *c == '\'') {
            quote = quote == '\0' ? *c : *c == quote ? '\0' : quote;
            continue;
        }
        if ((*c == '{' || *c == '[') && depth < (int)sizeof open) open[depth++] = *c;
        if ((*c == '}' || *c == ']') && depth > 0) depth--;
        bool in_braces = depth > 0 && open[depth - 1] == '{';
        if (*c == ':' && key && c[1] != ' ') *at++ = ' ';
        key = in_braces && (*c == '{' || *c == ',' || (key && *c != ':'));
    }
    if (text != NULL) *at = '\0';
    return text;
}

/* "KEY: VALUE", as it would stand in a file. Owned by the caller. */
static gs_status write_mapping(const char *argument, const char *key, size_t key_length, const char *given, char **text,
                               gs_error *error)
{
    size_t inside = 0;
    char *value = NULL;
    const char *open = "", *close = "", *call = call_of(given, "range", &inside), *choice = NULL;
    if (call != NULL) {
        gs_status status = expand_range(argument, call, inside, &value, error);
        if (status != GS_OK) return status;
        inside = strlen(value);
    } else {
        choice = call_of(given, "choice", &inside);
        size_t name = choice == NULL && !is_text(key, key_length) ? unknown_call(given) : 0;
        if (name > 0)
            return gs_fail(error, GS_ERROR_INPUT,
                           "'%.80s': of Hydra's functions only range(...) and choice(...) are known, not %.*s",
                           argument, (int)(name < 40 ? name : 40), given);
        bool list = choice != NULL || has_comma(given);
        open = list ? "[" : "";
        close = list ? "]" : "";
        value = space_keys(choice != NULL ? choice : given);
        inside = value == NULL ? 0 : strlen(value) - (choice != NULL); /* without the closing parenthesis */
    }
    size_t size = key_length + inside + 8;
    *text = value == NULL ? NULL : malloc(size);
    if (*text != NULL) snprintf(*text, size, "%.*s: %s%.*s%s", (int)key_length, key, open, (int)inside, value, close);
    free(value);
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
