/* A finished run made again from its stored checkpoint, without training: samples, and everything that is computed from
 * them. Curves and coverage along training are taken as they are stored; all together must give the stored digests. */
#ifndef GS_STORE_REGENERATE_H
#define GS_STORE_REGENERATE_H

#include "store/parcel.h"
#include "store/reader.h"
#include "train/trainer.h"

enum { GS_WHY = 512 };

typedef struct {
    bool agrees;        /* with the stored digests; the following is set only then */
    bool other_kernels; /* otherwise: the run was made with other kernels of the BLAS library, and all that it needs can
                           be read */
    char why[GS_WHY];   /* otherwise: a sentence */
    gs_trainer *trainer;
    gs_result result;
    gs_row row;       /* rank and seconds are 0 */
    gs_parcel parcel; /* examples, not deflated */
} gs_regenerated;

/* Makes the run again. That it does not agree is no error. GS_ERROR_MEMORY. */
GS_MUST_CHECK gs_status gs_regenerate(gs_reader *reader, const gs_digits *digits, uint64_t run, gs_regenerated *made,
                                      gs_error *error);

/* Gives the memory back; the struct may be used again. Begins as all zeros. */
void gs_regenerated_free(gs_regenerated *made);

#endif
