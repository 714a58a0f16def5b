"""What becomes of plain questions on their way: answered by somebody else, led astray, or left alone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from probe.core.addresses import family_of, is_bogon
from probe.core.observations import Observation
from probe.core.tables.failures import Failure
from probe.core.tables.purposes import Purpose
from probe.core.tables.resolvers import UNASSIGNED_ADDRESS

ONE_QUESTION_MS = 2000.0
"""Up to here a question had been sent once: later replies may answer its repetition."""
MALFORMED: Failure = "dns_server_misbehaving"
INITIAL_TTLS = frozenset((64, 128, 255))
"""TTLs with which systems send; a router on the way would have lowered them."""
ANSWERED = ("NOERROR", "NXDOMAIN")
_FOR_COMPARISON: tuple[Purpose, ...] = ("innocent", "again", "zone", "yardstick", "https")


@dataclass(frozen=True, slots=True, kw_only=True)
class Port53Evidence:
    """One name's questions on port 53. An address without a resolver is a root server asked for a host without
    recursion, or one that nobody has (`probe.core.tables.resolvers`)."""

    injected: bool = False
    """One question had two answers, the early one false, or several were denied at once and then answered truly."""
    dark_answered: bool = False
    """An address without a resolver answers for this name, otherwise than trusted resolvers, and not for an innocent
    one."""
    tried: bool = False
    """An address without a resolver was asked for an innocent name, so that interception would have shown."""
    intercepted: bool = False
    """An address without a resolver replies about an innocent name: something on the way answers every question."""
    led_astray: bool = False
    """It answers for this name too, and as the network's own resolver does; no trusted resolver gives that."""
    next_door: bool = False
    """The replies about innocent names passed no router: the device beside ours gave them."""
    tcp_malformed: bool = False
    """Over TCP this name draws a reply that is no DNS, and an innocent name an answer."""


def select_own_questions(seen: Iterable[Observation]) -> list[Observation]:
    """Questions for a name's own addresses, of those that were put for its sake: others are about innocent ones, ask
    how old a denial is, or for other records."""
    return [o for o in seen if not o.reason and o.purpose not in _FOR_COMPARISON]


def select_comparisons(seen: Iterable[Observation], purpose: Purpose) -> list[Observation]:
    """Questions put for the name's sake with one of the other purposes."""
    return [o for o in seen if not o.reason and o.purpose == purpose]


def gather_port53(seen: Sequence[Observation], trusted: frozenset[str], plain: frozenset[str], *,
                  nat64_prefix: str = "") -> Port53Evidence:
    """Read the lookups of one name; `plain` are the answers of the network's own resolution."""
    asked = select_own_questions(seen)
    innocent = [o for o in seen if not o.reason and o.purpose == "innocent"]
    udp = [o for o in asked if o.dns.engine == "udp"]
    dark = frozenset(a for o in asked if o.dns.resolver == "dark" for a in o.dns.answers)
    # What leads every question to a resolver may lose the innocent one; who answers truly then has told no lie.
    false = {o.dns.resolver_address for o in asked
             if o.dns.resolver == "dark" and o.dns.answers and not trusted & {*o.dns.answers}}
    tries = [o for o in innocent if o.dns.resolver == "dark"]
    intercepted = any(_is_served(o) for o in tries)
    ttls = {reply.ip_ttl for o in tries if _is_served(o) for reply in o.dns.replies}
    injected = any(was_injected(o, trusted, nat64_prefix) for o in udp)
    denied = [o for o in udp if _denied_then_answered(o, trusted)]
    return Port53Evidence(
        injected=injected or len(denied) >= 2,
        dark_answered=not intercepted and any(o.dns.resolver_address in false for o in tries),
        tried=bool(tries), intercepted=intercepted,
        led_astray=intercepted and bool(dark) and dark <= plain and not dark & trusted,
        next_door=bool(ttls) and ttls <= INITIAL_TTLS,
        tcp_malformed=_has_malformed(asked) and any(o.dns.rcode in ANSWERED for o in innocent if o.dns.engine == "tcp"),
    )


def _is_served(seen: Observation) -> bool:
    """Whether a resolver answered where none is: with an address, as one that recurses (root servers never say so), or
    at an address that nobody has. It need not know the name."""
    replies = [reply for reply in seen.dns.replies if reply.rcode in ANSWERED]
    recurses = any("RA" in reply.flags for reply in replies)
    return bool(seen.dns.answers) or recurses or (bool(replies) and seen.dns.resolver_address == UNASSIGNED_ADDRESS)


def _has_malformed(asked: Iterable[Observation]) -> bool:
    tries = [o for o in asked if o.dns.engine == "tcp"]
    return bool(tries) and all(o.failure == MALFORMED for o in tries)


def was_injected(seen: Observation, trusted: frozenset[str], nat64_prefix: str) -> bool:
    """Two replies to one question that share nothing, the first of them wrong (rule R1 of the field).

    Rotating pools answer a repeated question differently too, so the early answer must be shown false: the later
    one is known to trusted resolvers and the early one is not, or the early one is no public address at all.
    """
    replies = [(reply.rcode, frozenset(reply.answers)) for reply in seen.dns.replies if reply.rcode in ANSWERED]
    if len(replies) < 2 or not replies[0][1]:
        return False
    first = replies[0][1]
    if _denied_rightly(replies, trusted, nat64_prefix):
        return True
    first_false = not first & trusted and (bool(trusted) or all(is_bogon(a, nat64_prefix) for a in first))
    others = [answers for _, answers in replies[1:] if not answers & first]
    later_true = any(answers & trusted for answers in others) if trusted else any(
        answers and not any(is_bogon(a, nat64_prefix) for a in answers) for answers in others)
    return first_false and later_true


def _denied_rightly(replies: Sequence[tuple[str, frozenset[str]]], trusted: frozenset[str], nat64_prefix: str) -> bool:
    """An address that no public name has, and then none: trusted resolvers know the name, and none of that family."""
    first = replies[0][1]
    families = {family_of(a) for a in first}
    bogus = all(is_bogon(a, nat64_prefix) for a in first) and not first & trusted
    absent = bool(trusted) and families.isdisjoint(family_of(a) for a in trusted)
    return bogus and absent and any(rcode == "NOERROR" and not answers for rcode, answers in replies[1:])


def _denied_then_answered(seen: Observation, trusted: frozenset[str]) -> bool:
    """One question, sent once, was denied and then answered with an address that trusted resolvers give.

    Not by itself proof: resolvers of one address that disagree may both answer, once. Several questions show it.
    """
    replies = [reply for reply in seen.dns.replies if reply.rcode in ANSWERED]
    if len(replies) < 2 or replies[0].answers or replies[0].delay_ms > ONE_QUESTION_MS:
        return False
    return any(trusted.intersection(reply.answers) for reply in replies[1:])
