"""What happens in a rehearsal, scene by scene, and what must come of each."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from probe.config.month_key import read_month_key
from probe.store.runs.run_reader import stored_runs
from probe.upkeep.updates.list_document import (
    ListDocument,
    load_listed_catalogue,
    load_staged_catalogue,
    read_document,
)
from probe.upkeep.updates.stage_draw import is_drawn
from probe.upkeep.upload.sender import UploadError
from probe_operate.lists.signing import make_key
from rehearsing.rehearsal_services import OperatorWorld
from rehearsing.rehearsal_volunteers import (
    BLOCKED_SERVICE,
    COUNTRY,
    FAULTY_SERVICE,
    SimulatedVolunteer,
    open_inbox_sender,
    pack,
    send,
)

Tell = Callable[[str], None]
_DAY = timedelta(days=1)
ROOT = Path(__file__).resolve().parents[2]


class RehearsalError(AssertionError):
    """Something is not as it must be."""


@dataclass(kw_only=True)
class Story:
    """The state of a rehearsal."""

    world: OperatorWorld
    tell: Tell
    volunteers: tuple[SimulatedVolunteer, ...]
    every_h: int
    now: datetime = field(default_factory=lambda: datetime.now(UTC).replace(minute=0, second=0, microsecond=0))
    sent: set[str] = field(default_factory=set)
    """Runs that arrived, by run id."""
    staged: ListDocument | None = None
    """The list that stages targets."""

    @property
    def begin(self) -> datetime:
        """The first hour."""
        return self.now - 6 * _DAY

    @property
    def blocked_from(self) -> datetime:
        """When the block begins: what the site shows is a day late."""
        return self.now - 4 * _DAY

    @property
    def silent(self) -> SimulatedVolunteer:
        """Who stops two days before the end."""
        return self.volunteers[-1]

    def find_staged(self, name: str) -> str:
        """The version of the staged targets, where the volunteer of this name was drawn for them."""
        stage = self.staged.stage if self.staged else None
        return load_staged_catalogue(self.staged).version if self.staged and stage and is_drawn(stage, name) else ""

    def upload(self, begin: datetime, end: datetime) -> int:
        """Let all volunteers send what they measured between two hours; how many runs arrived."""
        def send_all(volunteer: SimulatedVolunteer) -> list[str]:
            last = min(end, self.now - 2 * _DAY) if volunteer == self.silent else end
            sender, done = open_inbox_sender(f"{self.world.url}/inbox", *self.world.login), []
            for result in volunteer.list_runs(begin, last, every_h=self.every_h, blocked_from=self.blocked_from,
                                             staged=self.find_staged(volunteer.name)):
                send(sender, *pack(result))
                done.append(result.run.run_id)
            return done

        with ThreadPoolExecutor(4) as pool:
            arrived = [run_id for done in pool.map(send_all, self.volunteers) for run_id in done]
        self.sent.update(arrived)
        return len(arrived)


def play(story: Story, extra: Callable[[Story], None] = lambda _: None) -> None:
    """All scenes. `extra`: what else volunteers send. Raises RehearsalError."""
    for scene in (_start, _quiet_days, _block, _helper_falls, _hostile, _disk_fills, _key_is_rotated, _stop_service,
                  _stage_targets):
        began = time.monotonic()
        for line in scene(story):
            story.tell(line)
        story.tell(f"    {time.monotonic() - began:.0f} s")
    extra(story)
    for line in _end(story):
        story.tell(line)


def _start(story: Story) -> Iterator[str]:
    found = story.world.check("web", "helper")
    _must(all(well for well, _ in found.values()), f"services are not well: {found}")
    yield "Web server and helper are up; the volunteers' sheet is shown at /join."
    story.world.work("list", "backup")
    yield "The first list is signed; keys and configuration are backed up."


def _quiet_days(story: Story) -> Iterator[str]:
    count = story.upload(story.begin, story.blocked_from)
    yield f"Two quiet days: {len(story.volunteers)} volunteers uploaded {count} runs."
    said = story.world.work("collect", "analyse", "site", "health", "alert")
    yield from _told(said)
    found = story.world.list_alerts(of_fleet=False)
    _must(not found, f"an alert without cause: {found}")
    yield "No event, no alert."


def _block(story: Story) -> Iterator[str]:
    count = story.upload(story.blocked_from, story.now - 2 * _DAY)
    yield f"{BLOCKED_SERVICE} is blocked on two of five networks. {count} more runs come."
    yield from _told(story.world.work("collect", "analyse", "site", "health", "alert"))
    page = (story.world.folder.public / "site" / "index.html").read_text()
    _must(BLOCKED_SERVICE in page.lower() and COUNTRY in page, "the site does not show the block")
    yield "The site shows the block."
    found = story.world.list_alerts(of_fleet=False)
    _must(len(found) == 1, f"{len(found)} alerts and not 1")
    yield f"One alert came: {found[0]}"


def _helper_falls(story: Story) -> Iterator[str]:
    story.world.stop_helper()
    _must(not story.world.check("helper")["helper"][0], "nobody saw that the helper fell over")
    yield f"The helper fell over: the check says: {story.world.check('helper')['helper'][1]}"
    story.world.start_helper()
    _must(story.world.check("helper")["helper"][0], "the helper is not well again")
    yield "Started again (by systemd: after 5 s), it is well."


def _hostile(story: Story) -> Iterator[str]:
    """Garbage, a run of somebody else with another content, and a try to write over one that is there."""
    sender = open_inbox_sender(f"{story.world.url}/inbox", *story.world.login)
    victim = story.volunteers[0]
    at = story.now - 2 * _DAY + timedelta(minutes=1)
    truth, lie = (pack(victim.make_run(at, blocked=blocked)) for blocked in (False, True))
    send(sender, *truth)
    story.sent.add(victim.make_run(at, blocked=False).run.run_id)
    story.world.work("collect")
    send(sender, truth[0], lie[1])
    kept = story.world.folder.inbox / story.world.login[0] / truth[0].partition("/")[2]
    _must(kept.read_bytes() == truth[1], "a hostile upload wrote over somebody's run")
    yield "A hostile volunteer tried to write over another's run: the first one stayed."
    send(sender, truth[0].replace(victim.name, "mallory", 1), lie[1])
    day = f"date={at:%Y-%m-%d}"
    for number in range(20):
        send(sender, f"mallory/archives/{day}/r{number}.tgz", os.urandom(2000))
    for name in ("../../keys/list.key", "../collected/x"):
        with suppress(UploadError):
            send(sender, name, b"x")
    said = json.loads(story.world.probe("collect", str(story.world.folder.inbox), "-o",
                                        str(story.world.folder.collected), "--lab", "--json"))
    _must(len(said["refused"]) == 20, f"{len(said['refused'])} hostile files were counted and not 20")
    _must(bool(said["contested"]), "another version of a run was not noticed")
    yield f"Of his uploads {len(said['refused'])} were refused and counted, and one contested run stayed as it was."


def _disk_fills(story: Story) -> Iterator[str]:
    if not story.world.disk:
        yield "(No disk could be mounted here: that it fills is left out.)"
        return
    ballast = story.world.folder.state / "ballast"
    with suppress(OSError), ballast.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(1 << 20))
    with suppress(OSError), ballast.open("ab", buffering=0) as file:
        while True:
            file.write(bytes(512))
    _must(not story.world.check("disk")["disk"][0], "nobody saw that the disk is full")
    yield f"The disk fills up: the check says: {story.world.check('disk')['disk'][1]}"
    result = story.volunteers[1].make_run(story.now - 2 * _DAY + timedelta(minutes=2), blocked=False)
    sender = open_inbox_sender(f"{story.world.url}/inbox", *story.world.login)
    try:
        send(sender, *pack(result))
    except UploadError:
        yield "An upload is refused; the run waits at its volunteer."
    else:
        raise RehearsalError("an upload was taken by a full disk")
    story.world.work("collect", wrong=True)
    ballast.unlink()
    send(sender, *pack(result))
    story.sent.add(result.run.run_id)
    story.world.work("collect")
    yield "After it was freed the same run arrived."


def _key_is_rotated(story: Story) -> Iterator[str]:
    """The list's key hands over to another; a volunteer who knows the first alone follows."""
    world, home = story.world, story.world.home / "volunteer"
    home.mkdir()
    source = f"{world.url}/lists/list.json"
    old = world.folder.keys / "list.key"
    first_public = home / "first.pub"
    first_public.write_bytes(old.with_name("list.key.pub").read_bytes())
    take = ("update", "--from", source, "--key", str(first_public), "--json")
    before = json.loads(world.probe(*take, own=home))
    new, keeper = home / "second.key", home / "keeper.key"
    make_key(new)
    make_key(keeper)
    statement, lists = home / "keys-1.json", world.folder.public / "lists"
    world.probe("update", "keys", "make", "--of", "list", "--number", "1", "--signer", f"{new}.pub",
                "--keeper", f"{keeper}.pub", "-o", str(statement))
    world.probe("update", "sign", str(statement), "--key", str(old))
    world.probe("update", "keys", "add", str(statement), "--from", str(lists / "list.json.keys"),
                "--key", str(first_public))
    for path, suffix in ((new, ""), (new.with_name("second.key.pub"), ".pub")):
        (world.folder.keys / f"list.key{suffix}").write_bytes(path.read_bytes())
    _policy(story, "# the key is another\n[ZZ]\nmax_level = 1\n")
    world.work("list")
    after = json.loads(world.probe(*take, own=home))
    _must(after["serial"] > before["serial"], "a volunteer did not follow to the new key")
    yield f"The lists' key was rotated: a volunteer took list {after['serial']}, signed by the second key."


