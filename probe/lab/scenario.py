"""Scenario files: what is drawn, what censors or breaks it, and what a verdict must then say.

One TOML file per scenario; the file's name is the scenario's. Every number may be a range (`probe.lab.ranges`).

    number = "20"                       # of the scenario table: "1" ..., confusers "C1" ..., or "" for none
    title = "one sentence"
    kind = "censorship"                 # or "innocent": no verdict may then be `blocked` without a rule's firing
    sources = ["where the parameters come from"]

    [draw.t]                            # alias t, written @t below; filters all hold, lists mean "one of"
    protocol = "http"                   # also service, role, tier, port, trust
    tls = true                          # asks for a server name (true) or plain text (false)
    literal = false                     # the catalogue gives a literal address (true) or a name (false)
    ipv6 = true                         # the name has IPv6 addresses in this world, or has none
    min_addresses = 2                   # so many addresses at least
    rejects = [403]                     # HTTP statuses that the genuine service is known not to answer
    count = {between = [1, 2]}          # distinct hosts; default 1

    [company]                           # innocent targets measured alongside
    count = {between = [6, 10]}         # default; "all" is the whole active catalogue
    protocol = ["http", "tls"]          # the same filters as above

    [world]                             # rtt_ms, hops, loss, clock_shift_s, helpers

    [[rule]]                            # of the middlebox
    trigger = "sni"
    match = ["@t"]                      # names or addresses, as the trigger wants them
    action = "reset"
    block_type = "tls.reset.sni"        # the truth it stands for; absent: not censorship
    params = {copies = 3, flags = "RA"}

    [[fault]]                           # of servers, resolver or line: kind, match, params, block_type
    [[expect]]                          # a later one overrides an earlier one
    of = "@t"                           # or "*", "run", "proto:http", "proto:https", "proto:tls" ... (CLASSES)
    outcome = "blocked"                 # or a list
    block_type = "tls.reset.sni"
    min_depth = 2                       # components that a shallower verdict must at least name
    level = "any"                       # or "socket", "packet"

In `match` and `params`, `@alias` stands for what was drawn (names for name triggers, every address for address
triggers, the first name in parameters); `@resolver`, `@sinkhole`, `@portal`, `@mitm` for these addresses of the
world, and `@foreign` for the name of a host that belongs to nobody in the catalogue.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from probe.lab.actions import ACTIONS, TRIGGERS, problems
from probe.lab.ranges import Between, Literal, Range, bounds, samples
from probe.lab.servers.faults import FAULTS
from probe.lab.toml_table import ScenarioError, Table
from probe.lab.types import Expect, Rule, Value
from probe.tables.blocks import BLOCK_TYPES, is_prefix
from probe.tables.outcomes import NOT_ATTEMPTED, OUTCOMES

DIRECTORY = Path(__file__).parent / "scenarios"
MAX_BYTES = 65_536
MAX_COMPANY = 20
KINDS = ("censorship", "innocent")
LEVELS = ("any", "socket", "packet")
CLASSES = ("http", "https", "tls", "dns", "literal")
"""What `proto:` may name: plain HTTP, HTTP over TLS, judged certificates, DNS names, literal addresses."""
PLACES = ("resolver", "sinkhole", "portal", "mitm", "foreign")
REFERENCE = re.compile(r"@([a-z][a-z0-9_]*)")


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


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleSpec:
    """A rule of the middlebox, or a fault of the world, before it is drawn."""

    trigger: str = ""
    """Empty for a fault."""
    match: tuple[str, ...]
    action: str
    """The action, or the kind of fault."""
    params: Mapping[str, Range]
    block_type: str = ""
    alias: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One scenario file, validated."""

    name: str
    number: str
    title: str
    kind: str
    sources: tuple[str, ...]
    draw: Mapping[str, Filter]
    company: Filter | None
    """None: the whole active catalogue."""
    world: Mapping[str, Range]
    rules: tuple[RuleSpec, ...]
    faults: tuple[RuleSpec, ...]
    expects: tuple[Expect, ...]


def names() -> tuple[str, ...]:
    """The names of the scenarios that come with the package, sorted."""
    return tuple(sorted(path.stem for path in DIRECTORY.glob("*.toml")))


