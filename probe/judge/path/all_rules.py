"""Every rule of every table, for those who explain, count or test them."""

from __future__ import annotations

from typing import Any

from probe.judge.common.rule import Rule
from probe.judge.dns.dns_rules import DNS_RULES
from probe.judge.network.network_rules import NETWORK_RULES
from probe.judge.path.path_rules import PATH_RULES


def list_rules() -> tuple[Rule[Any], ...]:
    """Network, name and path rules, in the order in which they are tried."""
    return (*NETWORK_RULES, *DNS_RULES, *PATH_RULES)


_MOVING = frozenset({"net/changed"})
"""What no device meets that stays where it is, as those of scenarios do; `test_lab_moves.py` moves one."""


def decides_fast_runs(rule: Rule[Any]) -> bool:
    """Whether a rule can be the verdict of a run with one time slot (`probe.judge.common.time_slots`), of a
    device that stays in its network."""
    return not rule.hands_on and rule.id not in _MOVING and "later_slots" not in rule.needs


def list_convictable(have: frozenset[str]) -> dict[str, bool]:
    """Block type -> whether an installation with these means (`probe.judge.common.rule.NEEDS`) can convict it."""
    found: dict[str, bool] = {}
    for rule in list_rules():
        if rule.outcome == "blocked":
            able = all(need == "nothing" or need in have for need in rule.needs)
            found[rule.block_type] = found.get(rule.block_type, False) or able
    return dict(sorted(found.items()))
