/* /checkpoints: final weights. Runs whose models have the same tensors share a layout ("gan", "gan_2", ...), with one row a run. */
#ifndef GS_STORE_LAYOUTS_H
#define GS_STORE_LAYOUTS_H

#include "models/model.h"
#include "store/file.h"
#include "sweep/plan.h"

typedef struct {
    gs_tensor_table tensors;
    gs_model_id model;
    uint64_t rows; /* planned runs with this layout */
    gs_dataset datasets[GS_TENSORS_MAX];
} gs_tensor_layout;

typedef struct {
    gs_tensor_layout *layouts; /* owned */
    size_t count;
    size_t *layout_of_variant; /* owned */
    uint64_t *first_row;       /* of each variant in its layout; owned */
    size_t seed_count;
} gs_layouts;

/* Finds the layouts of the plan and makes their datasets. */
GS_MUST_CHECK gs_status gs_layouts_add(gs_layouts *layouts, gs_file *file, const gs_plan *plan, const gs_digits *digits,
                                       gs_error *error);

/* Tensor number `tensor` of a run: its values in row order. */
GS_MUST_CHECK gs_status gs_layouts_write(gs_layouts *layouts, gs_file *file, int64_t run, uint32_t tensor, const void *bytes,
                                         size_t size, gs_error *error);
void gs_layouts_free(gs_layouts *layouts);

#endif
