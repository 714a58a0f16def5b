"""The next transfer for a site whose flow looks odd: one at a time, the target and its controls in turns. Pure.

An innocent name at the same address goes first, because a box may slow the whole address once it has heard the
forbidden one. What the first transfers show decides how to go on; what has nothing to show ends it.
"""

from __future__ import annotations

from collections.abc import Sequence

from probe.catalogue.sites import Site
from probe.core.nat64 import to_public_address
from probe.core.observations import Observation
from probe.core.tables.evidence_words import TransferKind
from probe.core.tables.purposes import Purpose
from probe.instruments.steps import AskControl, Step, Transfer
from probe.judge.flow.flow_evidence import MOST_BY_CHANCE, PAIRS, chance_of_stalls, looks_slowed, stopped_early
from probe.judge.flow.transfer_evidence import (
    DEAD_BYTES,
    ENOUGH_DEAD,
    SAMPLE,
    YARDSTICK,
    bears_on_stalls,
    has_passed,
    has_usable_rate,
    is_dead,
    is_frozen,
    is_stalled,
    select_visit_transfers,
)
from probe.session.planning.flow_suspects import VolumePlace
from probe.session.planning.plan_context import PlanContext, SiteHistory

MOST_HERE = 8
"""Connections to a site's address for this, under any name."""
MOST_SAMPLES = 7
"""Ordinary visits that stalled or brought much included."""
PASSES = 2
MOST_PIECES = 2
MOST_ELSEWHERE = 6
ENOUGH_STALLS = 3
LOOKS_WHEN_WELL = 2
"""Transfers after which a site that flows well is let go: boxes that freeze most connections let some pass."""


def plan_transfers(site: Site, history: SiteHistory, context: PlanContext) -> list[Step]:
    """At most one transfer that is due, and the question to the controls how theirs fare."""
    address = next((a for host, port, a in context.flow.suspects if (host, port) == (site.host, site.port)), "")
    if not address:
        return _glance(site, history, context)
    url = _url(site, history, address)
    mine = [o for o in history.flows if o.purpose == SAMPLE and o.http.method == "GET"]
    before = select_visit_transfers([*history.visits, *history.flows], address)
    pieces = [o for o in history.flows if o.purpose == SAMPLE and o.http.method == "HEAD"]
    beside = [o for o in history.flows if o.purpose == YARDSTICK and o.address == address]
    others = [o for o in history.flows if o.purpose == YARDSTICK and o.address != address]
    kind = choose_transfer_kind(mine, beside, others, pieces, before=before, places=len(context.flow.yardsticks))
    steps: list[Step] = []
    if kind and mine and (looks_slowed(mine, [*beside, *others]) or any(is_frozen(o) for o in mine)):
        known_as = to_public_address(address, context.nat64_prefix)
        steps += [AskControl(control_id=c, input=site.endpoints[0].input, addresses=(known_as,), volume=known_as)
                  for c in context.controls]
    own = VolumePlace(address=address, port=site.port, sni=site.sni, url=url)
    innocent = VolumePlace(address=address, port=site.port, sni=context.innocent, url=url)
    if kind == "sample":
        steps.append(_step(site, SAMPLE, own, len(mine) + 1))
    elif kind == "pieces":
        steps.append(_step(site, SAMPLE, own, len(pieces) + 1, chunked=True))
    elif kind == "innocent":
        steps.append(_step(site, YARDSTICK, innocent, len(beside) + 1))
    elif kind == "elsewhere":
        place = context.flow.yardsticks[len(others) % len(context.flow.yardsticks)]
        steps.append(_step(site, YARDSTICK, place, len(others) + 1))
    return steps


def _glance(site: Site, history: SiteHistory, context: PlanContext) -> list[Step]:
    """One transfer, where pages were too small to tell; another where it failed before it began."""
    address = next((a for host, port, a in context.flow.glances if (host, port) == (site.host, site.port)), "")
    mine = [o for o in history.flows if o.purpose == SAMPLE]
    if not address or len(mine) >= ENOUGH_DEAD or not all(is_dead(o) for o in mine):
        return []
    own = VolumePlace(address=address, port=site.port, sni=site.sni, url=_url(site, history, address))
    return [_step(site, SAMPLE, own, len(mine) + 1)]


def _step(site: Site, purpose: Purpose, place: VolumePlace, attempt: int, *, chunked: bool = False) -> Transfer:
    first = site.endpoints[0]
    return Transfer(purpose=purpose, address=place.address, port=place.port, sni=place.sni, url=place.url,
                    input=first.input, target_id=first.target_id, attempt=attempt, chunked=chunked)


