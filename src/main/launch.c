#include "main/launch.h"

#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "build.h" /* made by the Makefile: version, git commit, compiler and flags */
#include "ground/clock.h"
#include "ground/utf8.h"
#include "ground/vector.h"
#include "nn/matrix.h"
#include "store/file.h"

const char *const gs_version = GS_VERSION;
const char *const gs_program = GS_VERSION " (" GS_GIT_COMMIT ")";

extern char **environ;

static void add_text(gs_launch *launch, const char *name, const char *text)
{
    char *kept = launch->texts[launch->count];
    snprintf(kept, GS_FACT_TEXT, "%s", text);
    gs_utf8_mend(kept);
    launch->facts[launch->count++] = (gs_fact){.name = name, .text = kept};
}

static void add_number(gs_launch *launch, const char *name, int64_t number)
{
    launch->facts[launch->count++] = (gs_fact){.name = name, .number = number};
}

static void read_cpu(char *text, size_t size)
{
    snprintf(text, size, "unknown");
    FILE *file = fopen("/proc/cpuinfo", "r");
    char line[512];
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        char *colon = strchr(line, ':');
        if (strncmp(line, "model name", 10) != 0 || colon == NULL) continue;
        colon[strcspn(colon, "\n")] = '\0';
        snprintf(text, size, "%s", colon + 2);
        break;
    }
    if (file != NULL) fclose(file);
}

/* Variables that can change kernels, threads, memory or the file. */
static void read_environment(char *text, size_t size)
{
    static const char *const prefixes[] = {"OPENBLAS_",    "OMP_",         "GOTO_",        "HDF5_",
                                           "OMPI_MCA_btl", "OMPI_MCA_pml", "OMPI_MCA_mtl", "OMPI_MCA_coll",
                                           "SLURM_JOB",    "SLURM_NTASKS", "MALLOC_",      "LD_PRELOAD="};
    size_t used = 0;
    text[0] = '\0';
    for (char **variable = environ; *variable != NULL; variable++)
        for (size_t i = 0; i < sizeof prefixes / sizeof prefixes[0] && used < size; i++)
            if (strncmp(*variable, prefixes[i], strlen(prefixes[i])) == 0)
                used += (size_t)snprintf(text + used, size - used, "%s%s", used > 0 ? "\n" : "", *variable);
}

static void append(char *text, size_t size, const char *more)
{
    size_t used = strlen(text);
    snprintf(text + used, size - used, "%s", more);
}

/* As it can be given to a shell again: 'quoted' where it must be. */
static void append_quoted(char *text, size_t size, const char *argument)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789%+,-./:=@_";
    if (*argument != '\0' && argument[strspn(argument, plain)] == '\0') {
        append(text, size, argument);
        return;
    }
    append(text, size, "'");
    for (const char *c = argument; *c != '\0'; c++) append(text, size, *c == '\'' ? "'\\''" : (char[]){*c, '\0'});
    append(text, size, "'");
}

static void join_arguments(char *text, size_t size, int argc, char **argv)
{
    text[0] = '\0';
    for (int i = 0; i < argc; i++) {
        if (i > 0) append(text, size, " ");
        append_quoted(text, size, argv[i]);
    }
    if (strlen(text) + 1 == size) strcpy(text + size - 4, "..."); /* /sweep/history_overrides has them whole */
}

void gs_launch_describe(gs_launch *launch, const gs_world *world, const char *hosts, int argc, char **argv)
{
    char text[GS_FACT_TEXT];
    launch->count = 0;
    gs_utc_write(text);
    add_text(launch, "started", text);
    join_arguments(text, sizeof text, argc, argv);
    add_text(launch, "argv", text);
    add_text(launch, "directory", getcwd(text, sizeof text) != NULL ? text : "unknown");
    add_text(launch, "hosts", hosts);
    add_number(launch, "ranks", world->size);
    const struct passwd *user = getpwuid(getuid());
    add_text(launch, "user", user != NULL ? user->pw_name : "unknown");
    const char *job = getenv("SLURM_JOB_ID");
    add_text(launch, "job", job != NULL ? job : "");
    read_cpu(text, sizeof text);
    add_text(launch, "cpu", text);
    add_text(launch, "blas", gs_blas_version());
    add_text(launch, "blas_kernel", gs_blas_kernel());
    add_text(launch, "vector_kernel", gs_vector->name);
    gs_world_library(world, text, sizeof text);
    add_text(launch, "mpi", text);
    add_text(launch, "hdf5", gs_file_library_version());
    add_text(launch, "compiler", GS_COMPILER);
    add_text(launch, "compiler_flags", GS_COMPILER_FLAGS);
    add_text(launch, "gensweep_version", gs_version);
    add_text(launch, "git_commit", GS_GIT_COMMIT);
    add_number(launch, "git_dirty", GS_GIT_DIRTY);
    read_environment(text, sizeof text);
    add_text(launch, "environment", text);
}

void gs_version_print(const gs_world *world)
{
    char mpi[256], cpu[256];
    gs_world_library(world, mpi, sizeof mpi);
    read_cpu(cpu, sizeof cpu);
    printf("gensweep %s (%s%s)\n", gs_version, GS_GIT_COMMIT, GS_GIT_DIRTY ? ", changed" : "");
    printf("compiler       %s\n", GS_COMPILER);
    printf("cpu            %s\n", cpu);
    printf("blas           %s\n", gs_blas_version());
    printf("blas kernel    %s\n", gs_blas_kernel());
    printf("vector kernel  %s\n", gs_vector->name);
    printf("hdf5           %s\n", gs_file_library_version());
    if (world->mpi) printf("mpi            %s\n", mpi);
}
