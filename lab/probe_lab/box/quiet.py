"""Flows that no rule concerns any more: their packets pass by one look-up of bytes, without being read."""

from __future__ import annotations

from probe_lab.box.flows import MAX_FLOWS, Flow, idle_s
from probe_lab.wire.packet import ACK, SYN, TCP, UDP

_MAX_ENTRIES = 2 * MAX_FLOWS
_LEAST4 = {TCP: 40, UDP: 28}
_LEAST6 = {TCP: 60, UDP: 48}
"""Bytes of both headers; no other transport has ports where these have them."""
_NEVER = 1 << 20


def header_key(raw: bytes) -> bytes | None:
    """Protocol, addresses and ports of an ordinary TCP or UDP packet as they stand; None for any other."""
    if len(raw) < 28:
        return None
    if raw[0] == 0x45:
        if raw[6] & 0x3F or raw[7] or len(raw) < _LEAST4.get(raw[9], _NEVER):
            return None
        return raw[9:10] + raw[12:24]
    if raw[0] >> 4 == 6 and len(raw) >= _LEAST6.get(raw[6], _NEVER):
        return raw[6:7] + raw[8:44]
    return None


def _opens(raw: bytes) -> bool:
    """Whether a packet that has a `header_key` is a TCP SYN without ACK."""
    is4 = raw[0] == 0x45
    return raw[9 if is4 else 6] == TCP and raw[33 if is4 else 53] & (SYN | ACK) == SYN


class QuietFlows:
    """Both directions of each flow; everything is forgotten at once when there are too many."""

    def __init__(self) -> None:
        self._flows: dict[bytes, Flow] = {}

    def passes(self, key: bytes, raw: bytes, now_s: float) -> bool:
        """Whether a packet passes unread. A SYN, and what comes after long silence, is always read."""
        flow = self._flows.get(key)
        if flow is None:
            return False
        if now_s - flow.seen_s > idle_s(flow.key.proto) or _opens(raw):
            del self._flows[key]
            self._flows.pop(_mirror_key(key), None)
            return False
        flow.seen_s = now_s
        return True

    def rest(self, key: bytes, flow: Flow) -> None:
        """Let both directions of a flow pass from now on."""
        if len(self._flows) >= _MAX_ENTRIES:
            self._flows.clear()
        self._flows[key] = self._flows[_mirror_key(key)] = flow

    def wake(self) -> None:
        """Read every flow again."""
        self._flows.clear()


def _mirror_key(key: bytes) -> bytes:
    """The key of the other direction."""
    size = (len(key) - 5) // 2
    return key[:1] + key[1 + size : 1 + 2 * size] + key[1 : 1 + size] + key[-2:] + key[-4:-2]
