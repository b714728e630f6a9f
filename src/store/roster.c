#include "store/roster.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "store/jobs.h"

enum { ID = GS_ID - 1, SEEDS_TRIED = 64, TOLD_APART = 1000 /* names: each reads a row of all settings */ };

/* What is known of the file's rows, and where each identity and each name of a variant stands: hash tables with open
 * addressing. */
typedef struct {
    char (*ids)[ID];
    uint64_t *seeds;
    char (*variants)[GS_LABEL];
    int64_t *slots, *name_slots;      /* row + 1, of names the first one; 0: free */
    size_t slot_count;                /* of both; 0: there are no rows */
    uint64_t some_seeds[SEEDS_TRIED]; /* different ones */
    size_t some_seed_count;
} earlier;

static size_t slot_of(const earlier *known, const char *id)
{
    uint64_t hash = 0;
    for (int i = 0; i < 16; i++) hash = hash * 31 + (unsigned char)id[i]; /* ids are hashes themselves */
    size_t slot = (size_t)hash & (known->slot_count - 1);
    while (known->slots[slot] != 0 && memcmp(known->ids[known->slots[slot] - 1], id, ID) != 0)
        slot = (slot + 1) & (known->slot_count - 1);
    return slot;
}

static size_t slot_of_name(const earlier *known, const char *name)
{
    size_t slot = (size_t)XXH3_64bits(name, strlen(name)) & (known->slot_count - 1);
    while (known->name_slots[slot] != 0 && strcmp(known->variants[known->name_slots[slot] - 1], name) != 0)
        slot = (slot + 1) & (known->slot_count - 1);
    return slot;
}

static bool is_taken(const earlier *known, const char *name)
{
    return known->slot_count > 0 && known->name_slots[slot_of_name(known, name)] != 0;
}

static void keep_seed(earlier *known, uint64_t seed)
{
    size_t s = 0;
    while (s < known->some_seed_count && known->some_seeds[s] != seed) s++;
    if (s == known->some_seed_count && s < SEEDS_TRIED) known->some_seeds[known->some_seed_count++] = seed;
}

static int64_t row_with(const earlier *known, const char *id)
{
    return known->slot_count == 0 ? -1 : known->slots[slot_of(known, id)] - 1;
}

static gs_status read_column(gs_file *file, const char *path, gs_cell cell, size_t text, uint64_t rows, void *values,
                             gs_error *error)
{
    gs_dataset dataset;
    gs_status status = gs_file_find(file, path, cell, text, 1, &dataset, error);
    if (status == GS_OK && gs_file_earlier_rows(file, dataset) < rows)
        return gs_fail(error, GS_ERROR_STORAGE, "the results file is damaged: %s is shorter than /runs/id", path);
    return status == GS_OK ? gs_file_read(file, dataset, 0, rows, values, error) : status;
}

