"""What a run asks of public networks: within its budget, in their words, and nothing that they cannot answer."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from globalping_made import (
    ADDRESS,
    FAILED,
    HOST,
    MADE_ID,
    OPEN,
    PAGE,
    ScriptedApi,
    answer,
    http_result,
    ping_result,
    probe,
)
from globalping_made import serving_api as serving
from probe.catalogue.load import load_catalogue
from probe.config.consent.public_controls import GLOBALPING_ID, OONI_ID
from probe.config.settings import HelperSettings, PublicControlSettings, Settings, VantageSettings
from probe.controls.asking.helper_client import make_helper_request
from probe.controls.globalping import api_client
from probe.controls.globalping.probe_places import CONTROL_ASN, CONTROL_CC
from probe.controls.helper_protocol import encode_message
from probe.controls.public import run_asker
from probe.controls.public.globalping_asker import TESTS_A_RUN, GlobalpingAsker
from probe.controls.public.ooni_asker import CALLS_A_RUN, OoniAsker
from probe.controls.public.run_asker import RunAsker
from probe.core.endpoints import Endpoint
from probe.core.observations import ControlAnswer
from probe.core.places import Place
from probe.core.tables.control_sources import PUBLIC
from probe.judge.common.control_probation import KnownPlaces, find_unfit_controls

SITE = Endpoint(target_id="chat.web.main", service="chat", role="web", tier=1, input=f"https://{HOST}/",
                protocol="http", host=HOST, port=443, sni=HOST, trust="web_pki", alpn=("http/1.1",))
WHERE = Place(ADDRESS, 443)
PATIENCE_S = 60.0
EVERYWHERE = ("US", "DE", "FR", "NL", "GB", "JP", "SE", "PL")
WELL = [(probe(cc, n), http_result()) for n, cc in enumerate(EVERYWHERE, start=1)]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api_client, "POLL_S", 0.01)


def ask(asker: GlobalpingAsker, script: ScriptedApi, endpoint: Endpoint = SITE, *addresses: str) -> ControlAnswer:
    helper = HelperSettings(id=GLOBALPING_ID, url=script.url)
    return asker.ask(helper, endpoint, addresses or (ADDRESS,), address="", timeout_s=PATIENCE_S, clock=lambda: 1.0)


def asker() -> GlobalpingAsker:
    return GlobalpingAsker(cc="DE", innocent="www.example.com", rng=random.Random(1))


@pytest.fixture
def good() -> Iterator[ScriptedApi]:
    with serving(ScriptedApi(looks=[(200, answer(PAGE, *WELL), {})])) as script:
        yield script


def test_what_is_served_there_is_told_as_one_network(good: ScriptedApi) -> None:
    told = ask(asker(), good)
    assert (told.state, told.source, told.asn, told.cc) == ("answered", PUBLIC, CONTROL_ASN, CONTROL_CC)
    assert (told.tcp, told.tls) == (((WHERE, ""),), ((WHERE, ""),))
    assert (WHERE, "DE") in told.served_in
    assert [sorted(asked["locations"][-1].items()) for asked in good.asked] == [[("country", "DE"), ("limit", 1)]]


def test_a_run_has_forty_tests(good: ScriptedApi) -> None:
    good.created = (202, json.dumps({"id": MADE_ID, "probesCount": 4}).encode(), {})
    mine = asker()
    sites = [replace(SITE, input=f"https://s{n}.example/", host=f"s{n}.example", sni=f"s{n}.example")
             for n in range(20)]
    states = [ask(mine, good, site).state for site in sites]
    asked = sum(place["limit"] for question in good.asked for place in question["locations"])
    assert TESTS_A_RUN - 4 < asked <= TESTS_A_RUN
    assert states.count("answered") == len(good.asked)
    assert states[-1] == "refused"


def test_the_same_is_asked_once(good: ScriptedApi) -> None:
    mine = asker()
    assert ask(mine, good) == ask(mine, good)
    assert len(good.asked) == 1


def test_what_it_cannot_be_asked_is_not_sent(good: ScriptedApi) -> None:
    assert ask(asker(), good, replace(SITE, protocol="stun", port=3478)).state == "refused"
    assert ask(asker(), good, SITE, "10.0.0.1").state == "refused"
    assert [asked["target"] for asked in good.asked if asked["type"] != "dns"] == []


def test_failures_of_single_probes_say_nothing() -> None:
    items = [(probe(cc, n), FAILED) for n, cc in enumerate(EVERYWHERE, start=1)]
    with serving(ScriptedApi(looks=[(200, answer(PAGE, *items), {}), (200, answer(OPEN, *items), {})])) as script:
        told = ask(asker(), script)
    assert (told.state, told.tcp, told.tls, told.http_failure) == ("refused", (), (), None)


def test_whoever_reaches_a_place_where_nothing_is_counts_for_nothing() -> None:
    absent = next(e for e in load_catalogue(search=False).endpoints if e.expect.status == ("closed",) and e.port)
    raw = json.loads(answer(OPEN, *((probe(cc, n), ping_result()) for n, cc in enumerate(EVERYWHERE, start=1))))
    with serving(ScriptedApi(looks=[(200, json.dumps({**raw, "target": absent.host}).encode(), {})])) as script:
        told = ask(asker(), script, absent)
    assert find_unfit_controls([told], [], KnownPlaces(absent=(absent.input,))) == {GLOBALPING_ID: "invents"}


@pytest.mark.parametrize("status", [429, 500, 401])
def test_where_it_refuses_there_is_no_answer(status: int) -> None:
    with serving(ScriptedApi(looks=[(200, b"", {})], created=(status, b"{}", {}))) as script:
        told = ask(asker(), script)
    assert told.state in ("refused", "failed")
    assert told.reason


class Calls:
    """A helper of OONI's that answers as it is told to, without a network."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *states: str) -> None:
        self.urls: list[str] = []
        self.plain: list[bool] = []
        self._states = states

        def asked(config: Any, endpoint: Endpoint, addresses: Any, *, plain: bool, **_: Any) -> ControlAnswer:
            state = self._states[len(self.urls) % len(self._states)]
            self.urls.append(config.url)
            self.plain.append(plain)
            return ControlAnswer(control_id=config.control_id, input=endpoint.input, state=state)  # type: ignore[arg-type]

        monkeypatch.setattr("probe.controls.public.ooni_asker.ask_helper", asked)


