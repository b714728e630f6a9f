/* /checkpoints: final weights. Runs whose models have the same tensors share a layout ("gan", "gan_2", ...), with one
 * row a run. A file that is continued keeps its layouts and their rows; new runs get rows behind them. */
#ifndef GS_STORE_LAYOUTS_H
#define GS_STORE_LAYOUTS_H

#include "models/model.h"
#include "store/file.h"
#include "store/roster.h"

typedef struct {
    gs_tensor_table tensors;
    gs_model_id model;
    int number;    /* among the layouts of the model, from 1 */
    uint64_t rows; /* of runs that have or will have a checkpoint */
    gs_dataset run, datasets[GS_TENSORS_MAX];
} gs_tensor_layout;

typedef struct {
    const gs_roster *roster;   /* must outlive the layouts */
    gs_tensor_layout *layouts; /* owned */
    size_t count;
    size_t *layout_of_variant; /* owned */
    int64_t *place_of_row;     /* of each row of the file in its layout, -1: it has none; owned */
} gs_layouts;

/* Finds the layouts of the plan, and makes their datasets or opens those that are there. */
GS_MUST_CHECK gs_status gs_layouts_add(gs_layouts *layouts, gs_file *file, const gs_roster *roster, gs_error *error);

/* The group of the number-th layout of a model, from 1: "/checkpoints/gan", "/checkpoints/gan_2". */
void gs_layout_path(gs_model_id model, int number, char *path, size_t size);

/* The names of a layout's tensors, each at most GS_TENSOR_NAME bytes with its NUL; *count: in the
 * room, out how many. */
bool gs_layout_tensors(const gs_file *file, const char *group, char names[][GS_TENSOR_NAME], size_t *count);

/* Tensor number `tensor` of a run: its values in row order. */
GS_MUST_CHECK gs_status gs_layouts_write(gs_layouts *layouts, gs_file *file, int64_t run, uint32_t tensor,
                                         const void *bytes, size_t size, gs_error *error);
void gs_layouts_free(gs_layouts *layouts);

#endif
