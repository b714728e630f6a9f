#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "sweep/plan.h"

enum { CANONICAL = 16384, IDENTITY_VERSION = 1 };

static int by_column(const void *a, const void *b)
{
    return strcmp(gs_settings_table[*(const int *)a].column, gs_settings_table[*(const int *)b].column);
}

/* What identity needs of the table of settings, worked out once. */
typedef struct {
    bool ready;
    int order[GS_SETTING_COUNT]; /* by name */
    gs_settings defaults[GS_MODEL_COUNT];
} reference;

static const reference *look_up(void)
{
    static reference table;
    if (table.ready) return &table;
    for (int id = 0; id < GS_SETTING_COUNT; id++) table.order[id] = id;
    qsort(table.order, GS_SETTING_COUNT, sizeof table.order[0], by_column);
    for (int model = 0; model < GS_MODEL_COUNT; model++)
        gs_settings_defaults(&table.defaults[model], (gs_model_id)model);
    table.ready = true;
    return &table;
}

/* "name=value" lines of what applies and is not the default. */
static size_t write_canonical(const gs_settings *settings, char text[CANONICAL])
{
    const reference *table = look_up();
    const gs_settings *defaults = &table->defaults[gs_settings_model(settings)];
    size_t used = (size_t)snprintf(text, CANONICAL, "identity=%d\nmodel=%s\n", IDENTITY_VERSION,
                                   gs_model_names[gs_settings_model(settings)]);
    for (int i = 0; i < GS_SETTING_COUNT; i++) {
        gs_setting_id id = (gs_setting_id)table->order[i];
        char value[256];
        if (gs_values_equal(id, &settings->values[id], &defaults->values[id]) || !gs_setting_applies(id, settings))
            continue;
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
