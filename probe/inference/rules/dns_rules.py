"""Rules over one name's resolution, strongest evidence first."""

from __future__ import annotations

from probe.core.tables.basis_words import OF_ANSWERS
from probe.inference.evidence.dns_evidence import DENIALS
from probe.inference.rules.bases import find_name_bases
from probe.inference.rules.name_context import (
    NO_FAILURES,
    NameEvidence,
    NameRule,
    fails_alone,
    false_next_door,
    is_answered,
    is_dead_answer,
    is_denied_by_the_zone,
    is_false_answer,
    is_false_hint,
    is_marked_elsewhere,
    is_overtaken,
    is_public_honest,
    is_restricted,
    is_wrong_server,
)
from probe.inference.rules.rule import Rule, RuleTable

UNPLACED: NameRule = Rule(
    id="dns/unplaced", outcome="inconclusive", block_type="inconclusive.unplaced", confidence=0.5, needs=("nothing",),
    why="the network's resolver fails for this name alone again and again, and nothing shows that the name's own "
        "servers do not cause it: they may refuse the resolver, or have told it something else before",
    holds=lambda e: False)
"""Decides in the place of rules that accuse without a basis."""

DNS_RULES: tuple[NameRule, ...] = (
    Rule(id="dns/literal", outcome="ok", block_type="", confidence=1.0, needs=("nothing",),
         why="no name had to be resolved",
         holds=lambda e: not e.dns.asked, hands_on=True),
    Rule(id="dns/resolver_out_of_order", outcome="local", block_type="local.resolver", confidence=0.95,
         needs=("nothing",),
         why="the network's resolver fails for innocent names as well",
         holds=lambda e: e.resolver_dead and e.dns.network != "ok"),
    Rule(id="dns/resolver_gave_up", outcome="local", block_type="local.resolver", confidence=0.9, needs=("nothing",),
         why="the network's resolver ceased to serve innocent names during the run",
         holds=lambda e: e.dns.network != "ok" and e.dns.resolver_alive not in NO_FAILURES),
    Rule(id="dns/chosen_filter", outcome="local", block_type="local.filter", confidence=0.9, needs=("nothing",),
         why="the resolver filters on its client's request: it says so, or is chosen for that",
         holds=lambda e: e.dns.chosen_filter and not e.dns.injected and not e.dns.dark_answered and ((not e.validated
               and (bool(e.dns.bogus) or e.dns.network != "ok")) or is_restricted(e))),
    Rule(id="dns/household_filter", outcome="local", block_type="local.filter", confidence=0.8, needs=("nothing",),
         why="a resolver in private address space gives the null address, its neighbour's, or names a policy of its "
             "own",
         holds=lambda e: (e.dns.filtered or e.dns.near_answer == "beside") and e.dns.resolver_private
               and not e.validated),
    Rule(id="dns/two_answers", outcome="blocked", block_type="dns.injection", confidence=0.97, needs=("trusted_dns",),
         rests_on=OF_ANSWERS,
         why="one question had two answers, and the early one is false",
         holds=lambda e: e.dns.injected or is_overtaken(e)),
    Rule(id="dns/dark_address_answers", outcome="blocked", block_type="dns.injection", confidence=0.95,
         needs=("nothing",),
         rests_on=OF_ANSWERS,
         why="an address that answers no such question gave an answer for this name, and none for an innocent one",
         holds=lambda e: e.dns.dark_answered),
    Rule(id="dns/https_two_answers", outcome="blocked", block_type="dns.injection", confidence=0.95,
         needs=("trusted_dns",),
         rests_on=OF_ANSWERS,
         why="one question for the name's HTTPS record had two answers, and the early one leads to false addresses",
         holds=lambda e: e.dns.https.injected and e.dns.known_elsewhere),
    Rule(id="dns/https_dark_address_answers", outcome="blocked", block_type="dns.injection", confidence=0.93,
         needs=("trusted_dns",),
         rests_on=OF_ANSWERS,
         why="an address that answers no such question gave a false HTTPS record for this name, and none for an "
             "innocent one",
         holds=lambda e: e.dns.https.dark_answered and e.dns.known_elsewhere),
    Rule(id="dns/malformed_over_tcp", outcome="blocked", block_type="dns.injection", confidence=0.9,
         needs=("trusted_dns",),
         rests_on=OF_ANSWERS,
         why="over TCP the question draws a reply that is no DNS while an innocent one is answered, and plain answers "
             "are false or missing",
         holds=lambda e: e.dns.port53.tcp_malformed and e.dns.known_elsewhere and (is_false_answer(e)
               or is_marked_elsewhere(e) or fails_alone(e, e.dns.network))),
    Rule(id="dns/false_answer_of_near_resolver", outcome="inconclusive", block_type="inconclusive.unexplained",
         confidence=0.5, needs=("nothing",),
         why="a resolver in private address space answers falsely, or not, where others on the same path do, or the "
             "device beside ours answers every question itself, this one falsely: whether it lies or the one behind "
             "it is not shown",
         holds=false_next_door),
    Rule(id="dns/led_astray", outcome="blocked", block_type="dns.hijack", confidence=0.95, needs=("trusted_dns",),
         rests_on=OF_ANSWERS,
         why="an address without a resolver answers innocent questions truly and this one falsely, as the network's "
             "own resolver does: questions to any resolver are led to one that lies",
         holds=lambda e: e.dns.port53.led_astray and e.dns.known_elsewhere and (is_false_answer(e) or is_wrong_server(e)
               or is_marked_elsewhere(e))),
    Rule(id="dns/restricted_mode", outcome="blocked", block_type="dns.forged.redirect", confidence=0.9,
         needs=("trusted_dns",),
         rests_on=OF_ANSWERS,
         why="the network's resolver leads the name to a restricted mode's servers, and another resolver on the same "
             "path tells the truth",
         holds=lambda e: is_restricted(e) and not e.dns.public_restricted and not e.dns.resolver_private
               and is_public_honest(e)),
    Rule(id="dns/restricted_mode_everywhere", outcome="blocked", block_type="dns", confidence=0.85,
         needs=("trusted_dns",),
         rests_on=OF_ANSWERS,
         why="every plain resolver leads the name to a restricted mode's servers; who does is not shown",
         holds=lambda e: is_restricted(e) and e.dns.public_restricted),
    Rule(id="dns/false_answer_here_only", outcome="blocked", block_type="dns.forged", confidence=0.95,
         needs=("trusted_dns",),
         rests_on=OF_ANSWERS,
         why="the network's resolver gives an address that no public name has, or a known block address, and another "
             "resolver on the same path tells the truth",
         holds=lambda e: is_false_answer(e) and e.dns.known_elsewhere and is_public_honest(e)),
    Rule(id="dns/false_answer_everywhere", outcome="blocked", block_type="dns", confidence=0.9, needs=("trusted_dns",),
         rests_on=OF_ANSWERS,
         why="every plain resolver gives an address that no public name has; who forges it is not shown",
         holds=lambda e: is_false_answer(e) and e.dns.known_elsewhere),
    Rule(id="dns/false_https_hint", outcome="blocked", block_type="dns.forged", confidence=0.85,
         needs=("trusted_dns",),
         rests_on=OF_ANSWERS,
         why="the network's resolver gives an HTTPS record that hints at addresses which no public name has, or at a "
             "known block address",
         holds=is_false_hint),
    Rule(id="dns/block_address_known_elsewhere", outcome="blocked", block_type="dns.forged", confidence=0.88,
         needs=("trusted_dns",),
         rests_on=OF_ANSWERS,
         why="the resolver gives a block address that is known of another country; nothing there is the service's, "
             "and another resolver on the same path tells the truth",
         holds=lambda e: is_marked_elsewhere(e) and e.dns.known_elsewhere and is_public_honest(e)
               and not e.dns.public_answers & e.dns.network_answers),
    Rule(id="dns/block_address_known_elsewhere_everywhere", outcome="blocked", block_type="dns", confidence=0.8,
         needs=("trusted_dns",),
         rests_on=OF_ANSWERS,
         why="every plain resolver gives a block address that is known of another country, and nothing there is the "
             "service's; who forges it is not shown",
         holds=lambda e: is_marked_elsewhere(e) and e.dns.known_elsewhere
               and bool(e.dns.public_answers & e.dns.network_answers)),
    Rule(id="dns/wrong_server_for_many", outcome="blocked", block_type="dns.forged", confidence=0.93,
         needs=("trusted_dns",),
         rests_on=OF_ANSWERS,
         why="the resolver gives one address for three unrelated services; it presents somebody else's certificate",
         holds=lambda e: is_wrong_server(e) and e.shared_answer and is_public_honest(e)),
    Rule(id="dns/wrong_server", outcome="inconclusive", block_type="inconclusive.disagreeing", confidence=0.5,
         needs=("trusted_dns",),
         why="the resolver's address presents somebody else's certificate, and trusted resolvers lead to the service: "
             "a false answer, and an old one of an address that has changed hands, look alike",
         holds=lambda e: is_wrong_server(e) and not e.dns.public_answers & e.dns.network_answers),
    Rule(id="dns/wrong_server_everywhere", outcome="blocked", block_type="dns", confidence=0.8,
         needs=("trusted_dns", "helper"),
         rests_on=OF_ANSWERS,
         why="every plain resolver leads to a server with somebody else's certificate; who forges it is not shown",
         holds=lambda e: is_wrong_server(e) and e.dns.control_ok > 0),
    Rule(id="dns/dead_answer_for_many", outcome="blocked", block_type="dns.forged", confidence=0.88,
         needs=("trusted_dns",),
         rests_on=OF_ANSWERS,
         why="the resolver gives one dead address for three unrelated services, and trusted resolvers lead to the "
             "service",
         holds=lambda e: is_dead_answer(e) and e.shared_answer and e.trusted_reached and is_public_honest(e)),
    Rule(id="dns/dead_answer", outcome="inconclusive", block_type="inconclusive.disagreeing", confidence=0.5,
         needs=("nothing",),
         why="the resolver's address serves nobody, controls neither, and nobody else gives it for the name: a false "
             "answer and a dead server of several look alike",
         holds=lambda e: is_answered(e) and not e.dns.agrees and not e.validated and ((e.dead_answer
               and e.trusted_reached) or (e.blamed and not e.dns.consistent and not e.may_be_anybody))),
    Rule(id="dns/denied_everywhere", outcome="down", block_type="server.nonexistent", confidence=0.95,
         needs=("trusted_dns",),
         why="two independent trusted views, encrypted resolvers of two operators or controls in networks of their "
             "own, deny the name as well",
         holds=lambda e: e.dns.network in DENIALS and not e.dns.known_elsewhere
               and e.dns.trusted_denying + e.dns.control_denying >= 2),
    Rule(id="dns/denied_by_the_zone", outcome="inconclusive", block_type="inconclusive.unexplained", confidence=0.5,
         needs=("trusted_dns",),
         why="the denial grows older from answer to answer, or comes out of a copy of the root: the name's own "
             "servers may have denied it, or the copy is old",
         holds=lambda e: fails_alone(e, e.dns.network) and is_denied_by_the_zone(e)),
    Rule(id="dns/denied_here_only", outcome="blocked", block_type="dns.nxdomain", confidence=0.93,
         needs=("trusted_dns",),
         rests_on=OF_ANSWERS,
         why="the resolver denies a name that trusted resolvers know",
         holds=lambda e: fails_alone(e, "nxdomain")),
    Rule(id="dns/empty_here_only", outcome="blocked", block_type="dns.empty", confidence=0.88, needs=("trusted_dns",),
         rests_on=OF_ANSWERS,
         why="the resolver gives no address of a name that trusted ones know",
         holds=lambda e: fails_alone(e, "empty")),
    Rule(id="dns/refused_here_only", outcome="blocked", block_type="dns.refused", confidence=0.93,
         needs=("trusted_dns",),
         rests_on=OF_ANSWERS,
         why="the resolver refuses this name alone",
         holds=lambda e: fails_alone(e, "refused")),
    Rule(id="dns/zone_blamed", outcome="inconclusive", block_type="inconclusive.unconfirmed", confidence=0.5,
         needs=("nothing",),
         why="the resolver fails for this name and says that it could not reach the name's own servers, or that their "
             "signatures are wrong: these may refuse the resolver, and not the resolver the name",
         holds=lambda e: e.dns.network == "servfail" and e.dns.zone_blamed),
    Rule(id="dns/servfail_here_only", outcome="blocked", block_type="dns.servfail", confidence=0.8,
         needs=("trusted_dns",),
         rests_on=OF_ANSWERS,
         why="the resolver fails for this name alone",
         holds=lambda e: fails_alone(e, "servfail")),
    Rule(id="dns/unanswered_here_only", outcome="blocked", block_type="dns.timeout", confidence=0.88,
         needs=("trusted_dns",),
         rests_on=OF_ANSWERS,
         why="questions for this name alone go unanswered",
         holds=lambda e: fails_alone(e, "timeout")),
    UNPLACED,
    Rule(id="dns/failed_control_failed", outcome="inconclusive", block_type="inconclusive.control_failed",
         confidence=0.5, needs=("nothing",),
         why="the lookup failed, and neither trusted resolvers nor controls gave an answer",
         holds=lambda e: e.dns.network != "ok" and not e.dns.known_elsewhere
               and not e.dns.trusted_denying + e.dns.control_denying),
    Rule(id="dns/denial_disputed", outcome="inconclusive", block_type="inconclusive.disagreeing", confidence=0.5,
         needs=("trusted_dns",),
         why="the resolver denies the name, and so do as many trusted views as find it: who remembers an old answer, "
             "and who tells a lie, look alike",
         holds=lambda e: e.dns.network in DENIALS and e.dns.known_elsewhere and e.dns.denial_disputed),
    Rule(id="dns/failed_sometimes", outcome="inconclusive", block_type="inconclusive.unconfirmed", confidence=0.5,
         needs=("nothing",),
         why="the lookup failed, but not often or alike enough, or a single trusted view agrees",
         holds=lambda e: e.dns.network != "ok"),
    Rule(id="dns/known_here_only", outcome="inconclusive", block_type="inconclusive.disagreeing", confidence=0.5,
         needs=("trusted_dns",),
         why="the network's resolver answers a name that trusted resolvers deny, and nothing there proves whose it is",
         holds=lambda e: e.may_be_anybody),
    Rule(id="dns/answered", outcome="ok", block_type="", confidence=0.9, needs=("nothing",),
         why="the name resolves",
         holds=lambda e: True),
)
"""A name that answers differently from trusted resolvers is not thereby forged: only false content convicts."""
NAME_TABLE: RuleTable[NameEvidence] = RuleTable(rules=DNS_RULES, find_bases=find_name_bases, unplaced=UNPLACED)
