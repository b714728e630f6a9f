#include "sweep/plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "sweep/expand.h"

/* ---- variants, packed -------------------------------------------------------------------------------------------- */

static size_t packed_size(gs_setting_id id)
{
    const gs_value *value = NULL;
    return gs_settings_table[id].type == GS_TYPE_WEIGHTS ? sizeof value->weights : sizeof value->integer;
}

static void name_setting(gs_plan *plan, gs_setting_id id)
{
    for (size_t n = 0; n < plan->named_count; n++)
        if (plan->named[n] == id) return;
    plan->named[plan->named_count++] = id;
    plan->row_size += packed_size(id);
}

gs_status gs_plan_reserve(gs_plan *plan, const gs_sweep *sweep, size_t room, gs_error *error)
{
    for (int model = 0; model < GS_MODEL_COUNT; model++)
        gs_settings_defaults(&plan->defaults[model], (gs_model_id)model);
    name_setting(plan, GS_SETTING_MODEL); /* first, since the defaults depend on it */
    for (size_t a = 0; a < sweep->axis_count; a++) {
        const gs_axis *axis = &sweep->axes[a];
        name_setting(plan, axis->id);
        plan->fixed[axis->id] = axis->values != NULL && axis->count == 1;
        plan->swept[axis->id] = !plan->fixed[axis->id];
        if (plan->fixed[axis->id]) plan->base[axis->id] = axis->values[0];
    }
    for (size_t r = 0; r < sweep->include.count; r++)
        for (size_t t = 0; t < sweep->include.rules[r].count; t++)
            name_setting(plan, sweep->include.rules[r].terms[t].id);
    plan->rows = malloc(room * plan->row_size);
    if (plan->rows == NULL) return gs_fail(error, GS_ERROR_MEMORY, "out of memory: %zu variants", room);
    return GS_OK;
}

void gs_plan_append(gs_plan *plan, const gs_settings *settings)
{
    unsigned char *row = plan->rows + plan->variant_count++ * plan->row_size;
    for (size_t n = 0; n < plan->named_count; n++) {
        size_t size = packed_size(plan->named[n]);
        memcpy(row, &settings->values[plan->named[n]], size);
        row += size;
    }
}

gs_settings gs_plan_settings(const gs_plan *plan, size_t variant)
{
    const unsigned char *row = plan->rows + variant * plan->row_size;
    gs_value model;
    memcpy(&model, row, sizeof model.integer);
    gs_settings settings = plan->defaults[model.integer];
    for (size_t n = 0; n < plan->named_count; n++) {
        size_t size = packed_size(plan->named[n]);
        memcpy(&settings.values[plan->named[n]], row, size);
        row += size;
    }
    return settings;
}

/* ---- checks of the whole ----------------------------------------------------------------------------------------- */

/* One look at all variants: to how many each named setting applies, and which vary. */
static void survey(gs_plan *plan)
{
    gs_settings first;
    for (size_t v = 0; v < plan->variant_count; v++) {
        gs_settings settings = gs_plan_settings(plan, v);
        for (size_t n = 0; n < plan->named_count; n++) {
            gs_setting_id id = plan->named[n];
            if (!gs_setting_applies(id, &settings)) continue;
            if (plan->applies[id]++ == 0) first.values[id] = settings.values[id];
            else if (!gs_values_equal(id, &first.values[id], &settings.values[id])) plan->varies[id] = true;
        }
    }
}

/* A setting that was given must have a say in at least one variant. */
static gs_status check_all_apply(const gs_plan *plan, const gs_sweep *sweep, gs_error *error)
{
    gs_status status = GS_OK;
    for (size_t a = 0; a < sweep->axis_count; a++) {
        const gs_setting *row = &gs_settings_table[sweep->axes[a].id];
        if (plan->applies[sweep->axes[a].id] > 0) continue;
        char models[256] = "", condition[128] = "";
        for (int m = 0; m < GS_MODEL_COUNT; m++)
            if ((row->models & (1u << m)) != 0)
                snprintf(models + strlen(models), sizeof models - strlen(models), "%s%s", *models != '\0' ? ", " : "",
                         gs_model_names[m]);
        if (row->conditional) gs_setting_condition(sweep->axes[a].id, condition, sizeof condition);
        status = gs_node_fail(sweep->axes[a].node, error, "%s applies to no run of this sweep: it belongs to %s%s%s",
                              row->column, models, row->conditional ? " with " : "", condition);
    }
    return status;
}

