"""The models of gensweep once more, by automatic differentiation in PyTorch, in float64: from the formulas in the headers of src/ alone.

A model's `train(step)` returns the losses of a step and leaves every tensor's last gradient in its .grad; `sample(count)` returns the
first images. To add one: a class, or a function that takes a Case and returns a Model, and its cases in make_reference.py.
"""
import math

import numpy
import torch
from torch.nn.functional import softplus

from random_numbers import (
    STREAM_COMPARISON, STREAM_DATA, STREAM_EVALUATION, STREAM_NOISE, STREAM_WEIGHTS, hash_name, normal, philox, truncated_normal, uniform)

torch.set_default_dtype(torch.float64)
torch.set_num_threads(1)

SIDE, DIGITS, CHANNELS = 28, 6, 3
PIXELS = SIDE * SIDE
IMAGE = PIXELS * CHANNELS
SAMPLES = 5


# ---------------------------------------------------------------- data (src/data/batches.h)

def templates():
    """The arithmetic pattern that the tests use in place of digits, so that no drawing takes part."""
    grey = [[(p * (d + 3) * 7 + d * 31) % 256 for p in range(PIXELS)] for d in range(DIGITS)]
    return numpy.array(grey) / 255.0


def labels(case, stream, step, batch):
    """Digits (batch) and colors (batch x CHANNELS) of a step."""
    u = uniform(philox(case.seed, stream, step, range(batch)))
    weights = numpy.array([float(weight) for weight in case["data.digit_weights"].strip("[]").split(",")])
    digits = numpy.searchsorted(numpy.cumsum(weights), u[:, 0] * weights.sum(), side="right")
    mixed = 1 - case.real("data.green")
    v = u[:, 1] * 0.66 / mixed
    red_blue = numpy.stack([1.5 * v, 0 * v, 1.5 * (0.66 - v)], axis=-1)
    return digits, numpy.where(u[:, 1:2] < mixed, red_blue, numpy.array([[0.0, 1.0, 0.0]]))


def data_batch(case, step, batch, stream=STREAM_DATA):
    """Images (batch x IMAGE) of a step of the stream."""
    digits, color = labels(case, stream, step, batch)
    images = templates()[digits][:, :, None] * color[:, None, :]
    return torch.tensor(images.reshape(batch, IMAGE))


# ---------------------------------------------------------------- what all models share

class Case:
    def __init__(self, name, seed, settings):
        self.name, self.seed, self.settings = name, seed, settings

    def __getitem__(self, setting):
        return self.settings[setting]

    def integer(self, setting):
        return int(self.settings[setting])

    def real(self, setting):
        return float(self.settings[setting])

    def units(self, network):
        return [self.integer(f"{network}_hidden_{layer}") for layer in (1, 2)]

    def frozen(self):
        """The same case with all learning rates 0."""
        still = {key: "0" if key.endswith("learning_rate") else value for key, value in self.settings.items()}
        return Case(self.name, self.seed, still)


