"""The models of gensweep in JAX, for the benchmark (see peer.py).

Written for speed on one core: a compiled loop holds all the steps of a measurement, data included; its state is
donated, and only the sums of the losses leave it.
"""

import os
from functools import partial

os.environ["XLA_FLAGS"] = (
    os.environ.get("XLA_FLAGS", "") + " --xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
).strip()
os.environ.setdefault("JAX_PLATFORMS", "cpu")

import jax
import jax.numpy as jnp
import jaxlib
import numpy as np
from peer import COLOR_SLOPE, COLOR_SPAN, IMAGE, LOG_VARIANCE_LIMIT, PIXELS, serve

GENERATOR = "threefry2x32"  # on a CPU faster than "rbg"


def draw_labels(case, key):
    """Digits, colors and (of the autoregressive model) positions of a batch."""
    u = jax.random.uniform(key, (3, case.batch_size))
    digits = jnp.sum(u[0][:, None] >= case.digit_bounds(), axis=1)
    mixed = 1 - case.green
    v = u[1] * (COLOR_SPAN / mixed)
    red_blue = jnp.stack([COLOR_SLOPE * v, jnp.zeros_like(v), COLOR_SLOPE * (COLOR_SPAN - v)], axis=1)
    colors = jnp.where(u[1][:, None] < mixed, red_blue, jnp.array([0.0, 1.0, 0.0]))
    return digits, colors, (u[2] * PIXELS).astype(jnp.int32)


