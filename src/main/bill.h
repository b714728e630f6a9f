/* What a plan costs: seconds and bytes of each variant's runs, and the makespan on so many ranks. */
#ifndef GS_MAIN_BILL_H
#define GS_MAIN_BILL_H

#include "store/history.h"

typedef struct {
    bool measured;
    double *seconds;   /* of one run of each variant; owned; 0 where nothing was measured */
    double *bytes;     /* of one run of each variant in the results file, about; owned */
    double total;      /* seconds of all runs on one core */
    double left;       /* of those of them that have not ended */
    double makespan;   /* seconds of these on `ranks` ranks */
    double file_bytes; /* of the whole file in the end, about */
    long ranks;
} gs_bill;

/* `history`: runs that have ended cost nothing more, and their times and bytes refine the estimates of the others.
 * `ranks` 0: as many as there are cores. `measure`: see main/costs.h. GS_ERROR_MEMORY, GS_ERROR_INPUT. */
GS_MUST_CHECK gs_status gs_bill_create(gs_bill *bill, const gs_plan *plan, const gs_history *history,
                                       const gs_digits *digits, gs_storage storage, long ranks, bool measure,
                                       gs_error *error);
void gs_bill_free(gs_bill *bill);

#endif
