#include "farm/drain.h"

#include <math.h>
#include <signal.h>

#include "ground/clock.h"

static const double grace = 3, grace_before_kill = 0.5; /* mpirun: SIGTERM to the ranks, SIGKILL a second later */

static volatile sig_atomic_t received; /* the first signal; 0: none */
static volatile sig_atomic_t hurry;
static double deadline = (double)INFINITY;
static const char *deadline_reason;

static void note_signal(int signal_number)
{
    if (received == 0) received = signal_number;
    if (signal_number == SIGTERM) hurry = 1;
}

void gs_drain_install(void)
{
    struct sigaction action = {.sa_handler = note_signal, .sa_flags = SA_RESTART};
    sigemptyset(&action.sa_mask);
    sigaction(SIGUSR1, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    struct sigaction before;
    if (sigaction(SIGHUP, NULL, &before) == 0 && before.sa_handler != SIG_IGN) sigaction(SIGHUP, &action, NULL);
    signal(SIGPIPE, SIG_IGN);             /* that nobody listens any more is no reason to stop */
    action.sa_flags |= (int)SA_RESETHAND; /* the second one has its usual effect */
    sigaction(SIGINT, &action, NULL);
}

void gs_drain_at(double time, const char *reason)
{
    if (time >= deadline) return;
    deadline = time;
    deadline_reason = reason;
}

bool gs_drain_wanted(void)
{
    return received != 0 || gs_clock() >= deadline;
}

const char *gs_drain_reason(void)
{
    if (received == SIGUSR1) return "SIGUSR1";
    if (received == SIGTERM) return "SIGTERM";
    if (received == SIGINT) return "SIGINT";
    if (received == SIGHUP) return "SIGHUP";
    return gs_drain_wanted() ? deadline_reason : NULL;
}

double gs_drain_grace(void)
{
    return hurry ? grace_before_kill : grace;
}
