#include "sweep/sweep.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ground/utf8.h"
#include "sweep/keys.h"

enum { ENTRIES_MAX = 2 * GS_PLACES /* more keys than there are names cannot all be right */ };

/* ---- gathering --------------------------------------------------------------------------------------------------- */

/* Every key that was given, in the order of the file, with the overrides in the places of what they override. */
typedef struct {
    gs_entry entries[ENTRIES_MAX];
    size_t count;
} gathered;

static gs_entry *find_entry(gathered *all, int place)
{
    for (size_t i = 0; i < all->count; i++)
        if (all->entries[i].place == place) return &all->entries[i];
    return NULL;
}

static void add_entry(gathered *all, gs_entry entry)
{
    if (all->count < ENTRIES_MAX) all->entries[all->count++] = entry;
}

static void gather_mapping(gathered *all, gs_node mapping, const char *section);

static void gather_section(gathered *all, gs_entry entry, const char *section)
{
    entry.section = section;
    if (gs_node_is_mapping(entry.value)) gather_mapping(all, entry.value, section);
    else if (!gs_node_is_null(entry.value)) {
        entry.place = GS_PLACE_NO_MAPPING;
        add_entry(all, entry);
    }
}

static void gather_mapping(gathered *all, gs_node mapping, const char *section)
{
    bool seen[GS_PLACES] = {false};
    for (size_t i = 0; i < gs_node_count(mapping) && all->count < ENTRIES_MAX; i++) {
        gs_entry entry = {.key = gs_node_key(mapping, i), .value = gs_node_item(mapping, i), .section = section};
        int place = gs_key_within(entry.key, section);
        entry.place = place >= 0 && seen[place] ? GS_PLACE_TWICE : place;
        if (place >= 0) seen[place] = true;
        if (entry.place >= 0 && gs_key_is_section(place)) gather_section(all, entry, gs_key_name(place));
        else add_entry(all, entry);
    }
}

/* ---- overrides --------------------------------------------------------------------------------------------------- */

static gs_status keep_document(gs_sweep *sweep, gs_document *document, gs_error *error)
{
    gs_document **more = realloc(sweep->documents, (sweep->document_count + 1) * sizeof(gs_document *));
    if (more == NULL) {
        gs_document_destroy(&document);
        return gs_fail(error, GS_ERROR_MEMORY, "out of memory for the sweep");
    }
    sweep->documents = more;
    sweep->documents[sweep->document_count++] = document;
    return GS_OK;
}

/* Whether the file links the setting with others by zip. */
static bool is_zipped(gathered *all, int place)
{
    const gs_entry *zip = find_entry(all, gs_key_of_text("zip"));
    if (zip == NULL) return false;
    bool alone = gs_node_is_mapping(zip->value);
    for (size_t z = 0; z < (alone ? 1 : gs_node_count(zip->value)); z++)
        if (gs_node_find(alone ? zip->value : gs_node_item(zip->value, z), gs_key_name(place)).yaml != NULL)
            return true;
    return false;
}

static gs_status override_one(gathered *all, gs_entry entry, gs_override_kind kind, gs_error *error)
{
    gs_entry *old = find_entry(all, entry.place);
    const char *name = gs_key_name(entry.place);
    if (old != NULL && old->overriding)
        return gs_node_fail(entry.key, error, "%s is given twice on the command line", name);
    if (old == NULL && kind != GS_OVERRIDE_SET && is_zipped(all, entry.place))
        return gs_node_fail(entry.key, error,
                            "%s%s: the sweep sets it by zip; %s=... changes it, ~zip removes all links",
                            kind == GS_OVERRIDE_REMOVE ? "~" : "+", name, name);
    if (kind == GS_OVERRIDE_REMOVE && old == NULL)
        return gs_node_fail(entry.key, error, "~%s: the sweep does not set it", name);
    if (kind == GS_OVERRIDE_ADD && old != NULL)
        return gs_node_fail(entry.key, error, "+%s: the sweep sets it already; %s=... changes it", name, name);
    entry.overriding = true;
    if (kind == GS_OVERRIDE_REMOVE) entry.place = GS_PLACE_REMOVED;
    if (old != NULL) *old = entry;
    else if (all->count == ENTRIES_MAX) return gs_node_fail(entry.key, error, "%s: there are too many keys", name);
    else add_entry(all, entry);
    return GS_OK;
}

