#include "main/status_verb.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "ground/clock.h"
#include "main/json.h"
#include "main/words.h"
#include "store/lock.h"
#include "store/overview.h"

static const double watch_every = 2; /* seconds */
enum { FAILURES_TOLD = 20 };

typedef enum { RUNNING, UNKNOWN, CRASHED, UNFINISHED, FINISHED } sweep_state;

static const char *const state_names[] = {"running", "unknown", "crashed", "unfinished", "finished"};

/* All that is told. */
typedef struct {
    gs_overview overview;
    sweep_state state;
    char holder[GS_LOCK_HOLDER];
    int64_t counts[GS_RUN_FAILED + 1];  /* planned runs by status */
    int64_t stopped;                    /* of these done, but stopped early */
    int64_t kept;                       /* rows that are not in the sweep any more */
    double runs_per_hour, seconds_left; /* < 0: not known */
} report;

/* ---- reading ----------------------------------------------------------------------------------------------------- */

/* Seconds, steps and number of runs, by model and, last, of all. */
typedef struct {
    double seconds[GS_MODEL_COUNT + 1], steps[GS_MODEL_COUNT + 1], runs[GS_MODEL_COUNT + 1];
} run_sums;

static void learn(run_sums *sums, const gs_overview_run *run)
{
    if (run->steps_done <= 0 || !(run->seconds > 0)) return;
    const int kinds[] = {run->model, GS_MODEL_COUNT};
    for (int k = 0; k < 2; k++) {
        sums->seconds[kinds[k]] += run->seconds;
        sums->steps[kinds[k]] += (double)run->steps_done;
        sums->runs[kinds[k]]++;
    }
}

/* What a run takes: so much a step, and so much for its samples. */
typedef struct {
    double step, samples;
} run_cost;

/* Runs that go on tell what a step takes, and then those that are done what their samples took besides; without the
 * former, samples are spread over the steps. Of other models where this one has not been trained; 0: not known. */
static run_cost cost_of(const run_sums *done, const run_sums *going, int model)
{
    bool known = done->steps[model] + going->steps[model] > 0;
    int kind = known ? model : GS_MODEL_COUNT;
    if (!(going->steps[kind] > 0))
        return (run_cost){.step = done->steps[kind] > 0 ? done->seconds[kind] / done->steps[kind] : 0};
    run_cost cost = {.step = going->seconds[kind] / going->steps[kind]};
    double besides = done->seconds[kind] - cost.step * done->steps[kind];
    if (besides > 0) cost.samples = besides / done->runs[kind];
    return cost;
}

/* A run that goes on is as fast as it was. */
static double left_of(const gs_overview_run *run, run_cost cost)
{
    double whole = (double)run->steps * cost.step + cost.samples;
    if (run->status != GS_RUN_RUNNING || !(run->seconds > 0)) return whole;
    if (run->steps_done > 0) whole = run->seconds * (double)run->steps / (double)run->steps_done + cost.samples;
    return fmax(whole - run->seconds, 0);
}

/* The sweep does not end before its longest run does. */
static void estimate(report *r)
{
    run_sums done = {.runs = {0}}, going = {.runs = {0}};
    double left = 0, longest = 0, start = gs_utc_read(r->overview.started);
    int64_t recent = 0;
    const gs_overview *overview = &r->overview;
    for (int64_t i = 0; i < overview->run_count; i++) {
        const gs_overview_run *run = &overview->runs[i];
        if (run->status == GS_RUN_DONE) learn(&done, run);
        if (run->status == GS_RUN_RUNNING) learn(&going, run);
        recent += run->status == GS_RUN_DONE && run->launch == overview->launches - 1;
    }
    for (int64_t i = 0; i < overview->run_count; i++) {
        const gs_overview_run *run = &overview->runs[i];
        if (!run->planned || run->status == GS_RUN_DONE || run->status == GS_RUN_FAILED) continue;
        double its = left_of(run, cost_of(&done, &going, run->model));
        left += its;
        longest = fmax(longest, its);
    }
    double elapsed = start < 0 ? 0 : (double)time(NULL) - start;
    bool known = done.steps[GS_MODEL_COUNT] + going.steps[GS_MODEL_COUNT] > 0;
    r->runs_per_hour = r->state == RUNNING && elapsed > 0 ? (double)recent * 3600 / elapsed : -1;
    r->seconds_left =
        r->state == RUNNING && known && overview->ranks > 0 ? fmax(left / (double)overview->ranks, longest) : -1;
}