def _stop_service(story: Story) -> Iterator[str]:
    _policy(story, f'["*"]\nstop = ["{BLOCKED_SERVICE}"]\n')
    story.world.work("list")
    home = story.world.home / "volunteer"
    said = json.loads(story.world.probe("update", "--from", f"{story.world.url}/lists/list.json", "--key",
                                        str(home / "first.pub"), "--json", own=home))
    _must(said["stop"] == [BLOCKED_SERVICE], f"the stop did not arrive: {said}")
    yield f"A stop was written down: the same volunteer measures nothing of {', '.join(said['stop'])} from now on."


def _stage_targets(story: Story) -> Iterator[str]:
    """Targets with a fault are tried by some first."""
    world, home = story.world, story.world.home / "volunteer"
    lines = (ROOT / "targets.csv").read_text(encoding="utf-8-sig").splitlines(keepends=True)
    coming = world.folder.config / "targets-next.csv"
    coming.write_text("".join(lines[:-1]))
    world.work("list")
    story.staged = read_document((world.folder.public / "lists" / "list.json").read_bytes())
    said = json.loads(world.probe("update", "--from", f"{world.url}/lists/list.json", "--key",
                                  str(home / "first.pub"), "--json", own=home))
    key = read_month_key(f"{datetime.now(UTC):%Y-%m}", folder=next(home.rglob("identity.key")).parent)
    wanted = story.find_staged(key.name if key else "") or load_listed_catalogue(story.staged).version
    _must(said["catalogue"] == wanted, f"a volunteer measures {said['catalogue']} and not {wanted}")
    drawn = sum(bool(story.find_staged(one.name)) for one in story.volunteers)
    yield f"Other targets are staged: {drawn} of {len(story.volunteers)} volunteers are drawn to try them first."


