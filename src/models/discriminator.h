/* The discriminator of the gan (METHODS section 3): image -> tanh -> tanh, features f -> tanh -> logit, and what
 * settings add to it.
 *
 * - packing m (Lin et al. 2018): it reads m images of one kind side by side and gives them one logit; a batch of B
 * images is B / m rows ("packs").
 * - minibatch discrimination (nn/minibatch.h), minibatch standard deviation (nn/deviation.h): more columns behind f,
 *   which the next layer reads too: [f, similarities, deviation].
 * - spectral normalisation (nn/spectral.h) of all kernels.
 *
 * It reads the generated images, or a batch of the data that it never paints (models/painted.h). */
#ifndef GS_MODELS_DISCRIMINATOR_H
#define GS_MODELS_DISCRIMINATOR_H

#include "models/gradient_penalty.h"
#include "models/painted.h"
#include "nn/deviation.h"
#include "nn/minibatch.h"
#include "nn/spectral.h"
#include "settings/settings.h"

enum { GS_DISCRIMINATOR_LAYERS = 4, GS_FEATURE_LAYER = 1, GS_LOGIT_LAYER = GS_DISCRIMINATOR_LAYERS - 1 };

/* What the discriminator reads. */
typedef enum { GS_GENERATED, GS_REAL, GS_ORIGIN_COUNT } gs_origin;

typedef struct {
    int packing, packs;
    bool minibatch_on, deviation_on, spectral_on, penalty_on;
    size_t first, end; /* its parameters: those that are trained */

    gs_dense layers[GS_DISCRIMINATOR_LAYERS];
    gs_minibatch minibatch;
    gs_deviation deviation;
    gs_spectral spectral[GS_DISCRIMINATOR_LAYERS + 1]; /* of the dense kernels, then of minibatch discrimination's */
    int spectral_count;
    gs_gradient_penalty penalty;
    gs_real *normalised; /* the parameters with normalised kernels, in the table's layout; without: NULL */

    gs_matrix generated; /* packs x (packing GS_IMAGE) */
    gs_painted real;
    /* Outputs of the layers and the gradients of the loss on them, one row a pack. */
    gs_matrix judged[GS_DISCRIMINATOR_LAYERS], djudged[GS_DISCRIMINATOR_LAYERS];
} gs_discriminator;

/* Registers its tensors. */
gs_discriminator gs_discriminator_add(gs_tensor_table *table, const gs_settings *settings);

/* Takes the scratch for batches as the settings have them. `generated`: the images that it will read (B x GS_IMAGE).
 * Memory: see gs_arena_take. */
void gs_discriminator_take(gs_discriminator *discriminator, gs_tensor_table *table, const gs_painter *painter,
                           gs_arena *arena, gs_matrix generated);

/* To be called before weights are used that were updated or loaded since: works out the normalised ones. At the very
 * start the directions of the singular values are looked for first. */
void gs_discriminator_begin(gs_discriminator *discriminator, const gs_tensor_table *table, gs_real *parameters,
                            bool very_start);

/* To be called after each update of the weights: the directions of the singular values follow. */
void gs_discriminator_updated(gs_discriminator *discriminator, const gs_tensor_table *table, gs_real *parameters);

/* The output of layer `until` for the current batch of that origin: features (packs x units), or logits (packs x 1). */
gs_matrix gs_discriminator_forward(gs_discriminator *discriminator, const gs_tensor_table *table, gs_real *parameters,
                                   gs_origin from, int until);

/* Where the gradient on layer i's output is to be left for the way back; the shape of that output. */
gs_matrix gs_discriminator_gradient_on(const gs_discriminator *discriminator, const gs_tensor_table *table, int i);

/* After the forward pass of the same batch: takes that gradient back through layers `until` ... 0, into the tensors, or
 * into dimages (B x GS_IMAGE; of generated images only), or both. */
void gs_discriminator_backward(gs_discriminator *discriminator, const gs_tensor_table *table, gs_real *parameters,
                               gs_origin from, int until, gs_gradients gradients, gs_matrix dimages);

/* After the forward pass of the same batch: gamma / 2 times the mean square of the logits' gradient on the images; its
 * own gradient is added to `gradients`. Not with what couples the samples of a batch. */
double gs_discriminator_penalty(gs_discriminator *discriminator, const gs_tensor_table *table, gs_real *parameters,
                                gs_origin from, double gamma, gs_real *gradients);

/* When all gradients of an update are there: those on normalised kernels become those on the kernels. */
void gs_discriminator_gradients_done(gs_discriminator *discriminator, const gs_tensor_table *table, gs_real *parameters,
                                     gs_real *gradients);

#endif
