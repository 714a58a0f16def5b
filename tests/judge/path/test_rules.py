"""One recording for each rule, and properties over any evidence: who may be convicted, and by what."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from all_runs import RUNS, SUSPECTED
from observations import EOF, RESET, TIMEOUT, WELL, change_path
from path_scenes import (
    CONTRARY,
    FORGED,
    FORGED_AGAIN,
    HEADERS_ONLY,
    HERE,
    IN_CLEAR,
    NEARER,
    NO_CONTROL,
    ONE_ATTEMPT,
    RESIGNED,
    SERVED,
    SHOWS,
    TWO_ATTEMPTS,
    scene,
)
from probe.core.tables.block_types import is_ancestor
from probe.core.tables.failures import Failure
from probe.judge.common.rule import Rule, find_first_rule
from probe.judge.dns.dns_rules import DNS_RULES, NAME_TABLE
from probe.judge.network.ladder_evidence import LadderEvidence
from probe.judge.network.network_rules import NETWORK_RULES, NETWORK_TABLE
from probe.judge.packets.packet_anatomy import UNSEEN, PacketAnatomy
from probe.judge.path.all_rules import list_rules
from probe.judge.path.path_context import PathContext
from probe.judge.path.path_rules import PATH_RULES, PATH_TABLE
from program_scenes import recorded as programs
from recorded_app import APPS
from recorded_connections import CONNECTIONS
from recorded_datagrams import DATAGRAMS
from recorded_handshakes import HANDSHAKES
from recorded_losses import LOSSES
from recorded_names import NAMES
from recorded_networks import NETWORKS
from recorded_pages import PAGES
from recorded_paths import OF_ANY
from recorded_transfers import TRANSFERS
from shape_scenes import shaped

BY_ID = {rule.id: rule for rule in list_rules()}
def named() -> Iterator[tuple[str, PathContext]]:
    """How each action looks at every depth; which of them are told, `probe.judge.tls.tls_named_rules` says."""
    for stem, shown in SHOWS.items():
        trigger = "sni" if stem.startswith("tls") else "host"
        yield f"{stem}_{trigger}_control", scene(**shown, **CONTRARY, innocent="reached", located_by_name=NEARER)
        if stem.endswith(("close", "alert")):
            yield f"{stem}_{trigger}_nearer", scene(**shown, innocent="reached", located_by_name=NEARER)
        yield f"{stem}_{trigger}_injected", scene(**shown, **FORGED, innocent="reached")
        yield f"{stem}_{trigger}", scene(**shown, innocent="reached")
        yield f"{stem}_address_injected", scene(**shown, **FORGED_AGAIN, **CONTRARY, innocent="failed")
        yield f"{stem}_address", scene(**shown, **CONTRARY, innocent="failed")


FAMILIES = dict(named()) | dict(shaped(SHOWS)) | dict(programs())
MADE = {rule_id: seen for rule_id, seen in FAMILIES.items() if rule_id in BY_ID}
PATHS: dict[str, PathContext] = (
    MADE | DATAGRAMS | TRANSFERS | LOSSES | APPS | OF_ANY | CONNECTIONS | HANDSHAKES | PAGES)
RECORDINGS: list[tuple[str, tuple[Rule[Any], ...], Any]] = [
    *((rule, NETWORK_RULES, e) for rule, e in NETWORKS.items()),
    *((rule, DNS_RULES, e) for rule, e in NAMES.items()),
    *((rule, PATH_RULES, e) for rule, e in PATHS.items()),
]
WRITTEN = {rule_id for rule_id, *_ in RECORDINGS}
RECORDINGS += [(rule_id, tuple(d.table), d.evidence) for rule_id in sorted(RUNS.keys() - WRITTEN - SUSPECTED)
               for d in RUNS[rule_id].decided if d.rule.id == rule_id]
"""Of the others, what their recorded run shows; `test_rules_decide.py` names those whose run does not show them."""
CONVICTING = [r for r in RECORDINGS if BY_ID[r[0]].outcome == "blocked"]


def test_every_rule_has_its_recording() -> None:
    """Those that decide where an accusation lacks a basis hold on no evidence of their own (`test_bases.py`)."""
    unplaced = {table.unplaced.id for table in (NETWORK_TABLE, NAME_TABLE, PATH_TABLE) if table.unplaced}
    assert {rule_id for rule_id, *_ in RECORDINGS} == set(BY_ID) - unplaced


@pytest.mark.parametrize(("rule_id", "table", "evidence"), RECORDINGS, ids=[r[0] for r in RECORDINGS])
def test_the_recording_is_judged_by_its_rule(rule_id: str, table: tuple[Rule[Any], ...], evidence: Any) -> None:
    assert find_first_rule(table, evidence).id == rule_id


@pytest.mark.parametrize(("rule_id", "table", "evidence"), CONVICTING, ids=[r[0] for r in CONVICTING])
def test_without_the_control_nothing_worse_is_claimed(
    rule_id: str, table: tuple[Rule[Any], ...], evidence: Any,
) -> None:
    if isinstance(evidence, PathContext):
        flow = replace(evidence.path.flow, controls_fast=0, controls_slow=0)
        bare: Any = replace(evidence, path=change_path(evidence.path, **NO_CONTROL, flow=flow))
    else:
        dns = replace(evidence.dns, trusted_ok=0, control_ok=0, controls_asked=0, trusted_answers=frozenset())
        bare = replace(evidence, dns=dns, trusted_reached=False)
    got = find_first_rule(table, bare)
    assert got.outcome != "blocked" or is_ancestor(got.block_type, BY_ID[rule_id].block_type)
    if "helper" in BY_ID[rule_id].needs and "innocent" not in BY_ID[rule_id].needs:
        assert got.outcome != "blocked"


SCENES = [r for r in CONVICTING if isinstance(r[2], PathContext) and not r[2].path.mark.fits]
FAILING = [r for r in SCENES if r[0] not in TRANSFERS | LOSSES and not r[0].startswith("program/")]
"""Those that do not answer us; a service whose transfers are slowed or frozen does, one that loses packets, and one
that fails programs alone."""
SICK: dict[str, LadderEvidence] = {"unknown": LadderEvidence(), "one page": LadderEvidence(foreign_ok=1),
                                   "portal": replace(WELL, altered=2)}


@pytest.mark.parametrize("ladder", SICK.values(), ids=SICK)
@pytest.mark.parametrize(("rule_id", "table", "evidence"), SCENES, ids=[r[0] for r in SCENES])
def test_a_sick_network_convicts_nobody(
    rule_id: str, table: tuple[Rule[Any], ...], evidence: Any, ladder: LadderEvidence,
) -> None:
    assert find_first_rule(table, replace(evidence, ladder=ladder)).outcome != "blocked", rule_id


@pytest.mark.parametrize("changes", [
    ONE_ATTEMPT, TWO_ATTEMPTS, {"failed_attempts": 4}, {"same_failure": False}], ids=str)
@pytest.mark.parametrize(("rule_id", "table", "evidence"), FAILING, ids=[r[0] for r in FAILING])
def test_every_one_of_several_attempts_must_fail_alike(
    rule_id: str, table: tuple[Rule[Any], ...], evidence: Any, changes: dict[str, Any],
) -> None:
    assert find_first_rule(table,
                           replace(evidence, path=change_path(evidence.path, **changes))).outcome != "blocked", rule_id


@pytest.mark.parametrize(("rule_id", "table", "evidence"), SCENES, ids=[r[0] for r in SCENES])
def test_an_operator_that_refuses_places_itself_is_no_censor(
    rule_id: str, table: tuple[Rule[Any], ...], evidence: Any,
) -> None:
    assert find_first_rule(table, replace(evidence, self_block=True)).outcome != "blocked", rule_id


def test_inside_tls_no_host_is_seen_and_none_is_blamed() -> None:
    for shown in (SHOWS["http/reset"], SHOWS["http/mute"], SHOWS["http/close"]):
        inside = shown | {"secure": True, "proven": True, "stops_alike": True}
        assert find_first_rule(PATH_RULES, scene(**inside, innocent="reached")).outcome == "inconclusive"
        with_control = find_first_rule(PATH_RULES, scene(**inside, innocent="reached", **CONTRARY))
        assert with_control.outcome == "inconclusive" or with_control.block_type == "flow.freeze"


@pytest.mark.parametrize(("ladder", "shown", "rule_id"), [
    (RESIGNED, dict(same_key=1), "path/connects"),
    (RESIGNED, dict(same_key=1, other_key=1), "path/connects"),
    (RESIGNED, dict(proven=True), "tls/proven"),
    (RESIGNED, dict(secure=False), "path/connects"),
    (WELL, dict(other_key=1), "path/connects"),
    (replace(WELL, resigned=2, tls_ok=3), dict(other_key=1), "path/connects"),
])
def test_a_certificate_that_nobody_judges_is_doubted_only_where_all_are_resigned(
    ladder: LadderEvidence, shown: dict[str, Any], rule_id: str,
) -> None:
    assert find_first_rule(PATH_RULES, scene(ladder, kind="tls", **SERVED | shown)).id == rule_id


@pytest.mark.parametrize("failure", [RESET, EOF, TIMEOUT])
@pytest.mark.parametrize("ladder", [replace(WELL, tls_ok=0, tls_failed=2, named_ok=1),
                                    replace(WELL, tls_ok=1, tls_failed=2), replace(WELL, tls_ok=0, tls_failed=1)])
def test_a_line_stops_every_name_only_if_none_passes(ladder: LadderEvidence, failure: Failure) -> None:
    """A state may block the references alone; then services are judged as ever."""
    rule = find_first_rule(PATH_RULES, scene(ladder, stage="tls", failure=failure, acked="no"))
    assert rule.outcome not in ("local", "network")


@pytest.mark.parametrize("status", [200, 302, 403, 451])
def test_a_notice_that_the_whole_world_is_served_is_no_block(status: int) -> None:
    seized = scene(**IN_CLEAR | {"status": status}, mark=HERE, controls_asked=1, controls_answered=1, controls_ok=1,
                   page_same=1)
    assert find_first_rule(PATH_RULES, seized).outcome == "down"


@pytest.mark.parametrize("shown", [
    dict(failure=TIMEOUT, proven=True, stops_alike=True), dict(failure=RESET, proven=True),
    dict(failure=EOF, proven=True), SHOWS["http/mute"], SHOWS["http/reset"], SHOWS["http/close"],
], ids=str)
def test_one_server_of_many_that_serves_nothing_is_no_block(shown: dict[str, Any]) -> None:
    """Controls were led to another address, and nothing shows how this one treats anybody else."""
    elsewhere = scene(**{"stage": "http"} | shown | CONTRARY | {"controls_here": 0})
    assert find_first_rule(PATH_RULES, elsewhere).outcome == "inconclusive"


INJECTED = [r for r in SCENES if "packets" in BY_ID[r[0]].needs]


@pytest.mark.parametrize(("rule_id", "table", "evidence"), INJECTED, ids=[r[0] for r in INJECTED])
@pytest.mark.parametrize("anatomy", [UNSEEN, HEADERS_ONLY["anatomy"]], ids=["unseen", "headers"])
def test_headers_that_differ_convict_nobody_alone(
    rule_id: str, table: tuple[Rule[Any], ...], evidence: Any, anatomy: PacketAnatomy,
) -> None:
    got = find_first_rule(table, replace(evidence, path=change_path(evidence.path, anatomy=anatomy)))
    assert "packets" not in got.needs, rule_id


@pytest.mark.parametrize(("rule_id", "table", "evidence"), INJECTED, ids=[r[0] for r in INJECTED])
def test_where_controls_fail_as_well_forged_packets_convict_nobody(
    rule_id: str, table: tuple[Rule[Any], ...], evidence: Any,
) -> None:
    path = change_path(evidence.path, controls_asked=2, controls_answered=2, controls_ok=1, controls_failed=1)
    assert find_first_rule(table, replace(evidence, path=path)).outcome != "blocked", rule_id


@pytest.mark.parametrize("stem", ["tls/reset", "http/reset", "tls/close", "http/close", "tls/alert"])
def test_where_every_name_fails_for_a_while_a_neighbour_may_be_the_cause(stem: str) -> None:
    assert find_first_rule(PATH_RULES,
                           scene(**SHOWS[stem], **FORGED, **CONTRARY, innocent="failed")).outcome == "inconclusive"
