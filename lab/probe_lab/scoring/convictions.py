"""Which acts in the truth log concerned a target, and which censorship was bound to act. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from urllib.parse import urlsplit

from probe_lab.box.progress import RunSpan
from probe_lab.box.trigger_table import PLACE_TRIGGERS
from probe_lab.lab_types import DrawnScenario, Value
from probe_lab.truth import TruthEntry

_SCHEDULE = ("from_s", "until_s", "every_s", *(field.name for field in fields(RunSpan)))
_RESIDUAL = "residual:"


@dataclass(frozen=True, slots=True, kw_only=True)
class Acts:
    """What the log shows of one target."""

    any: bool = False
    """Something acted on its traffic, whether censorship or not."""
    causes: frozenset[str] = frozenset()
    """The block types of the censorship among it; empty: a verdict `blocked` would be a false accusation."""


class Log:
    """The truth log of one run, asked for targets."""

    def __init__(self, entries: Iterable[TruthEntry], drawn: DrawnScenario) -> None:
        self._entries = tuple(entries)
        self._drawn = drawn
        holders = Counter(address for plan in drawn.world.hosts.values() for address in (*plan.ipv4, *plan.ipv6))
        self._shared = frozenset(address for address, holding in holders.items() if holding > 1)
        self._by_place = {rule.alias for rule in drawn.rules if rule.trigger in PLACE_TRIGGERS}
        self._by_place |= {fault.alias for fault in drawn.faults}
        self._known: dict[str, Acts] = {}

    def __bool__(self) -> bool:
        """Whether anything acted at all."""
        return bool(self._entries)

    def of(self, subject: str) -> Acts:
        """The acts that concerned the target with this input."""
        if subject not in self._known:
            host = (urlsplit(subject).hostname or "").lower()
            plan = self._drawn.world.hosts.get(host)
            places = frozenset((host, *((*plan.ipv4, *plan.ipv6) if plan else ())))
            found = [entry for entry in self._entries if self._concerns(entry, subject, host, places)]
            causes = frozenset(entry.block_type for entry in found if entry.block_type)
            self._known[subject] = Acts(any=bool(found), causes=causes)
        return self._known[subject]

    def _concerns(self, entry: TruthEntry, subject: str, host: str, places: frozenset[str]) -> bool:
        meant = self._drawn.aliases.get(entry.alias, ())
        # A program's counter may tell no more than that it refused something of theirs.
        if subject in meant and (len(meant) == 1 or not (entry.name or entry.address)):
            return True
        # What a name set off strikes others at its address too: they have suffered, but nobody censors them.
        meant_for_others = bool(entry.alias) and subject not in meant
        if entry.name and entry.name.lower() == host:
            return not (meant_for_others and entry.action.startswith(_RESIDUAL))
        if entry.address not in places:
            return False
        by_name = entry.alias not in self._by_place
        return not (entry.address in self._shared and meant_for_others and by_name)


def uncertain_aliases(drawn: DrawnScenario) -> frozenset[str]:
    """Aliases that nothing is bound to act upon: all that censors them does so at random or at times."""
    acting: Sequence[tuple[str, str, Mapping[str, Value]]] = [
        *((rule.alias, rule.block_type, rule.params) for rule in drawn.rules),
        *((fault.alias, fault.block_type, fault.params) for fault in drawn.faults),
    ]
    certain = {alias for alias, cause, params in acting if cause and not _is_uncertain(params)}
    if drawn.censor:
        certain.add(drawn.censor.alias)
    return frozenset(alias for alias, cause, _ in acting if cause and alias and alias not in certain)


def _is_uncertain(params: Mapping[str, Value]) -> bool:
    return _number(params.get("probability", 1)) < 1 or any(_number(params.get(key, 0)) > 0 for key in _SCHEDULE)


def _number(value: Value) -> float:
    try:
        return float(value if isinstance(value, (int, float)) else str(value))
    except ValueError:
        return 1.0
