"""An inbox of ours on loopback, and volunteers who upload to it as `probe upload` does."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from probe.config.settings import UploadSettings
from probe.store.signing.age_proofs import IssuerKeys
from probe.upkeep.upload.http_upload import HttpSender
from probe_operate.helper.helper_server import CalmServer
from probe_operate.receiving.inbox_app import InboxDesk
from probe_operate.receiving.inbox_server import make_inbox_desk, open_inbox_server
from probe_operate.receiving.logins import make_login, write_logins
from probe_operate.receiving.shares import ShareLimits
from probe_operate.services.web_server import INBOX_PATH
from project_root import ROOT

PASSWORD = "geheim-{}"
SMALL = ShareLimits(bytes_per_day=2_000, files_per_day=5, bytes=5_000, files=12)


@dataclass(frozen=True, slots=True, kw_only=True)
class InboxWorld:
    """An inbox that listens."""

    home: Path
    url: str
    desk: InboxDesk | None = None

    @property
    def folder(self) -> Path:
        """What was taken."""
        return self.home / "inbox"

    def sender(self, name: str) -> HttpSender:
        """What a volunteer sends with."""
        return HttpSender(UploadSettings(to=self.url), {"user": name, "password": PASSWORD.format(name)})

    def files(self) -> dict[str, bytes]:
        """Path -> content of all that was taken."""
        return {path.relative_to(self.folder).as_posix(): path.read_bytes()
                for path in self.folder.rglob("*") if path.is_file()}


def make_logins(home: Path, names: Sequence[str], *, shares: int = 1) -> Path:
    """The file of logins for these names."""
    path = home / "logins"
    write_logins(path, [make_login(name, PASSWORD.format(name), shares=shares) for name in names])
    return path


@contextmanager
def receiving(home: Path, *names: str, limits: ShareLimits | None = None, shares: int = 1,
              issuer: IssuerKeys | None = None, port: int = 0, logins: Path | None = None,
              least_free_bytes: int = 0) -> Iterator[InboxWorld]:
    """An inbox in this process, as long as the block runs."""
    path = logins or make_logins(home, names, shares=shares)
    desk = make_inbox_desk(home / "inbox", path, limits or ShareLimits(), prefix=INBOX_PATH,
                           least_free_bytes=least_free_bytes, issuer=issuer)
    server, sock = open_inbox_server(desk, "127.0.0.1", port)
    with sock:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [sock]}, daemon=True)
        thread.start()
        try:
            yield InboxWorld(home=home, url=f"http://127.0.0.1:{sock.getsockname()[1]}/inbox", desk=desk)
        finally:
            stop(server, thread)


def stop(server: CalmServer, thread: threading.Thread) -> None:
    """Ends it in good order."""
    server.stop()
    thread.join(20)


@dataclass(kw_only=True)
class InboxProcess:
    """An inbox in a process of its own, which can be killed and started again on the same port."""

    home: Path
    port: int
    names: Sequence[str]
    arguments: Sequence[str] = ()
    limit_bytes: int = 0
    """What one file may have in that process; 0: no limit."""
    process: subprocess.Popen[bytes] | None = field(default=None)

    def start(self) -> InboxWorld:
        """Until it listens."""
        make_logins(self.home, self.names)
        paths = os.pathsep.join(str(ROOT / house) for house in (".", "analysis", "operate", "lab"))
        command = [sys.executable, "-m", "probe", "operate", "inbox", str(self.home / "inbox"), "--logins",
                   str(self.home / "logins"), "--listen", f"127.0.0.1:{self.port}", "--least-free-mb", "0",
                   *self.arguments]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": paths})
        if self.limit_bytes:
            import resource

            resource.prlimit(self.process.pid, resource.RLIMIT_FSIZE, (self.limit_bytes, self.limit_bytes))
        assert self.process.stdout
        assert self.process.stdout.readline().startswith(b"listening")
        return InboxWorld(home=self.home, url=f"http://127.0.0.1:{self.port}/inbox")

    def kill(self) -> None:
        """As a power cut or the kernel would."""
        if self.process and self.process.poll() is None:
            os.kill(self.process.pid, signal.SIGKILL)
            self.process.wait()


def name_run(who: str, number: int, *, day: date = date(2026, 11, 28)) -> str:
    """The name of an upload."""
    return f"{who}/archives/date={day}/r-{who}-{number}.tgz"
