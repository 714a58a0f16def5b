"""The client's own line, from its card to its first router: what is lost there, held up, limited or translated."""

from __future__ import annotations

import random
from collections.abc import Iterable

from probe_lab.lab_types import Fault, World
from probe_lab.path.fault_notes import FaultNotes
from probe_lab.path.later_address import LaterAddress
from probe_lab.path.line_faults import LineFaults
from probe_lab.path.nat64_router import Nat64
from probe_lab.path.nat_limit import NatLimit
from probe_lab.path.quota import Quota
from probe_lab.path.shaping import Shaper
from probe_lab.servers.faults import number

_QUEUE_MS = 1000.0


class AccessLine:
    """Both directions of the client's line. Times given must not go backwards."""

    def __init__(self, world: World, faults: Iterable[Fault], *, notes: FaultNotes, started_s: float) -> None:
        """Faults of other kinds are ignored. Raises ValueError for a rate or a volume that makes no sense."""
        by_kind: dict[str, Fault] = {}
        faults = tuple(faults)
        for fault in faults:
            by_kind.setdefault(fault.kind, fault)
        slow, nat, quota = (by_kind.get(kind) for kind in ("slow_line", "nat_limit", "quota"))
        change = by_kind.get("address_changes")
        self._later = LaterAddress(change, world=world, started_s=started_s) if change else None
        self._vanish = LineFaults(faults, notes=notes, started_s=started_s)
        self._loss = world.loss
        self._rng = random.Random(f"loss {world.seed}")
        self._nat64 = Nat64(world) if "nat64" in by_kind else None
        self._limit = NatLimit(nat) if nat else None
        self._quota = Quota(quota, world=world) if quota else None
        self._out = _shaper(slow) if slow else None
        self._in = _shaper(slow) if slow else None

    @property
    def plain(self) -> bool:
        """Whether nothing ever happens on this line."""
        parts = (self._vanish, self._loss, self._nat64, self._limit, self._quota, self._out, self._later)
        return not any(parts)

    def outward(self, raw: bytes, now_s: float) -> tuple[bytes, float] | None:
        """A packet of the client as it reaches the first router, and when; None when it never does."""
        if self._nat64 is not None:
            translated = self._nat64.outward(raw)
            if translated is None:
                return None
            raw = translated
        if not self._survives(raw, to_server=True, now_s=now_s):
            return None
        if self._limit is not None and not self._limit.passes(raw, to_server=True, now_s=now_s):
            return None
        if self._quota is not None:
            counted = self._quota.outward(raw)
            if counted is None:
                return None
            raw = counted
        return _after(self._out, raw if self._later is None else self._later.outward(raw, now_s), now_s)

    def inward(self, raw: bytes, now_s: float) -> tuple[tuple[bytes, ...], float] | None:
        """A packet for the client as it comes out of the line, perhaps in fragments, and when; None: it never does."""
        mine = raw if self._later is None else self._later.inward(raw, now_s)
        if mine is None:
            return None
        raw = mine
        if self._quota is not None:
            counted = self._quota.inward(raw)
            if counted is None:
                return None
            raw = counted
        if self._limit is not None and not self._limit.passes(raw, to_server=False, now_s=now_s):
            return None
        if not self._survives(raw, to_server=False, now_s=now_s):
            return None
        sent = _after(self._in, raw, now_s)
        if sent is None:
            return None
        return self._nat64.inward(raw) if self._nat64 is not None else (raw,), sent[1]

    def complaint(self, raw: bytes, *, sender: str) -> bytes | None:
        """What the sender of a packet for the client is told when the line cannot take it; None: nothing."""
        return self._nat64.too_big(raw, sender=sender) if self._nat64 is not None else None

    def _survives(self, raw: bytes, *, to_server: bool, now_s: float) -> bool:
        if self._vanish and self._vanish.swallows(raw, host=_far(raw, to_server), to_server=to_server, now_s=now_s):
            return False
        return not self._loss or self._rng.random() >= self._loss


def _shaper(fault: Fault) -> Shaper:
    queue_s = number(fault.params, "queue_ms", _QUEUE_MS) / 1000
    return Shaper(rate_bps=number(fault.params, "rate_bps", 0), queue_s=queue_s)


def _after(shaper: Shaper | None, raw: bytes, now_s: float) -> tuple[bytes, float] | None:
    if shaper is None:
        return raw, now_s
    left_s = shaper.send(len(raw), now_s)
    return None if left_s is None else (raw, left_s)


def _far(raw: bytes, to_server: bool) -> bytes:
    """The address at the other end of a packet."""
    first = (16 if to_server else 12) if raw[0] >> 4 == 4 else (24 if to_server else 8)
    return raw[first : first + (4 if raw[0] >> 4 == 4 else 16)]
