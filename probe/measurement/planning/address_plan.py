"""What to do at one address: the innocent name, the site, again where it fails, and where attempts are lost."""

from __future__ import annotations

from collections.abc import Sequence

from probe.catalogue.sites import Site
from probe.core.addresses import family_of
from probe.core.nat64 import from_outside
from probe.core.observations import Observation
from probe.core.tables.address_sources import AddressSource
from probe.core.tables.evidence_words import SPEAKING, Depth
from probe.core.tables.failures import is_timeout
from probe.core.tables.handshakes import FOREIGN
from probe.core.tables.operations import Operation
from probe.core.tables.protocols import SiteKind
from probe.core.tables.words import Empty
from probe.inference.evidence.dns_evidence import DnsEvidence
from probe.inference.evidence.path_evidence import whole_attempts
from probe.inference.evidence.visit_outcomes import NETWORK_PURPOSES, failed_inputs
from probe.measurement.planning.other_bytes import bytes_between
from probe.measurement.planning.plan_context import Frame, Seen
from probe.measurement.planning.residual_plan import residual_steps
from probe.measurement.planning.shape_plan import shape_steps
from probe.measurement.planning.site_visits import identity_visit, innocent_visit, target_visit
from probe.measurement.planning.slot_plan import later_visits
from probe.measurement.planning.steps import Step, Trace, Visit

_LAST: dict[SiteKind, Operation] = {
    "tcp": "connect", "tls": "tls_handshake", "http": "http_round_trip", "app": "app_round_trip",
}
_SLOW: tuple[Operation, ...] = ("connect", "app_round_trip")
"""Silence in these costs time."""


def at_address(site: Site, address: str, source: AddressSource | Empty, depth: Depth, seen: Seen, frame: Frame,
        evidence: DnsEvidence) -> list[Step]:
    """Steps at one address: the innocent name, the site, again, and another port where it does not connect."""
    steps: list[Step] = []
    if site.kind in SPEAKING and (
            (depth == "all" and site.leads and _asks_beforehand(site)) or _failed_above_tcp(seen, address)):
        innocent = innocent_visit(site, address, frame)
        if not _was_tried(seen.around, innocent):
            return [innocent]
    mine = [o for o in seen.visits if o.address == address and o.purpose in NETWORK_PURPOSES]
    tried = {o.attempt for o in mine}
    if not tried:
        return [target_visit(site, address, source, frame, attempt=1, depth=depth)]
    if depth == "all" and not any(o.failure for o in mine) and _shallow(site, mine) and max(tried) < frame.attempts:
        return [target_visit(site, address, source, frame, attempt=max(tried) + 1)]
    last = max(tried)
    failing = failed_inputs(site, [o for o in mine if o.attempt == last])
    hopeless = frame.ipv6_broken and family_of(address) == 6
    if failing and not hopeless:
        in_earnest = len(whole_attempts(mine))
        if in_earnest < _most_attempts(mine, last, frame):
            steps += bytes_between(site, address, mine, in_earnest, seen, frame) or [
                target_visit(site, address, source, frame, attempt=last + 1, inputs=failing, depth=depth)]
        else:  # other hellos come at once, or what they show would be of another time than what failed
            steps += shape_steps(site, address, source, seen, frame) or [
                *later_visits(site, address, source, mine, seen, frame, inputs=failing, depth=depth),
                *residual_steps(site, address, seen, frame)]
    if _is_doubtful(site, source, seen, evidence):
        steps.append(identity_visit(site, address, source, frame))
    if any(o.operation == "connect" and o.failure for o in mine) and not hopeless:
        steps.append(Visit(purpose="port", address=address, port=80 if site.port != 80 else 443,
                           hostname=site.host, source=source, connect_timeout_s=frame.timeout_s))
    if failing and last >= frame.attempts and not hopeless and mine[-1].operation == "connect":
        steps += _traces(address, site.port, seen, frame)
    return steps


def _traces(address: str, port: int, seen: Seen, frame: Frame) -> list[Step]:
    """Controls reach what does not answer here: does the network swallow it, or does the operator refuse us?"""
    known_as = from_outside(address, frame.nat64_prefix)
    where = f"[{known_as}]:{port}" if ":" in known_as else f"{known_as}:{port}"
    if not any(place == where and not failure for c in seen.controls for place, failure in c.tcp):
        return []
    others = [place for place in seen.elsewhere if family_of(place[0]) == family_of(address)]
    return [Trace(purpose="trace", address=address, port=port, together=frame.together),
            *(Trace(purpose="reference", address=other, port=at, together=frame.together) for other, at in others)]


def _most_attempts(mine: Sequence[Observation], last: int, frame: Frame) -> int:
    ended = next((o for o in mine if o.attempt == last and o.failure), None)
    slow = ended is None or ended.operation in _SLOW or is_timeout(ended.failure)
    return frame.attempts if slow else frame.quick_attempts


def _is_doubtful(site: Site, source: AddressSource | Empty, seen: Seen, evidence: DnsEvidence) -> bool:
    """The address is one that trusted resolvers do not give, and nothing at it has proven whose it is."""
    if source != "network" or not evidence.trusted_answers or evidence.agrees or site.port == 443:
        return False
    return not any(o.tls.trust == "valid" for o in seen.visits if o.purpose == "target")


def _failed_above_tcp(seen: Seen, address: str) -> bool:
    return any(o.address == address and (o.failure or o.app.proof == FOREIGN) and o.operation != "connect"
               for o in seen.visits)


def _shallow(site: Site, mine: Sequence[Observation]) -> bool:
    """Whether nothing at this address went as far as the site itself."""
    last = _LAST[site.kind]
    return not any(o.operation == last for o in mine)


def _asks_beforehand(site: Site) -> bool:
    """A messenger's port is not asked for anything else until it fails: what it is asked for is no name."""
    return site.kind != "app" or bool(site.sni)


def _was_tried(around: Sequence[Observation], innocent: Visit) -> bool:
    return any(o.purpose == "innocent" and o.address == innocent.address and o.port == innocent.port
               and o.app.protocol == innocent.app for o in around)
