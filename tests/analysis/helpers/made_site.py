"""What an analysis keeps, made up for a site: cells of some days of two networks, and rows of a log of events."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from made_fleet import START, levels, write_cells
from probe.core.stamps import format_time

NAMED, FEW = 64501, 64502
"""A network with six probes, and one with three."""
DAYS = 14
NOW = START + timedelta(days=DAYS)
"""A whole day later than what may be shown, as the last cells are."""
BLOCKED_FROM = 10 * 24


def at(hour: int) -> datetime:
    """So many hours after the first cell."""
    return START + timedelta(hours=hour)


def reach(asn: int = NAMED, witnesses: int = 6, **values: Any) -> dict[str, Any]:
    """One network of an event."""
    return {"asn": asn, "onset_from": stamp(BLOCKED_FROM - 1), "onset": stamp(BLOCKED_FROM),
            "onset_until": stamp(BLOCKED_FROM), "end_from": stamp(BLOCKED_FROM + 9), "end_until": None, "blocked": 60,
            "decided": 60, "strength": 1.0, "witnesses": witnesses, "daily_hours": None, **values}


def log_row(event_id: str, networks: Iterable[Mapping[str, Any]] = (), **values: Any) -> dict[str, Any]:
    """A confirmed event of Telegram in Russia that goes on, as the log tells it first."""
    reaches = list(networks) or [reach()]
    return {
        "event_id": event_id, "kind": "service", "status": "confirmed", "ground": "verdicts", "lab": False,
        "place": "RU", "service": "telegram", "roles": ["chat"], "endpoints": [], "networks": reaches,
        "onset_from": stamp(BLOCKED_FROM - 1), "onset": stamp(BLOCKED_FROM), "onset_until": stamp(BLOCKED_FROM),
        "end_from": stamp(BLOCKED_FROM + 9), "end_until": None, "ongoing": True, "daily_hours": None, "strength": 1.0,
        "blocked": 60, "decided": 60, "witnesses": max(one["witnesses"] for one in reaches),
        "mechanism": "tls.reset.sni", "probability": 0.97, "ruled_out": ["network", "fresh_names"],
        "not_ruled_out": ["version"], "logged_at": stamp(BLOCKED_FROM + 10), "change": "new", "revision": 1, **values}


def ended(row: Mapping[str, Any], hour: int) -> dict[str, Any]:
    """The same event, over at an hour."""
    networks = [{**one, "end_from": stamp(hour - 1), "end_until": stamp(hour)} for one in row["networks"]]
    return {**row, "networks": networks, "ongoing": False, "end_from": stamp(hour - 1), "end_until": stamp(hour),
            "change": "ended", "revision": row["revision"] + 1, "logged_at": stamp(hour + 1)}


def dismissed_row(event_id: str, asn: int, hour: int, **values: Any) -> dict[str, Any]:
    """A window that is no event."""
    return {"event_id": event_id, "kind": "dismissed", "status": "dismissed", "lab": False, "place": "RU",
            "service": "signal", "roles": ["chat"], "endpoints": [], "networks": [{"asn": asn}], "ongoing": False,
            "onset": stamp(hour), "end_from": stamp(hour + 5), "daily_hours": None, "blocked": 7, "decided": 9,
            "explained_by": "network", "numbers": {}, "would_change": "x", "logged_at": stamp(hour + 6),
            "change": "new", "revision": 1, **values}


def stamp(hour: int) -> str:
    """A time as the log writes it."""
    return format_time(at(hour))


def list_cells(*, days: int = DAYS, lab: bool = False, blocked_from: int = BLOCKED_FROM,
               standing: str = "established") -> list[dict[str, Any]]:
    """Each hour of Telegram and Signal on both networks, Signal in Germany as well."""
    rows: list[dict[str, Any]] = []
    for hour in range(days * 24):
        for cc, asn, witnesses in (("RU", NAMED, 6), ("RU", FEW, 3), ("DE", 64511, 6)):
            for service in ("telegram", "signal"):
                cut = cc == "RU" and service == "telegram" and hour >= blocked_from
                rows += levels(hour, lab=lab, standing=standing, probe_cc=cc, probe_asn=asn, witnesses=witnesses,
                               service=service, ok=0 if cut else witnesses, blocked=witnesses if cut else 0,
                               block_type="tls.reset.sni" if cut else "")
    return rows


def write_analysis(folder: Path, log: Iterable[Mapping[str, Any]], **cells: Any) -> Path:
    """A folder as `probe analyse` leaves it."""
    write_cells(folder, list_cells(**cells))
    write_log(folder, log)
    return folder


def write_log(folder: Path, log: Iterable[Mapping[str, Any]]) -> None:
    """The log alone."""
    (folder / "events.jsonl").write_text("".join(json.dumps(row) + "\n" for row in log), encoding="utf-8")


CONFIRMED = log_row("a")
SUSPECTED = log_row("b", [reach(FEW, 3)], service="signal", status="suspected", probability=0.3)
OVER = ended(log_row("c", service="signal", onset_from=stamp(47), onset=stamp(48), onset_until=stamp(48),
                     networks=[reach(onset_from=stamp(47), onset=stamp(48), onset_until=stamp(48))],
                     logged_at=stamp(50)), 60)
TAKEN_BACK = log_row("d", place="DE", service="signal")
YOUNG = log_row("e", [reach(onset_until=stamp(DAYS * 24 - 6))], place="DE", onset_until=stamp(DAYS * 24 - 6),
                end_from=stamp(DAYS * 24 - 2), logged_at=stamp(DAYS * 24 - 1))
STORY = (CONFIRMED, SUSPECTED, {**OVER, "change": "new", "revision": 1}, {**OVER, "revision": 2}, TAKEN_BACK,
         {**TAKEN_BACK, "change": "withdrawn", "revision": 2, "logged_at": stamp(BLOCKED_FROM + 30)}, YOUNG,
         dismissed_row("f", NAMED, 100), dismissed_row("g", FEW, 120))
"""A fact that goes on, a suspicion on a network of few, one that is over, one taken back, one too young to be shown."""
