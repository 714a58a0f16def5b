"""A helper that is flooded says nothing false, stays within its unit's memory, and serves those who ask properly.

The whole program over TLS, in a process of its own; on loopback each /24 stands for a network of clients.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import socket
import ssl
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import trustme

from control_world import HERE, Pages, serving
from probe.instruments.streams.sockets import raise_socket_limit
from probe_operate.services.helper_unit import make_helper_unit
from project_root import ROOT

NAME = "helper.example.org"
HONEST = ("127.0.9.1", "127.0.10.1", "127.0.11.1")
ASKS_EACH = 3
TRIES = 20
"""So often an honest client asks anew that was told to come back."""
SILENT = [f"127.0.66.{last}" for last in range(1, 33)]
HELLO = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"


@dataclass(kw_only=True)
class FloodedHelper:
    """The helper, a site that is well, addresses that are silent, and every answer that anybody got."""

    pid: int
    port: int
    site: int
    silent: int
    trust: ssl.SSLContext
    answers: list[dict[str, Any]] = field(default_factory=list)
    held: list[asyncio.StreamWriter] = field(default_factory=list)
    """What a flood holds until the end: a connection that nobody holds is closed with its writer."""

    @property
    def peak_mb(self) -> float:
        """What its process has held at most."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        found = re.search(r"VmHWM:\s+(\d+) kB", status)
        assert found
        return int(found[1]) / 1024

    def ask_site(self) -> dict[str, Any]:
        """A request about the site."""
        return {"http_request": f"http://{HERE}:{self.site}/", "tcp_connect": [f"{HERE}:{self.site}"],
                "x_endpoints": [{"proto": "tcp", "host": HERE, "port": self.site, "address": HERE}]}

    def ask_silent(self) -> dict[str, Any]:
        """A request about as many silent addresses as one may name, and about the site."""
        entries = [{"proto": "tls", "host": NAME, "port": self.silent, "address": address} for address in SILENT[1:]]
        return {**self.ask_site(), "x_endpoints": [*self.ask_site()["x_endpoints"], *entries]}

    async def connect(self, client: str, *, tls: bool = True) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A connection from an address of one's own choice."""
        more: dict[str, Any] = {"ssl": self.trust, "server_hostname": NAME} if tls else {}
        return await asyncio.open_connection(HERE, self.port, local_addr=(client, 0), **more)

    async def hold(self, client: str, *, tls: bool = True) -> asyncio.StreamWriter:
        """A connection that stays until the end, or until the helper ends it."""
        _, writer = await self.connect(client, tls=tls)
        self.held.append(writer)
        return writer

    async def ask(self, client: str, request: dict[str, Any]) -> dict[str, Any]:
        """Ask once; the answer, or nothing."""
        body = json.dumps(request).encode()
        try:
            reader, writer = await self.connect(client)
            writer.write(b"POST / HTTP/1.1\r\nHost: h\r\nUser-Agent: reachability-probe/1\r\nConnection: close\r\n"
                         b"Content-Length: %d\r\n\r\n" % len(body) + body)
            head, _, text = (await reader.read()).partition(b"\r\n\r\n")
            writer.close()
        except OSError:
            return {}
        if b" 200 " not in head[:16]:
            return {}
        answer: dict[str, Any] = json.loads(text)
        self.answers.append(answer)
        return answer


@contextmanager
def flooded(folder: Path) -> Iterator[FloodedHelper]:
    """Everything, made anew."""
    raise_socket_limit()
    authority = trustme.CA()
    leaf = authority.issue_cert(NAME)
    leaf.private_key_pem.write_to_path(str(folder / "key.pem"))
    leaf.cert_chain_pems[0].write_to_path(str(folder / "chain.pem"))
    trust = ssl.create_default_context()
    authority.configure_trust(trust)
    with ExitStack() as held:
        site = held.enter_context(serving(Pages, None))
        first = held.enter_context(socket.create_server((SILENT[0], 0)))
        silent = int(first.getsockname()[1])
        for address in SILENT[1:]:  # they take connections, and never say a word
            held.enter_context(socket.create_server((address, silent), backlog=512))
        targets = [f"{HERE} {site}", *(f"{address} {silent}" for address in SILENT)]
        (folder / "targets").write_text("\n".join(targets))
        script = str(Path(__file__).parents[1] / "helpers" / "flood_helper.py")
        process = subprocess.Popen([sys.executable, script, str(folder)], stdout=subprocess.PIPE, text=True,
                                   env={**os.environ, "PYTHONPATH": str(ROOT)})
        try:
            assert process.stdout is not None
            port = int(process.stdout.readline())
            yield FloodedHelper(pid=process.pid, port=port, site=site, silent=silent, trust=trust)
        finally:
            process.kill()
            process.communicate()


