"""What resolvers said of one name's HTTPS record (type 65, RFC 9460), which phones and browsers ask for themselves.

Its address hints lead a browser as an A record does, so they are checked as addresses are. That a record, or its keys
for Encrypted ClientHello, do not arrive accuses nobody: old forwarders do not know the type, and filters of households
and companies take the keys away (RFC 9848). It is a finding of the run.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace

from probe.core.addresses import family_of, is_beside, is_bogon
from probe.core.observations import Observation
from probe.core.tables.evidence_words import HttpsLoss, HttpsWord
from probe.core.tables.failures import NO_ANSWER, is_timeout
from probe.core.tables.resolvers import ENCRYPTED
from probe.judge.common.fingerprint_weight import FingerprintMark, weigh_fingerprints
from probe.judge.common.fisher import fisher_p
from probe.judge.dns.port53 import ANSWERED, ONE_QUESTION_MS, gather_port53

TRUNCATED = "TC"
"""Flag of an answer that lacks what did not fit (RFC 1035 section 4.1.1)."""
CHANCE = 0.05
"""How likely it may be that as much silence about records is chance, as questions for addresses are answered."""
_BY_WEIGHT: tuple[tuple[HttpsLoss, HttpsWord], ...] = (
    ("ech", "stripped"), ("record", "emptied"), ("refused", "refused"), ("silent", "silent"))


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpsEvidence:
    """One name's HTTPS record in one run, as the network's resolver gives it."""

    answers: frozenset[str] = frozenset()
    """Addresses in its reply: hints, and A or AAAA records in their place."""
    is_doubtful: bool = False
    """None of them is, or lies beside, one that any resolver gives for the name."""
    is_disproved: bool = False
    """And resolvers were asked whose word can be trusted."""
    injected: bool = False
    """One question had two answers, the early one with addresses that are false."""
    dark_answered: bool = False
    """An address that runs no resolver answers this question, and not one for an innocent name's record."""
    bogus: frozenset[str] = frozenset()
    """Addresses that no public name has, and that no trusted resolver gives either."""
    mark: FingerprintMark = field(default_factory=FingerprintMark)
    """What a known block address among them says in the vantage's country."""

    @property
    def is_forged(self) -> bool:
        return self.injected or self.dark_answered


NOT_ASKED = HttpsEvidence()


def select_https(seen: Iterable[Observation]) -> list[Observation]:
    """Questions for HTTPS records."""
    return [o for o in seen if o.purpose == "https" and not o.reason]


def gather_https(seen: Sequence[Observation], name: str, trusted: frozenset[str], plain: frozenset[str], *,
                 nat64_prefix: str = "", cc: str = "ZZ") -> HttpsEvidence:
    """Of one name's lookups. `trusted` and `plain`: its addresses by encrypted DNS or controls, and by plain DNS."""
    asked = select_https(seen)
    own = [o for o in asked if o.hostname == name]
    mine = [o for o in own if o.dns.resolver == "network"]
    if not mine:
        return NOT_ASKED
    encrypted = [o for o in own if o.dns.engine in ENCRYPTED and o.failure in ("", NO_ANSWER)]
    known = trusted | _addresses(encrypted)
    answers = _addresses(mine)
    strange = _is_strange(answers, known | plain, nat64_prefix)
    return HttpsEvidence(
        answers=answers, is_doubtful=strange, is_disproved=strange and bool(known),
        injected=any(_was_injected(o, known, plain, hintless=bool(encrypted) and not _addresses(encrypted),
                                   nat64_prefix=nat64_prefix) for o in mine),
        dark_answered=_is_dark_answered(asked, name, known | plain, nat64_prefix),
        bogus=frozenset(a for a in answers - known if is_bogon(a, nat64_prefix)),
        mark=weigh_fingerprints((o for o in mine if o.fingerprint and not {*o.dns.answers} <= known), cc=cc))


def _addresses(seen: Iterable[Observation]) -> frozenset[str]:
    return frozenset(a for o in seen for a in o.dns.answers)


def _is_strange(addresses: Collection[str], known: Collection[str], nat64_prefix: str) -> bool:
    """Whether addresses have nothing to do with those that are known of the name. One of a family of which none is
    known tells nothing, unless no public name can have it."""
    families = {family_of(a) for a in known}
    telling = [a for a in addresses if family_of(a) in families or is_bogon(a, nat64_prefix)]
    return bool(telling) and not any(a in known or any(is_beside(a, b) for b in known) for a in telling)


