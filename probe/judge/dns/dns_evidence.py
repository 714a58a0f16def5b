"""What the resolvers said of one name, held against each other and against trusted ones."""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass, field

from probe.core.addresses import PROVIDER, is_beside, is_bogon, is_private
from probe.core.nat64 import to_translated_address
from probe.core.observations import ControlAnswer, Observation
from probe.core.tables.evidence_words import DenialMark, DnsState, NearAnswer
from probe.core.tables.failures import Failure
from probe.core.tables.resolvers import ENCRYPTED, FILTERING_RESOLVERS, ResolverRole
from probe.judge.common.control_counts import count_networks, count_vantages
from probe.judge.common.fingerprint_weight import FingerprintMark, weigh_fingerprints
from probe.judge.common.time_slots import SLOT_GAP_S, split_into_slots
from probe.judge.dns.answer_lengths import estimate_shortest
from probe.judge.dns.dns_anatomy import has_two_senders
from probe.judge.dns.dns_marks import ResolverHabits, is_zone_served, read_denial
from probe.judge.dns.https_evidence import NOT_ASKED, HttpsEvidence, gather_https
from probe.judge.dns.plain_and_encrypted import find_answers_of_the_same
from probe.judge.dns.port53 import (
    ANSWERED,
    Port53Evidence,
    gather_port53,
    select_comparisons,
    select_own_questions,
    was_injected,
)
from probe.judge.hops.hop_evidence import NOWHERE, HopLocation

STATES: dict[Failure, DnsState] = {
    "": "ok",
    "dns_nxdomain_error": "nxdomain",
    "dns_no_answer": "empty",
    "dns_refused_error": "refused",
    "dns_servfail_error": "servfail",
    "generic_timeout_error": "timeout",
    "timed_out": "timeout",
    "dns_temporary_failure": "timeout",
}
"""Failure word of a lookup to the state of its channel; anything else is `error`."""

