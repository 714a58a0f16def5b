"""A recorded measurement in the place of the network: what a run saw is given, all that follows is the real code."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from unittest.mock import patch

from observations import HERE4, RESET, lookup, operation, told, visit_to
from probe.catalogue.types import Catalogue
from probe.config.geo.whereabouts import Whereabouts
from probe.config.settings import Settings
from probe.core.observations import Observation
from probe.core.progress import Progress, ignore_progress
from probe.core.runs import RunResult
from probe.core.stamps import make_id
from probe.instruments.clock import Clock, start_clock
from probe.instruments.device.conditions import DeviceConditions
from probe.instruments.device.network_watch import NetworkMark, NetworkWatch
from probe.instruments.names.resolver_lines import ResolverLines
from probe.session import make_run as session_run
from probe.session.ladder_controls import choose_ladder_controls
from probe.session.observation_log import ObservationLog
from probe.session.planning.plan_context import PlanContext
from probe.session.run_plan import RunPlan
from probe.session.selection import select_sites
from probe.upkeep.commands import timed_run

TARGETS = ("https://chat.example/", "https://one.example/", "https://two.example/")
HOSTILE = "=cmd|' /C calc'!A0 \u202e\x1b[2J;a=b\r\nnext"
"""A title such as a page may have: it must come back as it is."""
SEED = 7


@dataclass(slots=True)
class Network:
    """What the network is like at the moment, and what happens while a run measures."""

    online: bool = True
    blocked: bool = False
    meanwhile: Callable[[], object] = lambda: None
    """Called in the middle of the measurement."""
    measured: Callable[[RunResult], object] = lambda result: None
    """Called with each result before it is written."""
    clock: Callable[[datetime | None], Clock] = start_clock
    """Starts a run's clock."""
    seen: dict[tuple[str, bool], tuple[Observation, ...]] = field(default_factory=dict)
    """What was recorded, by the list of targets and whether something is blocked."""


@contextmanager
def recorded(network: Network) -> Iterator[None]:
    """Let every run in this process see what this network shows. Nothing is sent."""

    def make_run(catalogue: Catalogue, settings: Settings, plan: RunPlan, *, progress: Progress = ignore_progress,
                 ask_helper: object = None, board: object = None, failed_before: object = None,
                 places_before: object = None, watched_before: object = None,
                 asked_before: object = None, punished_before: object = None,
                 chats_before: object = None, keeper: object = None) -> RunResult:
        result = _make_run(catalogue, settings, plan, network)
        network.meanwhile()
        progress(1, 1)
        network.measured(result)
        return result

    here = patch.object(timed_run, "read_conditions", DeviceConditions)  # not those of whatever machine this is
    with here, patch.object(session_run, "make_run", make_run):
        yield


def write_targets(folder: Path) -> Path:
    """The list of what is measured."""
    path = folder / "targets.txt"
    path.write_text("".join(f"{url}\n" for url in TARGETS))
    return path


def _make_run(catalogue: Catalogue, settings: Settings, plan: RunPlan, network: Network) -> RunResult:
    links = (4,) if network.online else ()
    clock = network.clock(plan.started_at)
    setting = session_run._RunSetting(
        catalogue=catalogue, settings=settings, plan=plan, clock=clock, links=links, tunnel="", seed=SEED,
        watch=NetworkWatch(_nowhere), lines=ResolverLines(), whereabouts=Whereabouts(None),
        gateway="answers" if links else "none", rng=random.Random(SEED),
        context=PlanContext(network_resolver="192.0.2.53", families=(4,), innocent=catalogue.innocent_names[0]),
    )
    chosen = select_sites(catalogue, tier=plan.tier, cc=settings.vantage.cc, families=(4,), seed=SEED,
                          consent_level=settings.run.consent_level, inputs=frozenset(TARGETS))
    book = ObservationLog(make_id(clock.started_at))
    if network.online:
        key = catalogue.path, network.blocked
        if key not in network.seen:
            network.seen[key] = _seen(catalogue, settings.vantage.cc, blocked=network.blocked)
        for seen in network.seen[key]:
            book.add(seen)
        book.add_control(told("a", input=TARGETS[0], tcp=((f"{HERE4}:443", ""),), http_status=200))
    return session_run._make_result(setting, chosen, book, resolver_count=1, privileged=False, packets=())


def _nowhere() -> NetworkMark:
    return NetworkMark(ways=frozenset(), resolvers=frozenset())


def _seen(catalogue: Catalogue, cc: str, *, blocked: bool) -> tuple[Observation, ...]:
    seen = list(_ladder(catalogue, cc))
    for number, url in enumerate(TARGETS):
        host, address = url.split("/")[2], f"93.184.0.{number + 1}"
        whose: dict[str, Any] = {"hostname": host, "input": url, "target_id": f"list.{host}", "sni": host}
        seen += [lookup(address, name=host), lookup(address, name=host, resolver="system")]
        if blocked and not number:
            for attempt in (1, 2, 3):
                seen += visit_to(address, purpose="innocent", until="tls", attempt=attempt)
                seen += visit_to(address, until="tls", failure=RESET, attempt=attempt, **whose)
        else:
            seen += visit_to(address, page={"url": url, "status": 200, "title": HOSTILE, "bytes_read": 9000}, **whose)
    return tuple(seen)


def _ladder(catalogue: Catalogue, cc: str) -> Iterator[Observation]:
    yield lookup("93.184.9.9", name=catalogue.innocent_names[0], resolver="system", purpose="ladder")
    for number, control in enumerate(choose_ladder_controls(catalogue, cc)):
        whose: dict[str, Any] = {"purpose": "ladder", "input": control.input, "hostname": control.host,
                                 "target_id": control.target_id}
        for kind in ("connect", "tls_handshake", "http_round_trip"):
            if kind != "tls_handshake" or control.input.startswith("https:"):
                yield operation(kind, f"104.16.0.{number + 1}", url=control.input, met_expectation="yes", **whose)
