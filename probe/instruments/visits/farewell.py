"""The end of a visit that went well: does what we say after the last page still arrive?

Boxes that let a handshake and a small page through and drop what follows would pass for none: the page was whole, and
an application's next request meets silence. The end of our stream is acknowledged by the peer's TCP as data is
(RFC 9293), whatever its program does; so only something on the way, or a host that is gone, keeps it unacknowledged.
"""

from __future__ import annotations

import contextlib
import socket
import time

from probe.core.tables.evidence_words import Answered
from probe.instruments.streams.sockets import RecordedSocket, ask_acknowledged

PATIENCE_S = 6.0
"""Five transmissions of the end: at 200 ms beyond the round trip, and doubling (RFC 6298, Linux)."""
_FIRST_LOOK_S, _LONGEST_LOOK_S = 0.005, 0.1


def end_stream(sock: RecordedSocket) -> Answered:
    """End our side of the stream: `no` where that stayed unacknowledged, `yes`, or empty when that is unknown. One
    round trip where all is well."""
    with contextlib.suppress(OSError):
        sock.shutdown(socket.SHUT_WR)
    look_s, until_s = _FIRST_LOOK_S, time.monotonic() + PATIENCE_S
    while (word := ask_acknowledged(sock)) == "no" and time.monotonic() < until_s:
        time.sleep(look_s)  # no event tells of an acknowledgement
        look_s = min(_LONGEST_LOOK_S, 1.5 * look_s)
    return word
