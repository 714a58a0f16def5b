"""What to do next for one site, from what was seen of it: pure, so that a plan can be replayed from observations.

The planner returns every step that is due; steps are values, and the session takes each only once. Plain DNS comes
first, addresses of it first; innocent names go before a target's; a failing visit is repeated on fresh connections;
controls and trusted resolvers are asked only where something is to be explained.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from probe.compare.addresses import family_of, may_connect
from probe.compare.dns import DnsEvidence, dns_evidence, state_of
from probe.compare.nat64 import from_outside, through
from probe.compare.outcomes import NETWORK_PURPOSES, failed_inputs, http_needs_control
from probe.compare.places import joined, same_place
from probe.model import ControlAnswer, Observation
from probe.sites import Site
from probe.steps import Ask, Follow, Lookup, Page, Step, Trace, Visit

REDIRECTS = (301, 302, 303, 307, 308)
MAX_REDIRECTS = 5
MAX_ASKED = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """What the planner may use in this run."""

    network_resolver: str = ""
    public_resolver: str = ""
    dark_server: str = ""
    doh: tuple[str, ...] = ()
    """Names of the DoH operators to ask."""
    controls: tuple[str, ...] = ()
    families: tuple[int, ...] = (4,)
    ipv6_broken: bool = False
    innocent: str = "www.example.com"
    attempts: int = 3
    quick_attempts: int = 5
    """Tries where a handshake or a page is cut off at once: a flaky server does that now and then, and it costs
    no time."""
    addresses_per_family: int = 2
    nat64_prefix: str = ""
    timeout_s: float = 6.0
    together: bool = False
    """The run need not spread its flows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What is known of one site so far."""

    dns: tuple[Observation, ...] = ()
    visits: tuple[Observation, ...] = ()
    """Connects, handshakes and pages of the site itself, at any address."""
    around: tuple[Observation, ...] = ()
    """Innocent names and other ports at the site's addresses, whoever asked them."""
    controls: tuple[ControlAnswer, ...] = ()
    elsewhere: tuple[tuple[str, int], ...] = ()
    """Addresses and ports of others that accept connections."""


def next_steps(site: Site, seen: Seen, frame: Frame) -> list[Step]:
    """Every step that is due for `site`; those already taken may be among them."""
    steps: list[Step] = []
    evidence = DnsEvidence()
    seen = replace(seen, dns=_without_half_answers(seen.dns, frame))
    if site.named:
        steps += _plain_lookups(site, frame)
        if not any(o.resolver in ("system", "network") for o in seen.dns):
            return steps
        evidence = dns_evidence(seen.dns, seen.controls, nat64_prefix=frame.nat64_prefix)
        steps += _more_lookups(site, seen, frame, evidence)
    places = candidates(site, seen, frame, evidence) if site.kind != "dns" else []
    for address, source, depth in _depths(places, site, seen):
        steps += _at(site, address, source, depth, seen, frame, evidence)
    steps += _controls(site, seen, frame, evidence, tuple(address for address, _ in places))
    return steps + _redirects(seen)


def _is_direct(seen: Observation) -> bool:
    return seen.resolver == "network" and seen.dns_engine == "udp"


def _without_half_answers(dns: tuple[Observation, ...], frame: Frame) -> tuple[Observation, ...]:
    """All but what is still to come: a name without IPv6 must not look empty until its IPv4 answer is there."""
    direct = [o for o in dns if _is_direct(o)]
    tries = {n: [o for o in direct if o.attempt == n] for n in {o.attempt for o in direct}}
    questions = 2 if 6 in frame.families else 1
    half = {n for n, found in tries.items() if len(found) < questions and state_of(found) != "ok"}
    return tuple(o for o in dns if not (_is_direct(o) and o.attempt in half))


def _plain_lookups(site: Site, frame: Frame) -> list[Step]:
    steps: list[Step] = [Lookup(channel="system", name=site.host)]
    if frame.network_resolver:
        steps.append(Lookup(channel="network", name=site.host, server=frame.network_resolver))
    if frame.public_resolver:
        steps.append(Lookup(channel="public", name=site.host, server=frame.public_resolver))
    return steps


