"""From a scenario and a seed to one laboratory: which targets, which addresses, which parameters."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial

from probe.catalogue.owners import ServiceAt, are_unrelated
from probe.core.endpoints import Endpoint
from probe.core.tables.outcomes import NOT_ATTEMPTED
from probe.core.tables.protocols import PROTOCOLS
from probe.core.tables.resolvers import PUBLIC_RESOLVERS
from probe.core.tables.trust import judges_certificates
from probe_lab.format.ranges import Range, RangeError, draw_range
from probe_lab.format.references import (
    ReferenceContext,
    resolve_censor,
    resolve_fault,
    resolve_front,
    resolve_program,
    resolve_rule,
)
from probe_lab.format.references import resolve_addresses as resolve_addresses
from probe_lab.format.scenario import MAX_COMPANY, Filter, Scenario
from probe_lab.format.toml_table import ScenarioError
from probe_lab.lab_types import VANTAGE_CC, DrawnScenario, Expect, Fault, Front, HostPlan, World
from probe_lab.neighbours import with_neighbours
from probe_lab.world import FIXED_ANSWERS, draw_world, with_shared, with_tenants

TARGET = "target:"
"""Prefix of the aliases that name all inputs of one target."""

NOT_BUILT = "proto:not_built"
"""Alias of the inputs whose protocol the probe does not speak; only a run of the whole catalogue has any."""

_SPECIAL = frozenset(FIXED_ANSWERS) | {operator.doh_host for operator in PUBLIC_RESOLVERS}
"""Never drawn: blocking an operator of DoH or a name that is a message would be another scenario."""


def draw_scenario(
    scenario: Scenario, *, seed: int, endpoints: Sequence[Endpoint], pinned: Mapping[str, Sequence[str]] | None = None
) -> DrawnScenario:
    """One laboratory that follows from the scenario, the seed and the catalogue alone.

    `pinned` says for some aliases which inputs or host names of the catalogue are drawn, whatever the filters ask.
    Raises ScenarioError when the catalogue has too few endpoints that qualify, or a parameter cannot be drawn.
    """
    rng = random.Random(f"{scenario.name}/{seed}")
    given = _find_pinned(pinned or {}, scenario, endpoints)
    try:
        scene = _scene(scenario, rng=rng, seed=seed, endpoints=endpoints, given=given)
        company = _company(scenario, scene, rng=rng, endpoints=endpoints)
        rules = tuple(resolve_rule(spec, scene, rng=rng) for spec in scenario.rules)
        faults = tuple(resolve_fault(spec, scene, rng=rng) for spec in scenario.faults)
        fronts = tuple(resolve_front(spec, scene, rng=rng) for spec in scenario.fronts)
        carrier = tuple(resolve_rule(spec, scene, rng=rng) for spec in scenario.carrier)
    except RangeError as error:
        raise ScenarioError(f"{scenario.name}.toml: {error}") from error
    drawn = [row for rows in scene.drawn.values() for row in rows]
    unproven = [row for row in endpoints if row.status == "unproven"] if scenario.company is None else []
    targets, shared = _one_per_target([*drawn, *company], unproven)
    aliases = {alias: tuple(row.input for row in rows) for alias, rows in scene.drawn.items()}
    return DrawnScenario(
        name=scenario.name,
        title=scenario.title,
        kind=scenario.kind,
        seed=seed,
        world=scene.world,
        rules=rules,
        faults=(*faults, *(front for front in fronts if isinstance(front, Fault))),
        carrier=carrier,
        fronts=tuple(front for front in fronts if isinstance(front, Front)),
        front_program=resolve_program(scenario.front_program, scene) if scenario.front_program else None,
        situation=scenario.situation,
        censor=resolve_censor(scenario.censor, scene) if scenario.censor else None,
        expects=_expects(scenario.expects, company),
        aliases={**aliases, **shared, **_classes(targets)},
        targets=tuple(row.input for row in targets),
    )


def _one_per_target(rows: Sequence[Endpoint], unproven: Sequence[Endpoint],
                    ) -> tuple[tuple[Endpoint, ...], dict[str, tuple[str, ...]]]:
    """One endpoint for each target, since a target has one verdict; and the inputs of targets that have several.

    Those are under the alias `target:` and its id. What the probe can measure stands for what it cannot. Of `unproven`
    endpoints nothing is expected, but a verdict may show one of them.
    """
    by_target: dict[str, list[Endpoint]] = {}
    for row in rows:
        by_target.setdefault(row.target_id, []).append(row)
    groups = by_target.items()
    chosen = tuple(next((row for row in group if PROTOCOLS[row.protocol].built), group[0]) for _, group in groups)
    beside = {name: [row for row in unproven if row.target_id == name] for name in by_target}
    shared = {f"{TARGET}{name}": tuple(row.input for row in (*group, *beside[name])) for name, group in groups
              if len(group) + len(beside[name]) > 1}
    return chosen, shared


def _find_pinned(
    pinned: Mapping[str, Sequence[str]], scenario: Scenario, endpoints: Sequence[Endpoint]
) -> dict[str, tuple[Endpoint, ...]]:
    """The endpoints that were asked for, by alias."""
    unknown = sorted(set(pinned) - set(scenario.draw))
    if unknown:
        raise ScenarioError(f"{scenario.name}.toml: draws no {unknown[0]!r}")
    cc = scenario.cc or VANTAGE_CC
    return {alias: tuple(_find_endpoint(text, endpoints, cc) for text in texts) for alias,
            texts in pinned.items() if texts}


def _find_endpoint(text: str, endpoints: Sequence[Endpoint], cc: str) -> Endpoint:
    """The endpoint with this input, or else the best one of this host: HTTPS, then whatever can be measured."""
    found = [row for row in (_in_country(row, cc) for row in endpoints) if text in (row.input, row.host)]
    if not found:
        raise ScenarioError(f"{text}: neither an input nor a host of the catalogue; `probe targets` lists both")
    return min(found, key=lambda row: (row.input != text, not _measurable(row), row.protocol != "http", not row.sni))


def _scene(
    scenario: Scenario,
    *,
    rng: random.Random,
    seed: int,
    endpoints: Sequence[Endpoint],
    given: Mapping[str, tuple[Endpoint, ...]],
) -> ReferenceContext:
    world = _world(scenario, rng=rng, seed=seed, endpoints=endpoints)
    world = replace(world, cc=scenario.cc or world.cc)
    if any(spec.dead for spec in scenario.draw.values()):
        world = _park_closed(world, endpoints)
    taken = [row for rows in given.values() for row in rows]
    drawn: dict[str, tuple[Endpoint, ...]] = {}
    for alias in _rarest_first(scenario.draw, endpoints, world):
        spec = scenario.draw[alias]
        pool = [row for row in endpoints
                if _may_suffer(row, spec, world) and not _is_related(row, taken, together=spec.together)]
        if spec.shares:
            pool = _neighbours(pool, drawn[spec.shares][0])
        count = int(_number(spec.count, rng))
        drawn[alias] = given.get(alias) or _choose(pool, count, rng, spec, world)
        if len(drawn[alias]) < count and alias not in given:
            raise ScenarioError(f"{scenario.name}.toml: draw.{alias}: the catalogue has no {count} such endpoints")
        taken += drawn[alias]
        if spec.behind:
            names = [row.host for row in drawn[alias] if not row.address]
            world = with_tenants(world, names, resolve_addresses(drawn[spec.behind][0], world)[0])
        if spec.near:
            names = [row.host for row in drawn[alias] if not row.address]
            world = with_neighbours(world, names, resolve_addresses(drawn[spec.near][0], world))
        if spec.shares:
            world = with_shared(world, {row.host: drawn[spec.shares][0].host for row in drawn[alias]})
    foreign = f"{''.join(rng.choices('abcdefghiklmnoprstuvz', k=rng.randint(5, 9)))}.example"
    hosts = {**world.hosts, foreign: HostPlan(name=foreign, ipv4=(world.sinkhole,), ipv6=())}
    in_order = {alias: drawn[alias] for alias in scenario.draw}
    return ReferenceContext(world=replace(world, hosts=hosts), drawn=in_order, foreign=foreign,
                            endpoints=endpoints)


def _rarest_first(filters: Mapping[str, Filter], endpoints: Sequence[Endpoint], world: World) -> list[str]:
    """The aliases with the fewest endpoints to draw from before those that might take them away; what leans on
    others (their addresses, their target) comes after them, as the file has it."""
    def rank(alias: str) -> tuple[bool, int]:
        spec = filters[alias]
        leans = bool(spec.leans or spec.together)
        return leans, 0 if leans else sum(_may_suffer(row, spec, world) for row in endpoints)

    return sorted(filters, key=rank)


def _park_closed(world: World, endpoints: Iterable[Endpoint]) -> World:
    """The world in which the names of services that were closed still exist: at the place that keeps such names."""
    gone = {row.host.lower() for row in endpoints if row.status == "dead"} - set(world.hosts)
    plans = {name: HostPlan(name=name, ipv4=(world.sinkhole,), ipv6=()) for name in sorted(gone)}
    return replace(world, hosts={**world.hosts, **plans})


def _neighbours(pool: Iterable[Endpoint], other: Endpoint) -> list[Endpoint]:
    """The endpoints that could be at another's addresses: names, on its port; none beside a literal address."""
    return [row for row in pool if not (row.address or other.address) and row.port == other.port]


