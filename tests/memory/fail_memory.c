/* Lets each allocation of gensweep's own code fail, the n-th for n = 1 .. last, alone and with all after it: reading a
 * sweep and planning it, making a results file, continuing and extending one, status, verify and audit. Each time there
 * has to be an answer all the same, or the sentence of GS_ERROR_MEMORY, and afterwards the file can be continued.
 *
 *     fail_memory FOLDER [EVERY]     with EVERY > 1 only every so many-th n
 *
 * The linker hands malloc, calloc, realloc and strdup of the program's own objects, and yaml_malloc, yaml_realloc and
 * yaml_strdup of libyaml, to the functions here; HDF5's own allocations are left alone. */
#include <errno.h>
#include <sys/wait.h>
#include <unistd.h>

#include "small_sweep.h"
#include "store/audit.h"
#include "store/overview.h"
#include "store/verify.h"

/* ---- allocations ------------------------------------------------------------------------------------------------- */

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
char *__real_strdup(const char *text);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);
char *__wrap_strdup(const char *text);
void *yaml_malloc(size_t size);
void *yaml_realloc(void *old, size_t size);
char *yaml_strdup(const char *text);

static long failing, counted; /* which one fails, 0: none */
static bool forever, counting;

static bool fails(void)
{
    if (!counting) return false;
    counted++;
    return failing > 0 && (counted == failing || (forever && counted > failing));
}

void *__wrap_malloc(size_t size)
{
    return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return fails() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *old, size_t size)
{
    return fails() ? NULL : __real_realloc(old, size);
}

char *__wrap_strdup(const char *text)
{
    return fails() ? NULL : __real_strdup(text);
}

void *yaml_malloc(size_t size)
{
    return fails() ? NULL : __real_malloc(size > 0 ? size : 1);
}

void *yaml_realloc(void *old, size_t size)
{
    return fails() ? NULL : __real_realloc(old, size > 0 ? size : 1);
}

char *yaml_strdup(const char *text)
{
    return text == NULL || fails() ? NULL : __real_strdup(text);
}

/* ---- what is done ------------------------------------------------------------------------------------------------ */

static char path[1024];
static small_sweep small;
static gs_parcel last_run;

static void ignore_difference(void *context, int64_t run, const char *label, const char *what)
{
    (void)context, (void)run, (void)label, (void)what;
}

static void ignore_row(void *context, const gs_row *row)
{
    (void)context, (void)row;
}

/* With everything that a sweep can be written with. */
static gs_status do_plan(gs_error *error)
{
    static const char text[] =
        "name: m\ndescription: &d some\nseeds: [3, 5]\nmethod: random\nrun_cap: 3\nsearch_seed: 1\nparameters:\n"
        "  model: {values: [vae, diffusion]}\n  steps: [10, 20]\n  learning_rate: {distribution: log_uniform_values, "
        "min: 1e-4, max: 1e-2}\n"
        "exclude: [{model: diffusion, steps: 10}]\nevaluation: {samples: 500}\n";
    static const char *const overrides[] = {"steps=10,20,30", "evaluation.samples=400"};
    gs_sweep *sweep = NULL;
    gs_plan *plan = NULL;
    gs_status status = gs_sweep_read_text(&sweep, "m.yaml", text, strlen(text), overrides, 2, error);
    if (status == GS_OK) status = gs_plan_create(&plan, sweep, error);
    gs_plan_destroy(&plan);
    gs_sweep_destroy(&sweep);
    return status;
}

static gs_status end(gs_status status, gs_error *error)
{
    gs_status closed = gs_store_close(&small.store, status == GS_OK ? error : NULL);
    return status == GS_OK ? closed : status;
}

static gs_status do_create(gs_error *error)
{
    unlink(path);
    gs_status status = gs_store_create(&small.store, path, &small.contents, error);
    if (status == GS_OK) status = gs_store_start(small.store, 3, 0, error);
    if (status == GS_OK) status = gs_store_commit(small.store, &last_run, error);
    return end(status, error);
}

static gs_status do_resume(gs_error *error)
{
    gs_status status = gs_store_open(&small.store, path, &small.contents, error);
    if (status == GS_OK) status = gs_store_ended(small.store, ignore_row, NULL, error);
    if (status == GS_OK) status = gs_store_start(small.store, 3, 0, error);
    if (status == GS_OK) status = gs_store_commit(small.store, &last_run, error);
    return end(status, error);
}

/* Two seeds more. */
static gs_status do_extend(gs_error *error)
{
    small_sweep larger = {.digits = small.digits};
    const char *const overrides[] = {"seeds=0-3"};
    bool was = counting;
    counting = false;
    gs_status status =
        gs_sweep_read_text(&larger.sweep, "small.yaml", small_text, strlen(small_text), overrides, 1, error);
    if (status == GS_OK) status = gs_plan_create(&larger.plan, larger.sweep, error);
    counting = was;
    larger.contents = small.contents;
    larger.contents.sweep = larger.sweep;
    larger.contents.plan = larger.plan;
    if (status == GS_OK) status = gs_store_open(&small.store, path, &larger.contents, error);
    status = end(status, error);
    small_forget(&larger);
    return status;
}

