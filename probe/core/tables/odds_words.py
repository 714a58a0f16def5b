"""What may explain how a target fared, and what one more datum would decide between the explanations."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal, get_args

Cause = Literal["ok", "blocked", "service", "network", "local"]
"""ok: nothing keeps people from it. blocked: somebody on the way interferes with this service. service: it, or its own
front, fails or refuses. network: the whole network, or the way to many. local: the device or the household."""
CAUSES: tuple[Cause, ...] = get_args(Cause)

Decider = Literal["control", "neighbour", "search", "wait", "level", "packets", "population"]
DECIDERS: Mapping[Decider, str] = MappingProxyType({
    "control": "a measurement from another network",
    "neighbour": "a harmless name at the same address",
    "search": "a search for the place, which consent level 2 allows",
    "wait": "another run in a few minutes, when what others set off is over",
    "level": "a higher consent level, which allows more comparisons",
    "packets": "a run that may capture packets",
    "population": "runs of others on two networks",
})
"""Word -> what would decide it."""

State = Literal["answers", "fails"]
STATES: tuple[State, ...] = get_args(State)
Group = Literal["conclusion", "way", "nearer", "elsewhere", "beside", "alike", "others", "constancy"]
GROUPS: tuple[Group, ...] = get_args(Group)
"""Groups of findings, in the order in which they are told."""
