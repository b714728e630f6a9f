#include "store/jobs.h"

#include <stdio.h>
#include <string.h>

#include "store/setting_cells.h"
#include "store/store.h"

gs_status gs_stored_digits(gs_lookup *lookup, gs_digits *digits, gs_error *error)
{
    static const char path[] = "/data/templates";
    for (uint64_t d = 0; d < GS_DIGITS; d++) {
        float grey[GS_PIXELS];
        gs_status status = gs_lookup_read(lookup, path, GS_CELL_FLOAT32, 0, d, grey, sizeof grey, error);
        if (status != GS_OK) return status;
        for (int p = 0; p < GS_PIXELS; p++) {
            float scaled = grey[p] * 255.0f;
            digits->grey[d][p] = scaled >= 0 && scaled <= 255 ? (uint8_t)(scaled + 0.5f) : 0;
            if ((float)digits->grey[d][p] / 255.0f != grey[p])
                return gs_fail(error, GS_ERROR_STORAGE,
                               "the results file is damaged: %s[%d, %d, %d] is %g, which is no grey value", path,
                               (int)d, p / GS_SIDE, p % GS_SIDE, (double)grey[p]);
        }
    }
    return GS_OK;
}

static gs_status read_setting(gs_lookup *lookup, gs_setting_id id, uint64_t row, gs_settings *settings, gs_error *error)
{
    char path[GS_SETTING_PATH];
    _Alignas(8) unsigned char cell[GS_SETTING_CELL_MAX] = {0};
    gs_extent extent;
    gs_setting_path(id, path);
    if (!gs_file_extent(lookup->file, path, &extent)) return GS_OK;
    gs_status status = gs_lookup_read(lookup, path, gs_setting_cells[gs_settings_table[id].type], GS_CHOICE_TEXT, row,
                                      cell, gs_setting_cell_size(id), error);
    if (status != GS_OK) return status;
    gs_error reason;
    status = gs_setting_from_cell(id, cell, settings, &reason);
    if (status == GS_OK) return GS_OK;
    return gs_fail(error, status, "%s[%llu]: %s", path, (unsigned long long)row, reason.text);
}

gs_status gs_stored_settings(gs_lookup *lookup, uint64_t row, gs_settings *settings, gs_error *error)
{
    gs_settings model = {.values[GS_SETTING_MODEL].integer = -1};
    gs_status status = read_setting(lookup, GS_SETTING_MODEL, row, &model, error);
    if (status == GS_OK && model.values[GS_SETTING_MODEL].integer < 0)
        status = gs_fail(error, GS_ERROR_STORAGE, "the results file is damaged: run %llu has no model",
                         (unsigned long long)row);
    if (status == GS_OK) gs_settings_defaults(settings, gs_settings_model(&model));
    for (int id = 0; id < GS_SETTING_COUNT && status == GS_OK; id++)
        if (id != GS_SETTING_MODEL) status = read_setting(lookup, (gs_setting_id)id, row, settings, error);
    return status;
}

gs_status gs_stored_job(gs_lookup *lookup, uint64_t row, gs_job *job, gs_error *error)
{
    job->run = (int64_t)row;
    gs_status status =
        gs_lookup_read(lookup, "/runs/seed", GS_CELL_UINT64, 0, row, &job->seed, sizeof job->seed, error);
    return status == GS_OK ? gs_stored_settings(lookup, row, &job->settings, error) : status;
}

void gs_stored_kernel(gs_lookup *lookup, uint64_t row, char kernel[GS_KERNEL])
{
    static const char path[] = "/provenance/blas_kernel";
    static char text[GS_FACT_TEXT + 1];
    int32_t launch = -1;
    gs_status status = gs_lookup_read(lookup, "/runs/launch", GS_CELL_INT32, 0, row, &launch, sizeof launch, NULL);
    text[0] = '\0';
    if (status == GS_OK && launch >= 0 &&
        gs_lookup_read(lookup, path, GS_CELL_TEXT, GS_FACT_TEXT, (uint64_t)launch, text, GS_FACT_TEXT, NULL) != GS_OK)
        text[0] = '\0';
    snprintf(kernel, GS_KERNEL, "%.*s", GS_KERNEL - 1, text);
}

bool gs_stored_identity(gs_lookup *lookup, const gs_job *job, const gs_digits *digits)
{
    char stored[GS_ID] = "", found[GS_ID];
    gs_run_id(&job->settings, job->seed, digits, found);
    return gs_lookup_read(lookup, "/runs/id", GS_CELL_TEXT, GS_ID - 1, (uint64_t)job->run, stored, GS_ID - 1, NULL) ==
               GS_OK &&
           memcmp(stored, found, GS_ID - 1) == 0;
}
