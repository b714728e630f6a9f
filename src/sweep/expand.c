#include "sweep/expand.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

/* ---- combinations ------------------------------------------------------------------------------------------------ */

/* What a combination says: values of some settings. */
typedef struct {
    gs_value values[GS_SETTING_COUNT];
    bool given[GS_SETTING_COUNT];
} combination;

enum { REFUSALS_MAX = 64 /* more than an error has room for */ };

/* What a rule of exclude has left out so far. */
typedef struct {
    size_t first;   /* its place in `used` */
    size_t waiting; /* values that have left out nothing yet: at first all */
} exclusion;

/* An expansion in progress. */
typedef struct {
    const gs_sweep *sweep;
    gs_plan *plan;
    size_t combinations;
    exclusion *exclusions;           /* one a rule of exclude */
    bool *used;                      /* one a value that exclude lists: it has left out something */
    size_t values;                   /* that exclude lists */
    XXH128_hash_t *seen;             /* open addressing; all zero = free */
    size_t seen_size;                /* a power of 2 */
    uint64_t refusals[REFUSALS_MAX]; /* hashes of what was told of combinations that cannot be trained */
    size_t refusal_count;
} expansion;

static void give(combination *chosen, gs_setting_id id, const gs_value *value)
{
    chosen->values[id] = *value;
    chosen->given[id] = true;
}

/* The first axis of a zip stands for all of it. */
static bool is_leader(const gs_sweep *sweep, size_t axis)
{
    for (size_t a = 0; a < axis; a++)
        if (sweep->axes[axis].zip != 0 && sweep->axes[a].zip == sweep->axes[axis].zip) return false;
    return true;
}

static void give_place(const gs_sweep *sweep, size_t leader, size_t place, combination *chosen)
{
    for (size_t a = leader; a < sweep->axis_count; a++)
        if (a == leader || (sweep->axes[leader].zip != 0 && sweep->axes[a].zip == sweep->axes[leader].zip))
            give(chosen, sweep->axes[a].id, &sweep->axes[a].values[place]);
}

/* Combination number `number` of a grid: the first axis varies slowest. */
static void choose_grid(const gs_sweep *sweep, size_t number, combination *chosen)
{
    for (size_t a = sweep->axis_count; a-- > 0;) {
        if (!is_leader(sweep, a)) continue;
        give_place(sweep, a, number % sweep->axes[a].count, chosen);
        number /= sweep->axes[a].count;
    }
}

static size_t draw_place(const gs_axis *axis, double u)
{
    if (axis->probabilities == NULL) return (size_t)(u * (double)axis->count);
    size_t last = 0;
    double below = 0;
    for (size_t i = 0; i < axis->count; i++) {
        if (!(axis->probabilities[i] > 0)) continue;
        last = i;
        below += axis->probabilities[i];
        if (u < below) break;
    }
    return last; /* the sum may end a rounding below 1 */
}

static gs_status choose_random(const gs_sweep *sweep, size_t trial, combination *chosen, gs_error *error)
{
    for (size_t a = 0; a < sweep->axis_count; a++) {
        const gs_axis *axis = &sweep->axes[a];
        gs_error reason;
        if (!is_leader(sweep, a)) continue;
        if (axis->values != NULL) {
            double u = gs_draw_uniform(sweep->search_seed, gs_settings_table[axis->id].column, trial);
            give_place(sweep, a, draw_place(axis, u), chosen);
            continue;
        }
        chosen->given[axis->id] = true;
        if (gs_distribution_draw(&axis->distribution, axis->id, sweep->search_seed, trial, &chosen->values[axis->id],
                                 &reason) != GS_OK)
            return gs_node_fail(axis->node, error, "%s", reason.text);
    }
    return GS_OK;
}

static size_t values_of(const gs_rule *rule)
{
    size_t values = 0;
    for (size_t t = 0; t < rule->count; t++) values += rule->terms[t].count;
    return values;
}

