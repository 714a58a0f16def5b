"""What the capture saw, brought to the observations it belongs to when the run's loop has ended."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from ipaddress import ip_address
from typing import TYPE_CHECKING

from probe.core.observations import KeptPacket, Observation
from probe.core.tables.failures import Failure
from probe.instruments.clock import Clock
from probe.instruments.packets.capture import LINGER_S, CapturedFlow, PacketCapture
from probe.instruments.packets.packet_headers import read_headers
from probe.instruments.packets.packet_scrub import PacketScrubber

if TYPE_CHECKING:
    from probe.session.observation_log import ObservationLog

MAX_KEPT_BYTES = 3 << 19
"""Of all packets of a run that are kept for export; with their frames they stay below two megabytes."""
_ENDED: tuple[Failure, ...] = ("connection_reset", "connection_refused", "connection_aborted", "eof_error")
"""After these more may arrive that tells who ended the connection."""


def attribute_packets(capture: PacketCapture | None, log: ObservationLog, clock: Clock, *, until_s: float,
                      hidden: Iterable[str] = ()) -> tuple[KeptPacket, ...]:
    """End the capture, write to each observation what was seen of it, and return the packets of those that failed.
    Addresses to be `hidden` are struck from them as our own are."""
    if capture is None:
        return ()
    last_s = max((o.t_s for o in log.observations if o.failure in _ENDED and o.address), default=-LINGER_S)
    wait_s = min(last_s + LINGER_S, until_s) - clock.now_s()
    if wait_s > 0:
        time.sleep(wait_s)
    capture.close()
    failed: list[tuple[Observation, CapturedFlow]] = []
    unwell = {o.address for o in log.observations if o.address and _is_unwell(o)}
    for index, seen in enumerate(log.observations):
        # Where nothing fails nobody asks who ended what; to read it all would take a good part of a second.
        packets = capture.list_packets(seen, brief=seen.address not in unwell and not _is_unwell(seen))
        if not packets:
            continue
        log.amend_packets(index, packets)
        flow = capture.find_flow(seen)
        if flow is not None and _is_unwell(seen):
            failed.append((seen, flow))
    return tuple(_select_packets(failed, [ip_address(text).packed for text in hidden]))


def _is_unwell(seen: Observation) -> bool:
    """Whether somebody may ask for the packets: it failed, gave another page than expected, or had several answers."""
    several = max(len(seen.dns.replies), len(seen.trace.lines), len(seen.datagrams.versions)) > 1
    failed = bool(seen.failure) and seen.purpose != "https"  # most names have no such record
    return failed or seen.met_expectation == "no" or several


def _select_packets(flows: Sequence[tuple[Observation, CapturedFlow]], hidden: Sequence[bytes]) -> Iterator[KeptPacket]:
    scrubber = PacketScrubber((*_our_addresses(flows), *hidden))
    room = MAX_KEPT_BYTES
    for seen, flow in flows:
        for packet in flow.packets:
            found = read_headers(packet.data)
            clean = scrubber.scrub(packet.data, outbound=packet.outbound)
            if clean is None or found is None:
                continue
            room -= len(clean) + 100
            if room < 0:
                return
            length = int.from_bytes(clean[2:4]) if found.family == 4 else 40 + int.from_bytes(clean[4:6])
            yield KeptPacket(observation_id=seen.observation_id, at_s=packet.at_s, outbound=packet.outbound,
                             length=max(length, len(clean)), data=clean)


def _our_addresses(flows: Sequence[tuple[Observation, CapturedFlow]]) -> Iterator[bytes]:
    for _, flow in flows:
        for packet in flow.packets:
            found = read_headers(packet.data)
            if found is not None:
                yield found.source if packet.outbound else found.destination
