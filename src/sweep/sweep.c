#include "sweep/sweep.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A key of a section and what reads its value. */
typedef struct {
    const char *name;
    gs_status (*read)(gs_sweep *sweep, gs_node value, gs_error *error);
} key_reader;

enum { KEYS_MAX = 64 };

static bool whole_number(const char *text, uint64_t *number)
{
    if (*text < '0' || *text > '9' || (text[0] == '0' && text[1] != '\0')) return false;
    char *end;
    *number = strtoull(text, &end, 10);
    return *end == '\0' && *number < UINT64_MAX;
}

/* ---- values of settings ---------------------------------------------------------------------------------------- */

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
static bool is_axis(gs_setting_id id, gs_node node)
{
    if (!gs_node_is_sequence(node)) return false;
    if (gs_settings_table[id].type != GS_TYPE_WEIGHTS) return true;
    return gs_node_count(node) > 0 && gs_node_is_sequence(gs_node_item(node, 0));
}

static gs_status check_distinct(const gs_axis *axis, gs_node node, gs_error *error)
{
    for (size_t i = 1; i < axis->count; i++)
        for (size_t j = 0; j < i; j++)
            if (gs_values_equal(axis->id, &axis->values[i], &axis->values[j])) {
                char text[256];
                gs_value_write(axis->id, &axis->values[i], text, sizeof text);
                return gs_node_fail(gs_node_item(node, i), error, "%s: the value %s is listed twice",
                                    gs_settings_table[axis->id].column, text);
            }
    return GS_OK;
}

/* Fills axis->values from a scalar (one value) or a list. */
static gs_status read_axis(gs_axis *axis, gs_node node, gs_error *error)
{
    bool list = is_axis(axis->id, node);
    axis->count = list ? gs_node_count(node) : 1;
    const char *column = gs_settings_table[axis->id].column;
    if (axis->count == 0) return gs_node_fail(node, error, "%s: the list of values is empty, which would make no runs", column);
    axis->values = calloc(axis->count, sizeof *axis->values);
    if (axis->values == NULL) return gs_fail(error, GS_ERROR_MEMORY, "out of memory: %zu values", axis->count);
    gs_status status = GS_OK;
    for (size_t i = 0; i < axis->count; i++) {
        gs_status one = read_value(axis->id, list ? gs_node_item(node, i) : node, &axis->values[i], error);
        if (one != GS_OK) status = one;
    }
    return status == GS_OK && list ? check_distinct(axis, node, error) : status;
}

/* Sets the values of a setting. An override takes the place of what the file said and keeps its position among the axes. */
static gs_status set_axis(gs_sweep *sweep, gs_setting_id id, gs_node key, gs_node node, gs_error *error)
{
    gs_axis axis = {.id = id, .node = key};
    gs_status status = read_axis(&axis, node, error);
    if (status != GS_OK) {
        free(axis.values);
        return status;
    }
    size_t place = 0;
    while (place < sweep->axis_count && sweep->axes[place].id != id) place++;
    if (place == sweep->axis_count) sweep->axis_count++;
    else free(sweep->axes[place].values);
    sweep->axes[place] = axis;
    return GS_OK;
}

/* ---- sections --------------------------------------------------------------------------------------------------- */

/* W&B's form of a parameter: a mapping with `value` or `values`; otherwise the short form. */
static gs_status read_parameter(gs_sweep *sweep, gs_setting_id id, gs_node key, gs_node node, gs_error *error)
{
    if (!gs_node_is_mapping(node)) return set_axis(sweep, id, key, node, error);
    static const char *const forms[] = {"value", "values"};
    gs_node value = gs_node_find(node, "value"), values = gs_node_find(node, "values");
    for (size_t i = 0; i < gs_node_count(node); i++) {
        const char *text = gs_node_text(gs_node_key(node, i));
        if (strcmp(text, forms[0]) != 0 && strcmp(text, forms[1]) != 0)
            return gs_node_fail_name(gs_node_key(node, i), error, "key of a parameter", forms, 2);
    }
    if ((value.yaml != NULL) == (values.yaml != NULL))
        return gs_node_fail(key, error, "%s: give either `value` or `values`", gs_node_text(key));
    if (values.yaml != NULL && !is_axis(id, values))
        return gs_node_fail(values, error, "%s: `values` expects a list of values", gs_node_text(key));
    return set_axis(sweep, id, key, values.yaml != NULL ? values : value, error);
}

