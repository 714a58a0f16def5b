"""How many foreign names a server is asked for in a run: sites that fail at once do not see each other's plans."""

from __future__ import annotations

from collections import defaultdict

from probe.core.tables.purposes import FOREIGN_NAMES
from probe.instruments.steps import Step, Transfer, Visit
from probe.session.planning.foreign_plan import NAMES_PER_SERVER


class NameQuota:
    """The sites for whose sake each server may be asked: those for which it is asked first."""

    def __init__(self) -> None:
        self._inputs: dict[tuple[str, int], set[str]] = defaultdict(set)

    def admits(self, step: Step) -> bool:
        """Whether the step may be taken; one that is admitted counts from now on."""
        if not isinstance(step, Visit | Transfer) or step.purpose not in FOREIGN_NAMES:
            return True
        inputs = self._inputs[step.address, step.port]
        if len(inputs) < NAMES_PER_SERVER:
            inputs.add(step.input)
        return step.input in inputs
