"""`probe feed --from`: what volunteers' results on disk become; nothing is measured."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from crowds_made import COUNTRIES, as_made_by, crowd, run_of, store, store_history, volunteers, well
from feeds_made import put_feed
from observations import HERE4, REFUSED, endpoint
from probe.controls.feeds.feed_document import Feed
from probe.core.runs import RunResult
from probe.store.archive.compaction import compact_days
from probe.upkeep.commands.exit_codes import EXIT_FAILED, EXIT_USAGE
from probe.upkeep.updates.feed_updates import verify_feed
from probe.upkeep.updates.key_trust import trust_key
from probe.upkeep.updates.minisign import parse_public_key
from probe.upkeep.updates.signed_file import SignedFile
from probe_operate.feeds.crowd_feed import find_window
from probe_operate.feeds.crowd_members import Member
from signed import OURS
from test_feed_learn import measured, net
from update_world import call, settle

CHAT, MAIL = endpoint(), endpoint("https://mail.example/", target_id="mail.web.main")
EVERYBODY = volunteers(2)
STRANGERS = volunteers(1, ("AT", "DE", "KE"), name="forged")
Cuts = dict[str, tuple[str, str]]


@pytest.fixture(autouse=True)
def home(in_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    settle(in_folder, monkeypatch)
    known = measured(net(), CHAT)[1]
    monkeypatch.setattr("probe.upkeep.commands.target_list.choose_catalogue",
                        lambda *_, **__: type("C", (), {"catalogue": known}))
    assert call("feed", "--new-key", "k").exit_code == 0
    Path("probe.toml").touch()
    return in_folder


@pytest.fixture(scope="module")
def found() -> Callable[[bool], RunResult]:
    """What a run sees where the service works, and where it does not."""
    well, gone = (measured(net(cuts), CHAT)[0] for cuts in ({}, {HERE4: ("connect", REFUSED)}))
    return lambda works: well if works else gone


def collect(found: Callable[[bool], RunResult], members: Iterable[Member], *, works: Callable[[Member], bool],
            known: bool = True, lab: bool = False, **changes: Any) -> None:
    """A run of each in this window, and one on each of three days before where they are to be known."""
    begun, _ = find_window(datetime.now(UTC))
    for member in members:
        result = found(works(member))
        if known:
            store_history(member, Path("collected"), until=begun)
        run = replace(run_of(member, begun + timedelta(minutes=20), lab=lab), **changes)
        store(as_made_by(result, run), Path("collected"))


def publish(*arguments: str) -> Any:
    return call("feed", "--from", "collected", "--key", "k", "--name", "crowd", "-o", "out", *arguments)


def published() -> Feed:
    key = parse_public_key(Path("k.pub").read_text())
    return verify_feed(SignedFile(document=Path("out/crowd.json").read_bytes(),
                                  signature=Path("out/crowd.json.minisig").read_bytes()), trust_key(key)).feed


def comparable() -> Feed:
    """But for the second in which it was made."""
    return msgspec.structs.replace(published(), made=datetime(2026, 1, 1, tzinfo=UTC))


def everywhere(_: Member) -> bool:
    return True


def test_a_feed_is_made_of_what_volunteers_found(found: Callable[[bool], RunResult]) -> None:
    collect(found, EVERYBODY, works=lambda one: one.cc != "AT")
    result = publish("--json")
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert (told["crowd"]["runs"], told["crowd"]["countries"], told["silent"]) == (20, 10, [])
    (one,) = published().entries
    assert (one.input, one.state, [place.ip for place in one.places]) == (CHAT.input, "ok", [HERE4])
    assert publish().exit_code == 0, "and once more"


def test_an_outage_is_told(found: Callable[[bool], RunResult]) -> None:
    collect(found, EVERYBODY, works=lambda _: False)
    assert publish().exit_code == 0
    assert [one.state for one in published().entries] == ["fails"]


def test_three_forged_volunteers_change_nothing(found: Callable[[bool], RunResult]) -> None:
    """Names of today count for nothing, and three that are known change no word."""
    collect(found, EVERYBODY, works=everywhere)
    assert publish().exit_code == 0
    honest = comparable()
    collect(found, STRANGERS, works=lambda _: False, known=False)
    next(Path().rglob("crowd-crowd.json")).unlink()
    assert publish().exit_code == 0
    assert comparable() == honest


def test_who_belongs_to_it_is_settled_once_a_day(found: Callable[[bool], RunResult]) -> None:
    collect(found, EVERYBODY, works=everywhere)
    assert publish().exit_code == 0
    first = comparable()
    collect(found, volunteers(4, ("US", "VN"), name="late"), works=everywhere)
    assert publish().exit_code == 0
    assert comparable() == first


def test_days_that_were_merged_are_read_alike(found: Callable[[bool], RunResult]) -> None:
    collect(found, EVERYBODY, works=everywhere)
    assert publish().exit_code == 0
    first = comparable()
    compact_days(Path("collected"), today=datetime.now(UTC).date() + timedelta(days=5))
    assert publish().exit_code == 0
    assert comparable() == first


@pytest.mark.parametrize(("changes", "reason"), [({"schema_version": "99"}, "another schema")])
def test_runs_of_another_schema_count_for_nothing(found: Callable[[bool], RunResult], changes: dict[str, Any],
                                                  reason: str) -> None:
    collect(found, EVERYBODY, works=everywhere)
    collect(found, volunteers(1, COUNTRIES, name="w"), works=everywhere, known=False, **changes)
    told = json.loads(publish("--json").stdout)
    assert told["crowd"]["runs_left_out"][reason] == 10


def test_a_run_that_cannot_be_read_takes_no_other_away(found: Callable[[bool], RunResult]) -> None:
    collect(found, EVERYBODY, works=everywhere)
    damaged = max(Path("collected/observations").rglob("*v-AT-0.csv"))
    damaged.write_bytes(damaged.read_bytes()[:-40])
    told = json.loads(publish("--json").stdout)
    assert told["crowd"]["runs"] == 19
    assert sum(told["crowd"]["runs_left_out"].values()) == 1


# ---- silly inputs

def test_laboratory_rows_are_refused(found: Callable[[bool], RunResult]) -> None:
    begun, _ = find_window(datetime.now(UTC))
    for member in volunteers(1):
        store(as_made_by(found(True), run_of(member, begun - timedelta(days=1), lab=True)), Path("collected"))
    result = publish()
    assert result.exit_code == EXIT_FAILED
    assert not Path("out/crowd.json").exists()


def test_folders_that_hold_nothing_are_refused(found: Callable[[bool], RunResult]) -> None:
    assert publish().exit_code == EXIT_USAGE, "there is no such folder"
    Path("collected").mkdir()
    assert publish().exit_code == EXIT_FAILED, "an empty one"
    collect(found, EVERYBODY, works=everywhere, known=False)
    assert publish().exit_code == EXIT_FAILED, "nobody is known"
    assert not Path("out/crowd.json").exists()


def test_too_few_leave_the_last_feed(found: Callable[[bool], RunResult]) -> None:
    collect(found, volunteers(2, COUNTRIES[:2]), works=everywhere)
    assert publish().exit_code == EXIT_FAILED
    assert not Path("out/crowd.json").exists()


@pytest.mark.parametrize("arguments", [("--fast",), ("--small",), ("--deadline-s", "60"), ("--key", "nothing")])
def test_options_that_cannot_be(arguments: tuple[str, ...]) -> None:
    Path("collected").mkdir()
    assert publish(*arguments).exit_code in (EXIT_USAGE, EXIT_FAILED)


def test_the_file_of_members_is_made_anew_where_it_is_none(found: Callable[[bool], RunResult]) -> None:
    collect(found, EVERYBODY, works=everywhere)
    assert publish().exit_code == 0
    (kept,) = Path().rglob("crowd-crowd.json")
    assert kept.stat().st_mode & 0o077 == 0
    kept.write_text("{")
    assert publish().exit_code == 0


# ---- using one

def test_a_crowd_is_named_as_one_and_counts_for_two() -> None:
    path = put_feed(Path(), crowd(well, now=datetime.now(UTC)))
    Path("probe.toml").write_text(f'[[feed]]\nurls = ["{path}"]\nkey = "{OURS.public_line}"\n')
    assert call("update", "feeds").exit_code == 0
    assert {"helper", "two_helpers"} <= set(json.loads(call("doctor", "--json").stdout)["means"])


def test_a_crowd_of_the_future_is_refused() -> None:
    path = put_feed(Path(), crowd(well, now=datetime.now(UTC) + timedelta(days=2)))
    Path("probe.toml").write_text(f'[[feed]]\nurls = ["{path}"]\nkey = "{OURS.public_line}"\n')
    assert call("update", "feeds").exit_code == EXIT_FAILED
    assert not list(Path().rglob("feed-*.signed"))