/* section={...} overrides the keys that the mapping names; ~section removes all that the file gave under it. */
static gs_status override_section(gs_sweep *sweep, gathered *all, gs_entry entry, gs_override_kind kind,
                                  gs_error *error)
{
    const char *section = gs_key_name(entry.place);
    gs_status status = GS_OK;
    if (kind == GS_OVERRIDE_REMOVE) {
        for (size_t i = 0; i < all->count; i++)
            if (strcmp(all->entries[i].section, section) == 0) all->entries[i].place = GS_PLACE_REMOVED;
        return GS_OK;
    }
    if (!gs_node_is_mapping(entry.value)) {
        entry.place = GS_PLACE_NO_MAPPING;
        entry.section = section;
        return gs_entry_read(sweep, &entry, error);
    }
    gathered inside = {.count = 0};
    gather_mapping(&inside, entry.value, section);
    for (size_t i = 0; i < inside.count; i++) {
        gs_status one = inside.entries[i].place < 0 ? gs_entry_read(sweep, &inside.entries[i], error)
                                                    : override_one(all, inside.entries[i], kind, error);
        if (one != GS_OK) status = one;
    }
    return status;
}

static gs_status apply_override(gs_sweep *sweep, gathered *all, const char *argument, gs_error *error)
{
    gs_document *document = NULL;
    gs_override_kind kind;
    gs_status status = gs_override_parse(&document, &kind, argument, error);
    if (status == GS_OK) status = keep_document(sweep, document, error);
    if (status != GS_OK) return status;
    gs_node root = gs_document_root(document);
    gs_entry entry = {.key = gs_node_key(root, 0), .value = gs_node_item(root, 0), .section = ""};
    entry.place = gs_key_of_name(entry.key);
    if (entry.place >= 0)
        return gs_key_is_section(entry.place) ? override_section(sweep, all, entry, kind, error)
                                              : override_one(all, entry, kind, error);
    return gs_key_fail(entry.key, error);
}

/* ---- early stopping ---------------------------------------------------------------------------------------------- */

/* A key of W&B's `metric` says the same as one of early_terminate: of the command line and the file, the command line
 * wins. */
static gs_status adopt_key(gathered *all, const gs_entry *metric, size_t index, gs_error *error)
{
    static const char *const names[] = {"name", "goal"};
    static const gs_setting_id settings[] = {GS_SETTING_STOPPING_METRIC, GS_SETTING_STOPPING_GOAL};
    gs_entry entry = {.key = gs_node_key(metric->value, index),
                      .value = gs_node_item(metric->value, index),
                      .section = "metric",
                      .overriding = metric->overriding};
    size_t n = 0;
    while (n < 2 && !(gs_node_is_scalar(entry.key) && strcmp(gs_node_text(entry.key), names[n]) == 0)) n++;
    if (n == 2) return gs_node_fail_name(entry.key, error, "key of metric", names, 2);
    gs_status status = gs_check_unique(metric->value, index, error);
    if (status != GS_OK) return status;
    entry.place = (int)settings[n];
    gs_entry *old = find_entry(all, entry.place);
    if (old == NULL) add_entry(all, entry);
    else if (old->overriding == entry.overriding)
        return gs_node_fail(entry.key, error, "metric.%s: %s says it already", names[n], gs_key_name(entry.place));
    else if (entry.overriding) *old = entry;
    return GS_OK;
}

/* W&B's `metric: {name: tv, goal: minimize}` is the metric of early_terminate; without one it is a foreign key. */
static gs_status adopt_metric(gathered *all, gs_error *error)
{
    gs_entry *found = find_entry(all, gs_key_of_text("metric"));
    bool stopping = false;
    for (int id = 0; id < GS_SETTING_COUNT; id++)
        if (gs_settings_table[id].section == GS_SECTION_EARLY_TERMINATE)
            stopping = stopping || find_entry(all, id) != NULL;
    if (found == NULL || !stopping) return GS_OK;
    gs_entry metric = *found;
    found->place = GS_PLACE_REMOVED;
    if (!gs_node_is_mapping(metric.value))
        return gs_node_fail(metric.value, error,
                            "metric: expected a mapping, as in metric: {name: tv, goal: minimize}");
    gs_status status = GS_OK;
    for (size_t i = 0; i < gs_node_count(metric.value); i++) {
        gs_status one = adopt_key(all, &metric, i, error);
        if (one != GS_OK) status = one;
    }
    return status;
}

