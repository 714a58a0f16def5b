"""A box that knows programs by their ClientHello: what it reads of one, and when it acts."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lab_hellos import with_extension
from lab_scenario_files import CATALOGUE, GOOD, write
from lab_traffic import HELLO, INNOCENT, SERVER, SERVER6, Scene, assert_untouched, client_hello, flow_of, rule
from probe.catalogue.programs import PROGRAM_HELLOS
from probe.core.tables.shapes import ProgramShape
from probe.instruments.streams.own_hello import compute_ja4
from probe.instruments.streams.raw_hello import make_client_hello
from probe_lab.box.hello_shape import features_of, fits_shape, hello_shape
from probe_lab.draw import draw_scenario, resolve_addresses
from probe_lab.format.scenario import read_scenario
from probe_lab.lab_types import Rule

GREASED = with_extension(HELLO, 0x1A1A, b"")


def shape_rule(*match: str, action: str = "drop") -> Rule:
    return rule("fingerprint", match, action)


def test_what_a_real_hello_shows() -> None:
    shape = hello_shape(HELLO)
    assert shape is not None
    assert (shape.name, shape.bytes, shape.grease) == ("t.example", len(HELLO), False)
    assert 3 < shape.ciphers < 60
    assert {0, 10, 13, 43, 51} <= set(shape.extensions)
    greased = hello_shape(GREASED)
    assert greased is not None
    assert (greased.grease, greased.extensions, greased.ciphers) == (True, shape.extensions, shape.ciphers)


@pytest.mark.parametrize(("entry", "holds"), [
    ("name=t.example", True), ("name=*.example", True), ("name=*", True), ("name=other.example", False),
    (f"address={SERVER}", True), ("address=9.9.9.9", False), ("grease=no", True), ("grease=yes", False),
    ("ciphers>3", True), ("ciphers<3", False), ("extensions>4", True), ("extensions=1", False),
    ("bytes>100", True), ("bytes<100", False), (f"bytes={len(HELLO)}", True), ("has=002b", True), ("has=fe0d", False),
    (f"ja4={compute_ja4(HELLO)}", True), (f"ja4={compute_ja4(GREASED)}", True),
    ("ja4=t13d1516h2_8daaf6152771_02713d6af862", False), ("lacks=fe0d", True),
    ("lacks=002B", False), ("first=fe0d", False),
])
def test_each_feature_holds_or_does_not(entry: str, holds: bool) -> None:
    shape = hello_shape(HELLO)
    assert shape is not None
    (group,) = features_of([entry])
    assert fits_shape(shape, SERVER, group) is holds
    first = hello_shape(with_extension(HELLO, 0xFE0D, b""))
    assert first is not None
    assert fits_shape(first, SERVER, features_of(["first=fe0d"])[0])


@pytest.mark.parametrize("shape", PROGRAM_HELLOS)
def test_two_readers_give_a_hello_one_print(shape: ProgramShape) -> None:
    for n in range(10):
        record = make_client_hello(shape, "chat.example", random.Random(n))
        found = hello_shape(record)
        assert found is not None
        assert found.ja4 == compute_ja4(record)


@pytest.mark.parametrize("version", [4, 6])
def test_all_keys_must_hold_and_of_one_key_any_alternative(tmp_path: Path, version: int) -> None:
    here = SERVER if version == 4 else SERVER6
    scene = Scene(tmp_path, shape_rule("grease=no", "name=x.example", "name=t.example", f"address={here}"))
    assert_untouched(scene, scene.open(flow_of(version, cport=1)), GREASED)
    assert_untouched(scene, scene.open(flow_of(version, cport=2)), INNOCENT)
    flow = scene.open(flow_of(version))
    assert scene.out(flow.data(HELLO)).forward is None
    assert scene.out(flow.data(b"x")).forward is None
    assert [(entry.name, entry.action) for entry in scene.log] == [("t.example", "drop")]


def test_it_acts_when_the_hello_is_whole_and_not_before(tmp_path: Path) -> None:
    scene = Scene(tmp_path, shape_rule("bytes>100"), rule("sni", "t.example", "reset", direction="client"))
    flow = scene.open(flow_of(4))
    cut = HELLO.index(b"t.example") + 9
    early, late = (scene.out(flow.data(part)) for part in (HELLO[:cut], HELLO[cut:]))
    assert early.forward is not None
    assert len(early.injected) == 1
    assert late.forward is None
    assert [entry.action for entry in scene.log] == ["reset", "drop"]


def test_nothing_but_a_hello_has_a_shape(tmp_path: Path) -> None:
    scene = Scene(tmp_path, shape_rule("grease=no"))
    assert_untouched(scene, scene.open(flow_of(4, cport=1)), b"GET / HTTP/1.1\r\nHost: t.example\r\n\r\n")
    assert_untouched(scene, scene.open(flow_of(4, cport=2)), b"\x16\3\1\0\4\2\0\0\0")
    flow = scene.open(flow_of(4, cport=3))
    assert scene.out(flow.data(client_hello("any.example"))).forward is None


def test_references_become_names_and_addresses(tmp_path: Path) -> None:
    text = GOOD.replace('trigger = "sni"', 'trigger = "fingerprint"').replace(
        'match = ["@t"]', 'match = ["name=@t", "address=@t", "grease=no"]')
    assert text != GOOD
    drawn = draw_scenario(read_scenario(write(tmp_path, text)), seed=4, endpoints=CATALOGUE.endpoints)
    rows = [row for row in CATALOGUE.endpoints if row.input in drawn.aliases["t"]]
    names = {f"name={row.sni or row.host}" for row in rows}
    addresses = {f"address={address}" for row in rows for address in resolve_addresses(row, drawn.world)}
    assert set(drawn.rules[0].match) == names | addresses | {"grease=no"}
    assert drawn.rules[0].alias == "t"


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=80), st.integers(0, len(HELLO)), st.lists(
    st.tuples(st.integers(0, len(HELLO) - 1), st.integers(0, 255)), max_size=6))
def test_any_bytes_have_a_shape_or_none(rubbish: bytes, cut: int, changes: list[tuple[int, int]]) -> None:
    damaged = bytearray(HELLO)
    for at, value in changes:
        damaged[at] = value
    for data in (rubbish, HELLO[:cut], bytes(damaged), HELLO[:9] + rubbish):
        shape = hello_shape(data)
        assert shape is None or (shape.bytes <= len(data) and len(shape.extensions) <= 100)