static gs_status do_status(gs_error *error)
{
    gs_overview overview;
    gs_status status = gs_overview_read(&overview, path, error);
    if (status == GS_OK) gs_overview_free(&overview);
    return status;
}

static gs_status do_verify(gs_error *error)
{
    gs_verdict verdict;
    return gs_verify(path, GS_OPEN_READ, ignore_difference, NULL, &verdict, error);
}

static gs_status do_audit(gs_error *error)
{
    gs_audit *audit;
    gs_comparison comparison;
    gs_difference difference;
    gs_job job;
    gs_status status = gs_audit_open(&audit, path, error);
    if (status != GS_OK) return status;
    gs_audit_job(audit, 1, &job, &difference);
    status = gs_audit_compare(audit, 1, &last_run, &comparison, error);
    gs_audit_close(&audit);
    return status;
}

static const struct {
    const char *name;
    gs_status (*run)(gs_error *error);
    bool writes;
} scenarios[] = {{"plan", do_plan, false},    {"create", do_create, true},  {"resume", do_resume, true},
                 {"extend", do_extend, true}, {"status", do_status, false}, {"verify", do_verify, false},
                 {"audit", do_audit, false}};

/* ---- all n ------------------------------------------------------------------------------------------------------- */

/* In a process of its own. 0: an answer; 1: the sentence; 2: there are less than n allocations; 3: something else. */
static int attempt(size_t which, long n, bool all)
{
    static gs_error error;
    int ended = 0;
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        failing = n;
        forever = all;
        counting = true;
        gs_status status = scenarios[which].run(&error);
        counting = false;
        bool told = status == GS_ERROR_MEMORY && strstr(error.text, "out of memory") != NULL;
        if (status != GS_OK && !told)
            fprintf(stderr, "%s, allocation %ld: status %s: %s\n", scenarios[which].name, n, gs_status_name(status),
                    error.text);
        small_forget(&small);
        gs_parcel_free(&last_run);
        _exit(failing > 0 && counted < n ? 2 : status == GS_OK ? 0 : told ? 1 : 3);
    }
    while (waitpid(child, &ended, 0) < 0 && errno == EINTR) continue;
    if (WIFSIGNALED(ended))
        fprintf(stderr, "%s, allocation %ld: signal %d\n", scenarios[which].name, n, WTERMSIG(ended));
    return WIFEXITED(ended) ? WEXITSTATUS(ended) : 3;
}

/* A file as it was before, made in a process of its own, because HDF5 must not be in use when it forks. */
static bool make_file(void)
{
    static gs_error error;
    int ended = 1;
    unlink(path);
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) _exit(small_make(&small, path, &error) == GS_OK ? 0 : 1);
    waitpid(child, &ended, 0);
    return ended == 0;
}

static void remove_earlier(void)
{
    for (int number = 1; number < 4; number++) {
        char name[1100];
        snprintf(name, sizeof name, "%s.%d", path, number);
        unlink(name);
    }
}

static long try_all(size_t which, bool all, long every, long *tried)
{
    long failed = 0;
    for (long n = 1;; n += every) {
        remove_earlier();
        if (scenarios[which].writes && !make_file()) return failed + 1;
        int result = attempt(which, n, all);
        if (result == 2) return failed;
        ++*tried;
        bool there = access(path, F_OK) == 0; /* one that could not be made is not there */
        bool goes_on = !scenarios[which].writes || !there || attempt(2, 0, false) == 0;
        if (!goes_on) fprintf(stderr, "%s, allocation %ld: the file cannot be continued\n", scenarios[which].name, n);
        failed += result > 1 || !goes_on;
    }
}

int main(int argc, char **argv)
{
    static gs_error error;
    long every = argc > 2 ? atol(argv[2]) : 1, failed = 0;
    if (argc < 2 || every < 1) {
        fprintf(stderr, "usage: fail_memory FOLDER [EVERY]\n");
        return 2;
    }
    snprintf(path, sizeof path, "%s/memory.h5", argv[1]);
    gs_digits_draw(&small.digits);
    if (small_read(&small, &error) != GS_OK || small_train(&small, 3, &last_run, &error) != GS_OK) {
        fprintf(stderr, "%s\n", error.text);
        return 2;
    }
    for (size_t which = 0; which < sizeof scenarios / sizeof scenarios[0]; which++) {
        if (!make_file() || attempt(which, 0, false) != 0) failed++; /* without a failing one all is well */
        for (int all = 0; all < 2; all++) {
            long tried = 0;
            failed += try_all(which, all, every, &tried);
            printf("%s: %ld allocations %s\n", scenarios[which].name, tried,
                   all ? "failed with all after them" : "failed alone");
            if (tried < 1) failed++;
        }
    }
    printf("%ld failed\n", failed);
    remove_earlier();
    unlink(path);
    return failed > 0;
}
