"""The name at somebody else's address: who is asked, how it is read, and what it must never show."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from answering_net import net_of
from made_up_net import FRAME, walk
from observations import HERE4, HOST, NEAR4, OTHER, RESET, TIMEOUT, endpoint, operation, replace_flat, site_of, visit_to
from probe.catalogue.load import load_catalogue
from probe.config.consent.consent_check import list_destinations
from probe.config.settings import HelperSettings, Settings, SettingsError, VantageSettings, load_settings
from probe.core.observations import ControlAnswer, Observation
from probe.core.places import Place
from probe.core.tables.failures import Failure
from probe.core.tables.purposes import FOREIGN_NAMES
from probe.instruments.steps import Step, Visit
from probe.judge.tls.foreign_names import read_foreign_names
from probe.session.context_making import choose_agreed_helpers, make_plan_context
from probe.session.name_quota import NameQuota
from probe.session.observation_log import ObservationLog
from probe.session.planning.plan_context import PlanContext, SiteHistory
from probe.session.planning.shape_plan import plan_name_elsewhere
from probe.session.taint import find_tainting_failure

AGREED = "93.184.50.50"
HELPERS = (("51.15.60.60", 443), ("45.33.60.60", 8443))
LEVEL3 = replace(FRAME, consent_level=3, agreed=((AGREED, 443), (AGREED, 80)))
LENT = replace(LEVEL3, agreed=(), agreed_helpers=HELPERS, names_due=True)
PLAIN = f"http://{HOST}/"
IN_ORDER = (FRAME.innocent, HOST, HOST, HOST, FRAME.innocent)
"""The names that a server is asked for where one fails."""


def foreign(taken: list[Step]) -> list[tuple[str, str, int]]:
    return [(s.hostname, s.address, s.port) for s in taken if isinstance(s, Visit) and s.purpose in FOREIGN_NAMES]


# ---- the name at other addresses

def test_an_agreed_server_is_asked_for_an_innocent_name_first() -> None:
    taken = walk(site_of(), net_of(("tls", RESET), lambda s: s.hostname != HOST), context=LEVEL3)
    assert foreign(taken) == [(name, AGREED, 443) for name in IN_ORDER]
    plain = walk(site_of(endpoint(PLAIN)), net_of(("http", RESET), lambda s: s.hostname != HOST), context=LEVEL3)
    assert foreign(plain) == [(name, AGREED, 80) for name in IN_ORDER]
    asked = [s for s in plain if isinstance(s, Visit) and s.purpose == "foreign"]
    assert [[p.url for p in s.pages] for s in asked] == [[f"http://{name}/"] for name in IN_ORDER]
    assert {(s.sni, s.input) for s in asked} == {("", PLAIN)}


@pytest.mark.parametrize(("passes", "context", "count"), [
    (lambda s: True, LEVEL3, 2), (lambda s: False, LEVEL3, 1), (lambda s: s.hostname != HOST, FRAME, 0),
    (lambda s: s.hostname != HOST, replace(LEVEL3, consent_level=2), 0),
    (lambda s: s.hostname != HOST, replace(LEVEL3, agreed=((AGREED, 80),)), 0),
    (lambda s: s.hostname != HOST, replace(LEVEL3, agreed=(("2606:2800::50", 443),)), 0),
])
def test_no_more_is_asked_of_it_than_tells(passes: Callable[[Visit], bool], context: PlanContext, count: int) -> None:
    assert len(foreign(walk(site_of(), net_of(("tls", RESET), passes), context=context))) == count


def test_helpers_are_asked_alike_where_no_server_agreed() -> None:
    net = net_of(("tls", RESET), lambda s: s.hostname != HOST)
    asked = foreign(walk(site_of(), net, context=LENT))
    assert sorted(asked) == sorted((name, *place) for place in HELPERS for name in IN_ORDER)
    both = foreign(walk(site_of(), net, context=replace(LENT, agreed=LEVEL3.agreed)))
    assert {address for _, address, _ in both} == {AGREED}


@pytest.mark.parametrize("changes", [
    dict(consent_level=2), dict(agreed_helpers=()), dict(names_due=False),
    dict(agreed_helpers=(HELPERS[0], ("2606:2800::60", 443))), dict(agreed_helpers=(HELPERS[0], ("45.33.60.60", 80))),
    dict(agreed_helpers=(HELPERS[0], ("104.16.1.1", 443))), dict(agreed_helpers=(HELPERS[0], (NEAR4, 443))),
], ids=["consent level 2", "none agreed", "not yet", "no way there", "another protocol", "behind a front",
        "beside the service"])
def test_fewer_helpers_than_it_takes_are_not_asked(changes: dict[str, Any]) -> None:
    net = net_of(("tls", RESET), lambda s: s.hostname != HOST)
    assert not foreign(walk(site_of(), net, context=replace(LENT, **changes)))


def test_a_name_that_came_too_soon_after_another_is_asked_once_more() -> None:
    book = ObservationLog("r")
    book.add(replace(there(OTHER, RESET), input="https://other.example/", sequence=0))
    net = net_of(("tls", RESET), lambda s: s.hostname == FRAME.innocent)
    taken = walk(site_of(), net, context=LEVEL3, book=book)
    assert [name for name, *_ in foreign(taken)] == list(IN_ORDER)


def test_who_is_no_longer_answered_at_all_asks_no_more() -> None:
    book = ObservationLog("r")
    url = "https://other.example/"
    seen = [there(FRAME.innocent, input=url), *[there(OTHER, RESET, input=url)] * 3,
            there(FRAME.innocent, RESET, input=url)]
    for row in seen:
        book.add(row)
    net = net_of(("tls", RESET), lambda s: s.hostname == FRAME.innocent)
    assert not foreign(walk(site_of(), net, context=LEVEL3, book=book))


def naming(n: int, place: tuple[str, int] = HELPERS[0], **changes: Any) -> Visit:
    return Visit(**{"purpose": "foreign_helper", "address": place[0], "port": place[1], "hostname": f"chat{n}.example",
                    "input": f"https://chat{n}.example/", **changes})


def test_a_server_is_asked_for_three_names_a_run_however_many_sites_fail_at_once() -> None:
    quota = NameQuota()
    assert [quota.admits(naming(n, place)) for place in HELPERS for n in range(5)] == [n < 3 for n in range(5)] * 2
    assert quota.admits(naming(1, attempt=2))
    assert not quota.admits(naming(4, attempt=2))
    assert all(quota.admits(naming(n, purpose="target")) for n in range(9))


# ---- how it is read

def failing() -> list[Observation]:
    return [o for k in range(1, 6) for o in visit_to(until="tls", failure=RESET, attempt=k)]


def read(*seen: Observation) -> str:
    ordered = [replace(o, sequence=n) for n, o in enumerate(seen)]
    mine = [o for o in ordered if o.purpose == "target" and o.address == HERE4]
    return read_foreign_names(site_of(), mine, [o for o in ordered if o.purpose != "target"])


def there(hostname: str, failure: Failure = "", **changes: Any) -> Observation:
    return operation(failure=failure, **{"kind": "tls_handshake", "address": AGREED, "purpose": "foreign",
                                         "hostname": hostname, "trust": "", **changes})


INNOCENT, OWN, SHUT = there(FRAME.innocent), there(HOST, RESET), there(FRAME.innocent, RESET)


@pytest.mark.parametrize(("seen", "word"), [
    pytest.param((), "", id="nobody asked"),
    pytest.param((INNOCENT, OWN, OWN, OWN, INNOCENT), "name", id="the name fails there as well"),
    pytest.param((INNOCENT, OWN, OWN, OWN), "", id="nobody looked whether others pass still"),
    pytest.param((INNOCENT, OWN, OWN, OWN, SHUT), "", id="the server has shut us out meanwhile"),
    pytest.param((INNOCENT, OWN, OWN, OWN, SHUT, INNOCENT), "", id="for a while"),
    pytest.param((INNOCENT, OWN, INNOCENT, OWN, OWN, INNOCENT), "name", id="another in between"),
    pytest.param((INNOCENT, OWN, OWN, INNOCENT), "", id="not often enough"),
    pytest.param((OWN, OWN, OWN, INNOCENT), "", id="no innocent name before"),
    pytest.param((SHUT, OWN, OWN, OWN, INNOCENT), "", id="an innocent name fails there as well"),
    pytest.param((OWN, INNOCENT, OWN, OWN, INNOCENT), "", id="an innocent name too late"),
    pytest.param((INNOCENT, there(OTHER, RESET), OWN, OWN, OWN, INNOCENT), "", id="another name failed since"),
    pytest.param((INNOCENT, there(OTHER, RESET), OWN, INNOCENT, OWN, OWN, OWN, INNOCENT), "name", id="since then"),
    pytest.param((INNOCENT, OWN, OWN, OWN, INNOCENT, there(OTHER, RESET)), "name", id="another failed afterwards"),
    pytest.param((INNOCENT, OWN, there(OTHER, RESET), OWN, OWN, INNOCENT), "", id="another name failed in between"),
    pytest.param((there(OTHER, RESET), INNOCENT, OWN, OWN, OWN, INNOCENT), "name", id="another, and left nothing"),
    pytest.param((INNOCENT, OWN, OWN, there(HOST, TIMEOUT), INNOCENT), "", id="not alike"),
    pytest.param((INNOCENT, *[there(HOST, TIMEOUT)] * 3, INNOCENT), "", id="otherwise than at its own address"),
    pytest.param((INNOCENT, *[there(HOST, RESET, operation="connect")] * 3, INNOCENT), "", id="no connection there"),
    pytest.param((INNOCENT, there(HOST)), "passes", id="the name is answered"),
    pytest.param((INNOCENT, OWN, OWN, there(HOST)), "passes", id="now and then"),
])
def test_what_the_name_meets_at_another_server(seen: tuple[Observation, ...], word: str) -> None:
    assert read(*failing(), *seen) == word


def lent(hostname: str, failure: Failure = "", *, at: int = 0, **changes: Any) -> Observation:
    return there(hostname, failure, **{"purpose": "foreign_helper", "address": HELPERS[at][0], "port": HELPERS[at][1],
                                       **changes})


STRUCK = [[lent(FRAME.innocent, at=at), *[lent(HOST, RESET, at=at)] * 3, lent(FRAME.innocent, at=at)] for at in (0, 1)]
TWICE, NEXT = ([replace(o, address=address) for o in STRUCK[1]] for address in (HELPERS[0][0], "51.15.60.61"))
BESIDE = [replace(o, address=NEAR4) for o in STRUCK[1]]
FRONTED = [replace(o, address="104.16.1.1") for o in STRUCK[1]]


@pytest.mark.parametrize(("seen", "word"), [
    pytest.param([*STRUCK[0], *STRUCK[1]], "helpers", id="the name fails at both"),
    pytest.param(STRUCK[0], "", id="one helper is one word"),
    pytest.param([*STRUCK[0], *TWICE], "", id="at two of its ports"),
    pytest.param([*STRUCK[0], *NEXT], "", id="and so are two side by side"),
    pytest.param([*STRUCK[0], *STRUCK[1][:3], STRUCK[1][-1]], "", id="not often enough at the other"),
    pytest.param([*STRUCK[0], *STRUCK[1][:-1], lent(FRAME.innocent, RESET, at=1)], "", id="the other has had enough"),
    pytest.param([*STRUCK[0], lent(FRAME.innocent, at=1), lent(HOST, at=1)], "", id="the other answers"),
    pytest.param([lent(FRAME.innocent), lent(HOST), lent(FRAME.innocent, at=1), lent(HOST, at=1)], "",
                 id="both answer, and the way to them may be another"),
    pytest.param([*STRUCK[0], *BESIDE], "", id="the other is in the service's own network"),
    pytest.param([*STRUCK[0], *FRONTED], "", id="the other is behind a shared front"),
    pytest.param([INNOCENT, there(HOST), *STRUCK[0], *STRUCK[1]], "passes", id="a server that agreed answers"),
    pytest.param([*STRUCK[0], *STRUCK[1], lent(OTHER, RESET)], "helpers", id="another failed afterwards"),
])
def test_what_the_name_meets_at_helpers(seen: list[Observation], word: str) -> None:
    assert read(*failing(), *seen) == word


def test_a_forbidden_name_taints_whoever_comes_next_to_an_agreed_server() -> None:
    first = there(OTHER, RESET, t0_s=1.0, t_s=1.1, observation_id="r.7")
    assert find_tainting_failure(replace(OWN, t0_s=5.0), [first]) == "r.7"
    assert find_tainting_failure(replace(OWN, t0_s=5.0), [replace(first, purpose="shape")]) == "r.7"


# ---- where helpers are asked

SERVED = ControlAnswer(control_id="a", asn=64511, cc="DE", input=f"https://{HOST}/", state="answered", http_failure="",
                       http_status=200, tcp=((Place(HERE4, 443), ""),), tls=((Place(HERE4, 443), ""),))


SPARED = there(FRAME.innocent, address=HERE4, purpose="innocent")


@pytest.mark.parametrize(("visits", "told", "spared", "asked"), [
    pytest.param({}, {}, True, True, id="controls are served"),
    pytest.param({}, {"state": "failed", "tls": (), "http_failure": None}, True, True, id="no control answers"),
    pytest.param({}, {"tls": ((Place(HERE4, 443), RESET),), "http_failure": RESET}, True, False, id="they fail too"),
    pytest.param({"tainted_by": "r.7"}, {}, True, False, id="a neighbour may be the cause"),
    pytest.param({}, {}, False, False, id="other names fail as well"),
    pytest.param({"tls_alert": 40, "failure": "ssl_failed_handshake"}, {}, True, False, id="servers refuse names so"),
])
def test_helpers_are_asked_where_it_would_decide(visits: dict[str, Any], told: dict[str, Any], spared: bool,
                                                 asked: bool) -> None:
    seen = [replace_flat(o, sequence=n, **(visits if o.failure else {})) for n, o in enumerate(failing())]
    history = SiteHistory(visits=tuple(seen), controls=(replace(SERVED, **told),), around=(SPARED,) if spared else ())
    names = foreign(plan_name_elsewhere(site_of(), HERE4, history, LENT))
    assert names == ([(FRAME.innocent, *place) for place in HELPERS] if asked else [])


def test_where_a_search_shows_who_acts_no_helper_is_asked() -> None:
    book = ObservationLog("r")
    net = net_of(("tls", RESET), lambda s: s.hostname != HOST)
    walk(site_of(), net, context=replace(LENT, agreed_helpers=()), book=book)
    history = book.history_of(site_of())
    assert any(o.purpose == "locate" for o in history.searches)
    assert plan_name_elsewhere(site_of(), HERE4, history, LENT) == []
    assert plan_name_elsewhere(site_of(), HERE4, replace(history, traces=()), LENT)


# ---- which helpers

def helper(name: str, address: str, asn: int, cc: str, *, agreed: str = "2026-01-31", port: str = "") -> HelperSettings:
    return HelperSettings(id=name, url=f"https://{name}.example.org{port}/", address=address, asn=asn, cc=cc,
                          agreed=agreed)


ONE, TWO = helper("one", "51.15.60.60", 64500, "DE"), helper("two", "45.33.60.60", 64501, "NL", port=":8443")


@pytest.mark.parametrize(("helpers", "chosen"), [
    pytest.param((ONE, TWO), {("51.15.60.60", 443), ("45.33.60.60", 8443)}, id="two in two networks and countries"),
    pytest.param((ONE,), set(), id="one"),
    pytest.param((ONE, helper("two", "45.33.60.60", 64501, "NL", agreed="")), set(), id="one has not agreed"),
    pytest.param((ONE, helper("two", "51.15.60.61", 64500, "NL")), set(), id="one network"),
    pytest.param((ONE, helper("two", "45.33.60.60", 64501, "DE")), set(), id="one country"),
    pytest.param((ONE, helper("two", "45.33.60.60", 64501, "de")), set(), id="one country, written otherwise"),
    pytest.param((ONE, helper("two", "51.15.60.61", 64501, "NL")), set(), id="side by side"),
    pytest.param((ONE, helper("two", "45.33.60.60", 64501, "RU")), set(), id="one in the vantage's country"),
    pytest.param((ONE, helper("two", "45.33.60.60", 64501, "CN")), set(), id="one behind another country's border"),
    pytest.param((ONE, helper("both", "51.16.60.60", 64501, "DE"), TWO), {("51.15.60.60", 443), ("45.33.60.60", 8443)},
                 id="one between two"),
])
@pytest.mark.parametrize("seed", [1, 2])
def test_helpers_are_chosen_in_different_networks_and_countries(helpers: tuple[HelperSettings, ...],
                                                                chosen: set[tuple[str, int]], seed: int) -> None:
    settings = Settings(helper=helpers, vantage=VantageSettings(cc="RU"))
    assert set(choose_agreed_helpers(settings, random.Random(seed))) == chosen
    context = make_plan_context(settings, load_catalogue(search=False), families=(4,), network_resolver="93.184.0.53",
                                rng=random.Random(seed))
    assert set(context.agreed_helpers) == chosen


def test_who_does_not_say_where_he_is_asks_no_helper_for_names() -> None:
    assert choose_agreed_helpers(Settings(helper=(ONE, TWO)), random.Random(1)) == ()


def test_who_agreed_is_named_where_consent_is_given() -> None:
    silent = helper("one", "51.15.60.60", 64500, "DE", agreed="")
    assert "51.15.60.60" not in list_destinations(Settings(helper=(silent,)))
    assert "51.15.60.60" in list_destinations(Settings(helper=(ONE,)))


@pytest.mark.parametrize("line", [
    'agreed = "yesterday"',
    'agreed = "2026-01-31"',
    'agreed = "2026-01-31"\naddress = "helper.example"\nasn = 1\ncc = "DE"',
    'agreed = "2026-01-31"\naddress = "45.33.60.60"\ncc = "DE"',
    'agreed = "2026-01-31"\naddress = "45.33.60.60"\nasn = 1',
])
def test_an_agreement_says_when_and_where(tmp_path: Path, line: str) -> None:
    file = tmp_path / "probe.toml"
    file.write_text(f'[[helper]]\nid = "one"\nurl = "https://helper.example/"\n{line}\n')
    with pytest.raises(SettingsError):
        load_settings(str(file))
