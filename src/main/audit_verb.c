#include "main/audit_verb.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "farm/farm.h"
#include "ground/clock.h"
#include "ground/vector.h"
#include "main/exits.h"
#include "main/json.h"
#include "main/launch.h"
#include "main/progress.h"
#include "main/rows.h"
#include "main/words.h"
#include "nn/matrix.h"
#include "store/audits.h"
#include "store/lock.h"
#include "train/stopping.h"

/* A run on other kernels, whose bits differ, is consistent if the test of homogeneity of its counts does not reject at
 * this level. */
static const double level = 0.001;

typedef enum { UNKNOWN, EQUAL, CONSISTENT, DIFFERENT, VERDICTS } verdict;

static const char *const verdict_names[VERDICTS] = {"unknown", "equal", "consistent", "different"};

/* A run to be audited. */
typedef struct {
    uint64_t row;
    gs_job job;
    char label[GS_LABEL + 1], kernel[GS_KERNEL];
    bool other_kernels;
    verdict verdict;
    double p; /* of the test of homogeneity; NaN: not made */
    gs_comparison comparison;
} audited_run;

typedef struct {
    const gs_options *options;
    gs_audit *audit;
    gs_progress *progress;
    bool *chosen; /* of each row */
    uint64_t rows, finished, skipped;
    audited_run *runs;
    int64_t count, verdicts[VERDICTS];
    int64_t without_samples, without_checkpoint, without_metrics, with_earlier; /* runs */
    bool lacks[GS_METRIC_COUNT], before[GS_METRIC_COUNT]; /* metrics that some run ended without, or has as before */
    gs_common common;
    bool stored;
    char note[GS_ERROR_TEXT]; /* why it is not */
} state;

/* ---- choosing ---------------------------------------------------------------------------------------------------- */

static bool is_done(const gs_audit *audit, uint64_t row)
{
    return gs_audit_status(audit, row) == GS_RUN_DONE;
}

/* Which rows are to be audited; with --runs also those that cannot be. */
static gs_status choose(state *s, gs_error *error)
{
    s->rows = gs_audit_rows(s->audit);
    s->chosen = calloc(s->rows + 1, sizeof *s->chosen);
    bool *done = calloc(s->rows + 1, sizeof *done);
    gs_status status = GS_OK;
    if (s->chosen == NULL || done == NULL)
        status = gs_fail(error, GS_ERROR_MEMORY, "out of memory: %" PRIu64 " runs", s->rows);
    for (uint64_t row = 0; row < s->rows && status == GS_OK; row++) s->finished += done[row] = is_done(s->audit, row);
    if (status == GS_OK && s->options->rows != NULL) status = gs_rows_read(s->options->rows, s->rows, s->chosen, error);
    else if (status == GS_OK)
        status = gs_rows_sample(done, s->rows, s->options->fraction, s->options->seed, s->chosen, error);
    for (uint64_t row = 0; row < s->rows && status == GS_OK; row++) {
        s->count += s->chosen[row] && done[row];
        s->skipped += s->chosen[row] && !done[row];
    }
    free(done);
    return status;
}

/* Runs that were asked for and are not done. */
static void tell_skipped(state *s)
{
    for (uint64_t row = 0; row < s->rows; row++) {
        char reason[GS_REASON + 1] = "";
        gs_run_status status = gs_audit_status(s->audit, row);
        if (!s->chosen[row] || status == GS_RUN_DONE) continue;
        if (status == GS_RUN_FAILED) gs_audit_reason(s->audit, row, reason);
        fprintf(stderr, "gensweep: run %" PRIu64 " is not audited: it %s%s\n", row,
                status == GS_RUN_FAILED    ? "has failed: "
                : status == GS_RUN_RUNNING ? "is running"
                                           : "is pending",
                reason);
    }
}

static void judge(state *s, audited_run *run, verdict is)
{
    run->verdict = is;
    s->verdicts[is]++;
}

