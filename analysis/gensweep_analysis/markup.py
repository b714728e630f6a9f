"""HTML pieces: tables, heat tables and images that live inside the page."""

from __future__ import annotations

import base64
import math
from html import escape
from typing import List, Optional, Sequence, Tuple

import numpy as np

TOO_FEW, TOO_MANY, ERROR_TOP = (238, 163, 108), (124, 183, 222), (178, 159, 207)
MISSING_BELOW = 0.1  # of the expected count: what modes_10 calls a missing mode


def cell(text: object, kind: str = "", small: str = "") -> str:
    """A table cell; `small` is a second line."""
    below = f"<small>{escape(small)}</small>" if small else ""
    return f'<td{_class(kind)}>{escape(str(text))}{below}</td>'


def breakable(name: str) -> str:
    """A variant's name that may be broken after its commas and equal signs."""
    return escape(name).replace(",", ",<wbr>").replace("=", "=<wbr>")


def table(header: Sequence[str], rows: Sequence[str], kind: str = "data", text_columns: Sequence[int] = (0,),
          groups: Optional[Sequence[Tuple[str, int]]] = None) -> str:
    """Rows are strings of cells. `groups` is an upper header line of (title, number of columns)."""
    above = ""
    if groups:
        above = '<tr class="groups">' + "".join(
            f'<th colspan="{span}"><span>{escape(title)}</span></th>' if title else f'<th{_span(span)}></th>'
            for title, span in groups) + "</tr>"
    head = "".join(f'<th{_class("text" if place in text_columns else "")}>{escape(name)}</th>'
                   for place, name in enumerate(header))
    body = "\n".join(row if row.startswith("<tr") else f"<tr>{row}</tr>" for row in rows)
    return (f'<div class="scroll"><table class="{kind}"><thead>{above}<tr>{head}</tr></thead>\n<tbody>{body}</tbody></table></div>')


def frequency_table(counts: np.ndarray, expected: np.ndarray, rejected: int, colors: Sequence[str],
                    digits: Sequence[str]) -> str:
    """Colour x digit: observed counts, the expected ones below them, shaded by their ratio."""
    wanted = expected * (counts.sum() + rejected)
    rows = []
    for row, color in enumerate(colors):
        cells = []
        for column in range(len(digits)):
            observed, hoped = float(counts[row, column]), float(wanted[row, column])
            missing = ' class="missing"' if observed < MISSING_BELOW * hoped else ""
            cells.append(f'<td{missing} style="background:{ratio_color(observed, hoped)}">{observed:,.0f}'
                         f'<small>{hoped:,.0f}</small></td>')
        cells.append(_sum(counts[row].sum(), wanted[row].sum()))
        rows.append(f'<tr><th class="row">{escape(color)}</th>{"".join(cells)}</tr>')
    sums = "".join(_sum(counts[:, column].sum(), wanted[:, column].sum()) for column in range(len(digits)))
    total = f'<td class="sum">{counts.sum():,.0f}<small>+{int(rejected):,} rej.</small></td>' if rejected else (
        f'<td class="sum">{counts.sum():,.0f}</td>')
    rows.append(f'<tr><th class="row">all</th>{sums}{total}</tr>')
    return _heat([*digits, "all"], rows)


def error_table(counts: np.ndarray, error_sum: np.ndarray, top: float, colors: Sequence[str], digits: Sequence[str]) -> str:
    """Colour x digit: mean error in pixels; `top` is the error of the darkest shade."""
    rows = []
    for row, color in enumerate(colors):
        cells = []
        for column in range(len(digits)):
            count = float(counts[row, column])
            if count == 0:
                cells.append('<td class="empty">none</td>')
                continue
            error = float(error_sum[row, column]) / count
            cells.append(f'<td style="background:{blend(ERROR_TOP, math.sqrt(error / top) if top else 0)}">{error:.1f}</td>')
        cells.append(_mean_error(counts[row], error_sum[row]))
        rows.append(f'<tr><th class="row">{escape(color)}</th>{"".join(cells)}</tr>')
    sums = "".join(_mean_error(counts[:, column], error_sum[:, column]) for column in range(len(digits)))
    rows.append(f'<tr><th class="row">all</th>{sums}{_mean_error(counts, error_sum)}</tr>')
    return _heat([*digits, "all"], rows)


