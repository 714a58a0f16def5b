"""DNS messages from the network: read in bounds, for the question that was asked, and never with an exception."""

from __future__ import annotations

from typing import Any

import dns.edns
import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from observations import HERE4, HOST, NEAR4
from probe.core.replies import SoaRecord
from probe.instruments.names.dns_response import DnsResponse
from probe.instruments.names.dns_wire import MAX_ANSWERS, MAX_SERIAL, MAX_TTL_S, make_query, parse_reply

IDENTITY = 0x1234


def response(*records: str, name: str = HOST, kind: str = "A", identity: int = IDENTITY, rcode: int = 0,
             ede: int | None = None, text: str | None = None) -> dns.message.Message:
    """A response to the question for `name` with records such as `A 192.0.2.1`."""
    answer = dns.message.make_response(dns.message.make_query(name, kind, id=identity, use_edns=0))
    for record in records:
        word, data = record.split(" ", 1)
        answer.answer.append(dns.rrset.from_text(f"{name}.", 60, "IN", word, data))
    if ede is not None:
        answer.use_edns(0, options=[dns.edns.EDEOption(dns.edns.EDECode.make(ede), text)])
    answer.set_rcode(dns.rcode.Rcode(rcode))
    return answer


def read(wire: bytes, name: str = HOST, kind: str = "A") -> DnsResponse:
    return parse_reply(wire, name=name, query_type=kind, identity=IDENTITY)


def test_a_query_carries_edns_and_the_given_id() -> None:
    query = dns.message.from_wire(make_query(HOST, "AAAA", identity=7))
    assert (query.id, query.edns, query.payload) == (7, 0, 1232)
    assert query.flags & dns.flags.RD
    assert not dns.message.from_wire(make_query(HOST, "A", identity=7, recursion=False)).flags & dns.flags.RD


@pytest.mark.parametrize("name", ["a..b", "x" * 64 + ".example", ".".join(["abc"] * 70), "\ud800.example"])
def test_an_impossible_name_is_a_value_error(name: str) -> None:
    with pytest.raises(ValueError, match="DNS name"):
        make_query(name, "A", identity=1)


def test_an_answer_is_read() -> None:
    wire = response("CNAME other.example.", f"A {HERE4}", ede=17, text="Filtered").to_wire()
    reply = read(wire)
    assert (reply.rcode, reply.answers, reply.cnames, reply.ttl_s) == ("NOERROR", (HERE4,), ("other.example",), 60)
    assert reply.ede == ("17 Filtered",)
    assert "QR" in reply.flags
    assert not reply.failure


@pytest.mark.parametrize(("rcode", "word"), [(2, "SERVFAIL"), (3, "NXDOMAIN"), (5, "REFUSED"), (3841, "3841")])
def test_response_codes(rcode: int, word: str) -> None:
    assert read(response(rcode=rcode, ede=15).to_wire()).rcode == word


def test_case_of_the_name_does_not_matter() -> None:
    assert not read(response(f"A {HERE4}", name=HOST.upper()).to_wire()).failure


@pytest.mark.parametrize(("wire", "failure"), [
    pytest.param(b"", "malformed", id="empty"),
    pytest.param(b"\x12\x34" + b"\xff" * 200, "malformed", id="rubbish"),
    pytest.param(response(identity=9).to_wire(), "dns_reply_with_wrong_query_id", id="another id"),
    pytest.param(make_query(HOST, "A", identity=IDENTITY), "not a response", id="our own question"),
    pytest.param(response(name="other.example").to_wire(), "another question", id="another name"),
    pytest.param(response(kind="AAAA").to_wire(), "another question", id="another type"),
    pytest.param(response().to_wire()[:20], "malformed", id="cut off"),
    pytest.param(b"\x12\x34\x81\x80" + b"\0" * 8, "another question", id="no question"),
    pytest.param(b"\x12\x34\x81\x80\0\1" + b"\0" * 6 + b"\xc0\x0c\0\1\0\1", "malformed", id="a name that is itself"),
    pytest.param(b"\x12\x34\x81\x80\0\1" + b"\0" * 6 + b"\1a\xc0\x0e\xc0\x0c\0\1\0\1", "malformed", id="a loop of two"),
])
def test_what_is_no_reply_to_our_question_says_why(wire: bytes, failure: str) -> None:
    reply = read(wire)
    assert reply.failure.startswith(failure)
    assert not reply.answers


