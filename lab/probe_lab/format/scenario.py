"""Scenario files: what is drawn, what censors or breaks it, and what a verdict must then say.

One TOML file per scenario; the file's name is the scenario's. Every number may be a range (`probe_lab.format.ranges`).
docs/lab.md explains every field, with examples.

    number = "20"                       # of the scenario table: "1" ..., or C, I, S, P, X and a number, or none
    title = "one sentence"
    kind = "censorship"                 # or "innocent": no verdict may then be `blocked` without a rule's firing
    situation = "front-refuses"         # shared by innocents and their twins; absent: the file's name
    sources = ["where the parameters come from"]
    needs = ["iptables"]                # programs without which the scenario is skipped
    layers = ["dns-gfw-3", "sni-gfw2"]  # rules and faults of these scenarios come after this file's own
    profile = true                      # a whole country's censorship rather than one of its parts

    [draw.t]                            # alias t, written @t below; filters all hold, lists mean "one of"
    protocol = "http"                   # also service, role, tier, port, trust
    tls = true                          # asks for a server name (true) or plain text (false)
    literal = false                     # the catalogue gives a literal address (true) or a name (false)
    ipv6 = true                         # the name has IPv6 addresses in this world, or has none
    min_addresses = 2                   # so many addresses at least
    rejects = [403]                     # HTTP statuses that the genuine service is known not to answer
    count = {between = [1, 2]}          # distinct hosts; default 1
    dead = true                         # of services that their operators closed, and no others
    together = true                     # may be endpoints of one target; their verdict is the first drawn's
    shares = "s"                        # another name at the addresses and port of what alias s drew first
    near = "s"                          # another name in the same small networks as alias s's first
    behind = "s"                        # another name at addresses of its own, behind the door of alias s's operator

    [company]                           # innocent targets measured alongside
    count = {between = [4, 7]}          # default; "all" is the whole active catalogue
    protocol = ["http", "tls"]          # the same filters as above

    users = ["chrome", "openssl"]       # programs that use the targets beside the probe (`probe_lab.users`)

    [world]                             # rtt_ms, hops, door_hops, censor_hop, at_door, private_hops, loss, ...

    [[rule]]                            # of the middlebox
    trigger = "sni"
    match = ["@t"]                      # names or addresses, as the trigger wants them
    action = "reset"
    block_type = "tls.reset.sni"        # the truth it stands for; absent: not censorship
    params = {copies = 3, flags = "RA"}

    [[fault]]                           # of servers, resolver or line: kind, match, params, block_type

    [[carrier]]                         # of the client's own network: no censorship (`probe_lab.format.carriers`)

    [[front]]                           # of a service's own operator: it accuses nobody (`probe_lab.format.fronts`)
    of = ["@t"]
    trigger = "sni"
    match = ["@t"]
    action = "reset"

    [censor]                            # a program on the path: setup, program, ready, counters, log, match, block_type

    [front_program]                     # a program in front of servers: setup, program, ready, certificates

    [[expect]]                          # a later one overrides an earlier one
    of = "@t"                           # or "*", "run", "proto:http", "proto:https", "proto:tls" ... (CLASSES)
    outcome = "blocked"                 # or a list
    block_type = "tls.reset.sni"        # or a list: any of them; "tls.reset+" is this one or any below it
    min_depth = 2                       # components that a shallower verdict must at least name
    also = ["dns.injection"]            # causes behind the first that the verdict must name, too
    scope = "lan"                       # what the verdict must say of how near the cause is
    unless_fired = "ok"                 # outcome of a target on which nothing acted (probability, schedules)
    level = "any"                       # or "socket", "packet"

In `match`, `of` and `params`, `@alias` stands for what was drawn (names for name triggers, every address for address
triggers, the first name in parameters); `@gateway`, `@resolver`, `@sinkhole`, `@portal`, `@mitm` for these addresses
of the world, `@helper` for the first helper's, and `@foreign` for the name of a host that belongs to nobody in the
catalogue. In `match`, `@helpers` stands for the addresses of all helpers, `@alias.first` for the first address of each
host, `@alias.owner` for all hosts of its operators, `@alias.routes` for the networks (/24, or /48 over IPv6) that hold
its addresses, and with `address` and `not_address` any host's name for its addresses.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from probe_lab.format.carriers import read_carrier
from probe_lab.format.fronts import FrontSpec, read_front, read_front_program
from probe_lab.format.ranges import Between, Literal, Range
from probe_lab.format.scenario_expect import check_causes, read_expect
from probe_lab.format.scenario_parts import PLACES, RuleSpec, read_censor, read_fault, read_needs, read_rule
from probe_lab.format.toml_table import ScenarioError, Table
from probe_lab.format.world_table import check_bounds, read_world
from probe_lab.lab_types import Censor, Expect, Program
from probe_lab.users.user_programs import USER_PROGRAMS

DIRECTORY = Path(__file__).parents[1] / "scenarios"
MAX_BYTES = 65_536
MAX_COMPANY = 20
MAX_LAYERS = 12
KINDS = ("censorship", "innocent")
_NUMBER = re.compile(r"[CISPX]?[1-9]\d?")
_SITUATION = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_COUNTRY = re.compile(r"[A-Z]{2}")
_ALIAS = re.compile(r"[a-z][a-z0-9_]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Which endpoints qualify; empty and None leave a property open."""

    protocol: tuple[str, ...] = ()
    service: tuple[str, ...] = ()
    role: tuple[str, ...] = ()
    trust: tuple[str, ...] = ()
    tier: tuple[int, ...] = ()
    port: tuple[int, ...] = ()
    tls: bool | None = None
    literal: bool | None = None
    ipv6: bool | None = None
    min_addresses: int = 1
    rejects: tuple[int, ...] = ()
    count: Range
    apart: bool = False
    """No two of them have an owner, a front or a host of zones in common (`probe.catalogue.owners.are_unrelated`)."""
    dead: bool = False
    """Endpoints of services that were closed, and no others."""
    together: bool = False
    """They may be endpoints of one target, also of one drawn before."""
    shares: str = ""
    """The alias whose first endpoint's addresses and port this one has, too; empty: its own."""
    behind: str = ""
    """The alias behind the door of whose first endpoint's operator its addresses lie; empty: its own operator's."""
    near: str = ""
    """The alias in whose first endpoint's small networks (/24, and /64 over IPv6) its addresses lie; empty: its own."""

    @property
    def leans(self) -> dict[str, str]:
        """The field that says whose addresses it leans on, and that alias."""
        return {key: alias for key, alias in (("shares", self.shares), ("behind", self.behind), ("near", self.near))
                if alias}


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One scenario file, validated."""

    name: str
    number: str
    title: str
    kind: str
    profile: bool
    sources: tuple[str, ...]
    needs: tuple[str, ...]
    """Programs that must be installed; else it is skipped."""
    layers: tuple[str, ...]
    """Scenarios whose rules and faults are among those below."""
    draw: Mapping[str, Filter]
    company: Filter | None
    """None: the whole active catalogue."""
    world: Mapping[str, Range]
    rules: tuple[RuleSpec, ...]
    faults: tuple[RuleSpec, ...]
    censor: Censor | None
    """References in it are still to be resolved."""
    expects: tuple[Expect, ...]
    carrier: tuple[RuleSpec, ...] = ()
    """What the client's own network does to its customers."""
    fronts: tuple[FrontSpec, ...] = ()
    front_program: Program | None = None
    """References in it are still to be resolved."""
    at_door: bool = False
    """The censor stands among the operators' own routers."""
    situation: str
    """The class of situations that it belongs to; innocents and their twins share it."""
    cc: str = ""
    """The country that the client is configured to be in; empty: the laboratory's usual one."""
    users: tuple[str, ...] = ()
    """Programs that use the targets beside the probe (`probe_lab.users.user_programs`)."""
    paced: bool = False
    """The probe's run takes its time, as scheduled ones do, and stays connected to a service."""
    agreed_server: bool = False
    """The volunteer's configuration names a server that agreed to be asked for foreign names: one of the world that
    is nobody's target."""
    file: str = ""
    """Where it was read from, as it was named; empty: it comes with the laboratory."""

    @property
    def order(self) -> tuple[str, int, str]:
        """Where it stands in a list: by the letter and then the digits of its number."""
        digits = self.number.lstrip("CISPX")
        return self.number.removesuffix(digits), int(digits or 0), self.name


