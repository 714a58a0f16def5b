"""How the router writes down the faults that stand for censorship when they act."""

from __future__ import annotations

from probe_lab.lab_types import Fault
from probe_lab.truth import TruthEntry, TruthLog
from probe_lab.wire.packet import unpack_address

MAX_ENTRIES_PER_HOST = 200


class FaultNotes:
    """Entries of the truth log for acts of the router's faults, so many for each host at most."""

    def __init__(self, truth: TruthLog) -> None:
        self._truth = truth
        self._entries: dict[tuple[str, bytes], int] = {}

    def write(self, fault: Fault, *, host: bytes, to_server: bool, now_s: float) -> None:
        """Note that a fault acted on a packet from or to a host; one without a block type leaves no note."""
        if not fault.block_type:
            return
        entries = self._entries.get((fault.kind, host), 0)
        if entries >= MAX_ENTRIES_PER_HOST:
            return
        self._entries[fault.kind, host] = entries + 1
        self._truth.write(
            TruthEntry(
                time_s=now_s, actor="router", action=fault.kind, block_type=fault.block_type, alias=fault.alias,
                address=unpack_address(host), direction="to_server" if to_server else "to_client",
            )
        )
