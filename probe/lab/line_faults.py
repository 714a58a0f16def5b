"""Faults that the router acts out: a dead line, IPv6 that vanishes, hosts that are off or silent."""

from __future__ import annotations

from collections.abc import Iterable

from probe.lab.packet import packed, unpacked
from probe.lab.truth import TruthEntry, TruthLog
from probe.lab.types import Fault, World

HOST_KINDS = ("host_off", "host_silent")
LINE_KINDS = ("blackhole", "ipv6_dropped")
MAX_ENTRIES_PER_HOST = 200


class LineFaults:
    """The router's faults by what they concern; those that stand for censorship are written down when they act."""

    def __init__(self, faults: Iterable[Fault], *, world: World, truth: TruthLog) -> None:
        """Faults of other kinds belong to the servers and are ignored. Raises OSError for a match that is nobody."""
        self._truth = truth
        self._line: dict[str, Fault] = {}
        self._hosts: dict[bytes, Fault] = {}
        self._everyone: Fault | None = None
        self._entries: dict[tuple[str, bytes], int] = {}
        for fault in faults:
            if fault.kind in LINE_KINDS:
                self._line[fault.kind] = fault
            elif fault.kind in HOST_KINDS:
                self._add_host_fault(fault, world)

    def _add_host_fault(self, fault: Fault, world: World) -> None:
        if not fault.match:
            self._everyone = fault
        for match in fault.match:
            host = world.hosts.get(match.lower())
            addresses = (*host.ipv4, *host.ipv6) if host else (match,)
            self._hosts.update((packed(address), fault) for address in addresses)

    def on_line(self, raw: bytes, *, host: bytes, to_server: bool, now_s: float) -> Fault | None:
        """The fault that swallows a packet on the client's own line; `host` is the other end's address."""
        if not self._line:
            return None
        fault = self._line.get("blackhole")
        if fault is None and raw[0] >> 4 == 6:
            fault = self._line.get("ipv6_dropped")
        return self._noted(fault, host=host, to_server=to_server, now_s=now_s)

    def of_host(self, host: bytes, *, now_s: float) -> Fault | None:
        """The fault of the host that a packet is for."""
        fault = self._hosts.get(host, self._everyone)
        return self._noted(fault, host=host, to_server=True, now_s=now_s)

    def _noted(self, fault: Fault | None, *, host: bytes, to_server: bool, now_s: float) -> Fault | None:
        if fault is None or not fault.block_type:
            return fault
        entries = self._entries.get((fault.kind, host), 0)
        if entries < MAX_ENTRIES_PER_HOST:
            self._entries[fault.kind, host] = entries + 1
            self._truth.write(
                TruthEntry(
                    time_s=now_s, actor="router", action=fault.kind, block_type=fault.block_type, alias=fault.alias,
                    address=unpacked(host), direction="to_server" if to_server else "to_client",
                )
            )
        return fault
