#include "farm/farm.h"
#include "farm/messages.h"
#include "farm/workbench.h"
#include "ground/clock.h"

static const double nap = 0.001;    /* between two looks for a message when idle */
static const double report = 1.0;   /* between two reports of progress */

/* Waits, asleep, for rank 0's answer: a job, or leave to go. */
static bool receive_job(const gs_world *world, gs_job *job)
{
    int from, tag;
    size_t size;
    while (!gs_world_probe(world, &from, &tag, &size)) gs_sleep(nap);
    if (tag == GS_TAG_JOB) {
        gs_world_receive(world, from, tag, job, sizeof *job);
        return true;
    }
    gs_world_receive(world, from, tag, NULL, 0);
    return false;
}

gs_status gs_farm_work(const gs_world *world, const gs_common *common, gs_error *error)
{
    gs_workbench workbench = {0};
    gs_job job;
    gs_status status = GS_OK;
    gs_world_send(world, 0, GS_TAG_REQUEST, NULL, 0);
    while (status == GS_OK && receive_job(world, &job)) {
        bool ended;
        status = gs_workbench_begin(&workbench, common, &job, world->rank, &ended, error);
        while (status == GS_OK && !ended) {
            status = gs_workbench_work(&workbench, common, world->rank, report, &ended, error);
            int64_t steps = gs_workbench_steps(&workbench);
            if (status == GS_OK && !ended) gs_world_send(world, 0, GS_TAG_PROGRESS, &steps, sizeof steps);
        }
        if (status == GS_OK) gs_world_send(world, 0, GS_TAG_RESULT, workbench.parcel.bytes, workbench.parcel.size);
    }
    gs_workbench_free(&workbench);
    return status;
}
