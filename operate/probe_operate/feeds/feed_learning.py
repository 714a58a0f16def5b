"""What a run at an uncensored place has learned of every endpoint. Pure.

Only what was said of the endpoints themselves goes in: neither the vantage's resolver nor its own addresses, nor
anything that was sent for comparison. What failed once and worked once is not told at all.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import msgspec

from probe.catalogue.types import Catalogue
from probe.controls.feeds.feed_document import (
    MAX_ADDRESSES,
    MAX_ENTRIES,
    MAX_PLACES,
    Feed,
    FeedEntry,
    FeedError,
    FeedPage,
    FeedPlace,
    fit_text,
    is_header_name,
)
from probe.core.addresses import is_bogon, parse_address
from probe.core.endpoints import Endpoint
from probe.core.observations import Observation
from probe.core.runs import RunResult
from probe.core.tables.evidence_words import Answered
from probe.core.tables.failures import is_own_shortage
from probe.core.tables.handshakes import GENUINE_PROOFS
from probe.core.tables.operations import Operation
from probe.core.tables.outcomes import NOT_ATTEMPTED, Outcome
from probe.core.tables.protocols import SiteKind
from probe.core.verdicts import Verdict
from probe.judge.common.visit_outcomes import NETWORK_PURPOSES, must_not_answer
from probe.judge.dns.dns_evidence import DENIALS, DnsEvidence, gather_dns_evidence
from probe.judge.verdicts.earlier_places import UNPLACED
from probe.judge.verdicts.site_case import SiteCase
from probe.session.observation_log import ObservationLog
from probe.session.run_verdicts import select_measured_sites

_SHAKES: tuple[Operation, ...] = ("tls_handshake", "quic_handshake")
HINDERED: tuple[Outcome, ...] = ("blocked", "network", "local")
"""Outcomes by which the vantage, and not the service, is at fault; suspicions of it are not published either."""
_WORDS: Mapping[str, tuple[Operation, ...]] = {
    "tcp": ("connect",), "tls": ("tls_handshake",), "udp": ("quic_handshake", "stun_binding"),
    "app": ("app_round_trip",),
}
_MET: Mapping[Answered, Literal["", "yes", "no"]] = {"yes": "yes", "no": "no"}
PROOFS: tuple[SiteKind, ...] = ("app", "http", "quic", "stun", "tls", "tcp", "dns")
"""What an endpoint can answer, the strongest first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedMaker:
    """Who publishes."""

    name: str
    asn: int
    cc: str
    software: str


def explain_unfit_run(result: RunResult) -> str:
    """Why this run says nothing about services, as a sentence; empty where it does."""
    run = result.run
    if run.outcome != "ok":
        return f"The network here is not well ({run.block_type or run.outcome}): nothing can be said of services."
    tried = [v for v in result.verdicts if v.outcome != NOT_ATTEMPTED]
    if not tried:
        return "Nothing was measured."
    hindered = sum(v.outcome in HINDERED for v in tried)
    if 2 * hindered > len(tried):
        return f"Of {len(tried)} targets {hindered} are hindered from here: this is no uncensored place."
    return ""


def make_feed(result: RunResult, catalogue: Catalogue, maker: FeedMaker, *, before: Feed | None = None) -> Feed:
    """The feed of a run. From `before`, the last one, comes since when each endpoint is in its state.

    Raises FeedError if there is nothing to publish.
    """
    begun = datetime.datetime.fromisoformat(result.run.measurement_start_time)
    begun += datetime.timedelta(seconds=_offset_s(result))
    log = ObservationLog.of_run(result)
    verdicts = {v.target_id: v for v in result.verdicts}
    raw = {endpoint.input for endpoint in catalogue.endpoints}
    known = {entry.input: entry for entry in before.entries} if before else {}
    six = "ipv6:ok" in result.run.ladder
    found: dict[str, FeedEntry] = {}
    for site in select_measured_sites(result, catalogue):
        case = log.case(site)
        for endpoint in site.endpoints:
            verdict = verdicts.get(endpoint.target_id)
            if endpoint.input in raw and verdict is not None and endpoint.status == "active":
                entry = _entry(case, endpoint, verdict, six=six)
                if entry is not None:
                    found[endpoint.input] = add_since(entry, known.get(endpoint.input), begun)
    if not found:
        raise FeedError("there is nothing to publish: no endpoint was tried")
    made = begun + datetime.timedelta(seconds=max(1.0, result.run.runtime_s))
    return Feed(
        format=1, name=maker.name, asn=maker.asn, cc=maker.cc, begun=begun,
        made=made.replace(microsecond=0) + datetime.timedelta(seconds=1),
        catalogue=result.run.catalogue_version, software=maker.software,
        entries=tuple(sorted(found.values(), key=lambda entry: entry.input)[:MAX_ENTRIES]),
    )