def frequency_legend() -> str:
    shades = (("less than a tenth (missing)", 0.0), ("half", 0.5), ("as expected", 1.0), ("twice", 2.0), ("8 times or more", 8.0))
    keys = "".join(f'<span><i style="background:{ratio_color(ratio, 1.0)};'
                   f'{"outline:1px solid #b5662a;" if ratio == 0 else ""}"></i>{text}</span>' for text, ratio in shades)
    return f'<div class="legend"><span>Shade: samples against expectation</span>{keys}</div>'


def tiles(data: bytes, size: Tuple[int, int], colors: Sequence[str], digits: Sequence[str], alt: str) -> str:
    """The grid of example images with the names of its rows and columns."""
    columns = "".join(f"<span>{escape(name)}</span>" for name in digits)
    names = "".join(f"<span>{escape(name)}</span>" for name in colors)
    return (f'<div class="tiles"><div class="columns">{columns}</div><div class="names">{names}</div>'
            f'{image(data, alt, "pixels", size)}</div>')


def image(data: bytes, alt: str, kind: str = "", size: Optional[Tuple[int, int]] = None) -> str:
    """A PNG inside the page; `size` is (width, height)."""
    shape = f' width="{size[0]}" height="{size[1]}"' if size else ""
    return f'<img{_class(kind)}{shape} alt="{escape(alt)}" src="data:image/png;base64,{base64.b64encode(data).decode()}">'


def figure(uri: str, alt: str, caption: str) -> str:
    return f'<figure><img alt="{escape(alt)}" src="{uri}"><figcaption>{escape(caption)}</figcaption></figure>'


def facts(rows: Sequence[Sequence[str]]) -> str:
    """Name in the first column, values in the others."""
    body = "".join(f"<tr><th>{escape(row[0])}</th>" + "".join(f"<td>{escape(value)}</td>" for value in row[1:]) + "</tr>"
                   for row in rows)
    return f'<table class="facts">{body}</table>'


def ratio_color(observed: float, expected: float) -> str:
    """White where they agree, orange for too few, blue for too many, full at a factor of ten or eight."""
    if expected <= 0:
        return "#ffffff" if observed == 0 else blend(TOO_MANY, 1)
    ratio = observed / expected
    if ratio < 1:
        return blend(TOO_FEW, min(1.0, -math.log10(max(ratio, 0.1))))
    return blend(TOO_MANY, min(1.0, math.log2(ratio) / 3))


def blend(color: Tuple[int, int, int], share: float) -> str:
    """White at 0, the colour at 1."""
    share = min(1.0, max(0.0, share))
    return "#" + "".join(f"{round(255 + share * (channel - 255)):02x}" for channel in color)


def _heat(header: Sequence[str], rows: List[str]) -> str:
    names = "".join(f"<th>{escape(name)}</th>" for name in header)
    return f'<table class="heat"><thead><tr><th class="row"></th>{names}</tr></thead><tbody>{"".join(rows)}</tbody></table>'


def _sum(observed: float, wanted: float) -> str:
    return f'<td class="sum">{observed:,.0f}<small>{wanted:,.0f}</small></td>'


def _mean_error(counts: np.ndarray, error_sum: np.ndarray) -> str:
    total = float(counts.sum())
    return f'<td class="sum">{float(error_sum.sum()) / total:.1f}</td>' if total else '<td class="sum">none</td>'


def _class(kind: str) -> str:
    return f' class="{kind}"' if kind else ""


def _span(span: int) -> str:
    return f' colspan="{span}"' if span > 1 else ""