static gs_status collect_runs(state *s, gs_error *error)
{
    s->runs = calloc((size_t)s->count + 1, sizeof *s->runs);
    if (s->runs == NULL) return gs_fail(error, GS_ERROR_MEMORY, "out of memory: %" PRId64 " runs", s->count);
    audited_run *run = s->runs;
    for (uint64_t row = 0; row < s->rows; row++) {
        if (!s->chosen[row] || !is_done(s->audit, row)) continue;
        *run = (audited_run){.row = row, .p = (double)NAN, .comparison = {.has_samples = true, .has_checkpoint = true}};
        gs_audit_label(s->audit, row, run->label);
        gs_audit_kernel(s->audit, row, run->kernel);
        run->other_kernels = strcmp(run->kernel, gs_blas_kernel()) != 0;
        gs_audit_job(s->audit, row, &run->job, &run->comparison.first);
        run->job.run = run - s->runs;
        if (run->comparison.first.dataset[0] != '\0') judge(s, run, DIFFERENT);
        run++;
    }
    return GS_OK;
}

gs_status gs_audit_recorded(const gs_options *options, char kernel[GS_KERNEL], gs_error *error)
{
    state s = {.options = options};
    char other[GS_KERNEL];
    kernel[0] = '\0';
    gs_status status = gs_audit_open(&s.audit, options->file, error);
    if (status == GS_OK) status = choose(&s, error);
    for (uint64_t row = 0; row < s.rows && status == GS_OK; row++) {
        if (!s.chosen[row] || !is_done(s.audit, row)) continue;
        gs_audit_kernel(s.audit, row, other);
        if (kernel[0] == '\0') memcpy(kernel, other, GS_KERNEL);
        if (strcmp(kernel, other) != 0)
            status =
                gs_fail(error, GS_ERROR_INPUT,
                        "--kernels recorded: some of these runs were trained with BLAS kernels '%s', others with '%s'; "
                        "audit them one after the other with --runs",
                        kernel, other);
    }
    if (status == GS_OK && kernel[0] == '\0')
        status = gs_fail(error, GS_ERROR_INPUT, "--kernels recorded: '%s' records none for these runs", options->file);
    gs_audit_close(&s.audit);
    free(s.chosen);
    return status;
}

/* ---- before ------------------------------------------------------------------------------------------------------ */

static void tell_kernels(const state *s)
{
    int64_t others = 0;
    const char *kernel = "";
    for (int64_t i = 0; i < s->count; i++) {
        if (!s->runs[i].other_kernels) continue;
        kernel = s->runs[i].kernel;
        others++;
    }
    if (others > 0)
        fprintf(stderr,
                "gensweep: %" PRId64 " of these runs were trained with other BLAS kernels ('%s') than this audit "
                "('%s'). Where their bits differ, only their counts are compared, statistically; --kernels recorded "
                "trains them with their own, where this CPU has them\n",
                others, kernel, gs_blas_kernel());
}

static void tell_begin(state *s, int ranks)
{
    char holder[GS_LOCK_HOLDER], rows[512];
    gs_lock_state lock = gs_lock_look(s->options->file, holder);
    if (lock == GS_LOCK_HELD || lock == GS_LOCK_UNKNOWN)
        fprintf(stderr, "gensweep: %s is being written (%s); it is read beside its writer\n", s->options->file, holder);
    tell_skipped(s);
    gs_rows_write(s->chosen, s->rows, rows, sizeof rows);
    fprintf(stderr, "gensweep: auditing %" PRId64 " of %" PRIu64 " finished runs of %s (%s) on %d rank%s\n", s->count,
            s->finished, s->options->file, rows, ranks, gs_plural(ranks));
    tell_kernels(s);
}

static gs_status prepare(state *s, gs_error *error)
{
    gs_status status = gs_audit_open(&s->audit, s->options->file, error);
    if (status == GS_OK) status = choose(s, error);
    if (status == GS_OK && s->count == 0) {
        tell_skipped(s);
        return gs_fail(error, GS_ERROR_INPUT, "there is nothing to audit: %s",
                       s->skipped > 0 ? "none of these runs is done" : "no run is done");
    }
    if (status == GS_OK) status = collect_runs(s, error);
    if (status == GS_OK) status = gs_progress_create(&s->progress, s->options->progress, error);
    if (status != GS_OK) return status;
    s->common.digits = *gs_audit_digits(s->audit);
    s->common.storage = gs_audit_storage(s->audit);
    snprintf(s->common.program, sizeof s->common.program, "%s", gs_program);
    return GS_OK;
}

static void release(state *s)
{
    gs_audit_close(&s->audit);
    gs_progress_destroy(&s->progress);
    free(s->chosen);
    free(s->runs);
}

/* ---- the agenda -------------------------------------------------------------------------------------------------- */

