/* A run in progress that is kept and taken up again goes on bit for bit, wherever it is cut, for every model; and a
 * state that is torn, of another run or made by another program is recognised and not used. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "farm/workbench.h"
#include "models.h"
#include "runs.h"

static gs_common common; /* digits, storage, folder of this test */
static char results[64];

static int prepare(void **state)
{
    (void)state;
    gs_blas_one_thread();
    gs_digits_draw(&common.digits);
    common.storage = (gs_storage){.samples = true, .checkpoints = true, .compression = 0, .checkpoint_every = 3600};
    snprintf(common.program, sizeof common.program, "test");
    snprintf(results, sizeof results, "/tmp/gensweep-midrun-XXXXXX");
    if (mkdtemp(results) == NULL) return 1;
    strcat(results, "/r.h5");
    gs_midrun_folder(results, common.folder);
    return 0;
}

static int remove_leftovers(void **state)
{
    (void)state;
    gs_midrun_remove_all(common.folder);
    return 0;
}

static int clean(void **state)
{
    (void)state;
    gs_midrun_remove_all(common.folder);
    *strrchr(results, '/') = '\0';
    return rmdir(results);
}

/* ---- jobs -------------------------------------------------------------------------------------------------------- */

typedef struct {
    const char *name;
    gs_model_id model;
    int64_t pieces; /* between two cuts; more than a sampling that is begun anew has */
    struct {
        gs_setting_id id;
        double value;
    } settings[12];
} kind;

static const kind kinds[] = {
    {"oracle", GS_MODEL_ORACLE, 3, {{GS_SETTING_DECODER_HIDDEN_1, 8}, {GS_SETTING_DECODER_HIDDEN_2, 8}}},
    {"vae", GS_MODEL_VAE, 3, {{GS_SETTING_ENCODER_HIDDEN_1, 8}, {GS_SETTING_DECODER_HIDDEN_2, 8}}},
    {"gan", GS_MODEL_GAN, 3, {{GS_SETTING_GENERATOR_HIDDEN_2, 8}, {GS_SETTING_DISCRIMINATOR_HIDDEN_1, 8}}},
    {"gan without minibatch discrimination",
     GS_MODEL_GAN,
     3,
     {{GS_SETTING_GENERATOR_HIDDEN_2, 8},
      {GS_SETTING_DISCRIMINATOR_HIDDEN_1, 8},
      {GS_SETTING_MINIBATCH_DISCRIMINATION, 0}}},
    {"gan with averaged weights",
     GS_MODEL_GAN,
     3,
     {{GS_SETTING_GENERATOR_HIDDEN_2, 8}, {GS_SETTING_DISCRIMINATOR_HIDDEN_1, 8}, {GS_SETTING_GENERATOR_EMA, 0.9}}},
    {"gan with spectral normalisation, packs and a penalty",
     GS_MODEL_GAN,
     3,
     {{GS_SETTING_GENERATOR_HIDDEN_2, 8},
      {GS_SETTING_DISCRIMINATOR_HIDDEN_1, 8},
      {GS_SETTING_MINIBATCH_DISCRIMINATION, 0},
      {GS_SETTING_SPECTRAL_NORM, 1},
      {GS_SETTING_PACKING, 2},
      {GS_SETTING_R1, 2}}},
    {"gan of pairs with feature matching",
     GS_MODEL_GAN,
     3,
     {{GS_SETTING_GENERATOR_HIDDEN_2, 8},
      {GS_SETTING_DISCRIMINATOR_HIDDEN_1, 8},
      {GS_SETTING_MINIBATCH_DISCRIMINATION, 0},
      {GS_SETTING_GAN_LOSS, GS_GAN_LOSS_RELATIVISTIC_PAIRING},
      {GS_SETTING_FEATURE_MATCHING, 1}}},
    {"flat",
     GS_MODEL_AUTOREGRESSIVE,
     301,
     {{GS_SETTING_CONTEXT_PIXELS, 9},
      {GS_SETTING_HIDDEN_UNITS, 8},
      {GS_SETTING_COLOR_LEVELS, 2},
      {GS_SETTING_EVERY, 0}}},
    {"flat, article's start",
     GS_MODEL_AUTOREGRESSIVE,
     151,
     {{GS_SETTING_CONTEXT_PIXELS, 199},
      {GS_SETTING_HIDDEN_UNITS, 8},
      {GS_SETTING_COLOR_LEVELS, 2},
      {GS_SETTING_START, GS_START_ARTICLE},
      {GS_SETTING_SAMPLES, 10},
      {GS_SETTING_EVERY, 0}}},
    {"lstm",
     GS_MODEL_AUTOREGRESSIVE,
     301,
     {{GS_SETTING_NETWORK, GS_NETWORK_LSTM},
      {GS_SETTING_LSTM_UNITS, 4},
      {GS_SETTING_HIDDEN_UNITS, 8},
      {GS_SETTING_COLOR_LEVELS, 2},
      {GS_SETTING_BATCH_SIZE, 2},
      {GS_SETTING_SAMPLES, 10}}},
    {"lstm, article's start",
     GS_MODEL_AUTOREGRESSIVE,
     31,
     {{GS_SETTING_NETWORK, GS_NETWORK_LSTM},
      {GS_SETTING_LSTM_UNITS, 4},
      {GS_SETTING_HIDDEN_UNITS, 8},
      {GS_SETTING_COLOR_LEVELS, 2},
      {GS_SETTING_BATCH_SIZE, 2},
      {GS_SETTING_START, GS_START_ARTICLE},
      {GS_SETTING_SAMPLES, 10},
      {GS_SETTING_EVERY, 0}}},
    {"diffusion", GS_MODEL_DIFFUSION, 3, {{GS_SETTING_HIDDEN_UNITS, 8}, {GS_SETTING_TIMESTEPS, 2}}},
};
enum { KINDS = sizeof kinds / sizeof kinds[0] };

