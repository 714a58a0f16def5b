"""DNS messages in and out (RFC 1035), through dnspython as codec alone; bounded and total.

The codec takes a while to import; who can, imports this module when the first question is already decided on.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import dns.edns
import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype

from probe.core.replies import SoaRecord
from probe.core.tables.evidence_words import DNS_SECTIONS
from probe.core.tables.resolvers import HTTPS
from probe.instruments.names.dns_response import DnsResponse
from probe.instruments.names.https_wire import parse_https_reply

MAX_ANSWERS = 32
MAX_RECORDS = 999
MAX_TTL_S = 2**31 - 1
"""RFC 2181 section 8."""
MAX_SERIAL = 2**32 - 1


def make_query(name: str, query_type: str, *, identity: int, recursion: bool = True) -> bytes:
    """A query with EDNS (RFC 6891) and the given 16-bit id. Raises ValueError for an impossible name."""
    return identity.to_bytes(2) + _after_identity(name, query_type, recursion)


@lru_cache(maxsize=1024)  # a name is asked for by many ways
def _after_identity(name: str, query_type: str, recursion: bool) -> bytes:
    try:
        query = dns.message.make_query(name, query_type, use_edns=0, payload=1232)
    except dns.exception.DNSException as error:
        raise ValueError(f"{name!r} is no DNS name") from error
    if not recursion:
        query.flags &= ~dns.flags.RD
    return query.to_wire()[2:]


def parse_reply(wire: bytes, *, name: str, query_type: str, identity: int) -> DnsResponse:
    """Read a response to exactly this question; whatever is wrong with it becomes `failure`, never an exception."""
    if query_type == HTTPS:
        return parse_https_reply(wire, name=name, identity=identity)
    try:
        message = dns.message.from_wire(wire, ignore_trailing=True, raise_on_truncation=False)
    except Exception as error:  # the codec raises many kinds on hostile input; all mean the same to us
        return DnsResponse(failure=f"malformed {type(error).__name__}")
    if message.id != identity:
        return DnsResponse(failure="dns_reply_with_wrong_query_id")
    if not message.flags & dns.flags.QR:
        return DnsResponse(failure="not a response")
    if not message.question or message.question[0].name != dns.name.from_text(name):
        return DnsResponse(failure="another question")
    if message.question[0].rdtype != dns.rdatatype.from_text(query_type):
        return DnsResponse(failure="another question")
    return _read(message, query_type)


def _read(message: dns.message.Message, query_type: str) -> DnsResponse:
    wanted = dns.rdatatype.from_text(query_type)
    addresses: list[str] = []
    cnames: list[str] = []
    ttl_s = -1
    for rrset in message.answer[:MAX_ANSWERS]:
        for rdata in list(rrset)[:MAX_ANSWERS]:
            if rdata.rdtype == wanted and wanted != dns.rdatatype.SOA:
                addresses.append(str(rdata.to_text())[:255])
                ttl_s = int(rrset.ttl)
            elif rdata.rdtype == dns.rdatatype.CNAME:
                cnames.append(str(rdata.to_text()).rstrip(".")[:255])
    return DnsResponse(
        rcode=dns.rcode.to_text(message.rcode()),
        answers=tuple(addresses[:MAX_ANSWERS]),
        cnames=tuple(cnames[:MAX_ANSWERS]),
        ttl_s=ttl_s,
        authoritative=bool(message.flags & dns.flags.AA),
        truncated=bool(message.flags & dns.flags.TC),
        ede=_extended_errors(message),
        flags=dns.flags.to_text(message.flags),
        authority_records=min(sum(map(len, message.authority)), MAX_RECORDS),
        soas=_zones(message),
    )


def _zones(message: dns.message.Message) -> tuple[SoaRecord, ...]:
    """The first SOA of each section; of the answer's, where it was asked for or a resolver adds it."""
    found: list[SoaRecord] = []
    for section, rrsets in zip(DNS_SECTIONS, (message.answer, message.authority, message.additional), strict=True):
        rrset = next((r for r in rrsets[:MAX_ANSWERS] if r.rdtype == dns.rdatatype.SOA and r), None)
        if rrset is not None:
            rdata: Any = rrset[0]
            found.append(SoaRecord(
                section=section, owner=_zone_name(rrset.name), ttl_s=_bound(rrset.ttl, MAX_TTL_S),
                minimum_s=_bound(rdata.minimum, MAX_TTL_S), serial=_bound(rdata.serial, MAX_SERIAL),
            ))
    return tuple(found)


def _zone_name(owner: dns.name.Name) -> str:
    text = str(owner.to_text()).lower()[:255]
    return text if text == "." else text.removesuffix(".")


def _bound(value: int, most: int) -> int:
    return max(0, min(int(value), most))


def _extended_errors(message: dns.message.Message) -> tuple[str, ...]:
    return tuple(
        f"{int(option.code)} {(option.text or '')[:80]}".strip()
        for option in message.options[:8]
        if isinstance(option, dns.edns.EDEOption)
    )
