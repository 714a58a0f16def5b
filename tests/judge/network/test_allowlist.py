"""Does a network let only listed places pass? What a list does, and what an outage, a proxy and a bad line do."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from observations import RESET, TIMEOUT, operation
from probe.core.observations import Observation
from probe.core.tables.failures import Failure
from probe.judge.common.rule import decide
from probe.judge.network.allowlist_evidence import NO_LIST, AllowlistEvidence, gather_allowlist
from probe.judge.network.ladder_evidence import LadderEvidence
from probe.judge.network.network_rules import NETWORK_TABLE

HOME = "https://home.example/"
SERVICES = ("signal", "threema", "line", "kakaotalk", "zalo")
"""Of five unrelated owners, none of whom is at home."""
HOME_AT, LISTED_AT = "5.5.5.5", "23.9.9.9"
INNOCENT = "www.example.com"
STRUCK: tuple[Failure, str] = (TIMEOUT, "no")


def address_of(service: str) -> str:
    return f"{60 + SERVICES.index(service)}.10.10.10"


def visit(service: str, address: str, *, rtt_ms: float = 0.0, shut: bool = False,
          said: tuple[Failure, str] = ("", "yes"), innocent: tuple[Failure, str] = ("", "yes"), tries: int = 3,
          port: int = 443, url: str = "", purpose: Any = "target") -> list[Observation]:
    """Attempts at an address under the service's own name, the first beside an innocent one."""
    place: dict[str, Any] = dict(port=port, target_id=f"{service}.web.main", hostname=f"www.{service}.example",
                                 input=url or f"https://www.{service}.example/")
    seen: list[Observation] = []
    for attempt in range(1, tries + 1):
        names = [("innocent", innocent), (purpose, said)] if attempt == 1 else [(purpose, said)]
        for reason, (failure, acked) in names:
            who = place | {"purpose": reason, "attempt": attempt} | (
                {"target_id": "", "hostname": INNOCENT} if reason == "innocent" else {})
            seen.append(operation("connect", address, TIMEOUT if shut else "", **who, min_rtt_ms=rtt_ms))
            if not shut:
                seen.append(operation("tls_handshake", address, failure, **who, acked=acked,
                                      server_hello=not failure))
    return seen


AT_HOME = visit("home", HOME_AT, url=HOME, purpose="ladder")
LISTED = visit("telegram", LISTED_AT)
LISTED_NAME = visit("telegram", LISTED_AT, innocent=STRUCK)


def unlisted(count: int = 5, *, step_ms: float = 30.0, **how: Any) -> list[Observation]:
    return [o for n, service in enumerate(SERVICES[:count])
            for o in visit(service, address_of(service), rtt_ms=40.0 + step_ms * n, **how)]


def neighbours(count: int) -> list[Observation]:
    return [o for service in SERVICES[:count] for o in visit(
        "microsoft", address_of(service).removesuffix("10") + "77", tries=1)]


def once(count: int, **how: Any) -> list[Observation]:
    """Single attempts, too few to say anything where they fail."""
    return [o for n in range(count) for o in visit(f"other{n}", f"9{n}.1.1.1", tries=1, **how)
            if o.purpose != "innocent"]


SHUT: dict[str, Any] = dict(shut=True)
MUTE: dict[str, Any] = dict(said=STRUCK, innocent=STRUCK)
CUT: dict[str, Any] = dict(said=(RESET, "yes"), innocent=(RESET, ""))


def judge(seen: list[Observation]) -> tuple[AllowlistEvidence, str, str]:
    found = gather_allowlist(seen, cc="RU", domestic=frozenset({HOME}))
    ladder = LadderEvidence(domestic_ok=1, foreign_ok=2, foreign_failed=3, resolver="ok", allowlist=found)
    decision = decide(NETWORK_TABLE, ladder)
    return found, decision.rule.id, decision.basis


@pytest.mark.parametrize(("seen", "rule", "basis"), [
    pytest.param(unlisted(**MUTE) + LISTED, "net/allowlist_data", "company", id="data pass to listed addresses alone"),
    pytest.param(unlisted(**MUTE), "net/allowlist_data", "company", id="data pass at home alone"),
    pytest.param(unlisted(**MUTE) + LISTED_NAME, "net/allowlist_name", "company", id="another name is not answered"),
    pytest.param(unlisted(**CUT) + visit("telegram", LISTED_AT, innocent=(RESET, "")), "net/allowlist_name", "company",
                 id="other names are reset"),
    pytest.param(unlisted(**SHUT) + LISTED + neighbours(3), "net/allowlist_address", "place",
                 id="neighbours in three networks answer"),
    pytest.param(unlisted(**SHUT) + LISTED + neighbours(2), "net/list_or_outage", "", id="neighbours in two"),
    pytest.param(unlisted(**SHUT) + LISTED, "net/list_or_outage", "", id="an outage that spares a cache at home"),
    pytest.param(unlisted(**SHUT), "net/well", "", id="an outage: nothing abroad passes"),
    pytest.param(unlisted(**MUTE, step_ms=1.0) + LISTED, "net/list_or_outage", "", id="a proxy next door takes all"),
    pytest.param(unlisted(2, **MUTE) + LISTED, "net/well", "", id="two owners"),
    pytest.param(unlisted(4, **MUTE) + LISTED_NAME + once(6, **MUTE), "net/allowlist_name", "company",
                 id="many were tried once"),
    pytest.param(unlisted(4, **MUTE) + LISTED_NAME + once(6), "net/well", "", id="many were tried once, and pass"),
    pytest.param(unlisted(3, **MUTE) + [o for n in range(4) for o in visit(f"other{n}", f"9{n}.1.1.1")], "net/well", "",
                 id="most pass"),
])
def test_a_list_is_told_from_an_outage(seen: list[Observation], rule: str, basis: str) -> None:
    found, decided, rests_on = judge(AT_HOME + seen)
    assert (decided, rests_on) == (rule, basis)
    assert found.way or found == NO_LIST


