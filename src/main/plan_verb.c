#include "main/plan_verb.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "main/bill.h"
#include "main/inputs.h"
#include "main/json.h"
#include "main/kernels.h"
#include "main/results.h"
#include "main/words.h"
#include "nn/matrix.h"
#include "train/stopping.h"

typedef struct {
    const gs_sweep *sweep;
    const gs_plan *plan;
    const gs_digits *digits;
    const gs_bill *bill;
    const char *path; /* of the results file */
    const gs_history *history;
} contents;

/* ---- for people -------------------------------------------------------------------------------------------------- */

static const char *duration(double seconds, char text[32])
{
    if (seconds < 100) snprintf(text, 32, "%.1f s", seconds);
    else if (seconds < 100 * 60) snprintf(text, 32, "%.1f min", seconds / 60);
    else if (seconds < 100 * 3600) snprintf(text, 32, "%.1f h", seconds / 3600);
    else snprintf(text, 32, "%.1f days", seconds / 86400);
    return text;
}

static const char *bytes(double count, char text[32])
{
    static const char *const units[] = {"B", "kB", "MB", "GB", "TB", "PB"};
    size_t unit = 0;
    for (; count >= 1000 && unit < 5; unit++) count /= 1000;
    snprintf(text, 32, unit == 0 ? "%.0f %s" : "%.1f %s", count, units[unit]);
    return text;
}

/* What the results file calls a variant, or will: a variant that it has keeps its name when others come to it. */
static void name_variant(const contents *all, size_t variant, char name[GS_LABEL])
{
    if (all->history->variants == NULL) gs_plan_label(all->plan, variant, name);
    else snprintf(name, GS_LABEL, "%.*s", GS_LABEL - 1, all->history->variants[variant]);
}

static void print_variants(const contents *all)
{
    const gs_plan *plan = all->plan;
    int width = (int)strlen("variant");
    for (size_t v = 0; v < plan->variant_count; v++) {
        char label[GS_LABEL];
        name_variant(all, v, label);
        if ((int)strlen(label) > width) width = (int)strlen(label);
    }
    printf("%-*s  %8s  %10s  %12s  %10s\n", width, "variant", "runs", "each", "core-hours", "HDF5");
    for (size_t v = 0; v < plan->variant_count; v++) {
        char each[32] = "-", hours[32] = "-", size[32], label[GS_LABEL];
        name_variant(all, v, label);
        if (all->bill->measured) {
            duration(all->bill->seconds[v], each);
            snprintf(hours, sizeof hours, "%.3g", all->bill->seconds[v] * (double)plan->seed_count / 3600);
        }
        printf("%-*s  %8zu  %10s  %12s  %10s\n", width, label, plan->seed_count, each, hours,
               bytes(all->bill->bytes[v] * (double)plan->seed_count, size));
    }
}

/* By which the other verbs know a run: its row in the results file. */
static int64_t row_of(const contents *all, size_t run)
{
    return all->history->found ? all->history->rows[run] : (int64_t)run;
}

static void print_runs(const contents *all)
{
    printf("%8s  %-32s  run\n", "", "id");
    for (size_t run = 0; run < all->plan->run_count; run++) {
        char id[GS_ID];
        gs_job job = gs_plan_job(all->plan, run);
        gs_run_id(&job.settings, job.seed, all->digits, id);
        char name[GS_LABEL];
        name_variant(all, run / all->plan->seed_count, name);
        printf("%8" PRId64 "  %s  %s, seed=%" PRIu64 "\n", row_of(all, run), id, name, job.seed);
    }
}

/* Settings that some variants have no use for. */
static void print_inapplicable(const contents *all)
{
    const gs_plan *plan = all->plan;
    for (size_t n = 0; n < plan->named_count; n++) {
        gs_setting_id id = plan->named[n];
        const gs_setting *row = &gs_settings_table[id];
        char condition[128] = "";
        if (plan->applies[id] == plan->variant_count) continue;
        printf("%s applies to %zu of %zu variants:", row->column, plan->applies[id], plan->variant_count);
        for (int m = 0, first = 1; m < GS_MODEL_COUNT; m++) {
            if ((row->models & (1u << m)) == 0) continue;
            printf("%s %s", first ? "" : ",", gs_model_names[m]);
            first = 0;
        }
        if (row->conditional) gs_setting_condition(id, condition, sizeof condition);
        printf("%s%s; the others ignore it\n", row->conditional ? " with " : "", condition);
    }
}

