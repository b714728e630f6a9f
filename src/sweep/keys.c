/* The tables of keys: the file reader and the overrides of the command line walk the same ones. */
#include "sweep/keys.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ground/utf8.h"

static gs_status read_text(gs_node node, const char *what, char *text, size_t size, gs_error *error)
{
    if (!gs_node_is_scalar(node) || gs_node_is_null(node)) return gs_node_fail(node, error, "%s: expected text", what);
    if (strlen(gs_node_text(node)) >= size)
        return gs_node_fail(node, error, "%s: is longer than %zu bytes", what, size - 1);
    snprintf(text, size, "%s", gs_node_text(node));
    return GS_OK;
}

static gs_status read_name(gs_sweep *sweep, const gs_entry *entry, gs_error *error)
{
    gs_node node = entry->value;
    gs_status status = read_text(node, "name", sweep->name, sizeof sweep->name, error);
    if (status != GS_OK) return status;
    bool tamed = gs_utf8_tame(sweep->name, '?');
    if (sweep->name[0] == '.' || sweep->name[0] == '\0' || strchr(sweep->name, '/') != NULL || tamed)
        return gs_node_fail(node, error, "name: '%.80s' cannot be the name of a file; use letters, digits, '_', '-'",
                            sweep->name);
    return GS_OK;
}

static gs_status read_description(gs_sweep *sweep, const gs_entry *entry, gs_error *error)
{
    return read_text(entry->value, "description", sweep->description, sizeof sweep->description, error);
}

static gs_status read_method(gs_sweep *sweep, const gs_entry *entry, gs_error *error)
{
    const char *text = gs_node_text(entry->value);
    sweep->random = strcmp(text, "random") == 0;
    if (sweep->random || strcmp(text, "grid") == 0) return GS_OK;
    return gs_node_fail(entry->value, error, "method: expected grid or random, got %s",
                        gs_node_show(entry->value).text);
}

static gs_status read_kernels(gs_sweep *sweep, const gs_entry *entry, gs_error *error)
{
    const char *text = gs_node_text(entry->value);
    sweep->portable = strcmp(text, "portable") == 0;
    if (sweep->portable || strcmp(text, "native") == 0) return GS_OK;
    if (!gs_node_is_scalar(entry->value))
        return gs_node_fail(entry->value, error, "kernels: expected native or portable; it is the same for all runs");
    return gs_node_fail(entry->value, error, "kernels: expected native or portable, got %s",
                        gs_node_show(entry->value).text);
}

static gs_status read_run_cap(gs_sweep *sweep, const gs_entry *entry, gs_error *error)
{
    uint64_t number;
    const char *text = gs_node_text(entry->value);
    if (!gs_node_is_plain(entry->value) || !gs_whole_number(text, &number) || number < 1 || number > GS_VARIANTS_MAX)
        return gs_node_fail(entry->value, error, "run_cap: expected an integer from 1 to %d, got %s", GS_VARIANTS_MAX,
                            gs_node_show(entry->value).text);
    sweep->run_cap = (size_t)number;
    return GS_OK;
}

static gs_status read_search_seed(gs_sweep *sweep, const gs_entry *entry, gs_error *error)
{
    const char *text = gs_node_text(entry->value);
    if (gs_node_is_plain(entry->value) && gs_whole_number(text, &sweep->search_seed)) return GS_OK;
    return gs_node_fail(entry->value, error, "search_seed: expected a whole number, got %s",
                        gs_node_show(entry->value).text);
}

static gs_status read_mnist(gs_sweep *sweep, const gs_entry *entry, gs_error *error)
{
    gs_node node = entry->value;
    sweep->mnist[0] = '\0';
    sweep->data_node = node;
    return gs_node_is_null(node) ? GS_OK : read_text(node, "data.mnist", sweep->mnist, sizeof sweep->mnist, error);
}

static gs_status read_indices(gs_sweep *sweep, const gs_entry *entry, gs_error *error)
{
    gs_node node = entry->value;
    if (!gs_node_is_sequence(node) || gs_node_count(node) != GS_DIGITS)
        return gs_node_fail(node, error, "data.indices: expected %d numbers of MNIST images, as in [1, 21, 3, 5, 7, 2]",
                            GS_DIGITS);
    for (size_t i = 0; i < GS_DIGITS; i++) {
        uint64_t number;
        gs_node item = gs_node_item(node, i);
        if (!gs_node_is_plain(item) || !gs_whole_number(gs_node_text(item), &number) || number > INT32_MAX)
            return gs_node_fail(item, error, "data.indices: expected a number of an image, counted from 0, got %s",
                                gs_node_show(item).text);
        sweep->indices[i] = (int64_t)number;
    }
    return GS_OK;
}

