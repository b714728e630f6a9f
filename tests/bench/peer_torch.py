"""The models of gensweep in PyTorch, for the benchmark (see peer.py): eager, or with --compile through torch.compile.

Written for speed on one core: nothing leaves PyTorch within `train`, Adam is the fused one, gradients that nobody asks
for are not computed, labels are drawn for many steps at once, and images are a matrix product of few rows.
"""

import os
import re
import sys

import numpy as np
import torch
import torch.nn.functional as F
from peer import COLOR_SLOPE, COLOR_SPAN, IMAGE, LOG_VARIANCE_LIMIT, PIXELS, serve

COMPILE = "--compile" in sys.argv
LABEL_STEPS = 256


def compiled(function):
    return torch.compile(function, dynamic=False) if COMPILE else function


class Labels:
    """Digits, colors and (of the autoregressive model) positions of a batch."""

    def __init__(self, case):
        self.batch, self.green, self.used = case.batch_size, case.green, LABEL_STEPS
        self.bounds = torch.from_numpy(case.digit_bounds())

    def _refill(self):
        u = torch.rand(3, LABEL_STEPS, self.batch)
        self.digits = torch.bucketize(u[0], self.bounds, right=True)
        mixed = 1 - self.green
        v = u[1] * (COLOR_SPAN / mixed)
        red_blue = torch.stack([COLOR_SLOPE * v, torch.zeros_like(v), COLOR_SLOPE * (COLOR_SPAN - v)], 2)
        self.colors = torch.where(u[1, :, :, None] < mixed, red_blue, torch.tensor([0.0, 1.0, 0.0]))
        self.positions = (u[2] * PIXELS).long()
        self.used = 0

    def draw(self):
        if self.used == LABEL_STEPS:
            self._refill()
        step, self.used = self.used, self.used + 1
        return self.digits[step], self.colors[step], self.positions[step]