DENIALS: tuple[DnsState, ...] = ("nxdomain", "empty")
FILTER_CODES = ("15", "16", "17")
"""Extended DNS errors Blocked, Censored, Filtered (RFC 8914)."""
CENSORED, FILTERED = "16", "17"
SIGNATURE_CODES = ("6", "7", "8", "9", "10", "11", "12")
"""Extended DNS errors that blame a zone's signatures: wrong, missing or out of date (RFC 8914 sections 4.7 to 4.13)."""
AUTHORITY_CODES = ("22", "23")
"""No authority of the zone can be reached; an error of the network on the way to it (RFC 8914 sections 4.23, 4.24)."""
ZONE_CODES = (*SIGNATURE_CODES, *AUTHORITY_CODES)
POLICY_CODES = ("15", "16")
"""Blocked by the resolver's own policy, or by that of somebody who made it (RFC 8914 sections 4.16, 4.17)."""
NULL_ADDRESSES = frozenset({"0.0.0.0", "::"})
_BY_WEIGHT: tuple[DnsState, ...] = ("timeout", "servfail", "refused", "nxdomain", "empty")
_ROLES: tuple[ResolverRole, ...] = ("system", "network", "public", "dark")
_NO_HABITS = ResolverHabits()
_TOLD: tuple[DnsState, ...] = ("ok", *DENIALS)
"""A resolver that works says one of these."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DnsEvidence:
    """One name in one run. States: ok, nxdomain, empty, refused, servfail, timeout, error, unasked."""

    asked: bool = False
    network: DnsState = "unasked"
    """What the network's own resolution gives (direct question, else the system's)."""
    system: DnsState = "unasked"
    public: DnsState = "unasked"
    """What the public resolver gives to questions in the clear."""
    public_udp: DnsState = "unasked"
    """To those over UDP, which is how the network's own is asked."""
    tcp: DnsState = "unasked"
    attempts: int = 0
    failed_attempts: int = 0
    slots: int = 0
    """Time slots in which the network's own resolution failed or lied; none where it did so in one slot and not in
    another."""
    trusted_ok: int = 0
    """Operators of encrypted DNS that gave addresses."""
    trusted_denying: int = 0
    control_ok: int = 0
    """Networks of controls elsewhere that resolve the name."""
    control_denying: int = 0
    controls_asked: int = 0
    network_answers: frozenset[str] = frozenset()
    public_answers: frozenset[str] = frozenset()
    trusted_answers: frozenset[str] = frozenset()
    """Addresses from encrypted DNS and from controls."""
    bogus: frozenset[str] = frozenset()
    """Answers that no public name has, and that no trusted resolver gives either."""
    public_bogus: bool = False
    of_provider: bool = False
    """The provider's own resolver gave what is bogus, as far as a file of others tells."""
    fingerprint: str = ""
    mark: FingerprintMark = field(default_factory=FingerprintMark)
    """What that fingerprint says in the vantage's country."""
    marked_beside: bool = False
    """An address of the answers with that fingerprint lies in the same network as one that trusted resolvers give."""
    public_restricted: bool = False
    """The public resolver's plain answer leads to a restricted mode as well."""
    filtered: bool = False
    """The answer is a household filter's: 0.0.0.0, ::, or an extended error that says so."""
    censored: bool = False
    """The network's resolver says that somebody else made it answer so (extended DNS error 16), and answers."""
    zone_blamed: bool = False
    """Whenever the network's resolver failed it said that the name's own servers or signatures are why."""
    stale_signatures: bool = False
    """Whenever it failed it blamed the zone's signatures."""
    unreachable_authority: bool = False
    """Whenever it failed it said that it could not reach the zone's servers."""
    denial: DenialMark = ""
    """Who denied the name, by the marks of the denials."""
    policy_named: bool = False
    """Whenever it failed it said that it blocks the name."""
    zone_served: bool = False
    """The network's resolver gives the SOA of the zone in which the name lies."""
    same_operator_answers: frozenset[str] = frozenset()
    """Addresses from encrypted questions to the public resolver's operator, another than the network resolver's."""
    laboured: bool = False
    """The network's resolver did answer a question about the name: by a failure of its own, or after its time was up.
    So it works at the name and gets no further, as where the name's own servers are slow or out of its reach."""
    may_be_length: bool = False
    """The name's answer is longer than all that came from that resolver: what loses long answers loses this one."""
    injected: bool = False
    """One question had two different answers, the early one wrong."""
    two_senders: bool = False
    """Captured packets show that a false answer was followed by another sender's."""
    dark_answered: bool = False
    """An address that runs no resolver answers for this name, and not for an innocent one: a router that answers
    every question itself does so without a lie."""
    port53: Port53Evidence = field(default_factory=Port53Evidence)
    """What becomes of questions on their way to resolvers."""
    https: HttpsEvidence = NOT_ASKED
    """What was said of the name's HTTPS record."""
    resolver_alive: DnsState = "unasked"
    """State of an innocent name at the same resolver, asked after this name had failed for the last time."""
    resolver_private: bool = False
    near_answer: NearAnswer = ""
    """Where a resolver in private space gives nothing but private addresses: `beside` it, in its own network, or
    `elsewhere`; empty otherwise, and where a known block address is among them."""
    located: HopLocation = NOWHERE
    """The hop at which false answers begin."""
    chosen_filter: bool = False
    """The resolver says that it filters on its client's request (extended DNS error 17), or is known to be one that
    is chosen for its filtering."""

    @property
    def agrees(self) -> bool:
        """An address of the network's answer is one that trusted resolvers give."""
        return bool(self.network_answers & self.trusted_answers)

    @property
    def consistent(self) -> bool:
        """An address of the answer is one that trusted resolvers give, or lies in the same network as one of them."""
        return self.agrees or any(is_beside(a, b) for a in self.network_answers for b in self.trusted_answers)

    @property
    def known_elsewhere(self) -> bool:
        """Trusted resolvers or controls find addresses for the name."""
        return self.trusted_ok + self.control_ok > 0

    @property
    def denial_disputed(self) -> bool:
        """As many views elsewhere deny the name as find it: it may have been given up of late, and be remembered."""
        return self.trusted_denying + self.control_denying >= max(1, self.trusted_ok + self.control_ok)

    @property
    def denied_elsewhere(self) -> bool:
        """A trusted resolver denies the name, and nobody elsewhere finds it."""
        return self.trusted_denying > 0 and not self.known_elsewhere


@dataclass(frozen=True, slots=True, kw_only=True)
class NameAnswers:
    """The addresses that are given for one name, by whom; empty where nobody was asked."""

    network: frozenset[str] = frozenset()
    """By the network's own resolution."""
    trusted: frozenset[str] = frozenset()
    theirs: Sequence[Observation] = ()
    """The lookups that the network's own answers are from."""


def gather_name_answers(seen: Sequence[Observation], controls: Sequence[ControlAnswer] = (), *,
                        nat64_prefix: str = "") -> NameAnswers:
    """Read every lookup of one name, and what `controls` say of it."""
    asked = select_own_questions(seen)
    if not asked:
        return NameAnswers()
    system, network = [o for o in asked if o.dns.resolver == "system"], select_own_lookups(seen)
    trusted = _answers(o for o in asked if o.dns.engine in ENCRYPTED)
    trusted |= frozenset(a for c in controls if c.state == "answered" for a in c.addresses)
    if nat64_prefix:  # the network's resolver gives addresses behind the translator, the others those in front of it
        trusted |= frozenset(to_translated_address(a, nat64_prefix) for a in trusted)
    # A list of this device's own (its hosts file, a filter on it) is not the network's lie: who asked the network's
    # resolver directly, and was answered, knows what that says.
    is_direct = any(o.dns.resolver == "network" for o in asked) and read_channel_state(network) == "ok"
    theirs = network if is_direct else network + system
    plain = _answers(theirs) | frozenset(a for a in _answers(system) if not is_bogon(a, nat64_prefix))
    return NameAnswers(network=plain, trusted=trusted, theirs=theirs)


