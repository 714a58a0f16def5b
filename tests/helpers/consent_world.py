"""A person's settings as one who agreed has them, and a home in which commands are called."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner, Result

from probe.cli.main import cli
from probe.config.consent.consent_check import make_consent
from probe.config.settings import RunSettings, Settings

TODAY = date(2026, 11, 25)


def agreed(level: int = 1, **others: object) -> Settings:
    plain = Settings(run=RunSettings(consent_level=level))
    consent = msgspec.structs.replace(make_consent(plain, level=level, today=TODAY), **others)
    return msgspec.structs.replace(plain, consent=consent)


@pytest.fixture
def home(in_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("PROBE_CONFIG", raising=False)
    monkeypatch.setattr("probe.instruments.device.own_addresses.list_own_addresses", lambda: ())
    monkeypatch.setattr("probe.instruments.device.tunnels.detect_tunnel", lambda: "")
    monkeypatch.setenv("HOME", str(in_folder))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(in_folder / "config"))
    monkeypatch.setattr("probe.config.settings.SEARCH_PATHS", ("$XDG_CONFIG_HOME/probe/probe.toml",))
    return in_folder


def call(*arguments: str, said: str = "") -> Result:
    return CliRunner().invoke(cli, arguments, input=said)