def test_answers_are_bounded() -> None:
    many = [f"A 10.{n >> 8}.{n & 255}.1" for n in range(500)]
    reply = read(response(*many).to_wire(max_size=65535))
    assert len(reply.answers) == MAX_ANSWERS
    long = "x" * 60000
    reply = read(response(ede=0, text=long).to_wire(max_size=65535))
    assert all(len(text) <= 90 for text in reply.ede)


SOA = "ns1.example. hostmaster.example. 7 1 1 1"


def signed(section: str, owner: str = "Chat.Example.", rest: str = f"{SOA} 900", ttl_s: int = 300,
           kind: str = "A") -> DnsResponse:
    """A denial with an SOA in one section of the message."""
    message = response(rcode=3, kind=kind)
    getattr(message, section).append(dns.rrset.from_text(owner, ttl_s, "IN", "SOA", *rest.split("\n")))
    return read(message.to_wire(), kind=kind)


@pytest.mark.parametrize(("section", "records"), [("authority", 1), ("additional", 0), ("answer", 0)])
def test_a_zone_that_denies_is_read(section: Any, records: int) -> None:
    reply = signed(section)
    assert reply.soas == (SoaRecord(section=section, ttl_s=300, minimum_s=900, serial=7, owner="chat.example"),)
    assert reply.authority_records == records
    assert not reply.answers


def test_a_zone_that_was_asked_for_is_an_answer_and_no_address() -> None:
    reply = signed("answer", kind="SOA")
    assert reply.answered
    assert not reply.answers
    assert not signed("authority", kind="SOA").answered


@pytest.mark.parametrize(("owner", "zone"), [(".", "."), ("example.", "example"), ("a\\|b.example.", "a|b.example")])
def test_the_zones_name_is_read(owner: str, zone: str) -> None:
    assert signed("authority", owner=owner).soas[0].owner == zone


def test_a_reply_without_a_zone_has_none() -> None:
    reply = read(response(f"A {HERE4}").to_wire())
    assert (reply.soas, reply.authority_records) == ((), 0)
    assert DnsResponse().authority_records == -1


def test_trailing_bytes_are_no_fault() -> None:
    assert read(response(f"A {NEAR4}").to_wire() + b"tail").answers == (NEAR4,)


_FULL = response("CNAME other.example.", f"A {HERE4}", f"A {NEAR4}", ede=15, text="x")
_FULL.authority.append(dns.rrset.from_text("example.", 300, "IN", "SOA", f"{SOA} 900"))
_FULL.additional.append(dns.rrset.from_text("policy.example.", 5, "IN", "SOA", f"{SOA} 900"))
GOOD = _FULL.to_wire()
CHANGES = st.lists(st.tuples(st.integers(0, len(GOOD) - 1), st.integers(0, 255)), max_size=6)


@settings(max_examples=300, deadline=None)
@given(CHANGES, st.integers(0, len(GOOD)), st.binary(max_size=20), st.sampled_from(["A", "AAAA", "TXT", "SOA"]))
def test_a_damaged_reply_is_a_reply_or_a_failure(
    changes: list[tuple[int, int]], cut: int, tail: bytes, kind: str,
) -> None:
    wire = bytearray(GOOD)
    for at, value in changes:
        wire[at] = value
    reply = read(bytes(wire[: cut or len(GOOD)]) + tail, kind=kind)
    assert len(reply.answers) <= MAX_ANSWERS
    assert len(reply.soas) <= 3
    assert all(len(soa.owner) <= 255 and 0 <= soa.ttl_s <= MAX_TTL_S and 0 <= soa.serial <= MAX_SERIAL
               for soa in reply.soas)
    assert bool(reply.failure) != bool(reply.rcode)


@given(st.binary(max_size=300))
def test_any_bytes_are_a_reply_or_a_failure(wire: bytes) -> None:
    for data in (wire, IDENTITY.to_bytes(2, "big") + b"\x81\x80\0\1\0\1\0\0\0\0" + wire):
        reply = read(data)
        assert bool(reply.failure) != bool(reply.rcode)
