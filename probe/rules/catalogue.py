"""Every rule of every table, for those who explain, count or test them."""

from __future__ import annotations

from typing import Any

from probe.rules.dns import DNS_RULES
from probe.rules.network import NETWORK_RULES
from probe.rules.path import PATH_RULES
from probe.rules.table import Rule


def all_rules() -> tuple[Rule[Any], ...]:
    """Network, name and path rules, in the order in which they are tried."""
    return (*NETWORK_RULES, *DNS_RULES, *PATH_RULES)


_MOVING = frozenset({"net/changed"})
"""What no device meets that stays where it is, as those of scenarios do (`tests/test_lab_moves.py` moves one)."""


def deciding_rules(slots: int = 1) -> tuple[Rule[Any], ...]:
    """The rules that can be the verdict of a run with so many time slots (`probe.compare.slots`), of a device that
    stays in its network."""
    return tuple(rule for rule in all_rules() if not rule.hands_on and rule.id not in _MOVING
                 and (slots > 1 or "later_slots" not in rule.needs))


def convictable(have: frozenset[str]) -> dict[str, bool]:
    """Block type -> whether an installation with these means (`probe.rules.table.NEEDS`) can convict it."""
    found: dict[str, bool] = {}
    for rule in all_rules():
        if rule.outcome == "blocked":
            able = all(need == "nothing" or need in have for need in rule.needs)
            found[rule.block_type] = found.get(rule.block_type, False) or able
    return dict(sorted(found.items()))
