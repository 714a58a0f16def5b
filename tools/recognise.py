"""After how many packets, connections and seconds an observer on the line recognises a run of the probe.

    probe lab exec --pcap wires clean -- probe run --fast
    python tools/recognise.py wires/client.pcapng

What is counted is what a simple box on the way can count, for one client and in a moving window. A sign tells something
only where browsing never shows it, so a capture of browsing alone is held against the same signs first. One line a
sign: the packets, connections and seconds from the first packet to the moment at which it shows; `never` otherwise.
"""

from __future__ import annotations

import ipaddress
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from probe.catalogue.load import load_catalogue
from probe_lab.box.tls_hello import server_name

Sign = Literal["names", "questions", "cut_hellos", "short_lives", "tiny_records", "called_by_name"]
SIGNS: dict[Sign, tuple[int, float, str]] = {
    "names": (6, 10.0, "services of the catalogue that hellos name"),
    "questions": (12, 2.0, "services of the catalogue that DNS questions name"),
    "cut_hellos": (3, 60.0, "TLS connections that the client ends at the server's first answer"),
    "short_lives": (3, 60.0, "packets that leave with a small time to live"),
    "tiny_records": (12, 3.0, "TLS records of a few bytes in a row, on one connection"),
    "called_by_name": (1, 1.0, "requests in the clear that name the probe"),
}
"""Sign -> how many, within how many seconds, and of what."""
MOST_PACKETS = 2_000_000
_SMALL_TTL = 32
_TINY_BYTES = 26
"""A record of two bytes with its header, type and tag (RFC 8446 section 5.2)."""
_FIN_OR_RST = 0x05
_MOST_SAID = 4096
"""Bytes of a connection in which a hello is looked for."""
_HELLO, _DATA = b"\x16\x03", b"\x17\x03"


@dataclass(frozen=True, slots=True, kw_only=True)
class LinePacket:
    """One packet as somebody on the line sees it; empty payload: none, or of no transport that is looked at."""

    time_s: float
    outbound: bool
    ttl: int
    peer: tuple[str, int, int]
    """The far address and port, and our port."""
    tcp_flags: int = 0
    payload: bytes = b""
    is_tcp: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Recognition:
    """When a sign showed: counted from the first packet, that one included."""

    packets: int
    connections: int
    seconds: float


@dataclass(slots=True)
class _Window:
    """What a sign counted lately; the same word counts once."""

    seen: deque[tuple[float, object]] = field(default_factory=deque)

    def count(self, word: object, now_s: float, span_s: float) -> int:
        self.seen.append((now_s, word))
        while self.seen and self.seen[0][0] < now_s - span_s:
            self.seen.popleft()
        return len({each for _, each in self.seen})


@dataclass(slots=True)
class _Talk:
    """One connection so far."""

    said: bytes = b""
    answered: bool = False
    ended: bool = False
    """The client ended it: browsers race connections, and end the loser before it is answered."""

    @property
    def is_bare_hello(self) -> bool:
        """The client said one record, its hello, and no more."""
        return self.said.startswith(_HELLO) and len(self.said) == 5 + int.from_bytes(self.said[3:5])


def recognise(packets: Iterable[LinePacket], find_service: Callable[[str], str]) -> dict[Sign, Recognition]:
    """The signs that a line shows, and when. `find_service`: name -> the service it belongs to, empty for none."""
    windows: dict[object, _Window] = {}
    found: dict[Sign, Recognition] = {}
    talks: dict[tuple[str, int, int], _Talk] = {}
    begin_s: float | None = None
    for number, packet in enumerate(packets, 1):
        begin_s = packet.time_s if begin_s is None else begin_s
        talk = talks.setdefault(packet.peer, _Talk())
        for sign, word, scope in _read_signs(number, packet, talk, find_service):
            most, span_s, _ = SIGNS[sign]
            window = windows.setdefault((sign, scope), _Window())
            if window.count(word, packet.time_s, span_s) >= most and sign not in found:
                found[sign] = Recognition(packets=number, connections=len(talks), seconds=packet.time_s - begin_s)
    return found


