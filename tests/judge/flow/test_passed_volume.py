"""How much came on one connection, and that pictures and files are not said to work of which less came."""

from __future__ import annotations

from dataclasses import replace

import pytest

from observations import HERE4, THERE4, endpoint, operation, path, visit_to
from probe.core.observations import Observation
from probe.core.tables.failures import Failure
from probe.core.tables.outcomes import Outcome
from probe.core.tables.purposes import Purpose
from probe.core.tables.roles import Role
from probe.judge.flow.passed_volume import PassedVolume, find_passed_volume
from probe.judge.verdicts.combine import combine_paths
from probe.judge.verdicts.confidence import OF_LITTLE
from probe.judge.verdicts.judged_endpoint import JudgedEndpoint, PathVerdict
from probe.judge.verdicts.role_verdicts import judge_services
from probe.judge.verdicts.rule_verdict import make_bare_verdict

OWN = endpoint()


def visit(page_bytes: int, *, attempt: int = 1, address: str = HERE4, failure: Failure = "",
          url: str = OWN.input, purpose: Purpose = "target") -> list[Observation]:
    sizes = {"connect": 0, "tls_handshake": 3000, "http_round_trip": page_bytes}
    rows = visit_to(address, failure=failure, until="http" if failure else "", attempt=attempt, purpose=purpose)
    return [replace(o, bytes_read=sizes[o.operation], t0_s=n, t_s=n + 0.5, input=url) for n, o in enumerate(rows)]


def sample(size: int, *, method: str = "GET", purpose: Purpose = "sample") -> list[Observation]:
    seen = operation("transfer", HERE4, "", purpose=purpose, bytes_read=size, t0_s=5.0, t_s=9.0)
    return [replace(seen, http=replace(seen.http, method=method))]


@pytest.mark.parametrize(("rows", "passed"), [
    ([], (0, 0.0)), (visit(2000), (5000, 2.0)),
    ([*visit(2000), *visit(9000, attempt=2)], (12_000, 2.0)),
    ([*visit(2000), *visit(30_000, attempt=2, failure="generic_timeout_error")], (5000, 2.0)),
    (visit(30_000, address=THERE4), (0, 0.0)),
    (visit(30_000, url=f"{OWN.input}other"), (3000, 1.0)),
    (visit(30_000, purpose="innocent"), (0, 0.0)),
    ([*visit(2000), *sample(60_000)], (60_000, 4.0)),
    ([*visit(2000), *sample(60_000, method="HEAD")], (5000, 2.0)),
    ([*visit(2000), *sample(60_000, purpose="yardstick")], (5000, 2.0)),
])
def test_the_best_connection_counts(rows: list[Observation], passed: tuple[int, float]) -> None:
    found = find_passed_volume(OWN, HERE4, rows, [])
    assert (found.bytes_read, round(found.seconds, 1)) == passed


def on(role: Role, *passed_bytes: int, outcome: Outcome = "ok") -> JudgedEndpoint:
    """An endpoint, and an address of it for each number of bytes."""
    place = replace(OWN, role=role)
    paths: list[PathVerdict] = []
    for size in passed_bytes:
        seen = path()
        lasting = replace(seen.lasting, passed=PassedVolume(bytes_read=size, seconds=1.0))
        paths.append((replace(seen, lasting=lasting, failed_attempts=0),
                      replace(make_bare_verdict(place, outcome), confidence=0.9)))
    return combine_paths(place, paths)


@pytest.mark.parametrize(("judged", "is_sure", "word"), [
    (on("media", 15_999), False, "unknown"), (on("media", 16_000), True, "works"),
    (on("download", 500, 40_000), True, "works"), (on("download", 500, 600), False, "unknown"),
    (on("web", 500), True, "works"), (on("chat", 0), True, "works"),
    (on("media", 500, outcome="inconclusive"), True, "fails"),
])
def test_pictures_and_files_need_volume(judged: JudgedEndpoint, is_sure: bool, word: str) -> None:
    verdict = judged.verdict
    assert (verdict.confidence > OF_LITTLE) is is_sure
    (row,) = judge_services({"t": [judged]}, {}, {})
    assert (row.outcome, row.answer) == (verdict.outcome, word)


@pytest.mark.parametrize(("sizes", "word"), [
    ((20_000, 500), "works"), ((20_000, 500, 500), "unknown"), ((500, 500), "unknown"),
])
def test_as_many_targets_need_it_as_must_answer(sizes: tuple[int, ...], word: str) -> None:
    members = {str(n): [replace(on("media", size), endpoint=replace(OWN, role="media", target_id=str(n)))]
               for n, size in enumerate(sizes)}
    (row,) = judge_services(members, {}, {})
    assert row.answer == word
