"""Builds results files with invented samples, exactly as docs/format.md says, to test the analysis without training."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Callable, Dict, List, Optional, Sequence, Tuple

import h5py
import numpy as np

PENDING, RUNNING, DONE, FAILED = range(4)
COLORS = ["red", "redblue", "bluered", "blue", "green"]
DIGITS = ["0A", "0B", "1", "2", "3", "4"]
COLOR_MEANS = np.array([[.875, 0, .125], [.625, 0, .375], [.375, 0, .625], [.125, 0, .875], [0, 1, 0]])
DIGIT_WEIGHTS = np.array([4, 4, 4, 4, 2, 1], dtype=np.float64)
GREEN = 0.34
EXPECTED = np.outer([(1 - GREEN) / 4] * 4 + [GREEN], DIGIT_WEIGHTS / DIGIT_WEIGHTS.sum())
INTEGER_METRICS = ("modes_0", "modes_10", "modes_50", "worst_bin", "ndb", "ndb_holm")
FLOAT_METRICS = ("covered_mass", "worst_ratio", "tv", "tv_reject", "kl", "kl_corrected", "js", "effective_modes", "chi2",
                 "chi2_p", "g", "g_p", "mean_error", "quality", "shade_ks")
FLAGS = ("missing", "collapsed", "severe", "failed")
NOT_APPLICABLE = -1


@dataclass(frozen=True)
class Variant:
    """`modes(seed)` = how many of the 30 bins the invented generator reaches; `noise` blurs its images."""

    name: str
    model: str = "gan"
    settings: Dict[str, object] = field(default_factory=dict)
    modes: Callable[[int], int] = lambda seed: 30
    noise: float = 0.1


OFF = Variant("minibatch_discrimination=off", settings={"minibatch_discrimination": False}, modes=lambda seed: 2 + seed % 4)
ON = Variant("minibatch_discrimination=on", settings={"minibatch_discrimination": True},
             modes=lambda seed: 30 if seed % 4 else 9, noise=0.2)


def templates() -> np.ndarray:
    """Six digit-like glyphs, (6,28,28) float32 in k/255."""
    rows, columns = np.mgrid[0:28, 0:28].astype(np.float64)

    def ring(height: float, width: float, tilt: float) -> np.ndarray:
        y, x = rows - 13.5, columns - 13.5 + tilt * (rows - 13.5)
        return np.abs(np.hypot(y / height, x / width) - 1) * min(height, width)

    def path(*points: Tuple[float, float]) -> np.ndarray:
        distance = np.full((28, 28), np.inf)
        for (y0, x0), (y1, x1) in zip(points, points[1:]):
            dy, dx = y1 - y0, x1 - x0
            along = np.clip(((rows - y0) * dy + (columns - x0) * dx) / (dy * dy + dx * dx), 0, 1)
            distance = np.minimum(distance, np.hypot(rows - y0 - along * dy, columns - x0 - along * dx))
        return distance

    strokes = [ring(9, 6.5, 0), ring(8, 7.5, 0.35), path((4, 14), (24, 14)),
               path((8, 7), (5, 12), (6, 18), (11, 19), (23, 7), (23, 21)),
               path((5, 8), (5, 18), (12, 13), (17, 19), (22, 15), (23, 8)), path((4, 9), (15, 7), (15, 21), (8, 17), (25, 16))]
    grey = np.clip(2.2 - np.stack(strokes), 0, 1)
    return (np.round(grey * 255) / 255).astype(np.float32)


def draw(variant: Variant, seed: int, number: int, glyphs: np.ndarray) -> np.ndarray:
    """Images of a generator that reaches some of the bins, (number,28,28,3) uint8."""
    generator = np.random.default_rng([seed, variant.modes(seed)])
    weights = EXPECTED.ravel().copy()
    weights[generator.permutation(30)[variant.modes(seed):]] = 0
    weights *= generator.uniform(0.8, 1.25, 30)
    bins = generator.choice(30, size=number, p=weights / weights.sum())
    shades = COLOR_MEANS[bins // 6]
    red = shades[:, 0] + generator.uniform(-0.1, 0.1, number)
    shades = np.where((bins // 6 == 4)[:, None], shades, np.stack([red, 0 * red, 1 - red], axis=1))
    images = glyphs[bins % 6][..., None] * shades[:, None, None, :]
    images = images + variant.noise * generator.normal(size=images.shape) * (images > 0)
    return np.round(np.clip(images, 0, 1) * 255).astype(np.uint8)


def classify(images: np.ndarray, glyphs: np.ndarray) -> Tuple[np.ndarray, np.ndarray]:
    """Bin (255: blank) and error of stored images, as docs/format.md defines them."""
    values = images / 255.0
    distance = (np.abs(values.sum(axis=-1)[:, None] - glyphs[None]) > 0.5).sum(axis=(2, 3))
    digit = distance.argmin(axis=1)
    mass = values.sum(axis=(1, 2))
    share = mass / np.maximum(mass.sum(axis=1, keepdims=True), 1e-9)
    color = ((share[:, None] - COLOR_MEANS[None]) ** 2).sum(axis=2).argmin(axis=1)
    bins = np.where(mass.sum(axis=1) < 1, 255, color * 6 + digit).astype(np.uint8)
    return bins, distance.min(axis=1).astype(np.uint16)


def measure(counts: np.ndarray, rejected: int, errors: np.ndarray) -> Dict[str, float]:
    """The metrics of a run that the report uses, by their definitions."""
    total = counts.sum() + rejected
    p = counts / max(1, counts.sum())
    ratio = counts / (total * EXPECTED)
    logs = np.where(p > 0, np.log(np.where(p > 0, p, 1) / EXPECTED), 0)
    covered = EXPECTED[ratio >= 0.1].sum()
    kl = float((p * logs).sum())
    measured = {"modes_0": (counts > 0).sum(), "modes_10": (ratio >= .1).sum(), "modes_50": (ratio >= .5).sum(),
                "covered_mass": covered, "worst_bin": ratio.argmin(), "worst_ratio": ratio.min(),
                "tv": 0.5 * np.abs(p - EXPECTED).sum(), "kl": kl, "kl_corrected": kl - 29 / (2 * total),
                "mean_error": errors.mean() if len(errors) else np.nan, "quality": (errors < 40).mean(),
                "missing": ratio.min() < .1, "collapsed": covered < .9, "severe": covered < .5, "failed": rejected > total / 2}
    return {name: float(value) for name, value in measured.items()}


def build(path: str, variants: Sequence[Variant] = (OFF, ON), seeds: Sequence[int] = range(8), samples: int = 256,
          status: Optional[Callable[[int, int], int]] = None, over_training: int = 4, store_samples: bool = True,
          description: str = "Does minibatch discrimination prevent mode collapse?",
          name: str = "synthetic") -> str:
    """Writes a results file. `status(row, seed)` gives the status of a run (default: all done)."""
    glyphs = templates()
    plan = [(variant, int(seed)) for variant in variants for seed in seeds]
    state = np.array([status(row, seed) if status else DONE for row, (_, seed) in enumerate(plan)], dtype=np.int8)
    runs, points = len(plan), 40
    data = _Arrays(runs, samples, over_training, points)
    for row, (variant, seed) in enumerate(plan):
        if state[row] in (DONE, FAILED):
            data.step[row] = np.arange(1, points + 1) * 50
            decay = np.exp(-np.arange(points) / 10)
            jitter = np.random.default_rng([seed, row]).normal(size=(2, points)) * 0.04
            data.curves["generator_loss"][row] = 0.7 + decay + jitter[0]
            data.curves["discriminator_loss"][row] = 0.7 - 0.3 * decay + jitter[1]
        if state[row] == FAILED:
            data.metrics["failed"][row] = 1
            data.step[row, 25:] = -1
        if state[row] != DONE:
            continue
        images = draw(variant, seed, samples, glyphs)
        bins, errors = classify(images, glyphs)
        data.images[row], data.bins[row], data.errors[row] = images, bins, errors
        kept = bins != 255
        data.counts[row] = np.bincount(bins[kept], minlength=30).reshape(5, 6)
        data.rejected[row] = (~kept).sum()
        data.error_sum[row] = np.bincount(bins[kept], weights=errors[kept], minlength=30).reshape(5, 6)
        for which in np.unique(bins[kept]):
            data.examples[row, which // 6, which % 6] = images[np.argmax(bins == which)]
        for point in range(over_training):
            data.over_step[row, point] = (point + 1) * 2000 // over_training
            part = slice(0, (point + 1) * samples // over_training)
            data.over_counts[row, point] = np.bincount(bins[part][kept[part]], minlength=30).reshape(5, 6)
        for metric, value in measure(data.counts[row], int(data.rejected[row]), errors[kept]).items():
            data.metrics[metric][row] = value
    with h5py.File(path, "w") as file:
        _write_fixed(file, glyphs, name, description, samples)
        _write_runs(file, plan, state)
        _write_settings(file, plan)
        _write_results(file, data, store_samples, over_training)
        _write_checkpoints(file, plan, state)
    return str(path)


class _Arrays:
    """What the runs of a file fill in, at the fill values of the format."""

    def __init__(self, runs: int, samples: int, over: int, points: int):
        self.counts = np.zeros((runs, 5, 6), np.uint32)
        self.rejected = np.zeros(runs, np.uint32)
        self.error_sum = np.zeros((runs, 5, 6))
        self.examples = np.zeros((runs, 5, 6, 28, 28, 3), np.uint8)
        self.images = np.zeros((runs, samples, 28, 28, 3), np.uint8)
        self.bins = np.zeros((runs, samples), np.uint8)
        self.errors = np.zeros((runs, samples), np.uint16)
        self.over_step = np.full((runs, over), -1, np.int64)
        self.over_counts = np.zeros((runs, over, 5, 6), np.uint32)
        self.step = np.full((runs, points), -1, np.int64)
        self.curves = {curve: np.full((runs, points), np.nan, np.float32)
                       for curve in ("generator_loss", "discriminator_loss", "minibatch_active")}
        self.metrics = {metric: np.full(runs, -1, np.int32) for metric in INTEGER_METRICS}
        self.metrics.update({metric: np.full(runs, np.nan) for metric in FLOAT_METRICS})
        self.metrics.update({flag: np.full(runs, -1, np.int8) for flag in FLAGS})


def _strings(file: h5py.File, path: str, values: Sequence[str], size: int = 0) -> h5py.Dataset:
    """Fixed-length UTF-8, padded with NUL."""
    encoded = [value.encode() for value in values]
    length = size or max(1, max(map(len, encoded), default=1))
    return file.create_dataset(path, data=np.array(encoded, dtype=h5py.string_dtype("utf-8", length)))


def _write_fixed(file: h5py.File, glyphs: np.ndarray, name: str, description: str, samples: int) -> None:
    file.attrs.update({"format": "gensweep", "format_version": 1, "name": name, "description": description,
                       "gensweep_version": "1.0.0", "digest_algorithm": "xxh128"})
    file["data/templates"] = glyphs
    for name, texts in (("digit", DIGITS), ("color", COLORS)):
        _strings(file, f"data/{name}_names", texts)
        _strings(file, name, texts).make_scale(name)
    file["sweep/yaml"] = f"name: {name}\nseeds: 0-7\nparameters:\n  model: gan\n  minibatch_discrimination: [off, on]\n  steps: 2000\n"
    file["sweep/overrides"] = "steps=2000\n"
    for field_name, text in {"started": "2024-03-01T12:00:00Z", "argv": f"gensweep {name}.yaml", "hosts": "node001",
                             "cpu": "Example CPU", "blas": "OpenBLAS 0.3.21", "blas_kernel": "Haswell", "mpi": "Open MPI 4.1.4",
                             "hdf5": "1.10.8", "compiler": "gcc 12.2.0", "git_commit": "0123456789abcdef",
                             "environment": "OPENBLAS_NUM_THREADS=1\nOMP_NUM_THREADS=1"}.items():
        _strings(file, f"provenance/{field_name}", [text])
    file["provenance/ranks"] = np.array([2], np.int32)
    file["provenance/git_dirty"] = np.array([0], np.int32)


def _write_runs(file: h5py.File, plan: List[Tuple[Variant, int]], state: np.ndarray) -> None:
    runs = len(plan)
    digest = [hashlib.md5(f"{variant.name}{seed}".encode()).hexdigest() for variant, seed in plan]
    file["run"] = np.arange(runs)
    file["run"].make_scale("run")
    _strings(file, "runs/id", digest, 32)
    _strings(file, "runs/label", [f"{variant.name},seed={seed}" for variant, seed in plan])
    _strings(file, "runs/variant", [variant.name for variant, _ in plan])
    _strings(file, "runs/model", [variant.model for variant, _ in plan])
    file["runs/seed"] = np.array([seed for _, seed in plan], np.uint64)
    enum = h5py.enum_dtype({"pending": 0, "running": 1, "done": 2, "failed": 3}, basetype="i1")
    file.create_dataset("runs/status", data=state, dtype=enum)
    trained = state != PENDING
    file["runs/attempts"] = trained.astype(np.int32)
    file["runs/rank"] = np.where(trained, np.arange(runs) % 2, -1).astype(np.int32)
    file["runs/launch"] = np.zeros(runs, np.int32)
    file["runs/steps_done"] = np.choose(state, [0, 900, 2000, 1250]).astype(np.int64)
    file["runs/seconds"] = np.where(state == DONE, 10.0 + np.arange(runs) / 10, np.nan)
    _strings(file, "runs/error", ["loss is not finite at step 1250" if value == FAILED else "" for value in state], 256)
    _strings(file, "runs/digest", [text if value == DONE else "" for text, value in zip(digest, state)], 32)
    _strings(file, "digests/coverage", [text if value == DONE else "" for text, value in zip(digest, state)], 32)


def _write_settings(file: h5py.File, plan: List[Tuple[Variant, int]]) -> None:
    file["settings/steps"] = np.full(len(plan), 2000, np.int64)
    file["settings/learning_rate"] = np.full(len(plan), np.nan)
    file["settings/data.digit_weights"] = np.tile(DIGIT_WEIGHTS, (len(plan), 1))
    names = dict.fromkeys(name for variant, _ in plan for name in variant.settings)
    for name in names:
        values = [variant.settings.get(name) for variant, _ in plan]
        kinds = {type(value) for value in values if value is not None}
        if kinds == {float}:
            file[f"settings/{name}"] = np.array([np.nan if value is None else value for value in values])
        elif kinds == {str}:
            _strings(file, f"settings/{name}", [value or "" for value in values]).attrs["not_applicable"] = ""
        else:
            kind = np.int8 if kinds == {bool} else np.int64
            file[f"settings/{name}"] = np.array([NOT_APPLICABLE if value is None else int(value) for value in values], kind)
            file[f"settings/{name}"].attrs["not_applicable"] = kind(NOT_APPLICABLE)


def _write_results(file: h5py.File, data: _Arrays, store_samples: bool, over_training: int) -> None:
    coverage = {"counts": data.counts, "rejected": data.rejected, "error_sum": data.error_sum,
                "expected": np.tile(EXPECTED, (len(data.counts), 1, 1)), "examples": data.examples,
                "shade_ks": np.full(data.error_sum.shape, np.nan)}
    for name, values in coverage.items():
        file[f"coverage/{name}"] = values
    file["coverage/counts"].attrs.update({"colors": COLORS, "digits": DIGITS})
    for axis, scale in enumerate(("run", "color", "digit")):
        file["coverage/counts"].dims[axis].attach_scale(file[scale])
    if over_training:
        file["coverage/over_training/step"] = data.over_step
        file["coverage/over_training/counts"] = data.over_counts
        file["coverage/over_training/rejected"] = np.zeros(data.over_step.shape, np.uint32)
    for name, values in data.metrics.items():
        file[f"metrics/{name}"] = values
    if store_samples:
        for name, values in (("image", data.images), ("bin", data.bins), ("error", data.errors)):
            file.create_dataset(f"samples/{name}", data=values, chunks=(1, *values.shape[1:]), compression=1)
    file["curves/step"] = data.step
    file["curves/curve_point"] = np.arange(data.step.shape[1])
    file["curves/curve_point"].make_scale("curve_point")
    for name, values in data.curves.items():
        file[f"curves/{name}"] = values


def _write_checkpoints(file: h5py.File, plan: List[Tuple[Variant, int]], state: np.ndarray) -> None:
    """One layout per model; only the first tensor of each, which is enough to read."""
    for model in dict.fromkeys(variant.model for variant, _ in plan):
        rows = np.array([row for row, (variant, _) in enumerate(plan) if variant.model == model], np.int64)
        weights = np.zeros((len(rows), 16, 64), np.float32)
        weights[state[rows] == DONE] = rows[state[rows] == DONE][:, None, None] + 0.5
        file[f"checkpoints/{model}/run"] = rows
        file[f"checkpoints/{model}/generator/dense_0/kernel"] = weights
        file[f"checkpoints/{model}/generator/dense_0/bias"] = weights[:, 0]
