"""Where handshakes fail for a name: other ClientHellos at the same address, the name at a server that agreed.

At most eleven further handshakes for a site (with consent level 1 six, three where a name alone is the key), all at
its first failing address, and eight at each agreed server; each server is asked for three names a run.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from probe.catalogue.sites import Site
from probe.core.observations import Observation
from probe.core.tables.address_sources import AddressSource
from probe.core.tables.failures import Failure, is_timeout, kind_of
from probe.core.tables.shapes import PLAIN, SHAPES, ShapeName
from probe.core.tables.words import Empty
from probe.instruments.steps import Step, Visit
from probe.judge.common.visit_outcomes import NETWORK_PURPOSES
from probe.judge.path.whole_attempts import list_whole_attempts
from probe.judge.tls.foreign_names import find_last_operation
from probe.session.planning.foreign_plan import plan_foreign_names
from probe.session.planning.plan_context import PlanContext, SiteHistory
from probe.session.planning.site_visits import make_target_visit

WORDS: frozenset[Failure] = frozenset(("connection_reset", "eof_error", "generic_timeout_error", "timed_out"))
PATIENCE_S = 4.0
"""Only what passes says anything: nobody needs to wait as long for it as for what convicts."""


def plan_shapes(site: Site, address: str, source: AddressSource | Empty, history: SiteHistory,
                context: PlanContext) -> list[Step]:
    """What is due at `address`, all of whose ordinary attempts have failed; nothing when all of it was done."""
    mine = [o for o in history.visits if o.address == address and o.purpose in NETWORK_PURPOSES]
    if _first_failing(history) != address or not _is_fit(site, mine):
        return []
    return _other_shapes(site, address, source, mine, history, context) if site.sni and _before_hello(mine) else []


def plan_name_elsewhere(site: Site, address: str, history: SiteHistory, context: PlanContext) -> list[Step]:
    """The name at other people's servers, where it fails alike at `address` every time."""
    mine = [o for o in history.visits if o.address == address and o.purpose in NETWORK_PURPOSES]
    if _first_failing(history) != address or not _is_fit(site, mine):
        return []
    return plan_foreign_names(site, address, history, context)


def _first_failing(history: SiteHistory) -> str:
    """One address is enough, and it must stay the same one."""
    return next((o.address for o in history.visits if _ended_by_shape(o) and o.operation != "connect"), "")


def _ended_by_shape(seen: Observation) -> bool:
    """It ended as it does where a hello's shape matters: by a box on the way, or by a server's alert."""
    return seen.failure in WORDS or (bool(seen.failure) and seen.tls.alert >= 0)


def _is_fit(site: Site, mine: Sequence[Observation]) -> bool:
    """Every attempt ended alike where a name is read: in the handshake, or in the request of a plain page."""
    ends = [o for o in mine if o.failure]
    where = find_last_operation(site)
    attempts = set(list_whole_attempts(mine))
    return ({o.attempt for o in ends} == attempts and all(o.operation == where for o in ends)
            and len({kind_of(o.failure) for o in ends}) == 1 and _ended_by_shape(ends[0]))


def _before_hello(mine: Sequence[Observation]) -> bool:
    return not any(o.tls.server_hello for o in mine)


def _other_shapes(site: Site, address: str, source: AddressSource | Empty, mine: Sequence[Observation],
                  history: SiteHistory, context: PlanContext) -> list[Step]:
    shaped = [o for o in history.around if o.purpose == "shape" and (o.address, o.port) == (address, site.port)]
    own = [o for o in shaped if o.hostname == site.host]
    tried = {o.tls.shape for o in own}
    passes = [o for o in own if o.operation == "tls_handshake" and not o.failure and o.tls.alert < 0
              and o.tls.shape in PLAIN]
    innocent_passes = any(o.purpose == "innocent" and (o.address, o.port) == (address, site.port)
                          and o.operation == "tls_handshake" and not o.failure for o in history.around)
    wanted: list[ShapeName] = [name for name in PLAIN if SHAPES[name].consent_level == 1]
    if is_timeout(mine[-1].failure):
        wanted.append("narrow")  # the line may take no large packets
    if tried.issuperset(wanted) and not passes and context.consent_level >= 3:
        wanted += ["split"] if innocent_passes else ["split", "large", "ech"]  # else the name explains it
    if passes:
        return _once_more(site, address, source, passes[0], mine, shaped, context)
    narrow = [o.sequence for o in own if o.tls.shape == "narrow" and o.tls.server_hello]
    if narrow:
        return [] if mine[-1].sequence > narrow[0] else [_again(site, address, source, mine, context)]
    return [_make_shaped_visit(site, address, name, context, site.host, site.sni) for name in wanted
            if name not in tried]


def _once_more(site: Site, address: str, source: AddressSource | Empty, passed: Observation,
               mine: Sequence[Observation], shaped: Sequence[Observation], context: PlanContext) -> list[Step]:
    """What is still to come of this: the library's hello again after the one that passed, then that one again, for a
    block that merely ended between the two would show. Where there was silence, the library's also in small segments,
    for the line may be narrow."""
    own = [o for o in shaped if o.hostname == site.host]
    narrow = [o for o in own if o.tls.shape == "narrow"]
    if is_timeout(mine[-1].failure) and not any(o.sequence > passed.sequence for o in narrow):
        tried = len({o.attempt for o in narrow})
        return [_make_shaped_visit(site, address, "narrow", context, site.host, site.sni, attempt=tried + 1)]
    if not any(o.sequence > passed.sequence for o in mine):
        return [_again(site, address, source, mine, context)]
    if not any(o.tls.shape == passed.tls.shape and o.attempt == 2 for o in own):
        return [_make_shaped_visit(site, address, passed.tls.shape, context, site.host, site.sni, attempt=2)]
    if context.consent_level < 3 or len(own) < len(shaped):
        return []
    return [_make_shaped_visit(site, address, passed.tls.shape, context, context.innocent, context.innocent)]


def _again(site: Site, address: str, source: AddressSource | Empty, mine: Sequence[Observation],
           context: PlanContext) -> Visit:
    """The handshake is enough."""
    again = make_target_visit(site, address, source, context, attempt=max(o.attempt for o in mine) + 1)
    return replace(again, pages=())


def _make_shaped_visit(site: Site, address: str, shape: ShapeName | Empty, context: PlanContext, hostname: str,
                       sni: str, *, attempt: int = 1) -> Visit:
    patience_s = min(context.timeout_s, PATIENCE_S)
    own = hostname == site.host
    return Visit(
        purpose="shape", address=address, port=site.port, hostname=hostname, attempt=attempt, sni=sni, shape=shape,
        alpn=site.alpn, trust=site.trust, target_id=site.endpoints[0].target_id if own else "",
        input=site.endpoints[0].input if own else "", connect_timeout_s=patience_s, tls_timeout_s=patience_s,
    )