static void print_totals(const contents *all)
{
    const gs_plan *plan = all->plan;
    const gs_bill *bill = all->bill;
    const gs_history *history = all->history;
    char text[32];
    printf("%s: %zu run%s = %zu variant%s x %zu seed%s", all->sweep->name, plan->run_count,
           gs_plural((int64_t)plan->run_count), plan->variant_count, gs_plural((int64_t)plan->variant_count),
           plan->seed_count, gs_plural((int64_t)plan->seed_count));
    if (plan->merged > 0)
        printf("; %zu combination%s merged, being the same run%s as others", plan->merged,
               gs_plural((int64_t)plan->merged), gs_plural((int64_t)plan->merged));
    if (plan->excluded > 0) printf("; %zu excluded", plan->excluded);
    printf("\n");
    if (history->found) {
        size_t left = plan->run_count - history->done - history->failed;
        printf("%s has %zu of them done", all->path, history->done);
        if (history->failed > 0) printf(" and %zu failed", history->failed);
        printf("; %zu to run\n", left);
        if (history->kept > 0)
            printf("%zu run%s of the file %s no longer in the sweep, and kept\n", history->kept,
                   gs_plural((int64_t)history->kept), history->kept == 1 ? "is" : "are");
        if (history->known < plan->run_count)
            printf("the file is extended: it is copied first, and the one from before stays beside it (%s)\n",
                   bytes(history->file_bytes, text));
    }
    if (bill->measured) {
        printf("about %.3g core-hours", bill->left / 3600);
        if (history->done + history->failed > 0) printf(" of %.3g", bill->total / 3600);
        printf("; %s on %ld rank%s", duration(bill->makespan, text), bill->ranks, gs_plural(bill->ranks));
        printf("; about %s of HDF5\n", bytes(bill->file_bytes, text));
        bool portable = all->sweep->portable && strcmp(gs_blas_kernel(), gs_kernels_portable) == 0;
        printf("Times are extrapolated from a measurement of a few seconds on this machine%s%s.\n",
               portable ? ", with the portable BLAS kernels" : "",
               history->done > 0 ? " and from the runs that are done" : "");
    } else {
        printf("about %s of HDF5; times were not measured\n", bytes(bill->file_bytes, text));
    }
}

/* The settings of early_terminate are the same for all runs; how many rungs a run has depends on its steps. */
static void print_stopping(const contents *all)
{
    gs_settings settings = gs_plan_settings(all->plan, 0);
    int64_t last = 0;
    if (gs_settings_integer(&settings, GS_SETTING_STOPPING) != GS_STOPPING_HYPERBAND) return;
    for (size_t v = 0; v < all->plan->variant_count; v++) {
        gs_settings one = gs_plan_settings(all->plan, v);
        if (gs_stopping_last_rung(&one) <= last) continue;
        last = gs_stopping_last_rung(&one);
        settings = one;
    }
    if (last == 0) {
        printf(
            "No run can be stopped early: early_terminate.min_iter is not below the points of coverage of any run.\n");
        return;
    }
    printf("Early stopping can only make it shorter: runs are compared by %s after coverage point",
           gs_stopping_metric(&settings));
    int told = 0;
    for (int64_t point = 1; point <= last && told < 10; point++)
        if (gs_stopping_is_rung(&settings, point)) printf("%s %" PRId64, told++ > 0 ? "," : "", point);
    printf("%s.\n", told == 10 ? ", ..." : "");
}

/* ---- for machines ------------------------------------------------------------------------------------------------ */

static void print_settings(const gs_settings *settings)
{
    const char *between = "";
    putchar('{');
    for (int id = 0; id < GS_SETTING_COUNT; id++) {
        char value[256];
        if (!gs_setting_applies((gs_setting_id)id, settings)) continue;
        gs_value_write((gs_setting_id)id, &settings->values[id], value, sizeof value);
        printf("%s\"%s\": ", between, gs_settings_table[id].column);
        between = ", ";
        switch (gs_settings_table[id].type) {
        case GS_TYPE_SWITCH: printf("%s", settings->values[id].integer != 0 ? "true" : "false"); break;
        case GS_TYPE_CHOICE: gs_json_string(value); break;
        case GS_TYPE_INTEGER:
        case GS_TYPE_REAL:
        case GS_TYPE_WEIGHTS:
        case GS_TYPE_COUNT: printf("%s", value); break;
        }
    }
    putchar('}');
}

