#include "store/guard.h"

#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#ifndef __has_feature
#define __has_feature(name) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer)
static const bool available = false;
#else
static const bool available = true;
#endif

enum { STACK = 65536 };

static const struct {
    int number;
    const char *what;
} fatal[] = {{SIGSEGV, "HDF5 reads memory that is not there (SIGSEGV)"},
             {SIGBUS, "HDF5 reads memory that is not there (SIGBUS)"},
             {SIGABRT, "HDF5 gives up (SIGABRT)"},
             {SIGFPE, "HDF5 divides by zero (SIGFPE)"},
             {SIGILL, "HDF5 gives up (SIGILL)"},
             {SIGPROF, "HDF5 comes to no end with it"}};
enum { FATAL = sizeof fatal / sizeof fatal[0] };

static struct sigaction before[FATAL];
static char sentence_start[1100]; /* written in advance: a handler may not do much */
static volatile sig_atomic_t named, depth, installed;
static int code;

static void say(const char *text)
{
    (void)!write(STDERR_FILENO, text, strlen(text));
}

static void on_fatal(int number)
{
    int which = 0;
    while (which + 1 < FATAL && fatal[which].number != number) which++;
    if (!named) { /* not ours: again, as it would have been */
        sigaction(number, &before[which], NULL);
        raise(number);
        return;
    }
    say(sentence_start);
    say(fatal[which].what);
    say(". What was marked done before is in it: gensweep verify tells what can be read\n");
    _exit(code);
}

static void set_timer(int seconds)
{
    struct itimerval limit = {.it_value = {.tv_sec = seconds}};
    if (installed) setitimer(ITIMER_PROF, &limit, NULL);
}

void gs_guard_install(int exit_code)
{
    static char stack[STACK]; /* of its own, for a stack that has overflown */
    if (!available || installed) return;
    stack_t own = {.ss_sp = stack, .ss_size = sizeof stack};
    struct sigaction action = {.sa_handler = on_fatal, .sa_flags = SA_ONSTACK};
    sigemptyset(&action.sa_mask);
    sigaltstack(&own, NULL);
    for (int i = 0; i < FATAL; i++) sigaction(fatal[i].number, &action, &before[i]);
    code = exit_code;
    installed = true;
}

void gs_guard_remove(void)
{
    if (!installed) return;
    set_timer(0);
    for (int i = 0; i < FATAL; i++) sigaction(fatal[i].number, &before[i], NULL);
    installed = named = false;
}

void gs_guard_file(const char *name)
{
    named = false;
    snprintf(sentence_start, sizeof sentence_start, "gensweep: '%.1023s' is damaged: ", name);
    named = true;
}

void gs_guard_enter(void)
{
    if (depth++ == 0) set_timer(GS_GUARD_LIMIT);
}

void gs_guard_leave(void)
{
    if (--depth == 0) set_timer(0);
}