static gs_job job_of(void *context, int64_t run)
{
    return ((state *)context)->runs[run].job;
}

/* Of a run whose job is not known, the verdict is. */
static gs_run_status status_of(void *context, int64_t run)
{
    return ((state *)context)->runs[run].verdict == UNKNOWN ? GS_RUN_PENDING : GS_RUN_DONE;
}

static int64_t count_metrics(const bool which[GS_METRIC_COUNT])
{
    int64_t count = 0;
    for (int m = 0; m < GS_METRIC_COUNT; m++) count += which[m];
    return count;
}

static void note_metrics(state *s, const gs_comparison *comparison)
{
    s->without_metrics += count_metrics(comparison->lacks) > 0;
    s->with_earlier += count_metrics(comparison->before) > 0;
    for (int m = 0; m < GS_METRIC_COUNT; m++) {
        s->lacks[m] = s->lacks[m] || comparison->lacks[m];
        s->before[m] = s->before[m] || comparison->before[m];
    }
}

static gs_status on_take(void *context, const gs_parcel *parcel, gs_error *error)
{
    state *s = context;
    gs_row row;
    gs_status status = gs_parcel_row(parcel, &row, error);
    if (status != GS_OK) return status;
    audited_run *run = &s->runs[row.run];
    status = gs_audit_compare(s->audit, run->row, parcel, &run->comparison, error);
    if (status != GS_OK) return status;
    s->without_samples += !run->comparison.has_samples;
    s->without_checkpoint += !run->comparison.has_checkpoint;
    note_metrics(s, &run->comparison);
    if (run->comparison.first.dataset[0] != '\0' && run->other_kernels)
        run->p = gs_audit_homogeneity(s->audit, run->row, &row);
    if (run->comparison.first.dataset[0] == '\0') judge(s, run, EQUAL);
    else judge(s, run, run->other_kernels && run->p >= level ? CONSISTENT : DIFFERENT);
    return GS_OK;
}

/* A run that was stopped early stops where its reason says. */
static gs_decision on_rung(void *context, int64_t run, int64_t rung)
{
    state *s = context;
    char reason[GS_REASON + 1];
    gs_decision decision;
    int64_t step;
    gs_audit_reason(s->audit, s->runs[run].row, reason);
    bool stopped = gs_stopping_reason_read(reason, &step, &decision) &&
                   step == rung * gs_settings_integer(&s->runs[run].job.settings, GS_SETTING_EVERY);
    return stopped ? decision : (gs_decision){.go_on = true};
}

static gs_agenda agenda_of(state *s)
{
    gs_agenda agenda = gs_agenda_without_store(s, s->count, job_of);
    agenda.status = status_of;
    agenda.take = on_take;
    agenda.decide = on_rung;
    return agenda;
}

static void on_finished(void *context, const gs_row *row)
{
    (void)context, (void)row;
}

static void on_tick(void *context, const gs_farm_view *view)
{
    gs_progress_tick(((state *)context)->progress, view);
}

static void on_note(void *context, const char *sentence)
{
    gs_progress_say(((state *)context)->progress, "gensweep: %s", sentence);
}

/* ---- the verdict ------------------------------------------------------------------------------------------------- */

/* "run 3 (LABEL): /samples/image[3, 0, 1, 2, 0] is 12 in the file, 13 retrained" */
static void describe(const audited_run *run, char *text, size_t size)
{
    const gs_difference *first = &run->comparison.first;
    snprintf(text, size, "run %" PRIu64 " (%s): %s%s%s%s%s%s%s", run->row, run->label, first->dataset, first->index,
             first->retrained[0] != '\0' ? " is " : ": ", first->stored,
             first->retrained[0] != '\0' ? " in the file, " : "", first->retrained,
             first->retrained[0] != '\0' ? " retrained" : "");
}