@pytest.mark.parametrize("seen", [
    pytest.param(unlisted(**MUTE) + LISTED, id="nothing answers at home"),
    pytest.param(AT_HOME + unlisted(said=(TIMEOUT, "yes"), innocent=(TIMEOUT, "yes")), id="what is said arrives"),
    pytest.param(AT_HOME + unlisted(said=STRUCK), id="innocent names are answered"),
    pytest.param(AT_HOME + unlisted(**MUTE, port=8443), id="a port of their own"),
    pytest.param(AT_HOME + unlisted(**MUTE) + [
        o for n in range(2) for said in (("", "yes"), STRUCK) for o in visit(f"other{n}", f"9{n}.1.1.1", said=said)],
        id="those that pass fail as well"),
])
def test_nothing_tells_of_a_list(seen: list[Observation]) -> None:
    assert judge(seen)[0] == NO_LIST


def test_services_on_the_list_are_named_and_those_at_home_are_not() -> None:
    found, *_ = judge(AT_HOME + unlisted(**MUTE) + LISTED + visit("vk", "6.6.6.6"))
    assert (found.listed, len(found.struck)) == (("telegram",), 5)


@pytest.mark.parametrize("changes", [dict(slow=True), dict(crawls=True)], ids=str)
def test_a_line_that_starves_makes_no_list(changes: dict[str, Any]) -> None:
    found, *_ = judge(AT_HOME + unlisted(**MUTE) + LISTED)
    ladder = replace(LadderEvidence(domestic_ok=1, foreign_ok=2, resolver="ok", allowlist=found), **changes)
    assert not decide(NETWORK_TABLE, ladder).rule.id.startswith("net/allowlist")


def test_where_the_country_is_not_known_nothing_is_at_home() -> None:
    assert gather_allowlist(unlisted(**MUTE) + LISTED, cc="ZZ", domestic=frozenset()) == NO_LIST


@pytest.mark.parametrize(("seen", "way", "shown"), [
    pytest.param(unlisted(**MUTE) + LISTED_NAME, "name", True, id="another name meets silence where one passes"),
    pytest.param(unlisted(**MUTE) + LISTED, "data", False, id="data pass to some addresses"),
    pytest.param(unlisted(**MUTE) + visit("telegram", LISTED_AT, innocent=(RESET, "")), "data", False,
                 id="a front that refuses other names itself"),
    pytest.param(unlisted(**MUTE, step_ms=1.0) + LISTED_NAME, "name", False, id="a proxy next door takes all"),
    pytest.param(unlisted(**MUTE), "", False, id="nothing passes"),
    pytest.param(unlisted(**SHUT) + LISTED + neighbours(3), "", False, id="addresses vanish: an outage, or blocks"),
    pytest.param(unlisted(2, **MUTE) + LISTED_NAME, "", False, id="two owners"),
    pytest.param(unlisted(**CUT) + visit("telegram", LISTED_AT, innocent=(RESET, "")), "", False,
                 id="a firewall resets what it does not know"),
    pytest.param(unlisted(3, **MUTE) + LISTED_NAME
                 + [o for n in range(4) for o in visit(f"reset{n}", f"7{n}.1.1.1", **CUT)],
                 "", False, id="most are reset, and some silent"),
    pytest.param(unlisted(**MUTE) + [replace(o, operation="app_round_trip") if o.operation == "tls_handshake" else o
                                     for o in LISTED], "", False, id="only protocols without TLS pass"),
])
@pytest.mark.parametrize("cc", ["ES", "ZZ"])
def test_without_a_place_at_home_silence_that_tells_names_apart_shows_a_list(
    seen: list[Observation], way: str, shown: bool, cc: str,
) -> None:
    found = gather_allowlist(seen, cc=cc, domestic=frozenset(), references_fail=True)
    assert (found.way, found.is_shown) == (way, shown)
    assert gather_allowlist(seen, cc=cc, domestic=frozenset()) == NO_LIST, "the references answer"


@settings(max_examples=30, deadline=None)
@given(st.randoms(use_true_random=False))
def test_the_order_of_what_was_seen_tells_nothing(rng: Any) -> None:
    seen = AT_HOME + unlisted(**MUTE) + LISTED_NAME
    mixed = rng.sample(seen, len(seen))
    assert judge(mixed) == judge(seen)
