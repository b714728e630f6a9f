#include "main/costs.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "main/calibrate.h"
#include "store/file.h"
#include "store/parcel.h"

enum { KINDS_MEASURED = 12 };

static const double budget = 4;         /* seconds of measurement */
static const double usual_pack = 30e-6; /* seconds to hash and deflate a sample, where it was not measured */

/* Real times against measured ones: the mean of log(real / measured). */
typedef struct {
    double logarithms;
    size_t count;
} experience;

/* Variants that take the same time for a step and for a sample. */
typedef struct {
    uint64_t key;
    gs_model_id model;
    size_t variant;    /* the first of the kind */
    double checkpoint; /* bytes of the model's weights in the file, and how many tensors they are */
    int tensors;
    double work; /* a rough count of multiplications in a step: orders kinds of the same model */
    bool measured;
    gs_speed speed;
    experience known;
} kind;

struct gs_costs {
    const gs_plan *plan;
    gs_storage storage;
    kind *kinds; /* in the order of the plan */
    size_t kind_count;
    size_t *kind_of;    /* of each variant */
    double size_factor; /* real bytes against estimated ones */
    experience known[GS_MODEL_COUNT];
};

/* As chunks stand in the file. */
static double in_pages(double bytes)
{
    return bytes < GS_PAGE ? bytes : GS_PAGE * ceil(bytes / GS_PAGE);
}

/* ---- kinds ------------------------------------------------------------------------------------------------------- */

/* What has no say in the time of a step or a sample: rates (but for whether they are 0, which may save a pass), how
 * many, what is counted. */
static uint64_t cost_key(const gs_settings *settings)
{
    static const gs_setting_id counts[] = {GS_SETTING_STEPS, GS_SETTING_SAMPLES, GS_SETTING_EVERY,
                                           GS_SETTING_REJECT_ERROR, GS_SETTING_QUALITY_ERROR};
    gs_settings key = *settings;
    for (int id = 0; id < GS_SETTING_COUNT; id++)
        if (gs_settings_table[id].type == GS_TYPE_REAL || gs_settings_table[id].type == GS_TYPE_WEIGHTS) {
            bool some =
                gs_settings_table[id].type == GS_TYPE_REAL && gs_settings_real(settings, (gs_setting_id)id) != 0;
            memset(&key.values[id], 0, sizeof key.values[id]);
            key.values[id].integer = some;
        }
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++)
        memset(&key.values[counts[i]], 0, sizeof key.values[0]);
    return XXH3_64bits(&key, sizeof key);
}

static gs_status add_kind(gs_costs *costs, size_t variant, const gs_settings *settings, uint64_t key,
                          const gs_digits *digits, gs_error *error)
{
    gs_tensor_table tensors;
    gs_work work;
    gs_status status = gs_model_tensors(settings, digits, &tensors, error);
    if (status == GS_OK) status = gs_model_work(settings, digits, &work, error);
    if (status != GS_OK) return status;
    kind *made = &costs->kinds[costs->kind_count++];
    *made = (kind){.key = key,
                   .model = gs_settings_model(settings),
                   .variant = variant,
                   .tensors = tensors.count,
                   .work = work.step};
    for (int t = 0; t < tensors.count; t++)
        made->checkpoint += in_pages(sizeof(float) * (double)gs_tensor_elements(&tensors.tensors[t]));
    return GS_OK;
}

static gs_status find_kinds(gs_costs *costs, const gs_digits *digits, gs_error *error)
{
    size_t variants = costs->plan->variant_count, size = 16;
    while (size < 2 * variants) size *= 2;
    uint32_t *places = calloc(size, sizeof *places); /* open addressing; number of a kind + 1, 0 = free */
    if (places == NULL) return gs_fail(error, GS_ERROR_MEMORY, "out of memory: %zu variants", variants);
    gs_status status = GS_OK;
    for (size_t v = 0; v < variants && status == GS_OK; v++) {
        gs_settings settings = gs_plan_settings(costs->plan, v);
        uint64_t key = cost_key(&settings);
        size_t place = (size_t)key & (size - 1);
        while (places[place] != 0 && costs->kinds[places[place] - 1].key != key) place = (place + 1) & (size - 1);
        if (places[place] == 0) {
            status = add_kind(costs, v, &settings, key, digits, error);
            places[place] = (uint32_t)costs->kind_count;
        }
        costs->kind_of[v] = places[place] - 1;
    }
    free(places);
    return status;
}

/* ---- measurement ------------------------------------------------------------------------------------------------- */

/* A kind that was not measured costs what its nearest measured relative does: a step in proportion to the work. */
static void extrapolate(gs_costs *costs, kind *const *measured, size_t measured_count)
{
    for (size_t k = 0; k < costs->kind_count; k++) {
        kind *one = &costs->kinds[k];
        const kind *nearest = NULL;
        for (size_t m = 0; m < measured_count && !one->measured; m++) {
            const kind *other = measured[m];
            if (other->model == one->model &&
                (nearest == NULL || fabs(log(other->work / one->work)) < fabs(log(nearest->work / one->work))))
                nearest = other;
        }
        if (nearest == NULL) continue;
        one->speed = nearest->speed;
        one->speed.step *= one->work / nearest->work;
    }
}

