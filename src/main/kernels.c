#define _POSIX_C_SOURCE 200809L
#include "main/kernels.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "nn/matrix.h"

const char *const gs_kernels_names[GS_KERNELS_COUNT] = {"native", "portable", "recorded"};
const char *const gs_kernels_portable = "Haswell";

static const char variable[] = "OPENBLAS_CORETYPE";

/* What kernels need of a CPU, from slow to fast. */
typedef enum { ANY, AVX2, AVX512 } instructions;

static instructions needed(const char *kernel)
{
    static const char *const avx2[] = {"Haswell", "Zen", "Excavator"};
    static const char *const avx512[] = {"SkylakeX", "Cooperlake", "SapphireRapids"};
    for (int i = 0; i < 3; i++) {
        if (strcasecmp(kernel, avx2[i]) == 0) return AVX2;
        if (strcasecmp(kernel, avx512[i]) == 0) return AVX512;
    }
    return ANY;
}

static instructions had(void)
{
#if defined(__x86_64__) && defined(__GNUC__)
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl")) return AVX512;
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return AVX2;
#endif
    return ANY;
}

/* Kernels whose instructions this CPU lacks would kill the program where they are first used. */
static bool cpu_has(const char *kernel)
{
    return *kernel != '\0' && needed(kernel) <= had();
}

gs_status gs_kernels_pin(const char *kernel, char **argv, gs_error *error)
{
    const char *pinned = getenv(variable);
    if (strcasecmp(gs_blas_kernel(), kernel) == 0) return GS_OK;
    bool tried = pinned != NULL && strcasecmp(pinned, kernel) == 0;
    if (tried || !cpu_has(kernel))
        return gs_fail(error, GS_ERROR_INPUT, "--kernels: this %s has no BLAS kernels '%s'; it works with '%s'",
                       tried ? "OpenBLAS" : "CPU", kernel, gs_blas_kernel());
    if (setenv(variable, kernel, 1) == 0) execv("/proc/self/exe", argv);
    return gs_fail(error, GS_ERROR_INPUT, "--kernels: cannot start anew with %s=%s: %s", variable, kernel,
                   strerror(errno));
}

static const char *const instruction_names[] = {"neither", "AVX2", "AVX-512"};

gs_status gs_kernels_run_here(gs_error *error)
{
    const char *kernel = gs_blas_kernel();
    if (cpu_has(kernel)) return GS_OK;
    return gs_fail(error, GS_ERROR_INPUT,
                   "%s pins the BLAS kernels '%s', which need %s, and this CPU has none; unset it", variable, kernel,
                   instruction_names[needed(kernel)]);
}

bool gs_kernels_odd(char *text, size_t size)
{
    const char *pinned = getenv(variable);
    if (pinned != NULL && *pinned != '\0' && strcasecmp(pinned, gs_blas_kernel()) != 0) {
        snprintf(text, size, "%s is '%.40s', which this OpenBLAS or CPU does not have; it works with the kernels '%s'",
                 variable, pinned, gs_blas_kernel());
        return true;
    }
    if (needed(gs_blas_kernel()) >= had()) return false;
    snprintf(
        text, size, "this CPU has %s, and the BLAS kernels '%s' do not use it: training may take twice as long (%s%s)",
        instruction_names[had()], gs_blas_kernel(),
        pinned != NULL ? "OPENBLAS_CORETYPE is " : "a newer OpenBLAS may know this CPU", pinned != NULL ? pinned : "");
    return true;
}

/* ---- all ranks --------------------------------------------------------------------------------------------------- */

enum { LIBRARY = 256 };

static void describe(char text[LIBRARY])
{
    memset(text, 0, LIBRARY);
    snprintf(text, LIBRARY, "%s, kernels %s", gs_blas_version(), gs_blas_kernel());
}

/* Compares what rank 0 has gathered. */
static gs_status compare(const gs_world *world, const char (*all)[LIBRARY], gs_error *error)
{
    for (int rank = 1; rank < world->size; rank++)
        if (strcmp(all[rank], all[0]) != 0)
            return gs_fail(error, GS_ERROR_INPUT,
                           "results would depend on who trains what: rank 0 on %s has %s, and rank %d on %s has %s. "
                           "--kernels portable "
                           "takes kernels that both have, if it is the same OpenBLAS",
                           gs_world_host(world, 0), all[0], rank, gs_world_host(world, rank), all[rank]);
    return GS_OK;
}

gs_status gs_kernels_agree(const gs_world *world, gs_error *error)
{
    char own[LIBRARY], (*all)[LIBRARY] = world->rank == 0 ? malloc((size_t)world->size * LIBRARY) : NULL;
    gs_status status = GS_OK;
    describe(own);
    if (world->rank == 0 && all == NULL) gs_world_abort(world, EXIT_FAILURE);
    gs_world_gather(world, own, LIBRARY, all);
    if (world->rank == 0) status = compare(world, (const char(*)[LIBRARY])all, error);
    gs_world_broadcast(world, &status, sizeof status);
    free(all);
    return status;
}
