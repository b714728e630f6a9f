#include "main/calibrate.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ground/clock.h"
#include "store/parcel.h"
#include "train/trainer.h"

enum {
    TURNS = 64,
    FEW_PARTS = 4,  /* of sampling are too few to measure: then more batches of samples */
    WARM_STEPS = 2, /* before the first step that counts: memory is touched, caches and clock speed are up */
    PATIENCE = 4    /* times the wanted seconds, where the machine is busy or a single step is long */
};

static const double slice = 0.015;  /* seconds that a run works in its turn */
static const double training = 0.6; /* share of the time of a run that is for training */

/* Seconds of a step or a part, one number a turn; of very many turns the latest. */
typedef struct {
    double seconds[TURNS];
    size_t count;
} turns;

/* A short version of a run. */
typedef struct {
    gs_job job;
    gs_trainer *trainer; /* NULL: has ended */
    int64_t parts;       /* of the sampling */
    turns steps, samples;
} probe;

/* Seconds that this process computed: what a rank with a core of its own will take,
    also where the machine is busy now. */
static double computed(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static void add_turn(turns *all, double seconds)
{
    all->seconds[all->count++ % TURNS] = seconds;
}

static int ascending(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

/* The lower quartile: whatever else happens on the machine only slows a turn, and rarely all of them. 0: no turns. */
static double typical(turns *all)
{
    size_t count = all->count < TURNS ? all->count : TURNS;
    if (count == 0) return 0;
    qsort(all->seconds, count, sizeof all->seconds[0], ascending);
    return all->seconds[(count - 1) / 4];
}

static gs_status warm_up(probe *one, const gs_digits *digits, gs_error *error)
{
    one->job.settings.values[GS_SETTING_STEPS].integer = INT32_MAX;
    gs_status status = gs_trainer_create(&one->trainer, &one->job, digits, 0, error);
    if (status != GS_OK) return status;
    bool more = true;
    for (int i = 0; i < WARM_STEPS && more; i++) more = gs_trainer_advance(one->trainer);
    double start = computed();
    if (more) more = gs_trainer_advance(one->trainer);
    if (more) add_turn(&one->steps, computed() - start);
    one->parts = gs_trainer_parts(one->trainer);
    gs_trainer_destroy(&one->trainer);
    return GS_OK;
}

/* At most so many batches of samples, all full, or fewer samples if the run has no full batch. */
static int64_t whole_batches(int64_t samples, int64_t most)
{
    int64_t batches = samples / GS_SAMPLE_BATCH < most ? samples / GS_SAMPLE_BATCH : most;
    return batches > 0 ? batches * GS_SAMPLE_BATCH : samples;
}

/* Chooses so many steps and samples that the probe ends in `seconds`, if the run does not end sooner. */
static gs_status begin(probe *one, const gs_job *job, const gs_digits *digits, double seconds, gs_speed *speed,
                       gs_error *error)
{
    int64_t samples = gs_settings_integer(&job->settings, GS_SETTING_SAMPLES);
    int64_t steps = gs_settings_integer(&job->settings, GS_SETTING_STEPS);
    *one = (probe){.job = *job};
    one->job.settings.values[GS_SETTING_EVERY].integer = 0;
    one->job.settings.values[GS_SETTING_SAMPLES].integer = whole_batches(samples, 1);
    gs_status status = warm_up(one, digits, error);
    if (status != GS_OK) return status;
    if (one->parts < FEW_PARTS)
        one->job.settings.values[GS_SETTING_SAMPLES].integer = whole_batches(samples, FEW_PARTS);
    double fit = training * seconds / fmax(typical(&one->steps), 1e-9);
    speed->steps = fit < (double)steps ? (int64_t)fmax(fit, WARM_STEPS) : steps;
    one->job.settings.values[GS_SETTING_STEPS].integer = speed->steps;
    double start = computed();
    status = gs_trainer_create(&one->trainer, &one->job, digits, 0, error);
    speed->begin = computed() - start;
    one->parts = status == GS_OK ? gs_trainer_parts(one->trainer) : 0;
    return status;
}

static double bytes_of_images(const gs_parcel *parcel)
{
    double bytes = 0;
    size_t cursor = 0;
    for (gs_chunk chunk; gs_parcel_next(parcel, &cursor, &chunk);)
        if (chunk.bulk == GS_BULK_IMAGE) bytes += (double)chunk.size;
    return bytes;
}

/* What is behind the last sample of a chunk is zeros, which take no room. */
static gs_status finish(probe *one, gs_storage storage, gs_speed *speed, gs_error *error)
{
    gs_parcel parcel = {0};
    const gs_result *result = gs_trainer_result(one->trainer);
    double start = computed();
    storage.width = 0;
    gs_status status = gs_parcel_pack(&parcel, &one->job, result, storage, 0, 0, error);
    if (status == GS_OK && result->outcome == GS_OUTCOME_DONE) {
        speed->pack = (computed() - start) / (double)result->samples;
        speed->share = bytes_of_images(&parcel) / (double)(result->samples * GS_IMAGE);
    }
    gs_parcel_free(&parcel);
    gs_trainer_destroy(&one->trainer);
    return status;
}

/* Works for a slice, on steps or on parts of the sampling. */
static gs_status take_turn(probe *one, gs_storage storage, gs_speed *speed, gs_error *error)
{
    double start = computed(), end = start;
    int64_t pieces = 0, steps = gs_trainer_steps_done(one->trainer);
    bool trains = steps < speed->steps, more = true;
    while (more && end - start < slice && trains == (steps < speed->steps)) {
        more = gs_trainer_advance(one->trainer);
        steps = gs_trainer_steps_done(one->trainer);
        end = computed();
        pieces++;
    }
    add_turn(trains ? &one->steps : &one->samples, (end - start) / (double)pieces);
    return more ? GS_OK : finish(one, storage, speed, error);
}

static void conclude(probe *one, gs_speed *speed)
{
    double samples = (double)gs_settings_integer(&one->job.settings, GS_SETTING_SAMPLES);
    speed->step = typical(&one->steps);
    speed->sample = typical(&one->samples) * (double)one->parts / samples;
}

gs_status gs_calibrate(const gs_job *jobs, size_t count, const gs_digits *digits, gs_storage storage, double seconds,
                       gs_speed *speeds, gs_error *error)
{
    probe *probes = calloc(count, sizeof *probes);
    if (probes == NULL) return gs_fail(error, GS_ERROR_MEMORY, "out of memory: %zu kinds of runs", count);
    memset(speeds, 0, count * sizeof *speeds);
    double end = computed() + seconds, last = gs_clock() + PATIENCE * seconds;
    gs_status status = GS_OK;
    for (size_t i = 0; i < count && status == GS_OK; i++) {
        status = begin(&probes[i], &jobs[i], digits, seconds / (double)count, &speeds[i], error);
        if (status == GS_ERROR_MEMORY) status = GS_OK;
    }
    for (bool going = true; going && status == GS_OK && gs_clock() < last;) {
        going = false;
        for (size_t i = 0; i < count && status == GS_OK; i++) {
            bool enough = probes[i].samples.count > 0 && computed() > end;
            if (probes[i].trainer == NULL || enough) continue;
            status = take_turn(&probes[i], storage, &speeds[i], error);
            going = true;
        }
    }
    for (size_t i = 0; i < count; i++) {
        conclude(&probes[i], &speeds[i]);
        gs_trainer_destroy(&probes[i].trainer);
    }
    free(probes);
    return status;
}
