/* The models against an independent framework, as the program is shipped: in float, with its own exp, log and tanh.
 *
 * A float has 6e-8; products of 2352 terms add their errors up as a random walk, 50 times that at worst: 3e-6. A loss
 * is a mean over the batch, and better. A gradient loses a digit to cancellation, and ten steps of Adam another (see
 * tests/double/test_reference.c). The order of summation differs between BLAS kernels, so every bound is at least four
 * times what was measured with those of Prescott, Sandy Bridge, Haswell and Zen. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include "../reference/reference.h"

static const reference_tolerances tolerances = {
    .loss = 2e-6,
    .gradient = 2e-5,
    .trained_loss = 8e-5,
    .parameter = 1e-4,
    .sampled = 1e-6,
};

int main(void)
{
    gs_blas_one_thread();
    return cmocka_run_group_tests(reference_tests, NULL, NULL);
}
