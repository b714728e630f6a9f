/* Speed of the training core on one core: a training step of each model against its matrix products alone, sampling and classifying.
 *
 * The calls of sgemm in one step are recorded (the linker wraps the function) and repeated on the same memory: their time is the limit that
 * the element-wise work is measured against. Step and products are timed in turn, so that a drifting clock hits both.
 * One JSON object a line on stdout. */
#include <cblas.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "coverage/classify.h"
#include "ground/clock.h"
#include "ground/vector.h"
#include "models/model.h"

typedef struct {
    enum CBLAS_TRANSPOSE ta, tb;
    int m, n, k, lda, ldb, ldc;
    float alpha, beta;
    const float *a, *b;
    float *c;
} product;

enum { PRODUCTS_MAX = 4096, REPEATS = 9 };

static product products[PRODUCTS_MAX];
static int product_count;
static int recording;

void __real_cblas_sgemm(enum CBLAS_ORDER order, enum CBLAS_TRANSPOSE ta, enum CBLAS_TRANSPOSE tb, int m, int n, int k,
                        float alpha, const float *a, int lda, const float *b, int ldb, float beta, float *c, int ldc);
void __wrap_cblas_sgemm(enum CBLAS_ORDER order, enum CBLAS_TRANSPOSE ta, enum CBLAS_TRANSPOSE tb, int m, int n, int k,
                        float alpha, const float *a, int lda, const float *b, int ldb, float beta, float *c, int ldc);