static gs_job job_of(const kind *which)
{
    gs_job job = {.run = 4, .seed = 9};
    gs_settings_defaults(&job.settings, which->model);
    gs_value *values = job.settings.values;
    values[GS_SETTING_STEPS].integer = 6;
    values[GS_SETTING_BATCH_SIZE].integer = 4;
    values[GS_SETTING_SAMPLES].integer = 645; /* more than one batch of samples, and not a whole number of them */
    values[GS_SETTING_EVERY].integer = 3;     /* a point along training in the middle and one at the end */
    for (size_t i = 0; i < sizeof which->settings / sizeof which->settings[0]; i++) {
        gs_setting_id id = which->settings[i].id;
        if (id == GS_SETTING_MODEL) break; /* the rest of the list is empty */
        if (gs_settings_table[id].type == GS_TYPE_REAL) values[id].real = which->settings[i].value;
        else values[id].integer = (int64_t)which->settings[i].value;
    }
    return job;
}

static gs_trainer *create(const gs_job *job)
{
    return create_trainer(job, &common.digits);
}

static void digests_of(gs_trainer *trainer, gs_digests *digests)
{
    const gs_result *result = gs_trainer_result(trainer);
    assert_int_equal(result->outcome, GS_OUTCOME_DONE);
    gs_digests_of(result, digests);
}

static int64_t train_whole(const gs_job *job, gs_digests *digests)
{
    int64_t pieces = 1;
    gs_trainer *trainer = create(job);
    double share = gs_trainer_share(trainer);
    assert_true(!(share != 0));
    for (; gs_trainer_advance(trainer); pieces++) {
        assert_true(gs_trainer_share(trainer) > share && gs_trainer_share(trainer) < 1);
        share = gs_trainer_share(trainer);
    }
    assert_true(!(gs_trainer_share(trainer) != 1));
    digests_of(trainer, digests);
    gs_trainer_destroy(&trainer);
    return pieces;
}