static gs_status check_no_duplicate(gs_node mapping, size_t index, gs_error *error)
{
    gs_node key = gs_node_key(mapping, index);
    for (size_t i = 0; i < index; i++)
        if (strcmp(gs_node_text(gs_node_key(mapping, i)), gs_node_text(key)) == 0)
            return gs_node_fail(key, error, "'%.80s' is given twice", gs_node_text(key));
    return GS_OK;
}

/* Reads a mapping whose keys are the settings of `section` and the `extra` keys. Goes on after an error, to report several. */
static gs_status read_section(gs_sweep *sweep, gs_node mapping, const char *what, gs_setting_section section,
                              const key_reader *extra, size_t extra_count, gs_error *error)
{
    if (gs_node_is_null(mapping)) return GS_OK;
    if (!gs_node_is_mapping(mapping)) return gs_node_fail(mapping, error, "expected a mapping (NAME: VALUE), to look for a %s", what);
    const char *names[KEYS_MAX];
    size_t known = 0;
    for (size_t i = 0; i < extra_count; i++) names[known++] = extra[i].name;
    for (int id = 0; id < GS_SETTING_COUNT; id++)
        if (gs_settings_table[id].section == section) names[known++] = gs_settings_table[id].name;

    gs_status status = GS_OK;
    for (size_t i = 0; i < gs_node_count(mapping); i++) {
        gs_node key = gs_node_key(mapping, i), value = gs_node_item(mapping, i);
        gs_status one = check_no_duplicate(mapping, i, error);
        bool found = false;
        for (size_t k = 0; k < extra_count && !found && one == GS_OK; k++)
            if (strcmp(extra[k].name, gs_node_text(key)) == 0) {
                found = true;
                one = extra[k].read(sweep, value, error);
            }
        for (int id = 0; id < GS_SETTING_COUNT && !found && one == GS_OK; id++)
            if (gs_settings_table[id].section == section && strcmp(gs_settings_table[id].name, gs_node_text(key)) == 0) {
                found = true;
                one = read_parameter(sweep, (gs_setting_id)id, key, value, error);
            }
        if (!found && one == GS_OK) one = gs_node_fail_name(key, error, what, names, known);
        if (one != GS_OK) status = one;
    }
    return status;
}

static gs_status read_text(gs_node node, const char *what, char *text, size_t size, gs_error *error)
{
    if (!gs_node_is_scalar(node) || gs_node_is_null(node)) return gs_node_fail(node, error, "%s: expected text", what);
    if (strlen(gs_node_text(node)) >= size)
        return gs_node_fail(node, error, "%s: is longer than %zu bytes", what, size - 1);
    snprintf(text, size, "%s", gs_node_text(node));
    return GS_OK;
}

static gs_status read_name(gs_sweep *sweep, gs_node node, gs_error *error)
{
    gs_status status = read_text(node, "name", sweep->name, sizeof sweep->name, error);
    if (status != GS_OK) return status;
    if (sweep->name[0] == '.' || sweep->name[0] == '\0' || strpbrk(sweep->name, "/\n\r\t") != NULL)
        return gs_node_fail(node, error, "name: '%.80s' cannot be the name of a file; use letters, digits, '_', '-'", sweep->name);
    return GS_OK;
}

static gs_status read_description(gs_sweep *sweep, gs_node node, gs_error *error)
{
    return read_text(node, "description", sweep->description, sizeof sweep->description, error);
}

static gs_status read_method(gs_sweep *sweep, gs_node node, gs_error *error)
{
    (void)sweep;
    if (strcmp(gs_node_text(node), "grid") == 0) return GS_OK;
    if (strcmp(gs_node_text(node), "random") == 0)
        return gs_node_fail(node, error, "method: random search is not in this version; use grid");
    return gs_node_fail(node, error, "method: expected grid, got '%.80s'", gs_node_text(node));
}

static gs_status read_parameters(gs_sweep *sweep, gs_node node, gs_error *error)
{
    return read_section(sweep, node, "parameter", GS_SECTION_PARAMETERS, NULL, 0, error);
}

static gs_status read_mnist(gs_sweep *sweep, gs_node node, gs_error *error)
{
    sweep->mnist[0] = '\0';
    sweep->data_node = node;
    return gs_node_is_null(node) ? GS_OK : read_text(node, "data.mnist", sweep->mnist, sizeof sweep->mnist, error);
}

