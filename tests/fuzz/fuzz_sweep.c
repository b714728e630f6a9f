/* Any bytes as a sweep: the reader and the plan must end in a plan or in sentences.
 *
 * The text of the file ends at the first NUL; what follows, up to each further NUL, is an override of the command line.
 * `make fuzz` runs this under libFuzzer; tests/unit/test_fuzz.c replays the files of tests/golden and
 * tests/fuzz/corpus. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "sweep/plan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Large expansions are right, and slow. */
static bool is_small(const gs_sweep *sweep)
{
    enum { SMALL = 100 };
    size_t combinations = sweep->random ? sweep->run_cap : 1;
    for (size_t a = 0; a < sweep->axis_count && combinations <= SMALL && !sweep->random; a++)
        if (sweep->axes[a].zip == 0) combinations *= sweep->axes[a].count;
    for (size_t a = 0; a < sweep->axis_count && combinations <= SMALL && !sweep->random; a++)
        if (sweep->axes[a].zip != 0)
            combinations *= sweep->axes[a].count; /* too much for a zip, which does not matter here */
    return combinations <= SMALL && sweep->seed_count <= SMALL;
}

static void check_plan(const gs_plan *plan, const gs_sweep *sweep)
{
    if (plan->variant_count == 0 || plan->run_count != plan->variant_count * sweep->seed_count) abort();
    for (size_t v = 0; v < plan->variant_count; v++) {
        gs_settings settings = gs_plan_settings(plan, v);
        char label[GS_LABEL];
        gs_plan_label(plan, v, label);
        if (label[0] == '\0') abort();
        for (int id = 0; id < GS_SETTING_COUNT; id++) { /* what is planned can be written and read again */
            char text[256];
            gs_value again;
            gs_value_write((gs_setting_id)id, &settings.values[id], text, sizeof text);
            if (gs_value_read((gs_setting_id)id, text, &again, NULL) != GS_OK) abort();
            if (!gs_values_equal((gs_setting_id)id, &again, &settings.values[id])) abort();
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    enum { OVERRIDES = 8 };
    char *text = malloc(size + 1);
    const char *overrides[OVERRIDES];
    size_t count = 0;
    gs_sweep *sweep = NULL;
    gs_plan *plan = NULL;
    gs_error error = {{0}};
    if (text == NULL) return 0;
    if (size > 0) memcpy(text, data, size);
    text[size] = '\0';
    size_t length = strlen(text);
    for (size_t at = length + 1; at < size && count < OVERRIDES; at += strlen(text + at) + 1)
        overrides[count++] = text + at;
    gs_status status = gs_sweep_read_text(&sweep, "fuzz.yaml", text, length, overrides, count, &error);
    if (status == GS_OK && is_small(sweep)) {
        status = gs_plan_create(&plan, sweep, &error);
        if (status == GS_OK) check_plan(plan, sweep);
    }
    if (status != GS_OK && (error.text[0] == '\0' || status != GS_ERROR_INPUT)) abort();
    gs_plan_destroy(&plan);
    gs_sweep_destroy(&sweep);
    free(text);
    return 0;
}
