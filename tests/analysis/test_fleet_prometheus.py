"""The figures and the dashboard's questions, by a real Prometheus: it takes every line, and answers every question."""

from __future__ import annotations

import json
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import requests

from probe.core.stamps import format_time
from probe_analysis.fleet_health.dashboard import read_dashboard
from probe_analysis.fleet_health.fleet_health import describe_fleet
from probe_analysis.fleet_health.health_metrics import format_metrics
from probe_analysis.fleet_health.probe_days import DayRuns, ProbeDay
from probe_operate.services.operator_checks import PartCheck, format_check_metrics

PROMETHEUS, PROMTOOL = shutil.which("prometheus"), shutil.which("promtool")
pytestmark = [pytest.mark.slow, pytest.mark.skipif(not (PROMETHEUS and PROMTOOL), reason="no prometheus here")]
PATIENCE_S = 120


def make_figures() -> str:
    """All that a node_exporter gives of a fleet with something of everything, hostile words among it."""
    now = datetime.now(UTC)
    days = [DayRuns(day=(now - timedelta(days=back)).date().isoformat(), unusable=1, probes=[
        ProbeDay(probe_id=f"p{n}", cc="RU", asn=64500 + n % 2, lab=False, runs=24, cut=1, outcomes={"ok": 24},
                 observations=9, bytes_read=1, bytes_written=1, last_run=format_time(now - timedelta(days=back)),
                 consent_level=1, clock_offset_s=99.0, software='1"\\\n{x}\u202e', catalogue="c", rules="r")
        for n in range(6)]) for back in (2, 1, 0)]
    checks = [PartCheck(part="web", well=True, message="well"), PartCheck(part="disk", well=False, message="full")]
    return format_metrics(describe_fleet(days, now=now, lab=False)) + format_check_metrics(checks)


@contextmanager
def exposing(text: str) -> Iterator[tuple[int, threading.Event]]:
    """A server of figures, and what is set once they were read a second time, when the first reading is stored."""
    read: list[str] = []
    twice = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = text.encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
            read.append(self.path)
            if len(read) > 1:
                twice.set()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    try:
        yield int(server.server_address[1]), twice
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def prometheus(folder: Path, target: int) -> Iterator[str]:
    """A Prometheus that reads these figures each second; its address."""
    (folder / "prometheus.yml").write_text(json.dumps({
        "global": {"scrape_interval": "1s"},
        "scrape_configs": [{"job_name": "node", "static_configs": [{"targets": [f"127.0.0.1:{target}"]}]}]}))
    assert PROMETHEUS
    process = subprocess.Popen([
        PROMETHEUS, f"--config.file={folder / 'prometheus.yml'}", f"--storage.tsdb.path={folder / 'data'}",
        "--web.listen-address=127.0.0.1:0"], stderr=subprocess.PIPE)
    assert process.stderr
    try:
        address = next(line.partition(b"address=")[2].split()[0].decode() for line in process.stderr
                       if b"Listening on" in line)
        threading.Thread(target=process.stderr.read, daemon=True).start()
        yield f"http://{address}"
    finally:
        process.terminate()
        process.wait()


def test_prometheus_takes_the_figures_and_answers_the_dashboard(tmp_path: Path) -> None:
    text = make_figures()
    assert PROMTOOL
    checked = subprocess.run([PROMTOOL, "check", "metrics"], input=text, capture_output=True, text=True, timeout=60,
                             check=False)
    assert checked.returncode == 0, checked.stderr
    panels = json.loads(read_dashboard())["panels"]
    questions = [target["expr"] for panel in panels for target in panel["targets"]]
    assert len(questions) > 20
    with exposing(text) as (port, twice), prometheus(tmp_path, port) as url:
        assert twice.wait(PATIENCE_S)
        answers: dict[str, Any] = {question: requests.get(
            f"{url}/api/v1/query", params={"query": question}, timeout=PATIENCE_S).json() for question in questions}
        well = requests.get(f"{url}/api/v1/query", params={"query": "probe_operator_part_well == 0"},
                            timeout=PATIENCE_S).json()
    assert [question for question, answer in answers.items() if answer["status"] != "success"] == []
    assert [question for question, answer in answers.items() if not answer["data"]["result"]] == []
    assert [one["metric"]["part"] for one in well["data"]["result"]] == ["disk"]
