#include "models/model.h"

#include <assert.h>
#include <string.h>

#define MODEL(id, name) extern const gs_model_type gs_model_##name;
#include "settings/models.h"
#undef MODEL

static const gs_model_type *const types[GS_MODEL_COUNT] = {
#define MODEL(id, name) [GS_MODEL_##id] = &gs_model_##name,
#include "settings/models.h"
#undef MODEL
};

const gs_model_type *gs_model_type_of(gs_model_id id)
{
    return (unsigned)id < GS_MODEL_COUNT ? types[id] : NULL;
}

gs_law gs_law_of(const gs_settings *settings)
{
    gs_law law = {.green = gs_settings_real(settings, GS_SETTING_GREEN)};
    memcpy(law.digit_weights, settings->values[GS_SETTING_DIGIT_WEIGHTS].weights, sizeof law.digit_weights);
    return law;
}

void gs_model_expected(const gs_settings *settings, const gs_digits *digits, double expected[GS_BINS])
{
    const gs_model_type *type = gs_model_type_of(gs_settings_model(settings));
    gs_law law = gs_law_of(settings);
    if (type != NULL && type->expected != NULL) type->expected(settings, digits, expected);
    else gs_law_expected(&law, expected);
}

gs_adam gs_model_adam(const gs_settings *settings, gs_setting_id learning_rate, size_t first, size_t end)
{
    return (gs_adam){
        .learning_rate = gs_settings_real(settings, learning_rate),
        .beta1 = gs_settings_real(settings, GS_SETTING_ADAM_BETA1),
        .beta2 = gs_settings_real(settings, GS_SETTING_ADAM_BETA2),
        .epsilon = gs_settings_real(settings, GS_SETTING_ADAM_EPSILON),
        .first = first,
        .count = end - first,
    };
}

gs_average gs_model_average(const gs_settings *settings, gs_setting_id decay, size_t first, size_t end)
{
    return (gs_average){.decay = gs_settings_real(settings, decay), .first = first, .count = end - first};
}

void gs_model_update(gs_model *model, const gs_adam *adam, int64_t number)
{
    gs_adam_update(adam, number, model->gradients, model->moment1, model->moment2, model->parameters, 0, NULL);
}

void gs_model_update_last(gs_model *model, const gs_adam *adam, int64_t number, int64_t step)
{
    bool averaged = model->weights != model->parameters;
    assert(!averaged || (adam->first == model->average.first && adam->count == model->average.count));
    gs_adam_update(adam, number, model->gradients, model->moment1, model->moment2, model->parameters,
                   gs_average_rate(&model->average, step + 1), averaged ? model->weights : NULL);
}

void gs_model_train(gs_model *model, int64_t step, double curves[GS_CURVES_MAX])
{
    model->type->train(model, step, curves);
    if (model->weights != model->parameters)
        gs_average_copy_rest(&model->average, model->tensors.size, model->parameters, model->weights);
}

int64_t gs_sample_batches(int64_t samples)
{
    return (samples + GS_SAMPLE_BATCH - 1) / GS_SAMPLE_BATCH;
}

int64_t gs_model_parts(const gs_model *model, int64_t samples)
{
    return model->type->sampling_parts != NULL ? model->type->sampling_parts(model, samples)
                                               : gs_sample_batches(samples);
}

int gs_sample_rows(int64_t samples, int64_t part)
{
    int64_t left = samples - part * GS_SAMPLE_BATCH;
    return left < GS_SAMPLE_BATCH ? (int)left : GS_SAMPLE_BATCH;
}

/* The model without its buffers: tensors registered, scratch taken as far as the arena gives it. NULL if not even that
 * fits. */
static gs_model *prepare(const gs_settings *settings, const gs_digits *digits, uint64_t seed, gs_arena *arena)
{
    const gs_model_type *type = gs_model_type_of(gs_settings_model(settings));
    gs_model *made = gs_arena_take(arena, 1, type->size);
    if (made == NULL) return NULL;
    made->type = type;
    made->law = gs_law_of(settings);
    made->seed = seed;
    made->painter = gs_painter_create(digits, arena);
    type->prepare(made, settings, arena);
    return made;
}

