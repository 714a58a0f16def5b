"""Targets of which everything went well, judged once for all measurements that look alike.

Most measurements of messengers are well and say the same: the same names, addresses and statuses. What our rules say of
such a target depends on these alone, so it is kept. Whatever failed, was not tried, or is known of a filter is judged
with everything else in its run.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field

from probe.core.endpoints import Endpoint
from probe.core.observations import Observation
from probe.core.renewal import make_renewer, renew
from probe.core.verdicts import Verdict
from probe.inference.verdicts.combine import MAX_EVIDENCE

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
        if not rows or any(o.failure or o.reason or o.fingerprint or o.tainted_by or o.packets for o in rows):
            return None
        kinds = {_essence(o): o for o in rows}
        key = target.target_id, target.service, target.input, frozenset(kinds)
        if key in self.known:
            self.known.move_to_end(key)
        else:
            alone = sorted(kinds.values(), key=lambda o: o.t0_s)
            found = judge(target, [renew(o, attempt=1) for o in alone])
            self.known[key] = found if found and found[0].outcome == "ok" else None
            if len(self.known) > MAX_KEPT:
                self.known.popitem(last=False)
        kept = self.known[key]
        return (_renew(kept[0], target, rows), kept[1]) if kept else None


def _essence(o: Observation) -> Hashable:
    """What our rules read of an operation that went well, but for times and numbers."""
    return (o.operation, o.purpose, o.input, o.hostname, o.address, o.address_source, o.port, o.met_expectation,
            o.http.status, o.http.location, o.tls.trust, o.tls.sni, o.dns.engine, o.dns.resolver,
            o.dns.resolver_address, o.dns.answers, o.app)


_say_again = make_renewer(Verdict, "theirs", "sources", "evidence", "attempts")


def _renew(verdict: Verdict, target: Verdict, rows: Sequence[Observation]) -> Verdict:
    looked_up = not any(o.target_id for o in rows)
    own = [o for o in rows if (o.target_id or looked_up) and o.purpose == "target"]
    return _say_again(verdict, theirs=target.theirs, sources=target.sources,
                      evidence=tuple([o.observation_id for o in own[:MAX_EVIDENCE]]),
                      attempts=len({o.attempt for o in own}))
