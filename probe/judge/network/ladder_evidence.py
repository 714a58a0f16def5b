"""How far the network reaches at all: the rungs below every target, one word each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Literal

from probe.core.nat64 import KNOWN_NAME, find_nat64_prefix
from probe.core.observations import Observation
from probe.core.tables.failures import Failure, is_timeout
from probe.core.tables.operations import ABOVE_TCP, LOOKUPS, TRACES, Operation
from probe.core.tables.purposes import Purpose
from probe.core.tables.run_words import FamilyState, Gateway, ResolverState, Tunnel
from probe.core.tables.trust import TrustFinding
from probe.judge.common.url_places import parse_host
from probe.judge.dns.unanswered import QuestionCount, count_questions
from probe.judge.network.allowlist_evidence import NO_LIST, AllowlistEvidence, gather_allowlist, is_at_home
from probe.judge.network.dark_spells import DarkSpell, find_dark_spells

CLOCK_TOLERANCE_S = 24 * 3600.0
TWO_SEGMENTS = 3000
"""Bytes that do not fit two segments of Ethernet."""
LARGE_TAKES_S = 3.0
"""Five round trips of a satellite: more than 16 KiB ever need on a line that is well."""
STALLED = 3
CRAWLS_BYTES_A_S = 25_000
"""200 kbit/s: a phone of the second generation."""
_INNOCENT: tuple[Purpose, ...] = ("ladder", "innocent")
_NAMED: tuple[Purpose, ...] = ("target", "innocent")
_LEAST_SHAKES = 2
_NOT_ITS_OWN: tuple[TrustFinding, ...] = ("unknown_issuer", "device_root", "self_signed", "wrong_name")
_RUNGS: tuple[Operation, ...] = ("connect", "http_round_trip")
_TRANSFERS: tuple[Purpose, ...] = ("sample", "yardstick")
_UNUSUAL: tuple[Purpose, ...] = ("shape", "program", "foreign", "foreign_helper")
"""Hellos and names that say nothing of the line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LadderEvidence:
    """The state of the network before and beside the targets; shared by every verdict of the run."""

    link: bool = True
    gateway: Gateway = "unknown"
    tunnel: Tunnel = ""
    changed: bool = False
    """The device went from one network to another in the run, or lost its way out."""
    resolver: ResolverState = "unasked"
    """ok, dead, failing (answers nothing useful for any innocent name) or unasked."""
    passes: bool = False
    """Anything but a resolver answered, anywhere."""
    asked: QuestionCount = field(default_factory=QuestionCount)
    """What the network's resolver was asked about innocent names."""
    foreign_ok: int = 0
    foreign_failed: int = 0
    domestic_ok: int = 0
    domestic_failed: int = 0
    home_alone: bool = False
    """No reference stands at home, and all that answers stands there by its address
    (`probe.judge.network.home_answers`)."""
    altered: int = 0
    """Operators whose known body or status came back altered, all leading to one place."""
    tls_ok: int = 0
    tls_failed: int = 0
    named_ok: int = 0
    """Other addresses that completed a TLS handshake in which the probe gave a name, on a port of the references."""
    resigned: int = 0
    """Innocent TLS servers that presented a certificate of nobody we trust."""
    clock_offset_s: float | None = None
    ipv4: FamilyState = "unknown"
    """broken (nothing answers over IPv4, and something does over IPv6), ok or unknown."""
    ipv6: FamilyState = "absent"
    """ok, broken, absent or unknown."""
    nat64_prefix: str = ""
    full_segments: bool = False
    """An answer of more than two full segments arrived, from anywhere."""
    stalled: int = 0
    """Addresses that acknowledged what was sent and then fell silent."""
    hushed: bool = False
    """One of them did so after small answers, in a request inside TLS, or is one of the ladder's own places."""
    stalled_innocents: frozenset[str] = frozenset()
    """Those of them that fell silent to a control or an innocent name, and no target's failure had preceded."""
    slow: bool = False
    """Large answers arrive, and not one of them in reasonable time."""

    allowlist: AllowlistEvidence = NO_LIST
    """What passes abroad, of the targets as well."""
    dark: tuple[DarkSpell, ...] = ()
    """When nothing at all was answered."""
    dark_abroad: tuple[DarkSpell, ...] = ()
    """When nothing outside the country was."""
    home_later: bool = False
    """Something within the country was answered after the last of these began."""
    crawls: bool = False
    """Transfers from several places were made, and not one flowed at a pace of today's lines."""

    @property
    def narrow(self) -> bool:
        """Small answers arrive, large ones from several places do not: a link on the way may take no full segments.
        That it takes none is shown only by who was hushed: a few services whose every handshake meets silence, in a
        run with no large page, look the same."""
        return not self.full_segments and self.stalled >= STALLED

    @property
    def national_only(self) -> bool:
        """Domestic controls answer, or else what stands at home by its address, and no foreign control does."""
        return (self.domestic_ok >= 1 or self.home_alone) and self.abroad_fails

    @property
    def abroad_fails(self) -> bool:
        """No foreign control answers, of several."""
        return self.foreign_ok == 0 and self.foreign_failed + self.tls_failed >= 3

    @property
    def went_dark(self) -> bool:
        """From some moment on nothing at all was answered any more."""
        return any(spell.lasts for spell in self.dark)

    @property
    def abroad_went_dark(self) -> bool:
        """From some moment on nothing abroad was answered any more, and something at home was."""
        return any(spell.lasts for spell in self.dark_abroad) and self.home_later

    def starves(self, address: str) -> bool:
        """Whether silence at `address` may be the line's: it lets others wait as well."""
        return self.slow or bool(self.stalled_innocents - {address})

    @property
    def no_name_passes(self) -> bool:
        """Handshakes with several references fail, and none that gave a name succeeded on their port."""
        return self.tls_failed >= _LEAST_SHAKES and self.tls_ok + self.named_ok == 0

    @property
    def clock_wrong(self) -> bool:
        return self.clock_offset_s is not None and abs(self.clock_offset_s) > CLOCK_TOLERANCE_S

    @property
    def well(self) -> bool:
        """Enough of the network works to speak of single services."""
        return self.foreign_ok + self.domestic_ok >= 2 and not self.altered


