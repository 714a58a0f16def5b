"""Searches for a hop by datagrams: questions for names, and first packets of QUIC."""

from __future__ import annotations

from collections.abc import Sequence

from probe.core.replies import TraceLine
from probe.instruments.hops.hop_search import BEYOND_HOPS, HopSearch
from probe.instruments.hops.locate_udp import MAX_TTL, TtlDatagram, list_lines, make_questions, send_all
from probe.instruments.steps import Lookup, Question, QuicVisit
from probe.judge.hops.hop_flows import AGREEING, goes_on
from probe.judge.hops.hop_lines import find_first_sign, find_tcp_end, read_routers

DNS_MAX_TTL = 24
ROUNDS = 3
"""So often every TTL is asked with: datagrams get lost, and three answers must agree."""


def search_datagrams(search: HopSearch, routers: Sequence[TraceLine], key: bytes) -> None:
    """Search with what the plan's step says in datagrams."""
    if isinstance(search.plan.asked, Lookup):
        _ask_names(search, routers, key)
    elif isinstance(search.plan.asked, QuicVisit):
        _say_initials(search, routers, key)


def _ask_names(search: HopSearch, routers: Sequence[TraceLine], key: bytes) -> None:
    """Questions with every TTL, those for the name again: datagrams get lost. Up to twice the resolver's distance: an
    answer with a copied TTL comes from half as far as the question would have gone."""
    plan, t0_s = search.plan, search.clock.now_s()
    ended = read_routers(routers)[1]
    ttls = range(1, min(2 * ended + 1, DNS_MAX_TTL) + 1 if ended else MAX_TTL + 1)
    for asked, rounds in ((plan.asked, ROUNDS), (plan.control, 1)):
        if not isinstance(asked, Lookup):
            continue
        answered: list[TtlDatagram] = []
        for _ in range(rounds):
            batch, is_answer = make_questions(asked.name, recursion=asked.channel != "dark", ttls=ttls,
                                              query_type=plan.query_type)
            send_all(plan.address, batch, key=key, together=plan.together, is_answer=is_answer)
            answered += batch
        search.keep(asked, list_lines(answered), t0_s)


def _say_initials(search: HopSearch, routers: Sequence[TraceLine], key: bytes) -> None:
    """One first packet with each TTL, innocent ones first, each of a connection of its own; then three times where the
    first sign shows, with one hop less before, beside innocent ones that go further."""
    plan = search.plan
    ended = read_routers(routers)[1]
    ttls = range(1, min(MAX_TTL, ended + 1 if ended else MAX_TTL) + 1)
    early, walked = (_say(search, asked, ttls, key) for asked in (plan.control, plan.asked))
    if not (place := find_first_sign([walked], routers)) or any(s.word == "answered" for s in walked):
        return
    less, served = max(1, place - 1), find_tcp_end((), [early])
    if not goes_on(early, place) or 0 < served <= place or 0 < ended <= place:
        return
    for _ in range(AGREEING):
        _say(search, plan.control, (less, *range(place, place + BEYOND_HOPS + 1)), key)
        look = _say(search, plan.asked, (less, place, place), key)
        if any(s.ttl == place and s.word != "silent" for s in look):
            return


def _say(search: HopSearch, asked: Question, ttls: Sequence[int], key: bytes) -> tuple[TraceLine, ...]:
    """First packets of QUIC with these TTLs, each from a socket of its own."""
    from probe.instruments.datagrams.quic_handshake import make_initial

    plan, t0_s = search.plan, search.clock.now_s()
    if not isinstance(asked, QuicVisit):
        return ()
    batch = [TtlDatagram(ttl=ttl, data=make_initial(asked), port=plan.port) for ttl in ttls]
    send_all(plan.address, batch, key=key, together=plan.together, is_answer=bool)
    return search.keep(asked, list_lines(batch), t0_s, operation="udp_trace")
