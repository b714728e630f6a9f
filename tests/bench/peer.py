"""What the peers of gensweep in the benchmark share: the case as bench_core describes it, and requests on stdin.

A peer is a program that trains the same models in a framework. One request a line on stdin, one JSON object a line in
answer:
  case JSON   makes a model ready: what bench_core says of the case, and "weights", its answer to that request;
              answers with versions
  loss N      as of bench_core, from the initial weights: `case` must stand before it
  train       one measurement of a training step
A peer gives `serve` a function that makes a model of a Case. A model has `train(steps)`, which returns the sums of its
losses over these steps when they are done, and `distances()`, as of bench_core.
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
    """Settings as attributes (`case.batch_size`; `green` for data.green), templates and initial weights.

    templates: 6 x PIXELS floats in [0, 1].
    """

    def __init__(self, description):
        self._tensors = description["weights"]["tensors"]
        self._weights = np.fromfile(description["weights"]["path"], np.float32)
        for name, text in description["settings"].items():
            setattr(self, name.removeprefix("data."), _value(text))
        self.templates = np.frombuffer(bytes.fromhex(description["digits"]), np.uint8).reshape(-1, PIXELS) / np.float32(
            255
        )

    def basis(self):
        """Row 3 d + c: template d in channel c alone. An image is its color, three numbers, times three of these."""
        spread = self.templates[:, None, :, None] * np.eye(CHANNELS, dtype=np.float32)[None, :, None, :]
        return spread.reshape(-1, IMAGE)

    def digit_bounds(self):
        """Where the next digit begins on [0, 1), without the first and the last bound."""
        shares = np.cumsum(self.digit_weights) / np.sum(self.digit_weights)
        return shares[:-1].astype(np.float32)

    def pixel_tables(self, lead):
        """Inks, 6 x (lead + PIXELS), and places, (lead + PIXELS) x 5: x, y, 1 - x, 1 - y, mark (src/models/pixels.h).

        The first `lead` pixels are outside the image.
        """
        inks = np.concatenate([np.zeros((len(self.templates), lead), np.float32), self.templates], axis=1)
        x, y = (at / np.float32(SIDE - 1) for at in (np.arange(PIXELS) % SIDE, np.arange(PIXELS) // SIDE))
        inside = np.stack([x, y, 1 - x, 1 - y, x == 1], axis=1)
        outside = np.tile([0, 0, 0, 0, -1], (lead, 1))
        return inks, np.concatenate([outside, inside]).astype(np.float32)

    def diffusion_tables(self):
        """For t = 0 ... T: factors of x_0 and of the noise, and 16 features of the time (src/models/diffusion*.c)."""
        times = np.arange(self.timesteps + 1)
        betas = (1e-4 + (0.02 - 1e-4) * (times[1:] - 1) / (self.timesteps - 1)) * 1000 / self.timesteps
        kept = np.concatenate([[1.0], np.cumprod(1 - np.minimum(betas, 0.999))])
        angles = times[:, None] / self.timesteps * (np.pi / 2) * 2.0 ** (np.arange(16) - 4)
        return [table.astype(np.float32) for table in (np.sqrt(kept), np.sqrt(1 - kept), np.tanh(np.sin(angles)))]

    def tensor(self, name):
        """Initial values."""
        offset, rows, columns = self._tensors[name]
        return self._weights[offset : offset + rows * columns].reshape(rows, columns).copy()

    def networks(self):
        """Dense layers, (kernel, bias), by network; all but the last layer of each are tanh."""
        return {
            name: [(self.tensor(f"{layer}/kernel"), self.tensor(f"{layer}/bias")) for layer in layers]
            for name, layers in self._layers().items()
        }

    def _layers(self):
        def dense(prefix, first, end):
            return [f"{prefix}/dense_{i}" for i in range(first, end)]

        if self.model == "gan":
            return {
                "generator": dense("generator", 0, 3),
                "features": dense("discriminator", 0, 2),
                "logit": dense("discriminator", 2, 4),
            }
        if self.model == "diffusion":
            return {"first": dense("denoiser", 0, 1), "rest": dense("denoiser", 1, 4)}
        prefixes = sorted({name.split("/")[0] for name in self._tensors if "/dense_" in name})
        return {
            prefix: dense(prefix, 0, sum(name.startswith(f"{prefix}/") for name in self._tensors) // 2)
            for prefix in prefixes
        }


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
        self.model.train(steps // 2 - 1)  # one was taken for `case`
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
