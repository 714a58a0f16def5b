"""A made-up network in which a shape, or a name at some address, may fare otherwise than the site's own visits."""

from __future__ import annotations

from collections.abc import Callable

from made_up_net import Net
from observations import HERE4, replace_flat
from probe.core.observations import Observation
from probe.core.tables.purposes import FOREIGN_NAMES
from probe.instruments.steps import Visit

DNS: dict[str, tuple[str, ...] | str] = dict.fromkeys(("system", "network", "public", "tcp", "doh"), (HERE4,))


class AnsweringNet(Net):
    """What `passes` is answered; other visits of these kinds end as the site's own do."""

    passes: Callable[[Visit], bool] = staticmethod(lambda step: False)

    def _visit(self, step: Visit) -> list[Observation]:
        if step.purpose not in ("shape", *FOREIGN_NAMES):
            return super()._visit(step)
        cut = self.cuts[HERE4]
        seen = Net(dns={}, cuts={} if self.passes(step) else {step.address: cut})._visit(step)
        return [replace_flat(o, trust="") for o in seen]


def net_of(cut: tuple[str, str], passes: Callable[[Visit], bool], *, innocent: bool = True) -> AnsweringNet:
    """One address, at which the site's own visits end by `cut`."""
    net = AnsweringNet(dns=DNS, cuts={HERE4: cut}, innocent_cuts={} if innocent else {HERE4: cut})
    net.passes = passes
    return net
