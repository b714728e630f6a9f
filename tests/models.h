/* What lists of models in tests share: none may be left out. To be included behind cmocka.h. */
#ifndef GS_TESTS_MODELS_H
#define GS_TESTS_MODELS_H

#include <stdbool.h>

#include "settings/settings.h"

/* `there`: whether the list has the model. */
static inline void assert_every_model(const bool there[GS_MODEL_COUNT])
{
    for (int model = 0; model < GS_MODEL_COUNT; model++)
        if (!there[model]) fail_msg("the list has no case of the model %s", gs_model_names[model]);
}

#endif