# ---- the floods

async def hold_silent(world: FloodedHelper) -> None:
    """2,000 connections of one network, and some of each of ten others, that say nothing."""
    clients = ["127.0.1.1"] * 1000 + ["127.0.1.2"] * 1000 + [f"127.0.{net}.1" for net in range(20, 30)] * 100
    for client in clients:
        with suppress(OSError):
            await world.hold(client, tls=False)


async def hold_slow_hellos(world: FloodedHelper) -> None:
    """Hellos that never end."""
    for number in range(400):
        with suppress(OSError):
            writer = await world.hold(f"127.0.{20 + number % 4}.1", tls=False)
            writer.write(HELLO[:1 + number % len(HELLO)])


async def hold_slow_requests(world: FloodedHelper) -> None:
    """Headers and bodies that never end."""
    parts = (b"POST / HTTP/1.1\r\nX-Half: ", b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 900\r\n\r\n{")

    async def hold(number: int) -> None:
        with suppress(OSError):
            writer = await world.hold(f"127.0.{20 + number % 4}.{1 + number % 3}")
            writer.write(parts[number % 2])

    await asyncio.gather(*(hold(number) for number in range(200)))


async def ask_for_silence(world: FloodedHelper) -> None:
    """Four clients of two networks, who order as much silence as they may."""
    clients = ("127.0.1.1", "127.0.1.2", "127.0.2.1", "127.0.2.2")
    await asyncio.gather(*(world.ask(client, world.ask_silent()) for client in clients for _ in range(20)))


async def ask_at_once(world: FloodedHelper) -> None:
    """One network asks for everything at once."""
    await asyncio.gather(*(world.ask(f"127.0.1.{1 + number % 50}", world.ask_site()) for number in range(300)))


async def ask_properly(world: FloodedHelper, client: str) -> int:
    """Ask as a probe does, and again when told to; how often it was served."""
    served = 0
    for _ in range(ASKS_EACH):
        for _ in range(TRIES):
            answer = await world.ask(client, world.ask_site())
            if answer and answer["http_request"]["status_code"] == 200:
                served += 1
                break
            await asyncio.sleep(0.25)
    return served


def find_false(answer: dict[str, Any], world: FloodedHelper) -> list[str]:
    """What an answer says against the site, which is well."""
    page, site = answer["http_request"], f"{HERE}:{world.site}"
    said = [f"page {page}"] if page["status_code"] != 200 and page["x_refused"] != "busy" else []
    said += [f"tcp {told}" for key, told in answer["tcp_connect"].items() if key == site and not told["status"]]
    return said + [f"entry {entry}" for entry in answer["x_endpoints"]
                   if entry["port"] == world.site and entry["failure"]]


FLOODS: tuple[Callable[[FloodedHelper], Awaitable[None]], ...] = (
    hold_silent, hold_slow_hellos, hold_slow_requests, ask_for_silence, ask_at_once)


@pytest.mark.slow
@pytest.mark.parametrize("flood", FLOODS, ids=lambda flood: flood.__name__)
def test_under_a_flood(flood: Callable[[FloodedHelper], Awaitable[None]], tmp_path: Path) -> None:
    async def run(world: FloodedHelper) -> list[int]:
        task = asyncio.ensure_future(flood(world))
        served = await asyncio.gather(*(ask_properly(world, client) for client in HONEST))
        await task
        return served

    with flooded(tmp_path) as world:
        served = asyncio.run(run(world))
        limit = re.search(r"MemoryMax=(\d+)G", make_helper_unit(["probe", "helper"], low_port=False))
        assert limit
        print(f"{flood.__name__}: {world.peak_mb:.0f} MB, {len(world.answers)} answers")
        assert [said for answer in world.answers for said in find_false(answer, world)] == []
        assert served == [ASKS_EACH] * len(HONEST)
        assert world.peak_mb < int(limit[1]) * 1024 / 2
