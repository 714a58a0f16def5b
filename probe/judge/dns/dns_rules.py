"""Rules over one name's resolution, strongest evidence first."""

from __future__ import annotations

from probe.core.tables.basis_words import OF_ANSWERS
from probe.judge.common.rule import Rule, RuleTable
from probe.judge.dns.dns_evidence import DENIALS
from probe.judge.dns.name_context import (
    NO_FAILURES,
    NameEvidence,
    NameRule,
    fails_alone,
    false_next_door,
    find_name_bases,
    is_answered,
    is_dead_answer,
    is_denied_by_the_zone,
    is_false_answer,
    is_false_hint,
    is_marked_elsewhere,
    is_overtaken,
    is_public_honest,
    is_repeated_failure,
    is_restricted,
    is_wrong_server,
)

UNPLACED: NameRule = Rule(
    id="dns/unplaced", outcome="inconclusive", block_type="inconclusive.unplaced", confidence=0.5, needs=("nothing",),
    why="the resolver keeps failing for this name only; the cause may be a block or the name's own servers",
    holds=lambda e: False)
"""Decides in the place of rules that accuse without a basis."""

DNS_RULES: tuple[NameRule, ...] = (
    Rule(id="dns/literal", outcome="ok", block_type="", confidence=1.0, needs=("nothing",),
         why="the target list gives an address, so no name had to be looked up",
         holds=lambda e: not e.dns.asked, hands_on=True),
    Rule(id="dns/resolver_out_of_order", outcome="local", block_type="local.resolver", confidence=0.95,
         needs=("nothing",),
         why="this network's resolver fails even for harmless names: the resolver itself is out of order",
         holds=lambda e: e.resolver_dead and e.dns.network != "ok"),
    Rule(id="dns/resolver_gave_up", outcome="local", block_type="local.resolver", confidence=0.9, needs=("nothing",),
         why="during the run the network's resolver stopped answering even for harmless names: the resolver itself is "
             "out of order",
         holds=lambda e: e.dns.network != "ok" and e.dns.resolver_alive not in NO_FAILURES),
    Rule(id="dns/chosen_filter", outcome="local", block_type="local.filter", confidence=0.9, needs=("nothing",),
         why="the resolver filters at its user's request: it says so, or is known as one that people choose for "
             "filtering",
         holds=lambda e: e.dns.chosen_filter and not e.dns.injected and not e.dns.dark_answered and ((not e.validated
               and (bool(e.dns.bogus) or e.dns.network != "ok")) or is_restricted(e))),
    Rule(id="dns/household_filter", outcome="local", block_type="local.filter", confidence=0.8, needs=("nothing",),
         why="a resolver at a private address filters: it says so, or gives 0.0.0.0 or a private address near its own",
         holds=lambda e: (e.dns.filtered or e.dns.near_answer == "beside") and e.dns.resolver_private
               and not e.validated),
    Rule(id="dns/two_answers", outcome="blocked", block_type="dns.injection", confidence=0.97, needs=("trusted_dns",),
         rests_on=OF_ANSWERS,
         why="one DNS question for this name got two answers, and the earlier is false: something on the way forged it",
         holds=lambda e: e.dns.injected or is_overtaken(e)),
    Rule(id="dns/dark_address_answers", outcome="blocked", block_type="dns.injection", confidence=0.95,
         needs=("nothing",),
         rests_on=OF_ANSWERS,
         why="an address where no resolver runs answered, for this name only: something on the way forges answers",
         holds=lambda e: e.dns.dark_answered),
    Rule(id="dns/https_two_answers", outcome="blocked", block_type="dns.injection", confidence=0.95,
         needs=("trusted_dns",),
         rests_on=OF_ANSWERS,
         why="one question for this name's HTTPS record got two answers; the earlier is false: something on the way "
             "forged it",
         holds=lambda e: e.dns.https.injected and e.dns.known_elsewhere),
    Rule(id="dns/https_dark_address_answers", outcome="blocked", block_type="dns.injection", confidence=0.93,
         needs=("trusted_dns",),
         rests_on=OF_ANSWERS,
         why="an address where no resolver runs gave a false HTTPS record for this name: something on the way forged "
             "it",
         holds=lambda e: e.dns.https.dark_answered and e.dns.known_elsewhere),
    Rule(id="dns/malformed_over_tcp", outcome="blocked", block_type="dns.injection", confidence=0.9,
         needs=("trusted_dns",),
         rests_on=OF_ANSWERS,
         why="for this name only, DNS replies over TCP are malformed and those over UDP false or missing: something "
             "interferes",
         holds=lambda e: e.dns.port53.tcp_malformed and e.dns.known_elsewhere and (is_false_answer(e)
               or is_marked_elsewhere(e) or fails_alone(e, e.dns.network))),
    Rule(id="dns/false_answer_of_near_resolver", outcome="inconclusive", block_type="inconclusive.unexplained",
         confidence=0.5, needs=("nothing",),
         why="a nearby resolver gives a false answer or none: this resolver, or another that it asks, may be the cause",
         holds=false_next_door),
    Rule(id="dns/led_astray", outcome="blocked", block_type="dns.hijack", confidence=0.95, needs=("trusted_dns",),
         rests_on=OF_ANSWERS,
         why=("an address where no resolver runs gives a false answer for this name, true ones for others: "
              "something diverts questions"),
         holds=lambda e: e.dns.port53.led_astray and e.dns.known_elsewhere and (is_false_answer(e) or is_wrong_server(e)
               or is_marked_elsewhere(e))),
    Rule(id="dns/restricted_mode", outcome="blocked", block_type="dns.forged.redirect", confidence=0.9,
         needs=("trusted_dns",),
         rests_on=OF_ANSWERS,
         why="the resolver leads to the service's restricted-mode servers (as for schools); another resolver answers "
             "truly: this name is restricted here",
         holds=lambda e: is_restricted(e) and not e.dns.public_restricted and not e.dns.resolver_private
               and is_public_honest(e)),
    Rule(id="dns/restricted_mode_everywhere", outcome="blocked", block_type="dns", confidence=0.85,
         needs=("trusted_dns",),
         rests_on=OF_ANSWERS,
         why="every unencrypted resolver leads to the service's restricted-mode servers (as for schools); nothing "
             "shows who restricts this name",
         holds=lambda e: is_restricted(e) and e.dns.public_restricted),
    Rule(id="dns/false_answer_here_only", outcome="blocked", block_type="dns.forged", confidence=0.95,
         needs=("trusted_dns",),
         rests_on=OF_ANSWERS,
         why="this network's resolver gives a false address (not public, or a filter's); another resolver answers "
             "truly: the name is blocked",
         holds=lambda e: is_false_answer(e) and e.dns.known_elsewhere and is_public_honest(e)),
    Rule(id="dns/false_answer_everywhere", outcome="blocked", block_type="dns", confidence=0.9, needs=("trusted_dns",),
         rests_on=OF_ANSWERS,
         why="this network's resolver gives a false address, and no other unencrypted resolver gives a true one: the "
             "forger is unknown",
         holds=lambda e: is_false_answer(e) and e.dns.known_elsewhere),
    Rule(id="dns/false_https_hint", outcome="blocked", block_type="dns.forged", confidence=0.85,
         needs=("trusted_dns",),
         rests_on=OF_ANSWERS,
         why="this network's resolver gives a false HTTPS record: it points to non-public addresses or to a known "
             "filter's address",
         holds=is_false_hint),
    Rule(id="dns/block_address_known_elsewhere", outcome="blocked", block_type="dns.forged", confidence=0.88,
         needs=("trusted_dns",),
         rests_on=OF_ANSWERS,
         why="the resolver gives an address used by another country's filter; another resolver answers truly: the "
             "name is blocked here",
         holds=lambda e: is_marked_elsewhere(e) and e.dns.known_elsewhere and is_public_honest(e)
               and not e.dns.public_answers & e.dns.network_answers),
    Rule(id="dns/block_address_known_elsewhere_everywhere", outcome="blocked", block_type="dns", confidence=0.8,
         needs=("trusted_dns",),
         rests_on=OF_ANSWERS,
         why="every unencrypted resolver gives an address used by another country's filter: the answers are forged, "
             "but nothing shows by whom",
         holds=lambda e: is_marked_elsewhere(e) and e.dns.known_elsewhere
               and bool(e.dns.public_answers & e.dns.network_answers)),
    Rule(id="dns/wrong_server_for_many", outcome="blocked", block_type="dns.forged", confidence=0.93,
         needs=("trusted_dns",),
         rests_on=OF_ANSWERS,
         why="the resolver gives one address for three unrelated services; the server there presents somebody else's "
             "certificate: the answers are forged",
         holds=lambda e: is_wrong_server(e) and e.shared_answer and is_public_honest(e)),
    Rule(id="dns/wrong_server", outcome="inconclusive", block_type="inconclusive.disagreeing", confidence=0.5,
         needs=("trusted_dns",),
         why="trusted resolvers lead to the service, this network's resolver to somebody else's server: its answer "
             "may be outdated or false",
         holds=lambda e: is_wrong_server(e) and not e.dns.public_answers & e.dns.network_answers),
    Rule(id="dns/wrong_server_everywhere", outcome="blocked", block_type="dns", confidence=0.8,
         needs=("trusted_dns", "helper"),
         rests_on=OF_ANSWERS,
         why="every unencrypted resolver leads to a server with somebody else's certificate: the answers are forged; "
             "the forger is unknown",
         holds=lambda e: is_wrong_server(e) and e.dns.control_ok > 0),
    Rule(id="dns/dead_answer_for_many", outcome="blocked", block_type="dns.forged", confidence=0.88,
         needs=("trusted_dns",),
         rests_on=OF_ANSWERS,
         why="the resolver gives one address for three unrelated services; nothing answers there; trusted resolvers "
             "give working addresses: forged answers",
         holds=lambda e: is_dead_answer(e) and e.shared_answer and e.trusted_reached and is_public_honest(e)),
    Rule(id="dns/dead_answer", outcome="inconclusive", block_type="inconclusive.disagreeing", confidence=0.5,
         needs=("nothing",),
         why="only this network's resolver gives this address; the service fails there: the answer is false or the "
             "server is down",
         holds=lambda e: is_answered(e) and not e.dns.agrees and not e.validated and ((e.dead_answer
               and e.trusted_reached) or (e.blamed and not e.dns.consistent and not e.may_be_anybody))),
    Rule(id="dns/denied_everywhere", outcome="down", block_type="server.nonexistent", confidence=0.95,
         needs=("trusted_dns",),
         why=("this network's resolver says this name does not exist; two independent trusted sources agree: the name "
              "really does not exist"),
         holds=lambda e: e.dns.network in DENIALS and not e.dns.known_elsewhere
               and e.dns.trusted_denying + e.dns.control_denying >= 2),
    Rule(id="dns/denied_by_the_zone", outcome="inconclusive", block_type="inconclusive.unexplained", confidence=0.5,
         needs=("trusted_dns",),
         why="this network's resolver says this name does not exist; the answer seems to come from the name's own "
             "servers",
         holds=lambda e: fails_alone(e, e.dns.network) and is_denied_by_the_zone(e)),
    Rule(id="dns/denied_here_only", outcome="blocked", block_type="dns.nxdomain", confidence=0.93,
         needs=("trusted_dns",),
         rests_on=OF_ANSWERS,
         why="this network's resolver says this name does not exist, but trusted sources know it: the name is blocked "
             "here",
         holds=lambda e: fails_alone(e, "nxdomain")),
    Rule(id="dns/empty_here_only", outcome="blocked", block_type="dns.empty", confidence=0.88, needs=("trusted_dns",),
         rests_on=OF_ANSWERS,
         why="this network's resolver gives no address for this name, but trusted sources know one: the name is "
             "blocked here",
         holds=lambda e: fails_alone(e, "empty")),
    Rule(id="dns/refused_here_only", outcome="blocked", block_type="dns.refused", confidence=0.93,
         needs=("trusted_dns",),
         rests_on=OF_ANSWERS,
         why="this network's resolver refuses questions for this name, but answers questions for harmless names: the "
             "name is blocked here",
         holds=lambda e: fails_alone(e, "refused")),
    Rule(id="dns/zone_blamed", outcome="inconclusive", block_type="inconclusive.unconfirmed", confidence=0.5,
         needs=("nothing",),
         why="the resolver says that the name's own servers are unreachable or wrongly signed: these servers may be "
             "the cause",
         holds=lambda e: e.dns.network == "servfail" and e.dns.zone_blamed),
    Rule(id="dns/servfail_here_only", outcome="blocked", block_type="dns.servfail", confidence=0.8,
         needs=("trusted_dns",),
         rests_on=OF_ANSWERS,
         why="this network's resolver reports SERVFAIL for this name, but answers questions for harmless names: the "
             "name is blocked here",
         holds=lambda e: fails_alone(e, "servfail")),
    Rule(id="dns/unanswered_here_only", outcome="blocked", block_type="dns.timeout", confidence=0.88,
         needs=("trusted_dns",),
         rests_on=OF_ANSWERS,
         why="this network's resolver leaves questions for this name unanswered, but answers questions for harmless "
             "names: the name is blocked here",
         holds=lambda e: fails_alone(e, "timeout")),
    UNPLACED,
    Rule(id="dns/long_answer_lost", outcome="inconclusive", block_type="inconclusive.unconfirmed", confidence=0.5,
         needs=("nothing",),
         why="this name got no answer; its genuine answer is long, and no long answer arrived: perhaps long answers "
             "get lost",
         holds=lambda e: e.dns.network == "timeout" and e.dns.may_be_length and is_repeated_failure(e)
               and e.dns.known_elsewhere),
    Rule(id="dns/failed_control_failed", outcome="inconclusive", block_type="inconclusive.control_failed",
         confidence=0.5, needs=("nothing",),
         why="the lookup failed; no trusted resolver and no other network gave an answer to compare: nothing shows "
             "the cause",
         holds=lambda e: e.dns.network != "ok" and not e.dns.known_elsewhere
               and not e.dns.trusted_denying + e.dns.control_denying),
    Rule(id="dns/denial_disputed", outcome="inconclusive", block_type="inconclusive.disagreeing", confidence=0.5,
         needs=("trusted_dns",),
         why="the resolver and at least half the trusted sources know no such name; others know it: nothing shows a "
             "block",
         holds=lambda e: e.dns.network in DENIALS and e.dns.known_elsewhere and e.dns.denial_disputed),
    Rule(id="dns/failed_sometimes", outcome="inconclusive", block_type="inconclusive.unconfirmed", confidence=0.5,
         needs=("nothing",),
         why="the lookups did not all fail alike, or a trusted resolver knows no such name either: this shows no block",
         holds=lambda e: e.dns.network != "ok"),
    Rule(id="dns/known_here_only", outcome="inconclusive", block_type="inconclusive.disagreeing", confidence=0.5,
         needs=("trusted_dns",),
         why="the resolver gives an address for this name; trusted resolvers know no such name; nothing shows whose "
             "address that is",
         holds=lambda e: e.may_be_anybody),
    Rule(id="dns/answered", outcome="ok", block_type="", confidence=0.9, needs=("nothing",),
         why="the name resolves, and nothing shows that its addresses are false",
         holds=lambda e: True),
)
"""A name that answers differently from trusted resolvers is not thereby forged: only false content convicts."""
NAME_TABLE: RuleTable[NameEvidence] = RuleTable(rules=DNS_RULES, find_bases=find_name_bases, unplaced=UNPLACED)
