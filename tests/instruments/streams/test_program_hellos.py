"""ClientHellos in the shapes of programs, held against what the programs themselves sent, by a parser of others'."""

from __future__ import annotations

import hashlib
import random
import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from probe.catalogue.programs import PROGRAM_HELLOS, USERS, list_programs
from probe.core.tables.roles import ROLES
from probe.core.tables.shapes import SHAPES, ProgramShape
from probe.instruments.streams.own_hello import compute_ja4
from probe.instruments.streams.raw_hello import make_client_hello
from program_capture import NAME, capture, find_obstacle, read_version

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from scapy.layers.tls.handshake import TLSClientHello

CAPTURES = Path(__file__).parent / "captures"
INSTALLED: dict[ProgramShape, str] = {
    "chrome": "chromium", "firefox": "firefox-esr", "openssl": "openssl", "openssl_small": "openssl",
    "conscrypt": "conscrypt-2.5.2", "conscrypt_large": "conscrypt-2.7.0",
}
GREASE = {n << 12 | 0x0A00 | n << 4 | 0x0A for n in range(16)}
"""RFC 8701."""
_DRAWS = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What of a hello does not change from connection to connection, or between which values it does."""

    ja4: str
    ciphers: tuple[object, ...]
    extensions: frozenset[tuple[object, ...]]
    """Their orders; sorted where it differs each time."""
    bodies: frozenset[tuple[object, bytes]]
    """Of those that hold nothing drawn."""
    versions: tuple[object, ...]
    groups: tuple[object, ...]
    shares: tuple[tuple[object, int], ...]


PARSE: Any = TLSClientHello


def dull(value: int) -> object:
    return "GREASE" if value in GREASE else value


def numbers(data: bytes) -> list[int]:
    return [int.from_bytes(data[at : at + 2]) for at in range(0, len(data) - 1, 2)]


def extensions_of(parsed: Any) -> list[tuple[int, bytes]]:
    return [(e.type, bytes(e)[4:]) for e in parsed.ext]


def compute_print(parsed: Any) -> str:
    """JA4 once more, from scapy's reading."""
    found = [(kind, body) for kind, body in extensions_of(parsed) if kind not in GREASE]
    by_kind = dict(found)
    ciphers = [c for c in parsed.ciphers if c not in GREASE]
    protocols = by_kind.get(16, b"")
    first = protocols[3 : 3 + protocols[2]].decode() if protocols else "00"
    signed = [n for n in numbers(by_kind[13][2:]) if n not in GREASE]
    kinds = ",".join(f"{kind:04x}" for kind in sorted(kind for kind, _ in found if kind not in (0, 16)))
    digests = (hashlib.sha256(text.encode()).hexdigest()[:12] for text in (
        ",".join(f"{c:04x}" for c in sorted(ciphers)), f"{kinds}_" + ",".join(f"{s:04x}" for s in signed)))
    return "_".join((f"t13d{len(ciphers):02}{len(found):02}{first[0]}{first[-1]}", *digests))


def read_shares(body: bytes) -> list[tuple[object, int]]:
    found, at = [], 2
    while at < len(body):
        size = int.from_bytes(body[at + 2 : at + 4])
        found.append((dull(int.from_bytes(body[at : at + 2])), size))
        at += 4 + size
    return found


def read_look(record: bytes, *, is_permuted: bool) -> Look:
    parsed = PARSE(record[5:])
    found = extensions_of(parsed)
    kinds = [dull(kind) for kind, _ in found]
    drawn = {0, 10, 13, 21, 43, 51, 0xFE0D}
    by_kind = dict(found)
    return Look(
        ja4=compute_print(parsed), ciphers=tuple(dull(c) for c in parsed.ciphers),
        extensions=frozenset([tuple(sorted(kinds, key=str) if is_permuted else kinds)]),
        bodies=frozenset((dull(kind), body) for kind, body in found if kind not in drawn),
        versions=tuple(dull(n) for n in numbers(by_kind[43][1:])),
        groups=tuple(dull(n) for n in numbers(by_kind[10][2:])), shares=tuple(read_shares(by_kind[51])))


def captured(shape: ProgramShape) -> list[bytes]:
    return [bytes.fromhex(line) for line in (CAPTURES / f"{shape}.hex").read_text().split()]


def built(shape: ProgramShape) -> list[bytes]:
    return [make_client_hello(shape, NAME, random.Random(n)) for n in range(_DRAWS)]


def looks(records: Iterable[bytes], shape: ProgramShape) -> set[Look]:
    return {read_look(record, is_permuted=PROGRAM_HELLOS[shape].is_permuted) for record in records}


@pytest.mark.parametrize("shape", PROGRAM_HELLOS)
def test_a_shape_is_built_as_its_program_builds_it(shape: ProgramShape) -> None:
    theirs = captured(shape)
    assert theirs
    assert looks(built(shape), shape) == looks(theirs, shape)
    assert {len(record) for record in theirs} <= {len(record) for record in built(shape)}
    assert {compute_ja4(record) for record in theirs} == {look.ja4 for look in looks(theirs, shape)}


def test_what_is_drawn_differs_from_connection_to_connection() -> None:
    orders = {tuple(e.type for e in PARSE(record[5:]).ext if e.type not in GREASE)
              for record in built("chrome")}
    assert len(orders) == _DRAWS
    for shape in PROGRAM_HELLOS:
        assert len(set(built(shape))) == _DRAWS


@pytest.mark.slow
@pytest.mark.parametrize(("shape", "program"), INSTALLED.items())
def test_the_installed_program_still_sends_such_hellos(shape: ProgramShape, program: str) -> None:
    """Another version may build another hello: then the table speaks of a version that is not here."""
    if obstacle := find_obstacle(program):
        pytest.skip(obstacle)
    known = PROGRAM_HELLOS[shape].version
    if (here := read_version(program)) not in known:
        pytest.skip(f"{here or program} is installed, and the table is of {known}")
    assert looks(capture(program, 1), shape) == looks(captured(shape), shape)


def test_every_program_is_a_shape_and_every_role_has_its_users() -> None:
    assert set(PROGRAM_HELLOS) == {name for name, shape in SHAPES.items() if shape.of_program}
    assert set(USERS) == set(ROLES)
    for role, shapes in USERS.items():
        assert bool(shapes) == (role != "control")
        assert not shapes or any(PROGRAM_HELLOS[shape].verified for shape in shapes)
    assert not list_programs("web", ("apns-security-v3",))
    assert list_programs("web", ("http/1.1",)) == USERS["web"]
