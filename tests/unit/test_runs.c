/* A run from job to parcel: it repeats itself bit for bit, and what goes wrong in it is a result. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <string.h>
#include <zlib.h>

#include "runs.h"
#include "store/parcel.h"

static gs_job small_job(uint64_t seed)
{
    gs_job job = {.run = 3, .seed = seed};
    gs_settings_defaults(&job.settings, GS_MODEL_GAN);
    gs_value *values = job.settings.values;
    values[GS_SETTING_STEPS].integer = 6;
    values[GS_SETTING_BATCH_SIZE].integer = 8;
    values[GS_SETTING_GENERATOR_HIDDEN_1].integer = 8;
    values[GS_SETTING_GENERATOR_HIDDEN_2].integer = 8;
    values[GS_SETTING_DISCRIMINATOR_HIDDEN_1].integer = 8;
    values[GS_SETTING_DISCRIMINATOR_HIDDEN_2].integer = 8;
    values[GS_SETTING_SAMPLES].integer = 700; /* more than one batch of samples, and not a whole number of them */
    values[GS_SETTING_EVERY].integer = 2;
    return job;
}

/* Trains the job to its end; the trainer has to be destroyed. */
static gs_trainer *train(const gs_job *job)
{
    gs_trainer *trainer = create_trainer(job, &digits);
    while (gs_trainer_advance(trainer)) continue;
    return trainer;
}

static void pack(const gs_job *job, gs_parcel *parcel)
{
    gs_trainer *trainer = train(job);
    gs_storage storage = {.samples = true, .checkpoints = true, .compression = 1, .width = 800};
    gs_error error;
    assert_int_equal(gs_parcel_pack(parcel, job, gs_trainer_result(trainer), storage, 5, 1.5, &error), GS_OK);
    gs_trainer_destroy(&trainer);
}

static void the_same_job_gives_the_same_bytes(void **state)
{
    (void)state;
    gs_parcel first = {0}, second = {0}, other = {0};
    gs_job job = small_job(7), another = small_job(8);
    pack(&job, &first);
    pack(&job, &second);
    pack(&another, &other);
    assert_int_equal(first.size, second.size);
    assert_memory_equal(first.bytes, second.bytes, first.size);
    gs_row a, b;
    assert_int_equal(gs_parcel_row(&first, &a, NULL), GS_OK);
    assert_int_equal(gs_parcel_row(&other, &b, NULL), GS_OK);
    for (int part = 0; part < GS_PART_COUNT; part++)
        assert_memory_not_equal(a.digests.parts[part], b.digests.parts[part], GS_DIGEST);
    gs_parcel_free(&first);
    gs_parcel_free(&second);
    gs_parcel_free(&other);
}

static void a_parcel_holds_everything_of_the_run(void **state)
{
    (void)state;
    gs_parcel parcel = {0};
    gs_job job = small_job(1);
    pack(&job, &parcel);
    gs_row row;
    assert_int_equal(gs_parcel_row(&parcel, &row, NULL), GS_OK);
    assert_int_equal(row.run, 3);
    assert_int_equal(row.rank, 5);
    assert_int_equal(row.steps_done, 6);
    uint32_t counted = row.rejected;
    for (int k = 0; k < GS_BINS; k++) counted += row.counts[k];
    assert_int_equal(counted, 700);
    assert_int_equal(row.curves.points, 6);

    int found[GS_BULK_TENSOR + 1] = {0};
    static uint8_t images[2 * GS_IMAGES_PER_CHUNK * GS_IMAGE], bins[800];
    size_t cursor = 0;
    gs_chunk chunk;
    while (gs_parcel_next(&parcel, &cursor, &chunk)) {
        found[chunk.bulk]++;
        uLongf room = chunk.bulk == GS_BULK_IMAGE ? (uLongf)GS_IMAGES_PER_CHUNK * GS_IMAGE : sizeof bins;
        uint8_t *target = chunk.bulk == GS_BULK_IMAGE ? images + chunk.place * room : bins;
        if (chunk.bulk == GS_BULK_IMAGE || chunk.bulk == GS_BULK_BIN)
            assert_int_equal(uncompress(target, &room, chunk.bytes, (uLong)chunk.size), Z_OK);
        if (chunk.bulk == GS_BULK_ALONG) assert_int_equal(chunk.size, 3 * sizeof(gs_coverage_point));
    }
    assert_int_equal(found[GS_BULK_IMAGE], 2);
    assert_int_equal(found[GS_BULK_BIN] + found[GS_BULK_ERROR] + found[GS_BULK_EXAMPLES] + found[GS_BULK_ALONG], 4);
    assert_int_equal(found[GS_BULK_TENSOR], 15);
    for (int i = 700; i < 800; i++) assert_int_equal(bins[i], GS_BIN_REJECTED); /* other runs have more samples */
    for (int i = 0; i < 700; i++)
        assert_int_equal(bins[i], gs_classify(&digits, images + (size_t)i * GS_IMAGE, GS_PIXELS).bin);
    gs_parcel_free(&parcel);
}

