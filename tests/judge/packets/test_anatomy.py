"""Who ended a connection: recorded packets of boxes, and of everybody who does the same innocently."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from observation_values import PACKETS
from observations import EOF, HERE4, PRIVATE, REFUSED, RESET, THERE4, lookup, operation
from probe.core.observations import Observation
from probe.core.packets import Packet
from probe.core.replies import DnsReply
from probe.core.tables.failures import Failure
from probe.core.tables.operations import Operation
from probe.core.tables.resolvers import ResolverRole
from probe.judge.dns.dns_evidence import gather_dns_evidence
from probe.judge.packets.decisive_packets import MAX_PACKETS, select_decisive
from probe.judge.packets.end_timing import UNTIMED, EndTiming
from probe.judge.packets.packet_anatomy import SORTS, UNSEEN, PacketAnatomy, gather_packet_anatomy
from probe.store.text_forms import format_packet, read_packet, read_packets

SERVER_TTL, TRIP_MS = 52, 175.0


def out(at_ms: float, flags: str, **changes: Any) -> Packet:
    plain = Packet(at_ms=at_ms, inbound=False, ttl=64, ip_id=4000 + int(at_ms), df=1, flags=flags)
    return replace(plain, **changes)


def back(at_ms: float, flags: str, **changes: Any) -> Packet:
    plain = Packet(at_ms=at_ms, inbound=True, ttl=SERVER_TTL, ip_id=int(90 * at_ms) % 65_536, df=1, flags=flags)
    return replace(plain, **changes)


def opened(trip_ms: float = TRIP_MS, **synack: Any) -> list[Packet]:
    """A handshake and a ClientHello."""
    return [out(0, "S", ip_id=700), back(trip_ms, "SA", **{"ip_id": 0, "ack": 1, **synack}),
            out(trip_ms + 1, "AP", seq=1, ack=1, length=517, ip_id=702)]


def seen(*packets: Packet, failure: Failure = RESET, kind: Operation = "tls_handshake", **changes: Any) -> Observation:
    return operation(kind, HERE4, failure, packets=packets, **changes)


def read(*flows: Sequence[Packet], innocent: Sequence[Packet] = (), failure: Failure = RESET) -> PacketAnatomy:
    around = [seen(*innocent, failure="", purpose="innocent")] if innocent else []
    return gather_packet_anatomy([seen(*flow, failure=failure) for flow in flows], around)


def border_box(n: int, *, late: bool = True) -> list[Packet]:
    """Three identical resets with a TTL of their own, long before the server answers, which it does."""
    resets = [back(251 + k, "AR", ttl=145, ip_id=163, seq=1, ack=518, window=1523) for k in range(3)]
    after = [back(350.6, "A", seq=1, ack=518), out(350.7, "R", seq=518), back(357, "AP", seq=1, ack=518, length=884)]
    return [*opened(TRIP_MS + n), *resets, *(after if late else [])]


def genuine(at_ms: float = 355.0, **changes: Any) -> list[Packet]:
    """The server's own kernel resets after it has read the ClientHello."""
    return [*opened(), back(at_ms, "AR", **{"ip_id": 0, "seq": 1, "ack": 518, **changes})]


ANSWERED = [*opened(), back(352, "A", seq=1, ack=518), back(355, "AP", seq=1, ack=518, length=884)]


def test_a_box_at_the_border_shows_itself_in_four_ways() -> None:
    a = read(*map(border_box, range(5)), innocent=ANSWERED)
    assert a.signs == ("ttl", "ip_id_constant", "early", "copies", "went_on")
    assert (a.captured, a.is_shown, a.near) == (5, True, True)


def test_a_reflected_packet_gives_its_sender_away() -> None:
    flows = [[*opened(), back(230 + n, "R", ttl=58, df=0, ip_id=703, seq=1, window=63)] for n in range(4)]
    flows = [[replace(p, ip_id=p.ip_id + 50 * n) for p in flow] for n, flow in enumerate(flows)]
    assert "ip_id_ours" in read(*flows).signs
    assert read(*flows).is_shown


