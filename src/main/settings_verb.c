#include "main/settings_verb.h"

#include <stdio.h>
#include <string.h>

#include "settings/settings.h"

static void print_models(const gs_setting *row)
{
    const unsigned all = (1u << GS_MODEL_COUNT) - 1;
    printf("      models: ");
    if (row->models == all) printf("all");
    for (int m = 0, first = 1; m < GS_MODEL_COUNT && row->models != all; m++) {
        if ((row->models & (1u << m)) == 0) continue;
        printf("%s%s", first ? "" : ", ", gs_model_names[m]);
        first = 0;
    }
    char condition[128];
    if (row->conditional) {
        gs_setting_condition((gs_setting_id)(row - gs_settings_table), condition, sizeof condition);
        printf(" with %s", condition);
    }
    printf("\n");
}

static void print_default(const gs_setting *row, int model)
{
    printf("      default: %s",
           model >= 0 && row->fallback_by_model[model] != NULL ? row->fallback_by_model[model] : row->fallback);
    for (int m = 0; m < GS_MODEL_COUNT && model < 0; m++)
        if (row->fallback_by_model[m] != NULL) printf(", %s %s", gs_model_names[m], row->fallback_by_model[m]);
    printf("\n");
}

gs_status gs_settings_print(const char *model, gs_error *error)
{
    int only = -1;
    for (int m = 0; model != NULL && m < GS_MODEL_COUNT; m++)
        if (strcmp(model, gs_model_names[m]) == 0) only = m;
    if (model != NULL && only < 0) {
        const char *near = gs_nearest_name(model, gs_model_names, GS_MODEL_COUNT);
        return gs_fail(error, GS_ERROR_INPUT, "unknown model '%s'; %s%s%s", model,
                       near != NULL ? "did you mean '" : "see gensweep settings", near != NULL ? near : "",
                       near != NULL ? "'?" : "");
    }
    for (int id = 0; id < GS_SETTING_COUNT; id++) {
        const gs_setting *row = &gs_settings_table[id];
        if (only >= 0 && (row->models & (1u << only)) == 0) continue;
        char allowed[512];
        gs_setting_describe((gs_setting_id)id, allowed, sizeof allowed);
        printf("  %s\n      %s\n      %s\n", row->column, row->help, allowed);
        print_default(row, only);
        if (only < 0 || row->conditional) print_models(row);
    }
    return GS_OK;
}
