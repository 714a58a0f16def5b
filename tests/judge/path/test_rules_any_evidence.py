"""Properties over any evidence: who may be convicted, and by what."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any, get_type_hints

from hypothesis import given, settings
from hypothesis import strategies as st

from observations import EOF, HERE4, NEAR4, REFUSED, RESET, THERE4, TIMEOUT, WELL
from probe.judge.app.app_evidence import AppEvidence
from probe.judge.common.company import ALONE, CompanyEvidence
from probe.judge.common.fingerprint_weight import FingerprintMark
from probe.judge.common.planned_looks import PlannedLooks
from probe.judge.common.rule import find_first_rule
from probe.judge.dns.dns_evidence import DnsEvidence
from probe.judge.dns.dns_rules import DNS_RULES
from probe.judge.dns.https_evidence import HttpsEvidence
from probe.judge.dns.name_context import NameEvidence
from probe.judge.dns.port53 import Port53Evidence
from probe.judge.dns.unanswered import QuestionCount
from probe.judge.flow.flow_evidence import FlowEvidence
from probe.judge.flow.foreign_flows import UNASKED, ForeignFlows
from probe.judge.flow.freezes import Freezes
from probe.judge.flow.lasting_evidence import LastingEvidence
from probe.judge.flow.loss_evidence import LOSSLESS
from probe.judge.flow.passed_volume import NOTHING_PASSED, PassedVolume
from probe.judge.flow.record_evidence import NO_RECORDS
from probe.judge.flow.slow_pages import NO_SLOW_PAGES, SlowPages
from probe.judge.flow.stay_evidence import NO_STAYS
from probe.judge.hops.hop_evidence import NOWHERE, HopLocation
from probe.judge.hops.place_evidence import PlaceEvidence
from probe.judge.http.page_evidence import PageEvidence
from probe.judge.http.refusal_evidence import AnswersElsewhere
from probe.judge.network.allowlist_evidence import AllowlistEvidence
from probe.judge.network.dark_spells import DarkSpell
from probe.judge.network.ladder_evidence import LadderEvidence
from probe.judge.network.network_rules import NETWORK_RULES
from probe.judge.packets.end_timing import UNTIMED, EndTiming
from probe.judge.packets.packet_anatomy import UNSEEN, PacketAnatomy
from probe.judge.path.control_evidence import ControlEvidence
from probe.judge.path.path_context import PathContext
from probe.judge.path.path_evidence import PathEvidence
from probe.judge.path.path_rules import PATH_RULES
from probe.judge.path.punishments import NO_PUNISHMENT, PunishmentEvidence
from probe.judge.path.residual_evidence import NO_RESIDUAL_EVIDENCE, ResidualEvidence
from probe.judge.program.program_evidence import UNTRIED, ProgramEvidence
from probe.judge.tcp.connect_evidence import ConnectEvidence
from probe.judge.tls.handshake_evidence import HandshakeEvidence
from probe.judge.tls.shape_evidence import ShapeEvidence
from probe.judge.udp.udp_evidence import UdpEvidence
from probe.store.text_forms import read_icmp
from program_scenes import ANY as ANY_PROGRAMS
from shape_scenes import ANY as ANY_SHAPES

FORGED: dict[str, Any] = dict(anatomy=PacketAnatomy(captured=5, signs=("ttl", "early", "copies")))
FORGED_AGAIN: dict[str, Any] = dict(anatomy=PacketAnatomy(captured=6, signs=("ttl", "early", "copies"), near_slots=2))
SOONER = EndTiming(attempts=3, sooner=3, answered=1, served_after=True, where="before")
FAR_GUARD: dict[str, Any] = dict(anatomy=PacketAnatomy(captured=5, signs=("ttl", "early", "went_on")))
HEADERS_ONLY: dict[str, Any] = dict(anatomy=PacketAnatomy(captured=5, signs=("ttl", "df", "ip_id_constant")))

WORDS: dict[str, list[Any]] = {
    "address": [HERE4], "source": ["network", "trusted", "literal"],
    "kind": ["tcp", "tls", "http", "app", "quic", "stun"],
    "stage": ["", "connect", "tls", "app", "http", "page", "quic", "stun"], "family": [4, 6],
    "icmp": [*map(read_icmp, ("", "3/13 93.184.7.7", "3/1"))], "protocol": ["mtproto"],
    "proof": ["", "proven", "answered", "refused", "foreign"],
    "failure": ["", TIMEOUT, "timed_out", RESET, REFUSED, EOF, "ssl_error: x", "host_unreachable", "unknown_failure"],
    "acked": ["", "yes", "no"], "alert": [-1, 0, 112], "issuer": [""], "met": ["", "yes", "no"],
    "trust": ["", "valid", "expired", "self_signed", "unknown_issuer", "device_root", "wrong_name",
              "invalid"],
    "innocent": ["reached", "carried", "failed", "tainted", "unasked"],
    "status": [0, 200, 204, 302, 403, 429, 451, 503],
    "other_port": ["open", "closed", "silent", "unasked"], "fingerprint": ["", "", "ir_body_x"],
    "lost": ["", "near", "far", "unknown"],
    "other_bytes": ["passed", "failed", "unasked"], "beside": ["", "itself", "network"],
    "again": ["reached", "failed", "unasked"], "elsewhere_alike": ["", "name", "helpers"],
    "lost_beside": ["", "near", "far", "unknown"], "version": ["answered", "silent", "closed", "unasked"],
    "denial": ["", "cached", "own_zone", "local_root", "made_up"],
    "near_answer": ["", "beside", "elsewhere"], "tunnel": [""], "ipv4": ["ok", "broken", "unknown"],
    "resolver": ["ok", "dead", "failing", "unasked"], "gateway": ["answers", "silent", "none", "unknown"],
    "flow": [FlowEvidence()], "loss": [LOSSLESS], "stay": [NO_STAYS], "records": [NO_RECORDS],
    "foreign": [UNASKED, ForeignFlows(word="helpers", strikes=("frozen",))],
    "freezes": [Freezes(), Freezes(froze=1, tries=1, looked=True)],
    "ipv6": ["ok", "broken", "absent", "unknown"], "nat64_prefix": [""], "evidence": [()],
    **{channel: ["ok", "nxdomain", "empty", "refused", "servfail", "timeout", "error", "unasked"]
       for channel in ("network", "system", "public", "public_udp", "tcp", "resolver_alive")},
}
SHAPES: dict[object, st.SearchStrategy[Any]] = {
    ShapeEvidence: ANY_SHAPES, ProgramEvidence: ANY_PROGRAMS,
    bool: st.booleans(), int: st.integers(0, 3), float | None: st.sampled_from([None, 0.0, 9e7]),
    PacketAnatomy: st.sampled_from([UNSEEN, FORGED["anatomy"], FORGED_AGAIN["anatomy"], HEADERS_ONLY["anatomy"],
                                    FAR_GUARD["anatomy"]]),
    CompanyEvidence: st.sampled_from([ALONE, CompanyEvidence(owners=("line", "meta", "telegram"))]),
    PlannedLooks: st.sampled_from([PlannedLooks(), PlannedLooks(made=3, failed=1)]),
    EndTiming: st.sampled_from([UNTIMED, SOONER]),
    QuestionCount: st.just(QuestionCount()), HopLocation: st.just(NOWHERE),
    ResidualEvidence: st.just(NO_RESIDUAL_EVIDENCE),
    PunishmentEvidence: st.sampled_from([NO_PUNISHMENT, PunishmentEvidence(spells=1, punished=2),
                                         PunishmentEvidence(spells=2, punished=2)]),
    SlowPages: st.sampled_from([NO_SLOW_PAGES, SlowPages(made=3, slow=3)]),
    PassedVolume: st.sampled_from([NOTHING_PASSED, PassedVolume(bytes_read=40_000, seconds=2.0)]),
    tuple[DarkSpell, ...]: st.sampled_from([(), (DarkSpell(from_s=9.0, to_s=40.0, lasts=True),)]),
    frozenset[str]: st.frozensets(st.sampled_from([HERE4, NEAR4, THERE4])),
    FingerprintMark: st.builds(FingerprintMark, name=st.sampled_from(["", "m"]), fits=st.booleans(),
                               restricted=st.booleans(), harmless=st.sampled_from(["", "h"])),
    AllowlistEvidence: st.builds(AllowlistEvidence, way=st.sampled_from(["", "", "address", "name", "data"]),
                                 far_apart=st.booleans(), neighbours=st.sampled_from([(), ("a", "b", "c")])),
    HttpsEvidence: st.builds(HttpsEvidence, injected=st.booleans(), dark_answered=st.booleans(),
                             bogus=st.frozensets(st.sampled_from([NEAR4]))),
    Port53Evidence: st.builds(Port53Evidence, tried=st.booleans(), intercepted=st.booleans(), led_astray=st.booleans(),
                              tcp_malformed=st.booleans()),
}


PARTS = (AnswersElsewhere, UdpEvidence, AppEvidence, PlaceEvidence, ControlEvidence, ConnectEvidence, HandshakeEvidence,
         PageEvidence, LastingEvidence)


def any_of(kind: type) -> st.SearchStrategy[Any]:
    hints = get_type_hints(kind)
    return st.builds(kind, **{
        f.name: st.sampled_from(WORDS[f.name]) if f.name in WORDS and hints[f.name] not in PARTS
        else SHAPES[hints[f.name]] for f in fields(kind)})


for part in PARTS:
    SHAPES[part] = any_of(part)
LADDERS, DNS_VIEWS = any_of(LadderEvidence), any_of(DnsEvidence)
SOME_PATHS = st.builds(PathContext, path=any_of(PathEvidence), ladder=LADDERS | st.just(WELL), self_block=st.booleans())
SOME_NAMES = st.builds(NameEvidence, dns=DNS_VIEWS, **{
    f.name: st.booleans() for f in fields(NameEvidence) if f.name not in ("dns", "company")},
    company=SHAPES[CompanyEvidence])


@settings(max_examples=400, deadline=None)
@given(SOME_PATHS)
def test_whatever_a_path_shows_the_guilty_fail_often_on_a_network_that_is_well(s: PathContext) -> None:
    rule = find_first_rule(PATH_RULES, s)
    if rule.outcome != "blocked":
        return
    known = s.path.mark.fits and rule.id in (
        "http/known_redirect", "http/known_blockpage", "tls/national_authority")
    if rule.id.startswith("program/"):
        assert s.path.programs.failed >= 3
        assert s.ladder.well
        return
    assert known or (s.path.failed_attempts >= 3 and s.path.failed_attempts == s.path.attempts)
    assert known or s.ladder.well
    assert known or not (s.path.tainted and s.path.stage in ("connect", "tls", "app", "http"))
    assert "helper" not in rule.needs or s.path.controls.ok or s.path.http.page_differs


@settings(max_examples=150, deadline=None)
@given(SOME_PATHS)
def test_a_site_that_works_is_never_blocked(s: PathContext) -> None:
    works = replace(s.path, stage="", failure="", last_ok=True, failed_attempts=0, mark=FingerprintMark(),
                    same_failure=False, programs=UNTRIED)
    assert find_first_rule(PATH_RULES, replace(s, path=works)).outcome != "blocked"


@settings(max_examples=250, deadline=None)
@given(SOME_NAMES)
def test_whatever_resolvers_say_an_answer_that_proves_itself_is_no_wrong_server(e: NameEvidence) -> None:
    rule = find_first_rule(DNS_RULES, e)
    if rule.outcome != "blocked":
        return
    shown_false = bool(e.dns.bogus or e.dns.mark.fits or e.dns.mark.restricted or e.dns.injected
                       or e.dns.dark_answered or e.dns.censored or e.dns.https.is_forged or e.dns.https.bogus)
    assert shown_false or not (e.validated and e.dns.network == "ok")
    assert not (e.resolver_dead and e.dns.network != "ok")
    if "trusted_dns" in rule.needs and rule.id != "dns/two_answers":
        assert e.dns.known_elsewhere or e.trusted_reached


@settings(max_examples=150, deadline=None)
@given(LADDERS)
def test_some_rule_always_speaks_of_the_network(ladder: LadderEvidence) -> None:
    rule = find_first_rule(NETWORK_RULES, ladder)
    assert (rule.outcome == "ok") == (rule.id == "net/well")
