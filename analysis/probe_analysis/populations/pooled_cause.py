"""The cause that many probe-hours agree on, as deep as they do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Literal

from probe.core.tables.block_types import BLOCK_TYPES, CauseId, is_ancestor
from probe.core.tables.words import read_word
from probe_analysis.tables.cause_words import ACTIONS, LAYERS, Action, Layer, Trigger

AGREED = 2 / 3
"""Share of those who name a cause this deep."""

MAX_DEPTH = 4

Family = Literal["lie", "page", "name_ended", "name_silent", "address_ended", "address_silent", "flow"]
"""Ways of acting that one and the same front does not mix: at the resolver, by another page, on a name or on an
address, by an end or by silence, or once bytes flow."""

_SILENT: tuple[Action, ...] = ("drop", "mute", "blackhole", "timeout")
_PAGES: tuple[Action, ...] = ("blockpage", "redirect")
_ADDRESS: tuple[Layer, ...] = ("ip", "tcp")
_NAMED: tuple[Trigger, ...] = ("sni", "host")


def pool_causes(causes: Mapping[str, int]) -> CauseId:
    """The deepest path on which the probe-hours agree; empty where not even the layer is agreed on.

    Who names a shallower cause of the same branch says nothing against a deeper one.
    """
    path = ""
    for depth in range(1, MAX_DEPTH + 1):
        deeper: Counter[str] = Counter()
        for cause, hours in causes.items():
            parts = cause.split(".")
            if len(parts) >= depth and (not path or is_ancestor(path, cause)):
                deeper[".".join(parts[:depth])] += hours
        if not deeper:
            break
        name, hours = max(deeper.items(), key=lambda item: (item[1], item[0]))
        known = BLOCK_TYPES.get(read_word(name, BLOCK_TYPES))
        if hours < AGREED * deeper.total() or known is None or known.outcome != "blocked":
            break
        path = name
    return read_word(path, BLOCK_TYPES)


def find_layer(cause: str) -> Layer:
    """The layer at which a cause acts."""
    return read_word(cause.partition(".")[0], LAYERS)


def find_family(cause: str) -> Family:
    """How a cause acts."""
    layer, action = find_layer(cause), read_word(cause.partition(".")[2].partition(".")[0], ACTIONS)
    if action in _PAGES:
        return "page"
    if layer == "dns" or action == "mitm":
        return "lie"
    if layer == "flow" or action == "degrade":
        return "flow"
    if layer in _ADDRESS:
        return "address_silent" if action in _SILENT else "address_ended"
    return "name_silent" if action in _SILENT else "name_ended"


def is_of_name(cause: str) -> bool:
    """Whether the cause was seen to strike a name alone, so that neither a lost route nor a refused address is it."""
    return find_layer(cause) == "dns" or cause.rpartition(".")[2] in _NAMED


def are_compatible(one: str, other: str) -> bool:
    """Whether two causes may be the same one, named more or less deeply."""
    return is_ancestor(one, other) or is_ancestor(other, one)