/* Removes the marks that a killed writer left. That this cannot be done (a read-only folder) is no reason not to
 * report. */
static void recover(const char *path)
{
    gs_lock *lock;
    gs_error unused;
    if (!gs_file_marked(path) || gs_lock_take(&lock, path, &unused) != GS_OK) return;
    gs_status status = gs_file_recover(path, &unused);
    (void)status;
    gs_lock_release(&lock);
}

static gs_status look(report *r, const char *path, gs_error *error)
{
    *r = (report){.state = FINISHED};
    gs_lock_state lock = gs_lock_look(path, r->holder);
    if (lock == GS_LOCK_DEAD || lock == GS_LOCK_FREE) recover(path);
    gs_status status = gs_overview_read(&r->overview, path, error);
    if (status != GS_OK) return status;
    for (int64_t i = 0; i < r->overview.run_count; i++) {
        const gs_overview_run *run = &r->overview.runs[i];
        if (!run->planned) r->kept++;
        else if (run->status >= GS_RUN_PENDING && run->status <= GS_RUN_FAILED) r->counts[run->status]++;
        r->stopped += run->planned && run->status == GS_RUN_DONE && run->steps_done < run->steps;
    }
    if (r->counts[GS_RUN_RUNNING] > 0 && (lock == GS_LOCK_DEAD || lock == GS_LOCK_FREE))
        lock = gs_lock_look(path, r->holder); /* a program may have taken it while the file was read */
    if (lock == GS_LOCK_HELD) r->state = RUNNING;
    else if (lock == GS_LOCK_UNKNOWN) r->state = UNKNOWN;
    else if (lock == GS_LOCK_DEAD && r->counts[GS_RUN_RUNNING] > 0) r->state = CRASHED;
    else if (r->counts[GS_RUN_RUNNING] + r->counts[GS_RUN_PENDING] > 0) r->state = UNFINISHED; /* it ended by itself */
    estimate(r);
    return GS_OK;
}

/* ---- for people -------------------------------------------------------------------------------------------------- */

static void print_state(const report *r)
{
    char left[GS_DURATION];
    switch (r->state) {
    case RUNNING: printf("running (%s)", r->holder[0] != '\0' ? r->holder : "just started"); break;
    case UNKNOWN: printf("perhaps running, on another host (%s)", r->holder); break;
    case CRASHED: printf("the program was killed; run the same command again to go on"); break;
    case UNFINISHED: printf("ended before all runs were done; run the same command again to go on"); break;
    case FINISHED: printf("finished"); break;
    }
    if (r->runs_per_hour >= 0) printf("; %.4g runs an hour", r->runs_per_hour);
    if (r->seconds_left >= 0) printf("; about %s left", gs_duration(r->seconds_left, left));
    printf("\n");
}

static void print_text(const report *r, const char *path)
{
    const gs_overview *overview = &r->overview;
    int64_t planned = overview->run_count - r->kept;
    printf("%s: sweep '%s', %lld runs: %lld done, %lld failed, %lld %s, %lld pending", path, overview->name,
           (long long)planned, (long long)r->counts[GS_RUN_DONE], (long long)r->counts[GS_RUN_FAILED],
           (long long)r->counts[GS_RUN_RUNNING],
           r->state == CRASHED                                       ? "in flight when it was killed"
           : r->state == UNFINISHED && r->counts[GS_RUN_RUNNING] > 0 ? "in flight when it ended"
                                                                     : "running",
           (long long)r->counts[GS_RUN_PENDING]);
    if (r->stopped > 0) printf("; %lld of those done were stopped early", (long long)r->stopped);
    if (r->kept > 0) printf("; %lld kept that are no longer in the sweep", (long long)r->kept);
    printf("\n");
    print_state(r);
    printf("last launch: number %lld, %s, %lld rank%s on %s%s%s\n", (long long)overview->launches, overview->started,
           (long long)overview->ranks, gs_plural(overview->ranks), overview->hosts,
           overview->job[0] != '\0' ? ", job " : "", overview->job);
    int64_t told = 0;
    for (int64_t i = 0; i < overview->detail_count; i++) {
        const gs_overview_detail *detail = &overview->details[i];
        const gs_overview_run *run = &overview->runs[detail->row];
        if (run->status == GS_RUN_RUNNING)
            printf("  run %lld (%s): rank %d, step %lld of %lld\n", (long long)detail->row, detail->label, run->rank,
                   (long long)run->steps_done, (long long)run->steps);
        else if (told++ < FAILURES_TOLD)
            printf("  run %lld (%s) failed: %s\n", (long long)detail->row, detail->label, detail->error);
    }
    if (told > FAILURES_TOLD) printf("  and %lld more failed runs\n", (long long)(told - FAILURES_TOLD));
}