/* The weights of a run that has ended give its samples, and all that is computed from them, in a fresh trainer. */
static void check_resampling(const gs_job *job)
{
    gs_trainer *trained = train(job), *fresh = create_trainer(job, &digits);
    const gs_result *expected = gs_trainer_result(trained), *found = gs_trainer_result(fresh);
    gs_trainer_resample(fresh, expected->model->weights);
    while (gs_trainer_advance(fresh)) continue;
    assert_int_equal(found->outcome, GS_OUTCOME_DONE);
    assert_int_equal(found->samples, expected->samples);
    assert_memory_equal(found->images, expected->images, (size_t)expected->samples * GS_IMAGE);
    assert_memory_equal(found->bins, expected->bins, (size_t)expected->samples);
    assert_memory_equal(found->errors, expected->errors, (size_t)expected->samples * sizeof *expected->errors);
    assert_memory_equal(&found->coverage, &expected->coverage, sizeof expected->coverage);
    assert_memory_equal(&found->metrics, &expected->metrics, sizeof expected->metrics);
    assert_memory_equal(found->shade_distance, expected->shade_distance, sizeof expected->shade_distance);
    assert_int_equal(found->points + found->curves.points, 0);
    gs_trainer_destroy(&fresh);
    gs_trainer_destroy(&trained);
}

static void samples_are_made_again_from_weights(void **state)
{
    (void)state;
    gs_job gan = small_job(7), averaged = small_job(7), pixels = {.seed = 9};
    averaged.settings.values[GS_SETTING_GENERATOR_EMA].real = 0.9;
    gs_settings_defaults(&pixels.settings, GS_MODEL_AUTOREGRESSIVE);
    const gs_setting_id ids[] = {GS_SETTING_STEPS,        GS_SETTING_BATCH_SIZE,   GS_SETTING_CONTEXT_PIXELS,
                                 GS_SETTING_HIDDEN_UNITS, GS_SETTING_COLOR_LEVELS, GS_SETTING_SAMPLES,
                                 GS_SETTING_EVERY};
    const int64_t values[] = {3, 4, 4, 4, 2, 641, 2}; /* one sample more than a batch */
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) pixels.settings.values[ids[i]].integer = values[i];
    check_resampling(&gan);
    check_resampling(&averaged);
    check_resampling(&pixels);
}

static void a_cut_parcel_is_noticed(void **state)
{
    (void)state;
    gs_parcel parcel = {0};
    gs_job job = small_job(1);
    pack(&job, &parcel);
    gs_parcel cut = {.bytes = parcel.bytes, .size = 100};
    gs_row row;
    gs_error error;
    assert_int_equal(gs_parcel_row(&cut, &row, &error), GS_ERROR_INTERNAL);
    cut.size = parcel.size - 8; /* into the last tensor, a bias of one number */
    size_t cursor = 0, chunks = 0;
    gs_chunk chunk;
    while (gs_parcel_next(&cut, &cursor, &chunk)) chunks++;
    assert_int_equal(chunks, 2 + 4 + 15 - 1);
    gs_parcel_free(&parcel);
}

static void a_run_that_diverges_is_a_result(void **state)
{
    (void)state;
    gs_job job = small_job(1);
    job.settings.values[GS_SETTING_GENERATOR_LEARNING_RATE].real = 1e38;
    job.settings.values[GS_SETTING_STEPS].integer = 50;
    gs_trainer *trainer = train(&job);
    const gs_result *result = gs_trainer_result(trainer);
    assert_int_equal(result->outcome, GS_OUTCOME_FAILED);
    assert_non_null(strstr(result->reason, "not finite"));
    assert_non_null(strstr(result->reason, "after step"));
    assert_true(result->steps_done < 50);
    assert_true(result->metrics.values[GS_METRIC_FAILED] > 0);
    gs_trainer_destroy(&trainer);
}

