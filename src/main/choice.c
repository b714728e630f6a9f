#include "main/choice.h"

#include "main/audit_verb.h"
#include "main/exits.h"
#include "main/kernels.h"
#include "main/verbs.h"
#include "main/verify_verb.h"
#include "store/guard.h"

bool gs_choice_with_sweep(const gs_options *options, const gs_sweep *sweep)
{
    return options->kernels_given ? options->kernels == GS_KERNELS_PORTABLE : sweep->portable;
}

bool gs_choice_is_portable(const gs_options *options)
{
    if (gs_verbs[options->verb].word != GS_WORD_SWEEP || options->kernels_given)
        return options->kernels == GS_KERNELS_PORTABLE;
    gs_sweep *sweep = NULL;
    gs_error unused;
    bool portable =
        gs_sweep_read(&sweep, options->sweep, options->overrides, options->override_count, &unused) == GS_OK &&
        gs_choice_with_sweep(options, sweep);
    gs_sweep_destroy(&sweep);
    return portable;
}

static gs_status pin_portable(const gs_options *options, char **argv, gs_error *error)
{
    gs_status status = gs_kernels_pin(gs_kernels_portable, argv, error);
    return options->verb == GS_VERB_PLAN ? GS_OK : status; /* a sweep may be planned where it cannot run */
}

static gs_status pin_recorded(const gs_options *options, char **argv, gs_error *error)
{
    char kernel[GS_KERNEL];
    gs_guard_install(GS_EXIT_STORAGE);
    gs_status status = gs_audit_recorded(options, kernel, error);
    gs_guard_remove(); /* MPI is not started yet */
    return status == GS_OK ? gs_kernels_pin(kernel, argv, error) : status;
}

gs_status gs_choice_of_kernels(const gs_options *options, char **argv, gs_error *error)
{
    if (gs_choice_is_portable(options)) return pin_portable(options, argv, error);
    if (options->repair) return gs_repair_kernels(options, argv, error);
    return options->kernels == GS_KERNELS_RECORDED ? pin_recorded(options, argv, error) : GS_OK;
}
