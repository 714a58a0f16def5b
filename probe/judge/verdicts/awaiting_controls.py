"""How much of a run one more control would decide. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from probe.core.tables.control_remedies import FIRST_UNDECIDED, SECOND_UNDECIDED
from probe.core.tables.control_sources import ControlWord
from probe.core.tables.words import Empty
from probe.core.verdicts import Verdict

_SILENT: tuple[ControlWord | Empty, ...] = ("", "none", "failed")


@dataclass(frozen=True, slots=True, kw_only=True)
class AwaitingControls:
    """Targets that fail here and are undecided."""

    first: int = 0
    """For want of any control that answers."""
    second: int = 0
    """Since a single control fails as well."""


NONE_AWAITED = AwaitingControls()


def count_awaiting(verdicts: Iterable[Verdict]) -> AwaitingControls:
    """Count them."""
    undecided = [v for v in verdicts if v.outcome == "inconclusive"]
    return AwaitingControls(
        first=sum(v.block_type in FIRST_UNDECIDED and v.control in _SILENT for v in undecided),
        second=sum(v.block_type == SECOND_UNDECIDED and v.control == "agrees" for v in undecided))
