/* One run, from settings and seed to its result: training, sampling, classifying, measuring.
 *
 * The run advances in short pieces (a training step, a part of the sampling), so that its rank can look after other
 * things in between. No clock, no printing, no MPI, no HDF5: the result is a function of the job alone. */
#ifndef GS_TRAIN_TRAINER_H
#define GS_TRAIN_TRAINER_H

#include "train/stopping.h"

typedef struct gs_trainer gs_trainer;

/* Takes all memory that the run needs. GS_ERROR_MEMORY (which is a failed run, not a failed program); GS_ERROR_INTERNAL
 * for a model that cannot be built. `memory_limit` in bytes, 0 = none. */
GS_MUST_CHECK gs_status gs_trainer_create(gs_trainer **trainer, const gs_job *job, const gs_digits *digits,
                                          size_t memory_limit, gs_error *error);

/* Does the next piece of work; false when the run has ended and gs_trainer_result may be asked. */
bool gs_trainer_advance(gs_trainer *trainer);

/* Whether the run has reached a rung of early stopping (train/stopping.h) and waits for an answer; until then it does
 * not advance. *rung: the number of its point of coverage, from 1; *value: its metric there. */
bool gs_trainer_asks(const gs_trainer *trainer, int64_t *rung, double *value);

/* The first rung behind *rung (0 at first) that the run has had an answer for, and its metric there; false if there is
 * none. For a run that was taken up: whoever answers may not know of it. */
bool gs_trainer_passed(const gs_trainer *trainer, int64_t *rung, double *value);

/* The answer: the run goes on, or it ends here with samples of its present weights, done with fewer steps and with a
 * reason that tells the decision (gs_stopping_reason_write). */
void gs_trainer_answer(gs_trainer *trainer, const gs_decision *decision);

int64_t gs_trainer_steps_done(const gs_trainer *trainer);

/* The share of the run's work that is done, from 0 to 1, as gs_model_work_of counts it: training, samples along it,
 * samples at its end. */
double gs_trainer_share(const gs_trainer *trainer);

/* Pieces that the samples of one evaluation are made in. */
int64_t gs_trainer_parts(const gs_trainer *trainer);

/* All that a run in progress is, to be kept as bytes: the run that is taken up from them goes on bit for bit as this
 * one. Adds to `spans` memory of the trainer that is valid until its next piece of work. Not for a run that has ended.
 * Its layout is numbered by GS_STATE_VERSION, which rises with every change of what the spans are, their order, or the
 * meaning or size of what is in them, in the trainer or in any model (gs_model_type.sampling_state): checkpoints of
 * another number are refused with a note, and their runs start over. A new model or setting alone changes nothing. */
enum { GS_STATE_VERSION = 2 };
void gs_trainer_state(gs_trainer *trainer, gs_spans *spans);

/* Takes up a run in a fresh trainer of the same job: `bytes` are the spans of gs_trainer_state, one behind the other.
 * False, and the trainer is as it was, if they cannot be those of this job. */
GS_MUST_CHECK bool gs_trainer_restore(gs_trainer *trainer, const unsigned char *bytes, size_t size);

/* In a fresh trainer: only makes the final samples of a run, with the weights of its checkpoint (in the layout of the
 * model's tensors). The result then has no curves and no points of coverage along training. */
void gs_trainer_resample(gs_trainer *trainer, const gs_real *weights);

/* Valid after gs_trainer_advance returned false, until the trainer is destroyed. */
const gs_result *gs_trainer_result(const gs_trainer *trainer);

void gs_trainer_destroy(gs_trainer **trainer);

#endif
