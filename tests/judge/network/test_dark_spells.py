"""When the whole line is dark, and when a few services are silent."""

from __future__ import annotations

from dataclasses import replace

import pytest

from observations import RESET, TIMEOUT, operation
from probe.core.observations import Observation
from probe.core.tables.failures import Failure
from probe.core.tables.operations import Operation
from probe.judge.network.dark_spells import DarkSpell, find_dark_spells
from recorded_runs import THREE, connection, named, reached, run

PLACES = ("93.184.1.1", "93.184.2.2", "93.184.3.3", "93.184.4.4")


def seen(at_s: float, place: str, failure: Failure = "", kind: Operation = "connect") -> Observation:
    return operation(kind, place, failure, port=443, t0_s=at_s, t_s=at_s + (6.0 if failure == TIMEOUT else 0.1))


WELL = [seen(n, place) for n, place in enumerate(PLACES)]
SILENT = [seen(10 + n, place, TIMEOUT) for n, place in enumerate((*PLACES, *PLACES))]
CASES: dict[str, tuple[list[Observation], tuple[DarkSpell, ...]]] = {
    "to the end": ([*WELL, *SILENT], (DarkSpell(from_s=3.1, to_s=23.0, lasts=True),)),
    "for a while": ([*WELL, *SILENT, seen(60, PLACES[0])], (DarkSpell(from_s=3.1, to_s=60.1),)),
    "two places alone": ([*WELL, *(o for o in SILENT if o.address in PLACES[:2])], ()),
    "places that never answered": ([seen(0, "93.184.9.9"), *SILENT], ()),
    "others answer meanwhile": ([*WELL, *SILENT, *(seen(10 + n, "93.184.9.9") for n in range(16))], ()),
    "struck before, and punished": (
        [*WELL, *(seen(4 + n / 10, place, RESET, "tls_handshake") for n, place in enumerate(PLACES)), *SILENT], ()),
    "what was left out meanwhile is no answer": (
        [*WELL, *SILENT, *(replace(seen(12 + n, PLACES[0]), reason="left out") for n in range(12))],
        (DarkSpell(from_s=3.1, to_s=23.0, lasts=True),)),
    "nothing answered at all": (SILENT, ()),
}


@pytest.mark.parametrize(("rows", "spells"), CASES.values(), ids=CASES)
def test_only_places_that_answer_at_other_times_tell(rows: list[Observation], spells: tuple[DarkSpell, ...]) -> None:
    assert find_dark_spells(rows) == spells


def test_what_was_tried_in_the_dark_says_nothing() -> None:
    dark = DarkSpell(from_s=5.0, to_s=60.0)
    service = THREE[0]
    rows = [o for n in (1, 2, 3) for o in connection(10.0 * n, service, attempt=n, last="connect", failure=TIMEOUT)]
    recorded = run(named(service), rows, of=(service.endpoint,), told=reached(service))
    assert recorded.judge()[0].verdict.failed_attempts == 3
    with_dark = run(named(service), rows, of=(service.endpoint,), told=reached(service),
                    ladder=recorded.ladder.__class__(foreign_ok=2, dark=(dark,)))
    assert with_dark.judge()[0].verdict.outcome == "not_attempted"
