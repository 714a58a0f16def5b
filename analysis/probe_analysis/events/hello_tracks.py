"""The shapes of the volunteers' own ClientHellos beside the cells of a series, and how each fared where any failed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from probe.core.own_hellos import HELLO_WORD
from probe_analysis.events.cell_columns import CodedColumn
from probe_analysis.events.segments import Ints

_SENT: Final = re.compile(HELLO_WORD, re.ASCII)
_STRUCK: Final = re.compile(rf"(?P<shape>{HELLO_WORD})=(?P<blocked>\d{{1,9}})/(?P<failed>\d{{1,9}})/(?P<ok>\d{{1,9}})",
                            re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class ShapeCount:
    """Verdicts of one shape in one cell, or in several."""

    blocked: int = 0
    failed: int = 0
    """Blocked, or left open and suspected."""
    ok: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class HelloWords:
    """What the numbers of a table's cells stand for."""

    sent: tuple[frozenset[str], ...]
    struck: tuple[Mapping[str, ShapeCount], ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class HelloTrack:
    """What is known of hellos in the cells of a series of one network."""

    times: Ints
    sent: NDArray[np.unsignedinteger]
    """Numbers in `words.sent`: shapes that the network's probes sent in the cell."""
    struck: NDArray[np.unsignedinteger]
    """Numbers in `words.struck`: how each fared, where any failed."""
    words: HelloWords
    of_failures: bool = False
    """The series counts all that failed, not only what was found blocked."""


def read_words(sent: CodedColumn, struck: CodedColumn) -> HelloWords | None:
    """The words of the columns `hellos` and `struck_hellos`; None where they tell of no shape."""
    shapes = tuple(frozenset(word for word in str(text or "").split(" ") if _SENT.fullmatch(word))
                   for text in sent.names)
    if not any(shapes):
        return None
    return HelloWords(sent=shapes, struck=tuple(_read_struck(str(text or "")) for text in struck.names))


def _read_struck(text: str) -> Mapping[str, ShapeCount]:
    found = (_STRUCK.fullmatch(word) for word in text.split(" "))
    return {one["shape"]: ShapeCount(blocked=int(one["blocked"]), failed=int(one["failed"]), ok=int(one["ok"]))
            for one in found if one}


def choose_cells(track: HelloTrack, chosen: slice | NDArray[np.bool_]) -> HelloTrack:
    """The track of some of its cells."""
    return replace(track, times=track.times[chosen], sent=track.sent[chosen], struck=track.struck[chosen])
