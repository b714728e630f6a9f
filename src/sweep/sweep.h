/* What a sweep file asks for, read and checked, before it is expanded into runs (sweep/plan.h). */
#ifndef GS_SWEEP_SWEEP_H
#define GS_SWEEP_SWEEP_H

#include "settings/settings.h"
#include "sweep/document.h"

enum { GS_NAME = 128, GS_DESCRIPTION = 1024, GS_PATH = 4096, GS_SEEDS_MAX = 10000000 };

/* One setting and the values that it takes, in the order of the file. */
typedef struct {
    gs_setting_id id;
    gs_value *values;
    size_t count;
    gs_node node; /* where it was given, for errors that show only later */
} gs_axis;

typedef struct {
    bool samples;     /* /samples is written */
    bool checkpoints; /* final weights are written */
    int compression;  /* deflate level of /samples and examples, 0 to 9 */
} gs_storage;

typedef struct {
    char name[GS_NAME];
    char description[GS_DESCRIPTION];
    uint64_t *seeds;
    size_t seed_count;
    gs_axis axes[GS_SETTING_COUNT];
    size_t axis_count; /* the first varies slowest */
    char mnist[GS_PATH]; /* IDX images; empty: the built-in digits */
    int64_t indices[GS_DIGITS];
    gs_node data_node; /* where `mnist` was given */
    gs_storage storage;

    gs_document **documents; /* the file, then the overrides; axes point into them */
    size_t document_count;
} gs_sweep;

/* Reads the file `path` and the KEY=VALUE `overrides` of the command line, which win. Errors are collected, each with its place.
 * GS_ERROR_INPUT, GS_ERROR_MEMORY. */
GS_MUST_CHECK gs_status gs_sweep_read(gs_sweep **sweep, const char *path, const char *const *overrides, size_t override_count,
                                      gs_error *error);
void gs_sweep_destroy(gs_sweep **sweep);

/* The text of the file as given. */
const char *gs_sweep_text(const gs_sweep *sweep);

#endif
