"""Boxes, fronts and lines that strike what browsers send, or what is as large, and spare the probe's own hello."""

from __future__ import annotations

import random

import pytest

from lab_elsewhere import elsewhere
from lab_fidelity import Flow, Place, Watched, on
from lab_fidelity_checks import BRIEF_S, acts, assert_answered
from lab_hellos import hello
from probe.core.tables.shapes import ProgramShape
from probe.instruments.streams.raw_hello import make_client_hello

pytestmark = [pytest.mark.slow, pytest.mark.lab, pytest.mark.timeout(200)]

ENDS = {"reset": "ECONNRESET", "drop": "timeout"}


def as_program(name: str, shape: ProgramShape = "chrome") -> bytes:
    return make_client_hello(shape, name, random.Random(1))


def ask(w: Watched, place: Place, said: bytes) -> Flow:
    return w.tcp(place, said, read_bytes=1, timeout_s=BRIEF_S)


@on("fp-browsers-reset", "fp-large-reset", "op-browsers-far-guard-box", "op-browsers-refused-box",
    "op-browsers-refused-name-box", "op-large-hello-box")
def test_a_box_strikes_browsers_and_spares_us(w: Watched) -> None:
    rule = w.drawn.rules[0]
    for t in w.targets():
        flow = ask(w, t, as_program(t.sni))
        assert flow.failure == ENDS[rule.action]
        assert set(acts(w, flow)) == {rule.block_type}
        assert_answered(w, ask(w, t, hello(t.sni)))
        assert_answered(w, ask(w, t, as_program(t.sni, "conscrypt")))
        assert elsewhere(w, t, as_program(t.sni))[0] == "", "behind no box it is served"
    assert_answered(w, ask(w, w.innocent(), as_program(w.innocent().sni)))


@on("fp-safari-reset")
def test_a_box_strikes_safari_alone(w: Watched) -> None:
    for t in w.targets():
        flow = ask(w, t, as_program(t.sni, "safari"))
        assert flow.failure == "ECONNRESET"
        assert set(acts(w, flow)) == {"tls.reset.fingerprint"}
        for spared in (hello(t.sni), *(as_program(t.sni, shape) for shape in ("chrome", "firefox", "conscrypt"))):
            assert_answered(w, ask(w, t, spared))
        assert elsewhere(w, t, as_program(t.sni, "safari"))[0] == "", "behind no box it is served"


@on("op-browsers-refused", "op-browsers-refused-name", "op-browsers-far-guard", "op-large-hello")
def test_a_front_does_the_same_and_nobody_is_to_blame(w: Watched) -> None:
    for t in w.targets():
        assert ask(w, t, as_program(t.sni)).failure == ENDS[w.drawn.fronts[0].rule.action]
        assert_answered(w, ask(w, t, hello(t.sni)))
    assert_answered(w, ask(w, w.innocent(), as_program(w.innocent().sni)))
    assert not any(entry.block_type for entry in w.truth())


@on("mtu-large-hello")
def test_a_narrow_link_loses_hellos_of_two_segments(w: Watched) -> None:
    for t in w.targets():
        assert ask(w, t, as_program(t.sni)).failure == "timeout"
        assert_answered(w, ask(w, t, hello(t.sni)))
    assert not any(entry.block_type for entry in w.truth())
