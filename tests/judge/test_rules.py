"""One recording for each rule, and properties over any evidence: who may be convicted, and by what."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from observations import EOF, REFUSED, RESET, TIMEOUT, WELL
from probe.core.tables.block_types import is_ancestor
from probe.core.tables.failures import Failure
from probe.judge.evidence.allowlist_evidence import AllowlistEvidence
from probe.judge.evidence.fingerprint_weight import FingerprintMark
from probe.judge.evidence.hop_evidence import HopLocation
from probe.judge.evidence.ladder_evidence import LadderEvidence
from probe.judge.evidence.packet_anatomy import UNSEEN, PacketAnatomy
from probe.judge.evidence.refusal_evidence import AnswersElsewhere
from probe.judge.evidence.shape_evidence import ShapeEvidence
from probe.judge.rules.all_rules import list_rules
from probe.judge.rules.dns_rules import DNS_RULES, NAME_TABLE
from probe.judge.rules.network_rules import NETWORK_RULES, NETWORK_TABLE
from probe.judge.rules.path_context import PathContext
from probe.judge.rules.path_rules import PATH_RULES, PATH_TABLE
from probe.judge.rules.rule import Rule, find_first_rule
from probe.store.text_forms import read_icmp
from program_scenes import recorded as programs
from recorded_app import APPS
from recorded_datagrams import (
    CONTRARY,
    DATAGRAMS,
    FAILS_TOO,
    NO_CONTROL,
    ONE_ATTEMPT,
    SERVED,
    TWO_ATTEMPTS,
    scene,
)
from recorded_losses import LOSSES
from recorded_names import NAMES
from recorded_transfers import TRANSFERS
from shape_scenes import shaped

BY_ID = {rule.id: rule for rule in list_rules()}
HERE = FingerprintMark(name="page", fits=True)
"""A fingerprint of the vantage's own country."""
IN_CLEAR: dict[str, Any] = dict(secure=False, stage="page", met="no", status=200)
NEARER = HopLocation(least=3, most=3, where="before")
REFUSED_PAGE: dict[str, Any] = dict(proven=True, status=403, met="no", stage="page")
"""Of the genuine server."""
FORGED: dict[str, Any] = dict(anatomy=PacketAnatomy(captured=5, signs=("ttl", "early", "copies")))
FORGED_AGAIN: dict[str, Any] = dict(anatomy=PacketAnatomy(captured=6, signs=("ttl", "early"), near_slots=2))
HEADERS_ONLY: dict[str, Any] = dict(anatomy=PacketAnatomy(captured=5, signs=("ttl", "df", "ip_id_constant")))

SHOWS: dict[str, dict[str, Any]] = {
    "tls/reset": dict(stage="tls", failure=RESET),
    "tls/close": dict(stage="tls", failure=EOF),
    "tls/alert": dict(stage="tls", failure="ssl_error: tlsv1 alert access denied", tls_alert=49, acked="yes"),
    "tls/drop": dict(stage="tls", failure=TIMEOUT, acked="no"),
    "tls/mute": dict(stage="tls", failure=TIMEOUT, acked="yes"),
    "http/reset": dict(stage="http", failure=RESET, secure=False),
    "http/close": dict(stage="http", failure=EOF, secure=False),
    "http/drop": dict(stage="http", failure=TIMEOUT, secure=False, acked="no"),
    "http/mute": dict(stage="http", failure=TIMEOUT, secure=False, acked="yes"),
}


def named() -> Iterator[tuple[str, PathContext]]:
    """How each action looks at every depth; which of them are told, `probe.judge.rules.named_rules` says."""
    for stem, shown in SHOWS.items():
        trigger = "sni" if stem.startswith("tls") else "host"
        yield f"{stem}_{trigger}_control", scene(**shown, **CONTRARY, innocent="reached", located_by_name=NEARER)
        if stem.endswith(("close", "alert")):
            yield f"{stem}_{trigger}_nearer", scene(**shown, innocent="reached", located_by_name=NEARER)
        yield f"{stem}_{trigger}_injected", scene(**shown, **FORGED, innocent="reached")
        yield f"{stem}_{trigger}", scene(**shown, innocent="reached")
        yield f"{stem}_address_injected", scene(**shown, **FORGED_AGAIN, **CONTRARY, innocent="failed")
        yield f"{stem}_address", scene(**shown, **CONTRARY, innocent="failed")


RESIGNED = replace(WELL, resigned=2, tls_ok=2)
"""Innocent servers present certificates of nobody we trust."""

