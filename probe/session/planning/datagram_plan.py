"""What to do at one address of a site that is spoken to in datagrams.

QUIC: a version that does not exist (one datagram; again where handshakes fail), an innocent name, the site. STUN: a
series of ten small requests, three at most. What fails is tried three times on fresh sockets, for a box may answer the
first and drop what follows for minutes; so everything innocent goes first. A site that works costs about 25 datagrams
of its own and as many in answer (STUN 10), one that fails at most about 100, and where controls are answered 36 more
that look how far they get (QUIC twice, at another port too), and as many to each of up to two others. Where an
innocent name was served before, it is asked once more, and then our own: two more handshakes.
"""

from __future__ import annotations

from probe.core.addresses import family_of, find_neighbour
from probe.core.nat64 import to_public_address
from probe.core.observations import Observation
from probe.core.places import Place
from probe.core.tables.protocols import DatagramKind
from probe.core.tables.purposes import Purpose
from probe.instruments.steps import QuicVisit, Step, StunBinding, UdpTrace, VersionProbe
from probe.judge.udp.udp_evidence import OPERATIONS, PORT_BESIDE
from probe.session.planning.plan_view import PlanView


def plan_version(view: PlanView) -> list[Step]:
    """A version that does not exist."""
    if view.site.kind != "quic" or any(o.purpose == "version" for o in _list_near(view)):
        return []
    return [VersionProbe(address=view.address, port=view.site.port)]


def plan_innocent_handshake(view: PlanView) -> list[Step]:
    """An innocent name."""
    if view.site.kind != "quic" or any(o.purpose == "innocent" for o in _list_near(view)):
        return []
    return [_ask_innocent(view, attempt=1)]


def plan_datagram_tries(view: PlanView) -> list[Step]:
    """The site itself, and again while it fails."""
    again = is_unanswered(view) and view.last < view.context.attempts
    return [_visit(view)] if not view.mine or again else []


def plan_version_again(view: PlanView) -> list[Step]:
    """Where handshakes fail: is the version still answered?"""
    if view.site.kind != "quic" or any(o.purpose == "version" and o.attempt == 2 for o in _list_near(view)):
        return []
    return [VersionProbe(address=view.address, port=view.site.port, attempt=2)]


def plan_datagram_turns(view: PlanView) -> list[Step]:
    """An innocent name that was served is asked once more, and after it our own: a server that takes only so many
    handshakes of one address looks like a block of what is said to it later."""
    innocent = [o for o in _list_near(view) if o.purpose == "innocent"]
    if view.site.kind != "quic" or not any(not o.failure for o in innocent):
        return []
    if not any(o.attempt == 2 for o in innocent):
        return [_ask_innocent(view, attempt=2)]
    return [_visit(view)] if view.last == view.context.attempts and not innocent[-1].failure else []


def plan_datagram_traces(view: PlanView) -> list[Step]:
    """Controls are answered by what does not answer here: does the network lose it, or does the operator refuse us?
    Where a name or a version was answered, the address is not what matters."""
    site, address, together = view.site, view.address, view.context.together
    if view.mine[-1].icmp or _is_heard(view):
        return []
    where = Place(to_public_address(address, view.context.nat64_prefix), site.port)
    if not any(place == where and not failure for c in view.history.controls for place, failure in c.udp):
        return []
    family = family_of(address)
    others = [place for place in view.history.elsewhere_udp if family_of(place[0]) == family and place[0] != address]
    if not others:
        return []
    kind: DatagramKind = "stun" if site.kind == "stun" else "quic"
    ports = (site.port, PORT_BESIDE) if site.kind == "quic" else (site.port,)
    return [*(UdpTrace(purpose="trace", address=address, port=port, protocol=kind, together=together)
              for port in ports),
            UdpTrace(purpose="neighbour", address=find_neighbour(address), port=site.port, protocol=kind,
                     together=together),
            *(UdpTrace(purpose="reference", address=other, port=port, protocol=protocol, together=together)
              for other, port, protocol in others)]


def is_unanswered(view: PlanView) -> bool:
    """The last attempt failed, at an address that this network may carry us to."""
    return any(o.failure for o in view.mine if o.attempt == view.last) and not view.is_hopeless


def _list_near(view: PlanView) -> list[Observation]:
    """What was asked of the address and port besides the site, whoever asked."""
    return [o for o in view.history.around if (o.address, o.port) == (view.address, view.site.port)
            and o.operation in OPERATIONS]


def _is_heard(view: PlanView) -> bool:
    """Something was answered there, and not only as long as it had not been asked often."""
    near = _list_near(view)
    spent = any(o.purpose == "innocent" and o.attempt == 2 and o.failure for o in near)
    heard = any(not o.failure for o in near) or any(o.tls.version or o.tls.server_hello for o in view.mine)
    return heard and not spent


def _ask_innocent(view: PlanView, *, attempt: int) -> QuicVisit:
    name = view.context.innocent
    return QuicVisit(purpose="innocent", address=view.address, port=view.site.port, hostname=name, attempt=attempt,
                     sni=name, timeout_s=view.context.timeout_s)


def _visit(view: PlanView) -> Step:
    """The next attempt."""
    purpose: Purpose = "target" if view.source != "trusted" else "trusted"
    site, first, attempt = view.site, view.site.endpoints[0], view.last + 1
    if site.kind == "stun":
        return StunBinding(purpose=purpose, address=view.address, port=site.port, hostname=site.host,
                           source=view.source, attempt=attempt, target_id=first.target_id, input=first.input)
    return QuicVisit(purpose=purpose, address=view.address, port=site.port, hostname=site.host, source=view.source,
                     attempt=attempt, sni=site.sni, alpn=site.alpn or ("h3",), trust=site.trust,
                     target_id=first.target_id, input=first.input, timeout_s=view.context.timeout_s)