def gather_ladder_evidence(seen: Sequence[Observation], *, domestic: frozenset[str] = frozenset(),
                           operators: Mapping[str, str] | None = None, link: bool = True, gateway: Gateway = "unknown",
                           tunnel: Tunnel = "", has_ipv6: bool = False, changed: bool = False,
                           cc: str = "ZZ") -> LadderEvidence:
    """Read the rungs. `domestic` are inputs of in-country controls; `operators` maps an input to its operator; `cc` is
    the country of the vantage."""
    pages = [o for o in seen if o.purpose == "ladder" and o.operation in _RUNGS and o.input]
    verdicts = {url: _works([o for o in pages if o.input == url]) for url in {o.input for o in pages}}
    connects = {n: [o for o in seen if o.purpose == "ladder" and o.operation == "connect" and o.family == n]
                for n in (4, 6)}
    ipv4 = _ipv4(connects[4], connects[6])
    shakes = _shakes(seen, 4) or _shakes(seen, 6)
    tls_ok, ports = sum(_spoke(o) for o in shakes), {o.port for o in shakes}
    above_tcp = [o for o in seen if o.operation in ABOVE_TCP
                 and o.purpose not in _UNUSUAL]
    large = [o for o in above_tcp if not o.failure and o.bytes_read >= TWO_SEGMENTS]
    silent = [o for o in above_tcp if is_timeout(o.failure) and o.tcp.acked != "no" and o.bytes_read < TWO_SEGMENTS]
    crawls = _crawls([o for o in seen if o.operation == "transfer" and o.purpose in _TRANSFERS])
    dark_abroad = find_dark_spells(o for o in seen if o.address and not is_at_home(o, cc, domestic))
    last_dark_s = dark_abroad[-1].from_s if dark_abroad else 0.0
    offsets = [o.http.clock_offset_s for o in seen if o.http.clock_offset_s is not None]
    return LadderEvidence(
        link=link, gateway=gateway, tunnel=tunnel, changed=changed, resolver=_resolver(seen),
        passes=any(o.address and not o.failure and o.operation not in (*LOOKUPS, *TRACES) for o in seen),
        asked=count_questions([o for o in seen if o.purpose == "ladder"]),
        foreign_ok=sum(ok for url, ok in verdicts.items() if url not in domestic) + sum(
            _spoke(o) for o in shakes if o.input not in verdicts),
        foreign_failed=sum(not ok for url, ok in verdicts.items() if url not in domestic) + sum(
            bool(o.failure) for o in _pinned_connects(seen)),
        domestic_ok=sum(ok for url, ok in verdicts.items() if url in domestic),
        domestic_failed=sum(not ok for url, ok in verdicts.items() if url in domestic),
        altered=_count_altered(pages, operators or {}),
        tls_ok=tls_ok, tls_failed=len(shakes) - tls_ok,
        resigned=sum(o.tls.trust in _NOT_ITS_OWN for o in shakes),
        clock_offset_s=_clock(offsets), ipv4=ipv4, ipv6=_ipv6(connects[6], ipv4, has_ipv6),
        named_ok=len({o.address for o in seen if o.operation == "tls_handshake" and o.tls.sni and _spoke(o)
                      and o.purpose in _NAMED and o.port in ports}),
        allowlist=gather_allowlist(seen, cc=cc, domestic=domestic,
                                   references_fail=not tls_ok and len(shakes) >= _LEAST_SHAKES),
        dark=find_dark_spells(seen), dark_abroad=dark_abroad,
        home_later=bool(dark_abroad) and any(o.operation in ABOVE_TCP and not o.failure and o.t0_s > last_dark_s
                                             and is_at_home(o, cc, domestic) for o in seen),
        full_segments=bool(large), stalled=len({o.address for o in silent}),
        hushed=any(o.purpose == "ladder" or (o.operation == "http_round_trip" and o.http.url.startswith("https:"))
                   for o in silent),
        stalled_innocents=frozenset(o.address for o in silent if o.purpose in _INNOCENT
                                    and not o.tainted_by),
        slow=crawls or (bool(large) and all(o.t_s - o.t0_s > LARGE_TAKES_S for o in large)), crawls=crawls,
        nat64_prefix=find_nat64_prefix(a for o in seen if o.purpose == "ladder" and o.hostname == KNOWN_NAME
                                       for a in o.dns.answers),
    )


