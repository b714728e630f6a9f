"""Reading a gensweep results file (docs/format.md, format 1)."""

from __future__ import annotations

import difflib
import math
import os
import re
from dataclasses import dataclass
from typing import Any, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple, Union

import h5py
import numpy as np

from .errors import AnalysisError

FORMAT_VERSION = 1
STATUS_NAMES = ("pending", "running", "done", "failed")
PENDING, RUNNING, DONE, FAILED = range(4)
REJECTED_BIN = 255
FLAGS = ("missing", "collapsed", "severe", "failed")


@dataclass(frozen=True)
class Samples:
    """The samples of one run: `image` (S,28,28,3) uint8, `bin` (S,) color*6 + digit or 255, `error` (S,) pixels."""

    image: np.ndarray
    bin: np.ndarray
    error: np.ndarray


class RunTable(Mapping):
    """Columns of equal length by name: what `Results.runs` is when pandas is not installed."""

    def __init__(self, columns: Dict[str, np.ndarray]):
        self._columns = dict(columns)

    def __getitem__(self, name: str) -> np.ndarray:
        try:
            return self._columns[name]
        except KeyError:
            raise KeyError(f"no column {name!r}{nearest(name, list(self._columns))}") from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._columns)

    def __len__(self) -> int:
        """Number of runs (rows)."""
        return len(next(iter(self._columns.values()))) if self._columns else 0

    @property
    def columns(self) -> List[str]:
        return list(self._columns)

    def row(self, index: int) -> Dict[str, Any]:
        """One run as a dictionary."""
        return {name: column[index] for name, column in self._columns.items()}

    def __repr__(self) -> str:
        return f"<RunTable: {len(self)} runs x {len(self._columns)} columns>"


def _median_distance(templates: np.ndarray) -> float:
    ink = templates.reshape(len(templates), -1) > 0.5
    pairs = [int((ink[a] != ink[b]).sum()) for a in range(len(ink)) for b in range(a)]
    return float(np.median(pairs)) if pairs else math.inf


