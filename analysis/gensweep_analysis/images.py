"""Grids of generated images as PNG: pixels of the file enlarged, nothing interpolated."""

from __future__ import annotations

import io

import numpy as np
from matplotlib.image import imsave

GAP = 2  # pixels between images, at the enlarged scale
GAP_GREY = 58  # on black images a grey gap shows where one ends


def png(pixels: np.ndarray) -> bytes:
    """uint8 (H,W,3) as a PNG file."""
    buffer = io.BytesIO()
    imsave(buffer, pixels, format="png", metadata={"Software": None})
    return buffer.getvalue()


def example_grid(examples: np.ndarray, counts: np.ndarray, scale: int = 2) -> np.ndarray:
    """One example of every bin, (5,6,28,28,3) uint8 -> (H,W,3); a bin without samples is light and crossed out."""
    rows, columns = counts.shape
    tiles = np.empty((rows * columns, 28 * scale, 28 * scale, 3), dtype=np.uint8)
    for place, (row, column) in enumerate(np.ndindex(rows, columns)):
        tiles[place] = enlarge(examples[row, column], scale) if counts[row, column] else _missing(28 * scale)
    return tile(tiles, columns)


def wall(images: np.ndarray, columns: int = 16, scale: int = 1) -> np.ndarray:
    """Images side by side, (N,28,28,3) -> (H,W,3)."""
    return tile(np.stack([enlarge(image, scale) for image in images]), columns)


def template_strip(templates: np.ndarray, scale: int = 2) -> np.ndarray:
    """The digits of the sweep in white."""
    grey = np.round(np.clip(templates, 0, 1) * 255).astype(np.uint8)
    return wall(np.repeat(grey[..., None], 3, axis=-1), columns=len(templates), scale=scale)


def enlarge(image: np.ndarray, scale: int) -> np.ndarray:
    return image.repeat(scale, axis=0).repeat(scale, axis=1)


def tile(tiles: np.ndarray, columns: int) -> np.ndarray:
    """(N,h,w,3) -> one array with gaps; a last row that is not full ends in gap grey."""
    number, height, width = tiles.shape[:3]
    rows = -(-number // columns)
    canvas = np.full((rows * (height + GAP) + GAP, columns * (width + GAP) + GAP, 3), GAP_GREY, dtype=np.uint8)
    for place, pixels in enumerate(tiles):
        top, left = (place // columns) * (height + GAP) + GAP, (place % columns) * (width + GAP) + GAP
        canvas[top: top + height, left: left + width] = pixels
    return canvas


def _missing(size: int) -> np.ndarray:
    """A light tile with a cross: cannot be mistaken for a dark or blank sample."""
    pixels = np.full((size, size, 3), 232, dtype=np.uint8)
    across = np.arange(size)
    margin = size // 4
    inside = (across >= margin) & (across < size - margin)
    for shift in (-1, 0, 1):
        # One bound for both diagonals, so that the arms of the cross are equally thick.
        columns = np.clip(across[inside] + shift, 0, size - 1)
        pixels[across[inside], columns] = (150, 150, 150)
        pixels[across[inside], size - 1 - columns] = (150, 150, 150)
    return pixels