FAMILIES = dict(named()) | dict(shaped(SHOWS)) | dict(programs())
MADE = {rule_id: seen for rule_id, seen in FAMILIES.items() if rule_id in BY_ID}
PATHS: dict[str, PathContext] = MADE | DATAGRAMS | TRANSFERS | LOSSES | APPS | {
    "path/not_attempted": scene(attempts=0, failed_attempts=0),
    "path/stays_closed": scene(kind="tcp", must_not_answer=True, stage="connect", failure=REFUSED),
    "path/answers_for_everybody": scene(kind="tcp", must_not_answer=True, **SERVED),
    "path/not_on_the_list": scene(replace(WELL, allowlist=AllowlistEvidence(way="name", far_apart=True)), stage="tls",
                                  failure=RESET),
    "path/list_or_outage": scene(replace(WELL, allowlist=AllowlistEvidence(way="address")), stage="connect",
                                 failure=TIMEOUT),
    "path/abroad_is_cut_off": scene(LadderEvidence(domestic_ok=1, foreign_failed=4), stage="connect",
                                    failure=TIMEOUT),
    "path/ipv6_broken": scene(replace(WELL, ipv6="broken"), family=6, stage="connect", failure=TIMEOUT),
    "http/restricted_as_known": scene(self_block=True, **REFUSED_PAGE),
    "http/restricted": scene(**REFUSED_PAGE, controls_asked=2, controls_answered=2,
                             elsewhere=AnswersElsewhere(served=1, refused=1)),
    "http/forbidden": scene(**REFUSED_PAGE, controls_asked=2, controls_answered=2,
                            elsewhere=AnswersElsewhere(refused=2)),
    "http/refused_no_control": scene(**REFUSED_PAGE),
    "http/refused_control_failed": scene(**REFUSED_PAGE, controls_asked=1),
    "http/rate_limited": scene(**REFUSED_PAGE | {"status": 429}),
    "http/server_error": scene(**REFUSED_PAGE | {"status": 503}, controls_asked=1, controls_answered=1,
                               elsewhere=AnswersElsewhere(failed=1)),
    "http/server_error_here": scene(**REFUSED_PAGE | {"status": 503}, controls_asked=1, controls_answered=1,
                                    elsewhere=AnswersElsewhere(served=1)),
    "http/other_than_expected": scene(proven=True, status=404, met="no", stage="page"),
    "tls/proven": scene(proven=True, status=200, met="yes", **SERVED),
    "http/known_content": scene(secure=False, met="yes", content_known=True, **SERVED),
    "http/same_as_control": scene(secure=False, control_page_same=1, **SERVED),
    "path/looked_at_only": scene(**SERVED | {"depth": 1}),
    "path/connects": scene(kind="tcp", secure=False, **SERVED),
    "path/mixed": scene(attempts=3, failed_attempts=2, last_ok=True),
    "ip/controls_refused_too": scene(stage="connect", failure=REFUSED, **FAILS_TOO),
    "ip/controls_fail_too": scene(stage="connect", failure=TIMEOUT, **FAILS_TOO),
    "ip/control_fails_and_lost_far": scene(stage="connect", failure=TIMEOUT, lost="far", controls_asked=1,
                                           controls_answered=1, control_failed=1),
    "ip/control_fails_and_refused_far": scene(stage="connect", failure=REFUSED, lost="far", controls_asked=1,
                                              controls_answered=1, control_failed=1),
    "ip/lost_here_and_elsewhere": scene(stage="connect", failure=TIMEOUT, lost="near", **FAILS_TOO),
    "ip/prohibited": scene(stage="connect", failure="host_unreachable", icmp=read_icmp("3/13 public"), lost="near",
                           **CONTRARY),
    "ip/unreachable_here_only": scene(stage="connect", failure="host_unreachable", icmp=read_icmp("3/1 public"),
                                      lost="near", **CONTRARY),
    "http/too_slow": scene(stage="http", failure=TIMEOUT, proven=True, stops_alike=True, seeps=True, **CONTRARY),
    "flow/silent_once_encrypted": scene(stage="http", failure=TIMEOUT, proven=True, stops_alike=True, **CONTRARY),
    "ip/reset_on_the_way": scene(stage="connect", failure=REFUSED, lost="near", **CONTRARY),
    "ip/reset_injected": scene(stage="connect", failure=REFUSED, lost="unknown", **FORGED, **CONTRARY),
    "tcp/port_vanishes": scene(stage="connect", failure=TIMEOUT, lost="near", other_port="closed", **CONTRARY),
    "ip/vanishes": scene(stage="connect", failure=TIMEOUT, lost="near", other_port="silent", **CONTRARY),
    "ip/lost_close_to_the_service": scene(stage="connect", failure=TIMEOUT, lost="far", other_port="silent",
                                          **CONTRARY),
    "ip/lost_somewhere": scene(stage="connect", failure=REFUSED, lost="unknown", **CONTRARY),
    "tls/clock": scene(replace(WELL, clock_offset_s=9e7), stage="tls", trust="expired"),
    "tls/expired": scene(stage="tls", trust="expired"),
    "tls/everything_resigned": scene(replace(WELL, resigned=2, tls_ok=2), stage="tls", trust="unknown_issuer"),
    "tls/anybody_may_answer": scene(RESIGNED, **SERVED),
    "tls/private_root_changed": scene(stage="tls", trust="self_signed", private_root=True),
    "tls/same_bad_certificate": scene(stage="tls", trust="wrong_name", control_same_key=1),
    "tls/national_authority": scene(stage="tls", trust="unknown_issuer", mark=HERE),
    "tls/device_root": scene(stage="tls", trust="device_root", failure="ssl_unknown_authority", control_other_key=1,
                             **CONTRARY),
    "tls/foreign_certificate": scene(stage="tls", trust="unknown_issuer", failure="ssl_unknown_authority",
                                     control_other_key=1, **CONTRARY),
    "path/large_answers_lost": scene(replace(WELL, full_segments=False, stalled=3, hushed=True), stage="tls",
                                     failure=TIMEOUT, acked="yes"),
    "tls/every_name_fails": scene(replace(WELL, tls_ok=0, tls_failed=2), stage="tls", failure=RESET),
    "tls/no_name_answered": scene(replace(WELL, tls_ok=0, tls_failed=2), stage="tls", failure=TIMEOUT, acked="no"),
    "tls/drop_every_hello": scene(**SHOWS["tls/drop"], **CONTRARY, innocent="failed", other_bytes="passed",
                                  shapes=ShapeEvidence(narrow="silent")),
    "tls/mute_every_hello": scene(**SHOWS["tls/mute"], **CONTRARY, innocent="failed",
                                  shapes=ShapeEvidence(narrow="silent")),
    "tls/controls_fail_too": scene(stage="tls", failure=RESET, **FAILS_TOO),
    "http/known_redirect": scene(**IN_CLEAR | {"status": 302}, mark=HERE),
    "http/known_blockpage": scene(**IN_CLEAR, mark=HERE),
    "http/page_of_servers": scene(**IN_CLEAR, mark=FingerprintMark(harmless="challenge"), control_page_differs=1,
                                  controls_asked=1, controls_answered=1),
    "http/blockpage_known_elsewhere": scene(**IN_CLEAR | {"status": 403}, mark=FingerprintMark(name="box"),
                                            controls_asked=1, controls_answered=1, control_page_differs=1),
    "http/foreign_redirect": scene(**IN_CLEAR | {"status": 302}, foreign_redirect=True, control_page_differs=1,
                                   controls_asked=1, controls_answered=1),
    "http/foreign_page": scene(**IN_CLEAR, control_page_differs=1, controls_asked=1, controls_answered=1,
                               page_of_others=True),
    "http/proxy_error": scene(**IN_CLEAR | {"status": 503}, control_page_differs=1, controls_asked=1,
                              controls_answered=1, page_of_others=True),
    "http/page_varies": scene(**IN_CLEAR, control_page_differs=1, controls_asked=1, controls_answered=1),
    "http/forbidden_for_all": scene(**IN_CLEAR | {"status": 451}, control_page_same=1),
    "http/server_differs_for_all": scene(**IN_CLEAR, control_page_same=1),
    "http/cut_off_for_all": scene(stage="http", failure=EOF, status=200, **FAILS_TOO),
    "http/controls_fail_too": scene(stage="http", failure=RESET, **FAILS_TOO),
    "http/answered": scene(secure=False, **SERVED),
    "path/tainted": scene(stage="tls", failure=RESET, tainted=True, **CONTRARY),
    "path/too_few": scene(stage="tls", failure=RESET, **ONE_ATTEMPT, **CONTRARY),
    "path/control_fails_too": scene(stage="tls", failure=RESET, controls_asked=1, controls_answered=1,
                                    control_failed=1),
    "path/no_control": scene(stage="tls", failure=RESET),
    "path/control_failed": scene(stage="tls", failure=RESET, controls_asked=1),
    "path/unexplained": scene(stage="tls", failure="ssl_error: wrong version number", **CONTRARY),
}

