#include "main/inputs.h"

#include <stdio.h>

static gs_status read_digits(const gs_sweep *sweep, gs_digits *digits, gs_error *error)
{
    if (sweep->mnist[0] == '\0') {
        gs_digits_draw(digits);
        return GS_OK;
    }
    gs_error reason;
    gs_status status = gs_digits_read(digits, sweep->mnist, sweep->indices, &reason);
    if (status == GS_ERROR_INPUT) return gs_node_fail(sweep->data_node, error, "data.mnist: %s", reason.text);
    if (status != GS_OK) *error = reason;
    return status;
}

gs_status gs_inputs_read(const gs_options *options, gs_sweep **sweep, gs_plan **plan, gs_digits *digits,
                         gs_error *error)
{
    gs_status status = gs_sweep_read(sweep, options->sweep, options->overrides, options->override_count, error);
    if (status == GS_OK && (*sweep)->note[0] != '\0') fprintf(stderr, "gensweep: note: %s\n", (*sweep)->note);
    if (status == GS_OK) status = gs_plan_create(plan, *sweep, error);
    if (status == GS_OK && (*plan)->note.text[0] != '\0') fprintf(stderr, "gensweep: note: %s\n", (*plan)->note.text);
    if (status == GS_OK) status = read_digits(*sweep, digits, error);
    return status;
}
