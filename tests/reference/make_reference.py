#!/usr/bin/env python3
"""Writes the reference numbers that tests/double/test_reference.c and tests/unit/test_reference_float.c compare with.

    pip install torch numpy
    python3 tests/reference/make_reference.py            # rewrites tests/reference/*.txt
    python3 tests/reference/make_reference.py training   # prints the table of tests/unit/test_training.c

An independent implementation: random numbers, weights and batches from the documentation in src/ground/rng.h,
src/nn/tensors.h and src/data/batches.h, networks by automatic differentiation and Adam from PyTorch, all in float64. It
starts from the same weights and sees the same batches as the C program, so that what is left is rounding.

A file holds cases of one model, one keyword a line:
    gensweep-reference 1
    case <model> <name>
    seed <seed>
    set <setting> <value>
    losses <number of losses>
    frozen <losses of step 0 with all learning rates 0>
    tensor <name> <rows> <columns>
    gradient <summary>       of that step: each tensor's gradient as its last update found it
    parameter <summary>      after the training steps below
    step <number> <losses>
    samples <count> <summary of the first images sampled after training, with the averaged weights if there are any>
    end
A summary of x is |x|, sum x_i, sum x_i cos(i), and the first four elements (0 where there are fewer).

To add a model: a class in reference_models.py, and a list of cases in MODELS.
"""
import math
import pathlib
import sys

import numpy
import torch

from random_numbers import check_random_numbers
from reference_models import Autoregressive, Case, Diffusion, Gan, Oracle, Vae, autoregressive

STEPS = 10
FIRST = 4


def summary(values):
    x = values.detach().numpy().reshape(-1)
    first = numpy.zeros(FIRST)
    first[:min(FIRST, x.size)] = x[:FIRST]
    return [math.sqrt((x * x).sum()), x.sum(), (x * numpy.cos(numpy.arange(x.size))).sum(), *first]


def line(keyword, numbers):
    return " ".join([keyword] + [f"{number:.17g}" for number in numbers])


def describe(kind, build, case):
    """The lines of one case."""
    still, model = build(case.frozen()), build(case)
    frozen = still.train(0)
    lines = [f"case {kind} {case.name}", f"seed {case.seed}"]
    lines += [f"set {setting} {value}" for setting, value in case.settings.items()]
    lines += [f"losses {len(frozen)}", line("frozen", frozen)]
    steps = [line(f"step {step}", losses) for step, losses in enumerate(model.train_all(STEPS))]
    for name, tensor in model.tensors.items():
        lines.append(f"tensor {name} {tensor.shape[0]} {tensor.shape[1]}")
        gradient = still.tensors[name].grad
        lines.append(line("gradient", summary(torch.zeros_like(tensor) if gradient is None else gradient)))
        lines.append(line("parameter", summary(tensor)))
    lines += steps
    if model.samples > 0:
        lines.append(line(f"samples {model.samples}", summary(model.sample_averaged())))
    return lines + ["end"]


ADAM = {"adam_beta1": "0.9", "adam_beta2": "0.999", "adam_epsilon": "1e-8"}
DATA = {"data.digit_weights": "[4,4,4,4,2,1]", "data.green": "0.34"}


def gan_case(name, seed, **changes):
    settings = {
        "batch_size": "6", **ADAM, "latent_dim": "4", "generator_learning_rate": "1e-3",
        "discriminator_learning_rate": "2e-3", "generator_steps": "2", "discriminator_steps": "1",
        "generator_hidden_1": "8", "generator_hidden_2": "12", "discriminator_hidden_1": "10",
        "discriminator_hidden_2": "9", "discriminator_hidden_3": "6", "minibatch_discrimination": "off",
        "generator_ema": "0", **DATA,
    }
    return Case(name, seed, {**settings, **changes})


def oracle_case(name, seed, **changes):
    settings = {
        "batch_size": "7", "learning_rate": "1e-3", **ADAM, "decoder_hidden_1": "8", "decoder_hidden_2": "12", **DATA,
    }
    return Case(name, seed, {**settings, **changes})


