"""What the laboratory's name servers answer: a network's resolver that may lie or fail, public resolvers, roots.

Messages go through dnspython's codec (RFC 1035, 6891, 8914). Nothing here does IO.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from functools import partial

import dns.edns
import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.rcode
import dns.rdatatype

from probe_lab.lab_types import Fault, World
from probe_lab.servers.denials import NEGATIVE_TTL_S, AnswerAges, deny, make_rrset, make_soa
from probe_lab.servers.dns64 import synthesise_reply
from probe_lab.servers.faults import Faults, number, text
from probe_lab.servers.zone import Zone

_UDP_PAYLOAD = 1232
"""Largest answer that is not cut over UDP (the DNS flag day's value), bytes."""

_GIVES_UP_S = 10.0
"""When a common resolver stops trying (BIND's resolver-query-timeout)."""

OnLie = Callable[[Fault, str, str], None]
"""Called with the fault, the name asked for and the address answered (or empty) when a resolver censors."""


class NameServers:
    """Answers for every name server of one world; `role` is network, public, or root."""

    def __init__(self, world: World, faults: Faults, *, on_lie: OnLie) -> None:
        self._world = world
        self._faults = faults
        self._zone = Zone(world, faults)
        self._on_lie = on_lie
        self._rng = random.Random(world.seed)
        self._ages = AnswerAges(world.seed)
        self._begun_s: dict[str, float] = {}
        """When the resolver began to work at a name that takes it long; for all kinds of address together."""
        self._dns64 = any(fault.kind == "nat64" for fault in faults.all("router"))

    def reply(self, wire: bytes, *, role: str, udp: bool) -> bytes | None:
        """The answer to one message, or None where a server stays silent; `udp` cuts what is too long."""
        try:
            query = dns.message.from_wire(wire)
        except (dns.exception.DNSException, ValueError):
            return _format_error(wire)
        if query.flags & dns.flags.QR or len(query.question) != 1 or query.opcode() != dns.opcode.QUERY:
            return _format_error(wire)
        if role == "root":
            return _fit(self._refer(query), query, udp=udp)
        if role == "network":
            return self._network(query, udp=udp)
        return _fit(self._resolve(query, near=False), query, udp=udp)

    def wait_s(self, wire: bytes, *, role: str) -> float:
        """How long a resolver that gets no further with a name keeps this question, the first or one that joins it."""
        late = [fault for fault in self._faults.all("resolver") if fault.kind == "resolver_late"]
        if role != "network" or not late:
            return 0.0
        try:
            name = _name(dns.message.from_wire(wire))
        except (dns.exception.DNSException, ValueError, IndexError):
            return 0.0
        mine = [fault for fault in self._faults.of("resolver", name) if fault.kind == "resolver_late"]
        if not mine:
            return 0.0
        now_s, after_s = time.monotonic(), number(mine[0].params, "after_s", _GIVES_UP_S)
        if now_s >= self._begun_s.get(name, -after_s) + after_s:
            self._begun_s[name] = now_s
        return self._begun_s[name] + after_s - now_s

    def _network(self, query: dns.message.Message, *, udp: bool) -> bytes | None:
        name = _name(query)
        faults = self._faults.of("resolver", name, name.rpartition(".")[2]) or self._refusals_of_zone(name)
        acts = [fault for fault in faults if fault.kind not in ("dns_ede", "https_stripped")]
        if acts and acts[0].kind in _UNREADABLE:
            self._note(acts[0], name, "")
            return _UNREADABLE[acts[0].kind](self._resolve(query, near=True), self._rng)
        if acts and acts[0].kind == "resolver_dead":
            self._note(acts[0], name, "")
            return None
        reply = self._misbehave(query, acts[0]) if acts else self._portal(query) or self._near(query)
        for fault in faults:
            if fault.kind == "dns_ede":
                _explain(reply, fault)
            elif fault.kind == "https_stripped" and query.question[0].rdtype == dns.rdatatype.HTTPS:
                if text(fault.params, "style", "empty") == "silent":
                    return None
                _strip(reply, text(fault.params, "style", "empty"))
        return _fit(reply, query, udp=udp)

    def _refusals_of_zone(self, name: str) -> tuple[Fault, ...]:
        """What the servers of the name's zone say of all of it, and a forwarder passes on."""
        return tuple(fault for fault in self._faults.all("resolver") if fault.params.get("passed_on", False)
                     and any(self._zone.zone_of(match) == self._zone.zone_of(name) for match in fault.match))

    def _misbehave(self, query: dns.message.Message, fault: Fault) -> dns.message.Message:
        if fault.kind == "resolver_filter":
            reply, given = self._filtered(query, fault)
        elif fault.kind == "resolver_lie":
            address = text(fault.params, "address", self._world.sinkhole)
            reply, given = _point_at(query, address, alias=text(fault.params, "cname", "")), address
        elif fault.kind == "resolver_late" and text(fault.params, "style", "servfail") == "answer":
            reply, given = self._near(query), ""
        elif fault.kind == "resolver_restricts":
            reply = _renamed(query, self._resolve(query, near=True), alias=text(fault.params, "cname", ""))
            given = reply.answer[-1][0].to_text() if len(reply.answer) > 1 else ""
        else:
            reply, given = _response(query), ""
            reply.set_rcode(_RCODES[fault.kind])
            name = _name(query)
            if style := text(fault.params, "style", _DENIALS.get(fault.kind, "")):
                zone = self._zone.zone_of(name)
                if reply.rcode() == dns.rcode.NXDOMAIN and zone == name:  # a zone cannot say that it does not exist
                    zone = name.rpartition(".")[2]
                deny(reply, style, name=name, zone=zone, ages=self._ages)
        self._note(fault, _name(query), given if reply.answer else "")
        return reply

    def _filtered(self, query: dns.message.Message, fault: Fault) -> tuple[dns.message.Message, str]:
        """What a filter answers, and the address in it; it may say why (RFC 8914)."""
        style, given = text(fault.params, "style", "zero"), ""
        if style == "nxdomain":
            reply = _response(query)
            reply.set_rcode(dns.rcode.NXDOMAIN)
            self._deny(reply, _name(query))
        else:
            zero = "::" if query.question[0].rdtype == dns.rdatatype.AAAA else "0.0.0.0"
            given = zero if style == "zero" else text(fault.params, "address", self._world.sinkhole)
            reply = _point_at(query, given)
        if "code" in fault.params:
            _explain(reply, fault)
        return reply, given

    def _near(self, query: dns.message.Message) -> dns.message.Message:
        """The network resolver's honest answer."""
        reply = self._age(self._resolve(query, near=True))
        if not self._dns64:
            return reply
        resolve = partial(self._resolve, near=True)
        return synthesise_reply(query, reply, resolve=resolve, most_ttl_s=NEGATIVE_TTL_S)

    def _portal(self, query: dns.message.Message) -> dns.message.Message | None:
        if any(fault.kind == "portal" for fault in self._faults.all("place")):
            return _point_at(query, self._world.portal)
        return None

    def _note(self, fault: Fault, name: str, address: str) -> None:
        if fault.block_type:
            self._on_lie(fault, name, address)

    def _resolve(self, query: dns.message.Message, *, near: bool) -> dns.message.Message:
        reply, name = _response(query), _name(query)
        records = self._zone.find(name, near=near)
        if records is None:
            if not self._zone.has_below(name):
                reply.set_rcode(dns.rcode.NXDOMAIN)
            self._deny(reply, name)
            return reply
        owner = query.question[0].name
        if records.alias:
            target = dns.name.from_text(records.alias)
            reply.answer.append(make_rrset(owner, records.ttl_s, dns.rdatatype.CNAME, target.to_text()))
            owner = target
        kind = query.question[0].rdtype
        if reply.answer and kind == dns.rdatatype.CNAME:
            return reply
        addresses = {dns.rdatatype.A: records.ipv4, dns.rdatatype.AAAA: records.ipv6,
                     dns.rdatatype.HTTPS: (records.https,) if records.https else ()}.get(kind, ())
        if addresses:
            reply.answer.append(make_rrset(owner, records.ttl_s, kind, *addresses))
        else:
            self._deny(reply, records.alias or name)
        return reply

    def _deny(self, reply: dns.message.Message, name: str) -> None:
        zone = self._zone.zone_of(name)
        apex = bool(reply.question) and reply.question[0].rdtype == dns.rdatatype.SOA and name == zone
        (reply.answer if apex else reply.authority).append(make_soa(zone, NEGATIVE_TTL_S))

    def _age(self, reply: dns.message.Message) -> dns.message.Message:
        """What the network's resolver keeps, with the TTLs that are left."""
        for rrset in (*reply.answer, *reply.authority):
            rrset.ttl = self._ages.left_s((rrset.name, rrset.rdtype, reply.question[0].name), rrset.ttl)
        return reply

    def _refer(self, query: dns.message.Message) -> dns.message.Message:
        """A root server's answer: a referral to the top-level domain, whatever below it is asked for."""
        reply = _response(query)
        reply.flags &= ~dns.flags.RA
        top = _name(query).rpartition(".")[2]
        if not top or top not in self._zone.top_level_domains():
            reply.flags |= dns.flags.AA
            if top:
                reply.set_rcode(dns.rcode.NXDOMAIN)
            soa = "a.root-servers.net. nstld.verisign-grs.com. 2026010100 1800 900 604800 86400"
            reply.authority.append(make_rrset(dns.name.root, 86400, dns.rdatatype.SOA, soa))
            return reply
        servers = [f"{letter}.nic.{top}." for letter in "abcd"]
        reply.authority.append(make_rrset(dns.name.from_text(top), 172800, dns.rdatatype.NS, *servers))
        return reply


def _response(query: dns.message.Message) -> dns.message.Message:
    return dns.message.make_response(query, recursion_available=True, our_payload=_UDP_PAYLOAD)


def _point_at(query: dns.message.Message, address: str, *, alias: str = "") -> dns.message.Message:
    """A reply with this address, where its family was asked for, perhaps by way of an alias."""
    reply, owner = _response(query), query.question[0].name
    if alias:
        reply.answer.append(make_rrset(owner, 60, dns.rdatatype.CNAME, f"{alias.rstrip('.')}."))
        owner = dns.name.from_text(alias)
    kind = dns.rdatatype.AAAA if ":" in address else dns.rdatatype.A
    if query.question[0].rdtype == kind:
        reply.answer.append(make_rrset(owner, 60, kind, address))
    return reply


def _renamed(query: dns.message.Message, honest: dns.message.Message, *, alias: str) -> dns.message.Message:
    """The addresses of an honest reply as those of an alias."""
    reply, owner = _response(query), dns.name.from_text(alias)
    reply.answer.append(make_rrset(query.question[0].name, 60, dns.rdatatype.CNAME, owner.to_text()))
    for found in honest.answer:
        if found.rdtype == query.question[0].rdtype != dns.rdatatype.CNAME:
            reply.answer.append(make_rrset(owner, 60, found.rdtype, *(rdata.to_text() for rdata in found)))
    return reply


def _explain(reply: dns.message.Message, fault: Fault) -> None:
    code = dns.edns.EDECode.make(int(number(fault.params, "code", 15)))
    option = dns.edns.EDEOption(code, text(fault.params, "text", "") or None)
    reply.use_edns(0, payload=_UDP_PAYLOAD, options=[option])


def _strip(reply: dns.message.Message, style: str) -> None:
    """Take the HTTPS records out of a reply, or as `keys` only what they hold for Encrypted ClientHello."""
    records = [rrset for rrset in reply.answer if rrset.rdtype == dns.rdatatype.HTTPS]
    reply.answer = [rrset for rrset in reply.answer if rrset.rdtype != dns.rdatatype.HTTPS]
    if style == "refused":
        reply.set_rcode(dns.rcode.NOTIMP)
    elif style == "keys":
        texts = (" ".join(word for word in rdata.to_text().split() if not word.startswith("ech="))
                 for rrset in records for rdata in rrset)
        reply.answer += [make_rrset(rrset.name, rrset.ttl, rrset.rdtype, kept)
                         for rrset, kept in zip(records, texts, strict=True)]


def _name(query: dns.message.Message) -> str:
    """The name asked for in lower case without its last dot; empty for the root."""
    return query.question[0].name.to_text().lower().removesuffix(".")


def _fit(reply: dns.message.Message, query: dns.message.Message, *, udp: bool) -> bytes:
    limit = max(512, min(query.payload, _UDP_PAYLOAD)) if udp else 65535
    try:
        return reply.to_wire(max_size=limit)
    except dns.exception.TooBig:
        short = _response(query)
        short.flags |= dns.flags.TC
        return short.to_wire(max_size=limit)


def _format_error(wire: bytes) -> bytes | None:
    if len(wire) < 12 or wire[2] & 0x80:
        return None
    return wire[:2] + b"\x80\x01" + bytes(8)


def _garbage(reply: dns.message.Message, rng: random.Random) -> bytes:
    return reply.id.to_bytes(2, "big") + rng.randbytes(rng.randint(20, 200))


def _truncated(reply: dns.message.Message, rng: random.Random) -> bytes:
    wire = reply.to_wire()
    return wire[: rng.randint(13, max(14, len(wire) - 1))]


def _wrong_question(reply: dns.message.Message, rng: random.Random) -> bytes:
    other = dns.message.make_query(f"www{rng.randint(10, 99)}.unasked.example", dns.rdatatype.A)
    other.id = reply.id
    wrong = _response(other)
    wrong.answer.append(make_rrset(other.question[0].name, 60, dns.rdatatype.A, "198.41.0.4"))
    return wrong.to_wire()


def _loop(reply: dns.message.Message, rng: random.Random) -> bytes:
    """The question as it was asked, then one answer whose owner name is a pointer to the pointer itself."""
    question_only = dns.message.Message(reply.id)
    question_only.flags, question_only.question = reply.flags, reply.question
    wire = bytearray(question_only.to_wire())
    wire[7] = 1
    pointer = (0xC000 | len(wire)).to_bytes(2, "big")
    return bytes(wire) + pointer + b"\0\1\0\1\0\0\0\x3c\0\4" + rng.randbytes(4)


_UNREADABLE: dict[str, Callable[[dns.message.Message, random.Random], bytes]] = {
    "resolver_garbage": _garbage,
    "resolver_truncated": _truncated,
    "resolver_wrong_question": _wrong_question,
    "resolver_loop": _loop,
}

_RCODES = {
    "resolver_servfail": dns.rcode.SERVFAIL,
    "resolver_late": dns.rcode.SERVFAIL,
    "resolver_refused": dns.rcode.REFUSED,
    "resolver_nxdomain": dns.rcode.NXDOMAIN,
    "resolver_empty": dns.rcode.NOERROR,
}
_DENIALS = {"resolver_nxdomain": "zone", "resolver_empty": "bare"}
"""How each signs what it denies unless the fault says so."""
