"""Whom messengers' own first words convict, and whom not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from observations import EOF, RESET, TIMEOUT
from path_scenes import CONTRARY
from probe.core.tables.failures import Failure
from probe.judge.common.rule import decide, find_first_rule
from probe.judge.path.path_rules import PATH_RULES, PATH_TABLE
from program_scenes import SOONER
from recorded_app import NEARER, app


@pytest.mark.parametrize("innocent", ["unasked", "failed", "tainted"])
@pytest.mark.parametrize("failure", [TIMEOUT, RESET])
@pytest.mark.parametrize("acked", ["yes", "no"])
def test_without_innocent_bytes_that_fare_better_no_protocol_is_blocked(
    innocent: str, failure: str, acked: str,
) -> None:
    said = dict(innocent=innocent, control_proven=2)
    assert find_first_rule(PATH_RULES,
                           app(said=said, failure=failure, acked=acked, **CONTRARY)).outcome == "inconclusive"


@pytest.mark.parametrize("changes", [
    dict(failure=TIMEOUT, acked="yes"), dict(failure=RESET), dict(failure=EOF), dict(said=dict(proof="foreign"))])
def test_a_control_that_only_connects_convicts_no_protocol(changes: dict[str, Any]) -> None:
    """Nor does one that is answered by bytes which nobody knows."""
    for more in ({}, {"control_foreign": 1}, {"control_failed": 1}):
        seen = app(**changes | {"said": changes.get("said", {}) | more}, controls_asked=2, controls_answered=2)
        assert find_first_rule(PATH_RULES, seen).outcome in ("inconclusive", "down")


def test_bytes_that_came_were_no_silence() -> None:
    heard = dict(control_proven=2, heard=True, proof="foreign")
    assert find_first_rule(PATH_RULES,
                           app(said=heard, failure=TIMEOUT, acked="yes", **CONTRARY)).outcome == "inconclusive"
    carried = dict(control_proven=2, innocent="carried")
    assert find_first_rule(PATH_RULES,
                           app(said=carried, failure=TIMEOUT, acked="yes", **CONTRARY)).outcome == "inconclusive"


@pytest.mark.parametrize("failure", [RESET, EOF])
@pytest.mark.parametrize("changes", [
    dict(timing=replace(SOONER, sooner=2)), dict(timing=replace(SOONER, where="unknown")),
    dict(timing=replace(SOONER, answered=0)), dict(timing=SOONER, said=dict(innocent="failed")),
    dict(timing=SOONER, said=dict(innocent="carried", heard=True)), dict(located=replace(NEARER, where="door"))],
    ids=["as late as the service", "an operator's guard may stand there", "no round trip is known",
         "innocent bytes fare no better", "it has answered before", "the service's own door"])
def test_what_may_be_the_services_own_end_convicts_nobody(failure: Failure, changes: dict[str, Any]) -> None:
    seen = app(**{"said": dict(innocent="carried"), "failure": failure} | changes)
    assert decide(PATH_TABLE, seen).rule.outcome != "blocked"


@pytest.mark.parametrize("protocol", ["mmtls_http", "wechat_newgetdns"])
def test_where_http_carries_it_only_lost_bytes_convict(protocol: str) -> None:
    """A server's own door tells requests apart: it may answer one and keep silent on the other, or reset it."""
    for failure, acked in ((TIMEOUT, "yes"), (RESET, "")):
        seen = app(said=dict(protocol=protocol, control_proven=2), failure=failure, acked=acked, **CONTRARY)
        assert find_first_rule(PATH_RULES, seen).outcome == "inconclusive"
    lost = app(said=dict(protocol=protocol, control_proven=2), failure=TIMEOUT, acked="no", **CONTRARY)
    assert find_first_rule(PATH_RULES, lost).block_type == "app.drop.protocol"


@pytest.mark.parametrize(("status", "block_type"), [
    (403, "inconclusive.no_control"), (429, "server.rate_limited"), (503, "server.error"),
    (404, "inconclusive.unexplained"), (200, "inconclusive.unexplained")])
def test_a_proven_servers_own_refusal_is_named_as_a_pages_is(status: int, block_type: str) -> None:
    said = dict(protocol="mtproto_ws", proof="foreign", heard=True)
    seen = app(said=said, failure="", secure=True, proven=True, status=status)
    assert find_first_rule(PATH_RULES, seen).block_type == block_type


def test_within_tls_nobody_on_the_way_reads_a_protocol() -> None:
    for failure in (TIMEOUT, RESET, EOF):
        inside = app(said=dict(control_proven=2), failure=failure, acked="no", secure=True, proven=True, **CONTRARY)
        assert find_first_rule(PATH_RULES, inside).outcome == "inconclusive"


def test_a_server_that_takes_no_half_closed_connection_is_not_blocked() -> None:
    """It answered; without a control nothing shows that it acknowledges the end of anybody's stream."""
    answered = dict(heard=True, proof="proven")
    assert find_first_rule(PATH_RULES, app(said=answered, failure=TIMEOUT, acked="no")).outcome == "inconclusive"
    known = find_first_rule(PATH_RULES,
                            app(said=answered | dict(control_proven=2), failure=TIMEOUT, acked="no", **CONTRARY))
    assert known.id == "app/drop_protocol_control"
