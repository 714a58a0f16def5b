"""Rules over one name's resolution, strongest evidence first."""

from __future__ import annotations

from dataclasses import dataclass

from probe.core.tables.block_types import BLOCK_TYPES
from probe.core.tables.evidence_words import DnsState
from probe.core.tables.words import known
from probe.inference.evidence.dns_evidence import DENIALS, DnsEvidence
from probe.inference.rules.rule import Rule

ANSWERS: tuple[DnsState, ...] = ("ok", *DENIALS)
"""States of an innocent name that show a living resolver, whether it knows the name or not."""
_NOT_SILENT: tuple[DnsState, ...] = (*ANSWERS, "unasked")


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

    @property
    def may_be_anybody(self) -> bool:
        """What answers under a name that trusted resolvers deny, and proves nothing."""
        return self.dns.denied_elsewhere and not self.validated


def _answered(e: NameEvidence) -> bool:
    return e.dns.network == "ok"


def _repeated(e: NameEvidence) -> bool:
    return e.dns.failed_attempts >= 3 and e.dns.failed_attempts == e.dns.attempts


def _fails_alone(e: NameEvidence, state: DnsState) -> bool:
    """Every attempt failed thus, for applications too, while the resolver serves others and the name is known.

    A denial is an answer and shows a living resolver; any other failure must be followed by an innocent success.
    """
    alive = state in DENIALS or e.dns.resolver_alive in ANSWERS
    alone = e.dns.network == state and e.dns.system != "ok" and _repeated(e) and e.dns.known_elsewhere and alive
    return alone and not (state == "timeout" and (e.unlucky or e.dns.laboured))


def _false_answer(e: NameEvidence) -> bool:
    """False content convicts even where the other address family is told the truth."""
    return _answered(e) and (bool(e.dns.bogus) or e.dns.mark.fits)


def _overtaken(e: NameEvidence) -> bool:
    """Captured packets show that another sender's reply, which may be empty, followed the false one: the question
    itself got through. Of a resolver next door neither tells who lies."""
    return e.dns.two_senders and _false_answer(e) and e.dns.known_elsewhere and e.dns.near_answer != "elsewhere"


def _wrong_server(e: NameEvidence) -> bool:
    """No metric of consistency holds: not the address, not its network, not the certificate, which is another's."""
    return (_answered(e) and not e.dns.consistent and not e.validated and e.wrong_server and e.trusted_reached)


def _dead_answer(e: NameEvidence) -> bool:
    return _answered(e) and not e.dns.consistent and not e.validated and e.dead_answer


def _marked_elsewhere(e: NameEvidence) -> bool:
    """A block address that is known, but not of this country: it convicts only where it serves nothing, or another."""
    return (_answered(e) and bool(e.dns.fingerprint) and not e.dns.mark.restricted and not e.dns.consistent
            and not e.validated and (e.wrong_server or e.dead_answer))


def _restricted(e: NameEvidence) -> bool:
    """The name is led to a restricted mode; a certificate that is valid there shows nothing to the contrary. Or the
    resolver says itself that it was made to answer so, with a genuine server that nobody else is led to."""
    led = e.dns.mark.restricted and not e.dns.marked_beside  # even where the other family is told the truth
    said = e.dns.censored and e.validated and not e.dns.bogus and not e.dns.consistent
    return _answered(e) and (led or said) and e.dns.known_elsewhere


def _public_honest(e: NameEvidence) -> bool:
    return e.dns.public == "ok" and not e.dns.public_bogus and bool(e.dns.public_answers - e.dns.network_answers)


def _lies_next_door(e: NameEvidence) -> bool:
    """A household's router or filter alone gives another answer, or none. Its owner may have wished it: filters of
    families offer messengers by name. Where a public resolver answers as it does, or the address is a known block
    address of this country, it is not the household."""
    if _answered(e):
        lies = _wrong_server(e) or _dead_answer(e) or _marked_elsewhere(e)
        alike = bool(e.dns.public_bogus or e.dns.public_answers & e.dns.network_answers)
    else:
        lies, alike = _fails_alone(e, e.dns.network), e.dns.public == e.dns.network
    return e.dns.resolver_private and lies and not alike and not e.dns.mark.fits


def _false_next_door(e: NameEvidence) -> bool:
    """A filter of the household's own, or a lie of whom it asks."""
    way, household = e.dns.port53, e.dns.resolver_private or not _public_honest(e)
    return ((e.dns.near_answer == "elsewhere" and not e.validated)
            or (way.led_astray and way.next_door and not e.dns.mark.fits)
            or (_restricted(e) and household and not e.dns.public_restricted)
            or _lies_next_door(e))


