/* Compiled once per instruction set; the build defines GS_VARIANT (baseline, avx2, avx512). */
#include <stdbool.h>

#include "ground/vector.h"
#include "ground/vector_math.h"
#include "ground/vector_philox.h"

#define JOIN_(a, b) a##b
#define JOIN(a, b) JOIN_(a, b)
#define TEXT_(a) #a
#define TEXT(a) TEXT_(a)

#define MAP(name, formula)                                                                                             \
    static void name(size_t count, const gs_real *x, gs_real *y)                                                       \
    {                                                                                                                  \
        for (size_t i = 0; i < count; i++) y[i] = formula(x[i]);                                                       \
    }
MAP(exp_all, exp_real)
MAP(log_all, log_real)
MAP(tanh_all, tanh_real)
MAP(sigmoid_all, sigmoid_real)

static inline float uniform_of(uint32_t word)
{
    return ((float)(int32_t)(word >> 9) + 0.5f) * 0x1p-23f;
}

static inline float radius_of(uint32_t word)
{
    return sqrtf(-2.0f * log_float(uniform_of(word)));
}

static inline void normals_at(float radius, uint32_t word, float normals[2])
{
    float sine, cosine;
    sincos_turn(uniform_of(word), &sine, &cosine);
    normals[0] = radius * cosine;
    normals[1] = radius * sine;
}

static void box_muller(size_t pairs, const uint32_t *words, float *normals)
{
    for (size_t p = 0; p < pairs; p++) normals_at(radius_of(words[2 * p]), words[2 * p + 1], &normals[2 * p]);
}

static void normals_of_blocks(size_t count, const uint32_t counter[4], const uint32_t key[2], gs_real *normals)
{
    enum { AT_ONCE = 4 * GS_LANES };
    uint32_t words[4][GS_LANES], at[4] = {counter[0], counter[1], counter[2], counter[3]};
    wide keys[PHILOX_ROUNDS][2];
    float radii[2][GS_LANES];
    gs_real spare[AT_ONCE];
    philox_keys(key, keys);
    for (size_t done = 0; done < count; done += AT_ONCE, at[0] += GS_LANES) {
        size_t left = count - done;
        gs_real *to = left < AT_ONCE ? spare : normals + done; /* cppcheck-suppress legacyUninitvar */
        philox_lanes(at, keys, words);
        /* Two loops, since the processor overlaps more passes of a short one. */
        for (size_t half = 0; half < 2; half++)
            for (size_t lane = 0; lane < GS_LANES; lane++) radii[half][lane] = radius_of(words[2 * half][lane]);
        for (size_t lane = 0; lane < GS_LANES; lane++) {
            float four[4];
            normals_at(radii[0][lane], words[1][lane], &four[0]);
            normals_at(radii[1][lane], words[3][lane], &four[2]);
            for (size_t i = 0; i < 4; i++) to[4 * lane + i] = (gs_real)four[i];
        }
        /* cppcheck-suppress uninitvar ; written through `to` */
        if (left < AT_ONCE) memcpy(normals + done, spare, left * sizeof *spare);
    }
}

#define IDENTITY(x) (x)
#define BIAS(name, formula)                                                                                            \
    static void name(size_t rows, size_t columns, size_t stride, const gs_real *restrict bias, gs_real *restrict y)    \
    {                                                                                                                  \
        for (size_t r = 0; r < rows; r++)                                                                              \
            for (size_t c = 0; c < columns; c++) y[r * stride + c] = formula(y[r * stride + c] + bias[c]);             \
    }
BIAS(bias_linear, IDENTITY)
BIAS(bias_tanh, tanh_real)
BIAS(bias_sigmoid, sigmoid_real)

static void tanh_gradient(size_t rows, size_t columns, size_t stride, const gs_real *restrict y, gs_real *restrict dy)
{
    for (size_t r = 0; r < rows; r++)
        for (size_t c = 0; c < columns; c++) dy[r * stride + c] *= 1 - y[r * stride + c] * y[r * stride + c];
}

static void sigmoid_gradient(size_t rows, size_t columns, size_t stride, const gs_real *restrict y,
                             gs_real *restrict dy)
{
    for (size_t r = 0; r < rows; r++)
        for (size_t c = 0; c < columns; c++) dy[r * stride + c] *= y[r * stride + c] * (1 - y[r * stride + c]);
}