static int by_model_and_work(const void *a, const void *b)
{
    const kind *left = *(const kind *const *)a, *right = *(const kind *const *)b;
    int model = (int)left->model - (int)right->model;
    return model != 0 ? model : (left->work > right->work) - (left->work < right->work);
}

/* All kinds, or a dozen spread over their models and sizes, and at least one of each model. */
static gs_status choose_kinds(gs_costs *costs, kind *chosen[KINDS_MEASURED + GS_MODEL_COUNT], size_t *chosen_count,
                              gs_error *error)
{
    size_t all = costs->kind_count, count = all <= KINDS_MEASURED ? all : KINDS_MEASURED;
    kind **order = malloc(all * sizeof(kind *));
    if (order == NULL) return gs_fail(error, GS_ERROR_MEMORY, "out of memory: %zu kinds of runs", all);
    for (size_t k = 0; k < all; k++) order[k] = &costs->kinds[k];
    qsort(order, all, sizeof(kind *), by_model_and_work);
    bool have[GS_MODEL_COUNT] = {false};
    double spread = all <= KINDS_MEASURED ? 1 : (double)(all - 1) / (KINDS_MEASURED - 1);
    for (size_t m = 0; m < count; m++) {
        chosen[m] = order[(size_t)lround((double)m * spread)];
        have[chosen[m]->model] = true;
    }
    for (size_t k = 0; k < all; k++) {
        if (have[order[k]->model]) continue;
        have[order[k]->model] = true;
        chosen[count++] = order[k];
    }
    *chosen_count = count;
    free(order);
    return GS_OK;
}

static gs_status measure_kinds(gs_costs *costs, const gs_digits *digits, gs_error *error)
{
    kind *chosen[KINDS_MEASURED + GS_MODEL_COUNT];
    static gs_job jobs[KINDS_MEASURED + GS_MODEL_COUNT];
    gs_speed speeds[KINDS_MEASURED + GS_MODEL_COUNT];
    size_t count = 0;
    gs_status status = choose_kinds(costs, chosen, &count, error);
    for (size_t m = 0; m < count && status == GS_OK; m++)
        jobs[m] = gs_plan_job(costs->plan, chosen[m]->variant * costs->plan->seed_count);
    if (status == GS_OK) status = gs_calibrate(jobs, count, digits, costs->storage, budget, speeds, error);
    if (status != GS_OK) return status;
    for (size_t m = 0; m < count; m++) {
        chosen[m]->speed = speeds[m];
        chosen[m]->measured = true;
    }
    extrapolate(costs, chosen, count);
    return GS_OK;
}

gs_status gs_costs_create(gs_costs **costs, const gs_plan *plan, const gs_digits *digits, gs_storage storage,
                          bool measure, gs_error *error)
{
    gs_costs *made = calloc(1, sizeof *made);
    gs_status status = GS_OK;
    if (made != NULL) {
        *made = (gs_costs){.plan = plan, .storage = storage, .size_factor = 1};
        made->kinds = malloc(plan->variant_count * sizeof *made->kinds);
        made->kind_of = malloc(plan->variant_count * sizeof *made->kind_of);
    }
    if (made == NULL || made->kinds == NULL || made->kind_of == NULL)
        status = gs_fail(error, GS_ERROR_MEMORY, "out of memory: %zu variants", plan->variant_count);
    if (status == GS_OK) status = find_kinds(made, digits, error);
    if (status == GS_OK && measure) status = measure_kinds(made, digits, error);
    if (status != GS_OK) gs_costs_destroy(&made);
    else *costs = made;
    return status;
}

void gs_costs_destroy(gs_costs **costs)
{
    if (costs == NULL || *costs == NULL) return;
    free((*costs)->kinds);
    free((*costs)->kind_of);
    free(*costs);
    *costs = NULL;
}

/* ---- seconds ----------------------------------------------------------------------------------------------------- */

static double measured_seconds(const gs_costs *costs, size_t variant)
{
    const gs_speed *speed = &costs->kinds[costs->kind_of[variant]].speed;
    gs_settings settings = gs_plan_settings(costs->plan, variant);
    double samples = (double)gs_settings_integer(&settings, GS_SETTING_SAMPLES);
    double pack = speed->pack > 0 ? speed->pack : usual_pack;
    double evaluations = 1 + (double)gs_coverage_points(&settings);
    return speed->begin + speed->step * (double)gs_settings_integer(&settings, GS_SETTING_STEPS) +
           samples * (evaluations * speed->sample + (speed->step > 0 ? pack : 0));
}

static double factor_of(experience known)
{
    return known.count > 0 ? exp(known.logarithms / (double)known.count) : 1;
}

