"""Small exchanges in turns for a service whose connections lose what others' do not. Pure.

Bare connections cost about 300 bytes each way, handshakes about 5 kB. In a run that need not be over soon they take
more than a minute, and both names are asked; else bare ones follow each other quickly, and loss by name is left to
other runs, for an address is shaken hands with three times in ten seconds at most.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from probe.catalogue.sites import Site
from probe.core.tables.purposes import Purpose
from probe.instruments.steps import Step, Visit
from probe.judge.flow.loss_evidence import BESIDE, TURN
from probe.session.planning.loss_suspects import LossPlace, LossSuspect
from probe.session.planning.plan_context import PlanContext
from probe.session.planning.site_visits import make_innocent_visit, make_target_visit

TURNS = 24
APART_S = 7.0
"""Between turns: two handshakes with one address in each."""
APART_TOGETHER_S = 0.3


def plan_loss_turns(site: Site, context: PlanContext) -> list[Step]:
    """All exchanges of all turns at once; each has its moment."""
    suspect = next((s for s in context.loss.suspects if s.input == site.endpoints[0].input), None)
    return list(_list_exchanges(site, suspect, context)) if suspect else []


def _list_exchanges(site: Site, suspect: LossSuspect, context: PlanContext) -> Iterator[Step]:
    """The order within a turn changes from one to the next, so that nobody is always the first."""
    for number in range(1, TURNS + 1):
        begin_s = context.loss.begin_s + (number - 1) * (APART_TOGETHER_S if context.together else APART_S)
        beside = suspect.yardsticks[number % len(suspect.yardsticks)]
        turn = [_bare(site, TURN, suspect.place, context), _bare(site, BESIDE, beside, context)]
        if site.sni and not context.together:
            turn += _under_two_names(site, suspect.place, context)
        for step in turn if number % 2 else turn[::-1]:
            yield replace(step, attempt=number, not_before_s=begin_s)


def _bare(site: Site, purpose: Purpose, place: LossPlace, context: PlanContext) -> Visit:
    """A connection that says nothing and ends."""
    first = site.endpoints[0]
    return Visit(purpose=purpose, address=place.address, port=place.port, hostname="", input=first.input,
                 target_id=first.target_id, ends_stream=True, connect_timeout_s=context.timeout_s)


def _under_two_names(site: Site, place: LossPlace, context: PlanContext) -> list[Visit]:
    own = make_target_visit(site, place.address, "", context, attempt=1, depth="tls")
    innocent = make_innocent_visit(site, place.address, context)
    first = site.endpoints[0]
    return [replace(visit, purpose=purpose, trust="none", until_server_hello=False, needs_alpn=False,
                    input=first.input, target_id=first.target_id, ends_stream=True)
            for visit, purpose in ((own, TURN), (innocent, BESIDE))]
