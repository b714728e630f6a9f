/* Plans of many sweeps for tests/e2e/test_expansion.py: sweeps come on stdin, each ended by a NUL; each gives one line
 * of JSON. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sweep/plan.h"

static void print_plan(const gs_plan *plan, const gs_digits *digits)
{
    printf("{\"merged\": %zu, \"excluded\": %zu, \"seeds\": [", plan->merged, plan->excluded);
    for (size_t s = 0; s < plan->seed_count; s++) printf("%s%" PRIu64, s == 0 ? "" : ", ", plan->seeds[s]);
    printf("], \"variants\": [");
    for (size_t v = 0; v < plan->variant_count; v++) {
        gs_settings settings = gs_plan_settings(plan, v);
        char id[GS_ID], label[GS_LABEL];
        gs_plan_label(plan, v, label);
        gs_run_id(&settings, plan->seeds[0], digits, id);
        printf("%s{\"label\": \"%s\", \"id\": \"%s\"", v == 0 ? "" : ", ", label, id);
        for (int s = 0; s < GS_SETTING_COUNT; s++) {
            char value[256];
            if (!gs_setting_applies((gs_setting_id)s, &settings)) continue;
            gs_value_write((gs_setting_id)s, &settings.values[s], value, sizeof value);
            printf(", \"%s\": \"%s\"", gs_settings_table[s].column, value);
        }
        printf("}");
    }
    printf("]}\n");
}

int main(void)
{
    enum { LONGEST = 65536 };
    static char text[LONGEST];
    static gs_digits digits;
    gs_digits_draw(&digits);
    size_t length = 0;
    for (int c = getchar(); c != EOF; c = getchar()) {
        if (length + 1 >= LONGEST) return 1;
        text[length++] = (char)c;
        if (c != '\0') continue;
        gs_sweep *sweep = NULL;
        gs_plan *plan = NULL;
        gs_error error = {{0}};
        gs_status status = gs_sweep_read_text(&sweep, "sweep.yaml", text, length - 1, NULL, 0, &error);
        if (status == GS_OK) status = gs_plan_create(&plan, sweep, &error);
        if (status == GS_OK) print_plan(plan, &digits);
        else printf("{\"error\": \"%.*s\"}\n", (int)strcspn(error.text, "\n\"\\"), error.text);
        gs_plan_destroy(&plan);
        gs_sweep_destroy(&sweep);
        length = 0;
    }
    return 0;
}