static gs_status count_combinations(expansion *all, gs_error *error)
{
    const gs_sweep *sweep = all->sweep;
    size_t *combinations = &all->combinations;
    *combinations = sweep->random ? sweep->run_cap : 1;
    for (size_t a = 0; a < sweep->axis_count && !sweep->random; a++) {
        if (!is_leader(sweep, a)) continue;
        if (sweep->axes[a].count > GS_VARIANTS_MAX / *combinations)
            return gs_node_fail(sweep->axes[a].node, error, "the lists of values multiply to more than %d combinations",
                                GS_VARIANTS_MAX);
        *combinations *= sweep->axes[a].count;
    }
    size_t comparisons = 1; /* of a combination with the rules of exclude */
    for (size_t r = 0; r < sweep->exclude.count; r++) {
        comparisons += sweep->exclude.rules[r].count;
        all->values += values_of(&sweep->exclude.rules[r]);
    }
    comparisons += all->values;
    enum { COMPARISONS_MAX = 1000000000 };
    if (comparisons > COMPARISONS_MAX / *combinations)
        return gs_node_fail(sweep->exclude.rules[0].node, error,
                            "exclude: %zu values for %zu combinations would take too long to compare", comparisons,
                            *combinations);
    return GS_OK;
}

/* The chosen values on top of the defaults of the model; what does not apply has no say. */
static void resolve(const expansion *all, const combination *chosen, gs_settings *settings)
{
    gs_model_id model =
        chosen->given[GS_SETTING_MODEL] ? (gs_model_id)chosen->values[GS_SETTING_MODEL].integer : GS_MODEL_GAN;
    gs_settings given = all->plan->defaults[model];
    for (int id = 0; id < GS_SETTING_COUNT; id++)
        if (chosen->given[id]) given.values[id] = chosen->values[id];
    *settings = given;
    for (int id = 0; id < GS_SETTING_COUNT; id++)
        if (chosen->given[id] && !gs_setting_applies((gs_setting_id)id, &given))
            settings->values[id] = all->plan->defaults[model].values[id];
}

/* The place of the settings' value among those of an axis; their number if it is not there. */
static size_t place_in(const gs_axis *axis, const gs_settings *settings)
{
    size_t place = 0;
    while (place < axis->count && !gs_values_equal(axis->id, &axis->values[place], &settings->values[axis->id]))
        place++;
    return place;
}

/* Whether the rule leaves the settings out. The values by which it does are marked as used. */
static bool rule_matches(const gs_rule *rule, const gs_settings *settings, exclusion *so_far, bool *used)
{
    size_t places[GS_SETTING_COUNT];
    for (size_t t = 0; t < rule->count; t++) {
        if (!gs_setting_applies(rule->terms[t].id, settings)) return false;
        places[t] = place_in(&rule->terms[t], settings);
        if (places[t] == rule->terms[t].count) return false;
    }
    used += so_far->first;
    for (size_t t = 0; t < rule->count; used += rule->terms[t++].count) {
        if (used[places[t]]) continue;
        used[places[t]] = true;
        so_far->waiting--;
    }
    return true;
}

static bool is_excluded(expansion *all, const gs_settings *settings)
{
    const gs_rules *exclude = &all->sweep->exclude;
    bool excluded = false;
    for (size_t r = 0; r < exclude->count; r++) { /* all of them: each should leave out something, by each value */
        exclusion *so_far = &all->exclusions[r];
        if (excluded && so_far->waiting == 0) continue;
        if (rule_matches(&exclude->rules[r], settings, so_far, all->used)) excluded = true;
    }
    return excluded;
}

