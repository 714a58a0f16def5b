"""What was tried at a site while the line was dark tells nothing of the site, and is left out before it is judged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from probe.core.observations import Observation
from probe.judge.network.dark_spells import DarkSpell, is_silent
from probe.judge.verdicts.site_case import SiteCase


def leave_out_dark(case: SiteCase, spells: Sequence[DarkSpell]) -> SiteCase:
    """The case without attempts that ended in silence while nothing at all was answered."""
    parts = (case.dns, case.visits, case.around, case.flows, case.turns)
    dns, visits, around, flows, turns = (_leave_out(rows, spells) for rows in parts)
    if sum(map(len, (dns, visits, around, flows, turns))) == sum(map(len, parts)):
        return case
    return replace(case, dns=dns, visits=visits, around=around, flows=flows, turns=turns, in_the_dark=True)


def _leave_out(rows: Sequence[Observation], spells: Sequence[DarkSpell]) -> tuple[Observation, ...]:
    lost = {_attempt(o) for o in rows if is_silent(o) and any(spell.holds(o) for spell in spells)}
    return tuple(o for o in rows if _attempt(o) not in lost)


def _attempt(seen: Observation) -> tuple[object, ...]:
    """What one attempt's rows have in common."""
    return (seen.purpose, seen.address, seen.port, seen.hostname, seen.attempt, seen.dns.resolver_address,
            seen.dns.query_type)