NOTHING: dict[str, Any] = dict(foreign_failed=5, resolver="dead")
NETWORKS: dict[str, LadderEvidence] = {
    "net/starved": replace(WELL, slow=True, stalled=2),
    "net/crawls": replace(WELL, slow=True, crawls=True),
    "net/changed": replace(WELL, changed=True),
    "net/tunnel": replace(WELL, tunnel="full"),
    "net/captive_portal": replace(WELL, altered=2),
    "net/offline": LadderEvidence(gateway="silent", **NOTHING),
    "net/shutdown": LadderEvidence(gateway="answers", **NOTHING),
    "net/nothing_answers": LadderEvidence(**NOTHING),
    "net/national_only": LadderEvidence(domestic_ok=1, foreign_failed=3, resolver="ok"),
    "net/allowlist_name": replace(WELL, allowlist=AllowlistEvidence(way="name", far_apart=True)),
    "net/allowlist_data": replace(WELL, allowlist=AllowlistEvidence(way="data", far_apart=True)),
    "net/allowlist_address": replace(WELL, allowlist=AllowlistEvidence(way="address", neighbours=("a", "b", "c"))),
    "net/clock": replace(WELL, clock_offset_s=-9e7),
    "net/resolver": replace(WELL, resolver="failing"),
    "net/controls_failed": LadderEvidence(domestic_failed=1, foreign_failed=5, resolver="ok"),
    "net/well": WELL,
}
RECORDINGS: list[tuple[str, tuple[Rule[Any], ...], Any]] = [
    *((rule, NETWORK_RULES, e) for rule, e in NETWORKS.items()),
    *((rule, DNS_RULES, e) for rule, e in NAMES.items()),
    *((rule, PATH_RULES, e) for rule, e in PATHS.items()),
]
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
        bare: Any = replace(evidence, path=replace(evidence.path, **NO_CONTROL, flow=flow))
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
                           replace(evidence, path=replace(evidence.path, **changes))).outcome != "blocked", rule_id


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
    (RESIGNED, dict(control_same_key=1), "path/connects"),
    (RESIGNED, dict(control_same_key=1, control_other_key=1), "path/connects"),
    (RESIGNED, dict(proven=True), "tls/proven"),
    (RESIGNED, dict(secure=False), "path/connects"),
    (WELL, dict(control_other_key=1), "path/connects"),
    (replace(WELL, resigned=2, tls_ok=3), dict(control_other_key=1), "path/connects"),
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
    seized = scene(**IN_CLEAR | {"status": status}, mark=HERE, controls_asked=1, controls_answered=1, control_ok=1,
                   control_page_same=1)
    assert find_first_rule(PATH_RULES, seized).outcome == "down"