static gs_status read_either(gs_node node, const char *what, const char *yes, bool *value, gs_error *error)
{
    *value = strcmp(gs_node_text(node), yes) == 0;
    if (*value || strcmp(gs_node_text(node), "none") == 0) return GS_OK;
    if (!gs_node_is_scalar(node))
        return gs_node_fail(node, error, "%s: expected %s or none; it is the same for all runs", what, yes);
    return gs_node_fail(node, error, "%s: expected %s or none, got %s", what, yes, gs_node_show(node).text);
}

static gs_status read_storage_samples(gs_sweep *sweep, const gs_entry *entry, gs_error *error)
{
    return read_either(entry->value, "storage.samples", "all", &sweep->storage.samples, error);
}

static gs_status read_storage_checkpoints(gs_sweep *sweep, const gs_entry *entry, gs_error *error)
{
    return read_either(entry->value, "storage.checkpoints", "final", &sweep->storage.checkpoints, error);
}

static gs_status read_compression(gs_sweep *sweep, const gs_entry *entry, gs_error *error)
{
    uint64_t level;
    gs_node node = entry->value;
    if (!gs_node_is_plain(node) || !gs_whole_number(gs_node_text(node), &level) || level > 9)
        return gs_node_fail(node, error, "storage.compression: expected an integer from 0 to 9, got %s",
                            gs_node_show(node).text);
    sweep->storage.compression = (int)level;
    return GS_OK;
}

/* "30s", "5m", "1h30m"; a bare number counts seconds. */
static gs_status read_duration(gs_node node, const char *what, double *seconds, gs_error *error)
{
    static const struct {
        const char *name;
        double seconds;
    } units[] = {{"ms", 0.001}, {"s", 1}, {"m", 60}, {"h", 3600}, {"d", 86400}};
    const char *text = gs_node_text(node), *at = text;
    bool good = gs_node_is_plain(node) && *text != '\0';
    for (*seconds = 0; good && *at != '\0';) {
        char *end = NULL;
        double number = *at >= '0' && *at <= '9' ? strtod(at, &end) : -1;
        size_t letters = end == NULL ? 0 : strspn(end, "abcdefghijklmnopqrstuvwxyz"), u = 0;
        while (u < sizeof units / sizeof units[0] &&
               !(strlen(units[u].name) == letters && strncmp(units[u].name, end, letters) == 0))
            u++;
        bool bare = end != NULL && *end == '\0' && at == text;
        good = end != NULL && number >= 0 && number < 1e9 && (bare || u < sizeof units / sizeof units[0]);
        if (!good) break;
        *seconds += bare ? number : number * units[u].seconds;
        at = end + letters;
    }
    if (good) return GS_OK;
    return gs_node_fail(node, error, "%s: expected a duration such as 30s, 5m or 1h30m, got %s", what,
                        gs_node_show(node).text);
}

static gs_status read_sync(gs_sweep *sweep, const gs_entry *entry, gs_error *error)
{
    return read_duration(entry->value, "storage.sync", &sweep->storage.sync, error);
}

static gs_status read_checkpoint_every(gs_sweep *sweep, const gs_entry *entry, gs_error *error)
{
    const char *text = gs_node_text(entry->value), *const never[] = {"off", "no", "false"};
    sweep->storage.checkpoint_every = 0;
    for (size_t i = 0; i < sizeof never / sizeof never[0]; i++)
        if (gs_node_is_plain(entry->value) && strcmp(text, never[i]) == 0) return GS_OK;
    return read_duration(entry->value, "storage.checkpoint_every", &sweep->storage.checkpoint_every, error);
}

/* W&B's keys about its own programs and servers. */
static gs_status note_foreign(gs_sweep *sweep, const gs_entry *entry, gs_error *error)
{
    (void)error;
    size_t used = strlen(sweep->note);
    snprintf(sweep->note + used, sizeof sweep->note - used, "%s%s",
             used == 0 ? "W&B's keys that mean nothing here: " : ", ", gs_node_text(entry->key));
    return GS_OK;
}

typedef struct {
    const char *name; /* as on the command line: "seeds", "data.mnist" */
    gs_status (*read)(gs_sweep *sweep, const gs_entry *entry, gs_error *error); /* NULL: a section */
} key_row;

