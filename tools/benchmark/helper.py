"""A helper under load on loopback: 200 requests in flight, each with names to resolve, a handshake and a page."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median, quantiles

from benchmark.figure import Figure
from benchmark.helper_world import HERE, HOST, make_trust

IN_FLIGHT, REQUESTS = 200, 1000
MOST_LATENCY_S = 5.0
MOST_PROCESSOR_MS = 7.0
"""Half of what an answer cost when lookups made a connection each and pages went through three libraries."""
ANSWER_TIMEOUT_S = 90.0
DECLINED = "declined"
ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What a load test showed."""

    seconds: tuple[float, ...]
    """How long each request took that was answered in full."""
    errors: tuple[str, ...]
    """Answers that lack something or say something false, and requests without one."""
    declined: int
    """Requests of which the helper said that it is busy, or cannot fetch the page now."""
    took_s: float
    processor_ms: float
    """The helper's, for each request; 0 where the system does not tell."""
    processors: float
    """How many processors the helper, site, operator and clients had on average; what others use is not theirs."""


def measure() -> list[Figure]:
    """Throughput, latency and processor time; an error is an answer that lacks the page, the handshake or the address.
    """
    found = load(requests=REQUESTS, in_flight=IN_FLIGHT)
    note = (f"{REQUESTS} requests, {IN_FLIGHT} in flight; helper, site, operator and clients had "
            f"{found.processors:.2f} of {os.cpu_count()} processors")
    return [
        Figure(label="requests without the whole answer", value=len(found.errors), at_most=0,
               note=found.errors[0][:80] if found.errors else ""),
        Figure(label="requests declined as busy", value=found.declined, at_most=0),
        Figure(label="answers a second", value=len(found.seconds) / found.took_s, unit="1/s", note=note),
        Figure(label="latency, median", value=median(found.seconds or (0.0,)), unit="s"),
        Figure(label="latency, 99 of 100", value=quantiles(found.seconds, n=100)[-1] if found.seconds[1:] else 0.0,
               unit="s", at_most=MOST_LATENCY_S),
        Figure(label="helper's processor time for an answer", value=found.processor_ms, unit="ms",
               at_most=MOST_PROCESSOR_MS),
    ]


def load(*, requests: int, in_flight: int, patient: bool = False) -> Load:
    """Ask a helper `requests` times, `in_flight` at once. A `patient` one leaves a slow machine a minute for each."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_trust(folder)
        waits = "yes" if patient else "no"
        with (_child("world", name) as (site, doh, beside),
              _child("helper", name, site, doh, waits) as (helper, pid)):
            before_s = _read_processor_s(pid), _read_processor_s(beside), time.process_time()
            found = asyncio.run(_load(int(helper), int(site), requests, in_flight))
            after_s = _read_processor_s(pid), _read_processor_s(beside), time.process_time()
            return replace(found, processor_ms=1000 * (after_s[0] - before_s[0]) / requests,
                           processors=(sum(after_s) - sum(before_s)) / found.took_s)


def _read_processor_s(pid: str) -> float:
    """What a process has used; 0 where there is no /proc."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def _child(*arguments: str) -> Iterator[list[str]]:
    """A part of the world in a process of its own; what it printed first."""
    program = [sys.executable, str(Path(__file__).with_name("helper_world.py")), *arguments]
    process = subprocess.Popen(program, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)})
    try:
        assert process.stdout is not None
        yield process.stdout.readline().split()
    finally:
        process.kill()
        process.wait()


async def _load(helper: int, site: int, requests: int, in_flight: int) -> Load:
    body = json.dumps({
        "http_request": f"https://{HOST}:{site}/", "tcp_connect": [f"{HERE}:{site}"],
        "http_request_headers": {"User-Agent": ["Mozilla/5.0"], "Accept": ["*/*"]},
    }).encode()
    message = (b"POST / HTTP/1.1\r\nHost: h\r\nUser-Agent: ooniprobe-cli/3\r\nConnection: close\r\n"
               b"Content-Length: %d\r\n\r\n" % len(body)) + body
    seconds: list[float] = []
    errors: list[str] = []
    waiting = iter(range(requests))

    async def client() -> None:
        for _ in waiting:
            begin_s = time.monotonic()
            if why := await _ask(helper, message, f"{HERE}:{site}"):
                errors.append(why)
            else:
                seconds.append(time.monotonic() - begin_s)

    begin_s = time.monotonic()
    await asyncio.gather(*(client() for _ in range(in_flight)))
    told = [why for why in errors if why != DECLINED]
    return Load(seconds=tuple(seconds), errors=tuple(told), declined=len(errors) - len(told),
                took_s=time.monotonic() - begin_s, processor_ms=0.0, processors=0.0)


async def _ask(helper: int, message: bytes, key: str) -> str:
    """One request; what is wrong with its answer."""
    try:
        async with asyncio.timeout(ANSWER_TIMEOUT_S):
            reader, writer = await asyncio.open_connection(HERE, helper)
            writer.write(message)
            head, _, text = (await reader.read()).partition(b"\r\n\r\n")
            writer.close()
    except (OSError, TimeoutError) as error:
        return f"{type(error).__name__} {error}"
    if b" 503 " in head[:16]:
        return DECLINED
    if b" 200 " not in head[:16]:
        return (head[:40] + text[:80]).decode(errors="replace")
    got = json.loads(text)
    whole = (got["http_request"]["status_code"] == 200 and got["tls_handshake"][key]["status"]
             and got["dns"]["addrs"] == [HERE])
    return "" if whole else text[:300].decode()
