#include "models/discriminator.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

static gs_dense add_layer(gs_tensor_table *table, int i, int inputs, int outputs, gs_activation activation)
{
    char name[GS_TENSOR_NAME];
    snprintf(name, sizeof name, "discriminator/dense_%d", i);
    return gs_dense_add(table, name, inputs, outputs, activation);
}

static void add_spectral(gs_discriminator *discriminator, gs_tensor_table *table, int kernel)
{
    discriminator->spectral[discriminator->spectral_count++] = gs_spectral_add(table, kernel);
}

gs_discriminator gs_discriminator_add(gs_tensor_table *table, const gs_settings *settings)
{
    gs_discriminator made = {
        .packing = gs_settings_int(settings, GS_SETTING_PACKING),
        .minibatch_on = gs_settings_on(settings, GS_SETTING_MINIBATCH_DISCRIMINATION),
        .deviation_on = gs_settings_on(settings, GS_SETTING_MINIBATCH_STDDEV),
        .spectral_on = gs_settings_on(settings, GS_SETTING_SPECTRAL_NORM),
        .penalty_on = gs_settings_real(settings, GS_SETTING_R1) > 0 || gs_settings_real(settings, GS_SETTING_R2) > 0,
        .first = table->size,
    };
    made.packs = gs_settings_int(settings, GS_SETTING_BATCH_SIZE) / made.packing;
    int d1 = gs_settings_int(settings, GS_SETTING_DISCRIMINATOR_HIDDEN_1),
        d2 = gs_settings_int(settings, GS_SETTING_DISCRIMINATOR_HIDDEN_2),
        d3 = gs_settings_int(settings, GS_SETTING_DISCRIMINATOR_HIDDEN_3), beside = made.deviation_on ? 1 : 0;
    made.layers[0] = add_layer(table, 0, made.packing * GS_IMAGE, d1, GS_TANH);
    made.layers[1] = add_layer(table, 1, d1, d2, GS_TANH);
    if (made.minibatch_on) {
        int similarities = gs_settings_int(settings, GS_SETTING_MBD_FEATURES);
        made.minibatch = gs_minibatch_add(table, "discriminator/minibatch", d2, similarities,
                                          gs_settings_int(settings, GS_SETTING_MBD_KERNEL_DIM));
        beside += similarities;
    }
    made.layers[2] = add_layer(table, 2, d2 + beside, d3, GS_TANH);
    made.layers[3] = add_layer(table, 3, d3, 1, GS_LINEAR);
    made.end = table->size;
    if (!made.spectral_on) return made;
    for (int i = 0; i < GS_DISCRIMINATOR_LAYERS; i++) add_spectral(&made, table, made.layers[i].kernel);
    if (made.minibatch_on) add_spectral(&made, table, made.minibatch.kernel);
    return made;
}

/* Columns of layer i's own output, without what minibatch layers put beside the features. */
static int units_of(const gs_discriminator *discriminator, const gs_tensor_table *table, int i)
{
    return table->tensors[discriminator->layers[i].bias].columns;
}

void gs_discriminator_take(gs_discriminator *discriminator, gs_tensor_table *table, const gs_painter *painter,
                           gs_arena *arena, gs_matrix generated)
{
    int packs = discriminator->packs, packing = discriminator->packing;
    assert(generated.rows == packs * packing && generated.stride == GS_IMAGE);
    discriminator->generated = gs_matrix_of(generated.values, packs, packing * GS_IMAGE);
    for (int i = 0; i < GS_DISCRIMINATOR_LAYERS; i++) {
        bool last = i == GS_LOGIT_LAYER;
        int room = last ? 1 : table->tensors[discriminator->layers[i + 1].kernel].rows;
        discriminator->judged[i] = gs_matrix_take(arena, packs, room);
        discriminator->djudged[i] = gs_matrix_take(arena, packs, room);
    }
    discriminator->real = gs_painted_take(painter, arena, packs, packing, units_of(discriminator, table, 0));
    if (discriminator->minibatch_on) gs_minibatch_take(&discriminator->minibatch, arena, packs);
    if (discriminator->deviation_on)
        discriminator->deviation = gs_deviation_take(arena, units_of(discriminator, table, GS_FEATURE_LAYER));
    if (discriminator->penalty_on)
        discriminator->penalty =
            gs_gradient_penalty_take(discriminator->layers, GS_DISCRIMINATOR_LAYERS, table, arena, packs);
    if (!discriminator->spectral_on) return;
    discriminator->normalised = gs_arena_take_scratch(arena, table->size, sizeof(gs_real));
    for (int i = 0; i < discriminator->spectral_count; i++) gs_spectral_take(&discriminator->spectral[i], table, arena);
}

void gs_discriminator_begin(gs_discriminator *discriminator, const gs_tensor_table *table, gs_real *parameters,
                            bool very_start)
{
    enum { ITERATIONS = 15 }; /* at the very start, as PyTorch does */
    if (!discriminator->spectral_on) return;
    size_t first = discriminator->first, count = discriminator->end - first;
    memcpy(discriminator->normalised + first, parameters + first, count * sizeof *parameters);
    for (int i = 0; i < discriminator->spectral_count; i++) {
        gs_spectral *spectral = &discriminator->spectral[i];
        for (int k = 0; k < ITERATIONS && very_start; k++) gs_spectral_iterate(spectral, table, parameters);
        gs_spectral_normalise(spectral, table, parameters, discriminator->normalised);
    }
}

void gs_discriminator_updated(gs_discriminator *discriminator, const gs_tensor_table *table, gs_real *parameters)
{
    for (int i = 0; i < discriminator->spectral_count; i++)
        gs_spectral_iterate(&discriminator->spectral[i], table, parameters);
}

