"""OONI's other tests: messengers judged one target at a time, series, resolvers, names at foreign servers."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ooni_data import ADDRESS, RESET, TIMEOUT, connect, measurement, query, request, shake
from ooni_messengers import DC, messenger, of, post, signal, sni, telegram, whatsapp
from probe.core.runs import RunResult
from probe.core.verdicts import Verdict
from probe_analysis.imported.grouping import group_into_runs
from probe_analysis.imported.judging import judge_imported_run
from probe_analysis.imported.ooni.decode import NotJudgedError
from probe_analysis.imported.ooni.ooni_measurement import READERS, read_measurement_line
from probe_analysis.imported.words.ooni_tests import DEFECTS, LEFT_OUT, PARTS


def run_of(*measurements: dict[str, Any]) -> RunResult:
    (result,) = group_into_runs([read_measurement_line(json.dumps(m).encode()) for m in measurements])
    assert judge_imported_run(result)[0] == result.verdicts
    return result


def by_target(result: RunResult) -> dict[str, Verdict]:
    return {v.target_id: v for v in result.verdicts}


def test_telegram_is_judged_by_its_data_centres_and_its_web_client() -> None:
    result = run_of(telegram())
    roles = {s.role: s for s in result.services}
    assert (roles["chat"].outcome, roles["chat"].n) == ("ok", 5)
    assert roles["web"].outcome == "ok"
    assert by_target(result)["telegram.chat.dc2"].theirs == ("telegram 0.3.1 3.28.0: ok",)


def test_both_status_codes_of_a_data_centre_are_its_own_and_a_page_is_not() -> None:
    mine = by_target(run_of(telegram(requests=[post(DC[0], 80, 501), post(DC[2], 80, 200), post(DC[3], 443, 403)])))
    assert mine["telegram.chat.dc1"].outcome == "ok"
    assert mine["telegram.chat.dc3"].outcome == mine["telegram.chat.dc4"].outcome == "inconclusive"


def test_what_the_minute_had_no_time_for_is_not_attempted() -> None:
    """OONI counts it as blocked."""
    late = [connect(a, p, TIMEOUT, t0=60.0, t=60.0001) for a in DC[1:] for p in (80, 443)]
    failed = [post(a, p, failure=TIMEOUT, t=60.0) for a in DC[1:] for p in (80, 443)]
    result = run_of(telegram(tcp_connect=[connect(DC[0], 80), *late], requests=[post(DC[0], 80), *failed],
                             telegram_web_status="blocked", queries=[], tls_handshakes=[]))
    mine = by_target(result)
    assert mine["telegram.chat.dc1"].outcome == "ok"
    assert {mine[f"telegram.chat.dc{n}"].outcome for n in (2, 3, 4, 5)} == {"not_attempted"}
    chat = next(s for s in result.services if s.role == "chat")
    assert (chat.outcome, chat.n, chat.not_attempted) == ("ok", 1, 4)


def test_a_failure_without_an_attempt_to_connect_is_not_attempted() -> None:
    failed = [post(a, 80, failure=TIMEOUT) for a in DC]
    mine = by_target(run_of(telegram(tcp_connect=[], requests=failed, queries=[], tls_handshakes=[])))
    assert {v.outcome for v in mine.values()} == {"not_attempted"}


def test_whatsapp_is_k_of_n() -> None:
    roles = {s.role: s for s in run_of(whatsapp()).services}
    assert (roles["chat"].outcome, roles["chat"].n) == ("ok", 16)
    assert roles["register"].outcome == roles["web"].outcome == "ok"


def test_endpoints_that_were_not_reached_in_time_lower_n() -> None:
    result = run_of(whatsapp(tried=3, whatsapp_endpoints_blocked=["e9.whatsapp.net"]))
    chat = next(s for s in result.services if s.role == "chat")
    assert (chat.n, chat.k) == (3, 0)
    assert "whatsapp.chat.e9" not in by_target(result)


def test_a_connect_to_somebody_elses_address_proves_nothing() -> None:
    mine = by_target(run_of(whatsapp(asn=64500)))
    assert mine["whatsapp.chat.e1"].outcome == "inconclusive"
    assert mine["whatsapp.web.client"].outcome == "ok"


@pytest.mark.parametrize(("version", "day", "engine", "instrument"), [
    ("0.2.1", "2022-10-18", "3.16.0", False), ("0.2.1", "2022-10-19", "3.16.0", True),
    ("0.2.3", "2023-11-06", "3.18.0", False), ("0.2.3", "2023-11-07", "3.18.0", True),
    ("0.2.2", "2023-05-02", "3.17.1", True), ("0.2.2", "2023-05-02", "3.17.2", False),
    ("0.2.4", "2023-12-01", "3.19.0", True), ("0.2.5", "2026-08-01", "3.28.0", False),
])
def test_failures_of_a_version_that_is_out_of_date_are_the_instruments(version: str, day: str, engine: str,
                                                                       instrument: bool) -> None:
    (found,) = run_of(signal(version, "ssl_unknown_authority", day=day, engine=engine)).verdicts
    assert found.outcome == "inconclusive"
    assert (found.block_type == "inconclusive.instrument") is instrument
    assert run_of(signal(version, None, day=day, engine=engine)).verdicts[0].outcome == "ok"


def test_every_defect_names_a_test_that_is_read() -> None:
    assert {d.test for d in DEFECTS} <= set(READERS)
    assert set(PARTS) <= set(READERS)


@pytest.mark.parametrize("test", [*LEFT_OUT, "no_such_test"])
def test_what_is_not_judged_is_counted_by_its_name(test: str) -> None:
    assert test not in READERS
    with pytest.raises(NotJudgedError, match=f"'{test}'"):
        read_measurement_line(json.dumps(of(test, "0.1.0", {})).encode())


def test_messenger_is_judged_host_by_host() -> None:
    mine = by_target(run_of(messenger(32934, "edge-mqtt.facebook.com")))
    assert mine["messenger.api.b-api"].outcome == mine["messenger.call.stun"].outcome == "ok"
    assert mine["messenger.chat.edge-mqtt"].outcome == "inconclusive"
    assert mine["messenger.chat.edge-mqtt"].theirs == ("facebook_messenger 0.2.1 3.28.0: tcp_ip",)
    assert {v.outcome for v in run_of(messenger(64500)).verdicts} == {"inconclusive"}


def only(result: RunResult) -> Verdict:
    (found,) = result.verdicts
    return found


@pytest.mark.parametrize(("url", "outcome"), [
    ("https://www.chat.example/", "ok"), ("tlshandshake://www.chat.example:443", "ok"),
    ("tcpconnect://www.chat.example:443", "inconclusive"), ("dnslookup://www.chat.example", "inconclusive"),
])
def test_urlgetter_is_judged_by_what_its_url_asks_for(url: str, outcome: str) -> None:
    keys = {"queries": [query("www.chat.example", ADDRESS)], "tcp_connect": [connect()],
            "tls_handshakes": [] if url.startswith("tcp") else [shake()],
            "requests": [request()] if url.startswith("https") else []}
    assert only(run_of(of("urlgetter", "0.2.0", keys, input=url))).outcome == outcome


def test_a_resolver_of_encrypted_dns_is_judged_by_its_handshake() -> None:
    lookups = {"queries": [], "tcp_connect": [connect()], "tls_handshakes": [shake(name="dns.chat.example")]}
    keys = {"bootstrap": {"queries": [query("dns.chat.example", ADDRESS)]},
            "lookups": {"https://dns.chat.example/dns-query": lookups}}
    found = only(run_of(of("dnscheck", "0.9.3", keys, input="https://dns.chat.example/dns-query")))
    assert (found.outcome, found.rule_id) == ("ok", "tls/proven")
    with pytest.raises(NotJudgedError):
        read_measurement_line(json.dumps(of("dnscheck", "0.9.3", keys, input="udp://8.8.8.8:53")).encode())


def test_a_name_at_a_foreign_server_is_served_or_not() -> None:
    assert only(run_of(sni("ssl_invalid_hostname"))).outcome == "ok"
    assert only(run_of(sni(RESET))).outcome == "inconclusive"


def test_a_name_that_is_always_reset_beside_an_innocent_one_is_suspected_where_the_line_is_well() -> None:
    well = measurement("urlgetter", {"queries": [query("a.example", "93.184.0.8")], "tcp_connect":
                                     [connect("93.184.0.8"), connect("93.184.0.9")],
                                     "tls_handshakes": [shake("93.184.0.8", name="a.example"),
                                                        shake("93.184.0.9", name="b.example")]},
                       input="tlshandshake://a.example:443", test_version="0.2.0")
    several = [{**sni(RESET), "measurement_uid": f"u{n}", "test_start_time": None,
                "measurement_start_time": f"2026-08-01 05:{9 * n:02}:00"}
               for n in range(5)]
    for many, expected in (([*several, well], "tls.reset.sni"), (several, ""), ([several[0], well], "")):
        found = group_into_runs([read_measurement_line(json.dumps(m).encode()) for m in many])
        outcomes = {(v.outcome, v.suspected) for r in found for v in r.verdicts if v.service == "sniblocking"}
        assert outcomes == {("inconclusive", expected)}


@pytest.mark.parametrize("test", ["simplequicping", "tlsping", "tcpping"])
def test_a_series_is_so_many_attempts(test: str) -> None:
    kind = {"simplequicping": "quic_handshake", "tlsping": "tls_handshake"}.get(test)
    pings = [{"tcp_connect": connect(), **({kind: shake(network="udp" if kind == "quic_handshake" else "tcp")}
                                           if kind else {})} for _ in range(10)]
    url = f"{'quichandshake' if kind == 'quic_handshake' else 'tlshandshake'}://www.chat.example:443"
    result = run_of(of(test, "0.2.2", {"pings": pings, "queries": [query("www.chat.example", ADDRESS)]}, input=url))
    assert len({o.attempt for o in result.observations if o.operation == (kind or "connect")}) == 10
    assert only(result).outcome == ("inconclusive" if test == "tcpping" else "ok")


def test_stun_is_one_binding() -> None:
    keys = {"endpoint": "stun.chat.example:3478", "failure": None, "queries": [query("stun.chat.example", ADDRESS)],
            "network_events": [{"address": f"{ADDRESS}:3478", "operation": "connect", "failure": None, "proto": "udp"}]}
    url = "stun://stun.chat.example:3478"
    result = run_of(of("stunreachability", "0.4.0", keys, input=url))
    assert next(o.datagrams.responses for o in result.observations if o.operation == "stun_binding") == 1
    silent = run_of(of("stunreachability", "0.4.0", {**keys, "failure": TIMEOUT}, input=url))
    assert only(silent).outcome == "inconclusive"


def test_ech_is_a_shape_beside_the_plain_hello() -> None:
    name = "cloudflare-ech.example"
    shakes = [shake(name=name), shake(name=name, echconfig="GREASE", failure=RESET)]
    keys = {"tls_handshakes": shakes, "queries": [query(name, ADDRESS)], "tcp_connect": [connect(), connect()]}
    result = run_of(of("echcheck", "0.3.0", keys, input=f"https://{name}/cdn-cgi/trace"))
    assert only(result).outcome == "ok"
    assert [o.tls.shape for o in result.observations if o.operation == "tls_handshake"] == ["", "ech"]


def test_hellos_that_run_out_on_the_way_are_kept_aside() -> None:
    name = "blocked.example"
    iterations = [{"ttl": ttl, "handshake": shake(name=name, failure=RESET if ttl > 5 else TIMEOUT)}
                  for ttl in range(1, 9)]
    keys = {"queries": [query(name, ADDRESS)], "tcp_connect": [connect()],
            "iterative_trace": [{"target_trace": {"sni": name, "iterations": iterations}}]}
    result = run_of(of("tlsmiddlebox", "0.1.2", keys, input=f"tlstrace://{name}"))
    assert sum(o.purpose == "aside" and o.operation == "tls_handshake" for o in result.observations) == 8
    assert only(result).outcome in ("inconclusive", "not_attempted")


def test_the_first_versions_tell_where_a_handshake_was_made_of_its_connection() -> None:
    """sni_blocking 0.0.1: no address and no name at the handshake."""
    def part(name: str, failure: str | None, number: int) -> dict[str, Any]:
        bare = {"conn_id": number, "failure": failure, "t": 0.3, "tls_version": "", "peer_certificates": None}
        joined = {"ip": ADDRESS, "port": 443, "conn_id": number, "status": {"failure": None, "success": True}, "t": 0.2}
        return {"failure": failure, "sni": name, "th_address": "ps.example:443", "tcp_connect": [joined],
                "tls_handshakes": [bare], "queries": [], "network_events": None, "requests": None}

    keys = {"control": part("ps.example", None, 1), "target": part("blocked.example", RESET, 2)}
    result = run_of(measurement("sni_blocking", keys, input="blocked.example", test_version="0.0.1",
                                measurement_start_time="2020-01-28 15:27:18"))
    rows = {o.tls.sni: o for o in result.observations if o.operation == "tls_handshake"}
    assert rows["ps.example"].purpose == "innocent"
    assert rows["blocked.example"].failure == RESET
    assert only(result).outcome == "inconclusive"


def test_stun_without_an_input_is_that_of_its_endpoint() -> None:
    keys = {"endpoint": "stun.chat.example:3478", "failure": None, "queries": [query("stun.chat.example", ADDRESS)]}
    one = measurement("stun_reachability", keys, input=None, test_version="0.0.1")
    assert only(run_of(one)).input == "stun://stun.chat.example:3478"


def test_the_first_echcheck_had_one_of_each() -> None:
    keys = {"control": shake(name="a.example"), "target": shake(name="a.example", failure=RESET)}
    result = run_of(of("echcheck", "0.1.0", keys, input="https://a.example"))
    assert [(o.tls.shape, o.failure) for o in result.observations if o.operation == "tls_handshake"] == [
        ("", ""), ("ech", RESET)]


def test_a_series_under_another_name_at_a_literal_address() -> None:
    pings = [{"quic_handshake": [shake("93.184.0.7", name="dns.example", network="udp")]} for _ in range(3)]
    result = run_of(of("simplequicping", "0.1.0", {"pings": pings}, input="quichandshake://93.184.0.7:443"))
    assert only(result).outcome == "ok"
    assert sum(o.operation == "quic_handshake" for o in result.observations) == 3
