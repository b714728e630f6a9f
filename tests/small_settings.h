/* What tests share to make models small. */
#ifndef GS_TESTS_SMALL_SETTINGS_H
#define GS_TESTS_SMALL_SETTINGS_H

#include "settings/settings.h"

static inline void set_integers(gs_settings *settings, size_t count, const gs_setting_id ids[],
                                const int64_t integers[])
{
    for (size_t i = 0; i < count; i++) settings->values[ids[i]].integer = integers[i];
}

/* One update of each loss in a step; units: the generator's two hidden layers, then the discriminator's three. */
static inline void set_small_gan(gs_settings *settings, int64_t batch, bool minibatch, const int64_t units[5])
{
    static const gs_setting_id layers[] = {
        GS_SETTING_GENERATOR_HIDDEN_1,     GS_SETTING_GENERATOR_HIDDEN_2,     GS_SETTING_DISCRIMINATOR_HIDDEN_1,
        GS_SETTING_DISCRIMINATOR_HIDDEN_2, GS_SETTING_DISCRIMINATOR_HIDDEN_3,
    };
    const gs_setting_id ids[] = {GS_SETTING_BATCH_SIZE, GS_SETTING_LATENT_DIM, GS_SETTING_GENERATOR_STEPS,
                                 GS_SETTING_DISCRIMINATOR_STEPS, GS_SETTING_MINIBATCH_DISCRIMINATION};
    set_integers(settings, sizeof ids / sizeof ids[0], ids, (const int64_t[]){batch, 4, 1, 1, minibatch});
    set_integers(settings, sizeof layers / sizeof layers[0], layers, units);
}

#endif