def images_of(basis, digits, colors):
    """Template times color, as a product with the basis of Case.basis."""
    shares = jax.nn.one_hot(digits, len(basis) // 3)
    return (shares[:, :, None] * colors[:, None, :]).reshape(len(digits), -1) @ basis


def run(layers, x, last):
    """Dense layers, tanh but for the last."""
    for kernel, bias in layers[:-1]:
        x = jnp.tanh(x @ kernel + bias)
    return last(x @ layers[-1][0] + layers[-1][1])


def linear(x):
    return x


def halved_squares(x, y):
    return jnp.mean(jnp.square(x - y)) / 2


def adam(case, rate, count, gradients, state):
    """(parameters, first moments, second moments) after update number `count`."""
    correction1, correction2 = 1 / (1 - case.adam_beta1**count), 1 / (1 - case.adam_beta2**count)

    def one(parameter, m, v, gradient):
        m = case.adam_beta1 * m + (1 - case.adam_beta1) * gradient
        v = case.adam_beta2 * v + (1 - case.adam_beta2) * jnp.square(gradient)
        return parameter - rate * (m * correction1) / (jnp.sqrt(v * correction2) + case.adam_epsilon), m, v

    leaves, tree = jax.tree.flatten(state[0])
    updated = [one(*of) for of in zip(leaves, *map(jax.tree.leaves, (*state[1:], gradients)))]
    return tuple(jax.tree.unflatten(tree, column) for column in zip(*updated))


def with_moments(parameters):
    return parameters, jax.tree.map(jnp.zeros_like, parameters), jax.tree.map(jnp.zeros_like, parameters)


class Model:
    """`losses(parameters, key)`, the first of which is minimised; `step` may be another."""

    count = 1  # of losses

    def __init__(self, case):
        self.case, self.basis, self.decay = case, jnp.asarray(case.basis()), getattr(case, "weight_ema", 0)
        parameters = jax.tree.map(jnp.asarray, self.tensors())
        self.initial = jax.tree.map(jnp.copy, parameters)
        averages = jax.tree.map(jnp.copy, parameters) if self.decay > 0 else None
        self.state = jax.random.key(1, impl=GENERATOR), jnp.int32(0), self.started(parameters), averages

    def tensors(self):
        return {name: [(kernel, bias[0]) for kernel, bias in layers] for name, layers in self.case.networks().items()}

    def started(self, parameters):
        """What a step reads and changes."""
        return with_moments(parameters)

    def limited(self, gradients):
        return gradients

    def step(self, number, key, trained):
        def minimised(parameters):
            losses = self.losses(parameters, key)
            return losses[0], losses

        gradients, losses = jax.grad(minimised, has_aux=True)(trained[0])
        return adam(self.case, self.case.learning_rate, number, self.limited(gradients), trained), losses

    def parameters(self, trained):
        return trained[0]

    @partial(jax.jit, static_argnums=0, donate_argnums=2)
    def loop(self, steps, state):
        def body(_, carry):
            (key, number, trained, averages), sums = carry
            key, mine = jax.random.split(key)
            number += 1
            trained, losses = self.step(number, mine, trained)
            if averages is not None:
                decay = jnp.minimum(self.decay, (1 + number) / (10 + number))
                averages = jax.tree.map(lambda a, p: a + (1 - decay) * (p - a), averages, self.parameters(trained))
            return (key, number, trained, averages), sums + jnp.stack(losses)

        return jax.lax.fori_loop(0, steps, body, (state, jnp.zeros(self.count)))

    def train(self, steps):
        self.state, sums = self.loop(steps, self.state)
        jax.block_until_ready(self.state)
        return sums.tolist()

    def distances(self):
        mine, averages = self.parameters(self.state[2]), self.state[3]

        def distance(others):
            pairs = zip(jax.tree.leaves(mine), jax.tree.leaves(others))
            return sum(np.square(np.float64(a) - np.float64(b)).sum() for a, b in pairs) ** 0.5

        return distance(self.initial), distance(averages) if averages is not None else 0.0


class Oracle(Model):
    def losses(self, parameters, key):
        digits, colors, _ = draw_labels(self.case, key)
        told = jnp.concatenate([jax.nn.one_hot(digits, len(self.basis) // 3), colors], axis=1)
        return (
            halved_squares(run(parameters["decoder"], told, jax.nn.sigmoid), images_of(self.basis, digits, colors)),
        )


class Vae(Model):
    count = 3

    def losses(self, parameters, key):
        label_key, noise_key = jax.random.split(key)
        digits, colors, _ = draw_labels(self.case, label_key)
        noise = jax.random.normal(noise_key, (self.case.batch_size, self.case.latent_dim))
        images = images_of(self.basis, digits, colors)
        mean, v = jnp.split(run(parameters["encoder"], images, linear), 2, axis=1)
        v = jnp.clip(v, -LOG_VARIANCE_LIMIT, LOG_VARIANCE_LIMIT)
        drawn = run(parameters["decoder"], mean + jnp.exp(v / 2) * noise, jax.nn.sigmoid)
        reconstruction, kl = halved_squares(drawn, images), jnp.mean(mean * mean + jnp.exp(v) - v - 1) / 2
        return reconstruction + self.case.kl_weight * kl, reconstruction, kl


class Diffusion(Model):
    def __init__(self, case):
        self.signals, self.noises, self.features = map(jnp.asarray, case.diffusion_tables())
        super().__init__(case)

    def losses(self, parameters, key):
        label_key, time_key, noise_key = jax.random.split(key, 3)
        digits, colors, _ = draw_labels(self.case, label_key)
        times = jax.random.randint(time_key, (self.case.batch_size,), 1, self.case.timesteps + 1)
        noise = jax.random.normal(noise_key, (self.case.batch_size, IMAGE))
        images = images_of(self.basis, digits, colors) - 0.5
        noised = self.signals[times, None] * images + self.noises[times, None] * noise
        hidden = jnp.concatenate([run(parameters["first"], noised, jnp.tanh), self.features[times]], axis=1)
        return (halved_squares(run(parameters["rest"], hidden, linear), images),)


def cross_entropy(logits, targets):
    return jnp.mean(jax.nn.logsumexp(logits, axis=1) - jnp.take_along_axis(logits, targets[:, None], axis=1)[:, 0])


class Flat(Model):
    def __init__(self, case):
        self.inks, self.places = map(jnp.asarray, case.pixel_tables(case.context_pixels))
        super().__init__(case)

    def losses(self, parameters, key):
        levels_of = self.case.color_levels
        digits, colors, positions = draw_labels(self.case, key)
        at = positions[:, None] + jnp.arange(self.case.context_pixels + 1)
        inks = self.inks[digits[:, None], at]
        levels = jnp.minimum(jnp.floor(inks[:, :, None] * colors[:, None, :] * levels_of), levels_of - 1)
        features = jnp.concatenate([levels[:, :-1] / levels_of, self.places[at[:, :-1]]], axis=2).reshape(
            len(digits), -1
        )
        targets = (levels[:, -1] @ jnp.array([levels_of**2, levels_of, 1.0])).astype(jnp.int32)
        return (cross_entropy(run(parameters["flat"], features, linear), targets),)


class Lstm(Model):
    """Rows go step by step: row t * batch + i is pixel t of image i."""

    def __init__(self, case):
        inks, places = case.pixel_tables(1)
        self.inks = jnp.asarray(inks.T)
        self.places = jnp.asarray(np.broadcast_to(places[:, None], (PIXELS + 1, case.batch_size, places.shape[1])))
        super().__init__(case)

    def tensors(self):
        lstm = [self.case.tensor(f"lstm/{name}") for name in ("input_kernel", "recurrent_kernel", "bias")]
        return {**super().tensors(), "lstm": lstm}

    def losses(self, parameters, key):
        levels_of, batch, units = self.case.color_levels, self.case.batch_size, self.case.lstm_units
        digits, colors, _ = draw_labels(self.case, key)
        levels = jnp.minimum(jnp.floor(self.inks[:, digits, None] * colors * levels_of), levels_of - 1)
        features = jnp.concatenate([levels[:-1] / levels_of, self.places[:-1]], axis=2).reshape(PIXELS * batch, -1)
        targets = (levels[1:] @ jnp.array([levels_of**2, levels_of, 1.0])).astype(jnp.int32).reshape(-1)
        input_kernel, recurrent_kernel, bias = parameters["lstm"]
        sums = run(parameters["pixel"], features, jnp.tanh) @ input_kernel + bias

        def cell(carry, x):
            h, c = carry
            i, f, g, o = jnp.split(x + h @ recurrent_kernel, 4, axis=1)
            c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
            h = jax.nn.sigmoid(o) * jnp.tanh(c)
            return (h, c), h

        zeros = jnp.zeros((batch, units))
        outputs = jax.lax.scan(cell, (zeros, zeros), sums.reshape(PIXELS, batch, 4 * units))[1]
        return (cross_entropy(run(parameters["color"], outputs.reshape(PIXELS * batch, units), linear), targets),)

    def limited(self, gradients):
        norm = jnp.sqrt(sum(jnp.sum(jnp.square(leaf)) for leaf in jax.tree.leaves(gradients)))
        scale = jnp.minimum(1.0, self.case.gradient_clip / norm)
        return jax.tree.map(lambda leaf: leaf * scale, gradients)


class Gan(Model):
    count = 2

    def tensors(self):
        tensors = super().tensors()
        if self.case.minibatch_discrimination:
            tensors["minibatch"] = self.case.tensor("discriminator/minibatch/kernel")
        return tensors

    def started(self, parameters):
        generator = {"generator": parameters.pop("generator")}
        return with_moments(generator), with_moments(parameters)

    def parameters(self, trained):
        return {**trained[0][0], **trained[1][0]}

    def generate(self, generator, key):
        return run(
            generator["generator"], jax.random.normal(key, (self.case.batch_size, self.case.latent_dim)), jax.nn.sigmoid
        )

    def judge(self, discriminator, images, kinds):
        """Logits of `kinds` batches, one behind the other; minibatch discrimination looks at each alone."""
        case, features = self.case, run(discriminator["features"], images, jnp.tanh)
        if case.minibatch_discrimination:
            projected = (features @ discriminator["minibatch"]).reshape(
                kinds, -1, case.mbd_features, case.mbd_kernel_dim
            )
            projected = projected.transpose(0, 2, 3, 1)
            distances = jnp.abs(projected[:, :, :, :, None] - projected[:, :, :, None, :]).sum(axis=2)
            similar = jnp.exp(-distances).sum(axis=3) - 1
            features = jnp.concatenate([features, similar.transpose(0, 2, 1).reshape(len(features), -1)], axis=1)
        return run(discriminator["logit"], features, linear)

    def generator_loss(self, generator, discriminator, key):
        return jnp.mean(jax.nn.softplus(-self.judge(discriminator, self.generate(generator, key), 1)))

    def discriminator_loss(self, discriminator, generator, key):
        noise_key, label_key = jax.random.split(key)
        real = images_of(self.basis, *draw_labels(self.case, label_key)[:2])
        fake, real = jnp.split(
            self.judge(discriminator, jnp.concatenate([self.generate(generator, noise_key), real]), 2), 2
        )
        return (jnp.mean(jax.nn.softplus(fake)) + jnp.mean(jax.nn.softplus(-real))) / 2

    def step(self, number, key, trained):
        case, (generator, discriminator) = self.case, trained
        keys = jax.random.split(key, case.generator_steps + case.discriminator_steps)
        losses = [0.0, 0.0]
        for k in range(case.generator_steps):
            loss, gradients = jax.value_and_grad(self.generator_loss)(generator[0], discriminator[0], keys[k])
            generator = adam(
                case, case.generator_learning_rate, (number - 1) * case.generator_steps + k + 1, gradients, generator
            )
            losses[0] += loss / case.generator_steps
        for k in range(case.discriminator_steps):
            loss, gradients = jax.value_and_grad(self.discriminator_loss)(
                discriminator[0], generator[0], keys[case.generator_steps + k]
            )
            update = (number - 1) * case.discriminator_steps + k + 1
            discriminator = adam(case, case.discriminator_learning_rate, update, gradients, discriminator)
            losses[1] += loss / case.discriminator_steps
        return (generator, discriminator), losses


MODELS = {"oracle": Oracle, "vae": Vae, "gan": Gan, "diffusion": Diffusion}


def make(case):
    if case.model == "autoregressive":
        return (Flat if case.network == "flat" else Lstm)(case)
    return MODELS[case.model](case)


if __name__ == "__main__":
    serve(
        make,
        {
            "jax": jax.__version__,
            "jaxlib": jaxlib.__version__,
            "threads": 1,
            "blas": "XLA's own (Eigen)",
            "generator": GENERATOR,
        },
    )