def _read_signs(number: int, packet: LinePacket, talk: _Talk,
                find_service: Callable[[str], str]) -> Iterator[tuple[Sign, object, object]]:
    """Sign, what counts once, and within what it is counted."""
    if not packet.outbound:
        talk.answered = talk.answered or bool(packet.payload)
        return
    if packet.ttl < _SMALL_TTL:
        yield "short_lives", number, ""
    if packet.is_tcp:
        yield from _read_talk(number, packet, talk, find_service)
    elif packet.peer[1] == 53 and (service := find_service(read_question(packet.payload))):
        yield "questions", service, ""


def _read_talk(number: int, packet: LinePacket, talk: _Talk,
               find_service: Callable[[str], str]) -> Iterator[tuple[Sign, object, object]]:
    """The same of what the client says over TCP."""
    if packet.tcp_flags & _FIN_OR_RST and not talk.ended:
        talk.ended = True
        if talk.answered and talk.is_bare_hello:
            yield "cut_hellos", packet.peer, ""
    if packet.payload.startswith(b"GET ") and b"reachability-probe" in packet.payload:
        yield "called_by_name", number, ""
    if packet.payload.startswith(_DATA) and len(packet.payload) <= _TINY_BYTES:
        yield "tiny_records", number, packet.peer
    if packet.payload and len(talk.said) < _MOST_SAID:
        talk.said += packet.payload
        if talk.said.startswith(_HELLO) and (service := find_service(server_name(talk.said) or "")):
            yield "names", service, ""


def read_question(message: bytes) -> str:
    """The name that a DNS question asks for; empty where it is none (RFC 1035 section 4.1)."""
    labels, at = list[str](), 12
    while at < len(message) and 0 < message[at] < 64 and len(labels) < 128:
        labels.append(message[at + 1 : at + 1 + message[at]].decode("latin-1").lower())
        at += 1 + message[at]
    return ".".join(labels)


def read_line(path: Path) -> Iterator[LinePacket]:
    """The packets of a client's capture, at most `MOST_PACKETS`. Raises OSError, and scapy's error for other files."""
    from scapy.layers.inet import IP, TCP, UDP
    from scapy.layers.inet6 import IPv6
    from scapy.utils import RawPcapNgReader

    ours: set[str] = set()
    packets: Iterable[tuple[bytes, Any]] = RawPcapNgReader(str(path))
    for number, (raw, stamp) in enumerate(packets):
        if number >= MOST_PACKETS or not raw:
            return
        ip = IP(raw) if raw[0] >> 4 == 4 else IPv6(raw)
        layer = ip.getlayer(TCP) or ip.getlayer(UDP)
        if layer is None:
            continue
        if layer.dport == 53 or (layer.haslayer(TCP) and int(layer.flags) & 0x12 == 0x02):
            ours.add(ip.src)  # who asks a resolver or opens a connection is the client
        outbound = ip.src in ours
        peer = (ip.dst, layer.dport, layer.sport) if outbound else (ip.src, layer.sport, layer.dport)
        tcp = layer.haslayer(TCP)
        yield LinePacket(
            time_s=((stamp.tshigh << 32) + stamp.tslow) / stamp.tsresol, outbound=outbound,
            ttl=ip.ttl if isinstance(ip, IP) else ip.hlim, peer=peer, is_tcp=bool(tcp),
            tcp_flags=int(layer.flags) if tcp else 0, payload=bytes(layer.payload))


def make_service_finder() -> Callable[[str], str]:
    """The services of the catalogue by their hosts, controls left out."""
    hosts = {e.host.lower(): e.service for e in load_catalogue(search=False).endpoints
             if e.role != "control" and not _is_address(e.host)}
    return lambda name: hosts.get(name.removesuffix("."), "")


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def tell(found: dict[Sign, Recognition]) -> Iterator[str]:
    """A line for each sign."""
    for sign, (most, span_s, what) in SIGNS.items():
        seen = found.get(sign)
        when = f"{seen.packets} packets, {seen.connections} connections, {seen.seconds:.1f} s" if seen else "never"
        yield f"{sign:<15} {when:<42} {most} {what}, within {span_s:g} s"


def main(paths: Sequence[str]) -> int:
    """Tell it of each capture that is named."""
    for path in paths:
        print(path)
        for line in tell(recognise(read_line(Path(path)), make_service_finder())):
            print(f"  {line}")
    return 0 if paths else 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