def gather_dns_evidence(seen: Sequence[Observation], controls: Sequence[ControlAnswer] = (), *,
                        nat64_prefix: str = "", cc: str = "ZZ",
                        habits: ResolverHabits = _NO_HABITS) -> DnsEvidence:
    """Compare every lookup of one name; `controls` are the answers of helpers about it, `habits` what other names of
    the run show of the network's resolver."""
    alive = [o for o in seen if o.purpose == "innocent" and o.dns.resolver == "network"]
    asked = select_own_questions(seen)
    if not asked:
        return DnsEvidence()
    by = {word: [o for o in asked if o.dns.resolver == word] for word in _ROLES}
    doh = [o for o in asked if o.dns.engine in ENCRYPTED]
    tcp = [o for o in asked if o.dns.engine == "tcp"]
    network, zones = select_own_lookups(seen), select_comparisons(seen, "zone")
    answered = [c for c in controls if c.state == "answered"]
    given = gather_name_answers(seen, controls, nat64_prefix=nat64_prefix)
    plain, trusted, theirs = given.network, given.trusted, given.theirs
    bogus = frozenset(a for a in _answers(theirs) - trusted if is_bogon(a, nat64_prefix))
    public_wrong = any(is_bogon(a, nat64_prefix) for a in _answers(by["public"]) - trusted)
    https = gather_https(seen, asked[0].hostname, trusted, plain | _answers(by["public"]),
                         nat64_prefix=nat64_prefix, cc=cc)
    marked = [o for o in theirs if o.fingerprint and not frozenset(o.dns.answers) <= trusted]
    mark, way = weigh_fingerprints(marked, cc=cc), gather_port53(seen, trusted, plain, nat64_prefix=nat64_prefix)
    return DnsEvidence(
        asked=True, network=read_channel_state(network), system=read_channel_state(by["system"]),
        public=read_channel_state(by["public"]),
        public_udp=read_channel_state(o for o in by["public"] if o.dns.engine == "udp"),
        tcp=read_channel_state(tcp), attempts=_attempts(network), failed_attempts=_failed_attempts(network),
        slots=_wrong_slots(network, alive, trusted, nat64_prefix),
        trusted_ok=_operators(doh, "ok"), trusted_denying=_operators(doh, *DENIALS),
        control_ok=count_networks(c for c in answered if c.addresses and not c.before),
        control_denying=count_vantages(c for c in answered if STATES.get(c.dns_failure) in DENIALS and not c.addresses),
        controls_asked=len(controls), network_answers=plain, public_answers=_answers(by["public"]),
        trusted_answers=trusted, bogus=bogus, public_bogus=public_wrong,
        of_provider=any(o.dns.resolver_address == PROVIDER for o in theirs if bogus.intersection(o.dns.answers)),
        fingerprint=mark.name, mark=mark,
        marked_beside=any(is_beside(a, b) for a in _answers(marked) for b in trusted),
        public_restricted=weigh_fingerprints(
            (o for o in by["public"] if not frozenset(o.dns.answers) <= trusted), cc=cc).restricted,
        filtered=bool(bogus & NULL_ADDRESSES) or _names_policy(network),
        censored=any(o.dns.answers and _code(word) == CENSORED for o in network for word in o.dns.ede),
        zone_blamed=_failures_name(network, ZONE_CODES),
        stale_signatures=_failures_name(network, SIGNATURE_CODES),
        unreachable_authority=_failures_name(network, AUTHORITY_CODES), policy_named=_policy_is_named(network),
        zone_served=is_zone_served(asked[0].hostname, zones),
        denial=read_denial(by["network"], select_comparisons(seen, "again"), zones, habits),
        same_operator_answers=find_answers_of_the_same(asked, nat64_prefix),
        laboured=any(_is_laboured(o) for o in network),
        may_be_length=any(o.dns.engine == "udp" for o in network)
        and estimate_shortest(o for o in asked if o.dns.engine not in ("udp", "system")) > habits.longest_reply,
        injected=way.injected, dark_answered=way.dark_answered, port53=way, https=https,
        two_senders=any(has_two_senders(o, bogus) for o in network if o.dns.engine == "udp"),
        resolver_alive=read_channel_state(alive),
        resolver_private=any(is_private(o.dns.resolver_address) for o in by["network"]),
        near_answer=_near_answer(by["network"]),
        chosen_filter=_filters_for_its_client(network),
    )


