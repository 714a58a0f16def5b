"""The laboratory's servers alone, in a network namespace of one test: every address is local, nothing leaves."""

from __future__ import annotations

import functools
import json
import os
import socket
import ssl
import subprocess
import sys
import traceback
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import Message
from http.client import HTTPResponse
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, ParamSpec
from urllib.parse import urlsplit

import pytest
from pyroute2 import IPRoute

from probe.core.endpoints import Endpoint, Expectation
from probe_lab.host.namespaces import NEW_NET, enter_new_user, unshare
from probe_lab.lab_types import DrawnScenario, Fault, World
from probe_lab.pki import make_pki
from probe_lab.servers import serve
from probe_lab.world import draw_world
from project_root import LAB_CLIENTS

P = ParamSpec("P")

"""Programs that are run on the client's side; each prints JSON."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """A world whose servers run."""

    world: World
    pki: Path
    log_path: Path
    server_pid: int

    def address(self, name: str) -> str:
        """The first IPv4 address of a name."""
        return self.world.hosts[name].ipv4[0]

    def trusting(self, anchor: str = "ca.pem") -> ssl.SSLContext:
        """A client that trusts one authority of this world and nobody else, as strictly as Python can."""
        context = ssl.create_default_context(cafile=str(self.pki / anchor))
        context.verify_flags |= ssl.VERIFY_X509_STRICT
        return context


def in_namespace(test: Callable[P, None]) -> Callable[P, None]:
    """Run a test in a child process with a network namespace of its own in which every address is local."""

    @functools.wraps(test)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        reader, writer = os.pipe()
        sys.stdout.flush()
        child = os.fork()
        if child == 0:
            status = 0
            try:
                _make_everything_local()
                test(*args, **kwargs)
            except BaseException:
                os.write(writer, traceback.format_exc().encode()[-30000:])
                status = 1
            finally:
                os._exit(status)
        os.close(writer)
        with os.fdopen(reader, "rb") as pipe:
            report = pipe.read().decode()
        if os.waitpid(child, 0)[1] != 0:
            pytest.fail(report or "the child process died", pytrace=False)

    return run


def _make_everything_local() -> None:
    if os.geteuid() != 0:
        enter_new_user(uid=0, gid=0)
    unshare(NEW_NET)
    Path("/proc/sys/net/ipv6/conf/all/disable_ipv6").write_text("0")
    with IPRoute() as route:
        lo = route.link_lookup(ifname="lo")[0]
        route.link("set", index=lo, state="up")
        route.route("add", dst="0.0.0.0/0", table=255, scope=254, type="local", oif=lo, family=socket.AF_INET)
        route.route("add", dst="::/0", table=255, type="local", oif=lo, family=socket.AF_INET6)


@contextmanager
def serving(
    endpoints: Sequence[Endpoint],
    *faults: Fault,
    seed: int,
    clock_shift_s: int = 0,
    log_path: Path | None = None,
    shared: Mapping[str, str] | None = None,
) -> Iterator[Served]:
    """Serve a world drawn for these rows until the block ends; `shared` as in `draw_world`."""
    world = draw_world(seed=seed, endpoints=endpoints, clock_shift_s=clock_shift_s, shared=shared)
    drawn = DrawnScenario(
        name="test", title="", kind="innocent", seed=seed, world=world, rules=(), faults=faults, expects=(),
        aliases={}, targets=(),
    )
    with TemporaryDirectory() as folder:
        pki, log_path = Path(folder, "pki"), log_path or Path(folder, "truth.jsonl")
        make_pki(pki, clock_shift_s=clock_shift_s, world=world)
        is_ready, says_ready = os.pipe()
        is_stopped, says_stop = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                os.close(says_stop)
                serve(drawn, str(log_path), says_ready, is_stopped, str(pki), endpoints)
                os._exit(0)
            except BaseException:
                traceback.print_exc()
                os._exit(1)
        os.close(says_ready)
        try:
            assert os.read(is_ready, 1), "the servers did not start; see their traceback"
            yield Served(world=world, pki=pki, log_path=log_path, server_pid=child)
        finally:
            os.close(says_stop)
            os.close(is_ready)
            assert os.waitpid(child, 0)[1] == 0, "the servers ended badly"


def row(url: str, **fields: object) -> Endpoint:
    """A catalogue row for a URL with a port that fits; `expect_*` fields go to its expectation."""
    parts = urlsplit(url)
    expect = {key.removeprefix("expect_"): fields.pop(key) for key in list(fields) if key.startswith("expect_")}
    port = parts.port or {"http": 80, "https": 443, "wss": 443}.get(parts.scheme, 0)
    secure = parts.scheme in ("https", "wss", "tlshandshake")
    values: dict[str, object] = {
        "target_id": "t.web.x", "service": "t", "role": "web", "tier": 1, "input": url, "protocol": parts.scheme,
        "host": parts.hostname or "", "port": port, "sni": (parts.hostname or "") if secure else "",
        "trust": "web_pki" if secure else "none", "expect": Expectation(**expect),  # type: ignore[arg-type]
    }
    return Endpoint(**(values | fields))  # type: ignore[arg-type]


def connect(address: str, port: int, *, source: str = "") -> socket.socket:
    """A TCP connection, perhaps from a given address."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    client = socket.socket(family, socket.SOCK_STREAM)
    client.settimeout(20)
    if source:
        client.bind((source, 0))
    client.connect((address, port))
    return client


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An HTTP answer with its body decoded."""

    status: int
    headers: Message
    body: bytes


def request(
    client: socket.socket, host: str, target: str = "/", *, method: str = "GET", headers: str = "", body: bytes = b""
) -> Answer:
    """Send one request on an open connection and read the answer; the connection stays open."""
    length = f"Content-Length: {len(body)}\r\n" if body else ""
    client.sendall(f"{method} {target} HTTP/1.1\r\nHost: {host}\r\n{headers}{length}\r\n".encode() + body)
    response = HTTPResponse(client, method=method)
    response.begin()
    encoding, data = response.headers.get("Content-Encoding", ""), response.read()
    if data and encoding:
        data = zlib.decompress(data, {"gzip": 31, "deflate": -15}[encoding])
    return Answer(status=response.status, headers=response.headers, body=data)


def get(served: Served, url: str, *, address: str = "", source: str = "", headers: str = "") -> Answer:
    """Fetch a URL of this world, over verified TLS where it says https."""
    parts = urlsplit(url)
    host, secure = parts.hostname or "", parts.scheme in ("https", "wss")
    port = parts.port or (443 if secure else 80)
    client = connect(address or served.address(host), port, source=source)
    if secure:
        client = served.trusting().wrap_socket(client, server_hostname=host)
    with client:
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        return request(client, parts.netloc, target, headers=headers)


def run_client(name: str, *arguments: str) -> dict[str, Any]:
    """Run a program of `lab_clients` in the namespace of this test; what it printed. Patient unless told otherwise."""
    command = [sys.executable, str(LAB_CLIENTS / f"{name}.py"), "--timeout", "40", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found
