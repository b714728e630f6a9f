/* How a setting stands in its column of /settings: written by the store, read when a stored run is to
 * be trained again. */
#ifndef GS_STORE_SETTING_CELLS_H
#define GS_STORE_SETTING_CELLS_H

#include "settings/settings.h"
#include "store/file.h"

enum { GS_CHOICE_TEXT = 32, GS_SETTING_PATH = 128, GS_SETTING_CELL_MAX = GS_DIGITS * sizeof(double) };

extern const gs_cell gs_setting_cells[GS_TYPE_COUNT]; /* of one number; weights have GS_DIGITS of them */

void gs_setting_path(gs_setting_id id, char path[GS_SETTING_PATH]);

/* Bytes of a row of the column. */
size_t gs_setting_cell_size(gs_setting_id id);

/* Writes the value, or what stands for "not applicable", into zeroed memory. */
void gs_setting_to_cell(gs_setting_id id, const gs_settings *settings, void *cell);

/* Puts the cell's value into *settings, and leaves it as it is where the cell says "not applicable". GS_ERROR_STORAGE
 * if no sweep could have given this value. */
GS_MUST_CHECK gs_status gs_setting_from_cell(gs_setting_id id, const void *cell, gs_settings *settings,
                                             gs_error *error);

#endif
