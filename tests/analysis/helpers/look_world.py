"""A stand-in for OONI's archive with days of many countries, and volunteers of our own: one country's block in it."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from archive_standin import Archive
from ooni_data import ADDRESS, RESET, lines, measurement, query, request, shake, told, web
from ooni_fleet import MESSENGERS
from probe.core.runs import Run, RunResult, Vantage
from probe.core.tables.roles import Role
from probe.core.verdicts import ServiceVerdict, Verdict
from probe.store.archive.vouched_names import VOUCHED_FILE
from probe_analysis.bulk.bulk_writer import Bulk

PAGE = "www.wechat.com"
OTHERS = ("DE", "US", "FR", "IR", "TR", "IN", "BR", "JP", "ZA", "KZ", "UA")
STRUCK, SPARED, ABROAD = (64500, 64501, 64502), (64510, 64511, 64512), (64520, 64521)
NETWORKS = {"RU": (*STRUCK, *SPARED), **dict.fromkeys(OTHERS, ABROAD)}
PLATFORMS = ("linux", "android")
TARGETS: tuple[tuple[str, Role, str], ...] = (
    ("whatsapp", "chat", "e1"), ("whatsapp", "chat", "e2"), ("whatsapp", "web", "client"), ("wechat", "web", "site"),
    ("signal", "chat", "main"), ("signal", "web", "site"), ("telegram", "chat", "dc2"), ("telegram", "web", "client"),
    ("viber", "web", "site"), ("threema", "web", "site"))
CUT = (("whatsapp", "chat"), ("wechat", "web"))
"""What is blocked for our own volunteers on struck networks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LookWorld:
    """How long it goes on, and when the block of WhatsApp and WeChat began on the struck networks of Russia."""

    now: datetime
    days: int
    onset_h: int
    """Hours after the beginning."""

    @property
    def begin(self) -> datetime:
        """The first hour."""
        return self.now.replace(minute=0, second=0, microsecond=0) - timedelta(days=self.days)

    @property
    def onset(self) -> datetime:
        """When the block begins."""
        return self.begin + timedelta(hours=self.onset_h)

    def is_cut(self, asn: int, hour: int) -> bool:
        """Whether the block is on."""
        return asn in STRUCK and hour >= self.onset_h


def make_page(*, struck: bool) -> dict[str, Any]:
    """Web Connectivity of a page of WeChat's: well, or with its handshake reset, while the helper is served."""
    cut: dict[str, Any] = {
        "tls_handshakes": [shake(name=PAGE, failure=RESET)],
        "requests": [request(f"https://{PAGE}/", failure=RESET, address=None)]} if struck else {
        "tls_handshakes": [shake(name=PAGE)], "requests": [request(f"https://{PAGE}/")]}
    return {"input": f"https://{PAGE}/", "test_keys": web(queries=[query(PAGE, ADDRESS)], control=told(ADDRESS), **cut)}


def place(what: dict[str, Any], start: datetime, asn: int, platform: str, cc: str = "RU") -> dict[str, Any]:
    """A measurement as a device of a network submits it."""
    one = {**measurement(), **what}
    name = str(one["test_name"])
    return {**one, "measurement_start_time": f"{start:%Y-%m-%d %H:%M:%S}", "probe_cc": cc, "probe_asn": f"AS{asn}",
            "test_start_time": f"{start:%Y-%m-%d %H:%M:%S}",
            "annotations": {**measurement()["annotations"], "platform": platform},
            "report_id": f"{start:%Y%m%dT%H%M%SZ}_{name}_{cc}_{asn}_n1_{platform}",
            "measurement_uid": f"{start:%Y%m%d%H%M%S}.{name}.{cc}.{asn}.{platform}"}


def fill_archive(world: LookWorld) -> Archive:
    """Every hour of each country: three messengers in the bucket, and WeChat's page behind the API."""
    archive = Archive()
    for hour in reversed(range(24 * world.days)):  # the API tells the newest first
        start = world.begin + timedelta(hours=hour, minutes=5)
        for cc, networks in NETWORKS.items():
            _put_hour(archive, world, hour, start, cc, networks)
    return archive


