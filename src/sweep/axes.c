#include "sweep/keys.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- values ------------------------------------------------------------------------------------------------------ */

/* Writes a sequence of scalars as "[a, b]", the form in which gs_value_read takes weights. */
static bool write_list(gs_node node, char *text, size_t size)
{
    size_t used = (size_t)snprintf(text, size, "[");
    for (size_t i = 0; i < gs_node_count(node) && used < size; i++) {
        gs_node item = gs_node_item(node, i);
        if (!gs_node_is_plain(item)) return false;
        used += (size_t)snprintf(text + used, size - used, "%s%s", i == 0 ? "" : ", ", gs_node_text(item));
    }
    if (used < size) used += (size_t)snprintf(text + used, size - used, "]");
    return used < size;
}

static gs_status read_value(gs_setting_id id, gs_node node, gs_value *value, gs_error *error)
{
    const gs_setting *row = &gs_settings_table[id];
    char list[1024], allowed[512];
    const char *text = gs_node_text(node);
    gs_setting_describe(id, allowed, sizeof allowed);
    if (row->type == GS_TYPE_WEIGHTS) {
        if (!gs_node_is_sequence(node) || !write_list(node, list, sizeof list))
            return gs_node_fail(node, error, "%s: expected %s", row->column, allowed);
        text = list;
    } else if (gs_node_is_null(node)) {
        return gs_node_fail(node, error, "%s has no value; expected %s", row->column, allowed);
    } else if (!gs_node_is_scalar(node)) {
        return gs_node_fail(node, error, "%s: expected %s, not a %s", row->column, allowed,
                            gs_node_is_mapping(node) ? "mapping" : "list");
    } else if (!gs_node_is_plain(node) && row->type != GS_TYPE_CHOICE) {
        return gs_node_fail(node, error, "%s: expected %s, got the quoted text '%.80s'", row->column, allowed, text);
    }
    gs_error reason;
    if (gs_value_read(id, text, value, &reason) == GS_OK) return GS_OK;
    return gs_node_fail(node, error, "%s: %s", row->column, reason.text);
}

/* A list in the file is an axis; for weights, whose values are lists themselves, a list of lists is. */
static bool is_list_of_values(gs_setting_id id, gs_node node)
{
    if (!gs_node_is_sequence(node)) return false;
    if (gs_settings_table[id].type != GS_TYPE_WEIGHTS) return true;
    return gs_node_count(node) > 0 && gs_node_is_sequence(gs_node_item(node, 0));
}

/* By value, then by place in the list. Values are zeroed before they are read, so that equal ones have equal bytes. */
static int by_value(const void *a, const void *b)
{
    const gs_value *left = *(const gs_value *const *)a, *right = *(const gs_value *const *)b;
    int order = memcmp(left, right, sizeof *left);
    return order != 0 ? order : (left > right) - (left < right);
}

static gs_status check_distinct(const gs_axis *axis, gs_error *error)
{
    const gs_value **sorted = malloc(axis->count * sizeof(const gs_value *));
    if (sorted == NULL) return gs_fail(error, GS_ERROR_MEMORY, "out of memory: %zu values", axis->count);
    for (size_t i = 0; i < axis->count; i++) sorted[i] = &axis->values[i];
    qsort(sorted, axis->count, sizeof(const gs_value *), by_value);
    const gs_value *twice = NULL; /* the first in the list that repeats an earlier one */
    for (size_t i = 1; i < axis->count; i++)
        if (memcmp(sorted[i], sorted[i - 1], sizeof(gs_value)) == 0 && (twice == NULL || sorted[i] < twice))
            twice = sorted[i];
    free(sorted);
    if (twice == NULL) return GS_OK;
    char text[256];
    gs_value_write(axis->id, twice, text, sizeof text);
    return gs_node_fail(gs_axis_place(axis, (size_t)(twice - axis->values)), error, "%s: the value %s is listed twice",
                        gs_settings_table[axis->id].column, text);
}

/* Fills axis->values from a scalar (one value) or a list, in which a value may stand twice. */
static gs_status read_list(gs_axis *axis, gs_node node, gs_error *error)
{
    bool list = is_list_of_values(axis->id, node);
    axis->given = node;
    axis->count = list ? gs_node_count(node) : 1;
    const char *column = gs_settings_table[axis->id].column;
    if (axis->count == 0)
        return gs_node_fail(node, error, "%s: the list of values is empty, which would make no runs", column);
    if (axis->count > GS_VALUES_MAX)
        return gs_node_fail(node, error, "%s: a list of %zu values; at most %d are possible", column, axis->count,
                            GS_VALUES_MAX);
    axis->values = calloc(axis->count, sizeof *axis->values);
    if (axis->values == NULL) return gs_fail(error, GS_ERROR_MEMORY, "out of memory: %zu values", axis->count);
    gs_status status = GS_OK;
    for (size_t i = 0; i < axis->count && !gs_error_is_full(error); i++) {
        gs_status one = read_value(axis->id, list ? gs_node_item(node, i) : node, &axis->values[i], error);
        if (one != GS_OK) status = one;
    }
    return gs_error_is_full(error) ? GS_ERROR_INPUT : status;
}

gs_status gs_read_values(gs_axis *axis, gs_node node, gs_error *error)
{
    gs_status status = read_list(axis, node, error);
    return status == GS_OK && axis->zip == 0 && axis->count > 1 ? check_distinct(axis, error) : status;
}

gs_node gs_axis_place(const gs_axis *axis, size_t place)
{
    return is_list_of_values(axis->id, axis->given) ? gs_node_item(axis->given, place) : axis->given;
}

void gs_axis_free(gs_axis *axis)
{
    free(axis->values);
    free(axis->probabilities);
    axis->values = NULL;
    axis->probabilities = NULL;
}

