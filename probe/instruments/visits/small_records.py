"""The beginning of a request in TLS records of two bytes: does a number of packets freeze the connection?

Boxes that freeze a flow after some 25 packets, counted both ways, let every handshake and small page pass. Small
records reach that number with two kilobytes, whatever the server has to give, and on hosts that give nothing. What is
looked at is the acknowledgement by the peer's TCP (RFC 9293), which comes whatever its program does: a server may end
the connection for such a request, or wait for the rest of it, and neither is silence.

Source: hyperion-cs/dpi-checkers, utils/l4-25_prober.py: records of two bytes, 50 ms apart, about 25 packets.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace

from probe.core.observation_parts import TransferPart
from probe.core.observations import Observation
from probe.core.tables.failures import EOF, TIMEOUT, Failure, classify_failure
from probe.instruments.clock import Clock
from probe.instruments.steps import Visit
from probe.instruments.streams.tcp_info import get_tcp_info, note_times
from probe.instruments.streams.tls_handshake import TlsStream
from probe.instruments.visits.farewell import PATIENCE_S
from probe.instruments.visits.record_words import RECORD_BYTES, choose_words
from probe.instruments.visits.stay import ends_before

APART_S = 0.05
"""Between two records: the kernel would put more of them into one segment."""
IN_FLIGHT = 8
"""Records that are not acknowledged, at most: what does not fit the first congestion window leaves in one segment."""
MOST_BYTES = 131_072
"""Of what the server says meanwhile."""


@dataclass(slots=True, kw_only=True)
class _Progress:
    """What was sent on one connection, and how far it was acknowledged."""

    stream: TlsStream
    begun_segments: int
    """Both ways, before the first record."""
    moved_s: float
    """When an acknowledgement came last (monotonic)."""
    sent: list[tuple[int, int]] = field(default_factory=list)
    """Of each record: all bytes of the connection with it, and the segments both ways once it had left."""
    acked: int = 0
    """Records that were acknowledged."""

    def say(self, piece: bytes) -> None:
        """Send one record. Raises OSError where the connection has failed."""
        self.stream.sendall(piece)
        self.sent.append((self.stream.sock.bytes_written, get_tcp_info(self.stream.sock).segments))

    def look(self) -> None:
        """Note what was acknowledged since."""
        heard = get_tcp_info(self.stream.sock).bytes_acked
        acked = sum(size <= heard for size, _ in self.sent)
        if acked > self.acked:
            self.acked, self.moved_s = acked, time.monotonic()

    @property
    def in_flight(self) -> int:
        return len(self.sent) - self.acked

    @property
    def segments(self) -> int:
        """Both ways, when the last record that arrived had left."""
        return self.sent[self.acked - 1][1] if self.acked else self.begun_segments


def send_small_records(stream: TlsStream, base: Observation, plan: Visit, clock: Clock) -> Observation | None:
    """Send them and wait for their acknowledgement; what ends that before is the failure, and none is raised. A timeout
    means silence: `rounds` records were acknowledged, and none after. None where the system tells no acknowledgements.
    """
    sock, info = stream.sock, get_tcp_info(stream.sock)
    if not info.bytes_acked:
        return None
    sock.begin_operation()
    t0_s, begin_s, before = clock.now_s(), time.monotonic(), (sock.bytes_written, sock.bytes_read)
    sock.read_limit = sock.bytes_read + MOST_BYTES
    progress = _Progress(stream=stream, begun_segments=info.segments, moved_s=begin_s)
    failure = _say_all(progress, choose_words(plan, base.tls.alpn))
    return replace(
        base, operation="records", purpose="records", planned=False, t0_s=t0_s, t_s=clock.now_s(), failure=failure,
        tls=replace(base.tls, sni=plan.sni),
        tcp=replace(note_times(base.tcp, sock), segments=progress.segments,
                    acked="no" if failure == TIMEOUT else "" if failure else "yes"),
        transfer=TransferPart(flow_s=round(progress.moved_s - begin_s, 3), rounds=progress.acked),
        bytes_written=sock.bytes_written - before[0], bytes_read=sock.bytes_read - before[1])


def _say_all(progress: _Progress, words: bytes) -> Failure:
    try:
        for at in range(0, len(words), RECORD_BYTES):
            progress.stream.sock.deadline = time.monotonic() + PATIENCE_S
            progress.say(words[at : at + RECORD_BYTES])
            if failure := _wait(progress, room_for=IN_FLIGHT, least_s=APART_S):
                return failure
        return _wait(progress, room_for=1, least_s=0.0)
    except (OSError, ValueError) as error:
        return classify_failure(error)


def _wait(progress: _Progress, *, room_for: int, least_s: float) -> Failure:
    """Until fewer than `room_for` records are under way, and for `least_s` at least; how it fails, if it does: the
    other side ends the stream, or no acknowledgement comes for too long."""
    stream, until_s = progress.stream, time.monotonic() + least_s
    while True:
        progress.look()
        now_s = time.monotonic()
        if now_s >= until_s and progress.in_flight < room_for:
            return ""
        if now_s >= max(until_s, progress.moved_s + PATIENCE_S):
            return TIMEOUT
        if ends_before(until_s if now_s < until_s else now_s + APART_S, stream, stream.sock):
            return EOF
