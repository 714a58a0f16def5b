"""ClientHellos of every shape, read back by a parser of its own and by a real server; replies of any bytes."""

from __future__ import annotations

import random
import ssl
import string
import struct

import pytest
import trustme
from hypothesis import given, settings
from hypothesis import strategies as st

from probe.core.tables.shapes import PLAIN, SHAPES, ShapeName
from probe.instruments.streams.own_hello import compute_ja4
from probe.instruments.streams.raw_hello import make_client_hello, split_in_name
from probe.instruments.streams.raw_reply import read_first_words
from probe_lab.box.hello_shape import hello_shape
from probe_lab.servers.client_hello import has_grease, server_name

BUILT: tuple[ShapeName, ...] = ("small", "browser", "large", "ech")
CHROME = "t13d1516h2_8daaf6152771_e5627efa2ab1"
"""The JA4 that FoxIO publishes as a browser's."""
LABELS = st.text(string.ascii_lowercase + string.digits + "-_", min_size=1, max_size=63)
NAMES = st.lists(LABELS, min_size=1, max_size=4).map(".".join).filter(lambda name: len(name) <= 253)


class Walk:
    """Reads vectors off bytes and fails at any that does not fit."""

    def __init__(self, data: bytes) -> None:
        self.rest = data

    def take(self, count: int) -> bytes:
        assert len(self.rest) >= count
        taken, self.rest = self.rest[:count], self.rest[count:]
        return taken

    def number(self, count: int) -> int:
        return int.from_bytes(self.take(count))

    def vector(self, length_bytes: int) -> bytes:
        return self.take(self.number(length_bytes))


def extensions_of(record: bytes) -> dict[int, bytes]:
    """The extensions of a hello in one record in which every length is right and nothing is left over."""
    outer = Walk(record)
    assert outer.take(3) == b"\x16\3\1"
    message = Walk(outer.vector(2))
    assert not outer.rest
    assert message.number(1) == 1
    body = Walk(message.vector(3))
    assert not message.rest
    assert body.take(2) == b"\3\3"
    body.take(32)
    body.vector(1)
    suites = body.vector(2)
    assert suites
    assert len(suites) % 2 == 0
    assert body.vector(1) == b"\0"
    listed = Walk(body.vector(2))
    assert not body.rest
    found: dict[int, bytes] = {}
    while listed.rest:
        kind = listed.number(2)
        assert kind not in found, "an extension stands twice"
        found[kind] = listed.vector(2)
    return found


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(BUILT), NAMES, st.integers())
def test_any_name_and_seed_give_a_hello_that_reads_back(shape: ShapeName, name: str, seed: int) -> None:
    record = make_client_hello(shape, name, random.Random(seed))
    found = extensions_of(record)
    names = Walk(found[0])
    (entry,) = [Walk(names.vector(2))]
    assert (entry.number(1), entry.vector(2), entry.rest, names.rest) == (0, name.encode(), b"", b"")
    assert b"\3\4" in found[43]
    keys = Walk(Walk(found[51]).vector(2))
    groups = []
    while keys.rest:
        groups.append((keys.number(2), len(keys.vector(2))))
    assert (29, 32) in groups
    assert ((0x11EC, 1216) in groups) == (shape == "large")
    assert (0xFE0D in found) == (shape == "ech")
    assert len(record) > 1500 if shape == "large" else len(record) < 1400
    assert make_client_hello(shape, name, random.Random(seed)) == record
    assert compute_ja4(record).startswith("t13d")
    # What reads hellos in the laboratory was written by others' hands.
    box = hello_shape(record)
    assert box is not None
    assert (box.name, box.bytes, box.grease) == (name.removesuffix("."), len(record), shape != "small")
    assert (server_name(record[9:]), has_grease(record)) == (name.rstrip("."), shape != "small")


def test_the_browsers_print_is_a_browsers() -> None:
    assert {compute_ja4(make_client_hello("browser", "chat.example", random.Random(n))) for n in range(20)} == {CHROME}
    orders = {tuple(extensions_of(make_client_hello("browser", "a.example", random.Random(n)))) for n in range(5)}
    assert len(orders) == 5
    assert len(make_client_hello("browser", "chat.example", random.Random(1))) == 517  # padded to 512 bytes of message


