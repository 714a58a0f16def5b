"""The text forms of values within a cell: how each is written and read.

What cannot be read, in files of others, raises nothing: it counts as if it were not there.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from probe.core.addresses import bracket_host
from probe.core.icmp_errors import IcmpError
from probe.core.packets import Packet
from probe.core.places import Place
from probe.core.replies import DnsReply, HttpsRecord, SoaRecord, TraceLine
from probe.core.tables.evidence_words import DNS_SECTIONS, HOP_WORDS, SPACES
from probe.core.tables.words import read_word

_PACKET_FIELDS, _REPLY_FIELDS, _SOA_FIELDS, _HTTPS_FIELDS = 10, 5, 5, 5
_VERSION = re.compile("[0-9a-f]{8}")
_ICMP_NUMBERS = re.compile("(0|[1-9][0-9]{0,2})/(0|[1-9][0-9]{0,2})")
_PORT = re.compile("0|[1-9][0-9]{0,4}")
_MAX_DIGITS = 18


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """How what a column holds is written and read."""

    write: Callable[[Any], Any]
    read: Callable[[Any], Any]
    stored: Any
    """The type of the column: text, or several."""
    empty: Any
    """What stands in the column where there is nothing."""


def format_packet(packet: Packet) -> str:
    """`delay_ms|in or out|IP TTL|IP ID|DF|flags|seq|ack|window|length`."""
    way = "in" if packet.inbound else "out"
    return (f"{packet.at_ms:.2f}|{way}|{packet.ttl}|{packet.ip_id}|{packet.df}|{packet.flags}|{packet.seq}|"
            f"{packet.ack}|{packet.window}|{packet.length}")


def read_packet(text: str) -> Packet | None:
    """The packet that a text describes; None where it cannot be read."""
    parts = text.split("|")
    if len(parts) != _PACKET_FIELDS or parts[1] not in ("in", "out"):
        return None
    try:
        at_ms = float(parts[0])
        ttl, ip_id, df = map(int, parts[2:5])
        seq, ack, window, length = map(int, parts[6:])
    except ValueError:
        return None
    return Packet(at_ms=at_ms, inbound=parts[1] == "in", ttl=ttl, ip_id=ip_id, df=df, flags=parts[5], seq=seq, ack=ack,
                  window=window, length=length)


def read_packets(texts: Iterable[str]) -> tuple[Packet, ...]:
    """Those packets that can be read, in their order."""
    return tuple(packet for text in texts if (packet := read_packet(text)) is not None)


def read_numbers(texts: Iterable[str]) -> tuple[int, ...]:
    """Those numbers that are written in decimal digits alone, in their order."""
    return tuple(int(text) for text in texts if _is_number(text))


def format_reply(reply: DnsReply) -> str:
    """`delay_ms|IP TTL|rcode|flags|answers`."""
    return f"{reply.delay_ms:.1f}|{reply.ip_ttl}|{reply.rcode}|{' '.join(reply.flags)}|{' '.join(reply.answers)}"


def read_reply(text: str) -> DnsReply:
    """The reply that a text describes, as far as it can be read: that something came counts in any case."""
    try:
        delay_ms = float(text.partition("|")[0])
    except ValueError:
        delay_ms = float("inf")
    parts = text.split("|", 4)
    if len(parts) != _REPLY_FIELDS:
        return DnsReply(delay_ms=delay_ms)
    ip_ttl = int(parts[1]) if parts[1].isascii() and parts[1].isdigit() and len(parts[1]) < 4 else -1
    return DnsReply(delay_ms=delay_ms, ip_ttl=ip_ttl, rcode=parts[2], flags=tuple(parts[3].split()),
                    answers=tuple(parts[4].split()))


def read_replies(texts: Iterable[str]) -> tuple[DnsReply, ...]:
    """The replies in their order."""
    return tuple(map(read_reply, texts))


def format_soa(soa: SoaRecord) -> str:
    """`section|TTL|minimum|serial|owner`; the owner stands last, for it may hold anything."""
    return f"{soa.section}|{soa.ttl_s}|{soa.minimum_s}|{soa.serial}|{soa.owner}"


def read_soa(text: str) -> SoaRecord:
    """The record that a text describes, as far as it can be read: that there was one counts in any case."""
    parts = text.split("|", 4)
    if len(parts) != _SOA_FIELDS:
        return SoaRecord()
    ttl_s, minimum_s, serial = (int(part) if _is_number(part) else -1 for part in parts[1:4])
    return SoaRecord(section=read_word(parts[0], DNS_SECTIONS), ttl_s=ttl_s, minimum_s=minimum_s, serial=serial,
                     owner=parts[4])


def read_soas(texts: Iterable[str]) -> tuple[SoaRecord, ...]:
    """The records in their order."""
    return tuple(map(read_soa, texts))


def format_https(record: HttpsRecord) -> str:
    """`priority|bytes of ECH keys|numbers of parameters|protocols|target`; the target stands last."""
    keys = " ".join(map(str, record.keys))
    return f"{record.priority}|{record.ech_bytes}|{keys}|{' '.join(record.alpn)}|{record.target}"


def read_https(text: str) -> HttpsRecord:
    """The record that a text describes, as far as it can be read: that there was one counts in any case."""
    parts = text.split("|", 4)
    if len(parts) != _HTTPS_FIELDS or not _is_number(parts[0]):
        return HttpsRecord()
    return HttpsRecord(priority=int(parts[0]), ech_bytes=int(parts[1]) if _is_number(parts[1]) else 0,
                       keys=read_numbers(parts[2].split()), alpn=tuple(parts[3].split()), target=parts[4])


def read_https_records(texts: Iterable[str]) -> tuple[HttpsRecord, ...]:
    """The records in their order."""
    return tuple(map(read_https, texts))


def format_line(line: TraceLine) -> str:
    """`TTL word delay_ms router space IP-TTL`, as far as each is known."""
    more = line.router or line.space or line.ip_ttl is not None
    delay = ("-" if more else "") if line.delay_ms is None else f"{line.delay_ms:.1f}"
    words = [str(line.ttl), line.word, delay]
    if line.ip_ttl is not None:
        words += [line.router or "-", line.space or "-", str(line.ip_ttl) if line.ip_ttl >= 0 else "-"]
    elif line.space:
        words += [line.router or "-", line.space]
    else:
        words.append(line.router)
    return " ".join(words).rstrip()


def read_line(text: str) -> TraceLine | None:
    """The line that a text describes; None where it has no TTL."""
    ttl, word, delay, router, space, ip_ttl, *_ = (*text.split(), *[""] * 6)
    if not _is_number(ttl):
        return None
    try:
        delay_ms = float(delay)
    except ValueError:
        delay_ms = None
    return TraceLine(ttl=int(ttl), word=read_word(word, HOP_WORDS), delay_ms=delay_ms, router=router.strip("-"),
                     space=read_word(space.strip("-"), SPACES),
                     ip_ttl=None if not ip_ttl else int(ip_ttl) if _is_number(ip_ttl) else -1)


def read_lines(texts: Iterable[str]) -> tuple[TraceLine, ...]:
    """Those lines that can be read, in their order."""
    return tuple(line for text in texts if (line := read_line(text)) is not None)


def format_icmp(icmp: IcmpError | None) -> str:
    """`type/code sender`, as far as the sender is known; empty for none."""
    if icmp is None:
        return ""
    return f"{icmp.type}/{icmp.code} {icmp.sender}" if icmp.sender else f"{icmp.type}/{icmp.code}"


def read_icmp(text: str) -> IcmpError | None:
    """The ICMP error that a text describes, as far as it can be read: that one came counts in any case."""
    if not text:
        return None
    numbers, _, sender = text.partition(" ")
    found = _ICMP_NUMBERS.fullmatch(numbers)
    return IcmpError(type=int(found[1]), code=int(found[2]), sender=sender) if found else IcmpError(sender=sender)


def format_place(place: Place) -> str:
    """`ip:port`, with brackets for IPv6; a place that could not be read as it was."""
    if place.port < 0:
        return place.address
    return f"{bracket_host(place.address)}:{place.port}"


def read_place(text: str) -> Place:
    """The place that a text describes; a text that is not written as we write places, as it is, with port -1."""
    host, _, port = text.rpartition(":")
    if _PORT.fullmatch(port):
        place = Place(host[1:-1] if ":" in host else host, int(port))
        if format_place(place) == text:
            return place
    return Place(text, -1)


def format_version(version: int) -> str:
    """A version of QUIC in eight hexadecimal digits."""
    return f"{version:08x}"


def read_versions(texts: Iterable[str]) -> tuple[int, ...]:
    """Those versions that can be read, in their order."""
    return tuple(int(text, 16) for text in texts if _VERSION.fullmatch(text))


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= _MAX_DIGITS


FORMS: Mapping[str, Form] = {
    "icmp": Form(write=format_icmp, read=read_icmp, stored=str, empty=""),
    "packets": Form(write=lambda packets: tuple(map(format_packet, packets)), read=read_packets,
                    stored=tuple[str, ...], empty=()),
    "soas": Form(write=lambda soas: tuple(map(format_soa, soas)), read=read_soas, stored=tuple[str, ...], empty=()),
    "https_records": Form(write=lambda records: tuple(map(format_https, records)), read=read_https_records,
                          stored=tuple[str, ...], empty=()),
    "bins": Form(write=lambda numbers: tuple(map(str, numbers)), read=read_numbers, stored=tuple[str, ...], empty=()),
}
"""Column -> form, of the columns whose texts are values of their own kind in memory."""
