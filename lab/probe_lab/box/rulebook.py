"""Rules made ready for the wire: checked, parameters complete, matches in the form that packets are compared with."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace

from probe_lab.box.actions import ACTIONS, list_problems, texts_of
from probe_lab.box.matches import MATCHERS, TRANSPORTS, Matches
from probe_lab.box.progress import Moment, RunSpan
from probe_lab.lab_types import Rule


@dataclass(frozen=True, slots=True)
class Params:
    """The parameters of one rule, defaults filled in. Asking for one that the action lacks raises KeyError."""

    values: Mapping[str, tuple[str, ...]]

    def item(self, name: str, copy: int = 0) -> str:
        """The value, or that of one copy."""
        texts = self.values[name]
        return texts[copy % len(texts)] if texts else ""

    def items(self, name: str) -> tuple[str, ...]:
        """All values of a list."""
        return self.values[name]

    def whole(self, name: str, copy: int = 0) -> int:
        """The value as a whole number."""
        return int(float(self.item(name, copy)))

    def number(self, name: str, copy: int = 0) -> float:
        """The value as a number."""
        return float(self.item(name, copy))

    def flag(self, name: str, copy: int = 0) -> bool:
        """The value as a flag; false where the action has none of this name."""
        return name in self.values and self.item(name, copy) == "true"

    def seconds(self, name: str) -> float:
        """The value as a number; 0 where the action has none of this name."""
        return self.number(name) if name in self.values else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """When a rule is awake, in seconds since the router started."""

    from_s: float
    until_s: float
    """0: for ever, or in a period to its end."""
    every_s: float
    """Length of the period; 0: none."""

    def awake(self, clock_s: float) -> bool:
        """Whether the rule is awake at a time."""
        at = clock_s % self.every_s if self.every_s else clock_s
        return self.from_s <= at and (not self.until_s or at < self.until_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """Which flows a rule can concern, by their ports and transport."""

    ports: frozenset[int]
    """Of servers; empty: any."""
    proto: int
    """0: any."""
    sport_above: bool = False
    at: Matches | None = None
    """Addresses of servers; None: any."""
    not_at: Matches | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BoxRule:
    """A rule of the middlebox, ready to be compared with packets."""

    number: int
    trigger: str
    matches: Matches
    action: str
    params: Params
    stage: str
    """With place triggers, the packet that fires it: any, syn, or data."""
    probability: float
    block_type: str
    alias: str
    scope: Scope
    schedule: Schedule | None
    """None: always awake."""
    run_span: RunSpan | None = None
    """None: however far the client has come."""
    bare_header: bool = False
    reassemble: bool = True
    delay_s: float = 0.0
    """How long after its firing it begins to act."""
    residual_s: float = 0.0
    residual_tuple: str = "3"
    residual_grows: float = 1.0
    """How much longer each further time is."""
    residual_renews: bool = False
    """A later flow that is hit makes the time begin anew."""
    is_sequel: bool = False
    sequel: BoxRule | None = None
    """What later flows of the tuple meet; None: nothing."""

    def awake(self, moment: Moment) -> bool:
        """Whether the rule does anything at this moment."""
        return (self.schedule is None or self.schedule.awake(moment.clock_s)) and (
            self.run_span is None or moment in self.run_span)


def make_ready(rules: Iterable[Rule]) -> tuple[BoxRule, ...]:
    """The rules in their order. Raises ValueError that says what is wrong with one."""
    return tuple(_ready(number, rule) for number, rule in enumerate(rules))


def _ready(number: int, rule: Rule) -> BoxRule:
    wrong = list_problems(rule)
    if wrong:
        raise ValueError(f"rule {number} ({rule.trigger}, {rule.action}): {'; '.join(wrong)}")
    try:
        matches = MATCHERS[rule.trigger](rule.match)
    except (OSError, ValueError, KeyError) as error:
        raise ValueError(f"rule {number} ({rule.trigger}, {rule.action}): bad match in {rule.match}") from error
    params = _complete(rule.action, rule)
    ready = BoxRule(
        number=number, trigger=rule.trigger, matches=matches, action=rule.action, params=params,
        stage=_stage(rule.action, params), probability=params.number("probability"), block_type=rule.block_type,
        alias=rule.alias, scope=_scope(rule.action, params), schedule=_schedule(number, params),
        run_span=_run_span(number, params),
        bare_header=params.flag("bare_header"), reassemble=params.flag("reassemble"),
        delay_s=params.seconds("delay_s"), residual_s=params.seconds("residual_s"),
        residual_tuple=params.item("residual_tuple") if "residual_tuple" in params.values else "3",
        residual_grows=params.number("residual_grows") if "residual_grows" in params.values else 1.0,
        residual_renews=params.flag("residual_renews"),
    )
    _check_whole(ready)
    return replace(ready, sequel=_sequel(ready, rule)) if ready.residual_s > 0 else ready


def _stage(action: str, params: Params) -> str:
    if action == "limit":
        return "syn"
    return params.item("on") if "on" in params.values else "any"


def _scope(action: str, params: Params) -> Scope:
    ports = frozenset(map(int, params.items("ports")))
    if action == "redirect" and params.whole("port"):
        ports = ports & {params.whole("port")} if ports else frozenset((params.whole("port"),))
    transport = TRANSPORTS[params.item("transport")]
    at, not_at = (MATCHERS["address"](params.items(key)) if params.items(key) else None for key in ("at", "not_at"))
    return Scope(ports=ports, proto=transport, sport_above=params.flag("sport_above"), at=at, not_at=not_at)


def _schedule(number: int, params: Params) -> Schedule | None:
    schedule = Schedule(**{name: params.number(name) for name in ("from_s", "until_s", "every_s")})
    if schedule == Schedule(from_s=0, until_s=0, every_s=0):
        return None
    end = schedule.until_s or schedule.every_s
    if (end and schedule.from_s >= end) or 0 < schedule.every_s < schedule.until_s:
        raise ValueError(f"rule {number}: a schedule that never comes: {schedule}")
    return schedule


def _run_span(number: int, params: Params) -> RunSpan | None:
    span = RunSpan(**{field.name: params.whole(field.name) for field in fields(RunSpan)})
    if span.is_never:
        raise ValueError(f"rule {number}: a schedule that never comes: {span}")
    return None if span == RunSpan() else span


def _check_whole(rule: BoxRule) -> None:
    """What only a whole rule shows."""
    if rule.action == "freeze" and not rule.params.whole("after_bytes") and not rule.params.whole("after_packets"):
        raise ValueError(f"rule {rule.number}: freeze wants after_bytes or after_packets")
    if rule.residual_s and rule.params.seconds("idle_s"):
        raise ValueError(f"rule {rule.number}: with idle_s nothing is left behind: residual_s means nothing")
    if rule.action == "ban" and not rule.residual_s:
        raise ValueError(f"rule {rule.number}: a ban wants residual_s")


def _complete(action: str, rule: Rule) -> Params:
    """The action's parameters, each as the rule says or else by default."""
    parameters = ACTIONS[action].parameters
    return Params({
        name: texts_of(rule.params[name]) if name in rule.params else parameter.default
        for name, parameter in parameters.items()
    })


_REMAINS = {
    "drop": "drop", "drop_to_client": "drop", "drop_to_server": "drop_to_server", "ban": "drop", "throttle": "throttle",
}
"""What is left behind by default; after other actions it is a reset."""


def _of_sequel(params: Params, left: Params) -> Params:
    """What passes before the first flow is cut is not granted to later ones; a degrade loses what is left behind."""
    values = {**params.values, **({"pass_packets": ("0",)} if "pass_packets" in params.values else {})}
    return Params({**values, "loss": left.items("residual_loss")} if "loss" in values else values)


def _sequel(ready: BoxRule, rule: Rule) -> BoxRule:
    action = ready.params.item("residual_action") or _REMAINS.get(rule.action, "reset")
    params = _of_sequel(_complete(action, rule), ready.params)
    return replace(
        ready, trigger="all", matches=Matches(), action=action, params=params,
        stage=ready.params.item("residual_on") if action == "reset" else "any", probability=1.0,
        scope=Scope(ports=frozenset(), proto=0), bare_header=False, delay_s=0.0, residual_s=0.0, is_sequel=True,
    )
