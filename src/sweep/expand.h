/* From a sweep to the variants of its plan; used by gs_plan_create only. */
#ifndef GS_SWEEP_EXPAND_H
#define GS_SWEEP_EXPAND_H

#include "sweep/plan.h"

/* Fills an empty plan with the variants that the sweep asks for. GS_ERROR_INPUT, GS_ERROR_MEMORY. */
GS_MUST_CHECK gs_status gs_expand(gs_plan *plan, const gs_sweep *sweep, gs_error *error);

/* Room for at most `room` variants of the sweep. GS_ERROR_MEMORY. */
GS_MUST_CHECK gs_status gs_plan_reserve(gs_plan *plan, const gs_sweep *sweep, size_t room, gs_error *error);

/* The next variant. What does not apply to it must have its default. */
void gs_plan_append(gs_plan *plan, const gs_settings *settings);

#endif
