#include "main/bill.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "farm/farm.h"
#include "ground/clock.h"
#include "store/parcel.h"
#include "train/trainer.h"

enum { KINDS_MEASURED = 12, FEW_SAMPLES = 64, FILE_OVERHEAD = 1500000 /* bytes of a file of one run beside the run */ };

static const double budget = 4, longest = 0.5; /* seconds: of all measurements, of one */

/* Variants that take the same time for a step and for a sample. */
typedef struct {
    uint64_t key;
    gs_model_id model;
    size_t variant; /* the first of the kind */
    double numbers; /* in the tensors of the model */
    double work;    /* a rough count of multiplications in a step: orders kinds of the same model */
    bool measured;
    double step, sample; /* seconds */
} kind;

/* Seconds that this process computed: what a rank with a core of its own will take, also where the machine is busy now. */
static double computed(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* What has no say in the time of a step or a sample: rates, how many, what is counted. */
static uint64_t cost_key(const gs_settings *settings)
{
    static const gs_setting_id counts[] = {GS_SETTING_STEPS, GS_SETTING_SAMPLES, GS_SETTING_EVERY, GS_SETTING_REJECT_ERROR,
                                           GS_SETTING_QUALITY_ERROR};
    gs_settings key = *settings;
    for (int id = 0; id < GS_SETTING_COUNT; id++)
        if (gs_settings_table[id].type == GS_TYPE_REAL || gs_settings_table[id].type == GS_TYPE_WEIGHTS)
            memset(&key.values[id], 0, sizeof key.values[id]);
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) memset(&key.values[counts[i]], 0, sizeof key.values[0]);
    return XXH3_64bits(&key, sizeof key);
}

static double updates_of(const gs_settings *settings)
{
    if (gs_settings_model(settings) != GS_MODEL_GAN) return 1;
    return (double)(gs_settings_integer(settings, GS_SETTING_GENERATOR_STEPS) +
                    gs_settings_integer(settings, GS_SETTING_DISCRIMINATOR_STEPS));
}

/* Trains for `seconds`: seconds a step, without the first, which warms the caches. */
static gs_status time_steps(gs_job job, const gs_digits *digits, double seconds, double *step, gs_error *error)
{
    gs_trainer *trainer = NULL;
    job.settings.values[GS_SETTING_STEPS].integer = 1000000000;
    job.settings.values[GS_SETTING_EVERY].integer = 0;
    job.settings.values[GS_SETTING_SAMPLES].integer = 1;
    gs_status status = gs_trainer_create(&trainer, &job, digits, 0, error);
    if (status != GS_OK) return status;
    double begin = gs_clock(), first = computed(), start = first, now = first;
    int64_t steps = 0;
    while (gs_trainer_advance(trainer)) {
        now = computed();
        if (steps++ == 0) start = now;
        if (gs_clock() - begin > seconds) break;
    }
    *step = steps > 1 ? (now - start) / (double)(steps - 1) : now - first;
    gs_trainer_destroy(&trainer);
    return GS_OK;
}

/* Makes, classifies and packs `samples` images of a model that has hardly learned: seconds a sample. */
static gs_status time_samples(gs_job job, const gs_digits *digits, gs_storage storage, int64_t samples, double *sample,
                              gs_error *error)
{
    gs_trainer *trainer = NULL;
    gs_parcel parcel = {0};
    job.settings.values[GS_SETTING_STEPS].integer = 1;
    job.settings.values[GS_SETTING_EVERY].integer = 0;
    job.settings.values[GS_SETTING_SAMPLES].integer = samples;
    gs_status status = gs_trainer_create(&trainer, &job, digits, 0, error);
    if (status != GS_OK) return status;
    bool going = gs_trainer_advance(trainer);
    double start = computed();
    while (going) going = gs_trainer_advance(trainer);
    status = gs_parcel_pack(&parcel, &job, gs_trainer_result(trainer), storage, 0, 0, error);
    *sample = (computed() - start) / (double)samples;
    gs_parcel_free(&parcel);
    gs_trainer_destroy(&trainer);
    return status;
}

