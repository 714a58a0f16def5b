"""The matrix of names, addresses and shapes: what is sent where, how it is read, and what it must never show."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import pytest

from answering_net import DNS, net_of
from made_up_net import FRAME, walk
from observations import (
    EOF,
    HERE4,
    HOST,
    NEAR4,
    OTHER,
    RESET,
    TIMEOUT,
    endpoint,
    operation,
    site_of,
    told,
    visit_to,
)
from probe.catalogue.owners import ServiceAt
from probe.core.observations import Observation
from probe.core.tables.failures import Failure
from probe.core.tables.purposes import FOREIGN_NAMES
from probe.instruments.steps import Step, Visit
from probe.instruments.streams.own_hello import compute_ja4
from probe.instruments.streams.raw_hello import make_client_hello
from probe.judge.tls.shape_evidence import (
    ShapeDislike,
    ShapeEvidence,
    count_alike_owners,
    find_shape_dislikes,
    gather_shape_evidence,
    has_same_build,
)

AGREED = "93.184.50.50"
LEVEL3 = replace(FRAME, consent_level=3, agreed=((AGREED, 443), (AGREED, 80)))
PLAIN = f"http://{HOST}/"


def shaped(taken: list[Step]) -> list[tuple[str, str, int]]:
    return [(s.hostname, s.shape, s.attempt) for s in taken if isinstance(s, Visit) and s.purpose == "shape"]


def foreign(taken: list[Step]) -> list[tuple[str, str, int]]:
    return [(s.hostname, s.address, s.port) for s in taken if isinstance(s, Visit) and s.purpose in FOREIGN_NAMES]


# ---- what is planned

@pytest.mark.parametrize("word", [RESET, TIMEOUT, EOF])
def test_two_shapes_are_tried_after_every_ordinary_attempt(word: str) -> None:
    for taken in (walk(site_of(), net_of(("tls", word), lambda s: False), rng=random.Random(n)) for n in range(6)):
        line = [(HOST, "narrow", 1)] if word == TIMEOUT else []
        assert sorted(shaped(taken)) == [(HOST, "browser", 1), *line, (HOST, "small", 1)]
        assert not foreign(taken)
        kinds = [s.shape or s.purpose for s in taken if isinstance(s, Visit)]
        assert min(kinds.index("browser"), kinds.index("small")) > max(
            n for n, kind in enumerate(kinds) if kind == "target")


@pytest.mark.parametrize("cut", [("http", RESET), ("connect", TIMEOUT), ("tls", "ssl_error: tlsv1 alert x"), ("", "")])
def test_where_no_shape_can_explain_anything_none_is_tried(cut: tuple[str, str]) -> None:
    assert not shaped(walk(site_of(), net_of(cut, lambda s: True), context=replace(LEVEL3, agreed=())))


def test_who_was_answered_by_a_server_asks_with_no_other_shape() -> None:
    net = net_of(("tls", RESET), lambda s: True)
    net.cut_shake = {"server_hello": True}
    assert not shaped(walk(site_of(), net, context=replace(LEVEL3, agreed=())))


def test_a_plain_site_has_no_hello_to_shape() -> None:
    taken = walk(site_of(endpoint(PLAIN)), net_of(("http", RESET), lambda s: True), context=LEVEL3)
    assert not shaped(taken)


def test_what_passes_is_tried_again_after_the_librarys_own() -> None:
    taken = walk(site_of(), net_of(("tls", RESET), lambda s: s.shape == "browser"))
    order = [(s.shape, s.attempt) for s in taken if isinstance(s, Visit) and s.purpose in ("shape", "target")]
    most = FRAME.quick_attempts
    assert [step for step in order[most:] if step != ("small", 1)] == [("browser", 1), ("", most + 1), ("browser", 2)]


def test_silence_is_asked_whether_it_is_the_lines() -> None:
    taken = walk(site_of(), net_of(("tls", TIMEOUT), lambda s: s.shape == "small"))
    own = [shape for _, shape, _ in shaped(taken)]
    assert own.count("narrow") == 1
    assert own.index("narrow") < len(own) - 1


def test_a_line_that_takes_small_segments_alone_is_found_out() -> None:
    taken = walk(site_of(), net_of(("tls", TIMEOUT), lambda s: s.shape == "narrow", innocent=False))
    order = [s.shape or s.purpose for s in taken if isinstance(s, Visit)]
    assert order[-4:] == ["browser", "small", "narrow", "target"]
    assert "narrow" not in [s.shape for s in walk(site_of(), net_of(("tls", RESET), lambda s: False, innocent=False))
                            if isinstance(s, Visit)]


@pytest.mark.parametrize(("innocent", "expected"), [
    (True, {"browser", "small", "split"}), (False, {"browser", "small", "split", "large", "ech"})])
def test_more_shapes_need_more_consent_and_a_reason(innocent: bool, expected: set[str]) -> None:
    net = net_of(("tls", RESET), lambda s: False, innocent=innocent)
    frame = replace(LEVEL3, agreed=())
    assert {shape for _, shape, _ in shaped(walk(site_of(), net, context=frame))} == expected
    assert {shape for _, shape, _ in shaped(walk(site_of(), net))} == {"browser", "small"}


@pytest.mark.parametrize("passes", ["browser", "small", "split", "large", "ech", "none", "all"])
@pytest.mark.parametrize("word", [RESET, TIMEOUT])
@pytest.mark.parametrize("innocent", [True, False])
def test_the_number_of_further_handshakes_is_bounded(passes: str, word: str, innocent: bool) -> None:
    def lets(step: Visit) -> bool:
        return passes == "all" or step.shape == passes

    for level, most in ((1, 6), (3, 11)):
        taken = walk(site_of(), net_of(("tls", word), lets, innocent=innocent),
                     context=replace(FRAME, consent_level=level))
        again = sum(isinstance(s, Visit) and s.purpose == "target" for s in taken) - (
            FRAME.attempts if word == TIMEOUT else FRAME.quick_attempts)
        assert len(shaped(taken)) + again <= most


def test_one_address_is_enough() -> None:
    both = dict.fromkeys(DNS, (HERE4, NEAR4))
    net = net_of(("tls", RESET), lambda s: s.shape == "browser")
    net.dns, net.cuts = both, {HERE4: ("tls", RESET), NEAR4: ("tls", RESET)}
    for n in range(6):
        taken = walk(site_of(), net, context=LEVEL3, rng=random.Random(n))
        assert len({s.address for s in taken if isinstance(s, Visit) and s.purpose == "shape"}) == 1


# ---- how it is read

PRINT = compute_ja4(make_client_hello("small", HOST, random.Random(1)))


def failing(n: int = 5, **changes: Any) -> list[Observation]:
    return [o for k in range(1, n + 1)
            for o in visit_to(until="tls", failure=RESET, attempt=k, **changes)]


def shake(shape: str, failure: Failure = "", **changes: Any) -> Observation:
    return operation("tls_handshake", failure=failure, **{"purpose": "shape", "trust": "", "shape": shape, **changes})


def read(*seen: Observation, controls: tuple[Any, ...] = (), address: str = HERE4) -> ShapeEvidence:
    """Evidence of observations in the order in which they were made."""
    ordered = [replace(o, sequence=n) for n, o in enumerate(seen)]
    mine = [o for o in ordered if o.purpose == "target" and o.address == address]
    return gather_shape_evidence(site_of(), address, mine, [o for o in ordered if o.purpose != "target"], controls,
                                 known_as=address)


def test_only_what_passes_counts() -> None:
    assert read(*failing(), shake("browser", RESET), shake("small", TIMEOUT)) == ShapeEvidence()
    assert read(*failing(), shake("browser")).passed == ("browser",)
    assert read(*failing(), shake("browser", tls_alert=40)).passed == ()  # a server that dislikes it, perhaps
    assert read(*failing(), shake("ech")).passed == ()
    assert read(*failing(), shake("split")) == ShapeEvidence(split_passed=True)
    assert read(*failing(), shake("browser", hostname=OTHER)).passed == ()


def test_a_handshake_that_went_on_after_a_server_hello_is_compared_with_nothing() -> None:
    assert read(*failing(server_hello=True), shake("browser")) == ShapeEvidence()


def test_firm_is_what_passes_before_and_after_a_failure_of_the_librarys() -> None:
    again = failing(1)
    assert read(*failing(), shake("browser"), *again, shake("browser")).firm == ("browser",)
    assert read(*failing(), shake("browser"), shake("browser")).firm == ()
    assert read(*failing(), shake("browser"), *again, shake("small")).firm == ()
    assert read(*failing(), shake("browser", RESET), *again, shake("browser")).firm == ()
    elsewhere = (shake("browser", address=NEAR4), *again, shake("browser", address=NEAR4))
    assert read(*failing(), *elsewhere) == ShapeEvidence(passed=("browser",))


def test_small_segments_count_only_amid_what_else_is_known() -> None:
    again, quiet = failing(1), shake("narrow", TIMEOUT)
    assert read(*failing(), shake("browser"), quiet, *again, shake("browser")).narrow == "failed"
    assert read(*failing(), shake("browser"), quiet).narrow == "silent"
    assert read(*failing(), quiet, shake("browser")).narrow == "silent"
    assert read(*failing(), shake("browser"), shake("narrow", segments=1), *again).narrow == "passed"
    assert read(*failing(), shake("browser"), shake("narrow", segments=2), *again).narrow == "cut"
    assert read(*failing(), shake("browser"), shake("narrow")).narrow == "unasked"


def test_an_innocent_name_that_drew_a_small_answer() -> None:
    def innocent(size: int, **changes: Any) -> Observation:
        return operation("tls_handshake", **{"purpose": "innocent", "hostname": OTHER, "bytes_read": size, **changes})

    assert read(innocent(7, tls_alert=112), *failing()).innocent_small
    assert not read(innocent(7), innocent(1400), *failing()).innocent_small
    assert not read(innocent(7, address=NEAR4), *failing()).innocent_small
    assert not read(innocent(7, failure=RESET), *failing()).innocent_small


def test_a_control_is_a_twin_if_it_sent_what_we_sent() -> None:
    mine = failing(ja4=PRINT)
    where = f"{HERE4}:443"
    other = compute_ja4(make_client_hello("browser", HOST, random.Random(1)))

    def twins(**changes: Any) -> int:
        plain: dict[str, Any] = {"tls": ((where, ""),), "ja4s": ((where, PRINT),)}
        return read(*mine, controls=(told("a", **plain | changes),)).control_same

    assert twins() == 1
    assert twins(ja4s=((where, other),)) == 0
    assert twins(ja4s=()) == 0
    assert twins(tls=((where, RESET),)) == 0
    assert twins(state="failed") == 0
    assert twins(tls=((f"{NEAR4}:443", ""),)) == 0
    two = (told("a", tls=((where, ""),), ja4s=((where, PRINT),)),) * 2
    assert read(*mine, controls=two).control_same == 1  # one network


def test_prints_are_alike_but_for_the_protocols_offered() -> None:
    base = "t13d1516h2_8daaf6152771_e5627efa2ab1"
    assert has_same_build(base, "t13d1515h1_8daaf6152771_e5627efa2ab1")
    for other in ("t12d1516h2_8daaf6152771_e5627efa2ab1", "t13d1416h2_8daaf6152771_e5627efa2ab1",
                  "t13d1516h2_8daaf6152772_e5627efa2ab1", "t13d1516h2_8daaf6152771_e5627efa2ab2", "", "a_b"):
        assert not has_same_build(base, other)
    assert not has_same_build("", "")


# ---- other services

APART = ShapeDislike(whose=ServiceAt(service="other", addresses=frozenset({"151.101.1.1", "2a04:4e42::1"})))


@pytest.mark.parametrize(("service", "addresses", "n"), [
    ("chat", [HERE4], 1), ("chat", [HERE4, "2606:2800::1"], 1), ("other", [HERE4], 0),
    ("chat", ["151.101.9.9"], 0),  # one content network serves both
    ("chat", [HERE4, "2a04:4e42:7::7"], 0), ("chat", [], 0),
    ("chat", ["2606:2800::1"], 1), ("chat", ["23.235.32.9"], 0),
])
def test_another_operators_server_shows_the_same_only_from_another_network(
    service: str, addresses: list[str], n: int,
) -> None:
    ours = ServiceAt(service=service, addresses=frozenset(addresses))
    assert count_alike_owners([APART], ours) == n
    assert count_alike_owners([APART, APART], ours) == n


def test_two_services_of_one_owner_are_one_that_dislikes() -> None:
    both = [ShapeDislike(whose=ServiceAt(service=name, addresses=frozenset({f"31.13.64.{n}"})))
            for n, name in enumerate(("facebook", "whatsapp"))]
    assert count_alike_owners(both, ServiceAt(service="chat", addresses=frozenset({HERE4}))) == 1
    assert count_alike_owners(both, ServiceAt(service="instagram", addresses=frozenset({HERE4}))) == 0
    behind = [ShapeDislike(whose=ServiceAt(service=name, addresses=frozenset({address})))
              for name, address in (("discord", "104.16.1.1"), ("other", "172.64.1.1"))]
    assert count_alike_owners(behind, ServiceAt(service="chat", addresses=frozenset({HERE4}))) == 1


def test_whose_servers_dislike_the_librarys_hello_is_told_by_what_passes_again() -> None:
    library = [operation("tls_handshake", failure=RESET, attempt=n, sequence=at) for n, at in ((1, 1), (2, 4))]
    passes = [operation("tls_handshake", purpose="shape", shape="browser", attempt=n, sequence=at)
              for n, at in ((1, 3), (2, 5))]
    (found,) = find_shape_dislikes(site_of(), library, passes, {HERE4: 64500})
    assert found.whose == ServiceAt(service="chat", host=HOST, addresses=frozenset({HERE4}), asns=frozenset({64500}))
    assert not find_shape_dislikes(site_of(), library, passes[:1], {})
    assert not find_shape_dislikes(site_of(), library, [], {})
