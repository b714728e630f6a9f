/* Speed of the training core on one core: a training step of a model against its matrix products alone, sampling and
 * classifying.
 *
 * `bench_core MODEL [SETTING=VALUE ...]` describes the case and then does what stdin asks for, so that bench.py can
 * take turns between this program and others. One request a line, one JSON object a line in answer:
 *
 * - `weights PATH` writes the weights to a file, as floats, and says where each tensor begins;
 * - `loss N` trains N steps: the mean losses of their second half, and how far the weights went;
 * - `train` measures a training step once, and its products alone;
 * - `sample_part` measures the same of a part of the sampling;
 * - `sample N` measures sampling N images, and classifying them.
 *
 * The matrix products of one step are recorded (the linker wraps the function) and repeated on the same memory: their
 * time is the limit that the element-wise work is measured against. Step and products are timed in turn, so that a
 * drifting clock hits both. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "coverage/classify.h"
#include "ground/clock.h"
#include "ground/vector.h"
#include "models/model.h"

typedef struct {
    gs_orientation a_is, b_is;
    gs_matrix a, b, out;
    gs_real keep;
} product;

enum { PRODUCTS_MAX = 4096 };

/* What one measurement of a step, and of its products, takes at least. */
static const double seconds = 0.15;

static product products[PRODUCTS_MAX];
static int product_count;
static int recording;

void __real_gs_matrix_multiply(gs_orientation a_is, gs_matrix a, gs_orientation b_is, gs_matrix b, gs_real keep,
                               gs_matrix out);
void __wrap_gs_matrix_multiply(gs_orientation a_is, gs_matrix a, gs_orientation b_is, gs_matrix b, gs_real keep,
                               gs_matrix out);

void __wrap_gs_matrix_multiply(gs_orientation a_is, gs_matrix a, gs_orientation b_is, gs_matrix b, gs_real keep,
                               gs_matrix out)
{
    if (recording && product_count < PRODUCTS_MAX) products[product_count++] = (product){a_is, b_is, a, b, out, keep};
    __real_gs_matrix_multiply(a_is, a, b_is, b, keep, out);
}

static double repeat_products(int times)
{
    double start = gs_clock();
    for (int t = 0; t < times; t++)
        for (int i = 0; i < product_count; i++) {
            const product *p = &products[i];
            __real_gs_matrix_multiply(p->a_is, p->a, p->b_is, p->b, p->keep, p->out);
        }
    return (gs_clock() - start) / times;
}

static double flops(void)
{
    double all = 0;
    for (int i = 0; i < product_count; i++) {
        const product *p = &products[i];
        all += 2.0 * p->out.rows * p->out.columns * (p->a_is == GS_PLAIN ? p->a.columns : p->a.rows);
    }
    return all;
}

/* A training step, or a part of the sampling. */
typedef void piece_of_work(gs_model *model, int64_t number, gs_matrix images);

enum { SAMPLES = 12800 };

static void train_work(gs_model *model, int64_t number, gs_matrix images)
{
    (void)images;
    double curves[GS_CURVES_MAX];
    gs_model_train(model, number, curves);
}

static void sample_work(gs_model *model, int64_t number, gs_matrix images)
{
    model->type->sample(model, SAMPLES, number % gs_model_parts(model, SAMPLES), images);
}

static void record(piece_of_work *work, gs_model *model, int64_t number, gs_matrix images)
{
    product_count = 0;
    recording = 1;
    work(model, number, images);
    recording = 0;
}

/* The work of one kind, and how far it has come. */
typedef struct {
    const char *what;
    piece_of_work *work;
    int64_t number; /* of the next piece */
    int times;      /* pieces in a measurement; 0: not warm yet */
} measured_work;

static void warm_up(measured_work *measured, gs_model *model, gs_matrix images)
{
    for (int i = 0; i < 5; i++) measured->work(model, measured->number++, images);
    double once = gs_clock();
    measured->work(model, measured->number++, images);
    once = gs_clock() - once;
    measured->times = (int)(seconds / once) + 1;
}

