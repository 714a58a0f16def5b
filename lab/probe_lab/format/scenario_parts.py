"""The parts of a scenario file that act: rules of the middlebox, faults of the world, a program that censors."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from probe.core.tables.block_types import BLOCK_TYPES
from probe_lab.box.actions import ACTIONS, TRIGGERS, list_problems, texts_of
from probe_lab.format.alias_parts import ADDRESS_PARAMETERS, check_fault_match, check_parts, drop_part
from probe_lab.format.ranges import Range, samples
from probe_lab.format.toml_table import Table
from probe_lab.lab_types import Censor, Program, Rule, Value
from probe_lab.servers.fault_problems import missing, value_problems
from probe_lab.servers.faults import FAULTS

PLACES = ("gateway", "resolver", "sinkhole", "portal", "mitm", "foreign", "client4", "client6", "helper", "helpers",
          "home")
"""What `@` may stand before besides the aliases of the file."""
REFERENCE = re.compile(r"@([a-z][a-z0-9_]*)")
COUNTERS = ("", "iptables", "nft")
"""Whose counters of packets a program's acts can be read from."""
MAX_PROGRAMS = 8
_PROGRAM = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,63}")
_EXEMPTING = frozenset(("not_address", "not_protocol", "not_sni"))
"""Triggers whose match names those who are left alone."""
_STAND_INS = {"address_port": "192.0.2.1:443", "port": "443"}
"""What a reference is taken for while a file is checked, where an address would be refused."""


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


def read_rule(table: Table, *, aliases: frozenset[str]) -> RuleSpec:
    """One `[[rule]]`. Raises ScenarioError for what the middlebox would not accept."""
    spec = read_unclosed_rule(table, aliases=aliases)
    table.close()
    return spec


def read_unclosed_rule(table: Table, *, aliases: frozenset[str]) -> RuleSpec:
    """The fields of a rule in a table that may have more."""
    action = table.text("action", among=tuple(ACTIONS))
    trigger = table.text("trigger", among=tuple(TRIGGERS))
    spec = _spec(table, trigger=trigger, action=action, known=ACTIONS[action].parameters, aliases=aliases)
    plain_rule = Rule(trigger=trigger, match=spec.match, action=action)
    _object(table, "action", replace(plain_rule, match=_plain_texts(spec.match, trigger=trigger)))
    for name, value in spec.params.items():
        for sample in samples(value):
            whole = tuple(map(drop_part, texts_of(sample))) if name in ADDRESS_PARAMETERS else sample
            _object(table, f"params.{name}", replace(plain_rule, params={name: _plain(whole)}))
    return spec


def _object(table: Table, key: str, rule: Rule) -> None:
    for problem in list_problems(rule):
        raise table.error(key, problem)


def _plain(value: Value) -> Value:
    """A value with an address in the place of every reference, for checks before anything is drawn."""
    if isinstance(value, tuple):
        return _plain_texts(value)
    return REFERENCE.sub("192.0.2.1", value) if isinstance(value, str) else value


def _plain_texts(texts: Iterable[str], *, trigger: str = "") -> tuple[str, ...]:
    stand_in = _STAND_INS.get(trigger, "192.0.2.1")
    return tuple(REFERENCE.sub(stand_in, text) for text in texts)


def read_fault(table: Table, *, aliases: frozenset[str]) -> RuleSpec:
    """One `[[fault]]`. Raises ScenarioError for values that make no sense for its kind."""
    kind = table.text("kind", among=tuple(FAULTS))
    spec = _spec(table, trigger="", action=kind, known=FAULTS[kind].parameters, aliases=aliases)
    table.close()
    check_fault_match(table, kind, spec.match, params=spec.params)
    for problem in missing(kind, spec.params):
        raise table.error("params", problem)
    for name, value in spec.params.items():
        for problem in (problem for sample in samples(value) for problem in value_problems(kind, name, _plain(sample))):
            raise table.error(f"params.{name}", problem)
    return spec


def read_params(
    table: Table, *, known: Iterable[str], aliases: frozenset[str], check: Callable[[str, Value], Iterable[str]]
) -> dict[str, Range]:
    """The table `params`; `check` says what is wrong with a value."""
    params = _params(table.table("params"), known=tuple(known), aliases=aliases)
    for name, value in params.items():
        for problem in (problem for sample in samples(value) for problem in check(name, _plain(sample))):
            raise table.error(f"params.{name}", problem)
    return params


