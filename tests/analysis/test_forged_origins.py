"""Forty names of one machine that claim ten networks, where the inbox tells from where uploads came."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pandas as pd
import pytest

from fleet_days import START, a_run
from made_cells import BEGIN, SERVICES, hours_of, quiet, rows_of
from probe.core.runs import Run, RunResult, Vantage
from probe.core.tables.name_ages import ESTABLISHED_DAYS, MOST_OF_PREFIX
from probe.store.archive.vouched_names import VouchedNames, read_vouched_names
from probe_analysis.cells.name_standing import judge_days, number_names, number_vouched
from probe_analysis.events.event import Event
from probe_analysis.events.event_detection import detect_events
from probe_analysis.exports.established_probes import count_established
from probe_analysis.exports.release import MIN_PROBES
from probe_operate.collect.collecting import collect_runs
from probe_operate.collect.first_seen import open_first_seen
from probe_operate.collect.run_origins import UNKNOWN, open_run_origins
from probe_operate.collect.upload_origins import UploadOrigin, UploadOrigins, digest_upload, read_upload_origins
from test_cells import counted
from told_inbox import ToldInbox, claiming, key_of, word_of

NETWORKS = range(64500, 64510)
HONEST = range(64500, 64503)
"""Networks in which two honest volunteers measure, behind one gateway of their carrier."""
OUTSIDE, WITHIN = 64520, 64500
"""Where the machine may be that sends under forty names: in none of the networks, or in one that it claims."""
DAYS = ESTABLISHED_DAYS + 2


def everybody(machine: int = WITHIN) -> Iterator[tuple[str, int, int, str]]:
    """(name, network that it claims, network that it is in, prefix)"""
    for asn in HONEST:
        yield from ((f"honest-{asn}-{number}", asn, asn, f"carrier-{asn}") for number in range(2))
    for asn in NETWORKS:
        yield from ((f"forged-{asn}-{number}", asn, machine, "machine") for number in range(4))


def a_day(name: str, asn: int, day: int) -> RunResult:
    """One run, in which forged names find all blocked and others find all well."""
    start = START + timedelta(days=day, hours=5)
    made = claiming(a_run(0, start, random.Random(1)), f"{name}-{day}", asn=asn, start=f"{start:%Y-%m-%dT%H:%M:%SZ}")
    outcome, cause = ("blocked", "tls.reset.sni") if name.startswith("forged") else ("ok", "")
    verdicts = tuple(replace(one, outcome=outcome, block_type=cause) for one in made.verdicts)  # type: ignore[arg-type]
    return replace(made, verdicts=verdicts)


# ---- runs, cells, what may be released

@pytest.mark.slow
@pytest.mark.parametrize("told", [True, False])
def test_forged_names_are_heard_in_one_network_and_buy_no_release(tmp_path: Path, told: bool) -> None:
    """Without origins they are heard in all ten, and buy what they wish."""
    inbox, out = ToldInbox(root=tmp_path / "at"), tmp_path / "out"
    for day in range(DAYS):
        today = START.date() + timedelta(days=day)
        for name, claimed, there, prefix in everybody():
            inbox.send(a_day(name, claimed, day), name, today, asn=there, prefix=prefix)
        collect_runs([inbox.uploads], out, today=today,
                     origins=read_upload_origins(inbox.origins, today) if told else None)
    found, _ = counted(out, tmp_path / "cells")
    last = found[(found["target_id"] == "a.chat.one") & (found["cell_start"] >= str(START + timedelta(days=DAYS - 1)))]
    cells = {asn: (standing, witnesses, blocked) for asn, standing, witnesses, blocked in zip(
        last["probe_asn"], last["standing"], last["witnesses"], last["blocked"], strict=True)}
    honest = {asn: 2 * (asn in HONEST) for asn in NETWORKS}
    if told:
        heard = {asn: MOST_OF_PREFIX * (asn == WITHIN) for asn in NETWORKS}
        assert cells == {asn: ("established", honest[asn] + heard[asn], heard[asn]) if honest[asn] else ("fresh", 4, 4)
                         for asn in NETWORKS}
    else:
        assert cells == {asn: ("established", honest[asn] + 4, 4) for asn in NETWORKS}
    until = START.date() + timedelta(days=DAYS - 1)
    counts = {asn: count_established({until: {key_of(name).name for name, at, _, _ in everybody() if at == asn}}, until,
                                     asn, read_vouched_names(out)) for asn in NETWORKS}
    assert any(count >= MIN_PROBES for count in counts.values()) is not told
    assert all(counts[asn] >= 2 for asn in HONEST), "two of one carrier's prefix count"


# ---- events

def recorded(out: Path, *, told: bool, machine: int = WITHIN) -> VouchedNames | None:
    """The record of twenty days in which all of them came each day."""
    for day in range(20):
        today = BEGIN.date() + timedelta(days=day)
        uploads = {digest_upload(f"{name}/{day}"): UploadOrigin(asn=there, cc="RU", prefix=word_of(prefix))
                   for name, _, there, prefix in everybody(machine)}
        origins, seen = open_run_origins(out, today, UploadOrigins(by_upload=uploads)), open_first_seen(out, today)
        for name, claimed, _, _ in everybody():
            run = Run(run_id=f"{name}-{day}", measurement_start_time=f"{today}T05:00:00Z",
                      vantage=Vantage(probe_id=key_of(name).name, probe_cc="RU", probe_asn=claimed))
            if told:
                origins.note(run, f"{name}/{day}")
            seen.note(run, origin=origins.judge(run, f"{name}/{day}") if told else UNKNOWN)
        origins.save()
        seen.save()
    return read_vouched_names(out)


def events_of(out: Path, *, told: bool, machine: int) -> list[Event]:
    """What is found where the forged names say for twenty hours that a service is blocked in all ten networks."""
    names = number_names(*zip(*((key_of(name).name, "RU", asn) for name, asn, _, _ in everybody()), strict=True))
    days = [(BEGIN.date() + timedelta(days=day)).isoformat() for day in range(20)]
    standing = judge_days(days, lambda day: names, number_vouched(recorded(out, told=told, machine=machine)))
    table = pd.concat([quiet(places=[("RU", asn)], n=2 if asn in HONEST else 4) for asn in NETWORKS], ignore_index=True)
    table["standing"] = "established"
    hour = hours_of(table)
    for asn in NETWORKS:
        counts = {day: sum(standing[day].who_counts(
            [key_of(name).name for name, at, _, _ in everybody() if at == asn and name.startswith("forged")],
            ["RU"] * 4, [asn] * 4)) for day in days}
        own = table["probe_asn"] == asn
        heard = pd.Series(hour // 24, index=table.index).map(lambda day, counts=counts: counts[days[day]])
        lies = own & (table["service"] == SERVICES[0]) & (hour >= 300) & (hour < 320)
        if asn in HONEST:
            for column in ("blocked", "n", "witnesses"):
                table.loc[lies, column] += heard[lies]
        else:  # nobody else is there
            table.loc[lies, ["ok", "blocked"]] = [0, 4]
            table.loc[own & (heard == 0), "standing"] = "fresh"
        table.loc[lies & (table["blocked"] > 0), "block_type"] = "tls.drop.sni"
    table.loc[hour < 24 * ESTABLISHED_DAYS, "standing"] = "unknown"
    assert len(rows_of(table, services=SERVICES[:1], asns=NETWORKS)) == 10 * 20 * 24
    return [event for event in detect_events(table) if event.service == SERVICES[0]]


def confirmed(events: Sequence[Event]) -> list[Event]:
    return [event for event in events if event.status == "confirmed"]


def test_forged_names_make_no_event_where_origins_are_told(tmp_path: Path) -> None:
    assert confirmed(events_of(tmp_path / "told", told=True, machine=OUTSIDE)) == []
    assert confirmed(events_of(tmp_path / "untold", told=False, machine=OUTSIDE)), "without origins they do"


def test_a_machine_within_a_network_is_heard_there_alone_and_its_cost_is_told(tmp_path: Path) -> None:
    """Two names of a prefix count, and two may be enough where two others measure: the event says so."""
    (event,) = confirmed(events_of(tmp_path, told=True, machine=WITHIN))
    assert {reach.asn for reach in event.networks} == {WITHIN}
    assert event.forgers is not None
    assert event.forgers.to_make.established <= MOST_OF_PREFIX


def test_honest_names_count_as_without_origins(tmp_path: Path) -> None:
    """All who are where they say, two behind a gateway at most, on each day."""
    honest = [(name, asn) for name, asn, _, _ in everybody() if name.startswith("honest")]
    names = [key_of(name).name for name, _ in honest], ["RU"] * len(honest), [asn for _, asn in honest]
    days = [(BEGIN.date() + timedelta(days=day)).isoformat() for day in range(20)]
    counts = []
    for told in (True, False):
        record = recorded(tmp_path / str(told), told=told)
        standing = judge_days(days, lambda day: number_names(*names), number_vouched(record))
        counts.append([standing[day].who_counts(*names) for day in days])
    assert counts[0] == counts[1]
    assert counts[0][-1] == [True] * len(honest)
    assert date.fromisoformat(days[0]) == BEGIN.date()