static gs_status read_earlier(gs_roster *roster, earlier *known, gs_file *file, gs_error *error)
{
    uint64_t rows = roster->earlier_rows;
    known->ids = calloc(rows + 1, sizeof *known->ids);
    known->seeds = calloc(rows + 1, sizeof *known->seeds);
    known->variants = calloc(rows + 1, sizeof *known->variants);
    for (known->slot_count = 16; known->slot_count < 2 * rows;) known->slot_count *= 2;
    known->slots = calloc(known->slot_count, sizeof *known->slots);
    known->name_slots = calloc(known->slot_count, sizeof *known->name_slots);
    if (known->ids == NULL || known->seeds == NULL || known->variants == NULL || known->slots == NULL ||
        known->name_slots == NULL)
        return gs_fail(error, GS_ERROR_MEMORY, "out of memory: %zu runs", (size_t)rows);
    gs_status status = read_column(file, "/runs/id", GS_CELL_TEXT, ID, rows, known->ids, error);
    if (status == GS_OK) status = read_column(file, "/runs/seed", GS_CELL_UINT64, 0, rows, known->seeds, error);
    if (status == GS_OK)
        status = read_column(file, "/runs/variant", GS_CELL_TEXT, GS_LABEL, rows, known->variants, error);
    if (status == GS_OK) status = read_column(file, "/runs/status", GS_CELL_STATUS, 0, rows, roster->status, error);
    if (status == GS_OK) status = read_column(file, "/runs/attempts", GS_CELL_INT32, 0, rows, roster->attempts, error);
    if (status == GS_OK)
        status = read_column(file, "/runs/interruptions", GS_CELL_INT32, 0, rows, roster->interruptions, error);
    for (uint64_t row = 0; row < rows && status == GS_OK; row++) {
        known->variants[row][GS_LABEL - 1] = '\0';
        size_t slot = slot_of(known, known->ids[row]);
        if (known->slots[slot] != 0)
            return gs_fail(error, GS_ERROR_STORAGE,
                           "the results file is damaged: runs %lld and %llu have the same identity",
                           (long long)known->slots[slot] - 1, (unsigned long long)row);
        if (roster->status[row] < GS_RUN_PENDING || roster->status[row] > GS_RUN_FAILED)
            return gs_fail(error, GS_ERROR_STORAGE, "the results file is damaged: run %llu has status %d",
                           (unsigned long long)row, roster->status[row]);
        known->slots[slot] = (int64_t)row + 1;
        int64_t *name = &known->name_slots[slot_of_name(known, known->variants[row])];
        if (*name == 0) *name = (int64_t)row + 1;
        keep_seed(known, known->seeds[row]);
    }
    return status;
}

/* ---- names of variants ------------------------------------------------------------------------------------------- */

/* The row of some run with these settings, whatever its seed; -1 if there is none. */
static int64_t row_of_settings(const gs_roster *roster, const earlier *known, const gs_settings *settings)
{
    char id[GS_ID];
    int64_t found = -1;
    for (size_t s = 0; s < known->some_seed_count && found < 0; s++) {
        gs_run_id(settings, known->some_seeds[s], roster->digits, id);
        found = row_with(known, id);
    }
    return found;
}

/* The label, and in what these settings differ from those of a row that has it. False if that says nothing, cannot be
 * read or has no room. */
static bool tell_apart(gs_lookup *lookup, uint64_t row, const gs_settings *settings, const char *label,
                       char name[GS_LABEL])
{
    enum { ROOM = 200 };
    gs_settings other;
    gs_error ignored;
    size_t used = (size_t)snprintf(name, GS_LABEL, "%s", label), length = used;
    if (gs_stored_settings(lookup, row, &other, &ignored) != GS_OK) return false;
    for (int id = 0; id < GS_SETTING_COUNT && used < ROOM; id++) {
        const gs_value *value = &settings->values[id];
        char text[128];
        if (!gs_setting_applies((gs_setting_id)id, settings) ||
            gs_values_equal((gs_setting_id)id, value, &other.values[id]))
            continue;
        gs_value_write((gs_setting_id)id, value, text, sizeof text);
        used += (size_t)snprintf(name + used, GS_LABEL - used, ", %s=%s", gs_settings_table[id].column, text);
    }
    return used > length && used < ROOM;
}

/* Labels name what varies within a sweep, so the same variant may be called otherwise once the sweep has been edited,
 * and another one may be called the same. In the file a variant keeps the name that it has. A new one whose name is
 * taken is told apart by its settings from the first that has the name, or if that does not do by a number. */
static void name_variants(gs_roster *roster, const earlier *known, gs_file *file)
{
    gs_lookup lookup = {.file = file};
    int told_apart = 0;
    for (size_t v = 0; v < roster->plan->variant_count; v++) {
        gs_settings settings = gs_plan_settings(roster->plan, v);
        char *name = roster->variants[v], label[GS_LABEL];
        gs_plan_label(roster->plan, v, label);
        snprintf(name, GS_LABEL, "%s", label);
        int64_t found = -1;
        for (size_t s = 0; s < roster->plan->seed_count && found < 0; s++) {
            int64_t row = roster->row_of_run[v * roster->plan->seed_count + s];
            if ((uint64_t)row < roster->earlier_rows) found = row;
        }
        if (found < 0) found = row_of_settings(roster, known, &settings);
        if (found >= 0) {
            memcpy(name, known->variants[found], GS_LABEL);
            continue;
        }
        if (is_taken(known, name) && told_apart++ < TOLD_APART &&
            !tell_apart(&lookup, (uint64_t)known->name_slots[slot_of_name(known, label)] - 1, &settings, label, name))
            snprintf(name, GS_LABEL, "%s", label);
        for (int number = 2; is_taken(known, name); number++) snprintf(name, GS_LABEL, "%.200s (%d)", label, number);
    }
    gs_lookup_free(&lookup);
}