/* Every limit from nothing to enough: either a clean failure that names the bytes, or the run. */
static void a_run_without_memory_is_a_result(void **state)
{
    (void)state;
    gs_job job = small_job(1);
    gs_trainer *trainer = NULL;
    gs_error error;
    size_t limit = 64;
    int refused = 0;
    while (gs_trainer_create(&trainer, &job, &digits, limit, &error) != GS_OK) {
        assert_null(trainer);
        assert_non_null(strstr(error.text, "out of memory"));
        refused++;
        limit += limit / 8;
        assert_true(limit < (size_t)1 << 30);
    }
    assert_true(refused > 50);
    gs_trainer_destroy(&trainer);

    gs_parcel parcel = {0};
    gs_row row;
    assert_int_equal(gs_parcel_pack_failure(&parcel, &job, &digits, error.text, 2, NULL), GS_OK);
    assert_int_equal(gs_parcel_row(&parcel, &row, NULL), GS_OK);
    assert_int_equal(row.failed, 1);
    assert_non_null(strstr(row.error, "out of memory"));
    assert_true(isnan(row.metrics.values[GS_METRIC_TV]));
    gs_parcel_free(&parcel);
}

/* That of its model, whose own rounding of colors counts, as if the run had ended. */
static void a_run_that_could_not_begin_has_its_expected_table(void **state)
{
    (void)state;
    gs_job job = {.run = 1, .seed = 3};
    gs_settings_defaults(&job.settings, GS_MODEL_AUTOREGRESSIVE);
    job.settings.values[GS_SETTING_COLOR_LEVELS].integer = 2;
    gs_parcel parcel = {0};
    gs_row row;
    double plain[GS_BINS];
    gs_law law = gs_law_of(&job.settings);
    gs_law_expected(&law, plain);
    gs_trainer *trainer = create_trainer(&job, &digits);
    assert_int_equal(gs_parcel_pack_failure(&parcel, &job, &digits, "for a test", 2, NULL), GS_OK);
    assert_int_equal(gs_parcel_row(&parcel, &row, NULL), GS_OK);
    assert_memory_equal(row.expected, gs_trainer_result(trainer)->expected, sizeof row.expected);
    assert_true(row.expected[0] > 2 * plain[0]); /* with the law's table this would not be told */
    gs_trainer_destroy(&trainer);
    gs_parcel_free(&parcel);
}

static void both_variants_see_the_same_data_and_weights(void **state)
{
    (void)state;
    gs_job on = small_job(4), off = small_job(4);
    off.settings.values[GS_SETTING_MINIBATCH_DISCRIMINATION].integer = 0;
    gs_arena *arena = NULL;
    gs_model *with = NULL, *without = NULL;
    assert_int_equal(gs_arena_create(&arena, 0, NULL), GS_OK);
    assert_int_equal(gs_model_create(&with, &on.settings, &digits, 4, arena, NULL), GS_OK);
    assert_int_equal(gs_model_create(&without, &off.settings, &digits, 4, arena, NULL), GS_OK);
    assert_int_equal(with->tensors.count, without->tensors.count + 1);
    int same = 0;
    for (int a = 0; a < with->tensors.count; a++)
        for (int b = 0; b < without->tensors.count; b++) {
            const gs_tensor *left = &with->tensors.tensors[a], *right = &without->tensors.tensors[b];
            if (strcmp(left->name, right->name) != 0 || left->rows != right->rows) continue;
            assert_memory_equal(with->parameters + left->offset, without->parameters + right->offset,
                                gs_tensor_elements(left) * sizeof(gs_real));
            same++;
        }
    assert_int_equal(same, without->tensors.count - 1); /* all but the kernel that reads the similarities */
    gs_arena_destroy(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_job_gives_the_same_bytes),
        cmocka_unit_test(a_parcel_holds_everything_of_the_run),
        cmocka_unit_test(samples_are_made_again_from_weights),
        cmocka_unit_test(a_cut_parcel_is_noticed),
        cmocka_unit_test(a_run_that_diverges_is_a_result),
        cmocka_unit_test(a_run_without_memory_is_a_result),
        cmocka_unit_test(a_run_that_could_not_begin_has_its_expected_table),
        cmocka_unit_test(both_variants_see_the_same_data_and_weights),
    };
    return cmocka_run_group_tests(tests, draw_digits, NULL);
}