def vae_case(name, seed, **changes):
    settings = {
        "batch_size": "6", "learning_rate": "1e-3", **ADAM, "latent_dim": "4", "kl_weight": "0.01",
        "encoder_hidden_1": "10", "encoder_hidden_2": "9", "decoder_hidden_1": "8", "decoder_hidden_2": "12", **DATA,
    }
    return Case(name, seed, {**settings, **changes})


def autoregressive_case(name, seed, **changes):
    settings = {
        "batch_size": "7", "learning_rate": "1e-3", **ADAM, "network": "flat", "loss": "softmax", "start": "padding",
        "context_pixels": "70", "color_levels": "4", "lstm_units": "5", "gradient_clip": "1", "hidden_units": "8",
        "weight_ema": "0", **DATA,
    }
    return Case(name, seed, {**settings, **changes})


def diffusion_case(name, seed, **changes):
    settings = {
        "batch_size": "6", "learning_rate": "1e-3", **ADAM, "hidden_units": "10", "timesteps": "30", "schedule": "linear",
        "prediction": "x0", "process": "ddpm", "weight_ema": "0", **DATA,
    }
    return Case(name, seed, {**settings, **changes})


MODELS = {
    "oracle": (Oracle, [
        oracle_case("small", 21),
        oracle_case("wide_batch", 2**40 + 22, batch_size="19", adam_beta1="0.5",
                    **{"data.digit_weights": "[1,0,2,3,0,5]", "data.green": "0.6"}),
    ]),
    "vae": (Vae, [
        vae_case("small", 31),
        vae_case("heavy_divergence", 32, batch_size="19", latent_dim="5", kl_weight="0.8",
                 learning_rate="3e-4"),
        vae_case("no_divergence", 2**40 + 33, latent_dim="1", kl_weight="0", adam_epsilon="1e-5",
                 **{"data.digit_weights": "[1,0,2,3,0,5]", "data.green": "0.6"}),
    ]),
    "gan": (Gan, [
        gan_case("minibatch_off", 11),
        gan_case("minibatch_on", 12, batch_size="8", minibatch_discrimination="on", mbd_features="3",
                 mbd_kernel_dim="2"),
        gan_case("wide_batch", 2**40 + 13, batch_size="19", minibatch_discrimination="on", mbd_features="4",
                 mbd_kernel_dim="1", generator_steps="1", discriminator_steps="2", adam_beta1="0.5",
                 generator_ema="0.5", adam_epsilon="1e-5", **{"data.digit_weights": "[1,0,2,3,0,5]", "data.green": "0.6"}),
    ]),
    "gan_options": (Gan, [
        gan_case("hinge", 14, gan_loss="hinge", minibatch_discrimination="off", batch_size="8", discriminator_steps="2"),
        gan_case("least_squares", 15, gan_loss="least_squares", label_smoothing="0.1"),
        gan_case("smoothed", 16, label_smoothing="0.2", minibatch_stddev="on", batch_size="8", adam_epsilon="1e-5"),
        # pairs do not depend on the logit's bias, and Adam would make steps of what rounding leaves
        gan_case("pairs", 17, gan_loss="relativistic_pairing", r1="5", r2="3", batch_size="7", adam_epsilon="1e-2"),
        gan_case("pairs_deviation", 24, gan_loss="relativistic_pairing", minibatch_stddev="on", adam_epsilon="1e-2"),
        gan_case("packed", 18, packing="2", batch_size="8", minibatch_discrimination="on", mbd_features="3", mbd_kernel_dim="2",
                 minibatch_stddev="on"),
        gan_case("penalised_packs", 19, packing="4", batch_size="16", r1="2", gan_loss="least_squares", discriminator_steps="2"),
        gan_case("spectral", 20, spectral_norm="on", r2="2", discriminator_steps="2", label_smoothing="0.2"),
        gan_case("spectral_minibatch", 2**40 + 21, spectral_norm="on", gan_loss="hinge", batch_size="8", minibatch_discrimination="on",
                 mbd_features="3", mbd_kernel_dim="2", generator_ema="0.5"),
        gan_case("matching", 22, feature_matching="on", minibatch_discrimination="on", mbd_features="3", mbd_kernel_dim="2"),
        gan_case("matching_pairs", 23, feature_matching="on", gan_loss="relativistic_pairing", packing="2",
                 adam_epsilon="1e-2"),
    ]),
    "autoregressive": (autoregressive, [
        autoregressive_case("flat_softmax", 41, color_levels="2"),
        autoregressive_case("flat_article", 42, loss="article", start="article", context_pixels="64", color_levels="8"),
        autoregressive_case("flat_long", 2**40 + 43, context_pixels="400", color_levels="2", batch_size="19",
                            weight_ema="0.5", adam_epsilon="1e-5", **{"data.digit_weights": "[1,0,2,3,0,5]", "data.green": "0.6"}),
        autoregressive_case("lstm_softmax", 44, network="lstm", batch_size="2", gradient_clip="1e9"),
        autoregressive_case("lstm_article", 45, network="lstm", batch_size="3", loss="article", start="article",
                            color_levels="2", gradient_clip="0.01"),
    ]),
    "diffusion": (Diffusion, [
        diffusion_case("x0_linear", 51),
        diffusion_case("epsilon_cosine", 52, prediction="epsilon", schedule="cosine", hidden_units="7"),
        diffusion_case("x0_short_linear", 2**40 + 53, timesteps="10", batch_size="19", weight_ema="0.4", adam_epsilon="1e-5",
                       **{"data.digit_weights": "[1,0,2,3,0,5]", "data.green": "0.6"}),
        diffusion_case("x0_article", 54, process="article", schedule="article", timesteps="40"),
    ]),
}


