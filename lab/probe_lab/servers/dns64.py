"""Addresses made up for an IPv6-only network: AAAA from A under the well-known prefix (RFC 6147, RFC 6052)."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable

import dns.message
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset

from probe_lab.servers.zone import IPV4_ONLY

PREFIX = ipaddress.IPv6Address("64:ff9b::")

_MAPPED = ipaddress.IPv6Network("::ffff:0:0/96")
"""No AAAA that counts (RFC 6147 5.1.4)."""

Resolve = Callable[[dns.message.Message], dns.message.Message]


def synthesise_reply(
    query: dns.message.Message, reply: dns.message.Message, *, resolve: Resolve, most_ttl_s: int
) -> dns.message.Message:
    """The answer that a DNS64 gives in the place of a resolver's reply; the reply itself where that is good enough.

    `resolve` answers the question for A, `most_ttl_s` is how long a synthesised record lasts at most.
    """
    question = query.question[0]
    if question.rdtype != dns.rdatatype.AAAA or reply.rcode() != dns.rcode.NOERROR or _has_address(reply):
        return reply
    asked = dns.message.make_query(question.name, dns.rdatatype.A, question.rdclass)
    answer = [_translate_rrset(rrset, most_ttl_s) for rrset in resolve(asked).answer]
    made = [rrset for rrset in answer if rrset is not None]
    if not any(rrset.rdtype == dns.rdatatype.AAAA for rrset in made):
        return reply
    reply.answer, reply.authority = made, []
    return reply


def _has_address(reply: dns.message.Message) -> bool:
    found = [item.to_text() for rrset in reply.answer if rrset.rdtype == dns.rdatatype.AAAA for item in rrset]
    return any(ipaddress.IPv6Address(text) not in _MAPPED for text in found)


def _translate_rrset(rrset: dns.rrset.RRset, most_ttl_s: int) -> dns.rrset.RRset | None:
    """An RRset of A as one of AAAA; others as they are. None where no address may be translated."""
    if rrset.rdtype != dns.rdatatype.A:
        return rrset
    known = rrset.name.to_text(omit_final_dot=True).lower() == IPV4_ONLY
    # The prefix must not stand for what is no public address (RFC 6052 3.1), but for the name that tells the prefix.
    addresses = [ipaddress.IPv4Address(item.to_text()) for item in rrset]
    texts = [str(PREFIX + int(address)) for address in addresses if address.is_global or known]
    if not texts:
        return None
    return dns.rrset.from_text_list(
        rrset.name, min(rrset.ttl, most_ttl_s), dns.rdataclass.IN, dns.rdatatype.AAAA, texts
    )