def _put_hour(archive: Archive, world: LookWorld, hour: int, start: datetime, cc: str, networks: tuple[int, ...],
              ) -> None:
    sent = start + timedelta(hours=1)
    platforms = PLATFORMS if cc == "RU" else PLATFORMS[:1]
    for test, make in MESSENGERS.items():
        rows = [place(make("tls" if test == "whatsapp" and cc == "RU" and world.is_cut(asn, hour) else ""), start, asn,
                      platform, cc) for asn in networks for platform in platforms]
        archive.objects[f"raw/{sent:%Y%m%d}/{sent:%H}/{cc}/{test}/{sent:%Y%m%d%H}_{cc}_{test}.n1.0.jsonl.gz"] = (
            gzip.compress(lines(*rows), 1))
    for asn in networks:
        for platform in platforms:
            one = place(make_page(struck=cc == "RU" and world.is_cut(asn, hour)), start, asn, platform, cc)
            uid = str(one["measurement_uid"])
            archive.measurements[uid] = json.dumps(one).encode()
            archive.places[uid] = (cc, PAGE)


def write_volunteers(folder: Path, world: LookWorld, *, each: int, by_turns: bool = False) -> Path:
    """Results of so many volunteers of our own on each network of Russia and of Germany, one run an hour each;
    `by_turns`: one of them in each hour. The collector has known them for a month."""
    with Bulk(folder) as bulk:
        for hour in range(24 * world.days):
            for cc, asn in _list_networks():
                for person in (hour % each,) if by_turns else range(each):
                    bulk.add(_make_run(world, cc, asn, person, hour))
    vouch(folder, (f"p{asn}-{person}" for _, asn in _list_networks() for person in range(each)), world.begin)
    return folder


def vouch(folder: Path, names: Iterable[str], begin: datetime) -> None:
    """Write the collector's record that it knew these volunteers a month before `begin`."""
    since = f"{begin - timedelta(days=30):%Y-%m-%d}"
    (folder / VOUCHED_FILE).write_text("probe_id,since,asn,prefix\n" + "".join(f"{name},{since},,\n" for name in names))


def _list_networks() -> Iterator[tuple[str, int]]:
    for cc in ("RU", "DE"):
        for asn in NETWORKS[cc]:
            yield cc, asn


def _make_run(world: LookWorld, cc: str, asn: int, person: int, hour: int) -> RunResult:
    start = world.begin + timedelta(hours=hour, minutes=5 + person)
    stamp = start.strftime("%Y-%m-%dT%H:%M:%SZ")
    verdicts, services = list[Verdict](), dict[tuple[str, Role], ServiceVerdict]()
    for service, role, label in TARGETS:
        struck = cc == "RU" and world.is_cut(asn, hour) and (service, role) in CUT
        well = Verdict(target_id=f"{service}.{role}.{label}", service=service, role=role,
                       input=f"https://{service}.example/", outcome="ok")
        verdicts.append(Verdict(
            target_id=well.target_id, service=service, role=role, input=well.input, outcome="blocked",
            block_type="tls.reset.sni", basis="packets", confirmed=True) if struck else well)
        services[service, role] = ServiceVerdict(service=service, role=role, outcome="blocked" if struck else "ok",
                                                 k=0 if struck else 1, n=1)
    return RunResult(
        run=Run(run_id=f"{start:%Y%m%dT%H%M%SZ}_{asn:06x}{person:02x}", measurement_start_time=stamp,
                measurement_end_time=stamp, schema_version="1", software_version="1", n_attempted=len(TARGETS),
                vantage=Vantage(probe_id=f"p{asn}-{person}", probe_cc=cc, probe_asn=asn)),
        observations=(), controls=(), verdicts=tuple(verdicts), services=tuple(services.values()))


def now() -> datetime:
    """This very hour."""
    return datetime.now(UTC)
