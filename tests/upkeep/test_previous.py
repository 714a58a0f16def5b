"""What earlier runs lend to this one: the confirmation of a block, and since when an endpoint had failed."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from probe.core.runs import Run, RunResult, Vantage
from probe.core.tables.outcomes import Outcome
from probe.core.verdicts import Verdict
from probe.store.runs.run_writer import write_run
from probe.upkeep.commands.earlier_runs import (
    TRIES,
    has_asked_chats,
    read_asked_as_programs,
    read_previous_blocks,
    read_previous_failures,
    read_previous_places,
    read_punished,
)
from probe.upkeep.schedules.schedule_log import get_now

RESULTS, NOWHERE = Path("results"), Vantage()


def stored(run_id: str, ended: datetime, outcomes: dict[str, Outcome], vantage: Vantage = NOWHERE) -> None:
    stamp = ended.isoformat()
    verdicts = tuple(Verdict(target_id=target, service="a", role="chat", input=target, outcome=outcome,
                             block_type="tls.reset.sni" if outcome == "blocked" else "")
                     for target, outcome in outcomes.items())
    run = Run(run_id=run_id, measurement_start_time=stamp, measurement_end_time=stamp, vantage=vantage)
    write_run(RunResult(run=run, observations=(), controls=(), verdicts=verdicts, services=()), RESULTS, parquet=False)


def test_a_target_is_confirmed_by_the_last_run_that_took_it(in_folder: Path) -> None:
    moment = get_now()
    stored("r1", moment - timedelta(hours=23), {"core": "blocked", "daily": "blocked", "old": "blocked"})
    stored("r2", moment - timedelta(hours=1), {"core": "ok"})
    stored("r3", moment - timedelta(minutes=1), {"daily": "ok", "new": "blocked"})

    def before(*targets: str) -> dict[str, str]:
        return read_previous_blocks(RESULTS, before=moment, at_least_s=240, targets=targets, here=Vantage())

    assert before("core", "daily", "new", "newer") == {"daily": "tls.reset.sni"}
    assert before("old") == {"old": "tls.reset.sni"}
    assert before() == {}
    assert read_previous_blocks(RESULTS, before=moment + timedelta(hours=4), at_least_s=0, targets=["old"],
                                here=Vantage()) == {}
    away = Vantage(probe_cc="TR", geo_cc="TR")
    stored("r4", moment - timedelta(hours=2), {"home": "blocked"}, Vantage(probe_cc="DE", geo_cc="DE"))
    stored("r5", moment - timedelta(hours=2), {"away": "blocked"}, away)
    assert read_previous_blocks(RESULTS, before=moment, at_least_s=240, targets=["home", "away"], here=away) == {
        "away": "tls.reset.sni"}


@pytest.mark.parametrize("lab", [False, True])
def test_the_laboratory_confirms_nothing_of_the_world_nor_the_world_of_it(in_folder: Path, lab: bool) -> None:
    moment = get_now()
    stored("real", moment - timedelta(hours=2), {"real": "blocked"})
    stored("bred", moment - timedelta(hours=2), {"bred": "blocked"}, Vantage(lab=True))
    found = read_previous_blocks(RESULTS, before=moment, at_least_s=240, targets=["real", "bred"],
                                 here=Vantage(lab=lab))
    assert set(found) == {"bred" if lab else "real"}


def failing(url: str, **changes: object) -> Verdict:
    said = {"outcome": "inconclusive", "block_type": "inconclusive.no_control", "attempts": TRIES,
            "failed_attempts": TRIES, **changes}
    return Verdict(target_id=f"a.chat.{url}", service="a", role="chat", input=url, **said)  # type: ignore[arg-type]


def ran(run_id: str, ended: datetime, *verdicts: Verdict, **changes: object) -> None:
    stamp = ended.isoformat()
    run = Run(run_id=run_id, measurement_start_time=stamp, measurement_end_time=stamp, **changes)  # type: ignore[arg-type]
    write_run(RunResult(run=run, observations=(), controls=(), verdicts=verdicts, services=()), RESULTS, parquet=False)


@pytest.mark.parametrize(("verdict", "fails"), [
    (failing("x"), True), (failing("x", outcome="blocked", block_type="tls.reset.sni"), True),
    (failing("x", block_type="inconclusive.control_failed"), True),
    (failing("x", attempts=TRIES + 1), False), (failing("x", attempts=1, failed_attempts=1), False),
    (failing("x", outcome="ok", block_type=""), False),
    (failing("x", outcome="down", block_type="server.refused"), False),
    (failing("x", outcome="network", block_type="network.shutdown"), False),
    (failing("x", outcome="local", block_type="local.resolver"), False),
    (failing("x", block_type="inconclusive.vantage"), False), (failing("x", block_type="inconclusive.tainted"), False),
])
def test_what_had_failed_every_time_and_by_nothing_nearer(in_folder: Path, verdict: Verdict, fails: bool) -> None:
    moment = get_now()
    ended = moment - timedelta(hours=1)
    ran("r1", ended, verdict)
    assert read_previous_failures(RESULTS, before=moment, here=NOWHERE) == ({"x": ended} if fails else {})


def test_the_latest_run_that_spoke_of_it_counts(in_folder: Path) -> None:
    moment = get_now()
    daily, hourly = moment - timedelta(hours=23), moment - timedelta(hours=1)
    ran("r1", daily, failing("daily"), failing("well"), failing("mended"), failing("core"))
    ran("r2", hourly, failing("well", outcome="ok"), failing("mended", outcome="down"), failing("core"),
        failing("daily", outcome="not_attempted"))
    assert read_previous_failures(RESULTS, before=moment, here=NOWHERE) == {"daily": daily, "core": hourly}
    assert read_previous_failures(RESULTS, before=moment + timedelta(hours=26), here=NOWHERE) == {}


def test_a_wrong_clock_is_put_right_and_other_networks_say_nothing(in_folder: Path) -> None:
    moment = get_now()
    ended = moment - timedelta(hours=1)
    ran("r1", ended, failing("x"), clock_offset_s=-600.0)
    ran("r2", ended, failing("y"), vantage=Vantage(probe_cc="DE", geo_cc="DE"))
    ran("r3", ended, failing("z"), engine="ooni")
    assert read_previous_failures(RESULTS, before=moment, here=Vantage(probe_cc="TR", geo_cc="TR")) == {
        "x": ended - timedelta(seconds=600)}


def test_a_damaged_file_takes_nothing_from_the_others(in_folder: Path) -> None:
    moment = get_now()
    ran("r1", moment - timedelta(hours=2), failing("x"))
    ran("r2", moment - timedelta(hours=1), failing("y"))
    (damaged,) = (path for path in RESULTS.rglob("*.csv") if "verdicts" in str(path) and "r2" in path.read_text())
    damaged.write_bytes(b"\xff\xfe not a table")
    assert set(read_previous_failures(RESULTS, before=moment, here=NOWHERE)) == {"x"}


PLACED: dict[str, object] = {"outcome": "blocked", "block_type": "tls.reset.sni", "basis": "place", "hop": "2-3"}


@pytest.mark.parametrize(("hours", "changes", "known"), [
    (1, {}, True), (23.9, {}, True), (24.1, {}, False),
    (1, {"basis": "time"}, False), (1, {"hop": ""}, False),
    (1, {"outcome": "inconclusive", "basis": ""}, False),
    (1, {"place_run_id": "r0"}, False),
], ids=["an hour ago", "today", "yesterday", "by time", "no hop", "not accused", "lent itself"])
def test_a_place_is_lent_for_a_day_by_the_run_that_found_it(
        in_folder: Path, hours: float, changes: dict[str, object], known: bool) -> None:
    moment = get_now()
    ran("r1", moment - timedelta(hours=hours), failing("x", **PLACED | changes))
    found = read_previous_places(RESULTS, before=moment, here=NOWHERE)
    assert set(found) == ({"x"} if known else set())
    assert all((p.cause, p.where.least, p.where.most, p.where.found_in) == ("tls.reset.sni", 2, 3, "r1")
               for p in found.values())


def test_a_place_is_forgotten_once_the_name_is_served(in_folder: Path) -> None:
    moment = get_now()
    ran("r1", moment - timedelta(hours=3), failing("x", **PLACED), failing("y", **PLACED))
    ran("r2", moment - timedelta(hours=2), failing("x", outcome="ok", block_type=""), failing("y"))
    assert set(read_previous_places(RESULTS, before=moment, here=NOWHERE)) == {"y"}


@pytest.mark.parametrize(("hours", "changes", "asked"), [
    (1, {"spared": ("chrome",)}, True), (23.9, {"struck": ("safari",)}, True), (24.1, {"spared": ("chrome",)}, False),
    (1, {"spared": ("library",)}, False), (1, {}, False),
], ids=["answered", "struck", "yesterday", "the library's own", "not asked"])
def test_whom_a_day_s_runs_asked_as_programs_do(in_folder: Path, hours: float, changes: dict[str, object], asked: bool,
                                                ) -> None:
    moment = get_now()
    ran("r1", moment - timedelta(hours=hours), failing("x", **changes))
    assert read_asked_as_programs(RESULTS, before=moment, here=NOWHERE) == ({"a.chat.x"} if asked else set())


@pytest.mark.parametrize(("minutes", "outcome", "chat", "asked"), [
    (1, "ok", True, True), (49, "blocked", True, True), (51, "ok", True, False), (1, "not_attempted", True, False),
    (1, "ok", False, False)])
def test_chats_rest_for_an_hour(in_folder: Path, minutes: int, outcome: Outcome, chat: bool, asked: bool) -> None:
    moment = get_now()
    stored("r1", moment - timedelta(minutes=minutes), {"mtproto": outcome})
    assert has_asked_chats(RESULTS, before=moment, here=NOWHERE, chats=["mtproto"] if chat else ["other"]) is asked


@pytest.mark.parametrize(("ended_h", "changes", "lasts_s"), [
    (1, {"residual": "seen", "residual_s": "20-40"}, 40), (1, {"residual": "seen", "residual_s": "20-"}, 420),
    (1, {"residual": "none"}, None), (25, {"residual": "seen", "residual_s": "20-40"}, None),
])
def test_whose_address_was_punished_is_known_for_a_day(in_folder: Path, ended_h: int, changes: dict[str, str],
                                                       lasts_s: int | None) -> None:
    moment = get_now()
    ended = moment - timedelta(hours=ended_h)
    ran("r1", ended, failing("x", **changes))
    wanted = {"a.chat.x": ended + timedelta(seconds=lasts_s)} if lasts_s else {}
    assert read_punished(RESULTS, before=moment, here=NOWHERE) == wanted


def test_the_latest_punishment_counts_and_another_network_s_does_not(in_folder: Path) -> None:
    moment = get_now()
    first, last = moment - timedelta(hours=3), moment - timedelta(hours=1)
    home, away = Vantage(probe_cc="DE", geo_cc="DE"), Vantage(probe_cc="TR", geo_cc="TR")
    ran("r1", first, failing("x", residual="seen", residual_s="5-10"), vantage=home)
    ran("r2", last, failing("x", residual="seen", residual_s="40-80"), vantage=home)
    ran("r3", last, failing("y", residual="seen"), vantage=away)
    assert read_punished(RESULTS, before=moment, here=home) == {"a.chat.x": last + timedelta(seconds=80)}
