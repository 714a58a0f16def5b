"""HTTPS records from the network: read in bounds, whatever is in them, and without loss of what stands beside them."""

from __future__ import annotations

import struct

import dns.message
import dns.rrset
import pytest
from hypothesis import given
from hypothesis import strategies as st

from observations import HOST
from probe.core.replies import HttpsRecord
from probe.core.tables.resolvers import HTTPS
from probe.instruments.names.dns_response import DnsResponse
from probe.instruments.names.dns_wire import make_query, parse_reply
from probe.instruments.names.https_wire import MAX_KEPT, read_https_record, read_name

IDENTITY = 0x1234
QUESTION = make_query(HOST, HTTPS, identity=IDENTITY)[12:-11]
"""Name, type and class of the question, without the OPT record that ends the query."""
ASKED = b"\xc0\x0c"
UNREADABLE = HttpsRecord()


def read(wire: bytes) -> DnsResponse:
    return parse_reply(wire, name=HOST, query_type=HTTPS, identity=IDENTITY)


def message(*records: tuple[int, bytes], owner: bytes = ASKED, flags: int = 0x8180, answers: int = -1) -> bytes:
    """A reply of these records, each of a type and data."""
    head = struct.pack("!6H", IDENTITY, flags, 1, len(records) if answers < 0 else answers, 0, 0)
    return head + QUESTION + b"".join(
        owner + struct.pack("!HHIH", kind, 1, 60, len(data)) + data for kind, data in records)


def parameter(key: int, value: bytes) -> bytes:
    return struct.pack("!HH", key, len(value)) + value


def record(*parameters: bytes, priority: int = 1, target: bytes = b"\0") -> bytes:
    return struct.pack("!H", priority) + target + b"".join(parameters)


ADDRESS = bytes((93, 184, 1, 4))
HINT = parameter(4, ADDRESS)


@pytest.mark.parametrize(("text", "expected", "answers"), [
    ('1 . alpn="h2,h3" ipv4hint=93.184.1.4 ipv6hint=2a00::4', HttpsRecord(
        priority=1, keys=(1, 4, 6), alpn=("h2", "h3"), target="."), ("93.184.1.4", "2a00::4")),
    ("1 Svc.Example. ech=AAQAAQID", HttpsRecord(priority=1, keys=(5,), ech_bytes=6, target="svc.example"), ()),
    ("0 pool.example.", HttpsRecord(priority=0, target="pool.example"), ()),
    ('16 . mandatory=alpn alpn="h2" key667="x"', HttpsRecord(
        priority=16, keys=(0, 1, 667), alpn=("h2",), target="."), ()),
])
def test_records_are_read_as_a_codec_wrote_them(text: str, expected: HttpsRecord, answers: tuple[str, ...]) -> None:
    reply = dns.message.make_response(dns.message.make_query(HOST, HTTPS, id=IDENTITY, use_edns=0))
    reply.answer.append(dns.rrset.from_text(f"{HOST}.", 300, "IN", HTTPS, text))
    found = read(reply.to_wire())
    assert (found.https_records, found.answers) == ((expected,), answers)
    assert (found.failure, found.rcode, found.ttl_s, found.answered) == ("", "NOERROR", 300, True)


def test_addresses_in_place_of_the_record_are_kept() -> None:
    found = read(message((5, b"\3cdn\7example\0"), (1, ADDRESS), (28, bytes(16)), (16, b"\1x")))
    assert (found.answers, found.cnames, found.https_records) == (("93.184.1.4", "::"), ("cdn.example",), ())


@pytest.mark.parametrize("data", [
    b"", b"\0", b"\0\1", b"\0\1\3ab", record(parameter(4, b"")), record(parameter(4, b"\1\2\3")),
    record(parameter(6, ADDRESS)), record(HINT, HINT), record(HINT, parameter(1, b"\2h2")), record(HINT[:-1]),
    record(parameter(1, b"\0")), record(parameter(1, b"\3h2")), record(target=b"\xc0\x00"),
    record(target=b"\x40" + bytes(64)), record(target=b"".join(b"\x3f" + b"a" * 63 for _ in range(5)) + b"\0"),
])
def test_a_record_that_cannot_be_read_costs_no_other(data: bytes) -> None:
    found = read(message((65, data), (65, record(HINT)), (1, bytes((93, 184, 1, 5)))))
    assert found.failure == ""
    assert found.https_records == (UNREADABLE, HttpsRecord(priority=1, keys=(4,), target="."))
    assert found.answers == ("93.184.1.4", "93.184.1.5")


@pytest.mark.parametrize("wire", [
    b"", bytes(11), message(answers=1), message((1, ADDRESS))[:-1], message((1, ADDRESS), owner=b"\xc0\xff"),
    message((1, ADDRESS), owner=(0xC000 | 12 + len(QUESTION)).to_bytes(2)),
    message((65, record(HINT)), owner=b"\x80a\0"), message(flags=0x0100), b"\0\0" + message()[2:],
    message().replace(b"\x00\x41\x00\x01", b"\x00\x01\x00\x01", 1),
])
def test_a_message_that_cannot_be_one_is_no_reply(wire: bytes) -> None:
    found = read(wire)
    assert found.failure
    assert not found.answered


def test_what_has_no_end_is_cut_off_and_said() -> None:
    many = record(*(parameter(key, b"") for key in range(7, 16_000)))
    found = read(message((65, many)))
    assert (found.failure, len(found.https_records[0].keys)) == ("", MAX_KEPT)
    hints = record(parameter(4, ADDRESS * 15_000))
    assert read(message((65, hints))).answers == ("93.184.1.4",)
    found = read(message(*[(1, n.to_bytes(4)) for n in range(400)]))
    assert len(found.answers) == MAX_KEPT


def test_pointers_that_follow_each_other_come_to_an_end() -> None:
    chain = b"\0" + b"".join((0xC000 | max(0, 2 * n - 1)).to_bytes(2) for n in range(8000))
    with pytest.raises(ValueError, match="pointer"):
        read_name(chain, len(chain) - 2)


def test_bytes_that_no_host_name_has_become_a_mark() -> None:
    found, _ = read_https_record(record(parameter(1, b"\3h|2\2h3"), target=b"\4<b>|\3a\nb\0"))
    assert (found.target, found.alpn) == ("?b??.a?b", ("?", "h3"))


@given(st.binary(max_size=300))
def test_any_bytes_are_read_without_an_exception(data: bytes) -> None:
    for wire in (data, message()[:12] + data, message((65, data)), message() + data):
        found = read(wire)
        assert len(found.answers) + len(found.https_records) <= 2 * MAX_KEPT


@given(st.lists(st.tuples(st.integers(1, 40), st.binary(max_size=20)), max_size=6, unique_by=lambda pair: pair[0]))
def test_parameters_are_told_in_order_or_not_at_all(pairs: list[tuple[int, bytes]]) -> None:
    found, hints = read_https_record(record(*(parameter(*pair) for pair in sorted(pairs))))
    if found != UNREADABLE:
        assert list(found.keys) == sorted(key for key, _ in pairs)
    assert hints == [] or found != UNREADABLE


