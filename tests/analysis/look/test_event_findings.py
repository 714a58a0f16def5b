"""From an event as the analysis tells it to a finding, and whether its networks may be named."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from probe.store.archive.vouched_names import VouchedName, VouchedNames
from probe_analysis.cells.known_names import KnownNames
from probe_analysis.cells.name_standing import NO_NAMES, number_names, number_vouched
from probe_analysis.counting.cell_view import open_cells
from probe_analysis.findings.finding_values import LookSource
from probe_analysis.findings.logged_findings import read_logged_finding
from probe_analysis.look.look_cells import MEMORY_MB, LookCells
from probe_analysis.look.look_sentences import may_name
from probe_analysis.look.look_sources import add_causes, count_known_probes

ONSET = ["2026-05-01T04:00:00Z", "2026-05-01T05:00:00Z"]
FIRST = date(2026, 4, 1)
OWN = LookSource(kind="own", label="our probes")


def event(**changes: Any) -> dict[str, Any]:
    network = {"asn": 64500, "onset_from": ONSET[0], "onset_until": ONSET[1], "end_from": ONSET[1], "end_until": None,
               "decided": 90, "blocked": 88, "witnesses": 9, "strength": 0.98}
    return {"kind": "service", "status": "confirmed", "change": "new", "place": "RU", "service": "telegram",
            "roles": ["chat"], "endpoints": [], "networks": [network], "onset_from": ONSET[0], "onset_until": ONSET[1],
            "end_from": ONSET[1], "end_until": None, "ongoing": True, "mechanism": "tls.reset", "decided": 90,
            "blocked": 88, "witnesses": 9, "strength": 0.98, "daily_hours": None, "probability": 0.97,
            "ruled_out": ["fresh_names"], "not_ruled_out": []} | changes


@pytest.mark.parametrize(("changes", "named"), [
    ({}, True),
    ({"ruled_out": [], "not_ruled_out": ["fresh_names"]}, False),
    ({"kind": "network"}, True),
    ({"ruled_out": [], "kind": "network"}, False),
], ids=["known names", "names that may be fresh", "a network that failed as a whole", "the same of unknown names"])
def test_a_network_of_our_own_is_named_by_known_names_alone(changes: dict[str, Any], named: bool) -> None:
    (network,) = read_logged_finding(event(**changes)).networks
    assert network.asn == 64500
    assert may_name(OWN, network) is named
    assert may_name(replace(OWN, kind="ooni"), network)


def names_of(people: int, days: int) -> KnownNames:
    """So many volunteers who measure by turns, the last of them on the day of the onset; each is known to the collector
    since the first of its runs."""
    turns = {FIRST + timedelta(days=30 - back): f"p{back % people}" for back in range(days)}
    kept = {day.isoformat(): number_names([name], ["RU"], [64500]) for day, name in turns.items()}
    since = {(name, 64500): VouchedName(since=min(day for day, other in turns.items() if other == name), prefix="")
             for name in turns.values()}
    return KnownNames(lambda day: kept.get(day, NO_NAMES), number_vouched(VouchedNames(names=since, begin=FIRST)))


@pytest.mark.parametrize(("people", "days", "kind", "witnesses", "named"), [
    (5, 29, "event", 1, True),
    (4, 29, "event", 4, False),
    (5, 4, "event", 1, False),
    (5, 29, "population", 5, True),
    (5, 5, "population", 5, False),
], ids=["five by turns", "four", "five who came of late", "five in a population", "five fresh ones in a population"])
def test_probes_of_a_network_are_counted_as_a_release_counts_them(
        people: int, days: int, kind: Any, witnesses: int, named: bool) -> None:
    made = read_logged_finding(event())
    made = replace(made, kind=kind, networks=tuple(replace(one, witnesses=witnesses) for one in made.networks))
    (network,) = count_known_probes(made, "RU", names_of(people, days)).networks
    assert may_name(OWN, network) is named


def cell(target: str, cause: str, *, hour: int = 5, asn: int = 64500, role: str = "chat", level: str = "target",
         cc: str = "RU", blocked: int = 3) -> dict[str, Any]:
    return {"lab": False, "witnesses": 1, "ok": 0, "down": 0, "inconclusive": 0, "network": 0, "local": 0,
            "probe_cc": cc, "probe_asn": asn, "level": level, "service": "telegram", "role": role, "target_id": target,
            "cell_start": datetime(2026, 5, 1, hour, tzinfo=UTC), "blocked": blocked, "block_type": cause}


@pytest.mark.parametrize(("cells", "causes"), [
    ([cell("a", "tls.reset.sni"), cell("b", "ip.blackhole")], {"a": "tls.reset.sni", "b": "ip.blackhole"}),
    ([cell("a", "tls.reset.sni"), cell("b", "ip.blackhole", hour=3)], {"a": "tls.reset.sni"}),
    ([cell("a", "tls.reset.sni"), cell("b", "ip.blackhole", asn=64501)], {"a": "tls.reset.sni"}),
    ([cell("a", "tls.reset.sni"), cell("b", "ip.blackhole", role="web")], {"a": "tls.reset.sni"}),
    ([cell("a", "tls.reset.sni"), cell("b", "ip.blackhole", level="role")], {"a": "tls.reset.sni"}),
    ([cell("a", "tls.reset.sni"), cell("b", "ip.blackhole", cc="DE")], {"a": "tls.reset.sni"}),
    ([cell("a", "tls.reset.sni"), cell("b", "", blocked=0)], {"a": "tls.reset.sni"}),
    ([], {}),
], ids=["two targets", "before", "another network", "another part", "no target", "another country", "well", "none"])
def test_causes_are_those_of_the_events_own_targets(tmp_path: Path, cells: list[dict[str, Any]],
                                                    causes: dict[str, str]) -> None:
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    path = tmp_path / "cells.parquet"
    pq.write_table(pa.Table.from_pylist([cell("z", "tls.reset", cc="FR"), *cells]), path)
    told = event(networks=[event()["networks"][0] | {"end_from": "2026-05-01T09:00:00Z"}])
    with open_cells(LookCells, path, memory_mb=MEMORY_MB) as opened:
        found = add_causes(read_logged_finding(told), opened, "RU")
    assert {one.target: one.cause for one in found.causes} == causes