/* What the layers work with. */
static gs_real *weights_of(const gs_discriminator *discriminator, gs_real *parameters)
{
    return discriminator->spectral_on ? discriminator->normalised : parameters;
}

/* The output of layer i alone, without what may stand behind it in `rows`. */
static gs_matrix units_alone(const gs_discriminator *discriminator, const gs_tensor_table *table, int i, gs_matrix rows)
{
    return gs_matrix_columns(rows, 0, units_of(discriminator, table, i));
}

/* What stands behind the features: similarities, then the deviation in the last column. */
static gs_matrix similarities_of(const gs_discriminator *discriminator, gs_matrix rows)
{
    return gs_matrix_columns(rows, discriminator->minibatch.inputs, discriminator->minibatch.features);
}

static gs_matrix deviation_of(gs_matrix rows)
{
    return gs_matrix_columns(rows, rows.columns - 1, 1);
}

gs_matrix gs_discriminator_forward(gs_discriminator *discriminator, const gs_tensor_table *table, gs_real *parameters,
                                   gs_origin from, int until)
{
    gs_real *weights = weights_of(discriminator, parameters);
    gs_matrix input = discriminator->generated, output = {0};
    for (int i = 0; i <= until; i++) {
        const gs_dense *layer = &discriminator->layers[i];
        gs_matrix rows = discriminator->judged[i];
        output = units_alone(discriminator, table, i, rows);
        if (i == 0 && from == GS_REAL) gs_painted_forward(&discriminator->real, layer, table, weights, output);
        else gs_dense_forward(layer, table, weights, input, output);
        if (i == GS_FEATURE_LAYER && discriminator->minibatch_on)
            gs_minibatch_forward(&discriminator->minibatch, table, weights, output,
                                 similarities_of(discriminator, rows));
        if (i == GS_FEATURE_LAYER && discriminator->deviation_on)
            gs_deviation_forward(&discriminator->deviation, output, deviation_of(rows));
        input = rows;
    }
    return output;
}

gs_matrix gs_discriminator_gradient_on(const gs_discriminator *discriminator, const gs_tensor_table *table, int i)
{
    return units_alone(discriminator, table, i, discriminator->djudged[i]);
}

/* The gradients that come by what stands behind the features are added to those on the features. */
static void beside_backward(gs_discriminator *discriminator, const gs_tensor_table *table, gs_real *weights,
                            gs_gradients gradients)
{
    gs_matrix drows = discriminator->djudged[GS_FEATURE_LAYER];
    gs_matrix features = units_alone(discriminator, table, GS_FEATURE_LAYER, discriminator->judged[GS_FEATURE_LAYER]);
    gs_matrix dfeatures = units_alone(discriminator, table, GS_FEATURE_LAYER, drows);
    if (discriminator->minibatch_on)
        gs_minibatch_backward(&discriminator->minibatch, table, weights, features,
                              similarities_of(discriminator, drows), gradients, dfeatures);
    if (discriminator->deviation_on)
        gs_deviation_backward(&discriminator->deviation, features, deviation_of(drows), dfeatures);
}

void gs_discriminator_backward(gs_discriminator *discriminator, const gs_tensor_table *table, gs_real *parameters,
                               gs_origin from, int until, gs_gradients gradients, gs_matrix dimages)
{
    gs_real *weights = weights_of(discriminator, parameters);
    gs_matrix dpacks = {0};
    if (dimages.values != NULL)
        dpacks = gs_matrix_of(dimages.values, discriminator->packs, discriminator->packing * GS_IMAGE);
    for (int i = until; i >= 0; i--) {
        const gs_dense *layer = &discriminator->layers[i];
        gs_matrix output = units_alone(discriminator, table, i, discriminator->judged[i]),
                  doutput = units_alone(discriminator, table, i, discriminator->djudged[i]);
        if (i == GS_FEATURE_LAYER && until > GS_FEATURE_LAYER)
            beside_backward(discriminator, table, weights, gradients);
        if (i == 0 && from == GS_REAL)
            gs_painted_backward(&discriminator->real, layer, table, output, doutput, gradients);
        else
            gs_dense_backward(layer, table, weights, i == 0 ? discriminator->generated : discriminator->judged[i - 1],
                              output, doutput, gradients, i == 0 ? dpacks : discriminator->djudged[i - 1]);
    }
}

double gs_discriminator_penalty(gs_discriminator *discriminator, const gs_tensor_table *table, gs_real *parameters,
                                gs_origin from, double gamma, gs_real *gradients)
{
    assert(discriminator->penalty_on && !discriminator->minibatch_on && !discriminator->deviation_on);
    const gs_dense *first = &discriminator->layers[0];
    gs_matrix dfirst;
    double penalty =
        gs_gradient_penalty_add(&discriminator->penalty, gamma, table, weights_of(discriminator, parameters),
                                discriminator->judged, gradients, &dfirst);
    if (from == GS_REAL)
        gs_painted_kernel_gradient(&discriminator->real, first, table, dfirst,
                                   (gs_gradients){.parameters = gradients, .keep = 1});
    else
        gs_matrix_multiply(GS_TRANSPOSED, discriminator->generated, GS_PLAIN, dfirst, 1,
                           gs_tensor_view(table, first->kernel, gradients));
    return penalty;
}

void gs_discriminator_gradients_done(gs_discriminator *discriminator, const gs_tensor_table *table, gs_real *parameters,
                                     gs_real *gradients)
{
    for (int i = 0; i < discriminator->spectral_count; i++)
        gs_spectral_gradient(&discriminator->spectral[i], table, parameters, discriminator->normalised, gradients);
}