static gs_status read_indices(gs_sweep *sweep, gs_node node, gs_error *error)
{
    if (!gs_node_is_sequence(node) || gs_node_count(node) != GS_DIGITS)
        return gs_node_fail(node, error, "data.indices: expected %d numbers of MNIST images, as in [1, 21, 3, 5, 7, 2]", GS_DIGITS);
    for (size_t i = 0; i < GS_DIGITS; i++) {
        uint64_t number;
        gs_node item = gs_node_item(node, i);
        if (!gs_node_is_plain(item) || !whole_number(gs_node_text(item), &number) || number > INT32_MAX)
            return gs_node_fail(item, error, "data.indices: expected a number of an image, counted from 0, got '%.80s'",
                                gs_node_text(item));
        sweep->indices[i] = (int64_t)number;
    }
    return GS_OK;
}

static gs_status read_data(gs_sweep *sweep, gs_node node, gs_error *error)
{
    static const key_reader extra[] = {{"mnist", read_mnist}, {"indices", read_indices}};
    return read_section(sweep, node, "key of data", GS_SECTION_DATA, extra, 2, error);
}

static gs_status read_evaluation(gs_sweep *sweep, gs_node node, gs_error *error)
{
    return read_section(sweep, node, "key of evaluation", GS_SECTION_EVALUATION, NULL, 0, error);
}

static gs_status read_either(gs_node node, const char *what, const char *yes, bool *value, gs_error *error)
{
    *value = strcmp(gs_node_text(node), yes) == 0;
    if (*value || strcmp(gs_node_text(node), "none") == 0) return GS_OK;
    return gs_node_fail(node, error, "%s: expected %s or none, got '%.80s'", what, yes, gs_node_text(node));
}

static gs_status read_storage_samples(gs_sweep *sweep, gs_node node, gs_error *error)
{
    return read_either(node, "storage.samples", "all", &sweep->storage.samples, error);
}

static gs_status read_storage_checkpoints(gs_sweep *sweep, gs_node node, gs_error *error)
{
    return read_either(node, "storage.checkpoints", "final", &sweep->storage.checkpoints, error);
}

static gs_status read_compression(gs_sweep *sweep, gs_node node, gs_error *error)
{
    uint64_t level;
    if (!gs_node_is_plain(node) || !whole_number(gs_node_text(node), &level) || level > 9)
        return gs_node_fail(node, error, "storage.compression: expected an integer from 0 to 9, got '%.80s'", gs_node_text(node));
    sweep->storage.compression = (int)level;
    return GS_OK;
}

static gs_status read_storage(gs_sweep *sweep, gs_node node, gs_error *error)
{
    static const key_reader extra[] = {{"samples", read_storage_samples},
                                       {"checkpoints", read_storage_checkpoints},
                                       {"compression", read_compression}};
    return read_section(sweep, node, "key of storage", GS_SECTION_COUNT, extra, 3, error);
}

/* ---- seeds ------------------------------------------------------------------------------------------------------- */

static gs_status take_seeds(gs_sweep *sweep, gs_node node, uint64_t count, gs_error *error)
{
    if (count == 0) return gs_node_fail(node, error, "seeds: there are none, which would make no runs");
    if (count > GS_SEEDS_MAX)
        return gs_node_fail(node, error, "seeds: %" PRIu64 " seeds; at most %d are possible", count, GS_SEEDS_MAX);
    free(sweep->seeds);
    sweep->seed_count = 0;
    sweep->seeds = malloc((size_t)count * sizeof *sweep->seeds);
    if (sweep->seeds == NULL) return gs_fail(error, GS_ERROR_MEMORY, "out of memory: %" PRIu64 " seeds", count);
    sweep->seed_count = (size_t)count;
    return GS_OK;
}

static gs_status seed_range(gs_sweep *sweep, gs_node node, uint64_t first, uint64_t count, gs_error *error)
{
    gs_status status = take_seeds(sweep, node, count, error);
    for (uint64_t i = 0; status == GS_OK && i < count; i++) sweep->seeds[i] = first + i;
    return status;
}

static int by_number(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;
    return (left > right) - (left < right);
}

