/* The farm: rank 0 hands out the runs of an agenda on request and collects their results; every rank trains.
 *
 * Messages (all of plain memory; the ranks of a launch run the same binary):
 *   worker -> 0  REQUEST   I am idle
 *   0 -> worker  JOB       gs_job: train this
 *   worker -> 0  PROGRESS  gs_standing: how far my run is, about once a second
 *   worker -> 0  NOTE      gs_note
 *   worker -> 0  PASSED    gs_at_rung: the run that I have taken up had passed this rung
 *   worker -> 0  RUNG      gs_at_rung: my run has reached a rung of early stopping, and waits for a DECISION
 *   0 -> worker  DECISION  gs_decision: whether it goes on
 *   worker -> 0  RESULT    a parcel; the worker is idle again, without a REQUEST
 *   0 -> worker  STOP      nothing will come any more: keep the state of your run, if you have one, and leave
 *   worker -> 0  LEAVING   gs_effort, my last message: I have kept it
 * Every worker gets one STOP and sends one LEAVING, in either order. Rank 0 sends STOP to all when every run has ended,
 * or to drain: when it is asked to, or when the first LEAVING comes unasked, which is how a worker that was asked to
 * drain tells. A worker sends LEAVING when it is asked to or has got STOP, and then waits for STOP. A JOB is sent only
 * in answer to a REQUEST or RESULT, and not after STOP; it may cross a LEAVING, so a worker that waits for STOP
 * receives it and does not begin it, and its run waits again, as does that of every worker that leaves without a
 * RESULT. A RUNG gets one DECISION, but none after STOP; a worker that leaves does not wait for it, or drops it, and
 * the run asks again when it is taken up. Messages between two ranks stay in order, so after LEAVING, or STOP, none is
 * on its way.
 *
 * A worker that is lost (presence.h) gets no message any more; its run waits again, and a rank that waits gets it. If
 * it speaks all the same it gets STOP, and what it says is dropped. */
#ifndef GS_FARM_FARM_H
#define GS_FARM_FARM_H

#include "farm/agenda.h"
#include "farm/effort.h"
#include "farm/presence.h"
#include "farm/rungs.h"
#include "farm/schedule.h"
#include "farm/world.h"
#include "store/midrun.h"
#include "store/store.h"

enum { GS_TRAINING_MANAGER = 256 /* with more ranks than this, rank 0 only manages */, GS_NOTE = 1024 };

/* A sentence for the user; empty: none. */
typedef struct {
    bool unkept; /* states of runs cannot be kept: of all ranks' notes of this kind one is told */
    char text[GS_NOTE];
} gs_note;

/* A run at a rung: the number of its point of coverage, and its metric there. */
typedef struct {
    int64_t run, rung;
    double value;
} gs_at_rung;

/* What every rank has to know; sent from rank 0 to all. */
typedef struct {
    gs_digits digits;
    gs_storage storage;
    char folder[GS_MIDRUN_FOLDER]; /* of mid-run checkpoints; empty: there are none */
    char program[96];              /* version and commit */
    bool idle;                     /* runs do nothing and end at once: what is left is the farm itself */
} gs_common;

/* The state of the sweep at some moment, for progress. */
typedef struct {
    gs_schedule_counts counts;
    gs_schedule_work work;
    double steps; /* of training, in this launch */
} gs_farm_view;

/* Who wants to know: called on rank 0 only. `finished` sees each row after it is committed; `tick` comes several times
 * a second; `note` gets sentences for the user. */
typedef struct {
    void (*finished)(void *context, const gs_row *row);
    void (*tick)(void *context, const gs_farm_view *view);
    void (*note)(void *context, const char *sentence);
    void *context;
} gs_observer;

/* How the work has ended. */
typedef struct {
    gs_schedule_counts counts; /* waiting > 0: drained */
    int lost;                  /* workers that were killed, or have not been heard for too long */
    gs_presence *presence;     /* of the workers; gs_farm_dismiss takes it */
    gs_effort *efforts;        /* of every rank; to be freed. present is 0 for those that have not left */
} gs_farm_end;

/* Rank 0: runs what has not ended yet of the agenda. Returns when every run has ended and all workers have left or are
 * lost, or drained: then every run that has not ended waits again, and workers that took too long may still be there.
 * Errors of storage (GS_ERROR_STORAGE) end it early; the workers then still wait, and the caller has to abort the
 * world. */
GS_MUST_CHECK gs_status gs_farm_manage(const gs_world *world, const gs_common *common, const gs_agenda *agenda,
                                       const gs_observer *observer, gs_farm_end *end, gs_error *error);

/* Rank 0, after gs_farm_manage, when everything is stored and told: waits for the workers that have not left, and tells
 * all the exit code. Results that they still send are not stored; their runs are trained again. If workers were lost,
 * or are now, MPI cannot end in order: it ends all ranks. */
void gs_farm_dismiss(const gs_world *world, gs_farm_end *end, int exit_code);

/* Every other rank: trains what it is given until it is told to leave. GS_ERROR_MEMORY if not even the report of a
 * failure fits. */
GS_MUST_CHECK gs_status gs_farm_work(const gs_world *world, const gs_common *common, gs_error *error);

#endif
