"""A collector on loopback that checks what it gets, and results to submit to it."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import msgspec
from click.testing import Result

from observations import HERE4, HERE6, lookup, replace_flat, visit_to
from ooni_ours import TARGET, Envelope, result_of
from probe.config.consent.consent_check import make_consent
from probe.config.settings import Settings, SubmitSettings
from probe.config.settings_edit import edit_settings
from probe.core.runs import RunResult
from probe.store.runs.run_writer import write_run
from upload_world import Handler, answering, call

OWN = "93.184.216.77"
"""The volunteer's address, which some page repeats."""
NETWORKS_RESOLVER = "93.184.0.53"
TARGETS = 3
Fault = Callable[[Handler], None]


class Named(Envelope, forbid_unknown_fields=True):
    """A measurement within a report."""

    id: str


class Opening(msgspec.Struct, forbid_unknown_fields=True):
    """bk-003, with every field that must be there."""

    format: str
    data_format_version: str
    probe_asn: str
    probe_cc: str
    software_name: str
    software_version: str
    test_name: str
    test_start_time: str
    test_version: str


class Sheet(msgspec.Struct, forbid_unknown_fields=True):
    """What is posted to a report."""

    format: str
    content: Named


class Stub:
    """What a collector knows. `faults`: kind of request (open, fill, close) and number (from 0) -> what happens instead
    of an answer; what a fault is about is not taken, unless it calls `take`."""

    def __init__(self) -> None:
        self.faults: dict[tuple[str, int], Fault] = {}
        self.asked: list[str] = []
        """Kinds, in their order."""
        self.opened: list[Opening] = []
        self.taken: list[Named] = []
        self.tried: list[Named] = []
        self.closed: list[str] = []
        self.problems: list[str] = []
        self.url = ""
        self.stopped = threading.Event()

    def answer(self, handler: Handler) -> None:
        """Check a request, and answer it."""
        method, path, headers, body = handler.server.asked[-1]
        kind = "open" if path == "/report" else "close" if path.endswith("/close") else "fill"
        number = self.asked.count(kind)
        self.asked.append(kind)
        self._check(method, headers, body)
        try:
            answered = getattr(self, f"_{kind}")(path, body)
        except (msgspec.MsgspecError, ValueError) as error:
            self.problems.append(f"{path}: {error}")
            return handler.reply(400)
        if fault := self.faults.get((kind, number)):
            return fault(handler)
        if kind == "fill":
            self.taken.append(self.tried[-1])
        handler.reply(200, json.dumps(answered).encode(), Content_Type="application/json")

    def _check(self, method: str, headers: dict[str, str], body: bytes) -> None:
        wrong = method != "POST" or headers.get("Content-Type") != "application/json"
        self.problems += ["no POST of JSON"] if wrong else []
        self.problems += [f"{text} was told" for text in (OWN, NETWORKS_RESOLVER, "SECRET", "secret", '"r-')
                          if text.encode() in body]

    def _open(self, path: str, body: bytes) -> dict[str, Any]:
        opening = msgspec.json.decode(body, type=Opening)
        if (opening.format, opening.data_format_version) != ("json", "0.2.0"):
            raise ValueError("wrong format")
        self.opened.append(opening)
        return {"report_id": f"2026_n1_{len(self.opened)}", "supported_formats": ["yaml", "json"],
                "backend_version": "1.3.5"}

    def _fill(self, path: str, body: bytes) -> dict[str, Any]:
        sheet = msgspec.json.decode(body, type=Sheet)
        one, report = sheet.content, path.removeprefix("/report/")
        times = (one.measurement_start_time, one.test_start_time)
        if not all(re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", time) for time in times):
            raise ValueError(f"no times: {times}")
        if (sheet.format, one.data_format_version, one.probe_ip) != ("json", "0.2.0", "127.0.0.1"):
            raise ValueError("wrong format")
        if one.report_id != report or report != f"2026_n1_{len(self.opened)}":
            raise ValueError(f"{one.report_id} in {report}")
        if not {"queries", "tcp_connect", "tls_handshakes", "requests", "x_verdict"} <= one.test_keys.keys():
            raise ValueError("test_keys lacks something")
        if not re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", one.id):
            raise ValueError(f"no id: {one.id}")
        self.tried.append(one)
        return {"measurement_uid": f"20260801_IR_uid{len(self.tried)}"}

    def _close(self, path: str, body: bytes) -> dict[str, Any]:
        if json.loads(body) != {}:
            raise ValueError("too much")
        self.closed.append(path.split("/")[2])
        return {}


@contextmanager
def collecting(**faults: Fault) -> Iterator[Stub]:
    """A collector; `open0`, `fill3` and the like name its faults."""
    stub = Stub()
    for name, fault in faults.items():
        stub.faults[name.rstrip("0123456789"), int(re.sub(r"\D", "", name))] = fault
    with answering(stub.answer) as server:
        stub.url = server.url
        stub.stopped = server.stopped
        yield stub


def a_run(name: str = "a", *, day: int = 1, lab: bool = False, **vantage: Any) -> RunResult:
    """A run of three targets, with what may not be published in it."""
    page = replace_flat(visit_to(HERE4)[-1], title=f"you are {OWN}", body_excerpt=OWN, location="SECRET",
                   body_sha256="SECRET")
    asked = [lookup(HERE4, resolver_address=NETWORKS_RESOLVER), lookup(HERE4, resolver_address=NETWORKS_RESOLVER,
                                                                       address=NETWORKS_RESOLVER)]
    rows = [*asked, *visit_to(HERE4)[:-1], page, *visit_to(HERE6, until="tls", failure="connection_reset")]
    targets = [f"{TARGET}{number}" for number in range(TARGETS)]
    result = result_of(*(replace(row, target_id=target) for target in targets for row in rows), lab=lab)
    run = replace(result.run, run_id=f"r-{name}", measurement_start_time=f"2026-08-{day:02}T05:10:00Z",
                  vantage=replace(result.run.vantage, **vantage))
    return replace(
        result, run=run, verdicts=tuple(replace(result.verdicts[0], target_id=target) for target in targets),
        observations=tuple(replace(o, run_id=run.run_id) for o in result.observations))


def with_runs(results: Path, names: str = "ab", **others: Any) -> Path:
    """A results folder with a run a letter."""
    for name in names:
        write_run(a_run(name, **others), results, parquet=False)
    return results


def agreed_to(collector: str, path: Path) -> Path:
    """A configuration that agrees to this collector."""
    settings = Settings(submit=SubmitSettings(collector=collector))
    consent = msgspec.to_builtins(make_consent(settings, level=1, today=date(2026, 8, 1)))
    path.write_text(edit_settings("", {"submit": {"collector": collector}, "consent": consent}))
    return path


def submit(stub: Stub, results: Path, *more: str) -> Result:
    """`probe submit ooni`, with both yeses."""
    config = agreed_to(stub.url, results.parent / "probe.toml")
    return call("submit", "ooni", str(results), "--collector", stub.url, "--public-for-ever", "--config", str(config),
                *more)
