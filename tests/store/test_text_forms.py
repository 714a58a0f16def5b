"""Values of observations and the texts that stored files hold of them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from observation_values import FORMED, ICMP_ERRORS, REPLIES
from observations import observation
from probe.core.icmp_errors import IcmpError
from probe.core.observations import Observation
from probe.core.places import Place
from probe.store.flat_observation import flatten_observation
from probe.store.row_codec import record_from
from probe.store.text_forms import (
    FORMS,
    format_icmp,
    format_line,
    format_place,
    format_reply,
    format_version,
    read_icmp,
    read_lines,
    read_place,
    read_replies,
    read_versions,
)


@pytest.mark.parametrize("column", FORMS)
@given(data=st.data())
def test_a_value_comes_back_from_its_texts(column: str, data: st.DataObject) -> None:
    value = data.draw(FORMED[column])
    assert FORMS[column].read(FORMS[column].write(value)) == value


WELL_FORMED: list[tuple[str, str]] = [
    ("packets", "0.00|out|64|51234|1|S|0|0|64240|0"), ("packets", "-0.01|in|55|0|1|SA|0|1|65160|0"),
    ("packets", "12.50|in|243|-1|-1|icmp 3/13 other|0|0|0|0"), ("packets", "3.00|in|57|7|0|udp|0|0|0|45"),
    ("bins", "0"), ("bins", "14500"), ("soas", "authority|300|300|2026010101|example"), ("soas", "answer|0|0|0|."),
    ("soas", "additional|60|5|7|a|b"), ("soas", "|-1|-1|-1|"),
    ("https_records", "1|71|1 4 5|h2 h3|."), ("https_records", "0|0|||svc.example"), ("https_records", "-1|0|||"),
]


@pytest.mark.parametrize(("column", "text"), WELL_FORMED)
def test_a_text_is_written_as_it_was_read(column: str, text: str) -> None:
    assert FORMS[column].write(FORMS[column].read((text,))) == (text,)


@given(ICMP_ERRORS)
def test_an_icmp_error_comes_back_from_its_text(icmp: IcmpError) -> None:
    assert read_icmp(format_icmp(icmp)) == icmp


@pytest.mark.parametrize("text", ["", "3/1", "3/13 public", "11/0 93.184.7.7", "1/4 service"])
def test_an_icmp_error_is_written_as_it_was_read(text: str) -> None:
    assert flatten_observation(record_from({"operation": "connect", "icmp": text}, Observation))["icmp"] == text


@pytest.mark.parametrize(("text", "sender"), [
    ("x", ""), (" ", ""), ("3", ""), ("3/x public", "public"), ("03/1 public", "public"), ("3/1000 a b", "a b"),
    ("3/-1 x", "x"), ("\u0663/1 x", "x"),
])
def test_an_icmp_error_counts_that_cannot_be_read(text: str, sender: str) -> None:
    assert read_icmp(text) == IcmpError(sender=sender)


@pytest.mark.parametrize(("text", "place"), [
    ("192.0.2.1:443", Place("192.0.2.1", 443)), ("[2001:db8::1]:0", Place("2001:db8::1", 0)),
    ("near:443", Place("near", 443)), ("[near]:443", Place("[near]", 443)), ("", Place("", -1)), ("x", Place("x", -1)),
    ("192.0.2.1:0443", Place("192.0.2.1:0443", -1)), ("2001:db8::1:443", Place("2001:db8::1:443", -1)),
    ("192.0.2.1:\u0663", Place("192.0.2.1:\u0663", -1)),
])
def test_a_place_is_written_as_it_was_read(text: str, place: Place) -> None:
    assert read_place(text) == place
    assert format_place(place) == text


@given(st.text() | st.text("[]:0123456789.a", max_size=12))
def test_any_text_is_read_as_a_place_and_kept(text: str) -> None:
    assert format_place(read_place(text)) == text


READ: dict[str, Any] = {"dns_round_trip": read_replies, "trace": read_lines, "quic_version": read_versions}
TEXT_OF: dict[str, Any] = {"dns_round_trip": format_reply, "trace": format_line, "quic_version": format_version}


@pytest.mark.parametrize("operation", REPLIES)
@given(data=st.data())
def test_replies_come_back_from_their_texts_whichever_they_are(operation: str, data: st.DataObject) -> None:
    values = data.draw(REPLIES[operation])
    texts = tuple(map(TEXT_OF[operation], values))
    assert READ[operation](texts) == values
    seen = observation(operation=operation, replies=texts)
    assert flatten_observation(seen)["replies"] == texts
    assert record_from(flatten_observation(seen), Observation) == seen


@pytest.mark.parametrize(("operation", "text"), [
    ("dns_round_trip", "3.1|64|NOERROR|QR RD RA|93.184.0.1 93.184.0.2"), ("dns_round_trip", "60.0|-1|NXDOMAIN||"),
    ("dns_round_trip", "12.0|49|malformed FormError||"), ("trace", "5"), ("trace", "3 silent"),
    ("trace", "3 reset 10.4"), ("trace", "3 exceeded - 0a1b2c3d"), ("trace", "3 reset - - - 57"),
    ("trace", "2 exceeded 5.0 0a1b2c3d"), ("trace", "9 open 9.0"), ("trace", "1 gateway 0.0 0a1b2c3d private"),
    ("trace", "4 answered 9.1 - - 57"), ("trace", "4 answered 9.1 - - -"), ("trace", "7 rejected 9.1"),
    ("quic_version", "00000001"), ("quic_version", "6b3343cf"),
])
def test_a_reply_is_written_as_it_was_read(operation: str, text: str) -> None:
    assert flatten_observation(observation(operation=operation, replies=(text,)))["replies"] == (text,)


@pytest.mark.parametrize("operation", REPLIES)
@given(texts=st.lists(st.text() | st.text("0123456789.-| abcdefQRA", max_size=30), max_size=3))
def test_any_text_is_read_as_replies_without_an_error(operation: str, texts: list[str]) -> None:
    row = flatten_observation(record_from({"operation": operation, "replies": tuple(texts)}, Observation))
    assert flatten_observation(record_from(row, Observation))["replies"] == row["replies"]


@pytest.mark.parametrize("column", FORMS)
@given(texts=st.lists(st.text() | st.text("0123456789.-|/ abcdefINOUTSAR", max_size=30), max_size=3))
def test_any_text_is_read_without_an_error(column: str, texts: list[str]) -> None:
    value: Any = FORMS[column].read("".join(texts) if FORMS[column].stored is str else tuple(texts))
    again = FORMS[column].write(value)
    assert FORMS[column].write(FORMS[column].read(again)) == again