def _more_lookups(site: Site, seen: Seen, frame: Frame, evidence: DnsEvidence) -> list[Step]:
    steps: list[Step] = []
    tried = {o.attempt for o in seen.dns if _is_direct(o)}
    if tried and evidence.network != "ok" and max(tried) < frame.attempts:
        steps.append(Lookup(channel="network", name=site.host, server=frame.network_resolver, attempt=max(tried) + 1))
    elif tried and evidence.network in ("timeout", "servfail", "refused", "error"):
        steps.append(Lookup(channel="alive", name=frame.innocent, server=frame.network_resolver, about=site.host))
    if wants_trusted(site, seen, evidence):
        steps += [Lookup(channel="doh", name=site.host, server=name) for name in frame.doh]
        if frame.public_resolver and evidence.network != "ok":
            steps.append(Lookup(channel="tcp", name=site.host, server=frame.public_resolver))
    if frame.dark_server and (evidence.bogus or evidence.fingerprint or _two_answers(seen.dns) or (
            evidence.trusted_ok and evidence.network_answers and not evidence.agrees)):
        steps += [Lookup(channel="dark", name=name, server=frame.dark_server) for name in (site.host, frame.innocent)]
    return steps


def _two_answers(seen: Sequence[Observation]) -> bool:
    return any(len({text.split("|", 4)[-1] for text in o.replies}) > 1 for o in seen)


def wants_trusted(site: Site, seen: Seen, evidence: DnsEvidence) -> bool:
    """Trusted resolvers are asked where plain DNS failed or looks wrong, or the connection proves nothing."""
    if evidence.network != "ok" or evidence.system not in ("ok", "unasked"):
        return True
    if evidence.bogus or evidence.fingerprint or _two_answers(seen.dns) or not site.proves_itself:
        return True
    return any(o.failure and o.purpose == "target" for o in seen.visits)


def candidates(site: Site, seen: Seen, frame: Frame, evidence: DnsEvidence) -> list[tuple[str, str]]:
    """(address, source) pairs to visit, the network's own answers first, bounded per family."""
    if site.address:
        return [(site.address, "literal")] if family_of(site.address) in frame.families else []
    plain = [a for o in seen.dns if o.resolver in ("system", "network") for a in o.answers]
    sources = dict.fromkeys(plain, "network")
    chosen = _bounded(list(sources), frame)
    trusted: list[str] = []
    if _behind(site, seen, evidence, chosen):
        known = [a for o in seen.dns if o.dns_engine == "doh" for a in o.answers]
        known += [a for c in seen.controls for a in c.addresses]
        if frame.nat64_prefix and 4 not in frame.families:
            known = [through(a, frame.nat64_prefix) for a in known]
        trusted = [a for a in _bounded(known, frame) if a not in chosen]
    return [(a, "network") for a in chosen] + [(a, "trusted") for a in trusted]


def _behind(site: Site, seen: Seen, evidence: DnsEvidence, chosen: list[str]) -> bool:
    """Whether to go on behind the network's answers, with addresses from elsewhere."""
    if not chosen or evidence.bogus or evidence.fingerprint or evidence.injected or evidence.dark_answered:
        return True
    if evidence.agrees or not evidence.trusted_answers:
        return False
    reached = {o.address for o in seen.visits if o.operation == "tls_handshake" and o.trust == "valid"}
    return not reached & set(chosen)


def _bounded(addresses: Sequence[str], frame: Frame) -> list[str]:
    usable = [a for a in dict.fromkeys(addresses) if may_connect(a, frame.nat64_prefix)]
    v4 = [a for a in usable if family_of(a) == 4 and 4 in frame.families][: frame.addresses_per_family]
    v6 = [a for a in usable if family_of(a) == 6 and 6 in frame.families][:1]
    return v4 + v6


def _depths(addresses: Sequence[tuple[str, str]], site: Site, seen: Seen) -> list[tuple[str, str, str]]:
    """How far to go at each address: everything at the first one of a source, TLS at the first IPv6 one, else connect.

    A page is fetched once, not once an address; the next address gets the whole visit only when one before failed.
    """
    planned: list[tuple[str, str, str]] = []
    whole: dict[str, bool] = {}
    shaken: set[tuple[str, int]] = set()
    for address, source in addresses:
        family = family_of(address)
        if not whole.get(source):
            depth = "all"
            mine = [o for o in seen.visits if o.address == address and o.purpose in NETWORK_PURPOSES]
            whole[source] = not mine or not any(o.failure for o in mine)
        else:
            depth = "connect" if (source, family) in shaken or not site.sni else "tls"
        shaken.add((source, family))
        planned.append((address, source, depth))
    return planned