def test_a_forged_end_of_data_is_told_from_the_servers() -> None:
    forged = [[*opened(), back(210 + n, "AF", ttl=80, df=0, seq=1, ack=518), out(211 + n, "AF")] for n in range(4)]
    own = [[*opened(), back(355 + n, "AF", seq=1, ack=518)] for n in range(4)]
    assert read(*forged, failure=EOF).is_shown
    assert read(*own, failure=EOF).signs == ()


INNOCENT: dict[str, list[list[Packet]]] = {
    "the server's own resets": [genuine(355 + n) for n in range(5)],
    "a load balancer that resets with other headers": [genuine(355 + n, ttl=119, df=0, ip_id=900 * n + 5)
                                                       for n in range(5)],
    "one that always has the same IP ID as well": [genuine(355 + n, ttl=119, df=0, ip_id=1) for n in range(5)],
    "a load balancer behind which the server goes on": [
        [*genuine(355 + n, ttl=119, df=0, ip_id=900 * n + 5), back(420, "AP", seq=1, ack=518, length=90)]
        for n in range(5)],
    "a load balancer that says why": [genuine(355 + n, ttl=119, length=20) for n in range(5)],
    "a kernel that answers each late segment": [
        [*opened(), out(177, "AP", seq=518, length=1400), out(178, "AP", seq=1918, length=400),
         *(back(355 + k, "R", ip_id=0, seq=1) for k in range(3))] for _ in range(5)],
    "resets without DF, as old kernels send": [genuine(355 + n, df=0, ip_id=0) for n in range(5)],
    "data that the reset overtook": [
        [*genuine(), back(358, "AP", seq=1, ack=518, length=90)] for _ in range(5)],
    "a late answer to the first of two ClientHellos": [
        [*opened(), out(400, "AP", seq=1, ack=1, length=517), back(405 + n, "AR", ip_id=0, seq=1, ack=518)]
        for n in range(5)],
    "a SYN that had to be repeated": [
        [out(0, "S"), out(1000, "S"), back(1175, "SA"), out(1176, "AP", seq=1, length=517),
         back(1352, "AR", ip_id=0, seq=1)] for _ in range(5)],
    "a route of another length for one packet": [genuine(355 + n, ttl=51) for n in range(5)],
    "a slow handshake among quick ones": [
        [*opened(900), back(1090, "AR", ip_id=0, seq=1, ack=518)], *([genuine()] * 4)],
    "packets that vanished": [[], [out(0, "S")], [out(0, "S"), back(175, "SA")], [back(1, "R")], []],
    "a box that is only now and then there": [border_box(0), border_box(1), genuine(), genuine(), genuine()],
    "too few to say": [border_box(0), border_box(1)],
}


@pytest.mark.parametrize("flows", INNOCENT.values(), ids=INNOCENT)
def test_nobody_is_shown_to_have_forged(flows: list[list[Packet]]) -> None:
    assert not read(*flows).is_shown


def test_a_later_slot_counts_when_its_own_packets_show_who_ended_it() -> None:
    def at(t0_s: float, flow: Sequence[Packet]) -> Observation:
        return seen(*flow, t0_s=t0_s, t_s=t0_s + 1)

    first = [at(float(n), border_box(n)) for n in range(5)]
    assert gather_packet_anatomy(first, []).near_slots == 1
    assert gather_packet_anatomy([*first, at(244.0, border_box(9))], []).near_slots == 2
    later = gather_packet_anatomy([*first, at(244.0, genuine())], [])
    assert (later.near, later.near_slots) == (True, 1)


def test_where_somebody_else_answers_syns_headers_that_differ_mean_nothing() -> None:
    proxied = [*opened(ttl=60), back(355, "AP", seq=1, ack=518, length=884)]
    flows = [[*opened(ttl=60), back(355 + n, "AR", ip_id=7 * n + 1, seq=1, ack=518)] for n in range(5)]
    assert read(*flows).signs == ("ttl",)
    assert read(*flows, innocent=proxied).signs == ()


