/* A generative model, and the table of functions that each kind fills in.
 *
 * A kind of model is one file with a gs_model_type, and one row in settings/models.h. It registers its tensors, takes
 * its scratch from the arena, and then trains and samples without allocating. It draws all randomness from (seed,
 * stream, step), so that its whole state is gs_model_state and the number of steps taken. */
#ifndef GS_MODELS_MODEL_H
#define GS_MODELS_MODEL_H

#include "data/batches.h"
#include "ground/arena.h"
#include "ground/spans.h"
#include "nn/adam.h"
#include "nn/average.h"
#include "nn/tensors.h"
#include "settings/settings.h"

enum {
    GS_CURVES_MAX = 4,
    GS_SAMPLE_BATCH = 640 /* images made at once: fixed, since BLAS results depend on the size of the batch */
};

typedef struct gs_model gs_model;

/* How alike a model's images become: the share of their bytes that is left of them when they are deflated, as at the
 * start until about step `begin`, then in proportion to the logarithm of the steps down to `share` at about step `end`.
 * Measured along training with the article's settings (make bill-check compares); zeros: not measured. */
typedef struct {
    double share, begin, end;
} gs_redundancy;

typedef struct {
    gs_model_id id;
    const char *curves[GS_CURVES_MAX + 1]; /* names of what `train` measures, ended by NULL */
    int losses;  /* the first so many curves are losses: a run in which one stops being finite has failed */
    size_t size; /* of the struct that begins with a gs_model */

    /* Registers the tensors in model->tensors and takes scratch from `arena`. Memory may be short, which is found out
     * afterwards: what is taken here must not be used here without a look at whether it is NULL. Names of tensors are
     * those of checkpoints, and seed their initial values: they stay as they are.
     *
     * What one gs_adam updates is one range of the flat buffer. Tensors that it must not touch (state that no gradient
     * trains, as in nn/spectral.h) are registered behind all that it does, which end at first + count; what
     * model->average names must be the range of one gs_adam. */
    void (*prepare)(gs_model *model, const gs_settings *settings, gs_arena *arena);

    /* Training step number `step` (counted from 0); curves[i] gets the value for curves[i] above. gs_model_train calls
     * it. */
    void (*train)(gs_model *model, int64_t step, double curves[GS_CURVES_MAX]);

    /* Samples are made with model->weights, never with model->parameters, which training alone reads: weights may be
     * averages of them, or those of a checkpoint without any training before. For the same reason nothing may be needed
     * here that `train` left behind in scratch.
     *
     * Sampling is cut into parts, so that a run can be left between two of them. Parts are done in order from 0.
     * `sample` returns how many images, the next ones in order, it left in `images` (GS_SAMPLE_BATCH x GS_IMAGE);
     * together they are `samples`. Values are meant for [0,1]; the caller clips. sampling_parts NULL: a part makes
     * GS_SAMPLE_BATCH images. */
    int64_t (*sampling_parts)(const gs_model *model, int64_t samples);
    int (*sample)(gs_model *model, int64_t samples, int64_t part, gs_matrix images);

    /* Adds to `spans` what `sample` carries from one part to the next. NULL: it carries nothing, and sampling is so
     * short that it is begun anew rather than saved. */
    void (*sampling_state)(gs_model *model, gs_spans *spans);

    gs_redundancy redundancy;

    /* How often an image of a batch passes through the weights in a training step; NULL: once. */
    double (*passes)(const gs_settings *settings);

    /* The probability of each bin for a perfect model of this kind; NULL: that of the data's law. */
    void (*expected)(const gs_settings *settings, const gs_digits *digits, double expected[GS_BINS]);
} gs_model_type;

struct gs_model {
    const gs_model_type *type;
    gs_tensor_table tensors;
    size_t pack_weights; /* of a layer that reads several images at once: those that only the others pass through */
    gs_real *parameters, *gradients, *moment1, *moment2; /* each tensors.size numbers */
    gs_average average;
    gs_real *weights; /* for samples: averages of the parameters, or (decay 0) the parameters themselves */
    gs_painter painter;
    gs_law law;
    uint64_t seed;
};

/* NULL for a kind that this version does not have. */
const gs_model_type *gs_model_type_of(gs_model_id id);

/* The law of the data that these settings describe. */
gs_law gs_law_of(const gs_settings *settings);

/* What a perfect model would make of the data: the expected table of these settings. */
void gs_model_expected(const gs_settings *settings, const gs_digits *digits, double expected[GS_BINS]);

/* For the models' own use: Adam with the settings' betas and epsilon, over the parameters from `first` to `end`. */
gs_adam gs_model_adam(const gs_settings *settings, gs_setting_id learning_rate, size_t first, size_t end);

/* Parts that so many samples are made in. */
int64_t gs_model_parts(const gs_model *model, int64_t samples);

/* For the models' own use: rows of scratch that batches of training and of samples both pass through. */
static inline int gs_scratch_rows(int batch)
{
    return batch > GS_SAMPLE_BATCH ? batch : GS_SAMPLE_BATCH;
}

/* For the models' own use: rows of batch `part` of GS_SAMPLE_BATCH images when `samples` are wanted, and the number of
 * such batches. */
int gs_sample_rows(int64_t samples, int64_t part);
int64_t gs_sample_batches(int64_t samples);

/* For the models' own use: samples are made with averages of the parameters from `first` to `end`, if
 * `decay` says so. */
gs_average gs_model_average(const gs_settings *settings, gs_setting_id decay, size_t first, size_t end);

/* For the models' own use: Adam's update `number` (counted from 1) by the model's gradients. The second form is for the
 * last update that training step `step` makes of the range that gs_model_average names: the averages follow in the same
 * pass. */
void gs_model_update(gs_model *model, const gs_adam *adam, int64_t number);
void gs_model_update_last(gs_model *model, const gs_adam *adam, int64_t number, int64_t step);

/* Training step number `step` (counted from 0), and what it does to the averaged weights. */
void gs_model_train(gs_model *model, int64_t step, double curves[GS_CURVES_MAX]);

/* Adds to `spans` all memory that the model's next steps depend on; with `sampling`, also what its next part of
 * sampling does. Sizes depend on the settings alone. */
void gs_model_state(gs_model *model, bool sampling, gs_spans *spans);

/* The table of tensors of these settings, without the memory that the model would take. GS_ERROR_MEMORY;
 * GS_ERROR_INTERNAL, here and below, for a model that cannot be built (gs_tensor_table.fault). */
GS_MUST_CHECK gs_status gs_model_tensors(const gs_settings *settings, const gs_digits *digits, gs_tensor_table *tensors,
                                         gs_error *error);

/* A rough count of the multiplications of a training step, and of making the run's samples once: tells how runs of a
 * model compare. */
typedef struct {
    double step, sampling;
} gs_work;
gs_work gs_model_work_of(const gs_model *model, const gs_settings *settings);

/* The same, without the memory that the model would take. GS_ERROR_MEMORY. */
GS_MUST_CHECK gs_status gs_model_work(const gs_settings *settings, const gs_digits *digits, gs_work *work,
                                      gs_error *error);

/* Builds the model with the initial weights of `seed`; everything is owned by the arena. GS_ERROR_MEMORY. */
GS_MUST_CHECK gs_status gs_model_create(gs_model **model, const gs_settings *settings, const gs_digits *digits,
                                        uint64_t seed, gs_arena *arena, gs_error *error);

#endif
