"""What was asked of Globalping lately: kept, so that a round that was interrupted goes on where it ended."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import msgspec

from probe.config.folders import find_own_state
from probe.controls.globalping.api_client import MAX_WAIT_S
from probe.controls.globalping.questions import Question
from probe.controls.globalping.sighting_book import BookedQuestion
from probe.core.json_decoders import decode_json
from probe.store.files.atomic import make_folder, replace_file

KEEP_S = 5400.0
"""How long an answer serves before the question is asked again: a feed's word counts for two hours."""
MAX_KEPT = 20_000
MAX_BYTES = 64 << 20
_WRITE_EVERY_S = 2.0


class _Kept(msgspec.Struct, frozen=True):
    questions: list[BookedQuestion] = []
    not_before_s: float = 0.0


class GlobalpingState:
    """The file of one feed; damaged ones count as none."""

    def __init__(self, name: str, folder: Path | None = None) -> None:
        self._path = (folder or find_own_state()) / "globalping" / f"{name}.json"
        self._lock, self._written_s = threading.Lock(), 0.0
        read, now_s = self._read(), time.time()
        self._kept: dict[Question, BookedQuestion] = {
            one.question: one for one in read.questions[:MAX_KEPT] if 0 <= now_s - one.at_s <= KEEP_S}
        self._not_before_s = min(read.not_before_s, now_s + MAX_WAIT_S)

    @property
    def known(self) -> tuple[BookedQuestion, ...]:
        """What need not be asked again."""
        return tuple(self._kept.values())

    @property
    def must_wait(self) -> bool:
        """Whether it asked to be left alone until later than now."""
        return time.time() < self._not_before_s

    def wait(self, wait_s: float) -> None:
        """It asks to be left alone for so long."""
        with self._lock:
            self._not_before_s = max(self._not_before_s, time.time() + wait_s)

    def keep(self, booked: BookedQuestion) -> None:
        """Keep one more. Raises StoreError where it cannot be written."""
        with self._lock:
            self._kept[booked.question] = booked
            if time.monotonic() - self._written_s >= _WRITE_EVERY_S:
                self._write()

    def finish(self) -> None:
        """Write what is not written yet. Raises StoreError."""
        with self._lock:
            self._write()

    def _write(self) -> None:
        make_folder(self._path.parent)
        replace_file(self._path, msgspec.json.encode(
            _Kept(questions=list(self._kept.values())[-MAX_KEPT:], not_before_s=self._not_before_s)))
        self._written_s = time.monotonic()

    def _read(self) -> _Kept:
        try:
            with self._path.open("rb") as file:
                return decode_json(file.read(MAX_BYTES), _Kept)
        except (OSError, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return _Kept()
