#include "ground/vector.h"

#include <string.h>

extern const gs_vector_kernels gs_vector_baseline;
#ifdef GS_X86
extern const gs_vector_kernels gs_vector_avx2;
extern const gs_vector_kernels gs_vector_avx512;
#endif

const gs_vector_kernels *gs_vector = &gs_vector_baseline;

const gs_vector_kernels *gs_vector_variant(const char *name)
{
    if (strcmp(name, gs_vector_baseline.name) == 0) return &gs_vector_baseline;
#ifdef GS_X86
    __builtin_cpu_init();
    if (strcmp(name, gs_vector_avx2.name) == 0 && __builtin_cpu_supports("avx2")) return &gs_vector_avx2;
    if (strcmp(name, gs_vector_avx512.name) == 0 && __builtin_cpu_supports("avx512f") &&
        __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq"))
        return &gs_vector_avx512;
#endif
    return NULL;
}

__attribute__((constructor)) static void choose(void)
{
    static const char *const best_first[] = {"avx512", "avx2", "baseline"};
    const gs_vector_kernels *found = NULL;
    for (size_t i = 0; found == NULL; i++) found = gs_vector_variant(best_first[i]);
    gs_vector = found;
}