def ask_ooni(mine: OoniAsker, endpoint: Endpoint = SITE) -> ControlAnswer:
    return mine.ask(HelperSettings(id=OONI_ID, url="https://a/"), endpoint, (ADDRESS,), address="", timeout_s=9.0,
                    clock=lambda: 1.0)


def test_oonis_helpers_are_asked_ten_times_a_run(monkeypatch: pytest.MonkeyPatch) -> None:
    calls, mine = Calls(monkeypatch, "answered"), OoniAsker(("https://a/", "https://b/"))
    states = [ask_ooni(mine).state for _ in range(15)]
    assert states == ["answered"] * CALLS_A_RUN + ["refused"] * 5
    assert set(calls.urls) == {"https://a/"}
    assert all(calls.plain)


def test_the_next_one_is_asked_where_one_is_busy(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = Calls(monkeypatch, "refused", "answered")
    assert ask_ooni(OoniAsker(("https://a/", "https://b/"))).state == "answered"
    assert calls.urls == ["https://a/", "https://b/"]


def test_oonis_helpers_are_asked_of_pages_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = Calls(monkeypatch, "answered")
    assert ask_ooni(OoniAsker(("https://a/",)), replace(SITE, protocol="tcp", input="tcpconnect://a:1")).state == (
        "refused")
    assert calls.urls == []


def test_nothing_of_ours_is_in_a_plain_request() -> None:
    told = json.loads(encode_message(make_helper_request(SITE, (ADDRESS,), plain=True)))
    assert not [name for name in told if name.startswith("x_")]
    assert told["http_request"] == SITE.input
    assert told["tcp_connect"] == [f"{ADDRESS}:443"]


def test_a_run_asks_public_networks_through_their_own_ways(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Settings(vantage=VantageSettings(cc="DE"), public_controls=PublicControlSettings(globalping=True))
    ways: list[str] = []
    for name in ("ask_configured",):
        monkeypatch.setattr(run_asker, name, lambda helper, *_, **__: ways.append(helper.url))
    monkeypatch.setattr(GlobalpingAsker, "ask", lambda _, helper, *__, **___: ways.append(helper.id))
    mine = RunAsker(settings, innocent="www.example.com")
    own = HelperSettings(id=GLOBALPING_ID, url="https://own.example/")
    public = HelperSettings(id=GLOBALPING_ID, url="https://api.globalping.io")
    for helper in (own, public, HelperSettings(id=OONI_ID, url="https://5.th.ooni.org/")):
        mine(helper, SITE, (), address="", timeout_s=1.0, clock=lambda: 1.0, volume="")
    assert ways == ["https://own.example/", GLOBALPING_ID, "https://5.th.ooni.org/"]
