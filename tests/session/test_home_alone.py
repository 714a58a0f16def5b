"""A cut of the way abroad where the list has no reference at home: by the packaged table, of real addresses."""

from __future__ import annotations

from typing import Any

import pytest

from observations import TIMEOUT, operation
from probe.catalogue.load import load_catalogue
from probe.core.observations import Observation
from probe.session.ladder_controls import gather_ladder

CATALOGUE = load_catalogue(search=False)
PAGES = ("http://a.example/", "http://b.example/", "http://c.example/")
ABROAD = {"signal": "8.8.8.8", "threema": "60.10.10.10", "yandex": "93.158.134.3"}
KAKAO = "211.231.99.1"


def seen_from_home(*, answered: str = "") -> list[Observation]:
    pages = [operation("connect", "8.8.8.8", TIMEOUT, purpose="ladder", input=page, sni="") for page in PAGES]
    visits = [operation("tls_handshake", address, "" if service == answered else TIMEOUT, trust="valid",
                        target_id=f"{service}.web.a", input=f"https://{service}/", sni=f"{service}.example")
              for service, address in ABROAD.items()]
    return [*pages, *visits, operation("tls_handshake", KAKAO, trust="valid", target_id="kakaotalk.web.a",
                                       input="https://kakaotalk/", sni="kakaotalk.example")]


@pytest.mark.parametrize(("said", "answered", "national"), [
    ({"cc": "KR"}, "", True), ({"cc": "KR"}, "signal", False), ({"cc": "US"}, "", False), ({"cc": "ZZ"}, "", False),
    ({"cc": "KR", "lab": True}, "", False),
])
def test_addresses_of_the_country_take_the_place_of_references(said: dict[str, Any], answered: str,
                                                               national: bool) -> None:
    found = gather_ladder(CATALOGUE, seen=seen_from_home(answered=answered), has_ipv4=True, has_ipv6=False,
                          gateway="answers", **said)
    assert found.national_only is national
