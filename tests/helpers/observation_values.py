"""Values of any kind for the columns of observations whose texts have a form of their own."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from probe.core.icmp_errors import IcmpError
from probe.core.packets import Packet
from probe.core.replies import DnsReply, HttpsRecord, SoaRecord, TraceLine
from probe.core.tables.evidence_words import DNS_SECTIONS

PACKETS = st.builds(
    Packet, at_ms=st.floats(0, 1e5).map(lambda x: round(x, 2)), inbound=st.booleans(), ttl=st.integers(0, 255),
    ip_id=st.integers(-1, 65_535), df=st.integers(-1, 1), seq=st.integers(0, 2**32 - 1), ack=st.integers(0, 2**32 - 1),
    flags=st.sampled_from(["S", "SA", "A", "AP", "AR", "R", "AF", ".", "udp", "icmp 3/13 other", "icmp 3/1 peer"]),
    window=st.integers(0, 65_535), length=st.integers(0, 65_535))
TENTHS = st.floats(0, 1e5).map(lambda x: round(x, 1))
WORDS = st.text("abcdefgh0123456789.:", min_size=1, max_size=9)
DNS_REPLIES = st.builds(
    DnsReply, delay_ms=TENTHS, ip_ttl=st.integers(-1, 255), answers=st.lists(WORDS, max_size=4).map(tuple),
    rcode=st.sampled_from(["NOERROR", "NXDOMAIN", "malformed FormError"]),
    flags=st.lists(st.sampled_from(["QR", "AA", "TC", "RD", "RA"]), max_size=5, unique=True).map(tuple))
TTLS = st.integers(0, 255)
TRACE_LINES = st.one_of(
    st.builds(TraceLine, ttl=TTLS), st.builds(TraceLine, ttl=TTLS, word=st.sampled_from(["silent", "acked"])),
    st.builds(TraceLine, ttl=TTLS, word=st.sampled_from(["exceeded", "open", "gateway"]), delay_ms=TENTHS,
              router=st.text("0123456789abcdef", max_size=8),
              space=st.sampled_from(["", "private", "carrier", "public"])),
    st.builds(TraceLine, ttl=TTLS, word=st.just("answered"), delay_ms=TENTHS, ip_ttl=st.integers(-1, 255)))
REPLIES: dict[str, st.SearchStrategy[Any]] = {
    "dns_round_trip": st.lists(DNS_REPLIES, max_size=3).map(tuple),
    "trace": st.lists(TRACE_LINES, max_size=3).map(tuple),
    "quic_version": st.lists(st.integers(0, 2**32 - 1), max_size=3).map(tuple),
}
"""Operation -> values of its replies."""
ICMP_ERRORS = st.builds(IcmpError, type=st.integers(0, 255), code=st.integers(0, 255),
                        sender=st.sampled_from(["", "service", "private", "93.184.7.7", " a", "a b", "\n"]))
FORMED: dict[str, st.SearchStrategy[Any]] = {
    "packets": st.lists(PACKETS, max_size=3).map(tuple),
    "icmp": st.none() | ICMP_ERRORS,
    "soas": st.lists(st.builds(
        SoaRecord, section=st.sampled_from(DNS_SECTIONS), ttl_s=st.integers(0, 2**31 - 1),
        minimum_s=st.integers(0, 2**31 - 1), serial=st.integers(0, 2**32 - 1), owner=st.text(max_size=20),
    ) | st.just(SoaRecord()), max_size=3).map(tuple),
    "https_records": st.lists(st.builds(
        HttpsRecord, priority=st.integers(0, 65535), ech_bytes=st.integers(0, 65535),
        keys=st.lists(st.integers(0, 65535), max_size=3).map(tuple),
        alpn=st.lists(st.sampled_from(["h2", "h3", "http/1.1", "?"]), max_size=3).map(tuple),
        target=st.sampled_from([".", "a.example", "?|b"]),
    ) | st.just(HttpsRecord()), max_size=3).map(tuple),
    "bins": st.lists(st.integers(0, 10**12), max_size=3).map(tuple),
}
"""Column -> values that its observation may hold."""
