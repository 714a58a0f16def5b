"""Innocents that look like censorship, and their twins: the same look on the wire, and the opposite truth.

Each run of the tests draws a third of them for itself (PROBE_TEST_SEED draws the same again); LAB_VERDICTS=all takes
all.
"""

from __future__ import annotations

import os
import random
from dataclasses import dataclass

import pytest

import lab_looks as looks
from lab_fidelity import Watched, Watching
from lab_looks import Look
from probe_lab.format.scenario import load_scenario

pytestmark = [pytest.mark.slow, pytest.mark.lab, pytest.mark.timeout(200)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """One look that can have two causes."""

    innocent: str
    box: str
    """The twin; empty where there can be none."""
    look: Look
    sees: tuple[str, ...]
    """What it says in both; several where the file draws one of them."""


def _row(innocent: str, box: str, look: Look, *sees: str) -> Situation:
    return Situation(innocent=innocent, box=box, look=look, sees=sees)


SITUATIONS = (
    _row("op-tls-name-reset", "op-tls-name-reset-box", looks.hello, "reset"),
    _row("op-tls-name-drop", "op-tls-name-drop-box", looks.hello, "unheard"),
    _row("op-tls-name-mute", "op-tls-name-mute-box", looks.hello, "unanswered"),
    _row("op-tls-name-close", "op-tls-name-close-box", looks.hello, "closed"),
    _row("op-tls-name-alert", "op-tls-name-alert-box", looks.hello, "alert"),
    _row("op-all-names-drop", "op-all-names-drop-box", looks.hello, "unheard"),
    _row("op-http-host-close", "op-http-host-close-box", looks.request, "closed"),
    _row("op-http-host-reset", "op-http-host-reset-box", looks.request, "reset"),
    _row("op-http-host-mute", "op-http-host-mute-box", looks.request, "unanswered"),
    _row("op-shape-reset", "op-shape-reset-box", looks.hello, "reset"),
    _row("op-shape-mute", "op-shape-mute-box", looks.hello, "unanswered"),
    _row("op-family-refused", "", looks.hello_over_ipv6, "reset, and served over IPv4"),
    _row("op-source-drop", "op-source-drop-box", looks.syn, "dark"),
    _row("op-source-reset", "op-source-reset-box", looks.syn, "refused"),
    _row("op-source-prohibit", "op-source-prohibit-box", looks.syn, "told off"),
    _row("op-source-mute", "op-source-mute-box", looks.hello, "unanswered"),
    _row("op-geo-redirect", "op-geo-redirect-box", looks.said, "elsewhere"),
    _row("op-geo-page", "op-geo-page-box", looks.said, "Notice", "Not available in your region"),
    _row("op-challenge-clear", "op-challenge-clear-box", looks.said, "Access Denied", "Just a moment..."),
    _row("op-challenge-tls", "", looks.page, "403"),
    _row("op-forbidden-clear", "op-forbidden-clear-box", looks.request, "403"),
    _row("op-forbidden-tls", "", looks.page, "403"),
    _row("op-legal-clear", "op-legal-clear-box", looks.request, "451"),
    _row("op-front-other-customer", "op-front-other-customer-box", looks.certificate, "another name"),
    _row("op-front-default-certificate", "op-front-default-certificate-box", looks.certificate, "signed by itself"),
    _row("op-edge-other-customer", "op-edge-other-customer-box", looks.certificate, "another name"),
    _row("op-edge-expired", "", looks.certificate, "too old"),
    _row("op-edge-dead", "op-edge-dead-box", looks.syn, "dark"),
    _row("op-edge-flaky", "op-edge-flaky-box", looks.some_hellos, "reset or served"),
    _row("op-balancer-third", "op-balancer-third-box", looks.some_hellos, "reset or served"),
    _row("op-cut-late", "op-cut-late-box", looks.kept, "served, then reset"),
    _row("op-ban-connections", "op-ban-connections-box", looks.syns, "served, then dark"),
    _row("op-ban-after-innocent", "op-ban-after-innocent-box", looks.hello_after_foreign, "reset, then reset"),
    _row("op-ban-then-silence", "op-ban-then-silence-box", looks.syn_after_hello, "reset, then dark"),
    _row("op-limit-reset", "op-limit-reset-box", looks.syns, "served, then refused"),
    _row("op-tarpit", "op-tarpit-box", looks.transfer, "throttle"),
    _row("op-slow-here", "op-slow-here-box", looks.transfer, "throttle"),
    _row("op-stops-here", "op-stops-here-box", looks.transfer, "freeze"),
    _row("op-freeze-packets", "op-freeze-packets-box", looks.transfer, "freeze"),
    _row("slow-request-dropped", "", looks.transfer, "freeze"),
    _row("op-transfer-cap", "", looks.body, "within the cap"),
    _row("op-routing-loop", "op-routing-loop-box", looks.syn, "told off"),
    _row("op-carrier-blackhole", "op-carrier-blackhole-box", looks.syn, "dark"),
    _row("op-transit-down", "op-transit-down-box", looks.syn, "dark"),
    _row("op-peering-loss", "op-peering-loss-box", looks.transfer, "degrade"),
    _row("op-zone-host-fails", "op-zone-host-fails-box", looks.name, "SERVFAIL"),
    _row("op-zone-host-silent", "op-zone-host-silent-box", looks.name, "timeout"),
    _row("op-zone-refuses", "op-zone-refuses-box", looks.name, "REFUSED"),
    _row("op-zone-lame", "op-zone-lame-box", looks.name, "SERVFAIL"),
    _row("op-signatures-stale", "op-signatures-stale-box", looks.name, "SERVFAIL"),
    _row("op-geo-dns-address", "op-geo-dns-address-box", looks.name, "genuine"),
    _row("op-geo-dns-empty", "op-geo-dns-empty-box", looks.name, "no address"),
    _row("op-cache-left-behind", "op-cache-left-behind-box", looks.name, "somebody else's"),
    _row("op-service-closed", "op-service-closed-box", looks.name, "NXDOMAIN"),
    _row("op-quic-name-drop", "op-quic-name-drop-box", looks.quic, "timeout"),
    _row("op-udp-policed", "op-udp-policed-box", looks.datagrams, "few"),
    _row("op-stun-one-in-ten", "op-stun-one-in-ten-box", looks.datagrams, "few"),
    _row("op-app-resets-here", "op-app-resets-here-box", looks.words, "reset"),
    _row("op-app-closes-here", "op-app-closes-here-box", looks.words, "closed"),
    _row("op-app-silent-here", "op-app-silent-here-box", looks.words, "unanswered"),
    _row("op-app-maintenance", "op-app-maintenance-box", looks.words, "closed"),
    _row("app-far-guard", "", looks.words, "reset"),
    _row("far-guard-closes", "", looks.hello, "closed"),
    _row("far-guard-redirects", "", looks.request, "302", "403", "451"),
    _row("loop-at-door", "", looks.syn, "told off"),
    _row("op-helper-busy", "op-helper-busy-box", looks.hello, "reset"),
)
DRAWN = random.Random(f"situations {os.environ['PROBE_TEST_SEED']}").sample(SITUATIONS, len(SITUATIONS) // 3)
TAKEN = SITUATIONS if os.environ.get("LAB_VERDICTS") == "all" else sorted(DRAWN, key=lambda row: row.innocent)
SIDES = [(name, row) for row in TAKEN for name in (row.innocent, row.box) if name]


@pytest.mark.parametrize(("name", "row"), SIDES, ids=[name for name, _ in SIDES])
def test_an_innocent_and_its_twin_look_alike_and_are_not(watch: Watching, name: str, row: Situation) -> None:
    w: Watched = watch(name)
    assert row.look(w) in row.sees
    made = {entry.block_type for entry in w.truth() if entry.block_type}
    scenario = load_scenario(name)
    assert made == {part.block_type for part in (*scenario.rules, *scenario.faults) if part.block_type}
    assert bool(made) == (scenario.kind == "censorship")
