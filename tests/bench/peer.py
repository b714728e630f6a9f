"""What the peers of gensweep in the benchmark share: the case as bench_core describes it, and requests on stdin.

A peer is a program that trains the same models in a framework. One request a line on stdin, one JSON object a line in answer:
  case JSON   makes the model of a case (the line that bench_core begins with) ready to train; answers with versions
  loss N      as of bench_core: the mean losses of the second half of N steps from the initial weights, and what became of the weights
  train       the milliseconds of a training step, over SECONDS or one call of `train`
A peer gives `serve` a function that makes a model of a Case. A model has `train(steps)`, which returns the sums of its losses over these
steps when they are done, and `distances()`, as of bench_core.
"""

import json
import sys
import time

import numpy as np

SECONDS = 0.15
SIDE, CHANNELS = 28, 3
PIXELS = SIDE * SIDE
IMAGE = PIXELS * CHANNELS
COLOR_SLOPE, COLOR_SPAN = 1.5, 0.66  # src/data/batches.c
LOG_VARIANCE_LIMIT = 10.0


def _value(text):
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return {"on": True, "off": False}.get(text, text)


class Case:
    """Settings as attributes (`case.batch_size`; `green` for data.green), and the six templates as 6 x PIXELS floats in [0, 1]."""

    def __init__(self, description):
        for name, text in description["settings"].items():
            setattr(self, name.removeprefix("data."), _value(text))
        self.templates = np.frombuffer(bytes.fromhex(description["digits"]), np.uint8).reshape(-1, PIXELS) / np.float32(255)

    def basis(self):
        """Row 3 d + c: template d in channel c alone. An image is one row of three numbers, its color, times three of these rows."""
        spread = self.templates[:, None, :, None] * np.eye(CHANNELS, dtype=np.float32)[None, :, None, :]
        return spread.reshape(-1, IMAGE)

    def digit_bounds(self):
        """Where the next digit begins on [0, 1), without the first and the last bound."""
        shares = np.cumsum(self.digit_weights) / np.sum(self.digit_weights)
        return shares[:-1].astype(np.float32)

    def pixel_tables(self, lead):
        """Inks (6 x (lead + PIXELS)) and places ((lead + PIXELS) x 5: x, y, 1 - x, 1 - y, mark), with `lead` pixels outside (src/models/pixels.h)."""
        inks = np.concatenate([np.zeros((len(self.templates), lead), np.float32), self.templates], axis=1)
        x, y = (at / np.float32(SIDE - 1) for at in (np.arange(PIXELS) % SIDE, np.arange(PIXELS) // SIDE))
        inside = np.stack([x, y, 1 - x, 1 - y, x == 1], axis=1)
        outside = np.tile([0, 0, 0, 0, -1], (lead, 1))
        return inks, np.concatenate([outside, inside]).astype(np.float32)

    def diffusion_tables(self):
        """For t = 0 ... T: what x_0 and the noise are multiplied with, and 16 features of the time (src/models/diffusion*.c)."""
        times = np.arange(self.timesteps + 1)
        betas = (1e-4 + (0.02 - 1e-4) * (times[1:] - 1) / (self.timesteps - 1)) * 1000 / self.timesteps
        kept = np.concatenate([[1.0], np.cumprod(1 - np.minimum(betas, 0.999))])
        angles = times[:, None] / self.timesteps * (np.pi / 2) * 2.0 ** (np.arange(16) - 4)
        return [table.astype(np.float32) for table in (np.sqrt(kept), np.sqrt(1 - kept), np.tanh(np.sin(angles)))]

    def layers(self):
        """Units of each network by name; all but the last layer of each are tanh."""
        if self.model == "oracle":
            return {"decoder": (len(self.templates) + CHANNELS, self.decoder_hidden_1, self.decoder_hidden_2, IMAGE)}
        if self.model == "vae":
            return {"encoder": (IMAGE, self.encoder_hidden_1, self.encoder_hidden_2, 2 * self.latent_dim),
                    "decoder": (self.latent_dim, self.decoder_hidden_1, self.decoder_hidden_2, IMAGE)}
        if self.model == "gan":
            similarities = self.mbd_features if self.minibatch_discrimination else 0
            return {"generator": (self.latent_dim, self.generator_hidden_1, self.generator_hidden_2, IMAGE),
                    "features": (IMAGE, self.discriminator_hidden_1, self.discriminator_hidden_2),
                    "logit": (self.discriminator_hidden_2 + similarities, self.discriminator_hidden_3, 1)}
        if self.model == "diffusion":
            return {"first": (IMAGE, self.hidden_units), "rest": (self.hidden_units + 16, self.hidden_units, self.hidden_units, IMAGE)}
        classes = self.color_levels**CHANNELS
        if self.network == "flat":
            return {"flat": (self.context_pixels * 8, *[self.hidden_units] * 3, classes)}
        return {"pixel": (8, self.hidden_units // 2, self.hidden_units), "color": (self.lstm_units, self.hidden_units, classes)}


def lecun_normal(rng, rows, columns):
    """Variance 1 / rows, cut at two deviations and rescaled."""
    values = rng.standard_normal((rows, columns))
    while (far := np.abs(values) > 2).any():
        values[far] = rng.standard_normal(far.sum())
    return (values / 0.87962566103423978 / np.sqrt(rows)).astype(np.float32)


class _Bench:
    def __init__(self, make, versions):
        self.make, self.versions, self.model, self.times = make, versions, None, 0

    def case(self, text):
        self.model, self.times = None, 0
        started = time.perf_counter()
        self.model = self.make(Case(json.loads(text)))
        self.model.train(1)
        return {"what": "case", **self.versions, "ready_seconds": time.perf_counter() - started}

    def loss(self, text):
        steps = int(text)
        self.model.train(steps // 2 - 1)  # one was for `case`
        losses = [total / (steps - steps // 2) for total in self.model.train(steps - steps // 2)]
        moved, lag = self.model.distances()
        return {"what": "loss", "steps": steps, "losses": losses, "moved": moved, "lag": lag}

    def _timed(self, steps):
        started = time.perf_counter()
        self.model.train(steps)
        return (time.perf_counter() - started) / steps

    def train(self, _):
        if self.times == 0:
            self.model.train(5)
            self.times = int(SECONDS / self._timed(1)) + 1
        return {"what": "train", "ms": 1e3 * self._timed(self.times)}


def serve(make, versions):
    """Answers requests until stdin ends."""
    bench = _Bench(make, versions)
    requests = {"case": bench.case, "loss": bench.loss, "train": bench.train}
    for line in sys.stdin:
        verb, _, rest = line.strip().partition(" ")
        try:
            answer = requests[verb](rest)
        except Exception as error:  # whatever a framework throws is the answer; the next case may do
            answer = {"error": f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"}
        print(json.dumps(answer), flush=True)
