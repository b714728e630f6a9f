#include "main/summary.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "coverage/statistics.h"

/* Sums over the finished runs of a variant. Runs without samples count in `failed` only; of the others, those with more
 * than half of their samples rejected also in `rejected`, and TV and mean error have those `with_tv`: not those with
 * all samples rejected. */
typedef struct {
    char name[GS_LABEL];
    int64_t measured, failed, stopped, rejected, collapsed, severe, with_tv;
    int possible; /* modes that the data of these runs has */
    double modes_10, tv, error;
} variant_sums;

struct gs_summary {
    const gs_plan *plan;
    variant_sums *sums;
};

gs_status gs_summary_create(gs_summary **summary, const gs_store *store, gs_error *error)
{
    const gs_plan *plan = gs_store_plan(store);
    gs_summary *made = calloc(1, sizeof *made);
    if (made != NULL) made->sums = calloc(plan->variant_count, sizeof *made->sums);
    if (made == NULL || made->sums == NULL) {
        gs_summary_destroy(&made);
        return gs_fail(error, GS_ERROR_MEMORY, "out of memory: %zu variants", plan->variant_count);
    }
    made->plan = plan;
    for (size_t v = 0; v < plan->variant_count; v++)
        snprintf(made->sums[v].name, GS_LABEL, "%s", gs_store_variant(store, v));
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
    sums->rejected += values[GS_METRIC_FAILED] > 0;
    sums->collapsed += values[GS_METRIC_COLLAPSED] > 0;
    sums->severe += values[GS_METRIC_SEVERE] > 0;
    sums->modes_10 += values[GS_METRIC_MODES_10];
    sums->possible = 0;
    for (int k = 0; k < GS_BINS; k++) sums->possible += row->expected[k] > 0;
    if (isnan(values[GS_METRIC_TV])) return;
    sums->with_tv++;
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

/* A sentence about some of the runs, and in which variants they are; nothing if there are none. */
static void print_share(const gs_summary *summary, int width, const char *sentence,
                        int64_t (*count)(const variant_sums *sums))
{
    int64_t hits = 0, measured = 0;
    for (size_t v = 0; v < summary->plan->variant_count; v++) {
        hits += count(&summary->sums[v]);
        measured += summary->sums[v].measured;
    }
    if (hits == 0) return;
    printf("%lld of %lld runs %s:\n", (long long)hits, (long long)measured, sentence);
    for (size_t v = 0; v < summary->plan->variant_count; v++) {
        const variant_sums *sums = &summary->sums[v];
        if (count(sums) == 0) continue;
        printf("  %-*s  %lld of %lld\n", width, sums->name, (long long)count(sums), (long long)sums->measured);
    }
}

static int64_t stopped_of(const variant_sums *sums)
{
    return sums->stopped;
}

static int64_t collapsed_of(const variant_sums *sums)
{
    return sums->collapsed;
}

static int64_t severe_of(const variant_sums *sums)
{
    return sums->severe;
}

static int64_t rejected_of(const variant_sums *sums)
{
    return sums->rejected;
}

static int64_t without_tv(const variant_sums *sums)
{
    return sums->measured - sums->with_tv;
}

static int longest_name(const gs_summary *summary)
{
    int longest = (int)strlen("variant");
    for (size_t v = 0; v < summary->plan->variant_count; v++)
        if ((int)strlen(summary->sums[v].name) > longest) longest = (int)strlen(summary->sums[v].name);
    return longest;
}

static void print_mean(int width, int digits, double sum, int64_t count)
{
    if (count > 0) printf("  %*.*f", width, digits, sum / (double)count);
    else printf("  %*s", width, "-");
}

/* As wide as its column's longest rate, and its title. */
static int rate_width(const gs_summary *summary, const char *title, int64_t (*hits)(const variant_sums *sums))
{
    size_t most = strlen(title);
    for (size_t v = 0; v < summary->plan->variant_count; v++) {
        const variant_sums *sums = &summary->sums[v];
        char text[64];
        write_rate(hits(sums), sums->measured, text, sizeof text);
        most = strlen(text) > most ? strlen(text) : most;
    }
    return (int)most;
}

/* "30", or "10 to 30" where the variants' data differ. */
static void write_possible(const gs_summary *summary, char *text, size_t size)
{
    int least = GS_BINS, most = 0;
    for (size_t v = 0; v < summary->plan->variant_count; v++) {
        const variant_sums *sums = &summary->sums[v];
        if (sums->measured == 0) continue;
        least = sums->possible < least ? sums->possible : least;
        most = sums->possible > most ? sums->possible : most;
    }
    if (least < most) snprintf(text, size, "%d to %d", least, most);
    else snprintf(text, size, "%d", least);
}

void gs_summary_print(const gs_summary *summary)
{
    int width = longest_name(summary), collapsed_width = rate_width(summary, "collapsed", collapsed_of),
        severe_width = rate_width(summary, "severe", severe_of);
    printf("%-*s  %4s  %6s  %-*s  %-*s  %8s  %6s  %10s\n", width, "variant", "n", "failed", collapsed_width,
           "collapsed", severe_width, "severe", "modes_10", "TV", "mean error");
    for (size_t v = 0; v < summary->plan->variant_count; v++) {
        const variant_sums *sums = &summary->sums[v];
        char collapsed[64], severe[64];
        write_rate(sums->collapsed, sums->measured, collapsed, sizeof collapsed);
        write_rate(sums->severe, sums->measured, severe, sizeof severe);
        printf("%-*s  %4lld  %6lld  %-*s  %-*s", width, sums->name, (long long)(sums->measured + sums->failed),
               (long long)sums->failed, collapsed_width, collapsed, severe_width, severe);
        print_mean(8, 1, sums->modes_10, sums->measured);
        print_mean(6, 3, sums->tv, sums->with_tv);
        print_mean(10, 1, sums->error, sums->with_tv);
        printf("\n");
    }
    char possible[32];
    write_possible(summary, possible, sizeof possible);
    printf("collapsed: covered mass < .9; severe: < .5 (bins with at least 10 %% of their\n"
           "expected samples are covered). Rates: of the runs that did not fail, with Wilson\n"
           "95 %% intervals; modes_10 (at most %s), TV and mean error are means over these runs.\n",
           possible);
    print_share(summary, width, "were stopped early and are measured as they were then, so rates and means are biased",
                stopped_of);
    print_share(summary, width, "have more than half of their samples rejected (/metrics/failed)", rejected_of);
    print_share(summary, width, "have all samples rejected, and no TV or mean error: these means leave them out",
                without_tv);
}