def _crawls(transfers: Sequence[Observation]) -> bool:
    """Whether all that flowed at all, from three places or more, flowed slowly."""
    flowed = [o for o in transfers if o.bytes_read >= TWO_SEGMENTS]
    return len({o.address for o in flowed}) >= 3 and all(
        o.bytes_read <= CRAWLS_BYTES_A_S * (o.t_s - o.t0_s) for o in flowed)


def _shakes(seen: Sequence[Observation], family: int) -> list[Observation]:
    return [o for o in seen if o.purpose == "ladder" and o.operation == "tls_handshake" and o.family == family]


def _pinned_connects(seen: Sequence[Observation]) -> list[Observation]:
    """Connections to DoH operators' pinned addresses: they need no resolver, so their failures are the network's. Over
    IPv6 only where there is nothing else, for it is broken in many a network that is well."""
    pinned = [o for o in seen if o.purpose == "ladder" and o.operation == "connect" and not o.input]
    return [o for o in pinned if o.family == 4] or pinned


def _works(seen: Sequence[Observation]) -> bool:
    return any(o.operation == "http_round_trip" and not o.failure and o.met_expectation != "no" for o in seen)


def _spoke(seen: Observation) -> bool:
    return not seen.failure or bool(seen.tls.trust)


def _resolver(seen: Sequence[Observation]) -> ResolverState:
    asked = [o for o in seen if o.purpose == "ladder" and o.dns.resolver == "network" and o.hostname != KNOWN_NAME]
    if not asked:
        return "unasked"
    if any(not o.failure for o in asked):
        return "ok"
    return "dead" if all(is_timeout(o.failure) or o.failure == "connection_refused" for o in asked) else "failing"


def _count_altered(pages: Sequence[Observation], operators: Mapping[str, str]) -> int:
    """Operators whose answer was altered alike: the same redirect host, or the same body, for two or more."""
    answers = [o for o in pages if o.operation == "http_round_trip" and not o.failure and o.met_expectation == "no"]
    places: Counter[str] = Counter()
    for place, _operator in {(_place(o), operators.get(o.input, o.hostname)) for o in answers}:
        if place:  # two empty answers have nothing in common
            places[place] += 1
    most = max(places.values(), default=0)
    return most if most >= 2 else 0


def _place(seen: Observation) -> str:
    return parse_host(seen.http.location) or seen.http.body_sha256


def _clock(offsets: Sequence[float]) -> float | None:
    """The median Date offset, when at least two servers agree within the tolerance."""
    if not offsets:
        return None
    middle = median(offsets)
    agreeing = [o for o in offsets if abs(o - middle) < CLOCK_TOLERANCE_S / 2]
    return round(middle, 1) if len(agreeing) >= 2 or abs(middle) < CLOCK_TOLERANCE_S else None


def _ipv4(four: Sequence[Observation], six: Sequence[Observation]) -> FamilyState:
    if any(not o.failure for o in four):
        return "ok"
    return "broken" if four and any(not o.failure for o in six) else "unknown"


_ANSWERED_BY_RESETS: tuple[Failure, ...] = ("connection_refused", "connection_reset")
"""Packets travel both ways then: who resets them is another question."""


def _ipv6(connects: Sequence[Observation], ipv4: FamilyState, has_ipv6: bool) -> FamilyState:
    """`broken` is said only where IPv4 works: what answers by neither is no matter of IPv6."""
    if not has_ipv6:
        return "absent"
    if any(not o.failure for o in connects):
        return "ok"
    answered = any(o.failure in _ANSWERED_BY_RESETS for o in connects)
    return "broken" if connects and not answered and ipv4 == "ok" else "unknown"


_UNASKED: Literal["unasked"] = "unasked"


def format_ladder(e: LadderEvidence) -> tuple[str, ...]:
    """One `rung:word` per rung, in order, for the runs table."""
    def share(ok: int, failed: int) -> str:
        return f"{ok}/{ok + failed}" if ok + failed else _UNASKED

    return (
        f"link:{'up' if e.link else 'down'}", f"tunnel:{e.tunnel or 'none'}", f"gateway:{e.gateway}",
        f"resolver:{e.resolver}",
        f"domestic:{share(e.domestic_ok, e.domestic_failed)}", f"foreign:{share(e.foreign_ok, e.foreign_failed)}",
        f"tls:{share(e.tls_ok, e.tls_failed)}", f"ipv6:{e.ipv6}",
        f"clock:{'wrong' if e.clock_wrong else 'ok' if e.clock_offset_s is not None else 'unknown'}",
    )
