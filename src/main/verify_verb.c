#include "main/verify_verb.h"

#include <stdio.h>

#include "store/verify.h"

static void tell_difference(void *context, int64_t run, const char *label, const char *what)
{
    (void)context;
    if (run >= 0) printf("run %lld (%s): %s\n", (long long)run, label, what);
    else printf("%s\n", what);
}

gs_status gs_verify_print(const gs_options *options, bool *differs, gs_error *error)
{
    gs_verdict verdict;
    gs_status status = gs_verify(options->file, GS_OPEN_READ, tell_difference, NULL, &verdict, error);
    if (status != GS_OK) return status;
    printf("%s: %lld run%s done; checked", options->file, (long long)verdict.done, verdict.done == 1 ? "" : "s");
    for (int part = 0; part < GS_PART_COUNT; part++)
        printf("%s %s of %lld", part == 0 ? "" : ",", gs_digest_parts[part], (long long)verdict.checked[part]);
    if (verdict.different == 0) printf(": every digest agrees\n");
    else printf(": %lld run%s with a difference\n", (long long)verdict.different, verdict.different == 1 ? "" : "s");
    *differs = verdict.different > 0;
    return GS_OK;
}
