/* HDF5 may crash, abort or come to no end over a file that is damaged in a way that its checksums do not show. The
 * guard turns that into a sentence and an exit: nothing is written any more, as if the program had been killed, which
 * loses nothing that is done (docs/reliability.md).
 *
 * It costs nothing to readers or to MPI, and needs no second reading of the file. It is not there in programs built
 * with AddressSanitizer, which wants to see every fault itself. */
#ifndef GS_STORE_GUARD_H
#define GS_STORE_GUARD_H

/* From here on a fatal signal after gs_guard_file ends the program with `exit_code` and a sentence; before, it does
 * what it did. Not before MPI_Init, which minds other handlers than its own. */
void gs_guard_install(int exit_code);

/* Puts back what was there before. */
void gs_guard_remove(void);

/* The file that the sentence is about; called when one is opened. */
void gs_guard_file(const char *name);

/* Around everything that HDF5 is asked to do: more than GS_GUARD_LIMIT seconds of computing in between are no end. May
 * be nested. */
void gs_guard_enter(void);
void gs_guard_leave(void);

enum { GS_GUARD_LIMIT = 60 };

#endif
