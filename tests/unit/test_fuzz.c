/* The fuzz target of the sweep reader, replayed without the fuzzer: golden files, the corpus, and their truncations. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../fuzz/fuzz_sweep.c"

static size_t replay(const char *folder)
{
    enum { LONGEST = 65536 };
    static uint8_t bytes[LONGEST];
    size_t files = 0;
    DIR *listing = opendir(folder);
    assert_non_null(listing);
    for (struct dirent *entry = readdir(listing); entry != NULL; entry = readdir(listing)) {
        char path[1024];
        if (entry->d_name[0] == '.' || strstr(entry->d_name, ".py") != NULL) continue;
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        FILE *file = fopen(path, "rb");
        if (file == NULL) continue;
        size_t size = fread(bytes, 1, LONGEST, file);
        fclose(file);
        size_t step = size / 16 + 1;
        for (size_t cut = size;; cut -= step) {
            LLVMFuzzerTestOneInput(bytes, cut);
            if (cut < step) break;
        }
        files++;
    }
    closedir(listing);
    return files;
}

static void the_golden_files_do_no_harm(void **state)
{
    (void)state;
    assert_true(replay("tests/golden") > 80);
}

static void the_corpus_does_no_harm(void **state)
{
    (void)state;
    assert_true(replay("tests/fuzz/corpus") > 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_golden_files_do_no_harm),
        cmocka_unit_test(the_corpus_does_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