def _end(story: Story) -> Iterator[str]:
    count = story.upload(story.now - 2 * _DAY, story.now - timedelta(hours=story.every_h))
    yield f"Two more days: {count} runs."
    yield from _told(story.world.work("collect", "rollout", "health"))
    rollout = json.loads((story.world.folder.figures / "rollout.json").read_bytes())
    differing = sorted({one["service"] for one in rollout["services"] if one["differs"]})
    _must(differing == [FAULTY_SERVICE], f"the staged targets are faulty in {FAULTY_SERVICE} and not in {differing}")
    some = rollout["whole"]["ok"]
    yield (f"{some['first_probes']} volunteers tried the staged targets beside {some['rest_probes']}: "
           f"{differing[0]} differs.")
    found = story.world.list_alerts(of_fleet=True)
    _must(any("try something first" in title for title in found), f"nobody was told of the staged targets: {found}")
    yield f"Alerts of the fleet came: {'; '.join(found)}"
    stored = [run.run_id for run in stored_runs(story.world.folder.collected)]
    _must(len(stored) == len(set(stored)), "runs are doubled")
    _must(set(stored) == story.sent, f"lost: {sorted(story.sent - set(stored))[:5]}, from nowhere: "
                                     f"{sorted(set(stored) - story.sent)[:5]}")
    yield f"{len(stored)} runs arrived and {len(stored)} are in the data set: none is lost, none doubled."
    health = json.loads(story.world.probe("fleet", "health", str(story.world.folder.collected), "--lab", "--json"))
    yield f"The fleet's health: {health['active']} active, {health['silent']} silent."
    if (story.now - 3 * _DAY).month == story.now.month:
        _must(health["silent"] >= 1, "nobody saw that a volunteer is silent")
        yield "The silent volunteer was noticed."
    else:
        yield "A probe's name ends with the month: today nobody can tell who fell silent."


def _policy(story: Story, text: str) -> None:
    (story.world.folder.config / "policy.toml").write_text(text)


def _told(said: str) -> list[str]:
    return [f"  {line}" for line in said.splitlines() if line]


def _must(right: bool, otherwise: str) -> None:
    if not right:
        raise RehearsalError(otherwise)
