"""What name rules look at, and the conditions that many of them share."""

from __future__ import annotations

from dataclasses import dataclass

from probe.core.addresses import is_inside
from probe.core.tables.basis_words import Basis
from probe.core.tables.evidence_words import DenialMark, DnsState
from probe.judge.common.company import ALONE, CompanyEvidence
from probe.judge.common.rule import Rule
from probe.judge.dns.dns_evidence import DENIALS, DnsEvidence

ANSWERS: tuple[DnsState, ...] = ("ok", *DENIALS)
"""States of an innocent name that show a living resolver, whether it knows the name or not."""
NO_FAILURES: tuple[DnsState, ...] = (*ANSWERS, "unasked")
"""States of an innocent name that do not show a failing one."""
_OF_THE_ZONE: tuple[DenialMark, ...] = ("cached", "local_root")
"""Of denials that the resolver has from the zone's own servers, or from a copy of the root."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NameEvidence:
    """A name's lookups, and what came of the addresses that they gave."""

    dns: DnsEvidence
    resolver_dead: bool = False
    """The network's resolver fails for innocent names too."""
    validated: bool = False
    """An address of the network's answer completed a valid handshake, or served known content, for the name."""
    wrong_server: bool = False
    """An address of the network's answer presents a certificate, or in the clear a page, that is not the service's,
    while an address from trusted resolvers presents the right one."""
    shared_answer: bool = False
    """The network gives the same address for names of three unrelated services, to which it does not belong either."""
    dead_answer: bool = False
    """No address of the network's answer accepts a connection, here or from controls."""
    trusted_reached: bool = False
    """An address from trusted resolvers serves the name, or a control shakes hands with the service there."""
    blamed: bool = False
    """The service would be called out of order for what controls meet at an address of the network's answer that has
    not proven whose it is."""
    unlucky: bool = False
    """Questions about other names are lost so often that silence about this one may be chance."""
    resolvers_apart: bool = False
    """The public resolver's address is not led to the network's resolver, nor are they one."""

    @property
    def false_by_itself(self) -> bool:
        """What the resolver says can come from nobody who answers for the name: the basis `content`."""
        shown = (self.dns.injected or self.dns.dark_answered or self.dns.port53.tcp_malformed
                 or self.dns.https.is_forged or (is_false_hint(self) and not self.hints_inside))
        if is_answered(self):
            return (shown or is_overtaken(self) or (is_false_answer(self) and not self.leads_inside)
                    or is_restricted(self) or is_marked_elsewhere(self))
        return shown or (not self.dns.resolver_private and self.dns.known_elsewhere and is_refusal_its_own(self))

    @property
    def leads_inside(self) -> bool:
        """What is false leads to machines of some network's own, and to none that is known as a block: an office's
        mirror, which need not answer today, looks like that (split DNS, RFC 9499). Not where a public resolver's
        answers are false as well, nor where it is the provider's own resolver that says so."""
        return not self.dns.mark.name and self._may_be_an_offices(self.dns.bogus)

    @property
    def hints_inside(self) -> bool:
        """The same of what an HTTPS record hints at."""
        return not self.dns.https.mark.name and self._may_be_an_offices(self.dns.https.bogus)

    def _may_be_an_offices(self, false: frozenset[str]) -> bool:
        return not self.dns.public_bogus and not self.dns.of_provider and bool(false) and all(map(is_inside, false))

    @property
    def struck_on_the_way(self) -> bool:
        """Plain questions meet the same at two resolvers of unrelated operators, one of whom answers the encrypted
        question: what acts lies on the way to both, the basis `place`. Not where all of port 53, or the public
        resolver's address, may be led to the network's own resolver, so that both are one."""
        two = self.resolvers_apart and self.dns.port53.tried and not self.dns.port53.intercepted
        if not two or not self.dns.same_operator_answers:
            return False
        if is_answered(self):
            both = self.dns.network_answers & self.dns.public_answers
            return bool(both) and not both & self.dns.trusted_answers and not self.dns.consistent
        return fails_alone(self, self.dns.network) and self.dns.public_udp == self.dns.network

    company: CompanyEvidence = ALONE
    """Unrelated owners whose names the resolver fails as it fails this one."""

    @property
    def may_be_anybody(self) -> bool:
        """What answers under a name that trusted resolvers deny, and proves nothing."""
        return self.dns.denied_elsewhere and not self.validated


NameRule = Rule[NameEvidence]


def is_answered(e: NameEvidence) -> bool:
    return e.dns.network == "ok"


def is_repeated_failure(e: NameEvidence) -> bool:
    return e.dns.failed_attempts >= 3 and e.dns.failed_attempts == e.dns.attempts


def fails_alone(e: NameEvidence, state: DnsState) -> bool:
    """Every attempt failed thus, for applications too, while the resolver serves others and the name is known.

    A denial is an answer and shows a living resolver, but as many views elsewhere must not deny the name, too; any
    other failure must be followed by an innocent success.
    """
    alive = not e.dns.denial_disputed if state in DENIALS else e.dns.resolver_alive in ANSWERS
    alone = (e.dns.network == state and e.dns.system != "ok" and is_repeated_failure(e) and e.dns.known_elsewhere
             and alive)
    return alone and not (state == "timeout" and (e.unlucky or e.dns.laboured or e.dns.may_be_length))


