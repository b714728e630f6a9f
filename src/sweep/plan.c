#include "sweep/plan.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

/* ---- identity ---------------------------------------------------------------------------------------------------- */

enum { CANONICAL = 16384, IDENTITY_VERSION = 1 };

static int by_column(const void *a, const void *b)
{
    return strcmp(gs_settings_table[*(const int *)a].column, gs_settings_table[*(const int *)b].column);
}

/* "name=value" lines of what applies and is not the default. */
static size_t write_canonical(const gs_settings *settings, char text[CANONICAL])
{
    int order[GS_SETTING_COUNT];
    for (int id = 0; id < GS_SETTING_COUNT; id++) order[id] = id;
    qsort(order, GS_SETTING_COUNT, sizeof order[0], by_column);
    gs_settings defaults;
    gs_settings_defaults(&defaults, gs_settings_model(settings));
    size_t used = (size_t)snprintf(text, CANONICAL, "identity=%d\nmodel=%s\n", IDENTITY_VERSION,
                                   gs_model_names[gs_settings_model(settings)]);
    for (int i = 0; i < GS_SETTING_COUNT; i++) {
        gs_setting_id id = (gs_setting_id)order[i];
        char value[256];
        if (!gs_setting_applies(id, settings) || gs_values_equal(id, &settings->values[id], &defaults.values[id])) continue;
        gs_value_write(id, &settings->values[id], value, sizeof value);
        used += (size_t)snprintf(text + used, CANONICAL - used, "%s=%s\n", gs_settings_table[id].column, value);
    }
    return used;
}

static void write_hash(XXH128_hash_t hash, char id[GS_ID])
{
    snprintf(id, GS_ID, "%016" PRIx64 "%016" PRIx64, hash.high64, hash.low64);
}

void gs_run_id(const gs_settings *settings, uint64_t seed, const gs_digits *digits, char id[GS_ID])
{
    char text[CANONICAL], data[GS_ID];
    write_hash(XXH3_128bits(digits->grey, sizeof digits->grey), data);
    size_t used = write_canonical(settings, text);
    used += (size_t)snprintf(text + used, CANONICAL - used, "digits=%s\nseed=%" PRIu64 "\n", data, seed);
    write_hash(XXH3_128bits(text, used), id);
}

/* ---- expansion --------------------------------------------------------------------------------------------------- */

typedef struct {
    XXH128_hash_t *slots; /* open addressing; all zero = free */
    size_t size;          /* a power of 2 */
} hash_set;

/* Whether the hash is new; it is a member afterwards. */
static bool add_hash(hash_set *set, XXH128_hash_t hash)
{
    for (size_t i = (size_t)hash.low64 & (set->size - 1);; i = (i + 1) & (set->size - 1)) {
        if (XXH128_isEqual(set->slots[i], hash)) return false;
        if (set->slots[i].low64 == 0 && set->slots[i].high64 == 0) {
            set->slots[i] = hash;
            return true;
        }
    }
}

static gs_status count_combinations(const gs_sweep *sweep, size_t *combinations, gs_error *error)
{
    *combinations = 1;
    for (size_t a = 0; a < sweep->axis_count; a++) {
        if (sweep->axes[a].count > GS_VARIANTS_MAX / *combinations)
            return gs_node_fail(sweep->axes[a].node, error, "the lists of values multiply to more than %d combinations", GS_VARIANTS_MAX);
        *combinations *= sweep->axes[a].count;
    }
    return GS_OK;
}

/* The values of combination number `number` (the first axis varies slowest), on top of the defaults of its model. */
static void resolve(const gs_sweep *sweep, size_t number, gs_settings *settings)
{
    const gs_value *chosen[GS_SETTING_COUNT] = {NULL};
    for (size_t a = sweep->axis_count; a-- > 0;) {
        const gs_axis *axis = &sweep->axes[a];
        chosen[axis->id] = &axis->values[number % axis->count];
        number /= axis->count;
    }
    gs_model_id model = chosen[GS_SETTING_MODEL] != NULL ? (gs_model_id)chosen[GS_SETTING_MODEL]->integer : GS_MODEL_GAN;
    gs_settings_defaults(settings, model);
    for (int id = 0; id < GS_SETTING_COUNT; id++)
        if (chosen[id] != NULL) settings->values[id] = *chosen[id];
    gs_settings given = *settings, defaults;
    gs_settings_defaults(&defaults, model);
    for (int id = 0; id < GS_SETTING_COUNT; id++) /* what does not apply has no say */
        if (!gs_setting_applies((gs_setting_id)id, &given)) settings->values[id] = defaults.values[id];
}