@cache
def list_scenario_names() -> tuple[str, ...]:
    """The names of the scenarios that come with the package, sorted."""
    return tuple(sorted(path.stem for path in DIRECTORY.glob("*.toml")))


@cache
def load_scenario(name: str) -> Scenario:
    """The packaged scenario of this name. Raises ScenarioError for an unknown name or an invalid file."""
    if name not in list_scenario_names():
        raise ScenarioError(f"no scenario {name!r}; `probe lab list` names them")
    return replace(read_scenario(DIRECTORY / f"{name}.toml"), file="")


def read_scenario(path: Path) -> Scenario:
    """Read and validate one file. Raises ScenarioError: `file: key: reason`."""
    return replace(_scenario(Table(_fields(path), where=f"{path.name}: "), name=path.stem), file=str(path))


def _fields(path: Path) -> dict[str, object]:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ScenarioError(f"{path.name}: {error.strerror}") from error
    if len(data) > MAX_BYTES:
        raise ScenarioError(f"{path.name}: larger than {MAX_BYTES} bytes")
    try:
        return tomllib.loads(data.decode())
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ScenarioError(f"{path.name}: {error}") from error


def _scenario(table: Table, *, name: str) -> Scenario:
    draw = _draw(table.table("draw"))
    aliases = frozenset(draw)
    needs = read_needs(table)
    layers = table.texts("layers")
    rules, faults = _acting(table, aliases=aliases, layers=_layers(table, layers))
    world, at_door = read_world(table.table("world"))
    scenario = Scenario(
        name=name,
        number=_number(table),
        title=table.text("title"),
        kind=table.text("kind", among=KINDS),
        profile=bool(table.flag("profile")),
        sources=table.texts("sources"),
        needs=needs,
        layers=layers,
        draw=draw,
        company=_company(table.table("company")),
        world=world,
        at_door=at_door,
        rules=rules,
        faults=faults,
        censor=read_censor(table.table("censor"), needs=needs, aliases=aliases) if table.has("censor") else None,
        carrier=tuple(read_carrier(act, aliases=aliases) for act in table.tables("carrier")),
        fronts=tuple(read_front(front, aliases=aliases) for front in table.tables("front")),
        front_program=read_front_program(table.table("front_program"), needs=needs, aliases=aliases)
        if table.has("front_program") else None,
        situation=_situation(table, default=name),
        cc=_country(table),
        users=_users(table),
        paced=bool(table.flag("paced")),
        agreed_server=bool(table.flag("agreed_server")),
        expects=tuple(read_expect(expect, aliases=aliases) for expect in table.tables("expect")),
    )
    table.close()
    if scenario.profile and scenario.kind != "censorship":
        raise table.error("profile", "only of kind censorship")
    acting = (*rules, *faults, *((scenario.censor,) if scenario.censor else ()))
    check_causes(scenario.kind, (spec.block_type for spec in acting), scenario.expects, table)
    return scenario


