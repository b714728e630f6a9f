#include "train/trainer.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef enum { TRAINING, SAMPLING, ASKING, ENDED } phase;

/* Where a run stands, beside the steps, points and curves in its result. */
typedef struct {
    phase phase;
    int64_t part, sampled; /* of the sampling in progress */
    gs_coverage coverage;  /* of the samples so far */
    double curve_sums[GS_CURVES_MAX];
    char stopped[GS_REASON]; /* why the run ends early; empty: it does not */
} position;

struct gs_trainer {
    gs_job job;
    const gs_digits *digits;
    gs_arena *arena;
    gs_model *model;
    gs_result result;
    position at;

    bool resamples;       /* nothing is trained */
    int64_t steps, every; /* training steps of the run; coverage along training every so many (0: none) */

    gs_matrix batch; /* GS_SAMPLE_BATCH x GS_IMAGE */
    uint8_t *images, *bins;
    uint16_t *errors;
    double *shades; /* scratch, one a sample */
};

int gs_curve_points(int64_t steps)
{
    return steps < GS_CURVE_POINTS ? (int)steps : GS_CURVE_POINTS;
}

int64_t gs_curve_step(int64_t steps, int point)
{
    return (point + 1) * steps / gs_curve_points(steps);
}

int64_t gs_coverage_points(const gs_settings *settings)
{
    int64_t every = gs_settings_integer(settings, GS_SETTING_EVERY);
    return every == 0 ? 0 : gs_settings_integer(settings, GS_SETTING_STEPS) / every;
}

double gs_work_of_run(gs_work work, const gs_settings *settings)
{
    double samplings = 1 + (double)gs_coverage_points(settings);
    return work.step * (double)gs_settings_integer(settings, GS_SETTING_STEPS) + work.sampling * samplings;
}

/* What says how much of the rest is in use; its own size is fixed. */
static void list_head(gs_trainer *trainer, gs_spans *spans)
{
    gs_result *result = &trainer->result;
    gs_spans_add(spans, &trainer->at, sizeof trainer->at);
    gs_spans_add(spans, &result->steps_done, sizeof result->steps_done);
    gs_spans_add(spans, &result->points, sizeof result->points);
    gs_spans_add(spans, &result->curves, sizeof result->curves);
}

/* The whole state; `sampling`: with that of samples that are being made. */
static void list_all(gs_trainer *trainer, bool sampling, gs_spans *spans)
{
    gs_result *result = &trainer->result;
    size_t sampled = sampling ? (size_t)trainer->at.sampled : 0;
    list_head(trainer, spans);
    gs_spans_add(spans, result->along, (size_t)result->points * sizeof *result->along);
    gs_spans_add(spans, trainer->images, sampled * GS_IMAGE);
    gs_spans_add(spans, trainer->bins, sampled * sizeof *trainer->bins);
    gs_spans_add(spans, trainer->errors, sampled * sizeof *trainer->errors);
    gs_model_state(trainer->model, sampling, spans);
}

/* Whether there is room for the longest list that the run can have: told before it begins. */
static gs_status check_state(gs_trainer *trainer, gs_error *error)
{
    gs_spans longest = {.count = 0};
    list_all(trainer, true, &longest);
    if (!longest.overfull) return GS_OK;
    return gs_fail(error, GS_ERROR_INTERNAL, "the model %s cannot be kept: its state has more parts than GS_SPANS_MAX",
                   gs_model_names[trainer->model->type->id]);
}

static gs_status take_memory(gs_trainer *trainer, gs_error *error)
{
    gs_arena *arena = trainer->arena;
    size_t samples = (size_t)gs_settings_integer(&trainer->job.settings, GS_SETTING_SAMPLES);
    trainer->batch = gs_matrix_take(arena, GS_SAMPLE_BATCH, GS_IMAGE);
    trainer->images = gs_arena_take(arena, samples, GS_IMAGE);
    trainer->bins = gs_arena_take(arena, samples, sizeof *trainer->bins);
    trainer->errors = gs_arena_take(arena, samples, sizeof *trainer->errors);
    trainer->shades = gs_arena_take_scratch(arena, samples, sizeof *trainer->shades);
    trainer->result.along =
        gs_arena_take(arena, (size_t)gs_coverage_points(&trainer->job.settings), sizeof(gs_coverage_point));
    gs_status status = gs_arena_check(arena, error);
    if (status == GS_OK)
        status =
            gs_model_create(&trainer->model, &trainer->job.settings, trainer->digits, trainer->job.seed, arena, error);
    if (status == GS_OK) gs_arena_seal(arena);
    return status == GS_OK ? check_state(trainer, error) : status;
}

