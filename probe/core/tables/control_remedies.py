"""What decides a finding that lacks a control, and the command for it."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from probe.core.tables.block_types import BlockTypeId

FIRST_CONTROL: Final = "probe setup"
"""For whoever has no control: it offers all ways by name, and says what each tells to whom."""
FIRST_UNDECIDED: tuple[BlockTypeId, ...] = ("inconclusive.no_control", "inconclusive.control_failed")
"""One control that answers would decide it."""
SECOND_UNDECIDED: BlockTypeId = "inconclusive.control_doubtful"
"""Where one control fails as well: a second in another network and country would decide it."""
REMEDIES: Mapping[BlockTypeId, str] = MappingProxyType({
    "inconclusive.no_control": f"one control elsewhere: {FIRST_CONTROL} offers some, and says what each tells to whom",
    "inconclusive.control_failed": "a control that answers: probe doctor says how those are that are named; what a "
                                   "feed says of a first failure counts from the next run on",
    "inconclusive.control_doubtful": "a second control in another network and country, or a feed of volunteers, which "
                                     f"is several: {FIRST_CONTROL}",
    "inconclusive.disagreeing": f"a further control, which shows whom to believe: {FIRST_CONTROL}",
    "inconclusive.unplaced": "more runs (probe install), other networks (probe collect), or packets (probe doctor): a "
                             "control alone cannot tell a block from a refusal by the service",
})
"""Block type -> what would decide it."""
