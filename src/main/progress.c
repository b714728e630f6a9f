#include "main/progress.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "ground/clock.h"
#include "main/words.h"

/* Seconds. */
static const double first_line = 5; /* by then there is something to tell */
static const double line_every = 30;

struct gs_progress {
    gs_progress_style style; /* never auto */
    int terminal;            /* where its width is asked; -1: unknown */
    double started, next_line;
    bool drawn;    /* the cursor stands behind a bar */
    bool complete; /* that every run has ended has been told */
};

/* mpirun gives its ranks a pipe; whether a person watches is told by mpirun's own stderr. */
static int find_terminal(void)
{
    if (isatty(STDERR_FILENO)) return dup(STDERR_FILENO);
    if (getenv("OMPI_COMM_WORLD_SIZE") == NULL) return -1;
    char path[64];
    snprintf(path, sizeof path, "/proc/%ld/fd/2", (long)getppid());
    int terminal = open(path, O_WRONLY | O_NOCTTY);
    if (terminal >= 0 && isatty(terminal)) return terminal;
    if (terminal >= 0) close(terminal);
    return -1;
}

gs_status gs_progress_create(gs_progress **progress, gs_progress_style style, gs_error *error)
{
    gs_progress *made = calloc(1, sizeof *made);
    if (made == NULL) return gs_fail(error, GS_ERROR_MEMORY, "out of memory for progress");
    made->terminal = find_terminal();
    made->style = style;
    if (style == GS_PROGRESS_AUTO) made->style = made->terminal >= 0 ? GS_PROGRESS_BAR : GS_PROGRESS_LINES;
    made->started = gs_clock();
    made->next_line = made->started + first_line;
    *progress = made;
    return GS_OK;
}

/* As fast as so far, but not before the longest run ends: until a run has ended, all ranks have been at work. */
static double seconds_left(const gs_farm_view *view, double elapsed, double done)
{
    const gs_schedule_work *work = &view->work;
    double of_one_rank = work->in_seconds ? 1 : elapsed * (double)view->counts.running / done;
    double all = (work->total - work->done) * elapsed / done, longest = work->longest * of_one_rank;
    return all > longest ? all : longest;
}

/* "5/16 runs done, 2 running, 1 failed, 1234 steps/s, 2m 10s left" */
static void describe(const gs_progress *progress, const gs_farm_view *view, char *text, size_t size)
{
    const gs_schedule_counts *counts = &view->counts;
    double elapsed = gs_clock() - progress->started, rate = elapsed > 0 ? view->steps / elapsed : 0;
    double done = view->work.done - view->work.before;
    char left[GS_DURATION] = "?";
    if (!(view->work.total > view->work.done)) gs_duration(0, left);
    else if (done > 0) gs_duration(seconds_left(view, elapsed, done), left);
    snprintf(text, size, "%lld/%lld runs done, %lld running, %lld failed, %.0f steps/s, %s left",
             (long long)counts->done, (long long)(counts->waiting + counts->running + counts->done + counts->failed),
             (long long)counts->running, (long long)counts->failed, rate, left);
}

static void draw_bar(gs_progress *progress, double share, const char *text)
{
    struct winsize window = {0};
    int width = 80;
    if (progress->terminal >= 0 && ioctl(progress->terminal, TIOCGWINSZ, &window) == 0 && window.ws_col > 0)
        width = window.ws_col;
    int room = width - (int)strlen(text) - 10; /* "[] 100 % " and the cursor */
    if (room > 40) room = 40;
    fputc('\r', stderr);
    if (room >= 5) {
        int filled = (int)(share * room + 0.5);
        fputc('[', stderr);
        for (int i = 0; i < room; i++) fputc(i < filled ? '#' : '.', stderr);
        fprintf(stderr, "] %3.0f%% ", 100 * share);
    } else {
        fprintf(stderr, "%3.0f%% ", 100 * share);
    }
    fprintf(stderr, "%.*s\x1b[K", width > 8 ? width - 6 : 2, text);
    fflush(stderr);
    progress->drawn = true;
}

void gs_progress_tick(gs_progress *progress, const gs_farm_view *view)
{
    char text[256];
    double now = gs_clock(), share = view->work.total > 0 ? view->work.done / view->work.total : 1;
    bool complete = view->counts.waiting + view->counts.running == 0;
    if (progress->style == GS_PROGRESS_NONE || progress->complete) return;
    progress->complete = complete;
    if (progress->style == GS_PROGRESS_LINES && now < progress->next_line && !complete) return;
    describe(progress, view, text, sizeof text);
    if (progress->style == GS_PROGRESS_BAR) {
        draw_bar(progress, share, text);
    } else {
        progress->next_line = now + line_every;
        fprintf(stderr, "%3.0f%% %s\n", 100 * share, text);
    }
}

void gs_progress_say(gs_progress *progress, const char *format, ...)
{
    if (progress->drawn) fputs("\r\x1b[K", stderr);
    progress->drawn = false;
    va_list arguments;
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
}

void gs_progress_destroy(gs_progress **progress)
{
    if (progress == NULL || *progress == NULL) return;
    if ((*progress)->drawn) fputc('\n', stderr);
    if ((*progress)->terminal >= 0) close((*progress)->terminal);
    free(*progress);
    *progress = NULL;
}