/* A rule that leaves out nothing is an error; a value in its lists by which it leaves out nothing is told. */
static gs_status check_exclusions(const expansion *all, gs_error *error)
{
    const gs_rules *exclude = &all->sweep->exclude;
    const gs_axis *idle = NULL;
    size_t place = 0, others = 0;
    for (size_t r = 0; r < exclude->count; r++) {
        const gs_rule *rule = &exclude->rules[r];
        const bool *used = all->used + all->exclusions[r].first;
        if (all->exclusions[r].waiting == values_of(rule))
            return gs_node_fail(rule->node, error, "exclude: no combination of this sweep matches");
        for (size_t t = 0; t < rule->count; used += rule->terms[t++].count)
            for (size_t i = 0; i < rule->terms[t].count; i++) {
                if (used[i]) continue;
                if (idle != NULL) others++;
                else idle = &rule->terms[t], place = i;
            }
    }
    if (idle == NULL) return GS_OK;
    char value[128], more[64] = "";
    gs_value_write(idle->id, &idle->values[place], value, sizeof value);
    if (others > 0) snprintf(more, sizeof more, " (and %zu more like it)", others);
    (void)gs_node_fail(gs_axis_place(idle, place), &all->plan->note,
                       "exclude: no combination of this sweep is left out by %s: %s%s",
                       gs_settings_table[idle->id].column, value, more);
    return GS_OK;
}

/* ---- expansion --------------------------------------------------------------------------------------------------- */

/* Whether the settings are new; they are seen afterwards. What does not apply is reset, so that same runs have the same
 * bytes. */
static bool add_seen(expansion *all, const gs_settings *settings)
{
    XXH128_hash_t hash = XXH3_128bits(settings, sizeof *settings);
    for (size_t i = (size_t)hash.low64 & (all->seen_size - 1);; i = (i + 1) & (all->seen_size - 1)) {
        if (XXH128_isEqual(all->seen[i], hash)) return false;
        if (all->seen[i].low64 == 0 && all->seen[i].high64 == 0) {
            all->seen[i] = hash;
            return true;
        }
    }
}

/* The reason but for its numbers. */
static uint64_t kind_of_reason(const char *reason)
{
    gs_error words;
    size_t used = 0;
    for (const char *at = reason; *at != '\0' && used + 1 < sizeof words.text; at++)
        if (strchr("0123456789.e+-", *at) == NULL) words.text[used++] = *at;
    return XXH3_64bits(words.text, used);
}

/* Where the value stands that is to blame. */
static gs_node place_of_culprit(const gs_sweep *sweep, gs_setting_id culprit, const gs_settings *settings)
{
    const gs_axis *axis = gs_sweep_axis(sweep, culprit);
    size_t place = axis != NULL && axis->values != NULL ? place_in(axis, settings) : 0;
    bool listed = axis != NULL && axis->values != NULL && place < axis->count;
    return listed ? gs_axis_place(axis, place) : gs_sweep_node(sweep, culprit);
}

/* Tells why a combination cannot be trained: a reason that differs in its numbers alone is told once. The other
 * combinations are looked at too, so that a user sees all reasons at once. GS_OK while there is room for more. `rule`
 * is the item of include, or NULL. */
static gs_status refuse(expansion *all, gs_node culprit, const gs_rule *rule, const char *reason, gs_error *error)
{
    uint64_t kind = kind_of_reason(reason);
    for (size_t i = 0; i < all->refusal_count && rule == NULL; i++)
        if (all->refusals[i] == kind) return GS_OK;
    if (all->refusal_count < REFUSALS_MAX) all->refusals[all->refusal_count++] = kind;
    bool several = all->combinations > 1 && !all->sweep->random;
    gs_status status = rule != NULL ? gs_node_fail(rule->node, error, "include: %s", reason)
                                    : gs_node_fail(culprit, error, "%s%s", reason,
                                                   several ? ", or leave such combinations out with exclude" : "");
    return gs_error_is_full(error) ? status : GS_OK;
}

/* `rule` is the item of include, or NULL. */
static gs_status add_variant(expansion *all, const gs_settings *settings, const gs_rule *rule, gs_error *error)
{
    gs_plan *plan = all->plan;
    gs_setting_id culprit = GS_SETTING_MODEL;
    gs_error reason;
    if (!add_seen(all, settings)) {
        plan->merged++;
        return GS_OK;
    }
    if (gs_settings_check(settings, &culprit, &reason) != GS_OK)
        return refuse(all, place_of_culprit(all->sweep, culprit, settings), rule, reason.text, error);
    gs_plan_append(plan, settings);
    return GS_OK;
}

