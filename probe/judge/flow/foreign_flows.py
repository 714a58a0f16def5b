"""How transfers fare under a site's name at helpers whose operators agreed, beside innocent ones of the same bytes.

A service's own front can slow its own name, for one country or for all, and an innocent name at the same address then
shows nothing of who does it. At a server of somebody else no front of the service's acts. So where transfers under the
name crawl or fall silent at helpers, all of them, and those under an innocent name from the very same servers do not,
before and after, something on the way goes by the name.

A helper could do so by itself, and its line may be slow. So helpers count together, in different networks, and only
where they agree; and pace counts only against that of innocent transfers from the same helper. A helper that lets the
name pass shows nothing, for the way to it may be another.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

from probe.catalogue.owners import name_network
from probe.catalogue.sites import Site
from probe.core.helper_bytes import TEST_BYTES
from probe.core.observations import Observation
from probe.core.tables.evidence_words import Elsewhere, FlowStrike
from probe.core.tables.purposes import Purpose
from probe.core.tables.words import Empty
from probe.judge.flow.flow_evidence import SLOWED
from probe.judge.flow.transfer_evidence import has_passed, is_stalled, is_trickling, mean_rate
from probe.judge.tls.foreign_names import AGREED_HELPERS, is_unrelated_helper

AT_HELPERS: Final[Purpose] = "foreign_helper"
TURNS: tuple[bool, ...] = (False, True, False, True, True, False)
"""Transfers at one helper, in order; True: under the site's own name. By chance the three are the slowest of six once
in twenty times, and so at two helpers once in four hundred."""
_HTTP_OK = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignFlows:
    """What transfers under a site's name met at helpers."""

    word: Elsewhere = ""
    """helpers: struck at all of them, in several networks; passes: they came whole at any; empty: not shown."""
    strikes: tuple[FlowStrike, ...] = ()
    """What befell them where they were struck, each kind once."""


UNASKED = ForeignFlows()


def gather_foreign_flows(site: Site, flows: Sequence[Observation], addresses: Collection[str]) -> ForeignFlows:
    """`flows` were made for the sake of the site, which is served at `addresses`."""
    places = group_by_helper(flows, addresses)
    struck = {place: [tell_strike(o, there) for o in there if _is_own(o, site)] for place, there in places.items()}
    if any(_comes(o, there) for there in places.values() for o in there if _is_own(o, site)):
        return ForeignFlows(word="passes")
    done = all(len(there) == len(TURNS) and may_be_struck(site, there) for there in places.values())
    if not done or len({name_network(address) for address, _ in places}) < AGREED_HELPERS:
        return UNASKED
    kinds = {strike for strikes in struck.values() for strike in strikes if strike}
    return ForeignFlows(word="helpers", strikes=tuple(sorted(kinds)))


def group_by_helper(flows: Sequence[Observation],
                    addresses: Collection[str]) -> dict[tuple[str, int], list[Observation]]:
    """Transfers at helpers that have nothing to do with the site, by address and port, in order."""
    found: dict[tuple[str, int], list[Observation]] = {}
    for seen in sorted(flows, key=lambda o: o.sequence):
        if seen.purpose == AT_HELPERS and is_unrelated_helper(seen.address, addresses):
            found.setdefault((seen.address, seen.port), []).append(seen)
    return found


def may_be_struck(site: Site, there: Sequence[Observation]) -> bool:
    """Whether all transfers at one helper, so far, are as they are where the name is struck: in turns, and own
    ones struck."""
    turns = [_is_own(o, site) for o in there]
    return turns == list(TURNS[:len(turns)]) and all(
        bool(tell_strike(o, there)) if own else _flows(o) for own, o in zip(turns, there, strict=True))


def tell_strike(seen: Observation, there: Sequence[Observation]) -> FlowStrike | Empty:
    """What befell a transfer, held against the innocent ones at the same helper, `there`."""
    innocents = [o for o in there if o.tls.sni != seen.tls.sni]
    if not innocents or _is_other_answer(seen):
        return ""
    if not seen.bytes_read:  # after the name was said: that nobody connects tells nothing of it
        return "lossy" if is_stalled(seen) and seen.bytes_written else ""
    if is_stalled(seen) and not is_trickling(seen):
        return "frozen" if 2 * seen.bytes_read <= min(o.bytes_read for o in innocents) else ""
    flows = is_trickling(seen) and (not seen.failure or is_stalled(seen))
    return "slowed" if flows and mean_rate(seen) <= SLOWED * min(map(mean_rate, innocents)) else ""


def _is_own(seen: Observation, site: Site) -> bool:
    return seen.tls.sni == site.sni


def _flows(seen: Observation) -> bool:
    """The helper gave the test bytes, and enough of them came, or they flowed until the time was up."""
    return has_passed(seen) and seen.http.status == _HTTP_OK and not _is_other_answer(seen)


def _comes(seen: Observation, there: Sequence[Observation]) -> bool:
    return _flows(seen) and seen.bytes_read >= TEST_BYTES and not tell_strike(seen, there)


def _is_other_answer(seen: Observation) -> bool:
    """The helper answered, and not with the test bytes: it is none of ours, is asked too often, or gives none."""
    return bool(seen.http.status) and (seen.http.status, seen.http.body_bytes) != (_HTTP_OK, TEST_BYTES)