def select_own_lookups(seen: Iterable[Observation]) -> list[Observation]:
    """What the network's own resolution said of a name: asked directly, or else by the system."""
    asked = select_own_questions(seen)
    return ([o for o in asked if o.dns.resolver == "network" and o.dns.engine == "udp"]
            or [o for o in asked if o.dns.resolver == "system"])


def _near_answer(network: Sequence[Observation]) -> NearAnswer:
    answers = _answers(network) - NULL_ADDRESSES
    resolvers = {o.dns.resolver_address for o in network}
    near = answers and all(is_private(a) for a in answers | resolvers) and not any(o.fingerprint for o in network)
    if not near:
        return ""
    return "beside" if all(any(is_beside(a, r) for r in resolvers) for a in answers) else "elsewhere"


def read_channel_state(seen: Iterable[Observation]) -> DnsState:
    """The state of one channel: ok when any question had addresses, else that of the last failing one."""
    words: list[DnsState] = [STATES.get(o.failure, "error") for o in seen]
    if not words:
        return "unasked"
    if any(word == "ok" for word in words):
        return "ok"
    return next((word for word in _BY_WEIGHT if word in words), "error")


def _answers(seen: Iterable[Observation]) -> frozenset[str]:
    return frozenset(a for o in seen for a in o.dns.answers)


def _attempts(seen: Iterable[Observation]) -> int:
    return len({o.attempt for o in seen})


def _failed_attempts(seen: list[Observation]) -> int:
    return sum(read_channel_state([o for o in seen if o.attempt == n]) != "ok" for n in {o.attempt for o in seen})


def _wrong_slots(network: list[Observation], alive: list[Observation], trusted: frozenset[str],
                 nat64_prefix: str) -> int:
    """Slots in which the answer was wrong; of those without any, the ones in which the resolver served others."""
    slots = split_into_slots(network)
    if not all(_is_wrong(slot, trusted, nat64_prefix) for slot in slots):
        return 0
    return sum(read_channel_state(slot) in _TOLD or _served_then(slot, alive) for slot in slots)


def _served_then(slot: list[Observation], alive: list[Observation]) -> bool:
    begin_s, end_s = slot[0].t0_s, max(o.t_s for o in slot) + SLOT_GAP_S / 2
    return any(read_channel_state([o]) in _TOLD for o in alive if begin_s <= o.t0_s <= end_s)


def _is_wrong(slot: list[Observation], trusted: frozenset[str], nat64_prefix: str) -> bool:
    """Nothing but failures, an answer that no public name has, a known block address, or a second answer."""
    if read_channel_state(slot) != "ok":
        return True
    false = {a for a in _answers(slot) - trusted if is_bogon(a, nat64_prefix)}
    return bool(false) or any((o.fingerprint and not frozenset(o.dns.answers) <= trusted)
                              or was_injected(o, trusted, nat64_prefix) for o in slot)


def _operators(doh: list[Observation], *states: DnsState) -> int:
    names = {o.dns.resolver for o in doh}
    return sum(read_channel_state([o for o in doh if o.dns.resolver == name]) in states for name in names)


def _names_policy(seen: Iterable[Observation]) -> bool:
    return any(_code(word) in FILTER_CODES for o in seen for word in o.dns.ede)


def _failures_name(network: Sequence[Observation], codes: Container[str]) -> bool:
    failed = [o for o in network if STATES.get(o.failure) == "servfail"]
    return bool(failed) and all(any(_code(word) in codes for word in o.dns.ede) for o in failed)


def _policy_is_named(network: Sequence[Observation]) -> bool:
    failed = [o for o in network if o.failure]
    return bool(failed) and all(any(_code(word) in POLICY_CODES for word in o.dns.ede) for o in failed)


def _is_laboured(seen: Observation) -> bool:
    state = STATES.get(seen.failure)
    late = any(reply.rcode in (*ANSWERED, "SERVFAIL") for reply in seen.dns.replies)
    return state == "servfail" or (state == "timeout" and late)


def _code(word: str) -> str:
    return word.split(" ")[0]


def _filters_for_its_client(seen: Iterable[Observation]) -> bool:
    """Nobody but the resolver's own client has asked for what error 17 reports (RFC 8914 section 4.18)."""
    return any(o.dns.resolver_address in FILTERING_RESOLVERS or any(_code(word) == FILTERED for word in o.dns.ede)
               for o in seen)
