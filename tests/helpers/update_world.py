"""A user who has agreed to everything, in an empty folder, with signed lists of targets and servers of them."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from loopback import requests_on, serving
from probe.catalogue.types import Catalogue
from probe.cli import run as run_module
from probe.cli.main import cli
from probe.config.settings import Settings
from probe.core.runs import Run, RunResult
from probe.session.run_plan import RunPlan
from signed import OURS, Signer, document, put


def today() -> date:
    """Asked when it is needed: the tests may take longer than what is left of the day in which they began."""
    return datetime.now(UTC).date()


def listed(serial: int) -> str:
    """What stands for the path of a catalogue that came with today's signed list."""
    return f"signed list {serial} of {today()}"


def settle(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the folder the user's home."""
    for name in ("XDG_CONFIG_HOME", "XDG_STATE_HOME", "PROBE_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setattr("probe.config.settings.SEARCH_PATHS", (str(folder / "probe.toml"),))
    monkeypatch.setattr("probe.upkeep.schedules.units.SYSTEM_FOLDER", folder / "system")
    monkeypatch.setattr("probe.instruments.device.vantage.list_families", lambda: (4,))
    monkeypatch.setattr(run_module, "explain_refusal", lambda *_, **__: "")


@dataclass
class Made:
    """What runs came as far as measuring with; they measure nothing."""

    runs: list[tuple[Catalogue, Settings, RunPlan]] = field(default_factory=list)

    def measure(self, catalogue: Catalogue, settings: Settings, plan: RunPlan, *_: object) -> RunResult:
        self.runs.append((catalogue, settings, plan))
        started = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        run = Run(run_id=f"r{len(self.runs)}", measurement_start_time=started, catalogue_path=catalogue.source)
        return RunResult(run=run, observations=(), controls=(), verdicts=(), services=())


def made_by(monkeypatch: pytest.MonkeyPatch) -> Made:
    """Let runs measure nothing, and remember them."""
    seen = Made()
    monkeypatch.setattr(run_module, "_measure", seen.measure)
    return seen


def call(*arguments: str, said: str = "") -> Result:
    result = CliRunner().invoke(cli, arguments, input=said)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    assert "Traceback" not in result.output
    return result


def configure(url: str = "", *, key: str = OURS.public_line, cc: str = "RU", **run: Any) -> None:
    lines = [f"{name} = {json.dumps(value)}" for name, value in run.items()]
    Path("probe.toml").write_text(f'[vantage]\ncc = "{cc}"\n[update]\nurl = "{url}"\nkey = """{key}"""\n[run]\n'
                                  + "\n".join(lines))


def bring(serial: int = 7, day: date | None = None, **others: Any) -> Result:
    """Bring a list by hand."""
    return call("update", "--from", str(put(Path(), document(serial, day or today(), **others))))


@contextmanager
def served(raw: bytes, signer: Signer = OURS) -> Iterator[tuple[str, list[str]]]:
    """The URL of a list on loopback, and what is asked there."""
    asked: list[str] = []

    def behave(conn: socket.socket) -> None:
        path = next(requests_on(conn), b"GET / ").split(b" ")[1].decode()
        asked.append(path)
        body = signer.sign(raw) if path.endswith(".minisig") else raw
        conn.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)

    with serving(behave) as server:
        yield f"http://127.0.0.1:{server.port}/list", asked
