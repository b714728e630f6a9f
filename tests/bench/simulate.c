/* The scheduler of gensweep on a machine that is not there: the real state machine (farm/schedule.h), driven by
 * recorded durations.
 *
 *   simulate DURATIONS RUNS RANKS [longest | plan | backward]
 *
 * DURATIONS: a text file, one run a line: model, steps, batch_size, samples, seconds. RUNS runs go through it again and
 * again, model by model as a plan would have them, or the last model first (backward). They are handed out longest
 * first (default), or as planned. Rank 0 only manages; it deals with one message after the other, and with each result
 * for DISPATCH + COMMIT + BYTES / BANDWIDTH seconds (environment variables), which the ranks whose messages come
 * meanwhile wait for.
 *
 * Prints one line: the makespan, the bound max(total / ranks, longest run), their ratio, what rank 0 is busy, how long
 * a rank waits, and memory. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "farm/schedule.h"
#include "ground/clock.h"
#include "models/model.h"

enum { RECORDS = 4096 };

typedef struct {
    uint8_t kind;
    float work, seconds;
} record;

typedef struct {
    double time; /* when the rank's message arrives */
    int rank;
} event;

typedef struct {
    event *events;
    int count;
} heap;

static void die(const char *sentence, const char *what)
{
    fprintf(stderr, "simulate: %s %s\n", sentence, what);
    exit(2);
}

static void *take(size_t count, size_t size)
{
    void *memory = calloc(count, size);
    if (memory == NULL) die("out of memory", "");
    return memory;
}

/* ---- what is simulated ------------------------------------------------------------------------------------------- */

static record read_record(const char *line)
{
    static gs_digits digits;
    char model[32];
    long long steps, batch, samples;
    double seconds;
    gs_settings settings;
    gs_error error;
    gs_work work;
    if (digits.grey[0][GS_PIXELS / 2] == 0) gs_digits_draw(&digits);
    if (sscanf(line, "%31s %lld %lld %lld %lf", model, &steps, &batch, &samples, &seconds) != 5)
        die("cannot read", line);
    for (int m = 0; m < GS_MODEL_COUNT; m++) {
        if (strcmp(model, gs_model_names[m]) != 0) continue;
        gs_settings_defaults(&settings, (gs_model_id)m);
        settings.values[GS_SETTING_BATCH_SIZE].integer = batch;
        settings.values[GS_SETTING_SAMPLES].integer = samples;
        if (gs_model_work(&settings, &digits, &work, &error) != GS_OK) die(error.text, line);
        return (record){(uint8_t)m, (float)(work.step * (double)steps + work.sampling), (float)seconds};
    }
    die("unknown model in", line);
    return (record){0};
}

static int read_records(const char *path, record *records)
{
    FILE *file = fopen(path, "r");
    char line[256];
    int count = 0;
    if (file == NULL) die("cannot open", path);
    while (count < RECORDS && fgets(line, sizeof line, file) != NULL)
        if (line[0] != '#') records[count++] = read_record(line);
    fclose(file);
    if (count == 0) die("there is no run in", path);
    return count;
}

static double number(const char *name, double fallback)
{
    const char *text = getenv(name);
    return text != NULL ? atof(text) : fallback;
}

/* ---- events in the order of time --------------------------------------------------------------------------------- */

static bool earlier(event a, event b)
{
    return a.time < b.time || (a.time == b.time && a.rank < b.rank);
}

static void push(heap *all, event it)
{
    int place = all->count++;
    for (; place > 0 && earlier(it, all->events[(place - 1) / 2]); place = (place - 1) / 2)
        all->events[place] = all->events[(place - 1) / 2];
    all->events[place] = it;
}

static event pop(heap *all)
{
    event first = all->events[0], last = all->events[--all->count];
    int place = 0;
    for (int child; (child = 2 * place + 1) < all->count; place = child) {
        if (child + 1 < all->count && earlier(all->events[child + 1], all->events[child])) child++;
        if (!earlier(all->events[child], last)) break;
        all->events[place] = all->events[child];
    }
    all->events[place] = last;
    return first;
}

/* ---- the farm ---------------------------------------------------------------------------------------------------- */

typedef struct {
    int64_t runs, messages;
    int ranks;
    float *seconds, *work;
    uint8_t *kinds;
    double makespan, busy, waited;
} farm;

static void simulate(farm *f, bool longest_first)
{
    const double dispatch = number("DISPATCH", 8e-6);
    const double commit = number("COMMIT", 70e-6) + number("BYTES", 2e7) / number("BANDWIDTH", 1e9);
    gs_schedule *schedule = NULL;
    gs_error error;
    heap all = {.events = take((size_t)f->ranks, sizeof(event))};
    if (gs_schedule_create(&schedule, f->runs, f->ranks, &error) != GS_OK) die(error.text, "");
    if (longest_first && gs_schedule_sort(schedule, f->work, f->kinds, &error) != GS_OK) die(error.text, "");
    for (int rank = 0; rank < f->ranks; rank++) push(&all, (event){0, rank});
    double free_at = 0;
    while (all.count > 0) {
        event it = pop(&all);
        double begin = fmax(it.time, free_at), end = begin + dispatch;
        int64_t run = gs_schedule_run_of(schedule, it.rank);
        if (run != GS_NO_RUN) {
            gs_schedule_learn(schedule, run, (double)f->seconds[run]);
            gs_schedule_end(schedule, it.rank, false);
            end += commit;
            f->makespan = fmax(f->makespan, end);
        }
        run = gs_schedule_assign(schedule, it.rank);
        free_at = end;
        f->busy += end - begin;
        f->waited += end - it.time;
        f->messages += 2; /* a request or result, and the answer */
        if (run != GS_NO_RUN) push(&all, (event){end + (double)f->seconds[run], it.rank});
    }
    if (!gs_schedule_complete(schedule)) die("the schedule is not complete", "");
    gs_schedule_destroy(&schedule);
    free(all.events);
}

int main(int argc, char **argv)
{
    static record records[RECORDS];
    if (argc < 4) die("usage: simulate DURATIONS RUNS RANKS [longest|plan|backward]", "");
    int count = read_records(argv[1], records);
    farm f = {.runs = atoll(argv[2]), .ranks = atoi(argv[3])};
    const char *order = argc < 5 ? "longest" : argv[4];
    size_t runs = (size_t)f.runs;
    f.seconds = take(runs, sizeof *f.seconds);
    f.work = take(runs, sizeof *f.work);
    f.kinds = take(runs, sizeof *f.kinds);
    double total = 0, longest = 0;
    for (size_t run = 0; run < runs; run++) {
        size_t place = run * (size_t)count / runs; /* the seeds of a variant stand together */
        const record *its = &records[strcmp(order, "backward") == 0 ? (size_t)count - 1 - place : place];
        f.seconds[run] = its->seconds;
        f.work[run] = its->work;
        f.kinds[run] = its->kind;
        total += (double)its->seconds;
        longest = fmax(longest, (double)its->seconds);
    }
    double begun = gs_clock();
    simulate(&f, strcmp(order, "longest") == 0);
    double bound = fmax(total / f.ranks, longest);
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    printf("%8lld %7d %-8s %12.0f %12.0f %8.3f %9.2f %% %10.4f %12lld %8.0f %8.2f\n", (long long)f.runs, f.ranks, order,
           f.makespan, bound, f.makespan / bound, 100 * f.busy / f.makespan, f.waited / (double)f.runs,
           (long long)f.messages, (double)usage.ru_maxrss / 1024, gs_clock() - begun);
    free(f.seconds);
    free(f.work);
    free(f.kinds);
    return 0;
}
