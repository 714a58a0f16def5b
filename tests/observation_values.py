"""Values of any kind for the columns of observations whose texts have a form of their own."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from probe.core.packets import Packet

PACKETS = st.builds(
    Packet, at_ms=st.floats(0, 1e5).map(lambda x: round(x, 2)), inbound=st.booleans(), ttl=st.integers(0, 255),
    ip_id=st.integers(-1, 65_535), df=st.integers(-1, 1), seq=st.integers(0, 2**32 - 1), ack=st.integers(0, 2**32 - 1),
    flags=st.sampled_from(["S", "SA", "A", "AP", "AR", "R", "AF", ".", "udp", "icmp 3/13 other", "icmp 3/1 peer"]),
    window=st.integers(0, 65_535), length=st.integers(0, 65_535))
FORMED: dict[str, st.SearchStrategy[Any]] = {
    "packets": st.lists(PACKETS, max_size=3).map(tuple),
    "bins": st.lists(st.integers(0, 10**12), max_size=3).map(tuple),
}
"""Column -> values that its observation may hold."""
