/* zip, exclude and include: combinations that are not the product of all lists. */
#include "sweep/keys.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- zip --------------------------------------------------------------------------------------------------------- */

static gs_status zip_setting(gs_sweep *sweep, gs_node key, gs_node value, size_t zip, size_t *length, gs_error *error)
{
    gs_setting_id id = gs_setting_of_key(key, error);
    if (id == GS_SETTING_COUNT) return GS_ERROR_INPUT;
    const char *column = gs_settings_table[id].column;
    if (gs_sweep_axis(sweep, id) != NULL) return gs_node_fail(key, error, "%s is given twice: here and before", column);
    gs_axis axis = {.id = id, .node = key, .zip = zip};
    if (gs_node_is_mapping(value))
        return gs_node_fail(value, error, "%s: zip links plain lists of values, as in %s: [2, 8, 32]", column, column);
    gs_status status = gs_read_values(&axis, value, error);
    if (status == GS_OK && axis.count == 1 && !gs_node_is_sequence(value))
        status = gs_node_fail(value, error, "%s: zip links lists of values, as in [2, 8, 32]", column);
    if (status == GS_OK && *length > 0 && axis.count != *length)
        status = gs_node_fail(value, error, "%s has %zu values, and what it is linked to has %zu", column, axis.count,
                              *length);
    if (status != GS_OK) {
        gs_axis_free(&axis);
        return status;
    }
    *length = axis.count;
    sweep->axes[sweep->axis_count++] = axis;
    return GS_OK;
}

/* A list of mappings, each one axis of linked values; one mapping may stand alone. */
gs_status gs_read_zip(gs_sweep *sweep, const gs_entry *entry, gs_error *error)
{
    gs_node list = entry->value;
    bool alone = gs_node_is_mapping(list);
    if (!alone && (!gs_node_is_sequence(list) || gs_node_count(list) == 0))
        return gs_node_fail(
            list, error,
            "zip: expected a list of linked settings, as in [{latent_dim: [2, 8], batch_size: [64, 128]}]");
    gs_status status = GS_OK;
    for (size_t z = 0; z < (alone ? 1 : gs_node_count(list)) && !gs_error_is_full(error); z++) {
        gs_node group = alone ? list : gs_node_item(list, z);
        if (!gs_node_is_mapping(group) || gs_node_count(group) < 2) {
            status = gs_node_fail(
                group, error,
                "zip: expected two or more settings with lists, as in {latent_dim: [2, 8], batch_size: [64, 128]}");
            continue;
        }
        size_t length = 0;
        sweep->zip_count++;
        for (size_t i = 0; i < gs_node_count(group) && !gs_error_is_full(error); i++) {
            gs_status one =
                zip_setting(sweep, gs_node_key(group, i), gs_node_item(group, i), sweep->zip_count, &length, error);
            if (one != GS_OK) status = one;
        }
    }
    return status;
}

/* ---- exclude and include ----------------------------------------------------------------------------------------- */

static gs_status read_term(gs_rule *rule, gs_node mapping, size_t index, bool one_value, gs_error *error)
{
    gs_node key = gs_node_key(mapping, index), value = gs_node_item(mapping, index);
    gs_setting_id id = gs_setting_of_key(key, error);
    if (id == GS_SETTING_COUNT) return GS_ERROR_INPUT;
    gs_status status = gs_check_unique(mapping, index, error);
    if (status != GS_OK) return status;
    gs_axis *term = &rule->terms[rule->count];
    *term = (gs_axis){.id = id, .node = key};
    status = gs_read_values(term, value, error);
    if (status == GS_OK && one_value && term->count > 1)
        status = gs_node_fail(value, error, "include: %s: give one value; another combination is another item",
                              gs_settings_table[id].column);
    if (status == GS_OK) rule->count++;
    else gs_axis_free(term);
    return status;
}

static gs_status read_rule(gs_rule *rule, gs_node node, const char *what, bool one_value, gs_error *error)
{
    size_t terms = gs_node_count(node);
    rule->node = node;
    if (!gs_node_is_mapping(node) || terms == 0)
        return gs_node_fail(node, error, "%s: expected a combination, as in {model: vae, batch_size: 256}", what);
    if (terms > GS_SETTING_COUNT)
        return gs_node_fail(node, error, "%s: %zu settings are more than there are", what, terms);
    rule->terms = calloc(terms, sizeof *rule->terms);
    if (rule->terms == NULL) return gs_fail(error, GS_ERROR_MEMORY, "out of memory for %s", what);
    gs_status status = GS_OK;
    for (size_t i = 0; i < terms; i++) {
        gs_status one = read_term(rule, node, i, one_value, error);
        if (one != GS_OK) status = one;
    }
    return status;
}

static gs_status read_rules(gs_rules *rules, gs_node list, const char *what, bool one_value, gs_error *error)
{
    size_t count = gs_node_count(list), values = 0;
    if (!gs_node_is_sequence(list))
        return gs_node_fail(list, error, "%s: expected a list of combinations, as in [{model: vae}]", what);
    if (count > GS_RULES_MAX)
        return gs_node_fail(list, error, "%s: %zu combinations; at most %d are possible", what, count, GS_RULES_MAX);
    if (count == 0) return GS_OK;
    rules->rules = calloc(count, sizeof *rules->rules);
    if (rules->rules == NULL) return gs_fail(error, GS_ERROR_MEMORY, "out of memory for %s", what);
    gs_status status = GS_OK;
    for (size_t i = 0; i < count && !gs_error_is_full(error); i++) {
        gs_rule *rule = &rules->rules[rules->count++];
        gs_status one = read_rule(rule, gs_node_item(list, i), what, one_value, error);
        if (one != GS_OK) status = one;
        for (size_t t = 0; t < rule->count; t++) values += rule->terms[t].count;
        if (values > GS_VALUES_MAX)
            return gs_node_fail(rule->node, error, "%s: more than %d values in all", what, GS_VALUES_MAX);
    }
    return status;
}

gs_status gs_read_exclude(gs_sweep *sweep, const gs_entry *entry, gs_error *error)
{
    return read_rules(&sweep->exclude, entry->value, "exclude", false, error);
}

gs_status gs_read_include(gs_sweep *sweep, const gs_entry *entry, gs_error *error)
{
    return read_rules(&sweep->include, entry->value, "include", true, error);
}

void gs_rules_free(gs_rules *rules)
{
    for (size_t r = 0; r < rules->count; r++) {
        for (size_t t = 0; t < rules->rules[r].count; t++) gs_axis_free(&rules->rules[r].terms[t]);
        free(rules->rules[r].terms);
    }
    free(rules->rules);
    *rules = (gs_rules){NULL, 0};
}