static void measure_work(measured_work *measured, gs_model *model, gs_matrix images)
{
    if (measured->times == 0) warm_up(measured, model, images);
    record(measured->work, model, measured->number++, images);
    double start = gs_clock();
    for (int t = 0; t < measured->times; t++) measured->work(model, measured->number++, images);
    double piece = (gs_clock() - start) / measured->times;
    gs_real *kept = malloc(model->tensors.size * sizeof *kept);
    /* the repeated products write gradients only, but be sure */
    memcpy(kept, model->parameters, model->tensors.size * sizeof *kept);
    double alone = repeat_products(measured->times);
    memcpy(model->parameters, kept, model->tensors.size * sizeof *kept);
    free(kept);
    printf("{\"what\": \"%s\", \"ms\": %.4f, \"products_ms\": %.4f, \"products\": %d, \"gflop\": %.4f}\n",
           measured->what, 1e3 * piece, 1e3 * alone, product_count, flops() / 1e9);
}

static void write_weights(const gs_model *model, const char *path)
{
    FILE *file = fopen(path, "wb");
    if (file == NULL || fwrite(model->parameters, sizeof(gs_real), model->tensors.size, file) != model->tensors.size) {
        perror(path);
        exit(1);
    }
    fclose(file);
    printf("{\"what\": \"weights\", \"path\": \"%s\", \"tensors\": {", path);
    for (int t = 0; t < model->tensors.count; t++) {
        const gs_tensor *tensor = &model->tensors.tensors[t];
        printf("%s\"%s\": [%zu, %d, %d]", t > 0 ? ", " : "", tensor->name, tensor->offset, tensor->rows,
               tensor->columns);
    }
    printf("}}\n");
}

static double distance(size_t count, const gs_real *x, const gs_real *y)
{
    double squares = 0;
    for (size_t i = 0; i < count; i++) squares += ((double)x[i] - (double)y[i]) * ((double)x[i] - (double)y[i]);
    return sqrt(squares);
}

/* `moved`: how far the weights went; `lag`: how far their averages are behind. */
static void measure_loss(measured_work *train, gs_model *model, int64_t steps)
{
    size_t size = model->tensors.size;
    double sums[GS_CURVES_MAX] = {0}, curves[GS_CURVES_MAX];
    gs_real *initial = malloc(size * sizeof *initial);
    memcpy(initial, model->parameters, size * sizeof *initial);
    int64_t counted = steps - steps / 2;
    for (int64_t step = 0; step < steps; step++) {
        gs_model_train(model, train->number++, curves);
        for (int c = 0; c < model->type->losses && step >= steps - counted; c++) sums[c] += curves[c] / (double)counted;
    }
    printf("{\"what\": \"loss\", \"steps\": %" PRId64 ", \"losses\": [", steps);
    for (int c = 0; c < model->type->losses; c++) printf("%s%.6f", c > 0 ? ", " : "", sums[c]);
    printf("], \"moved\": %.6f, \"lag\": %.6f}\n", distance(size, model->parameters, initial),
           distance(size, model->parameters, model->weights));
    free(initial);
}

static void measure_sampling(gs_model *model, const gs_digits *digits, int64_t samples, gs_matrix images)
{
    uint8_t *bytes = malloc((size_t)samples * GS_IMAGE);
    int64_t made = 0;
    double start = gs_clock();
    for (int64_t part = 0; part < gs_model_parts(model, samples); part++) {
        int rows = model->type->sample(model, samples, part, images);
        for (int i = 0; i < rows; i++)
            gs_image_to_bytes(images.values + (size_t)i * GS_IMAGE, bytes + (size_t)(made + i) * GS_IMAGE);
        made += rows;
    }
    double sampling = gs_clock() - start;
    unsigned total = 0;
    start = gs_clock();
    for (int64_t i = 0; i < made; i++) total += gs_classify(digits, bytes + i * GS_IMAGE, GS_PIXELS).error;
    double classifying = gs_clock() - start;
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    printf("{\"what\": \"sample\", \"samples\": %lld, \"seconds\": %.4f, \"classify_seconds\": %.4f, \"mean_error\": "
           "%.1f, "
           "\"peak_mib\": %.0f}\n",
           (long long)made, sampling, classifying, (double)total / (double)made, (double)usage.ru_maxrss / 1024);
    free(bytes);
}

