"""How long a probe's name must have been known before its word counts.

Whoever can send results can make up names. A name costs nothing; days in which it was there before cost patience.
"""

from __future__ import annotations

from typing import Literal

NameStanding = Literal["established", "fresh", "unknown"]
"""Of the names whose word counts in a cell. `fresh`: nobody in the network was known on that day. `unknown`:
nobody could have been, since the data set had just begun, or names were known by the times of their own runs alone,
which can be made up: no record of the collector tells of that day."""

ESTABLISHED_DAYS = 3
"""Days before today on which a name must have measured in the same network, or since which the collector knows it.

Names change with the month, so each day more is a day more of each month in which honest probes are nobody; and each
day less is a day less that somebody must wait, and be seen, who makes up names. Three days cost a tenth of each month.
"""
HISTORY_DAYS = 30
"""How far back is looked: names last a month."""
MOST_OF_PREFIX = 2
"""Names of one prefix of addresses (/24, /48) that count in a network on one day, where the collector tells prefixes: a
household or a rented server has one, and two volunteers behind one carrier's gateway still count."""
