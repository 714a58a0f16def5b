"""Each change is told once to each place, in each language, and a suspicion is told as one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from made_site import FEW, NOW, STORY, write_analysis
from probe.store.files.atomic import StoreError
from probe_analysis.alerts.alert_round import MAX_SENT, send_round
from probe_analysis.alerts.alert_state import SentAlerts, read_sent_alerts, write_sent_alerts
from probe_analysis.alerts.alert_targets import AlertTarget, read_targets
from probe_analysis.alerts.alert_texts import Alert, list_alerts
from probe_analysis.pages.language import LANGUAGES, ReportLanguage
from probe_analysis.site.site_gather import gather_site
from probe_analysis.site.site_values import SiteData

DESK, HOOK = (AlertTarget(name=name, url="json://x") for name in ("desk", "hook"))
SECRET = "s3cr3t-t0ken"


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> SiteData:
    return gather_site(write_analysis(tmp_path_factory.mktemp("analysis"), STORY), now=NOW, operators={})


def alert(name: str) -> Alert:
    return Alert(name=name, event="e", sure=True, title=name, text="")


class Post:
    """Takes what is sent, or refuses some of it."""

    def __init__(self, *refused: str) -> None:
        self.taken: list[tuple[str, str]] = []
        self.refused = refused

    def __call__(self, target: AlertTarget, alert: Alert) -> bool:
        if target.name in self.refused or alert.name in self.refused:
            return False
        self.taken.append((target.name, alert.name))
        return True


def play(already_sent: SentAlerts, alerts: str, post: Post, *, others: str = "",
         targets: tuple[AlertTarget, ...] = (DESK,)) -> SentAlerts:
    """One round over alerts called by letters; what is kept afterwards."""
    kept: list[SentAlerts] = [already_sent]
    send_round([alert(name) for name in alerts], frozenset(others), targets, already_sent, post, kept.append)
    return dict(kept[-1])


def test_what_is_known_when_a_place_is_added_counts_as_told_and_what_comes_is_told_once() -> None:
    post = Post()
    already_sent = play({}, "ab", post)
    assert post.taken == []
    already_sent = play(already_sent, "abcd", post)
    already_sent = play(already_sent, "abcd", post)
    assert post.taken == [("desk", "c"), ("desk", "d")]
    already_sent = play(already_sent, "abcd", post, targets=(DESK, HOOK))
    play(already_sent, "abcde", post, targets=(DESK, HOOK))
    assert post.taken[2:] == [("desk", "e"), ("hook", "e")]


def test_a_place_that_fails_gets_the_same_first_and_holds_up_nobody() -> None:
    already_sent = play({}, "", Post(), targets=(DESK, HOOK))
    post = Post("b")
    already_sent = play(already_sent, "abc", post, targets=(DESK,))
    assert post.taken == [("desk", "a")]
    post = Post("desk")
    already_sent = play(already_sent, "abc", post, targets=(DESK, HOOK))
    assert post.taken == [("hook", name) for name in "abc"]
    post = Post()
    play(already_sent, "abc", post, targets=(DESK, HOOK))
    assert post.taken == [("desk", "b"), ("desk", "c")]


def test_what_is_not_wanted_counts_as_told_whatever_is_wanted_later() -> None:
    post = Post()
    already_sent = play({}, "a", post, others="x")
    already_sent = play(already_sent, "ab", post, others="xy")
    play(already_sent, "abxyz", post)
    assert post.taken == [("desk", "b"), ("desk", "z")]


def test_a_flood_comes_in_portions_and_nothing_is_lost() -> None:
    names = [f"n{number:03}" for number in range(MAX_SENT + 5)]
    already_sent, post = play({}, "", Post()), Post()
    for _ in range(3):
        kept: list[SentAlerts] = [already_sent]
        send_round([alert(name) for name in names], frozenset(), (DESK,), already_sent, post, kept.append)
        already_sent = dict(kept[-1])
    assert [name for _, name in post.taken] == names


def test_the_state_is_kept_whole_and_a_foreign_one_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "alerts.json"
    assert read_sent_alerts(path) == {}
    write_sent_alerts(path, {"desk": frozenset("ab")})
    assert read_sent_alerts(path) == {"desk": frozenset("ab")}
    assert path.stat().st_mode & 0o077 == 0
    assert [one.name for one in tmp_path.iterdir()] == ["alerts.json"]
    for torn in ("", "{", "[]", '{"format": 9, "told": {}}', '{"format": 1, "told": {"desk": 3}}'):
        path.write_text(torn)
        with pytest.raises(StoreError, match="no list"):
            read_sent_alerts(path)


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_language_says_what_is_a_suspicion_and_nobodys_deed(data: SiteData, language: str) -> None:
    say = ReportLanguage(language)
    alerts = list_alerts(data, data.events, say, "https://site.example/")
    assert len(alerts) == len({one.name for one in alerts}) == sum(len(event.changes) for event in data.events)
    keys = {event.key: event for event in data.events}
    hedge = say("alert.suspicion", title="").strip()
    for one in alerts:
        assert (hedge in one.title) == (keys[one.event].finding.status != "confirmed")
        assert say("alert.who") in one.text
        assert one.text.endswith(f"https://site.example/event/{one.event}.html")
        assert str(FEW) not in one.text
    assert [one.sure for one in alerts if one.event == "2025-03-11-ru-signal"] == [False]


def test_names_stay_and_tell_revisions_apart(data: SiteData) -> None:
    english, *others = (list_alerts(data, data.events, ReportLanguage(code), "") for code in LANGUAGES)
    names = [one.name for one in english]
    assert all([one.name for one in alerts] == names for alerts in others)


def test_made_up_data_say_so_first(data: SiteData) -> None:
    (first, *_) = list_alerts(replace(data, lab=True), data.events, ReportLanguage("en"), "")
    assert first.title.startswith("Made-up data.")


# places

def places(tmp_path: Path, text: str, mode: int = 0o600) -> Path:
    path = tmp_path / "places"
    path.write_text(text)
    path.chmod(mode)
    return path


def test_a_file_of_places_is_read(tmp_path: Path) -> None:
    found = read_targets(places(tmp_path, f"# ours\n\ndesk mailtos://u:{SECRET}@example.org\nhook\tjson://x\n".replace(
        "\t", " ")))
    assert [one.name for one in found] == ["desk", "hook"]
    assert SECRET not in repr(found)


@pytest.mark.parametrize("line", [
    "desk", f"desk exec://{SECRET}", f"desk file:///{SECRET}", f"desk json://{SECRET} and more", f"../x json://{SECRET}",
    f"desk json://{SECRET}\ndesk json://{SECRET}", "", f"desk {SECRET}", "desk json://",
])
def test_a_line_that_is_none_is_refused_and_not_repeated(tmp_path: Path, line: str) -> None:
    with pytest.raises(StoreError) as refused:
        read_targets(places(tmp_path, line + "\n"))
    assert SECRET not in str(refused.value)


def test_a_file_that_others_may_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="chmod 600"):
        read_targets(places(tmp_path, "desk json://x\n", 0o640))
