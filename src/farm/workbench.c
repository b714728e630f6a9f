#include "farm/workbench.h"

#include <stdio.h>
#include <stdlib.h>

#include "farm/drain.h"
#include "ground/clock.h"
#include "ground/vector.h"
#include "nn/matrix.h"

/* ---- mid-run checkpoints ----------------------------------------------------------------------------------------- */

/* The same run gives the same bits only with the same program and kernels. */
static gs_midrun midrun_of(const gs_workbench *workbench, const gs_common *common, char maker[GS_MIDRUN_MAKER])
{
    snprintf(maker, GS_MIDRUN_MAKER, "gensweep %s with kernels %s and %s", common->program, gs_blas_kernel(),
             gs_vector->name);
    return (gs_midrun){.folder = common->folder, .id = workbench->id, .maker = maker};
}

static bool keeps(const gs_common *common)
{
    return common->folder[0] != '\0' && common->storage.checkpoint_every > 0;
}

static void keep(gs_workbench *workbench, const gs_common *common)
{
    char maker[GS_MIDRUN_MAKER];
    gs_midrun midrun = midrun_of(workbench, common, maker);
    gs_spans state = {.count = 0};
    gs_error error;
    gs_trainer_state(workbench->trainer, &state);
    gs_note *note = &workbench->note;
    if (gs_midrun_write(&midrun, workbench->seconds, &state, &error) != GS_OK && !workbench->told_unkept) {
        workbench->told_unkept = note->unkept = true;
        snprintf(note->text, sizeof note->text, "no mid-run checkpoints: %.*s", GS_NOTE - 32, error.text);
    }
    workbench->kept = gs_clock();
}

static void take_up(gs_workbench *workbench, const gs_common *common)
{
    char maker[GS_MIDRUN_MAKER];
    gs_run_id(&workbench->job.settings, workbench->job.seed, &common->digits, workbench->id);
    gs_midrun midrun = midrun_of(workbench, common, maker);
    unsigned char *bytes = NULL;
    double seconds;
    size_t size;
    gs_error error;
    gs_status status = gs_midrun_read(&midrun, &seconds, &bytes, &size, &error);
    if (status == GS_OK && bytes != NULL) {
        if (gs_trainer_restore(workbench->trainer, bytes, size)) workbench->seconds = seconds;
        else
            status =
                gs_fail(&error, GS_ERROR_STORAGE, "the mid-run checkpoint of run %s does not fit it", workbench->id);
    }
    if (status != GS_OK) {
        workbench->note.unkept = false;
        snprintf(workbench->note.text, sizeof workbench->note.text, "%.*s; its run starts over", GS_NOTE - 64,
                 error.text);
    }
    free(bytes);
}

/* ---- runs -------------------------------------------------------------------------------------------------------- */

static gs_status pack_failure(gs_workbench *workbench, const gs_common *common, const gs_error *reason, int rank,
                              bool *ended, gs_error *error)
{
    *ended = true;
    return gs_parcel_pack_failure(&workbench->parcel, &workbench->job, &common->digits, reason->text, rank, error);
}

gs_status gs_workbench_begin(gs_workbench *workbench, const gs_common *common, const gs_job *job, int rank, bool *ended,
                             gs_error *error)
{
    gs_error reason;
    double start = gs_clock();
    *ended = false;
    workbench->job = *job;
    workbench->seconds = 0;
    if (common->idle) {
        *ended = true;
        return gs_parcel_pack_nothing(&workbench->parcel, job, rank, error);
    }
    gs_status status = gs_trainer_create(&workbench->trainer, job, &common->digits, 0, &reason);
    if (status == GS_OK && keeps(common)) take_up(workbench, common);
    workbench->steps_before = status == GS_OK ? gs_trainer_steps_done(workbench->trainer) : 0;
    workbench->share_before = status == GS_OK ? gs_trainer_share(workbench->trainer) : 0;
    workbench->kept = gs_clock();
    workbench->seconds += workbench->kept - start;
    return status == GS_OK ? GS_OK : pack_failure(workbench, common, &reason, rank, ended, error);
}

gs_status gs_workbench_work(gs_workbench *workbench, const gs_common *common, int rank, double seconds, bool *ended,
                            gs_error *error)
{
    double start = gs_clock(), now = start;
    bool more = true;
    gs_at_rung at;
    do {
        more = gs_trainer_advance(workbench->trainer);
        now = gs_clock();
    } while (more && now - start < seconds && !gs_drain_wanted() && !gs_workbench_asks(workbench, &at));
    workbench->seconds += now - start;
    *ended = !more;
    if (more && keeps(common) && now - workbench->kept >= common->storage.checkpoint_every) keep(workbench, common);
    if (more) return GS_OK;
    gs_error reason;
    gs_status status = gs_parcel_pack(&workbench->parcel, &workbench->job, gs_trainer_result(workbench->trainer),
                                      common->storage, rank, workbench->seconds, &reason);
    gs_trainer_destroy(&workbench->trainer);
    if (status == GS_OK && workbench->parcel.size > INT32_MAX)
        status = gs_fail(&reason, GS_ERROR_MEMORY,
                         "results of %zu bytes are too many for one message: fewer evaluation.samples, or "
                         "storage.samples: none",
                         workbench->parcel.size);
    return status == GS_OK ? GS_OK : pack_failure(workbench, common, &reason, rank, ended, error);
}

bool gs_workbench_asks(const gs_workbench *workbench, gs_at_rung *at)
{
    at->run = workbench->job.run;
    return workbench->trainer != NULL && gs_trainer_asks(workbench->trainer, &at->rung, &at->value);
}

bool gs_workbench_passed(const gs_workbench *workbench, gs_at_rung *at)
{
    at->run = workbench->job.run;
    return workbench->trainer != NULL && gs_trainer_passed(workbench->trainer, &at->rung, &at->value);
}

void gs_workbench_decide(gs_workbench *workbench, const gs_decision *decision)
{
    if (workbench->trainer != NULL) gs_trainer_answer(workbench->trainer, decision);
}

void gs_workbench_leave(gs_workbench *workbench, const gs_common *common)
{
    if (workbench->trainer != NULL && keeps(common)) keep(workbench, common);
    gs_trainer_destroy(&workbench->trainer);
}

gs_standing gs_workbench_standing(const gs_workbench *workbench)
{
    const gs_trainer *trainer = workbench->trainer;
    if (trainer == NULL) return (gs_standing){.steps_done = 0};
    return (gs_standing){
        .steps_done = gs_trainer_steps_done(trainer),
        .share = gs_trainer_share(trainer),
        .seconds = workbench->seconds,
        .steps_before = workbench->steps_before,
        .share_before = workbench->share_before,
    };
}

void gs_workbench_free(gs_workbench *workbench)
{
    gs_trainer_destroy(&workbench->trainer);
    gs_parcel_free(&workbench->parcel);
}