@pytest.mark.parametrize("shown", [
    dict(failure=TIMEOUT, proven=True, stops_alike=True), dict(failure=RESET, proven=True),
    dict(failure=EOF, proven=True), SHOWS["http/mute"], SHOWS["http/reset"], SHOWS["http/close"],
], ids=str)
def test_one_server_of_many_that_serves_nothing_is_no_block(shown: dict[str, Any]) -> None:
    """Controls were led to another address, and nothing shows how this one treats anybody else."""
    elsewhere = scene(**{"stage": "http"} | shown | CONTRARY | {"control_here": 0})
    assert find_first_rule(PATH_RULES, elsewhere).outcome == "inconclusive"


INJECTED = [r for r in SCENES if "packets" in BY_ID[r[0]].needs]


@pytest.mark.parametrize(("rule_id", "table", "evidence"), INJECTED, ids=[r[0] for r in INJECTED])
@pytest.mark.parametrize("anatomy", [UNSEEN, HEADERS_ONLY["anatomy"]], ids=["unseen", "headers"])
def test_headers_that_differ_convict_nobody_alone(
    rule_id: str, table: tuple[Rule[Any], ...], evidence: Any, anatomy: PacketAnatomy,
) -> None:
    got = find_first_rule(table, replace(evidence, path=replace(evidence.path, anatomy=anatomy)))
    assert "packets" not in got.needs, rule_id


@pytest.mark.parametrize(("rule_id", "table", "evidence"), INJECTED, ids=[r[0] for r in INJECTED])
def test_where_controls_fail_as_well_forged_packets_convict_nobody(
    rule_id: str, table: tuple[Rule[Any], ...], evidence: Any,
) -> None:
    path = replace(evidence.path, controls_asked=2, controls_answered=2, control_ok=1, control_failed=1)
    assert find_first_rule(table, replace(evidence, path=path)).outcome != "blocked", rule_id


@pytest.mark.parametrize("stem", ["tls/reset", "http/reset", "tls/close", "http/close", "tls/alert"])
def test_where_every_name_fails_for_a_while_a_neighbour_may_be_the_cause(stem: str) -> None:
    assert find_first_rule(PATH_RULES,
                           scene(**SHOWS[stem], **FORGED, **CONTRARY, innocent="failed")).outcome == "inconclusive"