def _was_injected(seen: Observation, known: frozenset[str], plain: frozenset[str], *, hintless: bool,
                  nat64_prefix: str) -> bool:
    """Two replies to one question that was sent once: the first gives strange addresses, and a later one such as
    trusted resolvers give, or none where these give none (`hintless`)."""
    replies = [reply for reply in seen.dns.replies if reply.rcode in ANSWERED and reply.delay_ms <= ONE_QUESTION_MS]
    if len(replies) < 2 or not known or not _is_strange(replies[0].answers, known | plain, nat64_prefix):
        return False
    return any((not later.answers and hintless) or known.intersection(later.answers) for later in replies[1:])


def _is_dark_answered(asked: Sequence[Observation], name: str, known: frozenset[str], nat64_prefix: str) -> bool:
    """As of questions for addresses; the same questions, under the purposes that these have."""
    strange = [o for o in asked if o.dns.resolver == "dark" and o.hostname == name
               and _is_strange(o.dns.answers, known, nat64_prefix)]
    innocent = [replace(o, purpose="innocent") for o in asked if o.dns.resolver == "dark" and o.hostname != name]
    return gather_port53([*(replace(o, purpose="dark") for o in strange), *innocent], known, frozenset(),
                         nat64_prefix=nat64_prefix).dark_answered


def find_https_loss(mine: Sequence[Observation], trusted: Sequence[Observation], *, resolves: bool) -> HttpsLoss:
    """What of one name's record does not arrive. `mine` and `trusted`: answers of the network's resolver, and of
    trusted ones; `resolves`: the network's resolver gives the name's addresses."""
    if any(TRUNCATED in o.dns.dns_flags for o in mine) or not mine:
        return ""
    if any(o.dns.https_records or o.dns.answers for o in mine):
        keys = any(r.ech_bytes for o in trusted for r in o.dns.https_records)
        return "ech" if keys and not any(r.ech_bytes for o in mine for r in o.dns.https_records) else ""
    if all(is_timeout(o.failure) for o in mine):
        return "silent" if resolves else ""
    has_record = [bool(o.dns.https_records) for o in trusted if o.failure in ("", NO_ANSWER)]
    if not has_record or not all(has_record):
        return ""
    return "record" if any(o.failure == NO_ANSWER for o in mine) else "refused" if resolves else ""


def describe_https(seen: Sequence[Observation]) -> str:
    """How questions for HTTPS records fare in a run: a word, and where something lacks of how many names."""
    return " ".join(filter(None, _describe_records(seen)))


def _describe_records(seen: Sequence[Observation]) -> tuple[HttpsWord, str]:
    asked = select_https(seen)
    mine = _by_name(o for o in asked if o.dns.resolver == "network" and not o.input)
    trusted = _by_name(o for o in asked if o.dns.engine in ENCRYPTED)
    plain = [o for o in seen if o.dns.resolver == "network" and o.purpose == "target" and o.dns.engine == "udp"]
    resolved = {o.hostname for o in plain if not o.failure}
    losses = [find_https_loss(found, trusted.get(name, ()), resolves=name in resolved)
              for name, found in mine.items()]
    if not mine:
        return "unasked", ""
    for loss, word in _BY_WEIGHT:
        if (count := losses.count(loss)) and (loss != "silent" or _is_more_silent(list(mine.values()), plain)):
            return word, f"{count}/{len(mine)}"
    return "ok", ""


def _is_more_silent(mine: Sequence[Sequence[Observation]], plain: Sequence[Observation]) -> bool:
    """Whether questions for records go unanswered more often than those for addresses."""
    ours = [o for found in mine for o in found]
    answered, others = (sum(not is_timeout(o.failure) for o in seen) for seen in (ours, plain))
    return fisher_p((len(ours), answered), (len(plain), others)) < CHANCE


def _by_name(seen: Iterable[Observation]) -> dict[str, list[Observation]]:
    found: dict[str, list[Observation]] = {}
    for o in seen:
        found.setdefault(o.hostname, []).append(o)
    return found
