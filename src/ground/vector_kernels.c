/* Compiled once per instruction set; the build defines GS_VARIANT (baseline, avx2, avx512). */
#include "ground/vector.h"
#include "ground/vector_math.h"

#define JOIN_(a, b) a##b
#define JOIN(a, b) JOIN_(a, b)
#define TEXT_(a) #a
#define TEXT(a) TEXT_(a)

#define MAP(name, formula)                                                 \
    static void name(size_t count, const gs_real *x, gs_real *y)           \
    {                                                                      \
        for (size_t i = 0; i < count; i++) y[i] = formula(x[i]);           \
    }
MAP(exp_all, exp_real)
MAP(log_all, log_real)
MAP(tanh_all, tanh_real)
MAP(sigmoid_all, sigmoid_real)

static void box_muller(size_t pairs, const uint32_t *words, float *normals)
{
    for (size_t p = 0; p < pairs; p++) {
        float u = ((float)(int32_t)(words[2 * p] >> 9) + 0.5f) * 0x1p-23f;
        float turn = ((float)(int32_t)(words[2 * p + 1] >> 9) + 0.5f) * 0x1p-23f;
        float sine, cosine;
        sincos_turn(turn, &sine, &cosine);
        float radius = sqrtf(-2.0f * log_float(u));
        normals[2 * p] = radius * cosine;
        normals[2 * p + 1] = radius * sine;
    }
}

#define IDENTITY(x) (x)
#define BIAS(name, formula)                                                                                       \
    static void name(size_t rows, size_t columns, size_t stride, const gs_real *restrict bias, gs_real *restrict y) \
    {                                                                                                             \
        for (size_t r = 0; r < rows; r++)                                                                         \
            for (size_t c = 0; c < columns; c++) y[r * stride + c] = formula(y[r * stride + c] + bias[c]);        \
    }
BIAS(bias_linear, IDENTITY)
BIAS(bias_tanh, tanh_real)
BIAS(bias_sigmoid, sigmoid_real)

static void tanh_gradient(size_t rows, size_t columns, size_t stride, const gs_real *restrict y, gs_real *restrict dy)
{
    for (size_t r = 0; r < rows; r++)
        for (size_t c = 0; c < columns; c++) dy[r * stride + c] *= 1 - y[r * stride + c] * y[r * stride + c];
}

static void sigmoid_gradient(size_t rows, size_t columns, size_t stride, const gs_real *restrict y, gs_real *restrict dy)
{
    for (size_t r = 0; r < rows; r++)
        for (size_t c = 0; c < columns; c++) dy[r * stride + c] *= y[r * stride + c] * (1 - y[r * stride + c]);
}

static void column_sums(size_t rows, size_t columns, size_t stride, const gs_real *restrict x, gs_real *restrict sums)
{
    for (size_t r = 0; r < rows; r++)
        for (size_t c = 0; c < columns; c++) sums[c] += x[r * stride + c];
}

/* Adds up the lanes pairwise, always in the same order. */
static inline gs_real sum_of_lanes(gs_real lanes[GS_LANES])
{
    for (size_t half = GS_LANES / 2; half > 0; half /= 2)
        for (size_t i = 0; i < half; i++) lanes[i] += lanes[i + half];
    return lanes[0];
}

static gs_real sum(size_t count, const gs_real *x)
{
    gs_real lanes[GS_LANES] = {0};
    size_t i = 0;
    for (; i + GS_LANES <= count; i += GS_LANES)
        for (size_t lane = 0; lane < GS_LANES; lane++) lanes[lane] += x[i + lane];
    for (size_t lane = 0; i < count; i++, lane++) lanes[lane] += x[i];
    return sum_of_lanes(lanes);
}

static void logit_loss(size_t count, gs_real target, const gs_real *restrict x, gs_real *restrict losses,
                       gs_real *restrict gradients)
{
    for (size_t i = 0; i < count; i++) {
        gs_real positive = x[i] < 0 ? 0 : x[i]; /* NaN stays */
        losses[i] = positive + log_real(1 + exp_real(-fabs_real(x[i]))) - target * x[i];
        gradients[i] = sigmoid_real(x[i]) - target;
    }
}

static void adam(size_t count, gs_adam_rates rates, const gs_real *restrict gradient, gs_real *restrict moment1,
                 gs_real *restrict moment2, gs_real *restrict parameters)
{
    for (size_t i = 0; i < count; i++) {
        gs_real g = gradient[i];
        gs_real m = rates.beta1 * moment1[i] + (1 - rates.beta1) * g;
        gs_real v = rates.beta2 * moment2[i] + (1 - rates.beta2) * (g * g);
        moment1[i] = m;
        moment2[i] = v;
        parameters[i] -= rates.learning_rate * (m * rates.correction1) / (sqrt_real(v * rates.correction2) + rates.epsilon);
    }
}