/* ---- the roster -------------------------------------------------------------------------------------------------- */

static gs_status match_runs(gs_roster *roster, const earlier *known, gs_error *error)
{
    const gs_plan *plan = roster->plan;
    char id[GS_ID];
    roster->rows = roster->earlier_rows;
    for (size_t run = 0; run < plan->run_count; run++) {
        gs_job job = gs_plan_job(plan, run);
        int64_t row = -1;
        if (roster->earlier_rows > 0) {
            gs_run_id(&job.settings, job.seed, roster->digits, id);
            row = row_with(known, id);
        }
        if (row < 0) row = (int64_t)roster->rows++;
        if (roster->run_of_row[row] >= 0)
            return gs_fail(error, GS_ERROR_INTERNAL, "runs %lld and %zu of the sweep are the same",
                           (long long)roster->run_of_row[row], run);
        roster->row_of_run[run] = row;
        roster->run_of_row[row] = (int64_t)run;
    }
    return GS_OK;
}

gs_status gs_roster_create(gs_roster *roster, gs_file *file, const gs_plan *plan, const gs_digits *digits,
                           gs_error *error)
{
    gs_extent extent;
    earlier known = {0};
    *roster = (gs_roster){.plan = plan, .digits = digits};
    if (file != NULL) {
        if (!gs_file_extent(file, "/runs/id", &extent) || extent.rank != 1)
            return gs_fail(error, GS_ERROR_STORAGE, "the results file is damaged: it has no /runs/id");
        roster->earlier_rows = extent.dims[0];
    }
    size_t most = (size_t)roster->earlier_rows + plan->run_count;
    roster->row_of_run = malloc(plan->run_count * sizeof *roster->row_of_run);
    roster->run_of_row = malloc(most * sizeof *roster->run_of_row);
    roster->status = calloc(most, sizeof *roster->status);
    roster->attempts = calloc(most, sizeof *roster->attempts);
    roster->interruptions = calloc(most, sizeof *roster->interruptions);
    roster->variants = calloc(plan->variant_count, sizeof *roster->variants);
    gs_status status = GS_OK;
    if (roster->row_of_run == NULL || roster->run_of_row == NULL || roster->status == NULL ||
        roster->attempts == NULL || roster->interruptions == NULL || roster->variants == NULL)
        status = gs_fail(error, GS_ERROR_MEMORY, "out of memory: %zu runs", most);
    for (size_t row = 0; row < most && status == GS_OK; row++) roster->run_of_row[row] = -1;
    if (status == GS_OK && file != NULL) status = read_earlier(roster, &known, file, error);
    if (status == GS_OK) status = match_runs(roster, &known, error);
    if (status == GS_OK) name_variants(roster, &known, file);
    free(known.ids);
    free(known.seeds);
    free(known.variants);
    free(known.slots);
    free(known.name_slots);
    if (status != GS_OK) gs_roster_free(roster);
    return status;
}

gs_job gs_roster_job(const gs_roster *roster, uint64_t row)
{
    return gs_plan_job(roster->plan, (size_t)roster->run_of_row[row]);
}

uint64_t gs_roster_new_rows(const gs_roster *roster)
{
    return roster->rows - roster->earlier_rows;
}

void gs_roster_free(gs_roster *roster)
{
    free(roster->row_of_run);
    free(roster->run_of_row);
    free(roster->status);
    free(roster->attempts);
    free(roster->interruptions);
    free(roster->variants);
    *roster = (gs_roster){0};
}
