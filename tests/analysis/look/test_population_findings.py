"""Rows of the table `population`, put together: what is accused, what is only suspected, what is over."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from probe_analysis.look.population_findings import LastOk, make_population_findings


def row(asn: int = 64500, day: int = 2, **values: Any) -> dict[str, Any]:
    return {"probe_cc": "RU", "probe_asn": asn, "service": "whatsapp", "role": "chat", "target_id": "whatsapp.chat.e1",
            "onset": f"2026-03-{day:02d}T06:00:00Z", "served_until": f"2026-03-{day:02d}T03:00:00Z",
            "last": f"2026-03-{day + 1:02d}T06:00:00Z", "outcome": "blocked", "block_type": "tls.reset.sni",
            "suspected": "", "basis": "spared", "not_excluded": "", "n": 20, "struck": 20, "witnesses": 3,
            "witnesses_alike": 6, **values}


UNPLACED: dict[str, Any] = {"outcome": "inconclusive", "block_type": "inconclusive.unplaced", "suspected": "tls.reset",
                            "basis": ""}
FRESH = {"not_excluded": "edge fresh_names"}


@pytest.mark.parametrize(("rows", "found"), [
    ([row(), row(64501)], [("confirmed", "tls.reset.sni", 2)]),
    ([row(**UNPLACED), row(64501, **UNPLACED | FRESH)], [("suspected", "tls.reset", 1)] * 2),
    ([row(**UNPLACED), row(64501, **UNPLACED)], [("suspected", "tls.reset", 2)]),
    ([row(**UNPLACED), row(64501)], [("confirmed", "tls.reset.sni", 1), ("suspected", "tls.reset", 1)]),
    ([row(), row(64501, basis="place")], [("confirmed", "tls.reset.sni", 1)] * 2),
    ([row(), row(64501, block_type="dns.forged")], [("confirmed", "", 2)]),
    ([row(day=2), row(day=20)], [("confirmed", "tls.reset.sni", 1)] * 2),
    ([row(outcome="down", suspected="tls.reset"), row(outcome="network", suspected="tls.reset")], []),
    ([row(outcome="inconclusive", suspected="")], []),
])
def test_what_the_rows_say_together(rows: list[dict[str, Any]], found: list[tuple[str, str, int]]) -> None:
    made = make_population_findings(rows, {}, ())
    assert [(one.status, one.mechanism, len(one.networks)) for one in made] == found


@pytest.mark.parametrize(("well", "over"), [
    ({}, False),
    ({64500: 3}, False),
    ({64500: 4, 64501: 4}, True),
    ({64500: 4, 64501: 3}, False),
])
def test_it_is_over_when_it_is_well_again_everywhere(well: dict[int, int], over: bool) -> None:
    last_ok: LastOk = {(asn, "whatsapp", "chat"): datetime(2026, 3, day, tzinfo=UTC) for asn, day in well.items()}
    (found,) = make_population_findings([row(), row(64501)], last_ok, ())
    assert (found.end_from is not None) == over


def test_a_network_is_known_where_enough_names_were() -> None:
    (found,) = make_population_findings([row(), row(64501)], {}, {64501})
    assert {one.asn: one.known for one in found.networks} == {64500: False, 64501: True}


def test_a_network_of_which_fresh_names_tell_is_not_known() -> None:
    (found,) = make_population_findings([row(64501, **UNPLACED | FRESH)], {}, {64501})
    assert ([one.known for one in found.networks], found.not_ruled_out) == ([False], ("edge", "fresh_names"))