static gs_status measure_kind(kind *one, const gs_plan *plan, const gs_digits *digits, gs_storage storage,
                              double seconds, gs_error *error)
{
    gs_job job = {.seed = plan->seeds[0], .settings = gs_plan_settings(plan, one->variant)};
    int64_t wanted = gs_settings_integer(&job.settings, GS_SETTING_SAMPLES);
    int64_t few = wanted < FEW_SAMPLES ? wanted : FEW_SAMPLES, batch = wanted < GS_SAMPLE_BATCH ? wanted : GS_SAMPLE_BATCH;
    gs_status status = time_steps(job, digits, seconds / 2, &one->step, error);
    if (status == GS_OK) status = time_samples(job, digits, storage, few, &one->sample, error);
    if (status == GS_OK && batch > few && one->sample * (double)batch < seconds)
        status = time_samples(job, digits, storage, batch, &one->sample, error);
    if (status == GS_ERROR_MEMORY) { /* a run that gets no memory fails, which takes no time */
        one->step = one->sample = 0;
        status = GS_OK;
    }
    one->measured = status == GS_OK;
    return status;
}

/* A kind that was not measured costs what its nearest measured relative does, in proportion to the work. */
static void extrapolate(kind *kinds, size_t count, kind *const *measured, size_t measured_count)
{
    for (size_t k = 0; k < count; k++) {
        const kind *nearest = NULL;
        for (size_t m = 0; m < measured_count && !kinds[k].measured; m++) {
            const kind *other = measured[m];
            if (other->model == kinds[k].model &&
                (nearest == NULL || fabs(log(other->work / kinds[k].work)) < fabs(log(nearest->work / kinds[k].work))))
                nearest = other;
        }
        if (nearest == NULL) continue;
        kinds[k].step = nearest->step * kinds[k].work / nearest->work;
        kinds[k].sample = nearest->sample;
    }
}

static int by_model_and_work(const void *a, const void *b)
{
    const kind *left = *(const kind *const *)a, *right = *(const kind *const *)b;
    int model = (int)left->model - (int)right->model;
    return model != 0 ? model : (left->work > right->work) - (left->work < right->work);
}

/* Measures all kinds, or a dozen spread over their models and sizes, and at least one of each model. */
static gs_status measure(kind *kinds, size_t count, const gs_plan *plan, const gs_digits *digits, gs_storage storage,
                         gs_error *error)
{
    kind **order = malloc(count * sizeof(kind *)), *measured[KINDS_MEASURED + GS_MODEL_COUNT];
    if (order == NULL) return gs_fail(error, GS_ERROR_MEMORY, "out of memory: %zu kinds of runs", count);
    for (size_t k = 0; k < count; k++) order[k] = &kinds[k];
    qsort(order, count, sizeof(kind *), by_model_and_work);
    bool have[GS_MODEL_COUNT] = {false};
    size_t chosen = count <= KINDS_MEASURED ? count : KINDS_MEASURED;
    double spread = count <= KINDS_MEASURED ? 1 : (double)(count - 1) / (KINDS_MEASURED - 1);
    for (size_t m = 0; m < chosen; m++) {
        measured[m] = order[(size_t)lround((double)m * spread)];
        have[measured[m]->model] = true;
    }
    for (size_t k = 0; k < count; k++) {
        if (have[kinds[k].model]) continue;
        have[kinds[k].model] = true;
        measured[chosen++] = &kinds[k];
    }
    gs_status status = GS_OK;
    for (size_t m = 0; m < chosen && status == GS_OK; m++)
        status = measure_kind(measured[m], plan, digits, storage, fmin(longest, budget / (double)chosen), error);
    if (status == GS_OK) extrapolate(kinds, count, measured, chosen);
    free(order);
    return status;
}

/* Bytes of a run in the file. Images deflate to about a seventh once a model has learned (noise to a half); the rest is
 * counted as it stands, and rows with a kilobyte for what HDF5 keeps about them. */
static double bytes_of(const gs_settings *settings, double numbers, gs_storage storage)
{
    double samples = (double)gs_settings_integer(settings, GS_SETTING_SAMPLES);
    double images = samples * GS_IMAGE * (storage.compression > 0 ? 0.14 : 1);
    double along = (double)gs_coverage_points(settings) * (GS_BINS + 1) * 4;
    double row = 4096 + GS_BINS * (4 + 4 * 8) + 5 * GS_CURVE_POINTS * 4 + GS_BINS * GS_IMAGE * 0.2;
    return row + along + (storage.samples ? images + 3 * samples : 0) + (storage.checkpoints ? 4 * numbers : 0);
}

/* List scheduling in plan order: the next run goes to the rank that is free first (a heap of the times at which ranks
 * are free). */
