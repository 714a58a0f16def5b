"""How sure a rule that accuses may be: no surer than the innocents that look like it allow.

Whether an innocent situation that nobody has thought of would be accused can only be told from those that were tried.
Of m classes of innocents that show the client the same action, none was accused; then the next one will not be with a
probability of (m + 1) / (m + 2) (Laplace's rule of succession, Essai philosophique sur les probabilités, 1814). A rule
may be less sure than that, and never surer.

`innocents_tried.toml` names the classes (`situation` of the laboratory's scenarios) for each layer and action. It is
filled by hand from a score (`probe lab score`, "Classes of innocents that look like an action of censors"): a class
goes to every action that it looks like if nobody is accused in it, and is taken out where anybody is, until the rules
are better. A test holds the table against the scenarios.
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import msgspec

from probe.core.tables.block_types import BlockTypeId
from probe.core.tables.words import read_word
from probe.judge.common.rule import Rule

INNOCENTS: Mapping[BlockTypeId, tuple[str, ...]] = MappingProxyType(msgspec.convert(
    tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8")),
    dict[BlockTypeId, tuple[str, ...]],
))
"""Layer and action -> classes of innocents that look like it and were tried without an accusation."""
_ACTIONS: Mapping[BlockTypeId, BlockTypeId] = MappingProxyType({"dns": "dns.forged"})
"""What a cause that names no action looks like."""


def find_action(block_type: str) -> str:
    """Layer and action of a cause: what it looks like, whatever sets it off."""
    return ".".join(_ACTIONS.get(read_word(block_type, _ACTIONS), block_type).split(".")[:2])


def count_innocents(rule: Rule[Any]) -> int:
    """m: of classes that look like what the rule names and were tried without an accusation."""
    return sum(len(names) for action, names in INNOCENTS.items() if action == find_action(rule.block_type))


def cap_by_innocents(rule: Rule[Any]) -> float:
    """The confidence that a verdict of this rule states, to two digits and never rounded up: its own, and where it
    accuses at most what the innocents allow."""
    if rule.outcome != "blocked":
        return rule.confidence
    classes = count_innocents(rule)
    return min(rule.confidence, math.floor(100 * (classes + 1) / (classes + 2)) / 100)