def _world(scenario: Scenario, *, rng: random.Random, seed: int, endpoints: Sequence[Endpoint]) -> World:
    values = {key: _number(value, rng) for key, value in scenario.world.items()}
    rtt_ms = values.get("rtt_ms")
    hops = values.get("hops")
    censor_hop = values.get("censor_hop")
    door_hops, carrier_hop = values.get("door_hops"), values.get("carrier_hop")
    # Scenarios of one seed get different worlds, or a run of many would meet the same addresses again and again.
    digest = hashlib.sha256(f"{scenario.name}/{seed}".encode()).digest()
    return draw_world(
        seed=int.from_bytes(digest[:4], "big"),
        endpoints=endpoints,
        rtt_ms=(10, 300) if rtt_ms is None else (rtt_ms, rtt_ms),
        hops=None if hops is None else (int(hops), int(hops)),
        censor_hop=None if censor_hop is None else int(censor_hop),
        door_hops=None if door_hops is None else int(door_hops),
        at_door=scenario.at_door,
        carrier_hop=None if carrier_hop is None else int(carrier_hop),
        helpers=int(values.get("helpers", 2)),
        private_hops=int(values.get("private_hops", 0)),
        loss=float(values.get("loss", 0.0)),
        clock_shift_s=int(values.get("clock_shift_s", 0)),
    )