def is_refusal_its_own(e: NameEvidence) -> bool:
    """The resolver denies or refuses the name by its own will: it says so, or the marks of its replies do. A forwarder
    may pass on that the zone's servers refuse it, but these refuse it all of the zone, and others on the same path
    nothing; so the resolver must serve the zone, and another the name."""
    refuses = e.dns.network == "refused" and e.dns.zone_served and e.dns.public == "ok"
    return e.dns.denial == "made_up" or e.dns.policy_named or refuses


def is_denied_by_the_zone(e: NameEvidence) -> bool:
    """The denial grows older, as one that the zone's own servers gave, or comes out of a copy of the root that the
    resolver keeps and that may be old. One out of another zone of the resolver's own is not meant: that may be old for
    one service, and not for three."""
    return e.dns.network in DENIALS and e.dns.denial in _OF_THE_ZONE and not e.struck_on_the_way


def is_false_answer(e: NameEvidence) -> bool:
    """False content convicts even where the other address family is told the truth."""
    return is_answered(e) and (bool(e.dns.bogus) or e.dns.mark.fits)


def is_false_hint(e: NameEvidence) -> bool:
    """The name's HTTPS record hints at addresses that no public name has, or at a known block address. Of a household's
    resolver that may be its own filter's."""
    false = bool(e.dns.https.bogus) or e.dns.https.mark.fits
    return false and not e.dns.resolver_private and not e.dns.chosen_filter and e.dns.known_elsewhere


def is_overtaken(e: NameEvidence) -> bool:
    """Captured packets show that another sender's reply, which may be empty, followed the false one: the question
    itself got through. Of a resolver next door neither tells who lies."""
    return e.dns.two_senders and is_false_answer(e) and e.dns.known_elsewhere and e.dns.near_answer != "elsewhere"


def is_wrong_server(e: NameEvidence) -> bool:
    """No metric of consistency holds: not the address, not its network, not the certificate, which is another's."""
    return (is_answered(e) and not e.dns.consistent and not e.validated and e.wrong_server and e.trusted_reached)


def is_dead_answer(e: NameEvidence) -> bool:
    return is_answered(e) and not e.dns.consistent and not e.validated and e.dead_answer


def is_marked_elsewhere(e: NameEvidence) -> bool:
    """A block address that is known, but not of this country: it convicts only where it serves nothing, or another."""
    return (is_answered(e) and bool(e.dns.fingerprint) and not e.dns.mark.restricted and not e.dns.consistent
            and not e.validated and (e.wrong_server or e.dead_answer))


def is_restricted(e: NameEvidence) -> bool:
    """The name is led to a restricted mode; a certificate that is valid there shows nothing to the contrary. Or the
    resolver says itself that it was made to answer so, with a genuine server that nobody else is led to."""
    led = e.dns.mark.restricted and not e.dns.marked_beside  # even where the other family is told the truth
    said = e.dns.censored and e.validated and not e.dns.bogus and not e.dns.consistent
    return is_answered(e) and (led or said) and e.dns.known_elsewhere


def is_public_honest(e: NameEvidence) -> bool:
    return e.dns.public == "ok" and not e.dns.public_bogus and bool(e.dns.public_answers - e.dns.network_answers)


def lies_next_door(e: NameEvidence) -> bool:
    """A household's router or filter alone gives another answer, or none. Its owner may have wished it: filters of
    families offer messengers by name. Where a public resolver answers as it does, or the address is a known block
    address of this country, it is not the household."""
    if is_answered(e):
        lies = is_wrong_server(e) or is_dead_answer(e) or is_marked_elsewhere(e)
        alike = bool(e.dns.public_bogus or e.dns.public_answers & e.dns.network_answers)
    else:
        lies, alike = fails_alone(e, e.dns.network), e.dns.public == e.dns.network
    return e.dns.resolver_private and lies and not alike and not e.dns.mark.fits


def false_next_door(e: NameEvidence) -> bool:
    """A filter of the household's own, or a lie of whom it asks."""
    way, household = e.dns.port53, e.dns.resolver_private or not is_public_honest(e)
    return ((e.dns.near_answer == "elsewhere" and not e.validated)
            or (way.led_astray and way.next_door and not e.dns.mark.fits)
            or (is_restricted(e) and household and not e.dns.public_restricted)
            or lies_next_door(e))


def find_name_bases(e: NameEvidence) -> frozenset[Basis]:
    """Of a name's lookups. Never `time`: a resolver answers at once out of its cache, whoever filled that."""
    found: dict[Basis, bool] = {
        "packets": e.dns.two_senders,
        "place": e.dns.located.where == "before" or e.struck_on_the_way,
        "content": e.false_by_itself,
        "company": (e.shared_answer or e.company.is_enough) and not (e.leads_inside or e.hints_inside),
    }
    return frozenset(basis for basis, holds in found.items() if holds)
