"""HTTPS records on the wire: forged, dropped, or not handed on by whom the household asks."""

from __future__ import annotations

import pytest

from lab_fidelity import Watched, Watching, on
from lab_fidelity_checks import BRIEF_S
from lab_innocents import ask, fault

pytestmark = [pytest.mark.slow, pytest.mark.lab, pytest.mark.timeout(200)]

HINT = bytes((0, 4, 0, 4, 64, 13, 192, 76))
"""The parameter ipv4hint with one address (RFC 9460 section 7.3)."""
RCODES = {"empty": "NOERROR", "refused": "NOTIMP", "silent": "timeout"}



@on("dns-https-forged")
def test_forged_records_hint_at_others_and_addresses_are_left_alone(w: Watched) -> None:
    t = w.target("t")
    flow = w.dns(t.host, qtype="HTTPS")
    forged = w.await_packets(2, flow)[0]
    assert (forged.dns.qd[0].qtype, forged.dns.an[0].type) == (65, 65)
    assert HINT in bytes(forged.dns)
    assert {entry.block_type for entry in w.truth()} == {"dns.injection"}
    plain = w.dns(t.host)
    w.settle()
    assert len(w.from_server(plain)) == 1


@on("dns-https-dropped")
def test_questions_for_the_record_alone_vanish(w: Watched) -> None:
    t = w.target("t")
    assert w.dns(t.host, qtype="HTTPS", timeout_s=BRIEF_S).failure == "timeout"
    assert w.dns(t.host).failure == ""
    assert w.dns("www.kernel.org", qtype="HTTPS").failure == ""


def test_an_old_forwarder_hands_on_no_record(watch: Watching) -> None:
    w = watch("https-old-forwarder")
    found = ask(w, w.innocent().host, qtype="HTTPS")
    assert (found["rcode"], found["records"]) == (RCODES[str(fault(w, "https_stripped")["style"])], 0)
    assert ask(w, w.innocent().host)["addresses"]


def test_a_filter_takes_the_keys_and_leaves_the_record(watch: Watching) -> None:
    w = watch("https-keys-filter")
    hosts = sorted({place.host for place in w.company() if place.host})
    near = [ask(w, host, qtype="HTTPS") for host in hosts]
    far = [ask(w, host, qtype="HTTPS", server="8.8.8.8") for host in hosts]
    assert [one["records"] for one in near] == [one["records"] for one in far]
    assert not any(one["keys"] for one in near)
    assert any(one["keys"] for one in far)