/* Moves a run into a fresh trainer. */
static void move(gs_trainer **trainer, const gs_job *job)
{
    size_t size;
    unsigned char *bytes = state_of(*trainer, &size);
    gs_trainer_destroy(trainer);
    *trainer = create(job);
    assert_true(gs_trainer_restore(*trainer, bytes, size));
    free(bytes);
}

/* ---- tests of the state ------------------------------------------------------------------------------------------ */

/* The run changes trainers every `pieces` pieces of work, from before the first to after the last but one. */
static void a_run_that_is_moved_is_the_same(void **state)
{
    (void)state;
    for (int k = 0; k < KINDS; k++) {
        gs_job job = job_of(&kinds[k]);
        gs_digests whole, moved;
        int64_t pieces = train_whole(&job, &whole), cuts = 1;
        gs_trainer *trainer = create(&job);
        move(&trainer, &job);
        for (int64_t done = 1; gs_trainer_advance(trainer); done++) {
            assert_true(done < 2 * pieces);
            if (done % kinds[k].pieces != 0 && done != pieces - 1) continue;
            move(&trainer, &job);
            cuts++;
        }
        digests_of(trainer, &moved);
        gs_trainer_destroy(&trainer);
        print_message("%s: %d pieces, moved %d times\n", kinds[k].name, (int)pieces, (int)cuts);
        assert_true(cuts >= 5);
        assert_memory_equal(&whole, &moved, sizeof whole);
    }
}

/* Goes on from the state with the bytes of one span set to 0. */
static void finish_without(const gs_job *job, gs_trainer *trainer, int left_out, gs_digests *digests)
{
    gs_spans spans = {.count = 0};
    gs_trainer_state(trainer, &spans);
    size_t size, offset = 0;
    unsigned char *bytes = state_of(trainer, &size);
    for (int i = 0; i < left_out; i++) offset += spans.spans[i].size;
    memset(bytes + offset, 0, spans.spans[left_out].size);
    gs_trainer *other = create(job);
    assert_true(gs_trainer_restore(other, bytes, size));
    while (gs_trainer_advance(other)) continue;
    digests_of(other, digests);
    gs_trainer_destroy(&other);
    free(bytes);
}

/* What is not restored must show. The spans of diffusion behind those that say how long the others are: points along
 * training; images, bins, errors; parameters, two moments, averages; the images being made. */
static void every_part_of_the_state_matters(void **state)
{
    (void)state;
    enum { POINTS = 4, IMAGES, BINS, ERRORS, PARAMETERS, MOMENT1, MOMENT2, AVERAGES, NOISED, SPANS };
    const struct {
        int64_t pieces;
        bool matters[SPANS];
    } cases[] = {
        /* After step 4. */
        {8, {[POINTS] = true, [PARAMETERS] = true, [MOMENT1] = true, [MOMENT2] = true, [AVERAGES] = true}},
        /* The last batch. */
        {17, {[POINTS] = true, [IMAGES] = true, [BINS] = true, [ERRORS] = true, [AVERAGES] = true, [NOISED] = true}},
    };
    gs_job job = job_of(&kinds[KINDS - 1]);
    gs_digests whole, wrong;
    assert_int_equal(train_whole(&job, &whole), 18);
    for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
        gs_trainer *trainer = create(&job);
        gs_spans spans = {.count = 0};
        for (int64_t i = 0; i < cases[c].pieces; i++) assert_true(gs_trainer_advance(trainer));
        gs_trainer_state(trainer, &spans);
        assert_int_equal(spans.count, c == 0 ? SPANS - 1 : SPANS);
        for (int left_out = POINTS; left_out < spans.count; left_out++) {
            finish_without(&job, trainer, left_out, &wrong);
            assert_int_equal(memcmp(&whole, &wrong, sizeof whole) != 0, cases[c].matters[left_out]);
        }
        gs_trainer_destroy(&trainer);
    }
}