static bool read_settings(int argc, char **argv, gs_settings *settings)
{
    gs_error error;
    gs_settings_defaults(settings, GS_MODEL_GAN);
    for (int i = 1; i < argc; i++) {
        if (strchr(argv[i], '=') == NULL) {
            gs_value model;
            if (gs_value_read(GS_SETTING_MODEL, argv[i], &model, &error) != GS_OK) return false;
            gs_settings_defaults(settings, (gs_model_id)model.integer);
            continue;
        }
        size_t length = strcspn(argv[i], "=");
        for (int id = 0; id < GS_SETTING_COUNT; id++)
            if (strncmp(gs_settings_table[id].column, argv[i], length) == 0 &&
                gs_settings_table[id].column[length] == '\0' &&
                gs_value_read((gs_setting_id)id, argv[i] + length + 1, &settings->values[id], &error) != GS_OK)
                return false;
    }
    return true;
}

/* What another program needs to do the same, but for the weights. */
static void describe(const gs_settings *settings, const gs_digits *digits)
{
    printf("{\"what\": \"case\", \"blas\": \"%s\", \"blas_version\": \"%s\", \"vector\": \"%s\", \"settings\": {",
           gs_blas_kernel(), gs_blas_version(), gs_vector->name);
    const char *separator = "";
    for (int id = 0; id < GS_SETTING_COUNT; id++) {
        if (!gs_setting_applies((gs_setting_id)id, settings)) continue;
        char text[256];
        gs_value_write((gs_setting_id)id, &settings->values[id], text, sizeof text);
        printf("%s\"%s\": \"%s\"", separator, gs_settings_table[id].column, text);
        separator = ", ";
    }
    printf("}, \"digits\": \"");
    for (int d = 0; d < GS_DIGITS; d++)
        for (int p = 0; p < GS_PIXELS; p++) printf("%02x", digits->grey[d][p]);
    printf("\"}\n");
}

static void answer(char *request, gs_model *model, const gs_digits *digits, gs_matrix images)
{
    static measured_work train = {.what = "train", .work = train_work};
    static measured_work part = {.what = "sample_part", .work = sample_work};
    int64_t count = 0;
    request[strcspn(request, "\n")] = '\0';
    if (strncmp(request, "weights ", 8) == 0) write_weights(model, request + 8);
    else if (sscanf(request, "loss %" SCNd64, &count) == 1) measure_loss(&train, model, count);
    else if (strcmp(request, "train") == 0) measure_work(&train, model, images);
    else if (strcmp(request, "sample_part") == 0) measure_work(&part, model, images);
    else if (sscanf(request, "sample %" SCNd64, &count) == 1) measure_sampling(model, digits, count, images);
    else printf("{\"error\": \"unknown request\"}\n");
}

int main(int argc, char **argv)
{
    gs_blas_one_thread();
    gs_settings settings;
    if (!read_settings(argc, argv, &settings)) return 2;
    gs_digits digits;
    gs_digits_draw(&digits);
    gs_error error;
    gs_arena *arena = NULL;
    gs_model *model = NULL;
    if (gs_arena_create(&arena, 0, &error) != GS_OK) return 1;
    gs_real *values = gs_arena_take(arena, (size_t)GS_SAMPLE_BATCH * GS_IMAGE, sizeof *values);
    gs_matrix images = gs_matrix_of(values, GS_SAMPLE_BATCH, GS_IMAGE);
    if (gs_model_create(&model, &settings, &digits, 0, arena, &error) != GS_OK) return 1;
    setvbuf(stdout, NULL, _IOLBF, 0);
    describe(&settings, &digits);
    char request[1024];
    while (fgets(request, sizeof request, stdin) != NULL) answer(request, model, &digits, images);
    gs_arena_destroy(&arena);
    return 0;
}
