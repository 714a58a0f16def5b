"""Words of evidence: what one look at a target's surroundings showed."""

from __future__ import annotations

from typing import Final, Literal, get_args

from probe.core.tables.words import Empty

Answered = Literal["", "yes", "no"]
"""yes, no, or empty where nobody knows: was it acknowledged, was the expectation met?"""
Stage = Literal["connect", "tls", "app", "http", "page", "quic", "stun"]
"""Where an attempt ended; page: it was answered, but not as expected."""
StrikeStage = Literal["name", "tls", "app", "http", "quic", "flow"]
"""Where something is struck that is no address: by the resolver, at a stage, or by its pace once bytes flow."""
FlowStrike = Literal["slowed", "frozen", "lossy", "cut"]
"""What befalls transfers and connections that were begun; lossy: packets of theirs are lost."""
CertificateStrike = Literal["resigned"]
"""What befalls certificates: an authority that nobody trusts has signed one for the name."""
DnsState = Literal["ok", "nxdomain", "empty", "refused", "servfail", "timeout", "error", "unasked"]
"""What one channel says of a name."""
InnocentState = Literal["reached", "carried", "failed", "tainted", "unasked"]
"""How innocent names or bytes fare at an address; carried: they were acknowledged, and nothing came back."""
OtherBytes = Literal["passed", "failed", "unasked"]
"""Bytes that are no TLS, between hellos that vanish."""
OtherPort = Literal["open", "closed", "silent", "unasked"]
"""Another port of an address; closed: it refuses, so the host lives."""
NarrowHello = Literal["passed", "cut", "failed", "silent", "unasked"]
"""The library's hello in small segments."""
VersionState = Literal["answered", "silent", "closed", "unasked"]
"""The question for a version of QUIC that does not exist."""
Beside = Literal["", "itself", "network"]
"""What accepts TCP connections: the address itself, or another one of its network (/24, /64); empty: neither is known.
"""
LostWhere = Literal["", "near", "far", "unknown"]
"""Where packets are lost; empty: nobody looked."""
EndWhere = Literal["", "before", "unknown"]
"""Where an end that came too soon came from: before all that may be the operator's own, or not shown; empty: it did not
come too soon."""
Elsewhere = Literal["", "name", "helpers", "passes"]
STRUCK_ELSEWHERE: Final[tuple[Elsewhere, ...]] = ("name", "helpers")
"""What shows that a name is struck at servers that have nothing to do with it."""
"""What a name met at servers whose operators agreed; empty: nothing is shown."""
DnsSection = Literal["answer", "authority", "additional"]
"""Where in a reply a record stands."""
DNS_SECTIONS: tuple[DnsSection, ...] = get_args(DnsSection)
AllowlistWay = Literal["", "address", "name", "data"]
"""How a network lets only listed places pass: packets to other addresses vanish; other names are cut off, or never
acknowledged; connections open everywhere and nothing that is said on them arrives. Empty: it does not."""
HttpsLoss = Literal["", "ech", "record", "refused", "silent"]
"""What of a name's HTTPS records does not arrive: the keys for Encrypted ClientHello; the whole record, for the answer
is empty; or any answer, because the resolver refuses such questions or keeps silent. Empty: nothing is known to lack.
"""
HttpsWord = Literal["unasked", "ok", "stripped", "emptied", "refused", "silent"]
"""How questions for HTTPS records fare in a run."""
DenialMark = Literal["", "cached", "own_zone", "local_root", "made_up"]
"""Who denied a name, by a resolver's denials; empty: they do not tell (`probe.judge.dns.dns_marks`)."""
NearAnswer = Literal["", "beside", "elsewhere"]
"""Where a resolver's private answers lie, seen from the resolver; empty: it gives none."""
EncryptedState = Literal["ok", "blocked", "failing", "unasked"]
"""How an encrypted way to ask for names fares."""
ResidualWord = Literal["", "none", "seen", "unknown"]
"""Whether an innocent name fails once a forbidden one was asked for; empty: nobody looked."""
Scope = Literal["unknown", "device", "lan", "access", "beyond_access"]
"""How near the cause of a failure is."""
EvidenceLevel = Literal["socket", "packet"]
"""What a verdict rests on: what any program sees, or packets too."""
HopWhere = Literal["", "before", "door", "end", "unknown"]
"""Where on the way something acts. before: where paths to other owners pass, well before the service's own door; door:
where they are not seen to pass, so that it may be the service's own; end: at the service itself or its door; unknown:
nothing is shown; empty: nobody looked."""
AddressSpace = Literal["", "private", "carrier", "public", "service"]
"""Of an address; service: public, and so near the address that was asked that one provider may have both; empty: it is
none."""
ControlFinding = Literal["", "ok", "foreign", "failed"]
"""What one control says of one place; empty: nothing."""
PageWord = Literal["", "served", "other", "refused", "failed"]
"""What a page's own server said to one control; other: neither the page nor a refusal; failed: that it failed itself.
Empty: nothing that bears on us."""
Depth = Literal["all", "tls", "connect"]
"""How far a visit goes; all: as far as its endpoint is used."""
HopWord = Literal[
    "exceeded", "reset", "closed", "answered", "acked", "rejected", "gateway", "end", "silent", "open", "refused",
    "unreachable",
]
"""What came of one packet whose TTL was chosen."""
HOP_WORDS: tuple[HopWord, ...] = get_args(HopWord)
ReplyWord = Literal["hello", "alert", "other", "more"]
"""What a server's first bytes are; more: not to be told yet."""
SPACES: tuple[AddressSpace, ...] = get_args(AddressSpace)
TransferKind = Literal["", "innocent", "sample", "elsewhere", "pieces"]
"""Which transfer is due; empty: none."""
NO_STAGE_OR_PAGE: tuple[Stage | Empty, ...] = ("", "page")
"""Of an attempt that was answered, as expected or not."""
TLS_OR_HTTP: tuple[Literal["tls", "http"], ...] = ("tls", "http")
"""Stages, and kinds of sites."""
NARROW_FAILS: tuple[NarrowHello, ...] = ("failed", "silent")
"""The library's hello in small segments was not answered."""
SPEAKING: tuple[Literal["tls", "http", "app"], ...] = ("tls", "http", "app")
"""Stages, and kinds of sites, at which something is said over TCP."""