static void print_json(const contents *all, bool runs)
{
    const gs_plan *plan = all->plan;
    const gs_bill *bill = all->bill;
    printf("{\"name\": ");
    gs_json_string(all->sweep->name);
    printf(",\n \"method\": \"%s\",\n \"runs\": %zu,\n \"seeds\": [", all->sweep->random ? "random" : "grid",
           plan->run_count);
    for (size_t s = 0; s < plan->seed_count; s++) printf("%s%" PRIu64, s == 0 ? "" : ", ", plan->seeds[s]);
    printf("],\n \"done\": %zu,\n \"failed\": %zu", all->history->done, all->history->failed);
    printf(",\n \"merged\": %zu,\n \"excluded\": %zu,\n \"hdf5_bytes\": %.0f,\n", plan->merged, plan->excluded,
           bill->file_bytes);
    if (bill->measured)
        printf(" \"core_hours\": %.9g,\n \"core_hours_left\": %.9g,\n \"ranks\": %ld,\n \"makespan_seconds\": %.9g,\n",
               bill->total / 3600, bill->left / 3600, bill->ranks, bill->makespan);
    printf(" \"inapplicable\": {");
    const char *between = "";
    for (size_t n = 0; n < plan->named_count; n++) {
        gs_setting_id id = plan->named[n];
        if (plan->applies[id] == plan->variant_count) continue;
        printf("%s\"%s\": %zu", between, gs_settings_table[id].column, plan->variant_count - plan->applies[id]);
        between = ", ";
    }
    printf("},\n \"variants\": [");
    for (size_t v = 0; v < plan->variant_count; v++) {
        char label[GS_LABEL];
        gs_settings settings = gs_plan_settings(plan, v);
        name_variant(all, v, label);
        printf("%s\n  {\"label\": ", v == 0 ? "" : ",");
        gs_json_string(label);
        printf(", \"runs\": %zu, ", plan->seed_count);
        if (bill->measured) printf("\"seconds_per_run\": %.9g, ", bill->seconds[v]);
        printf("\"settings\": ");
        print_settings(&settings);
        putchar('}');
    }
    printf("\n ]");
    for (size_t run = 0; runs && run < plan->run_count; run++) {
        char id[GS_ID];
        gs_job job = gs_plan_job(plan, run);
        gs_run_id(&job.settings, job.seed, all->digits, id);
        printf("%s\n  {\"row\": %" PRId64 ", \"id\": \"%s\", \"variant\": %zu, \"seed\": %" PRIu64 "}",
               run == 0 ? ",\n \"run_list\": [" : ",", row_of(all, run), id, run / plan->seed_count, job.seed);
    }
    printf("%s\n}\n", runs ? "\n ]" : "");
}

/* What the results file that a run would continue has already. One that cannot be read is left out, with a note: the
 * plan is what the sweep says. */
static gs_status read_history(const gs_options *options, contents *all, gs_history *history, char *path,
                              gs_error *error)
{
    gs_error reason = {{0}};
    gs_status status = gs_results_path(options, all->sweep, path, &reason);
    if (status == GS_OK && !options->fresh)
        status = gs_history_read(history, path, all->plan, all->digits, options->retry_failed, &reason);
    if (status == GS_ERROR_STORAGE) {
        fprintf(stderr, "gensweep: note: %s\n", reason.text);
        return GS_OK;
    }
    if (status != GS_OK) *error = reason;
    else if (history->found && history->known == 0 && strcmp(history->name, all->sweep->name) != 0)
        fprintf(stderr,
                "gensweep: note: '%s' holds the sweep '%s', and none of its runs is in '%s': a launch will refuse it. "
                "Give another name with -o\n",
                path, history->name, all->sweep->name);
    return status;
}

gs_status gs_plan_print(const gs_options *options, gs_error *error)
{
    gs_sweep *sweep = NULL;
    gs_plan *plan = NULL;
    gs_bill bill = {0};
    gs_history history = {0};
    static gs_digits digits;
    static char path[GS_PATH];
    gs_status status = gs_inputs_read(options, &sweep, &plan, &digits, error);
    contents all = {sweep, plan, &digits, &bill, path, &history};
    if (status == GS_OK) status = read_history(options, &all, &history, path, error);
    if (status == GS_OK)
        status =
            gs_bill_create(&bill, plan, &history, &digits, sweep->storage, options->ranks, !options->no_measure, error);
    if (status == GS_OK && options->json) {
        print_json(&all, options->runs);
    } else if (status == GS_OK) {
        if (options->runs) print_runs(&all);
        else print_variants(&all);
        print_inapplicable(&all);
        print_totals(&all);
        print_stopping(&all);
    }
    gs_bill_free(&bill);
    gs_history_free(&history);
    gs_plan_destroy(&plan);
    gs_sweep_destroy(&sweep);
    return status;
}
