/* The models: MODEL(id, name), in the order of the article, which is that of listings. `name` is what sweeps and
 * results call the model, and gs_model_<name> is its gs_model_type (models/model.h).
 *
 * Included where MODEL says what becomes of a row: in settings.h an id, in table.c a name and the short word of rows.h,
 * in models/model.c an entry of the table of types. Runs are known by these names: never rename one. What else a new
 * model needs: docs/extending.md. */
MODEL(ORACLE, oracle)
MODEL(VAE, vae)
MODEL(GAN, gan)
MODEL(AUTOREGRESSIVE, autoregressive)
MODEL(DIFFUSION, diffusion)