void __wrap_cblas_sgemm(enum CBLAS_ORDER order, enum CBLAS_TRANSPOSE ta, enum CBLAS_TRANSPOSE tb, int m, int n, int k,
                        float alpha, const float *a, int lda, const float *b, int ldb, float beta, float *c, int ldc)
{
    if (recording && product_count < PRODUCTS_MAX)
        products[product_count++] = (product){ta, tb, m, n, k, lda, ldb, ldc, alpha, beta, a, b, c};
    __real_cblas_sgemm(order, ta, tb, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
}

static double repeat_products(int times)
{
    double start = gs_clock();
    for (int t = 0; t < times; t++)
        for (int i = 0; i < product_count; i++) {
            const product *p = &products[i];
            __real_cblas_sgemm(CblasRowMajor, p->ta, p->tb, p->m, p->n, p->k, p->alpha, p->a, p->lda, p->b, p->ldb, p->beta,
                               p->c, p->ldc);
        }
    return (gs_clock() - start) / times;
}

static double flops(void)
{
    double all = 0;
    for (int i = 0; i < product_count; i++) all += 2.0 * products[i].m * products[i].n * products[i].k;
    return all;
}

static int by_value(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

static double median(double *values)
{
    qsort(values, REPEATS, sizeof *values, by_value);
    return values[REPEATS / 2];
}

/* A training step, or a part of the sampling. */
typedef void piece_of_work(gs_model *model, int64_t number, gs_matrix images);

enum { SAMPLES = 12800 };

static void train_work(gs_model *model, int64_t number, gs_matrix images)
{
    (void)images;
    double curves[GS_CURVES_MAX];
    model->type->train(model, number, curves);
}

static void sample_work(gs_model *model, int64_t number, gs_matrix images)
{
    model->type->sample(model, SAMPLES, number % model->type->sampling_parts(model, SAMPLES), images);
}

static void record(piece_of_work *work, gs_model *model, int64_t number, gs_matrix images)
{
    product_count = 0;
    recording = 1;
    work(model, number, images);
    recording = 0;
}

static void measure_work(const char *what, piece_of_work *work, gs_model *model, const char *label, gs_matrix images)
{
    double steps[REPEATS], alone[REPEATS];
    int64_t number = 0;
    for (; number < 5; number++) work(model, number, images);
    double once = gs_clock();
    work(model, number++, images);
    once = gs_clock() - once;
    int times = (int)(0.15 / once) + 1;
    record(work, model, number++, images);
    gs_real *kept = malloc(model->tensors.size * sizeof *kept);
    for (int r = 0; r < REPEATS; r++) {
        double start = gs_clock();
        for (int t = 0; t < times; t++) work(model, number++, images);
        steps[r] = (gs_clock() - start) / times;
        memcpy(kept, model->parameters, model->tensors.size * sizeof *kept); /* the repeated products write gradients only, but be sure */
        alone[r] = repeat_products(times);
        memcpy(model->parameters, kept, model->tensors.size * sizeof *kept);
    }
    free(kept);
    double step = median(steps), limit = median(alone);
    printf("{\"what\": \"%s\", \"label\": \"%s\", \"ms\": %.4f, \"products_ms\": %.4f, \"ratio\": %.3f, \"products_gflops\": %.1f, "
           "\"products\": %d, \"gflop\": %.4f}\n",
           what, label, 1e3 * step, 1e3 * limit, step / limit, flops() / limit / 1e9, product_count, flops() / 1e9);
}

static void measure_sampling(gs_model *model, const gs_digits *digits, const char *label, gs_matrix images)
{
    const int64_t samples = SAMPLES;
    uint8_t *bytes = malloc((size_t)samples * GS_IMAGE);
    int64_t made = 0;
    double start = gs_clock();
    for (int64_t part = 0; part < model->type->sampling_parts(model, samples); part++) {
        int rows = model->type->sample(model, samples, part, images);
        for (int i = 0; i < rows; i++) gs_image_to_bytes(images.values + (size_t)i * GS_IMAGE, bytes + (size_t)(made + i) * GS_IMAGE);
        made += rows;
    }
    double sampling = gs_clock() - start;
    unsigned total = 0;
    start = gs_clock();
    for (int64_t i = 0; i < made; i++) total += gs_classify(digits, bytes + i * GS_IMAGE, GS_PIXELS).error;
    double classifying = gs_clock() - start;
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    printf("{\"what\": \"sample\", \"label\": \"%s\", \"samples\": %lld, \"seconds\": %.4f, \"classify_seconds\": %.4f, \"mean_error\": %.1f, "
           "\"peak_mib\": %.0f}\n",
           label, (long long)made, sampling, classifying, (double)total / (double)made, (double)usage.ru_maxrss / 1024);
    free(bytes);
}

/* MODEL [SETTING=VALUE ...] */
int main(int argc, char **argv)
{
    gs_blas_one_thread();
    gs_settings settings;
    gs_settings_defaults(&settings, GS_MODEL_GAN);
    char label[512] = "";
    gs_error error;
    for (int i = 1; i < argc; i++) {
        snprintf(label + strlen(label), sizeof label - strlen(label), "%s%s", i > 1 ? " " : "", argv[i]);
        if (strchr(argv[i], '=') == NULL) {
            gs_value model;
            if (gs_value_read(GS_SETTING_MODEL, argv[i], &model, &error) != GS_OK) return 2;
            gs_settings_defaults(&settings, (gs_model_id)model.integer);
            continue;
        }
        size_t length = strcspn(argv[i], "=");
        for (int id = 0; id < GS_SETTING_COUNT; id++)
            if (strncmp(gs_settings_table[id].column, argv[i], length) == 0 && gs_settings_table[id].column[length] == '\0' &&
                gs_value_read((gs_setting_id)id, argv[i] + length + 1, &settings.values[id], &error) != GS_OK)
                return 2;
    }
    gs_digits digits;
    gs_digits_draw(&digits);
    gs_arena *arena = NULL;
    gs_model *model = NULL;
    if (gs_arena_create(&arena, 0, &error) != GS_OK) return 1;
    gs_matrix images = gs_matrix_of(gs_arena_take(arena, (size_t)GS_SAMPLE_BATCH * GS_IMAGE, sizeof(gs_real)), GS_SAMPLE_BATCH, GS_IMAGE);
    if (gs_model_create(&model, &settings, &digits, 0, arena, &error) != GS_OK) return 1;
    printf("{\"what\": \"kernels\", \"blas\": \"%s\", \"vector\": \"%s\"}\n", gs_blas_kernel(), gs_vector->name);
    measure_work("train", train_work, model, label, images);
    measure_work("sample_part", sample_work, model, label, images);
    measure_sampling(model, &digits, label, images);
    gs_arena_destroy(&arena);
    return 0;
}
