"""Targets of which everything went well, judged once for all measurements that look alike.

Most measurements of messengers are well and say the same: the same names, addresses and statuses. What our rules say of
such a target depends on these alone, so it is kept. Whatever failed, was not tried, or is known of a filter is judged
with everything else in its run.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from operator import attrgetter
from typing import Any

from probe.core.endpoints import Endpoint
from probe.core.observation_parts import AppPart
from probe.core.observations import Observation
from probe.core.verdicts import Verdict
from probe.judge.path.whole_attempts import DEPTHS
from probe.judge.verdicts.combine import MAX_EVIDENCE
from probe_analysis.imported.row_filling import replace_fast

MAX_KEPT = 1024
"""Kinds of targets that are remembered."""
JudgeAlone = Callable[[Verdict, Sequence[Observation]], tuple[Verdict, Endpoint] | None]
"""What judges a target by its own rows; None where they name no endpoint."""


@dataclass(slots=True)
class ClearTargets:
    """What was said of targets that were well, by what was seen of them."""

    known: OrderedDict[Hashable, tuple[Verdict, Endpoint] | None] = field(default_factory=OrderedDict)

    def judge(self, target: Verdict, rows: Sequence[Observation], judge: JudgeAlone) -> tuple[Verdict, Endpoint] | None:
        """The verdict of a target that is well throughout, and the endpoint that it is of; None where it is not."""
        if not rows or any([any(_read_trouble(o)) for o in rows]):
            return None
        kinds = frozenset(map(_read_essence, rows))
        key = target.target_id, target.service, target.input, frozenset(target.theirs), kinds
        if key in self.known:
            self.known.move_to_end(key)
        else:
            found = judge(replace(target, sources=()), sorted(map(_make_bare, kinds), key=_place_in_order))
            self.known[key] = found if found and found[0].outcome == "ok" else None
            if len(self.known) > MAX_KEPT:
                self.known.popitem(last=False)
        kept = self.known[key]
        return (_renew(kept[0], target, rows), kept[1]) if kept else None


_read_trouble = attrgetter("failure", "reason", "fingerprint", "tainted_by", "packets")
_COMMON = ("operation", "purpose", "target_id", "input", "hostname", "address", "address_source", "port", "family",
           "met_expectation")
_OF_PARTS: Mapping[str, tuple[str, ...]] = {
    "dns": ("engine", "resolver", "resolver_address", "answers"), "tls": ("trust", "sni", "server_hello"),
    "http": ("url", "status", "location"), "app": tuple(f.name for f in fields(AppPart)),
}
_read_essence: Callable[[Observation], tuple[Any, ...]] = attrgetter(
    *_COMMON, *(f"{part}.{name}" for part, names in _OF_PARTS.items() for name in names))
"""All that our rules are shown of an operation that went well: `_make_bare` makes a row of this alone."""


def _make_bare(essence: tuple[Any, ...]) -> Observation:
    """A row with nothing but its essence, so that what is kept never depends on which of many was seen first."""
    values = iter(essence)
    common = {name: next(values) for name in _COMMON}
    empty = Observation(operation="connect")
    parts = {part: replace(getattr(empty, part), **{name: next(values) for name in names})
             for part, names in _OF_PARTS.items()}
    return Observation(**common, **parts)


def _place_in_order(observation: Observation) -> tuple[int, str]:
    """From lookups to pages, and among these always alike."""
    return DEPTHS.get(observation.operation, 0), repr(_read_essence(observation))


def _renew(verdict: Verdict, target: Verdict, rows: Sequence[Observation]) -> Verdict:
    looked_up = not any(o.target_id for o in rows)
    own = [o for o in rows if (o.target_id or looked_up) and o.purpose == "target"]
    return replace_fast(verdict, theirs=target.theirs, sources=target.sources,
                        evidence=tuple([o.observation_id for o in own[:MAX_EVIDENCE]]),
                        attempts=len({o.attempt for o in own}))
