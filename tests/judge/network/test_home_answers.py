"""What answers at home by its address alone shows a cut only where nothing abroad answers, and a cache shows none."""

from __future__ import annotations

from typing import Any

import pytest

from observations import RESET, TIMEOUT, operation
from probe.core.observations import Observation
from probe.judge.network.home_answers import is_home_alone

CC = "KR"
ABROAD = {"60.10.10.10": "ZA", "61.10.10.10": "SG", "62.10.10.10": "DE"}
AT_HOME = {"211.231.99.1": CC, "203.0.0.1": CC, "121.53.1.1": CC}
COUNTRIES = ABROAD | AT_HOME
NETWORKS = {address: 64500 + n for n, address in enumerate(COUNTRIES)}


def shake(service: str, address: str, failure: Any = "", **changes: Any) -> Observation:
    said: dict[str, Any] = {"trust": "" if failure else "valid", "sni": f"www.{service}.example",
                            "target_id": f"{service}.web.a", "input": f"https://www.{service}.example/"}
    return operation("tls_handshake", address, failure, **said | changes)


def silent(*services: str) -> list[Observation]:
    return [operation("connect", address, TIMEOUT, target_id=f"{service}.web.a", sni="", input=f"https://{service}/")
            for service, address in zip(services, ABROAD, strict=False)]


CUT = silent("signal", "threema", "zalo")
OWN = shake("kakaotalk", "211.231.99.1")


@pytest.mark.parametrize(("seen", "alone"), [
    ([*CUT, OWN], True),
    ([*CUT, shake("one", "203.0.0.1"), shake("two", "121.53.1.1")], True),
    # a cache in the country of an owner who sits elsewhere
    ([*CUT, shake("whatsapp", "203.0.0.1"), shake("signal", "121.53.1.1")], False),
    # one owner of whom nobody knows where it sits, and two in one network, as caches stand
    ([*CUT, shake("one", "203.0.0.1")], False),
    ([*CUT, shake("one", "203.0.0.1"), shake("two", "203.0.0.1")], False),
    # something abroad answers, though it be a reset, or another name; or nobody knows where it stands
    ([*CUT, OWN, shake("one", "60.10.10.10")], False),
    ([*CUT, OWN, shake("one", "60.10.10.10", RESET)], False),
    ([*CUT, OWN, shake("one", "60.10.10.10", purpose="innocent")], False),
    ([*CUT, OWN, shake("one", "9.9.9.1")], False),
    # too little abroad was tried, or what fails stands at home or nobody knows where
    ([*silent("signal", "threema"), OWN], False),
    ([*silent("signal", "threema"), OWN, shake("zalo", "203.0.0.1", TIMEOUT)], False),
    ([*silent("signal", "threema"), OWN, shake("zalo", "9.9.9.1", TIMEOUT)], False),
    # nobody proved to be who was asked: a box at home answers for all
    ([*CUT, shake("kakaotalk", "211.231.99.1", trust="self_signed")], False),
    ([*CUT, operation("http_round_trip", "211.231.99.1", target_id="kakaotalk.web.a")], False),
    ([*CUT, shake("kakaotalk", "211.231.99.1", purpose="innocent")], False),
    (CUT, False),
    ([], False),
])
def test_only_servers_of_the_country_show_that_the_way_abroad_is_cut(seen: list[Observation], alone: bool) -> None:
    assert is_home_alone(seen, cc=CC, countries=COUNTRIES, networks=NETWORKS) is alone