def _spec(table: Table, *, trigger: str, action: str, known: Iterable[str], aliases: frozenset[str]) -> RuleSpec:
    match = table.texts("match")
    check_references(table, "match", match, aliases=aliases)
    check_parts(table, match, aliases=aliases, trigger=trigger, kind=action)
    spec = RuleSpec(
        trigger=trigger,
        match=match,
        action=action,
        params=_params(table.table("params"), known=tuple(known), aliases=aliases),
        block_type=next(iter(block_types(table, outcomes=("blocked", "network"), most=1)), ""),
        alias="" if trigger in _EXEMPTING else _alias(match, aliases),
    )
    return spec


def _alias(match: tuple[str, ...], aliases: frozenset[str]) -> str:
    return next(iter(sorted(references(match) & aliases)), "")


def _params(table: Table, *, known: tuple[str, ...], aliases: frozenset[str]) -> dict[str, Range]:
    params: dict[str, Range] = {}
    for key in table.names():
        if key not in known:
            raise table.error(key, f"unknown parameter; known: {', '.join(sorted(known))}")
        value = table.range(key)
        if value is not None:
            params[key] = value
        check_references(table, key, _strings(table.raw(key)), aliases=aliases)
    return params


def _strings(value: object) -> tuple[str, ...]:
    if isinstance(value, str):
        return (value,)
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return tuple(text for item in inner for text in _strings(item))


def references(texts: Iterable[str]) -> frozenset[str]:
    """The names written `@name` in these texts."""
    return frozenset(name for text in texts for name in REFERENCE.findall(text))


def check_references(table: Table, key: str, texts: Iterable[str], *, aliases: frozenset[str]) -> None:
    """Raise ScenarioError for a reference to what is neither drawn nor a place."""
    unknown = sorted(references(texts) - aliases - set(PLACES))
    if unknown:
        raise table.error(key, f"alias not drawn: @{unknown[0]}")


def block_types(table: Table, *, outcomes: tuple[str, ...], key: str = "block_type", most: int = 0,
                suffix: str = "") -> tuple[str, ...]:
    """The causes in a field, each of which must be one of these outcomes'; `most` of them at most, 0 is any number.

    A `suffix` that may stand behind each is taken off.
    """
    found = tuple(text.removesuffix(suffix) for text in table.texts(key) if text)
    for path in found:
        if path not in BLOCK_TYPES:
            raise table.error(key, f"unknown block type {path!r}; probe.core.tables.block_types lists them")
        if BLOCK_TYPES[path].outcome not in outcomes:
            raise table.error(key, f"{path} is no cause of {' or '.join(outcomes)}")
    if most and len(found) > most:
        raise table.error(key, f"want {most}, got {len(found)}")
    return found


def read_needs(table: Table) -> tuple[str, ...]:
    """The field `needs`: names of programs, not paths."""
    needs = table.texts("needs")
    wrong = [name for name in needs if not _PROGRAM.fullmatch(name)]
    if wrong or len(needs) > MAX_PROGRAMS:
        raise table.error("needs", f"{wrong[0]!r} is no program's name" if wrong else f"more than {MAX_PROGRAMS}")
    return needs


def read_program(table: Table, *, needs: tuple[str, ...], aliases: frozenset[str]) -> Program:
    """What every program of others says of itself, its references still unresolved.

    Command lines are not checked: nft has words of its own that begin with @.
    """
    certificates = table.texts("certificates")
    check_references(table, "certificates", certificates, aliases=aliases)
    program = Program(
        setup=table.texts("setup"), program=table.text("program", default=""), ready=_pattern(table, "ready"),
        needs=needs, certificates=certificates,
    )
    if not program.setup and not program.program:
        raise table.error("program", "missing, and so is setup")
    if program.ready and not program.program:
        raise table.error("ready", "there is no program whose output it could be found in")
    return program


def read_censor(table: Table, *, needs: tuple[str, ...], aliases: frozenset[str]) -> Censor:
    """The table `[censor]`."""
    match = table.texts("match")
    program = read_program(table, needs=needs, aliases=aliases)
    censor = Censor(
        setup=program.setup,
        program=program.program,
        ready=program.ready,
        needs=needs,
        certificates=program.certificates,
        match=match,
        counters=table.text("counters", default="", among=COUNTERS),
        log=_pattern(table, "log"),
        block_type=next(iter(block_types(table, outcomes=("blocked",), most=1)), ""),
        alias=_alias(match, aliases),
    )
    check_references(table, "match", match, aliases=aliases)
    table.close()
    if not censor.counters and not censor.log:
        raise table.error("counters", "missing, and so is log: nothing would tell what the program did")
    if censor.log and not censor.program:
        raise table.error("log", "there is no program whose output it could be found in")
    return censor


def _pattern(table: Table, key: str) -> str:
    """A regular expression; empty when absent."""
    pattern = table.text(key, default="")
    try:
        re.compile(pattern)
    except re.error as error:
        raise table.error(key, f"no regular expression: {error}") from error
    return pattern
