/* Rows that the test build of the program has at the end of settings/rows.h: tests/e2e/test_extra_rows.py. */
ROW(EXTRA_COUNT, PARAMETER("extra_count"), .type = GS_TYPE_INTEGER, .models = VAE, .fallback = "3", .minimum = 1,
    .maximum = 7, .help = "a whole number for the test")
ROW(EXTRA_RATE, PARAMETER("extra_rate"), .type = GS_TYPE_REAL, .models = VAE | GAN, .fallback = "0.5",
    .fallback_by_model = {[GS_MODEL_GAN] = "0.25"}, .minimum = 0, .maximum = 1, .help = "a number for the test")
