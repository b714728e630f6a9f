#include "models/diffusion_process.h"

#include <math.h>

static const double pi = 3.14159265358979323846;
static const double beta_limit = 0.999, data_limit = 0.5;

static double even_beta(int t, int timesteps)
{
    const double first = 1e-4, last = 0.02;
    return first + (last - first) * (t - 1) / (timesteps - 1);
}

static double cosine_alpha_bar(int t, int timesteps)
{
    const double s = 0.008;
    double root = cos(((double)t / timesteps + s) / (1 + s) * pi / 2);
    return root * root;
}

static double beta_of(int64_t schedule, int t, int timesteps)
{
    double beta = even_beta(t, timesteps);
    if (schedule == GS_SCHEDULE_LINEAR) beta *= 1000.0 / timesteps;
    if (schedule == GS_SCHEDULE_COSINE) beta = 1 - cosine_alpha_bar(t, timesteps) / cosine_alpha_bar(t - 1, timesteps);
    return beta < beta_limit ? beta : beta_limit;
}

static gs_step_back ddpm_step(const gs_diffusion_time *now, const gs_diffusion_time *before, int64_t prediction)
{
    double signal = sqrt(now->alpha_bar), noise = 1 - now->alpha_bar, noise_before = 1 - before->alpha_bar;
    bool epsilon = prediction == GS_PREDICTION_EPSILON;
    return (gs_step_back){
        .estimate_x = (gs_real)(epsilon ? 1 / signal : 0),
        .estimate_predicted = (gs_real)(epsilon ? -sqrt(noise) / signal : 1),
        .low = (gs_real)-data_limit,
        .high = (gs_real)data_limit,
        .estimate = (gs_real)(sqrt(before->alpha_bar) * now->beta / noise),
        .x = (gs_real)(sqrt(1 - now->beta) * noise_before / noise),
        .noise = (gs_real)sqrt(now->beta * noise_before / noise),
    };
}

static gs_step_back article_step(const gs_diffusion_time *now, const gs_diffusion_time *before)
{
    double noise = 1 - now->alpha_bar, share = now->beta / sqrt(noise), alpha = 1 - now->beta;
    return (gs_step_back){
        .estimate_x = 0,
        .estimate_predicted = 1,
        .low = -(gs_real)INFINITY,
        .high = (gs_real)INFINITY,
        .estimate = (gs_real)(share / alpha),
        .x = (gs_real)((1 - share) / alpha),
        .noise = (gs_real)(now->beta * (1 - before->alpha_bar) / noise),
    };
}

gs_diffusion gs_diffusion_create(const gs_settings *settings, gs_arena *arena)
{
    int timesteps = (int)gs_settings_integer(settings, GS_SETTING_TIMESTEPS);
    int64_t schedule = gs_settings_integer(settings, GS_SETTING_SCHEDULE);
    int64_t prediction = gs_settings_integer(settings, GS_SETTING_PREDICTION);
    bool article = gs_settings_integer(settings, GS_SETTING_PROCESS) == GS_PROCESS_ARTICLE;
    gs_diffusion diffusion = {.timesteps = timesteps};
    diffusion.times = gs_arena_take(arena, (size_t)timesteps + 1, sizeof *diffusion.times);
    if (diffusion.times == NULL) return diffusion;
    diffusion.times[0] = (gs_diffusion_time){.alpha_bar = 1, .signal = 1};
    for (int t = 1; t <= timesteps; t++) {
        gs_diffusion_time *now = &diffusion.times[t], *before = now - 1;
        now->beta = beta_of(schedule, t, timesteps);
        now->alpha_bar = before->alpha_bar * (1 - now->beta);
        now->signal = (gs_real)sqrt(now->alpha_bar);
        now->noise = (gs_real)(article ? 1 - now->alpha_bar : sqrt(1 - now->alpha_bar));
        now->back = article ? article_step(now, before) : ddpm_step(now, before, prediction);
    }
    return diffusion;
}

void gs_diffusion_noise(const gs_diffusion *diffusion, int t, size_t count, const gs_real *x0, const gs_real *noise,
                        gs_real *noised)
{
    const gs_diffusion_time *time = &diffusion->times[t];
    gs_vector->blend(count, time->signal, x0, time->noise, noise, noised);
}

void gs_diffusion_step_back(const gs_diffusion *diffusion, int t, size_t count, const gs_real *predicted,
                            const gs_real *noise, gs_real *x)
{
    gs_vector->step_back(count, diffusion->times[t].back, predicted, noise, x);
}