def _number(spec: Range, rng: random.Random) -> int | float:
    value = draw_range(spec, rng=rng)
    if not isinstance(value, (int, float)):
        raise RangeError(f"want a number, drew {value!r}")
    return value


def _choose(pool: Sequence[Endpoint], count: int, rng: random.Random, spec: Filter, world: World
            ) -> tuple[Endpoint, ...]:
    """Endpoints for an alias; fewer where no more qualify. Made-up addresses lie in a known owner's network at times:
    owners who should have nothing to do with each other have nothing there either, unless that leaves too few."""
    if not spec.apart:
        return _sample(pool, count, rng, together=spec.together)
    drawn = _sample(pool, count, rng, together=spec.together, go_together=partial(_are_apart_here, world))
    return drawn if len(drawn) == count else _sample(pool, count, rng, together=spec.together, go_together=_are_apart)


def _sample(pool: Sequence[Endpoint], count: int, rng: random.Random, *, together: bool = False,
            go_together: Callable[[Endpoint, Endpoint], bool] = lambda _row, _other: True) -> tuple[Endpoint, ...]:
    """Up to `count` endpoints of unrelated hosts that go together; `together`: be it of one target."""
    by_host: dict[str, list[Endpoint]] = {}
    for row in pool:
        by_host.setdefault(row.host, []).append(row)
    # By host first, or the hosts with most rows (application stores) would be in every scenario.
    hosts = rng.sample(list(by_host), len(by_host))
    chosen: list[Endpoint] = []
    while hosts and len(chosen) < count:
        row = rng.choice(by_host[hosts.pop()])
        if not all(go_together(row, other) for other in chosen):
            continue
        if not _is_related(row, chosen, together=together):
            chosen.append(row)
    return tuple(chosen)


def _are_apart(row: Endpoint, other: Endpoint) -> bool:
    """By what is known of their owners."""
    return are_unrelated(*(ServiceAt(service=one.service, host=one.host) for one in (row, other)))


def _are_apart_here(world: World, row: Endpoint, other: Endpoint) -> bool:
    """By their addresses as well."""
    return _are_apart(row, other) and are_unrelated(_met(row, world), _met(other, world))


def _met(row: Endpoint, world: World) -> ServiceAt:
    return ServiceAt(service=row.service, host=row.host, addresses=frozenset(resolve_addresses(row, world)))


def _is_related(row: Endpoint, others: Iterable[Endpoint], *, together: bool = False) -> bool:
    """True when these endpoints share a verdict, or a rule for one could also hit the other: a name inside a name."""
    own = _names(row)
    return any(
        row.input == other.input or (not together if row.target_id == other.target_id else _alike(own, _names(other)))
        for other in others
    )


def _alike(some: Iterable[str], others: frozenset[str]) -> bool:
    return any(a in b or b in a for a in some for b in others)


def _names(row: Endpoint) -> frozenset[str]:
    return frozenset(name.lower() for name in (row.host, row.sni) if name)


def _measurable(row: Endpoint, *, asked_for: Sequence[str] = ()) -> bool:
    """Whether an endpoint may be drawn; of protocols that the probe does not speak only those that are asked for."""
    spoken = PROTOCOLS[row.protocol].built or row.protocol in asked_for
    return row.status == "active" and spoken and "{" not in row.input