gs_status gs_trainer_create(gs_trainer **trainer, const gs_job *job, const gs_digits *digits, size_t memory_limit,
                            gs_error *error)
{
    gs_trainer *made = calloc(1, sizeof *made);
    if (made == NULL) return gs_fail(error, GS_ERROR_MEMORY, "out of memory (%zu bytes)", sizeof *made);
    made->job = *job;
    made->digits = digits;
    made->steps = gs_settings_integer(&job->settings, GS_SETTING_STEPS);
    made->every = gs_settings_integer(&job->settings, GS_SETTING_EVERY);
    gs_model_expected(&job->settings, digits, made->result.expected);
    gs_status status = gs_arena_create(&made->arena, memory_limit, error);
    if (status == GS_OK) status = take_memory(made, error);
    if (status != GS_OK) {
        gs_trainer_destroy(&made);
        return status;
    }
    *trainer = made;
    return GS_OK;
}

static void end_failed(gs_trainer *trainer, const char *what)
{
    gs_result *result = &trainer->result;
    result->outcome = GS_OUTCOME_FAILED;
    result->metrics = gs_metrics_of_failure();
    snprintf(result->reason, sizeof result->reason, "%.150s after step %" PRId64 " of %" PRId64, what,
             result->steps_done, trainer->steps);
    trainer->at.phase = ENDED;
}

static void begin_sampling(gs_trainer *trainer)
{
    trainer->at.phase = SAMPLING;
    trainer->at.part = trainer->at.sampled = 0;
    memset(&trainer->at.coverage, 0, sizeof trainer->at.coverage);
}

/* Whether samples are for the result, not for a point along training. */
static bool is_final(const gs_trainer *trainer)
{
    if (trainer->resamples || trainer->at.stopped[0] != '\0') return true;
    return trainer->result.steps_done == trainer->steps &&
           trainer->result.points == gs_coverage_points(&trainer->job.settings);
}

/* Adds a step's values to the curve point in progress and closes the point at the end of its interval. */
static void record_curves(gs_trainer *trainer, const double values[GS_CURVES_MAX])
{
    gs_curves *curves = &trainer->result.curves;
    int64_t begin = curves->points == 0 ? 0 : gs_curve_step(trainer->steps, curves->points - 1);
    int64_t end = gs_curve_step(trainer->steps, curves->points);
    for (int c = 0; c < GS_CURVES_MAX; c++) trainer->at.curve_sums[c] += values[c];
    if (trainer->result.steps_done < end) return;
    curves->step[curves->points] = end;
    for (int c = 0; c < GS_CURVES_MAX; c++) {
        curves->values[c][curves->points] = (float)(trainer->at.curve_sums[c] / (double)(end - begin));
        trainer->at.curve_sums[c] = 0;
    }
    curves->points++;
}

/* Otherwise the run has failed. */
static bool weights_are_finite(gs_trainer *trainer)
{
    bool finite = gs_tensors_finite(&trainer->model->tensors, trainer->model->weights);
    if (!finite) end_failed(trainer, "a weight is not finite");
    return finite;
}

static void advance_training(gs_trainer *trainer)
{
    gs_result *result = &trainer->result;
    double values[GS_CURVES_MAX] = {0};
    gs_model_train(trainer->model, result->steps_done, values);
    result->steps_done++;
    record_curves(trainer, values);
    for (int c = 0; c < trainer->model->type->losses; c++)
        if (!isfinite(values[c])) {
            char what[GS_REASON];
            snprintf(what, sizeof what, "%s is not finite (%g)", trainer->model->type->curves[c], values[c]);
            end_failed(trainer, what);
            return;
        }
    bool last = result->steps_done == trainer->steps;
    if (last && !weights_are_finite(trainer)) return;
    if (last || (trainer->every > 0 && result->steps_done % trainer->every == 0)) begin_sampling(trainer);
}

