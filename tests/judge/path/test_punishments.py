"""Failures in their order: strikes, and the punishments that explain what follows them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from observations import HERE4, RESET, TIMEOUT, operation
from probe.core.observations import Observation
from probe.core.tables.failures import Failure
from probe.core.tables.operations import Operation
from probe.judge.path.punishments import LONGEST_S, gather_punishment, read_longest_s, select_strikes
from recorded_runs import BOX_MS, CHAT, INNOCENT, RecordedRun, connection, named, reached, routes, run


def end(at_s: float, kind: Operation, failure: Failure) -> Observation:
    return operation(kind, HERE4, failure, port=443, t0_s=at_s, t_s=at_s + 0.1)


def innocent(at_s: float, kind: Operation = "tls_handshake", failure: Failure = "") -> Observation:
    return replace(end(at_s, kind, failure), purpose="innocent")


@pytest.mark.parametrize(("span", "longest_s"), [
    ("20-40", 40.0), ("20-", LONGEST_S), ("", LONGEST_S), ("20-99999", LONGEST_S), ("20-9999999", LONGEST_S),
    ("20-nan", LONGEST_S), ("0-0", 0.0),
])
def test_a_stored_span_is_read_within_bounds(span: str, longest_s: float) -> None:
    assert read_longest_s(span) == longest_s


CASES = {
    "a reset, and then silent SYNs": (
        [end(2, "tls_handshake", RESET), end(5, "connect", TIMEOUT), end(12, "connect", TIMEOUT)], [innocent(1)], 1, 2),
    "freed and struck again": (
        [end(2, "tls_handshake", RESET), end(5, "connect", TIMEOUT), end(240, "tls_handshake", RESET),
         end(244, "connect", TIMEOUT)], [innocent(1), innocent(239)], 2, 2),
    "refused before us, and freed": (
        [end(2, "connect", TIMEOUT), end(9, "connect", TIMEOUT), end(240, "tls_handshake", RESET)], [innocent(239)], 1,
        2),
    "silent for every name after a reset": (
        [end(2, "tls_handshake", RESET), end(5, "tls_handshake", TIMEOUT)],
        [innocent(1), innocent(20, failure=TIMEOUT)], 1, 1),
    "silent for this name alone after a reset": (
        [end(2, "tls_handshake", RESET), end(5, "tls_handshake", TIMEOUT)], [innocent(1), innocent(20)], 0, 0),
    "resets alone": ([end(2, "tls_handshake", RESET), end(5, "tls_handshake", RESET)], [innocent(1)], 0, 0),
    "silent SYNs alone": ([end(2, "connect", TIMEOUT), end(9, "connect", TIMEOUT)], [], 0, 0),
    "long after": ([end(2, "tls_handshake", RESET), end(3 + LONGEST_S, "connect", TIMEOUT)], [innocent(1)], 0, 0),
    "SYNs before, and nobody served": (
        [end(2, "connect", TIMEOUT), end(9, "tls_handshake", RESET)], [], 0, 0),
}


@pytest.mark.parametrize(("ends", "around", "spells", "punished"), CASES.values(), ids=CASES)
def test_an_order_that_a_mechanism_makes_is_read(ends: list[Observation], around: list[Observation], spells: int,
                                                 punished: int) -> None:
    found = gather_punishment(ends, around)
    assert (found.spells, found.punished) == (spells, punished)
    assert len(select_strikes(ends, around)) == len(ends) - punished


def _punished(failure: Failure = RESET, **said: object) -> RecordedRun:
    """An innocent name is served, the name is struck once, and then nothing connects for minutes."""
    struck = connection(1.0, attempt=1, failure=failure, **said)  # type: ignore[arg-type]
    after = [o for n in (2, 3, 4) for o in connection(10.0 * n, attempt=n, last="connect", failure=TIMEOUT)]
    again = connection(60.0, purpose="residual", last="connect", failure=TIMEOUT, hostname=INNOCENT)
    return run(named(), connection(0.0, purpose="innocent"), struck, after, again, told=reached(CHAT))


@pytest.mark.parametrize(("failure", "said", "cause"), [
    (RESET, {}, "tls.reset.sni"), (TIMEOUT, {"acked": "no"}, "tls.drop.sni"),
])
def test_a_name_that_is_struck_and_punished_is_suspected_by_name(failure: Failure, said: dict[str, object],
                                                                 cause: str) -> None:
    (judged,) = _punished(failure, **said).judge()
    assert (judged.verdict.outcome, judged.verdict.suspected) == ("inconclusive", cause)


def test_one_strike_alone_accuses_nobody_by_its_time() -> None:
    (judged,) = replace(_punished(end_ms=BOX_MS), seen=(*_punished(end_ms=BOX_MS).seen, *routes())).judge()
    assert judged.verdict.outcome == "inconclusive"