class Results:
    """A results file, opened read-only. Row r of every array belongs to run r; variants are in plan order.

    Rows that are no longer in the sweep (`planned` is False: kept from before it was edited) are in the arrays, and their
    samples can be read, but they are left out of the variants, and of what is done, failed or unfinished, as gensweep does.

    Works on a file that is still being written: everything is read as it is now, and `status` tells which rows
    mean something.
    """

    def __init__(self, path: Union[str, os.PathLike]):
        self.path = os.fspath(path)
        self._file = _open(self.path)
        try:
            self._check_format()
            # Status comes first: the writer sets it last, so whatever it calls done was on disk before we read it.
            self.status: np.ndarray = np.asarray(self._require("runs/status")[...], dtype=np.int8)
            self._load()
        except AnalysisError:
            self.close()
            raise
        except (KeyError, OSError, ValueError, RuntimeError) as cause:
            self.close()
            raise AnalysisError(f"{self.path}: damaged or incomplete results file: {_one_line(cause)}") from cause

    def __enter__(self) -> "Results":
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes the file. Samples and checkpoints cannot be read afterwards; everything else stays."""
        self._file.close()

    def __repr__(self) -> str:
        return f"<Results {self.path}: {self.done.sum()} of {self.planned.sum()} runs done>"

    # ------------------------------------------------------------------------------------------- loading
    def _check_format(self) -> None:
        if _text(self._file.attrs.get("format", "")) != "gensweep":
            raise AnalysisError(f"{self.path}: an HDF5 file, but not a gensweep results file (no attribute format=gensweep)")
        version = int(np.ravel(self._file.attrs.get("format_version", 0))[0])
        if version != FORMAT_VERSION:
            raise AnalysisError(f"{self.path}: results format {version}; this program reads format {FORMAT_VERSION}")

    def _require(self, name: str) -> h5py.Dataset:
        if name not in self._file:
            raise AnalysisError(f"{self.path}: damaged or incomplete results file: /{name} is missing")
        return self._file[name]

    def _load(self) -> None:
        attributes = self._file.attrs
        self.name = _text(attributes.get("name", "")) or os.path.splitext(os.path.basename(self.path))[0]
        self.description = _text(attributes.get("description", ""))
        self.gensweep_version = _text(attributes.get("gensweep_version", ""))
        self.templates: np.ndarray = self._require("data/templates")[...]
        #: Pixels in which two digits differ, the median of all pairs: a sample with a larger error resembles none.
        self.digit_distance: float = _median_distance(self.templates)
        self.digit_names: List[str] = [str(name) for name in _column(self._require("data/digit_names"))]
        self.color_names: List[str] = [str(name) for name in _column(self._require("data/color_names"))]
        # A sweep may be extended while it is read, so that later datasets are longer than `status`: cut to it.
        runs = len(self.status)
        self._runs: Dict[str, np.ndarray] = {
            name: _column(dataset, runs) for name, dataset in self._file["runs"].items() if _is_column(dataset, runs)}
        for name in ("id", "label", "variant", "model", "seed"):
            if name not in self._runs:
                raise AnalysisError(f"{self.path}: damaged or incomplete results file: /runs/{name} is missing")
        self.settings: Dict[str, np.ndarray] = self._columns("settings")
        # Before "does not apply" turned integers into floats: int8 is a switch (off 0, on 1).
        self.setting_kinds: Dict[str, str] = {
            name: self._file[f"settings/{name}"].dtype.str.lstrip("<>|=") for name in self.settings}
        self.metrics: Dict[str, np.ndarray] = self._columns("metrics")
        self.digests: Dict[str, np.ndarray] = self._columns("digests")
        self.counts: np.ndarray = self._require("coverage/counts")[:runs]
        self.expected: np.ndarray = self._require("coverage/expected")[:runs]
        self.rejected: np.ndarray = self._require("coverage/rejected")[:runs]
        self.error_sum: np.ndarray = self._require("coverage/error_sum")[:runs]
        self.seeds: np.ndarray = self._runs["seed"].astype(np.uint64)
        self.planned: np.ndarray = self._runs.get("planned", np.ones(runs)) != 0
        planned: Dict[str, List[int]] = {}
        for row in np.flatnonzero(self.planned):
            planned.setdefault(str(self._runs["variant"][row]), []).append(int(row))
        self._rows: Dict[str, np.ndarray] = {variant: np.array(rows) for variant, rows in planned.items()}
        self.variants: List[str] = list(planned)
        self.models: List[str] = list(dict.fromkeys(str(name) for name in self._runs["model"][self.planned]))

    def _columns(self, group: str) -> Dict[str, np.ndarray]:
        if group not in self._file:
            return {}
        runs = len(self.status)
        return {name: _column(dataset, runs) for name, dataset in self._file[group].items() if _is_column(dataset, runs)}

    # --------------------------------------------------------------------------------------------- tables
    @property
    def table(self) -> RunTable:
        """Every run with its status, metrics and settings, as plain numpy columns."""
        columns: Dict[str, np.ndarray] = {"run": np.arange(len(self.status))}
        for name in ("id", "label", "variant", "model", "seed"):
            columns[name] = self._runs[name]
        columns["status"] = np.array([STATUS_NAMES[value] if 0 <= value < 4 else "?" for value in self.status])
        for name, column in self._runs.items():
            if name not in columns and name not in ("index", "status"):
                columns[name] = column
        columns["rejected"] = self.rejected
        for group, source in (("metrics", self.metrics), ("settings", self.settings)):
            for name, column in source.items():
                if column.ndim == 1:
                    columns[f"{group}.{name}" if name in columns else name] = column
                else:
                    for item in range(column.shape[1]):
                        columns[f"{name}[{item}]"] = column[:, item]
        return RunTable(columns)

    @property
    def runs(self):
        """The same as a pandas DataFrame when pandas is installed, a RunTable otherwise."""
        try:
            import pandas
        except ImportError:
            return self.table
        return pandas.DataFrame(dict(self.table))

    def metric(self, name: str) -> np.ndarray:
        """A metric as float64 with NaN where a run has none (also where the file does not know the metric)."""
        if name not in self.metrics:
            return np.full(len(self.status), np.nan)
        values = self.metrics[name].astype(np.float64)
        values[self.status != DONE] = np.nan
        if self.metrics[name].dtype.kind in "iu":
            values[values < 0] = np.nan  # -1: not defined, as ndb where all samples are rejected
        return values

    def flag(self, name: str) -> np.ndarray:
        """True where the run is done and the flag is set. Flags: missing, collapsed, severe, failed."""
        if name not in self.metrics:
            return np.zeros(len(self.status), dtype=bool)
        return (self.status == DONE) & (self.metrics[name] == 1)

    @property
    def done(self) -> np.ndarray:
        """True where a run of the sweep has results."""
        return self.planned & (self.status == DONE)

    @property
    def failed(self) -> np.ndarray:
        """True where a run of the sweep ended without results (`runs/error` says why); the flag `failed` is another thing."""
        return self.planned & (self.status == FAILED)

    @property
    def unfinished(self) -> np.ndarray:
        """True where a run of the sweep has not ended."""
        return self.planned & ~self.done & ~self.failed

    @property
    def stopped(self) -> np.ndarray:
        """True where a run is done with fewer steps than planned: early_terminate stopped it, and `runs/error` says why."""
        return self.done & (np.asarray(self.column("error")).astype(str) != "")

    def rows(self, variant: str, status: Optional[int] = DONE) -> np.ndarray:
        """Rows of a variant in plan order, those with `status` (None: all)."""
        rows = self._rows.get(variant, np.array([], dtype=np.intp))
        return rows if status is None else rows[self.status[rows] == status]

    def find_variant(self, text: str) -> str:
        """The variant called `text`, or the only one whose name contains it."""
        text = re.sub(r",\s*", ", ", text.strip())
        if text in self.variants:
            return text
        # "lr=1" must not mean "lr=10": a part counts only when it is a whole word of the name.
        parts = [name for name in self.variants if text and text in _words(name)]
        if not parts:
            parts = [name for name in self.variants if text and text in name]
        if len(parts) == 1:
            return parts[0]
        if len(parts) > 1:
            raise AnalysisError(f"{self.path}: {text!r} fits several variants:{_list(parts)}")
        raise AnalysisError(f"{self.path}: no variant {text!r} in the sweep{nearest(text, self.variants)}; it has:{_list(self.variants)}")

    def run_row(self, run: Union[int, str]) -> int:
        """Row of a run given by its number or its label."""
        if isinstance(run, str):
            labels = [str(label) for label in self._runs["label"]]
            if run not in labels:
                raise AnalysisError(f"{self.path}: no run {run!r}{nearest(run, labels)}")
            return labels.index(run)
        row = int(run)
        if not 0 <= row < len(self.status):
            raise AnalysisError(f"{self.path}: no run {row}; the file has runs 0 to {len(self.status) - 1}")
        return row

    def column(self, name: str) -> np.ndarray:
        """A column of /runs."""
        return self._runs[name] if name in self._runs else np.full(len(self.status), "")

    def model_of(self, variant: str) -> str:
        """Every variant belongs to one model."""
        return str(self._runs["model"][self.rows(variant, None)[0]])

    def swept_settings(self) -> List[str]:
        """Names of the settings that take more than one value in this sweep (where they apply)."""
        models = np.array([str(model) for model in self.column("model")])

        def varies(column: np.ndarray, chosen: np.ndarray) -> bool:
            return len({value for value in map(setting_key, column[chosen]) if value is not None}) > 1
        # Of different models, settings of the same name may have other defaults: that is no sweep of the setting.
        return [name for name, column in self.settings.items()
                if any(varies(column, self.planned & (models == model)) for model in dict.fromkeys(models))
                or (name == "model" and varies(column, self.planned))]

    # ----------------------------------------------------------------------------------- arrays of one run
    def samples(self, run: Union[int, str]) -> Samples:
        """All stored samples of a run that is done."""
        row = self._stored_row(run, "samples/image", "samples (storage.samples: none)")
        if not self.has_samples(row):
            raise AnalysisError(f"{self.path}: no samples are stored for run {row} (storage.samples was none when it was trained)")
        count = self._sample_count(row)
        return Samples(*(self._file[f"samples/{name}"][row, :count] for name in ("image", "bin", "error")))

    def has_samples(self, run: int) -> bool:
        """False as well when the launch that trained it stored none."""
        if self.status[run] != DONE or "samples/image" not in self._file:
            return False
        images = self._file["samples/image"]
        if run >= images.shape[0] or images.chunks is None:
            return run < images.shape[0]
        return images.id.get_chunk_info_by_coord((run,) + (0,) * (images.ndim - 1)).size > 0

    def first_samples(self, run: int, count: int) -> np.ndarray:
        """The first `count` images of a run: samples are independent draws, so the first ones are a random choice."""
        return self._file["samples/image"][run, :min(count, self._sample_count(run))]

    def _sample_count(self, run: int) -> int:
        """The dataset is as wide as the run with the most samples needs; what is behind a run's own is no sample."""
        return int(self.counts[run].sum() + self.rejected[run])

    def examples(self, run: int) -> Optional[np.ndarray]:
        """(5,6,28,28,3) uint8, the first sample of each bin, zeros where the bin is empty; None if not in the file."""
        if "coverage/examples" not in self._file:
            return None
        return self._file["coverage/examples"][run]

    def checkpoint(self, run: Union[int, str]) -> Dict[str, np.ndarray]:
        """Final weights of a run: tensor path (e.g. generator/dense_0/kernel) -> float32 array."""
        row = self._stored_row(run, "checkpoints", "checkpoints (storage.checkpoints: none)")
        for layout in self._file["checkpoints"].values():
            if not isinstance(layout, h5py.Group) or "run" not in layout:
                continue
            places = np.flatnonzero(layout["run"][...] == row)
            if len(places) == 0:
                continue
            tensors: Dict[str, np.ndarray] = {}

            def collect(path: str, item: object, place: int = int(places[0])) -> None:
                if isinstance(item, h5py.Dataset) and path != "run" and item.ndim >= 1 and not h5py.h5ds.is_scale(item.id):
                    tensors[path] = item[place]
            layout.visititems(collect)
            return tensors
        raise AnalysisError(f"{self.path}: no checkpoint is stored for run {row}")

    def curves(self) -> Tuple[Optional[np.ndarray], Dict[str, np.ndarray]]:
        """Training curves: step (R,T), -1 where there is no point, and each loss (R,T) with NaN there."""
        if "curves" not in self._file or "step" not in self._file["curves"]:
            return None, {}
        runs = len(self.status)
        group = self._file["curves"]
        step = group["step"][:runs]
        losses = {name: np.asarray(dataset[:runs], dtype=np.float64) for name, dataset in group.items()
                  if name != "step" and isinstance(dataset, h5py.Dataset) and dataset.shape[:1] and dataset.ndim == 2}
        # Never-written rows hold the fill value 0 of `step`, and rows of runs in progress may be half written.
        hidden = (step <= 0) | ~(self.done | self.failed)[:, None]
        for values in losses.values():
            values[hidden[:, : values.shape[1]]] = np.nan
        return step, losses

    def over_training(self) -> Optional[Tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """Coverage along training: step (R,P), counts (R,P,5,6), rejected (R,P); None when it was not measured."""
        if "coverage/over_training" not in self._file:
            return None
        group = self._file["coverage/over_training"]
        runs = len(self.status)
        step = np.array(group["step"][:runs])
        if step.size == 0:
            return None
        step[~self.done] = -1
        return step, group["counts"][:runs], group["rejected"][:runs]

    def _stored_row(self, run: Union[int, str], dataset: str, what: str) -> int:
        row = self.run_row(run)
        if dataset not in self._file:
            raise AnalysisError(f"{self.path}: this sweep stored no {what}")
        if self.status[row] != DONE:
            raise AnalysisError(f"{self.path}: run {row} is {STATUS_NAMES[self.status[row]]}, so nothing is stored for it")
        return row

    # ---------------------------------------------------------------------------------------- provenance
    def sweep_versions(self) -> List[Tuple[int, str, str]]:
        """The sweep as given and as later launches changed it: from which launch on, YAML, overrides one a line. The last one holds."""
        def texts(name: str) -> List[str]:
            return [_text(item).strip("\n") for item in np.ravel(self._file[f"sweep/{name}"][...])] if f"sweep/{name}" in self._file else []

        first = (texts("yaml") or [""])[0], (texts("overrides") or [""])[0]
        launches = np.ravel(self._file["sweep/history_launch"][...]) if "sweep/history_launch" in self._file else []
        # A launch of 0 is a row that a kill has left unfinished.
        later = [(int(launch), text, overrides) for launch, text, overrides
                 in zip(launches, texts("history"), texts("history_overrides")) if launch > 0]
        return [(0, *first), *later] if first[0] or later else []

    def provenance(self) -> Dict[str, List[str]]:
        """Where and how the sweep ran: field -> one text a launch."""
        if "provenance" not in self._file:
            return {}
        return {name: [_text(item) for item in np.ravel(dataset[...])]
                for name, dataset in self._file["provenance"].items() if isinstance(dataset, h5py.Dataset)}


def nearest(name: str, known: Sequence[str]) -> str:
    """The hint of an error message about an unknown name."""
    close = difflib.get_close_matches(name, list(known), n=1, cutoff=0.4)
    return f" (nearest: {close[0]})" if close else ""


def _list(names: Sequence[str], most: int = 12) -> str:
    """Names for a message, a line each: they have commas of their own."""
    return "".join(f"\n  {name}" for name in names[:most]) + ("\n  ..." if len(names) > most else "")


def setting_key(value: Any) -> Optional[Any]:
    """A setting as a comparable value, None where it does not apply (NaN or the empty string)."""
    if isinstance(value, np.ndarray):
        return tuple(float(item) for item in value)
    if isinstance(value, (np.floating, float)):
        return None if np.isnan(value) else float(value)
    if isinstance(value, (np.str_, str)):
        return str(value) or None
    return value.item() if hasattr(value, "item") else value


def _words(name: str) -> List[str]:
    for separator in ",;/":
        name = name.replace(separator, " ")
    words = name.split()
    return words + [word.split("=", 1)[1] for word in words if "=" in word]


def _open(path: str) -> h5py.File:
    if not os.path.exists(path):
        raise AnalysisError(f"{path}: no such file")
    if os.path.isdir(path):
        raise AnalysisError(f"{path}: a directory, not a results file")
    if not os.access(path, os.R_OK):
        raise AnalysisError(f"{path}: no permission to read it")
    if not h5py.is_hdf5(path):
        raise AnalysisError(f"{path}: not a gensweep results file (not HDF5)")
    try:
        return h5py.File(path, "r")
    except OSError as plain:
        # A running (or crashed) writer leaves the file marked as open; then only single-writer-multiple-reader works.
        try:
            return h5py.File(path, "r", swmr=True)
        except (OSError, ValueError):
            raise AnalysisError(f"{path}: cannot be opened ({_one_line(plain)}); if a sweep is just starting, try again in a "
                                "moment; after a crash `gensweep status` recovers it") from plain


def _is_column(dataset: object, runs: int) -> bool:
    return isinstance(dataset, h5py.Dataset) and dataset.ndim >= 1 and dataset.shape[0] >= runs


def _column(dataset: h5py.Dataset, runs: Optional[int] = None) -> np.ndarray:
    """A dataset as numpy, texts decoded; "does not apply" of integer settings becomes NaN, of texts ""."""
    values = dataset[...] if runs is None else dataset[:runs]
    absent = dataset.attrs.get("not_applicable")
    if values.dtype.kind in "SO":
        flat = [_text(item) for item in values.ravel()]
        if absent is not None:
            flat = ["" if item == _text(absent) else item for item in flat]
        return np.array(flat, dtype=str).reshape(values.shape) if flat else np.empty(values.shape, dtype=str)
    if absent is not None and values.dtype.kind in "iu":
        missing = values == np.ravel(absent)[0]
        if missing.any():
            values = values.astype(np.float64)
            values[missing] = np.nan
    return values


def _text(value: Any) -> str:
    if isinstance(value, np.ndarray):
        value = value.ravel()[0] if value.size else ""
    if isinstance(value, bytes):
        return value.rstrip(b"\0").decode("utf-8", errors="replace")
    return str(value)


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())