static gs_status schedule(gs_bill *bill, const gs_plan *plan, gs_error *error)
{
    size_t training = (size_t)bill->ranks - (bill->ranks > GS_TRAINING_MANAGER); /* rank 0 of many only manages */
    size_t ranks = training < plan->run_count ? training : plan->run_count;
    double *free_at = calloc(ranks, sizeof *free_at);
    if (free_at == NULL) return gs_fail(error, GS_ERROR_MEMORY, "out of memory: %zu ranks", ranks);
    for (size_t run = 0; run < plan->run_count; run++) {
        double end = free_at[0] + bill->seconds[run / plan->seed_count];
        size_t hole = 0;
        for (size_t child = 1; child < ranks; child = 2 * hole + 1) {
            if (child + 1 < ranks && free_at[child + 1] < free_at[child]) child++;
            if (!(free_at[child] < end)) break;
            free_at[hole] = free_at[child];
            hole = child;
        }
        free_at[hole] = end;
        if (end > bill->makespan) bill->makespan = end;
    }
    free(free_at);
    return GS_OK;
}

/* Kinds in the order of the plan; kind_of[variant] is its kind. `kinds` has room for all variants. */
static gs_status find_kinds(kind *kinds, size_t *kind_of, size_t *count, const gs_plan *plan, const gs_digits *digits,
                            gs_error *error)
{
    enum { RECENT = 512 }; /* only the latest ones are looked through: a kind that is found twice does no harm */
    *count = 0;
    for (size_t v = 0; v < plan->variant_count; v++) {
        gs_settings variant = gs_plan_settings(plan, v);
        const gs_settings *settings = &variant;
        uint64_t key = cost_key(settings);
        size_t first = *count > RECENT ? *count - RECENT : 0, k = *count;
        while (k > first && kinds[k - 1].key != key) k--;
        kind_of[v] = k > first ? k - 1 : *count;
        if (k > first) continue;
        gs_tensor_table tensors;
        gs_status status = gs_model_tensors(settings, digits, &tensors, error);
        if (status != GS_OK) return status;
        double numbers = (double)tensors.size, batch = (double)gs_settings_integer(settings, GS_SETTING_BATCH_SIZE);
        kinds[(*count)++] = (kind){.key = key,
                                   .model = gs_settings_model(settings),
                                   .variant = v,
                                   .numbers = numbers,
                                   .work = (numbers + 1) * updates_of(settings) * batch};
    }
    return GS_OK;
}

static void estimate(gs_bill *bill, const gs_plan *plan, const kind *kinds, const size_t *kind_of, gs_storage storage)
{
    for (size_t v = 0; v < plan->variant_count; v++) {
        gs_settings variant = gs_plan_settings(plan, v);
        const gs_settings *settings = &variant;
        const kind *one = &kinds[kind_of[v]];
        double samples =
            (double)gs_settings_integer(settings, GS_SETTING_SAMPLES) * (1 + (double)gs_coverage_points(settings));
        bill->bytes[v] = bytes_of(settings, one->numbers, storage);
        bill->seconds[v] = one->step * (double)gs_settings_integer(settings, GS_SETTING_STEPS) + one->sample * samples;
        bill->file_bytes += bill->bytes[v] * (double)plan->seed_count;
        bill->total += bill->seconds[v] * (double)plan->seed_count;
    }
}

gs_status gs_bill_create(gs_bill *bill, const gs_plan *plan, const gs_digits *digits, gs_storage storage, long ranks,
                         bool measured, gs_error *error)
{
    *bill = (gs_bill){.measured = measured, .ranks = ranks > 0 ? ranks : sysconf(_SC_NPROCESSORS_ONLN)};
    if (bill->ranks < 1) bill->ranks = 1;
    size_t count = 0;
    kind *kinds = malloc(plan->variant_count * sizeof *kinds);
    size_t *kind_of = malloc(plan->variant_count * sizeof *kind_of);
    bill->seconds = calloc(plan->variant_count, sizeof *bill->seconds);
    bill->bytes = calloc(plan->variant_count, sizeof *bill->bytes);
    gs_status status = GS_OK;
    if (kinds == NULL || kind_of == NULL || bill->seconds == NULL || bill->bytes == NULL)
        status = gs_fail(error, GS_ERROR_MEMORY, "out of memory: %zu variants", plan->variant_count);
    if (status == GS_OK) status = find_kinds(kinds, kind_of, &count, plan, digits, error);
    if (status == GS_OK && measured) status = measure(kinds, count, plan, digits, storage, error);
    bill->file_bytes = FILE_OVERHEAD;
    if (status == GS_OK) estimate(bill, plan, kinds, kind_of, storage);
    if (status == GS_OK && measured) status = schedule(bill, plan, error);
    free(kinds);
    free(kind_of);
    if (status != GS_OK) gs_bill_free(bill);
    return status;
}

void gs_bill_free(gs_bill *bill)
{
    free(bill->seconds);
    free(bill->bytes);
    bill->seconds = bill->bytes = NULL;
}
