"""Places to upload to, on loopback: a real nginx with WebDAV, and servers that do what one wishes them not to."""

from __future__ import annotations

import http.server
import os
import shutil
import socket
import subprocess
import tarfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner, Result

from probe.cli.main import cli
from probe.config.consent.consent_check import make_consent
from probe.config.settings import Settings, StoreSettings, UploadSettings
from probe.config.settings_edit import edit_settings
from probe.store.runs.run_writer import write_run
from stored import a_result

SECRET = "geheim-5af3"
NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/sbin:/usr/local/sbin")
_CONFIGURATION = """
{before} daemon off; worker_processes 1; pid {home}/pid; error_log stderr notice; {user}
events {{ worker_connections 64; }}
http {{
  access_log {home}/access; client_body_temp_path {home}/body; client_max_body_size 64m;
  proxy_temp_path {home}/p; fastcgi_temp_path {home}/f; uwsgi_temp_path {home}/u; scgi_temp_path {home}/s;
  server {{
    listen 127.0.0.1:{port}; root {home}/dav;
    location / {{ dav_methods PUT MKCOL; create_full_put_path {full}; {more} }}
  }}
}}
"""


@contextmanager
def nginx(home: Path, *, full: str = "on", more: str = "", before: str = "") -> Iterator[tuple[str, Path]]:
    """(URL, folder) of a real WebDAV server, while the block runs."""
    assert NGINX
    home.mkdir()
    (home / "dav").mkdir()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    user = "user root;" if os.geteuid() == 0 else ""
    (home / "conf").write_text(_CONFIGURATION.format(home=home, port=port, user=user, full=full, more=more,
                                                     before=before))
    process = subprocess.Popen([NGINX, "-p", str(home), "-c", str(home / "conf")], stderr=subprocess.PIPE)
    assert process.stderr
    said = []
    try:
        for line in process.stderr:
            said.append(line)
            if b"start worker processes" in line:
                break
        else:
            raise AssertionError(b"".join(said).decode())
        yield f"http://127.0.0.1:{port}", home / "dav"
    finally:
        process.terminate()
        process.stderr.read()
        process.wait()


def free_ports(count: int) -> list[int]:
    """Ports of loopback on which nobody listens."""
    taken = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    try:
        return [one.getsockname()[1] for one in taken]
    finally:
        for one in taken:
            one.close()


@contextmanager
def running_nginx(text: str, path: Path) -> Iterator[None]:
    """The real server by a configuration that an operator gets, while the block runs; its errors are read here."""
    assert NGINX
    text = f"user root;\n{text}" if os.geteuid() == 0 else text
    path.write_text(text.replace("error_log /dev/null crit", "error_log stderr notice"))
    process = subprocess.Popen([NGINX, "-e", "stderr", "-c", str(path)], stderr=subprocess.PIPE)
    assert process.stderr
    try:
        said = []
        for line in process.stderr:
            said.append(line)
            if b"start worker processes" in line:
                break
        else:
            raise AssertionError(b"".join(said).decode())
        yield
    finally:
        process.terminate()
        process.stderr.read()
        process.wait()


class Handler(http.server.BaseHTTPRequestHandler):
    """Notes what is asked; the server's `answer` decides what becomes of it."""

    protocol_version = "HTTP/1.1"
    server: Answering

    def _any(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.asked.append((self.command, self.path, dict(self.headers), body))
        self.server.answer(self)

    do_PUT = do_GET = do_MKCOL = do_POST = do_HEAD = do_PROPFIND = _any

    def reply(self, status: int, body: bytes = b"", **headers: str) -> None:
        """A whole answer."""
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


class Answering(http.server.ThreadingHTTPServer):
    """A server on loopback."""

    daemon_threads = True

    def __init__(self, answer: Callable[[Handler], None]) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answer = answer
        self.asked: list[tuple[str, str, dict[str, str], bytes]] = []
        self.stopped = threading.Event()
        self.flooded = 0
        """Bytes that a client let be sent to it."""

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that leaves is what some tests are about."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


@contextmanager
def answering(answer: Callable[[Handler], None]) -> Iterator[Answering]:
    """A server that answers like this."""
    server = Answering(answer)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield server
    finally:
        server.stopped.set()
        server.shutdown()
        server.server_close()


def drip(handler: Handler) -> None:
    """A header that never ends, a byte now and then."""
    while not handler.server.stopped.wait(0.05):
        handler.wfile.write(b"H")
        handler.wfile.flush()


def flood(handler: Handler) -> None:
    """An error with a body that never ends."""
    handler.send_response(500)
    handler.send_header("Transfer-Encoding", "chunked")
    handler.end_headers()
    sent = 0
    while not handler.server.stopped.is_set() and sent < 1 << 30:
        handler.wfile.write(b"100000\r\n" + b"\x1b" * (1 << 20) + b"\r\n")
        sent += 1 << 20
        handler.server.flooded = sent


def with_runs(results: Path, names: str = "abc", *, day: int = 4) -> Path:
    """A results folder with a run a letter."""
    for name in names:
        result = a_result(f"r-{name}", f"2017-05-{day:02}T06:12:00Z")
        write_run(replace(result, run=replace(result.run, schema_version="1")), results, parquet=False)
    return results


def agreed(upload: UploadSettings, path: Path, *, store: StoreSettings | None = None) -> Path:
    """A configuration that agrees to this upload."""
    settings = Settings(upload=upload)
    consent = msgspec.to_builtins(make_consent(settings, level=1, today=date(2026, 11, 25)))
    tables = {"upload": {k: v for k, v in msgspec.to_builtins(upload).items() if v}, "consent": consent,
              "store": msgspec.to_builtins(store or StoreSettings())}
    path.write_text(edit_settings("", tables))
    path.chmod(0o600)
    return path


def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of the environment of whoever runs the tests decides where something goes."""
    monkeypatch.setattr("probe.cli.status._device", lambda: [])  # it asks the routing table
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


def no_patience(handler: Handler) -> None:
    """A failure with what would hurt a terminal, and a secret."""
    handler.reply(500, b"\x1b]0;own your terminal\x07" + SECRET.encode())


def call(*arguments: str) -> Result:
    """The command line."""
    return CliRunner().invoke(cli, arguments)


def upload(config: Path, results: Path, *more: str) -> Result:
    """`probe upload` by hand."""
    return call("upload", "--config", str(config), "--results", str(results), *more)


def to(url: str, tmp_path: Path, **others: str) -> Path:
    """A configuration that agrees to an upload to this URL."""
    return agreed(UploadSettings(to=url, **others), tmp_path / "probe.toml")


def unpacked(archive: Path) -> dict[str, bytes]:
    """Name -> content of the files in an archive, by the standard library's reader."""
    with tarfile.open(archive) as found:
        return {member.name: file.read() for member in found if (file := found.extractfile(member))}
