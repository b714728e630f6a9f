/* The losses of a GAN, on the logits x of its discriminator: of a real batch r_i and a generated one g_i.
 *
 * The discriminator minimises (R + G) / 2, a mean over real and one over generated logits; the generator a mean over
 * generated ones.
 *
 *   loss                   R: a real logit      G: a generated one    the generator's        source
 *   non_saturating         softplus(-x) *       softplus(x)           softplus(-x)           Goodfellow et al. 2014
 *   hinge                  max(0, 1 - x)        max(0, 1 + x)         -x                     Lim & Ye 2017
 *   least_squares          (x - t)^2            x^2                   (x - 1)^2 / 2          Mao et al. 2017
 *   relativistic_pairing   softplus(g_i - r_i)  the same, of pair i   softplus(r_i - g_i)    Jolicoeur-Martineau 2019
 *
 * So (R + G) / 2 is half of what the papers of the first two minimise, and all of what those of the last two do.
 *
 * With label smoothing s (Salimans et al. 2016, section 3.4) a real image's target is t = 1 - s rather than 1:
 * * becomes softplus(x) - t x. */
#ifndef GS_MODELS_GAN_LOSS_H
#define GS_MODELS_GAN_LOSS_H

#include <stddef.h>

#include "ground/real.h"
#include "settings/settings.h"

/* Whose loss: the discriminator's on real or on generated images, or the generator's. */
typedef enum { GS_LOSS_OF_REAL, GS_LOSS_OF_GENERATED, GS_LOSS_OF_GENERATOR } gs_loss_of;

typedef struct {
    int kind; /* GS_GAN_LOSS_... */
    gs_real smoothing;
} gs_gan_loss;

/* What (R + G) / 2 is of the loss of the paper, to which that adds its penalties: 1/2 or 1. */
double gs_gan_loss_share(gs_gan_loss loss);

/* losses[i] and their derivatives by logits[i]. `others`: the logits of the other batch, for relativistic_pairing
 * alone, which overwrites them; its R and G are both the loss of the pair, and a derivative counts for both, so that
 * the gradient of (R + G) / 2 is half of each as for the other losses. */
void gs_gan_losses(gs_gan_loss loss, gs_loss_of whose, size_t count, const gs_real *logits, gs_real *others,
                   gs_real *losses, gs_real *derivatives);

#endif
