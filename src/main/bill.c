#include "main/bill.h"

#include <stdlib.h>
#include <unistd.h>

#include "farm/farm.h"
#include "main/costs.h"

/* List scheduling in plan order: the next run goes to the rank that is free first (a heap of the times at which ranks
 * are free). */
static gs_status schedule(gs_bill *bill, const gs_plan *plan, const gs_history *history, gs_error *error)
{
    size_t training = (size_t)bill->ranks - (bill->ranks > GS_TRAINING_MANAGER); /* rank 0 of many only manages */
    size_t ranks = training < plan->run_count ? training : plan->run_count;
    double *free_at = calloc(ranks, sizeof *free_at);
    if (free_at == NULL) return gs_fail(error, GS_ERROR_MEMORY, "out of memory: %zu ranks", ranks);
    for (size_t run = 0; run < plan->run_count; run++) {
        if (history->found && history->ended[run]) continue;
        double end = free_at[0] + bill->seconds[run / plan->seed_count];
        size_t hole = 0;
        for (size_t child = 1; child < ranks; child = 2 * hole + 1) {
            if (child + 1 < ranks && free_at[child + 1] < free_at[child]) child++;
            if (!(free_at[child] < end)) break;
            free_at[hole] = free_at[child];
            hole = child;
        }
        free_at[hole] = end;
        if (end > bill->makespan) bill->makespan = end;
    }
    free(free_at);
    return GS_OK;
}

/* Of the file, what runs take that are no longer planned: they are kept. */
static double kept_bytes(const gs_costs *costs, const gs_history *history)
{
    double bytes = history->file_bytes - gs_costs_file_overhead(costs);
    return history->kept > 0 && bytes > 0 ? bytes * (double)history->kept / (double)(history->kept + history->done) : 0;
}

/* Bytes are refined by the size of the file, which has all runs that have ended and other rows too, so only where these
 * are most of it. */
static void learn(gs_costs *costs, const gs_plan *plan, const gs_history *history)
{
    double bytes = gs_costs_file_overhead(costs);
    for (size_t run = 0; history->found && run < plan->run_count; run++) {
        if (!(history->seconds[run] > 0)) continue;
        gs_costs_learn(costs, run / plan->seed_count, history->seconds[run]);
        bytes += gs_costs_bytes(costs, run / plan->seed_count);
    }
    if (history->done > 0) gs_costs_learn_size(costs, bytes, history->file_bytes - kept_bytes(costs, history));
}

static void estimate(gs_bill *bill, const gs_plan *plan, const gs_history *history, const gs_costs *costs)
{
    bill->file_bytes = gs_costs_file_overhead(costs) + kept_bytes(costs, history);
    for (size_t v = 0; v < plan->variant_count; v++) {
        bill->bytes[v] = gs_costs_bytes(costs, v);
        bill->seconds[v] = gs_costs_seconds(costs, v);
        bill->file_bytes += bill->bytes[v] * (double)plan->seed_count;
        bill->total += bill->seconds[v] * (double)plan->seed_count;
        for (size_t s = 0; s < plan->seed_count; s++)
            if (!history->found || !history->ended[v * plan->seed_count + s]) bill->left += bill->seconds[v];
    }
}

gs_status gs_bill_create(gs_bill *bill, const gs_plan *plan, const gs_history *history, const gs_digits *digits,
                         gs_storage storage, long ranks, bool measured, gs_error *error)
{
    *bill = (gs_bill){.measured = measured, .ranks = ranks > 0 ? ranks : sysconf(_SC_NPROCESSORS_ONLN)};
    if (bill->ranks < 1) bill->ranks = 1;
    gs_costs *costs = NULL;
    gs_status status = GS_OK;
    bill->seconds = calloc(plan->variant_count, sizeof *bill->seconds);
    bill->bytes = calloc(plan->variant_count, sizeof *bill->bytes);
    if (bill->seconds == NULL || bill->bytes == NULL)
        status = gs_fail(error, GS_ERROR_MEMORY, "out of memory: %zu variants", plan->variant_count);
    if (status == GS_OK) status = gs_costs_create(&costs, plan, digits, storage, measured, error);
    if (status == GS_OK) learn(costs, plan, history);
    if (status == GS_OK) estimate(bill, plan, history, costs);
    if (status == GS_OK && measured) status = schedule(bill, plan, history, error);
    gs_costs_destroy(&costs);
    if (status != GS_OK) gs_bill_free(bill);
    return status;
}

void gs_bill_free(gs_bill *bill)
{
    free(bill->seconds);
    free(bill->bytes);
    bill->seconds = bill->bytes = NULL;
}
