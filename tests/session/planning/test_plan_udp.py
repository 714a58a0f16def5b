"""What is done at an address that is spoken to in datagrams: in which order, how often, and what is left out."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from made_up_net import FRAME, Net, walk
from observations import (
    HERE4,
    HERE6,
    HOST,
    NEAR4,
    THERE4,
    TIMEOUT,
    endpoint,
    observation,
    operation,
    replace_flat,
    site_of,
)
from probe.catalogue.load import load_catalogue
from probe.catalogue.sites import Site
from probe.core.addresses import find_neighbour
from probe.core.observations import ControlAnswer, Observation
from probe.instruments.steps import AskControl, QuicVisit, Step, StunBinding, UdpTrace, VersionProbe, Visit
from probe.judge.network.ladder_evidence import LadderEvidence
from probe.judge.udp.udp_evidence import PORT_BESIDE
from probe.judge.verdicts.classify import judge_run
from probe.judge.verdicts.site_case import RunContext
from probe.session.observation_log import ObservationLog
from probe.session.pacer import Pacer
from probe.session.planning.next_steps import plan_next_steps
from probe.session.selection import COMPANY, select_sites

QUIC = site_of(endpoint(f"quichandshake://{HOST}:443"))
STUN = site_of(endpoint(f"stun://{HOST}:3478", target_id="chat.call.stun"))
HONEST: dict[str, tuple[str, ...] | str] = {c: (HERE4,) for c in ("system", "network", "public", "tcp", "doh")}


def datagrams(taken: list[Step]) -> list[tuple[str, int]]:
    """Purpose and attempt of each step over UDP, in order."""
    return [(getattr(s, "purpose", "version"), getattr(s, "attempt", 1)) for s in taken
            if isinstance(s, QuicVisit | VersionProbe | StunBinding | UdpTrace)]


def orders(site: Site, net: Net) -> list[list[Step]]:
    return [walk(site, net, rng=random.Random(n)) for n in range(6)]


def test_everything_innocent_goes_before_the_name() -> None:
    for taken in orders(QUIC, Net(dns=HONEST)):
        assert datagrams(taken) == [("version", 1), ("innocent", 1), ("target", 1)]
        assert not any(isinstance(s, Visit | AskControl) for s in taken)
        innocent, own = (s for s in taken if isinstance(s, QuicVisit))
        assert (innocent.sni, innocent.trust, own.sni, own.trust) == (FRAME.innocent, "none", HOST, "web_pki")
        assert own.alpn == ("h3",)


def test_a_server_that_answers_is_sent_one_series() -> None:
    for taken in orders(STUN, Net(dns=HONEST)):
        assert datagrams(taken) == [("target", 1)]
        assert not any(isinstance(s, AskControl) for s in taken)


@pytest.mark.parametrize(
    ("site", "first"), [(QUIC, [("version", 1), ("innocent", 1)]), (STUN, [])], ids=["quic", "stun"])
def test_silence_is_met_three_times_and_controls_are_asked_once(site: Site, first: list[tuple[str, int]]) -> None:
    for taken in orders(site, Net(dns=HONEST, cuts={HERE4: ("udp", TIMEOUT)})):
        again = [("version", 2)] if first else []
        assert datagrams(taken) == [*first, ("target", 1), ("target", 2), ("target", 3), *again]
        assert sorted(s.control_id for s in taken if isinstance(s, AskControl)) == ["a", "b"]


def other_answers(site: Site) -> ObservationLog:
    """A book in which another service is reached over UDP."""
    book = ObservationLog("r")
    book.add(observation(operation="stun_binding", address=THERE4, port=3478, family=4, hostname="other.example",
                         target_id="other.call.stun", input="stun://other.example:3478", requests=10, responses=10))
    return book


def test_where_datagrams_end_is_looked_at_beside_others_that_answer() -> None:
    net = Net(dns=HONEST, cuts={HERE4: ("udp", TIMEOUT)})
    for site in (QUIC, STUN):
        taken = walk(site, net, book=other_answers(site))
        traced = {(s.purpose, s.address, s.port, s.protocol) for s in taken if isinstance(s, UdpTrace)}
        beside = {("trace", HERE4, PORT_BESIDE, "quic")} if site is QUIC else set()
        assert traced == {("trace", HERE4, site.port, site.kind), ("reference", THERE4, 3478, "stun"),
                          ("neighbour", find_neighbour(HERE4), site.port, site.kind)} | beside
        refused = replace(net, told=lambda step: replace(Net(dns={}).told(step), udp=()))
        assert not any(isinstance(s, UdpTrace) for s in walk(site, refused, book=other_answers(site)))


def test_where_the_version_is_answered_the_address_is_not_traced() -> None:
    net = Net(dns=HONEST, cuts={HERE4: ("quic", TIMEOUT)})
    taken = walk(QUIC, net, book=other_answers(QUIC))
    assert not any(isinstance(s, UdpTrace) for s in taken)
    assert datagrams(taken)[-4:] == [("target", 3), ("version", 2), ("innocent", 2), ("target", 4)]


@pytest.mark.parametrize("served_again", [True, False])
def test_an_innocent_name_that_was_served_is_asked_in_turns_with_ours(served_again: bool) -> None:
    class Mean(Net):
        def carry_out(self, step: Step) -> tuple[list[Observation], list[ControlAnswer]]:
            seen, told = super().carry_out(step)
            innocent = isinstance(step, QuicVisit) and step.purpose == "innocent"
            if innocent and (served_again or getattr(step, "attempt", 1) == 1):
                seen = [replace_flat(o, failure="", server_hello=True) for o in seen]
            return seen, told

    net = Mean(dns=HONEST, cuts={HERE4: ("quic", TIMEOUT)}, innocent_cuts={HERE4: ("quic", TIMEOUT)})
    taken = walk(QUIC, net, book=other_answers(QUIC))
    told = [step for step in datagrams(taken) if step[0] in ("innocent", "target")]
    ours = [("target", n) for n in (1, 2, 3)]
    assert told == [("innocent", 1), *ours, ("innocent", 2), *([("target", 4)] if served_again else [])]
    assert any(isinstance(s, UdpTrace) for s in taken) != served_again


def test_one_address_of_a_family_is_enough_where_it_answers() -> None:
    many: dict[str, tuple[str, ...] | str] = {c: (HERE4, NEAR4, HERE6) for c in ("system", "network", "public")}
    both = replace(FRAME, families=(4, 6))
    told = [s.address for s in walk(QUIC, Net(dns=many, both=True), context=both) if isinstance(s, QuicVisit)]
    assert sorted(set(told)) == sorted({HERE4, HERE6})
    assert [s.address for s in walk(STUN, Net(dns=many, both=True), context=both)
            if isinstance(s, StunBinding)] == [HERE4]


def test_tcp_and_udp_of_one_port_are_places_apart() -> None:
    """A page that fails at port 443 taints no handshake over UDP there, belongs to no QUIC site, and blocks no gate."""
    book = ObservationLog("r")
    book.add(operation("tls_handshake", failure=TIMEOUT, hostname="other.example", t_s=1.0))
    index = book.add(Observation(operation="quic_handshake", purpose="target", address=HERE4, port=443, hostname=HOST,
                                 failure=TIMEOUT, target_id="chat.web.main", input=QUIC.endpoints[0].input, t0_s=2.0))
    assert not book.observations[index].tainted_by
    book.add(operation("connect", failure=TIMEOUT))
    book.add(observation(operation="dns_round_trip", hostname=HOST, resolver="network", answers=(HERE4,)))
    assert [o.operation for o in book.case(QUIC).visits] == ["quic_handshake"]
    assert "quic_handshake" not in {o.operation for o in book.case(site_of()).visits}
    gate = Pacer(interval_s=0, rng=random.Random(1))
    gate.start(Visit(purpose="target", address=HERE4, port=443, hostname=HOST), 0.0)
    step = VersionProbe(address=HERE4, port=443)
    assert gate.ready_at_s(step, 0.0) == 0.0
    gate.start(step, 0.0)
    assert gate.ready_at_s(step, 0.0) is None
    gate.end(step)
    assert gate.ready_at_s(step, 0.0) == 0.0


def test_a_neighbour_over_udp_taints_what_comes_after_it() -> None:
    book = ObservationLog("r")
    book.add(Observation(operation="quic_handshake", purpose="target", address=HERE4, port=443,
                         hostname="other.example", failure=TIMEOUT, t_s=1.0))
    index = book.add(Observation(operation="quic_handshake", purpose="target", address=HERE4, port=443, hostname=HOST,
                                 failure=TIMEOUT, t0_s=2.0))
    assert book.observations[index].tainted_by == "r.0"


def test_flows_over_udp_keep_the_pace() -> None:
    gate = Pacer(interval_s=1.0, rng=random.Random(1))
    gate.start(VersionProbe(address=HERE4, port=443), 0.0)
    ready_s = gate.ready_at_s(StunBinding(purpose="target", address=NEAR4, port=3478, hostname=HOST), 0.0)
    assert ready_s is not None
    assert ready_s >= 0.5


def test_single_endpoints_over_udp_get_company() -> None:
    catalogue = load_catalogue(None)
    one = frozenset({"stun://stun.l.google.com:19302"})
    chosen = select_sites(catalogue, tier=1, cc="RU", consent_level=3, families=(4, 6), seed=1, inputs=one)
    kinds = [site.kind for site in chosen.sites]
    assert kinds.count("stun") == 1 + COMPANY["udp"]
    assert 1 <= kinds.count("quic") <= COMPANY["quic"]
    careful = select_sites(catalogue, tier=1, cc="RU", consent_level=2, families=(4, 6), seed=1, inputs=one)
    assert [site.kind for site in careful.sites].count("quic") == 0
    web = select_sites(catalogue, tier=1, cc="RU", consent_level=3, families=(4, 6), seed=1,
                       inputs=frozenset({"https://web.telegram.org/"}))
    assert {site.kind for site in web.sites} == {"http"}


def test_without_its_library_quic_is_not_attempted_and_says_why() -> None:
    catalogue = load_catalogue(None)
    chosen = select_sites(catalogue, tier=3, cc="RU", consent_level=3, families=(4, 6), seed=1,
                          lacking=frozenset({"aioquic"}))
    reasons = {why for e, why in chosen.skipped.values() if e.protocol == "quic"}
    assert reasons == {"needs aioquic, which is not installed"}
    assert not any(site.kind == "quic" for site in chosen.sites)
    shy = select_sites(catalogue, tier=3, cc="RU", consent_level=1, families=(4, 6), seed=1)
    assert {why for e, why in shy.skipped.values() if e.protocol in ("quic", "stun")} == {
        "needs consent level 3", "needs consent level 2"}


@pytest.mark.parametrize(("cut", "innocent", "block_type"), [
    ("quic", ("quic", TIMEOUT), "quic.drop.version"), ("quic", ("", ""), "quic.drop.sni"), ("udp", ("", ""), "")])
def test_from_steps_to_a_verdict(cut: str, innocent: tuple[str, str], block_type: str) -> None:
    net = Net(dns=HONEST, cuts={HERE4: (cut, TIMEOUT)}, innocent_cuts={HERE4: innocent})
    book = ObservationLog("r")
    walk(QUIC, net, book=book)
    well = LadderEvidence(foreign_ok=3, tls_ok=2, resolver="ok", gateway="answers", full_segments=True)
    run_context = RunContext(ladder=well, quorums={}, cc="RU", private_roots={})
    (verdict,), _ = judge_run([book.case(QUIC)], {}, run_context)
    assert verdict.outcome == "inconclusive"  # nothing in one run over UDP tells a front's silence from a box's
    assert verdict.suspected == block_type
    assert plan_next_steps(QUIC, book.history_of(QUIC), FRAME)
