"""What several OONI measurements of one network and hour convict, and their innocent look-alikes."""

from __future__ import annotations

from typing import Any

import pytest

from ooni_data import ADDRESS, HOST, RESET, TIMEOUT, URL, connect, measurement, query, request, shake, told, web
from ooni_judged import PLAIN, doh, repeated, runs, udp, verdict


def test_denials_of_every_plain_resolver_are_suspected_since_nobody_looked_whether_these_are_one() -> None:
    denied = "dns_nxdomain_error"
    mine = web(queries=[query(failure=denied), udp(failure=denied), doh()], tcp_connect=[], tls_handshakes=[],
               requests=[], blocking="dns", accessible=False)
    for result in runs(*repeated(6, keys=mine)):
        assert (result.verdicts[0].block_type, result.verdicts[0].suspected) == (
            "inconclusive.unplaced", "dns.nxdomain")
    assert verdict(measurement(keys=mine)).outcome == "inconclusive"


@pytest.mark.parametrize("more", [(), (doh(),), (udp(failure="dns_nxdomain_error"),),
                                  (udp(failure="dns_nxdomain_error"), query(
                                      HOST, failure="dns_nxdomain_error", engine="doh",
                                      resolver="https://dns.google/dns-query")),
                                  (udp(ADDRESS), doh())])
def test_a_denial_of_one_resolver_or_of_the_operator_itself_does_not(more: tuple[dict[str, Any], ...]) -> None:
    mine = web(queries=[query(failure="dns_nxdomain_error"), *more], tcp_connect=[], tls_handshakes=[], requests=[],
               blocking="dns", accessible=False)
    for result in runs(*repeated(6, keys=mine)):
        assert result.verdicts[0].outcome == "inconclusive"


def with_neighbour(neighbours: str, **changes: Any) -> list[dict[str, Any]]:
    """Six resets in an hour; each report has another site at an address too, and a third elsewhere."""
    mine = web(tls_handshakes=[shake(failure=RESET)], requests=[], blocking="http-failure", **changes)
    found = repeated(6, keys=mine)
    for number, one in enumerate(list(found)):
        for host, address in (("other.example", neighbours), ("third.example", "93.184.0.77")):
            keys = web(queries=[query(host, address)], tcp_connect=[connect(address)], control=told(address),
                       tls_handshakes=[shake(address, name=host)],
                       requests=[request(f"https://{host}/", address=f"{address}:443")])
            found.append({**one, "input": f"https://{host}/", "measurement_uid": f"{host}{number}", "test_keys": keys})
    return found


def large(number: int) -> dict[str, Any]:
    """Another site of the same report, whose page is large: the line carries full segments."""
    host, address = "large.example", "93.184.0.55"
    page = request(f"https://{host}/", body="x" * 9000, address=f"{address}:443")
    keys = web(queries=[query(host, address)], tcp_connect=[connect(address)], control=told(address), requests=[page],
               tls_handshakes=[shake(address, name=host)])
    return measurement(input=f"https://{host}/", keys=keys, measurement_uid=f"large{number}", report_id=f"r{number}")


def test_connections_that_fall_silent_accuse_nobody_where_nobody_says_after_how_much() -> None:
    silent = repeated(6, keys=web(requests=[request(failure=TIMEOUT)], queries=[query(HOST, ADDRESS), doh()]))
    (result,) = runs(*silent, *(large(n) for n in range(6)))
    found = next(v for v in result.verdicts if v.input == URL)
    assert (found.outcome, found.suspected) == ("inconclusive", "flow.freeze")


def test_a_redirect_abroad_accuses_nobody_where_nobody_says_where_controls_are_led() -> None:
    led = request(PLAIN, 302, "", address=f"{ADDRESS}:80", headers={"Location": "app://other.example/"})
    mine = web(tcp_connect=[connect(port=80)], tls_handshakes=[], control=told(ADDRESS, port=80), requests=[led],
               queries=[query(HOST, ADDRESS), doh()])
    (result,) = runs(*repeated(6, input=PLAIN, keys=mine), *(large(n) for n in range(6)))
    found = next(v for v in result.verdicts if v.input == PLAIN)
    assert (found.outcome, found.suspected) == ("inconclusive", "http.redirect")


def test_a_name_that_is_reset_where_another_is_served_is_suspected() -> None:
    """The service's own front may reset it: what one network shows decides nothing."""
    (result,) = runs(*with_neighbour(ADDRESS))
    found = next(v for v in result.verdicts if v.input == URL)
    assert (found.outcome, found.suspected) == ("inconclusive", "tls.reset.sni")


@pytest.mark.parametrize(("neighbours", "control", "expected"), [
    ("93.184.0.99", told(ADDRESS), ("inconclusive", "tls.reset")),
    (ADDRESS, {**told(ADDRESS), "tls_handshake": {f"{ADDRESS}:443": {"status": False, "failure": RESET}}},
     ("down", "")),
])
def test_without_a_neighbour_the_trigger_is_not_named_and_a_control_that_fails_too_tells_of_the_service(
        neighbours: str, control: dict[str, Any], expected: tuple[str, str]) -> None:
    (result,) = runs(*with_neighbour(neighbours, control=control))
    found = next(v for v in result.verdicts if v.input == URL)
    assert (found.outcome, found.suspected) == expected
