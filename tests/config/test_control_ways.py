"""Controls out of the box: what a set-up offers, takes, refuses and writes."""

from __future__ import annotations

from pathlib import Path

import pytest

from probe.config.consent.consent_check import explain_lacking_consent
from probe.config.consent.control_ways import WAYS, list_ways_in_use, load_default_feeds
from probe.config.settings import FeedSettings, Settings, load_settings
from probe.core.tables.consent_words import TEXT_NUMBER
from probe.upkeep.commands.exit_codes import EXIT_FAILED, EXIT_USAGE
from signed import OTHERS, OURS
from update_world import call, settle

URL, OTHER = "https://feed.example/de-1.json", "https://other.example/crowd.json"
AGREE = ("setup", "--agree", str(TEXT_NUMBER), "--country", "DE", "--results", "out")
OWN = '[run]\nresults = "/srv"\n\n[[helper]]\nid = "a"\nurl = "https://helper.example/"  # mine\n'


@pytest.fixture(autouse=True)
def home(in_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    settle(in_folder, monkeypatch)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(in_folder / "config"))
    monkeypatch.setattr("probe.instruments.device.own_addresses.list_own_addresses", lambda: ())
    monkeypatch.setattr("probe.instruments.device.tunnels.detect_tunnel", lambda: "")
    monkeypatch.setattr("probe.config.settings.SEARCH_PATHS", ("$XDG_CONFIG_HOME/probe/probe.toml",))
    return in_folder


def feed(url: str = URL, key: str = OURS.public_line) -> tuple[str, str, str]:
    return "--feed", key, url


def test_a_feed_is_added_shown_and_agreed_to(home: Path) -> None:
    result = call(*AGREE, *feed())
    assert result.exit_code == 0, result.output
    settings = load_settings()
    assert settings.feed == (FeedSettings(urls=(URL,), key=OURS.public_line),)
    assert settings.consent
    assert URL in settings.consent.to
    assert explain_lacking_consent(settings) == ""
    assert URL in call("setup", "--show", *feed()).output
    assert list_ways_in_use(settings) == ("feed",)


def test_what_is_there_stays_and_nothing_comes_twice(home: Path) -> None:
    there = f'[[feed]]\nurls = ["{URL}"]  # the first\nkey = "{OURS.public_line}"\n'
    Path("probe.toml").write_text(f"{OWN}\n{there}")
    arguments = (*AGREE, "--config", "probe.toml", *feed(), *feed(OTHER, OTHERS.public_line),
                 "--helper", "https://helper.example/", "--helper", "https://new.example/")
    for _ in range(2):
        assert call(*arguments).exit_code == 0
    settings = load_settings("probe.toml")
    assert [one.urls for one in settings.feed] == [(URL,), (OTHER,)]
    assert [one.url for one in settings.helper] == ["https://helper.example/", "https://new.example/"]
    assert "# the first" in Path("probe.toml").read_text()


@pytest.mark.parametrize(("option", "word"), [("--globalping", "globalping"), ("--ooni-helpers", "ooni")])
def test_public_networks_are_off_until_somebody_says_so(home: Path, option: str, word: str) -> None:
    assert call(*AGREE).exit_code == 0
    assert list_ways_in_use(load_settings()) == ()
    assert call(*AGREE, option).exit_code == 0
    assert list_ways_in_use(load_settings()) == (word,)
    assert call(*AGREE).exit_code == 0, "what is not said stays"
    assert list_ways_in_use(load_settings()) == (word,)
    assert call(*AGREE, option.replace("--", "--no-")).exit_code == 0
    assert list_ways_in_use(load_settings()) == ()


@pytest.mark.parametrize("cc", ["RU", "BY", "ZZ", "CN"])
@pytest.mark.parametrize("option", ["--globalping", "--ooni-helpers"])
def test_they_are_refused_where_they_could_harm(home: Path, cc: str, option: str) -> None:
    result = call("setup", "--agree", str(TEXT_NUMBER), "--country", cc, option)
    assert result.exit_code == EXIT_FAILED
    assert not list(home.rglob("*.toml"))


@pytest.mark.parametrize("arguments", [
    feed(key="RWQ"), feed(key=""), feed(url="http://feed.example/de-1.json"), feed(url="https://feed.example/x?y=1"),
    ("--helper", "http://helper.example/"), ("--helper", "helper"), ("--helper", "https://a:b@helper.example/"),
    ("--helper", "https://[x/"),
])
def test_controls_that_cannot_be_are_refused(home: Path, arguments: tuple[str, ...]) -> None:
    result = call(*AGREE, *arguments)
    assert (result.exit_code, type(result.exception)) == (EXIT_FAILED, SystemExit), result.output
    assert not list(home.rglob("*.toml"))
    assert call(*AGREE, "--feed", "RWQ").exit_code == EXIT_USAGE


@pytest.mark.parametrize("text", ["feeds = [[]]", 'feeds = [["RWQ"]]', 'feeds = ["RWQ"]', 'helpers = "x"',
                                  'globalping = "yes"', f'feeds = [["{OURS.public_line}"]]'])
def test_files_of_answers_that_cannot_be_are_refused(home: Path, text: str) -> None:
    Path("a.txt").write_text(f'agree = {TEXT_NUMBER}\ncountry = "DE"\n{text}\n')
    assert call("setup", "--answers", "a.txt").exit_code == EXIT_FAILED
    assert not list(home.rglob("*.toml"))


def test_a_conversation_asks_until_no_more_are_wanted(home: Path) -> None:
    wanted = ("feed", f"feed RWQ {URL}", f"feed {OURS.public_line} {URL}", "pigeons", "globalping",
              "helper https://new.example/", "-")
    said = "\n".join(("DE", "n", "", *wanted, "n", "c", "a", "b", "y", "1", "0", "unknown", "none", "-", "out", ""))
    result = call("setup", said=said)
    assert result.exit_code == 0, result.output
    assert list_ways_in_use(load_settings()) == ("feed", "helper", "globalping")
    assert all(way.tells in result.output for way in WAYS.values()), "whoever chooses knows whom it tells what"


def test_feeds_of_the_package_are_taken_once_and_can_be_left(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert load_default_feeds() == (), "nobody runs one yet"
    packaged = FeedSettings(urls=(OTHER,), key=OTHERS.public_line)
    monkeypatch.setattr("probe.config.consent.setup_answers.load_default_feeds", lambda: (packaged,))
    assert OTHER in call("setup", "--show").output, "what will be asked is told before"
    assert call(*AGREE).exit_code == 0
    assert load_settings().feed == (packaged,)
    file = Path(load_settings().path)
    file.write_text(file.read_text().partition("[[feed]]")[0])
    assert call(*AGREE).exit_code == 0, "who took it out keeps it out"
    assert load_settings().feed == ()
    file.unlink()
    Path("a.txt").write_text(f'agree = {TEXT_NUMBER}\ncountry = "DE"\nresults = "out"\nfeeds = []\n')
    assert call("setup", "--answers", "a.txt").exit_code == 0
    assert load_settings().feed == Settings().feed
