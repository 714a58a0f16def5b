"""What the runs before this one said: a block that the last one saw too, late enough after any residual blocking, is
confirmed; what failed then brackets what a control feed says since; and where one found the place of a block, it is
known for a day; whom a day's runs asked as programs do is not asked again; and whose address was punished is let be."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path

from probe.catalogue.programs import PROGRAM_HELLOS
from probe.config.geo.vantage_place import is_elsewhere
from probe.core.runs import OUR_ENGINE, Run, Vantage
from probe.core.stamps import parse_time
from probe.core.tables.outcomes import NOT_ATTEMPTED
from probe.core.verdicts import Verdict
from probe.judge.path.punishments import read_longest_s
from probe.judge.verdicts.earlier_places import EarlierPlace, EarlierPlaces, list_found_places
from probe.session.chat_choice import CHATS_REST_S
from probe.store.files.atomic import StoreError
from probe.store.runs.run_reader import read_records, stored_runs

DAY_S = 24 * 3600.0
"""So long the place where a name is blocked is taken to be the same, and a site that was asked as programs do is not
asked so again for the sake of others."""
MAX_AGE_S = 26 * 3600.0
TRIES = 2
"""Attempts that must have failed, every one."""
ELSEWISE = frozenset(f"inconclusive.{word}" for word in ("vantage", "instrument", "tainted", "not_attempted"))
"""Verdicts that blame something between us and the service which may be gone by now, or nothing that was tried."""


def read_previous_blocks(directory: Path, *, before: datetime, at_least_s: float, targets: Iterable[str],
                         here: Vantage) -> dict[str, str]:
    """Target -> block type, of those of `targets` that the latest run which spoke of them called blocked.

    Only runs that ended at least `at_least_s` before count, and none in another network than `here`: what a laptop met
    at home confirms nothing on a journey. Not every run takes every target.
    """
    found, missing = dict[str, str](), set(targets)
    for _, _, said in read_earlier_runs(directory, before=before, at_least_s=at_least_s, here=here) if missing else ():
        verdicts = [v for v in said if v.target_id in missing]
        found |= {v.target_id: v.block_type for v in verdicts if v.outcome == "blocked"}
        missing -= {v.target_id for v in verdicts}
        if not missing:
            break
    return found


def read_previous_failures(directory: Path, *, before: datetime, here: Vantage) -> Mapping[str, datetime]:
    """Endpoint -> when the latest run in this network that spoke of it had found that it fails, every time.

    Not of endpoints that this run called well, down, or hindered by the device or its network.
    """
    last = dict[str, datetime | None]()
    for ended, _, said in read_earlier_runs(directory, before=before, here=here):
        for v in said:
            if v.outcome != "not_attempted":
                last.setdefault(v.input, ended if _is_failed(v) else None)
    return {url: ended for url, ended in last.items() if ended}


def read_previous_places(directory: Path, *, before: datetime, here: Vantage) -> EarlierPlaces:
    """Endpoint -> its place, of what a run of the last 24 hours in this network called blocked by a place that it had
    found itself, unless a later one was served there."""
    found, settled = dict[str, EarlierPlace](), set[str]()
    for ended, run_id, said in read_earlier_runs(directory, before=before, here=here):
        if (before - ended).total_seconds() > DAY_S:
            continue
        places = list_found_places(run_id, said)
        found |= {url: place for url, place in places.items() if url not in settled}
        settled |= {v.input for v in said if v.outcome == "ok" or v.input in places}
    return found


def read_asked_as_programs(directory: Path, *, before: datetime, here: Vantage) -> frozenset[str]:
    """The targets that runs of the last 24 hours asked in the shape of a program that people use."""
    return frozenset(v.target_id for ended, _, said in read_earlier_runs(directory, before=before, here=here)
                     if (before - ended).total_seconds() <= DAY_S
                     for v in said if not PROGRAM_HELLOS.keys().isdisjoint((*v.struck, *v.spared)))


def read_punished(directory: Path, *, before: datetime, here: Vantage) -> Mapping[str, datetime]:
    """Target -> until when its address may be punished, of those that a run of the last 24 hours in this network saw
    punished for the name: an innocent name failed there afterwards. The latest such run counts."""
    found = dict[str, datetime]()
    for ended, _, said in read_earlier_runs(directory, before=before, here=here):
        if (before - ended).total_seconds() <= DAY_S:
            for v in said:
                if v.residual == "seen":
                    found.setdefault(v.target_id, ended + timedelta(seconds=read_longest_s(v.residual_s)))
    return found


def has_asked_chats(directory: Path, *, before: datetime, here: Vantage, chats: Iterable[str]) -> bool:
    """Whether a run in this network that began less than an hour before tried one of these endpoints."""
    chats = frozenset(chats)
    since = before - timedelta(seconds=CHATS_REST_S)
    for _, run in _runs(directory, before=before, at_least_s=0.0, most_age_s=CHATS_REST_S):
        if parse_time(run.measurement_start_time) > since and not is_elsewhere(run.vantage, here):
            with contextlib.suppress(StoreError):
                if any(v.input in chats and v.outcome != NOT_ATTEMPTED
                       for v in read_records(directory, run, Verdict)):
                    return True
    return False


def _is_failed(v: Verdict) -> bool:
    return (v.outcome == "blocked" or (v.outcome == "inconclusive" and v.block_type not in ELSEWISE)) and (
        v.attempts == v.failed_attempts >= TRIES)


def read_earlier_runs(directory: Path, *, before: datetime, here: Vantage, at_least_s: float = 0.0,
                      most_age_s: float = MAX_AGE_S) -> Iterator[tuple[datetime, str, tuple[Verdict, ...]]]:
    """When each run of ours in this network really ended, its id, and its verdicts; the latest first. A damaged file is
    passed over, since what is just measured must be written all the same."""
    for ended, run in _runs(directory, before=before, at_least_s=at_least_s, most_age_s=most_age_s):
        if run.engine == OUR_ENGINE and not is_elsewhere(run.vantage, here):
            try:
                said = tuple(read_records(directory, run, Verdict))
                yield ended + timedelta(seconds=run.clock_offset_s or 0.0), run.run_id, said
            except StoreError:
                continue


def _runs(directory: Path, *, before: datetime, at_least_s: float, most_age_s: float) -> list[tuple[datetime, Run]]:
    """The runs that ended within these times, and when by their own clocks; the latest first. None where there are no
    results yet, or damaged ones."""
    try:
        runs = list(stored_runs(directory, since=(before - timedelta(seconds=most_age_s, days=1)).date()))
    except StoreError:
        return []
    found: list[tuple[datetime, Run]] = []
    for run in runs:
        with contextlib.suppress(ValueError):
            found.append((parse_time(run.measurement_end_time), run))
    return sorted(((ended, run) for ended, run in found
                   if at_least_s <= (before - ended).total_seconds() <= most_age_s),
                  key=lambda pair: pair[0], reverse=True)
