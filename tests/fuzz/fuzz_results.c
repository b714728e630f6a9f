/* Damaged results files: whatever the bytes are, reading them ends in an answer or in a sentence.
 *
 *     fuzz_results FOLDER MUTANTS [SEED [ONLY]]
 *
 * Makes a small results file in FOLDER (memory is best), changes it at random, and lets a child process do what status,
 * verify, audit or the same command again would do with it. A child that dies, that takes longer than LIMIT, that fails
 * without a sentence or with another status than one of a damaged file is a failure: its file is kept as
 * FOLDER/failed-NUMBER-ACTION.h5. The last line tells the counts.
 *
 * HDF5 guards its metadata with checksums, so that a damage by chance is seen at once. Most mutants have theirs made
 * right again, because only they get further than that. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ground/clock.h"
#include "ground/rng.h"
#include "small_sweep.h"
#include "store/audit.h"
#include "store/guard.h"
#include "store/jobs.h"
#include "store/overview.h"
#include "store/verify.h"

/* Of HDF5, exported but not in its headers. */
uint32_t H5_checksum_metadata(const void *bytes, size_t size, uint32_t initial);

enum { LIMIT = 20 /* seconds */, GUARDED = 2, CRASHED = 100, MEMORY = 1 << 30 };

/* ---- random numbers ---------------------------------------------------------------------------------------------- */

static gs_rng source;
static uint32_t drawn;

static uint32_t draw(uint32_t below)
{
    uint32_t words[4];
    gs_rng_block(source, drawn++, words);
    return words[0] % below;
}

/* ---- the file ---------------------------------------------------------------------------------------------------- */

/* A piece of metadata and its checksum, which stands behind it. */
typedef struct {
    size_t start, size;
} span;

static unsigned char *original, *mutant;
static size_t original_size, mutant_size;
static span *spans;
static size_t span_count;

static bool load(const char *path)
{
    struct stat found;
    int file = open(path, O_RDONLY);
    if (file < 0 || fstat(file, &found) != 0) return false;
    original_size = (size_t)found.st_size;
    original = malloc(original_size);
    mutant = malloc(2 * original_size);
    bool good = original != NULL && mutant != NULL && read(file, original, original_size) == found.st_size;
    close(file);
    return good;
}