def _alone(state: DnsState, rule_id: str, confidence: float, why: str) -> Rule[NameEvidence]:
    return Rule(rule_id, "blocked", known(f"dns.{state}", BLOCK_TYPES), confidence, ("trusted_dns",), why,
                lambda e: _fails_alone(e, state))


DNS_RULES: tuple[Rule[NameEvidence], ...] = (
    Rule("dns/literal", "ok", "", 1.0, ("nothing",), "no name had to be resolved", lambda e: not e.dns.asked,
         hands_on=True),
    Rule("dns/resolver_out_of_order", "local", "local.resolver", 0.95, ("nothing",),
         "the network's resolver fails for innocent names as well",
         lambda e: e.resolver_dead and e.dns.network != "ok"),
    Rule("dns/resolver_gave_up", "local", "local.resolver", 0.9, ("nothing",),
         "the network's resolver ceased to serve innocent names during the run",
         lambda e: e.dns.network != "ok" and e.dns.resolver_alive not in _NOT_SILENT),
    Rule("dns/chosen_filter", "local", "local.filter", 0.9, ("nothing",),
         "the resolver filters on its client's request: it says so, or is chosen for that",
         lambda e: e.dns.chosen_filter and not e.dns.injected and not e.dns.dark_answered
         and ((not e.validated and (bool(e.dns.bogus) or e.dns.network != "ok")) or _restricted(e))),
    Rule("dns/household_filter", "local", "local.filter", 0.8, ("nothing",),
         "a resolver in private address space gives the null address, its neighbour's, or names a policy of its own",
         lambda e: (e.dns.filtered or e.dns.near_answer == "beside") and e.dns.resolver_private and not e.validated),
    Rule("dns/two_answers", "blocked", "dns.injection", 0.97, ("trusted_dns",),
         "one question had two answers, and the early one is false",
         lambda e: e.dns.injected or _overtaken(e)),
    Rule("dns/dark_address_answers", "blocked", "dns.injection", 0.95, ("nothing",),
         "an address that answers no such question gave an answer for this name, and none for an innocent one",
         lambda e: e.dns.dark_answered),
    Rule("dns/malformed_over_tcp", "blocked", "dns.injection", 0.9, ("trusted_dns",),
         "over TCP the question draws a reply that is no DNS while an innocent one is answered, and plain answers are "
         "false or missing",
         lambda e: e.dns.port53.tcp_malformed and e.dns.known_elsewhere
         and (_false_answer(e) or _marked_elsewhere(e) or _fails_alone(e, e.dns.network))),
    Rule("dns/false_answer_of_near_resolver", "inconclusive", "inconclusive.unexplained", 0.5, ("nothing",),
         "a resolver in private address space answers falsely, or not, where others on the same path do, or the device "
         "beside ours answers every question itself, this one falsely: whether it lies or the one behind it is not "
         "shown",
         _false_next_door),
    Rule("dns/led_astray", "blocked", "dns.hijack", 0.95, ("trusted_dns",),
         "an address without a resolver answers innocent questions truly and this one falsely, as the network's own "
         "resolver does: questions to any resolver are led to one that lies",
         lambda e: e.dns.port53.led_astray and e.dns.known_elsewhere
         and (_false_answer(e) or _wrong_server(e) or _marked_elsewhere(e))),
    Rule("dns/restricted_mode", "blocked", "dns.forged.redirect", 0.9, ("trusted_dns",),
         "the network's resolver leads the name to a restricted mode's servers, and another resolver on the same path "
         "tells the truth",
         lambda e: _restricted(e) and not e.dns.public_restricted and not e.dns.resolver_private and _public_honest(e)),
    Rule("dns/restricted_mode_everywhere", "blocked", "dns", 0.85, ("trusted_dns",),
         "every plain resolver leads the name to a restricted mode's servers; who does is not shown",
         lambda e: _restricted(e) and e.dns.public_restricted),
    Rule("dns/false_answer_here_only", "blocked", "dns.forged", 0.95, ("trusted_dns",),
         "the network's resolver gives an address that no public name has, or a known block address, "
         "and another resolver on the same path tells the truth",
         lambda e: _false_answer(e) and e.dns.known_elsewhere and _public_honest(e)),
    Rule("dns/false_answer_everywhere", "blocked", "dns", 0.9, ("trusted_dns",),
         "every plain resolver gives an address that no public name has; who forges it is not shown",
         lambda e: _false_answer(e) and e.dns.known_elsewhere),
    Rule("dns/block_address_known_elsewhere", "blocked", "dns.forged", 0.88, ("trusted_dns",),
         "the resolver gives a block address that is known of another country; nothing there is the service's, and "
         "another resolver on the same path tells the truth",
         lambda e: _marked_elsewhere(e) and e.dns.known_elsewhere and _public_honest(e)
         and not e.dns.public_answers & e.dns.network_answers),
    Rule("dns/block_address_known_elsewhere_everywhere", "blocked", "dns", 0.8, ("trusted_dns",),
         "every plain resolver gives a block address that is known of another country, and nothing there is the "
         "service's; who forges it is not shown",
         lambda e: _marked_elsewhere(e) and e.dns.known_elsewhere
         and bool(e.dns.public_answers & e.dns.network_answers)),
    Rule("dns/wrong_server_for_many", "blocked", "dns.forged", 0.93, ("trusted_dns",),
         "the resolver gives one address for three unrelated services; it presents somebody else's certificate",
         lambda e: _wrong_server(e) and e.shared_answer and _public_honest(e)),
    Rule("dns/wrong_server", "inconclusive", "inconclusive.disagreeing", 0.5, ("trusted_dns",),
         "the resolver's address presents somebody else's certificate, and trusted resolvers lead to the service: a "
         "false answer, and an old one of an address that has changed hands, look alike",
         lambda e: _wrong_server(e) and not e.dns.public_answers & e.dns.network_answers),
    Rule("dns/wrong_server_everywhere", "blocked", "dns", 0.8, ("trusted_dns", "helper"),
         "every plain resolver leads to a server with somebody else's certificate; who forges it is not shown",
         lambda e: _wrong_server(e) and e.dns.control_ok > 0),
    Rule("dns/dead_answer_for_many", "blocked", "dns.forged", 0.88, ("trusted_dns",),
         "the resolver gives one dead address for three unrelated services, and trusted resolvers lead to the service",
         lambda e: _dead_answer(e) and e.shared_answer and e.trusted_reached and _public_honest(e)),
    Rule("dns/dead_answer", "inconclusive", "inconclusive.disagreeing", 0.5, ("nothing",),
         "the resolver's address serves nobody, controls neither, and nobody else gives it for the name: a false "
         "answer and a dead server of several look alike",
         lambda e: _answered(e) and not e.dns.agrees and not e.validated
         and ((e.dead_answer and e.trusted_reached) or (e.blamed and not e.dns.consistent and not e.may_be_anybody))),
    Rule("dns/denied_everywhere", "down", "server.nonexistent", 0.95, ("trusted_dns",),
         "two independent trusted views deny the name as well",
         lambda e: e.dns.network in DENIALS and not e.dns.known_elsewhere
         and e.dns.trusted_denying + e.dns.control_denying >= 2),
    _alone("nxdomain", "dns/denied_here_only", 0.93, "the resolver denies a name that trusted resolvers know"),
    _alone("empty", "dns/empty_here_only", 0.88, "the resolver gives no address of a name that trusted ones know"),
    _alone("refused", "dns/refused_here_only", 0.93, "the resolver refuses this name alone"),
    Rule("dns/zone_blamed", "inconclusive", "inconclusive.unconfirmed", 0.5, ("nothing",),
         "the resolver fails for this name and says that it could not reach the name's own servers, or that their "
         "signatures are wrong: these may refuse the resolver, and not the resolver the name",
         lambda e: e.dns.network == "servfail" and e.dns.zone_blamed),
    _alone("servfail", "dns/servfail_here_only", 0.8, "the resolver fails for this name alone"),
    _alone("timeout", "dns/unanswered_here_only", 0.88, "questions for this name alone go unanswered"),
    Rule("dns/failed_control_failed", "inconclusive", "inconclusive.control_failed", 0.5, ("nothing",),
         "the lookup failed, and neither trusted resolvers nor controls gave an answer",
         lambda e: e.dns.network != "ok" and not e.dns.known_elsewhere
         and not e.dns.trusted_denying + e.dns.control_denying),
    Rule("dns/failed_sometimes", "inconclusive", "inconclusive.unconfirmed", 0.5, ("nothing",),
         "the lookup failed, but not often or alike enough, or a single trusted view agrees",
         lambda e: e.dns.network != "ok"),
    Rule("dns/known_here_only", "inconclusive", "inconclusive.disagreeing", 0.5, ("trusted_dns",),
         "the network's resolver answers a name that trusted resolvers deny, and nothing there proves whose it is",
         lambda e: e.may_be_anybody),
    Rule("dns/answered", "ok", "", 0.9, ("nothing",), "the name resolves", lambda e: True),
)
"""A name that answers differently from trusted resolvers is not thereby forged: only false content convicts."""
