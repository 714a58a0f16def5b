"""A volunteer's machine: its configuration, its state, and its runs by the real command in this very process."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from unittest.mock import patch

import msgspec

from probe.catalogue.load import load_catalogue
from probe.catalogue.types import Catalogue
from probe.cli.main import cli
from probe.config.consent.consent_check import make_consent
from probe.config.settings import Settings
from probe.upkeep.updates import catalogue_choice
from soaking.recorded import write_targets

_CONFIGURATION = """
[run]
consent_level = 1
[vantage]
cc = "RU"
asn = {asn}
[store]
keep_days = {keep_days}
quota_mb = {quota_mb}
[consent]
date = "{date}"
text = {text}
level = 1
sends = {sends}
to = []
concerned = {concerned}
"""


_SAID = io.StringIO()
"""One for all commands: click remembers for ever each stream that it has written to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """How a command ended."""

    exit_code: int
    output: str
    exception: Exception | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """One device that writes to a results folder, which it may share."""

    home: Path
    """Its configuration and state; never on the disk that runs full."""
    results: Path

    def configure(self, *, asn: int = 64500, keep_days: int = 0, quota_mb: int = 0) -> None:
        """Write the configuration of somebody who agreed."""
        self.home.mkdir(parents=True, exist_ok=True)
        write_targets(self.home)
        agreed = make_consent(Settings(), level=1, today=date(2017, 1, 1))
        self._file.write_text(_CONFIGURATION.format(
            asn=asn, keep_days=keep_days, quota_mb=quota_mb, date=agreed.date, text=agreed.text,
            sends=msgspec.json.encode(agreed.sends).decode(), concerned=msgspec.json.encode(agreed.concerned).decode(),
        ))

    def run(self, *options: str) -> Result:
        """`probe run` as a schedule calls it. What it measures is up to `soaking.recorded`."""
        return self.call("run", "--timed", "--config", str(self._file), "--results", str(self.results), "--catalogue",
                         str(self.home / "targets.txt"), "--deadline-s", "60", *options)

    def by_hand(self) -> Result:
        """`probe run` as a person calls it."""
        return self.call("run", "--no-parquet", "--config", str(self._file), "--results", str(self.results),
                         "--catalogue", str(self.home / "targets.txt"))

    def compact(self) -> Result:
        """`probe compact`."""
        return self.call("compact", str(self.results), "--config", str(self._file))

    def disagree(self) -> None:
        """Take the consent out of the configuration."""
        self._file.write_text(self._file.read_text().partition("[consent]")[0])

    def call(self, *arguments: str) -> Result:
        """Any command of this machine's program."""
        with patch.dict(os.environ, {"XDG_STATE_HOME": str(self.home), "PROBE_CONFIG": ""}):
            return _outcome(arguments)

    @property
    def _file(self) -> Path:
        return self.home / "probe.toml"


def _outcome(arguments: tuple[str, ...]) -> Result:
    _SAID.seek(0)
    _SAID.truncate()
    code, fault = 0, None
    with redirect_stdout(_SAID), redirect_stderr(_SAID):
        try:
            cli.main(args=arguments, prog_name="probe")
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 1 if end.code else 0
        except Exception as error:
            code, fault = 1, error
    return Result(exit_code=code, output=_SAID.getvalue(), exception=fault)


@contextmanager
def one_catalogue() -> Iterator[None]:
    """Read the catalogue once for all runs: it does not change, and reading it is most of a run without network."""
    with ExitStack() as stack:
        stack.enter_context(patch.object(catalogue_choice, "load_catalogue", cache(_load)))
        yield


def _load(path: str | None) -> Catalogue:
    return load_catalogue(path, search=False)


def crashed(result: Result) -> str:
    """What a volunteer would have seen as a traceback; empty for every proper end."""
    return "" if result.exception is None else repr(result.exception)
