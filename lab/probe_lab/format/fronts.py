"""`[[front]]`: what an operator does to its own visitors, and programs of others that stand in front of servers.

    [[front]]
    of = ["@t"]                         # whose: aliases, `@t.owner`, names, addresses; absent: what `match` names
    trigger = "sni"                     # as of a rule of the middlebox; for `page` and `certificate` sni, host or
    match = ["@t"]                      # address, and the match says which of the hosts do it
    action = "reset"                    # as of a rule, or `page`, `certificate`
    countries = ["RU"]                  # whose clients meet it; absent: those of the client's country; "*": everybody
    at_door = true                      # before the operator's first own router rather than beside the server
    params = {residual_s = 60}          # TTL, DF and IP ID are those of the server's own packets unless given

A front accuses nobody: its acts carry no block type.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial

from probe_lab.box.actions import ACTIONS
from probe_lab.format.ranges import Literal, Range
from probe_lab.format.scenario_parts import (
    RuleSpec,
    check_references,
    read_params,
    read_program,
    read_unclosed_rule,
    references,
)
from probe_lab.format.toml_table import Table
from probe_lab.lab_types import EVERYWHERE, Program
from probe_lab.servers.fault_problems import value_problems
from probe_lab.servers.faults import FAULTS

SERVED: Mapping[str, tuple[str, str]] = {
    "page": ("status", "every answer has this status (403), these `Name: value` headers and this body"),
    "certificate": ("cert_wrong_name", "the handshake shows a valid certificate, but of another customer"),
}
"""Acts inside TLS, which only the server itself can do: the fault of a server that each is, and what it means."""

_SERVED_TRIGGERS = ("address", "host", "sni")
_OWN_PACKETS: Mapping[str, Range] = {
    "ttl": Literal(value="server"), "df": Literal(value=True), "ip_id": Literal(value=0),
}
"""What a front writes into the packets that it makes up, as Linux does into a RST (RFC 6864 4.1: ID 0 under DF)."""
_COUNTRY = re.compile(r"[A-Z]{2}")


@dataclass(frozen=True, slots=True, kw_only=True)
class FrontSpec:
    """One `[[front]]` before it is drawn."""

    of: tuple[str, ...]
    act: RuleSpec
    """A rule, or the fault of a server where its trigger is empty."""
    countries: tuple[str, ...]
    """Empty: the client's own."""
    at_door: bool


def read_front(table: Table, *, aliases: frozenset[str]) -> FrontSpec:
    """One `[[front]]`. Raises ScenarioError for what neither a middlebox nor a server could do."""
    action = table.text("action", among=(*ACTIONS, *SERVED))
    act = _read_served(table, action, aliases=aliases) if action in SERVED else _read_rule(table, aliases=aliases)
    at_door = bool(table.flag("at_door"))
    if at_door and not act.trigger:
        raise table.error("at_door", f"only the server itself can do {action}")
    front = FrontSpec(of=_owner(table, act, aliases=aliases), act=act, countries=_countries(table), at_door=at_door)
    table.close()
    return front


def _read_rule(table: Table, *, aliases: frozenset[str]) -> RuleSpec:
    spec = read_unclosed_rule(table, aliases=aliases)
    if spec.block_type:
        raise table.error("block_type", "a front accuses nobody")
    known = ACTIONS[spec.action].parameters
    own = {key: value for key, value in _OWN_PACKETS.items() if key in known}
    return replace(spec, params={**own, **spec.params}, alias="")


def _read_served(table: Table, action: str, *, aliases: frozenset[str]) -> RuleSpec:
    table.text("trigger", among=_SERVED_TRIGGERS)
    match = table.texts("match")
    check_references(table, "match", match, aliases=aliases)
    if not match:
        raise table.error("match", "missing")
    kind = SERVED[action][0]
    known = [name for name in FAULTS[kind].parameters if name != "only_client"]
    params = read_params(table, known=known, aliases=aliases, check=partial(value_problems, kind))
    return RuleSpec(match=match, action=kind, params=params)


def _owner(table: Table, act: RuleSpec, *, aliases: frozenset[str]) -> tuple[str, ...]:
    of = table.texts("of")
    check_references(table, "of", of, aliases=aliases)
    found = of or tuple(f"@{alias}" for alias in sorted(references(act.match) & aliases))
    if not found:
        raise table.error("of", "missing, and match names nobody who was drawn")
    return found


def _countries(table: Table) -> tuple[str, ...]:
    countries = table.texts("countries")
    for cc in countries:
        if cc != EVERYWHERE and not _COUNTRY.fullmatch(cc):
            raise table.error("countries", f'want two capitals or "{EVERYWHERE}", got {cc!r}')
    return countries


def read_front_program(table: Table, *, needs: tuple[str, ...], aliases: frozenset[str]) -> Program:
    """The table `[front_program]`."""
    program = read_program(table, needs=needs, aliases=aliases)
    table.close()
    return program
