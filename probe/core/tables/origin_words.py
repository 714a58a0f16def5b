"""Whether a run was uploaded from the network that it says it was made in, as the collector saw it."""

from __future__ import annotations

from typing import Literal, get_args

OriginWord = Literal["same", "other", "unknown"]
"""`same`: from the network and country that it names. `other`: from another one; later and elsewhere, through a proxy,
or by somebody who was never there. `unknown`: nobody wrote it down, or the table does not know the address, or the run
names no network."""
ORIGIN_WORDS: tuple[OriginWord, ...] = get_args(OriginWord)
