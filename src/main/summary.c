#include "main/summary.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "coverage/statistics.h"

/* Sums over the finished runs of a variant. Runs without samples count in `failed` only. */
typedef struct {
    int64_t measured, failed, stopped, collapsed, severe, with_error;
    double modes_10, tv, error;
} variant_sums;

struct gs_summary {
    const gs_plan *plan;
    variant_sums *sums;
};

gs_status gs_summary_create(gs_summary **summary, const gs_plan *plan, gs_error *error)
{
    gs_summary *made = calloc(1, sizeof *made);
    if (made != NULL) made->sums = calloc(plan->variant_count, sizeof *made->sums);
    if (made == NULL || made->sums == NULL) {
        gs_summary_destroy(&made);
        return gs_fail(error, GS_ERROR_MEMORY, "out of memory: %zu variants", plan->variant_count);
    }
    made->plan = plan;
    *summary = made;
    return GS_OK;
}

void gs_summary_destroy(gs_summary **summary)
{
    if (summary == NULL || *summary == NULL) return;
    free((*summary)->sums);
    free(*summary);
    *summary = NULL;
}

void gs_summary_add(gs_summary *summary, const gs_row *row)
{
    variant_sums *sums = &summary->sums[(size_t)row->run / summary->plan->seed_count];
    const double *values = row->metrics.values;
    if (row->failed != 0) {
        sums->failed++;
        return;
    }
    gs_job job = gs_plan_job(summary->plan, (size_t)row->run);
    sums->measured++;
    sums->stopped += row->steps_done < gs_settings_integer(&job.settings, GS_SETTING_STEPS);
    sums->collapsed += values[GS_METRIC_COLLAPSED] > 0;
    sums->severe += values[GS_METRIC_SEVERE] > 0;
    sums->modes_10 += values[GS_METRIC_MODES_10];
    if (isnan(values[GS_METRIC_TV])) return; /* all samples rejected */
    sums->with_error++;
    sums->tv += values[GS_METRIC_TV];
    sums->error += values[GS_METRIC_MEAN_ERROR];
}

/* "3/8 (14-69 %)" */
static void write_rate(int64_t hits, int64_t count, char *text, size_t size)
{
    double low, high;
    if (count == 0) {
        snprintf(text, size, "-");
        return;
    }
    gs_wilson_interval(hits, count, &low, &high);
    snprintf(text, size, "%lld/%lld (%.0f-%.0f %%)", (long long)hits, (long long)count, 100 * low, 100 * high);
}

/* What early stopping means for the rates. */
static void print_stopped(const gs_summary *summary, int width)
{
    int64_t stopped = 0, measured = 0;
    for (size_t v = 0; v < summary->plan->variant_count; v++) {
        stopped += summary->sums[v].stopped;
        measured += summary->sums[v].measured;
    }
    if (stopped == 0) return;
    printf("%lld of %lld runs were stopped early and are measured as they were then, so rates and means are biased:\n",
           (long long)stopped, (long long)measured);
    for (size_t v = 0; v < summary->plan->variant_count; v++) {
        char label[GS_LABEL];
        if (summary->sums[v].stopped == 0) continue;
        gs_plan_label(summary->plan, v, label);
        printf("  %-*s  %lld of %lld\n", width, label, (long long)summary->sums[v].stopped,
               (long long)summary->sums[v].measured);
    }
}

static int longest_label(const gs_plan *plan)
{
    int longest = (int)strlen("variant");
    for (size_t v = 0; v < plan->variant_count; v++) {
        char label[GS_LABEL];
        gs_plan_label(plan, v, label);
        if ((int)strlen(label) > longest) longest = (int)strlen(label);
    }
    return longest;
}

void gs_summary_print(const gs_summary *summary)
{
    int width = longest_label(summary->plan);
    printf("%-*s  %4s  %6s  %-19s  %-19s  %8s  %6s  %10s\n", width, "variant", "n", "failed", "collapsed", "severe",
           "modes_10", "TV", "mean error");
    for (size_t v = 0; v < summary->plan->variant_count; v++) {
        const variant_sums *sums = &summary->sums[v];
        char label[GS_LABEL], collapsed[64], severe[64];
        gs_plan_label(summary->plan, v, label);
        write_rate(sums->collapsed, sums->measured, collapsed, sizeof collapsed);
        write_rate(sums->severe, sums->measured, severe, sizeof severe);
        printf("%-*s  %4lld  %6lld  %-19s  %-19s", width, label, (long long)(sums->measured + sums->failed),
               (long long)sums->failed, collapsed, severe);
        if (sums->with_error > 0)
            printf("  %8.1f  %6.3f  %10.1f\n", sums->modes_10 / (double)sums->measured,
                   sums->tv / (double)sums->with_error, sums->error / (double)sums->with_error);
        else printf("  %8s  %6s  %10s\n", "-", "-", "-");
    }
    printf(
        "collapsed: covered mass < .9; severe: < .5 (bins with at least 10 %% of their expected samples are covered).\n"
        "Rates: of the runs that did not fail, with Wilson 95 %% intervals; modes_10 (of 30), TV and mean error are "
        "means over the runs.\n");
    print_stopped(summary, width);
}