static gs_status check_one_value(const gs_axis *axis, gs_error *error)
{
    const gs_setting *row = &gs_settings_table[axis->id];
    if (row->section != GS_SECTION_EARLY_TERMINATE || (axis->values != NULL && axis->count == 1)) return GS_OK;
    return gs_node_fail(axis->node, error,
                        "%s takes one value in a sweep, since all its runs are compared with each other", row->column);
}

/* The settings of early_terminate are the same for all runs. */
static gs_status check_stopping(const gs_sweep *sweep, gs_error *error)
{
    gs_status status = GS_OK;
    for (size_t a = 0; a < sweep->axis_count; a++) {
        gs_status one = check_one_value(&sweep->axes[a], error);
        if (one != GS_OK) status = one;
    }
    for (size_t r = 0; r < sweep->include.count; r++)
        for (size_t t = 0; t < sweep->include.rules[r].count; t++) {
            const gs_axis *term = &sweep->include.rules[r].terms[t];
            if (gs_settings_table[term->id].section != GS_SECTION_EARLY_TERMINATE) continue;
            status = gs_node_fail(term->node, error, "include: %s is the same for all runs of a sweep",
                                  gs_settings_table[term->id].column);
        }
    return status;
}

/* ---- the whole sweep --------------------------------------------------------------------------------------------- */

static gs_status read_entries(gs_sweep *sweep, const gathered *all, gs_error *error)
{
    gs_status status = GS_OK;
    for (size_t i = 0; i < all->count && !gs_error_is_full(error); i++) {
        const gs_entry *entry = &all->entries[i];
        if (entry->place == GS_PLACE_REMOVED) continue;
        gs_status one = gs_entry_read(sweep, entry, error);
        if (one != GS_OK) status = one;
    }
    return status;
}

/* What goes with one method only. */
static gs_status check_method(const gs_sweep *sweep, gathered *all, gs_error *error)
{
    const gs_entry *cap = find_entry(all, gs_key_of_text("run_cap")),
                   *seed = find_entry(all, gs_key_of_text("search_seed"));
    const gs_entry *method = find_entry(all, gs_key_of_text("method"));
    if (sweep->random)
        return cap != NULL ? GS_OK
                           : gs_node_fail(method->value, error,
                                          "method: random needs `run_cap: N`, the number of combinations to draw");
    gs_status status = GS_OK;
    if (cap != NULL)
        status =
            gs_node_fail(cap->key, error, "run_cap goes with `method: random`; a grid trains all its combinations");
    if (seed != NULL) status = gs_node_fail(seed->key, error, "search_seed goes with `method: random`");
    for (size_t a = 0; a < sweep->axis_count; a++) {
        const gs_axis *axis = &sweep->axes[a];
        if (axis->values == NULL)
            status =
                gs_node_fail(axis->node, error, "%s: a distribution goes with `method: random`; a grid needs `values`",
                             gs_settings_table[axis->id].column);
        else if (axis->probabilities != NULL)
            status = gs_node_fail(axis->node, error, "%s: probabilities go with `method: random`",
                                  gs_settings_table[axis->id].column);
    }
    return status;
}

/* A sweep without a name is called after its file. */
static void default_name(gs_sweep *sweep, const char *path)
{
    const char *slash = strrchr(path, '/');
    snprintf(sweep->name, sizeof sweep->name, "%.100s", slash != NULL ? slash + 1 : path);
    char *dot = strrchr(sweep->name, '.');
    if (dot != NULL && dot != sweep->name) *dot = '\0';
    gs_utf8_mend(sweep->name);
    gs_utf8_tame(sweep->name, '_');
}

static void set_defaults(gs_sweep *sweep)
{
    static const int64_t article_indices[GS_DIGITS] = {1, 21, 3, 5, 7, 2};
    sweep->storage =
        (gs_storage){.samples = true, .checkpoints = true, .compression = 4, .sync = 30, .checkpoint_every = 60};
    memcpy(sweep->indices, article_indices, sizeof sweep->indices);
}

/* All that the command line has wrong, an argument a line. */
static gs_status apply_overrides(gs_sweep *sweep, gathered *all, const char *const *overrides, size_t count,
                                 gs_error *error)
{
    gs_status status = GS_OK;
    for (size_t i = 0; i < count; i++) {
        gs_error one = {{0}};
        gs_status applied = apply_override(sweep, all, overrides[i], &one);
        if (applied == GS_OK) continue;
        status = applied;
        gs_error_append(error, &one);
    }
    return status;
}

