"""Rules made ready for the wire: checked, parameters complete, matches in the form that packets are compared with."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from probe.lab.actions import ACTIONS, problems, texts_of
from probe.lab.packet import plain
from probe.lab.types import Rule


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Matches:
    """What a rule lists, by kind; which kinds are filled depends on its trigger."""

    exact: frozenset[str] = frozenset()
    """Names in lower case, or addresses as packets spell them."""
    endings: tuple[str, ...] = ()
    """`.x` for each `*.x`; an empty ending fits any name."""
    sockets: frozenset[tuple[str, int]] = frozenset()
    parts: tuple[str, ...] = ()


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
    residual_s: float = 0.0
    residual_tuple: str = ""
    sequel: BoxRule | None = None
    """What later flows of the tuple meet; None: nothing."""


def make_ready(rules: Iterable[Rule]) -> tuple[BoxRule, ...]:
    """The rules in their order. Raises ValueError that says what is wrong with one."""
    return tuple(_ready(number, rule) for number, rule in enumerate(rules))


def _ready(number: int, rule: Rule) -> BoxRule:
    wrong = problems(rule)
    if wrong:
        raise ValueError(f"rule {number} ({rule.trigger}, {rule.action}): {'; '.join(wrong)}")
    try:
        matches = _MATCHERS[rule.trigger](rule.match)
    except (OSError, ValueError) as error:
        raise ValueError(f"rule {number} ({rule.trigger}, {rule.action}): bad match in {rule.match}") from error
    params = _complete(rule.action, rule)
    has_residual = "residual_s" in params.values and params.number("residual_s") > 0
    return BoxRule(
        number=number, trigger=rule.trigger, matches=matches, action=rule.action,
        params=params, stage=params.item("on") if "on" in params.values else "any",
        probability=params.number("probability"), block_type=rule.block_type, alias=rule.alias,
        residual_s=params.number("residual_s") if has_residual else 0.0,
        residual_tuple=params.item("residual_tuple") if has_residual else "",
        sequel=_sequel(number, rule, params) if has_residual else None,
    )


def _complete(action: str, rule: Rule) -> Params:
    """The action's parameters, each as the rule says or else by default."""
    parameters = ACTIONS[action].parameters
    return Params({
        name: texts_of(rule.params[name]) if name in rule.params else parameter.default
        for name, parameter in parameters.items()
    })


def _sequel(number: int, rule: Rule, params: Params) -> BoxRule:
    by_default = "drop" if rule.action in ("drop", "drop_to_client") else "reset"
    action = params.item("residual_action") or by_default
    return BoxRule(
        number=number, trigger="all", matches=Matches(), action=action, params=_complete(action, rule),
        stage=params.item("residual_on") if action == "reset" else "any",
        probability=1.0, block_type=rule.block_type, alias=rule.alias,
    )


def _names(match: tuple[str, ...]) -> Matches:
    names = [name.lower().removesuffix(".") for name in match]
    return Matches(
        exact=frozenset(name for name in names if not name.startswith("*")),
        endings=tuple(name[1:] for name in names if name.startswith("*")),
    )


def _sockets(match: tuple[str, ...]) -> Matches:
    pairs = [text.rpartition(":") for text in match]
    return Matches(sockets=frozenset((plain(host.strip("[]")), int(port)) for host, _, port in pairs))


_MATCHERS: Mapping[str, Callable[[tuple[str, ...]], Matches]] = {
    "all": lambda match: Matches(),
    "udp53": lambda match: Matches(),
    "address": lambda match: Matches(exact=frozenset(map(plain, match))),
    "address_port": _sockets,
    "sni": _names,
    "host": _names,
    "qname": _names,
    "qname_substring": lambda match: Matches(parts=tuple(text.lower() for text in match)),
}