def test_shapes_differ_from_one_another() -> None:
    assert len({compute_ja4(make_client_hello(shape, "a.example", random.Random(1))) for shape in BUILT}) == len(BUILT)
    assert len(make_client_hello("small", "a.example", random.Random(1))) < 200
    assert set(BUILT) <= set(SHAPES)
    assert set(PLAIN) == {"browser", "small", "large"}


@pytest.mark.parametrize("name", ["", "a" * 256, "\ud800", "ä" * 200])
def test_names_that_no_hello_can_carry_are_refused(name: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 -- several libraries' words for one thing
        make_client_hello("small", name, random.Random(1))


def test_names_in_other_alphabets_go_as_dns_has_them() -> None:
    assert b"xn--mnchen-3ya.example" in make_client_hello("small", "münchen.example", random.Random(1))


@settings(max_examples=100, deadline=None)
@given(st.binary(min_size=1, max_size=400), NAMES, st.integers(0, 400))
def test_cutting_loses_nothing_and_cuts_the_name(rubbish: bytes, name: str, at: int) -> None:
    record = rubbish[:at] + b"\0" + name.encode() + rubbish[at:]
    parts = split_in_name(record, name)
    assert b"".join(parts) == record
    if len(name) > 1:
        assert len(parts) == 2
    for whole in (make_client_hello("browser", "split.example", random.Random(at)),):
        first, second = split_in_name(whole, "split.example")
        assert first.endswith(b"split.")
        assert second.startswith(b"example")


@pytest.mark.parametrize("newest", [ssl.TLSVersion.TLSv1_3, ssl.TLSVersion.TLSv1_2])
@pytest.mark.parametrize("shape", BUILT)
def test_a_real_server_answers_with_a_server_hello(shape: ShapeName, newest: ssl.TLSVersion) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.maximum_version = newest
    trustme.CA().issue_cert("chat.example").configure_cert(context)
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    asked: list[str | None] = []
    context.sni_callback = lambda tls, name, ctx: asked.append(name)
    session = context.wrap_bio(incoming, outgoing, server_side=True)
    incoming.write(make_client_hello(shape, "chat.example", random.Random(7)))
    with pytest.raises(ssl.SSLWantReadError):
        session.do_handshake()
    assert read_first_words(outgoing.read()).word == "hello"
    assert asked == ["chat.example"]


def test_ml_kem_coefficients_are_below_q() -> None:
    record = make_client_hello("large", "a.example", random.Random(5))
    share = record[record.index(b"\x11\xec\x04\xc0") + 4 :][:1152]
    values = [v for a, b, c in struct.iter_unpack("BBB", share) for v in (a | (b & 15) << 8, b >> 4 | c << 4)]
    assert len(values) == 768
    assert max(values) < 3329


# ---- replies

HELLO = b"\x16\3\3\0\x7a\2\0\0\x76\3\3" + bytes(100)


@pytest.mark.parametrize(("data", "word", "alert"), [
    (b"", "more", -1), (b"\x16", "more", -1), (HELLO[:5], "more", -1), (HELLO, "hello", -1), (HELLO[:6], "hello", -1),
    (b"\x15\3\3\0\2\2\x28", "alert", 40), (b"\x15\3\3\0\2\2", "more", -1), (b"\x15\3\3\0\3\2\x28\0", "other", -1),
    (b"\x16\3\3\0\4\1\0\0\0", "other", -1), (b"HTTP/1.1 400 Bad Request", "other", -1), (b"\x16\2", "other", -1),
    (b"\x16\3\3\xff\xff\2", "other", -1), (b"\x16\3\3\0\0\2", "other", -1),
])
def test_replies_are_told_apart(data: bytes, word: str, alert: int) -> None:
    got = read_first_words(data)
    assert (got.word, got.alert) == (word, alert)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=40) | st.builds(lambda tail: HELLO[:3] + tail, st.binary(max_size=40)))
def test_any_bytes_are_a_reply_that_more_bytes_do_not_change(data: bytes) -> None:
    got = read_first_words(data)
    assert got.word in ("hello", "alert", "other", "more")
    assert (got.word == "alert") == (got.alert >= 0)
    if got.word != "more":
        assert read_first_words(data + b"more of it") == got
    else:
        assert len(data) < 7