static void closeness(size_t depth, size_t batch, const gs_real *restrict m, gs_real *restrict close,
                      gs_real *restrict similarity)
{
    for (size_t i = 0; i < batch; i++) {
        gs_real *restrict row = close + i * batch;
        for (size_t j = 0; j < batch; j++) row[j] = 0;
        for (size_t k = 0; k < depth; k++) {
            gs_real here = m[k * batch + i];
            for (size_t j = 0; j < batch; j++) row[j] -= fabs_real(here - m[k * batch + j]);
        }
        for (size_t j = 0; j < batch; j++) row[j] = exp_real(row[j]);
        similarity[i] = sum(batch, row) - 1;
    }
}

static void closeness_gradient(size_t depth, size_t batch, const gs_real *restrict m, const gs_real *restrict close,
                               const gs_real *restrict g, gs_real *restrict dm)
{
    for (size_t k = 0; k < depth; k++) {
        const gs_real *restrict feature = m + k * batch;
        for (size_t i = 0; i < batch; i++) {
            const gs_real *restrict row = close + i * batch;
            gs_real here = feature[i], g_here = g[i];
            gs_real lanes[GS_LANES] = {0};
            size_t j = 0;
            for (; j + GS_LANES <= batch; j += GS_LANES)
                for (size_t lane = 0; lane < GS_LANES; lane++) {
                    gs_real pull = (g_here + g[j + lane]) * row[j + lane], apart = feature[j + lane] - here;
                    lanes[lane] += apart > 0 ? pull : (apart < 0 ? -pull : 0);
                }
            for (size_t lane = 0; j < batch; j++, lane++) {
                gs_real pull = (g_here + g[j]) * row[j], apart = feature[j] - here;
                lanes[lane] += apart > 0 ? pull : (apart < 0 ? -pull : 0);
            }
            dm[k * batch + i] = sum_of_lanes(lanes);
        }
    }
}

static size_t count_between(size_t count, const gs_real *x, gs_real low, gs_real high)
{
    uint32_t inside = 0;
    for (size_t i = 0; i < count; i++) inside += (uint32_t)(x[i] > low) & (uint32_t)(x[i] < high);
    return inside;
}

static void tint(size_t count, const gs_real *restrict template_rgb, const gs_real color[3], gs_real *restrict image)
{
    gs_real pattern[48]; /* a multiple of three channels and of every vector width */
    for (size_t i = 0; i < 48; i++) pattern[i] = color[i % 3];
    for (size_t start = 0; start < count; start += 48)
        for (size_t i = 0; i < 48; i++) image[start + i] = template_rgb[start + i] * pattern[i];
}

static int to_bytes(size_t count, const gs_real *restrict image, uint8_t *restrict bytes)
{
    int bad = 0;
    for (size_t i = 0; i < count; i++) {
        gs_real x = image[i];
        bad |= !(fabs_real(x) < (gs_real)INFINITY);
        gs_real low = x > 0 ? x : 0; /* NaN becomes 0 */
        gs_real clipped = low < 1 ? low : 1;
        bytes[i] = (uint8_t)(int32_t)(clipped * 255 + (gs_real)0.5);
    }
    return bad;
}

static uint32_t mismatches(size_t count, const uint16_t *restrict grey_sum, const uint8_t *restrict grey)
{
    uint32_t total = 0;
    for (size_t p = 0; p < count; p++) {
        int apart = (int)grey_sum[p] - (int)grey[p];
        total += (uint32_t)(apart >= 128) + (uint32_t)(apart <= -128);
    }
    return total;
}

extern const gs_vector_kernels JOIN(gs_vector_, GS_VARIANT);
const gs_vector_kernels JOIN(gs_vector_, GS_VARIANT) = {
    .name = TEXT(GS_VARIANT),
    .exp = exp_all,
    .log = log_all,
    .tanh = tanh_all,
    .sigmoid = sigmoid_all,
    .box_muller = box_muller,
    .bias_linear = bias_linear,
    .bias_tanh = bias_tanh,
    .bias_sigmoid = bias_sigmoid,
    .tanh_gradient = tanh_gradient,
    .sigmoid_gradient = sigmoid_gradient,
    .column_sums = column_sums,
    .sum = sum,
    .logit_loss = logit_loss,
    .adam = adam,
    .closeness = closeness,
    .closeness_gradient = closeness_gradient,
    .count_between = count_between,
    .tint = tint,
    .to_bytes = to_bytes,
    .mismatches = mismatches,
};
