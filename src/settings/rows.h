/* The settings: ROW(id, fields of gs_setting). A new setting is one row here and nothing else, unless it is a choice:
 * then its choices are an enum in settings.h and a list in table.c. Files and identity have the names, and leave out
 * what stands at its default: never rename a setting, never change a default (docs/extending.md).
 *
 * Included where ROW says what becomes of a row: in settings.h an id, in table.c an entry of the table, which also
 * explains the short words used here. The order is that of listings and of the columns in the results file. */
ROW(MODEL, PARAMETER("model"), .type = GS_TYPE_CHOICE, .models = ALL, .fallback = "gan", .choices = gs_model_names,
    .help = "the generative model")
ROW(STEPS, PARAMETER("steps"), .type = GS_TYPE_INTEGER, .models = ALL, .fallback = "100000",
    .fallback_by_model = {[GS_MODEL_ORACLE] = "10000", [GS_MODEL_GAN] = "29000"}, .minimum = 1, .maximum = 1e9,
    .help = "training steps; a gan step is generator_steps + discriminator_steps updates")
ROW(BATCH_SIZE, PARAMETER("batch_size"), .type = GS_TYPE_INTEGER, .models = ALL, .fallback = "64",
    .fallback_by_model = {[GS_MODEL_GAN] = "128"}, .minimum = 2, .maximum = 4096, .help = "images in a training batch")
ROW(LEARNING_RATE, PARAMETER("learning_rate"), .type = GS_TYPE_REAL, .models = ALL & ~GAN, .fallback = "3e-4",
    .minimum = 0, .maximum = 1e38, .help = "Adam rate")
ROW(ADAM_BETA1, PARAMETER("adam_beta1"), .type = GS_TYPE_REAL, .models = ALL, .fallback = "0.9", .minimum = 0,
    .maximum = 0.999999, .help = "Adam: decay of the first moment")
ROW(ADAM_BETA2, PARAMETER("adam_beta2"), .type = GS_TYPE_REAL, .models = ALL, .fallback = "0.999", .minimum = 0,
    .maximum = 0.999999, .help = "Adam: decay of the second moment")
ROW(ADAM_EPSILON, PARAMETER("adam_epsilon"), .type = GS_TYPE_REAL, .models = ALL, .fallback = "1e-8", .minimum = 1e-37,
    .maximum = 1, .help = "Adam: added to the root of the second moment")
ROW(WEIGHT_EMA, PARAMETER("weight_ema"), .type = GS_TYPE_REAL, .models = AUTOREGRESSIVE | DIFFUSION,
    .fallback = "0.999", .minimum = 0, .maximum = 0.9999999,
    .help = "decay (a step) of the exponential average of the weights that samples are made with; 0: the last weights")
ROW(LATENT_DIM, PARAMETER("latent_dim"), .type = GS_TYPE_INTEGER, .models = GAN | VAE, .fallback = "16", .minimum = 1,
    .maximum = 1024, .help = "numbers of normal noise that an image is made from")
ROW(KL_WEIGHT, PARAMETER("kl_weight"), .type = GS_TYPE_REAL, .models = VAE, .fallback = "0.01", .minimum = 0,
    .maximum = 1e6,
    .help = "weight of the KL divergence (mean over latents) beside half the squared error (mean over pixels)")
ROW(ENCODER_HIDDEN_1, PARAMETER("encoder_hidden_1"), .type = GS_TYPE_INTEGER, .models = VAE, .fallback = "128",
    .minimum = 1, .maximum = 8192, .help = "units of the encoder's first layer")
ROW(ENCODER_HIDDEN_2, PARAMETER("encoder_hidden_2"), .type = GS_TYPE_INTEGER, .models = VAE, .fallback = "64",
    .minimum = 1, .maximum = 8192, .help = "units of the encoder's second layer")
ROW(DECODER_HIDDEN_1, PARAMETER("decoder_hidden_1"), .type = GS_TYPE_INTEGER, .models = VAE | ORACLE, .fallback = "64",
    .minimum = 1, .maximum = 8192, .help = "units of the decoder's first layer")
ROW(DECODER_HIDDEN_2, PARAMETER("decoder_hidden_2"), .type = GS_TYPE_INTEGER, .models = VAE | ORACLE, .fallback = "128",
    .minimum = 1, .maximum = 8192, .help = "units of the decoder's second layer")