static void record(state *s, int ranks, const char *hosts)
{
    static gs_audit_record made;
    gs_error error;
    bool *audited = calloc(s->rows + 1, sizeof *audited);
    gs_utc_write(made.time);
    snprintf(made.host, sizeof made.host, "%.63s", hosts);
    snprintf(made.version, sizeof made.version, "%s", gs_program);
    snprintf(made.blas_kernel, sizeof made.blas_kernel, "%s", gs_blas_kernel());
    snprintf(made.vector_kernel, sizeof made.vector_kernel, "%s", gs_vector->name);
    made.ranks = ranks;
    for (int64_t i = 0; i < s->count && audited != NULL; i++) audited[s->runs[i].row] = true;
    if (audited != NULL) gs_rows_write(audited, s->rows, made.runs, sizeof made.runs);
    free(audited);
    made.audited = s->count;
    made.equal = s->verdicts[EQUAL];
    made.consistent = s->verdicts[CONSISTENT];
    made.different = s->verdicts[DIFFERENT];
    for (int64_t i = s->count - 1; i >= 0; i--)
        if (s->runs[i].verdict == DIFFERENT) describe(&s->runs[i], made.first_difference, sizeof made.first_difference);
    s->stored = gs_audits_append(s->options->file, &made, &error) == GS_OK;
    if (!s->stored) snprintf(s->note, sizeof s->note, "%s", error.text);
}

static int64_t known(const state *s)
{
    return s->verdicts[EQUAL] + s->verdicts[CONSISTENT] + s->verdicts[DIFFERENT];
}

/* Metrics of earlier versions are no difference: their counts are equal. */
static void print_earlier(const state *s)
{
    const char *between = " ";
    printf("  %" PRId64 " run%s", s->with_earlier, s->with_earlier == 1 ? " has" : "s have");
    for (int m = 0; m < GS_METRIC_COUNT; m++) {
        if (s->before[m]) printf("%s%s", between, gs_metrics_table[m].name);
        if (s->before[m]) between = ", ";
    }
    printf(" as an earlier version worked %s out (docs/metrics.md)\n", count_metrics(s->before) == 1 ? "it" : "them");
}

static void print_text(const state *s)
{
    char text[1536];
    for (int64_t i = 0; i < s->count; i++) {
        const audited_run *run = &s->runs[i];
        if (run->verdict != DIFFERENT && run->verdict != CONSISTENT) continue;
        describe(run, text, sizeof text);
        printf("%s\n", text);
        if (!isnan(run->p))
            printf("  kernels '%s' in the file, '%s' here; homogeneity of the 31 counts: chi-square p = %.3g, %s at "
                   "level %g\n",
                   run->kernel, gs_blas_kernel(), run->p, run->verdict == CONSISTENT ? "consistent" : "not consistent",
                   level);
    }
    int64_t audited = known(s);
    printf("%s: audited %" PRId64 " of %" PRIu64 " finished run%s: ", s->options->file, audited, s->finished,
           gs_plural((int64_t)s->finished));
    if (audited == 0) printf("nothing is known of them yet\n");
    else if (audited == s->verdicts[EQUAL]) printf("every stored bit is equal\n");
    else
        printf("%" PRId64 " equal, %" PRId64 " consistent, %" PRId64 " different\n", s->verdicts[EQUAL],
               s->verdicts[CONSISTENT], s->verdicts[DIFFERENT]);
    if (s->verdicts[CONSISTENT] > 0)
        printf("  consistent is weaker than equal: the counts agree as two samples of one distribution do, the bits do "
               "not\n");
    if (s->without_samples > 0)
        printf("  the samples of %" PRId64 " run%s are not stored; their digests were compared\n", s->without_samples,
               gs_plural(s->without_samples));
    if (s->without_checkpoint > 0)
        printf("  the weights of %" PRId64 " run%s are not stored; their digests were compared\n",
               s->without_checkpoint, gs_plural(s->without_checkpoint));
    int64_t lacking = count_metrics(s->lacks);
    if (lacking > 0)
        printf("  %" PRId64 " metric%s of %" PRId64
               " run%s could not be compared: the run%s ended before the file had %s\n",
               lacking, gs_plural(lacking), s->without_metrics, gs_plural(s->without_metrics),
               gs_plural(s->without_metrics), lacking == 1 ? "it" : "them");
    if (s->with_earlier > 0) print_earlier(s);
    if (audited < s->count)
        printf("drained: %" PRId64 " run%s not audited\n", s->count - audited,
               s->count - audited == 1 ? " was" : "s were");
}

