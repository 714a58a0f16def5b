"""Measurements of others: how fast they are read and judged on one processor, and whether the memory stays flat."""

from __future__ import annotations

import json
import random
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmark.figure import Figure
from probe import __file__ as _PROBE

COUNT = 1200
BODY_BYTES = 150_000
"""Of each page: about what pages of a test list have."""
MIN_MB_A_S = 60.0
GROWTH = 5
"""The longer stream is so many times the shorter."""
MAX_GROWTH_MB = 60.0
"""What the longer stream may take more: runs are held in chunks, and nothing else is held."""
_ADDRESS = "93.184.0.1"


def measure() -> list[Figure]:
    """Speed over processor time, and the peak memory of a stream beside one that is longer."""
    lines = list(_lines(COUNT))
    size = sum(map(len, lines)) / 1e6
    with tempfile.TemporaryDirectory() as folder:
        cpu_s, peak_mb = _import(Path(folder) / "once", lines, times=1)
        _, longer_mb = _import(Path(folder) / "longer", lines, times=GROWTH)
    return [
        Figure(label="Web Connectivity with bodies, import and judging", value=size / cpu_s, unit="MB/s a core",
               at_least=MIN_MB_A_S, note=f"{size:.0f} MB, {size * 1000 / COUNT:.0f} kB a measurement"),
        Figure(label="  measurements", value=COUNT / cpu_s, unit="a second"),
        Figure(label="  peak memory", value=peak_mb, unit="MB"),
        Figure(label=f"  more of it for a stream {GROWTH} times as long", value=longer_mb - peak_mb, unit="MB",
               at_most=MAX_GROWTH_MB),
    ]


def _import(out: Path, lines: list[bytes], *, times: int) -> tuple[float, float]:
    """Processor seconds and peak MB of one import, the start of the program included."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    program = ("import sys\nfrom probe.cli.main import cli\n"
               "cli.main(args=sys.argv[1:], standalone_mode=False)\n"
               "peak = next(line for line in open('/proc/self/status') if line.startswith('VmHWM:'))\n"
               "print(peak.split()[1], file=sys.stderr)")
    child = subprocess.Popen([sys.executable, "-c", program, "import", "ooni", "-", "--out", str(out)],
                             stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                             cwd=Path(_PROBE).parent.parent)
    assert child.stdin is not None
    for number in range(times):
        for line in lines:  # each time other measurements, by their names
            child.stdin.write(line.replace(b'"measurement_uid": "', b'"measurement_uid": "%d-' % number, 1))
    _, told = child.communicate()
    if child.returncode:
        raise RuntimeError(told.decode()[-2000:])
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return spent, int(told.split()[-1]) * 1024 / 1e6


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
