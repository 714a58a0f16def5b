"""STUN: what answers a request and what does not, whatever the bytes; and that nobody's address is written."""

from __future__ import annotations

import ipaddress
import socket
import struct
from dataclasses import asdict
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopback_udp import stun_server
from probe.core.endpoints import Endpoint
from probe.core.observations import ControlAnswer
from probe.core.tables.failures import TIMEOUT
from probe.instruments.clock import start_clock
from probe.instruments.datagrams.stun import REQUESTS, measure_binding
from probe.instruments.datagrams.stun_wire import (
    COOKIE,
    judge_answer,
    make_binding_request,
    make_transaction,
    read_mapped_address,
    read_transaction,
)
from probe.instruments.names.resolver_lines import ResolverLines
from probe.instruments.steps import StunBinding
from probe.session.step_executor import StepExecutor, execute_step
from probe_lab.servers.stun_server import stun_reply

NUMBER = bytes(range(12))
MAPPED = struct.pack("!HHBBHI", 0x0020, 8, 0, 1, 0x1234, 0x5DB8D822)


def message(kind: int, body: bytes = b"", *, number: bytes = NUMBER, cookie: bytes = COOKIE) -> bytes:
    return struct.pack("!HH", kind, len(body)) + cookie + number + body


def test_the_request_is_what_a_server_of_the_book_answers() -> None:
    """The laboratory's server was written from the RFC and not from this client."""
    request = make_binding_request(NUMBER)
    reply = stun_reply(request, client="93.184.216.34", client_port=4000, realm="x")
    assert reply is not None
    assert (len(request), read_transaction(request), judge_answer(reply, NUMBER)) == (28, b"", "")


@pytest.mark.parametrize("address", ["93.184.216.34", "2606:2800::1"])
def test_an_answer_to_another_transaction_is_none(address: str) -> None:
    reply = stun_reply(make_binding_request(make_transaction()), client=address, client_port=4000, realm="x")
    assert reply is not None
    assert judge_answer(reply, NUMBER) is None
    assert judge_answer(reply, b"") is None


@pytest.mark.parametrize(("data", "word"), [
    (message(0x0101, MAPPED), ""),
    (message(0x0101, MAPPED, cookie=bytes(4)), None),
    (message(0x0001, MAPPED), None),  # a request
    (message(0x0103, MAPPED), None),  # an answer to Allocate
    (message(0x0101), "unknown_failure: stun answer without address"),
    (message(0x0111, struct.pack("!HHHBB", 9, 4, 0, 4, 20)), "unknown_failure: stun error 420"),
    (message(0x0111), "unknown_failure: stun error 0"),
    (message(0x0101, struct.pack("!HH", 0x0020, 200)), "unknown_failure: malformed stun answer"),
    (message(0x0101, MAPPED + struct.pack("!HHI", 0x8028, 4, 7)), "unknown_failure: malformed stun answer"),
    (message(0x0101, MAPPED)[:-1], None),
    (message(0x0101, MAPPED) + b"x", None),
    (b"", None),
])
def test_what_counts_as_an_answer(data: bytes, word: str | None) -> None:
    assert judge_answer(data, NUMBER) == word


@given(st.binary(max_size=3000))
def test_no_bytes_break_the_reader(data: bytes) -> None:
    number = read_transaction(data)
    assert len(number) in (0, 12)
    assert judge_answer(data, number) is None or number


@given(kind=st.sampled_from((0x0101, 0x0111)), body=st.binary(max_size=400))
def test_no_attributes_break_the_reader(kind: int, body: bytes) -> None:
    word = judge_answer(message(kind, body), NUMBER)
    assert word is not None
    assert word == "" or word.startswith("unknown_failure: ")
    assert (word == "") <= (kind == 0x0101)


@given(st.integers(0, 1 << 32), st.data())
def test_a_flipped_bit_is_noticed(seed: int, data: st.DataObject) -> None:
    """FINGERPRINT covers every byte before it, so a changed answer never passes for a success of this transaction."""
    reply = bytearray(stun_reply(make_binding_request(NUMBER), client="93.184.216.34", client_port=4000, realm="x")
                      or b"")
    reply[data.draw(st.integers(0, len(reply) - 9))] ^= 1 << seed % 8
    assert judge_answer(bytes(reply), NUMBER) != ""