def test_one_sort_of_sign_is_one_cause() -> None:
    assert not PacketAnatomy(captured=5, signs=("ttl", "df", "ip_id_constant")).is_shown
    assert not PacketAnatomy(captured=5, signs=("ttl", "df", "went_on", "behind", "payload")).is_shown
    assert PacketAnatomy(captured=5, signs=("ttl", "early")).near
    assert PacketAnatomy(captured=5, signs=("ttl", "copies")).is_shown
    assert not PacketAnatomy(captured=5, signs=("ttl", "copies")).near


FAR_MS = 120.0
"""Of a guard at the border of the operator's own network: it is nearer than the server."""
FAR_GUARD: dict[str, list[list[Packet]]] = {
    "that stands beside the way": [
        [*opened(), back(TRIP_MS + FAR_MS + n, "AR", seq=1, ack=518), back(352, "A", seq=1, ack=518)]
        for n in range(5)],
    "that stands in the way": [
        [*opened(), back(TRIP_MS + FAR_MS + n, "AR", ttl=55, df=0, seq=1, ack=518)] for n in range(5)],
    "that says why": [
        [*opened(), back(TRIP_MS + FAR_MS + n, "AR", ttl=55, seq=1, ack=518, length=20)] for n in range(5)],
    "that ends data in good order": [
        [*opened(), back(TRIP_MS + FAR_MS + n, "AF", ttl=55, seq=1, ack=518)] for n in range(5)],
}
PLACED = EndTiming(attempts=5, sooner=5, answered=1, served_after=True, where="before")


@pytest.mark.parametrize("flows", FAR_GUARD.values(), ids=FAR_GUARD)
def test_a_guard_far_before_the_service_forges_nothing(flows: list[list[Packet]]) -> None:
    """Its ends are those of a box on the way until their time shows that they came from before it."""
    found = read(*flows)
    assert found.is_shown
    assert not found.is_forged(UNTIMED)
    assert not found.is_forged(replace(PLACED, where="unknown"))
    assert found.is_forged(PLACED)


def test_what_no_guard_leaves_needs_no_time() -> None:
    assert read(*map(border_box, range(5)), innocent=ANSWERED).is_forged(UNTIMED)
    reflected = [[*opened(), back(230 + n, "R", ttl=58, df=0, ip_id=703, seq=1, window=63)] for n in range(4)]
    assert read(*reflected).is_forged(UNTIMED)
    assert not read(*[genuine(355 + n, ttl=119, df=0) for n in range(5)]).is_forged(PLACED)


# ---- a SYN that is reset


def syn_reset(n: int, *, copies: int = 3, at_ms: float = 40.0, **changes: Any) -> list[Packet]:
    copy = {"ttl": 200, "seq": 0, "ack": 1, "ip_id": 31 * n + 7, **changes}
    return [out(0, "S", ip_id=700 + n),
            *(back(at_ms + k, "AR", **{"window": 1980 + k, **copy}) for k in range(copies))]


def at_syn(flows: Sequence[Sequence[Packet]], other: Sequence[Packet]) -> PacketAnatomy:
    return gather_packet_anatomy([seen(*flow, failure=REFUSED, kind="connect") for flow in flows],
                                 [seen(*other, failure="", kind="connect", purpose="port", port=80)])


def test_copies_from_nearer_than_the_host_are_a_device() -> None:
    port80 = [out(0, "S"), back(TRIP_MS, "SA")]
    a = at_syn([syn_reset(n) for n in range(3)], port80)
    assert a.signs == ("ttl", "early", "copies")
    assert a.device
    closed = [out(0, "S"), back(TRIP_MS, "AR")]
    assert at_syn([syn_reset(n) for n in range(3)], closed).device