static gs_node node_of(const gs_sweep *sweep, gs_setting_id id)
{
    for (size_t a = 0; a < sweep->axis_count; a++)
        if (sweep->axes[a].id == id) return sweep->axes[a].node;
    return gs_document_root(sweep->documents[0]);
}

static gs_status expand(gs_plan *plan, const gs_sweep *sweep, size_t combinations, hash_set *seen, gs_error *error)
{
    size_t room = 0;
    for (size_t number = 0; number < combinations; number++) {
        gs_settings settings;
        gs_setting_id culprit = GS_SETTING_MODEL;
        gs_error reason;
        char text[CANONICAL];
        resolve(sweep, number, &settings);
        if (!add_hash(seen, XXH3_128bits(text, write_canonical(&settings, text)))) {
            plan->merged++;
            continue;
        }
        if (gs_settings_check(&settings, &culprit, &reason) != GS_OK)
            return gs_node_fail(node_of(sweep, culprit), error, "%s", reason.text);
        if (plan->variant_count == room) {
            room = room == 0 ? 16 : 2 * room;
            gs_variant *more = realloc(plan->variants, room * sizeof *more);
            if (more == NULL) return gs_fail(error, GS_ERROR_MEMORY, "out of memory: %zu variants", room);
            plan->variants = more;
        }
        plan->variants[plan->variant_count++] = (gs_variant){.settings = settings};
    }
    return GS_OK;
}

/* ---- checks of the whole ----------------------------------------------------------------------------------------- */

static gs_status check_models_exist(const gs_plan *plan, const gs_sweep *sweep, gs_error *error)
{
    for (size_t v = 0; v < plan->variant_count; v++) {
        gs_model_id model = gs_settings_model(&plan->variants[v].settings);
        if (gs_model_type_of(model) != NULL) continue;
        char have[256] = "";
        for (int m = 0; m < GS_MODEL_COUNT; m++)
            if (gs_model_type_of((gs_model_id)m) != NULL)
                snprintf(have + strlen(have), sizeof have - strlen(have), "%s%s", *have != '\0' ? ", " : "", gs_model_names[m]);
        return gs_node_fail(node_of(sweep, GS_SETTING_MODEL), error, "model: this version of gensweep has no '%s' yet; it has: %s",
                            gs_model_names[model], have);
    }
    return GS_OK;
}

/* A setting that was given must have a say in at least one variant. */
static gs_status check_all_apply(const gs_plan *plan, const gs_sweep *sweep, gs_error *error)
{
    gs_status status = GS_OK;
    for (size_t a = 0; a < sweep->axis_count; a++) {
        const gs_setting *row = &gs_settings_table[sweep->axes[a].id];
        bool applies = false;
        for (size_t v = 0; v < plan->variant_count && !applies; v++)
            applies = gs_setting_applies(sweep->axes[a].id, &plan->variants[v].settings);
        if (applies) continue;
        char models[256] = "";
        for (int m = 0; m < GS_MODEL_COUNT; m++)
            if ((row->models & (1u << m)) != 0)
                snprintf(models + strlen(models), sizeof models - strlen(models), "%s%s", *models != '\0' ? ", " : "",
                         gs_model_names[m]);
        char condition[128] = "";
        if (row->conditional) gs_setting_condition(sweep->axes[a].id, condition, sizeof condition);
        status = gs_node_fail(sweep->axes[a].node, error, "%s applies to no run of this sweep: it belongs to %s%s%s", row->column,
                              models, row->conditional ? " with " : "", condition);
    }
    return status;
}

