#include "store/setting_cells.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

const gs_cell gs_setting_cells[GS_TYPE_COUNT] = {
    [GS_TYPE_INTEGER] = GS_CELL_INT64, [GS_TYPE_REAL] = GS_CELL_FLOAT64,    [GS_TYPE_SWITCH] = GS_CELL_INT8,
    [GS_TYPE_CHOICE] = GS_CELL_TEXT,   [GS_TYPE_WEIGHTS] = GS_CELL_FLOAT64,
};

void gs_setting_path(gs_setting_id id, char path[GS_SETTING_PATH])
{
    snprintf(path, GS_SETTING_PATH, "/settings/%s", gs_settings_table[id].column);
}

size_t gs_setting_cell_size(gs_setting_id id)
{
    gs_setting_type type = gs_settings_table[id].type;
    size_t size = gs_cell_size(gs_setting_cells[type], GS_CHOICE_TEXT);
    return type == GS_TYPE_WEIGHTS ? GS_DIGITS * size : size;
}

void gs_setting_to_cell(gs_setting_id id, const gs_settings *settings, void *cell)
{
    const gs_setting *row = &gs_settings_table[id];
    const gs_value *value = &settings->values[id];
    bool applies = gs_setting_applies(id, settings);
    switch (row->type) {
    case GS_TYPE_INTEGER: *(int64_t *)cell = applies ? value->integer : -1; break;
    case GS_TYPE_REAL: *(double *)cell = applies ? value->real : (double)NAN; break;
    case GS_TYPE_SWITCH: *(int8_t *)cell = applies ? (int8_t)value->integer : -1; break;
    case GS_TYPE_CHOICE:
        if (applies) snprintf(cell, GS_CHOICE_TEXT, "%s", row->choices[value->integer]);
        break;
    case GS_TYPE_WEIGHTS:
        for (int d = 0; d < GS_DIGITS; d++) ((double *)cell)[d] = applies ? value->weights[d] : (double)NAN;
        break;
    case GS_TYPE_COUNT: break;
    }
}

static int64_t choice_of(const gs_setting *row, const char *cell)
{
    for (int64_t i = 0; row->choices[i] != NULL; i++)
        if (strncmp(row->choices[i], cell, GS_CHOICE_TEXT) == 0) return i;
    return -1;
}

/* False: not applicable. */
static bool read_cell(const gs_setting *row, const void *cell, gs_value *value)
{
    int8_t on = 0;
    switch (row->type) {
    case GS_TYPE_INTEGER: memcpy(&value->integer, cell, sizeof value->integer); return value->integer != -1;
    case GS_TYPE_REAL: memcpy(&value->real, cell, sizeof value->real); return !isnan(value->real);
    case GS_TYPE_SWITCH:
        memcpy(&on, cell, sizeof on);
        value->integer = on;
        return on != -1;
    case GS_TYPE_CHOICE: value->integer = choice_of(row, cell); return *(const char *)cell != '\0';
    case GS_TYPE_WEIGHTS: memcpy(value->weights, cell, sizeof value->weights); return !isnan(value->weights[0]);
    case GS_TYPE_COUNT: break;
    }
    return false;
}

gs_status gs_setting_from_cell(gs_setting_id id, const void *cell, gs_settings *settings, gs_error *error)
{
    const gs_setting *row = &gs_settings_table[id];
    gs_value value = {0}, allowed;
    gs_error reason;
    char text[256];
    if (!read_cell(row, cell, &value)) return GS_OK;
    if (row->type == GS_TYPE_CHOICE && value.integer < 0)
        return gs_fail(error, GS_ERROR_STORAGE, "this version of gensweep does not know '%.*s'", GS_CHOICE_TEXT,
                       (const char *)cell);
    if (row->type == GS_TYPE_SWITCH && (value.integer < 0 || value.integer > 1))
        return gs_fail(error, GS_ERROR_STORAGE, "it is %lld, which is neither on nor off", (long long)value.integer);
    gs_value_write(id, &value, text, sizeof text);
    if (gs_value_read(id, text, &allowed, &reason) != GS_OK) return gs_fail(error, GS_ERROR_STORAGE, "%s", reason.text);
    settings->values[id] = value;
    return GS_OK;
}