static gs_status seed_list(gs_sweep *sweep, gs_node node, gs_error *error)
{
    gs_status status = take_seeds(sweep, node, gs_node_count(node), error);
    if (status != GS_OK) return status;
    for (size_t i = 0; i < sweep->seed_count; i++) {
        gs_node item = gs_node_item(node, i);
        if (!gs_node_is_plain(item) || !whole_number(gs_node_text(item), &sweep->seeds[i]))
            return gs_node_fail(item, error, "seeds: expected a whole number, got '%.80s'", gs_node_text(item));
    }
    uint64_t *sorted = malloc(sweep->seed_count * sizeof *sorted);
    if (sorted == NULL) return gs_fail(error, GS_ERROR_MEMORY, "out of memory: %zu seeds", sweep->seed_count);
    memcpy(sorted, sweep->seeds, sweep->seed_count * sizeof *sorted);
    qsort(sorted, sweep->seed_count, sizeof *sorted, by_number);
    for (size_t i = 1; i < sweep->seed_count && status == GS_OK; i++)
        if (sorted[i] == sorted[i - 1]) status = gs_node_fail(node, error, "seeds: %" PRIu64 " is listed twice", sorted[i]);
    free(sorted);
    return status;
}

static gs_status seed_mapping(gs_sweep *sweep, gs_node node, gs_error *error)
{
    static const char *const names[] = {"first", "count"};
    uint64_t numbers[2] = {0, 0};
    for (size_t i = 0; i < gs_node_count(node); i++) {
        gs_node key = gs_node_key(node, i), value = gs_node_item(node, i);
        size_t which = strcmp(gs_node_text(key), names[0]) == 0 ? 0 : 1;
        if (strcmp(gs_node_text(key), names[which]) != 0) return gs_node_fail_name(key, error, "key of seeds", names, 2);
        if (!whole_number(gs_node_text(value), &numbers[which]))
            return gs_node_fail(value, error, "seeds.%s: expected a whole number, got '%.80s'", names[which], gs_node_text(value));
    }
    if (gs_node_find(node, "count").yaml == NULL) return gs_node_fail(node, error, "seeds: `count` is missing");
    return seed_range(sweep, node, numbers[0], numbers[1], error);
}

/* 0-31 | 7 | [0, 1, 7] | {first: 0, count: 32} */
static gs_status read_seeds(gs_sweep *sweep, gs_node node, gs_error *error)
{
    if (gs_node_is_sequence(node)) return seed_list(sweep, node, error);
    if (gs_node_is_mapping(node)) return seed_mapping(sweep, node, error);
    char text[64] = "";
    uint64_t first, last;
    snprintf(text, sizeof text, "%s", gs_node_text(node));
    char *dash = strchr(text, '-');
    if (dash != NULL) *dash = '\0';
    bool good = whole_number(text, &first) && whole_number(dash != NULL ? dash + 1 : text, &last);
    if (!good)
        return gs_node_fail(node, error, "seeds: expected FIRST-LAST, a list, or {first: F, count: N}, got '%.80s'",
                            gs_node_text(node));
    if (last < first) return gs_node_fail(node, error, "seeds: %" PRIu64 "-%" PRIu64 " runs backwards", first, last);
    return seed_range(sweep, node, first, last - first + 1, error);
}

/* ---- the whole file ---------------------------------------------------------------------------------------------- */

static gs_status refuse_for_now(gs_sweep *sweep, gs_node node, gs_error *error)
{
    (void)sweep;
    return gs_node_fail(node, error, "zip, exclude, include, run_cap, search_seed and early_terminate are not in this version");
}

static const key_reader top_keys[] = {
    {"name", read_name},         {"description", read_description}, {"seeds", read_seeds},
    {"method", read_method},     {"parameters", read_parameters},   {"data", read_data},
    {"evaluation", read_evaluation}, {"storage", read_storage},     {"zip", refuse_for_now},
    {"exclude", refuse_for_now}, {"include", refuse_for_now},       {"run_cap", refuse_for_now},
    {"search_seed", refuse_for_now}, {"early_terminate", refuse_for_now},
};
enum { TOP_KEYS = sizeof top_keys / sizeof top_keys[0] };

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

/* The key of an override names a top-level key, "section.key", or a parameter. */
static gs_status apply_override(gs_sweep *sweep, gs_node mapping, gs_error *error)
{
    gs_node key = gs_node_key(mapping, 0), value = gs_node_item(mapping, 0);
    const char *text = gs_node_text(key);
    for (size_t i = 0; i < TOP_KEYS; i++)
        if (strcmp(text, top_keys[i].name) == 0) return top_keys[i].read(sweep, value, error);
    for (int id = 0; id < GS_SETTING_COUNT; id++)
        if (strcmp(text, gs_settings_table[id].column) == 0) return read_parameter(sweep, (gs_setting_id)id, key, value, error);
    static const key_reader dotted[] = {{"data.mnist", read_mnist},
                                        {"data.indices", read_indices},
                                        {"storage.samples", read_storage_samples},
                                        {"storage.checkpoints", read_storage_checkpoints},
                                        {"storage.compression", read_compression}};
    for (size_t i = 0; i < sizeof dotted / sizeof dotted[0]; i++)
        if (strcmp(text, dotted[i].name) == 0) return dotted[i].read(sweep, value, error);
    const char *names[GS_SETTING_COUNT];
    for (int id = 0; id < GS_SETTING_COUNT; id++) names[id] = gs_settings_table[id].column;
    return gs_node_fail_name(key, error, "setting", names, GS_SETTING_COUNT);
}

