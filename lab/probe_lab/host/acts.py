"""What a program of others has done, read from its counters and its output. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from probe_lab.lab_types import Censor
from probe_lab.truth import TruthEntry

COUNTING: Mapping[str, str] = {"iptables": "iptables-save -c && ip6tables-save -c", "nft": "nft -j list ruleset"}
"""How the counters of each kind are printed."""

_TABLE = re.compile(r"^\*(\w+)$")
_RULE = re.compile(r"^\[(\d+):\d+\] (-A .*)$")
_POLICY = re.compile(r"^:(\S+) DROP \[(\d+):\d+\]$")
_REFUSES = re.compile(r' -j (?:DROP|REJECT|TARPIT)\b| --comment "?act\b')
_REFUSING_TARGETS = frozenset(("DROP", "REJECT", "TARPIT"))


@dataclass(frozen=True, slots=True, kw_only=True)
class CensorAct:
    """One sign that the program acted, and on whom as far as it says so."""

    name: str = ""
    address: str = ""


def read_counts(kind: str, printed: str) -> dict[str, int]:
    """Packets that each rule has refused, by the rule's text. ValueError for what is not such a list.

    A rule refuses when it drops or rejects, or when its comment begins with `act`; an iptables chain also by its
    policy. Rules of nft count only where they are written with `counter`.
    """
    return dict((_iptables if kind == "iptables" else _nft)(printed))


def _iptables(printed: str) -> Iterator[tuple[str, int]]:
    family = 0  # the listing of IPv6 comes after that of IPv4
    table = ""
    for line in printed.splitlines():
        family += line.startswith("# Generated")
        if found := _TABLE.match(line):
            table = found[1]
        elif (found := _RULE.match(line)) and _REFUSES.search(line):
            yield f"{family} {table} {found[2]}", int(found[1])
        elif found := _POLICY.match(line):
            yield f"{family} {table} {found[1]}", int(found[2])


def _nft(printed: str) -> Iterator[tuple[str, int]]:
    for item in json.loads(printed)["nftables"]:
        rule = item.get("rule")
        if rule is None:
            continue
        expressions = rule["expr"]
        packets = [each["counter"]["packets"] for each in expressions if isinstance(each.get("counter"), dict)]
        if packets and (any(map(_refuses, expressions)) or rule.get("comment", "").startswith("act")):
            kept = {**rule, "expr": [each for each in expressions if "counter" not in each]}
            yield json.dumps(kept), packets[0]


def _refuses(expression: Mapping[str, object]) -> bool:
    target = expression.get("xt")
    named = isinstance(target, dict) and target.get("name") in _REFUSING_TARGETS
    return named or "drop" in expression or "reject" in expression


def find_risen_counts(before: Mapping[str, int], now: Mapping[str, int], *,
                      match: Iterable[str]) -> tuple[CensorAct, ...]:
    """An act for each rule whose count has risen; the one of `match` that stands in its text is whom it concerns."""
    texts = [rule for rule, packets in now.items() if packets > before.get(rule, 0)]
    return tuple(_act_of(text, tuple(match)) for text in texts)


def _act_of(text: str, match: tuple[str, ...]) -> CensorAct:
    # The longest first: one name may be part of another.
    for who in sorted(match, key=len, reverse=True):
        if re.search(rf"(?<![\w.:-]){re.escape(who)}(?![\w.:-])", text, re.IGNORECASE):
            return CensorAct(address=who) if _is_address(who) else CensorAct(name=who)
    return CensorAct()


def _is_address(text: str) -> bool:
    return ":" in text or re.fullmatch(r"[\d.]+", text) is not None


def find_logged_acts(pattern: str, lines: Iterable[str]) -> tuple[CensorAct, ...]:
    """An act for each line that the pattern is found in, with what its groups `name` and `address` say."""
    found = (re.search(pattern, line) for line in lines)
    return tuple(
        CensorAct(name=groups.get("name") or "", address=groups.get("address") or "")
        for groups in (match.groupdict() for match in found if match)
    )


def make_truth_entries(censor: Censor, acts: Iterable[CensorAct], *, time_s: float) -> tuple[TruthEntry, ...]:
    """What the truth log says of these acts."""
    return tuple(
        TruthEntry(
            time_s=time_s,
            actor="censor",
            action="external",
            block_type=censor.block_type,
            alias=censor.alias,
            name=act.name,
            address=act.address,
        )
        for act in acts
    )