/* ---- labels ------------------------------------------------------------------------------------------------------ */

/* A label that has no room for everything ends with a hash of the settings, so that it still names one variant. False
 * from then on. */
static bool add_to_label(char label[GS_LABEL], const char *text, const gs_settings *settings)
{
    enum { ROOM = 180 };
    size_t used = strlen(label);
    if (used + strlen(text) + 2 < ROOM) {
        snprintf(label + used, GS_LABEL - used, "%s%s", used > 0 ? ", " : "", text);
        return true;
    }
    snprintf(label + used, GS_LABEL - used, ", ... #%08lx",
             (unsigned long)(XXH3_64bits(settings, sizeof *settings) & 0xFFFFFFFF));
    return false;
}

/* Whether a variant with these settings is called by this one. */
static bool is_told(const gs_plan *plan, gs_setting_id id, const gs_settings *settings)
{
    if (!plan->varies[id] || !gs_setting_applies(id, settings)) return false;
    const gs_value *usual = plan->fixed[id] ? &plan->base[id] : &plan->defaults[gs_settings_model(settings)].values[id];
    return plan->swept[id] || !gs_values_equal(id, usual, &settings->values[id]);
}

void gs_plan_label(const gs_plan *plan, size_t variant, char label[GS_LABEL])
{
    gs_settings settings = gs_plan_settings(plan, variant);
    const char *model = gs_model_names[gs_settings_model(&settings)];
    bool room = true;
    label[0] = '\0';
    if (plan->varies[GS_SETTING_MODEL]) room = add_to_label(label, model, &settings);
    for (size_t n = 1; n < plan->named_count && room; n++) {
        gs_setting_id id = plan->named[n];
        if (!is_told(plan, id, &settings)) continue;
        char value[128], text[192];
        gs_value_write(id, &settings.values[id], value, sizeof value);
        snprintf(text, sizeof text, "%s=%s", gs_settings_table[id].column, value);
        room = add_to_label(label, text, &settings);
    }
    if (label[0] == '\0') snprintf(label, GS_LABEL, "%s", model);
}

/* ---- plans ------------------------------------------------------------------------------------------------------- */

gs_status gs_plan_create(gs_plan **plan, const gs_sweep *sweep, gs_error *error)
{
    if (error != NULL) error->text[0] = '\0';
    gs_plan *made = calloc(1, sizeof *made);
    if (made == NULL) return gs_fail(error, GS_ERROR_MEMORY, "out of memory for the plan");
    gs_status status = gs_expand(made, sweep, error);
    if (status == GS_OK) survey(made);
    if (status == GS_OK) status = check_all_apply(made, sweep, error);
    if (status == GS_OK && sweep->seed_count > GS_RUNS_MAX / made->variant_count)
        status = gs_node_fail(gs_document_root(sweep->documents[0]), error,
                              "%zu variants x %zu seeds are %zu runs; at most %d are possible", made->variant_count,
                              sweep->seed_count, made->variant_count * sweep->seed_count, GS_RUNS_MAX);
    if (status != GS_OK) {
        gs_plan_destroy(&made);
        return status;
    }
    made->seeds = sweep->seeds;
    made->seed_count = sweep->seed_count;
    made->run_count = made->variant_count * made->seed_count;
    *plan = made;
    return GS_OK;
}

void gs_plan_destroy(gs_plan **plan)
{
    if (plan == NULL || *plan == NULL) return;
    free((*plan)->rows);
    free(*plan);
    *plan = NULL;
}

gs_variant gs_plan_variant(const gs_plan *plan, size_t run)
{
    gs_variant variant = {.settings = gs_plan_settings(plan, run / plan->seed_count)};
    gs_plan_label(plan, run / plan->seed_count, variant.label);
    return variant;
}

int64_t gs_plan_largest(const gs_plan *plan, gs_setting_id id)
{
    int64_t most = 0;
    for (size_t v = 0; v < plan->variant_count; v++) {
        gs_settings settings = gs_plan_settings(plan, v);
        if (gs_settings_integer(&settings, id) > most) most = gs_settings_integer(&settings, id);
    }
    return most;
}

gs_job gs_plan_job(const gs_plan *plan, size_t run)
{
    return (gs_job){
        .run = (int64_t)run,
        .seed = plan->seeds[run % plan->seed_count],
        .settings = gs_plan_settings(plan, run / plan->seed_count),
    };
}