TRAINING_POINTS = (0, 10, 50, 100, 199)
TRAINING = [
    ("oracle", oracle_case("", 5, batch_size="16", learning_rate="1e-2", decoder_hidden_1="16", decoder_hidden_2="24")),
    ("vae", vae_case("", 5, batch_size="16", learning_rate="1e-2", encoder_hidden_1="24", encoder_hidden_2="16",
                     decoder_hidden_1="16", decoder_hidden_2="24")),
    ("gan", gan_case("", 5, batch_size="16", generator_steps="1", generator_hidden_1="16", generator_hidden_2="24",
                     discriminator_hidden_1="24", discriminator_hidden_2="16", discriminator_learning_rate="3e-4")),
    # green only: among so many colors some would be too near to a step (see Autoregressive.quantise)
    ("autoregressive", autoregressive_case("", 5, batch_size="16", learning_rate="1e-2", hidden_units="16",
                                           **{"data.green": "1"})),
    ("autoregressive, lstm", autoregressive_case("", 5, batch_size="2", learning_rate="3e-3", network="lstm",
                                                 hidden_units="16", lstm_units="8", gradient_clip="0.5",
                                                 **{"data.green": "1"})),
    ("diffusion", diffusion_case("", 5, batch_size="16", learning_rate="3e-3", hidden_units="24")),
]


def print_training():
    for kind, case in TRAINING:
        model = MODELS[kind.split(",")[0]][0](case)
        curves = [model.train(step) for step in range(TRAINING_POINTS[-1] + 1)]
        rows = ["{" + ", ".join(f"{number:.9f}" for number in curves[step]) + "}" for step in TRAINING_POINTS]
        print(f"{kind}: {{{', '.join(rows)}}}")


def main():
    check_random_numbers()
    if sys.argv[1:] == ["training"]:
        print_training()
        return
    for kind, (build, cases) in MODELS.items():
        lines = ["gensweep-reference 1"]
        for case in cases:
            lines += describe(kind.split("_")[0], build, case)
        pathlib.Path(__file__).with_name(f"{kind}.txt").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
