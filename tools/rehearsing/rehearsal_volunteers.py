"""Volunteers of a rehearsal: runs that say what they would, packed and sent as real ones are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from probe.catalogue.load import load_catalogue
from probe.config.settings import UploadSettings
from probe.core.runs import Run, RunResult, Vantage
from probe.core.stamps import format_time
from probe.core.verdicts import ServiceVerdict, Verdict
from probe.store.archive.run_archive import pack_files
from probe.store.layout import archive_path, csv_path, sums_path
from probe.store.runs.checksums import sums_text
from probe.store.runs.run_writer import make_texts
from probe.store.schema import SCHEMA_VERSION
from probe.upkeep.upload.http_upload import HttpSender

SERVICES = ("matrix", "signal", "telegram", "whatsapp")
BLOCKED_SERVICE = "signal"
FAULTY_SERVICE = "telegram"
"""Of which staged targets say something wrong."""
CATALOGUE = load_catalogue(search=False)
_TARGETS = {service: next(one for one in CATALOGUE.endpoints if one.service == service) for service in SERVICES}
NETWORKS = (64500, 64501, 64502, 64503, 64504)
BLOCKED_NETWORKS = NETWORKS[:2]
COUNTRY = "RU"
_SEND_S = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedVolunteer:
    """One of many."""

    number: int

    @property
    def name(self) -> str:
        """As a month's name of a probe."""
        return f"v{self.number:03}"

    @property
    def asn(self) -> int:
        """His network."""
        return NETWORKS[self.number % len(NETWORKS)]

    def list_runs(self, begin: datetime, end: datetime, *, every_h: int, blocked_from: datetime,
                  staged: str = "") -> Iterator[RunResult]:
        """His runs between two whole hours. `staged`: the version of the targets that he tries; they have a fault."""
        first = begin + timedelta(hours=self.number % every_h, minutes=self.number % 50)
        for step in range(int((end - begin) / timedelta(hours=every_h))):
            at = first + timedelta(hours=step * every_h)
            yield self.make_run(at, blocked=self.asn in BLOCKED_NETWORKS and at >= blocked_from, staged=staged)

    def make_run(self, at: datetime, *, blocked: bool, staged: str = "") -> RunResult:
        """What a run then says."""
        vantage = Vantage(probe_id=self.name, probe_cc=COUNTRY, stated_cc=COUNTRY, probe_asn=self.asn, lab=True,
                          families=(4,))
        run = Run(run_id=f"{at:%Y%m%dT%H%M%SZ}-{self.name}", measurement_start_time=format_time(at),
                  measurement_end_time=format_time(at + timedelta(seconds=60)), trigger="timed", runtime_s=60.0,
                  outcome="ok", n_targets=len(SERVICES), n_attempted=len(SERVICES), share=("tier:1",),
                  catalogue_version=staged or CATALOGUE.version, schema_version=SCHEMA_VERSION, vantage=vantage)
        bad = {service: (blocked and service == BLOCKED_SERVICE) or (bool(staged) and service == FAULTY_SERVICE)
               for service in SERVICES}
        return RunResult(run=run, observations=(), controls=(),
                         verdicts=tuple(_verdict(service, bad[service]) for service in SERVICES),
                         services=tuple(_of_service(service, bad[service]) for service in SERVICES))


def pack(result: RunResult) -> tuple[str, bytes]:
    """(name at the inbox, archive) of a run."""
    tables = {str(csv_path(Path(), name, result.run)): text for name, text in make_texts(result).items()}
    content = pack_files(tables | {str(sums_path(Path(), result.run)): sums_text(tables)})
    return f"{result.run.vantage.probe_id}/{archive_path(Path(), result.run)}", content


def open_inbox_sender(url: str, user: str, password: str) -> HttpSender:
    """What sends to the inbox as `probe upload` does."""
    return HttpSender(UploadSettings(to=url), {"user": user, "password": password})


def send(sender: HttpSender, name: str, content: bytes) -> None:
    """Raises UploadError."""
    sender.put(name, content, timeout_s=_SEND_S)


def _verdict(service: str, bad: bool) -> Verdict:
    target = _TARGETS[service]
    well = Verdict(target_id=target.target_id, service=service, role=target.role, input=target.input,
                   outcome="ok", attempts=1, control="not_needed")
    return replace(well, outcome="blocked", block_type="tls.reset.sni", confidence=0.9, confirmed=True, attempts=3,
                   failed_attempts=3, control="contrary") if bad else well


def _of_service(service: str, bad: bool) -> ServiceVerdict:
    target = _TARGETS[service]
    if not bad:
        return ServiceVerdict(service=service, role=target.role, outcome="ok", k=0, n=1)
    return ServiceVerdict(service=service, role=target.role, outcome="blocked", k=1, n=1,
                          block_types=("tls.reset.sni",), blocked_targets=(target.target_id,))
