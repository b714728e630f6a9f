/* What programs that test the results file share: a small sweep of four runs, and what its runs leave. */
#ifndef GS_TESTS_SMALL_SWEEP_H
#define GS_TESTS_SMALL_SWEEP_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nn/matrix.h"
#include "store/store.h"
#include "train/trainer.h"

static const char small_text[] = "name: small\nseeds: 0-1\nparameters: {model: gan, minibatch_discrimination: [off, "
                                 "on], steps: 2, batch_size: 8, generator_steps: 1, "
                                 "generator_hidden_1: 8, generator_hidden_2: 8, discriminator_hidden_1: 8, "
                                 "discriminator_hidden_2: 8, discriminator_hidden_3: 4}\n"
                                 "evaluation: {samples: 100, every: 1}\nstorage: {sync: 1h}\n";

static const gs_fact small_facts[] = {{.name = "started", .text = "2026-01-01T00:00:00Z"},
                                      {.name = "hosts", .text = "here"},
                                      {.name = "job", .text = ""},
                                      {.name = "blas_kernel", .text = "some"},
                                      {.name = "ranks", .number = 1}};

/* The sweep, its plan and, once it is opened, its file. */
typedef struct {
    gs_digits digits;
    gs_sweep *sweep;
    gs_plan *plan;
    gs_store *store;
    gs_store_contents contents;
} small_sweep;

static inline gs_status small_read(small_sweep *small, gs_error *error)
{
    gs_status status = gs_sweep_read_text(&small->sweep, "small.yaml", small_text, strlen(small_text), NULL, 0, error);
    if (status == GS_OK) status = gs_plan_create(&small->plan, small->sweep, error);
    small->contents = (gs_store_contents){.sweep = small->sweep,
                                          .plan = small->plan,
                                          .digits = &small->digits,
                                          .version = "0",
                                          .overrides = "",
                                          .facts = small_facts,
                                          .fact_count = sizeof small_facts / sizeof small_facts[0],
                                          .max_attempts = 3};
    return status;
}

static inline void small_forget(small_sweep *small)
{
    gs_plan_destroy(&small->plan);
    gs_sweep_destroy(&small->sweep);
}

/* Trains a run of the plan. */
static inline gs_status small_train(const small_sweep *small, int64_t run, gs_parcel *parcel, gs_error *error)
{
    gs_trainer *trainer = NULL;
    gs_job job = gs_plan_job(small->plan, (size_t)run);
    gs_storage storage = small->sweep->storage;
    storage.width = storage.chunk = gs_settings_integer(&job.settings, GS_SETTING_SAMPLES);
    gs_blas_one_thread();
    gs_status status = gs_trainer_create(&trainer, &job, &small->digits, 0, error);
    while (status == GS_OK && gs_trainer_advance(trainer)) continue;
    if (status == GS_OK) status = gs_parcel_pack(parcel, &job, gs_trainer_result(trainer), storage, 0, 1, error);
    gs_trainer_destroy(&trainer);
    return status;
}

/* Leaves a file with runs 0 and 1 done, run 2 failed and run 3 in flight. */
static inline gs_status small_make(small_sweep *small, const char *path, gs_error *error)
{
    gs_status status = gs_store_create(&small->store, path, &small->contents, error);
    for (int64_t run = 0; run < 4 && status == GS_OK; run++) {
        gs_parcel parcel = {0};
        gs_job job = gs_plan_job(small->plan, (size_t)run);
        status = gs_store_start(small->store, run, 0, error);
        if (status == GS_OK && run < 2) status = small_train(small, run, &parcel, error);
        if (status == GS_OK && run == 2)
            status = gs_parcel_pack_failure(&parcel, &job, &small->digits, "for a test", 0, error);
        if (status == GS_OK && run < 3) status = gs_store_commit(small->store, &parcel, error);
        gs_parcel_free(&parcel);
    }
    gs_status closed = gs_store_close(&small->store, error);
    return status == GS_OK ? closed : status;
}

#endif