static void print_run(const audited_run *run)
{
    const gs_difference *first = &run->comparison.first;
    printf("{\"run\": %" PRIu64 ", \"label\": ", run->row);
    gs_json_string(run->label);
    printf(", \"verdict\": \"%s\", \"blas_kernel\": ", verdict_names[run->verdict]);
    gs_json_string(run->kernel);
    if (isnan(run->p)) printf(", \"p\": null");
    else printf(", \"p\": %.6g", run->p);
    printf(", \"samples_stored\": %s, \"checkpoint_stored\": %s, \"metrics_not_compared\": %" PRId64
           ", \"metrics_as_before\": %" PRId64 ", \"difference\": ",
           run->comparison.has_samples ? "true" : "false", run->comparison.has_checkpoint ? "true" : "false",
           count_metrics(run->comparison.lacks), count_metrics(run->comparison.before));
    if (first->dataset[0] == '\0') printf("null");
    const char *const names[] = {"{\"dataset\": ", ", \"index\": ", ", \"stored\": ", ", \"retrained\": "};
    const char *const texts[] = {first->dataset, first->index, first->stored, first->retrained};
    for (int i = 0; i < 4 && first->dataset[0] != '\0'; i++) {
        printf("%s", names[i]);
        gs_json_string(texts[i]);
    }
    printf("%s}", first->dataset[0] != '\0' ? "}" : "");
}

static bool is_audited(const state *s, uint64_t row)
{
    for (int64_t i = 0; i < s->count; i++)
        if (s->runs[i].row == row) return true;
    return false;
}

static void print_json(const state *s)
{
    printf("{\"file\": ");
    gs_json_string(s->options->file);
    printf(", \"finished\": %" PRIu64 ", \"audited\": %" PRId64 ", \"equal\": %" PRId64 ", \"consistent\": %" PRId64
           ", \"different\": %" PRId64,
           s->finished, known(s), s->verdicts[EQUAL], s->verdicts[CONSISTENT], s->verdicts[DIFFERENT]);
    printf(", \"blas_kernel\": ");
    gs_json_string(gs_blas_kernel());
    printf(", \"level\": %g, \"stored\": %s, \"note\": ", level, s->stored ? "true" : "false");
    gs_json_string(s->note);
    printf(", \"runs\": [");
    for (int64_t i = 0; i < s->count; i++) {
        printf("%s", i > 0 ? ", " : "");
        print_run(&s->runs[i]);
    }
    printf("], \"skipped\": [");
    const char *separator = "";
    for (uint64_t row = 0; row < s->rows; row++) {
        if (!s->chosen[row] || is_audited(s, row)) continue;
        printf("%s%" PRIu64, separator, row);
        separator = ", ";
    }
    printf("]}\n");
}

/* Returns the exit code. */
static int conclude(state *s, const gs_farm_end *end, int ranks, const char *hosts)
{
    bool drained = end->counts.waiting > 0;
    gs_audit_close(&s->audit); /* HDF5 does not open a file twice for different purposes */
    gs_progress_destroy(&s->progress);
    if (!drained && !s->options->read_only) record(s, ranks, hosts);
    if (s->options->json) print_json(s);
    else print_text(s);
    fflush(stdout);
    if (s->note[0] != '\0') fprintf(stderr, "gensweep: the verdict is not stored in the file: %s\n", s->note);
    if (s->verdicts[DIFFERENT] > 0) return GS_EXIT_DIFFERENCE;
    return drained ? GS_EXIT_DRAINED : EXIT_SUCCESS;
}

/* ---- all of it --------------------------------------------------------------------------------------------------- */

int gs_audit_manage(const gs_world *world, const gs_options *options, const char *hosts)
{
    static state s;
    gs_error error = {{0}};
    s.options = options;
    gs_status status = prepare(&s, &error);
    if (status != GS_OK) gs_exit_tell(&error);
    int code = gs_exit_of(status);
    gs_world_broadcast(world, &code, sizeof code);
    if (code != EXIT_SUCCESS) {
        release(&s);
        return code;
    }
    gs_world_broadcast(world, &s.common, sizeof s.common);
    tell_begin(&s, world->size);
    gs_agenda agenda = agenda_of(&s);
    gs_observer observer = {.finished = on_finished, .tick = on_tick, .note = on_note, .context = &s};
    gs_farm_end end = {.efforts = NULL};
    status = gs_farm_manage(world, &s.common, &agenda, &observer, &end, &error);
    if (status != GS_OK) { /* the workers wait for an answer that cannot come */
        gs_progress_say(s.progress, "gensweep: %s", error.text);
        gs_world_abort(world, gs_exit_of(status));
    }
    free(end.efforts);
    code = conclude(&s, &end, world->size, hosts);
    gs_farm_dismiss(world, &end, code);
    release(&s);
    return code;
}
