/* The two processes of diffusion: noising an image, and one step back (METHODS section 3, "Diffusion, correct form").
 *
 * Time t runs from 1 (hardly noisy) to T. With a_t = 1 - b_t and ab_t = a_1 ... a_t, images shifted to [-1/2, 1/2] and
 * e, z standard normal:
 *
 *   ddpm (Ho et al. 2020)    x_t = sqrt(ab_t) x0 + sqrt(1 - ab_t) e
 *     the network predicts   x0; or e, from which x0^ = (x_t - sqrt(1 - ab_t) e^) / sqrt(ab_t)
 *     the step back          x_{t-1} = sqrt(ab_{t-1}) b_t / (1 - ab_t) x0^
 *                                    + sqrt(a_t) (1 - ab_{t-1}) / (1 - ab_t) x_t + sqrt(v_t) z,
 *                            x0^ clipped to [-1/2, 1/2]; v_t = b_t (1 - ab_{t-1}) / (1 - ab_t), which is 0 at t = 1
 *   article                  x_t = sqrt(ab_t) x0 + (1 - ab_t) e
 *     the network predicts   x0, from which e^ = x_t - x0^
 *     the step back          x_{t-1} = (x_t - b_t / sqrt(1 - ab_t) e^) / a_t + v_t z, nothing clipped
 *
 * The article's step is the mean of Ho et al. (their equation 11) with 1 / a_t for 1 / sqrt(a_t), with the wrong noise,
 * and with the variance v_t as standard deviation. Its code starts at an index one past the end of its tables, which
 * JAX moves back to the last entry; here the tables have rows 1 to T and each is used once. */
#ifndef GS_MODELS_DIFFUSION_PROCESS_H
#define GS_MODELS_DIFFUSION_PROCESS_H

#include "ground/arena.h"
#include "ground/vector.h"
#include "settings/settings.h"

/* What time t does to a number. */
typedef struct {
    double beta, alpha_bar;
    gs_real signal, noise; /* x_t = signal x0 + noise e */
    gs_step_back back;
} gs_diffusion_time;

typedef struct {
    int timesteps;            /* T */
    gs_diffusion_time *times; /* T + 1; row 0 is the image itself: beta 0, alpha_bar 1 */
} gs_diffusion;

/* Tables of the settings timesteps, schedule, prediction and process. Memory: see gs_arena_take. Schedules, with b_t at
 * most .999: article: from 1e-4 (t = 1) to .02 (t = T), evenly; linear: the same times 1000 / T; cosine: Nichol &
 * Dhariwal 2021, ab_t = f(t) / f(0), f(t) = cos^2((t / T + s) / (1 + s) pi / 2), s = .008. */
gs_diffusion gs_diffusion_create(const gs_settings *settings, gs_arena *arena);

/* noised = x_t from `count` numbers of an image (x0, shifted) and as many of standard normal noise. */
void gs_diffusion_noise(const gs_diffusion *diffusion, int t, size_t count, const gs_real *x0, const gs_real *noise,
                        gs_real *noised);

/* x comes as x_t and leaves as x_{t-1}; `predicted`: x0 or e, whichever the settings say; `noise`: z. */
void gs_diffusion_step_back(const gs_diffusion *diffusion, int t, size_t count, const gs_real *predicted,
                            const gs_real *noise, gs_real *x);

#endif
