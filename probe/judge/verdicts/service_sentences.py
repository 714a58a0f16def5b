"""What a run says of a service, in one line that a person understands. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from probe.core.tables.block_types import BLOCK_TYPES, BlockTypeId
from probe.core.tables.outcomes import NOT_ATTEMPTED, Outcome
from probe.core.tables.roles import ACCOUNT_PARTS, SHORT
from probe.core.tables.words import read_word
from probe.core.verdicts import ServiceVerdict

_LAYERS: dict[BlockTypeId, str] = {
    "dns": "DNS", "ip": "IP", "tcp": "TCP", "udp": "UDP", "tls": "TLS", "quic": "QUIC", "http": "HTTP",
    "app": "its protocol", "flow": "slowed or cut off",
}
_OTHER: dict[Outcome, str] = {
    "ok": "ok", "inconclusive": "undecided", "network": "undecided: the whole network is disturbed",
    "local": "undecided: stopped near this device", "down": "down by itself",
}

_REACHED = "reached, not known whether of use"
"""What tells most of it was not tried, or too little came."""


def describe_services(services: Iterable[ServiceVerdict], titles: Mapping[str, str] | None = None,
                      needs_account: Mapping[str, Sequence[str]] | None = None) -> Iterator[str]:
    """A line for each service of which something is blocked; `titles`: what people call a service, `needs_account`:
    what of it is not measured, words of `ACCOUNT_PARTS`."""
    groups: dict[str, list[ServiceVerdict]] = {}
    for row in services:
        groups.setdefault(row.service, []).append(row)
    for name, rows in groups.items():
        if any(row.k for row in rows):
            yield describe_service((titles or {}).get(name) or name.replace("_", " "), rows,
                                   (needs_account or {}).get(name, ()))


def describe_service(title: str, rows: Sequence[ServiceVerdict], needs_account: Sequence[str] = ()) -> str:
    """All roles of one service: what is blocked first, what is well last, what was not tried not at all, and behind
    them what nobody could try.

    `Signal: calls blocked (UDP), chat and web ok, group calls not measured (an account is needed)`.
    """
    said: dict[str, list[str]] = {}
    for row in sorted((row for row in rows if row.outcome != NOT_ATTEMPTED), key=_order):
        said.setdefault(_state(row), []).append(SHORT.get(row.role, row.role))
    phrases = [f"{_join_words(roles)} {state}" for state, roles in said.items()] or ["not measured"]
    return f"{title}: " + ", ".join((*phrases, *_beyond(needs_account)))


def _beyond(parts: Sequence[str]) -> tuple[str, ...]:
    """What cannot be measured at all, so that nobody takes what is well for the whole."""
    return (f"{_join_words([ACCOUNT_PARTS[part] for part in parts])} not measured (an account is needed)",
            ) if parts else ()


def _order(row: ServiceVerdict) -> tuple[bool, bool, bool]:
    return row.outcome != "blocked", not row.k, row.outcome == "ok"


def _state(row: ServiceVerdict) -> str:
    if row.outcome == "ok" and row.answer == "unknown":
        return _REACHED
    if not row.k:
        return _OTHER.get(row.outcome, row.outcome)
    layers = ((read_word(name.split(".")[0], BLOCK_TYPES), name) for name in row.block_types)
    causes = "; ".join(dict.fromkeys(_LAYERS.get(layer, name) for layer, name in layers))
    if row.outcome == "blocked" and not row.partial:
        return f"blocked ({causes})"
    facts = "; ".join(part for part in (causes, f"{row.k} of {row.n} endpoints", _family(row)) if part)
    return f"{'blocked for the most part' if row.outcome == 'blocked' else 'partly blocked'} ({facts})"


def _family(row: ServiceVerdict) -> str:
    """Which address family alone is blocked, where the other was decided, too."""
    if row.k_ipv4 and not row.k_ipv6 and row.n_ipv6:
        return "over IPv4 alone"
    return "over IPv6 alone" if row.k_ipv6 and not row.k_ipv4 and row.n_ipv4 else ""


def _join_words(words: Sequence[str]) -> str:
    return " and ".join(filter(None, (", ".join(words[:-1]), words[-1])))
