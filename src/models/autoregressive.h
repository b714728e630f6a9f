/* The autoregressive model: what its two networks share.
 *
 * An image is drawn pixel by pixel; a network gives the law of each pixel's color class from the pixels before it.
 * The type gs_model_autoregressive (autoregressive.c) trains and samples through gs_pixel_network, of which there are
 * two: pixel_flat.c and pixel_lstm.c. */
#ifndef GS_MODELS_AUTOREGRESSIVE_H
#define GS_MODELS_AUTOREGRESSIVE_H

#include "models/model.h"
#include "models/pixels.h"
#include "nn/categorical.h"
#include "nn/lstm.h"
#include "nn/network.h"

typedef struct gs_autoregressive gs_autoregressive;

typedef struct {
    /* Registers tensors and takes scratch; what the settings say of the model as a whole stands in it already. Sets
     * pixels. */
    void (*prepare)(gs_autoregressive *model, const gs_settings *settings, gs_arena *arena);

    /* The mean loss over a batch drawn from `data`; its gradients are left in the model's buffer. */
    double (*loss)(gs_autoregressive *model, gs_rng data);

    /* Before the first pixel of a block of samples. */
    void (*start)(gs_autoregressive *model, int rows);

    /* Logits for the class of pixel `position` of each image in model->canvas; positions are asked for in order from
     * 0. Samples that have the same context share a row: row_of[i] is that of sample i. */
    gs_matrix (*logits)(gs_autoregressive *model, int rows, int position);

    /* Adds to `spans` what `start` and `logits` leave for the next position. */
    void (*sampling_state)(gs_autoregressive *model, gs_spans *spans);
} gs_pixel_network;

extern const gs_pixel_network gs_pixel_flat, gs_pixel_lstm;

struct gs_autoregressive {
    gs_model base;
    const gs_pixel_network *network;
    gs_adam adam;
    double clip; /* longest gradient */
    int batch, levels;
    int first; /* the first position that is generated and trained; those before are copied from data */
    double (*row_loss)(gs_matrix logits, const uint16_t *targets, gs_real weight, gs_matrix dlogits);

    gs_pixels pixels;
    gs_label *labels;  /* of a training batch or of a block of samples */
    uint16_t *targets; /* right classes of the rows at work */

    /* A block of samples being made. */
    uint16_t *canvas; /* GS_SAMPLE_BATCH x GS_PIXELS color classes */
    int *row_of;

    struct {
        gs_network network;
        gs_matrix windows;      /* batch x (context x 8) */
        gs_matrix color_kernel; /* (context x 3) x hidden: the rows of the first kernel that meet colors */
        gs_matrix place_sums;   /* 1 x hidden: what all samples have in common at a position */
        gs_matrix colors;       /* GS_SAMPLE_BATCH x (context x 3) */
        uint64_t *hashes, power;
        uint16_t *slots, *members; /* hash table of contexts; one sample for each */
    } flat;

    struct {
        gs_network pixel, color; /* below and above the LSTM */
        gs_lstm layer, sampler;  /* one set of tensors; memory for training and for sampling */
        gs_matrix features;
        int chunk; /* steps that the dense layers are computed for at once */
    } lstm;
};

static inline uint16_t *gs_canvas_row(const gs_autoregressive *model, int row)
{
    return model->canvas + (size_t)row * GS_PIXELS;
}

#endif
