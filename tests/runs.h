/* What unit tests of runs share: the built-in digits, a trainer for a job, and its state as one block. */
#ifndef GS_TESTS_RUNS_H
#define GS_TESTS_RUNS_H

#include <stdlib.h>
#include <string.h>

#include "nn/matrix.h"
#include "train/trainer.h"

static gs_digits digits;

/* Group setup. */
static inline int draw_digits(void **state)
{
    (void)state;
    gs_blas_one_thread();
    gs_digits_draw(&digits);
    return 0;
}

/* To be destroyed. */
static inline gs_trainer *create_trainer(const gs_job *job, const gs_digits *data)
{
    gs_trainer *trainer = NULL;
    gs_error error;
    if (gs_trainer_create(&trainer, job, data, 0, &error) != GS_OK) fail_msg("%s", error.text);
    return trainer;
}

/* To be freed. */
static inline unsigned char *state_of(gs_trainer *trainer, size_t *size)
{
    gs_spans spans = {.count = 0};
    gs_trainer_state(trainer, &spans);
    *size = gs_spans_size(&spans);
    unsigned char *bytes = malloc(*size), *at = bytes;
    for (int i = 0; i < spans.count; i++, at += spans.spans[i - 1].size)
        memcpy(at, spans.spans[i].bytes, spans.spans[i].size);
    return bytes;
}

#endif
