"""A year of hourly runs in one process, with all that happens to a small machine in a year.

The clock is set for each run, the network is a recording, the disk is real where it can be. Two machines share the
folder. After half the year and at its end every row is accounted for.
"""

from __future__ import annotations

import gc
import json
import os
import random
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from probe.config.settings import load_settings
from probe.upkeep.commands.run_lock import read_held_since
from probe.upkeep.schedules.missing_runs import find_gaps
from probe.upkeep.schedules.schedule_log import ScheduleEvent, append_event, read_events
from probe.upkeep.status.status_facts import gather_status_facts
from probe.upkeep.status.status_findings import list_findings
from soaking.disk import Disk, no_network, small_disk, stamp_parts
from soaking.killed import AfterTime, AtCall, run_and_kill
from soaking.ledger import Ledger, Tally, tally
from soaking.machine import Machine, crashed, one_catalogue
from soaking.recorded import Network, recorded
from soaking.shifted import Moment, shifted

HOURS = 8_760
BEGIN = datetime(2017, 1, 1, 0, 17, tzinfo=UTC)
HOUR = timedelta(hours=1)
DISK_MB, QUOTA_MB = 160, 96
ANY = frozenset(("", "overlap", "refused", "failed", "broken_off", "not_started"))
"""Where the clock was wrong the log cannot know which time was missed."""
_KINDS = ("killed", "full", "filling", "read_only", "offline", "off", "overlap", "both", "refused", "by_hand")
_LONGEST_H = {"off": 30, "offline": 12, "full": 4, "read_only": 3}


@dataclass(slots=True)
class Year:
    """Where the year stands."""

    hours: int
    rng: random.Random
    folder: Path
    disk: Disk
    moment: Moment
    network: Network
    ledger: Ledger
    one: Machine
    other: Machine
    allowed: dict[int, frozenset[str]] = field(default_factory=dict)
    """Hour -> what the log may say of it; empty word: there is a run."""
    going_on: dict[str, int] = field(default_factory=dict)
    """What lasts -> hours that are left of it."""
    counts: dict[str, int] = field(default_factory=dict)
    memory_kib: list[int] = field(default_factory=list)
    most_disk: int = 0
    wrong: list[str] = field(default_factory=list)
    halfway: Tally | None = None

    def count(self, what: str) -> None:
        self.counts[what] = self.counts.get(what, 0) + 1

    def blame(self, text: str) -> None:
        self.wrong.append(f"{self.moment.now:%Y-%m-%d %H:%M}: {text}")


