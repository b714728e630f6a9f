#include "models/gradient_penalty.h"

#include <stdbool.h>
#include <string.h>

#include "ground/vector.h"

/* What the formulas hold for. */
static bool is_penalised_chain(const gs_dense *layers, int count)
{
    bool fits = count <= GS_PENALTY_LAYERS_MAX;
    for (int i = 0; i < count; i++) fits = fits && layers[i].activation == (i + 1 < count ? GS_TANH : GS_LINEAR);
    return fits;
}

gs_gradient_penalty gs_gradient_penalty_take(const gs_dense *layers, int count, gs_tensor_table *table, gs_arena *arena,
                                             int rows)
{
    gs_gradient_penalty penalty = {.count = count, .layers = layers};
    if (!is_penalised_chain(layers, count)) {
        table->fault =
            "gradient penalties are worked out for tanh layers with a linear one behind (gradient_penalty.h)";
        return penalty;
    }
    penalty.along = gs_matrix_take(arena, rows, table->tensors[layers[0].kernel].rows);
    for (int i = 0; i < count; i++) {
        int units = table->tensors[layers[i].kernel].columns;
        penalty.slopes[i] = gs_matrix_take(arena, rows, units);
        if (i + 1 == count) break;
        penalty.reached[i] = gs_matrix_take(arena, rows, units);
        penalty.tangents[i] = gs_matrix_take(arena, rows, units);
        penalty.curvatures[i] = gs_matrix_take(arena, rows, units);
    }
    return penalty;
}

static size_t numbers(gs_matrix matrix)
{
    return (size_t)matrix.rows * (size_t)matrix.columns;
}

/* x (1 - h^2), h a layer's output. */
static void times_derivative(gs_matrix output, gs_matrix x)
{
    gs_vector->tanh_gradient((size_t)x.rows, (size_t)x.columns, (size_t)x.stride, output.values, x.values);
}

/* S_i and T_i of all layers, and v. */
static void go_back(gs_gradient_penalty *penalty, const gs_tensor_table *table, gs_real *weights,
                    const gs_matrix *outputs)
{
    int last = penalty->count - 1;
    gs_vector->fill(numbers(penalty->slopes[last]), 1, penalty->slopes[last].values);
    for (int i = last; i >= 0; i--) {
        gs_matrix kernel = gs_tensor_view(table, penalty->layers[i].kernel, weights);
        gs_matrix reached = i > 0 ? penalty->reached[i - 1] : penalty->along;
        gs_matrix_multiply(GS_PLAIN, penalty->slopes[i], GS_TRANSPOSED, kernel, 0, reached);
        if (i == 0) break;
        memcpy(penalty->slopes[i - 1].values, reached.values, gs_matrix_size(reached));
        times_derivative(outputs[i - 1], penalty->slopes[i - 1]);
    }
}

/* All s_i and t_i, from t_(-1); adds t_(i-1)^T S_i to the gradients, and begins A_i with - 2 h_i s_i T_i. */
static void go_along(gs_gradient_penalty *penalty, const gs_tensor_table *table, gs_real *weights,
                     const gs_matrix *outputs, gs_real *gradients)
{
    for (int i = 0; i < penalty->count; i++) {
        gs_matrix before = i > 0 ? penalty->tangents[i - 1] : penalty->along, tangents = penalty->tangents[i];
        gs_matrix_multiply(GS_TRANSPOSED, before, GS_PLAIN, penalty->slopes[i], 1,
                           gs_tensor_view(table, penalty->layers[i].kernel, gradients));
        if (i + 1 == penalty->count) break;
        gs_matrix curvature = penalty->curvatures[i];
        gs_matrix_multiply(GS_PLAIN, before, GS_PLAIN, gs_tensor_view(table, penalty->layers[i].kernel, weights), 0,
                           tangents);
        gs_vector->fill(numbers(curvature), 0, curvature.values);
        gs_vector->tanh_curvature(numbers(curvature), outputs[i].values, tangents.values, penalty->reached[i].values,
                                  curvature.values);
        times_derivative(outputs[i], tangents);
    }
}

/* Finishes A_i, and adds h_(i-1)^T A_i and the biases' gradients. */
static void go_back_again(gs_gradient_penalty *penalty, const gs_tensor_table *table, gs_real *weights,
                          const gs_matrix *outputs, gs_real *gradients)
{
    for (int i = penalty->count - 2; i >= 0; i--) {
        gs_matrix curvature = penalty->curvatures[i];
        if (i + 2 < penalty->count)
            gs_matrix_multiply(GS_PLAIN, penalty->curvatures[i + 1], GS_TRANSPOSED,
                               gs_tensor_view(table, penalty->layers[i + 1].kernel, weights), 1, curvature);
        times_derivative(outputs[i], curvature);
        gs_vector->column_sums((size_t)curvature.rows, (size_t)curvature.columns, (size_t)curvature.stride,
                               curvature.values, gs_tensor_view(table, penalty->layers[i].bias, gradients).values);
        if (i > 0)
            gs_matrix_multiply(GS_TRANSPOSED, outputs[i - 1], GS_PLAIN, curvature, 1,
                               gs_tensor_view(table, penalty->layers[i].kernel, gradients));
    }
}

double gs_gradient_penalty_add(gs_gradient_penalty *penalty, double gamma, const gs_tensor_table *table,
                               gs_real *weights, const gs_matrix *outputs, gs_real *gradients, gs_matrix *dfirst)
{
    gs_matrix along = penalty->along;
    go_back(penalty, table, weights, outputs);
    double squares = (double)gs_vector->sum_squares(numbers(along), along.values);
    gs_vector->scale(numbers(along), (gs_real)(gamma / along.rows), along.values);
    go_along(penalty, table, weights, outputs, gradients);
    go_back_again(penalty, table, weights, outputs, gradients);
    *dfirst = penalty->curvatures[0];
    return gamma / 2 * squares / along.rows;
}
