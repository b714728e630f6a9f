/* The losses of a GAN at single logits, and that their derivatives are theirs (models/gan_loss.h). */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>

#include "models/gan_loss.h"

enum { LOGITS = 5 };

static const gs_real at[LOGITS] = {-3, -1, -0.25f, 0.5f, 2}, other[LOGITS] = {0.5f, -1, 2, 0.25f, -1.5f};

static double softplus(double x)
{
    return log1p(exp(x));
}

static double square(double x)
{
    return x * x;
}

/* What the header says, for logit x of a pair (x, y). */
static double expected(gs_gan_loss loss, gs_loss_of whose, double x, double y)
{
    double t = 1 - (double)loss.smoothing;
    bool real = whose == GS_LOSS_OF_REAL, generator = whose == GS_LOSS_OF_GENERATOR;
    switch (loss.kind) {
    case GS_GAN_LOSS_NON_SATURATING: return real ? softplus(x) - t * x : (generator ? softplus(-x) : softplus(x));
    case GS_GAN_LOSS_HINGE: return real ? fmax(0, 1 - x) : (generator ? -x : fmax(0, 1 + x));
    case GS_GAN_LOSS_LEAST_SQUARES: return real ? square(x - t) : (generator ? square(x - 1) / 2 : square(x));
    default: return real || generator ? softplus(y - x) : softplus(x - y);
    }
}

static void losses_and_derivatives_are_those_of_the_header(void **state)
{
    (void)state;
    for (int kind = GS_GAN_LOSS_NON_SATURATING; kind <= GS_GAN_LOSS_RELATIVISTIC_PAIRING; kind++)
        for (int whose = GS_LOSS_OF_REAL; whose <= GS_LOSS_OF_GENERATOR; whose++) {
            bool has_target = kind == GS_GAN_LOSS_NON_SATURATING || kind == GS_GAN_LOSS_LEAST_SQUARES;
            gs_gan_loss loss = {.kind = kind, .smoothing = has_target ? (gs_real)0.25 : 0};
            gs_real others[LOGITS], losses[LOGITS], derivatives[LOGITS];
            for (int i = 0; i < LOGITS; i++) others[i] = other[i];
            gs_gan_losses(loss, (gs_loss_of)whose, LOGITS, at, others, losses, derivatives);
            bool twice = kind == GS_GAN_LOSS_RELATIVISTIC_PAIRING && whose != GS_LOSS_OF_GENERATOR;
            for (int i = 0; i < LOGITS; i++) {
                double x = (double)at[i], y = (double)other[i], h = 1e-5;
                double slope =
                    (expected(loss, (gs_loss_of)whose, x + h, y) - expected(loss, (gs_loss_of)whose, x - h, y)) /
                    (2 * h);
                assert_true(fabs((double)losses[i] - expected(loss, (gs_loss_of)whose, x, y)) <= 1e-6);
                bool kink = kind == GS_GAN_LOSS_HINGE && fabs(x) == 1;
                assert_true(kink || fabs((double)derivatives[i] - (twice ? 2 : 1) * slope) <= 1e-5);
            }
        }
}

static void nan_stays(void **state)
{
    (void)state;
    for (int kind = GS_GAN_LOSS_NON_SATURATING; kind <= GS_GAN_LOSS_RELATIVISTIC_PAIRING; kind++)
        for (int whose = GS_LOSS_OF_REAL; whose <= GS_LOSS_OF_GENERATOR; whose++) {
            gs_real nan = (gs_real)NAN, others = 1, loss, derivative;
            gs_gan_losses((gs_gan_loss){.kind = kind}, (gs_loss_of)whose, 1, &nan, &others, &loss, &derivative);
            assert_true(isnan(loss));
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(losses_and_derivatives_are_those_of_the_header),
        cmocka_unit_test(nan_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
