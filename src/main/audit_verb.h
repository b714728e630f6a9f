/* `gensweep audit`. */
#ifndef GS_MAIN_AUDIT_VERB_H
#define GS_MAIN_AUDIT_VERB_H

#include "farm/world.h"
#include "main/options.h"
#include "store/audit.h"

/* Rank 0's part, while the other ranks work for it; `hosts`: of gs_world_hosts. Returns the exit code. */
int gs_audit_manage(const gs_world *world, const gs_options *options, const char *hosts);

/* The BLAS kernels that all runs to be audited were trained with. GS_ERROR_INPUT if there is no such one,
 * GS_ERROR_STORAGE, GS_ERROR_MEMORY. */
GS_MUST_CHECK gs_status gs_audit_recorded(const gs_options *options, char kernel[GS_KERNEL], gs_error *error);

#endif