static void a_state_of_another_size_or_with_impossible_numbers_is_refused(void **state)
{
    (void)state;
    gs_job job = job_of(&kinds[KINDS - 1]);
    gs_digests whole, after;
    train_whole(&job, &whole);
    gs_trainer *trainer = create(&job), *fresh = create(&job);
    for (int i = 0; i < 5; i++) assert_true(gs_trainer_advance(trainer)); /* in the middle of a sampling */
    size_t size;
    unsigned char *bytes = state_of(trainer, &size);
    gs_trainer_destroy(&trainer);
    assert_false(gs_trainer_restore(fresh, bytes, 0));
    assert_false(gs_trainer_restore(fresh, bytes, 17));
    assert_false(gs_trainer_restore(fresh, bytes, size - 1));
    for (size_t i = 0; i < 24; i++) { /* phase, part, samples made */
        unsigned char kept = bytes[i];
        bytes[i] = 0xFF;
        if (i % 8 < 4 || i >= 8) assert_false(gs_trainer_restore(fresh, bytes, size));
        bytes[i] = kept;
    }
    while (gs_trainer_advance(fresh)) continue; /* and it is as it was */
    digests_of(fresh, &after);
    assert_memory_equal(&whole, &after, sizeof whole);
    gs_trainer_destroy(&fresh);
    free(bytes);
}

/* ---- tests of the files ------------------------------------------------------------------------------------------ */

static void path_of_run(const gs_job *job, char path[512])
{
    char id[GS_ID];
    gs_run_id(&job->settings, job->seed, &common.digits, id);
    snprintf(path, 512, "%.400s/%s", common.folder, id);
}

static bool exists(const char *path)
{
    struct stat found;
    return stat(path, &found) == 0;
}

/* Begins the job, works on it for `pieces` pieces, leaves it. */
static void begin_and_leave(const gs_job *job, int pieces)
{
    gs_workbench bench = {0};
    bool ended;
    assert_int_equal(gs_workbench_begin(&bench, &common, job, 0, &ended, NULL), GS_OK);
    for (int i = 0; i < pieces; i++) assert_int_equal(gs_workbench_work(&bench, &common, 0, 0, &ended, NULL), GS_OK);
    assert_false(ended);
    gs_workbench_leave(&bench, &common);
    assert_null(bench.trainer);
    assert_string_equal(bench.note.text, "");
    gs_workbench_free(&bench);
}

/* Begins the job again and ends it: the steps that it began with, its digests, what was noted. */
static int64_t finish(const gs_job *job, gs_digests *digests, char note[GS_NOTE])
{
    gs_workbench bench = {0};
    gs_row row;
    bool ended;
    assert_int_equal(gs_workbench_begin(&bench, &common, job, 0, &ended, NULL), GS_OK);
    int64_t steps = gs_workbench_standing(&bench).steps_done;
    strcpy(note, bench.note.text);
    while (!ended) assert_int_equal(gs_workbench_work(&bench, &common, 0, 1, &ended, NULL), GS_OK);
    assert_int_equal(gs_parcel_row(&bench.parcel, &row, NULL), GS_OK);
    *digests = row.digests;
    gs_workbench_free(&bench);
    return steps;
}

static void a_run_that_was_left_goes_on(void **state)
{
    (void)state;
    for (int k = 0; k < KINDS; k++) {
        gs_job job = job_of(&kinds[k]);
        gs_digests whole, resumed;
        char note[GS_NOTE], path[512];
        path_of_run(&job, path);
        train_whole(&job, &whole);
        begin_and_leave(&job, 2);
        begin_and_leave(&job, 3); /* left, taken up, and left again */
        assert_int_equal(finish(&job, &resumed, note),
                         gs_settings_integer(&job.settings, GS_SETTING_EVERY) == 3 ? 3 : 5);
        assert_string_equal(note, "");
        assert_memory_equal(&whole, &resumed, sizeof whole);
        assert_true(exists(path)); /* until the result is stored */
        gs_midrun_remove_all(common.folder);
        assert_false(exists(common.folder));
    }
}