static uint32_t little_endian(const unsigned char *bytes)
{
    return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

/* Where a structure ends is found by trying: where its checksum is right. */
static bool find_spans(void)
{
    static const char *const signatures[] = {"\211HDF", "OHDR", "OCHK", "BTHD", "BTIN", "BTLF", "FRHP",
                                             "FHDB",    "FHIB", "FAHD", "FADB", "EAHD", "EAIB", "EASB",
                                             "EADB",    "SMTB", "SMLI", "FSHD", "FSSE"};
    enum { LONGEST = 4096 };
    size_t room = 0;
    for (size_t at = 0; at + 8 < original_size; at++) {
        size_t which = 0, count = sizeof signatures / sizeof signatures[0];
        while (which < count && memcmp(original + at, signatures[which], 4) != 0) which++;
        for (size_t size = 8; which < count && size < LONGEST && at + size + 4 <= original_size; size++) {
            if (H5_checksum_metadata(original + at, size, 0) != little_endian(original + at + size)) continue;
            if (span_count == room) {
                room = room == 0 ? 1024 : 2 * room;
                span *grown = realloc(spans, room * sizeof *grown);
                if (grown == NULL) return false;
                spans = grown;
            }
            spans[span_count++] = (span){at, size};
            break;
        }
    }
    return span_count > 0;
}

/* ---- mutants ----------------------------------------------------------------------------------------------------- */

static void change_bytes(size_t start, size_t size)
{
    static const unsigned char telling[] = {0, 1, 2, 3, 4, 8, 0x10, 0x20, 0x7f, 0x80, 0xfe, 0xff};
    for (uint32_t change = draw(3) + 1; change > 0; change--) {
        unsigned char *at = mutant + start + draw((uint32_t)size);
        switch (draw(4)) {
        case 0: *at ^= (unsigned char)(1u << draw(8)); break;
        case 1: *at = telling[draw(sizeof telling)]; break;
        case 2: *at = (unsigned char)(*at + draw(5) - 2); break;
        default: *at = (unsigned char)draw(256); break;
        }
    }
}

static void change_metadata(void)
{
    for (uint32_t change = draw(4) == 0 ? 2 : 1; change > 0; change--) {
        span chosen = spans[draw(20) == 0 ? 0 : draw((uint32_t)span_count)];
        size_t body = draw(3) == 0 && chosen.size > 12 ? 12 : chosen.size; /* what matters most stands in front */
        change_bytes(chosen.start, body);
        if (draw(8) == 0) continue;
        uint32_t sum = H5_checksum_metadata(mutant + chosen.start, chosen.size, 0);
        for (int i = 0; i < 4; i++) mutant[chosen.start + chosen.size + (size_t)i] = (unsigned char)(sum >> 8 * i);
    }
}

static void change_pages(void)
{
    size_t pages = mutant_size / GS_PAGE, to = draw((uint32_t)pages) * GS_PAGE;
    if (draw(2) == 0) memcpy(mutant + to, original + draw((uint32_t)pages) * GS_PAGE, GS_PAGE);
    else memset(mutant + to, draw(2) == 0 ? 0 : 0xff, GS_PAGE);
}

static void mutate(uint64_t seed, uint64_t number)
{
    source = (gs_rng){.seed = seed, .step = number};
    drawn = 0;
    memcpy(mutant, original, original_size);
    mutant_size = original_size;
    uint32_t kind = draw(100);
    if (kind < 75) change_metadata();
    else if (kind < 85) change_bytes(0, original_size);
    else if (kind < 91) change_pages();
    else if (kind < 96)
        mutant_size =
            draw(2) == 0 ? draw((uint32_t)original_size) : draw((uint32_t)(original_size / GS_PAGE)) * GS_PAGE;
    else {
        size_t more = draw(2) == 0 ? draw(64) + 1 : (draw(4) + 1) * GS_PAGE;
        for (size_t i = 0; i < more; i++) mutant[original_size + i] = (unsigned char)draw(256);
        mutant_size += more;
    }
}

/* ---- what is done with them -------------------------------------------------------------------------------------- */

static small_sweep small;
static gs_parcel last_run;

static void ignore_difference(void *context, int64_t run, const char *label, const char *what)
{
    (void)context, (void)run;
    if (memchr(label, '\0', GS_LABEL + 1) == NULL || what[0] == '\0') abort();
}

static void ignore_row(void *context, const gs_row *row)
{
    (void)context, (void)row;
}

static gs_status do_status(const char *path, gs_error *error)
{
    gs_overview overview;
    (void)gs_file_marked(path);
    gs_status status = gs_overview_read(&overview, path, error);
    if (status == GS_OK) gs_overview_free(&overview);
    return status;
}

static gs_status do_verify(const char *path, gs_error *error)
{
    gs_verdict verdict;
    return gs_verify(path, GS_OPEN_READ, ignore_difference, NULL, &verdict, error);
}

static gs_status do_audit(const char *path, gs_error *error)
{
    gs_audit *audit;
    gs_comparison comparison;
    gs_status status = gs_audit_open(&audit, path, error);
    for (uint64_t row = 0; status == GS_OK && row < gs_audit_rows(audit); row++) {
        gs_job job;
        gs_difference difference;
        char kernel[GS_KERNEL], label[GS_LABEL + 1], reason[GS_REASON + 1];
        gs_audit_job(audit, row, &job, &difference);
        gs_audit_label(audit, row, label);
        gs_audit_reason(audit, row, reason);
        gs_audit_kernel(audit, row, kernel);
        status = gs_audit_compare(audit, row, &last_run, &comparison, error);
    }
    if (status == GS_OK) gs_audit_close(&audit);
    return status;
}

static gs_status do_resume(const char *path, gs_error *error)
{
    enum { LAST = 3 };
    gs_status status = gs_store_open(&small.store, path, &small.contents, error);
    if (status != GS_OK) return status;
    status = gs_store_ended(small.store, ignore_row, NULL, error);
    if (status == GS_OK && gs_store_status(small.store, LAST) == GS_RUN_PENDING) {
        status = gs_store_start(small.store, LAST, 0, error);
        if (status == GS_OK) status = gs_store_commit(small.store, &last_run, error);
    }
    gs_status closed = gs_store_close(&small.store, status == GS_OK ? error : NULL);
    return status == GS_OK ? closed : status;
}

static const struct {
    const char *name;
    gs_status (*run)(const char *path, gs_error *error);
} actions[] = {{"status", do_status}, {"verify", do_verify}, {"audit", do_audit}, {"resume", do_resume}};
enum { ACTIONS = sizeof actions / sizeof actions[0] };

/* The child's part: 0 an answer, 1 a sentence, GUARDED a sentence of the guard, CRASHED neither. */
static int act(size_t action, const char *path)
{
    static gs_error error;
#ifndef __SANITIZE_ADDRESS__
    const struct rlimit memory = {MEMORY, MEMORY}; /* a node size of gigabytes is believed by HDF5 */
    setrlimit(RLIMIT_AS, &memory);
#endif
    alarm(LIMIT);
    gs_guard_install(GUARDED);
    gs_status status = actions[action].run(path, &error);
    if (status == GS_OK) return 0;
    bool told = error.text[0] != '\0' && strlen(error.text) < sizeof error.text;
    bool proper = status == GS_ERROR_STORAGE || status == GS_ERROR_INPUT || status == GS_ERROR_MEMORY;
    if (!told || !proper) fprintf(stderr, "status %s: %s\n", gs_status_name(status), error.text);
    if (getenv("FUZZ_TELL") != NULL) fprintf(stderr, "%s: %s\n", actions[action].name, error.text);
    return told && proper ? 1 : CRASHED;
}

static bool write_mutant(const char *path)
{
    int file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0666);
    if (file < 0) return false;
    bool good = write(file, mutant, mutant_size) == (ssize_t)mutant_size;
    close(file);
    return good;
}