def _may_suffer(row: Endpoint, spec: Filter, world: World) -> bool:
    """Drawn under an alias: a target proper, for the controls that the ladder stands on are not what censors block.
    Only a filter that asks for the role gets one.

    An operator that is known to refuse places itself makes every block look like its own doing: such a service is
    drawn only by its name.
    """
    if spec.dead:
        return row.status == "dead" and "{" not in row.input and _qualifies(row, spec, world)
    open_to_all = not row.self_block or row.service in spec.service
    proper = (row.tier >= 1 and row.role != "control" and open_to_all) or "control" in spec.role
    proper = proper and row.host not in _SPECIAL
    return proper and _measurable(row, asked_for=spec.protocol) and _qualifies(row, spec, world)


def _qualifies(row: Endpoint, spec: Filter, world: World) -> bool:
    lists = (
        (spec.protocol, row.protocol), (spec.service, row.service), (spec.role, row.role), (spec.trust, row.trust),
        (spec.tier, row.tier), (spec.port, row.port),
    )
    if any(wanted and value not in wanted for wanted, value in lists):
        return False
    if any(accepts(row, status) is not False for status in spec.rejects):
        return False
    addresses = resolve_addresses(row, world)
    flags = (
        (spec.tls, bool(row.sni)),
        (spec.literal, bool(row.address)),
        (spec.ipv6, any(":" in address for address in addresses)),
    )
    return len(addresses) >= spec.min_addresses and all(want is None or want == value for want, value in flags)


def accepts(row: Endpoint, status: int) -> bool | None:
    """Whether a genuine answer may have this HTTP status; None when the catalogue does not say."""
    expected = row.expect.status
    return bool({"any", str(status), f"{status // 100}xx"} & set(expected)) if expected else None


def _company(
    scenario: Scenario, scene: ReferenceContext, *, rng: random.Random, endpoints: Sequence[Endpoint]
) -> tuple[Endpoint, ...]:
    drawn = [row for rows in scene.drawn.values() for row in rows]
    if scenario.company is None:
        local = (_in_country(row, scene.world.cc) for row in endpoints)
        return tuple(row for row in local if row.status == "active" and "{" not in row.input)
    spec = scenario.company
    suffering = {address for row in drawn for address in resolve_addresses(row, scene.world)}
    pool = [
        row
        for row in endpoints
        if _measurable(row)
        and row.role != "control"
        and _qualifies(row, spec, scene.world)
        and not _is_related(row, drawn)
        and suffering.isdisjoint(resolve_addresses(row, scene.world))
    ]
    return _sample(pool, min(MAX_COMPANY, int(_number(spec.count, rng))), rng)


def _in_country(row: Endpoint, cc: str) -> Endpoint:
    """The endpoint as the client asks for it; names of random letters stay templates: nothing is expected of them."""
    return replace(row, input=row.input.replace("{cc}", cc.lower()).replace("{CC}", cc))


def _expects(expects: tuple[Expect, ...], company: Sequence[Endpoint]) -> tuple[Expect, ...]:
    """What is expected; of company that the probe cannot measure, that it says so."""
    if all(PROTOCOLS[row.protocol].built for row in company):
        return expects
    return (*expects, Expect(of=NOT_BUILT, outcomes=(NOT_ATTEMPTED, "ok")))


def _classes(targets: Sequence[Endpoint]) -> dict[str, tuple[str, ...]]:
    """The targets of each protocol class that an expectation may speak of."""
    members = {
        "proto:http": [row for row in targets if row.protocol == "http" and not row.sni],
        "proto:https": [row for row in targets if row.protocol == "http" and row.sni],
        "proto:tls": [row for row in targets if row.sni and judges_certificates(row.trust) and row.protocol != "quic"
                      and not _in_clear(row)],
        "proto:recorded": [row for row in targets if row.sni and not judges_certificates(row.trust)
                           and row.protocol != "quic"],
        "proto:quic": [row for row in targets if row.protocol == "quic"],
        "proto:app": [row for row in targets if _in_clear(row)],
        "proto:starttls": [row for row in targets if _in_clear(row) and "tls" in PROTOCOLS[row.protocol].layers],
        "proto:dns": [row for row in targets if row.protocol == "dns"],
        "proto:literal": [row for row in targets if row.address],
        NOT_BUILT: [row for row in targets if not PROTOCOLS[row.protocol].built],
    }
    return {name: tuple(row.input for row in rows) for name, rows in members.items()}


def _in_clear(row: Endpoint) -> bool:
    """A messenger's own words come before any TLS."""
    return PROTOCOLS[row.protocol].says and not PROTOCOLS[row.protocol].secure_first