static gs_status expand(expansion *all, gs_error *error)
{
    gs_status status = GS_OK;
    for (size_t number = 0; number < all->combinations && status == GS_OK; number++) {
        combination chosen;
        gs_settings settings;
        memset(chosen.given, 0, sizeof chosen.given);
        if (all->sweep->random) status = choose_random(all->sweep, number, &chosen, error);
        else choose_grid(all->sweep, number, &chosen);
        if (status != GS_OK) break;
        resolve(all, &chosen, &settings);
        if (is_excluded(all, &settings)) all->plan->excluded++;
        else status = add_variant(all, &settings, NULL, error);
    }
    return status == GS_OK && !all->sweep->random ? check_exclusions(all, error) : status;
}

/* An included combination: what the sweep fixes to one value, then what the item says. Swept settings that it leaves
 * out have their default. */
static gs_status include(expansion *all, const gs_rule *rule, gs_error *error)
{
    const gs_sweep *sweep = all->sweep;
    combination chosen;
    gs_settings settings;
    memset(chosen.given, 0, sizeof chosen.given);
    for (size_t a = 0; a < sweep->axis_count; a++)
        if (sweep->axes[a].values != NULL && sweep->axes[a].count == 1)
            give(&chosen, sweep->axes[a].id, &sweep->axes[a].values[0]);
    for (size_t t = 0; t < rule->count; t++) give(&chosen, rule->terms[t].id, &rule->terms[t].values[0]);
    resolve(all, &chosen, &settings);
    for (size_t t = 0; t < rule->count; t++)
        if (!gs_setting_applies(rule->terms[t].id, &settings))
            return gs_node_fail(
                rule->terms[t].node, error, "include: %s does not apply to this combination, whose model is %s",
                gs_settings_table[rule->terms[t].id].column, gs_model_names[gs_settings_model(&settings)]);
    return add_variant(all, &settings, rule, error);
}

gs_status gs_expand(gs_plan *plan, const gs_sweep *sweep, gs_error *error)
{
    expansion all = {.sweep = sweep, .plan = plan, .seen_size = 16};
    gs_status status = count_combinations(&all, error);
    if (status != GS_OK) return status;
    size_t most = all.combinations + sweep->include.count;
    while (all.seen_size < 2 * most) all.seen_size *= 2;
    all.seen = calloc(all.seen_size, sizeof *all.seen);
    all.exclusions = calloc(sweep->exclude.count + 1, sizeof *all.exclusions);
    all.used = calloc(all.values + 1, sizeof *all.used);
    if (all.seen == NULL || all.exclusions == NULL || all.used == NULL)
        status = gs_fail(error, GS_ERROR_MEMORY, "out of memory: %zu combinations", all.combinations);
    size_t first = 0;
    for (size_t r = 0; r < sweep->exclude.count && status == GS_OK; r++) {
        size_t values = values_of(&sweep->exclude.rules[r]);
        all.exclusions[r] = (exclusion){.first = first, .waiting = values};
        first += values;
    }
    if (status == GS_OK) status = gs_plan_reserve(plan, sweep, most, error);
    if (status == GS_OK) status = expand(&all, error);
    for (size_t r = 0; r < sweep->include.count && status == GS_OK; r++)
        status = include(&all, &sweep->include.rules[r], error);
    if (all.refusal_count > 0) status = GS_ERROR_INPUT;
    if (status == GS_OK && plan->variant_count == 0)
        status =
            gs_node_fail(sweep->exclude.rules[0].node, error,
                         "exclude leaves none of the %zu combinations, which would make no runs", all.combinations);
    free(all.seen);
    free(all.exclusions);
    free(all.used);
    return status;
}
