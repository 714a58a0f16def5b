"""What all sending has in common: one after the other, until all is there, the time is over, or something fails."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from probe.core.progress import Progress
from probe.upkeep.upload.sender import UploadError
from probe.upkeep.upload.upload_state import UploadState, get_now, note_failure, write_state

T = TypeVar("T")


class EnoughSent(Exception):
    """The time is over, or as many were sent as was asked for."""


@dataclass(slots=True, kw_only=True)
class Sending:
    """What became of it."""

    runs: int = 0
    """Runs of which nothing is left to be sent."""
    left: int = 0
    """Runs that still wait."""
    failure: str = ""
    state: UploadState


def send_each(queue: Sequence[T], send: Callable[[T], None], done: Sending, directory: Path, folder: str, *,
              progress: Progress, rng: random.Random | None) -> None:
    """One failure ends it and is remembered, with when to try again; the state is written. Raises StoreError."""
    try:
        for number, one in enumerate(queue, start=1):
            send(one)
            progress(number, len(queue))
    except UploadError as error:
        done.failure = str(error)
        done.state = note_failure(done.state, done.failure, at=get_now(), rng=rng or random.SystemRandom())
    except EnoughSent:
        pass
    finally:
        write_state(directory, done.state, folder)
