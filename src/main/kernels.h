/* Which kernels the BLAS library works with. It decides when it is loaded, so another choice needs another start of the
 * program. */
#ifndef GS_MAIN_KERNELS_H
#define GS_MAIN_KERNELS_H

#include <stdbool.h>

#include "farm/world.h"
#include "ground/status.h"

typedef enum { GS_KERNELS_NATIVE, GS_KERNELS_PORTABLE, GS_KERNELS_RECORDED, GS_KERNELS_COUNT } gs_kernels;

extern const char *const gs_kernels_names[GS_KERNELS_COUNT]; /* "native", ... */

/* What every x86 CPU with AVX2 has. */
extern const char *const gs_kernels_portable;

/* Goes on with these kernels: returns if the library has them already, and otherwise executes the program anew, with
 * OPENBLAS_CORETYPE set; before MPI is started. GS_ERROR_INPUT if this CPU or library does not have them. */
GS_MUST_CHECK gs_status gs_kernels_pin(const char *kernel, char **argv, gs_error *error);

/* Collective. GS_ERROR_INPUT, on every rank, if the ranks have different libraries or kernels: results would depend on
 * who trains what. Rank 0's error names them. */
GS_MUST_CHECK gs_status gs_kernels_agree(const gs_world *world, gs_error *error);

/* GS_ERROR_INPUT if the environment has pinned kernels whose instructions this CPU lacks: the first product would kill
 * the program. */
GS_MUST_CHECK gs_status gs_kernels_run_here(gs_error *error);

/* A sentence if the library works with slower kernels than this CPU has, or with others than the environment asks for;
 * false if it does not. */
bool gs_kernels_odd(char *text, size_t size);

#endif
