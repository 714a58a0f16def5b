"""The question for a version of QUIC that does not exist, and its answer, whatever the bytes."""

from __future__ import annotations

from aioquic._buffer import Buffer
from aioquic.quic.packet import encode_quic_version_negotiation, pull_quic_header
from hypothesis import example, given
from hypothesis import strategies as st

from probe.instruments.datagrams.quic_wire import (
    DATAGRAM_BYTES,
    MAX_VERSIONS,
    is_meant_for,
    make_version_question,
    read_offered_versions,
)

QUESTION = make_version_question()
HEAD = bytes((0x80,)) + bytes(4) + bytes((8,)) + QUESTION.source_id + bytes((8,)) + QUESTION.destination_id


def test_another_library_reads_the_question_and_we_its_answer() -> None:
    for _ in range(50):
        asked = make_version_question()
        header = pull_quic_header(Buffer(data=asked.datagram), host_cid_length=8)
        assert (header.destination_cid, header.source_cid) == (asked.destination_id, asked.source_id)
        assert header.version is not None
        assert header.version & 0x0F0F0F0F == 0x0A0A0A0A
        assert len(asked.datagram) == DATAGRAM_BYTES
        reply = encode_quic_version_negotiation(source_cid=header.destination_cid, destination_cid=header.source_cid,
                                                supported_versions=[1, 0x6B3343CF, 0x1A2A3A4A])
        assert read_offered_versions(reply, asked) == ("00000001", "6b3343cf")


def test_an_answer_to_somebody_else_is_none() -> None:
    other = make_version_question()
    reply = encode_quic_version_negotiation(source_cid=other.destination_id, destination_cid=other.source_id,
                                            supported_versions=[1])
    assert read_offered_versions(reply, other) == ("00000001",)
    assert read_offered_versions(reply, QUESTION) is None


@given(st.binary(max_size=1500))
@example(b"\x80")
@example(b"\x80\0\0\0\0\xff" + bytes(20))
@example(HEAD)
def test_no_bytes_break_the_reader(data: bytes) -> None:
    assert read_offered_versions(data, QUESTION) is None
    assert not is_meant_for(data, b"12345678") or data[1:5] == b"\0\0\0\1"


@given(st.binary(max_size=600))
def test_what_follows_the_header_is_whole_versions_and_not_too_many(rest: bytes) -> None:
    found = read_offered_versions(HEAD + rest, QUESTION)
    good = bool(rest) and len(rest) % 4 == 0 and len(rest) <= 4 * MAX_VERSIONS
    assert (found is not None) == good
    assert found is None or all(len(v) == 8 for v in found)


def test_a_datagram_of_version_1_for_us_is_known_by_our_identifier() -> None:
    head = bytes((0xC0, 0, 0, 0, 1, 4)) + b"mine" + bytes((0,)) + b"rest"
    assert is_meant_for(head, b"mine")
    assert not is_meant_for(head, b"other")
    assert not is_meant_for(bytes((0x40,)) + head[1:], b"mine")
