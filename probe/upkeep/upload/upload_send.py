"""Sends what waits, oldest first, until all is there, the time is over, or something fails."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from probe.config.destination import OBJECT_STORES
from probe.config.settings import Settings
from probe.core.progress import Progress, ignore_progress
from probe.store.archive.own_files import UPLOAD_FOLDER
from probe.store.files.atomic import StoreError
from probe.upkeep.upload.folder_upload import FolderSender
from probe.upkeep.upload.http_upload import HttpSender
from probe.upkeep.upload.introduction import Introduction
from probe.upkeep.upload.object_stores import AZURE_HEADERS, UrlSigner
from probe.upkeep.upload.parcel import RunParcel, pack_run
from probe.upkeep.upload.sender import Sender
from probe.upkeep.upload.sending import EnoughSent, Sending, send_each
from probe.upkeep.upload.upload_keys import read_upload_keys
from probe.upkeep.upload.upload_state import get_now, list_waiting_runs, note_done, prune_state, read_state, write_state

Seal = Callable[[str, bytes], tuple[str, bytes]]
"""Name and content of a file -> those under which it is sent."""
FILE_S = 300.0
"""What one file may take."""
_SAVE_EVERY_S = 2.0
"""A kill makes us send again what was sent since: a long queue does not wear out a memory card."""
_LEAST_S = 1.0


@dataclass(slots=True, kw_only=True)
class SendResult(Sending):
    """What became of an upload."""

    bytes: int = 0
    """As they were sent, packed."""
    unpacked_bytes: int = 0
    """Of the same runs' tables, as they are stored."""
    other_side: int = 0
    """Runs that are never sent from here: made in the laboratory, or not."""
    unreadable: list[str] = field(default_factory=list)


def make_sender(settings: Settings, results: Path) -> Sender:
    """How to send to the configured place. Raises SettingsError; sends nothing."""
    upload, keys = settings.upload, read_upload_keys(settings)
    scheme = upload.to.partition("://")[0]
    if scheme == "file":
        return FolderSender(upload.to, results)
    if scheme not in OBJECT_STORES:
        return HttpSender(upload, keys, introduce=Introduction(upload.issuer_keys, get_now) if upload.issuer else None)
    return HttpSender(upload, keys, signed=UrlSigner(upload, keys).url, headers=AZURE_HEADERS if scheme == "az" else {})


def make_sealer(settings: Settings) -> Seal | None:
    """How runs are encrypted for whoever alone may read them; None where they are not. Raises SettingsError."""
    if not settings.upload.encrypt_to:
        return None
    from probe.store.archive.sealed_runs import read_recipient, seal

    recipient = read_recipient(settings.upload.encrypt_to)
    return lambda name, content: seal(name, content, recipient)


def send_waiting_runs(directory: Path, place: str, sender: Sender, *, for_s: float, lab: bool = False,
                      seal: Seal | None = None, progress: Progress = ignore_progress,
                      rng: random.Random | None = None) -> SendResult:
    """Send every run that waits. One failure ends it and is remembered, with when to try again.

    `lab`: whether this is the laboratory; runs made there are sent nowhere else, and the other way round. `seal`: how
    they are encrypted. Only the
    holder of the upload's lock may call this. Raises StoreError when the state cannot be read or written.
    """
    done = SendResult(state=prune_state(read_state(directory, place), directory))
    ends, saved = time.monotonic() + for_s, time.monotonic()

    def send(one: tuple[str, str]) -> None:
        nonlocal saved
        _send_run(directory, *one, sender, ends, done, lab, seal)
        if time.monotonic() - saved > _SAVE_EVERY_S:
            write_state(directory, done.state)
            saved = time.monotonic()

    queue = list_waiting_runs(directory, done.state)
    send_each(queue, send, done, directory, UPLOAD_FOLDER, progress=progress, rng=rng)
    done.left = len(list_waiting_runs(directory, done.state))
    return done


def measure_waiting_runs(directory: Path, place: str, *, lab: bool = False, seal: Seal | None = None,
                         progress: Progress = ignore_progress) -> SendResult:
    """What `send_waiting_runs` would send, with sizes; nothing is sent or written. Raises StoreError."""
    done = SendResult(state=read_state(directory, place))
    queue = list_waiting_runs(directory, done.state)
    for number, (day, run_id) in enumerate(queue, start=1):
        if (parcel := _pack(directory, day, run_id, done, lab)) is not None:
            _count(_sealed(parcel, seal), done)
        progress(number, len(queue))
    return done


def _send_run(directory: Path, day: str, run_id: str, sender: Sender, ends: float, done: SendResult, lab: bool,
              seal: Seal | None) -> None:
    if (parcel := _pack(directory, day, run_id, done, lab)) is None:
        return
    left_s = ends - time.monotonic()
    if left_s < _LEAST_S:
        raise EnoughSent
    parcel = _sealed(parcel, seal)
    answer = sender.put(parcel.name, parcel.content, timeout_s=min(FILE_S, left_s))
    done.state = note_done(done.state, day, run_id, at=get_now(), answer=answer)
    _count(parcel, done)


def _pack(directory: Path, day: str, run_id: str, done: SendResult, lab: bool) -> RunParcel | None:
    """The run as it is sent; None, and noted, where it is not to be sent."""
    try:
        parcel = pack_run(directory, day, run_id)
    except StoreError as error:
        done.unreadable.append(str(error))  # it waits; the others need not wait for it
        return None
    if parcel.run.vantage.lab is lab:
        return parcel
    done.other_side += 1
    done.state = note_done(done.state, day, run_id, at=None)
    return None


def _sealed(parcel: RunParcel, seal: Seal | None) -> RunParcel:
    if seal is None:
        return parcel
    name, content = seal(parcel.name, parcel.content)
    return replace(parcel, name=name, content=content)


def _count(parcel: RunParcel, done: SendResult) -> None:
    done.runs += 1
    done.bytes += len(parcel.content)
    done.unpacked_bytes += parcel.unpacked_bytes
