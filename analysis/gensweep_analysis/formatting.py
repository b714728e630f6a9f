"""How numbers are written, the same in text, HTML and figures."""

from __future__ import annotations

import math
import os
from typing import List, Sequence, Tuple

from .statistics import Rate

NONE = "-"


def number(value: float, decimals: int = 3) -> str:
    """A fixed number of decimals; "-" where there is no value."""
    if value is None or math.isnan(value):
        return NONE
    return f"{value:.{decimals}f}"


def signed(value: float, decimals: int = 3) -> str:
    return NONE if math.isnan(value) else f"{value:+.{decimals}f}"


def interval(bounds: Tuple[float, float], decimals: int = 3, to: str = " to ") -> str:
    return NONE if math.isnan(bounds[0]) else f"{bounds[0]:.{decimals}f}{to}{bounds[1]:.{decimals}f}"


def percent(share: float) -> str:
    return NONE if math.isnan(share) else f"{100 * share:.0f} %"


def percent_reached(share: float) -> str:
    """Rounded down: a bound that is printed must still hold."""
    return NONE if math.isnan(share) else f"{math.floor(100 * share)} %"


def rate_interval(rate: Rate, to: str = "-") -> str:
    """Both bounds in per cent, as in 68-100 %."""
    return NONE if not rate.total else f"{100 * rate.low:.0f}{to}{100 * rate.high:.0f} %"


def p_value(p: float) -> str:
    """Three decimals; smaller ones are only called smaller."""
    if math.isnan(p):
        return NONE
    return "< 0.001" if p < 0.001 else "1" if p > 0.9995 else f"{math.floor(1000 * p + 0.5) / 1000:.3f}"


def p_equals(p: float) -> str:
    text = p_value(p)
    return f"p {text}" if text.startswith("<") else f"p = {text}"


def duration(seconds: float) -> str:
    """In the unit that a reader would choose."""
    if math.isnan(seconds):
        return NONE
    if seconds < 99.5:
        return f"{seconds:.1f} s"
    if seconds < 5400:
        return f"{seconds / 60:.1f} min"
    return f"{seconds / 3600:.1f} h"


def plural(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def mean_and_range(values: Tuple[float, float, float]) -> str:
    mean, low, high = values
    return NONE if math.isnan(mean) else f"{mean:.1f} ({low:.0f}-{high:.0f})"


def short_names(names: Sequence[str]) -> List[str]:
    """Names without the `key=value` parts that all of them share, so that figures show what differs."""
    separators = [separator for separator in (",", " ", "/") if any(separator in name for name in names)]
    if len(names) < 2 or not separators:
        return list(names)
    parts = [[part.strip() for part in name.replace(",", separators[0]).split(separators[0])] for name in names]
    shared = set(parts[0]).intersection(*parts[1:])
    separator = ", " if separators[0] == "," else separators[0]
    short = [separator.join(part for part in row if part not in shared) or name for row, name in zip(parts, names)]
    return short if len(set(short)) == len(short) else list(names)


def report_directory(path: str) -> str:
    """sweep.h5 -> sweep-report, next to it."""
    return os.path.splitext(path)[0] + "-report"
