"""Charts as PNG: the SVG files drawn twice as large, by resvg with the system's fonts.

The library ends the process where a picture is larger than memory, so its size is bounded before it is asked.
"""

from __future__ import annotations

import math
import re

from probe.store.files.atomic import StoreError

SCALE = 2.0
"""Pixels of the PNG for each of the SVG, across and down."""
_MOST_PIXELS = 40_000_000
_SIZE = re.compile(r'<svg [^>]*?\bwidth="(\d{1,9})" height="(\d{1,9})"')
_NO_FONT = ("no font was found to write the words of the charts with: install DejaVu Sans, Liberation Sans or Arial "
            "(package fonts-dejavu-core); SVG needs none")


def check_png(style: str) -> None:
    """Raises StoreError, saying what to do, where PNG cannot be made here: no font is there for that CSS."""
    if _sample(style, "nя") == _sample(style, ""):
        raise StoreError(_NO_FONT)


def render_png(svg: str) -> bytes:
    """The picture of a chart's SVG, `SCALE` times as large, or as large as 40 million pixels allow.

    Raises StoreError where the SVG has no size or cannot be drawn.
    """
    import resvg_py

    size = _SIZE.search(svg)
    if size is None:
        raise StoreError("the chart has no size: PNG cannot be made of it")
    width, height = int(size[1]), int(size[2])
    scale = min(SCALE, math.sqrt(_MOST_PIXELS / max(1, width * height)))
    try:
        return bytes(resvg_py.svg_to_bytes(svg_string=svg, zoom=scale))
    except ValueError as error:
        raise StoreError(f"a chart could not be drawn as PNG: {error}") from error


def _sample(style: str, words: str) -> bytes:
    return render_png(f'<svg xmlns="http://www.w3.org/2000/svg" width="40" height="20"><style>{style}</style>'
                      f'<text x="2" y="15">{words}</text></svg>')