static void tanh_curvature(size_t count, const gs_real *restrict y, const gs_real *restrict tangents,
                           const gs_real *restrict backward, gs_real *restrict dy)
{
    for (size_t i = 0; i < count; i++) dy[i] -= 2 * (y[i] * (tangents[i] * backward[i]));
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

static gs_real sum_squares(size_t count, const gs_real *x)
{
    gs_real lanes[GS_LANES] = {0};
    size_t i = 0;
    for (; i + GS_LANES <= count; i += GS_LANES)
        for (size_t lane = 0; lane < GS_LANES; lane++) lanes[lane] += x[i + lane] * x[i + lane];
    for (size_t lane = 0; i < count; i++, lane++) lanes[lane] += x[i] * x[i];
    return sum_of_lanes(lanes);
}

static gs_real product_sum(size_t count, const gs_real *x, const gs_real *y)
{
    gs_real lanes[GS_LANES] = {0};
    size_t i = 0;
    for (; i + GS_LANES <= count; i += GS_LANES)
        for (size_t lane = 0; lane < GS_LANES; lane++) lanes[lane] += x[i + lane] * y[i + lane];
    for (size_t lane = 0; i < count; i++, lane++) lanes[lane] += x[i] * y[i];
    return sum_of_lanes(lanes);
}

static void deviations_of(size_t rows, size_t columns, size_t stride, gs_real epsilon, const gs_real *restrict x,
                          gs_real *restrict means, gs_real *restrict deviations)
{
    for (size_t c = 0; c < columns; c++) means[c] = deviations[c] = 0;
    column_sums(rows, columns, stride, x, means);
    for (size_t c = 0; c < columns; c++) means[c] /= (gs_real)rows;
    for (size_t r = 0; r < rows; r++)
        for (size_t c = 0; c < columns; c++) {
            gs_real apart = x[r * stride + c] - means[c];
            deviations[c] += apart * apart;
        }
    for (size_t c = 0; c < columns; c++) deviations[c] = sqrt_real(deviations[c] / (gs_real)rows + epsilon);
}

static void deviations_gradient(size_t rows, size_t columns, size_t stride, gs_real weight, const gs_real *restrict x,
                                const gs_real *restrict means, const gs_real *restrict deviations, gs_real *restrict dx)
{
    for (size_t r = 0; r < rows; r++)
        for (size_t c = 0; c < columns; c++)
            dx[r * stride + c] += weight * (x[r * stride + c] - means[c]) / deviations[c];
}

/* Not memset: for large arrays it goes past the caches (rep stosb on AMD), where the numbers are wanted next. */
static void fill(size_t count, gs_real value, gs_real *x)
{
    for (size_t i = 0; i < count; i++) x[i] = value;
}

static void scale(size_t count, gs_real factor, gs_real *x)
{
    for (size_t i = 0; i < count; i++) x[i] *= factor;
}

/* NaN is passed over. More lanes than in a sum, as gcc unrolls 16 of them and then keeps them scalar; the order does
 * not matter here. */
static gs_real maximum(size_t count, const gs_real *x)
{
    enum { LANES = 2 * GS_LANES };
    gs_real lanes[LANES];
    for (size_t lane = 0; lane < LANES; lane++) lanes[lane] = -(gs_real)INFINITY;
    size_t i = 0;
    for (; i + LANES <= count; i += LANES)
        for (size_t lane = 0; lane < LANES; lane++) lanes[lane] = x[i + lane] > lanes[lane] ? x[i + lane] : lanes[lane];
    for (size_t lane = 0; i < count; i++, lane++) lanes[lane] = x[i] > lanes[lane] ? x[i] : lanes[lane];
    for (size_t lane = 1; lane < LANES; lane++) lanes[0] = lanes[lane] > lanes[0] ? lanes[lane] : lanes[0];
    return lanes[0];
}

static gs_real softmax_loss(size_t count, size_t target, gs_real weight, const gs_real *restrict x,
                            gs_real *restrict dx)
{
    gs_real largest = maximum(count, x);
    for (size_t i = 0; i < count; i++) dx[i] = exp_real(x[i] - largest);
    gs_real total = sum(count, dx);
    scale(count, weight / total, dx);
    dx[target] -= weight;
    return log_real(total) - (x[target] - largest);
}

static gs_real sigmoid_loss(size_t count, size_t target, gs_real weight, const gs_real *restrict x,
                            gs_real *restrict dx)
{
    for (size_t i = 0; i < count; i++) dx[i] = (x[i] < 0 ? 0 : x[i]) + log_real(1 + exp_real(-fabs_real(x[i])));
    gs_real total = sum(count, dx);
    for (size_t i = 0; i < count; i++) dx[i] = weight * sigmoid_real(x[i]);
    dx[target] -= weight;
    return total - x[target];
}

static void softmax_weights(size_t count, gs_real *restrict x, gs_real sums[restrict GS_LANES])
{
    gs_real largest = maximum(count, x), lanes[GS_LANES] = {0};
    for (size_t i = 0; i < count; i++) x[i] = exp_real(x[i] - largest);
    size_t i = 0;
    for (; i + GS_LANES <= count; i += GS_LANES)
        for (size_t lane = 0; lane < GS_LANES; lane++) lanes[lane] += x[i + lane];
    for (size_t lane = 0; i < count; i++, lane++) lanes[lane] += x[i];
    for (size_t lane = 0; lane < GS_LANES; lane++) sums[lane] = lanes[lane];
}

static void lstm_forward(size_t rows, size_t units, const gs_real *restrict c_before, gs_real *restrict gates,
                         gs_real *restrict c, gs_real *restrict h)
{
    for (size_t r = 0; r < rows; r++) {
        gs_real *restrict i = gates + 4 * r * units, *restrict f = i + units;
        gs_real *restrict g = f + units, *restrict o = g + units;
        for (size_t k = 0; k < units; k++) {
            gs_real in = sigmoid_real(i[k]), kept = sigmoid_real(f[k]), new = tanh_real(g[k]), out = sigmoid_real(o[k]);
            gs_real cell = kept * c_before[r * units + k] + in * new;
            i[k] = in;
            f[k] = kept;
            g[k] = new;
            o[k] = out;
            c[r * units + k] = cell;
            h[r * units + k] = out * tanh_real(cell);
        }
    }
}

static void lstm_backward(size_t rows, size_t units, const gs_real *restrict c_before, const gs_real *restrict c,
                          const gs_real *restrict dh, gs_real *restrict dc, gs_real *restrict gates)
{
    for (size_t r = 0; r < rows; r++) {
        gs_real *restrict i = gates + 4 * r * units, *restrict f = i + units;
        gs_real *restrict g = f + units, *restrict o = g + units;
        for (size_t k = 0; k < units; k++) {
            size_t at = r * units + k;
            gs_real in = i[k], kept = f[k], new = g[k], out = o[k], squashed = tanh_real(c[at]);
            gs_real dcell = dc[at] + dh[at] * out * (1 - squashed * squashed);
            i[k] = dcell * new *(in * (1 - in));
            f[k] = dcell * c_before[at] * (kept * (1 - kept));
            g[k] = dcell * in * (1 - new *new);
            o[k] = dh[at] * squashed * (out * (1 - out));
            dc[at] = dcell * kept;
        }
    }
}

static void quantise(size_t count, gs_real levels, const gs_real *restrict template, const gs_real color[8],
                     const gs_real *restrict base, gs_real *restrict y)
{
    gs_real pattern[8];
    for (size_t i = 0; i < 8; i++) pattern[i] = color[i];
    for (size_t start = 0; start < count; start += 8)
        for (size_t i = 0; i < 8; i++) {
            gs_real level = (gs_real)(int32_t)(levels * (template[start + i] * pattern[i]));
            y[start + i] = base[start + i] + (level < levels ? level : levels - 1) / levels;
        }
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

static gs_real squared_error(size_t count, gs_real weight, const gs_real *restrict y, const gs_real *restrict target,
                             gs_real *restrict dy)
{
    gs_real lanes[GS_LANES] = {0};
    size_t i = 0;
    for (; i + GS_LANES <= count; i += GS_LANES)
        for (size_t lane = 0; lane < GS_LANES; lane++) {
            gs_real apart = y[i + lane] - target[i + lane];
            dy[i + lane] = weight * apart;
            lanes[lane] += apart * apart;
        }
    for (size_t lane = 0; i < count; i++, lane++) {
        gs_real apart = y[i] - target[i];
        dy[i] = weight * apart;
        lanes[lane] += apart * apart;
    }
    return sum_of_lanes(lanes) / 2;
}

static const gs_real log_variance_limit = 10;

static void latent(size_t rows, size_t latents, const gs_real *restrict encoded, const gs_real *restrict noise,
                   gs_real *restrict deviations, gs_real *restrict z, gs_real *restrict divergences)
{
    for (size_t r = 0; r < rows; r++)
        for (size_t c = 0; c < latents; c++) {
            size_t at = r * latents + c;
            gs_real mean = encoded[2 * r * latents + c], v = encoded[(2 * r + 1) * latents + c];
            v = v < -log_variance_limit ? -log_variance_limit : v; /* NaN stays */
            v = v > log_variance_limit ? log_variance_limit : v;
            gs_real deviation = exp_real(v / 2);
            deviations[at] = deviation;
            z[at] = mean + deviation * noise[at];
            divergences[at] = (mean * mean + deviation * deviation - v - 1) / 2;
        }
}

static void latent_gradient(size_t rows, size_t latents, gs_real weight, const gs_real *restrict encoded,
                            const gs_real *restrict noise, const gs_real *restrict deviations,
                            const gs_real *restrict dz, gs_real *restrict dencoded)
{
    for (size_t r = 0; r < rows; r++)
        for (size_t c = 0; c < latents; c++) {
            size_t at = r * latents + c;
            gs_real mean = encoded[2 * r * latents + c], v = encoded[(2 * r + 1) * latents + c],
                    deviation = deviations[at];
            gs_real slope = (dz[at] * noise[at] * deviation + weight * (deviation * deviation - 1)) / 2;
            dencoded[2 * r * latents + c] = dz[at] + weight * mean;
            dencoded[(2 * r + 1) * latents + c] = fabs_real(v) > log_variance_limit ? 0 : slope;
        }
}

/* Returns the new parameter. */
static inline gs_real adam_one(gs_adam_rates rates, gs_real gradient, gs_real *moment1, gs_real *moment2,
                               gs_real parameter)
{
    gs_real m = rates.beta1 * *moment1 + (1 - rates.beta1) * gradient;
    gs_real v = rates.beta2 * *moment2 + (1 - rates.beta2) * (gradient * gradient);
    *moment1 = m;
    *moment2 = v;
    return parameter -
           rates.learning_rate * (m * rates.correction1) / (sqrt_real(v * rates.correction2) + rates.epsilon);
}

static void adam(size_t count, gs_adam_rates rates, const gs_real *restrict gradient, gs_real *restrict moment1,
                 gs_real *restrict moment2, gs_real *restrict parameters)
{
    for (size_t i = 0; i < count; i++)
        parameters[i] = adam_one(rates, gradient[i], &moment1[i], &moment2[i], parameters[i]);
}

static void adam_average(size_t count, gs_adam_rates rates, gs_real approach, const gs_real *restrict gradient,
                         gs_real *restrict moment1, gs_real *restrict moment2, gs_real *restrict parameters,
                         gs_real *restrict averages)
{
    for (size_t i = 0; i < count; i++) {
        gs_real parameter = adam_one(rates, gradient[i], &moment1[i], &moment2[i], parameters[i]);
        parameters[i] = parameter;
        averages[i] += approach * (parameter - averages[i]);
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

static void shift(size_t count, gs_real by, gs_real *x)
{
    for (size_t i = 0; i < count; i++) x[i] += by;
}

static void blend(size_t count, gs_real a, const gs_real *restrict x, gs_real b, const gs_real *restrict y,
                  gs_real *restrict sum)
{
    for (size_t i = 0; i < count; i++) sum[i] = a * x[i] + b * y[i];
}

static void step_back(size_t count, gs_step_back rates, const gs_real *restrict predicted,
                      const gs_real *restrict noise, gs_real *restrict x)
{
    for (size_t i = 0; i < count; i++) {
        gs_real estimate = rates.estimate_x * x[i] + rates.estimate_predicted * predicted[i];
        estimate = estimate < rates.low ? rates.low : estimate; /* NaN stays */
        estimate = estimate > rates.high ? rates.high : estimate;
        x[i] = (rates.estimate * estimate + rates.x * x[i]) + rates.noise * noise[i];
    }
}

extern const gs_vector_kernels JOIN(gs_vector_, GS_VARIANT);
const gs_vector_kernels JOIN(gs_vector_, GS_VARIANT) = {
    .name = TEXT(GS_VARIANT),
    .exp = exp_all,
    .log = log_all,
    .tanh = tanh_all,
    .sigmoid = sigmoid_all,
    .box_muller = box_muller,
    .normals = normals_of_blocks,
    .bias_linear = bias_linear,
    .bias_tanh = bias_tanh,
    .bias_sigmoid = bias_sigmoid,
    .tanh_gradient = tanh_gradient,
    .sigmoid_gradient = sigmoid_gradient,
    .tanh_curvature = tanh_curvature,
    .column_sums = column_sums,
    .sum = sum,
    .sum_squares = sum_squares,
    .product_sum = product_sum,
    .deviations = deviations_of,
    .deviations_gradient = deviations_gradient,
    .fill = fill,
    .scale = scale,
    .logit_loss = logit_loss,
    .softmax_loss = softmax_loss,
    .sigmoid_loss = sigmoid_loss,
    .softmax_weights = softmax_weights,
    .lstm_forward = lstm_forward,
    .lstm_backward = lstm_backward,
    .quantise = quantise,
    .squared_error = squared_error,
    .latent = latent,
    .latent_gradient = latent_gradient,
    .shift = shift,
    .blend = blend,
    .step_back = step_back,
    .adam = adam,
    .adam_average = adam_average,
    .closeness = closeness,
    .closeness_gradient = closeness_gradient,
    .count_between = count_between,
    .tint = tint,
    .to_bytes = to_bytes,
    .mismatches = mismatches,
};
