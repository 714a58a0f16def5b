"""The word for the shape of a probe's own ClientHello: one for every name and protocol, another for another build or
size."""

from __future__ import annotations

import re
import ssl

import pytest

from observations import operation
from probe.core.observations import Observation
from probe.core.own_hellos import HELLO_WORD, ONE_PACKET, name_build, name_own_hello
from probe.instruments.streams.own_hello import compute_ja4

HASHES = "8daaf6152771_e5627efa2ab1"
SMALL, LARGE = f"t13_{HASHES}_small", f"t13_{HASHES}_large"


def shaken(ja4: str = f"t13d1516h2_{HASHES}", size: int = 517, shape: str = "") -> Observation:
    return operation("tls_handshake", ja4=ja4, hello_bytes=size, shape=shape)


def say_hello(name: str, protocols: list[str]) -> bytes:
    context, outgoing = ssl.create_default_context(), ssl.MemoryBIO()
    if protocols:
        context.set_alpn_protocols(protocols)
    with pytest.raises(ssl.SSLWantReadError):
        context.wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname=name).do_handshake()
    return outgoing.read()


@pytest.mark.parametrize(("seen", "word"), [
    ([], ""),
    ([shaken()], SMALL),
    ([shaken(size=ONE_PACKET)], SMALL), ([shaken(size=ONE_PACKET + 1)], LARGE), ([shaken(size=1800)], LARGE),
    ([shaken(f"t13i1514h1_{HASHES}")], SMALL),  # no name, other protocols: the same library
    ([shaken("t12d1516h2_8daaf6152771_e5627efa2ab1")], f"t12_{HASHES}_small"),
    ([shaken(size=1800), shaken(), shaken()], SMALL),
    ([shaken(size=1800), shaken()], LARGE),  # the first by name
    ([shaken(size=1800, shape="browser")], ""),  # one that the probe built itself
    ([shaken("")], ""), ([shaken("q13d1516h2_8daaf6152771_e5627efa2ab1")], ""),
])
def test_the_commonest_hello_of_the_library_is_named(seen: list[Observation], word: str) -> None:
    assert name_own_hello(seen) == word
    assert not word or re.fullmatch(HELLO_WORD, word)


def test_one_library_has_one_word_whatever_it_asks_for() -> None:
    hellos = [say_hello(name, protocols) for name in ("a.example", f"{'long-' * 11}name.example")
              for protocols in ([], ["http/1.1"], ["h2", "http/1.1"])]
    words = {name_own_hello([shaken(compute_ja4(hello), len(hello))]) for hello in hellos}
    assert len(words) == 1
    assert len({name_build(compute_ja4(hello)) for hello in hellos}) == 1
    assert re.fullmatch(HELLO_WORD, words.pop())
