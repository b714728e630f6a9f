#include "models/gan_loss.h"

#include "ground/vector.h"

double gs_gan_loss_share(gs_gan_loss loss)
{
    return loss.kind == GS_GAN_LOSS_NON_SATURATING || loss.kind == GS_GAN_LOSS_HINGE ? 0.5 : 1;
}

static void hinge(gs_loss_of whose, size_t count, const gs_real *logits, gs_real *losses, gs_real *derivatives)
{
    gs_real sign = whose == GS_LOSS_OF_GENERATED ? 1 : -1;
    for (size_t i = 0; i < count; i++) {
        gs_real loss = 1 + sign * logits[i];
        bool flat = whose != GS_LOSS_OF_GENERATOR && loss <= 0; /* NaN stays */
        losses[i] = whose == GS_LOSS_OF_GENERATOR ? -logits[i] : (flat ? 0 : loss);
        derivatives[i] = flat ? 0 : sign;
    }
}

static void least_squares(gs_loss_of whose, gs_real target, size_t count, const gs_real *logits, gs_real *losses,
                          gs_real *derivatives)
{
    gs_real weight = whose == GS_LOSS_OF_GENERATOR ? 1 : 2;
    for (size_t i = 0; i < count; i++) {
        gs_real apart = logits[i] - target;
        losses[i] = weight / 2 * (apart * apart);
        derivatives[i] = weight * apart;
    }
}

/* Binary cross-entropy of how far apart a pair is: own logit less the other's for the generator and for real images,
 * which want it to be large. */
static void pairing(gs_loss_of whose, size_t count, const gs_real *logits, gs_real *others, gs_real *losses,
                    gs_real *derivatives)
{
    gs_real sign = whose == GS_LOSS_OF_GENERATED ? -1 : 1, weight = whose == GS_LOSS_OF_GENERATOR ? 1 : 2;
    for (size_t i = 0; i < count; i++) others[i] = sign * (logits[i] - others[i]);
    gs_vector->logit_loss(count, 1, others, losses, derivatives);
    gs_vector->scale(count, sign * weight, derivatives);
}

void gs_gan_losses(gs_gan_loss loss, gs_loss_of whose, size_t count, const gs_real *logits, gs_real *others,
                   gs_real *losses, gs_real *derivatives)
{
    gs_real target = whose == GS_LOSS_OF_GENERATED ? 0 : (whose == GS_LOSS_OF_REAL ? 1 - loss.smoothing : 1);
    switch (loss.kind) {
    case GS_GAN_LOSS_NON_SATURATING: gs_vector->logit_loss(count, target, logits, losses, derivatives); break;
    case GS_GAN_LOSS_HINGE: hinge(whose, count, logits, losses, derivatives); break;
    case GS_GAN_LOSS_LEAST_SQUARES: least_squares(whose, target, count, logits, losses, derivatives); break;
    case GS_GAN_LOSS_RELATIVISTIC_PAIRING: pairing(whose, count, logits, others, losses, derivatives); break;
    default: break;
    }
}
