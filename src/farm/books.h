/* Rank 0's books: which rank has which run and how far it is, what has ended, and what of that the agenda has for good.
 * Nothing is sent or received here; `rank` is always the one that a run was given to, rank 0 included.
 *
 * A run that has ended is taken, and settled a moment later together with others, because settling costs the same for
 * one and for many. */
#ifndef GS_FARM_BOOKS_H
#define GS_FARM_BOOKS_H

#include "farm/farm.h"
#include "farm/referee.h"

typedef struct {
    const gs_common *common;
    const gs_agenda *agenda;
    const gs_observer *observer;
    int ranks;
    gs_schedule *schedule;
    gs_referee referee;
    gs_standing *standings; /* of each rank's current run, as last told */
    double steps; /* of runs that have ended in this launch, less those that runs had when they were taken up */

    gs_row *taken; /* rows of runs whose results are taken and not settled yet */
    int taken_count;
    bool unflushed;                                     /* runs were handed out that readers do not see yet */
    double settle_by, next_flush, next_tick, next_note; /* gs_clock() */
} gs_books;

/* With the runs that earlier launches have ended. `books` is all zero before; to be closed in any case. Borrows the
 * rest. GS_ERROR_MEMORY, GS_ERROR_STORAGE. */
GS_MUST_CHECK gs_status gs_books_open(gs_books *books, int ranks, const gs_common *common, const gs_agenda *agenda,
                                      const gs_observer *observer, gs_error *error);
void gs_books_close(gs_books *books);

/* The next run for a rank, recorded as running; false if none is waiting. */
GS_MUST_CHECK gs_status gs_books_assign(gs_books *books, int rank, gs_job *job, bool *found, gs_error *error);

/* A rank tells how far its run is. */
void gs_books_hear(gs_books *books, int rank, const gs_standing *standing);

/* The run of this rank is, or was, at a rung; and whether it goes on. GS_ERROR_INTERNAL if it is not its run. */
GS_MUST_CHECK gs_status gs_books_learn(gs_books *books, int rank, const gs_at_rung *at, gs_error *error);
GS_MUST_CHECK gs_status gs_books_judge(gs_books *books, int rank, const gs_at_rung *at, gs_decision *decision,
                                       gs_error *error);

/* Takes the results of the run that a rank has ended. GS_ERROR_INTERNAL if it is not its run. */
GS_MUST_CHECK gs_status gs_books_collect(gs_books *books, int rank, const gs_parcel *parcel, gs_error *error);

/* The run of a rank that leaves it, if it has one, waits again. */
GS_MUST_CHECK gs_status gs_books_release(gs_books *books, int rank, gs_error *error);

/* The run of a rank that is lost waits again, unless it has cost too many ranks: then it has failed.
 * *again tells which. */
GS_MUST_CHECK gs_status gs_books_interrupt(gs_books *books, int rank, bool *again, gs_error *error);

/* The row of the file that users know the run by. */
int64_t gs_books_row(const gs_books *books, int64_t run);

/* What is due by the clock: what is taken is settled, what is handed out is flushed; then *busy is true. */
GS_MUST_CHECK gs_status gs_books_settle_in_time(gs_books *books, bool now, bool *busy, gs_error *error);
GS_MUST_CHECK gs_status gs_books_settle(gs_books *books, gs_error *error);

/* What is due by the clock: the observer and the readers of the file are told how far everything is. */
GS_MUST_CHECK gs_status gs_books_tell(gs_books *books, bool now, gs_error *error);

#endif