static void classify_batch(gs_trainer *trainer, int rows)
{
    position *at = &trainer->at;
    const gs_settings *settings = &trainer->job.settings;
    int reject_error = (int)gs_settings_integer(settings, GS_SETTING_REJECT_ERROR);
    int quality_error = (int)gs_settings_integer(settings, GS_SETTING_QUALITY_ERROR);
    for (int i = 0; i < rows; i++) {
        uint8_t *bytes = trainer->images + at->sampled * GS_IMAGE;
        gs_image_to_bytes(trainer->batch.values + (size_t)i * GS_IMAGE, bytes);
        gs_class class = gs_classify(trainer->digits, bytes, reject_error);
        trainer->bins[at->sampled] = class.bin;
        trainer->errors[at->sampled] = class.error;
        gs_coverage_add(&at->coverage, class, quality_error);
        at->sampled++;
    }
}

static void end_done(gs_trainer *trainer)
{
    gs_result *result = &trainer->result;
    result->coverage = trainer->at.coverage;
    gs_shade_distances(trainer->images, trainer->bins, trainer->at.sampled, trainer->shades, result->shade_distance);
    result->metrics = gs_metrics_of(&result->coverage, result->expected, result->shade_distance);
    result->samples = trainer->at.sampled;
    result->images = trainer->images;
    result->bins = trainer->bins;
    result->errors = trainer->errors;
    result->model = trainer->model;
    memcpy(result->reason, trainer->at.stopped, sizeof result->reason);
    result->outcome = GS_OUTCOME_DONE;
    trainer->at.phase = ENDED;
}

static void advance_sampling(gs_trainer *trainer)
{
    const gs_model_type *type = trainer->model->type;
    int64_t samples = gs_settings_integer(&trainer->job.settings, GS_SETTING_SAMPLES);
    classify_batch(trainer, type->sample(trainer->model, samples, trainer->at.part++, trainer->batch));
    if (trainer->at.part < gs_trainer_parts(trainer)) return;
    if (is_final(trainer)) {
        end_done(trainer);
        return;
    }
    gs_coverage_point *point = &trainer->result.along[trainer->result.points++];
    point->step = trainer->result.steps_done;
    point->rejected = trainer->at.coverage.rejected;
    memcpy(point->counts, trainer->at.coverage.counts, sizeof point->counts);
    trainer->at.phase = gs_stopping_is_rung(&trainer->job.settings, trainer->result.points) ? ASKING : TRAINING;
    if (trainer->result.steps_done == trainer->steps) begin_sampling(trainer);
}

bool gs_trainer_advance(gs_trainer *trainer)
{
    if (trainer->at.phase == TRAINING) advance_training(trainer);
    else if (trainer->at.phase == SAMPLING) advance_sampling(trainer);
    return trainer->at.phase != ENDED;
}

bool gs_trainer_asks(const gs_trainer *trainer, int64_t *rung, double *value)
{
    const gs_result *result = &trainer->result;
    if (trainer->at.phase != ASKING) return false;
    *rung = result->points;
    *value = gs_stopping_value(&trainer->job.settings, &result->along[result->points - 1], result->expected);
    return true;
}

bool gs_trainer_passed(const gs_trainer *trainer, int64_t *rung, double *value)
{
    const gs_result *result = &trainer->result;
    int64_t end = result->points - (trainer->at.phase == ASKING);
    for (int64_t point = *rung + 1; point <= end; point++) {
        if (!gs_stopping_is_rung(&trainer->job.settings, point)) continue;
        *rung = point;
        *value = gs_stopping_value(&trainer->job.settings, &result->along[point - 1], result->expected);
        return true;
    }
    return false;
}

void gs_trainer_answer(gs_trainer *trainer, const gs_decision *decision)
{
    int64_t rung;
    double value;
    if (!gs_trainer_asks(trainer, &rung, &value)) return;
    trainer->at.phase = TRAINING;
    if (decision->go_on || !weights_are_finite(trainer)) return;
    gs_stopping_reason_write(&trainer->job.settings, trainer->result.steps_done, value, decision, trainer->at.stopped);
    begin_sampling(trainer);
}