/* ---- for machines ------------------------------------------------------------------------------------------------ */

static void print_number_or_null(const char *name, double value)
{
    if (value >= 0) printf(", \"%s\": %.6g", name, value);
    else printf(", \"%s\": null", name);
}

static void print_details(const gs_overview *overview, gs_run_status status)
{
    const char *separator = "";
    for (int64_t i = 0; i < overview->detail_count; i++) {
        const gs_overview_detail *detail = &overview->details[i];
        const gs_overview_run *run = &overview->runs[detail->row];
        if (run->status != (int8_t)status) continue;
        printf("%s{\"run\": %lld, \"label\": ", separator, (long long)detail->row);
        gs_json_string(detail->label);
        printf(", \"rank\": %d, \"attempts\": %d, \"steps_done\": %lld, \"steps\": %lld", run->rank, run->attempts,
               (long long)run->steps_done, (long long)run->steps);
        if (status == GS_RUN_FAILED) {
            printf(", \"error\": ");
            gs_json_string(detail->error);
        }
        printf("}");
        separator = ", ";
    }
}

static void print_json(const report *r, const char *path)
{
    const gs_overview *overview = &r->overview;
    printf("{\"file\": ");
    gs_json_string(path);
    printf(", \"name\": ");
    gs_json_string(overview->name);
    printf(", \"state\": \"%s\", \"writer\": ", state_names[r->state]);
    gs_json_string(r->state == RUNNING || r->state == UNKNOWN ? r->holder : "");
    printf(", \"planned\": %lld, \"done\": %lld, \"failed\": %lld, \"running\": %lld, \"pending\": %lld, \"kept\": "
           "%lld, \"stopped_early\": %lld",
           (long long)(overview->run_count - r->kept), (long long)r->counts[GS_RUN_DONE],
           (long long)r->counts[GS_RUN_FAILED], (long long)r->counts[GS_RUN_RUNNING],
           (long long)r->counts[GS_RUN_PENDING], (long long)r->kept, (long long)r->stopped);
    print_number_or_null("runs_per_hour", r->runs_per_hour);
    print_number_or_null("seconds_left", r->seconds_left);
    printf(", \"launch\": {\"number\": %lld, \"started\": ", (long long)overview->launches);
    gs_json_string(overview->started);
    printf(", \"ranks\": %lld, \"hosts\": ", (long long)overview->ranks);
    gs_json_string(overview->hosts);
    printf(", \"job\": ");
    gs_json_string(overview->job);
    printf("}, \"running_runs\": [");
    print_details(overview, GS_RUN_RUNNING);
    printf("], \"failed_runs\": [");
    print_details(overview, GS_RUN_FAILED);
    printf("]}\n");
}

gs_status gs_status_print(const gs_options *options, gs_error *error)
{
    for (bool first = true;; first = false) {
        report r;
        gs_status status = look(&r, options->file, error);
        if (status != GS_OK) return status;
        if (options->watch && !options->json && isatty(STDOUT_FILENO)) printf("\x1b[H\x1b[2J");
        else if (!first && !options->json) printf("\n");
        if (options->json) print_json(&r, options->file);
        else print_text(&r, options->file);
        fflush(stdout);
        gs_overview_free(&r.overview);
        if (!options->watch || r.state != RUNNING) return GS_OK;
        gs_sleep(watch_every);
    }
}
