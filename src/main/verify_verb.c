#include "main/verify_verb.h"

#include <stdio.h>
#include <sys/stat.h>

#include "main/exits.h"
#include "main/words.h"
#include "nn/matrix.h"
#include "store/guard.h"
#include "store/lock.h"
#include "store/repair.h"
#include "store/verify.h"

static void print_difference(int64_t run, const char *label, const char *what)
{
    if (run >= 0) printf("run %lld (%s): %s\n", (long long)run, label, what);
    else printf("%s\n", what);
}

static bool is_written(const char *file)
{
    char holder[GS_LOCK_HOLDER];
    gs_lock_state lock = gs_lock_look(file, holder);
    return lock == GS_LOCK_HELD || lock == GS_LOCK_UNKNOWN;
}

/* A verification. One that began without a writer does not see what one changes that comes meanwhile: what differs then
 * means nothing. */
typedef struct {
    const char *file;
    bool written; /* when it began */
    struct stat before;
    bool overtaken; /* a writer has come meanwhile, or even gone */
} verification;

static bool is_overtaken(const verification *now)
{
    struct stat found;
    if (now->written) return false;
    return is_written(now->file) || stat(now->file, &found) != 0 || found.st_ino != now->before.st_ino ||
           found.st_size != now->before.st_size || found.st_mtim.tv_sec != now->before.st_mtim.tv_sec ||
           found.st_mtim.tv_nsec != now->before.st_mtim.tv_nsec;
}

static void tell_difference(void *context, int64_t run, const char *label, const char *what)
{
    verification *now = context;
    now->overtaken = now->overtaken || is_overtaken(now);
    if (!now->overtaken) print_difference(run, label, what);
}

static gs_status verify(const char *file, gs_verdict *verdict, bool *overtaken, gs_error *error)
{
    verification now = {.file = file, .written = is_written(file)};
    if (stat(file, &now.before) != 0) now.written = true; /* there is nothing to overtake */
    gs_status status =
        gs_verify(file, now.written ? GS_OPEN_READ : GS_OPEN_RESCUE, tell_difference, &now, verdict, error);
    *overtaken = now.overtaken || (status == GS_ERROR_STORAGE && is_overtaken(&now));
    return status;
}

static void print_verdict(const char *file, const gs_verdict *verdict)
{
    printf("%s: %lld run%s done; checked", file, (long long)verdict->done, gs_plural(verdict->done));
    for (int part = 0; part < GS_PART_COUNT; part++)
        printf("%s %s of %lld", part == 0 ? "" : ",", gs_digest_parts[part], (long long)verdict->checked[part]);
    if (verdict->different == 0) printf(": every digest agrees");
    else printf(": %lld run%s with a difference", (long long)verdict->different, gs_plural(verdict->different));
    if (verdict->lost > 0)
        printf("; %lld other place%s cannot be read", (long long)verdict->lost, gs_plural(verdict->lost));
    printf("\n");
}

gs_status gs_verify_print(const gs_options *options, bool *differs, gs_error *error)
{
    gs_verdict verdict;
    bool overtaken;
    gs_status status = verify(options->file, &verdict, &overtaken, error);
    if (overtaken) {
        fprintf(stderr, "gensweep: a sweep has begun to write %s meanwhile; verifying it again beside its writer\n",
                options->file);
        status = verify(options->file, &verdict, &overtaken, error);
    }
    if (status != GS_OK) return status;
    print_verdict(options->file, &verdict);
    *differs = verdict.different > 0 || verdict.lost > 0;
    if (*differs)
        fprintf(stderr,
                "gensweep: `gensweep verify --repair %s` makes a new file of what is whole and can be made again\n",
                options->file);
    return GS_OK;
}

/* ---- repair ------------------------------------------------------------------------------------------------------ */

gs_status gs_repair_kernels(const gs_options *options, char **argv, gs_error *error)
{
    char kernel[GS_KERNEL];
    bool must = options->kernels == GS_KERNELS_RECORDED;
    if (options->kernels_given && !must) return GS_OK;
    gs_guard_install(GS_EXIT_STORAGE);
    gs_repair_kernel(options->file, kernel);
    gs_guard_remove(); /* MPI is not started yet */
    if (kernel[0] == '\0' && must)
        return gs_fail(error, GS_ERROR_INPUT,
                       "--kernels recorded: '%s' does not record the same BLAS kernels for all its finished runs",
                       options->file);
    gs_status status = kernel[0] == '\0' ? GS_OK : gs_kernels_pin(kernel, argv, error);
    if (status == GS_OK || must) return status;
    fprintf(stderr,
            "gensweep: the runs of %s were trained with the BLAS kernels '%s', which cannot be had here; going on with "
            "'%s'\n",
            options->file, kernel, gs_blas_kernel());
    return GS_OK;
}

static void tell_repair(void *context, const gs_repaired *damage)
{
    (void)context;
    print_difference(damage->run, damage->label, damage->what);
    switch (damage->verdict) {
    case GS_REPAIR_MADE_AGAIN: printf("  made again from its checkpoint, with the stored digests\n"); break;
    case GS_REPAIR_SET_BACK: printf("  set back to pending, because %s\n", damage->why); break;
    case GS_REPAIR_LEFT: printf("  left as it was, because %s\n", damage->why); break;
    case GS_REPAIR_LOST:
    case GS_REPAIR_COUNT: printf("  lost; it belongs to no result of a run\n"); break;
    }
}

static void print_outcome(const char *file, const gs_repair_outcome *outcome)
{
    const int64_t *count = outcome->count;
    printf("%s has been repaired; the file from before is kept as %s\n", file, outcome->aside);
    if (count[GS_REPAIR_MADE_AGAIN] > 0)
        printf("  %lld run%s made again, bit for bit\n", (long long)count[GS_REPAIR_MADE_AGAIN],
               gs_plural(count[GS_REPAIR_MADE_AGAIN]));
    if (count[GS_REPAIR_SET_BACK] > 0)
        printf("  %lld run%s set back to pending: the command of the sweep trains %s again\n",
               (long long)count[GS_REPAIR_SET_BACK], gs_plural(count[GS_REPAIR_SET_BACK]),
               count[GS_REPAIR_SET_BACK] == 1 ? "it" : "them");
    if (count[GS_REPAIR_LEFT] > 0)
        printf("  %lld run%s left as %s. Repair the file where they can be made again; or `--kernels native` sets "
               "those of other BLAS kernels back to "
               "pending\n",
               (long long)count[GS_REPAIR_LEFT], gs_plural(count[GS_REPAIR_LEFT]),
               count[GS_REPAIR_LEFT] == 1 ? "it was" : "they were");
    if (count[GS_REPAIR_LOST] > 0)
        printf("  %lld other place%s lost\n", (long long)count[GS_REPAIR_LOST], gs_plural(count[GS_REPAIR_LOST]));
}

gs_status gs_repair_print(const gs_options *options, bool *differs, gs_error *error)
{
    gs_repair_outcome outcome;
    gs_repair_request request = {.without_kernels = options->kernels_given && options->kernels != GS_KERNELS_RECORDED,
                                 .tell = tell_repair};
    gs_status status = gs_repair(options->file, &request, &outcome, error);
    if (status != GS_OK) return status;
    print_verdict(options->file, &outcome.found);
    if (outcome.aside[0] == '\0') printf("nothing to repair\n");
    else print_outcome(options->file, &outcome);
    *differs = outcome.count[GS_REPAIR_SET_BACK] + outcome.count[GS_REPAIR_LEFT] + outcome.count[GS_REPAIR_LOST] > 0;
    return GS_OK;
}
