"""What to do at one address of a site that is spoken to in datagrams.

QUIC: a version that does not exist (one datagram; again where handshakes fail), an innocent name, the site. STUN: a
series of ten small requests, three at most. What fails is tried three times on fresh sockets, for a box may answer the
first and drop what follows for minutes; so everything innocent goes first. A site that works costs about 25 datagrams
of its own and as many in answer (STUN 10), one that fails at most about 100, and where controls are answered 36 more
that look how far they get (QUIC twice, at another port too), and as many to each of up to two others. Where an
innocent name was served before, it is asked once more, and then our own: two more handshakes.
"""

from __future__ import annotations

from collections.abc import Sequence

from probe.catalogue.sites import Site
from probe.core.addresses import family_of, find_neighbour
from probe.core.nat64 import to_public_address
from probe.core.observations import Observation
from probe.core.places import Place
from probe.core.tables.address_sources import AddressSource
from probe.core.tables.evidence_words import Depth
from probe.core.tables.protocols import DatagramKind
from probe.core.tables.purposes import Purpose
from probe.core.tables.words import Empty
from probe.instruments.steps import QuicVisit, Step, StunBinding, UdpTrace, VersionProbe
from probe.judge.common.visit_outcomes import NETWORK_PURPOSES
from probe.judge.udp.udp_evidence import OPERATIONS, PORT_BESIDE
from probe.session.planning.plan_context import PlanContext, SiteHistory


def plan_udp_address(site: Site, address: str, source: AddressSource | Empty, depth: Depth, history: SiteHistory,
                     context: PlanContext) -> list[Step]:
    """Steps at one address, each after what must precede it. Addresses that are only to be looked at are left out:
    without words there is nothing to see over UDP."""
    if depth == "connect":
        return []
    mine = [o for o in history.visits if o.address == address and o.purpose in NETWORK_PURPOSES]
    near = [o for o in history.around if o.address == address and o.port == site.port and o.operation in OPERATIONS]
    if site.kind == "quic" and not any(o.purpose == "version" for o in near):
        return [VersionProbe(address=address, port=site.port)]
    if site.kind == "quic" and not any(o.purpose == "innocent" for o in near):
        return [QuicVisit(purpose="innocent", address=address, port=site.port, hostname=context.innocent,
                          sni=context.innocent, timeout_s=context.timeout_s)]
    last = max((o.attempt for o in mine), default=0)
    failing = any(o.failure for o in mine if o.attempt == last)
    hopeless = context.ipv6_broken and family_of(address) == 6
    if not mine or (failing and last < context.attempts and not hopeless):
        return [_visit(site, address, source, last + 1, context)]
    if not failing or hopeless:
        return []
    if site.kind == "quic" and not any(o.purpose == "version" and o.attempt == 2 for o in near):
        return [VersionProbe(address=address, port=site.port, attempt=2)]  # is it still answered?
    if site.kind == "quic" and (more := _in_turns(site, address, source, last, near, context)):
        return more
    return _traces(site, address, mine, history, context)


def _in_turns(site: Site, address: str, source: AddressSource | Empty, last: int, near: Sequence[Observation],
              context: PlanContext) -> list[Step]:
    """An innocent name that was served is asked once more, and after it our own: a server that takes only so many
    handshakes of one address looks like a block of what is said to it later."""
    innocent = [o for o in near if o.purpose == "innocent"]
    if not any(not o.failure for o in innocent):
        return []
    if not any(o.attempt == 2 for o in innocent):
        return [QuicVisit(purpose="innocent", address=address, port=site.port, hostname=context.innocent, attempt=2,
                          sni=context.innocent, timeout_s=context.timeout_s)]
    served = last == context.attempts and not innocent[-1].failure
    return [_visit(site, address, source, last + 1, context)] if served else []


def _visit(site: Site, address: str, source: AddressSource | Empty, attempt: int, context: PlanContext) -> Step:
    purpose: Purpose = "target" if source != "trusted" else "trusted"
    first = site.endpoints[0]
    if site.kind == "stun":
        return StunBinding(purpose=purpose, address=address, port=site.port, hostname=site.host, source=source,
                           attempt=attempt, target_id=first.target_id, input=first.input)
    return QuicVisit(purpose=purpose, address=address, port=site.port, hostname=site.host, source=source,
                     attempt=attempt, sni=site.sni, alpn=site.alpn or ("h3",), trust=site.trust,
                     target_id=first.target_id, input=first.input, timeout_s=context.timeout_s)


def _traces(site: Site, address: str, mine: Sequence[Observation], history: SiteHistory,
            context: PlanContext) -> list[Step]:
    """Controls are answered by what does not answer here: does the network lose it, or does the operator refuse us?
    Where a name or a version was answered, the address is not what matters."""
    around = [o for o in history.around if (o.address, o.port) == (address, site.port) and o.operation in OPERATIONS]
    spent = any(o.purpose == "innocent" and o.attempt == 2 and o.failure for o in around)
    heard = any(not o.failure for o in around) or any(o.tls.version or o.tls.server_hello for o in mine)
    if mine[-1].icmp or (heard and not spent):
        return []
    known_as = to_public_address(address, context.nat64_prefix)
    where = Place(known_as, site.port)
    if not any(place == where and not failure for c in history.controls for place, failure in c.udp):
        return []
    family = family_of(address)
    others = [place for place in history.elsewhere_udp if family_of(place[0]) == family and place[0] != address]
    if not others:
        return []
    kind: DatagramKind = "stun" if site.kind == "stun" else "quic"
    ports = (site.port, PORT_BESIDE) if site.kind == "quic" else (site.port,)
    return [*(UdpTrace(purpose="trace", address=address, port=port, protocol=kind, together=context.together)
              for port in ports),
            UdpTrace(purpose="neighbour", address=find_neighbour(address), port=site.port, protocol=kind,
                     together=context.together),
            *(UdpTrace(purpose="reference", address=other, port=port, protocol=protocol, together=context.together)
              for other, port, protocol in others)]
