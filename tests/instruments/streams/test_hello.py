"""JA4 of our own ClientHello: equal to the published example, stable for one context, empty for what is none."""

from __future__ import annotations

import ssl
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from probe.instruments.streams.own_hello import compute_ja4

CIPHERS = (0x0A0A, 0x1301, 0x1302, 0x1303, 0xC02B, 0xC02F, 0xC02C, 0xC030, 0xCCA9, 0xCCA8, 0xC013, 0xC014, 0x009C,
           0x009D, 0x002F, 0x0035)
SIGNATURES = (0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601)
OTHERS = (0x001B, 0x0033, 0x0017, 0x0023, 0x0005, 0x000A, 0x000B, 0x0012, 0x002D, 0xFF01, 0x4469, 0x0015)
PUBLISHED = "t13d1516h2_8daaf6152771_e5627efa2ab1"
"""FoxIO's own example, made of these ciphers, extensions and signature algorithms, with GREASE values left out."""


def u16s(*values: int) -> bytes:
    return b"".join(struct.pack(">H", v) for v in values)


def extension(kind: int, data: bytes = b"") -> bytes:
    return u16s(kind, len(data)) + data


def client_hello(*, sni: bool = True, alpn: bytes = b"h2", versions: tuple[int, ...] = (0x1A1A, 0x0304, 0x0303),
                 signatures: tuple[int, ...] = SIGNATURES, others: tuple[int, ...] = OTHERS) -> bytes:
    """A ClientHello in one record, built from the fields that JA4 reads."""
    listed = u16s(*versions)
    extensions = extension(0x2A2A) + (extension(0, b"\0\7\0\0\4abcd") if sni else b"")
    if alpn:
        name = bytes([len(alpn)]) + alpn
        extensions += extension(16, u16s(len(name)) + name)
    if versions:
        extensions += extension(43, bytes([len(listed)]) + listed)
    if signatures:
        extensions += extension(13, u16s(2 * len(signatures), *signatures))
    extensions += b"".join(extension(kind) for kind in others)
    body = u16s(0x0303) + bytes(32) + b"\0" + u16s(2 * len(CIPHERS), *CIPHERS) + b"\1\0"
    body += u16s(len(extensions)) + extensions
    handshake = b"\1" + len(body).to_bytes(3, "big") + body
    return b"\x16\3\1" + u16s(len(handshake)) + handshake


def test_the_published_example() -> None:
    assert compute_ja4(client_hello()) == PUBLISHED


@pytest.mark.parametrize(("hello", "head"), [
    (client_hello(sni=False), "t13i1515h2"),
    (client_hello(alpn=b""), "t13d151500"),
    (client_hello(alpn=b"http/1.1"), "t13d1516h1"),
    (client_hello(alpn=b"h_"), "t13d15166f"),
    (client_hello(alpn=b"\xab\xcd\x00"), "t13d1516a0"),
    (client_hello(versions=()), "t12d1515h2"),
    (client_hello(versions=(0x0303, 0x0302)), "t12d1516h2"),
])
def test_the_readable_part(hello: bytes, head: str) -> None:
    assert compute_ja4(hello).split("_")[0] == head


def test_order_does_not_matter_and_presence_does() -> None:
    assert compute_ja4(client_hello(others=OTHERS[::-1])) == PUBLISHED
    assert compute_ja4(client_hello(others=OTHERS[1:])) != PUBLISHED
    # the order of these is part of the print
    assert compute_ja4(client_hello(signatures=SIGNATURES[::-1])) != PUBLISHED


def test_a_real_hello_has_one_print_whatever_its_random_and_name() -> None:
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    prints = set()
    for name in ("chat.example", "a-much-longer-name.other.example"):
        outgoing = ssl.MemoryBIO()
        tls = context.wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname=name)
        with pytest.raises(ssl.SSLWantReadError):
            tls.do_handshake()
        prints.add(compute_ja4(outgoing.read()))
    (only,) = prints
    assert only.startswith("t13d")
    assert only.split("_")[0].endswith("h1")


@pytest.mark.parametrize("record", [b"", b"\x16", b"\x15\3\3\0\2\2\x28", b"\x16\3\3\0\x40\2" + bytes(64), bytes(99)])
def test_what_is_no_client_hello_has_none(record: bytes) -> None:
    assert compute_ja4(record) == ""


HELLO = client_hello()


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=120), st.integers(0, len(HELLO)),
       st.lists(st.tuples(st.integers(0, len(HELLO) - 1), st.integers(0, 255)), max_size=8))
def test_any_bytes_have_a_print_or_none(rubbish: bytes, cut: int, changes: list[tuple[int, int]]) -> None:
    damaged = bytearray(HELLO)
    for at, value in changes:
        damaged[at] = value
    for record in (rubbish, HELLO[:cut], bytes(damaged), b"\x16\3\1\1\1\1" + rubbish):
        found = compute_ja4(record)
        assert found == "" or found.count("_") == 2
