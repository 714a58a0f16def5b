"""Sends what is new of a fleet's troubles to the places of alerts: each once, its end once, and again when it came
back.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from probe.store.files.atomic import StoreError, translate_os_errors
from probe_analysis.alerts.alert_round import DueAlert, PlaceRound, send_in_turn
from probe_analysis.alerts.alert_sending import Send
from probe_analysis.alerts.alert_state import SentAlerts
from probe_analysis.alerts.alert_targets import AlertTarget
from probe_analysis.alerts.fleet_ends import find_ends
from probe_analysis.alerts.fleet_troubles import FleetFacts, FleetTrouble, group_alerts, list_troubles

_MAX_BYTES = 4 << 20


def send_fleet_round(fleet: FleetFacts, targets: Sequence[AlertTarget], already_sent: SentAlerts, send: Send,
                     keep: Callable[[SentAlerts], None]) -> list[PlaceRound]:
    """As `probe_analysis.alerts.alert_round.send_round`, with many troubles of one kind and place in one alert. A place
    hears of the ends of those that it heard of, and of those that were known when it was added.
    """
    troubles = list_troubles(fleet)
    names = frozenset(one.name for one in troubles)
    now, rounds = dict(already_sent), []
    for target in targets:
        fresh = target.name not in now
        had = now.setdefault(target.name, names)
        ends = find_ends(had - names, fleet)
        now[target.name] = (had & names) | ends.unknown | {one.name for one in ends.over}
        keep(now)
        due = [*_list_starts(troubles, now[target.name]), *_list_ends(ends.over)]
        sent = send_in_turn(target, due, now, send, keep)
        rounds.append(PlaceRound(place=target.name, sent=sent, waiting=len(due) - sent, failed=sent < len(due),
                                 fresh=fresh))
    return rounds


def _list_starts(troubles: Sequence[FleetTrouble], had: frozenset[str]) -> Iterator[DueAlert]:
    for alert, names in group_alerts(one for one in troubles if one.name not in had):
        yield DueAlert(alert=alert, sent_names=names)


def _list_ends(over: Sequence[FleetTrouble]) -> Iterator[DueAlert]:
    for alert, names in group_alerts(over, over=True):
        yield DueAlert(alert=alert, over=names)


def read_rollout_file(path: Path | None) -> dict[str, Any]:
    """What `probe fleet rollout` wrote; nothing where there is no such file. Raises StoreError for another's."""
    if path is None or not path.exists():
        return {}
    with translate_os_errors(path), path.open("rb") as file:
        raw = file.read(_MAX_BYTES + 1)
    try:
        found = json.loads(raw)
        for one in found.get("services", []):
            if not ({"service", "found", "differs", "counted"} <= one.keys() and isinstance(found["first"], str)):
                raise ValueError
            float(one["counted"]["difference"] or 0)
    except (ValueError, KeyError, AttributeError, TypeError, RecursionError):
        raise StoreError(f"{path}: is not what probe fleet rollout wrote; remove it") from None
    return {"services": [], **found}
