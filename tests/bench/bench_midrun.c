/* What keeping a run in progress costs: bytes and milliseconds of one mid-run checkpoint of each model at its default
 * sizes, in training and at the end of a long sampling, written into the folder that is given. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ground/clock.h"
#include "nn/matrix.h"
#include "store/midrun.h"
#include "train/trainer.h"

enum { REPEATS = 9 };

static const struct {
    const char *name;
    gs_model_id model;
    int network;   /* of an autoregressive model */
    int timesteps; /* of a diffusion model: few, so that the end of the sampling is soon reached */
    bool sampling; /* up to the last but one part of the sampling */
} kinds[] = {
    {"oracle", GS_MODEL_ORACLE, 0, 0, false},
    {"vae", GS_MODEL_VAE, 0, 0, false},
    {"gan", GS_MODEL_GAN, 0, 0, false},
    {"autoregressive, flat", GS_MODEL_AUTOREGRESSIVE, GS_NETWORK_FLAT, 0, false},
    {"autoregressive, flat, all samples but one batch", GS_MODEL_AUTOREGRESSIVE, GS_NETWORK_FLAT, 0, true},
    {"autoregressive, lstm", GS_MODEL_AUTOREGRESSIVE, GS_NETWORK_LSTM, 0, false},
    {"diffusion", GS_MODEL_DIFFUSION, 0, 300, false},
    {"diffusion, all samples but one batch", GS_MODEL_DIFFUSION, 0, 2, true},
};

static int by_value(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

static int fail(const gs_error *error)
{
    fprintf(stderr, "%s\n", error->text);
    return 1;
}

/* The first model that is not in the list, NULL if all are. */
static const char *first_missing(void)
{
    for (int model = 0; model < GS_MODEL_COUNT; model++) {
        size_t k = 0;
        while (k < sizeof kinds / sizeof kinds[0] && (int)kinds[k].model != model) k++;
        if (k == sizeof kinds / sizeof kinds[0]) return gs_model_names[model];
    }
    return NULL;
}

/* FOLDER */
int main(int argc, char **argv)
{
    gs_blas_one_thread();
    gs_digits digits;
    gs_error error;
    gs_digits_draw(&digits);
    if (argc != 2) return 2;
    const char *missing = first_missing();
    if (missing != NULL) fprintf(stderr, "not measured, since it is not in the list: %s\n", missing);
    for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++) {
        gs_job job = {.run = 0};
        gs_trainer *trainer = NULL;
        gs_settings_defaults(&job.settings, kinds[k].model);
        gs_value *values = job.settings.values;
        if (kinds[k].model == GS_MODEL_AUTOREGRESSIVE) values[GS_SETTING_NETWORK].integer = kinds[k].network;
        if (kinds[k].timesteps > 0) values[GS_SETTING_TIMESTEPS].integer = kinds[k].timesteps;
        values[GS_SETTING_STEPS].integer = kinds[k].sampling ? 1 : 3;
        if (gs_trainer_create(&trainer, &job, &digits, 0, &error) != GS_OK) return fail(&error);
        gs_spans state = {.count = 0};
        size_t size, largest = 0,
                     almost = (size_t)gs_settings_integer(&job.settings, GS_SETTING_SAMPLES) - GS_SAMPLE_BATCH;
        do {
            if (!gs_trainer_advance(trainer)) break;
            state.count = 0;
            gs_trainer_state(trainer, &state);
            for (int i = 0; i < state.count; i++)
                if (state.spans[i].size > largest) largest = state.spans[i].size;
        } while (kinds[k].sampling && largest < almost * GS_IMAGE);
        size = gs_spans_size(&state);
        double times[REPEATS];
        gs_midrun midrun = {.folder = argv[1], .id = "00000000000000000000000000000000", .maker = "bench"};
        for (int r = 0; r < REPEATS; r++) {
            double start = gs_clock();
            if (gs_midrun_write(&midrun, 0, &state, &error) != GS_OK) return fail(&error);
            times[r] = 1e3 * (gs_clock() - start);
        }
        qsort(times, REPEATS, sizeof times[0], by_value);
        printf("%-50s %6.1f MB %7.1f ms (most %.1f)\n", kinds[k].name, (double)size / 1e6, times[REPEATS / 2],
               times[REPEATS - 1]);
        gs_trainer_destroy(&trainer);
    }
    gs_midrun_remove_all(argv[1]);
    return 0;
}