def _number(table: Table) -> str:
    number = table.text("number", default="")
    if number and not _NUMBER.fullmatch(number):
        raise table.error("number", f'want "1" ..., "C1", "I1", "S1", "P1", "X1" ... or "", got {number!r}')
    return number


def _situation(table: Table, *, default: str) -> str:
    situation = table.text("situation", default=default)
    if table.has("situation") and not _SITUATION.fullmatch(situation):
        raise table.error("situation", f"want small letters, digits and -, got {situation!r}")
    return situation


def _users(table: Table) -> tuple[str, ...]:
    users = table.texts("users")
    if unknown := [name for name in users if name not in USER_PROGRAMS]:
        raise table.error("users", f"want any of {', '.join(USER_PROGRAMS)}, got {unknown[0]!r}")
    return users


def _country(table: Table) -> str:
    cc = table.text("cc", default="")
    if cc and not _COUNTRY.fullmatch(cc):
        raise table.error("cc", f"want two capitals, got {cc!r}")
    return cc


def _layers(table: Table, layers: tuple[str, ...]) -> tuple[Table, ...]:
    """The tables of the scenarios that this one is built upon."""
    if len(layers) > MAX_LAYERS or len(set(layers)) < len(layers):
        raise table.error("layers", f"want at most {MAX_LAYERS}, each once")
    unknown = [name for name in layers if name not in list_scenario_names()]
    if unknown:
        raise table.error("layers", f"no scenario {unknown[0]!r}; `probe lab list` names them")
    found = [Table(_fields(DIRECTORY / f"{name}.toml"), where=f"{table.where}layer {name}: ") for name in layers]
    for name, layer in zip(layers, found, strict=True):
        for key in ("layers", "censor", "carrier", "front", "front_program"):
            if layer.has(key):
                raise table.error("layers", f"{name} cannot be a layer, for it has {key} of its own")
    return tuple(found)