def look_of(entry: FeedEntry) -> tuple[object, ...]:
    """What stays the same while an endpoint looks the same."""
    page = entry.page or FeedPage()
    return entry.state, page.status, page.title, page.met


def list_certificate_keys(entry: FeedEntry) -> frozenset[str]:
    """Keys of its certificates."""
    return frozenset(place.key for place in entry.places if place.key)


def is_unchanged(one: FeedEntry, other: FeedEntry) -> bool:
    """Nothing of note has changed between them. Edges of one network have keys of their own: one in common is enough,
    and where a key is not known nothing is said of it."""
    keys = list_certificate_keys(one), list_certificate_keys(other)
    return look_of(one) == look_of(other) and (not all(keys) or bool(keys[0] & keys[1]))


def add_since(entry: FeedEntry, before: FeedEntry | None, begun: datetime.datetime) -> FeedEntry:
    """The entry with the day since which it has looked as it does; `before` is the last feed's."""
    same = before is not None and before.since is not None and is_unchanged(before, entry)
    since = before.since if same and before else begun.astimezone(datetime.UTC).date()
    return msgspec.structs.replace(entry, since=since)


def _offset_s(result: RunResult) -> float:
    """By how much the vantage's clock is behind, where that is more than servers' own clocks differ."""
    offset_s = result.run.clock_offset_s or 0.0
    return offset_s if abs(offset_s) > 60 else 0.0


def _entry(case: SiteCase, endpoint: Endpoint, verdict: Verdict, *, six: bool) -> FeedEntry | None:
    """What is known of one endpoint; None where it was not tried, and for controls that must not answer. What this
    machine had no means for was not tried."""
    visits = [o for o in case.visits if o.purpose in NETWORK_PURPOSES and not is_own_shortage(o.failure)
              and (o.operation != "http_round_trip" or o.input == endpoint.input)]
    dns = gather_dns_evidence(case.dns, case.controls)
    denied = _find_denial(dns)
    if must_not_answer(endpoint) or not (visits or denied or (endpoint.protocol == "dns" and dns.asked)):
        return None
    addresses = [a for a in dict.fromkeys(o.address for o in visits) if _may_be_published(a) and (six or ":" not in a)]
    places = tuple(place for address in addresses[:MAX_PLACES] if endpoint.port
                   if (place := _place(endpoint, [o for o in visits if o.address == address])) is not None)
    page = _page(visits)
    worked, failed = _proofs(endpoint, places, page, dns), _failures(places, page, denied)
    if not worked and not failed:
        state = "unclear"
    else:
        state = "ok" if worked and not (page and page.failure) and _deep_enough(endpoint, worked) else "fails"
    if verdict.outcome in HINDERED or verdict.block_type == UNPLACED or (state == "fails" and not failed):
        state = "unclear"
    last_s = max((o.t_s for o in (*visits, *case.dns)), default=0.0)
    return FeedEntry(
        input=endpoint.input, at=min(86_400, max(0, int(last_s))), state=state,  # type: ignore[arg-type]
        proof=worked[0] if worked else "",  # type: ignore[arg-type]
        dns_failure=denied, addresses=_addresses(dns, places), places=places, page=page)


def _deep_enough(endpoint: Endpoint, worked: Sequence[str]) -> bool:
    """The endpoint was reached as it is meant to be: a connection alone is no page, and no messenger."""
    return (endpoint.protocol if endpoint.protocol in PROOFS else "app") in worked


