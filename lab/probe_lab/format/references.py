"""What `@alias` and `@place` in a scenario stand for once targets and addresses have been drawn."""

from __future__ import annotations

import ipaddress
import random
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from probe.core.addresses import bracket_host
from probe.core.endpoints import Endpoint
from probe_lab.box.trigger_table import ADDRESS_TRIGGERS, HOST_TRIGGERS, SHAPE_TRIGGERS, SNI_TRIGGERS
from probe_lab.format.alias_parts import ADDRESS_PARAMETERS, FIRST, OWNER, PARTS, ROUTES, WITH_NETWORKS
from probe_lab.format.fronts import FrontSpec
from probe_lab.format.ranges import draw_range
from probe_lab.format.scenario_parts import REFERENCE, RuleSpec
from probe_lab.home import list_home_names
from probe_lab.lab_types import Censor, Fault, Front, Program, Rule, Value, World
from probe_lab.servers.faults import COUNTRIES

P = TypeVar("P", bound=Program)

_COMMAND_REFERENCE = re.compile(r"@([a-z][a-z0-9_]*)(?::(ipv4|ipv6|name))?")

HOME = "home"
"""`@home` in `match`: every host that is at home in the client's country."""
HELPERS = "helpers"
"""`@helpers` in `match`: the addresses of all helpers."""
_ROUTE_BITS = {4: 24, 6: 48}
"""Longer prefixes are not passed on between operators (RIPE-399)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferenceContext:
    """What references are resolved against."""

    world: World
    drawn: Mapping[str, tuple[Endpoint, ...]]
    foreign: str
    """A name that belongs to nobody in the catalogue."""
    endpoints: Sequence[Endpoint] = ()
    """The whole catalogue."""


def resolve_addresses(row: Endpoint, world: World) -> tuple[str, ...]:
    """Every address of an endpoint in this world; none for a name that does not exist."""
    if row.address:
        return (row.address,)
    plan = world.hosts.get(row.host.lower())
    return (*plan.ipv4, *plan.ipv6) if plan else ()


def resolve_rule(spec: RuleSpec, scene: ReferenceContext, *, rng: random.Random) -> Rule:
    """A rule with every range drawn and every reference resolved."""
    return Rule(
        trigger=spec.trigger,
        match=tuple(text for item in spec.match for text in _expand(item, scene, trigger=spec.trigger)),
        action=spec.action,
        params=_params(spec, scene, rng=rng),
        block_type=spec.block_type,
        alias=spec.alias,
    )


def resolve_fault(spec: RuleSpec, scene: ReferenceContext, *, rng: random.Random) -> Fault:
    """A fault with every range drawn and every reference resolved."""
    by = "address" if spec.action in WITH_NETWORKS else ""
    return Fault(
        kind=spec.action,
        match=tuple(text for item in spec.match for text in _expand(item, scene, trigger=by)),
        params=_params(spec, scene, rng=rng),
        block_type=spec.block_type,
        alias=spec.alias,
    )


def resolve_front(spec: FrontSpec, scene: ReferenceContext, *, rng: random.Random) -> Front | Fault:
    """A front with every range drawn and every reference resolved; what the server itself does is a fault of it."""
    world = scene.world
    countries = spec.countries or (world.cc,)
    if not spec.act.trigger:
        fault = resolve_fault(spec.act, scene, rng=rng)
        return replace(fault, alias="", params={**fault.params, COUNTRIES: countries})
    rule = resolve_rule(spec.act, scene, rng=rng)
    hosts = tuple(text for item in spec.of for text in _expand(item, scene, trigger="address"))
    return Front(rule=rule, hosts=tuple(dict.fromkeys(hosts)), countries=countries, at_door=spec.at_door)


def resolve_program(program: P, scene: ReferenceContext) -> P:
    """A program's command lines with every reference resolved.

    A line of `setup` that mentions an alias is repeated for each of its names, or for each of its addresses where
    it says `@t:ipv4` or `@t:ipv6`; `program` gets the first, for it runs once.
    """
    return replace(
        program,
        setup=tuple(line for item in program.setup for line in _commands(item, scene)),
        program=next(iter(_commands(program.program, scene)), ""),
        certificates=tuple(text for item in program.certificates for text in _expand(item, scene, trigger="sni")),
    )


def resolve_censor(censor: Censor, scene: ReferenceContext) -> Censor:
    """A program that censors, with every reference resolved."""
    match = tuple(text for item in censor.match for text in _expand(item, scene, trigger=""))
    return replace(resolve_program(censor, scene), match=match)


def _commands(line: str, scene: ReferenceContext) -> tuple[str, ...]:
    """The command lines that one stands for; words with @ that are no reference stay as they are."""
    found = next((found for found in _COMMAND_REFERENCE.finditer(line) if found[1] in scene.drawn), None)
    if found is None:
        return (_substitute(line, scene),)
    return tuple(
        filled
        for value in _command_values(found[1], found[2] or "name", scene)
        for filled in _commands(line.replace(found[0], value), scene)
    )


def _command_values(alias: str, kind: str, scene: ReferenceContext) -> tuple[str, ...]:
    rows = scene.drawn[alias]
    if kind == "name":
        return tuple(dict.fromkeys(row.sni or row.host for row in rows))
    addresses = (address for row in rows for address in resolve_addresses(row, scene.world))
    return tuple(address for address in dict.fromkeys(addresses) if (":" in address) == (kind == "ipv6"))


def _expand(item: str, scene: ReferenceContext, *, trigger: str) -> tuple[str, ...]:
    """What one entry of `match` stands for: several texts for an alias, one for anything else."""
    if trigger in SHAPE_TRIGGERS and "=@" in item:
        key, _, alias = item.partition("=@")
        if alias == HELPERS:
            return tuple(f"{key}={address}" for address in _helpers(scene))
        if alias not in scene.drawn:
            return (_substitute(item, scene),)
        kind = {"name": "sni", "address": "address"}[key]
        return tuple(dict.fromkeys(f"{key}={text}" for row in scene.drawn[alias]
                                   for text in _matches(row, scene.world, kind)))
    if item == f"@{HELPERS}":
        return _helpers(scene)
    if item == f"@{HOME}":
        return _at_home(scene, trigger)
    alias, _, part = item.removeprefix("@").partition(".")
    rows = scene.drawn.get(alias) if item.startswith("@") and part in ("", *PARTS) else None
    if rows is None:
        text = _substitute(item, scene)
        # The name of any host of the world stands for its addresses where these are what is compared.
        plan = scene.world.hosts.get(text.lower()) if trigger in ADDRESS_TRIGGERS else None
        return (*plan.ipv4, *plan.ipv6) if plan else (text,)
    if part == OWNER:
        return _of_owners(rows, scene.world, trigger)
    if part == ROUTES:
        return tuple(dict.fromkeys(_route_to(text) for row in rows for text in resolve_addresses(row, scene.world)))
    if part == FIRST:
        return tuple(dict.fromkeys(resolve_addresses(row, scene.world)[0] for row in rows))
    found = [text for row in rows for text in _matches(row, scene.world, trigger)]
    return tuple(dict.fromkeys(found))


def _at_home(scene: ReferenceContext, trigger: str) -> tuple[str, ...]:
    """Names, addresses or both, as the trigger compares them."""
    hosts = scene.world.hosts
    names = tuple(name for name in list_home_names(scene.endpoints, scene.world.cc) if name in hosts)
    addresses = dict.fromkeys(text for name in names for text in (*hosts[name].ipv4, *hosts[name].ipv6))
    if trigger in ADDRESS_TRIGGERS:
        return tuple(addresses)
    return names if trigger in SNI_TRIGGERS | HOST_TRIGGERS else (*names, *addresses)


def _helpers(scene: ReferenceContext) -> tuple[str, ...]:
    return tuple(vantage.ipv4 for vantage in scene.world.vantages)


def _route_to(address: str) -> str:
    bits = _ROUTE_BITS[ipaddress.ip_address(address).version]
    return str(ipaddress.ip_network((address, bits), strict=False))


def _of_owners(rows: Iterable[Endpoint], world: World, trigger: str) -> tuple[str, ...]:
    """Names, addresses or both of every host of the operators whom these endpoints belong to."""
    whose = {world.owners.get(address, "") for row in rows for address in resolve_addresses(row, world)} - {""}
    addresses = tuple(address for address, owner in world.owners.items() if owner in whose)
    owned = frozenset(addresses)
    names = tuple(name for name, plan in world.hosts.items() if owned & {*plan.ipv4, *plan.ipv6})
    if trigger in ADDRESS_TRIGGERS:
        return addresses
    return names if trigger in SNI_TRIGGERS | HOST_TRIGGERS else names + addresses


def _matches(row: Endpoint, world: World, trigger: str) -> tuple[str, ...]:
    """What a trigger compares packets with, for one endpoint."""
    addresses = resolve_addresses(row, world)
    if trigger in SNI_TRIGGERS:
        return (row.sni or row.host,)
    if trigger in HOST_TRIGGERS:
        return (row.host,)
    if trigger in ADDRESS_TRIGGERS:
        return addresses
    if trigger == "port":
        return (str(row.port),)
    if trigger == "address_port":
        return tuple(f"{bracket_host(address)}:{row.port}" for address in addresses)
    return tuple(name for name in (row.host, row.sni) if name) + addresses


def _params(spec: RuleSpec, scene: ReferenceContext, *, rng: random.Random) -> dict[str, Value]:
    drawn = {key: draw_range(value, rng=rng) for key, value in spec.params.items()}
    return {key: _addresses(value, scene) if key in ADDRESS_PARAMETERS and spec.trigger else _fill(value, scene)
            for key, value in drawn.items()}


def _addresses(value: Value, scene: ReferenceContext) -> tuple[str, ...]:
    """What a list of a rule's parameters stands for, of which every entry is an address or a network."""
    items = value if isinstance(value, tuple) else (str(value),)
    return tuple(dict.fromkeys(text for item in items for text in _expand(item, scene, trigger="address")))


def _fill(value: Value, scene: ReferenceContext) -> Value:
    if isinstance(value, tuple):
        return tuple(_substitute(item, scene) for item in value)
    return _substitute(value, scene) if isinstance(value, str) else value


def _substitute(text: str, scene: ReferenceContext) -> str:
    places = {
        "gateway": scene.world.gateway4,
        "resolver": scene.world.resolver,
        "sinkhole": scene.world.sinkhole,
        "portal": scene.world.portal,
        "mitm": scene.world.mitm,
        "foreign": scene.foreign,
        "client4": scene.world.client4,
        "client6": scene.world.client6,
        "helper": next((vantage.ipv4 for vantage in scene.world.vantages), ""),
        **{alias: rows[0].host for alias, rows in scene.drawn.items()},
    }
    return REFERENCE.sub(lambda found: places.get(found[1], found[0]), text)