/* What came of it. */
static gs_status check(const gs_model *model, const gs_arena *arena, gs_error *error)
{
    if (model == NULL) return gs_arena_check(arena, error);
    if (model->tensors.fault == NULL) return GS_OK;
    return gs_fail(error, GS_ERROR_INTERNAL, "the model %s cannot be built: %s", gs_model_names[model->type->id],
                   model->tensors.fault);
}

/* Only the struct and its table of tensors; the arena is to be destroyed. */
static gs_status create_outline(const gs_settings *settings, const gs_digits *digits, gs_arena **arena,
                                gs_model **model, gs_error *error)
{
    size_t just_the_model = gs_model_type_of(gs_settings_model(settings))->size + GS_ALIGNMENT;
    gs_status status = gs_arena_create(arena, just_the_model, error);
    *model = status == GS_OK ? prepare(settings, digits, 0, *arena) : NULL;
    return status == GS_OK ? check(*model, *arena, error) : status;
}

gs_status gs_model_tensors(const gs_settings *settings, const gs_digits *digits, gs_tensor_table *tensors,
                           gs_error *error)
{
    gs_arena *arena = NULL;
    gs_model *model;
    gs_status status = create_outline(settings, digits, &arena, &model, error);
    if (status == GS_OK) *tensors = model->tensors;
    gs_arena_destroy(&arena);
    return status;
}

gs_work gs_model_work_of(const gs_model *model, const gs_settings *settings)
{
    double weights = (double)(model->tensors.size - model->pack_weights) + 1,
           batch = (double)gs_settings_integer(settings, GS_SETTING_BATCH_SIZE);
    double forth_and_back = 3, passes = model->type->passes != NULL ? model->type->passes(settings) : 1;
    int64_t samples = gs_settings_integer(settings, GS_SETTING_SAMPLES);
    double parts = (double)gs_model_parts(model, samples) / (double)gs_sample_batches(samples);
    return (gs_work){.step = forth_and_back * passes * batch * weights, .sampling = (double)samples * parts * weights};
}

gs_status gs_model_work(const gs_settings *settings, const gs_digits *digits, gs_work *work, gs_error *error)
{
    gs_arena *arena = NULL;
    gs_model *model;
    gs_status status = create_outline(settings, digits, &arena, &model, error);
    if (status == GS_OK) *work = gs_model_work_of(model, settings);
    gs_arena_destroy(&arena);
    return status;
}

gs_status gs_model_create(gs_model **model, const gs_settings *settings, const gs_digits *digits, uint64_t seed,
                          gs_arena *arena, gs_error *error)
{
    gs_model *made = prepare(settings, digits, seed, arena);
    gs_status status = check(made, arena, error);
    if (status != GS_OK) return status;
    gs_real **buffers[] = {&made->parameters, &made->gradients, &made->moment1, &made->moment2};
    for (size_t i = 0; i < sizeof buffers / sizeof buffers[0]; i++)
        *buffers[i] = gs_arena_take(arena, made->tensors.size, sizeof(gs_real));
    bool averaged = made->average.decay > 0;
    made->weights = averaged ? gs_arena_take(arena, made->tensors.size, sizeof(gs_real)) : made->parameters;
    status = gs_arena_check(arena, error);
    if (status != GS_OK) return status;
    gs_tensors_initialise(&made->tensors, seed, made->parameters);
    if (averaged) memcpy(made->weights, made->parameters, made->tensors.size * sizeof(gs_real));
    *model = made;
    return GS_OK;
}

void gs_model_state(gs_model *model, bool sampling, gs_spans *spans)
{
    gs_real *const buffers[] = {model->parameters, model->moment1, model->moment2};
    for (size_t i = 0; i < sizeof buffers / sizeof buffers[0]; i++)
        gs_spans_add(spans, buffers[i], model->tensors.size * sizeof(gs_real));
    if (model->weights != model->parameters) gs_spans_add(spans, model->weights, model->tensors.size * sizeof(gs_real));
    if (sampling && model->type->sampling_state != NULL) model->type->sampling_state(model, spans);
}
