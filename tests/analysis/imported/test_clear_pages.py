"""Pages in the clear that a filter sends in place of a site: they come without any failure."""

from __future__ import annotations

from typing import Any

import pytest

from ooni_data import ADDRESS, HOST, connect, query, request, told, web
from ooni_fleet import PLAIN, judge, make_days
from probe.core.verdicts import Verdict

ISP = "http://notice.isp.example/"
NOTICE = "<title>Access denied</title>by order of the court"
WELL: dict[str, Any] = {"tcp_connect": [connect(port=80)], "tls_handshakes": [], "control": told(ADDRESS, port=80),
                        "requests": [request(PLAIN, address=f"{ADDRESS}:80")]}
PLACE = f"{ADDRESS}:80"


def page(code: int, body: str = NOTICE) -> list[dict[str, Any]]:
    return [request(PLAIN, code, body, address=PLACE)]


def led(url: str, body: str = NOTICE) -> list[dict[str, Any]]:
    """A request that is led to another page; the newest comes first."""
    secure = url.startswith("https:")
    return [request(url, 200, body, address=f"198.51.100.7:{443 if secure else 80}", t=0.9),
            request(PLAIN, 302, "", address=PLACE, headers={"Location": url})]


def found(keys: dict[str, Any], *, days: float = 0.25, an_hour: int = 1, line: bool = True) -> Verdict:
    """What is said of the site at last."""
    made = make_days({"input": PLAIN, "test_keys": web(**{**WELL, **keys})}, days=days, an_hour=an_hour, line=line)
    return [v for v in judge(made) if v.service == "chat.example"][-1]


@pytest.mark.parametrize(("requests", "cause"), [
    (page(403), "http.blockpage"), (page(451), "http.blockpage"), (page(403, ""), "http.blockpage"),
    (led(ISP), "http.redirect"),
])
@pytest.mark.parametrize(("days", "an_hour"), [(0.25, 1), (1 / 24, 5)])
def test_a_page_of_somebody_else_is_suspected_once_it_repeats(requests: list[dict[str, Any]], cause: str, days: float,
                                                              an_hour: int) -> None:
    """In one hour or over many. The server itself may refuse, so nobody is accused."""
    verdict = found({"requests": requests}, days=days, an_hour=an_hour)
    assert (verdict.outcome, verdict.block_type, verdict.suspected) == ("inconclusive", "inconclusive.unplaced", cause)


def test_a_page_to_which_a_redirect_leads_needs_no_lookup_of_its_own() -> None:
    tried = {"queries": [query(HOST, ADDRESS), query("notice.isp.example", "198.51.100.7")],
             "tcp_connect": [connect(port=80), connect("198.51.100.7", 80)], "requests": led(ISP)}
    assert found(tried).suspected == found({"requests": led(ISP)}).suspected == "http.redirect"


@pytest.mark.parametrize("keys", [
    {"requests": page(200, "<title>Bonjour</title>the same site for another country")},
    {"requests": page(403), "control": told(ADDRESS, port=80, status=403, title="Access denied")},
    {"requests": page(503), "control": told(ADDRESS, port=80, status=503, title="Busy")},
    {"requests": page(404), "control": told(ADDRESS, port=80, failure="generic_timeout_error")},
    {"requests": page(403), "control": None, "control_failure": "generic_timeout_error"},
    {"requests": led("https://chat.example.net/", "<title>Bonjour</title>")},
    {"requests": led("http://chat.example.net/", "<title>Chat</title>hello")},
    {"requests": led(f"http://m.{HOST}/", "<title>Mobile</title>")},
])
def test_pages_differ_for_many_reasons_that_are_nobodys_doing(keys: dict[str, Any]) -> None:
    verdict = found(keys)
    assert verdict.outcome != "blocked"
    assert not verdict.suspected


def test_one_page_is_no_suspicion() -> None:
    assert not found({"requests": page(403)}, days=1 / 24).suspected


def test_one_page_that_is_well_forgets_the_others() -> None:
    struck = {"input": PLAIN, "test_keys": web(**{**WELL, "requests": page(403)})}
    before = make_days(struck, days=0.25, line=True)
    after = list(make_days(struck, days=2 / 24, since=1, line=True))[3:]
    well = make_days({"input": PLAIN, "test_keys": web(**WELL)}, days=1 / 24, since=1, line=True)
    *_, between, last = [v for v in judge([*before, *well, *after]) if v.service == "chat.example"]
    assert (between.outcome, last.outcome, last.suspected) == ("ok", "inconclusive", "")


def test_unrelated_sites_that_answer_with_the_page_of_one_program_accuse_nobody() -> None:
    """The refusal of a common server is the same, byte for byte, wherever it runs."""
    sites = (("a.example.org", "81.2.69.1"), ("b.example.net", "45.33.9.9"), ("c.example.edu", "128.112.3.4"))
    made = []
    for number, (host, address) in enumerate(sites):
        url = f"http://{host}/"
        keys = web(queries=[query(host, address, asn=64600 + number)], tcp_connect=[connect(address, 80)],
                   control=told(address, port=80, title=host), tls_handshakes=[],
                   requests=[request(url, 403, "<title>403 Forbidden</title>", address=f"{address}:80")])
        made += [{**one, "measurement_uid": f"{one['measurement_uid']}{host}"}
                 for one in make_days({"input": url, "test_keys": keys}, days=1 / 24, an_hour=5, line=True)]
    assert "blocked" not in {v.outcome for v in judge(made)}