/* ---- parameters -------------------------------------------------------------------------------------------------- */

static gs_status read_probabilities(gs_axis *axis, gs_node key, gs_node node, gs_error *error)
{
    if (!gs_node_is_sequence(node) || gs_node_count(node) != axis->count)
        return gs_node_fail(node, error, "%s: `probabilities` expects a list of %zu numbers, one for each value",
                            gs_node_text(key), axis->count);
    axis->probabilities = calloc(axis->count, sizeof *axis->probabilities);
    if (axis->probabilities == NULL)
        return gs_fail(error, GS_ERROR_MEMORY, "out of memory: %zu probabilities", axis->count);
    double total = 0;
    for (size_t i = 0; i < axis->count; i++) {
        gs_node item = gs_node_item(node, i);
        const char *text = gs_node_text(item);
        char *end;
        double p = strtod(text, &end);
        if (!gs_node_is_plain(item) || end == text || *end != '\0' || !(p >= 0 && p <= 1))
            return gs_node_fail(item, error, "%s: expected a probability from 0 to 1, got %s", gs_node_text(key),
                                gs_node_show(item).text);
        total += axis->probabilities[i] = p;
    }
    if (!(fabs(total - 1) < 1e-3))
        return gs_node_fail(node, error, "%s: the probabilities add up to %g, not to 1", gs_node_text(key), total);
    for (size_t i = 0; i < axis->count; i++) axis->probabilities[i] /= total;
    return GS_OK;
}

/* W&B's form of a parameter. */
static gs_status read_mapping(gs_axis *axis, gs_node key, gs_node node, gs_error *error)
{
    static const char *const forms[] = {"value", "values", "probabilities", "distribution", "min", "max", "mu",
                                        "sigma", "q"};
    enum { FORMS = sizeof forms / sizeof forms[0], LISTED = 4 };
    bool given[FORMS] = {false}, numbers = false;
    for (size_t i = 0; i < gs_node_count(node); i++) {
        gs_status status = gs_check_unique(node, i, error);
        size_t form = 0;
        while (form < FORMS && strcmp(gs_node_text(gs_node_key(node, i)), forms[form]) != 0) form++;
        if (form == FORMS) return gs_node_fail_name(gs_node_key(node, i), error, "key of a parameter", forms, FORMS);
        if (status != GS_OK) return status;
        given[form] = true;
        numbers = numbers || form >= LISTED;
    }
    gs_node value = gs_node_find(node, "value"), values = gs_node_find(node, "values"),
            shape = gs_node_find(node, "distribution");
    bool constant = strcmp(gs_node_text(shape), "constant") == 0;
    if (given[0] && given[1]) return gs_node_fail(key, error, "%s: give either `value` or `values`", gs_node_text(key));
    if (!given[0] && !given[1]) {
        if (given[2]) return gs_node_fail(key, error, "%s: `probabilities` needs `values`", gs_node_text(key));
        if (!given[3] && !numbers)
            return gs_node_fail(key, error, "%s: give either `value` or `values`", gs_node_text(key));
        return gs_distribution_read(&axis->distribution, axis->id, key, node, error);
    }
    if (numbers || (given[3] && (!gs_distribution_is_listed(gs_node_text(shape)) || constant != given[0])))
        return gs_node_fail(key, error,
                            "%s: `%s` goes with the distribution %s only, and without min, max, mu, sigma and q",
                            gs_node_text(key), given[0] ? "value" : "values", given[0] ? "constant" : "categorical");
    if (given[1] && !is_list_of_values(axis->id, values))
        return gs_node_fail(values, error, "%s: `values` expects a list of values", gs_node_text(key));
    if (given[0] && is_list_of_values(axis->id, value))
        return gs_node_fail(value, error, "%s: `value` expects one value; a list of them goes under `values`",
                            gs_node_text(key));
    gs_status status = gs_read_values(axis, given[1] ? values : value, error);
    if (status == GS_OK && given[2]) status = read_probabilities(axis, key, gs_node_find(node, "probabilities"), error);
    return status;
}

/* A setting that the file links by `zip`: an override with one value takes it out, one with as many values stays
 * linked. */
static gs_status override_zipped(const gs_axis *old, gs_axis *axis, gs_error *error)
{
    const char *column = gs_settings_table[axis->id].column;
    if (axis->values != NULL && axis->count == 1) return GS_OK;
    axis->zip = old->zip;
    if (axis->values != NULL && axis->count == old->count && axis->probabilities == NULL) return GS_OK;
    return gs_node_fail(axis->node, error, "%s is linked by zip to others with %zu values: give one value, or as many",
                        column, old->count);
}

gs_status gs_read_parameter(gs_sweep *sweep, gs_setting_id id, const gs_entry *entry, gs_error *error)
{
    gs_axis axis = {.id = id, .node = entry->key};
    gs_status status = gs_node_is_mapping(entry->value) ? read_mapping(&axis, entry->key, entry->value, error)
                                                        : gs_read_values(&axis, entry->value, error);
    size_t place = 0;
    while (place < sweep->axis_count && sweep->axes[place].id != id) place++;
    if (status == GS_OK && place < sweep->axis_count) {
        gs_axis *old = &sweep->axes[place];
        status = entry->overriding ? override_zipped(old, &axis, error)
                                   : gs_node_fail(entry->key, error, "%s is given twice: here and in zip",
                                                  gs_settings_table[id].column);
    }
    if (status != GS_OK) {
        gs_axis_free(&axis);
        return status;
    }
    if (place == sweep->axis_count) sweep->axis_count++;
    else gs_axis_free(&sweep->axes[place]);
    sweep->axes[place] = axis;
    return GS_OK;
}