ROW(GENERATOR_LEARNING_RATE, PARAMETER("generator_learning_rate"), .type = GS_TYPE_REAL, .models = GAN,
    .fallback = "3e-4", .minimum = 0, .maximum = 1e38, .help = "Adam rate of the generator")
ROW(DISCRIMINATOR_LEARNING_RATE, PARAMETER("discriminator_learning_rate"), .type = GS_TYPE_REAL, .models = GAN,
    .fallback = "6e-5", .minimum = 0, .maximum = 1e38, .help = "Adam rate of the discriminator")
ROW(GENERATOR_EMA, PARAMETER("generator_ema"), .type = GS_TYPE_REAL, .models = GAN, .fallback = "0", .minimum = 0,
    .maximum = 0.9999999,
    .help = "decay (a step) of the exponential average of the generator's weights that samples are made with; 0: the "
            "last weights")
ROW(GENERATOR_STEPS, PARAMETER("generator_steps"), .type = GS_TYPE_INTEGER, .models = GAN, .fallback = "5",
    .minimum = 1, .maximum = 1000, .help = "generator updates in a training step")
ROW(DISCRIMINATOR_STEPS, PARAMETER("discriminator_steps"), .type = GS_TYPE_INTEGER, .models = GAN, .fallback = "1",
    .minimum = 1, .maximum = 1000, .help = "discriminator updates in a training step")
ROW(GENERATOR_HIDDEN_1, PARAMETER("generator_hidden_1"), .type = GS_TYPE_INTEGER, .models = GAN, .fallback = "64",
    .minimum = 1, .maximum = 8192, .help = "units of the generator's first layer")
ROW(GENERATOR_HIDDEN_2, PARAMETER("generator_hidden_2"), .type = GS_TYPE_INTEGER, .models = GAN, .fallback = "128",
    .minimum = 1, .maximum = 8192, .help = "units of the generator's second layer")
ROW(DISCRIMINATOR_HIDDEN_1, PARAMETER("discriminator_hidden_1"), .type = GS_TYPE_INTEGER, .models = GAN,
    .fallback = "128", .minimum = 1, .maximum = 8192, .help = "units of the discriminator's first layer")
ROW(DISCRIMINATOR_HIDDEN_2, PARAMETER("discriminator_hidden_2"), .type = GS_TYPE_INTEGER, .models = GAN,
    .fallback = "64", .minimum = 1, .maximum = 8192,
    .help = "units of the discriminator's second layer, which minibatch discrimination reads")
ROW(DISCRIMINATOR_HIDDEN_3, PARAMETER("discriminator_hidden_3"), .type = GS_TYPE_INTEGER, .models = GAN,
    .fallback = "32", .minimum = 1, .maximum = 8192, .help = "units of the discriminator's third layer")
ROW(MINIBATCH_DISCRIMINATION, PARAMETER("minibatch_discrimination"), .type = GS_TYPE_SWITCH, .models = GAN,
    .fallback = "on", .help = "minibatch discrimination (Salimans et al. 2016); off: no such layer")
ROW(MBD_FEATURES, PARAMETER("mbd_features"), .type = GS_TYPE_INTEGER, .models = GAN,
    ONLY_WITH(GS_SETTING_MINIBATCH_DISCRIMINATION, 1), .fallback = "8", .minimum = 1, .maximum = 256,
    .help = "minibatch discrimination: similarities added to the features")
ROW(MBD_KERNEL_DIM, PARAMETER("mbd_kernel_dim"), .type = GS_TYPE_INTEGER, .models = GAN,
    ONLY_WITH(GS_SETTING_MINIBATCH_DISCRIMINATION, 1), .fallback = "4", .minimum = 1, .maximum = 256,
    .help = "minibatch discrimination: dimensions in which each similarity is measured")
ROW(GAN_LOSS, PARAMETER("gan_loss"), .type = GS_TYPE_CHOICE, .models = GAN, .fallback = "non_saturating",
    .choices = gan_losses,
    .help = "on the discriminator's logits: binary cross-entropy, hinge, least squares, or cross-entropy of the "
            "difference between a real and a generated image")
ROW(PACKING, PARAMETER("packing"), .type = GS_TYPE_INTEGER, .models = GAN, .fallback = "1", .minimum = 1, .maximum = 16,
    .help = "images of one kind that the discriminator judges together (PacGAN); batch_size / packing packs a batch")
