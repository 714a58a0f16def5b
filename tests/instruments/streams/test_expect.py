"""What the catalogue expects of a page, and how pages are read: total on whatever a server sends."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.core.endpoints import Expectation
from probe.instruments.streams.expectation_check import expects_anything, find_mismatch
from probe.instruments.streams.http_parts import HttpExchange, hash_body, make_excerpt, read_clock_offset_s, read_title

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
JSON = b'{"a": {"b": [{"c": 1}, {"c": "x"}], "yes": true}, "n": null}'


def got(body: bytes = b"", status: int = 200, *, truncated: bool = False, **headers: str) -> HttpExchange:
    return HttpExchange(status=status, body=body, truncated=truncated,
                        headers=tuple((n.replace("_", "-").title(), v) for n, v in headers.items()))


@pytest.mark.parametrize(("expect", "answer", "met"), [
    (Expectation(), got(status=500), True),
    (Expectation(status=("200",)), got(), True),
    (Expectation(status=("200",)), got(status=204), False),
    (Expectation(status=("301", "4xx")), got(status=404), True),
    (Expectation(status=("4xx",)), got(status=500), False),
    (Expectation(status=("any",)), got(status=599), True),
    (Expectation(status=("any",)), got(status=0), False),
    (Expectation(header="x-chat"), got(x_chat="1"), True),
    (Expectation(header="X-Chat"), got(), False),
    (Expectation(location="login.EXAMPLE"), got(status=302, location="https://login.example/x"), True),
    (Expectation(location="login.example"), got(status=302, location="https://other.example/"), False),
    (Expectation(body=("Hello", "there")), got(b"<b>HELLO</b>"), True),
    (Expectation(body=("hello",)), got(b"blocked"), False),
    (Expectation(body=("hello",)), got(b"x" * 16384, truncated=True), True),
    (Expectation(body=("hello",)), got(b"x" * 16384, 403, truncated=True), False),
    (Expectation(body=("é",)), got(b"\xff\xfe\xc3\xa9"), True),
    (Expectation(json="a.b[0].c=1"), got(JSON), True),
    (Expectation(json="a.b[1].c=x"), got(JSON), True),
    (Expectation(json="a.yes=true"), got(JSON), True),
    (Expectation(json="n=null"), got(JSON), True),
    (Expectation(json="n"), got(JSON), True),
    (Expectation(json="a.b[2]"), got(JSON), False),
    (Expectation(json="a.b[0].c=2"), got(JSON), False),
    (Expectation(json="a.b.c"), got(JSON), False),
    (Expectation(json="a"), got(b"<html>"), False),
    (Expectation(json="a"), got(b"[" * 9000), False),
    (Expectation(json="a"), got(b'{"a": ' + b"9" * 9000 + b"}"), False),
])
def test_an_expectation_is_met_or_it_says_what_differs(expect: Expectation, answer: HttpExchange, met: bool) -> None:
    assert (find_mismatch(expect, answer) == "") == met


@pytest.mark.parametrize(("expect", "anything"), [
    (Expectation(), False), (Expectation(status=("200",)), True), (Expectation(body=("x",)), True),
    (Expectation(header="x"), True), (Expectation(location="x"), True), (Expectation(json="x"), True),
    (Expectation(reply="x"), False),
])
def test_a_messengers_reply_is_nothing_that_http_answers(expect: Expectation, anything: bool) -> None:
    assert expects_anything(expect) == anything


EXPECTATIONS = st.builds(
    Expectation, status=st.lists(st.text(max_size=4), max_size=2).map(tuple),
    body=st.lists(st.text(max_size=4), max_size=2).map(tuple), header=st.text(max_size=4),
    location=st.text(max_size=4), json=st.text("ab.[]019=x", max_size=12),
)


@given(EXPECTATIONS, st.binary(max_size=200) | st.sampled_from([JSON, b"[[[]]]", b'"a"']), st.integers(-1, 9999),
       st.booleans(), st.text(max_size=10))
def test_any_answer_can_be_held_against_any_expectation(
    expect: Expectation, body: bytes, status: int, truncated: bool, location: str,
) -> None:
    what = find_mismatch(expect, got(body, status, truncated=truncated, location=location))
    assert isinstance(what, str)


# ---- reading pages

@pytest.mark.parametrize(("body", "title"), [
    (b"<html><TITLE lang=en>\n Chat &amp;\t more </title>", "Chat & more"), (b"<title></title>", ""), (b"", ""),
    (b"<title>" + b"x" * 600, "x" * 200), (b"<title>\xff\xfe", "\ufffd\ufffd"),
])
def test_titles(body: bytes, title: str) -> None:
    assert read_title(body) == title


@given(st.binary(max_size=800) | st.binary(max_size=300).map(lambda b: b"<title>" + b))
def test_pages_are_read_in_bounds(body: bytes) -> None:
    assert len(read_title(body)) <= 200
    assert len(make_excerpt(body)) <= 300
    assert "\n" not in make_excerpt(body)
    assert len(hash_body(body)) == 64


def test_binary_bodies_have_no_excerpt() -> None:
    assert make_excerpt(b"GIF89a\0\1") == ""
    assert make_excerpt(b"  a\n b ") == "a b"


@pytest.mark.parametrize(("date", "offset_s"), [
    ("Tue, 24 Nov 2026 12:00:30 GMT", 30.0), ("Tue, 24 Nov 2026 11:59:00 -0000", -60.0),
    ("Tue, 24 Nov 2026 14:00:00 +0200", 0.0), ("", None), ("yesterday", None), ("Tue, 99 Nov 2026 12:00:00 GMT", None),
    ("Tue, 24 Nov 99999 12:00:00 GMT", None),
])
def test_the_servers_clock(date: str, offset_s: float | None) -> None:
    assert read_clock_offset_s(date, NOW) == offset_s


@given(st.text(max_size=60) | st.from_regex(r"\w{3}, \d{1,3} \w{3} \d{1,6} \d{1,3}:\d{1,3}:\d{1,3} [+-]\d{1,8}"))
def test_any_date_is_read_or_not(date: str) -> None:
    offset_s = read_clock_offset_s(date, NOW)
    assert offset_s is None or isinstance(offset_s, float)