@pytest.mark.parametrize("address", ["93.184.216.34", "2606:2800::1"])
def test_the_mapped_address_is_read_for_who_asks_for_it(address: str) -> None:
    for cookie in (COOKIE, bytes(4)):  # the book's form, hidden from translators, and that of the first STUN
        request = make_binding_request(NUMBER)[:4] + cookie + make_binding_request(NUMBER)[8:]
        reply = stun_reply(request, client=address, client_port=4000, realm="x") or b""
        assert read_mapped_address(reply, NUMBER) == (address if cookie == COOKIE else "")
    plain = struct.pack("!HHBBH", 1, 8, 0, 1, 5) + bytes((93, 184, 216, 34))
    assert read_mapped_address(message(0x0101, plain), NUMBER) == "93.184.216.34"


@given(st.binary(max_size=200), st.sampled_from((0x0001, 0x0020, 0x8020)), st.integers(0, 40))
def test_no_attribute_breaks_the_reader_of_addresses(value: bytes, kind: int, claimed: int) -> None:
    for size in (claimed, len(value)):
        body = struct.pack("!HH", kind, size) + value + bytes(-len(value) % 4)
        told = read_mapped_address(message(0x0101, body), NUMBER)
        assert told == "" or ipaddress.ip_address(told).version in (4, 6)
        assert read_mapped_address(message(0x0111, body), NUMBER) == ""


def honest(data: bytes, peer: tuple[str, int]) -> bytes | None:
    return stun_reply(data, client="198.51.100.77", client_port=51234, realm="x")


def nobody(control_id: str, endpoint: Endpoint, addresses: tuple[str, ...], volume: str = "",
           shape: str = "", /) -> ControlAnswer:
    raise AssertionError("no control is asked")


def step(port: int) -> StunBinding:
    return StunBinding(purpose="target", address="127.0.0.1", port=port, hostname="stun.example", input="stun://x:1",
                       target_id="x.call.stun")


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("probe.instruments.datagrams.stun.APART_S", 0.005)
    monkeypatch.setattr("probe.instruments.datagrams.stun.send_series.__kwdefaults__",
                        {"requests": REQUESTS, "wait_s": 0.3})


def test_a_series_is_counted_and_the_mapped_address_is_nowhere() -> None:
    with stun_server(honest) as port:
        told_of: list[tuple[str, str]] = []
        shop = StepExecutor(lines=ResolverLines(), clock=start_clock(datetime.now(UTC)), endpoints={}, ask=nobody,
                            query_types=(), report_address=lambda address, teller: told_of.append((address, teller)))
        (seen,), _ = execute_step(step(port), shop)
    assert told_of == [("198.51.100.77", "127.0.0.1")]
    assert (seen.operation, seen.failure) == ("stun_binding", "")
    assert (seen.datagrams.requests, seen.datagrams.responses) == (REQUESTS, REQUESTS)
    told = str(asdict(seen)) + repr(shop)
    hidden = struct.unpack("!I", socket.inet_aton("198.51.100.77"))[0]
    for secret in ("198.51.100.77", "51234", str(hidden), f"{hidden:x}", f"{hidden ^ 0x2112A442:x}"):
        assert secret not in told


def test_few_answers_are_a_failure_and_counted() -> None:
    count = iter(range(100))
    with stun_server(lambda data, peer: honest(data, peer) if next(count) % 3 == 0 else None) as port:
        seen = measure_binding(step(port), clock=start_clock(datetime.now(UTC)))
    assert (seen.failure, seen.datagrams.requests, seen.datagrams.responses) == (TIMEOUT, REQUESTS, 4)


def test_answers_under_other_numbers_are_no_answers() -> None:
    def misnumbered(data: bytes, peer: tuple[str, int]) -> bytes | None:
        return honest(data[:8] + bytes(12) + data[20:], peer)

    with stun_server(misnumbered) as port:
        seen = measure_binding(step(port), clock=start_clock(datetime.now(UTC)))
    assert (seen.failure, seen.datagrams.responses) == ("unknown_failure: answer to no request", 0)


def test_a_closed_port_is_told_by_icmp() -> None:
    with stun_server(honest) as port:
        pass
    seen = measure_binding(step(port), clock=start_clock(datetime.now(UTC)))
    assert (seen.failure, seen.datagrams.responses) == ("connection_refused", 0)
    assert seen.icmp is not None
    assert seen.icmp.kind == (3, 3)
