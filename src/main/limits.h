/* When the launch will be ended from outside, as far as that is known. */
#ifndef GS_MAIN_LIMITS_H
#define GS_MAIN_LIMITS_H

#include "main/options.h"

/* Has the farm drain before --walltime is over and before SLURM_JOB_END_TIME (seconds since 1970), whichever comes
 * first: earlier by 30 seconds, or by a tenth of the time where that is less. An end that has passed already is of
 * another job. */
void gs_limits_set(const gs_options *options);

#endif
