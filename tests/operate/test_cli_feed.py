"""`probe feed`, `probe update feeds`, and what run, doctor and status make of control feeds; nothing is measured."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from feeds_made import entry, feed, put_feed
from in_order import in_order
from observations import HERE4, REFUSED, endpoint
from probe.catalogue.types import Catalogue
from probe.config.consent.consent_check import (
    describe_destinations,
    explain_lacking_consent,
    list_destinations,
    make_consent,
)
from probe.config.settings import FeedSettings, Settings, load_settings
from probe.controls.feeds.feed_board import FeedBoard
from probe.controls.feeds.feed_document import Feed
from probe.core.endpoints import Endpoint
from probe.core.runs import RunResult
from probe.session.run_plan import RunPlan
from probe.upkeep.commands.exit_codes import EXIT_FAILED, EXIT_LOCKED, EXIT_NO_CONSENT, EXIT_NO_NETWORK, EXIT_USAGE
from probe.upkeep.commands.run_lock import hold_run_lock
from probe.upkeep.updates.feed_updates import verify_feed
from probe.upkeep.updates.key_trust import trust_key
from probe.upkeep.updates.minisign import parse_public_key
from probe.upkeep.updates.signed_file import SignedFile
from probe_operate.feeds.feed_left_out import BY_PLACE, NO_TURN
from signed import OTHERS, OURS
from test_feed_learn import measured, net
from update_world import call, settle

Cuts = dict[str, tuple[str, str]]


@pytest.fixture(autouse=True)
def home(in_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    settle(in_folder, monkeypatch)
    monkeypatch.setattr("probe_operate.cli.feed.explain_refusal", lambda *_, **__: "")
    return in_folder


def configure(*lines: str, cc: str = "DE", asn: int = 64510) -> None:
    Path("probe.toml").write_text("\n".join((*lines, f'[vantage]\ncc = "{cc}"\nasn = {asn}', "")))


def table(path: Path | str, signer: Any = OURS) -> str:
    return f'[[feed]]\nurls = ["{path}"]\nkey = "{signer.public_line}"'


@pytest.fixture
def sees(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[tuple[Settings, RunPlan]]]:
    """Let runs see a made-up network, and remember how they were to be made."""
    made: list[tuple[Settings, RunPlan]] = []

    def become(cuts: Cuts | None = None, of: tuple[Endpoint, ...] = (), **run: Any) -> list[tuple[Settings, RunPlan]]:
        members = of or tuple(endpoint(f"https://chat.example:{4430 + n}/", target_id=f"chat.web.n{n}")
                              for n in range(6))

        def make_run(catalogue: Catalogue, settings: Settings, plan: RunPlan, **_: Any) -> RunResult:
            made.append((settings, plan))
            start = datetime.now(UTC) + timedelta(hours=len(made))
            result, _known = measured(net(cuts), *members)
            return replace(result, run=replace(
                result.run, measurement_start_time=start.strftime("%Y-%m-%dT%H:%M:%SZ"), **run))

        known = measured(net(), *members)[1]
        monkeypatch.setattr("probe.session.make_run.make_run", make_run)
        monkeypatch.setattr("probe.upkeep.commands.target_list.choose_catalogue",
                            lambda *_, **__: type("C", (), {"catalogue": known}))
        return made

    return become


def publish(*arguments: str, key: str = "k") -> Any:
    if not Path(key).exists():
        assert call("feed", "--new-key", key).exit_code == 0
    return call("feed", "--key", key, "--name", "de-1", "-o", "out", *arguments)


def published() -> Feed:
    key = parse_public_key(Path("k.pub").read_text())
    return verify_feed(SignedFile(document=Path("out/de-1.json").read_bytes(),
                                  signature=Path("out/de-1.json.minisig").read_bytes()), trust_key(key)).feed


# ---- making one

def test_a_key_is_made_and_said_how_to_be_used() -> None:
    result = call("feed", "--new-key", "k")
    assert result.exit_code == 0
    assert parse_public_key(Path("k.pub").read_text()).text in result.output
    again = call("feed", "--new-key", "k")
    assert again.exit_code == EXIT_FAILED
    assert "never overwritten" in again.output


@pytest.mark.parametrize(("arguments", "told"), [
    ((), "--new-key"), (("--key", "k", "--name", "de-1"), "--new-key"),
    (("--key", "k", "--name", "DE 1", "-o", "out"), "de-1"), (("--every", "5"), "every"),
    (("--key", "none", "--name", "de-1", "-o", "out"), "--new-key"),
    (("--key", "k", "--name", "de-1", "-o", "out", "--upload"), "upload.to"),
])
def test_what_is_missing_is_told(arguments: tuple[str, ...], told: str) -> None:
    configure()
    call("feed", "--new-key", "k")
    result = call("feed", *arguments)
    assert result.exit_code in (EXIT_USAGE, EXIT_FAILED)
    assert told in result.output
    assert not Path("out").exists()


def test_a_place_that_is_not_told_publishes_nothing() -> None:
    configure(cc="ZZ")
    result = publish()
    assert result.exit_code == EXIT_USAGE
    assert "[vantage]" in result.output


def test_nothing_is_measured_without_consent(monkeypatch: pytest.MonkeyPatch) -> None:
    configure()
    monkeypatch.setattr("probe_operate.cli.feed.explain_refusal", lambda *_, **__: "Nobody has agreed.")
    assert publish().exit_code == EXIT_NO_CONSENT


def test_a_feed_is_written_signed_and_told_of(sees: Callable[..., Any]) -> None:
    configure('[[helper]]\nid = "h"\nurl = "https://h.example/"', table("x.json"))
    made = sees()
    result = publish()
    assert result.exit_code == 0, result.output
    found = published()
    assert (found.name, found.asn, found.cc, len(found.entries)) == ("de-1", 64510, "DE", 6)
    assert "6 of 6" in result.output
    assert all(path.stat().st_mode & 0o777 == 0o644 for path in Path("out").glob("de-1*"))
    assert Path("out").stat().st_mode & 0o777 == 0o755
    settings, plan = made[0]
    assert (settings.helper, settings.feed, plan.tier, plan.transfers) == ((), (), 3, False), "nobody else is asked"
    assert not Path("results").exists()


def test_what_is_new_is_told_in_words_and_in_json(sees: Callable[..., Any]) -> None:
    configure()
    sees()
    publish()
    some = tuple(endpoint(f"https://chat.example:{4430 + n}/", target_id=f"chat.web.n{n}") for n in range(5))
    broken = endpoint("https://broken.example/", target_id="chat.web.b")
    sees(of=(*some, broken))
    result = publish()
    assert in_order(result.output, "Changed", ": 2", "https://broken.example/")
    sees(of=(*some, broken), cuts={HERE4: ("connect", REFUSED)})
    result = publish("--force", "--json")
    told = json.loads(result.output)
    assert (told["published"], told["ok"], len(told["silent"])) == (True, 0, 6)
    assert {change["kind"] for change in told["changes"]} == {"fails"}
    assert ": 6\n" in publish("--force").output


@pytest.mark.parametrize(("world", "arguments", "status", "why"), [
    ({"outcome": "local", "block_type": "local.offline"}, (), EXIT_NO_NETWORK, "not well (local.offline)"),
    ({"cuts": {HERE4: ("connect", REFUSED)}}, (), EXIT_FAILED, "rather the fault of this place"),
])
def test_where_this_place_is_at_fault_the_last_feed_stays(
        sees: Callable[..., Any], world: dict[str, Any], arguments: tuple[str, ...], status: int, why: str) -> None:
    configure()
    sees()
    publish()
    before = published()
    sees(**world)
    result = publish(*arguments)
    assert (result.exit_code, why in result.stderr, published()) == (status, True, before)
    assert json.loads(publish("--json").stdout)["published"] is False


def test_a_feed_that_somebody_else_signed_is_no_last_one(sees: Callable[..., Any]) -> None:
    configure()
    Path("out").mkdir()
    put_feed(Path("out"), feed(entry("https://gone.example/")), signer=OTHERS)
    sees()
    assert "Changed" not in publish().output


def test_it_is_uploaded_where_the_person_says(sees: Callable[..., Any]) -> None:
    Path("place").mkdir()
    configure(f'[upload]\nto = "file://{Path("place").absolute()}"')
    sees()
    result = publish("--upload")
    assert result.exit_code == 0, result.output
    assert Path("place/feeds/de-1.json").read_bytes() == Path("out/de-1.json").read_bytes()
    assert Path("place/feeds/de-1.json.minisig").exists()
    Path("place").rename("away")
    result = publish("--upload")
    assert result.exit_code == EXIT_FAILED
    assert str(Path("place").absolute()) in result.output


def test_what_had_no_turn_is_told_in_words_and_in_json(
        sees: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    configure()
    sees(of=(endpoint(),))
    late = endpoint("https://late.example/", target_id="late.web.main")
    placed = endpoint("https://store.example/{cc}/app", target_id="a.store.ios")
    known = measured(net(), endpoint())[1]
    monkeypatch.setattr("probe.upkeep.commands.target_list.choose_catalogue", lambda *_, **__: type("C", (), {
        "catalogue": replace(known, endpoints=(*known.endpoints, late, placed))}))
    told = json.loads(publish("--json").output)
    assert (told["entries"], told["runtime_s"], told["without_page"]) == (1, 120.0, [])
    assert told["left_out"] == {NO_TURN: [late.input], BY_PLACE: [placed.input]}
    words = publish().output
    assert in_order(words, NO_TURN, ": 1", late.input)
    assert in_order(words, ": 1", BY_PLACE)
    assert in_order(words, "1 of 1", "120 s")


def test_a_schedule_goes_on_after_what_goes_wrong_once(
        sees: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    Path("place").mkdir()
    configure(f'[upload]\nto = "file://{Path("place").absolute()}"')
    made = sees()
    waits: list[float] = []
    meanwhile = iter((lambda: Path("place").rename("away"), lambda: Path("away").rename("place")))

    def wait(seconds: float) -> None:
        waits.append(seconds)
        if (happens := next(meanwhile, None)) is None:
            raise KeyboardInterrupt
        happens()

    monkeypatch.setattr("probe_operate.cli.feed.time", SimpleNamespace(sleep=wait, monotonic=lambda: sum(waits)))
    result = publish("--upload", "--every", "20", "--json")
    assert result.exit_code == 0, result.output
    assert in_order(result.stderr, str(Path("place").absolute()), "Stopped")
    assert len(made) == 3
    told = [json.loads(line)["entries"] for line in result.stdout.splitlines()]
    assert told == [6, 6, 6], "what is new is told all the same"
    assert Path("place/feeds/de-1.json").read_bytes() == Path("out/de-1.json").read_bytes()
    assert waits == [1200.0] * 3


def test_two_do_not_write_one_folder(sees: Callable[..., Any]) -> None:
    configure()
    sees()
    with hold_run_lock(Path("out").absolute()):
        assert publish().exit_code == EXIT_LOCKED


# ---- using one

def fresh(**changes: Any) -> Feed:
    return feed(made=datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=5), **changes)


def test_feeds_are_fetched_by_hand(home: Path) -> None:
    configure()
    result = call("update", "feeds")
    assert (result.exit_code, "[[feed]]" in result.output) == (EXIT_USAGE, True)
    configure(table(put_feed(home, fresh())), table(home / "none.json"))
    result = call("update", "feeds")
    assert result.exit_code == EXIT_FAILED
    assert in_order(result.output, "de-1", "AS64510", "DE", "5 minutes", "1 endpoint")
    assert str(home / "none.json") in result.stderr
    found = json.loads(call("update", "feeds", "--json").stdout)
    assert [(one["name"], one["entries"], bool(one["failure"])) for one in found] == [
        ("de-1", 1, False), (None, 0, True)]


@pytest.fixture
def boards(monkeypatch: pytest.MonkeyPatch) -> list[FeedBoard | None]:
    """What runs consult."""
    found: list[FeedBoard | None] = []

    def make_run(*_: Any, board: FeedBoard | None, **__: Any) -> RunResult:
        found.append(board)
        return measured(net())[0]

    monkeypatch.setattr("probe.session.make_run.make_run", make_run)
    return found


def test_a_run_looks_for_feeds_and_consults_them(home: Path, boards: list[FeedBoard | None]) -> None:
    path = put_feed(home, fresh())
    configure(table(path))
    assert call("run", "--fast", "--no-parquet").exit_code == 0
    assert boards[0] is not None
    assert boards[0].ids == ("feed-de-1",)
    path.unlink()
    result = call("run", "--fast", "--no-parquet", "--results", "b")
    assert (result.exit_code, result.stderr) == (0, ""), "it is not looked for again at once"
    assert boards[1] == boards[0]


def test_a_run_is_made_without_a_feed_and_says_so(home: Path, boards: list[FeedBoard | None]) -> None:
    configure(table(put_feed(home, fresh(), signer=OTHERS)))
    result = call("run", "--fast", "--no-parquet")
    assert result.exit_code == 0
    assert in_order(result.stderr, "control feed", "probe update feeds")
    assert boards == [None]
    configure('[[feed]]\nurls = ["x"]\nkey = "RW"')
    result = call("run", "--fast", "--no-parquet")
    assert (result.exit_code, in_order(result.output, "feed", "1", "key")) == (EXIT_FAILED, True)


def test_without_feeds_nothing_is_looked_for_or_said(boards: list[FeedBoard | None], home: Path) -> None:
    configure()
    assert call("run", "--fast", "--no-parquet").stderr == ""
    assert boards == [None]
    assert not list(home.glob(".local/state/probe/feed*"))
    assert "control feed" not in call("doctor").output + call("status", "--details").output


def test_the_doctor_counts_what_counts_now(home: Path) -> None:
    def means() -> set[str]:
        return set(json.loads(call("doctor", "--json").stdout)["means"])

    one, two = put_feed(home, fresh()), put_feed(home, fresh(name="us-1", asn=64520, cc="US"))
    configure(table(one), table(two))
    assert not {"helper", "two_helpers"} & means()
    assert "0 of 2" in call("doctor").output
    call("update", "feeds")
    assert means() >= {"helper", "twin", "two_helpers"}
    assert in_order(call("doctor").output, "de-1", "AS64510", "DE", "5 minutes old")
    assert "5 minutes old" in call("status", "--details").output
    configure(table(one))
    assert "two_helpers" not in means()
    configure(table(one), '[[helper]]\nid = "h"\nurl = "https://h.example/"\nasn = 7\ncc = "NL"')
    assert "two_helpers" in means()


def test_an_old_feed_counts_for_nothing_and_status_says_why(home: Path) -> None:
    path = put_feed(home, feed(made=datetime.now(UTC).replace(microsecond=0) - timedelta(hours=5)))
    configure(table(path))
    call("update", "feeds")
    assert "helper" not in json.loads(call("doctor", "--json").stdout)["means"]
    found = [line for line in call("status", "--details").output.splitlines() if "control feed" in line]
    assert "5 hours old" in found[0]
    assert "too old" in found[0]
    configure('[[feed]]\nurls = ["x"]\nkey = "RW"')
    assert "BAD   control feed" in call("status", "--details").output
    assert "BAD  control feed" in call("doctor").output


def test_feeds_are_kept_where_a_unit_may_write_and_forgotten_with_the_rest(
        home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("probe.cli.install.explain_refusal", lambda *_, **__: "")
    configure(table(put_feed(home, fresh())))
    assert str(home / ".local/state/probe") in call("install", "systemd", "--print").output
    call("update", "feeds")
    assert len(list((home / ".local/state/probe").glob("feed-*"))) == 2
    assert call("forget", "--yes").exit_code == 0
    assert not (home / ".local/state/probe").exists()


def test_whoever_is_asked_for_feeds_is_agreed_to() -> None:
    url, key = "https://feeds.example.org/de-1.json", OURS.public_line
    before = Settings()
    agreed = replace_consent(before)
    asks = Settings(feed=(FeedSettings(urls=(url, "/srv/de-1.json"), key=key),), consent=agreed)
    assert list_destinations(asks) == (url,)
    assert in_order(describe_destinations(asks)[0], "your address", "no names")
    assert url in explain_lacking_consent(asks)
    by_hand = Settings(feed=(FeedSettings(urls=("/srv/de-1.json",), key=key),), consent=agreed)
    assert explain_lacking_consent(by_hand) == ""
    assert explain_lacking_consent(Settings(feed=asks.feed,
                                            consent=make_consent(asks, level=1, today=datetime.now(UTC).date()))) == ""


def replace_consent(settings: Settings) -> Any:
    return make_consent(settings, level=1, today=datetime.now(UTC).date())


@pytest.mark.parametrize("lines", [('urls = []', 'key = "x"'), ('key = "x"',), ('urls = ["x"]',)])
def test_a_table_that_lacks_something_is_told(lines: tuple[str, ...]) -> None:
    configure("[[feed]]", *lines)
    result = call("update", "feeds")
    assert result.exit_code == EXIT_FAILED
    assert "feed" in result.output


def test_a_feed_of_the_settings_is_read() -> None:
    configure(table("de-1.json"))
    assert load_settings().feed == (FeedSettings(urls=("de-1.json",), key=OURS.public_line),)