static void without_interval_or_folder_nothing_is_kept(void **state)
{
    (void)state;
    gs_job job = job_of(&kinds[0]);
    common.storage.checkpoint_every = 0;
    begin_and_leave(&job, 2);
    assert_false(exists(common.folder));
    common.storage.checkpoint_every = 3600;
    gs_digests digests;
    char note[GS_NOTE];
    assert_int_equal(finish(&job, &digests, note), 0);
    assert_false(exists(common.folder)); /* the run is shorter than the interval */
}

typedef void damage(const char *path);

static void cut_short(const char *path)
{
    struct stat found;
    assert_int_equal(stat(path, &found), 0);
    assert_int_equal(truncate(path, found.st_size - 4096), 0);
}

static void cut_to_nothing(const char *path)
{
    assert_int_equal(truncate(path, 0), 0);
}

static void lengthen(const char *path)
{
    struct stat found;
    assert_int_equal(stat(path, &found), 0);
    assert_int_equal(truncate(path, found.st_size + 1), 0);
}

static void flip(const char *path, long offset, int whence)
{
    FILE *file = fopen(path, "r+b");
    assert_non_null(file);
    fseek(file, offset, whence);
    int byte = fgetc(file);
    fseek(file, offset, whence);
    fputc(byte ^ 0x10, file);
    fclose(file);
}

static void flip_last(const char *path)
{
    flip(path, -1, SEEK_END);
}

static void flip_middle(const char *path)
{
    flip(path, 5000, SEEK_SET);
}

static void flip_seconds(const char *path)
{
    flip(path, 16 + 8 + 32 + GS_MIDRUN_MAKER + 3, SEEK_SET);
}

static void flip_magic(const char *path)
{
    flip(path, 3, SEEK_SET);
}

static void flip_version(const char *path)
{
    flip(path, 16, SEEK_SET);
}

static void replace_by_another_run(const char *path)
{
    gs_job other = job_of(&kinds[0]);
    char other_path[512];
    other.seed++;
    begin_and_leave(&other, 3);
    path_of_run(&other, other_path);
    assert_int_equal(rename(other_path, path), 0);
}

static void become_another_program(const char *path)
{
    (void)path;
    snprintf(common.program, sizeof common.program, "newer");
}

static void a_state_that_cannot_be_trusted_is_noted_and_not_used(void **state)
{
    (void)state;
    static const struct {
        damage *damage;
        const char *said;
    } cases[] = {
        {cut_short, "it is not whole"},
        {cut_to_nothing, "it is not whole"},
        {lengthen, "it is not whole"},
        {flip_last, "its digest does not agree"},
        {flip_middle, "its digest does not agree"},
        {flip_seconds, "its digest does not agree"},
        {flip_magic, "it is no mid-run checkpoint"},
        {flip_version, "its format is 18, this program's is 2"},
        {replace_by_another_run, "it is of the run "},
        {become_another_program, "it was made by gensweep test with kernels "},
    };
    gs_job job = job_of(&kinds[0]);
    gs_digests whole, again;
    char note[GS_NOTE], path[512];
    train_whole(&job, &whole);
    path_of_run(&job, path);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        begin_and_leave(&job, 3);
        cases[i].damage(path);
        assert_int_equal(finish(&job, &again, note), 0);
        assert_memory_equal(&whole, &again, sizeof whole);
        if (strstr(note, cases[i].said) == NULL) fail_msg("case %zu: '%s'", i, note);
        assert_non_null(strstr(note, path));
        assert_non_null(strstr(note, "its run starts over"));
        snprintf(common.program, sizeof common.program, "test");
        gs_midrun_remove_all(common.folder);
    }
}