static const key_row top_keys[] = {
    {"name", read_name},
    {"description", read_description},
    {"seeds", gs_read_seeds},
    {"method", read_method},
    {"run_cap", read_run_cap},
    {"search_seed", read_search_seed},
    {"parameters", NULL},
    {"zip", gs_read_zip},
    {"exclude", gs_read_exclude},
    {"include", gs_read_include},
    {"data", NULL},
    {"evaluation", NULL},
    {"storage", NULL},
    {"early_terminate", NULL},
    {"program", note_foreign},
    {"command", note_foreign},
    {"project", note_foreign},
    {"entity", note_foreign},
    {"metric", note_foreign},
    {"kernels", read_kernels},
};

/* Keys in sections, beside the settings of the table. */
static const key_row section_keys[] = {
    {"data.mnist", read_mnist},
    {"data.indices", read_indices},
    {"storage.samples", read_storage_samples},
    {"storage.checkpoints", read_storage_checkpoints},
    {"storage.compression", read_compression},
    {"storage.checkpoint_every", read_checkpoint_every},
    {"storage.sync", read_sync},
};

/* Places: settings, then top_keys, then section_keys. */
enum {
    TOP_KEYS = sizeof top_keys / sizeof top_keys[0],
    SECTION_KEYS = sizeof section_keys / sizeof section_keys[0],
    FIRST_TOP = GS_SETTING_COUNT,
    FIRST_SECTION = FIRST_TOP + TOP_KEYS,
    PLACES = FIRST_SECTION + SECTION_KEYS
};
_Static_assert((int)PLACES == (int)GS_PLACES, "keys.h counts the rows of these tables");

const char *gs_key_name(int place)
{
    if (place < FIRST_TOP) return gs_settings_table[place].column;
    return place < FIRST_SECTION ? top_keys[place - FIRST_TOP].name : section_keys[place - FIRST_SECTION].name;
}

bool gs_key_is_section(int place)
{
    return place >= FIRST_TOP && place < FIRST_SECTION && top_keys[place - FIRST_TOP].read == NULL;
}

/* The part of a key's name that stands in the file under `section` ("" = top level), or NULL if it does not belong
 * there. */
static const char *name_within(int place, const char *section)
{
    const char *name = gs_key_name(place);
    size_t length = strlen(section);
    if (place < FIRST_TOP && gs_settings_table[place].section == GS_SECTION_PARAMETERS)
        return strcmp(section, "parameters") == 0 ? name : NULL;
    if (length == 0) return strchr(name, '.') == NULL ? name : NULL;
    return strncmp(name, section, length) == 0 && name[length] == '.' ? name + length + 1 : NULL;
}

int gs_key_within(gs_node key, const char *section)
{
    for (int place = 0; gs_node_is_scalar(key) && place < PLACES; place++) {
        const char *name = name_within(place, section);
        if (name != NULL && strcmp(name, gs_node_text(key)) == 0) return place;
    }
    return GS_PLACE_UNKNOWN;
}

int gs_key_of_text(const char *name)
{
    for (int place = 0; place < PLACES; place++)
        if (strcmp(gs_key_name(place), name) == 0) return place;
    return GS_PLACE_UNKNOWN;
}

/* A key by its full name; "parameters." may be said or left out. W&B's metric.name is early_terminate's metric. */
int gs_key_of_name(gs_node key)
{
    const char *text = gs_node_text(key), *prefix = "parameters.";
    if (strcmp(text, "metric.name") == 0) return GS_SETTING_STOPPING_METRIC;
    if (strcmp(text, "metric.goal") == 0) return GS_SETTING_STOPPING_GOAL;
    return gs_key_of_text(strncmp(text, prefix, strlen(prefix)) == 0 ? text + strlen(prefix) : text);
}

/* The section that the text names before its dot. */
static const char *section_before_dot(const char *text)
{
    size_t length = strcspn(text, ".");
    for (int place = FIRST_TOP; place < FIRST_SECTION && text[length] == '.'; place++)
        if (gs_key_is_section(place) && strncmp(gs_key_name(place), text, length) == 0 &&
            gs_key_name(place)[length] == '\0')
            return gs_key_name(place);
    return "";
}

gs_status gs_key_fail(gs_node key, gs_error *error)
{
    const char *section = section_before_dot(gs_node_text(key)), *names[PLACES];
    size_t known = 0;
    for (int place = 0; place < PLACES; place++)
        if (*section == '\0' || name_within(place, section) != NULL) names[known++] = gs_key_name(place);
    return gs_node_fail_name(key, error, "setting", names, known);
}

