/* The models against an independent framework, in double: first losses and gradients, training steps, samples.
 *
 * What keeps the two apart is not double arithmetic (1e-16) but the noise and the initial weights, which both builds
 * draw in float: ground/vector.h allows a normal number an error of 1e-6, typically 1e-7. That is what a loss may
 * differ by, twice that where it is a sum of squares (a VAE's divergence); a gradient is a sum in which signs cancel,
 * which costs a digit. Ten steps of Adam cost another: where a gradient is nearly zero Adam divides by its own size,
 * and its error is carried into the parameter as if it were a large one. Biases start at zero, so that their whole
 * value is such steps. Every bound is at least four times what was measured. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include "../reference/reference.h"

static const reference_tolerances tolerances = {
    .loss = 1e-6,
    .gradient = 4e-6,
    .trained_loss = 5e-6,
    .parameter = 6e-6,
    .sampled = 4e-8, /* errors of many pixels average out in the sums, and one is small beside the whole; a diffusion
                        model's samples hold the noise itself */
};

int main(void)
{
    gs_blas_one_thread();
    return cmocka_run_group_tests(reference_tests, NULL, NULL);
}