/* What the file has wrong is told first, and then what the command line has, whichever of them is read first. */
static gs_status read_all(gs_sweep *sweep, gathered *all, const char *const *overrides, size_t override_count,
                          gs_error *error)
{
    gs_error wrong_arguments = {{0}};
    gather_mapping(all, gs_document_root(sweep->documents[0]), "");
    gs_status applied = apply_overrides(sweep, all, overrides, override_count, &wrong_arguments);
    gs_status adopted = adopt_metric(all, error), read = read_entries(sweep, all, error);
    if (applied != GS_OK) gs_error_append(error, &wrong_arguments);
    return applied != GS_OK ? applied : read != GS_OK ? read : adopted;
}

static gs_status read_sweep(gs_sweep *sweep, const char *const *overrides, size_t override_count, gs_error *error)
{
    gs_node root = gs_document_root(sweep->documents[0]);
    if (!gs_node_is_mapping(root)) return gs_node_fail(root, error, "a sweep is a mapping that begins with `name:`");
    gathered *all = calloc(1, sizeof *all);
    if (all == NULL) return gs_fail(error, GS_ERROR_MEMORY, "out of memory for the sweep");
    set_defaults(sweep);
    gs_status status = read_all(sweep, all, overrides, override_count, error);
    if (status == GS_OK) status = check_method(sweep, all, error);
    if (status == GS_OK) status = check_stopping(sweep, error);
    if (status == GS_OK && sweep->seed_count == 0)
        status = gs_node_fail(root, error, "`seeds` is missing, as in seeds: 0-31");
    free(all);
    return status;
}

static gs_status read_document(gs_sweep **sweep, const char *path, gs_document *document, const char *const *overrides,
                               size_t override_count, gs_error *error)
{
    gs_sweep *made = calloc(1, sizeof *made);
    if (made == NULL) {
        gs_document_destroy(&document);
        return gs_fail(error, GS_ERROR_MEMORY, "out of memory for the sweep");
    }
    default_name(made, path);
    gs_status status = keep_document(made, document, error);
    if (status == GS_OK) status = read_sweep(made, overrides, override_count, error);
    if (status == GS_OK) *sweep = made;
    else gs_sweep_destroy(&made);
    return status;
}

gs_status gs_sweep_read(gs_sweep **sweep, const char *path, const char *const *overrides, size_t override_count,
                        gs_error *error)
{
    gs_document *document = NULL;
    if (error != NULL) error->text[0] = '\0';
    gs_status status = gs_document_read(&document, path, error);
    return status == GS_OK ? read_document(sweep, path, document, overrides, override_count, error) : status;
}

gs_status gs_sweep_read_text(gs_sweep **sweep, const char *name, const char *text, size_t length,
                             const char *const *overrides, size_t override_count, gs_error *error)
{
    gs_document *document = NULL;
    if (error != NULL) error->text[0] = '\0';
    gs_status status = gs_document_parse(&document, name, text, length, error);
    return status == GS_OK ? read_document(sweep, name, document, overrides, override_count, error) : status;
}

void gs_sweep_destroy(gs_sweep **sweep)
{
    if (sweep == NULL || *sweep == NULL) return;
    for (size_t i = 0; i < (*sweep)->axis_count; i++) gs_axis_free(&(*sweep)->axes[i]);
    gs_rules_free(&(*sweep)->exclude);
    gs_rules_free(&(*sweep)->include);
    for (size_t i = 0; i < (*sweep)->document_count; i++) gs_document_destroy(&(*sweep)->documents[i]);
    free((*sweep)->documents);
    free((*sweep)->seeds);
    free(*sweep);
    *sweep = NULL;
}

const char *gs_sweep_text(const gs_sweep *sweep)
{
    return gs_document_text(sweep->documents[0]);
}

const gs_axis *gs_sweep_axis(const gs_sweep *sweep, gs_setting_id id)
{
    for (size_t a = 0; a < sweep->axis_count; a++)
        if (sweep->axes[a].id == id) return &sweep->axes[a];
    return NULL;
}

gs_node gs_sweep_node(const gs_sweep *sweep, gs_setting_id id)
{
    const gs_axis *axis = gs_sweep_axis(sweep, id);
    return axis != NULL ? axis->node : gs_document_root(sweep->documents[0]);
}