def live(folder: Path, *, hours: int, seed: int, progress: Callable[[int, int], None]) -> dict[str, Any]:
    """Lives the year in an empty folder; returns the figures. To be called in a process of its own, with one thread."""
    (folder / "disk").mkdir()
    os.environ["TZ"] = "Europe/Berlin"  # what reads the local time shows on the days when clocks change
    time.tzset()
    disk = small_disk(folder / "disk", size_mb=DISK_MB)
    results = folder / "disk" / "results"
    ledger, moment = Ledger(folder / "ledger"), Moment(BEGIN)
    year = Year(
        hours=hours, rng=random.Random(seed), folder=folder, disk=disk, moment=moment,
        network=Network(measured=ledger.measured, clock=moment.start_clock), ledger=ledger,
        one=Machine(home=folder / "one", results=results), other=Machine(home=folder / "other", results=results),
    )
    with ExitStack() as stack:
        for context in (no_network(), shifted(year.moment), recorded(year.network), one_catalogue()):
            stack.enter_context(context)
        year.one.configure(quota_mb=QUOTA_MB)
        year.other.configure(asn=64501, quota_mb=QUOTA_MB)
        append_event(results,
                     ScheduleEvent(at=BEGIN, kind="installed", by="cron", every_min=60, minute=17, first=BEGIN))
        jumps = {hours // 4: -timedelta(days=365), hours // 2 + 3: timedelta(days=31),
                 3 * hours // 4: -timedelta(days=3)}
        for hour in range(hours):
            _hour(year, hour, jumps.get(hour))
            if hour % max(1, hours // 12) == hours // 12 - 1:
                _month(year, hour)
            progress(hour + 1, hours)
        year.moment.now = BEGIN + HOUR * hours
        _check_gaps(year)
        end = in_child(lambda: vars_of(tally(results, ledger)))
    return _figures(year, end)


def _hour(year: Year, hour: int, jump: timedelta | None) -> None:
    year.moment.now = BEGIN + HOUR * hour + timedelta(seconds=year.rng.uniform(0, 590))
    year.network.blocked = (hour // 700) % 2 == 1
    year.network.online = True
    what = _what_happens(year)
    if hour % 1_460 == 0:
        year.one.configure(asn=64500 + hour // 1_460, quota_mb=QUOTA_MB)
    if jump:
        year.count("clock jumps")
        year.allowed[hour] = ANY
        year.moment.now += jump
        for _ in range(3):
            _plain(year, hour, expect_log=False)
            year.moment.advance(HOUR)
        polluted = (year.moment.now - BEGIN) // HOUR
        year.allowed |= {h: ANY for h in range(polluted - 4, polluted + 1)}
        return
    _DOES[what](year, hour)
    if hour % 168 == 167:
        _expect(year, year.one.compact(), {0})


def _what_happens(year: Year) -> str:
    for kind in tuple(year.going_on):
        year.going_on[kind] -= 1
        if not year.going_on[kind]:
            del year.going_on[kind]
        return kind
    if year.rng.random() >= max(0.06, 60 / year.hours):
        return ""
    kind = year.rng.choice(_KINDS)
    if (longest := _LONGEST_H.get(kind)) and (more := year.rng.randrange(longest)):
        year.going_on[kind] = more
    return kind


def _expect(year: Year, result: Any, codes: set[int]) -> None:
    if text := crashed(result):
        year.blame(f"ended with a traceback: {text}")
    elif result.exit_code not in codes:
        year.blame(f"exit status {result.exit_code}: {result.output[-300:]}")


def _plain(year: Year, hour: int, *, expect_log: bool = True) -> None:
    result = year.one.run()
    _expect(year, result, {0})
    if result.exit_code == 0:
        year.ledger.finished(year.ledger.last_measured())
    if expect_log:
        year.allowed.setdefault(hour, frozenset(("",)))


def _off(year: Year, hour: int) -> None:
    year.count("hours off")
    year.allowed.setdefault(hour, frozenset(("not_started",)))


def _offline(year: Year, hour: int) -> None:
    year.count("no network")
    year.network.online = False
    _expect(year, year.one.run(), {4})
    year.ledger.finished(year.ledger.last_measured())
    year.allowed.setdefault(hour, frozenset(("",)))


def _killed(year: Year, hour: int) -> None:
    year.count("killed")

    def run() -> None:
        if year.one.run().exit_code == 0:
            year.ledger.finished(year.ledger.last_measured())

    rng = year.rng
    end = AtCall(rng.randrange(1, 70), rng.random() < 0.5) if rng.random() < 0.7 else AfterTime(rng.uniform(0, 0.08))
    run_and_kill(run, end)
    stamp_parts(year.folder / "disk", year.moment.now.timestamp())
    year.allowed.setdefault(hour, frozenset(("broken_off", "not_started", "")))


def _full(year: Year, hour: int) -> None:
    year.count("disk full")
    leave = year.rng.choice((0, 4096, 1 << 20, 15 << 20))
    year.disk.fill(leave=leave)
    _expect(year, year.one.run(), {1})
    year.disk.drain()
    words = ("failed",) if leave > 1 << 16 else ("failed", "broken_off", "not_started")
    year.allowed.setdefault(hour, frozenset(words))


def _filling(year: Year, hour: int) -> None:
    """It runs full while the run measures; a small rest may be enough to write."""
    year.count("disk filling")
    leave = year.rng.randrange(0, 80_000)
    year.network.meanwhile = lambda: year.disk.fill(leave=leave)
    result = year.one.run()
    year.network.meanwhile = lambda: None
    year.disk.drain()
    _expect(year, result, {0, 1})
    if result.exit_code == 0:
        year.ledger.finished(year.ledger.last_measured())
    year.allowed.setdefault(hour, frozenset(("", "broken_off") if not result.exit_code else ("failed", "broken_off")))


def _read_only(year: Year, hour: int) -> None:
    year.count("disk read-only")
    year.disk.read_only(True)
    _expect(year, year.one.run(), {1})
    year.disk.read_only(False)
    year.allowed.setdefault(hour, frozenset(("not_started", "failed")))


def _overlap(year: Year, hour: int) -> None:
    """The other machine measures when ours would: ours does nothing, and says so in the log."""
    year.count("overlaps")

    def ours() -> None:
        year.network.meanwhile = lambda: None
        _expect(year, year.one.run(), {3})

    year.network.meanwhile = ours
    _by_hand(year, hour, then_ours=False)
    year.allowed.setdefault(hour, frozenset(("overlap",)))


def _both(year: Year, hour: int) -> None:
    """The other machine's schedule comes while ours measures."""
    year.count("overlaps")

    def theirs() -> None:
        year.network.meanwhile = lambda: None
        _expect(year, year.other.run(), {3})

    year.network.meanwhile = theirs
    _plain(year, hour)


def _refused(year: Year, hour: int) -> None:
    year.count("refused")
    year.one.disagree()
    _expect(year, year.one.run(), {5})
    year.one.configure(quota_mb=QUOTA_MB)
    year.allowed.setdefault(hour, frozenset(("refused",)))


def _by_hand(year: Year, hour: int, *, then_ours: bool = True) -> None:
    year.count("by the other machine")
    result = year.other.by_hand()
    _expect(year, result, {0})
    if result.exit_code == 0:
        year.ledger.finished(year.ledger.last_measured())
    if then_ours:
        _plain(year, hour)


_DOES: dict[str, Callable[[Year, int], None]] = {
    "": _plain, "off": _off, "offline": _offline, "killed": _killed, "full": _full, "filling": _filling,
    "read_only": _read_only, "overlap": _overlap, "both": _both, "refused": _refused, "by_hand": _by_hand,
}


def _month(year: Year, hour: int) -> None:
    """What a person looks at now and then, and what must not grow."""
    gc.collect()
    year.memory_kib.append(_resident_kib())
    results = year.one.results
    if read_held_since(results) is not None:
        year.blame("the lock is held though nobody runs")
    used = sum(path.lstat().st_blocks * 512 for path in results.rglob("*") if path.is_file())
    year.most_disk = max(year.most_disk, used)
    year.wrong += in_child(lambda: _status(year))
    if hour >= year.hours // 2 and year.halfway is None:
        year.halfway = Tally(**in_child(lambda: vars_of(tally(results, year.ledger))))


def _status(year: Year) -> list[str]:
    """`probe status`, without what it asks of the real machine."""
    settings = load_settings(str(year.one.home / "probe.toml"))
    facts = gather_status_facts(settings, year.one.results, now=year.moment.now, not_agreed="", at_work=("cron",),
                                running_since=read_held_since(year.one.results), errors="")
    found = list_findings(facts)
    if facts.unreadable:
        return [f"{year.moment.now}: {facts.unreadable[0]}"]
    return [] if len(found) > 8 else [f"{year.moment.now}: status says too little"]


def _check_gaps(year: Year) -> None:
    """What the log says of each hour is what happened."""
    until = BEGIN + HOUR * year.hours + timedelta(minutes=30)
    events = read_events(year.one.results, since=BEGIN)
    said: dict[int, str] = {}
    for gap in find_gaps([e for e in events if e.at <= until], since=BEGIN, until=until):
        first = (gap.first - BEGIN) // HOUR
        said |= dict.fromkeys(range(first, first + gap.n), gap.why)
    for hour in range(year.hours):
        if said.get(hour, "") not in year.allowed.get(hour, ANY):
            year.wrong.append(f"hour {hour}: the log says {said.get(hour, 'a run')!r}, "
                              f"it was {sorted(year.allowed[hour])}")
    noted = {(e.first - BEGIN) // HOUR + n for e in events if e.kind == "gap" and e.first for n in range(e.n)}
    last = max((hour for hour in range(year.hours) if year.allowed[hour] == {""}), default=0)
    year.wrong += [f"hour {hour} is a gap and no line of the log says so" for hour in range(last)
                   if year.allowed[hour] == {"not_started"} and hour not in noted]


def _figures(year: Year, end: dict[str, Any]) -> dict[str, Any]:
    months = year.memory_kib
    return {
        "hours": year.hours, "counts": year.counts, "memory_kib": months, "disk": year.disk.kind,
        "most_disk_bytes": year.most_disk, "quota_bytes": QUOTA_MB << 20,
        "lock_free": read_held_since(year.one.results) is None, "halfway": vars_of(year.halfway or Tally()), "end": end,
        "wrong": year.wrong,
    }


def _resident_kib() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") // 1024


def in_child(work: Callable[[], Any]) -> Any:
    """The result, as JSON keeps it, of work whose memory is not ours."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        code = 1
        try:
            os.close(reading)
            with os.fdopen(writing, "w") as pipe:
                json.dump(work(), pipe)
            code = 0
        finally:
            os._exit(code)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        text = pipe.read()
    _, status = os.waitpid(child, 0)
    if status:
        raise RuntimeError("a child that was to look at the results failed")
    return json.loads(text)


def vars_of(done: Tally) -> dict[str, Any]:
    """The fields by name."""
    return {name: getattr(done, name) for name in Tally.__slots__}