/* ---- labels ------------------------------------------------------------------------------------------------------ */

static bool varies(const gs_plan *plan, gs_setting_id id)
{
    const gs_settings *first = NULL;
    for (size_t v = 0; v < plan->variant_count; v++) {
        const gs_settings *settings = &plan->variants[v].settings;
        if (!gs_setting_applies(id, settings)) continue;
        if (first == NULL) first = settings;
        else if (!gs_values_equal(id, &first->values[id], &settings->values[id])) return true;
    }
    return false;
}

static void add_label(gs_variant *variant, const char *text)
{
    size_t used = strlen(variant->label);
    snprintf(variant->label + used, sizeof variant->label - used, "%s%s", used > 0 ? ", " : "", text);
}

static void write_labels(gs_plan *plan, const gs_sweep *sweep)
{
    bool models = varies(plan, GS_SETTING_MODEL);
    for (size_t v = 0; models && v < plan->variant_count; v++)
        add_label(&plan->variants[v], gs_model_names[gs_settings_model(&plan->variants[v].settings)]);
    for (size_t a = 0; a < sweep->axis_count; a++) {
        gs_setting_id id = sweep->axes[a].id;
        if (id == GS_SETTING_MODEL || !varies(plan, id)) continue;
        for (size_t v = 0; v < plan->variant_count; v++) {
            gs_variant *variant = &plan->variants[v];
            if (!gs_setting_applies(id, &variant->settings)) continue;
            char value[128], text[192];
            gs_value_write(id, &variant->settings.values[id], value, sizeof value);
            snprintf(text, sizeof text, "%s=%s", gs_settings_table[id].column, value);
            add_label(variant, text);
        }
    }
    for (size_t v = 0; v < plan->variant_count; v++)
        if (plan->variants[v].label[0] == '\0') add_label(&plan->variants[v], gs_model_names[gs_settings_model(&plan->variants[v].settings)]);
}

gs_status gs_plan_create(gs_plan **plan, const gs_sweep *sweep, gs_error *error)
{
    if (error != NULL) error->text[0] = '\0';
    size_t combinations;
    gs_status status = count_combinations(sweep, &combinations, error);
    if (status != GS_OK) return status;
    hash_set seen = {.size = 16};
    while (seen.size < 2 * combinations) seen.size *= 2;
    seen.slots = calloc(seen.size, sizeof *seen.slots);
    gs_plan *made = calloc(1, sizeof *made);
    if (made == NULL || seen.slots == NULL) status = gs_fail(error, GS_ERROR_MEMORY, "out of memory: %zu combinations", combinations);
    if (status == GS_OK) status = expand(made, sweep, combinations, &seen, error);
    if (status == GS_OK) status = check_models_exist(made, sweep, error);
    if (status == GS_OK) status = check_all_apply(made, sweep, error);
    if (status == GS_OK && sweep->seed_count > INT32_MAX / made->variant_count)
        status = gs_node_fail(gs_document_root(sweep->documents[0]), error, "%zu variants x %zu seeds are too many runs",
                              made->variant_count, sweep->seed_count);
    free(seen.slots);
    if (status != GS_OK) {
        gs_plan_destroy(&made);
        return status;
    }
    made->seeds = sweep->seeds;
    made->seed_count = sweep->seed_count;
    made->run_count = made->variant_count * made->seed_count;
    write_labels(made, sweep);
    *plan = made;
    return GS_OK;
}

void gs_plan_destroy(gs_plan **plan)
{
    if (plan == NULL || *plan == NULL) return;
    free((*plan)->variants);
    free(*plan);
    *plan = NULL;
}

const gs_variant *gs_plan_variant(const gs_plan *plan, size_t run)
{
    return &plan->variants[run / plan->seed_count];
}

gs_job gs_plan_job(const gs_plan *plan, size_t run)
{
    return (gs_job){
        .run = (int64_t)run,
        .seed = plan->seeds[run % plan->seed_count],
        .settings = gs_plan_variant(plan, run)->settings,
    };
}