def load(name: str) -> Scenario:
    """The packaged scenario of this name. Raises ScenarioError for an unknown name or an invalid file."""
    if name not in names():
        raise ScenarioError(f"no scenario {name!r}; `probe lab list` names them")
    return read_scenario(DIRECTORY / f"{name}.toml")


def read_scenario(path: Path) -> Scenario:
    """Read and validate one file. Raises ScenarioError: `file: key: reason`."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ScenarioError(f"{path.name}: {error.strerror}") from error
    if len(data) > MAX_BYTES:
        raise ScenarioError(f"{path.name}: larger than {MAX_BYTES} bytes")
    try:
        fields = tomllib.loads(data.decode())
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ScenarioError(f"{path.name}: {error}") from error
    return _scenario(Table(fields, where=f"{path.name}: "), name=path.stem)


def _scenario(table: Table, *, name: str) -> Scenario:
    draw_table = table.table("draw")
    draw = {alias: _filter(draw_table.table(alias), count=1) for alias in draw_table.names()}
    aliases = frozenset(draw)
    if clash := sorted(aliases & set(PLACES)):
        raise table.error(f"draw.{clash[0]}", "this name stands for a place of the world")
    scenario = Scenario(
        name=name,
        number=_number(table),
        title=table.text("title"),
        kind=table.text("kind", among=KINDS),
        sources=table.texts("sources"),
        draw=draw,
        company=_company(table.table("company")),
        world=_world(table.table("world")),
        rules=tuple(_rule(rule, aliases=aliases) for rule in table.tables("rule")),
        faults=tuple(_fault(fault, aliases=aliases) for fault in table.tables("fault")),
        expects=tuple(_expect(expect, aliases=aliases) for expect in table.tables("expect")),
    )
    table.close()
    _check_whole(scenario, table)
    return scenario


def _number(table: Table) -> str:
    number = table.text("number", default="")
    if number and not re.fullmatch(r"C?[1-9]\d?", number):
        raise table.error("number", f'want "1" ..., "C1" ... or "", got {number!r}')
    return number


def _filter(table: Table, *, count: int) -> Filter:
    value = table.range("count") or Literal(value=count)
    _check_bounds(table, "count", value, low=1, high=MAX_COMPANY)
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
    )
    table.close()
    return spec


def _company(table: Table) -> Filter | None:
    if table.raw("count") == "all":
        table.close()
        return None
    if not table.has("count"):
        return Filter(count=Between(low=6, high=10))
    return _filter(table, count=0)


_WORLD_BOUNDS = {
    "rtt_ms": (1, 2000), "hops": (1, 30), "loss": (0, 1), "clock_shift_s": (-3e9, 3e9), "helpers": (0, 6),
}


def _world(table: Table) -> dict[str, Range]:
    ranges: dict[str, Range] = {}
    for key, (low, high) in _WORLD_BOUNDS.items():
        value = table.range(key)
        if value is not None:
            _check_bounds(table, key, value, low=low, high=high)
            ranges[key] = value
    table.close()
    return ranges


def _check_bounds(table: Table, key: str, value: Range, *, low: float, high: float) -> None:
    ends = bounds(value)
    if ends is None:
        raise table.error(key, "want a number, {between = [low, high]} or {any = [...]} of numbers")
    if ends[0] < low or ends[1] > high:
        raise table.error(key, f"impossible range: {ends[0]:g} to {ends[1]:g} is not within {low:g} to {high:g}")


def _rule(table: Table, *, aliases: frozenset[str]) -> RuleSpec:
    action = table.text("action", among=tuple(ACTIONS))
    trigger = table.text("trigger", among=tuple(TRIGGERS))
    spec = _spec(table, trigger=trigger, action=action, known=ACTIONS[action].parameters, aliases=aliases)
    bare = Rule(trigger=trigger, match=spec.match, action=action)
    _object(table, "action", bare)
    for name, value in spec.params.items():
        for sample in samples(value):
            _object(table, f"params.{name}", replace(bare, params={name: _plain(sample)}))
    return spec


def _object(table: Table, key: str, rule: Rule) -> None:
    for problem in problems(rule):
        raise table.error(key, problem)


def _plain(value: Value) -> Value:
    """A value with an address in the place of every reference, for checks before anything is drawn."""
    if isinstance(value, tuple):
        return tuple(REFERENCE.sub("192.0.2.1", item) for item in value)
    return REFERENCE.sub("192.0.2.1", value) if isinstance(value, str) else value


def _fault(table: Table, *, aliases: frozenset[str]) -> RuleSpec:
    kind = table.text("kind", among=tuple(FAULTS))
    return _spec(table, trigger="", action=kind, known=FAULTS[kind].parameters, aliases=aliases)


def _spec(table: Table, *, trigger: str, action: str, known: Iterable[str], aliases: frozenset[str]) -> RuleSpec:
    match = table.texts("match")
    _check_references(table, "match", match, aliases=aliases)
    spec = RuleSpec(
        trigger=trigger,
        match=match,
        action=action,
        params=_params(table.table("params"), known=tuple(known), aliases=aliases),
        block_type=_block_type(table, outcomes=("blocked",)),
        alias=next(iter(sorted(references(match) & aliases)), ""),
    )
    table.close()
    return spec


def _params(table: Table, *, known: tuple[str, ...], aliases: frozenset[str]) -> dict[str, Range]:
    params: dict[str, Range] = {}
    for key in table.names():
        if key not in known:
            raise table.error(key, f"unknown parameter; known: {', '.join(sorted(known))}")
        value = table.range(key)
        if value is not None:
            params[key] = value
        _check_references(table, key, _strings(table.raw(key)), aliases=aliases)
    return params


def _strings(value: object) -> tuple[str, ...]:
    if isinstance(value, str):
        return (value,)
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return tuple(text for item in inner for text in _strings(item))


def references(texts: Iterable[str]) -> frozenset[str]:
    """The names written `@name` in these texts."""
    return frozenset(name for text in texts for name in REFERENCE.findall(text))


def _check_references(table: Table, key: str, texts: Iterable[str], *, aliases: frozenset[str]) -> None:
    unknown = sorted(references(texts) - aliases - set(PLACES))
    if unknown:
        raise table.error(key, f"alias not drawn: @{unknown[0]}")


def _block_type(table: Table, *, outcomes: tuple[str, ...]) -> str:
    block_type = table.text("block_type", default="")
    if not block_type:
        return ""
    if block_type not in BLOCK_TYPES:
        raise table.error("block_type", f"unknown block type {block_type!r}; probe.tables.blocks lists them")
    if BLOCK_TYPES[block_type].outcome not in outcomes:
        raise table.error("block_type", f"{block_type} is no cause of {' or '.join(outcomes)}")
    return block_type


def _expect(table: Table, *, aliases: frozenset[str]) -> Expect:
    outcomes = table.texts("outcome")
    unknown = sorted(set(outcomes) - set(OUTCOMES) - {NOT_ATTEMPTED})
    if unknown or not outcomes:
        raise table.error("outcome", f"unknown {unknown[0]!r}" if unknown else "missing")
    block_type = _block_type(table, outcomes=outcomes)
    depth = block_type.count(".") + 1
    expect = Expect(
        of=_subject(table, aliases=aliases),
        outcomes=outcomes,
        block_type=block_type,
        min_depth=table.number("min_depth", default=1, low=1, high=depth),
        level=table.text("level", default="any", among=LEVELS),
    )
    table.close()
    return expect


def _subject(table: Table, *, aliases: frozenset[str]) -> str:
    of = table.text("of")
    subjects = ("*", "run", *(f"proto:{name}" for name in CLASSES), *(f"@{alias}" for alias in aliases))
    if of not in subjects:
        raise table.error("of", f"alias not drawn: {of}" if of.startswith("@") else f"unknown {of!r}")
    return of


def _check_whole(scenario: Scenario, table: Table) -> None:
    """What only the whole file shows: censorship that nothing makes or nobody expects, expectations without a rule."""
    makes = {spec.block_type for spec in (*scenario.rules, *scenario.faults) if spec.block_type}
    expected = {expect.block_type for expect in scenario.expects if "blocked" in expect.outcomes}
    if scenario.kind == "censorship" and not makes:
        raise table.error("kind", "censorship without a rule or fault that has a block_type")
    if scenario.kind == "censorship" and not expected:
        raise table.error("expect", "censorship without an expected `blocked`")
    orphans = sorted(path for path in expected if not any(is_prefix(path, made) for made in makes))
    if orphans:
        raise table.error("expect", f"no rule or fault makes {orphans[0] or 'a block without a block_type'}")
