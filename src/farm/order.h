/* In which order the runs of an agenda are handed out. */
#ifndef GS_FARM_ORDER_H
#define GS_FARM_ORDER_H

#include "farm/agenda.h"
#include "farm/schedule.h"

/* Tells the schedule how long the runs are, as their settings tell. GS_ERROR_MEMORY. */
GS_MUST_CHECK gs_status gs_order_runs(gs_schedule *schedule, const gs_agenda *agenda, const gs_digits *digits,
                                      gs_error *error);

#endif
