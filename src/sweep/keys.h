/* How the keys of a sweep are read: shared by the files that know one kind of key each. Of this folder only. */
#ifndef GS_SWEEP_KEYS_H
#define GS_SWEEP_KEYS_H

#include "sweep/sweep.h"

/* A place in the tables of keys.c: settings (by id), then top-level keys, then other keys of sections; or a problem,
 * which is told when the key's turn comes. */
enum {
    GS_PLACES = GS_SETTING_COUNT + 20 + 7,
    GS_PLACE_UNKNOWN = -1,
    GS_PLACE_TWICE = -2,
    GS_PLACE_NO_MAPPING = -3,
    GS_PLACE_REMOVED = -4
};

/* A key with its value, from the file or the command line. */
typedef struct {
    int place;
    gs_node key, value;
    const char *section; /* where it stands; "": at the top */
    bool overriding;     /* from the command line */
} gs_entry;

/* The key's full name: "seeds", "data.mnist", "steps". */
const char *gs_key_name(int place);
bool gs_key_is_section(int place);

/* The place of a key that stands in a section of the file; of a full name, before which "parameters." may be said;
 * GS_PLACE_UNKNOWN. */
int gs_key_within(gs_node key, const char *section);
int gs_key_of_name(gs_node key);
int gs_key_of_text(const char *name);

/* GS_ERROR_INPUT: no key has this full name, with the nearest one. */
gs_status gs_key_fail(gs_node key, gs_error *error);

/* Reads the value of an entry, or tells its problem. */
GS_MUST_CHECK gs_status gs_entry_read(gs_sweep *sweep, const gs_entry *entry, gs_error *error);

/* seeds.c */
bool gs_whole_number(const char *text, uint64_t *number);
GS_MUST_CHECK gs_status gs_read_seeds(gs_sweep *sweep, const gs_entry *entry, gs_error *error);

/* axes.c: the values of one setting. */
GS_MUST_CHECK gs_status gs_read_parameter(gs_sweep *sweep, gs_setting_id id, const gs_entry *entry, gs_error *error);
GS_MUST_CHECK gs_status gs_read_values(gs_axis *axis, gs_node node, gs_error *error);
void gs_axis_free(gs_axis *axis);

/* constraints.c */
GS_MUST_CHECK gs_status gs_read_zip(gs_sweep *sweep, const gs_entry *entry, gs_error *error);
GS_MUST_CHECK gs_status gs_read_exclude(gs_sweep *sweep, const gs_entry *entry, gs_error *error);
GS_MUST_CHECK gs_status gs_read_include(gs_sweep *sweep, const gs_entry *entry, gs_error *error);
void gs_rules_free(gs_rules *rules);

/* The setting that a key names (its column), or GS_SETTING_COUNT after an error with the nearest name. */
gs_setting_id gs_setting_of_key(gs_node key, gs_error *error);

/* The key number `index` must not stand among those before it. */
GS_MUST_CHECK gs_status gs_check_unique(gs_node mapping, size_t index, gs_error *error);

/* overrides.c: an override of the command line as a YAML mapping of one key. */
typedef enum { GS_OVERRIDE_SET, GS_OVERRIDE_ADD, GS_OVERRIDE_REMOVE } gs_override_kind;
GS_MUST_CHECK gs_status gs_override_parse(gs_document **document, gs_override_kind *kind, const char *argument,
                                          gs_error *error);

#endif
