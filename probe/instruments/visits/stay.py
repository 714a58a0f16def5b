"""A connection that is kept for a while: does it still work some seconds later?

Boxes that reset or silence a flow seconds after its hello let every short visit pass. Where HTTP is spoken a HEAD
request goes out every few seconds; other protocols allow no second exchange without an account, so nothing is said
there. At last our side is ended, and the acknowledgement of that tells silence from a server that has nothing to say.
"""

from __future__ import annotations

import time
from dataclasses import replace

from probe.core.observation_parts import TransferPart
from probe.core.observations import Observation
from probe.core.tables.failures import EOF, TIMEOUT, Failure, classify_failure
from probe.instruments.clock import Clock
from probe.instruments.steps import Visit
from probe.instruments.streams.sockets import RecordedSocket
from probe.instruments.streams.tcp_info import note_times
from probe.instruments.streams.tls_handshake import TlsStream
from probe.instruments.visits.farewell import end_stream

APART_S = 3.0
"""Between two exchanges."""
MOST_BYTES = 131_072
"""Of all answers of one stay together: a sender that never pauses ends it."""
_CHUNK = 4096


def stay_open(stream: RecordedSocket | TlsStream, base: Observation, plan: Visit, clock: Clock) -> Observation:
    """Keep the connection for `plan.stay_s` seconds; what ends it before is the failure, none is raised."""
    sock = stream.sock if isinstance(stream, TlsStream) else stream
    begin_s, t0_s, before = time.monotonic(), clock.now_s(), (sock.bytes_written, sock.bytes_read)
    sock.begin_operation()
    rounds, failure = _exchange_until(begin_s + plan.stay_s, stream, sock, plan)
    lived_s = time.monotonic() - begin_s
    acked = "" if failure else end_stream(sock)
    return replace(
        base, operation="stay", t0_s=t0_s, t_s=clock.now_s(), failure=TIMEOUT if acked == "no" else failure,
        tls=replace(base.tls, sni=plan.sni), tcp=replace(note_times(base.tcp, sock), acked=acked),
        transfer=TransferPart(flow_s=round(lived_s, 3), rounds=rounds),
        bytes_written=sock.bytes_written - before[0], bytes_read=sock.bytes_read - before[1])


def _exchange_until(until_s: float, stream: RecordedSocket | TlsStream, sock: RecordedSocket,
                    plan: Visit) -> tuple[int, Failure]:
    """How many exchanges were answered, and what ended them before their time."""
    rounds = 0
    sock.read_limit = sock.bytes_read + MOST_BYTES
    try:
        while (now_s := time.monotonic()) < until_s:
            if plan.stay_host:
                sock.deadline = now_s + plan.http_timeout_s
                if not _ask_head(stream, plan.stay_host):
                    return rounds, EOF
                rounds += 1
            if ends_before(min(until_s, now_s + APART_S), stream, sock):
                return rounds, EOF
    except (OSError, ValueError) as error:
        return rounds, classify_failure(error)
    return rounds, ""


def _ask_head(stream: RecordedSocket | TlsStream, host: str) -> bool:
    """One request and the head of its answer; False where the other side ends instead."""
    stream.sendall(f"HEAD / HTTP/1.1\r\nHost: {host}\r\nAccept: */*\r\n\r\n".encode("ascii"))
    head = b""
    while b"\r\n\r\n" not in head:
        data = stream.recv(_CHUNK)
        if not data:
            return False
        head += data
    return True


def ends_before(until_s: float, stream: RecordedSocket | TlsStream, sock: RecordedSocket) -> bool:
    """Whether the other side ends the stream before then; what it says meanwhile is thrown away. Raises OSError where
    the connection fails."""
    sock.deadline = until_s
    try:
        while stream.recv(_CHUNK):
            pass
    except TimeoutError as error:
        if error.errno is not None:  # the system gave the connection up
            raise
        return False
    return True
