"""A correction, from the command to every output: ledger, page, feed, JSON, alert and old bundle."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from click.testing import CliRunner

from made_cells import at, quiet, struck
from made_site import STORY, write_analysis
from probe.cli.main import cli
from probe.core.stamps import format_time
from probe.store.files.atomic import StoreError
from probe_analysis.alerts.alert_texts import list_alerts
from probe_analysis.cli.correct import correct
from probe_analysis.events.corrections import Correction, list_concerning, read_corrections, write_line
from probe_analysis.events.event_detection import detect_events
from probe_analysis.events.event_json import event_to_row
from probe_analysis.events.event_log import RETRACTED, LogRow, list_current, retract_event, update_log
from probe_analysis.pages.language import LANGUAGES, ReportLanguage
from probe_analysis.site.event_states import STATES
from probe_analysis.site.make_site import SiteWish, list_orders
from probe_analysis.site.site_gather import gather_site
from probe_analysis.site.site_shell import SiteFrame
from probe_analysis.site.site_values import SiteData

KEY = "2025-03-11-ru-telegram"
HOSTILE = '<script>alert(1)</script> & "quoted" \x1b[2J'
HEAD = SiteFrame(name="Test", address="https://site.example/", lab=False, contact="desk@example.org")
BLOCKED = range(300, 340)


def say(folder: Path, kind: str, text: str = "An outage.", event: str = KEY, **options: str) -> Any:
    words = [word for name, value in {"kind": kind, "by": "Example Telecom", "text": text, **options}.items()
             for word in (f"--{name}", value)]
    return CliRunner().invoke(correct, [event, str(folder), *words])


def gather(folder: Path) -> SiteData:
    return gather_site(folder, now=datetime.now(UTC) + timedelta(minutes=1), operators={})


def make_files(data: SiteData) -> dict[str, str]:
    return {name: content.decode() for order in list_orders(data, SiteWish(head=HEAD, png=False))
            for name, content in order.make().items() if not name.endswith(".png")}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_analysis(tmp_path / "analysis", STORY)


def test_a_reply_stands_everywhere_and_changes_no_state(folder: Path) -> None:
    before = json.loads(make_files(gather(folder))["events.json"])
    assert say(folder, "reply", HOSTILE, link="https://example.org/statement").exit_code == 0
    files = make_files(gather(folder))
    found = json.loads(files["events.json"])
    jsonschema.validate(found, json.loads(files["events.schema.json"]))
    (event,) = [one for one in found["events"] if one["key"] == KEY]
    assert [(one["kind"], one["text"]) for one in event["corrections"]] == [("reply", HOSTILE)]
    assert event["state"] == next(one["state"] for one in before["events"] if one["key"] == KEY)
    for name in (f"event/{KEY}.html", "corrections.html", "all.atom"):
        assert "&lt;script&gt;" in files[name]
        assert "<script>alert" not in files[name]
        assert "\x1b" not in files[name]
    assert "https://example.org/statement" in files["all.feed.json"]


def test_a_retraction_reaches_page_feed_alert_and_ledger(folder: Path) -> None:
    assert say(folder, "retraction").exit_code == 0
    data = gather(folder)
    files = make_files(data)
    (event,) = [one for one in json.loads(files["events.json"])["events"] if one["key"] == KEY]
    assert (event["state"], event["established"], event["changes"][-1]["change"]) == ("retracted", False, RETRACTED)
    assert STATES["retracted"] in files[f"event/{KEY}.html"]
    assert f"event/{KEY}.html" in json.loads(files["all.feed.json"])["items"][0]["url"]
    shown = next(one for one in data.events if one.key == KEY)
    for code in LANGUAGES:
        assert len(list_alerts(data, [shown], ReportLanguage(code), HEAD.address)) == 2
    last = [json.loads(line) for line in (folder / "events.jsonl").read_text().splitlines()][-1]
    assert (last["event_id"], last["change"], last["revision"]) == ("a", RETRACTED, 2)
    assert say(folder, "retraction").exit_code == 1  # it is told no more


def test_each_event_says_where_a_mistake_is_reported(folder: Path) -> None:
    files = make_files(gather(folder))
    pages = [name for name in files if name.startswith("event/") and name.endswith(".html")]
    assert pages
    for name in pages:
        assert f"mailto:desk@example.org?subject=Wrong%3A%20{Path(name).stem}" in files[name]


@pytest.mark.parametrize(("event", "options"), [
    ("nobody", {}), (KEY, {"by": " "}), (KEY, {"text": "x" * 2001}), (KEY, {"link": "http://example.org/"}),
    (KEY, {"link": "javascript:alert(1)"}), (KEY, {"link": 'https://example.org/"onclick'}),
    ("f", {"kind": "retraction"}),
])
def test_what_cannot_be_is_refused_and_writes_nothing(event: str, options: dict[str, str], folder: Path) -> None:
    before = sorted((path.name, path.read_bytes()) for path in folder.iterdir())
    found = say(folder, **{"kind": "reply", "event": event, **options})
    assert found.exit_code == 1
    assert found.output.startswith("Error: ")
    assert sorted((path.name, path.read_bytes()) for path in folder.iterdir()) == before


@pytest.mark.parametrize("line", [b"", b"null", b"{}", b'{"event_id": 1}', b"\xff"])
def test_a_file_of_corrections_that_is_none_is_refused(line: bytes, folder: Path) -> None:
    (folder / "corrections.jsonl").write_bytes(line + b"\n")
    with pytest.raises(StoreError, match="line 1"):
        gather(folder)


def told(blocked: range, asns: tuple[int, ...] = ()) -> list[LogRow]:
    table = struck(quiet(), blocked, asns=asns) if asns else struck(quiet(), blocked)
    return [event_to_row(event, {}) for event in detect_events(table)]


@pytest.fixture(scope="module")
def log() -> list[LogRow]:
    """A block that was found, and retracted."""
    found = update_log([], told(BLOCKED), at(350))
    (known,) = list_current(found).values()
    return [*found, retract_event(known, at(360))]


def test_what_was_retracted_is_not_told_again(log: list[LogRow]) -> None:
    assert update_log(log, told(BLOCKED), at(500)) == []
    assert update_log(log, [], at(500)) == []


def test_pieces_of_it_are_not_told_either(log: list[LogRow]) -> None:
    (row,) = told(BLOCKED)
    halves = [{**row, "event_id": "x", "end_from": format_time(at(310))}, row]
    assert update_log(log, halves, at(500)) == []


def test_a_block_at_another_time_is_told(log: list[LogRow]) -> None:
    rows = update_log(log, told(range(420, 460)), at(500))
    assert [row["change"] for row in rows] == ["new"]
    assert rows[0]["event_id"] != log[0]["event_id"]


def test_more_networks_or_more_failures_are_told_under_another_name(log: list[LogRow]) -> None:
    (row,) = told(BLOCKED)
    weak = {**log[-1], "strength": 0.4}
    for rows in (update_log(log, told(BLOCKED, asns=(64501, 64502)), at(500)), update_log([weak], [row], at(500))):
        assert [one["change"] for one in rows] == ["new"]
        assert rows[0]["event_id"] not in {one["event_id"] for one in log}


def test_a_correction_concerns_what_shares_place_service_and_time() -> None:
    one = Correction(event_id="a", kind="reply", by="x", text="y", logged_at="2026-03-09T00:00:00Z", lab=False,
                     place="RU", service="signal", onset="2026-03-01T00:00:00Z", end="2026-03-02T00:00:00Z")
    asked: dict[str, Any] = {"service": "signal", "place": "RU", "lab": False, "end": datetime(2026, 3, 3, tzinfo=UTC),
                             "begin": datetime(2026, 3, 1, tzinfo=UTC)}
    assert list_concerning([one], **asked) == [one]
    for other in ({"service": "wechat"}, {"place": "DE"}, {"lab": True}, {"begin": datetime(2026, 3, 3, tzinfo=UTC)},
                  {"end": datetime(2026, 2, 28, tzinfo=UTC)}):
        assert list_concerning([one], **asked | other) == []


def test_an_old_bundle_verifies_and_says_that_it_was_corrected(tmp_path: Path) -> None:
    counts, bundle, file = tmp_path / "c.csv", tmp_path / "b.zip", tmp_path / "corrections.jsonl"
    counts.write_text("time,network,target,n,failed\n" + "".join(
        f"2026-03-{day:02}T{hour:02}:00:00Z,{cc}-AS{asn},signal,20,{20 if cc == 'RU' and day > 14 else 0}\n"
        for day in range(1, 22) for hour in range(24) for cc, asn in (("RU", 1), ("RU", 2), ("DE", 3))))
    call = ["look", "signal", "RU", "--counts", str(counts), "--bundle", str(bundle), "--json"]
    assert CliRunner().invoke(cli, call).exit_code == 0
    later = datetime.now(UTC) + timedelta(hours=1)
    one = Correction(event_id="a", kind="retraction", by="The editors", text="A defect.", lab=False, place="RU",
                     service="signal", logged_at=f"{later:%Y-%m-%dT%H:%M:%SZ}", onset="2026-03-15T00:00:00Z",
                     end="2026-03-20T00:00:00Z")
    file.write_bytes(write_line(one))
    assert read_corrections(file) == (one,)
    found = CliRunner().invoke(cli, ["look", "--verify", str(bundle), "--corrections", str(file), "--json"])
    assert found.exit_code == 0, found.output
    said = json.loads(found.output)
    assert (said["same"], [each["text"] for each in said["corrected_since"]]) == (True, ["A defect."])
    without = CliRunner().invoke(cli, ["look", "--verify", str(bundle), "--json"])
    assert json.loads(without.output)["corrected_since"] == []