def images_of(basis, digits, colors):
    """Template times color, as a product with the basis of Case.basis."""
    shares = F.one_hot(digits, len(basis) // 3).to(colors.dtype)
    return (shares[:, :, None] * colors[:, None, :]).flatten(1) @ basis


class Model:
    """Parameters, Adam and averages; a model adds `step`, which returns the losses of one training step as tensors."""

    def __init__(self, case):
        self.case, self.parameters = case, []
        self.labels, self.basis = Labels(case), torch.from_numpy(case.basis())
        self.networks = {
            name: [(self.own(kernel), self.own(bias[0])) for kernel, bias in layers]
            for name, layers in case.networks().items()
        }
        self.averages, self.steps = None, 0

    def own(self, values):
        self.parameters.append(torch.from_numpy(values).requires_grad_())
        return self.parameters[-1]

    def adam(self, parameters, rate):
        case = self.case
        return torch.optim.Adam(
            parameters, lr=rate, betas=(case.adam_beta1, case.adam_beta2), eps=case.adam_epsilon, fused=True
        )

    def start(self):
        """When all parameters are there."""
        self.initial = [tensor.detach().clone() for tensor in self.parameters]
        self.decay = getattr(self.case, "weight_ema", 0)
        if self.decay > 0:
            self.averages = [tensor.detach().clone() for tensor in self.parameters]

    def train(self, steps):
        losses = []
        for _ in range(steps):
            losses.append(self.step())
            self.steps += 1
            if self.averages is not None:
                decay = min(self.decay, (1 + self.steps) / (10 + self.steps))
                with torch.no_grad():
                    torch._foreach_lerp_(self.averages, self.parameters, 1 - decay)
        return torch.tensor(losses).sum(0).tolist() if steps > 0 else []

    def distances(self):
        def distance(others):
            return sum(((a.detach() - b).double() ** 2).sum() for a, b in zip(self.parameters, others)).sqrt().item()

        return distance(self.initial), distance(self.averages) if self.averages is not None else 0.0


def run(layers, x, last):
    """Dense layers, tanh but for the last."""
    for kernel, bias in layers[:-1]:
        x = torch.tanh(torch.addmm(bias, x, kernel))
    return last(torch.addmm(layers[-1][1], x, layers[-1][0]))


def distances_within(rows):
    """L1 between all rows of a matrix; torch.compile fuses the plain form, and eager has a function that is faster."""
    if COMPILE:
        return (rows[:, :, :, None] - rows[:, :, None]).abs().sum(4)
    return torch.cdist(rows, rows, p=1.0)


def linear(x):
    return x


class SingleLoss(Model):
    """A model with one optimiser: `losses(*batch())`, the first of which is minimised."""

    def __init__(self, case):
        super().__init__(case)
        self.add_tensors()
        self.optimiser = self.adam(self.parameters, case.learning_rate)
        self.forward = compiled(self.losses)
        self.start()

    def add_tensors(self):
        pass

    def limit_gradient(self):
        pass

    def step(self):
        losses = self.forward(*self.batch())
        self.optimiser.zero_grad(set_to_none=True)
        losses[0].backward()
        self.limit_gradient()
        self.optimiser.step()
        return [loss.detach() for loss in losses]


class Oracle(SingleLoss):
    def batch(self):
        return self.labels.draw()[:2]

    def losses(self, digits, colors):
        images = images_of(self.basis, digits, colors)
        told = torch.cat([F.one_hot(digits, len(self.basis) // 3).to(colors.dtype), colors], 1)
        return (F.mse_loss(run(self.networks["decoder"], told, torch.sigmoid), images) / 2,)


class Vae(SingleLoss):
    def batch(self):
        digits, colors, _ = self.labels.draw()
        return digits, colors, torch.randn(self.case.batch_size, self.case.latent_dim)

    def losses(self, digits, colors, noise):
        images = images_of(self.basis, digits, colors)
        mean, v = run(self.networks["encoder"], images, linear).chunk(2, 1)
        v = v.clamp(-LOG_VARIANCE_LIMIT, LOG_VARIANCE_LIMIT)
        drawn = run(self.networks["decoder"], torch.addcmul(mean, torch.exp(v / 2), noise), torch.sigmoid)
        reconstruction, kl = F.mse_loss(drawn, images) / 2, (mean * mean + torch.exp(v) - v - 1).mean() / 2
        return reconstruction + self.case.kl_weight * kl, reconstruction, kl


class Diffusion(SingleLoss):
    def add_tensors(self):
        self.signals, self.noises, self.features = map(torch.from_numpy, self.case.diffusion_tables())

    def batch(self):
        digits, colors, _ = self.labels.draw()
        times = torch.randint(1, self.case.timesteps + 1, (self.case.batch_size,))
        return digits, colors, times, torch.randn(self.case.batch_size, IMAGE)

    def losses(self, digits, colors, times, noise):
        images = images_of(self.basis, digits, colors) - 0.5
        noised = self.signals[times, None] * images + self.noises[times, None] * noise
        hidden = torch.cat([run(self.networks["first"], noised, torch.tanh), self.features[times]], 1)
        return (F.mse_loss(run(self.networks["rest"], hidden, linear), images) / 2,)


class Flat(SingleLoss):
    def add_tensors(self):
        inks, places = map(torch.from_numpy, self.case.pixel_tables(self.case.context_pixels))
        self.inks = inks.unfold(1, self.case.context_pixels + 1, 1)
        self.places = places.unfold(0, self.case.context_pixels + 1, 1)[:, :, :-1].transpose(1, 2).contiguous()
        self.place_value = torch.tensor([self.case.color_levels**2, self.case.color_levels, 1])

    def batch(self):
        return self.labels.draw()

    def losses(self, digits, colors, positions):
        inks = self.inks[digits, positions]
        levels = (
            (inks[:, :, None] * colors[:, None, :] * self.case.color_levels)
            .floor()
            .clamp(max=self.case.color_levels - 1)
        )
        features = torch.cat([levels[:, :-1] / self.case.color_levels, self.places[positions]], 2).flatten(1)
        targets = (levels[:, -1].long() * self.place_value).sum(1)
        return (F.cross_entropy(run(self.networks["flat"], features, linear), targets),)


class Lstm(SingleLoss):
    """Rows go step by step: row t * batch + i is pixel t of image i."""

    def add_tensors(self):
        case = self.case
        kernels = [np.ascontiguousarray(case.tensor(f"lstm/{name}_kernel").T) for name in ("input", "recurrent")]
        self.weights = [
            *map(self.own, kernels),
            self.own(case.tensor("lstm/bias")[0]),
            torch.zeros(4 * case.lstm_units),
        ]
        inks, places = map(torch.from_numpy, case.pixel_tables(1))
        self.inks, self.places = inks.t().contiguous(), places[:, None].expand(-1, case.batch_size, -1)
        self.place_value = torch.tensor([case.color_levels**2, case.color_levels, 1])

    def batch(self):
        return self.labels.draw()[:2]

    def losses(self, digits, colors):
        case = self.case
        levels = (self.inks[:, digits, None] * colors * case.color_levels).floor().clamp(max=case.color_levels - 1)
        features = torch.cat([levels[:-1] / case.color_levels, self.places[:-1]], 2).flatten(0, 1)
        targets = (levels[1:].long() * self.place_value).sum(2).flatten()
        inputs = run(self.networks["pixel"], features, torch.tanh).view(PIXELS, case.batch_size, -1)
        zeros = torch.zeros(1, case.batch_size, case.lstm_units)
        outputs = torch.lstm(inputs, (zeros, zeros), self.weights, True, 1, 0.0, True, False, False)[0]
        return (F.cross_entropy(run(self.networks["color"], outputs.flatten(0, 1), linear), targets),)

    def limit_gradient(self):
        torch.nn.utils.clip_grad_norm_(self.parameters, self.case.gradient_clip, foreach=True)


class Gan(Model):
    def __init__(self, case):
        super().__init__(case)
        if case.minibatch_discrimination:
            self.kernel = self.own(case.tensor("discriminator/minibatch/kernel"))
        generator = [tensor for layer in self.networks["generator"] for tensor in layer]
        mine = {id(tensor) for tensor in generator}
        self.discriminator = [tensor for tensor in self.parameters if id(tensor) not in mine]
        self.generator_adam = self.adam(generator, case.generator_learning_rate)
        self.discriminator_adam = self.adam(self.discriminator, case.discriminator_learning_rate)
        self.generator_forward, self.discriminator_forward = (
            compiled(self.generator_loss),
            compiled(self.discriminator_loss),
        )
        self.start()

    def noise(self):
        return torch.randn(self.case.batch_size, self.case.latent_dim)

    def generate(self, noise):
        return run(self.networks["generator"], noise, torch.sigmoid)

    def judge(self, images, kinds):
        """Logits of `kinds` batches, one behind the other; minibatch discrimination looks at each alone."""
        features = run(self.networks["features"], images, torch.tanh)
        if self.case.minibatch_discrimination:
            projected = (
                (features @ self.kernel)
                .view(kinds, -1, self.case.mbd_features, self.case.mbd_kernel_dim)
                .transpose(1, 2)
            )
            similar = torch.exp(-distances_within(projected)).sum(3) - 1
            features = torch.cat([features, similar.transpose(1, 2).flatten(0, 1)], 1)
        return run(self.networks["logit"], features, linear)

    def generator_loss(self, noise):
        return F.softplus(-self.judge(self.generate(noise), 1)).mean()

    def discriminator_loss(self, noise, digits, colors):
        with torch.no_grad():
            images = torch.cat([self.generate(noise), images_of(self.basis, digits, colors)])
        fake, real = self.judge(images, 2).chunk(2)
        return (F.softplus(fake).mean() + F.softplus(-real).mean()) / 2

    def update(self, optimiser, loss):
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
        return loss.detach()

    def step(self):
        case, generator_loss, discriminator_loss = self.case, 0, 0
        for tensor in self.discriminator:
            tensor.requires_grad_(False)
        for _ in range(case.generator_steps):
            generator_loss += (
                self.update(self.generator_adam, self.generator_forward(self.noise())) / case.generator_steps
            )
        for tensor in self.discriminator:
            tensor.requires_grad_(True)
        for _ in range(case.discriminator_steps):
            loss = self.discriminator_forward(self.noise(), *self.labels.draw()[:2])
            discriminator_loss += self.update(self.discriminator_adam, loss) / case.discriminator_steps
        return [generator_loss, discriminator_loss]


MODELS = {"oracle": Oracle, "vae": Vae, "gan": Gan, "diffusion": Diffusion}


def make(case):
    torch.manual_seed(1)
    if case.model == "autoregressive":
        return (Flat if case.network == "flat" else Lstm)(case)
    return MODELS[case.model](case)


def blas():
    found = re.search(r"Intel\(R\) .*Math Kernel Library Version [\w.-]+|OpenBLAS", torch.__config__.show())
    return found[0] if found else "unknown"


if __name__ == "__main__":
    os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", "build/inductor")
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)  # the moments of weights that see no gradient
    serve(
        make,
        {
            "torch": torch.__version__,
            "threads": torch.get_num_threads(),
            "blas": blas(),
            "vector": torch.backends.cpu.get_cpu_capability(),
            "compiled": COMPILE,
        },
    )