class Model:
    """`train(step)` returns the losses of a step and leaves every tensor's last gradient in its .grad; `sample(count)`
    returns the first images."""

    samples = SAMPLES
    averaged = "weight_ema", ""  # the setting with the decay, and the prefix of the tensors that it is for

    def __init__(self, case):
        self.case, self.tensors, self.averages = case, {}, {}

    def kernel(self, name, rows, columns):
        """LeCun normal: variance 1 / rows, cut at two deviations; the stream's step is the hash of the name."""
        values = truncated_normal(self.case.seed, hash_name(name), rows * columns) / math.sqrt(rows)
        return self.keep(name, values.reshape(rows, columns))

    def keep(self, name, values):
        self.tensors[name] = torch.tensor(values, requires_grad=True)
        return self.tensors[name]

    def dense(self, prefix, inputs, outputs, activation):
        kernel = self.kernel(f"{prefix}/kernel", inputs, outputs)
        bias = self.keep(f"{prefix}/bias", numpy.zeros((1, outputs)))
        return lambda x: activation(x @ kernel + bias)

    def network(self, prefix, units, last):
        """Dense layers, tanh but for the last (src/nn/network.h)."""
        activations = [torch.tanh] * (len(units) - 2) + [last]
        layers = [self.dense(f"{prefix}/dense_{i}", units[i], units[i + 1], activation)
                  for i, activation in enumerate(activations)]

        def run(x):
            for layer in layers:
                x = layer(x)
            return x
        return run

    def adam(self, prefix, rate):
        mine = [tensor for name, tensor in self.tensors.items() if name.startswith(prefix)]
        optimiser = torch.optim.Adam(mine, lr=self.case.real(rate), eps=self.case.real("adam_epsilon"),
                                     betas=(self.case.real("adam_beta1"), self.case.real("adam_beta2")))

        def update(loss, longest=math.inf):
            gradients = torch.autograd.grad(loss, mine)
            length = torch.cat([gradient.reshape(-1) for gradient in gradients]).norm()
            for tensor, gradient in zip(mine, gradients):
                tensor.grad = gradient if length <= longest else gradient * (longest / length)
            optimiser.step()
            return loss.item()
        return update

    def average(self, step):
        """After training step `step`, counted from 1 (src/nn/average.h)."""
        setting, prefix = self.averaged
        decay = min(float(self.case.settings.get(setting, 0)), (1 + step) / (10 + step))
        for name, tensor in self.tensors.items():
            value, mine = tensor.detach().clone(), name.startswith(prefix)
            self.averages[name] = decay * self.averages[name] + (1 - decay) * value if mine else value

    def train_all(self, steps):
        """The losses of each step; the averages follow."""
        losses = []
        self.averages = {name: tensor.detach().clone() for name, tensor in self.tensors.items()}
        for step in range(steps):
            losses.append(self.train(step))
            self.average(step + 1)
        return losses

    def sample_averaged(self):
        """The first images, made with the averages; nothing can be trained afterwards."""
        with torch.no_grad():
            for name, tensor in self.tensors.items():
                tensor.copy_(self.averages[name])
        return self.sample(self.samples)


# ---------------------------------------------------------------- models

class Oracle(Model):
    """src/models/oracle.c: from a one-hot digit and a color to the image."""

    def __init__(self, case):
        super().__init__(case)
        self.decoder = self.network("decoder", [DIGITS + CHANNELS, *case.units("decoder"), IMAGE], torch.sigmoid)
        self.update = self.adam("", "learning_rate")

    def draw(self, stream, step, count):
        digits, color = labels(self.case, stream, step, count)
        return self.decoder(torch.tensor(numpy.hstack([numpy.eye(DIGITS)[digits], color])))

    def train(self, step):
        batch = self.case.integer("batch_size")
        images = self.draw(STREAM_DATA, step, batch)
        return [self.update((images - data_batch(self.case, step, batch)).square().mean() / 2)]

    def sample(self, count):
        return self.draw(STREAM_EVALUATION, 0, count)


class Vae(Model):
    """src/models/vae.c; the divergence is PyTorch's."""

    def __init__(self, case):
        super().__init__(case)
        self.latents = case.integer("latent_dim")
        self.encoder = self.network("encoder", [IMAGE, *case.units("encoder"), 2 * self.latents], lambda x: x)
        self.decoder = self.network("decoder", [self.latents, *case.units("decoder"), IMAGE], torch.sigmoid)
        self.update = self.adam("", "learning_rate")

    def noise(self, stream, step, count):
        return normal(self.case.seed, stream, step, (count, self.latents))

    def train(self, step):
        batch = self.case.integer("batch_size")
        data = data_batch(self.case, step, batch)
        means, log_variances = self.encoder(data).split(self.latents, dim=1)
        posterior = torch.distributions.Normal(means, torch.exp(log_variances.clamp(-10, 10) / 2))
        images = self.decoder(posterior.mean + posterior.stddev * self.noise(STREAM_NOISE, step, batch))
        reconstruction = (images - data).square().mean() / 2
        prior = torch.distributions.Normal(torch.zeros(1), torch.ones(1))
        kl = torch.distributions.kl_divergence(posterior, prior).mean()
        return [self.update(reconstruction + self.case.real("kl_weight") * kl), reconstruction.item(), kl.item()]

    def sample(self, count):
        return self.decoder(self.noise(STREAM_EVALUATION, 0, count))


