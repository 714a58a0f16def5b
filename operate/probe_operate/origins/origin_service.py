"""Takes lines of a web server from a socket: one thread receives, so that none is lost, and another one writes."""

from __future__ import annotations

import os
import socket
import stat
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from queue import Empty, Full, Queue

from probe.store.files.atomic import make_folder, translate_os_errors
from probe_operate.origins.origin_files import OriginFiles
from probe_operate.origins.upload_lines import MAX_LINE_BYTES

MOST_WAITING = 20_000
"""Lines that wait to be written."""
_AT_ONCE = 500
_TELL_EVERY_S = 60.0
_WAIT_S = 1.0
_MAX_PATH_BYTES = 100
"""Of a socket; the system takes 107 (unix(7))."""


def listen(path: Path) -> socket.socket:
    """A socket for the web server's lines, which this user alone may write to. Raises StoreError, ValueError."""
    if len(os.fsencode(path)) > _MAX_PATH_BYTES:
        raise ValueError(f"{path}: too long for a socket; choose a path of {_MAX_PATH_BYTES} bytes at most")
    make_folder(path.parent)
    made = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    try:
        with translate_os_errors(path):
            if path.exists() and stat.S_ISSOCK(path.stat().st_mode):  # of a service that ended
                path.unlink()
            made.bind(str(path))
            path.chmod(0o600)
    except BaseException:
        made.close()
        raise
    made.settimeout(_WAIT_S)
    return made


class OriginService:
    """Receives and writes until `stop`."""

    def __init__(self, sock: socket.socket, files: OriginFiles) -> None:
        self._socket, self._files = sock, files
        self._waiting: Queue[bytes] = Queue(MOST_WAITING)
        self._stop = threading.Event()
        self._lost = 0

    def stop(self) -> None:
        """Ends `serve` soon: what was received is written."""
        self._stop.set()

    def serve(self, get_now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        """Until `stop`. Raises StoreError, GeoError: then a service manager starts it anew."""
        receiver = threading.Thread(target=self._receive, daemon=True)
        receiver.start()
        reported_s = -_TELL_EVERY_S
        try:
            while receiver.is_alive() or not self._waiting.empty():
                if lines := self._take():
                    self._files.keep(lines, get_now())
                if time.monotonic() - reported_s >= _TELL_EVERY_S:
                    reported_s = time.monotonic()
                    self._tell(get_now())
            self._tell(get_now())
        finally:
            self._stop.set()
            receiver.join()

    def _tell(self, now: datetime) -> None:
        lost, self._lost = self._lost, 0
        self._files.status.lost += lost
        self._files.tell(now)

    def _take(self) -> list[bytes]:
        """The lines that wait, after a while none."""
        found: list[bytes] = []
        with suppress(Empty):
            found.append(self._waiting.get(timeout=_WAIT_S))
            while len(found) < _AT_ONCE:
                found.append(self._waiting.get_nowait())
        return found

    def _receive(self) -> None:
        while not self._stop.is_set():
            with suppress(TimeoutError):
                self._accept()
        self._socket.setblocking(False)
        with suppress(BlockingIOError):
            for _ in range(MOST_WAITING):  # what was sent before
                self._accept()

    def _accept(self) -> None:
        line = self._socket.recv(MAX_LINE_BYTES + 1)
        try:
            self._waiting.put_nowait(line)
        except Full:
            self._lost += 1