def _url(site: Site, history: SiteHistory, address: str) -> str:
    """The page with the most to give; the first of the site where none was served."""
    pages = [o for o in history.visits if o.operation == "http_round_trip" and o.address == address
             and any(e.input == o.input for e in site.endpoints)]
    best = max(pages, key=lambda o: (o.http.status == 200, o.bytes_read), default=None)
    return best.input if best else site.endpoints[0].input


def choose_transfer_kind(mine: Sequence[Observation], beside: Sequence[Observation], others: Sequence[Observation],
                         pieces: Sequence[Observation], *, before: Sequence[Observation] = (),
                         places: int) -> TransferKind:
    """What to transfer next: innocent, sample, elsewhere or pieces; empty when it is enough. `before`: what ordinary
    visits showed."""
    if not beside:
        return "innocent"
    if not mine:
        return "sample"
    if all(is_dead(o) for o in mine):
        return "sample" if len(mine) < ENOUGH_DEAD else ""
    if all(o.bytes_read < DEAD_BYTES for o in mine) or any(_ended_small(o) for o in mine):
        return ""
    can_elsewhere = places > 0 and len(others) < MOST_ELSEWHERE
    stops = [o for o in (*before, *mine) if is_frozen(o)]
    if stops:
        telling = [o for o in before if bears_on_stalls(o, stops)]
        kind = _when_frozen([*telling, *mine], beside, others, pieces, can_elsewhere=can_elsewhere)
    else:
        kind = _when_slow(mine, beside, others, can_elsewhere=can_elsewhere)
        if not kind and len(stopped_early(mine)) >= ENOUGH_STALLS and _pieces_are_due(pieces):
            kind = "pieces"
    return kind if kind == "elsewhere" or len(mine) + len(beside) + len(pieces) < MOST_HERE else ""


def _ended_small(seen: Observation) -> bool:
    """The server ends its connections before they could be measured."""
    return bool(seen.failure) and not is_stalled(seen) and not has_usable_rate(seen)


def _when_frozen(mine: Sequence[Observation], beside: Sequence[Observation], others: Sequence[Observation],
                 pieces: Sequence[Observation], *, can_elsewhere: bool) -> TransferKind:
    stalls, passes = sum(is_frozen(o) for o in mine), sum(has_passed(o) for o in others)
    if any(is_stalled(o) for o in others):
        return ""  # others fare so too
    if passes < PASSES and can_elsewhere:
        return "elsewhere"
    if stalls < ENOUGH_STALLS:
        return "sample" if len(mine) < MOST_SAMPLES else ""
    # many others that do not stall are telling, too
    if chance_of_stalls(stalls, len(mine), len(others)) > MOST_BY_CHANCE:
        return "elsewhere" if can_elsewhere else "sample" if len(mine) < MOST_SAMPLES else ""
    if _pieces_are_due(pieces):
        return "pieces"
    if has_passed(beside[0]) and len(beside) < 2:
        return "innocent"
    last_s = max(o.t_s for o in mine)
    return "elsewhere" if can_elsewhere and not any(has_passed(o) and o.t_s > last_s for o in others) else ""


def _when_slow(mine: Sequence[Observation], beside: Sequence[Observation], others: Sequence[Observation], *,
               can_elsewhere: bool) -> TransferKind:
    innocent = [o for o in beside if has_usable_rate(o)]
    if innocent and looks_slowed(mine, innocent):
        if len(mine) >= PAIRS and len(innocent) >= PAIRS:
            return ""
        return "innocent" if len(beside) <= len(mine) and len(beside) < PAIRS else _more(mine)
    elsewhere = [o for o in others if has_usable_rate(o)]
    if not elsewhere and can_elsewhere:
        return "elsewhere"
    if not elsewhere or not looks_slowed(mine, elsewhere):
        return "sample" if len(mine) < LOOKS_WHEN_WELL else ""
    if innocent and len(beside) < 2:
        return "innocent"
    if len(elsewhere) < len(mine) and can_elsewhere:
        return "elsewhere"
    return _more(mine)


def _pieces_are_due(pieces: Sequence[Observation]) -> bool:
    return len(pieces) < MOST_PIECES and not any(is_stalled(o) for o in pieces)


def _more(mine: Sequence[Observation]) -> TransferKind:
    return "sample" if len(mine) < PAIRS else ""
