#include "farm/workbench.h"

#include "ground/clock.h"

static gs_status pack_failure(gs_workbench *workbench, const gs_job *job, const gs_error *reason, int rank, bool *ended,
                              gs_error *error)
{
    *ended = true;
    return gs_parcel_pack_failure(&workbench->parcel, job, reason->text, rank, error);
}

gs_status gs_workbench_begin(gs_workbench *workbench, const gs_common *common, const gs_job *job, int rank, bool *ended,
                             gs_error *error)
{
    gs_error reason;
    double start = gs_clock();
    *ended = false;
    workbench->job = *job;
    gs_status status = gs_trainer_create(&workbench->trainer, job, &common->digits, 0, &reason);
    workbench->seconds = gs_clock() - start;
    return status == GS_OK ? GS_OK : pack_failure(workbench, job, &reason, rank, ended, error);
}

gs_status gs_workbench_work(gs_workbench *workbench, const gs_common *common, int rank, double seconds, bool *ended,
                            gs_error *error)
{
    double start = gs_clock(), now = start;
    bool more = true;
    while (more && now - start < seconds) {
        more = gs_trainer_advance(workbench->trainer);
        now = gs_clock();
    }
    workbench->seconds += now - start;
    *ended = !more;
    if (more) return GS_OK;
    gs_error reason;
    gs_status status = gs_parcel_pack(&workbench->parcel, &workbench->job, gs_trainer_result(workbench->trainer), common->storage,
                                      rank, workbench->seconds, &reason);
    gs_trainer_destroy(&workbench->trainer);
    if (status == GS_OK && workbench->parcel.size > INT32_MAX)
        status = gs_fail(&reason, GS_ERROR_MEMORY, "results of %zu bytes are too many for one message: fewer evaluation.samples, or "
                         "storage.samples: none", workbench->parcel.size);
    return status == GS_OK ? GS_OK : pack_failure(workbench, &workbench->job, &reason, rank, ended, error);
}

int64_t gs_workbench_steps(const gs_workbench *workbench)
{
    return workbench->trainer == NULL ? 0 : gs_trainer_steps_done(workbench->trainer);
}

void gs_workbench_free(gs_workbench *workbench)
{
    gs_trainer_destroy(&workbench->trainer);
    gs_parcel_free(&workbench->parcel);
}
