/* The table of settings: the only place that knows their names, types, defaults, ranges and models.
 *
 * The YAML reader, error messages, `gensweep settings`, identity and the columns of the results file walk
 * gs_settings_table, whose rows stand in settings/rows.h. */
#ifndef GS_SETTINGS_SETTINGS_H
#define GS_SETTINGS_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "data/digits.h"
#include "ground/status.h"

typedef enum {
#define MODEL(id, name) GS_MODEL_##id,
#include "settings/models.h"
#undef MODEL
    GS_MODEL_COUNT /* also: a model that this version does not have */
} gs_model_id;

enum { GS_MODEL_TEXT = 16 }; /* bytes of the longest name, NUL not counted: the width of /runs/model */

extern const char *const gs_model_names[GS_MODEL_COUNT + 1]; /* ended by NULL: the choices of `model` */

/* The model of this name, which may fill GS_MODEL_TEXT bytes without a NUL; GS_MODEL_COUNT if there is none. */
gs_model_id gs_model_of_name(const char *name);

typedef enum {
#define ROW(id, ...) GS_SETTING_##id,
#include "settings/rows.h"
#undef ROW
    GS_SETTING_COUNT
} gs_setting_id;

typedef enum {
    GS_TYPE_INTEGER,
    GS_TYPE_REAL,
    GS_TYPE_SWITCH,  /* on | off */
    GS_TYPE_CHOICE,  /* one of `choices` */
    GS_TYPE_WEIGHTS, /* GS_DIGITS relative weights */
    GS_TYPE_COUNT
} gs_setting_type;

/* Choices of the settings that have some: places in table.c's lists. Files and identity have their names, which must
 * stay. */
enum { GS_NETWORK_FLAT, GS_NETWORK_LSTM };
enum { GS_GAN_LOSS_NON_SATURATING, GS_GAN_LOSS_HINGE, GS_GAN_LOSS_LEAST_SQUARES, GS_GAN_LOSS_RELATIVISTIC_PAIRING };
enum { GS_LOSS_SOFTMAX, GS_LOSS_ARTICLE };
enum { GS_START_PADDING, GS_START_ARTICLE };
enum { GS_SCHEDULE_LINEAR, GS_SCHEDULE_COSINE, GS_SCHEDULE_ARTICLE };
enum { GS_PREDICTION_X0, GS_PREDICTION_EPSILON };
enum { GS_PROCESS_DDPM, GS_PROCESS_ARTICLE };
enum { GS_STOPPING_NONE, GS_STOPPING_HYPERBAND };
enum { GS_STOPPING_MINIMIZE, GS_STOPPING_MAXIMIZE };

/* The same of early_terminate.metric: metrics of which a smaller one is better, then those of which a larger one is. */
enum {
#define SMALLER(id, ...) GS_STOPPING_BY_##id,
#include "settings/metric_rows.h"
#define LARGER(id, ...) GS_STOPPING_BY_##id,
#include "settings/metric_rows.h"
    GS_STOPPING_METRIC_COUNT
};

/* Where a setting stands in the YAML file; its full name is "section.name" outside `parameters`. */
typedef enum {
    GS_SECTION_PARAMETERS,
    GS_SECTION_DATA,
    GS_SECTION_EVALUATION,
    GS_SECTION_EARLY_TERMINATE, /* one value in a sweep */
    GS_SECTION_COUNT
} gs_setting_section;

extern const char *const gs_section_names[GS_SECTION_COUNT];

typedef struct {
    const char *name;   /* as in YAML */
    const char *column; /* as in /settings of the results file and on the command line: "batch_size", "data.green" */
    gs_setting_section section;
    gs_setting_type type;
    unsigned models;  /* bit 1u << gs_model_id for each model that it applies to */
    bool conditional; /* applies only where the switch or choice `needs` has the value `needed` */
    gs_setting_id needs;
    int64_t needed;
    const char *fallback;                          /* the default, written as in YAML */
    const char *fallback_by_model[GS_MODEL_COUNT]; /* where a model has its own */
    double minimum, maximum;                       /* of integers, reals and single weights; inclusive */
    bool above_minimum;                            /* the minimum itself is not allowed */
    const char *const *choices;                    /* ended by NULL */
    const char *help;                              /* one line: what it is, unit */
} gs_setting;

extern const gs_setting gs_settings_table[GS_SETTING_COUNT];

typedef union {
    int64_t integer; /* also switches (0, 1) and choices (place in `choices`) */
    double real;
    double weights[GS_DIGITS];
} gs_value;

/* Every setting of one variant, resolved: defaults filled in. Plain memory: it may be copied and sent. */
typedef struct {
    gs_value values[GS_SETTING_COUNT];
} gs_settings;

static inline gs_model_id gs_settings_model(const gs_settings *settings)
{
    return (gs_model_id)settings->values[GS_SETTING_MODEL].integer;
}

static inline int64_t gs_settings_integer(const gs_settings *settings, gs_setting_id id)
{
    return settings->values[id].integer;
}

/* For sizes and counts that the table keeps within an int. */
static inline int gs_settings_int(const gs_settings *settings, gs_setting_id id)
{
    return (int)settings->values[id].integer;
}

static inline bool gs_settings_on(const gs_settings *settings, gs_setting_id id)
{
    return settings->values[id].integer != 0;
}

static inline double gs_settings_real(const gs_settings *settings, gs_setting_id id)
{
    return settings->values[id].real;
}

/* Whether the setting has a meaning for these settings' model and switches. */
bool gs_setting_applies(gs_setting_id id, const gs_settings *settings);

/* The defaults of a model. */
void gs_settings_defaults(gs_settings *settings, gs_model_id model);

/* Reads a value as written in YAML ("1e-4", "off", "[4, 4, 4, 4, 2, 1]"). On failure error holds the reason with the
 * value and the allowed range or the nearest choice: "expected an integer from 1 to 1000000, got 'many'". */
GS_MUST_CHECK gs_status gs_value_read(gs_setting_id id, const char *text, gs_value *value, gs_error *error);

/* Writes the canonical form, which gs_value_read reads back to the same value. */
void gs_value_write(gs_setting_id id, const gs_value *value, char *text, size_t size);

bool gs_values_equal(gs_setting_id id, const gs_value *a, const gs_value *b);

/* The condition of a conditional setting, "network: flat". */
void gs_setting_condition(gs_setting_id id, char *text, size_t size);

/* What is allowed, for messages and tables: "an integer from 1 to 65536", "on or off". */
void gs_setting_describe(gs_setting_id id, char *text, size_t size);

/* Checks that need more than one setting: reasons why this combination cannot be trained. GS_ERROR_INPUT with the
 * reason; *culprit is the setting to point at. */
GS_MUST_CHECK gs_status gs_settings_check(const gs_settings *settings, gs_setting_id *culprit, gs_error *error);

/* The name among `count` that is nearest to `word` (edit distance), or NULL if none is near. */
const char *gs_nearest_name(const char *word, const char *const *names, size_t count);

#endif