def _at(site: Site, address: str, source: str, depth: str, seen: Seen, frame: Frame,
        evidence: DnsEvidence) -> list[Step]:
    """Steps at one address: the innocent name, the site, again, and another port where it does not connect."""
    steps: list[Step] = []
    if site.kind in ("tls", "http") and (
            (depth == "all" and site.leads) or _failed_above_tcp(seen, address)):
        innocent = innocent_visit(site, address, frame)
        if not _was_tried(seen.around, innocent):
            return [innocent]
    mine = [o for o in seen.visits if o.address == address and o.purpose in NETWORK_PURPOSES]
    tried = {o.attempt for o in mine}
    if not tried:
        return [target_visit(site, address, source, frame, attempt=1, depth=depth)]
    if depth == "all" and not any(o.failure for o in mine) and _shallow(site, mine):
        return [target_visit(site, address, source, frame, attempt=max(tried) + 1)]
    last = max(tried)
    failing = failed_inputs(site, [o for o in mine if o.attempt == last])
    hopeless = frame.ipv6_broken and family_of(address) == 6
    if failing and last < _most_attempts(mine, last, frame) and not hopeless:
        steps.append(target_visit(site, address, source, frame, attempt=last + 1, inputs=failing, depth=depth))
    if _is_doubtful(site, source, seen, evidence):
        steps.append(identity_visit(site, address, source, frame))
    if any(o.operation == "connect" and o.failure for o in mine) and not hopeless:
        steps.append(Visit(purpose="port", address=address, port=80 if site.port != 80 else 443,
                           hostname=site.host, source=source, connect_timeout_s=frame.timeout_s))
    if failing and last >= frame.attempts and not hopeless and mine[-1].operation == "connect":
        steps += _traces(address, site.port, seen, frame)
    return steps


def _traces(address: str, port: int, seen: Seen, frame: Frame) -> list[Step]:
    """Controls reach what does not answer here: does the network swallow it, or does the operator refuse us?"""
    known_as = from_outside(address, frame.nat64_prefix)
    where = f"[{known_as}]:{port}" if ":" in known_as else f"{known_as}:{port}"
    if not any(place == where and not failure for c in seen.controls for place, failure in c.tcp):
        return []
    others = [place for place in seen.elsewhere if family_of(place[0]) == family_of(address)]
    return [Trace(purpose="trace", address=address, port=port, together=frame.together),
            *(Trace(purpose="reference", address=other, port=at, together=frame.together) for other, at in others)]


def _most_attempts(mine: Sequence[Observation], last: int, frame: Frame) -> int:
    ended = next((o for o in mine if o.attempt == last and o.failure), None)
    quick = ended is not None and ended.operation != "connect" and "timeout" not in ended.failure
    return frame.quick_attempts if quick else frame.attempts


def _is_doubtful(site: Site, source: str, seen: Seen, evidence: DnsEvidence) -> bool:
    """The address is one that trusted resolvers do not give, and nothing at it has proven whose it is."""
    if source != "network" or not evidence.trusted_answers or evidence.agrees or site.port == 443:
        return False
    return not any(o.trust == "valid" for o in seen.visits if o.purpose == "target")


def identity_visit(site: Site, address: str, source: str, frame: Frame) -> Visit:
    """Whose certificate does port 443 of an address show for the site's name? It tells a false answer from another."""
    return Visit(
        purpose="port", address=address, port=443, hostname=site.host, source=source, sni=site.host,
        alpn=("http/1.1",), trust="web_pki" if site.trust in ("none", "record") else site.trust,
        connect_timeout_s=frame.timeout_s, tls_timeout_s=frame.timeout_s,
    )


def _failed_above_tcp(seen: Seen, address: str) -> bool:
    return any(o.address == address and o.failure and o.operation != "connect" for o in seen.visits)