/* How the child ended: 0, 1 or GUARDED as above; otherwise `how` says. */
static int try_mutant(size_t action, const char *path, char how[64])
{
    int ended = 0;
    fflush(NULL);
    pid_t child = fork();
    if (child < 0) return CRASHED;
    if (child == 0) _exit(act(action, path));
    while (waitpid(child, &ended, 0) < 0 && errno == EINTR) continue;
    if (WIFSIGNALED(ended))
        snprintf(how, 64, WTERMSIG(ended) == SIGALRM ? "longer than %d s" : "signal %d",
                 WTERMSIG(ended) == SIGALRM ? LIMIT : WTERMSIG(ended));
    else snprintf(how, 64, "exit %d", WEXITSTATUS(ended));
    return WIFEXITED(ended) ? WEXITSTATUS(ended) : CRASHED;
}

/* What extending a mutant leaves: the file from before, and where the child was ended, its unfinished copy. */
static void remove_others(const char *folder)
{
    DIR *list = opendir(folder);
    for (const struct dirent *entry; list != NULL && (entry = readdir(list)) != NULL;)
        if (strncmp(entry->d_name, "mutant.h5.", 10) == 0) unlinkat(dirfd(list), entry->d_name, 0);
    if (list != NULL) closedir(list);
}

static bool prepare(const char *path)
{
    gs_error error = {{0}};
    gs_digits_draw(&small.digits);
    gs_status status = small_read(&small, &error);
    if (status == GS_OK) status = small_train(&small, 3, &last_run, &error);
    unlink(path);
    pid_t child = fork(); /* so that HDF5 has opened nothing in this process */
    if (child == 0) {
        status = small_make(&small, path, &error);
        if (status != GS_OK) fprintf(stderr, "%s\n", error.text);
        _exit(status == GS_OK ? 0 : 1);
    }
    int ended = 1;
    waitpid(child, &ended, 0);
    (void)gs_file_library_version();
    return status == GS_OK && ended == 0 && load(path) && find_spans();
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        fprintf(stderr, "usage: fuzz_results FOLDER MUTANTS [SEED [ONLY]]\n");
        return 2;
    }
    char path[1024], kept[1200], how[64];
    uint64_t count = strtoull(argv[2], NULL, 10), seed = argc > 3 ? strtoull(argv[3], NULL, 10) : 0, first = 0;
    if (argc > 4) {
        first = strtoull(argv[4], NULL, 10);
        count = first + 1;
    }
    uint64_t ends[GUARDED + 1] = {0}, failed = 0;
    snprintf(path, sizeof path, "%s/mutant.h5", argv[1]);
    if (!prepare(path)) {
        fprintf(stderr, "cannot make '%s'\n", path);
        return 2;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    printf("%zu bytes, %zu pieces of metadata\n", original_size, span_count);
    double start = gs_clock();
    for (uint64_t number = first; number < count; number++) {
        size_t action = number % ACTIONS;
        mutate(seed, number);
        if (!write_mutant(path)) return 2;
        int end = try_mutant(action, path, how);
        remove_others(argv[1]);
        if (number % 1000 == 999) fprintf(stderr, "%llu mutants\n", (unsigned long long)number + 1);
        if (end <= GUARDED) ends[end]++;
        else {
            failed++;
            printf("mutant %llu: %s: %s\n", (unsigned long long)number, actions[action].name, how);
            snprintf(kept, sizeof kept, "%s/failed-%llu-%s.h5", argv[1], (unsigned long long)number,
                     actions[action].name);
            if (!write_mutant(kept)) return 2;
        }
    }
    printf("%llu mutants in %.0f s: %llu read, %llu refused or told as damaged, %llu more after a crash of HDF5, %llu "
           "failed\n",
           (unsigned long long)(count - first), gs_clock() - start, (unsigned long long)ends[0],
           (unsigned long long)ends[1], (unsigned long long)ends[GUARDED], (unsigned long long)failed);
    unlink(path);
    return failed > 0;
}