void gs_trainer_state(gs_trainer *trainer, gs_spans *spans)
{
    list_all(trainer, trainer->at.phase == SAMPLING && trainer->model->type->sampling_state != NULL, spans);
}

/* Whether a position that was read can be one of this job: everything that is indexed with it must fit. */
static bool is_possible(const gs_trainer *trainer)
{
    const position *at = &trainer->at;
    const gs_result *result = &trainer->result;
    int64_t samples = gs_settings_integer(&trainer->job.settings, GS_SETTING_SAMPLES);
    if (at->phase != TRAINING && at->phase != SAMPLING && at->phase != ASKING) return false;
    if (memchr(at->stopped, '\0', sizeof at->stopped) == NULL) return false;
    if (result->steps_done < 0 || result->steps_done > trainer->steps) return false;
    if (at->phase == TRAINING && result->steps_done == trainer->steps) return false;
    if (result->points < 0 || result->points > gs_coverage_points(&trainer->job.settings)) return false;
    if (result->curves.points < 0 || result->curves.points > gs_curve_points(trainer->steps)) return false;
    bool at_rung = gs_stopping_is_rung(&trainer->job.settings, result->points) &&
                   result->steps_done == result->points * trainer->every;
    if (at->stopped[0] != '\0' && (at->phase != SAMPLING || !at_rung)) return false;
    if (at->phase == ASKING) return at_rung;
    if (at->phase == TRAINING) return true;
    if (at->part < 0 || at->part >= gs_model_parts(trainer->model, samples)) return false;
    return at->sampled >= 0 && at->sampled <= samples;
}

static void copy_in(const gs_spans *spans, const unsigned char *bytes)
{
    for (int i = 0; i < spans->count; i++) {
        memcpy(spans->spans[i].bytes, bytes, spans->spans[i].size);
        bytes += spans->spans[i].size;
    }
}

bool gs_trainer_restore(gs_trainer *trainer, const unsigned char *bytes, size_t size)
{
    gs_trainer fresh = *trainer;
    gs_spans head = {.count = 0}, all = {.count = 0};
    list_head(trainer, &head);
    if (size < gs_spans_size(&head)) return false;
    copy_in(&head, bytes);
    bool fits = is_possible(trainer);
    if (fits) gs_trainer_state(trainer, &all);
    if (!fits || gs_spans_size(&all) != size) {
        *trainer = fresh;
        return false;
    }
    copy_in(&all, bytes);
    if (trainer->at.phase == SAMPLING && trainer->model->type->sampling_state == NULL) begin_sampling(trainer);
    return true;
}

void gs_trainer_resample(gs_trainer *trainer, const gs_real *weights)
{
    memcpy(trainer->model->weights, weights, trainer->model->tensors.size * sizeof *weights);
    trainer->resamples = true;
    begin_sampling(trainer);
}

int64_t gs_trainer_steps_done(const gs_trainer *trainer)
{
    return trainer->result.steps_done;
}

double gs_trainer_share(const gs_trainer *trainer)
{
    const gs_settings *settings = &trainer->job.settings;
    const gs_work work = gs_model_work_of(trainer->model, settings);
    double samplings = (double)trainer->result.points;
    if (trainer->at.phase == ENDED) return 1;
    if (trainer->at.phase == SAMPLING) samplings += (double)trainer->at.part / (double)gs_trainer_parts(trainer);
    double done = work.step * (double)trainer->result.steps_done + work.sampling * samplings;
    return done / gs_work_of_run(work, settings);
}

int64_t gs_trainer_parts(const gs_trainer *trainer)
{
    int64_t samples = gs_settings_integer(&trainer->job.settings, GS_SETTING_SAMPLES);
    return gs_model_parts(trainer->model, samples);
}

const gs_result *gs_trainer_result(const gs_trainer *trainer)
{
    return &trainer->result;
}

void gs_trainer_destroy(gs_trainer **trainer)
{
    if (trainer == NULL || *trainer == NULL) return;
    gs_arena_destroy(&(*trainer)->arena);
    free(*trainer);
    *trainer = NULL;
}