ROW(SPECTRAL_NORM, PARAMETER("spectral_norm"), .type = GS_TYPE_SWITCH, .models = GAN, .fallback = "off",
    .help = "spectral normalisation of the discriminator's kernels, one power iteration an update")
ROW(R1, PARAMETER("r1"), .type = GS_TYPE_REAL, .models = GAN, .fallback = "0", .minimum = 0, .maximum = 1e6,
    .help =
        "gradient penalty on real images: g / 2 times the mean squared length of the discriminator's gradient, beside "
        "the loss as its paper writes it; 0: none")
ROW(R2, PARAMETER("r2"), .type = GS_TYPE_REAL, .models = GAN, .fallback = "0", .minimum = 0, .maximum = 1e6,
    .help = "the same on generated images")
ROW(MINIBATCH_STDDEV, PARAMETER("minibatch_stddev"), .type = GS_TYPE_SWITCH, .models = GAN, .fallback = "off",
    .help = "the features' standard deviation over the batch, averaged, as one more feature (Karras et al. 2018)")
ROW(LABEL_SMOOTHING, PARAMETER("label_smoothing"), .type = GS_TYPE_REAL, .models = GAN, .fallback = "0", .minimum = 0,
    .maximum = 0.5, .help = "one-sided: the discriminator's target for real images is 1 less this")
ROW(FEATURE_MATCHING, PARAMETER("feature_matching"), .type = GS_TYPE_SWITCH, .models = GAN, .fallback = "off",
    .help =
        "the generator matches the mean of the discriminator's features, without what minibatch layers add, instead "
        "of its own loss (Salimans et al. 2016)")
ROW(NETWORK, PARAMETER("network"), .type = GS_TYPE_CHOICE, .models = AUTOREGRESSIVE, .fallback = "flat",
    .choices = networks, .help = "flat: the last context_pixels at once; lstm: pixel by pixel (PixelRNN)")
ROW(LOSS, PARAMETER("loss"), .type = GS_TYPE_CHOICE, .models = AUTOREGRESSIVE, .fallback = "softmax", .choices = losses,
    .help = "softmax: cross-entropy; article: one sigmoid a color, which suppresses rare modes")
ROW(START, PARAMETER("start"), .type = GS_TYPE_CHOICE, .models = AUTOREGRESSIVE, .fallback = "padding",
    .choices = starts,
    .help = "padding: every pixel is generated; article: the first context_pixels (lstm: 64) are copied from real "
            "images")
ROW(CONTEXT_PIXELS, PARAMETER("context_pixels"), .type = GS_TYPE_INTEGER, .models = AUTOREGRESSIVE,
    ONLY_WITH(GS_SETTING_NETWORK, GS_NETWORK_FLAT), .fallback = "64", .minimum = 1, .maximum = GS_PIXELS,
    .help = "pixels that the flat network sees")
ROW(COLOR_LEVELS, PARAMETER("color_levels"), .type = GS_TYPE_INTEGER, .models = AUTOREGRESSIVE, .fallback = "8",
    .minimum = 2, .maximum = 16, .help = "levels of each channel; a pixel is one of their cube")
ROW(LSTM_UNITS, PARAMETER("lstm_units"), .type = GS_TYPE_INTEGER, .models = AUTOREGRESSIVE,
    ONLY_WITH(GS_SETTING_NETWORK, GS_NETWORK_LSTM), .fallback = "32", .minimum = 1, .maximum = 1024,
    .help = "units of the LSTM")
ROW(GRADIENT_CLIP, PARAMETER("gradient_clip"), .type = GS_TYPE_REAL, .models = AUTOREGRESSIVE,
    ONLY_WITH(GS_SETTING_NETWORK, GS_NETWORK_LSTM), .fallback = "1", .minimum = 0, .above_minimum = true,
    .maximum = 1e9, .help = "longest gradient (L2 norm over all tensors); longer ones are shortened to it")
ROW(HIDDEN_UNITS, PARAMETER("hidden_units"), .type = GS_TYPE_INTEGER, .models = AUTOREGRESSIVE | DIFFUSION,
    .fallback = "64", .fallback_by_model = {[GS_MODEL_DIFFUSION] = "256"}, .minimum = 1, .maximum = 8192,
    .help = "units of each hidden layer")