def _acting(
    table: Table, *, aliases: frozenset[str], layers: tuple[Table, ...]
) -> tuple[tuple[RuleSpec, ...], tuple[RuleSpec, ...]]:
    """The rules and the faults of a file, followed by those of its layers."""
    tables = (table, *layers)
    rules = tuple(read_rule(rule, aliases=aliases) for part in tables for rule in part.tables("rule"))
    return rules, tuple(read_fault(fault, aliases=aliases) for part in tables for fault in part.tables("fault"))


def _draw(table: Table) -> dict[str, Filter]:
    filters: dict[str, Filter] = {}
    for alias in table.names():
        if alias in PLACES:
            raise table.error(alias, "this name stands for a place of the world")
        if not _ALIAS.fullmatch(alias):
            raise table.error(alias, "want small letters, digits and _ as the name of an alias")
        spec = _filter(table.table(alias), default=Literal(value=1))
        for key, other in spec.leans.items():
            if other not in filters:
                raise table.error(f"{alias}.{key}", f"alias not drawn before this one: {other}")
        for key in [*spec.leans][1:]:
            raise table.error(f"{alias}.{key}", f"with {next(iter(spec.leans))} it has addresses already")
        filters[alias] = spec
    return filters


def _filter(table: Table, *, default: Range) -> Filter:
    value = table.range("count") or default
    check_bounds(table, "count", value, low=1, high=MAX_COMPANY)
    spec = Filter(
        protocol=table.texts("protocol"),
        service=table.texts("service"),
        role=table.texts("role"),
        trust=table.texts("trust"),
        tier=table.numbers("tier"),
        port=table.numbers("port"),
        tls=table.flag("tls"),
        literal=table.flag("literal"),
        ipv6=table.flag("ipv6"),
        min_addresses=table.number("min_addresses", default=1, low=1, high=16),
        rejects=table.numbers("rejects"),
        count=value,
        apart=bool(table.flag("apart")),
        dead=bool(table.flag("dead")),
        together=bool(table.flag("together")),
        shares=table.text("shares", default=""),
        behind=table.text("behind", default=""),
        near=table.text("near", default=""),
    )
    table.close()
    return spec


def _company(table: Table) -> Filter | None:
    if table.raw("count") == "all":
        table.close()
        return None
    spec = _filter(table, default=Between(low=4, high=7))
    for key in spec.leans:
        raise table.error(key, "company has addresses of its own")
    return spec