/* KEY=VALUE becomes the YAML "KEY: VALUE"; commas outside brackets make a list, as in Hydra. */
static gs_status read_override(gs_sweep *sweep, const char *override, gs_error *error)
{
    const char *equals = strchr(override, '=');
    if (equals == NULL || equals == override)
        return gs_fail(error, GS_ERROR_INPUT, "'%s': expected KEY=VALUE", override);
    bool list = false;
    int depth = 0;
    for (const char *c = equals + 1; *c != '\0'; c++) {
        depth += (*c == '[' || *c == '{') - (*c == ']' || *c == '}');
        list = list || (*c == ',' && depth == 0);
    }
    size_t size = strlen(override) + 8;
    char *text = malloc(size);
    if (text == NULL) return gs_fail(error, GS_ERROR_MEMORY, "out of memory for '%s'", override);
    snprintf(text, size, "%.*s: %s%s%s", (int)(equals - override), override, list ? "[" : "", equals + 1, list ? "]" : "");
    gs_document *document = NULL;
    gs_status status = gs_document_parse(&document, "command line", text, strlen(text), error);
    free(text);
    if (status != GS_OK) return status;
    gs_node root = gs_document_root(document);
    status = keep_document(sweep, document, error);
    if (status != GS_OK) return status;
    if (!gs_node_is_mapping(root) || gs_node_count(root) != 1)
        return gs_node_fail(root, error, "'%.80s': expected KEY=VALUE", override);
    return apply_override(sweep, root, error);
}

static gs_status read_file(gs_sweep *sweep, const char *path, gs_error *error)
{
    gs_document *document = NULL;
    gs_status status = gs_document_read(&document, path, error);
    if (status != GS_OK) return status;
    status = keep_document(sweep, document, error);
    if (status != GS_OK) return status;
    gs_node root = gs_document_root(document);
    if (!gs_node_is_mapping(root)) return gs_node_fail(root, error, "a sweep is a mapping that begins with `name:`");
    return read_section(sweep, root, "key", GS_SECTION_COUNT, top_keys, TOP_KEYS, error);
}

/* A sweep without a name is called after its file. */
static void default_name(gs_sweep *sweep, const char *path)
{
    const char *slash = strrchr(path, '/');
    snprintf(sweep->name, sizeof sweep->name, "%.100s", slash != NULL ? slash + 1 : path);
    char *dot = strrchr(sweep->name, '.');
    if (dot != NULL && dot != sweep->name) *dot = '\0';
}

gs_status gs_sweep_read(gs_sweep **sweep, const char *path, const char *const *overrides, size_t override_count, gs_error *error)
{
    static const int64_t article_indices[GS_DIGITS] = {1, 21, 3, 5, 7, 2};
    gs_sweep *made = calloc(1, sizeof *made);
    if (made == NULL) return gs_fail(error, GS_ERROR_MEMORY, "out of memory for the sweep");
    made->storage = (gs_storage){.samples = true, .checkpoints = true, .compression = 4};
    memcpy(made->indices, article_indices, sizeof made->indices);
    if (error != NULL) error->text[0] = '\0';
    default_name(made, path);

    gs_status status = read_file(made, path, error);
    for (size_t i = 0; i < override_count && (status == GS_OK || status == GS_ERROR_INPUT) && made->document_count > 0; i++) {
        gs_status one = read_override(made, overrides[i], error);
        if (one != GS_OK) status = one;
    }
    if (status == GS_OK && made->seed_count == 0)
        status = gs_node_fail(gs_document_root(made->documents[0]), error, "`seeds` is missing, as in seeds: 0-31");
    if (status == GS_OK) *sweep = made;
    else gs_sweep_destroy(&made);
    return status;
}

void gs_sweep_destroy(gs_sweep **sweep)
{
    if (sweep == NULL || *sweep == NULL) return;
    for (size_t i = 0; i < (*sweep)->axis_count; i++) free((*sweep)->axes[i].values);
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