void gs_costs_learn(gs_costs *costs, size_t variant, double seconds)
{
    double measured = measured_seconds(costs, variant);
    if (!(measured > 0 && seconds > 0)) return;
    kind *one = &costs->kinds[costs->kind_of[variant]];
    experience *both[] = {&one->known, &costs->known[one->model]};
    for (int i = 0; i < 2; i++) {
        both[i]->logarithms += log(seconds / measured);
        both[i]->count++;
    }
}

double gs_costs_seconds(const gs_costs *costs, size_t variant)
{
    const kind *one = &costs->kinds[costs->kind_of[variant]];
    return measured_seconds(costs, variant) * factor_of(one->known.count > 0 ? one->known : costs->known[one->model]);
}

/* ---- bytes ------------------------------------------------------------------------------------------------------- */

/* Measured with files of 1 to 256 runs (make bill-check compares): each bulk dataset's index grows by a copied node
 * when a run is committed, and a page is the least that a dataset or a chunk of a page's size takes. */
enum {
    FILE_BYTES = 627000, /* of a file of few runs beside their chunks */
    ROW_BYTES = 4200,    /* of a run in tables and their share of the commit, curves aside, when those pages are full */
    ROWS_IN_PAGES = 50,  /* runs that half fill those pages */
    INDEX_BYTES = 2200   /* of a run in the index of a bulk dataset */
};

/* Of a gan that has collapsed, which makes few different images; one without minibatch discrimination usually has. */
static const double collapsed_share = 0.13;

/* What samples deflate to. */
static double share_of(const gs_settings *settings, const gs_speed *speed, int level)
{
    static const double levels[10] = {1, 1.03, 1.01, 1, 1, 0.99, 0.98, 0.98, 0.97, 0.97}; /* against level 4 */
    gs_model_id model = gs_settings_model(settings);
    gs_redundancy known = gs_model_type_of(model)->redundancy; /* at level 4 */
    if (level == 0) return 1;
    if (!(known.share > 0)) return speed->share > 0 ? speed->share : 1; /* at most, since it falls with training */
    if (model == GS_MODEL_GAN && !gs_settings_on(settings, GS_SETTING_MINIBATCH_DISCRIMINATION))
        known.share = collapsed_share;
    double trained = known.share * levels[level], steps = (double)gs_settings_integer(settings, GS_SETTING_STEPS);
    double begin = fmax(known.begin, (double)speed->steps); /* from the share measured there */
    if (!(speed->share > 0) || begin >= known.end) return speed->share > 0 && steps <= begin ? speed->share : trained;
    double way = fmin(fmax(log(steps / begin) / log(known.end / begin), 0), 1);
    return speed->share + way * (trained - speed->share);
}

static double samples_bytes(double samples, double share, int level)
{
    double chunks = ceil(samples / GS_IMAGES_PER_CHUNK), classes = level > 0 ? 0.5 : 1;
    return chunks * in_pages(share * samples * GS_IMAGE / chunks) + in_pages(classes * samples) +
           in_pages(classes * 2 * samples) + 3 * INDEX_BYTES;
}

/* Curves are as long as the longest run's and have a column for each name that any model uses; the model's own are
 * counted here. */
static double row_bytes(const gs_plan *plan, const gs_settings *settings)
{
    int curves = 0;
    while (gs_model_type_of(gs_settings_model(settings))->curves[curves] != NULL) curves++;
    double runs = (double)plan->run_count, points = gs_curve_points(gs_settings_integer(settings, GS_SETTING_STEPS));
    return ROW_BYTES * runs / (runs + ROWS_IN_PAGES) + points * (8 + 4 * curves);
}

double gs_costs_bytes(const gs_costs *costs, size_t variant)
{
    const kind *one = &costs->kinds[costs->kind_of[variant]];
    const gs_storage *storage = &costs->storage;
    gs_settings settings = gs_plan_settings(costs->plan, variant);
    double samples = (double)gs_settings_integer(&settings, GS_SETTING_SAMPLES);
    double share = share_of(&settings, &one->speed, storage->compression);
    double bytes = row_bytes(costs->plan, &settings);
    bytes += in_pages(fmin(GS_BINS, samples) * GS_IMAGE * share) + INDEX_BYTES; /* examples */
    double points = (double)gs_coverage_points(&settings);
    if (points > 0) bytes += in_pages(points * GS_BINS * sizeof(uint32_t)) + points * (8 + 4) + 3 * INDEX_BYTES;
    if (storage->samples) bytes += samples_bytes(samples, share, storage->compression);
    if (storage->checkpoints) bytes += one->checkpoint + one->tensors * INDEX_BYTES;
    return bytes * costs->size_factor;
}

/* What is small anyway says nothing about the rest. */
void gs_costs_learn_size(gs_costs *costs, double estimated, double real)
{
    const double least = 0.2, most = 5;
    double runs = estimated - FILE_BYTES, really = real - FILE_BYTES;
    if (runs > 0 && really > 0) costs->size_factor = fmin(fmax(really / runs, least), most);
}

double gs_costs_file_overhead(const gs_costs *costs)
{
    (void)costs;
    return FILE_BYTES;
}