def _shallow(site: Site, mine: Sequence[Observation]) -> bool:
    """Whether nothing at this address went as far as the site itself."""
    last = {"tcp": "connect", "tls": "tls_handshake", "http": "http_round_trip"}[site.kind]
    return not any(o.operation == last for o in mine)


def _was_tried(around: Sequence[Observation], innocent: Visit) -> bool:
    return any(o.purpose == "innocent" and o.address == innocent.address and o.port == innocent.port for o in around)


def innocent_visit(site: Site, address: str, frame: Frame) -> Visit:
    """The same address, asked for a name that nobody blocks; it needs no more than to be answered."""
    pages = () if site.sni else (Page(input="", target_id="", url=f"http://{frame.innocent}/"),)
    return Visit(
        purpose="innocent", address=address, port=site.port, hostname=frame.innocent,
        sni=frame.innocent if site.sni else "", trust="none", until_server_hello=bool(site.sni), pages=pages,
        connect_timeout_s=frame.timeout_s, tls_timeout_s=frame.timeout_s, http_timeout_s=frame.timeout_s,
    )


def target_visit(site: Site, address: str, source: str, frame: Frame, *, attempt: int,
                 inputs: frozenset[str] | None = None, depth: str = "all") -> Visit:
    """The site itself at one address; `depth` all, tls or connect."""
    first = site.endpoints[0]
    return Visit(
        purpose="target" if source != "trusted" else "trusted", address=address, port=site.port, hostname=site.host,
        source=source, attempt=attempt, sni=site.sni if depth != "connect" else "", alpn=site.alpn, trust=site.trust,
        needs_alpn=site.kind == "tls" and bool(site.alpn),
        pages=site.pages(inputs) if depth == "all" else (),
        target_id=first.target_id, input=first.input, connect_timeout_s=frame.timeout_s,
        tls_timeout_s=frame.timeout_s, http_timeout_s=frame.timeout_s + 2,
    )


def _controls(site: Site, seen: Seen, frame: Frame, evidence: DnsEvidence, places: tuple[str, ...]) -> list[Step]:
    """One question to each control about each input that is not plainly well, and all addresses visited for it."""
    if not frame.controls:
        return []
    doh_pending = wants_trusted(site, seen, evidence) and bool(frame.doh) and site.named and not any(
        o.dns_engine == "doh" for o in seen.dns)
    if doh_pending:
        return []
    if site.kind != "dns" and not places and evidence.known_elsewhere:
        return []  # no address of it can be visited from here
    unwell = [e.input for e in site.endpoints if _is_unwell(site, e.input, seen, evidence)]
    if unwell and not any(o.operation == "http_round_trip" and not o.failure for o in seen.visits):
        unwell = unwell[:1]  # what fails below HTTP fails alike for every page of the site
    places = tuple(from_outside(a, frame.nat64_prefix) for a in places[:MAX_ASKED])
    return [Ask(control_id=control, input=url, addresses=places)
            for url in unwell for control in frame.controls]


def _is_unwell(site: Site, url: str, seen: Seen, evidence: DnsEvidence) -> bool:
    if site.named and (evidence.network != "ok" or evidence.bogus or evidence.fingerprint or evidence.injected):
        return True
    if site.kind == "dns":
        return not evidence.agrees
    mine = [o for o in seen.visits if o.purpose in NETWORK_PURPOSES]
    if url in failed_inputs(site, mine) if mine else False:
        return True
    return any(o.failure for o in mine) or any(
        http_needs_control(site, o) for o in mine if o.input == url and o.operation == "http_round_trip")


def _redirects(seen: Seen) -> list[Step]:
    """Redirects served in the clear to another host: the place they lead to may show who answered."""
    steps: list[Step] = []
    for o in seen.visits:
        if o.operation != "http_round_trip" or o.sni or o.status not in REDIRECTS or not o.location or o.attempt > 1:
            continue
        url = joined(o.url, o.location)
        if not url.lower().startswith(("http:", "https:")) or same_place(o.url, url):
            continue
        followed = sum(v.purpose == "redirect" and v.operation == "http_round_trip" and v.input == o.input
                       for v in seen.visits)
        if followed < MAX_REDIRECTS:
            steps.append(Follow(input=o.input, target_id=o.target_id, url=url[:2000]))
    return steps
