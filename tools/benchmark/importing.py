"""Measurements of others: how fast they are read and judged on one processor, and whether the memory stays flat.

Of messengers' tests the number counts, of Web Connectivity the bytes.

PROBE_BENCH_GB holds the lengths of the streams in GB, `0.2,1` where it is not set. `1,10` takes some minutes, and 300
MB in the folder for temporary files for what is imported; the stream itself is made as it is read, and kept nowhere.
"""

from __future__ import annotations

import itertools
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmark.figure import Figure
from benchmark.messenger_lines import make_messenger_lines
from probe import __file__ as _PROBE

COUNT = 1200
BODY_BYTES = 150_000
"""Of each page: about what pages of a test list have."""
MIN_MB_A_S = 60.0
MESSENGERS, MIN_A_SECOND = 3000, 600.0
"""Measurements of messengers that are made, and how many must be read and judged in a second."""
GIGABYTES = "0.2,1"
MAX_GROWTH_MB = 60.0
"""What the longest stream may take more than the shortest: runs are held in chunks, and of what was read before only
the hash of each measurement's name."""
_ADDRESS = "93.184.0.1"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Took:
    mb: float
    measurements: int
    cpu_s: float
    peak_mb: float
    out_mb: float
    """What the import wrote."""


def measure() -> list[Figure]:
    """Speed over processor time, and peak memory, for each length of the stream."""
    lines = list(_lines(COUNT))
    asked = sorted(map(float, os.environ.get("PROBE_BENCH_GB", GIGABYTES).split(",")))
    took = [_import(stream(lines, size=int(gigabytes * 1e9))) for gigabytes in asked]
    spoken = _import(make_messenger_lines(MESSENGERS))
    figures = [Figure(label="Measurements of messengers, import and judging", value=spoken.measurements / spoken.cpu_s,
                      unit="a second a core", at_least=MIN_A_SECOND,
                      note=f"{spoken.measurements:,} of {spoken.mb * 1000 / spoken.measurements:.0f} kB")]
    for gigabytes, one in zip(asked, took, strict=True):
        figures += [
            Figure(label=f"{gigabytes:g} GB of Web Connectivity with bodies, import and judging",
                   value=one.mb / one.cpu_s, unit="MB/s a core", at_least=MIN_MB_A_S,
                   note=f"{one.measurements:,} measurements of {one.mb * 1000 / one.measurements:.0f} kB, "
                        f"{one.measurements / one.cpu_s:.0f} a second; {one.out_mb:.0f} MB written"),
            Figure(label=f"{gigabytes:g} GB, peak memory", value=one.peak_mb, unit="MB"),
        ]
    return [*figures, Figure(label="more of it for the longest than for the shortest stream",
                             value=took[-1].peak_mb - took[0].peak_mb, unit="MB", at_most=MAX_GROWTH_MB)]


def _import(lines: Iterable[bytes]) -> _Took:
    """One import from a pipe, in a process of its own; the start of the program counts."""
    program = ("import sys\nfrom probe.cli.main import cli\n"
               "cli.main(args=sys.argv[1:], standalone_mode=False)\n"
               "peak = next(line for line in open('/proc/self/status') if line.startswith('VmHWM:'))\n"
               "print(peak.split()[1], file=sys.stderr)")
    with tempfile.TemporaryDirectory(prefix="probe-bench-") as folder:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        child = subprocess.Popen(
            [sys.executable, "-c", program, "import", "ooni", "-", "--json", "-o", f"{folder}/out"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=Path(_PROBE).parent.parent)
        assert child.stdin is not None
        sent, size = 0, 0
        for line in lines:
            child.stdin.write(line)
            sent, size = sent + 1, size + len(line)
        told, said = child.communicate()
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        if child.returncode:
            raise RuntimeError(said.decode()[-2000:])
        if (read := json.loads(told)["measurements"]) != sent:
            raise RuntimeError(f"{sent} measurements were sent, and {read} read")
        written = sum(path.stat().st_size for path in Path(folder).rglob("*") if path.is_file())
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return _Took(mb=size / 1e6, measurements=sent, cpu_s=spent, peak_mb=int(said.split()[-1]) * 1024 / 1e6,
                 out_mb=written / 1e6)


def stream(lines: Sequence[bytes], *, size: int) -> Iterator[bytes]:
    """Measurements of `size` bytes in all, or one more: each time round others, by their names and by their hour."""
    made = 0
    for number in itertools.count():
        hour = f"2026-08-{1 + number // 24 % 28:02} {number % 24:02}:".encode()
        for line in lines:
            if made >= size:
                return
            other = line.replace(b'"measurement_uid": "', b'"measurement_uid": "%d-' % number, 1)
            other = other.replace(b"2026-08-01 05:", hour, 1)
            made += len(other)
            yield other


def _lines(count: int) -> Iterator[bytes]:
    draw = random.Random(1)
    words = [f"{draw.getrandbits(60):x}" for _ in range(2000)]
    for number in range(count):
        yield json.dumps(_measurement(number, draw, words)).encode() + b"\n"


def _measurement(number: int, draw: random.Random, words: list[str]) -> dict[str, Any]:
    host = f"www.site{number % 400}.example"
    url, place = f"https://{host}/", f"{_ADDRESS}:443"
    body = "<html><title>Site</title>"
    body += "".join(f'<p class="x">{draw.choice(words)}</p>\n' for _ in range(BODY_BYTES // 33))
    answers = [{"answer_type": "A", "ipv4": _ADDRESS}]
    shake = {"network": "tcp", "address": place, "server_name": host, "failure": None, "t0": 0.3, "t": 0.4,
             "no_tls_verify": False, "peer_certificates": [{"data": "A" * 2000, "format": "base64"}] * 3}
    return {
        "annotations": {"engine_name": "ooniprobe-engine", "engine_version": "3.28.0"}, "input": url,
        "data_format_version": "0.2.0", "measurement_start_time": f"2026-08-01 05:{number % 60:02}:00",
        "measurement_uid": f"uid{number}", "report_id": f"report{number % 40}", "probe_cc": "IT",
        "probe_asn": f"AS{64500 + number % 40}", "software_name": "ooniprobe-cli", "software_version": "3.28.0",
        "test_name": "web_connectivity", "test_version": "0.5.28",
        "test_keys": {
            "queries": [{"engine": engine, "hostname": host, "answers": answers, "failure": None, "t0": 0.1, "t": 0.2,
                         "resolver_address": resolver, "query_type": "A"}
                        for engine, resolver in (("getaddrinfo", ""), ("udp", "8.8.8.8:53"),
                                                 ("doh", "https://dns.google/dns-query"))],
            "tcp_connect": [{"ip": _ADDRESS, "port": 443, "status": {"failure": None, "success": True}, "t0": 0.2,
                             "t": 0.3}],
            "tls_handshakes": [shake],
            "network_events": [{"address": place, "failure": None, "num_bytes": 1200, "operation": "read",
                                "t": 0.4}] * 60,
            "requests": [{"address": place, "failure": None, "request": {"url": url, "method": "GET"}, "t0": 0.4,
                          "t": 0.6, "response": {"code": 200, "body": body, "headers": {"Server": "nginx"}}}],
            "control": {"dns": {"addrs": [_ADDRESS], "failure": None},
                        "tcp_connect": {place: {"status": True, "failure": None}},
                        "tls_handshake": {place: {"status": True, "failure": None}},
                        "http_request": {"body_length": len(body), "failure": None, "status_code": 200,
                                         "title": "Site", "headers": {}}},
            "blocking": False, "accessible": True,
        },
    }
