#define _POSIX_C_SOURCE 200809L
#include "main/kernels.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "nn/matrix.h"

const char *const gs_kernels_names[GS_KERNELS_COUNT] = {"native", "portable", "recorded"};
const char *const gs_kernels_portable = "Haswell";

/* Kernels whose instructions this CPU lacks would kill the program where they are first used. */
static bool cpu_has(const char *kernel)
{
#if defined(__x86_64__) && defined(__GNUC__)
    static const char *const avx2[] = {"Haswell", "Zen", "Excavator"}, *const avx512[] = {"SkylakeX", "Cooperlake", "SapphireRapids"};
    for (int i = 0; i < 3; i++) {
        if (strcasecmp(kernel, avx2[i]) == 0) return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
        if (strcasecmp(kernel, avx512[i]) == 0) return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl");
    }
#endif
    return *kernel != '\0';
}

gs_status gs_kernels_pin(const char *kernel, char **argv, gs_error *error)
{
    static const char variable[] = "OPENBLAS_CORETYPE";
    const char *pinned = getenv(variable);
    if (strcasecmp(gs_blas_kernel(), kernel) == 0) return GS_OK;
    bool tried = pinned != NULL && strcasecmp(pinned, kernel) == 0;
    if (tried || !cpu_has(kernel))
        return gs_fail(error, GS_ERROR_INPUT, "--kernels: this %s has no BLAS kernels '%s'; it works with '%s'", tried ? "OpenBLAS" : "CPU", kernel,
                       gs_blas_kernel());
    if (setenv(variable, kernel, 1) == 0) execv("/proc/self/exe", argv);
    return gs_fail(error, GS_ERROR_INPUT, "--kernels: cannot start anew with %s=%s: %s", variable, kernel, strerror(errno));
}