/* A write that was cut leaves ID.tmp, and the state before is the one that counts. */
static void what_a_cut_write_leaves_is_not_read(void **state)
{
    (void)state;
    gs_job job = job_of(&kinds[0]);
    gs_digests whole, again;
    char note[GS_NOTE], path[512], temporary[520];
    train_whole(&job, &whole);
    path_of_run(&job, path);
    snprintf(temporary, sizeof temporary, "%s.tmp", path);
    begin_and_leave(&job, 3);
    FILE *file = fopen(temporary, "w");
    assert_non_null(file);
    fputs("half a state", file);
    fclose(file);
    assert_int_equal(finish(&job, &again, note), 3);
    assert_string_equal(note, "");
    assert_memory_equal(&whole, &again, sizeof whole);
    *strrchr(path, '/') = '\0';
    gs_midrun_remove(common.folder, temporary + strlen(path) + 1);
    assert_false(exists(temporary));
    gs_midrun_close(common.folder);
    assert_false(exists(common.folder));
}

static void that_a_state_cannot_be_written_is_noted_once(void **state)
{
    (void)state;
    gs_job job = job_of(&kinds[0]);
    gs_workbench bench = {0};
    bool ended = false;
    int notes = 0;
    FILE *file = fopen(common.folder, "w"); /* a file where the folder should be */
    assert_non_null(file);
    fclose(file);
    assert_int_equal(gs_workbench_begin(&bench, &common, &job, 0, &ended, NULL), GS_OK);
    assert_string_equal(bench.note.text, "");
    while (!ended) {
        bench.kept = -1e9; /* long ago */
        assert_int_equal(gs_workbench_work(&bench, &common, 0, 0, &ended, NULL), GS_OK);
        if (bench.note.text[0] == '\0') continue;
        assert_non_null(strstr(bench.note.text, "no mid-run checkpoints: cannot write '"));
        assert_non_null(strstr(bench.note.text, strerror(ENOTDIR)));
        bench.note.text[0] = '\0';
        notes++;
    }
    assert_int_equal(notes, 1);
    gs_workbench_free(&bench);
    unlink(common.folder);
}

static void other_files_in_the_folder_are_left_alone(void **state)
{
    (void)state;
    gs_job job = job_of(&kinds[0]);
    char path[512], mine[600];
    begin_and_leave(&job, 1);
    path_of_run(&job, path);
    snprintf(mine, sizeof mine, "%.400s/notes", common.folder);
    FILE *file = fopen(mine, "w");
    assert_non_null(file);
    fclose(file);
    gs_midrun_remove_all(common.folder);
    assert_false(exists(path));
    assert_true(exists(mine));
    unlink(mine);
    gs_midrun_close(common.folder);
    assert_false(exists(common.folder));
}

static void every_model_has_a_kind(void **state)
{
    (void)state;
    bool there[GS_MODEL_COUNT] = {false};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) there[kinds[i].model] = true;
    assert_every_model(there);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_model_has_a_kind),
        cmocka_unit_test_teardown(a_run_that_is_moved_is_the_same, remove_leftovers),
        cmocka_unit_test_teardown(every_part_of_the_state_matters, remove_leftovers),
        cmocka_unit_test_teardown(a_state_of_another_size_or_with_impossible_numbers_is_refused, remove_leftovers),
        cmocka_unit_test_teardown(a_run_that_was_left_goes_on, remove_leftovers),
        cmocka_unit_test_teardown(without_interval_or_folder_nothing_is_kept, remove_leftovers),
        cmocka_unit_test_teardown(a_state_that_cannot_be_trusted_is_noted_and_not_used, remove_leftovers),
        cmocka_unit_test_teardown(what_a_cut_write_leaves_is_not_read, remove_leftovers),
        cmocka_unit_test_teardown(that_a_state_cannot_be_written_is_noted_once, remove_leftovers),
        cmocka_unit_test_teardown(other_files_in_the_folder_are_left_alone, remove_leftovers),
    };
    return cmocka_run_group_tests(tests, prepare, clean);
}
