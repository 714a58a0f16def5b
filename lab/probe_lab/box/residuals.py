"""Residual blocking: for a while after a rule fired, what the same places exchange is hit whatever it says."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from probe_lab.box.flows import FlowKey
from probe_lab.box.rulebook import BoxRule

_MAX_TUPLES = 4096
_LONGEST_S = 3600.0

Tuple = tuple[str | int, ...]

TUPLES: Mapping[str, Callable[[FlowKey], Tuple]] = {
    "1": lambda key: (key.client,),
    "2": lambda key: (key.client, key.server),
    "3": lambda key: (key.proto, key.client, key.server, key.sport),
    "4": lambda key: tuple(key),
}
"""What a later flow must share with the one that set the rule off."""


@dataclass(frozen=True, slots=True)
class _Entry:
    rule: BoxRule
    from_s: float
    until_s: float
    lasts_s: float
    flow: FlowKey
    """That set it off last."""


class Residuals:
    """The tuples under residual blocking; the oldest make room for new ones."""

    def __init__(self) -> None:
        self._entries: OrderedDict[Tuple, dict[int, _Entry]] = OrderedDict()

    def arm(self, rule: BoxRule, key: FlowKey, now_s: float) -> None:
        """The rule fired on this flow: its sequel waits for others, anew from now on."""
        where = TUPLES[rule.residual_tuple](key)
        last = self._entries.setdefault(where, {}).get(rule.number)
        lasts_s = last.lasts_s if last else rule.residual_s
        if last and last.flow != key:
            lasts_s = max(lasts_s, min(lasts_s * rule.residual_grows, _LONGEST_S))
        entry = _Entry(rule, now_s + rule.delay_s, now_s + lasts_s, lasts_s, key)
        self._entries[where][rule.number] = entry
        self._entries.move_to_end(where)
        if len(self._entries) > _MAX_TUPLES:
            self._entries.popitem(last=False)

    def renew(self, sequel: BoxRule, key: FlowKey, now_s: float) -> None:
        """A later flow was hit by this sequel: the time begins anew."""
        where = TUPLES[sequel.residual_tuple](key)
        entry = self._entries.get(where, {}).get(sequel.number)
        if entry:
            self._entries[where][sequel.number] = replace(entry, until_s=now_s + entry.lasts_s)

    def sequels(self, key: FlowKey, now_s: float) -> tuple[BoxRule, ...]:
        """The rules that a packet of this flow meets now."""
        if not self._entries:
            return ()
        entries = [entry for shape in TUPLES.values() for entry in self._entries.get(shape(key), {}).values()]
        return tuple(
            entry.rule.sequel for entry in entries if entry.from_s <= now_s < entry.until_s and entry.rule.sequel
        )

    def may_hit(self, key: FlowKey) -> bool:
        """Whether anything waits for flows of these places, or has waited for them."""
        return bool(self._entries) and any(shape(key) in self._entries for shape in TUPLES.values())
