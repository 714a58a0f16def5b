"""One address of an endpoint that is spoken to in datagrams: QUIC or STUN."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from probe.catalogue.sites import Site
from probe.core.endpoints import Endpoint
from probe.core.nat64 import to_public_address
from probe.core.observations import ControlAnswer, Observation
from probe.core.places import Place
from probe.core.tables.evidence_words import InnocentState, VersionState
from probe.core.tables.failures import TIMEOUTS, kind_of
from probe.core.tables.protocols import DatagramKind
from probe.judge.common.control_counts import count_networks, count_vantages
from probe.judge.common.visit_outcomes import NETWORK_PURPOSES, read_address_source
from probe.judge.hops.hop_evidence import locate_interference
from probe.judge.hops.place_evidence import PlaceEvidence
from probe.judge.hops.trace_evidence import passes_beside
from probe.judge.path.control_evidence import ControlEvidence
from probe.judge.path.control_findings import may_leave_out
from probe.judge.path.path_evidence import PathEvidence
from probe.judge.tcp.connect_evidence import ConnectEvidence
from probe.judge.tls.handshake_evidence import add_failed_handshake, add_keys
from probe.judge.udp.udp_evidence import (
    PORT_BESIDE,
    UdpPlace,
    compare_udp_places,
    is_cut,
    locate_datagram_loss,
)

VERSION_1 = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class DatagramContext:
    """What bears on a place besides its own attempts."""

    near: Sequence[Observation] = ()
    """Innocent names and questions for a version, at the site's addresses."""
    controls: Sequence[ControlAnswer] = ()
    traces: Sequence[Observation] = ()
    others: Sequence[UdpPlace] = ()
    """Every place of the run that was asked over UDP."""
    private_root: str = ""
    nat64_prefix: str = ""


def gather_datagram_evidence(site: Site, endpoint: Endpoint, address: str, visits: Sequence[Observation],
                             around: DatagramContext, ) -> PathEvidence:
    """What is known of `address`; `stage` is the site's kind where the last attempt failed."""
    mine = [o for o in visits if o.address == address and o.purpose in NETWORK_PURPOSES]
    failed = [o for o in mine if o.failure]
    last = mine[-1] if mine else Observation(operation="connect", address=address)
    near = [o for o in around.near if o.address == address and o.port == site.port]
    kind: DatagramKind = "stun" if site.kind == "stun" else "quic"
    base = PathEvidence(
        address=address, family=6 if ":" in address else 4, source=read_address_source(mine), kind=site.kind,
        secure=bool(site.sni), needs=1, depth=int(bool(mine)), attempts=len({o.attempt for o in mine}),
        failed_attempts=len({o.attempt for o in failed}), last_ok=bool(mine) and not last.failure,
        proven=site.proves_itself and any(o.tls.trust == "valid" for o in mine), innocent=_innocent(near),
        evidence=tuple(o.observation_id for o in (*mine, *near)),
        place=PlaceEvidence(located=locate_interference(
            around.traces, site.sni or site.host, address=address, port=site.port, operation="udp_trace")),
        tcp=ConnectEvidence(neighbour_passes=passes_beside(
            [o for o in around.traces if o.operation == "udp_trace"], address, site.port, is_short=is_cut)),
        udp=replace(
            compare_udp_places(around.others, protocol=kind, address=address, service=endpoint.service),
            mute=sum(o.operation == "quic_handshake" and not o.bytes_read for o in failed),
            again=_again(mine, near),
            versions_answered=sum(o.operation == "quic_version" and not o.failure for o in near),
            late=sum(bool(o.tls.version) and o.failure in TIMEOUTS for o in failed),
            lost=locate_datagram_loss(around.traces, address, site.port),
            lost_beside=locate_datagram_loss(around.traces, address, PORT_BESIDE), version=_version(near),
            offers_v1=any(VERSION_1 in o.datagrams.versions for o in near if o.operation == "quic_version"),
        ),
    )
    if failed and not base.last_ok:
        base = replace(
            base, stage=kind, failure=last.failure, tcp=replace(base.tcp, icmp=last.icmp),
            same_failure=len({kind_of(o.failure) for o in failed}) == 1, tainted=all(o.tainted_by for o in failed),
            tls=add_failed_handshake(base.tls, last, near, private_root=around.private_root),
        )
    return _with_controls(base, site, mine, around)


def _innocent(near: Sequence[Observation]) -> InnocentState:
    """Reached when an innocent handshake was answered and stayed so: one that is dropped later counts as failed."""
    tries = [o for o in near if o.operation == "quic_handshake" and o.purpose == "innocent"]
    if not tries:
        return "unasked"
    if any(not o.failure for o in tries):
        return "reached"
    return "tainted" if all(o.tainted_by for o in tries) else "failed"


def _again(mine: Sequence[Observation], near: Sequence[Observation]) -> InnocentState:
    """In turns: ours failed, the innocent name was asked again, and ours failed again after it was answered."""
    failed = [o.sequence for o in mine if o.failure]
    tries = [o for o in near if o.operation == "quic_handshake" and o.purpose == "innocent"
             and any(n < o.sequence for n in failed)]
    reached = [o.sequence for o in tries if not o.failure]
    if any(reached[0] < n for n in failed) if reached else False:
        return "reached"
    return "failed" if tries and not reached else "unasked"


def _version(near: Sequence[Observation]) -> VersionState:
    asked = [o for o in near if o.operation == "quic_version"]
    if any(not o.failure for o in asked):
        return "answered"
    if not asked:
        return "unasked"
    return "silent" if all(o.failure in TIMEOUTS for o in asked) else "closed"


def _with_controls(base: PathEvidence, site: Site, mine: Sequence[Observation],
                   around: DatagramContext) -> PathEvidence:
    """Networks of controls that reach this very address, and those that do not."""
    known_as = to_public_address(base.address, around.nat64_prefix)
    where = Place(known_as, site.port)
    inputs = {e.input for e in site.endpoints}
    asked = [c for c in around.controls if c.input in inputs]
    answered = [c for c in asked if c.state == "answered" and (where in dict(c.udp) or not may_leave_out(c))]
    return replace(
        base, controls=ControlEvidence(
            asked=len({c.control_id for c in asked}), answered=len({c.control_id for c in answered}),
            networks=count_networks(c for c in answered if where in dict(c.udp)),
            ok=count_networks(c for c in answered if dict(c.udp).get(where) == ""),
            failed=count_vantages(c for c in answered if dict(c.udp).get(where))),
        tls=add_keys(base.tls, mine, [key for c in answered for place, key in c.leaf_keys if key and place == where]))
