"""Web Connectivity of OONI, old and new, judged by our rules: what convicts, and what must not."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ooni_data import (
    ADDRESS,
    HOST,
    OTHER_ADDRESS,
    RESET,
    TIMEOUT,
    URL,
    connect,
    measurement,
    query,
    request,
    shake,
    told,
    web,
)
from ooni_judged import IRAN, PLAIN, PRIVATE, doh, read, repeated, runs, udp, verdict
from probe_analysis.imported.ooni.decode import UnreadableError
from probe_analysis.imported.ooni.ooni_measurement import read_measurement_line


def lied(*addresses: str, more: tuple[dict[str, Any], ...] = (), cc: str = "IR", port: int = 443) -> dict[str, Any]:
    """The network's answer is another than the helper's, and nothing answers there."""
    return measurement(probe_cc=cc, keys=web(
        queries=[query(HOST, *addresses), *more], tcp_connect=[connect(a, port, TIMEOUT) for a in addresses],
        tls_handshakes=[], requests=[], blocking="dns", accessible=False))


def test_a_page_over_tls_is_well() -> None:
    found = verdict(measurement())
    assert (found.outcome, found.rule_id) == ("ok", "tls/proven")
    assert found.theirs == ("web_connectivity 0.5.28 3.28.0: ok",)


def test_every_operation_is_a_row() -> None:
    (result,) = runs(measurement())
    rows = {o.operation: o for o in result.observations if o.purpose == "target"}
    assert rows["resolve"].dns.answers == (ADDRESS,)
    assert rows["connect"].address == rows["tls_handshake"].address == ADDRESS
    assert rows["http_round_trip"].http.title == "Chat"
    assert rows["http_round_trip"].http.status == 200
    assert result.controls[0].addresses == (ADDRESS,)
    assert result.controls[0].http_title == "Chat"
    assert (result.run.engine, result.run.software_version) == ("ooni", "ooniprobe-cli 3.28.0")
    assert result.run.vantage.probe_asn == 64500


@pytest.mark.parametrize("keys", [
    web(tls_handshakes=[shake(failure=RESET)], requests=[], blocking="http-failure", accessible=False),
    web(tls_handshakes=[shake(failure=TIMEOUT)], requests=[request(failure=TIMEOUT)], blocking="http-failure"),
    web(tcp_connect=[connect(failure=TIMEOUT)], tls_handshakes=[], requests=[], blocking="tcp_ip", accessible=False),
    web(tls_handshakes=[shake(failure="ssl_unknown_authority")], requests=[], blocking="http-failure"),
    web(queries=[query(failure="dns_nxdomain_error")], tcp_connect=[], tls_handshakes=[], requests=[], blocking="dns"),
])
@pytest.mark.parametrize("times", [1, 6])
def test_what_a_file_cannot_settle_accuses_nobody(keys: dict[str, Any], times: int) -> None:
    """A reset, a silence, a strange certificate, a denial: without an innocent name, a place and a named resolver."""
    for result in runs(*repeated(times, keys=keys)):
        assert result.verdicts[0].outcome == "inconclusive"


def test_a_block_address_of_the_country_convicts() -> None:
    found = verdict(lied(IRAN))
    assert (found.outcome, found.block_type) == ("blocked", "dns")


def test_in_another_country_it_may_be_the_households() -> None:
    assert verdict(lied(IRAN, cc="FR")).outcome == "inconclusive"


@pytest.mark.parametrize("address", ["0.0.0.0", "127.0.0.1", PRIVATE])
def test_a_null_or_private_answer_alone_may_be_a_filter_of_the_household(address: str) -> None:
    assert verdict(lied(address)).outcome != "blocked"


def test_a_private_answer_of_a_public_resolver_too_convicts() -> None:
    found = verdict(lied(PRIVATE, more=(udp(PRIVATE),)))
    assert (found.outcome, found.block_type) == ("blocked", "dns")


def test_null_addresses_never_do() -> None:
    assert verdict(lied("0.0.0.0", more=(udp("0.0.0.0"),))).outcome != "blocked"


def test_a_private_answer_that_the_helper_gets_too_is_the_names_own() -> None:
    one = lied(PRIVATE, more=(udp(PRIVATE),))
    one["test_keys"]["control"] = told(PRIVATE)
    assert verdict(one).outcome != "blocked"


def test_two_answers_to_one_question_convict() -> None:
    late = udp(ADDRESS, t=0.2, transaction_id=20001)
    keys = web(queries=[query(HOST, ADDRESS), udp(IRAN, t=0.12, transaction_id=20001)],
               x_dns_duplicate_responses=[late])
    found = verdict(measurement(keys=keys, probe_cc="DE"))
    assert (found.outcome, found.rule_id) == ("blocked", "dns/two_answers")


@pytest.mark.parametrize("url", ["https://www.chat.example/wörter?q=ä b", "https://bücher.example/"])
def test_addresses_of_other_scripts_are_read(url: str) -> None:
    host = "xn--bcher-kva.example" if "bücher" in url else HOST
    keys = web(queries=[query(host, ADDRESS)], tls_handshakes=[shake(name=host)], requests=[request(url)])
    assert verdict(measurement(input=url, keys=keys)).outcome == "ok"


def test_a_probe_that_reaches_neither_helper_nor_name_is_not_well() -> None:
    """OONI calls that accessible."""
    keys = web(queries=[query(failure="dns_nxdomain_error")], tcp_connect=[], tls_handshakes=[], requests=[],
               control=None, control_failure=TIMEOUT, blocking=False, accessible=True)
    found = verdict(measurement(keys=keys))
    assert (found.outcome, found.block_type) == ("inconclusive", "inconclusive.control_failed")
    assert found.theirs[0].endswith(": ok")


def clear(**changes: Any) -> dict[str, Any]:
    """A page in the clear."""
    mine = {"tcp_connect": [connect(port=80)], "tls_handshakes": [], "control": told(ADDRESS, port=80),
            "requests": [request(PLAIN, address=f"{ADDRESS}:80")], **changes}
    return measurement(input=PLAIN, keys=web(**mine))


def test_a_page_in_the_clear_that_controls_see_too_is_well() -> None:
    assert verdict(clear()).rule_id == "http/same_as_control"


@pytest.mark.parametrize("control", [None, told(ADDRESS, port=80, failure=TIMEOUT)])
def test_a_page_in_the_clear_without_a_controls_proves_nothing(control: dict[str, Any] | None) -> None:
    found = verdict(clear(control=control))
    assert (found.outcome, found.block_type) == ("inconclusive", "inconclusive.no_control")


BLOCK_PAGE = '<iframe src="http://10.10.34.34?type=Invalid Site&policy=MainPolicy"></iframe>'


def test_a_page_of_a_block_convicts_in_its_country_alone() -> None:
    page = [request(PLAIN, 403, BLOCK_PAGE, address=f"{ADDRESS}:80")]
    found = verdict(clear(requests=page, blocking="http-diff", accessible=False))
    assert (found.outcome, found.block_type) == ("blocked", "http.blockpage")
    abroad = clear(requests=page)
    abroad["probe_cc"] = "FR"
    assert verdict(abroad).outcome != "blocked"


def test_another_page_than_controls_see_is_not_a_block() -> None:
    page = [request(PLAIN, 200, "<title>Bonjour</title>", address=f"{ADDRESS}:80")]
    for result in runs(clear(requests=page, blocking="http-diff", accessible=False)):
        assert result.verdicts[0].outcome == "inconclusive"


def hop(**changes: Any) -> dict[str, Any]:
    """A page that leads to its own over TLS."""
    mine = {"tcp_connect": [connect(port=80), connect()], "control": told(ADDRESS, port=80),
            "requests": [request(t=0.9), request(PLAIN, 301, "", address=f"{ADDRESS}:80", headers={"Location": URL})],
            **changes}
    return measurement(input=PLAIN, keys=web(**mine))


def test_a_redirect_counts_by_where_it_leads() -> None:
    assert verdict(hop()).outcome == "ok"
    first = request(PLAIN, 301, "", address=f"{ADDRESS}:80", headers={"Location": URL})
    failing = verdict(hop(requests=[request(failure=RESET, t=0.9), first], tls_handshakes=[shake(failure=RESET)]))
    assert failing.outcome == "inconclusive"
    assert failing.input == PLAIN
    unasked = verdict(hop(requests=[first], tls_handshakes=[], tcp_connect=[connect(port=80)]))
    assert unasked.outcome == "not_attempted"


def test_a_redirect_of_a_block_convicts() -> None:
    led = request(PLAIN, 302, "", address=f"{ADDRESS}:80", headers={"Location": "http://10.10.34.34/?type=Invalid"})
    found = verdict(clear(requests=[led], blocking="http-diff", accessible=False))
    assert found.outcome in ("blocked", "inconclusive")


def test_addresses_behind_a_lie_are_told_apart() -> None:
    keys = web(queries=[query(HOST, IRAN), doh()], tcp_connect=[connect(IRAN, failure=TIMEOUT), connect()])
    (result,) = runs(measurement(keys=keys))
    assert result.verdicts[0].block_type.startswith("dns")
    assert {o.purpose for o in result.observations if o.operation == "connect" and o.address == ADDRESS} == {"trusted"}


def test_scrubbed_addresses_are_no_evidence() -> None:
    keys = web(queries=[query(HOST, "[scrubbed]")], requests=[request(address=None)],
               tcp_connect=[{**connect(), "ip": "[scrubbed]"}], tls_handshakes=[shake("[scrubbed]")])
    assert verdict(measurement(keys=keys)).outcome in ("inconclusive", "not_attempted")


def test_the_volunteers_address_on_a_page_is_not_kept() -> None:
    page = request(PLAIN, 200, "<title>Your address is 198.18.7.7</title>", address=f"{ADDRESS}:80")
    (result,) = runs(clear(requests=[page]))
    assert "198.18.7.7" not in repr(result)


OLD: dict[str, Any] = {
    "annotations": None, "data_format_version": "0.2.0", "input": PLAIN, "probe_asn": "AS64500", "probe_cc": "RU",
    "measurement_start_time": "2016-12-01 09:00:00", "test_start_time": "2016-12-01 08:59:00", "report_id": "old",
    "software_name": "ooniprobe", "software_version": "2.0.2", "test_name": "web_connectivity", "test_runtime": 1.2,
    "test_version": "0.1.0", "id": "x", "options": [],
}


def old(**changes: Any) -> dict[str, Any]:
    """As the first versions wrote it: no times, no addresses of requests, no handshakes, old words."""
    bare = {"query_type": "A", "hostname": HOST, "failure": None, "resolver_hostname": "8.8.8.8", "resolver_port": 53,
            "answers": [{"answer_type": "A", "ipv4": ADDRESS, "ttl": 60}]}
    page = {"failure": None, "request": {"url": PLAIN, "method": "GET", "tor": {"is_tor": False}, "headers": {}},
            "response": {"code": 200, "body": "<title>Chat</title>hello", "headers": {"Server": "nginx"}}}
    keys = {"queries": [bare], "requests": [page], "control_failure": None, "agent": "agent",
            "tcp_connect": [{"ip": ADDRESS, "port": 80, "status": {"blocked": False, "failure": False,
                                                                   "success": True}}],
            "control": {"dns": {"addrs": [ADDRESS, "cdn.example"], "failure": None}, "tcp_connect":
                        {f"{ADDRESS}:80": {"status": True, "failure": None}},
                        "http_request": {"body_length": 24, "failure": None, "status_code": 200, "title": "Chat",
                                         "headers": {"Server": "nginx"}}},
            "blocking": False, "accessible": True, **changes}
    return {**OLD, "test_keys": keys}


def test_the_first_versions_are_read() -> None:
    found = verdict(old())
    assert (found.outcome, found.rule_id) == ("ok", "http/same_as_control")
    assert found.theirs == ("web_connectivity 0.1.0: ok",)


def test_old_words_are_todays() -> None:
    refused = {"ip": ADDRESS, "port": 80, "status": {"failure": "connection_refused_error", "success": False}}
    (result,) = runs(old(tcp_connect=[refused], requests=[], blocking="tcp_ip"))
    assert [o.failure for o in result.observations if o.operation == "connect"] == ["connection_refused"]
    assert result.verdicts[0].outcome == "inconclusive"


def test_an_https_page_of_an_engine_that_did_not_verify_proves_nothing() -> None:
    page = {"failure": None, "request": {"url": URL}, "response": {"code": 200, "body": "x", "headers": {}}}
    one = old(requests=[page], control=None,
              tcp_connect=[{"ip": ADDRESS, "port": 443, "status": {"failure": None, "success": True}}])
    assert verdict({**one, "input": URL}).outcome == "inconclusive"


def test_what_does_not_fit_is_left_out_and_counted() -> None:
    keys = web(queries=[query(HOST, ADDRESS), {"answers": "none"}, 7], tcp_connect=[connect(), {"ip": ["x"]}])
    found = read(measurement(keys=keys))
    assert found.left_out == 3
    assert verdict(measurement(keys=keys)).outcome == "ok"


@pytest.mark.parametrize(("line", "why"), [
    (b"{", "no JSON"), (b"[1]", "not a measurement"), (b'{"test_name": 3, "test_keys": {}}', "not a measurement"),
    (b"\xff\xfe", "no JSON"), (b'{"test_keys":' + b"[" * 200000, "nested too deeply|no JSON"),
    (json.dumps(measurement(measurement_start_time="soon", test_start_time=None)).encode(), "no time"),
    (json.dumps(measurement(input="ftp://x/")).encode(), "input"),
    (json.dumps(measurement(input="http://192.168.1.1/")).encode(), "not a public address"),
    (json.dumps(measurement(test="no_such_test")).encode(), "is not judged"),
])
def test_a_line_that_cannot_be_read_says_why(line: bytes, why: str) -> None:
    with pytest.raises(UnreadableError, match=why):
        read_measurement_line(line)


def test_nested_test_keys_do_not_crash() -> None:
    text = json.dumps(measurement(keys={"x": 1})).encode().replace(b'{"x": 1}', b'{"x":' + b"[" * 9000 + b"]" * 9000
                                                                  + b"}")
    with pytest.raises(UnreadableError, match="nested"):
        read_measurement_line(text.replace(b'"x":', b'"queries":'))


def test_runs_are_of_one_network_and_hour() -> None:
    found = runs(*repeated(4), measurement(probe_asn="AS64999", measurement_uid="a"),
                 measurement(software_version="3.1", measurement_uid="b"))
    assert len(found) == 3
    assert [len(r.verdicts[0].sources) for r in found if r.run.vantage.probe_asn == 64999] == [1]
    assert max(len(r.verdicts[0].theirs) for r in found) == 4


def test_a_measurement_that_stands_there_twice_counts_once() -> None:
    one = measurement(keys=web(queries=[query(failure="dns_nxdomain_error")], tcp_connect=[], tls_handshakes=[]))
    assert len(verdict(*[one] * 6).sources) == 1


def test_the_second_address_is_looked_at_too() -> None:
    keys = web(queries=[query(HOST, ADDRESS, OTHER_ADDRESS)], tcp_connect=[connect(), connect(OTHER_ADDRESS)],
               tls_handshakes=[shake(), shake(OTHER_ADDRESS, failure=RESET)])
    assert verdict(measurement(keys=keys)).outcome == "ok"