def _proofs(endpoint: Endpoint, places: Sequence[FeedPlace], page: FeedPage | None, dns: DnsEvidence) -> list[str]:
    """What was answered, the strongest first."""
    found = {"dns"} if dns.network == "ok" else set()
    for place in places:
        found |= {word for word in ("tcp", "tls") if getattr(place, word) == ""}
        found |= {"app"} if place.app in GENUINE_PROOFS else set()
        found |= {endpoint.protocol} if place.udp == "" else set()
    if page and not page.failure and page.met != "no":
        found.add("http")
    return [word for word in PROOFS if word in found]


def _failures(places: Sequence[FeedPlace], page: FeedPage | None, denied: str) -> bool:
    place_failed = any(place.tcp or place.tls or place.udp or (place.app and place.app not in GENUINE_PROOFS)
                     for place in places)
    return place_failed or bool(page and (page.failure or page.met == "no")) or bool(denied)


def _place(endpoint: Endpoint, seen: Sequence[Observation]) -> FeedPlace | None:
    """One address, as far as anything is clear."""
    words = {word: _word([o for o in seen if o.operation in operations]) for word, operations in _WORDS.items()}
    if all(word is None for word in words.values()):
        return None
    shaken = [o for o in seen if o.operation in _SHAKES and o.tls.chain]
    return FeedPlace(ip=seen[0].address, port=endpoint.port, tcp=words["tcp"], tls=words["tls"], udp=words["udp"],
                     app=words["app"], key=shaken[-1].tls.chain[0] if shaken else "",
                     ja4=shaken[-1].tls.ja4 if shaken else "")


def _word(seen: Sequence[Observation]) -> str | None:
    """Empty, or a messenger's proof, where every attempt worked or the last two did; the failure where two or more
    failed and none worked; None where that is not clear."""
    failed = [o for o in seen if o.failure]
    if not seen or (failed and len(failed) < len(seen) and any(o.failure for o in seen[-2:])):
        return None
    if not seen[-1].failure:
        return seen[-1].app.proof or None if seen[-1].operation == "app_round_trip" else ""
    return read_failure_word(seen[-1].failure) if len({o.attempt for o in failed}) >= 2 else None


def _page(visits: Sequence[Observation]) -> FeedPage | None:
    """The last answer; a failure only where two requests or more failed and none was answered."""
    pages = [o for o in visits if o.operation == "http_round_trip"]
    answered = [o for o in pages if not o.failure]
    if not answered:
        return FeedPage(failure=read_failure_word(pages[-1].failure)) if len({o.attempt for o in pages}) >= 2 else None
    page = answered[-1].http
    return FeedPage(
        status=page.status if 100 <= page.status <= 599 else 0, title=fit_text(page.title), bytes=page.body_bytes,
        headers=tuple(sorted({name.lower() for name in page.header_names if is_header_name(name)}))[:40],
        location=fit_text(page.location), met=_MET.get(answered[-1].met_expectation, ""),
    )


def _find_denial(dns: DnsEvidence) -> str:
    """The failure of a name that nobody knows here: the network's resolver and a trusted one say so."""
    if dns.network in DENIALS and dns.denied_elsewhere:
        return "dns_nxdomain_error" if dns.network == "nxdomain" else "dns_no_answer"
    return ""


def _addresses(dns: DnsEvidence, places: Iterable[FeedPlace]) -> tuple[str, ...]:
    """Of the name: where the service was met, and what trusted resolvers say."""
    met = [place.ip for place in places if place.tcp == "" or place.udp == ""]
    known = dict.fromkeys([*met, *sorted(dns.trusted_answers)]) if dns.asked else {}
    return tuple(a for a in known if _may_be_published(a))[:MAX_ADDRESSES]


def _may_be_published(address: str) -> bool:
    """A public one: neither a word that hides one of the vantage's own, nor of any private network."""
    return parse_address(address) is not None and not is_bogon(address)


def read_failure_word(failure: str) -> str:
    """The failure's word; its text may hold what tells of the vantage."""
    word = failure.partition(":")[0].strip()
    return word if re.fullmatch(r"[a-z][a-z0-9_]{0,63}", word) else "unknown_failure"
