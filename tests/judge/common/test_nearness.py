"""A home router's global address says whose household it is: it is judged as near, and stored nowhere."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.inet import UDP
from scapy.layers.inet6 import IPv6
from scapy.packet import Raw

from observations import HERE4, HOST, RESOLVER, lookup, operation, replace_flat, told
from probe.cli.main import cli
from probe.core.addresses import NEAR, PROVIDER
from probe.core.observations import KeptPacket, Observation
from probe.core.runs import RunResult
from probe.instruments.device.own_addresses import list_own_addresses
from probe.instruments.packets.capture import CapturedFlow, CapturedPacket
from probe.judge.common.nearness import classify_nearness, conceal_addresses, map_near_addresses
from probe.judge.dns.dns_evidence import gather_dns_evidence
from probe.session.observation_log import ObservationLog
from probe.session.packet_attribution import _select_packets
from probe.store.runs.run_reader import read_run
from probe.store.runs.run_writer import write_run
from probe.store.text_forms import format_place
from stored import a_result

OURS = ("192.168.1.7", "2a02:8109:9c40:1234:5c1b:2d3e:4f50:6172")
ROUTER, OUTER = "2a02:8109:9c40:1234::1", "2a02:8109:1:2::99"
ELSEWHERE6 = "2606:2800:220:1::53"


@pytest.mark.parametrize(("text", "resolver", "word"), [
    (ROUTER, True, NEAR), (ROUTER, False, NEAR), (OURS[1], False, NEAR), ("2a02:8109:9c40:ff00::5", True, NEAR),
    (OUTER, True, PROVIDER), (OUTER, False, ""), (ELSEWHERE6, True, ""), ("192.168.1.1", True, ""),
    ("fd00::1", True, ""), ("fe80::1", True, ""), ("8.8.8.8", True, ""), ("", True, ""), ("near", True, ""),
])
def test_what_is_near_and_what_is_not(text: str, resolver: bool, word: str) -> None:
    assert classify_nearness(text, OURS, resolver=resolver) == word


def test_a_public_address_of_ours_hides_the_resolver_beside_it() -> None:
    assert classify_nearness("93.184.0.53", ["93.184.0.7"], resolver=True) == PROVIDER
    assert classify_nearness("93.184.0.53", ["93.184.0.7"]) == ""
    assert classify_nearness("93.184.0.7", ["93.184.0.7"]) == NEAR


def household() -> Iterator[Observation]:
    """A run in which the router resolves, answers a name with itself, and is visited for it."""
    yield lookup(HERE4, resolver_address=ROUTER, replies=(f"3.1|64|0|QR RA|{HERE4} {ROUTER}",))
    yield lookup(ROUTER, resolver_address=ROUTER)
    yield replace_flat(lookup(HERE4, resolver_address=OUTER), dns_engine="tcp")
    yield lookup(HERE4, resolver="public", resolver_address=ELSEWHERE6)
    yield operation("connect", ROUTER, "connection_refused", icmp="3/3 service")
    yield Observation(operation="trace", purpose="locate", address=ROUTER, port=53, hostname=HOST)
    yield operation("http_round_trip", HERE4, location=f"http://[{ROUTER}]/blocked", body_excerpt=f"via {ROUTER}.")


def book() -> ObservationLog:
    made = ObservationLog("r-1")
    for seen in household():
        made.add(seen)
    made.add_control(told(tcp=((f"[{ROUTER}]:443", "connection_refused"), (f"{HERE4}:443", ""))))
    return made


def test_every_text_of_a_run_is_rid_of_it_and_the_rest_stays() -> None:
    whole = book()
    words = map_near_addresses(whole.observations, OURS)
    assert words == {ROUTER: NEAR, OUTER: PROVIDER}
    clean = whole.conceal(words)
    assert not [o for o in (*clean.observations, *clean.controls) if ROUTER in repr(o) or OUTER in repr(o)]
    assert [o.dns.resolver_address for o in clean.observations[:4]] == [NEAR, NEAR, PROVIDER, ELSEWHERE6]
    assert clean.observations[1].dns.answers == (NEAR,)
    assert [format_place(place) for place, _ in clean.controls[0].tcp] == ["[near]:443", f"{HERE4}:443"]
    assert clean.observations[6].http.location == "http://[near]/blocked"
    assert [o.observation_id for o in clean.observations] == [o.observation_id for o in whole.observations]
    assert whole.conceal({}) is whole


@given(st.from_regex(r"\A(2a02:8109:9c40:1234::1[0-9a-f]|[0-9a-f]:2a02:8109:9c40:1234::1|x2a02::1)\Z"))
def test_a_longer_address_is_another(text: str) -> None:
    seen = lookup(text)
    assert conceal_addresses(seen, {ROUTER: NEAR}) is seen


def test_the_router_is_judged_as_the_households_with_its_word_as_with_a_private_address() -> None:
    """Else a filter that somebody chose would look like a block by the network's resolver."""
    for resolver, answer in ((NEAR, NEAR), ("192.168.1.1", "192.168.1.1")):
        e = gather_dns_evidence([lookup(answer, resolver_address=resolver)])
        assert (e.resolver_private, e.near_answer) == (True, "beside")
        assert e.bogus == {answer}
    assert not gather_dns_evidence([lookup(HERE4, resolver_address=PROVIDER)]).resolver_private
    assert not gather_dns_evidence([lookup(HERE4, resolver_address=RESOLVER)]).resolver_private


def stored(folder: Path) -> RunResult:
    whole = book()
    clean = whole.conceal(map_near_addresses(whole.observations, OURS))
    question = bytes(IPv6(src=OURS[1], dst=ROUTER) / UDP(sport=40_000, dport=53) / Raw(b"\0" * 20))
    reply = bytes(IPv6(src=ROUTER, dst=OURS[1]) / UDP(sport=53, dport=40_000) / Raw(b"\0" * 20))
    flow = CapturedFlow(begin_s=0.0, seq=0,
                        packets=[CapturedPacket(0.1, True, question), CapturedPacket(0.2, False, reply)])
    packets: tuple[KeptPacket, ...] = tuple(_select_packets([(whole.observations[0], flow)], [packed(ROUTER)]))
    assert len(packets) == 2
    result = replace(a_result(), observations=tuple(clean.observations), controls=tuple(clean.controls),
                     packets=packets)
    write_run(result, folder, parquet=True)
    return result


def packed(text: str) -> bytes:
    import ipaddress

    return ipaddress.ip_address(text).packed


def test_no_file_of_a_run_tells_it_and_nor_does_the_report(tmp_path: Path) -> None:
    result = stored(tmp_path / "results")
    made = CliRunner().invoke(cli, ["report", str(tmp_path / "results"), "--out", str(tmp_path / "report.html")])
    assert made.exit_code == 0, made.output
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert {path.suffix for path in files} >= {".csv", ".parquet", ".pcapng", ".html"}
    for path in files:
        data = path.read_bytes()
        for address in (ROUTER, OUTER, OURS[1]):
            assert address.encode() not in data, path
            assert packed(address) not in data, path
    assert read_run(tmp_path / "results", "r-1").observations == result.observations


def test_the_devices_own_addresses_are_found_without_a_packet() -> None:
    assert list_own_addresses(["127.0.0.1"], anywhere=()) == ("127.0.0.1",)
