/* Rows of a results file as they are chosen on the command line. */
#ifndef GS_MAIN_ROWS_H
#define GS_MAIN_ROWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ground/status.h"

/* Reads "3,7-9": chosen[row] for each of the `rows` rows. GS_ERROR_INPUT: not of this form, or no such row. */
GS_MUST_CHECK gs_status gs_rows_read(const char *text, uint64_t rows, bool *chosen, gs_error *error);

/* Chooses this share, rounded and at least one, of the rows that are possible: those with the smallest random numbers,
 * of which each row has its own for each seed (GS_STREAM_AUDIT). So a larger share holds every smaller one.
 * GS_ERROR_MEMORY. */
GS_MUST_CHECK gs_status gs_rows_sample(const bool *possible, uint64_t rows, double fraction, uint64_t seed,
                                       bool *chosen, gs_error *error);

/* Writes them as gs_rows_read reads them; cut, with "...", where there is no more room. */
void gs_rows_write(const bool *chosen, uint64_t rows, char *text, size_t size);

#endif