class Gan(Model):
    """src/models/gan.c: real and generated images pass the discriminator as separate batches. Settings that a case does not name are off."""

    averaged = "generator_ema", "generator/"

    def __init__(self, case):
        super().__init__(case)
        size = case.integer
        self.batch, self.packing = size("batch_size"), int(case.settings.get("packing", 1))
        self.loss, self.smoothing = case.settings.get("gan_loss", "non_saturating"), self.option("label_smoothing")
        self.generator = [
            self.dense("generator/dense_0", size("latent_dim"), size("generator_hidden_1"), torch.tanh),
            self.dense("generator/dense_1", size("generator_hidden_1"), size("generator_hidden_2"), torch.tanh),
            self.dense("generator/dense_2", size("generator_hidden_2"), IMAGE, torch.sigmoid),
        ]
        self.directions = {}
        features, beside = size("discriminator_hidden_2"), []
        self.to_features = [
            self.judging(0, self.packing * IMAGE, size("discriminator_hidden_1"), torch.tanh),
            self.judging(1, size("discriminator_hidden_1"), features, torch.tanh),
        ]
        if case["minibatch_discrimination"] == "on":
            beside.append(self.minibatch(features, size("mbd_features"), size("mbd_kernel_dim")))
            features += size("mbd_features")
        if self.is_on("minibatch_stddev"):
            beside.append(lambda f: ((f - f.mean(dim=0)).square().mean(dim=0) + 1e-8).sqrt().mean().expand(len(f), 1))
            features += 1
        self.to_logit = [
            lambda f: torch.cat([f] + [layer(f) for layer in beside], dim=1),
            self.judging(2, features, size("discriminator_hidden_3"), torch.tanh),
            self.judging(3, size("discriminator_hidden_3"), 1, lambda x: x),
        ]
        self.update_generator = self.adam("generator/", "generator_learning_rate")
        self.update_discriminator = self.adam("discriminator/", "discriminator_learning_rate")
        of_minibatch = [name for name in self.directions if "minibatch" in name]  # which come last
        self.tensors.update({name: self.directions[name] for name in sorted(self.directions, key=lambda name: name in of_minibatch)})

    def option(self, setting):
        return float(self.case.settings.get(setting, 0))

    def is_on(self, setting):
        return self.case.settings.get(setting, "off") == "on"

    def judging(self, number, inputs, outputs, activation):
        """A dense layer of the discriminator."""
        name = f"discriminator/dense_{number}"
        kernel = self.kernel(f"{name}/kernel", inputs, outputs)
        bias = self.keep(f"{name}/bias", numpy.zeros((1, outputs)))
        normalised = self.normalising(name)
        return lambda x: activation(x @ normalised(kernel) + bias)

    def normalising(self, name):
        """With spectral normalisation a kernel W works as W / |W u|, u held fixed."""
        if not self.is_on("spectral_norm"):
            return lambda kernel: kernel
        outputs = self.tensors[f"{name}/kernel"].shape[1]
        u = normal(self.case.seed, STREAM_WEIGHTS, hash_name(f"{name}/kernel_u"), (1, outputs))
        self.directions[f"{name}/kernel_u"] = u = u / u.norm()
        return lambda kernel: kernel / (kernel @ u.T).norm()

    def power_iteration(self):
        with torch.no_grad():
            for name, u in self.directions.items():
                kernel = self.tensors[name.removesuffix("_u")]
                moved = kernel.T @ (kernel @ u.T)
                u.copy_((moved / moved.norm()).T)

    def minibatch(self, inputs, features, depth):
        """Salimans et al. 2016, section 3.2: o from f."""
        kernel = self.kernel("discriminator/minibatch/kernel", inputs, features * depth)

        normalised = self.normalising("discriminator/minibatch")

        def similarities(f):
            m = (f @ normalised(kernel)).reshape(len(f), features, depth)
            close = torch.exp(-(m[:, None] - m[None]).abs().sum(dim=3))
            return close.sum(dim=1) - 1
        return similarities

    def generate(self, stream, use, count):
        x = normal(self.case.seed, stream, use, (count, self.case.integer("latent_dim")))
        for layer in self.generator:
            x = layer(x)
        return x

    def features(self, images):
        x = images.reshape(self.batch // self.packing, self.packing * IMAGE)
        for layer in self.to_features:
            x = layer(x)
        return x

    def judge(self, images):
        x = self.features(images)
        for layer in self.to_logit:
            x = layer(x)
        return x

    def generator_loss(self, real, generated):
        if self.is_on("feature_matching"):
            return (self.features(real).mean(dim=0) - self.features(generated).mean(dim=0)).square().sum()
        x = self.judge(generated)
        return {
            "non_saturating": lambda: softplus(-x),
            "hinge": lambda: -x,
            "least_squares": lambda: (x - 1).square() / 2,
            "relativistic_pairing": lambda: softplus(self.judge(real) - x),
        }[self.loss]().mean()

    def discriminator_loss(self, real, generated):
        r, g, smoothing = self.judge(real), self.judge(generated), self.smoothing
        of_real, of_generated = {
            "non_saturating": lambda: (softplus(-r) + smoothing * r, softplus(g)),
            "hinge": lambda: ((1 - r).relu(), (1 + g).relu()),
            "least_squares": lambda: ((r - (1 - smoothing)).square(), g.square()),
            "relativistic_pairing": lambda: (softplus(g - r), softplus(g - r)),
        }[self.loss]()
        loss = (of_real.mean() + of_generated.mean()) / 2
        return loss + self.penalty("r1", real) + self.penalty("r2", generated)

    def penalty(self, setting, images):
        """Mescheder et al. 2018, by differentiating twice."""
        images = images.detach().requires_grad_()
        gradient, = torch.autograd.grad(self.judge(images).sum(), images, create_graph=True)
        # beside a mean of two losses, of which the papers take the sum; least squares and pairs have it in theirs
        share = 0.5 if self.loss in ("non_saturating", "hinge") else 1
        return share * self.option(setting) / 2 * gradient.square().sum() / (self.batch // self.packing)

    def train(self, step):
        generator_steps = self.case.integer("generator_steps")
        discriminator_steps = self.case.integer("discriminator_steps")
        use = step * (generator_steps + discriminator_steps)
        generator_losses, discriminator_losses = [], []
        for _ in range(15 if step == 0 else 0):
            self.power_iteration()
        for k in range(generator_steps):
            real = data_batch(self.case, step * generator_steps + k, self.batch, STREAM_COMPARISON)
            generated = self.generate(STREAM_NOISE, use, self.batch)
            generator_losses.append(self.update_generator(self.generator_loss(real, generated)))
            use += 1
        for k in range(discriminator_steps):
            real = data_batch(self.case, step * discriminator_steps + k, self.batch)
            generated = self.generate(STREAM_NOISE, use, self.batch).detach()
            discriminator_losses.append(self.update_discriminator(self.discriminator_loss(real, generated)))
            self.power_iteration()
            use += 1
        return [numpy.mean(generator_losses), numpy.mean(discriminator_losses)]

    def sample(self, count):
        return self.generate(STREAM_EVALUATION, 0, count)


class Diffusion(Model):
    """src/models/diffusion.c. ddpm as in Ho et al. 2020, equations 6, 7 and 15; article: the mean of their equation 11 with
    its three mistakes."""

    def __init__(self, case):
        super().__init__(case)
        hidden, self.timesteps = case.integer("hidden_units"), case.integer("timesteps")
        self.first = self.dense("denoiser/dense_0", IMAGE, hidden, lambda x: x)
        self.second = self.dense("denoiser/dense_1", hidden + 16, hidden, torch.tanh)
        self.third = self.dense("denoiser/dense_2", hidden, hidden, torch.tanh)
        self.last = self.dense("denoiser/dense_3", hidden, IMAGE, lambda x: x)
        self.update = self.adam("", "learning_rate")
        self.epsilon, self.article = case["prediction"] == "epsilon", case["process"] == "article"
        self.beta = torch.cat([torch.zeros(1), self.schedule(case["schedule"]).clamp(max=0.999)])
        self.alpha_bar = torch.cumprod(1 - self.beta, dim=0)

    def schedule(self, name):
        if name == "cosine":
            t = torch.linspace(0, 1, self.timesteps + 1)
            f = torch.cos((t + 0.008) / 1.008 * math.pi / 2) ** 2
            return 1 - f[1:] / f[:-1]
        return torch.linspace(1e-4, 0.02, self.timesteps) * (1 if name == "article" else 1000 / self.timesteps)

    def predict(self, x, t):
        angles = t[:, None] / self.timesteps * math.pi / 2 * 2.0 ** torch.arange(-4, 12)
        h = torch.tanh(torch.cat([self.first(x), torch.sin(angles)], dim=1))
        return self.last(self.third(self.second(h)))

    def noise_scale(self, t):
        return 1 - self.alpha_bar[t] if self.article else (1 - self.alpha_bar[t]).sqrt()

    def train(self, step):
        batch, seed = self.case.integer("batch_size"), self.case.seed
        words = philox(seed, STREAM_NOISE, step, range(batch))[:, 0]
        t = torch.tensor([1 + int(word) * self.timesteps // 2**32 for word in words])
        e = normal(seed, STREAM_NOISE, step, (batch, IMAGE), first_block=batch)
        x0 = data_batch(self.case, step, batch) - 0.5
        x = self.alpha_bar[t].sqrt()[:, None] * x0 + self.noise_scale(t)[:, None] * e
        return [self.update((self.predict(x, t) - (e if self.epsilon else x0)).square().mean() / 2)]

    def step_back(self, x, t, z):
        beta, bar, before = self.beta[t], self.alpha_bar[t], self.alpha_bar[t - 1]
        predicted = self.predict(x, torch.full((len(x),), t))
        variance = beta * (1 - before) / (1 - bar)
        if self.article:
            e = predicted if self.epsilon else x - predicted
            return (x - beta / (1 - bar).sqrt() * e) / (1 - beta) + variance * z
        x0 = ((x - (1 - bar).sqrt() * predicted) / bar.sqrt() if self.epsilon else predicted).clamp(-0.5, 0.5)
        mean = before.sqrt() * beta / (1 - bar) * x0 + (1 - beta).sqrt() * (1 - before) / (1 - bar) * x
        return mean + variance.sqrt() * z

    def sample(self, count):
        """The first of the batches of 640 images: the noise of x_t has the step t."""
        noise = [normal(self.case.seed, STREAM_EVALUATION, t, (count, IMAGE)) for t in range(self.timesteps + 1)]
        x = noise[self.timesteps]
        for t in range(self.timesteps, 0, -1):
            x = self.step_back(x, t, noise[t - 1])
        return x + 0.5


class Autoregressive(Model):
    """src/models/autoregressive.c and pixels.h: what both networks share. `logits(classes, positions)` gives the law of
    pixel positions[i] of image i from the classes before it."""

    def __init__(self, case):
        super().__init__(case)
        self.levels = case.integer("color_levels")
        self.classes = self.levels**3
        row, column = numpy.divmod(numpy.arange(PIXELS), SIDE)
        x, y = column / (SIDE - 1), row / (SIDE - 1)
        self.places = torch.tensor(numpy.stack([x, y, 1 - x, 1 - y, column == SIDE - 1], axis=-1))
        self.samples = 2 if self.levels == 2 else 0  # with more classes too many draws are too near to a step (see draw)

    def quantise(self, digits, color):
        """Color classes (batch x PIXELS). A value so near to a step that float falls on its other side is refused."""
        scaled = self.levels * (templates()[digits][:, :, None] * color[:, None, :])
        assert numpy.all((numpy.abs(scaled - numpy.round(scaled)) > 2e-6) | (scaled == 0) | (scaled == self.levels))
        level = numpy.minimum(numpy.floor(scaled), self.levels - 1).astype(int)
        return torch.tensor(level @ [self.levels**2, self.levels, 1])

    def features(self, classes, lead):
        """batch x (lead + PIXELS) x 8."""
        color = torch.stack([classes // self.levels**2, classes // self.levels % self.levels, classes % self.levels], dim=2)
        inside = torch.cat([color / self.levels, self.places.expand(len(classes), -1, -1)], dim=2)
        outside = torch.zeros(len(classes), lead, 8)
        outside[:, :, 7] = -1
        return torch.cat([outside, inside], dim=1)

    def loss(self, logits, right):
        if self.case["loss"] == "softmax":
            return torch.nn.functional.cross_entropy(logits, right)
        one_hot = torch.nn.functional.one_hot(right, self.classes).to(logits.dtype)
        return torch.nn.functional.binary_cross_entropy_with_logits(logits, one_hot)

    def draw(self, law, u):
        """The classes in the order 0, 16, 32, ..., 1, 17, ...; a number that float might place elsewhere is refused."""
        order = torch.cat([torch.arange(lane, self.classes, 16) for lane in range(16) if lane < self.classes])
        cumulative = law[:, order].cumsum(dim=1)
        assert (cumulative - u[:, None]).abs().min() > 2e-5
        return order[torch.searchsorted(cumulative, u[:, None], right=True)[:, 0]]

    def sample(self, count):
        classes = self.quantise(*labels(self.case, STREAM_EVALUATION, PIXELS, count))
        classes[:, self.first:] = 0
        with torch.no_grad():
            for position in range(self.first, PIXELS):
                law = self.logits(classes, torch.full((count,), position)).softmax(dim=1)
                words = philox(self.case.seed, STREAM_EVALUATION, position, range((count + 3) // 4))
                classes[:, position] = self.draw(law, torch.tensor(uniform(words).reshape(-1)[:count]))
        return self.features(classes, 0)[:, :, :CHANNELS]


class Flat(Autoregressive):
    """src/models/pixel_flat.c"""

    def __init__(self, case):
        super().__init__(case)
        self.context, hidden = case.integer("context_pixels"), case.integer("hidden_units")
        self.first = self.context if case["start"] == "article" else 0
        self.network = self.network("flat", [self.context * 8, hidden, hidden, hidden, self.classes], lambda x: x)
        self.update = self.adam("", "learning_rate")

    def logits(self, classes, positions):
        features = self.features(classes, self.context)
        windows = [features[i, position:position + self.context].reshape(-1) for i, position in enumerate(positions)]
        return self.network(torch.stack(windows))

    def train(self, step):
        batch = self.case.integer("batch_size")
        u = uniform(philox(self.case.seed, STREAM_DATA, step, range(batch))[:, 2])
        positions = torch.tensor(self.first + numpy.floor(u * (PIXELS - self.first)).astype(int))
        classes = self.quantise(*labels(self.case, STREAM_DATA, step, batch))
        right = classes[torch.arange(batch), positions]
        return [self.update(self.loss(self.logits(classes, positions), right))]


class Lstm(Autoregressive):
    """src/models/pixel_lstm.c; the LSTM is PyTorch's, whose gates stand in the same order."""

    def __init__(self, case):
        super().__init__(case)
        hidden, self.units = case.integer("hidden_units"), case.integer("lstm_units")
        self.first = 64 if case["start"] == "article" else 0
        self.pixel = self.network("pixel", [8, hidden // 2, hidden], torch.tanh)
        self.weights = [self.kernel("lstm/input_kernel", hidden, 4 * self.units),
                        self.kernel("lstm/recurrent_kernel", self.units, 4 * self.units),
                        self.keep("lstm/bias", numpy.zeros((1, 4 * self.units)))]
        self.color = self.network("color", [self.units, hidden, self.classes], lambda x: x)
        self.update = self.adam("", "learning_rate")

    def all_logits(self, classes, steps):
        """batch x steps x classes"""
        x = self.pixel(self.features(classes, 1)[:, :steps])
        input_kernel, recurrent_kernel, bias = self.weights
        state = torch.zeros(1, len(classes), self.units)
        weights = [input_kernel.T, recurrent_kernel.T, bias[0], torch.zeros_like(bias[0])]
        output, _, _ = torch.lstm(x, (state, state), weights, True, 1, 0.0, False, False, True)
        return self.color(output)

    def logits(self, classes, positions):
        return self.all_logits(classes, int(positions[0]) + 1)[:, -1]

    def train(self, step):
        classes = self.quantise(*labels(self.case, STREAM_DATA, step, self.case.integer("batch_size")))
        logits = self.all_logits(classes, PIXELS)[:, self.first:]
        loss = self.loss(logits.reshape(-1, self.classes), classes[:, self.first:].reshape(-1))
        return [self.update(loss, self.case.real("gradient_clip"))]


def autoregressive(case):
    return Lstm(case) if case["network"] == "lstm" else Flat(case)
