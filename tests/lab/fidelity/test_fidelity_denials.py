"""Denials and refusals of the network's resolver on the wire: whose SOA stands where, and whether it grows older."""

from __future__ import annotations

import pytest
from scapy.layers.dns import DNSRRSOA

from lab_fidelity import Watched, on
from lab_fidelity_checks import assert_answers_question, assert_innocent_name_resolves, records

pytestmark = [pytest.mark.slow, pytest.mark.lab, pytest.mark.timeout(200)]

NXDOMAIN, REFUSED = 3, 5
SIGNED: dict[str, set[tuple[str, str]]] = {
    "op-dns-negative-cache": {("ns", "zone")},
    "op-dns-negative-cache-box": {("ns", "zone"), ("ns", "blocked.invalid."), ("ar", "rpz.resolver.example.")},
    "op-dns-old-zone": {("ns", "zone")},
    "op-dns-old-zone-box": {("ns", "zone")},
    "op-dns-local-root": {("ns", ".")},
    "op-dns-local-root-box": {("ns", ".")},
}
"""Scenario -> section and owner of the SOA, of which each draw has one; `zone`: one above the name."""


@on(*SIGNED)
def test_a_denial_is_signed_as_drawn(w: Watched) -> None:
    host = w.target("t").host
    flow = w.dns(host)
    w.settle()
    p, = w.from_server(flow)
    assert_answers_question(w, p, flow, host)
    own = w.drawn.name.startswith("op-dns-old-zone")
    assert (p.dns.rcode, records(p)) == (0 if own else NXDOMAIN, [])
    found = {(section, soa.rrname.decode()) for section in ("ns", "ar") for soa in getattr(p.dns, section) or ()
             if isinstance(soa, DNSRRSOA)}
    assert len(found) == 1
    zone = {(section, "zone" if owner != "." and f".{host}.".endswith(f".{owner}") else owner)
            for section, owner in found}
    assert zone <= SIGNED[w.drawn.name]
    assert bool(p.dns.aa) is own
    assert_innocent_name_resolves(w)


@on("op-dns-refusal-passed-on", "op-dns-refusal-passed-on-box")
def test_a_refusal_is_of_the_zone_where_its_servers_refuse(w: Watched) -> None:
    host = w.target("t").host
    flow = w.dns(host)
    above = w.dns(host.partition(".")[2], qtype="SOA")
    w.settle()
    p, = w.from_server(flow)
    zone, = w.from_server(above)
    assert p.dns.rcode == REFUSED
    if w.drawn.name.endswith("-box"):
        assert zone.dns.rcode == 0
    assert_innocent_name_resolves(w)