@pytest.mark.parametrize("flow", [
    syn_reset(0, copies=1, at_ms=TRIP_MS, ttl=SERVER_TTL, window=0),
    syn_reset(0, copies=1, at_ms=30.0),
    syn_reset(0, copies=3, at_ms=TRIP_MS),
], ids=["its kernel", "a scrubbing centre near by", "a firewall at its door that repeats itself"])
def test_a_host_and_its_operator_are_no_device(flow: list[Packet]) -> None:
    assert not at_syn([flow] * 3, [out(0, "S"), back(TRIP_MS, "SA")]).device


# ---- text


@given(st.text() | st.lists(st.text(alphabet="0123456789.-inoutSAR|", max_size=8), min_size=10, max_size=10).map(
    "|".join))
def test_any_text_is_a_packet_or_none(text: str) -> None:
    found = read_packet(text)
    assert found is None or isinstance(found, Packet)


@pytest.mark.slow
@given(st.lists(st.lists(PACKETS, max_size=20), max_size=5), st.lists(PACKETS, max_size=9),
       st.sampled_from(["connect", "tls_handshake", "http_round_trip"]))
def test_whatever_came_the_reading_is_a_reading(flows: list[list[Packet]], other: list[Packet],
                                                kind: Operation) -> None:
    a = gather_packet_anatomy([seen(*flow, kind=kind) for flow in flows], [seen(*other, kind=kind, purpose="innocent"),
                                                               seen(*other, kind="connect", purpose="port")])
    assert set(a.signs) <= set(SORTS)
    assert not a.signs or a.captured >= 3


@given(st.lists(PACKETS, max_size=60))
def test_what_is_kept_of_a_flow_is_bounded_and_in_order(packets: list[Packet]) -> None:
    kept = select_decisive(packets)
    assert len(kept) <= MAX_PACKETS
    where = [next(i for i, p in enumerate(packets) if p is k) for k in kept]
    assert where == sorted(where)


def test_without_packets_nothing_is_read() -> None:
    assert gather_packet_anatomy([operation("tls_handshake", HERE4, RESET)], []) == UNSEEN
    assert read_packets(("nonsense", format_packet(out(0, "S")))) == (out(0.0, "S"),)


# ---- two answers to one question


def answered(*replies: tuple[int, str], resolver: ResolverRole = "network") -> Observation:
    """A question over UDP and its replies: (IP TTL, answers)."""
    heard = tuple(DnsReply(delay_ms=80 + n, ip_ttl=ttl, rcode="NOERROR", flags=("QR",), answers=tuple(answers.split()))
                  for n, (ttl, answers) in enumerate(replies))
    packets = [back(80 + n, "udp", ttl=ttl, length=60) for n, (ttl, _) in enumerate(replies)]
    return lookup(*replies[0][1].split(), resolver=resolver, replies=heard,
                  packets=(out(0, "udp", length=30), *packets))


def test_a_false_answer_overtakes_an_empty_one() -> None:
    trusted = lookup(THERE4, resolver="quad9", dns_engine="doh")
    assert gather_dns_evidence([answered((234, PRIVATE), (53, "")), trusted]).two_senders
    assert not gather_dns_evidence([answered((234, PRIVATE)), trusted]).two_senders
    assert not gather_dns_evidence([replace(answered((234, PRIVATE), (53, "")), packets=()), trusted]).two_senders


@pytest.mark.parametrize("replies", [
    ((53, PRIVATE), (53, PRIVATE)), ((53, PRIVATE), (54, "")), ((60, THERE4), (53, HERE4)), ((60, HERE4), (53, "")),
], ids=["doubled", "one resolver, two routes", "true first", "merely different"])
def test_two_answers_of_one_sender_or_none_false_show_nothing(replies: tuple[tuple[int, str], ...]) -> None:
    trusted = lookup(THERE4, resolver="quad9", dns_engine="doh")
    assert not gather_dns_evidence([answered(*replies), trusted]).two_senders
