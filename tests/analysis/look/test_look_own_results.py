"""Volunteers of our own, from their folders through `probe collect` to what `probe look` says."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from look_world import STRUCK as CUT
from look_world import LookWorld, now, vouch, write_volunteers
from probe.cli.main import cli
from probe.core.runs import Run, RunResult, Vantage
from probe.core.tables.roles import Role
from probe.core.verdicts import ServiceVerdict, Verdict
from probe.store.runs.run_writer import write_run

DAYS, ONSET_H, EACH, EVERY_H = 4, 80, 5, 2
STRUCK, SPARED, ABROAD = (64500, 64501), (64510,), (64520,)
BEGIN = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(days=DAYS)
TARGETS: tuple[tuple[str, Role, str], ...] = (
    ("whatsapp", "chat", "e1"), ("whatsapp", "web", "client"), ("signal", "chat", "main"), ("viber", "web", "site"))


def make_run(asn: int, person: int, hour: int) -> RunResult:
    """A run in which WhatsApp's chat is reset in some networks from one hour on, and all else is well."""
    start = BEGIN + timedelta(hours=hour, minutes=5 + person)
    stamp = start.strftime("%Y-%m-%dT%H:%M:%SZ")
    cut = asn in STRUCK and hour >= ONSET_H
    verdicts, services = list[Verdict](), list[ServiceVerdict]()
    for service, role, label in TARGETS:
        well = Verdict(target_id=f"{service}.{role}.{label}", service=service, role=role,
                       input=f"https://{service}.example/", outcome="ok")
        struck = cut and (service, role) == ("whatsapp", "chat")
        verdicts.append(Verdict(
            target_id=well.target_id, service=service, role=role, input=well.input, outcome="blocked",
            block_type="tls.reset.sni", basis="packets", confirmed=True) if struck else well)
        services.append(ServiceVerdict(service=service, role=role, outcome="blocked" if struck else "ok",
                                       k=0 if struck else 1, n=1))
    return RunResult(
        run=Run(run_id=f"{start:%Y%m%dT%H%M%SZ}_{asn:06x}{person:02x}", measurement_start_time=stamp,
                measurement_end_time=stamp, schema_version="1", software_version="1", n_attempted=len(TARGETS),
                vantage=Vantage(probe_id=f"p{asn}{person}", probe_cc="DE" if asn in ABROAD else "RU", probe_asn=asn)),
        observations=(), controls=(), verdicts=tuple(verdicts), services=tuple(services))


@pytest.fixture(scope="module")
def collected(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data set of folders that twenty volunteers sent."""
    folder = tmp_path_factory.mktemp("volunteers")
    for asn in (*STRUCK, *SPARED, *ABROAD):
        for person in range(EACH):
            for hour in range(0, 24 * DAYS, EVERY_H):
                write_run(make_run(asn, person, hour), folder / "in" / f"p{asn}{person}", known_new=True)
    done = CliRunner().invoke(cli, ["collect", str(folder / "in"), "-o", str(folder / "set")], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    vouch(folder / "set", (f"p{asn}{person}" for asn in (*STRUCK, *SPARED, *ABROAD) for person in range(EACH)), BEGIN)
    return folder / "set"


def look(service: str, cc: str, folder: Path) -> dict[str, Any]:
    done = CliRunner().invoke(cli, ["look", service, cc, "--results", str(folder), "--json"], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    told: dict[str, Any] = json.loads(done.stdout)
    return told


@pytest.mark.slow
@pytest.mark.long
def test_a_block_of_one_role_is_told_with_its_networks_mechanism_and_onset(collected: Path) -> None:
    told = look("whatsapp", "RU", collected)
    (found,) = (one for one in told["sources"][0]["findings"] if one["kind"] == "event")
    assert (found["status"], found["roles"], found["mechanism"]) == ("confirmed", ["chat"], "tls.reset.sni")
    assert {one["asn"] for one in found["networks"]} == set(STRUCK)
    first, last = (datetime.strptime(found[name], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
                   for name in ("onset_from", "onset_until"))
    onset = BEGIN + timedelta(hours=ONSET_H)
    assert first == onset - timedelta(hours=EVERY_H)  # the last run that was served
    assert onset <= last <= onset + timedelta(hours=1)
    assert told["printable"]
    assert all(f"AS{asn}" in claim["text"] for claim in told["printable"] for asn in STRUCK)


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.parametrize(("service", "cc"), [("signal", "RU"), ("whatsapp", "DE")])
def test_what_is_well_has_its_n(collected: Path, service: str, cc: str) -> None:
    told = look(service, cc, collected)
    networks = ABROAD if cc == "DE" else (*STRUCK, *SPARED)
    roles = sum(name == service for name, _, _ in TARGETS)
    assert told["sources"][0]["findings"] == []
    n = sum(one["n"] for one in told["sources"][0]["measured"])
    assert n == len(networks) * EACH * 24 * DAYS // EVERY_H * roles
    assert any(str(n) in one["text"] for one in told["sentences"] if one["topic"] == "what")


@pytest.mark.slow
@pytest.mark.long
def test_volunteers_who_take_turns_are_five_of_a_network_all_the_same(tmp_path: Path) -> None:
    world = LookWorld(now=now(), days=12, onset_h=240)
    told = look("whatsapp", "RU", write_volunteers(tmp_path / "results", world, each=5, by_turns=True))
    found = [one for one in told["sources"][0]["findings"] if one["status"] == "confirmed"]
    assert {one["kind"] for one in found} == {"event"}
    assert [{network["asn"] for network in one["networks"]} for one in found] == [set(CUT)]
    assert len(told["printable"]) == 1