gs_setting_id gs_setting_of_key(gs_node key, gs_error *error)
{
    int place = gs_key_of_name(key);
    if (place >= 0 && place < FIRST_TOP) return (gs_setting_id)place;
    if (place >= 0) {
        (void)gs_node_fail(key, error, "%s is no setting of a single run: zip, exclude and include combine those only",
                           gs_key_name(place));
        return GS_SETTING_COUNT;
    }
    const char *names[GS_SETTING_COUNT];
    for (int id = 0; id < GS_SETTING_COUNT; id++) names[id] = gs_settings_table[id].column;
    (void)gs_node_fail_name(key, error, "setting", names, GS_SETTING_COUNT);
    return GS_SETTING_COUNT;
}

gs_status gs_check_unique(gs_node mapping, size_t index, gs_error *error)
{
    gs_node key = gs_node_key(mapping, index);
    for (size_t i = 0; i < index; i++)
        if (strcmp(gs_node_text(gs_node_key(mapping, i)), gs_node_text(key)) == 0)
            return gs_node_fail(key, error, "'%.80s' is given twice", gs_node_text(key));
    return GS_OK;
}

/* W&B's other way of saying where hyperband begins. */
static bool is_bracket(const gs_entry *entry)
{
    const char *text = gs_node_text(entry->key);
    return strcmp(entry->section, "early_terminate") == 0 && (strcmp(text, "max_iter") == 0 || strcmp(text, "s") == 0);
}

/* Names of the keys of a section, its own before its settings. Returns their number. */
static size_t names_within(const char *section, const char *names[PLACES])
{
    size_t known = 0;
    for (int place = PLACES; place-- > 0;) {
        const char *name = name_within(place, section);
        if (name != NULL) names[known++] = name;
    }
    return known;
}

/* Where a key that is known stands. */
static gs_status tell_home(const gs_entry *entry, const char *described, int place, gs_error *error)
{
    const char *name = gs_key_name(place), *dot = strchr(name, '.');
    char home[96] = "at the top of the file";
    bool renamed = strcmp(name, gs_node_text(entry->key)) != 0;
    if (place < FIRST_TOP && gs_settings_table[place].section == GS_SECTION_PARAMETERS)
        snprintf(home, sizeof home, "%s%s%sunder parameters", renamed ? "as " : "", renamed ? name : "",
                 renamed ? " " : "");
    else if (dot != NULL) snprintf(home, sizeof home, "as %s under %.*s", dot + 1, (int)(dot - name), name);
    return gs_node_fail(entry->key, error, "unknown %s '%s'; it stands %s", described, gs_node_text(entry->key), home);
}

/* The sentence of an entry that no reader takes. */
static gs_status tell_problem(const gs_entry *entry, gs_error *error)
{
    const char *what = *entry->section == '\0'                     ? "key"
                       : strcmp(entry->section, "parameters") == 0 ? "parameter"
                                                                   : entry->section;
    char described[64];
    snprintf(described, sizeof described, "%s%s", what == entry->section ? "key of " : "", what);
    if (entry->place == GS_PLACE_TWICE)
        return gs_node_fail(entry->key, error, "'%.80s' is given twice", gs_node_text(entry->key));
    if (entry->place == GS_PLACE_NO_MAPPING)
        return gs_node_fail(entry->value, error, "expected a mapping (NAME: VALUE), to look for a %s", described);
    if (is_bracket(entry))
        return gs_node_fail(entry->key, error,
                            "%s: W&B's max_iter and s are said here as min_iter, the first rung: max_iter / eta^s; the "
                            "last rung is before the last point of coverage",
                            gs_node_text(entry->key));
    const char *names[PLACES];
    size_t known = names_within(entry->section, names);
    const char *text = gs_node_text(entry->key);
    int elsewhere = gs_key_of_name(entry->key);
    if (elsewhere >= 0) return tell_home(entry, described, elsewhere, error);
    if (*entry->section != '\0' && gs_nearest_name(text, names, known) == NULL) {
        const char *tops[PLACES], *near = gs_nearest_name(text, tops, names_within("", tops));
        if (near != NULL)
            return gs_node_fail(entry->key, error, "unknown %s '%.80s'; did you mean '%s' at the top of the file?",
                                described, text, near);
    }
    return gs_node_fail_name(entry->key, error, described, names, known);
}

gs_status gs_entry_read(gs_sweep *sweep, const gs_entry *entry, gs_error *error)
{
    int place = entry->place;
    if (place < 0) return tell_problem(entry, error);
    if (place < FIRST_TOP) return gs_read_parameter(sweep, (gs_setting_id)place, entry, error);
    return (place < FIRST_SECTION ? top_keys[place - FIRST_TOP] : section_keys[place - FIRST_SECTION])
        .read(sweep, entry, error);
}