ROW(TIMESTEPS, PARAMETER("timesteps"), .type = GS_TYPE_INTEGER, .models = DIFFUSION, .fallback = "300", .minimum = 2,
    .maximum = 10000, .help = "steps from image to noise")
ROW(SCHEDULE, PARAMETER("schedule"), .type = GS_TYPE_CHOICE, .models = DIFFUSION, .fallback = "linear",
    .choices = schedules, .help = "noise schedule; article: linear without scaling by 1000 / timesteps")
ROW(PREDICTION, PARAMETER("prediction"), .type = GS_TYPE_CHOICE, .models = DIFFUSION, .fallback = "x0",
    .choices = predictions, .help = "what the network predicts: the image or the noise")
ROW(PROCESS, PARAMETER("process"), .type = GS_TYPE_CHOICE, .models = DIFFUSION, .fallback = "ddpm",
    .choices = processes,
    .help = "ddpm (Ho et al. 2020), or the article's own formulas, to which schedule: article belongs")
ROW(DIGIT_WEIGHTS, DATA("digit_weights"), .type = GS_TYPE_WEIGHTS, .models = ALL, .fallback = "[4, 4, 4, 4, 2, 1]",
    .minimum = 0, .maximum = 1e9, .help = "relative frequencies of 0A 0B 1 2 3 4")
ROW(GREEN, DATA("green"), .type = GS_TYPE_REAL, .models = ALL, .fallback = "0.34", .minimum = 0, .maximum = 1,
    .help = "probability of a green digit; the rest is red to blue, evenly")
ROW(SAMPLES, EVALUATION("samples"), .type = GS_TYPE_INTEGER, .models = ALL, .fallback = "12800", .minimum = 1,
    .maximum = 10000000, .help = "images that are generated and classified at the end of a run")
ROW(EVERY, EVALUATION("every"), .type = GS_TYPE_INTEGER, .models = ALL, .fallback = "0", .minimum = 0, .maximum = 1e9,
    .help = "also measure coverage every so many steps; 0: only at the end")
ROW(REJECT_ERROR, EVALUATION("reject_error"), .type = GS_TYPE_INTEGER, .models = ALL, .fallback = "784", .minimum = 0,
    .maximum = 784, .help = "reject samples with more wrong pixels than this; 784: only blank and non-finite ones")
ROW(QUALITY_ERROR, EVALUATION("quality_error"), .type = GS_TYPE_INTEGER, .models = ALL, .fallback = "40", .minimum = 0,
    .maximum = 784, .help = "wrong pixels up to which a sample counts for the metric `quality`")
ROW(STOPPING, EARLY_TERMINATE("type"), .type = GS_TYPE_CHOICE, .models = ALL, .fallback = "none", .choices = stoppings,
    .help = "hyperband: stop runs that fall behind the others at a rung, a point of coverage along training")
ROW(STOPPING_MIN_ITER, EARLY_TERMINATE("min_iter"), .type = GS_TYPE_INTEGER, .models = ALL,
    ONLY_WITH(GS_SETTING_STOPPING, GS_STOPPING_HYPERBAND), .fallback = "1", .minimum = 1, .maximum = 10000,
    .help = "the first rung, in points of coverage along training (evaluation.every)")
ROW(STOPPING_ETA, EARLY_TERMINATE("eta"), .type = GS_TYPE_REAL, .models = ALL,
    ONLY_WITH(GS_SETTING_STOPPING, GS_STOPPING_HYPERBAND), .fallback = "3", .minimum = 1.01, .maximum = 1000000,
    .help =
        "rungs are at min_iter, min_iter x eta, min_iter x eta^2, ...; the best 1 / eta of the runs at a rung go on")
ROW(STOPPING_METRIC, EARLY_TERMINATE("metric"), .type = GS_TYPE_CHOICE, .models = ALL,
    ONLY_WITH(GS_SETTING_STOPPING, GS_STOPPING_HYPERBAND), .fallback = "tv", .choices = stopping_metrics,
    .help = "what runs are compared by at a rung; also W&B's metric: {name: tv}")
ROW(STOPPING_GOAL, EARLY_TERMINATE("goal"), .type = GS_TYPE_CHOICE, .models = ALL,
    ONLY_WITH(GS_SETTING_STOPPING, GS_STOPPING_HYPERBAND), .fallback = "minimize", .choices = stopping_goals,
    .help = stopping_goal_help)
